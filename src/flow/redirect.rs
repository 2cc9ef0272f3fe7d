//! A request with the redirects that lead on from it, as a browser follows them, to nobody but the target.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HOST, HeaderMap, LOCATION, SET_COOKIE,
};
use reqwest::{Method, Request, StatusCode, Url};
use reqwest_cookie_store::CookieStoreMutex;
use url::Host;

use super::answer::{Answer, Hop, size, status, took};
use super::exchange::{self, Trouble};
use super::failure;
use super::http::{self, Clients, Head};
use super::secrets::Secrets;
use crate::model::TargetControl;
use crate::model::text::{count, shorten};
use crate::scenario::Tls;

/// How much of a place in a chain of redirects is shown.
const PLACE: usize = 200;

/// Of a long chain, so many places are named from its begin and from its end.
const NAMED: usize = 5;

/// How a certificate is looked at where only a redirect leads to TLS.
const STRICT: Tls = Tls { ca: None, verify: true, name: None };

/// A request ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    /// `POST` or another.
    pub(super) method: Method,
    /// Where it goes, and with which headers.
    pub(super) head: Head,
    /// What it sends.
    pub(super) body: Option<Bytes>,
    /// Where the target is spoken to.
    pub(super) address: SocketAddr,
    /// How a certificate is looked at; `None`: TLS is not spoken.
    pub(super) tls: Option<Tls>,
    /// As it is shown.
    pub(super) shown: failure::Request,
}

/// Whom a flow sends requests to, and by what.
pub(super) struct Sender<'a, C> {
    /// What sends them.
    pub(super) clients: &'a Clients,
    /// The cookies of the user.
    pub(super) jar: &'a CookieStoreMutex,
    /// What must not be shown.
    pub(super) secrets: &'a Secrets,
    /// The target.
    pub(super) target: &'a C,
}

/// Where one request of a chain goes.
struct Leg {
    method: Method,
    head: Head,
    body: Option<Bytes>,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl<C: TargetControl> Sender<'_, C> {
    /// Sends a request, follows so many redirects at most, and reads the whole answer. What came of the last answer until
    /// something went wrong is handed out too.
    pub(super) async fn send(
        &self,
        prepared: &Prepared,
        redirects: u32,
        within: Duration,
    ) -> (Option<Answer>, Result<(), Trouble>) {
        let (mut answer, mut way) = (None, Vec::new());
        let places = &mut vec![place(&prepared.head.url, prepared.address, self.secrets)];
        let following = self.follow(prepared, redirects, &mut answer, &mut way, places);
        let result = match tokio::time::timeout(within, following).await {
            Ok(result) => result,
            Err(_) => {
                let problem = match &answer {
                    None => format!("no answer within {}", took(within)),
                    Some(Answer { status: code, body, .. }) => format!(
                        "the answer ({}) did not end within {}; {} of its body came",
                        status(*code),
                        took(within),
                        size(body.len())
                    ),
                };
                Err(Trouble { problem, passing: true })
            }
        };
        let result = result.map_err(|trouble| match places.as_slice() {
            [] | [_] => trouble,
            places => Trouble { problem: format!("{}: {}", chain(places), trouble.problem), ..trouble },
        });
        if let Some(answer) = &mut answer {
            answer.way = way;
        }
        (answer, result)
    }

    async fn follow(
        &self,
        prepared: &Prepared,
        redirects: u32,
        answer: &mut Option<Answer>,
        way: &mut Vec<Hop>,
        places: &mut Vec<String>,
    ) -> Result<(), Trouble> {
        let mut leg = Leg {
            method: prepared.method.clone(),
            head: prepared.head.clone(),
            body: prepared.body.clone(),
            address: prepared.address,
            tls: prepared.tls.clone(),
        };
        // With the cookies: a page that sets one and leads to itself is no loop.
        let mut seen = vec![leg.key()];
        loop {
            let client = self.clients.of(leg.tls.as_ref(), leg.address).map_err(Trouble::lasting)?;
            let keep = |headers: &HeaderMap| http::keep_cookies(self.jar, &leg.head.url, headers, self.secrets);
            exchange::receive(&client, leg.request(), leg.address, answer, keep).await?;
            let Some(came) = answer.as_ref() else { return Ok(()) };
            let Some(location) = came.headers.get(LOCATION).filter(|_| redirects > 0 && is_redirect(came.status))
            else {
                return Ok(());
            };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let shown = shorten(&self.secrets.mask_url(&location), PLACE);
            // A problem of the chain itself names it, and needs no other mention of it.
            let mut told = |end: String| {
                places.push(end);
                chain(&std::mem::take(places))
            };
            if way.len() >= usize::try_from(redirects).unwrap_or(usize::MAX) {
                let most = count(u64::from(redirects), "redirect");
                return Err(Trouble::lasting(format!("more than {most}: {}", told(shown))));
            }
            let code = came.status;
            let set = came.headers.get_all(SET_COOKIE).into_iter().cloned().collect();
            if let Err(problem) = self.lead(&mut leg, &location, code, prepared) {
                return Err(Trouble::lasting(format!("the redirect {} {problem}", told(shown))));
            }
            let to = place(&leg.head.url, prepared.address, self.secrets);
            if seen.contains(&leg.key()) {
                return Err(Trouble::lasting(format!("a redirect loop: {}", told(to))));
            }
            seen.push(leg.key());
            places.push(to.clone());
            way.push(Hop { status: code, to, set });
            // What comes next is another answer.
            *answer = None;
        }
    }

