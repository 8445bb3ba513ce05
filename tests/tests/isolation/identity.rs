//! What a process remembers, it remembers by the whole of whose it is: principals by the whole key or token, opened
//! credentials by tenant and id.

use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate::{
    clock::Clock as _,
    crypto::secret::Pepper,
    tenancy::{KeyId, api_key::ApiKey},
};
use supergate_tests::{
    app::{Answer, App},
    issuer::{Issuer, SigningKey},
    postgres::PEPPER,
};

fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})
}

async fn chat(app: &App, key: &str, model: &str) -> Answer {
    app.call(Method::POST, "/v1/chat/completions", key, &ask(model)).await
}

#[tokio::test]
async fn two_keys_that_differ_in_their_last_bit_are_two_keys_while_one_of_them_is_remembered() {
    let app = App::start().await;
    let id = KeyId::generate(Duration::from_secs(1));
    let secret = [7; 32];
    let nearly = |byte: usize| {
        let mut secret = secret;
        secret[byte] ^= 1;
        ApiKey::new(id, &secret)
    };
    let good = ApiKey::new(id, &secret);
    let pepper = Pepper::new(PEPPER.as_bytes().to_vec()).expect("long enough");
    let hash = good.hash(&pepper);
    let sql = "insert into api_keys (id, tenant_id, name, role, hash) select $1, id, 'k', 'member', $2 from tenants where name = 'test'";
    app.database.superuser().await.execute(sql, &[id.as_uuid(), &hash.as_bytes()]).await.expect("a key");
    let model = "openai/gpt-4o-mini";
    for round in ["before the good one is remembered", "while it is"] {
        for byte in [0, 15, 31] {
            let answer = chat(&app, nearly(byte).reveal(), model).await;
            assert_eq!(answer.status, 401, "another byte {byte}, {round}");
        }
        assert_eq!(chat(&app, good.reveal(), model).await.status, 200, "the good one");
    }
    let other = ApiKey::new(KeyId::generate(Duration::from_secs(2)), &secret);
    assert_eq!(chat(&app, other.reveal(), model).await.status, 401, "the same secret under another id");
}

/// The fault was of tokens: those of one issuer and algorithm begin alike for a long way.
#[tokio::test]
async fn two_tokens_that_begin_or_end_alike_are_two_people_while_one_of_them_is_remembered() {
    let idp = SigningKey::ed();
    let issuer = Issuer::start(vec![idp.jwk("1")]).await;
    let issuers = json!([{"issuer": "https://idp.example", "audience": "supergate", "jwks_url": issuer.jwks_url(), "tenant_claim": "org",
                          "role_claim": "role"}]);
    let app = App::start_with(&[("SUPERGATE_OIDC_ISSUERS", &issuers.to_string())]).await;
    let other = app.other_tenant("other").await;
    let now = app.clock.since_epoch().as_secs();
    let token = |tenant: &str, role: &str| {
        let claims = json!({"aud": "supergate", "exp": now + 3600, "iss": "https://idp.example", "org": tenant, "role": role,
                            "sub": "somebody"});
        idp.sign(&json!({"alg": "EdDSA", "kid": "1"}), &claims)
    };
    let [owner, viewer, theirs] =
        [token(&app.tenant_id, "owner"), token(&app.tenant_id, "viewer"), token(&other.id, "owner")];
    let alike = |one: &str, other: &str| one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    assert!(alike(&owner, &theirs) > 64 && alike(&owner, &viewer) > 64, "they begin alike");
    let me = async |token: &str| app.look("/v1/auth/me", token).await.json();
    for round in ["one after the other", "while all are remembered"] {
        for (token, tenant, role) in
            [(&owner, &app.tenant_id, "owner"), (&viewer, &app.tenant_id, "viewer"), (&theirs, &other.id, "owner")]
        {
            let me = me(token).await;
            assert_eq!((&me["tenant"]["id"], &me["role"]), (&json!(tenant), &json!(role)), "{round}");
            let made = app.call(Method::POST, "/v1/keys", token, &json!({"name": "k", "role": "viewer"})).await;
            assert_eq!(made.status.as_u16(), if role == "owner" { 201 } else { 403 }, "{round}: {role}");
        }
        // The claims of one under the signature of another, and a signature that differs in its last characters.
        let parts = |token: &str| {
            token.rsplit_once('.').map(|(body, end)| (body.to_owned(), end.to_owned())).expect("three parts")
        };
        let ((body, end), (_, others)) = (parts(&owner), parts(&viewer));
        let last = if end.ends_with("AA") { "BA" } else { "AA" };
        for forged in
            [format!("{body}.{others}"), format!("{body}.{}{last}", &end[..end.len() - 2]), format!("{body}.")]
        {
            assert_eq!(app.look("/v1/models", &forged).await.status, 401, "{round}: {forged}");
        }
    }
}

