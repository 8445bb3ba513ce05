//! While the database is away, who was known goes on with what was open: chat, and not only what asks for no provider's key.

use super::*;
use std::time::Duration;
use supergate::{crypto::vault::CREDENTIAL_TTL, tenancy::auth::PRINCIPAL_TTL_WITHOUT_DATABASE};
use supergate_tests::kms::KmsWitness;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn chat_goes_on_for_as_long_as_its_caller_is_known() {
    assert_eq!((CREDENTIAL_TTL, PRINCIPAL_TTL_WITHOUT_DATABASE), (300 * SECOND, 900 * SECOND));
    let kms = KmsWitness::start().await;
    let app = App::start_with(&[("AWS_ENDPOINT_URL_KMS", kms.url())]).await;
    let (known, unknown) = (ask(MODELS[0], "hello"), ask(MODELS[4], "hello"));
    assert_eq!(app.chat(&known).await.status, 200);
    // The worst moment: the caller was looked up just now, and the credential is about to expire.
    app.clock.advance(290 * SECOND);
    assert_eq!(app.chat(&known).await.status, 200);
    app.database.go_away().await;
    for passed in 0..9 {
        let answer = app.chat(&known).await;
        assert_eq!(answer.status, 200, "after {} seconds: {}", passed * 98, answer.text());
        app.clock.advance(98 * SECOND);
    }
    assert_eq!(app.chat(&known).await.status, 200, "after 882 seconds");
    assert_eq!(kms.calls("Decrypt"), 4, "an opened key is still kept for 300 seconds and no longer");
    assert_eq!(refusal(&app.chat(&unknown).await), (503, "unavailable".into()), "what was never read cannot be opened");
    app.clock.advance(19 * SECOND);
    assert_eq!(refusal(&app.chat(&known).await), (503, "unavailable".into()), "after 901 seconds nobody is known");
    app.database.come_back().await;
    assert_eq!(app.chat(&known).await.status, 200);
    assert_eq!(app.chat(&unknown).await.status, 200);
}

#[tokio::test]
async fn a_known_envelope_serves_nobody_once_the_database_says_that_it_is_gone_or_changed() {
    let app = App::start().await;
    let body = ask(MODELS[0], "hello");
    assert_eq!(app.chat(&body).await.status, 200);
    app.clock.advance(301 * SECOND);
    sql(&app, "update provider_credentials set nonce = set_byte(nonce, 0, 255 - get_byte(nonce, 0))").await;
    assert_eq!(refusal(&app.chat(&body).await), (424, "provider_credential_unreadable".into()));
    app.database.go_away().await;
    assert_eq!(refusal(&app.chat(&body).await), (503, "unavailable".into()), "what did not open is not tried again");
}
