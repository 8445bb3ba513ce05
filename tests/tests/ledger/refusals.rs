//! What a policy refuses is in the ledger, costs nothing, and reserves nothing that a killed process could leave behind.

use futures_util::StreamExt;
use http::{Method, Request};
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::{Answer, App, MODELS},
    table,
};

const PRIVATE: &str = "openai/ft:gpt-4.1:acme::b7d3";
/// For how long a process does not write the same refusal again.
const QUIET: Duration = Duration::from_secs(61);

fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}], "max_completion_tokens": 20, "user": "ada"})
}

fn request(path: &str, api_key: &str, key: Option<&str>, body: &Value) -> Request<lambda_http::Body> {
    let mut request = Request::post(path)
        .header("authorization", format!("Bearer {api_key}"))
        .header("content-type", "application/json")
        .header("x-supergate-tags", "team:search");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(lambda_http::Body::Text(body.to_string())).expect("a request")
}

/// Sends what is refused twice in a row; gives the row that this left, and what the caller was told.
async fn refused(app: &App, api_key: &str, key: Option<&str>, path: &str, body: &Value) -> (Value, Answer) {
    let (rows, asked) = (app.usage_events().await.len(), app.mock.requests().len());
    let answer = app.send(request(path, api_key, key, body)).await;
    let again = app.send(request(path, api_key, key, body)).await;
    assert_eq!((answer.status, answer.error_code()), (again.status, again.error_code()));
    let mut found = app.usage_events().await.split_off(rows);
    assert_eq!(found.len(), 1, "one row for both: {}", answer.text());
    assert_eq!(app.mock.requests().len(), asked, "no provider was asked");
    (found.remove(0), answer)
}

#[tokio::test]
async fn a_refusal_by_a_policy_is_one_row_that_costs_nothing() {
    let app = App::start().await;
    // The tenant's own model, which only its own key may serve, and it has none.
    let private = json!({"model": PRIVATE, "based_on": "openai/gpt-4.1", "input_usd": 3, "output_usd": 12});
    assert_eq!(app.call(Method::POST, "/v1/prices", &app.api_key, &private).await.status, 201);
    let bound = app
        .new_key(&app.api_key, json!({"name": "b", "role": "member", "models": ["mistral/*"], "limits": {"tpm": 25}}))
        .await;
    let bound = bound["key"].as_str().expect("a key").to_owned();
    app.clock.advance(Duration::from_secs(31));
    let first = app.send(request("/v1/chat/completions", &app.api_key, Some("k"), &ask(MODELS[1], "hello"))).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let chat = "/v1/chat/completions";
    let embed = json!({"model": "openai/text-embedding-3-small", "input": "hello"});
    #[rustfmt::skip]
    let table = [
        (&bound,       None,      chat,             ask(MODELS[0], "hi"),          403, "permission_denied",      MODELS[0],                       "the key does not reach this model"),
        (&bound,       None,      "/v1/embeddings", embed,                         403, "permission_denied",      "openai/text-embedding-3-small", "on the other route, too"),
        (&bound,       None,      chat,             ask(MODELS[4], &"x".repeat(99)), 429, "rate_limit_exceeded",  MODELS[4],                       "larger than its limit ever is"),
        (&app.api_key, None,      chat,             ask(PRIVATE, "hi"),            400, "model_not_priced",       PRIVATE,                         "its price is not that of the platform's keys"),
        (&app.api_key, Some("k"), chat,             ask(MODELS[1], "another"),     422, "idempotency_key_reused", MODELS[1],                       "another request of the same key"),
    ];
    for (api_key, key, path, body, status, code, model, why) in table {
        let (row, answer) = refused(&app, api_key, key, path, &body).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{why}: {}", answer.text());
        assert_eq!((&row["status"], &row["error_code"]), (&json!(status), &json!(code)), "{why}");
        assert_eq!((&row["ended"], &row["usage_source"]), (&json!("refused"), &json!("none")), "{why}");
        assert_eq!(
            (&row["cost_nanos"], &row["input_tokens"], &row["output_tokens"]),
            (&json!(0), &json!(0), &json!(0)),
            "{why}"
        );
        let of =
            format!("{}/{}", row["provider"].as_str().expect("a provider"), row["model"].as_str().expect("a model"));
        assert_eq!((of.as_str(), &row["model_requested"]), (model, &json!(model)), "{why}");
        assert_eq!(row["tags"], json!(["team:search"]), "{why}: it is booked like any other");
        assert_eq!(row["price_version"].is_null(), code == "model_not_priced", "{why}: there is none to name: {row}");
    }
    app.clock.advance(QUIET);
    let (_, answer) = refused(&app, &bound, None, chat, &ask(MODELS[0], "hi")).await;
    assert_eq!(answer.status, 403, "after a minute there is a row again");
}

