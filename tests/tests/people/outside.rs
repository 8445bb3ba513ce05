//! People whom an identity provider vouches for.

use super::{MINUTE, as_superuser, outcome, refused, uuid};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate::clock::Clock as _;
use supergate_tests::{
    app::{Answer, App, MODELS},
    issuer::{Issuer, SigningKey},
};

const NAME: &str = "https://idp.example";

/// The configuration of an issuer whose people name their tenant and their groups.
fn settings(issuer: &Issuer) -> String {
    let roles = json!({"builders": "member", "leads": "admin"});
    json!([{"issuer": NAME, "audience": "supergate", "jwks_url": issuer.jwks_url(), "tenant_claim": "org",
            "role_claim": "groups", "roles": roles}])
    .to_string()
}

async fn app(issuer: &Issuer) -> App {
    App::start_with(&[("SUPERGATE_OIDC_ISSUERS", &settings(issuer))]).await
}

fn claims(app: &App) -> Value {
    let now = app.clock.since_epoch().as_secs();
    json!({"iss": NAME, "aud": "supergate", "sub": "ada", "org": app.tenant_id, "groups": ["builders"],
           "iat": now, "exp": now + 3600})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

async fn models(app: &App, token: &str) -> Answer {
    app.call(Method::GET, "/v1/models", token, &Value::Null).await
}

#[tokio::test]
async fn a_token_of_a_configured_issuer_maps_to_a_tenant_and_a_role() {
    let keys = [SigningKey::rsa(), SigningKey::ec(), SigningKey::ed()];
    let issuer = Issuer::start(keys.iter().map(|key| key.jwk(key.algorithm())).collect()).await;
    let app = app(&issuer).await;
    for key in &keys {
        let token = key.sign(&json!({"alg": key.algorithm(), "kid": key.algorithm()}), &claims(&app));
        assert_eq!(models(&app, &token).await.status, 200, "{}", key.algorithm());
        let ask = json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hello"}]});
        assert_eq!(app.call(Method::POST, "/v1/chat/completions", &token, &ask).await.status, 200);
        let answer = app.call(Method::GET, "/v1/tenant/keys", &token, &Value::Null).await;
        assert_eq!(outcome(&answer), refused(403, "permission_denied"), "a member is no admin");
        let me = app.call(Method::GET, "/v1/auth/me", &token, &Value::Null).await.json();
        assert_eq!((&me["tenant"]["id"], &me["role"]), (&json!(app.tenant_id), &json!("member")));
        let answer = app.call(Method::PATCH, "/v1/auth/me", &token, &json!({"name": "Ada"})).await;
        assert_eq!(outcome(&answer), refused(403, "permission_denied"), "no account here to change");
    }
    assert!(issuer.asked() <= 4, "once for each function and not for each token: {}", issuer.asked());
    let people: Vec<Value> = app.usage_events().await.into_iter().map(|mut row| row["person_id"].take()).collect();
    assert!(
        people.len() == 3 && people.iter().all(|person| *person == people[0] && person.is_string()),
        "the same person: {people:?}"
    );
    let lead = with(claims(&app), "groups", json!(["builders", "leads"]));
    let token = keys[1].sign(&json!({"alg": "ES256", "kid": "ES256"}), &lead);
    assert_eq!(app.call(Method::GET, "/v1/tenant/keys", &token, &Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_token_that_its_issuer_did_not_write_for_us_is_a_401() {
    let (rsa, ec, other) = (SigningKey::rsa(), SigningKey::ec(), SigningKey::ec());
    let shared = SigningKey::Secret(b"a secret that everybody can read".to_vec());
    let issuer = Issuer::start(vec![rsa.jwk("rsa"), ec.jwk("ec"), shared.jwk("shared")]).await;
    let app = app(&issuer).await;
    let good = claims(&app);
    let now = app.clock.since_epoch().as_secs();
    let es = json!({"alg": "ES256", "kid": "ec"});
    let sign = |name: &str, value: Value| ec.sign(&es, &with(good.clone(), name, value));
    let public = SigningKey::Secret(rsa.public_bytes());
    let jwk = SigningKey::Secret(rsa.jwk("rsa").to_string().into_bytes());
    let unsigned = ec.sign(&json!({"alg": "none", "kid": "ec"}), &good);
    let tampered = {
        let (token, another) = (ec.sign(&es, &good), sign("groups", json!(["leads"])));
        let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (token, another) = (parts(&token), parts(&another));
        [token[0].clone(), another[1].clone(), token[2].clone()].join(".")
    };
    #[rustfmt::skip]
    let table = [
        (ec.sign(&es, &good),                                          200, "the positive control"),
        (ec.sign(&json!({"alg": "ES256"}), &good),                     200, "without a key id: its only key of that kind"),
        (other.sign(&es, &good),                                       401, "another's key under this one's id"),
        (other.sign(&json!({"alg": "ES256", "kid": "other"}), &good),  401, "an unknown key"),
        (tampered,                                                     401, "another token's claims"),
        (unsigned.clone(),                                             401, "alg none"),
        (unsigned.rsplit_once('.').map(|(rest, _)| format!("{rest}.")).expect("parts"), 401, "alg none, unsigned"),
        (public.sign(&json!({"alg": "HS256", "kid": "rsa"}), &good),   401, "the public key as a secret"),
        (jwk.sign(&json!({"alg": "HS256", "kid": "rsa"}), &good),      401, "the published key as a secret"),
        (shared.sign(&json!({"alg": "HS256", "kid": "shared"}), &good), 401, "a secret that the issuer published"),
        (ec.sign(&json!({"alg": "RS256", "kid": "ec"}), &good),        401, "one algorithm named, another used"),
        (ec.sign(&json!({"alg": "ES256", "kid": "rsa"}), &good),       401, "another of its keys"),
        (ec.sign(&json!({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false}), &good), 401, "an extension"),
        (sign("iss", json!("https://other.example")),                  401, "an issuer that nobody configured"),
        (sign("iss", json!("supergate")),                              401, "ours it is not"),
        (sign("aud", json!("another-app")),                            401, "for another application"),
        (sign("exp", json!(now)),                                      401, "expired"),
        (sign("exp", Value::Null),                                     401, "without an end"),
        (sign("nbf", json!(now + 300)),                                401, "not yet"),
        (sign("sub", Value::Null),                                     401, "nobody"),
        (sign("org", json!("acme")),                                   401, "no tenant's id"),
        (sign("org", json!("ten_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b")),   401, "an unknown tenant"),
        (sign("org", json!("ten_00000000000070008000000000000000")),   401, "the platform"),
        (sign("groups", json!(["operator", "owner"])),                 401, "roles that nobody mapped"),
    ];
    for (token, status, why) in table {
        assert_eq!(models(&app, &token).await.status, status, "{why}");
    }
    assert_eq!(issuer.asked(), 1, "who invents keys does not make us ask for them");
}

#[tokio::test]
async fn an_issuers_new_key_is_found_and_its_old_one_forgotten() {
    let (old, new) = (SigningKey::ed(), SigningKey::ed());
    let issuer = Issuer::start(vec![old.jwk("old")]).await;
    let app = app(&issuer).await;
    let sign = |key: &SigningKey, kid: &str| key.sign(&json!({"alg": "EdDSA", "kid": kid}), &claims(&app));
    let before = sign(&old, "old");
    assert_eq!(models(&app, &before).await.status, 200);
    issuer.publish(vec![new.jwk("new")]);
    app.clock.advance(MINUTE);
    assert_eq!(models(&app, &sign(&new, "new")).await.status, 200, "asked for when a token names it");
    assert_eq!(
        models(&app, &before).await.status,
        401,
        "thirty seconds after the last look-up the old one is nobody's"
    );
}

#[tokio::test]
async fn while_an_issuer_is_away_its_known_keys_count_and_without_any_it_is_a_503() {
    let key = SigningKey::ed();
    let issuer = Issuer::start(vec![key.jwk("1")]).await;
    let app = app(&issuer).await;
    let sign =
        |subject: &str| key.sign(&json!({"alg": "EdDSA", "kid": "1"}), &with(claims(&app), "sub", json!(subject)));
    issuer.set_away(true);
    let answer = models(&app, &sign("ada")).await;
    assert_eq!(outcome(&answer), refused(503, "unavailable"));
    assert!(!answer.text().contains("127.0.0.1"), "causes go to the log");
    issuer.set_away(false);
    app.clock.advance(MINUTE);
    assert_eq!(models(&app, &sign("ada")).await.status, 200);
    issuer.set_away(true);
    app.clock.advance(20 * MINUTE);
    assert_eq!(models(&app, &sign("bob")).await.status, 200, "its keys are known");
    app.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(outcome(&models(&app, &sign("eve")).await), refused(503, "unavailable"), "not for ever");
}

#[tokio::test]
async fn an_invented_key_makes_nobody_wait_whose_key_is_known() {
    let key = SigningKey::ed();
    let issuer = Issuer::start(vec![key.jwk("1")]).await;
    let app = app(&issuer).await;
    let sign = |subject: &str, kid: &str| {
        key.sign(&json!({"alg": "EdDSA", "kid": kid}), &with(claims(&app), "sub", json!(subject)))
    };
    assert_eq!(models(&app, &sign("ada", "1")).await.status, 200);
    app.clock.advance(MINUTE);
    let held = issuer.hold();
    let (invented, good) = (sign("eve", "invented"), sign("bob", "1"));
    let mut waits = std::pin::pin!(models(&app, &invented));
    let others = async {
        issuer.until_asked(2).await;
        models(&app, &good).await
    };
    tokio::select! {
        biased;
        answer = &mut waits => panic!("the issuer has not answered: {}", answer.status),
        answer = others => assert_eq!(answer.status, 200, "{}", answer.text()),
    }
    drop(held);
    assert_eq!(waits.await.status, 401, "whose key is not known waits for what the issuer says");
    // The time of its keys is over, and the issuer hangs.
    app.clock.advance(11 * MINUTE);
    let held = issuer.hold();
    let (first, second) = (sign("eva", "1"), sign("ben", "1"));
    let mut waits = std::pin::pin!(models(&app, &first));
    let others = async {
        issuer.until_asked(3).await;
        models(&app, &second).await
    };
    tokio::select! {
        biased;
        answer = &mut waits => panic!("the issuer has not answered: {}", answer.status),
        answer = others => assert_eq!(answer.status, 200, "one asks, and the others go by what is known"),
    }
    drop(held);
    assert_eq!(waits.await.status, 200);
}

#[tokio::test]
async fn a_suspended_tenant_refuses_those_an_issuer_vouches_for_too() {
    let key = SigningKey::ec();
    let issuer = Issuer::start(vec![key.jwk("1")]).await;
    let app = app(&issuer).await;
    let token = key.sign(&json!({"alg": "ES256", "kid": "1"}), &claims(&app));
    assert_eq!(models(&app, &token).await.status, 200);
    as_superuser(&app, &format!("update tenants set status = 'suspended' where id = '{}'", uuid(&app.tenant_id))).await;
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(models(&app, &token).await.status, 401);
}
