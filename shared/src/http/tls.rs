//! One TLS stack: rustls on AWS-LC, with the roots that the caller of this chooses.

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::sync::Arc;

/// A client configuration with these roots and no client certificate.
///
/// # Errors
/// When AWS-LC lacks the default protocol versions, which it does not.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The public roots, compiled in: reading and parsing the system's would be most of a cold start.
pub fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}
