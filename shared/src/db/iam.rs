//! IAM database tokens: a presigned `connect` request, which RDS takes as the password for fifteen minutes.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Connecting.html>

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use std::time::{Duration, SystemTime};
use tokio_postgres::{Config, config::Host};

/// RFC 3986's unreserved characters stay; the signature is computed over the encoded form.
const USER: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.').remove(b'~');
const VALID_FOR: Duration = Duration::from_secs(15 * 60);

/// A token for the first host of the configuration; none if it cannot be signed, which the log says.
pub(super) async fn token(config: &Config, region: &str) -> Option<String> {
    let host = config.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) => Some(name.as_str()),
        Host::Unix(_) => None,
    })?;
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let user = config.get_user()?;
    // On Lambda the role's credentials are in the environment.
    let credentials = EnvironmentVariableCredentialsProvider::new().provide_credentials().await;
    let signed = match credentials {
        Ok(credentials) => presign(&format!("{host}:{port}"), user, region, credentials, now()),
        Err(error) => Err(error.into()),
    };
    signed.inspect_err(|error| tracing::error!(error = %error, "no IAM database token")).ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "AWS compares the signature's time with its own clock, never with a test's"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn presign(
    address: &str,
    user: &str,
    region: &str,
    credentials: aws_credential_types::Credentials,
    now: SystemTime,
) -> Result<String, crate::causes::BoxError> {
    let user = percent_encoding::utf8_percent_encode(user, USER);
    let url = format!("https://{address}/?Action=connect&DBUser={user}");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID_FOR);
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(b""))?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    let mut url = url::Url::parse(&url)?;
    for (name, value) in instructions.params() {
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(url.as_str().trim_start_matches("https://").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_presigned_connect_request_without_its_scheme() {
        let credentials =
            aws_credential_types::Credentials::new("AKIDEXAMPLE", "secret", Some("session".into()), None, "test");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let token = presign("db.example:5432", "supergate_app", "eu-west-1", credentials, at).expect("signed");
        assert!(token.starts_with("db.example:5432/?Action=connect&DBUser=supergate_app&"), "{token}");
        for part in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=AKIDEXAMPLE%2F20231114%2Feu-west-1%2Frds-db%2Faws4_request",
            "X-Amz-Date=20231114T221320Z",
            "X-Amz-Expires=900",
            "X-Amz-Security-Token=session",
            "X-Amz-Signature=",
        ] {
            assert!(token.contains(part), "{part} in {token}");
        }
        assert!(!token.contains("secret"), "the secret key signs, it is not sent");
    }
}