/// The last four characters of the key that the mock got last.
fn shown_last(app: &App) -> String {
    let requests = app.mock.requests();
    let last = requests.last().expect("a request");
    last.headers["authorization"].rsplit('…').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn each_tenant_is_served_with_its_own_credential_in_whichever_order_they_come() {
    let mut app = App::start().await;
    let tenant = async |app: &App, name: &str, ends: Option<&str>| -> String {
        let new = app.call(Method::POST, "/v1/tenant", &app.operator_key, &json!({"name": name})).await.json();
        let key = new["api_key"].as_str().expect("a key").to_owned();
        for (provider, prefix) in [("openai", "sk-"), ("mistral", "")] {
            if let Some(ends) = ends {
                let api_key = format!("{prefix}the-same-for-nearly-everybody-{}{ends}", &provider[..2]);
                let body = json!({"provider": provider, "api_key": api_key});
                let stored = app.call(Method::POST, "/v1/tenant/keys", &key, &body).await;
                assert_eq!(stored.status, 201, "{}", stored.text());
            }
        }
        key
    };
    let one = tenant(&app, "one", Some("01")).await;
    let two = tenant(&app, "two", Some("02")).await;
    let none = tenant(&app, "none", None).await;
    let platform = |provider: &str| provider[provider.len() - 4..].to_owned();
    for restarted in [false, true] {
        for round in 0..3 {
            for (key, openai, mistral) in [
                (&one, "op01".to_owned(), "mi01".to_owned()),
                (&none, platform("openai"), platform("mistral")),
                (&two, "op02".to_owned(), "mi02".to_owned()),
            ] {
                for (model, expected) in [("openai/gpt-4o-mini", &openai), ("mistral/mistral-small-latest", &mistral)] {
                    assert_eq!(chat(&app, key, model).await.status, 200);
                    assert_eq!(shown_last(&app), *expected, "{model}, round {round}, restarted: {restarted}");
                }
            }
        }
        app.restart().await;
    }
}

#[tokio::test]
async fn a_credential_with_the_id_of_another_tenants_is_not_that_one() {
    let app = App::start().await;
    let model = "openai/gpt-4o-mini";
    let new = app.call(Method::POST, "/v1/tenant", &app.operator_key, &json!({"name": "other"})).await.json();
    let other = new["api_key"].as_str().expect("a key").to_owned();
    for (key, ends) in [(&app.api_key, "aaaa"), (&other, "bbbb")] {
        let body = json!({"provider": "openai", "api_key": format!("sk-a-key-of-somebody-{ends}")});
        assert_eq!(app.call(Method::POST, "/v1/tenant/keys", key, &body).await.status, 201);
    }
    assert_eq!(chat(&app, &app.api_key, model).await.status, 200);
    assert_eq!(shown_last(&app), "aaaa");
    // The other's row under the id of the one that is remembered: it does not open, and the remembered one is not for this tenant.
    let same_id = "update provider_credentials set id = (select c.id from provider_credentials c join tenants t on t.id = c.tenant_id
                   where t.name = 'test') where tenant_id = (select id from tenants where name = 'other')";
    assert_eq!(app.database.superuser().await.execute(same_id, &[]).await.expect("an update"), 1);
    let before = app.mock.requests().len();
    let answer = chat(&app, &other, model).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (424, "provider_credential_unreadable"));
    assert_eq!(app.mock.requests().len(), before, "no provider was called");
    assert_eq!(chat(&app, &app.api_key, model).await.status, 200);
    assert_eq!(shown_last(&app), "aaaa");
}
