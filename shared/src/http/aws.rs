//! The AWS SDK's configuration. Its default client would read and parse every root certificate of the system at each cold start; AWS
//! signs its endpoints with its own authorities, so those are all it is given.

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use std::time::Duration;

use crate::causes::BoxError;

/// Region, credentials and endpoint from the environment, as every AWS SDK reads them.
///
/// # Errors
/// When TLS cannot be set up, which would be a fault of the build.
pub async fn sdk_config(operation_timeout: Duration) -> Result<SdkConfig, BoxError> {
    let context = TlsContext::builder().with_trust_store(amazon_roots()).build()?;
    let client =
        Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build_https();
    let timeouts = TimeoutConfig::builder().operation_timeout(operation_timeout).build();
    Ok(aws_config::defaults(BehaviorVersion::latest()).http_client(client).timeout_config(timeouts).load().await)
}

/// The same with another time limit.
pub fn with_timeout(aws: &SdkConfig, operation_timeout: Duration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_timeout(operation_timeout).build();
    aws.to_builder().timeout_config(timeouts).build()
}

/// Amazon Trust Services' roots, out of the public ones.
fn amazon_roots() -> TrustStore {
    let mut store = TrustStore::empty();
    for certificate in amazon_certificates() {
        store.add_pem_certificate(pem(certificate));
    }
    store
}

fn amazon_certificates() -> impl Iterator<Item = &'static [u8]> {
    // The subject is plain text in the DER; a false match would only add one more public root.
    let names: [&[u8]; 2] = [b"Amazon", b"Starfield Services Root Certificate Authority - G2"];
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|certificate| certificate.as_ref())
        .filter(move |der| names.iter().any(|name| der.windows(name.len()).any(|part| part == *name)))
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorities_that_sign_for_aws_are_found() {
        assert!((4..=6).contains(&amazon_certificates().count()), "Amazon Root CA 1 to 4 and Starfield's");
    }
}
