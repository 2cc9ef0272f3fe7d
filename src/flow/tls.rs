//! How a certificate is looked at.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A configuration that trusts nobody: for connections without TLS, whose client must have one all the same.
pub(super) fn none() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}
