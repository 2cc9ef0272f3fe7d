//! Where a request goes, and what it says before its body: for HTTP steps, and for whatever else begins with a request.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT};
use reqwest::{Client, Url};
use reqwest_cookie_store::{CookieStoreMutex, RawCookie};
use url::form_urlencoded;

use super::secrets::Secrets;
use super::template::Renderer;
use super::tls;
use crate::model::TargetControl;
use crate::scenario::{Auth, Goal, Tls};

/// How slowdrip names itself to the target.
const AGENT: &str = concat!("slowdrip/", env!("CARGO_PKG_VERSION"));

/// What a request says before its body.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Where it goes. The host is a name for the server; the connection is made to the address in any case.
    pub(super) url: Url,
    /// All headers, but what the body brings.
    pub(super) headers: HeaderMap,
    own: OwnCookies,
}

/// The cookies of the step itself.
#[derive(Debug, Clone, Default)]
struct OwnCookies {
    pairs: BTreeMap<String, String>,
    /// What the step's own `Cookie` header says.
    header: Option<String>,
}

/// The clients of a run. They follow no redirects, keep no cookies, and keep no idle connection, which would look like a
/// socket that the target leaks.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    plain: Client,
    tls: Arc<Mutex<Vec<Known>>>,
}

#[derive(Debug)]
struct Known {
    tls: Tls,
    ip: IpAddr,
    client: Client,
}

impl Clients {
    /// A client for connections without TLS; others are made when they are needed.
    pub(super) fn new() -> Result<Self, String> {
        let plain = client(tls::none().map_err(|err| err.to_string())?, IpAddr::from([127, 0, 0, 1]))?;
        Ok(Self { plain, tls: Arc::default() })
    }

    /// The client for connections to an address; whatever name a URL has, it is reached there.
    pub(super) fn of(&self, tls: Option<&Tls>, address: SocketAddr) -> Result<Client, String> {
        let (Some(tls), ip) = (tls, address.ip()) else { return Ok(self.plain.clone()) };
        let mut known = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|known| known.tls == *tls && known.ip == ip) {
            return Ok(known.client.clone());
        }
        let client = client((*tls::config(tls)?).clone(), ip)?;
        known.push(Known { tls: tls.clone(), ip, client: client.clone() });
        Ok(client)
    }
}

fn client(tls: rustls::ClientConfig, ip: IpAddr) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Here(ip))
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        // The target is on this machine; a proxy of the environment is not for it.
        .no_proxy()
        // A request that fails is the scenario's to repeat.
        .retry(reqwest::retry::never())
        .build()
        .map_err(|err| err.to_string())
}

/// Every name is that of one address: nobody is asked for names.
struct Here(IpAddr);

impl Resolve for Here {
    fn resolve(&self, _name: Name) -> Resolving {
        // The URL's own port stands in for this one.
        let addresses: Addrs = Box::new(std::iter::once(SocketAddr::new(self.0, 0)));
        Box::pin(std::future::ready(Ok(addresses)))
    }
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

/// Renders what a request says before its body.
pub(super) fn head(
    path: &str,
    goal: &Goal,
    address: SocketAddr,
    renderer: &Renderer<'_>,
    jar: &CookieStoreMutex,
    secrets: &Secrets,
) -> Result<Head, String> {
    let mut url = url(path, address, goal.tls.as_ref())?;
    add_query(&mut url, goal, renderer)?;
    for (name, value) in url.query_pairs() {
        secrets.learn_named(&name, &value);
    }
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    for (name, template) in &goal.headers {
        let value = renderer.text(template).map_err(|err| format!("header `{name}`: {err}"))?;
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no name of a header"))?;
        headers.insert(header, header_value(&value).ok_or_else(|| unfit(&format!("header `{name}`")))?);
    }
    if let Some(auth) = &goal.auth {
        if headers.contains_key(AUTHORIZATION) {
            return Err("the step has both `auth` and a header `Authorization`; keep one of them".to_owned());
        }
        headers.insert(AUTHORIZATION, authorization(auth, renderer, secrets)?);
    }
    let mut own = OwnCookies::default();
    for (name, template) in &goal.cookies {
        let value = renderer.text(template).map_err(|err| format!("cookie `{name}`: {err}"))?;
        if value.contains(';') {
            return Err(unfit(&format!("cookie `{name}`")));
        }
        own.pairs.insert(name.clone(), value);
    }
    own.header = headers.remove(COOKIE).map(|header| String::from_utf8_lossy(header.as_bytes()).into_owned());
    let mut head = Head { url, headers, own };
    head.lead_to(head.url.clone(), jar, secrets)?;
    Ok(head)
}

impl Head {
    /// Leads the request to another URL of the target, with the cookies that belong there.
    pub(super) fn lead_to(&mut self, url: Url, jar: &CookieStoreMutex, secrets: &Secrets) -> Result<(), String> {
        self.headers.remove(COOKIE);
        if let Some(cookies) = cookies(&self.own, &url, jar)? {
            self.headers.insert(COOKIE, cookies);
        }
        self.url = url;
        for (name, value) in &self.headers {
            secrets.learn_header(name, value);
        }
        Ok(())
    }
}

/// Takes note of the cookies that an answer sets, and of its secrets.
pub(super) fn keep_cookies(jar: &CookieStoreMutex, url: &Url, headers: &HeaderMap, secrets: &Secrets) {
    for (name, value) in headers {
        secrets.learn_header(name, value);
    }
    let set = headers.get_all(SET_COOKIE).into_iter().filter_map(set_cookie);
    jar.lock().unwrap_or_else(PoisonError::into_inner).store_response_cookies(set, url);
}

/// A cookie as a header sets it; `None` where that is no cookie.
pub(super) fn set_cookie(header: &HeaderValue) -> Option<RawCookie<'static>> {
    RawCookie::parse(String::from_utf8_lossy(header.as_bytes()).into_owned()).ok()
}

