//! People: from registering to signing out, what a token reaches, and what nobody gets by guessing, stealing or forging one.

#[path = "people/browser.rs"]
mod browser;
#[path = "people/ended.rs"]
mod ended;
#[path = "people/guessing.rs"]
mod guessing;
#[path = "people/outside.rs"]
mod outside;
#[path = "people/tenants.rs"]
mod tenants;
#[path = "people/timing.rs"]
mod timing;

use browser::{Browser, PASSWORD};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::{Answer, App, MODELS, TOKEN_SECRET},
    issuer::{SigningKey, base64},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Status and code.
fn outcome(answer: &Answer) -> (u16, String) {
    let text = answer.text();
    (answer.status.as_u16(), if text.is_empty() { String::new() } else { answer.error_code() })
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn as_superuser(app: &App, sql: &str) {
    app.database.superuser().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// An id's UUID, for SQL.
fn uuid(id: &str) -> &str {
    id.split_once('_').expect("a prefix").1
}

#[tokio::test]
async fn a_person_registers_signs_in_goes_on_changes_their_password_and_leaves() {
    let app = App::start().await;
    let mut ada = Browser::new(&app);
    let body = json!({"email": "Ada@Example.com", "password": PASSWORD, "name": "Ada", "tenant_name": "Engines"});
    let answer = ada.post("register", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (user, tenant) = (answer.json()["user"].clone(), answer.json()["tenant"].clone());
    assert_eq!(
        (&user["email"], &user["name"], &tenant["name"]),
        (&json!("ada@example.com"), &json!("Ada"), &json!("Engines"))
    );
    let cookie = answer.header("set-cookie").to_owned();
    for attribute in ["; Path=/v1/auth;", "; Max-Age=25919", "; HttpOnly", "; Secure", "; SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");

    let answer = ada.sign_in("ADA@example.com", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["user"], &answer.json()["tenant"]), (200, &user, &tenant));
    let me = ada.get("/v1/auth/me").await.json();
    assert_eq!((&me["user"], &me["tenant"], &me["role"]), (&user, &tenant, &json!("owner")));
    assert_eq!(me["tenants"], json!([tenant]));
    assert!(me["permissions"].as_array().is_some_and(|all| all.contains(&json!("tenant.delete"))), "{me}");

    app.clock.advance(16 * MINUTE);
    assert_eq!(outcome(&ada.get("/v1/auth/me").await), refused(401, "invalid_api_key"), "fifteen minutes are over");
    let answer = ada.post("refresh", &Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["user"], &answer.json()["tenant"]), (200, &user, &tenant));
    let answer = ada.send(Method::PATCH, "/v1/auth/me", &json!({"name": "Ada King"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["user"]["name"]), (200, &json!("Ada King")));

    let mut elsewhere = Browser::new(&app);
    assert_eq!(elsewhere.sign_in("ada@example.com", PASSWORD).await.status, 200);
    let change = |current: &str| json!({"current_password": current, "new_password": "another horse, another battery"});
    let answer = ada.post("password", &change("not that")).await;
    assert_eq!(outcome(&answer), refused(400, "invalid_value"), "{}", answer.text());
    assert_eq!(ada.post("password", &change(PASSWORD)).await.status, 204);
    assert_eq!(ada.post("refresh", &Value::Null).await.status, 200, "who changed it stays");
    assert_eq!(
        outcome(&elsewhere.post("refresh", &Value::Null).await),
        refused(401, "invalid_refresh_token"),
        "others do not"
    );
    assert_eq!(
        outcome(&elsewhere.get("/v1/auth/me").await),
        refused(401, "invalid_api_key"),
        "nor by their access token"
    );
    assert_eq!(elsewhere.sign_in("ada@example.com", PASSWORD).await.status, 401);
    assert_eq!(elsewhere.sign_in("ada@example.com", "another horse, another battery").await.status, 200);

    let stolen = ada.cookie.clone();
    let answer = ada.post("logout", &Value::Null).await;
    assert_eq!((answer.status.as_u16(), ada.cookie.as_str()), (204, ""), "the browser forgets the cookie");
    assert_eq!(outcome(&ada.get("/v1/auth/me").await), refused(401, "invalid_api_key"), "the session is over");
    ada.cookie = stolen;
    assert_eq!(outcome(&ada.post("refresh", &Value::Null).await), refused(401, "invalid_refresh_token"));
    assert_eq!(ada.post("logout", &Value::Null).await.status, 204, "out is out");
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_the_sign_in_however_often_it_is_used() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@month.example", "Engines").await;
    for day in 1..30 {
        app.clock.advance(DAY);
        assert_eq!(ada.post("refresh", &Value::Null).await.status, 200, "day {day}");
    }
    app.clock.advance(DAY);
    assert_eq!(outcome(&ada.post("refresh", &Value::Null).await), refused(401, "invalid_refresh_token"));
    assert_eq!(ada.sign_in("ada@month.example", PASSWORD).await.status, 200);
    let rows = app.database.superuser().await.query("select from refresh_tokens", &[]).await.expect("rows");
    assert_eq!(rows.len(), 1, "what has expired is forgotten with the next sign-in");
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_session_and_no_other() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@twice.example", "Engines").await;
    let mut elsewhere = Browser::new(&app);
    assert_eq!(elsewhere.sign_in("ada@twice.example", PASSWORD).await.status, 200);
    let mut thief = Browser::new(&app);
    thief.cookie = ada.cookie.clone();
    assert_eq!(thief.post("refresh", &Value::Null).await.status, 200, "whoever has it is believed once");
    let answer = ada.post("refresh", &Value::Null).await;
    assert_eq!(outcome(&answer), refused(401, "invalid_refresh_token"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "it is of no use any more");
    assert_eq!(
        outcome(&thief.post("refresh", &Value::Null).await),
        refused(401, "invalid_refresh_token"),
        "so is the thief's"
    );
    assert_eq!(outcome(&thief.get("/v1/auth/me").await), refused(401, "invalid_api_key"));
    assert_eq!(elsewhere.post("refresh", &Value::Null).await.status, 200, "another session goes on");
    let sql = "select 1 from audit_events where action = 'sessions.end_stolen'";
    assert_eq!(app.database.superuser().await.query(sql, &[]).await.expect("rows").len(), 1, "the audit has it");
}

#[tokio::test]
async fn of_two_who_refresh_at_the_same_moment_one_is_the_second() {
    let app = App::start().await;
    let ada = Browser::registered(&app, "ada@race.example", "Engines").await;
    let mut browsers = [Browser::new(&app), Browser::new(&app)];
    for browser in &mut browsers {
        browser.cookie = ada.cookie.clone();
    }
    let [one, other] = &mut browsers;
    let (first, second) = tokio::join!(one.post("refresh", &Value::Null), other.post("refresh", &Value::Null));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    for browser in &mut browsers {
        assert_eq!(browser.post("refresh", &Value::Null).await.status, 401, "the session is over for both");
    }
}

#[tokio::test]
async fn a_cookie_that_is_none_is_a_401_and_two_are_a_400() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@cookie.example", "Engines").await;
    let good = ada.cookie.clone();
    let other_id = format!("rft_{}_{}", uuid::Uuid::now_v7().simple(), good.rsplit('_').next().expect("a secret"));
    let other_secret = format!("{}_{}", good.rsplit_once('_').expect("two parts").0, "1".repeat(32));
    #[rustfmt::skip]
    let table = [
        (String::new(),                               401, "no cookie"),
        ("rubbish".to_owned(),                        401, "no token"),
        (other_id,                                    401, "an unknown token"),
        (other_secret,                                401, "a wrong secret, which ends nothing"),
        (format!("{good}; supergate_refresh={good}"), 400, "two, of which nobody could say which counts"),
        (good,                                        200, "the positive control"),
    ];
    for (cookie, status, why) in table {
        ada.cookie = cookie;
        assert_eq!(ada.post("refresh", &Value::Null).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn a_token_that_is_expired_forged_or_confused_is_a_401() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@forged.example", "Engines").await;
    let parts: Vec<&str> = ada.token.split('.').collect();
    let claims: Value = serde_json::from_slice(&decode(parts[1])).expect("claims");
    let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": "v1"});
    let ours = SigningKey::Secret(TOKEN_SECRET.as_bytes().to_vec());
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        ours.sign(&header, &claims)
    };
    let alg = |alg: &str| json!({"typ": "at+jwt", "alg": alg, "kid": "v1"});
    let forged = |secret: &[u8]| SigningKey::Secret(secret.to_vec()).sign(&header, &claims);
    let (seconds, other) = (claims["iat"].as_u64().expect("a time"), "ten_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b");
    #[rustfmt::skip]
    let table = [
        (ours.sign(&header, &claims),                             200, "the positive control"),
        (forged(b"another secret of thirty-two bytes"),           401, "another key"),
        (forged(b""),                                             401, "no key"),
        (format!("{}.{}.", base64(alg("none").to_string()), parts[1]), 401, "alg none"),
        (format!("{}.{}.{}", base64(alg("none").to_string()), parts[1], parts[2]), 401, "alg none with a signature"),
        (SigningKey::rsa().sign(&alg("RS256"), &claims),          401, "another algorithm, whoever's key"),
        (ours.sign(&alg("HS512"), &claims),                       401, "an algorithm that the key is not for"),
        (ours.sign(&json!({"alg": "HS256"}), &claims),            401, "no key id"),
        (ours.sign(&json!({"alg": "HS256", "kid": "v2"}), &claims), 401, "another key id"),
        (ours.sign(&json!({"alg": "HS256", "kid": "v1", "crit": ["exp"]}), &claims), 401, "what is critical is not understood"),
        (ours.sign(&json!({"alg": "HS256", "kid": "v1", "jwk": {"kty": "oct", "k": "AA"}}), &claims), 200, "a key in the header is not looked at"),
        (with("exp", json!(seconds)),                             401, "expired"),
        (with("exp", Value::Null),                                401, "without an end"),
        (with("aud", json!("them")),                              401, "for others"),
        (with("iss", json!("https://idp.example")),               401, "an issuer that nobody configured"),
        (with("tenant", json!(other)),                            401, "a tenant that they are no member of"),
        (with("tenant", json!(format!("{}'", app.tenant_id))),    401, "no tenant's id"),
        (with("sub", json!("usr_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b")), 401, "nobody"),
        (format!("{} ", parts[..2].join(".")),                    401, "two parts"),
        (format!("{}.{}", ada.token, parts[2]),                   401, "four parts"),
    ];
    for (token, status, why) in table {
        ada.token = token;
        assert_eq!(ada.get("/v1/models").await.status, status, "{why}");
    }
}

#[tokio::test]
async fn every_route_takes_a_token_and_one_credential_only() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@routes.example", "Engines").await;
    let ask = json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(ada.send(Method::POST, "/v1/chat/completions", &ask).await.status, 200);
    assert_eq!(ada.get("/v1/models").await.status, 200);
    let key = json!({"provider": "mistral", "api_key": "0123456789abcdef0123456789abcdef"});
    assert_eq!(ada.send(Method::POST, "/v1/tenant/keys", &key).await.status, 201);
    assert_eq!(
        ada.get("/v1/tenant/keys").await.json()["data"].as_array().map(Vec::len),
        Some(1),
        "their tenant's and no other's"
    );
    let me = ada.get("/v1/auth/me").await.json();
    let rows = app.usage_events().await;
    assert_eq!(rows.len(), 1);
    let plain = |id: &Value| uuid(id.as_str().expect("an id")).to_owned();
    let stored = |column: &str| rows[0][column].as_str().expect(column).replace('-', "");
    assert_eq!((stored("person_id"), stored("tenant_id")), (plain(&me["user"]["id"]), plain(&me["tenant"]["id"])));
    for path in ["/v1/models", "/v1/tenant/keys", "/v1/auth/me"] {
        let request = http::Request::get(path)
            .header("authorization", format!("Bearer {}", ada.token))
            .header("authorization", format!("Bearer {}", app.api_key));
        let answer = app.send(request.body(lambda_http::Body::Empty).expect("a request")).await;
        assert_eq!(outcome(&answer), refused(400, "several_credentials"), "{path}");
        // As API Gateway's second form of events hands on two headers.
        for (joined, status) in [
            (format!("Bearer {}, Bearer {}", ada.token, app.api_key), 400),
            (format!("Bearer {},Basic YTpi", ada.token), 400),
            (format!("Basic YTpi, bearer {}", ada.token), 400),
            ("Digest username=\"a\", realm=\"b\"".to_owned(), 401),
        ] {
            let request = http::Request::get(path).header("authorization", &joined);
            let answer = app.send(request.body(lambda_http::Body::Empty).expect("a request")).await;
            assert_eq!(answer.status, status, "{path}: {joined}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_cookie_of_one_and_a_credential_of_another_are_a_400_and_of_one_person_they_are_one() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@shared.example", "Engines").await;
    let mut bob = Browser::registered(&app, "bob@shared.example", "Looms").await;
    let tenant = bob.get("/v1/auth/me").await.json()["tenant"]["id"].clone();
    let switch = json!({"tenant_id": tenant});
    let other = SigningKey::Secret(b"another secret of thirty-two bytes".to_vec());
    let forged = other.sign(&json!({"typ": "at+jwt", "alg": "HS256", "kid": "v1"}), &json!({"iss": "supergate"}));
    let own = bob.token.clone();
    for age in [0, 16] {
        app.clock.advance(age * MINUTE);
        for (token, why) in [
            (&ada.token, "another person's token, ended or not"),
            (&app.api_key, "a key, which is nobody's"),
            (&forged, "nobody's token"),
        ] {
            bob.token.clone_from(token);
            for (route, body) in [("refresh", &Value::Null), ("switch", &switch), ("logout", &Value::Null)] {
                let answer = bob.post(route, body).await;
                assert_eq!(outcome(&answer), refused(400, "several_credentials"), "{route}: {why}");
            }
        }
    }
    assert_eq!(ada.post("refresh", &Value::Null).await.status, 200, "nobody's session was ended");
    for (name, value) in [("authorization", format!("Bearer {}", app.api_key)), ("x-api-key", "another".to_owned())] {
        for cookie in [None, Some(format!("supergate_refresh={}", bob.cookie))] {
            let mut request = http::Request::post("/v1/auth/logout").header(name, &value);
            request = match &cookie {
                Some(cookie) => request.header("cookie", cookie),
                None => request.header("authorization", format!("Bearer {own}")),
            };
            let answer = app.send(request.body(lambda_http::Body::Empty).expect("a request")).await;
            assert_eq!(outcome(&answer), refused(400, "several_credentials"), "{name} beside {cookie:?}");
        }
    }
    bob.token.clone_from(&own);
    assert_eq!(bob.post("refresh", &Value::Null).await.status, 200, "what a browser sends when a token has ended");
    bob.token.clone_from(&own);
    assert_eq!(bob.post("switch", &switch).await.status, 200);
    assert_eq!(bob.post("logout", &Value::Null).await.status, 204);
}

#[tokio::test]
async fn a_key_may_ask_who_it_is_and_has_no_account_of_its_own() {
    let app = App::start().await;
    let me = app.call(Method::GET, "/v1/auth/me", &app.api_key, &Value::Null).await.json();
    assert_eq!((&me["user"], &me["tenant"]["id"], &me["role"]), (&Value::Null, &json!(app.tenant_id), &json!("owner")));
    let invitation = format!("inv_{}_{}", uuid(&app.tenant_id), "1".repeat(32));
    for (method, route, body) in [
        (Method::PATCH, "me", json!({"name": "Ada"})),
        (Method::POST, "password", json!({"current_password": PASSWORD, "new_password": PASSWORD})),
        (Method::POST, "switch", json!({"tenant_id": app.tenant_id})),
        (Method::POST, "accept", json!({"invitation": invitation})),
    ] {
        let path = format!("/v1/auth/{route}");
        let answer = app.call(method.clone(), &path, &app.api_key, &body).await;
        assert_eq!(outcome(&answer), refused(403, "permission_denied"), "{route}");
        assert_eq!(app.call(method, &path, "sg_live_nobody", &body).await.status, 401, "{route}");
    }
    for (path, method, status) in [
        ("/v1/auth", Method::POST, 404),
        ("/v1/auth/", Method::POST, 404),
        ("/v1/auth/admin", Method::POST, 404),
        ("/v1/auth/login/x", Method::POST, 404),
        ("/v1/auth/login", Method::GET, 405),
        ("/v1/auth/me", Method::POST, 405),
        ("/v1/auth/me", Method::DELETE, 405),
    ] {
        assert_eq!(app.call(method.clone(), path, &app.api_key, &json!({})).await.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn a_bad_body_names_every_fault_and_repeats_no_secret() {
    let app = App::start().await;
    let mut nobody = Browser::new(&app);
    let good = json!({"email": "ada@faults.example", "password": PASSWORD, "name": "Ada", "tenant_name": "Engines"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let all = json!({"email": "ada@", "password": "sëcret", "tenant_name": "\u{202e}", "role": "operator"});
    #[rustfmt::skip]
    let table = [
        (all,                                             "email password name tenant_name role", "all of them at once"),
        (json!({}),                                       "email password name tenant_name", "nothing"),
        (with("email", json!("\u{430}da@faults.example")), "email",       "a Cyrillic letter"),
        (with("email", json!(["ada@faults.example"])),    "email",        "no string"),
        (with("password", json!("1234567")),              "password",     "too short"),
        (with("password", json!("x".repeat(129))),        "password",     "too long"),
        (with("password", json!("correct\u{7}horse")),    "password",     "a control character"),
        (with("name", json!("a\u{0}b")),                  "name",         "a control character"),
        (with("tenant_name", json!("x".repeat(201))),     "tenant_name",  "too long"),
        (with("tier", json!("enterprise")),               "tier",         "what nobody gives to themselves"),
        (with("invitation", json!("inv_x")),              "invitation",   "neither an invitation nor one place"),
    ];
    for (body, params, why) in table {
        let answer = nobody.post("register", &body).await;
        assert_eq!(answer.status, 400, "{why}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().expect("a message").to_owned();
        for param in params.split(' ') {
            assert!(message.contains(&format!("`{param}`")), "{why}: {param} in {message}");
        }
        assert!(!message.contains("sëcret") && !message.contains("1234567"), "{why}: {message}");
    }
    assert_eq!(nobody.post("register", &good).await.status, 201, "the positive control");
    let answer = Browser::new(&app).post("register", &with("email", json!("ADA@faults.example"))).await;
    assert_eq!(outcome(&answer), refused(409, "conflict"), "one account for an address, however it is written");
    let people = app.database.superuser().await.query("select from people", &[]).await.expect("rows");
    let tenants = "select from tenants where name = 'Engines'";
    let tenants = app.database.superuser().await.query(tenants, &[]).await.expect("rows");
    assert_eq!((people.len(), tenants.len()), (1, 1), "nothing is stored half");
}

#[tokio::test]
async fn no_password_and_no_token_is_stored() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@dump.example", "Engines").await;
    ada.post("refresh", &Value::Null).await;
    let superuser = app.database.superuser().await;
    let mut dump = String::new();
    for table in ["people", "refresh_tokens", "audit_events", "members", "tenants"] {
        let sql = format!("select coalesce(string_agg(to_jsonb(t)::text, ' '), '') from {table} t");
        dump += superuser.query_one(&sql, &[]).await.expect(table).get::<_, &str>(0);
    }
    assert!(dump.contains("ada@dump.example") && dump.contains("$argon2id$"), "the positive control");
    let secret = ada.cookie.rsplit('_').next().expect("a secret").to_owned();
    for secret in [PASSWORD, &secret, &ada.token] {
        assert!(!dump.contains(secret), "{secret}");
    }
}

fn decode(part: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).expect("base 64")
}
