//! Every file of `events/`, fed to the function whose folder it is in.

use futures_util::StreamExt;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use supergate::{
    config::HealthConfig,
    db::migrations::MIGRATIONS,
    gateway::{admin::migrate::Command, after_response::AfterResponse, health::Health},
    web::{self, Function},
};
use supergate_tests::{
    app::{Answer, App, TestClock},
    cache_rows, docs,
    postgres::TestDatabase,
    table,
};

/// What a case is answered with: its folder and its name, the status, a piece of the body, the reason. It stands for both of the
/// forms in which it may come (`.v1`, `.v2`).
#[rustfmt::skip]
const CASES: &[(&str, u16, &str, &str)] = &[
    ("audit/read",                          200, r#""action":"tenants.create""#, "how the tenant began"),
    ("audit/filtered",                      200, r#""action":"tenants.create""#, "of one action"),
    ("audit/wrong-limit",                   400, r#""param":"limit""#,      "more than a page holds"),
    ("audit/no-auth",                       401, "invalid_api_key",         "no key"),
    ("chat-completions/ok",                 200, "Why is the sky blue?",    "the mock says what it heard"),
    ("chat-completions/base64",             200, "Why is the sky blue?",    "API Gateway encodes what it takes for binary"),
    ("chat-completions/stream",             200, "data: [DONE]\n\n",        "a stream ends as the dialect's streams end"),
    ("chat-completions/no-auth",            401, "invalid_api_key",         "no key"),
    ("chat-completions/not-json",           400, "invalid_json",            "not JSON"),
    ("chat-completions/duplicate-key",      400, "invalid_json",            "two parsers would read two requests"),
    ("chat-completions/wrong-content-type", 415, "application/json",        "it says what to send"),
    ("chat-completions/empty-messages",     400, r#""param":"messages""#,   "nothing to answer"),
    ("chat-completions/unknown-model",      404, "openai/gpt-4o-mini",      "it suggests a near name"),
    ("embeddings/ok",                       200, r#""object":"embedding""#, "a vector for each input"),
    ("embeddings/no-auth",                  401, "invalid_api_key",         "no key"),
    ("embeddings/not-json",                 400, "invalid_json",            "not JSON"),
    ("embeddings/unknown-model",            404, "openai/text-embedding-3-small", "it suggests a near name"),
    ("models/list",                         200, r#""object":"list""#,      "all models"),
    ("models/one",                          200, r#""id":"openai/gpt-4o-mini""#, "the one that the path names"),
    ("models/no-auth",                      401, "invalid_api_key",         "no key"),
    ("models/unknown",                      404, "model_not_found",         "no model has that name"),
    ("auth/register",                       201, "access_token",            "signed in at once"),
    ("auth/register-faults",                400, "`role`",                  "nobody gives themselves a role"),
    ("auth/login",                          200, "access_token",            "the address and the password fit"),
    ("auth/login-wrong-password",           401, "invalid_credentials",     "they do not"),
    ("auth/refresh-no-cookie",              401, "invalid_refresh_token",   "no session"),
    ("auth/refresh-unknown",                401, "invalid_refresh_token",   "nobody's session"),
    ("auth/switch-key",                     403, "permission_denied",       "a key is of one tenant"),
    ("auth/logout",                         204, "",                        "out is out"),
    ("auth/accept-key",                     403, "permission_denied",       "a key joins nothing"),
    ("auth/password-no-auth",               401, "invalid_api_key",         "nobody's password"),
    ("auth/me",                             200, r#""role":"owner""#,       "whoever calls may know as what"),
    ("auth/me-no-auth",                     401, "invalid_api_key",         "nobody"),
    ("auth/me-rename-key",                  403, "permission_denied",       "a key has no account"),
    ("budgets/create",                      201, r#""spent_usd":0.0"#,     "nothing is spent of it yet"),
    ("budgets/wrong-fields",                400, "`colour`",                "all faults at once"),
    ("budgets/list",                        200, r#""period":"month""#,     "what there is, with what is spent"),
    ("budgets/read",                        200, r#""resets_at":"20"#,      "one of them"),
    ("budgets/unknown",                     404, "not_found",               "no budget has that id"),
    ("budgets/update",                      200, r#""limit_usd":300.0"#,    "as it is now"),
    ("budgets/delete",                      204, "",                        "nothing is left to say"),
    ("budgets/no-auth",                     401, "invalid_api_key",         "no key"),
    ("budgets/limits",                      200, r#""rpm":600"#,            "the tenant's"),
    ("budgets/set-limit",                   200, r#""model":"openai/gpt-4o-mini""#, "a key's with one model"),
    ("budgets/delete-limit",                204, "",                        "the tenant's"),
    ("cache/stats",                         200, r#""mode":"shadow""#,     "how often it was wrong, and what it brought"),
    ("cache/timeseries",                    200, r#""bucket":"hour""#,     "every hour, filled"),
    ("cache/list",                          200, r#""namespace":"team-a""#, "what there is, without contents"),
    ("cache/read",                          200, r#""tiers":["exact","canonical","semantic"]"#, "one of them"),
    ("cache/unknown",                       404, "not_found",               "no entry has that id"),
    ("cache/report",                        200, r#""counted":true"#,      "nobody gets it again"),
    ("cache/delete",                        204, "",                        "nothing is left to say"),
    ("cache/empty",                         200, r#""deleted":1"#,         "those of a namespace"),
    ("cache/settings",                      200, r#""tier":"semantic""#,   "as it is by default"),
    ("cache/change-settings",               200, r#""ttl_seconds":600"#,   "as they are now"),
    ("cache/wrong-settings",                400, "`colour`",                "all faults at once"),
    ("cache/reset-settings",                204, "",                        "as it is by default"),
    ("cache/no-auth",                       401, "invalid_api_key",         "no key"),
    ("keys/list",                           200, r#""masked":"sg_live_"#,   "masked"),
    ("keys/create",                         201, r#""key":"sg_live_"#,      "the key is shown this once"),
    ("keys/wrong-fields",                   400, "`colour`",                "all faults at once"),
    ("keys/read",                           200, r#""status":"active""#,    "one of them"),
    ("keys/unknown",                        404, "not_found",               "no key has that id"),
    ("keys/update",                         200, r#""name":"night jobs""#,  "as it is now"),
    ("keys/rotate",                         200, r#""key":"sg_live_"#,      "the new secret, this once"),
    ("keys/revoke",                         204, "",                        "nothing is left to say"),
    ("keys/no-auth",                        401, "invalid_api_key",         "no key"),
    ("tenant/read",                         200, r#""name":"demo""#,        "the caller's own"),
    ("tenant/create",                       201, r#""api_key":"sg_live_"#,  "its owner's key is shown this once"),
    ("tenant/create-as-owner",              403, "tenants.manage",          "it names the permission"),
    ("tenant/update",                       200, r#""cache_prompts":false"#, "as it is now"),
    ("tenant/delete",                       200, r#""readable_left":false"#, "nothing is left to read"),
    ("tenant/delete-another-name",          400, r#""param":"name""#,       "a slip must not end a tenant"),
    ("tenant/members",                      200, r#""role":"member""#,      "who belongs to it"),
    ("tenant/invite",                       201, r#""invitation":"inv_"#,   "to be passed on"),
    ("tenant/member",                       200, r#""role":"member""#,      "one of them"),
    ("tenant/unknown-member",               404, "not_found",               "nobody has that id"),
    ("tenant/change-member",                200, r#""role":"viewer""#,      "as they are now"),
    ("tenant/remove-member",                204, "",                        "nothing is left to say"),
    ("tenant/no-auth",                      401, "invalid_api_key",         "no key"),
    ("health/ok",                           200, r#""status":"ok""#,        "everything is up"),
    ("docs/description",                    200, r#""openapi":"3.1.0""#,    "what the API is"),
    ("docs/description-head",               200, "",                        "the same without the body"),
    ("docs/page",                           200, "docs/swagger-ui.css",     "the page names its files relative to itself: below a stage it works too"),
    ("docs/page-head",                      200, "",                        "the same without the body"),
    ("docs/program",                        200, "SwaggerUIBundle",         "what the page runs, from us"),
    ("docs/program-head",                   200, "",                        "the same without the body"),
    ("docs/unknown-file",                   404, "not_found",               "only what the page loads is there, and no path leads elsewhere"),
    ("migrate/migrate",                     200, "applied",                 "it says what it did"),
    ("migrate/create-tenant",               200, "sg_live_",                "the key is shown this once"),
    ("migrate/create-operator-key",         200, "sg_live_",                "the key is shown this once"),
    ("prices/create",                       201, r#""status":"in_force""#, "from now on"),
    ("prices/create-private",               201, r#""based_on":"openai/gpt-4.1""#, "a model that no list has"),
    ("prices/wrong-fields",                 400, "six decimals",            "all faults at once"),
    ("prices/list",                         200, r#""status":"upcoming""#,  "what there is"),
    ("prices/unpriced",                     200, r#""data":[]"#,            "nothing has answered yet"),
    ("prices/read",                         200, r#""set_by":"tenant""#,    "one of them"),
    ("prices/unknown",                      404, "not_found",               "no price has that id"),
    ("prices/delete",                       204, "",                        "it had not begun"),
    ("prices/no-auth",                      401, "invalid_api_key",         "no key"),
    ("provider-keys/list",                  200, r#""provider":"mistral""#, "what there is, without secrets"),
    ("provider-keys/store",                 201, r#""last_four":"cdef""#,   "it is told by its last four characters"),
    ("provider-keys/wrong-form",            400, "`label`: is not a field", "all faults at once"),
    ("provider-keys/no-auth",               401, "invalid_api_key",         "no key"),
    ("provider-keys/read",                  200, r#""last_used_at":null"#,  "one of them"),
    ("provider-keys/missing",               404, "not_found",               "none of that provider"),
    ("provider-keys/replace",               200, r#""last_four":"3210""#,   "a new one in the place of the old"),
    ("provider-keys/delete",                204, "",                        "nothing is left to say"),
    ("rotation/scheduled",                  200, r#""rewrapped":0"#,        "what was just sealed can wait"),
    ("rotation/everything",                 200, r#""rewrapped":5"#,        "all of the platform's keys"),
    ("rotation/data-keys",                  200, r#""rewrapped":5"#,        "the same, under fresh data keys"),
    ("usage/totals",                        200, r#""requests":0"#,        "nothing was used yet"),
    ("usage/breakdown",                     200, r#""by":["model","key"]"#, "two levels"),
    ("usage/chart",                         200, r#""bucket":"hour""#,      "every hour, filled"),
    ("usage/logs",                          200, r#""next_cursor":null"#,   "no more than this page"),
    ("usage/export",                        200, "BilledCost,",             "the columns of FOCUS 1.2"),
    ("usage/unknown-parameter",             400, "is not a parameter of this route", "it is refused by name"),
    ("usage/unknown-report",                404, "not_found",               "there is no such report"),
    ("usage/no-auth",                       401, "invalid_api_key",         "no key"),
    ("rotation/resume",                     200, r#""next":null"#,          "nothing is that old"),
    ("sweeper/scheduled",                   200, r#""failed":0"#,           "nothing was interrupted"),
    ("sweeper/everything",                  200, r#""complete":true"#,      "and what is done once a day"),
    ("sweeper/by-hand",                     200, r#""brought_home":0"#,     "the same as the schedule's"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("events")
}

/// The files of a function, as (case, text).
fn events(function: &str) -> Vec<(String, String)> {
    let files = fs::read_dir(folder().join(function)).expect(function);
    let mut events: Vec<_> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let case = name.strip_suffix(".json").unwrap_or_else(|| panic!("{name} is no JSON"));
            let case = case.trim_end_matches(".v1").trim_end_matches(".v2");
            (format!("{function}/{case}"), fs::read_to_string(&path).expect("text"))
        })
        .collect();
    events.sort();
    events
}

fn expect(case: &str, status: u16, body: &str) {
    let row = CASES.iter().find(|row| row.0 == case);
    let (_, expected, piece, why) = row.unwrap_or_else(|| panic!("{case} has no row in the table of cases"));
    assert_eq!(status, *expected, "{case}: {why}: {body}");
    assert!(body.contains(piece), "{case}: {why}: {piece} in {body}");
}

fn request(event: &str, api_key: &str) -> lambda_http::Request {
    assert!(
        env::var("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH").is_ok(),
        "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH is not set: start cargo inside the repository, whose .cargo/config.toml sets it"
    );
    let event = event.replace("${SUPERGATE_API_KEY}", api_key);
    assert!(!event.contains("${"), "a placeholder that nobody fills: {event}");
    lambda_http::request::from_str(&event).unwrap_or_else(|error| panic!("{error}: {event}"))
}

#[test]
fn every_row_has_a_file() {
    let cases: BTreeSet<String> = fs::read_dir(folder())
        .expect("the events")
        .map(|function| function.expect("a folder").path())
        .filter(|path| path.is_dir())
        .flat_map(|path| events(path.file_name().and_then(|name| name.to_str()).expect("a name")))
        .map(|(case, _)| case)
        .collect();
    let rows: BTreeSet<String> = CASES.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(cases, rows, "the files and the table of cases");
}

#[tokio::test]
async fn chat_completions_embeddings_and_models_answer_each_event_as_its_name_says() {
    let app = App::start().await;
    for function in ["chat-completions", "embeddings", "models"] {
        for (case, event) in events(function) {
            let answer = app.send(request(&event, &app.api_key)).await;
            expect(&case, answer.status.as_u16(), &answer.text());
            assert!(answer.header("x-request-id").starts_with("req_"), "{case}");
            if case.ends_with("/stream") {
                let stream = answer.stream();
                assert!(stream.done && stream.error.is_null() && !stream.text.is_empty(), "{case}: {}", answer.text());
            }
        }
    }
    let billed = [events("chat-completions"), events("embeddings")]
        .iter()
        .flatten()
        .filter(|(case, _)| ["ok", "base64", "stream"].iter().any(|name| case.ends_with(name)))
        .count();
    assert_eq!(app.usage_events().await.len(), billed, "only what reached a provider is in the ledger");
}

#[tokio::test]
async fn docs_answers_each_event_as_its_name_says() {
    for (case, event) in events("docs") {
        let answer = docs::send(request(&event, "no key")).await;
        expect(&case, answer.status.as_u16(), &answer.text());
        assert_eq!(answer.text().is_empty(), case.ends_with("-head"), "{case}");
    }
}

#[tokio::test]
async fn auth_answers_each_event_as_its_name_says() {
    let app = App::start().await;
    let mut events = events("auth");
    // Nobody signs in before there is an account.
    events.sort_by_key(|(case, _)| case != "auth/register");
    for (case, event) in events {
        let answer = app.send(request(&event, &app.api_key)).await;
        expect(&case, answer.status.as_u16(), &answer.text());
    }
}

#[tokio::test]
async fn provider_keys_answers_each_event_as_its_name_says() {
    let app = App::start().await;
    let route = "/v1/tenant/keys/mistral";
    for (case, event) in events("provider-keys") {
        // Each event finds what it is about, or nothing where it is about to store.
        match case.ends_with("/store") {
            true => drop(app.call(Method::DELETE, route, &app.api_key, &Value::Null).await),
            false => drop(app.call(Method::PUT, route, &app.api_key, &json!({"api_key": "of-an-earlier-event"})).await),
        }
        let answer = app.send(request(&event, &app.api_key)).await;
        expect(&case, answer.status.as_u16(), &answer.text());
    }
}

#[tokio::test]
async fn rotation_does_what_each_event_says() {
    let app = App::start().await;
    let rotation = app.rotation(&[]).await;
    for (case, event) in events("rotation") {
        let command = serde_json::from_str(&event).unwrap_or_else(|error| panic!("{case}: {error}"));
        let report = rotation.run(command, None).await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
        expect(&case, 200, &serde_json::to_string(&report).expect("JSON"));
    }
}

#[tokio::test]
async fn sweeper_does_what_each_event_says() {
    let (app, table) = (App::start().await, table::own().await);
    let sweeper = app.sweeper(&[("SUPERGATE_TABLE", &table)]).await;
    for (case, event) in events("sweeper") {
        let command = serde_json::from_str(&event).unwrap_or_else(|error| panic!("{case}: {error}"));
        let report = sweeper.run(command, None).await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
        expect(&case, 200, &serde_json::to_string(&report).expect("JSON"));
    }
}

#[tokio::test]
async fn what_administers_a_tenant_answers_each_event_as_its_name_says() {
    let app = App::start().await;
    for function in ["audit", "budgets", "cache", "keys", "prices", "tenant", "usage"] {
        for (number, (case, event)) in events(function).into_iter().enumerate() {
            // Each event finds a tenant of its own, with a key and a member to act on.
            let tenant = app.other_tenant("demo").await;
            let member = app.member(&tenant.id, &format!("{function}{number}"), "member").await;
            let budget = json!({"limit_usd": 1, "period": "month", "hard": true});
            let budget = app.call(Method::POST, "/v1/budgets", &tenant.key, &budget).await.json();
            let limit = json!({"limits": {"rpm": 600}});
            assert_eq!(app.call(Method::PUT, "/v1/limits", &tenant.key, &limit).await.status, 200);
            let price = json!({"model": "openai/gpt-4.1", "input_usd": 1, "output_usd": 2, "starts_at": "2099-01-01T00:00:00Z"});
            let price = app.call(Method::POST, "/v1/prices", &tenant.key, &price).await.json();
            let id = tenant.id.strip_prefix("ten_").and_then(|id| id.parse().ok()).expect("an id");
            let entry = cache_rows::plant(&app.database.superuser().await, id, &json!({"part": "team-a"})).await;
            let event = event
                .replace("${SUPERGATE_CACHE_ENTRY_ID}", &entry)
                .replace("${SUPERGATE_PRICE_ID}", price["id"].as_str().expect("an id"))
                .replace("${SUPERGATE_OPERATOR_KEY}", &app.operator_key)
                .replace("${SUPERGATE_BUDGET_ID}", budget["id"].as_str().expect("an id"))
                .replace("${SUPERGATE_KEY_ID}", &tenant.key_id)
                .replace("${SUPERGATE_MEMBER_ID}", &member.id);
            let answer = app.send(request(&event, &tenant.key)).await;
            expect(&case, answer.status.as_u16(), &answer.text());
            assert!(answer.header("x-request-id").starts_with("req_"), "{case}");
        }
    }
}

/// The health function over these settings.
async fn health(vars: &HashMap<String, String>, event: &str) -> Answer {
    let config = HealthConfig::load(&|name| vars.get(name).cloned()).expect("a complete configuration");
    let clock = Arc::new(TestClock::default());
    let health = Arc::new(Health::new(config, clock.clone()).await.expect("clients"));
    let handler = move |call| {
        let health = Arc::clone(&health);
        async move { health.report(call).await }
    };
    let function = Function { name: "health", methods: &[web::GET], clock, handler };
    let response = function.answer(request(event, "no key"), AfterResponse::default()).await;
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, pieces: body.collect().await }
}

fn health_vars(database_url: String) -> HashMap<String, String> {
    let stack =
        |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"));
    HashMap::from([
        ("DATABASE_URL".into(), database_url),
        ("DATABASE_CONNECT_TIMEOUT_S".into(), "5".into()),
        ("SUPERGATE_TABLE".into(), stack("SUPERGATE_TABLE")),
        ("SUPERGATE_KMS_KEY_ID".into(), stack("SUPERGATE_KMS_KEY_ID")),
        ("SUPERGATE_EMBEDDER_FILE".into(), stack("SUPERGATE_TEST_EMBEDDER")),
    ])
}

/// Each check's name and status. Each has a latency, and nothing says where anything is.
fn checks(answer: &Answer, vars: &HashMap<String, String>) -> Vec<(String, String)> {
    let (text, body) = (answer.text(), answer.json());
    let endpoint = env::var("AWS_ENDPOINT_URL").expect("the stack's");
    let host = endpoint.trim_start_matches("http://");
    for secret in vars.values().map(String::as_str).filter(|value| value.len() > 3).chain([
        host,
        "://",
        "supergate_app",
        "127.0.0.1",
    ]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let field = |check: &Value, name: &str| check[name].as_str().expect(name).to_owned();
    let checks = body["checks"].as_array().expect("checks");
    for check in checks {
        let latency_ms = check["latency_ms"].as_f64().expect("a latency");
        assert!((0.0..5000.0).contains(&latency_ms), "{check}");
        assert_eq!(check.as_object().map(serde_json::Map::len), Some(3), "{check}");
    }
    checks.iter().map(|check| (field(check, "name"), field(check, "status"))).collect()
}

#[tokio::test]
async fn health_says_what_is_up_and_what_is_down_and_nothing_else() {
    let database = TestDatabase::migrated().await;
    let up = health_vars(database.app_url());
    let database_down = health_vars("postgresql://supergate_app@127.0.0.1:1/none?sslmode=disable".into());
    let mut table_down = up.clone();
    table_down.insert("SUPERGATE_TABLE".into(), "another-table".into());
    let mut key_down = up.clone();
    key_down.insert("SUPERGATE_KMS_KEY_ID".into(), "alias/another-key".into());
    let mut embedder_down = up.clone();
    embedder_down.insert("SUPERGATE_EMBEDDER_FILE".into(), file!().into());
    for (case, event) in events("health") {
        for (vars, down) in [
            (&up, ""),
            (&database_down, "database"),
            (&table_down, "limits_table"),
            (&key_down, "master_key"),
            (&embedder_down, "embedder"),
        ] {
            let answer = health(vars, &event).await;
            // Without the embedder all requests are served.
            if ["", "embedder"].contains(&down) {
                expect(&case, answer.status.as_u16(), &answer.text());
            } else {
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{case} without {down}: {}", answer.text());
            }
            let expected = ["database", "limits_table", "master_key", "embedder"]
                .map(|name| (name.to_owned(), if name == down { "down" } else { "ok" }.to_owned()));
            assert_eq!(checks(&answer, vars), expected, "{case} without {down}");
            let status = match down {
                "" => "ok",
                "embedder" => "degraded",
                _ => "down",
            };
            assert_eq!(answer.json()["status"], status);
        }
    }
}

#[tokio::test]
async fn migrate_does_what_each_event_says() {
    let database = TestDatabase::empty().await;
    let migrator = database.migrator();
    let mut events = events("migrate");
    // There is no tenant before there is a schema.
    events.sort_by_key(|(case, _)| !case.ends_with("/migrate"));
    for (case, event) in events {
        let command: Command = serde_json::from_str(&event).unwrap_or_else(|error| panic!("{case}: {error}"));
        let answer = migrator.run(command).await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
        expect(&case, 200, &answer.to_string());
        match case.as_str() {
            "migrate/migrate" => assert_eq!(answer["applied"].as_array().map(Vec::len), Some(MIGRATIONS.len())),
            "migrate/create-tenant" => assert!(answer["tenant_id"].as_str().is_some_and(|id| id.starts_with("ten_"))),
            _ => assert!(answer["key_id"].as_str().is_some_and(|id| id.starts_with("key_")), "{case}"),
        }
    }
    for wrong in [
        json!({}),
        json!({"action": "drop"}),
        json!({"action": "create_tenant"}),
        json!({"action": "create_tenant", "name": "a", "plan": "b"}),
    ] {
        assert!(serde_json::from_value::<Command>(wrong.clone()).is_err(), "{wrong}");
    }
}
