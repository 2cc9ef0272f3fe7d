//! A request, made from a step.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, Request, Url};
use reqwest_cookie_store::CookieStoreMutex;
use url::form_urlencoded;

use super::failure;
use super::secrets::Secrets;
use super::template::Renderer;
use super::tls;
use crate::model::TargetControl;
use crate::scenario::{Body, HttpStep};

/// How slowdrip names itself to the target.
const AGENT: &str = concat!("slowdrip/", env!("CARGO_PKG_VERSION"));

/// A request ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    /// To be sent.
    pub(super) request: Request,
    /// Where to.
    pub(super) address: SocketAddr,
    /// As it is shown.
    pub(super) shown: failure::Request,
}

/// A client with a cookie jar that follows no redirects and keeps no idle connection, which would look like a socket
/// that the target leaks.
pub(super) fn client(jar: &Arc<CookieStoreMutex>) -> Result<Client, String> {
    let tls = tls::none().map_err(|err| err.to_string())?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .cookie_provider(Arc::clone(jar))
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        // The target is on this machine; a proxy of the environment is not for it.
        .no_proxy()
        // A request that fails is the scenario's to repeat.
        .retry(reqwest::retry::never())
        .build()
        .map_err(|err| err.to_string())
}

/// Where a port of the target is spoken to.
pub(super) fn address<C: TargetControl>(port: Option<u16>, target: &C) -> Result<SocketAddr, String> {
    let ports = target.ports();
    let list = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let Some(port) = port.or_else(|| ports.first().copied()) else {
        return Err("the target publishes no port; name those it serves under `publish`".to_owned());
    };
    match target.address(port) {
        Some(address) if address.ip().is_loopback() => Ok(address),
        Some(address) => {
            Err(format!("{address} is not on the loopback interface, and steps only speak to this machine"))
        }
        None if ports.is_empty() => {
            Err(format!("port {port} of the target is not published, nor is any other; add it to `publish`"))
        }
        None => Err(format!("port {port} of the target is not published (published: {list}); add it to `publish`")),
    }
}

/// Renders a step's request.
pub(super) fn prepare(
    step: &HttpStep,
    path: &str,
    address: SocketAddr,
    renderer: &Renderer<'_>,
    jar: &CookieStoreMutex,
    secrets: &Secrets,
) -> Result<Prepared, String> {
    let url = url(path, address)?;
    for (name, value) in url.query_pairs() {
        secrets.learn_named(&name, &value);
    }
    let method = Method::from_bytes(step.method.as_bytes()).map_err(|_| format!("`{}` is no method", step.method))?;

    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let (content_type, body, shown_body) = body(&step.body, renderer, secrets)?;
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, template) in &step.goal.headers {
        let value = renderer.text(template).map_err(|err| format!("header `{name}`: {err}"))?;
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"))?;
        headers.insert(header, header_value(&value).ok_or_else(|| unfit(&format!("header `{name}`")))?);
    }
    if let Some(cookies) = cookies(&step.goal.cookies, headers.remove(COOKIE), &url, renderer, jar)? {
        headers.insert(COOKIE, cookies);
    }
    for (name, value) in &headers {
        secrets.learn_header(name, value);
    }

    let mut head = format!("{} {}\n", step.method, secrets.mask_url(url.as_str()));
    let _ = write!(head, "{}", secrets.mask_headers(&headers));
    let mut request = Request::new(method, url);
    *request.headers_mut() = headers;
    if let Some(body) = body {
        *request.body_mut() = Some(body.into());
    }
    Ok(Prepared { request, address, shown: failure::Request { head, body: shown_body } })
}

fn url(path: &str, address: SocketAddr) -> Result<Url, String> {
    if !path.starts_with('/') {
        return Err(format!("the path `{path}` must begin with `/`"));
    }
    let url = Url::parse(&format!("http://{address}{path}"))
        .map_err(|err| format!("the path `{path}` is not fit for a URL: {err}"))?;
    // Nothing after the slash can lead elsewhere; this is the proof.
    let host = url.socket_addrs(|| None).unwrap_or_default();
    if host == [address] { Ok(url) } else { Err(format!("the path `{path}` leads away from {address}")) }
}

type Written = (Option<&'static str>, Option<Vec<u8>>, String);

/// The body: its type, its bytes, and how it is shown.
fn body(body: &Body, renderer: &Renderer<'_>, secrets: &Secrets) -> Result<Written, String> {
    match body {
        Body::Empty => Ok((None, None, String::new())),
        Body::Text(_) | Body::File(_) | Body::Multipart(_) => Err("not yet".to_owned()),
        Body::Form(fields) => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, template) in fields {
                let value = renderer.text(template).map_err(|err| format!("form field `{name}`: {err}"))?;
                secrets.learn_named(name, &value);
                form.append_pair(name, &value);
            }
            let form = form.finish();
            let shown = secrets.mask_pairs(&form);
            Ok((Some("application/x-www-form-urlencoded"), Some(form.into_bytes()), shown))
        }
        Body::Json(template) => {
            let value = renderer.json(template).map_err(|err| format!("json: {err}"))?;
            secrets.learn_json("", &value);
            let shown = secrets.mask_json(&value);
            Ok((Some("application/json"), Some(value.to_string().into_bytes()), shown))
        }
    }
}

/// The `Cookie` header: what the server set, what the step adds (and wins with), and what the step's own header says.
fn cookies(
    own: &BTreeMap<String, String>,
    header: Option<HeaderValue>,
    url: &Url,
    renderer: &Renderer<'_>,
    jar: &CookieStoreMutex,
) -> Result<Option<HeaderValue>, String> {
    let mut pairs: Vec<String> = Vec::new();
    {
        let jar = jar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = jar.get_request_values(url).filter(|(name, _)| !own.contains_key(*name));
        pairs.extend(kept.map(|(name, value)| format!("{name}={value}")));
        // The jar has no order of its own; two runs must not differ by it.
        pairs.sort();
    }
    for (name, template) in own {
        let value = renderer.text(template).map_err(|err| format!("cookie `{name}`: {err}"))?;
        if value.contains(';') {
            return Err(unfit(&format!("cookie `{name}`")));
        }
        pairs.push(format!("{name}={value}"));
    }
    if let Some(header) = header {
        pairs.push(String::from_utf8_lossy(header.as_bytes()).into_owned());
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    header_value(&pairs.join("; ")).map(Some).ok_or_else(|| unfit("a cookie"))
}

fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

fn unfit(what: &str) -> String {
    format!("the value of {what} has a character that cannot be sent there (a line break, for example)")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_must_begin_with_a_slash() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert!(url("@example.org/", address).unwrap_err().contains("must begin with `/`"));
        assert_eq!(url("/a?b=c d", address).unwrap().as_str(), "http://127.0.0.1/a?b=c%20d");
        let six: SocketAddr = "[::1]:5000".parse().unwrap();
        assert_eq!(url("/x", six).unwrap().as_str(), "http://[::1]:5000/x");
    }

    proptest! {
        #[test]
        fn no_path_leads_to_another_address(path in "[/\\\\@:.a-z0-9?#%&\\t\\n ]{0,30}") {
            let address: SocketAddr = "127.0.0.1:5000".parse().unwrap();
            if let Ok(url) = url(&format!("/{path}"), address) {
                prop_assert_eq!(url.host_str(), Some("127.0.0.1"));
                prop_assert_eq!(url.port(), Some(5000));
            }
        }
    }
}