#[tokio::test]
async fn what_may_cost_more_than_can_be_counted_is_refused_as_a_stream_and_under_any_budget() {
    let app = App::start().await;
    // So dear that the longest of so many answers cannot be reserved.
    let price = json!({"model": MODELS[0], "input_usd": 100_000, "output_usd": 100_000});
    assert_eq!(app.call(Method::POST, "/v1/prices", &app.operator_key, &price).await.status, 201);
    app.clock.advance(Duration::from_secs(31));
    let body = |n: u32, stream: bool| json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hi"}], "n": n, "stream": stream});
    let chat = "/v1/chat/completions";
    let free = app.send(request(chat, &app.api_key, None, &body(128, false))).await;
    assert_eq!(free.status, 200, "without a budget nobody has to know beforehand: {}", free.text());
    let (row, answer) = refused(&app, &app.api_key, None, chat, &body(128, true)).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (400, "model_not_priced"), "{}", answer.text());
    assert_eq!((&row["streamed"], &row["cost_nanos"]), (&json!(true), &json!(0)));

    let budget = json!({"limit_usd": 1_000_000, "period": "day", "hard": false});
    assert_eq!(app.call(Method::POST, "/v1/budgets", &app.api_key, &budget).await.status, 201);
    app.clock.advance(QUIET);
    let (row, answer) = refused(&app, &app.api_key, None, chat, &body(128, false)).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (400, "model_not_priced"), "{}", answer.text());
    assert_eq!((&row["error_code"], &row["ended"]), (&json!("model_not_priced"), &json!("refused")));
    assert!(row["price_version"].is_string(), "it has a price");
    let one = app.send(request(chat, &app.api_key, None, &body(1, false))).await;
    assert_eq!(one.status, 200, "the control: one answer can be counted: {}", one.text());
}

/// Sends a request whose process is killed before it did what is left to do.
async fn send_and_kill(app: &App, key: &str, body: &Value) -> u16 {
    app.unbilled("its process is killed");
    let (response, _after) = app.begin(request("/v1/chat/completions", &app.api_key, Some(key), body)).await;
    let status = response.status().as_u16();
    drop(response.into_body().collect::<Vec<_>>().await);
    status
}

#[tokio::test]
async fn a_replay_and_a_conflict_reserve_nothing_that_a_kill_could_leave_behind() {
    let name = table::own().await;
    let vars = [("SUPERGATE_TABLE", name.as_str())];
    let app = App::start_with(&vars).await;
    let budget = json!({"limit_usd": 1000, "period": "total", "hard": true});
    assert_eq!(app.call(Method::POST, "/v1/budgets", &app.api_key, &budget).await.status, 201);
    app.clock.advance(Duration::from_secs(31));
    let body = ask(MODELS[0], "hello");
    let first = app.send(request("/v1/chat/completions", &app.api_key, Some("done"), &body)).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let rows = app.usage_events().await;
    for (body, status, why) in [(&body, 200, "a replay"), (&ask(MODELS[0], "another"), 422, "another body")] {
        assert_eq!(send_and_kill(&app, "done", body).await, status, "{why}");
        assert_eq!(table::reservations(&name).await, Vec::<String>::new(), "{why}");
    }
    assert_eq!(send_and_kill(&app, "open", &body).await, 200, "it is killed after its answer");
    let open = table::reservations(&name).await.len();
    assert!(open > 0, "the control: that one leaves its reservation");
    assert_eq!(send_and_kill(&app, "open", &body).await, 409, "at work, as far as anybody knows");
    assert_eq!(table::reservations(&name).await.len(), open);
    table::make_overdue(&name).await;
    let report =
        app.sweeper(&vars).await.run(supergate::gateway::sweeper::Command::default(), None).await.expect("to be swept");
    assert_eq!((report.charged, report.failed), (1, 0), "the one that reached a provider, and no other: {report:?}");
    assert_eq!(app.usage_events().await.len(), rows.len() + 1);
}
