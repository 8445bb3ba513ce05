//! `GET /v1/models`: who sees which, and what is said of them. And what has a price of its own, from the door to the ledger.

use serde_json::{Value, json};
use supergate_tests::app::App;

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("models").iter().filter_map(|model| model["id"].as_str()).collect()
}

#[tokio::test]
async fn only_models_that_can_be_used_are_listed_and_described() {
    #[rustfmt::skip]
    let table = [
        (("CO_API_KEY", "a-key-of-cohere"), true,  "there is a key"),
        (("CO_API_KEY", "none"),            false, "there is none"),
    ];
    for (variable, cohere, why) in table {
        let app = App::start_with(&[variable]).await;
        let list = app.get("/v1/models").await.json();
        assert_eq!(ids(&list).iter().any(|id| id.starts_with("cohere/")), cohere, "{why}");
        assert!(ids(&list).contains(&"openai/gpt-4o-mini"), "{why}");
        let one = app.get("/v1/models/cohere/command-a-03-2025").await;
        assert_eq!(one.status == 200, cohere, "{why}");
        if !cohere {
            assert_eq!((one.status.as_u16(), one.error_code().as_str()), (404, "model_not_found"), "{why}");
        }
    }
}

#[tokio::test]
async fn a_model_is_described_in_the_words_that_clients_know() {
    let app = App::start().await;
    let model = app.get("/v1/models/openai/gpt-audio").await.json();
    assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("openai")));
    assert_eq!((&model["context_length"], &model["max_output_tokens"]), (&json!(128_000), &json!(16_384)));
    assert_eq!(model["architecture"]["input_modalities"], json!(["text", "audio"]));
    assert_eq!(model["pricing"]["audio"], "0.000032");
    assert_eq!(model["deprecated_on"], "2027-01-20");
    let parameters = model["supported_parameters"].as_array().expect("a list");
    assert!(parameters.contains(&json!("tools")) && !parameters.contains(&json!("logprobs")), "{parameters:?}");

    let vectors = app.get("/v1/models/cohere%2Fembed-v4.0").await.json();
    assert_eq!(vectors["architecture"]["output_modalities"], json!(["embeddings"]));
}

#[tokio::test]
async fn every_listed_model_has_all_that_is_promised() {
    let app = App::start().await;
    let list = app.get("/v1/models").await.json();
    for model in list["data"].as_array().expect("models") {
        let id = &model["id"];
        for list in ["/architecture/input_modalities", "/architecture/output_modalities", "/supported_parameters"] {
            assert!(model.pointer(list).and_then(Value::as_array).is_some_and(|all| !all.is_empty()), "{id}: {list}");
        }
        for price in ["prompt", "completion"] {
            let text = model["pricing"][price].as_str().unwrap_or_else(|| panic!("{id}: {price}"));
            assert!(text.parse::<f64>().is_ok_and(|price| price >= 0.0) && !text.contains('e'), "{id}: {text}");
        }
    }
}

#[tokio::test]
async fn a_tier_is_passed_on_where_it_has_a_price_and_paid_as_it_was_served() {
    let app = App::start().await;
    let ask = |model: &str, tier: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }], "service_tier": tier });
    let refused = app.chat(&ask("openai/gpt-4o-mini", "flex")).await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (400, "unsupported_parameter"));
    assert!(app.mock.requests().is_empty(), "before any provider is called");

    // The mock serves everybody alike, and says so.
    let served = app.chat(&ask("openai/gpt-4o-mini", "priority")).await;
    assert_eq!(served.status, 200, "{}", served.text());
    assert_eq!(served.json()["service_tier"], "default");
    let row = app.usage_events().await.pop().expect("a row");
    assert_eq!(row["service_tier"], "default");
    let tokens = |name: &str| row[name].as_i64().expect("a count");
    let list_price = tokens("input_tokens") * 150 + tokens("output_tokens") * 600;
    assert_eq!(row["cost_nanos"], list_price, "0.15 and 0.60 dollars per million, and not twice that");
}

#[tokio::test]
async fn a_search_is_paid_by_the_request_and_is_in_the_ledger() {
    let app = App::start().await;
    let body = json!({
        "model": "openai/gpt-4o-mini-search-preview", "messages": [{ "role": "user", "content": "hi" }],
        "web_search_options": { "search_context_size": "low" },
    });
    let answer = app.chat(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let usage = &answer.json()["usage"];
    assert_eq!(usage["server_tool_use"]["web_search_requests"], 1);
    assert_eq!(usage["cost_details"]["tools_cost"], 0.025);
    let row = app.usage_events().await.pop().expect("a row");
    assert_eq!(row["web_searches"], 1);
    assert!(row["cost_nanos"].as_i64() > Some(25_000_000), "{row}");
}
