//! Requests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{DEFAULT_TIMEOUT, Scope, duration, template, templates, word};
use crate::document::{Either, FileError, OneOrMany, Ordered, Place, Scalar, written};
use crate::scenario::capture::{self, Source};
use crate::scenario::expect;
use crate::scenario::reader::Reader;
use crate::scenario::wire::{AuthWire, HttpWire, PartWire, RetryWire, TlsWire};
use crate::scenario::{Auth, Body, Goal, HttpStep, Part, PartContent, Retry, StatusSet, Tls};

/// The keys of which a request has one at most.
pub(in crate::scenario) const BODIES: [&str; 5] = ["form", "json", "body", "body_file", "multipart"];
const MOST_REDIRECTS: u32 = 20;
const MOST_RETRIES: u32 = 20;

/// Reads a request.
pub(super) fn http(
    place: Place<'_>,
    method: &'static str,
    wire: &HttpWire,
    scope: Scope<'_>,
) -> Result<HttpStep, FileError> {
    let reader = scope.reader;
    let target = GoalWire {
        port: wire.port,
        path: &wire.path,
        tls: wire.tls.as_ref(),
        query: &wire.query,
        headers: &wire.headers,
        cookies: &wire.cookies,
        auth: wire.auth.as_ref(),
    };
    let (path, goal) = target.read(place, scope)?;
    let body = body(place, method, wire, reader)?;
    if let (Body::Multipart(_), Some((at, name, _))) =
        (&body, wire.headers.at(place.key("headers")).find(|(_, name, _)| name.eq_ignore_ascii_case("content-type")))
    {
        let message = format!("the header `{name}` does not go with `multipart`");
        return Err(at.key_error(message, "remove it: slowdrip sets it, with the boundary between the parts"));
    }
    let redirects = wire.redirects.unwrap_or(0);
    if redirects > MOST_REDIRECTS {
        let message = format!("{redirects} redirects are too many to follow");
        return Err(place.key("redirects").error(message, format!("write a number from 0 to {MOST_REDIRECTS}")));
    }
    Ok(HttpStep {
        method,
        path,
        goal,
        body,
        redirects,
        timeout: duration(place, "timeout", wire.timeout.as_ref(), DEFAULT_TIMEOUT)?,
        retry: wire.retry.as_ref().map(|wire| retry(place.key("retry"), wire)).transpose()?,
        capture: capture::captures(place.key("capture"), &wire.capture, Source::Response, reader)?,
        expect: expect::http(place.key("expect"), &wire.expect, reader)?,
    })
}

/// Where a request, a WebSocket or a stream of events goes, as the file says it.
pub(super) struct GoalWire<'w> {
    pub(super) port: Option<u16>,
    pub(super) path: &'w Scalar,
    pub(super) tls: Option<&'w Either<TlsWire>>,
    pub(super) query: &'w Ordered<OneOrMany<Scalar>>,
    pub(super) headers: &'w Ordered<Scalar>,
    pub(super) cookies: &'w Ordered<Scalar>,
    pub(super) auth: Option<&'w AuthWire>,
}

impl GoalWire<'_> {
    /// The path, and where it goes.
    pub(super) fn read(&self, place: Place<'_>, scope: Scope<'_>) -> Result<(String, Goal), FileError> {
        let reader = scope.reader;
        scope.reach.check_port(place, self.port)?;
        let at = place.key("path");
        let path = self.path.at(at).to_owned();
        check_path(at, &path)?;
        reader.template(at, &path)?;
        let mut query = Vec::new();
        for (at, name, values) in self.query.at(place.key("query")) {
            for (at, value) in values.at(at) {
                query.push((name.to_owned(), template(at, value, reader)?));
            }
        }
        let headers = headers(place.key("headers"), self.headers, reader)?;
        let authorized = headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        let auth = match self.auth {
            Some(_) if authorized => {
                let message = "both `auth` and the header `authorization` say who asks";
                return Err(place.key("auth").key_error(message, "keep one of them"));
            }
            Some(auth) => Some(self::auth(place.key("auth"), auth, reader)?),
            None => None,
        };
        let goal = Goal {
            port: self.port,
            tls: self.tls.map(|wire| tls(place.key("tls"), wire, reader)).transpose()?.flatten(),
            query,
            headers,
            cookies: templates(self.cookies.at(place.key("cookies")), reader)?,
            auth,
        };
        Ok((path, goal))
    }
}

