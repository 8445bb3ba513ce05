//! The rows themselves, page by page.

use super::{items, read};
use http::Method;
use serde_json::{Value, json};
use supergate_tests::{
    app::{App, MODELS},
    office::text,
};

async fn all(app: &App, query: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = read(app, &format!("/v1/usage/logs?limit=37{query}{cursor}")).await;
        rows.extend(items(&page).clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn the_logs_are_read_in_pages_newest_first_each_row_once() {
    let app = App::start().await;
    app.make_usage(200, 20.0, "now()", "logs").await;
    let rows = all(&app, "").await;
    let place = |row: &Value| (text(&row["request_id"]), row["attempt"].as_i64().expect("a number"));
    let places: Vec<_> = rows.iter().map(place).collect();
    let mut sorted = places.clone();
    sorted.sort();
    sorted.dedup();
    sorted.reverse();
    assert_eq!(places, sorted, "newest first, each once");
    assert_eq!(rows.len(), 228, "second attempts too");
    let created: Vec<String> = rows.iter().map(|row| text(&row["created_at"])).collect();
    assert!(created.is_sorted_by(|one, next| one >= next));
}

#[tokio::test]
async fn the_logs_are_filtered_by_key_model_provider_status_and_time() {
    let app = App::start().await;
    app.key_of("member").await;
    app.make_usage(300, 20.0, "now()", "filters").await;
    let rows = all(&app, "").await;
    let count = |test: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| test(row)).count();
    let key = rows.iter().find_map(|row| row["key_id"].as_str()).expect("a key").to_owned();
    let middle = text(&rows[rows.len() / 2]["created_at"]);
    #[rustfmt::skip]
    let table: Vec<(String, usize, &str)> = vec![
        (format!("&key_id={key}"),              count(&|row| row["key_id"] == json!(key)),                                    "of a key"),
        ("&model=openai/gpt-4o-mini".into(),    count(&|row| row["model"] == "gpt-4o-mini" && row["provider"] == "openai"),   "of a provider's model"),
        ("&model=gpt-4o-mini".into(),           count(&|row| row["model"] == "gpt-4o-mini"),                                  "of a model, whoever has it"),
        ("&provider=openai".into(),             count(&|row| row["provider"] == "openai"),                                    "of a provider"),
        ("&status=500".into(),                  count(&|row| row["status"] == 500),                                           "with a status"),
        ("&status=5xx".into(),                  count(&|row| row["status"] == 500),                                           "of a class"),
        ("&status=2xx&provider=google".into(),  count(&|row| row["status"] == 200 && row["provider"] == "google"),            "both"),
        (format!("&from={middle}"),             count(&|row| row["created_at"].as_str() >= Some(middle.as_str())),            "from a time on"),
        (format!("&to={middle}"),               count(&|row| row["created_at"].as_str() < Some(middle.as_str())),             "up to a time"),
        ("&status=404".into(),                  0,                                                                            "nothing"),
        ("&model=nothing".into(),               0,                                                                            "no such model"),
    ];
    for (query, expected, why) in table {
        assert_eq!(all(&app, &query).await.len(), expected, "{why}: {query}");
        assert!(expected > 0 || why.starts_with("no"), "{why}: the control");
    }
    let other = app.other_tenant("other").await;
    let theirs = app.look(&format!("/v1/usage/logs?key_id={key}"), &other.key).await.json();
    assert_eq!(items(&theirs).len(), 0, "another tenant's key is a key of nothing");
}

#[tokio::test]
async fn a_row_says_what_the_answer_said() {
    let app = App::start().await;
    let ask = json!({"model": MODELS[0], "messages": [{"role": "user", "content": "a secret thought"}], "user": "ada"});
    let answer = app.call(Method::POST, "/v1/chat/completions", &app.api_key, &ask).await;
    let row = read(&app, "/v1/usage/logs").await["data"][0].clone();
    assert_eq!(row["request_id"], answer.header("x-request-id"));
    assert_eq!(row["provider"], answer.header("x-supergate-provider"));
    assert_eq!(row["model"], answer.header("x-supergate-model"));
    assert_eq!((&row["status"], &row["attempt"], &row["ended"]), (&json!(200), &json!(1), &json!("complete")));
    let usage = &answer.json()["usage"];
    assert_eq!(row["input_tokens"], usage["prompt_tokens"]);
    assert_eq!(row["output_tokens"], usage["completion_tokens"]);
    assert_eq!(row["cost_usd"], usage["cost"]);
    for words in ["secret thought", &app.api_key] {
        assert!(!row.to_string().contains(words), "{words} in {row}");
    }
}
