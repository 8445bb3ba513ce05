//! Faults of other gateways that were published, tried on this one. SECURITY.md has the table; its rows name these tests.

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};
use supergate::{
    clock::SystemClock,
    config::HealthConfig,
    gateway::{after_response::AfterResponse, health::Health},
    web::{self, Function},
};
use supergate_tests::{
    app::{Answer, App, KMS_KEY, MODELS},
    canned::Canned,
    mock::MockUpstream,
};

fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})
}

async fn with_headers(app: &App, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(lambda_http::Body::Empty).expect("a request")).await
}

async fn key_of(app: &App, role: &str) -> String {
    let made = app.call(Method::POST, "/v1/keys", &app.api_key, &json!({"name": role, "role": role})).await;
    made.json()["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn what_stands_in_a_credential_or_an_address_never_becomes_sql() {
    let app = App::start().await;
    key_of(&app, "viewer").await;
    for token in [
        "' OR '1'='1",
        "x' UNION SELECT hash FROM api_keys --",
        "sg_live_' or 1=1--_x_00000000",
        "\"; drop table api_keys; --",
    ] {
        let answer =
            with_headers(&app, Method::GET, "/v1/models", &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (401, "invalid_api_key"), "{token}");
    }
    // What reaches a statement as a parameter finds what is called like that: nothing.
    let injection = "%27%20or%20%271%27%3D%271";
    #[rustfmt::skip]
    let table = [
        (format!("/v1/audit?actor={injection}"),       StatusCode::OK,          "no such actor"),
        (format!("/v1/audit?action={injection}"),      StatusCode::OK,          "no such action"),
        (format!("/v1/audit?cursor={injection}"),      StatusCode::BAD_REQUEST, "no id"),
        (format!("/v1/usage/logs?model={injection}"),  StatusCode::OK,          "no such model"),
        (format!("/v1/usage/breakdown?by=model&time_zone={injection}"), StatusCode::BAD_REQUEST, "no time zone"),
        (format!("/v1/usage/chart?period={injection}"), StatusCode::BAD_REQUEST, "no period"),
        (format!("/v1/keys?limit=1{injection}"),       StatusCode::BAD_REQUEST, "no number"),
        (format!("/v1/keys/{injection}"),              StatusCode::NOT_FOUND,   "no id"),
        (format!("/v1/tenant/keys/{injection}"),       StatusCode::NOT_FOUND,   "no provider"),
        (format!("/v1/tenant?tenant_id={injection}"),  StatusCode::NOT_FOUND,   "no id"),
        (format!("/v1/tenant/members/{injection}"),    StatusCode::NOT_FOUND,   "no id"),
    ];
    for (path, status, why) in table {
        let answer = app.get(&path).await;
        assert_eq!(answer.status, status, "{why}: {path}: {}", answer.text());
        assert!(status != StatusCode::OK || answer.json()["data"] == json!([]), "{why}: {path}: {}", answer.text());
    }
    let all = app.get("/v1/audit").await.json();
    assert!(all["data"].as_array().is_some_and(|acts| !acts.is_empty()), "the control: there are acts to find");
}

#[test]
fn every_statement_is_a_constant() {
    let db = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src/db");
    for file in
        fs::read_dir(db).expect("the folder").map(|file| file.expect("a file").path()).filter(|file| file.is_file())
    {
        let text = fs::read_to_string(&file).expect("a source");
        assert_eq!(built_statements(&text), Vec::<String>::new(), "{}", file.display());
    }
    let over_lines = "let all = format!(\n    \"select 1 \\\n     where id = '{id}'\",\n    id = f(x)\n);";
    for built in [over_lines, "write!(text, \"delete from {table}\")", "sql.push_str(&format!(\" where a = {a}\"))"] {
        assert_eq!(built_statements(built).len(), 1, "the control: {built}");
    }
}

/// What is put together in a source and looks like SQL: the arguments of each such macro, on however many lines.
fn built_statements(source: &str) -> Vec<String> {
    let words = ["select ", "insert ", "update ", "delete ", " from ", " where ", "set "];
    // What `concat!` puts together is a constant.
    let calls = ["format!(", "format_args!(", "write!("].iter().flat_map(|call| source.split(call).skip(1));
    calls
        .map(|rest| {
            let mut depth = 1;
            let end = rest.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            rest[..end.unwrap_or(rest.len())].split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .filter(|arguments| words.iter().any(|word| arguments.to_lowercase().contains(word)))
        .collect()
}

#[tokio::test]
async fn no_address_of_a_callers_is_ever_called() {
    let app = App::start().await;
    let attacker = MockUpstream::start().await.expect("a free port");
    let theirs = attacker.base_url("openai");
    for field in [
        "api_base",
        "base_url",
        "api_key",
        "endpoint",
        "url",
        "proxy",
        "custom_llm_provider",
        "extra_headers",
        "organization",
    ] {
        let mut body = ask(MODELS[0]);
        body[field] = json!(theirs);
        let answer = app.chat(&body).await;
        assert!(answer.status == 200 || answer.status == 400, "{field}: {}", answer.status);
    }
    for header in [
        "x-api-base",
        "x-base-url",
        "x-upstream-url",
        "helicone-target-url",
        "x-portkey-custom-host",
        "x-forwarded-host",
    ] {
        let mut request = app.chat_request(ask(MODELS[0]).to_string());
        request.headers_mut().insert(header, theirs.parse().expect("a header"));
        assert_eq!(app.send(request).await.status, 200, "{header}");
    }
    for model in MODELS {
        for path in ["", "/v1/chat/completions"] {
            let image = json!({"type": "image_url", "image_url": {"url": format!("{theirs}{path}")}});
            app.chat(&json!({"model": model, "messages": [{"role": "user", "content": [image]}]})).await;
        }
    }
    assert!(attacker.requests().is_empty(), "{:?}", attacker.requests());
    let sent = app.mock.requests();
    assert!(!sent.is_empty(), "the control: the provider was called");
    for request in sent {
        assert!(request.body["api_base"].is_null() && request.body["base_url"].is_null(), "{}", request.body);
        assert!(!format!("{:?}", request.headers).contains(&theirs), "{:?}", request.headers);
    }
}

#[tokio::test]
async fn no_header_turns_a_guarded_route_into_an_open_one() {
    let app = App::start().await;
    let viewer = format!("Bearer {}", key_of(&app, "viewer").await);
    let spoofed = [
        ("host", "gateway/health?"),
        ("host", "localhost"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-prefix", "/health"),
        ("x-original-url", "/health"),
        ("x-rewrite-url", "/health"),
        ("x-http-method-override", "GET"),
        ("x-amzn-apigateway-api-id", "internal"),
        ("forwarded", "for=127.0.0.1;host=localhost"),
    ];
    let guarded = [
        (Method::GET, "/v1/keys"),
        (Method::POST, "/v1/keys"),
        (Method::PATCH, "/v1/tenant"),
        (Method::GET, "/v1/audit"),
        (Method::POST, "/v1/tenant/keys"),
        (Method::GET, "/v1/tenant/members"),
    ];
    for (name, value) in spoofed {
        for (method, path) in &guarded {
            let nobody = with_headers(&app, method.clone(), path, &[(name, value)]).await;
            assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{method} {path} with {name}: {value}");
            let looks = with_headers(&app, method.clone(), path, &[(name, value), ("authorization", &viewer)]).await;
            assert_eq!(looks.status, StatusCode::FORBIDDEN, "{method} {path} with {name}: {value}, as a viewer");
        }
    }
    assert_eq!(app.get("/v1/keys").await.status, 200, "the control: with a key it is there");
}

#[tokio::test]
async fn nobody_gives_a_key_or_a_member_more_than_they_have() {
    let app = App::start().await;
    let (admin, member) = (key_of(&app, "admin").await, key_of(&app, "member").await);
    let new = |role: &str| json!({"name": "k", "role": role});
    let mine = app.call(Method::POST, "/v1/keys", &admin, &new("admin")).await;
    assert_eq!(mine.status, 201, "the control: as much as oneself: {}", mine.text());
    let path = format!("/v1/keys/{}", mine.json()["id"].as_str().expect("an id"));
    #[rustfmt::skip]
    let table = [
        (Method::POST,  "/v1/keys",   &admin,  new("owner"),                                       403, "an admin makes an owner"),
        (Method::POST,  "/v1/keys",   &admin,  new("operator"),                                    400, "an operator in a tenant"),
        (Method::POST,  "/v1/keys",   &member, new("member"),                                      403, "a member makes a key at all"),
        (Method::PATCH, &path,        &admin,  json!({"role": "owner"}),                           403, "an admin makes itself an owner"),
        (Method::POST,  "/v1/keys",   &admin,  json!({"name": "k", "role": "viewer", "allowed_routes": ["/*"]}),       400, "routes that it names itself"),
        (Method::POST,  "/v1/keys",   &admin,  json!({"name": "k", "role": "viewer", "permissions": ["tenants.manage"]}), 400, "permissions that it names itself"),
        (Method::POST,  "/v1/keys",   &admin,  json!({"name": "k", "role": "viewer", "tenant_id": "ten_00000000000070008000000000000000"}), 400, "another tenant"),
        (Method::POST,  "/v1/keys",   &admin,  json!({"name": "k", "role": "viewer", "granted_by_role": "owner"}),     400, "a maker of its choice"),
        (Method::PATCH, &path,        &admin,  json!({"user_role": "owner"}),                      400, "a role under another name"),
        (Method::PATCH, "/v1/tenant", &admin,  json!({"tier": "enterprise"}),                      403, "a tier of its choice"),
        (Method::PATCH, "/v1/tenant", &admin,  json!({"status": "active"}),                        403, "a status of its choice"),
        (Method::POST,  "/v1/tenant/members", &admin, json!({"email": "a@example.com", "role": "owner"}), 403, "an owner by invitation"),
        (Method::POST,  "/v1/tenant", &admin,  json!({"name": "another"}),                         403, "a tenant of its own"),
    ];
    for (method, path, key, body, status, why) in table {
        let answer = app.call(method.clone(), path, key, &body).await;
        assert_eq!(answer.status, status, "{why}: {method} {path} {body}: {}", answer.text());
    }
    let roles = "select count(*) from api_keys where role in ('owner', 'operator')";
    let count: i64 = app.database.superuser().await.query_one(roles, &[]).await.expect("a count").get(0);
    assert_eq!(count, 2, "those of the deployment, and no other");
}

#[tokio::test]
async fn no_count_makes_a_cost_negative_or_a_charge_disappear() {
    let usages = [
        json!({"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 86_272}}),
        json!({"prompt_tokens": -85_930, "completion_tokens": 44}),
        json!({"prompt_tokens": 10, "completion_tokens": -44}),
        json!({"prompt_tokens": i64::MAX, "completion_tokens": i64::MAX}),
        json!({"prompt_tokens": u64::MAX, "completion_tokens": 1}),
        json!({"prompt_tokens": 2_147_483_648_u64, "completion_tokens": 2_147_483_648_u64}),
        json!({"prompt_tokens": 1e30, "completion_tokens": 1}),
        json!({"prompt_tokens": "10", "completion_tokens": null}),
    ];
    for usage in usages {
        let body = json!({
            "id": "a", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "usage": usage,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi there"}, "finish_reason": "stop"}],
        });
        let upstream = Canned::answer(200, "application/json", body.to_string()).await;
        let app = App::start_with(&[("SUPERGATE_OPENAI_URL", &upstream.url())]).await;
        app.chat(&ask(MODELS[0])).await;
        let rows = app.usage_events().await;
        assert_eq!(rows.len(), 1, "{usage}: a row for every call");
        assert!(rows[0]["cost_nanos"].as_i64().is_some_and(|cost| cost > 0), "{usage}: {}", rows[0]);
    }
    let app = App::start().await;
    for (field, value) in
        [("max_tokens", json!(-1)), ("max_tokens", json!(u64::MAX)), ("n", json!(-3)), ("n", json!(1_i64 << 31))]
    {
        let mut body = ask(MODELS[0]);
        body[field] = value.clone();
        assert_eq!(app.chat(&body).await.status, 400, "{field}: {value}");
    }
    assert!(app.mock.bill().is_empty());
}

#[tokio::test]
async fn health_tells_states_and_no_key_no_address_and_no_name() {
    let app = App::start().await;
    let secret = "a-password-that-health-keeps";
    let up = app.database.url(&format!("supergate_app:{secret}"));
    let down = format!("postgresql://supergate_app:{secret}@127.0.0.1:1/the_database?sslmode=disable");
    for (url, status) in [(up, 200), (down, 503)] {
        let vars = |name: &str| match name {
            "DATABASE_URL" => Some(url.clone()),
            "SUPERGATE_KMS_KEY_ID" => Some(KMS_KEY.to_owned()),
            "OPENAI_API_KEY" => Some(secret.to_owned()),
            _ => None,
        };
        let config = HealthConfig::load(&vars).expect("a configuration");
        let health = Arc::new(Health::new(config, Arc::new(SystemClock)).await.expect("its clients"));
        let handler = move |call| {
            let health = Arc::clone(&health);
            async move { health.report(call).await }
        };
        let function = Function { name: "health", methods: &[web::GET], clock: Arc::new(SystemClock), handler };
        let request = Request::get("/health?verbose=1&model=openai").body(lambda_http::Body::Empty).expect("a request");
        let (parts, body) = function.answer(request, AfterResponse::default()).await.into_parts();
        let body = futures_util::StreamExt::collect::<Vec<_>>(body).await.concat();
        let text = String::from_utf8(body).expect("text");
        assert_eq!(parts.status.as_u16(), status, "{text}");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let names = |of: &Value| of.as_object().map(|of| of.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        assert_eq!(names(&told), ["status", "version", "checks"]);
        for check in told["checks"].as_array().expect("checks") {
            assert_eq!(names(check), ["name", "status", "latency_ms"], "{check}");
        }
        for kept in [secret, "127.0.0.1", "the_database", "supergate_app", KMS_KEY, "api_key"] {
            assert!(!text.contains(kept), "{kept}: {text}");
        }
    }
}

#[tokio::test]
async fn the_same_question_of_two_tenants_is_asked_for_each_of_them() {
    let app = App::start_with(&[("SUPERGATE_CACHE", "on")]).await;
    let other = app.other_tenant("other").await.key;
    // The mock's answers to different keys have different ids.
    let own = json!({"provider": "openai", "api_key": "sk-of-the-other-tenant-0123456789"});
    assert_eq!(app.call(Method::POST, "/v1/tenant/keys", &other, &own).await.status, 201);
    let mut ids = Vec::new();
    for (asked, key, why) in [
        (1, &app.api_key, "the first"),
        (2, &other, "another tenant has nothing kept, whoever asked the same before"),
        (2, &app.api_key, "the control: one's own is kept"),
        (2, &other, "and the other's"),
    ] {
        let answer = app.call(Method::POST, "/v1/chat/completions", key, &ask(MODELS[0])).await;
        assert_eq!(answer.status, 200, "{why}");
        assert_eq!(app.mock.requests().len(), asked, "{why}");
        ids.push(answer.json()["id"].clone());
    }
    assert_eq!((&ids[0], &ids[1]), (&ids[2], &ids[3]), "each gets its own answer again");
    assert_ne!(ids[0], ids[1], "and nobody the other's");
}

#[tokio::test]
async fn a_models_name_reaches_an_address_only_as_one_of_the_catalogue() {
    let app = App::start().await;
    for name in [
        "google/../../v1beta/cachedContents",
        "google/gemini-2.5-flash/../../files",
        "google/gemini-2.5-flash:countTokens",
        "google/gemini-2.5-flash?key=x",
        "google/gemini-2.5-flash#",
        "google/gemini-2.5-flash%2f..%2f..",
        "google/..%2Fgemini-2.5-flash",
        "google/gemini-2.5-flash\n",
        "google//gemini-2.5-flash",
        "google/https://example.com/gemini-2.5-flash",
        "openai/../admin",
        "..",
    ] {
        let answer = app.chat(&ask(name)).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "model_not_found"), "{name:?}");
        let mut embed = json!({"input": "hello"});
        embed["model"] = json!(name);
        assert_eq!(app.embed(&embed).await.status, 404, "{name:?}");
    }
    assert!(app.mock.requests().is_empty());
    assert_eq!(app.chat(&ask("google/gemini-2.5-flash")).await.status, 200);
    assert_eq!(app.mock.requests()[0].path, "/v1beta/models/gemini-2.5-flash:generateContent", "the control");
}

/// All sources of tests, in shared/ too.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, all);
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            *all += &fs::read_to_string(&entry).expect("a source");
        }
    }
}

#[test]
fn every_fault_of_the_table_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("SECURITY.md")).expect("SECURITY.md");
    let table =
        text.split("## Faults of others").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the table");
    let mut tests = String::new();
    sources(&root.join("tests/tests"), &mut tests);
    sources(&root.join("shared/src"), &mut tests);
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault")).collect();
    assert!(rows.len() >= 9, "{rows:?}");
    for row in rows {
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 3).collect();
        assert!(!named.is_empty(), "no test: {row}");
        for name in named {
            assert!(tests.contains(&format!("fn {name}()")), "there is no test {name}");
        }
    }
}
