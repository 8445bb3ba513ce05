//! `/v1/budgets` and `/v1/limits`: what is defined, by whom, and what is refused.

use http::Method;
use serde_json::{Value, json};
use supergate_tests::{
    app::{Answer, App},
    office::text,
};

const BUDGETS: &str = "/v1/budgets";
const LIMITS: &str = "/v1/limits";

async fn send(app: &App, method: Method, path: &str, body: Value) -> Answer {
    app.call(method, path, &app.api_key, &body).await
}

async fn make(app: &App, body: Value) -> Value {
    let answer = send(app, Method::POST, BUDGETS, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// The parameters that a refusal names, as its message has them.
fn refusal(answer: &Answer) -> (u16, String, String) {
    (answer.status.as_u16(), answer.error_code(), answer.json()["error"]["message"].as_str().unwrap_or_default().into())
}

#[tokio::test]
async fn a_budget_is_made_shown_listed_changed_and_deleted() {
    let app = App::start().await;
    let first = make(&app, json!({"limit_usd": 12.34, "period": "month", "hard": true})).await;
    assert!(text(&first["id"]).starts_with("bud_"));
    assert_eq!(first["scope"], json!({}), "nothing named is the tenant");
    for (name, expected) in [
        ("limit_usd", json!(12.34)),
        ("period", json!("month")),
        ("hard", json!(true)),
        ("set_by", json!("tenant")),
        ("spent_usd", json!(0.0)),
        ("reserved_usd", json!(0.0)),
        ("remaining_usd", json!(12.34)),
        ("forecast_usd", Value::Null),
    ] {
        assert_eq!(first[name], expected, "{name}");
    }
    assert!(
        text(&first["starts_at"]).ends_with("-01T00:00:00Z") && text(&first["resets_at"]).ends_with("-01T00:00:00Z")
    );
    let key = text(&send(&app, Method::GET, "/v1/keys", Value::Null).await.json()["data"][0]["id"]);
    let member = app.member(&app.tenant_id, "ada", "member").await.id;
    let scopes = [json!({"key_id": key}), json!({"member_id": member}), json!({"tag": "team:search"})];
    for scope in &scopes {
        let made = make(&app, json!({"scope": scope, "limit_usd": 1, "period": "total", "hard": false})).await;
        assert_eq!(&made["scope"], scope);
        assert_eq!((&made["starts_at"], &made["resets_at"]), (&Value::Null, &Value::Null), "`total` never ends");
    }
    let page = app.get("/v1/budgets?limit=3").await.json();
    let shown: Vec<&Value> = page["data"].as_array().expect("a list").iter().map(|one| &one["scope"]).collect();
    assert_eq!(shown, scopes.iter().rev().collect::<Vec<_>>(), "newest first");
    let rest = app.get(&format!("/v1/budgets?limit=3&cursor={}", text(&page["next_cursor"]))).await.json();
    assert_eq!((rest["data"].as_array().map(Vec::len), &rest["next_cursor"]), (Some(1), &Value::Null));

    let path = format!("{BUDGETS}/{}", text(&first["id"]));
    let changed = send(&app, Method::PATCH, &path, json!({"limit_usd": 0.000_000_001, "hard": false})).await.json();
    assert_eq!((&changed["limit_usd"], &changed["hard"]), (&json!(1e-9), &json!(false)));
    assert_eq!(app.get(&path).await.json()["limit_usd"], json!(1e-9));
    assert_eq!(send(&app, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(app.get(&path).await.status, 404);
    let acts: Vec<String> = app.audit(&app.api_key).await.iter().map(|event| text(&event["action"])).collect();
    for action in ["budgets.create", "budgets.update", "budgets.delete"] {
        assert!(acts.iter().any(|one| one == action), "{action} in {acts:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_budget_is_told_at_once_by_name() {
    let app = App::start().await;
    let budget = make(&app, json!({"limit_usd": 1, "period": "day", "hard": true})).await;
    let one = format!("{BUDGETS}/{}", text(&budget["id"]));
    let same = json!({"limit_usd": 2, "period": "day", "hard": true, "scope": null});
    #[rustfmt::skip]
    let table = [
        (Method::POST,  BUDGETS, json!({}), 400, "invalid_value", &["`limit_usd`: is required", "`period`: is required", "`hard`: is required"][..], "all that is missing"),
        (Method::POST,  BUDGETS, json!({"limit_usd": 0, "period": "year", "hard": 1, "scope": {"tag": "a b", "team": 1}, "colour": "red"}), 400, "invalid_value",
            &["`limit_usd`: must", "`period`: must be one of day, week, month, total", "`hard`: must", "`scope.tag`: must", "`scope.team`: is not a field", "`colour`: is not a field"], "all faults at once"),
        (Method::POST,  BUDGETS, json!({"limit_usd": "1", "period": "day", "hard": true}), 400, "invalid_value", &["`limit_usd`: must be an amount"], "money is a number"),
        (Method::POST,  BUDGETS, json!({"limit_usd": 1e10, "period": "day", "hard": true}), 400, "invalid_value", &["`limit_usd`: must"], "more than there is"),
        (Method::POST,  BUDGETS, json!({"limit_usd": 4e-10, "period": "day", "hard": true}), 400, "invalid_value", &["`limit_usd`: must"], "less than what is counted in"),
        (Method::POST,  BUDGETS, json!({"limit_usd": 1, "period": "day", "hard": true, "scope": {"tag": "a", "key_id": "key_1"}}), 400, "invalid_value", &["`scope.key_id`", "one too many"], "one scope"),
        (Method::POST,  BUDGETS, json!({"limit_usd": 1, "period": "day", "hard": true, "scope": {"key_id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"}}), 404, "not_found", &[], "no such key"),
        (Method::POST,  BUDGETS, json!({"limit_usd": 1, "period": "day", "hard": true, "scope": {"member_id": "usr_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"}}), 404, "not_found", &[], "no such member"),
        (Method::POST,  BUDGETS, same, 409, "conflict", &["same scope, period and kind"], "there is one"),
        (Method::PATCH, one.as_str(), json!({"period": "week", "scope": {}}), 400, "invalid_value", &["`scope`: cannot be changed", "`period`: cannot be changed"], "what was counted was counted for that"),
        (Method::PUT,   LIMITS, json!({"scope": {"model": "openai/gpt-4o-mini"}, "limits": {}}), 400, "invalid_value", &["`scope.model`: needs a `key_id`", "`limits`: must have one of"], "both"),
        (Method::PUT,   LIMITS, json!({"limits": {"rpm": 0, "qps": 1}}), 400, "invalid_value", &["`limits.rpm`: must", "`limits.qps`: is not a field"], "by their names"),
        (Method::PUT,   LIMITS, json!({"scope": {"key_id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"}, "limits": {"rpm": 1}}), 404, "not_found", &[], "no such key"),
        (Method::PUT,   LIMITS, json!({"scope": {"key_id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "model": "openai/gpt-4o-mini"}, "limits": {"rpm": 1}}), 404, "not_found", &[], "no such key"),
        (Method::DELETE, LIMITS, Value::Null, 404, "not_found", &[], "there is none"),
        (Method::DELETE, "/v1/limits?model=x", Value::Null, 400, "invalid_value", &["`model`: needs"], "of which key?"),
    ];
    for (method, path, body, status, code, pieces, why) in table {
        let answer = send(&app, method, path, body).await;
        let (found, said, message) = refusal(&answer);
        assert_eq!((found, said.as_str()), (status, code), "{why}: {message}");
        for piece in pieces {
            assert!(message.contains(piece), "{why}: {piece} in {message}");
        }
    }
}

#[tokio::test]
async fn another_tenants_keys_and_members_are_none_to_a_budget_or_a_limit() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let member = app.member(&other.id, "ada", "member").await.id;
    let nobody = ["key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "usr_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"];
    let budget = |scope: Value| json!({"scope": scope, "limit_usd": 1, "period": "day", "hard": true});
    for (theirs, none) in [
        (budget(json!({"key_id": other.key_id})), budget(json!({"key_id": nobody[0]}))),
        (budget(json!({"member_id": member})), budget(json!({"member_id": nobody[1]}))),
    ] {
        let [theirs, none] =
            [send(&app, Method::POST, BUDGETS, theirs).await, send(&app, Method::POST, BUDGETS, none).await];
        assert_eq!((theirs.status.as_u16(), theirs.text()), (404, none.text()));
    }
    for model in [Value::Null, json!("openai/gpt-4o-mini")] {
        let put = |key: &str| json!({"scope": {"key_id": key, "model": model}, "limits": {"rpm": 1}});
        let theirs = send(&app, Method::PUT, LIMITS, put(&other.key_id)).await;
        let none = send(&app, Method::PUT, LIMITS, put(nobody[0])).await;
        assert_eq!((theirs.status.as_u16(), theirs.text()), (404, none.text()));
    }
}

#[tokio::test]
async fn a_limit_of_a_key_is_the_keys_own() {
    let app = App::start().await;
    let made = json!({"name": "batch", "role": "member", "limits": {"rpm": 5}});
    let key = text(&send(&app, Method::POST, "/v1/keys", made).await.json()["id"]);
    let put = json!({"scope": {"key_id": key}, "limits": {"tpm": 1000}});
    let set = send(&app, Method::PUT, LIMITS, put).await;
    assert_eq!(set.status, 200, "{}", set.text());
    let limits = json!({"rpm": null, "tpm": 1000, "concurrency": null});
    assert_eq!(set.json()["limits"], limits, "set as a whole");
    assert_eq!(app.get(&format!("/v1/keys/{key}")).await.json()["limits"], limits, "the same at /v1/keys");

    let with_model = json!({"scope": {"key_id": key, "model": "gpt-4o-mini"}, "limits": {"concurrency": 2}});
    assert_eq!(send(&app, Method::PUT, LIMITS, with_model).await.json()["scope"]["model"], "openai/gpt-4o-mini");
    let tenants = json!({"limits": {"rpm": 600}});
    assert_eq!(send(&app, Method::PUT, LIMITS, tenants).await.status, 200);
    let all = app.get(LIMITS).await.json();
    let scopes: Vec<&Value> = all["data"].as_array().expect("a list").iter().map(|one| &one["scope"]).collect();
    let expected = [json!({}), json!({"key_id": key}), json!({"key_id": key, "model": "openai/gpt-4o-mini"})];
    assert_eq!(scopes, expected.iter().collect::<Vec<_>>(), "the tenant's first, a key's before its models'");
    let mut cursor = String::new();
    let mut paged = Vec::new();
    for _ in 0..3 {
        let page = app.get(&format!("{LIMITS}?limit=1{cursor}")).await.json();
        paged.push(page["data"][0]["scope"].clone());
        cursor = page["next_cursor"].as_str().map_or_else(String::new, |next| format!("&cursor={next}"));
    }
    assert_eq!((paged.as_slice(), cursor.as_str()), (expected.as_slice(), ""), "the same in pages");
    let of_key = app.get(&format!("{LIMITS}?key_id={key}")).await.json();
    assert_eq!(of_key["data"].as_array().map(Vec::len), Some(2));

    for (query, left) in
        [("", 2), (&*format!("?key_id={key}&model=openai/gpt-4o-mini"), 1), (&*format!("?key_id={key}"), 0)]
    {
        let path = format!("{LIMITS}{query}");
        assert_eq!(send(&app, Method::DELETE, &path, Value::Null).await.status, 204, "{path}");
        assert_eq!(send(&app, Method::DELETE, &path, Value::Null).await.status, 404, "{path}: once");
        assert_eq!(app.get(LIMITS).await.json()["data"].as_array().map(Vec::len), Some(left));
    }
}

#[tokio::test]
async fn nobody_gives_a_key_higher_limits_than_they_have() {
    let app = App::start().await;
    let maker = json!({"name": "maker", "role": "admin", "limits": {"rpm": 10}});
    let maker = text(&send(&app, Method::POST, "/v1/keys", maker).await.json()["key"]);
    let made = json!({"name": "made", "role": "member", "limits": {"rpm": 5}});
    let made = text(&app.call(Method::POST, "/v1/keys", &maker, &made).await.json()["id"]);
    let put = |rpm: u32| json!({"scope": {"key_id": made}, "limits": {"rpm": rpm}});
    assert_eq!(app.call(Method::PUT, LIMITS, &maker, &put(10)).await.status, 200);
    let refused = app.call(Method::PUT, LIMITS, &maker, &put(11)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.error_code().as_str()),
        (403, "permission_denied"),
        "{}",
        refused.text()
    );
    let path = format!("{LIMITS}?key_id={made}");
    let lifted = app.call(Method::DELETE, &path, &maker, &Value::Null).await;
    assert_eq!(lifted.status, 403, "no limit is more than ten: {}", lifted.text());
}

#[tokio::test]
async fn what_the_operators_set_the_tenant_sees_and_does_not_change() {
    let app = App::start().await;
    let of_tenant = |path: &str| format!("{path}?tenant_id={}", app.tenant_id);
    let budget = json!({"limit_usd": 100, "period": "month", "hard": true});
    let theirs = app.call(Method::POST, &of_tenant(BUDGETS), &app.operator_key, &budget).await;
    assert_eq!(theirs.status, 201, "{}", theirs.text());
    let theirs = theirs.json();
    assert_eq!(theirs["set_by"], "operator");
    let one = format!("{BUDGETS}/{}", text(&theirs["id"]));
    assert_eq!(app.get(&one).await.json()["limit_usd"], 100.0, "the tenant sees it");
    make(&app, budget).await;
    let limit = json!({"limits": {"rpm": 60}});
    assert_eq!(app.call(Method::PUT, &of_tenant(LIMITS), &app.operator_key, &limit).await.status, 200);

    for (method, path, body) in [
        (Method::PATCH, one.as_str(), json!({"limit_usd": 1_000})),
        (Method::DELETE, one.as_str(), Value::Null),
        (Method::DELETE, LIMITS, Value::Null),
    ] {
        let answer = send(&app, method, path, body).await;
        let (status, code, message) = refusal(&answer);
        assert_eq!((status, code.as_str()), (403, "permission_denied"), "{path}: {message}");
        assert!(message.contains("operators of this deployment"), "{message}");
    }
    let own = json!({"limits": {"rpm": 6000}});
    assert_eq!(
        send(&app, Method::PUT, LIMITS, own).await.json()["set_by"],
        "tenant",
        "beside theirs, not in its place"
    );
    let set_by: Vec<String> = app.get(LIMITS).await.json()["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| text(&one["set_by"]))
        .collect();
    assert_eq!(set_by, ["tenant", "operator"]);
    let keys = json!({"scope": {"key_id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"}, "limits": {"rpm": 60}});
    let keys = app.call(Method::PUT, &of_tenant(LIMITS), &app.operator_key, &keys).await;
    assert_eq!(keys.status, 403, "what a key itself may do is its tenant's to say: {}", keys.text());
    let deleted = app.call(Method::DELETE, &of_tenant(&one), &app.operator_key, &Value::Null).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(app.call(Method::DELETE, &of_tenant(LIMITS), &app.operator_key, &Value::Null).await.status, 204);
}

#[tokio::test]
async fn a_tenant_has_a_hundred_budgets_and_no_more() {
    let app = App::start().await;
    let tenant = app.tenant_id.trim_start_matches("ten_").to_owned();
    let sql = format!(
        "insert into budgets (tenant_id, id, tag, limit_nanos, period, hard)
         select '{tenant}', gen_random_uuid(), 't' || n, 1, 'day', true from generate_series(1, 99) n"
    );
    app.database.superuser().await.batch_execute(&sql).await.expect("99 budgets");
    make(&app, json!({"limit_usd": 1, "period": "day", "hard": true})).await;
    let one_more = send(&app, Method::POST, BUDGETS, json!({"limit_usd": 1, "period": "week", "hard": true})).await;
    let (status, code, message) = refusal(&one_more);
    assert_eq!((status, code.as_str()), (409, "conflict"), "{message}");
    assert!(message.contains("at most 100"), "{message}");
}

#[tokio::test]
async fn a_model_of_the_tenants_own_can_be_limited() {
    const PRIVATE: &str = "openai/ft:gpt-4.1:acme::b7d3";
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let key = app.call(Method::POST, "/v1/keys", &app.api_key, &json!({"name": "k", "role": "member"})).await.json();
    let limit = json!({"scope": {"key_id": key["id"], "model": PRIVATE}, "limits": {"rpm": 1}});
    let refused = app.call(Method::PUT, LIMITS, &app.api_key, &limit).await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (400, "invalid_value"));
    assert!(refused.text().contains("scope.model"), "{}", refused.text());
    let price = json!({"model": PRIVATE, "based_on": "gpt-4.1", "input_usd": 3, "output_usd": 12});
    assert_eq!(app.call(Method::POST, "/v1/prices", &app.api_key, &price).await.status, 201);
    let set = app.call(Method::PUT, LIMITS, &app.api_key, &limit).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(set.json()["scope"]["model"], PRIVATE);
    let others = app.call(Method::POST, "/v1/keys", &other.key, &json!({"name": "k", "role": "member"})).await.json();
    let limit = json!({"scope": {"key_id": others["id"], "model": PRIVATE}, "limits": {"rpm": 1}});
    assert_eq!(app.call(Method::PUT, LIMITS, &other.key, &limit).await.status, 400, "another tenant has it not");
}