fn tls(place: Place<'_>, wire: &Either<TlsWire>, reader: &Reader<'_>) -> Result<Option<Tls>, FileError> {
    let wire = match wire {
        Either::Short(scalar) => {
            return match scalar.at(place) {
                "true" => Ok(Some(Tls { ca: None, verify: true, name: None })),
                "false" => Ok(None),
                other => {
                    let help = "write `tls: true`, or `tls: {ca: FILE}` for a certificate of your own";
                    Err(place.error(format!("{}: `{other}` is neither `true` nor a mapping", place.quoted()), help))
                }
            };
        }
        Either::Long(wire) => wire,
    };
    let ca = wire.ca.as_ref().map(|ca| reader.file_at(place.key("ca"), ca, "of certificates")).transpose()?;
    let name = match &wire.name {
        Some(name) => {
            let at = place.key("name");
            let name = reader.word(at, name)?;
            if name.contains(|c: char| c.is_whitespace() || c.is_control() || "/:@".contains(c)) {
                let help = "write the host's name alone, for example `name: app.example`";
                return Err(at.error(format!("`{name}` cannot be the name of a host"), help));
            }
            Some(name)
        }
        None => None,
    };
    Ok(Some(Tls { ca, verify: wire.verify.unwrap_or(true), name }))
}

fn auth(place: Place<'_>, wire: &AuthWire, reader: &Reader<'_>) -> Result<Auth, FileError> {
    match (&wire.basic, &wire.bearer) {
        (Some(basic), None) => {
            let at = place.key("basic");
            Ok(Auth::Basic {
                user: template(at.key("user"), &basic.user, reader)?,
                password: template(at.key("password"), &basic.password, reader)?,
            })
        }
        (None, Some(token)) => Ok(Auth::Bearer(word(place.key("bearer"), token, reader)?)),
        (Some(_), Some(_)) => Err(place.key_error("a request has one `auth`", "keep one of `basic` and `bearer`")),
        (None, None) => {
            let help = "write `auth: {basic: {user: …, password: …}}` or `auth: {bearer: …}`";
            Err(place.key_error(format!("{} does not say who asks", place.quoted()), help))
        }
    }
}

fn body(place: Place<'_>, method: &str, wire: &HttpWire, reader: &Reader<'_>) -> Result<Body, FileError> {
    let mut keys = place.keys().iter().map(String::as_str).filter(|key| BODIES.contains(key));
    let Some(key) = keys.next() else { return Ok(Body::Empty) };
    let at = place.key(key);
    if method == "GET" {
        return Err(at.key_error("a `get` sends no body", "write `post`, or put it into the query: `query: {q: x}`"));
    }
    if let Some(second) = keys.next() {
        let (one, other) = if BODIES.iter().position(|body| *body == key) < BODIES.iter().position(|b| *b == second) {
            (key, second)
        } else {
            (second, key)
        };
        let message = format!("a request has one body, and this one has both `{one}` and `{other}`");
        return Err(place.key(second).key_error(message, "keep one of them"));
    }
    Ok(if let Some(form) = &wire.form {
        Body::Form(templates(form.at(at), reader)?)
    } else if let Some(json) = &wire.json {
        expect::check_json(at, json, reader)?;
        Body::Json(json.clone())
    } else if let Some(text) = &wire.body {
        Body::Text(template(at, text, reader)?)
    } else if let Some(file) = &wire.body_file {
        Body::File(reader.file_at(at, file, "to send")?)
    } else {
        let parts = wire.multipart.as_deref().unwrap_or_default();
        if parts.is_empty() {
            return Err(at.error("the body has no parts", "write `multipart: [{name: …, text: …}]`"));
        }
        let parts = parts.iter().enumerate().map(|(index, wire)| part(at.item(index), wire, reader));
        Body::Multipart(parts.collect::<Result<_, _>>()?)
    })
}

