//! Requests over TLS, and certificates that do not do.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use super::raw::{leads, request, says};
use super::*;
use crate::scenario::Tls;

/// An authority that nobody knows, and the file in which its certificate stands.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, folder: tempfile::tempdir().unwrap() };
        std::fs::write(authority.file(), authority.issuer.pem()).unwrap();
        authority
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What takes connections over TLS with a certificate for a name.
    pub(super) fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        acceptor(params.signed_by(&key, &self.issuer).unwrap().der().clone(), &key)
    }

    /// A server with a certificate for a name, made as the test wants it.
    async fn serve(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> SocketAddr {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        serve(certificate.der().clone(), &key).await
    }
}

/// What takes connections over TLS with a certificate.
fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A server that answers over TLS with the request it got.
async fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> SocketAddr {
    let acceptor = acceptor(certificate, key);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let name = stream.get_ref().1.server_name().unwrap_or("nobody").to_owned();
                let said = json!({"request": request(&mut stream).await, "sni": name}).to_string();
                let reply = says("200 OK", &["set-cookie: sid=over-tls; Secure"], &said);
                raw::answer(&mut stream, reply.as_bytes()).await;
            });
        }
    });
    address
}

fn over(tls: Tls, path: &str) -> HttpStep {
    HttpStep { goal: Goal { tls: Some(tls), ..Goal::default() }, ..get(path) }
}

fn trusting(ca: Option<&Path>, name: Option<&str>) -> Tls {
    Tls { ca: ca.map(Path::to_owned), verify: true, name: name.map(str::to_owned) }
}

const ANY: Tls = Tls { ca: None, verify: false, name: None };

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_verifies_under_its_name() {
    let authority = Authority::new();
    let ca = authority.file();
    for (certified, name, host, sni) in [
        ("localhost", None, "localhost", "localhost"),
        ("app.example", Some("app.example"), "app.example", "app.example"),
        ("10.0.0.9", Some("10.0.0.9"), "127.0.0.1", "nobody"),
    ] {
        let address = authority.serve(certified, |_| {}).await;
        let target = Fake::at(address);
        let mut told = Told::new();
        let step = || {
            over(trusting(Some(&ca), name), "/a")
                .finds("$.sni", JsonExpect::Equals(json!(sni)))
                .contains(&format!("host: {host}:{}\\r\\n", address.port()))
        };
        told.run(&[step().step(), step().contains("cookie: sid=over-tls").step()], &target).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_says_why_and_what_to_do() {
    let authority = Authority::new();
    let ca = authority.file();
    let good = authority.serve("localhost", |_| {}).await;
    let expired = authority.serve("localhost", |params| params.not_after = date_time_ymd(2001, 2, 3)).await;
    let early = authority.serve("localhost", |params| params.not_before = date_time_ymd(3001, 2, 3)).await;
    let other = authority.serve("app.example", |_| {}).await;
    for (address, tls, problem) in [
        (good, trusting(None, None), "nobody whom this machine or the step trusts has issued it"),
        (expired, trusting(Some(&ca), None), "it expired on 2001-02-03"),
        (early, trusting(Some(&ca), None), "it is valid from 3001-02-03 on only"),
        (other, trusting(Some(&ca), None), "it is for app.example, and not for `localhost`"),
        (good, trusting(Some(&ca), Some("app.example")), "it is for localhost, and not for `app.example`"),
    ] {
        let text = Told::new().failure(over(tls, "/a").step(), &Fake::at(address)).await;
        let why = format!("get /a: the certificate of {address} does not verify: {problem}; ");
        holds(&text, &[&why, "(`tls: {ca: FILE}`)", "(`tls: {verify: false}`)", "\n  sent:\n    GET https://"]);
        // Somebody who does not care gets through.
        Told::new().run(&[over(ANY, "/a").step()], &Fake::at(address)).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_can_be_named() {
    // As `openssl req -x509` makes it: an authority, and a server.
    let folder = tempfile::tempdir().unwrap();
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.path().join("own.pem");
        std::fs::write(&file, certificate.pem()).unwrap();
        let target = Fake::at(serve(certificate.der().clone(), &key).await);
        let mut told = Told::new();
        told.run(&[over(trusting(Some(&file), None), "/a").step()], &target).await.unwrap();
        let text = told.failure(over(trusting(Some(&file), Some("other.example")), "/a").step(), &target).await;
        holds(&text, &["it is for localhost, and not for `other.example`"]);
        let text = told.failure(over(trusting(None, None), "/a").step(), &target).await;
        holds(&text, &["does not verify: "]);
    }
}

#[tokio::test]
async fn a_port_that_speaks_the_other_way_is_told() {
    let authority = Authority::new();
    let secure = authority.serve("localhost", |_| {}).await;
    let text = Told::new().failure(get("/a").step(), &Fake::at(secure)).await;
    holds(&text, &["no complete answer from 127.0.0.1:", "(if the port speaks TLS, give the step `tls`)"]);

    let plain = server::start().await;
    let text = Told::new().failure(over(ANY, "/a").step(), &Fake::at(plain)).await;
    holds(&text, &[&format!("get /a: {plain} does not speak TLS; remove `tls` from the step")]);
    let closing = raw::serve(|_, _| "").await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = closed.accept().await {
            let mut hello = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut hello).await;
        }
    });
    let text = Told::new().failure(over(ANY, "/a").step(), &Fake::at(address)).await;
    holds(&text, &["where TLS was to begin; does it speak TLS?"]);
    // One that waits for the end of a request that it does not understand.
    let text = Told::new().failure(over(ANY, "/a").within(300).step(), &Fake::at(closing.address)).await;
    holds(&text, &["no answer within 0.3 s"]);
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (none, empty, broken) = (folder.path().join("none"), folder.path().join("empty"), folder.path().join("broken"));
    std::fs::write(&empty, "no certificate here\n").unwrap();
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n").unwrap();
    let target = Fake::at("127.0.0.1:9".parse().unwrap());
    for (ca, problem) in [
        (none, "/none` cannot be used: No such file or directory"),
        (empty, "/empty` cannot be used: there is none in it"),
        (broken, "/broken` cannot be used: "),
    ] {
        let text = Told::new().failure(over(trusting(Some(&ca), None), "/a").step(), &target).await;
        holds(&text, &["get /a: tls: ", problem]);
    }
    let text = Told::new().failure(over(trusting(None, Some("a b")), "/a").step(), &target).await;
    holds(&text, &["tls: `a b` is no name of a server"]);
}

#[tokio::test]
async fn a_redirect_to_tls_is_followed_with_the_steps_own_trust() {
    let authority = Authority::new();
    let secure = authority.serve("localhost", |_| {}).await;
    let plain =
        raw::serve(move |_, _| leads("301 Moved Permanently", &format!("https://127.0.0.1:{}/b", secure.port()), &[]))
            .await;
    let target = Fake::ports([(80, plain.address), (443, secure)]);
    let step = || HttpStep { redirects: 3, ..get("/a") };
    let text = Told::new().failure(step().step(), &target).await;
    holds(
        &text,
        &[&format!("get /a: /a → https://localhost:{}/b: the certificate of {secure} does not", secure.port())],
    );
    // The step is for a port that speaks TLS, and leads there again.
    let again = HttpStep { redirects: 3, ..over(trusting(Some(&authority.file()), None), "/a") };
    let again = HttpStep { goal: Goal { port: Some(443), ..again.goal }, ..again };
    Told::new().run(&[again.step()], &target).await.unwrap();
}