/// The URL of a path of the target.
pub(super) fn url(path: &str, address: SocketAddr, tls: Option<&Tls>) -> Result<Url, String> {
    if !path.starts_with('/') {
        return Err(format!("the path `{path}` must begin with `/`"));
    }
    let (scheme, host) = match tls {
        None => ("http", address.to_string()),
        Some(tls) => ("https", format!("{}:{}", tls::host(tls, address)?, address.port())),
    };
    let wrong = |err: url::ParseError| format!("the path `{path}` is not fit for a URL: {err}");
    let root = Url::parse(&format!("{scheme}://{host}")).map_err(wrong)?;
    let url = Url::parse(&format!("{scheme}://{host}{path}")).map_err(wrong)?;
    // Nothing after the slash can lead elsewhere; this is the proof.
    if url.origin() == root.origin() { Ok(url) } else { Err(format!("the path `{path}` leads away from {address}")) }
}

/// Adds the step's query to that of the path, in its order.
fn add_query(url: &mut Url, goal: &Goal, renderer: &Renderer<'_>) -> Result<(), String> {
    // A space as `%20`: that is a space to every server, and a plus sign is not.
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let mut pairs: Vec<String> = url.query().filter(|own| !own.is_empty()).map(str::to_owned).into_iter().collect();
    for (name, template) in &goal.query {
        let value = renderer.text(template).map_err(|err| format!("query `{name}`: {err}"))?;
        pairs.push(format!("{}={}", encode(name), encode(&value)));
    }
    if !goal.query.is_empty() {
        url.set_query(Some(&pairs.join("&")));
    }
    Ok(())
}

/// The `Authorization` header.
fn authorization(auth: &Auth, renderer: &Renderer<'_>, secrets: &Secrets) -> Result<HeaderValue, String> {
    let render = |template: &str| renderer.text(template).map_err(|err| format!("auth: {err}"));
    let value = match auth {
        Auth::Basic { user, password } => {
            let (user, password) = (render(user)?, render(password)?);
            if user.contains(':') {
                return Err("auth: a user's name with a colon cannot be sent by `basic`".to_owned());
            }
            secrets.learn(&password);
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            secrets.learn(&encoded);
            format!("Basic {encoded}")
        }
        Auth::Bearer(token) => {
            let token = render(token)?;
            secrets.learn(&token);
            format!("Bearer {token}")
        }
    };
    header_value(&value).ok_or_else(|| unfit("`auth`"))
}

/// The `Cookie` header: what the server set, what the step adds (and wins with), and what the step's own header says.
fn cookies(own: &OwnCookies, url: &Url, jar: &CookieStoreMutex) -> Result<Option<HeaderValue>, String> {
    let mut pairs: Vec<String> = Vec::new();
    {
        let jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = jar.get_request_values(url).filter(|(name, _)| !own.pairs.contains_key(*name));
        pairs.extend(kept.map(|(name, value)| format!("{name}={value}")));
        // The jar has no order of its own; two runs must not differ by it.
        pairs.sort();
    }
    pairs.extend(own.pairs.iter().map(|(name, value)| format!("{name}={value}")));
    pairs.extend(own.header.clone());
    if pairs.is_empty() {
        return Ok(None);
    }
    header_value(&pairs.join("; ")).map(Some).ok_or_else(|| {
        let names: Vec<String> = own
            .pairs
            .iter()
            .filter(|(_, value)| header_value(value).is_none())
            .map(|(name, _)| format!("cookie `{name}`"))
            .collect();
        unfit(names.first().map_or("a cookie", String::as_str))
    })
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
        assert!(url("@example.org/", address, None).unwrap_err().contains("must begin with `/`"));
        assert_eq!(url("/a?b=c d", address, None).unwrap().as_str(), "http://127.0.0.1/a?b=c%20d");
        let six: SocketAddr = "[::1]:5000".parse().unwrap();
        assert_eq!(url("/x", six, None).unwrap().as_str(), "http://[::1]:5000/x");
        let tls = |name: Option<&str>| Tls { ca: None, verify: true, name: name.map(str::to_owned) };
        assert_eq!(url("/x", six, Some(&tls(None))).unwrap().as_str(), "https://localhost:5000/x");
        assert_eq!(url("/x", six, Some(&tls(Some("app.example")))).unwrap().as_str(), "https://app.example:5000/x");
        // A name that is an address is looked for in the certificate, and not spoken to.
        assert_eq!(url("/x", six, Some(&tls(Some("10.0.0.9")))).unwrap().as_str(), "https://[::1]:5000/x");
        assert!(url("/x", six, Some(&tls(Some("a b")))).unwrap_err().contains("`a b` is no name of a server"));
    }

    proptest! {
        #[test]
        fn no_path_leads_to_another_address(path in "[/\\\\@:.a-z0-9?#%&\\t\\n ]{0,30}") {
            let address: SocketAddr = "127.0.0.1:5000".parse().unwrap();
            if let Ok(url) = url(&format!("/{path}"), address, None) {
                prop_assert_eq!(url.host_str(), Some("127.0.0.1"));
                prop_assert_eq!(url.port(), Some(5000));
            }
        }
    }
}
