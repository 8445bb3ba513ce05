//! `/v1/prices`, and what is charged by them.

use http::Method;
use serde_json::{Value, json};
use supergate_tests::{
    app::{Answer, App, MODELS, provider_key},
    office::text,
};

const PRICES: &str = "/v1/prices";
const PRIVATE: &str = "openai/ft:gpt-4.1:acme::b7d3";

async fn send(app: &App, method: Method, path: &str, body: Value) -> Answer {
    app.call(method, path, &app.api_key, &body).await
}

/// Sets a price with somebody's key, and lets the time pass for which callers are remembered.
async fn set(app: &App, key: &str, body: Value) -> Value {
    let answer = app.call(Method::POST, PRICES, key, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    app.clock.advance(std::time::Duration::from_secs(31));
    answer.json()
}

/// Asks a model and gives the cost, in nano-dollars, and the price's version, as the ledger has them, with the tokens.
async fn ask(app: &App, model: &str) -> (i64, String, i64, i64) {
    let answer = app.chat(&json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let row = app.usage_events().await.pop().expect("a row");
    let number = |name: &str| row[name].as_i64().expect(name);
    (number("cost_nanos"), text(&row["price_version"]), number("input_tokens"), number("output_tokens"))
}

async fn own_key(app: &App) {
    let body = json!({"provider": "openai", "api_key": provider_key("openai")});
    assert_eq!(send(app, Method::POST, "/v1/tenant/keys", body).await.status, 201);
}

#[tokio::test]
async fn the_platforms_price_is_charged_where_its_keys_serve() {
    let app = App::start().await;
    let (_, listed, ..) = ask(&app, MODELS[0]).await;
    assert!(listed.starts_with("list-"), "{listed}");
    let body = json!({"model": MODELS[0], "input_usd": 1000, "output_usd": 2000});
    let price = set(&app, &app.operator_key, body).await;
    assert_eq!((&price["set_by"], &price["status"]), (&json!("platform"), &json!("in_force")));
    let (cost, version, input, output) = ask(&app, MODELS[0]).await;
    assert_eq!((cost, version), ((input * 1000 + output * 2000) * 1000, text(&price["id"])), "to the nano-dollar");
    let shown = app.get(&format!("/v1/models/{}", MODELS[0])).await.json();
    assert_eq!((&shown["pricing"]["prompt"], &shown["pricing"]["completion"]), (&json!("0.001"), &json!("0.002")));
    let list = app.get("/v1/models").await.json();
    let listed = list["data"].as_array().expect("a list").iter().find(|one| one["id"] == MODELS[0]).expect("the model");
    assert_eq!(listed["pricing"], shown["pricing"]);

    own_key(&app).await;
    app.clock.advance(std::time::Duration::from_secs(31));
    let (_, version, ..) = ask(&app, MODELS[0]).await;
    assert!(version.starts_with("list-"), "a tenant's own key is of its own contract: {version}");
}

#[tokio::test]
async fn a_tenants_price_is_charged_where_its_own_key_serves_and_nowhere_else() {
    let app = App::start().await;
    let body = json!({"model": MODELS[0], "input_usd": 0.000001, "output_usd": 0});
    let price = set(&app, &app.api_key, body).await;
    let (cost, version, ..) = ask(&app, MODELS[0]).await;
    assert!(version.starts_with("list-") && cost > 0, "nobody makes the platform's keys cheap: {version}");
    own_key(&app).await;
    app.clock.advance(std::time::Duration::from_secs(31));
    let (cost, version, input, _) = ask(&app, MODELS[0]).await;
    assert_eq!((cost, version), ((input + 500) / 1000, text(&price["id"])));
    let other = app.other_tenant("other").await;
    let others = app.look(&format!("/v1/models/{}", MODELS[0]), &other.key).await.json();
    assert_ne!(others["pricing"]["completion"], "0", "it is that tenant's alone");
}

#[tokio::test]
async fn a_price_holds_from_its_moment_on_until_another_does() {
    let app = App::start().await;
    let begins = |seconds: i64| {
        let at = time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        at.format(&time::format_description::well_known::Rfc3339).expect("a time")
    };
    let price = |usd: u32, seconds| json!({"model": MODELS[0], "input_usd": usd, "output_usd": usd, "starts_at": begins(seconds)});
    let first = text(&set(&app, &app.operator_key, price(1, 0)).await["id"]);
    let second = set(&app, &app.operator_key, price(2, 600)).await;
    assert_eq!(second["status"], "upcoming");
    let third = json!({"model": MODELS[0], "withdrawn": true, "starts_at": begins(1200)});
    let third = text(&set(&app, &app.operator_key, third).await["id"]);
    let second = text(&second["id"]);
    for (after, expected) in [(0, first.as_str()), (600, &second), (600, "list-")] {
        app.clock.advance(std::time::Duration::from_secs(after));
        let (_, version, ..) = ask(&app, MODELS[0]).await;
        assert!(version.starts_with(expected), "{version} in place of {expected}");
    }
    let all = app.look(&format!("{PRICES}?model={}", MODELS[0]), &app.operator_key).await.json();
    let statuses: Vec<String> =
        all["data"].as_array().expect("a list").iter().map(|one| text(&one["status"])).collect();
    assert_eq!(statuses, ["in_force", "past", "past"]);
    for (id, status) in [(&third, 409), (&second, 204), (&first, 204)] {
        let path = format!("{PRICES}/{id}");
        let answer = app.call(Method::DELETE, &path, &app.operator_key, &Value::Null).await;
        assert_eq!(answer.status, status, "what holds is replaced, not deleted: {}", answer.text());
    }
}

#[tokio::test]
async fn a_model_that_no_list_has_is_asked_at_its_price_and_not_without_one() {
    let app = App::start().await;
    let unknown = app.chat(&json!({"model": PRIVATE, "messages": [{"role": "user", "content": "hi"}]})).await;
    assert_eq!((unknown.status.as_u16(), unknown.error_code().as_str()), (404, "model_not_found"));
    let body = json!({"model": PRIVATE, "based_on": "gpt-4.1", "input_usd": 3, "output_usd": 12});
    let price = set(&app, &app.api_key, body).await;
    assert_eq!(price["based_on"], "openai/gpt-4.1");
    let streamed = json!({"model": PRIVATE, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let refused = app.chat(&streamed).await;
    assert_eq!(
        (refused.status.as_u16(), refused.error_code().as_str()),
        (400, "model_not_priced"),
        "{}",
        refused.text()
    );
    assert!(app.mock.bill().is_empty(), "the platform's key was not asked");

    own_key(&app).await;
    app.clock.advance(std::time::Duration::from_secs(31));
    for name in [PRIVATE, "ft:gpt-4.1:acme::b7d3"] {
        let (cost, version, input, output) = ask(&app, name).await;
        assert_eq!((cost, version), (input * 3000 + output * 12_000, text(&price["id"])), "{name}");
    }
    assert_eq!(app.usage_events().await.pop().expect("a row")["model"], "ft:gpt-4.1:acme::b7d3");
    let listed = app.get("/v1/models").await.json();
    assert!(listed["data"].as_array().expect("a list").iter().any(|one| one["id"] == PRIVATE));
    let other = app.other_tenant("other").await;
    let others = app.look(&format!("/v1/models/{PRIVATE}"), &other.key).await;
    assert_eq!(others.status, 404, "it is that tenant's alone");

    set(&app, &app.api_key, json!({"model": PRIVATE, "based_on": "openai/gpt-4.1", "withdrawn": true})).await;
    let refused = app.chat(&streamed).await;
    assert_eq!(refused.error_code(), "model_not_priced", "{}", refused.text());
}

#[tokio::test]
async fn what_is_wrong_with_a_price_is_told_at_once_by_name() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        (json!({}), 400, &["`model`: is required", "`input_usd`: is required", "`output_usd`: is required"][..], "all that is missing"),
        (json!({"model": MODELS[0], "input_usd": -1, "output_usd": 0.1234567, "starts_at": "2020-01-01T00:00:00Z", "colour": "red"}), 400,
            &["`input_usd`: must be US dollars per million", "`output_usd`: must", "`starts_at`: must not be in the past", "`colour`: is not a field"], "all faults at once"),
        (json!({"model": PRIVATE, "input_usd": 1, "output_usd": 1}), 400, &["`model`: needs a `based_on`"], "no list has it"),
        (json!({"model": "ft:x", "based_on": "gpt-4.1", "input_usd": 1, "output_usd": 1}), 400, &["`model`: must be written as"], "of which provider?"),
        (json!({"model": "openai/../x", "based_on": "gpt-4.1", "input_usd": 1, "output_usd": 1}), 400, &["`model`: must have letters"], "a path is no model"),
        (json!({"model": MODELS[0], "based_on": "gpt-4.1", "input_usd": 1, "output_usd": 1}), 400, &["the list has this one"], "what it costs otherwise is known"),
        (json!({"model": PRIVATE, "based_on": "mistral/mistral-small-latest", "input_usd": 1, "output_usd": 1}), 400, &["same provider"], "its wire is another"),
        (json!({"model": MODELS[0], "withdrawn": true, "input_usd": 1}), 400, &["`input_usd`: is no part"], "one or the other"),
        (json!({"model": "openai/text-embedding-3-small", "input_usd": 0.02}), 201, &[], "vectors have no answer to be paid"),
    ];
    for (body, status, pieces, why) in table {
        let answer = send(&app, Method::POST, PRICES, body).await;
        assert_eq!(answer.status.as_u16(), status, "{why}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        for piece in pieces {
            assert!(message.contains(piece), "{why}: {piece} in {message}");
        }
    }
    let twice = json!({"model": MODELS[0], "input_usd": 1, "output_usd": 1, "starts_at": "2099-01-01T00:00:00Z"});
    assert_eq!(send(&app, Method::POST, PRICES, twice.clone()).await.status, 201);
    assert_eq!(send(&app, Method::POST, PRICES, twice).await.error_code(), "conflict");
}

#[tokio::test]
async fn what_the_operators_set_for_a_tenant_holds_and_is_not_the_tenants_to_change() {
    let app = App::start().await;
    let path = format!("{PRICES}?tenant_id={}", app.tenant_id);
    let body = json!({"model": MODELS[0], "input_usd": 7, "output_usd": 7, "starts_at": "2099-01-01T00:00:00Z"});
    let price = app.call(Method::POST, &path, &app.operator_key, &body).await.json();
    assert_eq!(price["set_by"], "operator");
    let own = send(&app, Method::DELETE, &format!("{PRICES}/{}", text(&price["id"])), Value::Null).await;
    assert_eq!((own.status.as_u16(), own.error_code().as_str()), (403, "permission_denied"));
    let now = json!({"model": MODELS[0], "input_usd": 8, "output_usd": 8});
    let now = app.call(Method::POST, &path, &app.operator_key, &now).await.json();
    app.clock.advance(std::time::Duration::from_secs(31));
    let (_, version, ..) = ask(&app, MODELS[0]).await;
    assert_eq!(version, text(&now["id"]), "whosever key serves");
}

#[tokio::test]
async fn models_that_answered_without_a_price_are_listed() {
    let app = App::start().await;
    ask(&app, MODELS[0]).await;
    ask(&app, MODELS[0]).await;
    let unpriced = async |path: &str, key: &str| app.look(path, key).await.json()["data"].clone();
    let path = "/v1/prices/unpriced";
    assert_eq!(unpriced(path, &app.api_key).await, json!([]));
    let sql = "update usage_events set model_served = 'gpt-9-preview'";
    app.database.superuser().await.batch_execute(sql).await.expect("to be allowed");
    let expected = json!([{"provider": "openai", "model": "gpt-9-preview", "requests": 2}]);
    assert_eq!(unpriced(path, &app.api_key).await, expected);
    assert_eq!(unpriced(path, &app.operator_key).await, expected, "to the operators, whoever asked");
    assert_eq!(unpriced(&format!("{path}?tenant_id={}", app.tenant_id), &app.operator_key).await, expected);
    let other = app.other_tenant("other").await;
    assert_eq!(unpriced(path, &other.key).await, json!([]), "to nobody else");
    assert_eq!(app.get("/v1/prices/unpriced?days=32").await.status, 400);
}