    /// Makes of a request the one that a redirect leads to.
    fn lead(&self, leg: &mut Leg, location: &str, code: StatusCode, prepared: &Prepared) -> Result<(), String> {
        let to = leg.head.url.join(location).map_err(|err| format!("leads to what is no URL ({err})"))?;
        let secure = match to.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err("leads to what is no web server".to_owned()),
        };
        let address = self.own(&to, leg, prepared).ok_or_else(|| {
            let ports: Vec<String> = self.target.ports().iter().map(u16::to_string).collect();
            format!(
                "leads away from the target: steps only speak to its published ports on this machine ({}); with `redirects: 0` the \
                 redirect itself is the answer",
                ports.join(", ")
            )
        })?;
        leg.tls = secure.then(|| prepared.tls.clone().unwrap_or(STRICT));
        leg.address = address;
        for (name, value) in to.query_pairs() {
            self.secrets.learn_named(&name, &value);
        }
        let path = to.query().map_or_else(|| to.path().to_owned(), |query| format!("{}?{query}", to.path()));
        let url = http::url(&path, address, leg.tls.as_ref())?;
        let asks = code == StatusCode::SEE_OTHER && leg.method != Method::GET;
        let posted = matches!(code, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && leg.method == Method::POST;
        if asks || posted {
            leg.method = Method::GET;
            leg.body = None;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                leg.head.headers.remove(name);
            }
        }
        leg.head.lead_to(url, self.jar, self.secrets)
    }

    /// Where a URL leads, if that is the target: by the port that this machine knows it by, or by the one that it knows itself.
    fn own(&self, to: &Url, leg: &Leg, prepared: &Prepared) -> Option<SocketAddr> {
        // The step may name the target as it likes.
        let called = leg.head.headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
        let authority = to
            .port()
            .map_or_else(|| to.host_str().map(str::to_owned), |port| Some(format!("{}:{port}", to.host_str()?)));
        if called.zip(authority).is_some_and(|(called, authority)| called.eq_ignore_ascii_case(&authority)) {
            return Some(leg.address);
        }
        let name = prepared.tls.as_ref().and_then(|tls| tls.name.as_deref());
        let port = to.port_or_known_default()?;
        let here = match to.host()? {
            Host::Domain(host) => host == "localhost" || name.is_some_and(|name| name.eq_ignore_ascii_case(host)),
            Host::Ipv4(four) => four.is_loopback() || name == Some(four.to_string().as_str()),
            Host::Ipv6(six) => six.is_loopback() || name == Some(six.to_string().as_str()),
        };
        if !here {
            return None;
        }
        if port == leg.address.port() {
            return Some(leg.address);
        }
        let addresses: Vec<(u16, SocketAddr)> =
            self.target.ports().into_iter().filter_map(|port| Some((port, self.target.address(port)?))).collect();
        let outer = addresses.iter().find(|(_, address)| address.port() == port);
        let found = outer.or_else(|| addresses.iter().find(|(inner, _)| *inner == port));
        found.map(|(_, address)| *address).filter(|address| IpAddr::is_loopback(&address.ip()))
    }
}

impl Leg {
    fn request(&self) -> Request {
        let mut request = Request::new(self.method.clone(), self.head.url.clone());
        *request.headers_mut() = self.head.headers.clone();
        *request.body_mut() = self.body.clone().map(Into::into);
        request
    }

    /// What tells one request of a chain from another.
    fn key(&self) -> (Method, Url, Option<Vec<u8>>) {
        let cookies = self.head.headers.get(reqwest::header::COOKIE).map(|value| value.as_bytes().to_vec());
        (self.method.clone(), self.head.url.clone(), cookies)
    }
}

fn is_redirect(code: StatusCode) -> bool {
    matches!(code.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// A URL of the target as a chain names it: the path, and where it is not the step's own address, all of it.
fn place(url: &Url, address: SocketAddr, secrets: &Secrets) -> String {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let whole = if url.port_or_known_default() == Some(address.port()) { path } else { url.to_string() };
    shorten(&secrets.mask_url(&whole), PLACE)
}

/// The places of a chain in their order, without the middle of a long one.
fn chain(places: &[String]) -> String {
    let (begin, end) = (places.get(..NAMED), places.len().checked_sub(NAMED).and_then(|from| places.get(from..)));
    match (begin, end) {
        (Some(begin), Some(end)) if places.len() > 2 * NAMED => {
            let left_out = places.len() - 2 * NAMED;
            format!("{} → … ({left_out} more) → {}", begin.join(" → "), end.join(" → "))
        }
        _ => places.join(" → "),
    }
}
