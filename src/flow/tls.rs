//! How a certificate is looked at, and what is said of one that does not do.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::scenario::Tls;

/// The name that a certificate must have where the step says none.
const NAME: &str = "localhost";

/// A configuration that trusts nobody: for connections without TLS, whose client must have one all the same.
pub(super) fn none() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// How a connection looks at the certificate, whatever name it is made to. It speaks HTTP/1.1.
///
/// # Errors
/// The certificates of `ca` could not be read, or nobody is trusted: a sentence for people.
pub(super) fn config(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    let verifier: Arc<dyn ServerCertVerifier> =
        if tls.verify { Arc::new(Named::new(tls)?) } else { Arc::new(Anything(provider())) };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|err| format!("TLS cannot be spoken here: {err}"))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The name that the certificate must have; it is told to the server too, where it is no address.
///
/// # Errors
/// The step's name is no name of a server.
pub(super) fn name(tls: &Tls) -> Result<ServerName<'static>, String> {
    let name = tls.name.as_deref().unwrap_or(NAME);
    ServerName::try_from(name.to_owned()).map_err(|_| format!("tls: `{name}` is no name of a server"))
}

/// The host of a URL that is spoken to over TLS: the name that the certificate must have, or the address where that is no
/// name of a host. Either way the connection is made to the address.
pub(super) fn host(tls: &Tls, address: SocketAddr) -> Result<String, String> {
    if let ServerName::DnsName(name) = name(tls)? {
        return Ok(name.as_ref().to_owned());
    }
    Ok(match address {
        SocketAddr::V4(four) => four.ip().to_string(),
        SocketAddr::V6(six) => format!("[{}]", six.ip()),
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates that this machine trusts, looked up once.
fn native() -> &'static [CertificateDer<'static>] {
    static NATIVE: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    // Those that cannot be read are not trusted; whatever they have issued is refused with a clear message.
    NATIVE.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

fn read(ca: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |problem: String| format!("tls: the certificates of `{}` cannot be used: {problem}", ca.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(ca).map(Iterator::collect).unwrap_or_else(Err);
    match found {
        Ok(found) if found.is_empty() => Err(wrong("there is none in it (`-----BEGIN CERTIFICATE-----`)".to_owned())),
        Ok(found) => Ok(found),
        Err(rustls::pki_types::pem::Error::Io(error)) => Err(wrong(error.to_string())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Accepts a certificate that is trusted and has the step's name, which need not be that of the connection.
#[derive(Debug)]
struct Named {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
    /// Those that the step names.
    own: Vec<CertificateDer<'static>>,
}

impl Named {
    fn new(tls: &Tls) -> Result<Self, String> {
        let own = tls.ca.as_deref().map(read).transpose()?.unwrap_or_default();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(native().iter().cloned());
        for certificate in &own {
            roots.add(certificate.clone()).map_err(|err| {
                let ca = tls.ca.as_deref().unwrap_or(Path::new("")).display();
                format!("tls: a certificate of `{ca}` cannot be used: {err}")
            })?;
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(|_| {
            "tls: this machine trusts nobody; name the certificate's issuer (`tls: {ca: FILE}`), or take any certificate \
             (`tls: {verify: false}`)"
                .to_owned()
        })?;
        Ok(Self { inner, name: name(tls)?, own })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let result = self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now);
        match result {
            // What `openssl req -x509` makes is an authority's certificate, and a server that shows one is refused though the
            // step names that very certificate. Its dates have been looked at by then, its name has not.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
                if self.own.iter().any(|own| own == end_entity)
                    && format!("{other:?}").contains("CaUsedAsEndEntity") =>
            {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, &self.name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Accepts any certificate: the step says so, and the server is on this machine.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What went wrong with TLS, for people; `None` where the error is none of TLS.
pub(super) fn problem(error: &(dyn Error + 'static), address: SocketAddr) -> Option<String> {
    let error = find(error)?;
    Some(if let rustls::Error::InvalidCertificate(why) = error {
        format!(
            "the certificate of {address} does not verify: {}; name its issuer (`tls: {{ca: FILE}}`), the name it has \
             (`tls: {{name: NAME}}`), or take any certificate (`tls: {{verify: false}}`)",
            certificate(why)
        )
    } else if matches!(error, rustls::Error::InvalidMessage(_)) {
        format!("{address} does not speak TLS; remove `tls` from the step, or name the port that does")
    } else {
        format!("TLS with {address} failed: {error}")
    })
}

/// Whether an error is that of a certificate: trying again cannot help.
pub(super) fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    matches!(find(error), Some(rustls::Error::InvalidCertificate(_)))
}

/// The error of TLS that lies below another one.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

/// An error and all that lie below it, those within errors of the system too, which do not name them as their source.
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn below<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), below)
}

fn certificate(why: &CertificateError) -> String {
    let day = |time: UnixTime| {
        let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(second)
            .map_or_else(|_| "a day beyond all".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
    };
    if let CertificateError::ExpiredContext { not_after, .. } = why {
        format!("it expired on {}", day(*not_after))
    } else if matches!(why, CertificateError::Expired) {
        "it expired".to_owned()
    } else if let CertificateError::NotValidYetContext { not_before, .. } = why {
        format!("it is valid from {} on only", day(*not_before))
    } else if matches!(why, CertificateError::UnknownIssuer) {
        "nobody whom this machine or the step trusts has issued it".to_owned()
    } else if let CertificateError::NotValidForNameContext { expected, presented } = why {
        // They come as `DnsName("app.example")`.
        let bare = |name: &String| {
            let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            inner.unwrap_or(name).trim_matches('"').to_owned()
        };
        let presented: Vec<String> = presented.iter().map(bare).collect();
        let presented = if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") };
        format!("it is for {presented}, and not for `{}`", expected.to_str())
    } else if format!("{why:?}").contains("CaUsedAsEndEntity") {
        "it is an authority's own, and not a server's".to_owned()
    } else {
        why.to_string()
    }
}