fn part(place: Place<'_>, wire: &PartWire, reader: &Reader<'_>) -> Result<Part, FileError> {
    let content = match (&wire.text, &wire.file) {
        (Some(text), None) => PartContent::Text(template(place.key("text"), text, reader)?),
        (None, Some(file)) => PartContent::File(reader.file_at(place.key("file"), file, "to send")?),
        (Some(_), Some(_)) => {
            let help = "keep one of `text` and `file`";
            return Err(place.error(format!("{} holds both a text and a file", place.quoted()), help));
        }
        (None, None) => {
            return Err(place.error(format!("{} holds nothing", place.quoted()), "add `text: …` or `file: PATH`"));
        }
    };
    let optional = |key: &str, wire: Option<&Scalar>| wire.map(|wire| word(place.key(key), wire, reader)).transpose();
    Ok(Part {
        name: word(place.key("name"), &wire.name, reader)?,
        content,
        filename: optional("filename", wire.filename.as_ref())?,
        content_type: optional("content_type", wire.content_type.as_ref())?,
    })
}

fn retry(place: Place<'_>, wire: &RetryWire) -> Result<Retry, FileError> {
    let times = wire.times.unwrap_or(3);
    if !(1..=MOST_RETRIES).contains(&times) {
        let message = format!("a request is tried again 1 to {MOST_RETRIES} times, not {times}");
        let help = format!("write a number from 1 to {MOST_RETRIES}, or remove the `retry`");
        return Err(place.key("times").error(message, help));
    }
    let backoff = duration(place, "backoff", wire.backoff.as_ref(), Duration::from_millis(500))?;
    let most = duration(place, "most", wire.most.as_ref(), Duration::from_secs(10))?;
    if backoff > most {
        let at = place.get("backoff").unwrap_or_else(|| place.key("most"));
        let message = format!("the first rest of {} is longer than the longest, {}", written(backoff), written(most));
        return Err(at.error(message, "write a shorter `backoff`, or a longer `most`"));
    }
    let status = match &wire.status {
        Some(status) => expect::status(place.key("status"), status)?,
        None => [429, 502, 503, 504].map(StatusSet::One).to_vec(),
    };
    Ok(Retry { times, backoff, most, status })
}

/// The path of a request, which may be a template.
pub(in crate::scenario) fn check_path(place: Place<'_>, path: &str) -> Result<(), FileError> {
    if let Some((_, rest)) = path.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '{'])) {
        let inside = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
        let message = format!("{} is a whole address", place.quoted());
        return Err(place.error(message, format!("write the path alone, `{inside}`; `port` says where it goes")));
    }
    if !path.starts_with('/') && !path.starts_with("{{") && !path.starts_with("{%") {
        let message = format!("{}: `{path}` does not begin with `/`", place.quoted());
        return Err(place.error(message, format!("write `/{path}`")));
    }
    if path.contains(|c: char| c.is_control()) {
        return Err(
            place.error(format!("{} holds a control character", place.quoted()), "remove it, or write it as `%0A`")
        );
    }
    Ok(())
}

/// Templates by the name of a header.
pub(in crate::scenario) fn headers(
    place: Place<'_>,
    wire: &Ordered<Scalar>,
    reader: &Reader<'_>,
) -> Result<BTreeMap<String, String>, FileError> {
    let mut seen: Vec<String> = Vec::new();
    for (at, name, _) in wire.at(place) {
        check_header(name).map_err(|(message, help)| at.key_error(message, help))?;
        let lower = name.to_ascii_lowercase();
        if seen.contains(&lower) {
            let help = "upper and lower case are the same in names of headers; remove one of the two";
            return Err(at.key_error(format!("the header `{name}` is there twice"), help));
        }
        seen.push(lower);
    }
    templates(wire.at(place), reader)
}

/// The message and the help on what cannot be the name of a header.
pub(in crate::scenario) fn check_header(name: &str) -> Result<(), (String, &'static str)> {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    if !name.is_empty() && fits {
        return Ok(());
    }
    let help = "write the name alone, and the value behind the colon: `x-name: value`";
    Err((format!("`{name}` cannot be the name of a header"), help))
}
