//! `POST /v1/embeddings` from the door to the ledger, against the mock of the four providers that have such models.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use supergate_tests::{app::App, canned::Canned, mock::embeddings::number};

/// A model of each provider that has one, and how many inputs it takes at a time.
const MODELS: [(&str, usize); 4] = [
    ("openai/text-embedding-3-small", 512),
    ("google/gemini-embedding-001", 100),
    ("cohere/embed-v4.0", 96),
    ("mistral/codestral-embed", 128),
];

fn provider(model: &str) -> &str {
    model.split_once('/').expect("provider/model").0
}

fn ask(model: &str, input: impl Into<Value>) -> Value {
    json!({"model": model, "input": input.into()})
}

/// The vector that the mock has for a text.
fn vector(text: &str, length: u64) -> Value {
    (0..length).map(|at| json!(f64::from(number(text, at)))).collect()
}

#[tokio::test]
async fn each_provider_embeds_one_text_and_several_and_leaves_priced_rows() {
    let app = App::start().await;
    for (model, _) in MODELS {
        for (input, texts) in [
            (json!("hello there"), vec!["hello there"]),
            (
                json!(["hello there", "good bye my friend", "hello there"]),
                vec!["hello there", "good bye my friend", "hello there"],
            ),
        ] {
            app.mock.reset();
            let answer = app.embed(&ask(model, input)).await;
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            let body = answer.json();
            assert_eq!(body["object"], "list", "{model}");
            assert_eq!(body["model"], model.split_once('/').expect("provider/model").1, "{model}");
            let data: Value = texts
                .iter()
                .enumerate()
                .map(|(i, text)| json!({"object": "embedding", "index": i, "embedding": vector(text, 8)}))
                .collect();
            assert_eq!(body["data"], data, "{model}");

            let (bill, rows) = (app.mock.bill(), app.usage_events().await);
            let row = rows.last().expect("a row");
            assert_eq!((bill.len(), &row["attempt"]), (1, &json!(1)), "{model}");
            // Google counts nothing, so we do.
            let (tokens, source) = match provider(model) {
                "google" => (texts.concat().len().div_ceil(4) as u64, "counted"),
                _ => (bill[0].input_tokens, "provider"),
            };
            assert_eq!(row["usage_source"], source, "{model}");
            for counted in [&body["usage"]["prompt_tokens"], &body["usage"]["total_tokens"], &row["input_tokens"]] {
                assert_eq!(*counted, tokens, "{model}");
            }
            assert_eq!(
                (&row["output_tokens"], &row["streamed"], &row["ended"]),
                (&json!(0), &json!(false), &json!("complete"))
            );
            let cost_nanos = row["cost_nanos"].as_i64().expect("nanos");
            assert!(cost_nanos > 0, "{model}");
            assert_eq!(answer.header("x-supergate-cost-usd"), format!("0.{cost_nanos:09}"), "{model}");
            for cost in [&body["usage"]["cost"], &body["usage"]["cost_details"]["input_cost"]] {
                assert!((cost.as_f64().expect("dollars") * 1e9 - cost_nanos as f64).abs() < 1e-3, "{model}: {body}");
            }
            assert_eq!(answer.header("x-supergate-provider"), provider(model));
            assert_eq!(answer.header("x-supergate-attempts"), "1");
            assert!(answer.header("x-supergate-overhead-ms").parse::<f64>().is_ok(), "{model}");
        }
    }
}

#[tokio::test]
async fn tokens_are_embedded_where_the_provider_shares_the_tokenizer() {
    let app = App::start().await;
    for (input, expected) in [(json!([1, 22, 333]), vec!["[1,22,333]"]), (json!([[1], [2, 3]]), vec!["[1]", "[2,3]"])] {
        let body = app.embed(&ask(MODELS[0].0, input.clone())).await.json();
        let vectors: Vec<_> =
            body["data"].as_array().expect("data").iter().map(|one| one["embedding"].clone()).collect();
        assert_eq!(vectors, expected.iter().map(|text| vector(text, 8)).collect::<Vec<_>>(), "{body}");
        assert_eq!(body["usage"]["prompt_tokens"], 3);
        for (model, _) in &MODELS[1..] {
            let answer = app.embed(&ask(model, input.clone())).await;
            assert_eq!(
                (answer.status.as_u16(), answer.error_code().as_str()),
                (400, "unsupported_parameter"),
                "{model}"
            );
            assert!(answer.text().contains("send text"), "{model}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn dimensions_reach_the_provider_or_are_refused() {
    let app = App::start().await;
    for (model, _) in MODELS {
        let mut body = ask(model, "hello");
        body["dimensions"] = json!(3);
        assert_eq!(app.embed(&body).await.json()["data"][0]["embedding"], vector("hello", 3), "{model}");
    }
    for model in ["cohere/embed-english-v3.0", "mistral/mistral-embed"] {
        let mut body = ask(model, "hello");
        body["dimensions"] = json!(3);
        let answer = app.embed(&body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["param"]), (400, &json!("dimensions")), "{model}");
    }
}

#[tokio::test]
async fn base_64_holds_the_numbers_that_float_shows() {
    let app = App::start().await;
    for (model, _) in MODELS {
        let mut body = ask(model, json!(["hello", "there"]));
        let plain = app.embed(&body).await.json();
        body["encoding_format"] = json!("base64");
        let packed = app.embed(&body).await.json();
        for (plain, packed) in
            plain["data"].as_array().expect("data").iter().zip(packed["data"].as_array().expect("data"))
        {
            let bytes = STANDARD.decode(packed["embedding"].as_str().expect("text")).expect("base 64");
            let (numbers, rest) = bytes.as_chunks::<4>();
            let numbers: Value = numbers.iter().map(|bytes| json!(f64::from(f32::from_le_bytes(*bytes)))).collect();
            assert!(rest.is_empty(), "{model}");
            assert_eq!(numbers, plain["embedding"], "{model}");
        }
        assert_eq!(plain["usage"], packed["usage"], "{model}");
    }
}

#[tokio::test]
async fn more_than_the_provider_takes_is_split_and_joined_in_order() {
    let app = App::start().await;
    for (model, most) in MODELS {
        app.mock.reset();
        let texts: Vec<String> = (0..(most * 5 + 1).min(2048)).map(|i| format!("text {i}")).collect();
        let before = app.usage_events().await.len();
        let answer = app.embed(&ask(model, json!(texts))).await;
        let body = answer.json();
        let calls = texts.len().div_ceil(most);
        assert_eq!(answer.status, 200, "{model}: {body}");
        assert_eq!(answer.header("x-supergate-attempts"), calls.to_string(), "{model}");
        let data = body["data"].as_array().expect("data");
        assert_eq!(data.len(), texts.len(), "{model}");
        for (i, (one, text)) in data.iter().zip(&texts).enumerate() {
            assert_eq!((&one["index"], &one["embedding"]), (&json!(i), &vector(text, 8)), "{model}");
        }
        let rows = app.usage_events().await.split_off(before);
        let attempts: Vec<_> = rows.iter().map(|row| row["attempt"].as_u64().expect("a number")).collect();
        assert_eq!(attempts, (1..=calls as u64).collect::<Vec<_>>(), "{model}: a row for each call");
        assert_eq!(app.mock.bill().len(), calls, "{model}");
        let sum = |field: &str| rows.iter().map(|row| row[field].as_i64().expect("a number")).sum::<i64>();
        assert_eq!(body["usage"]["prompt_tokens"], sum("input_tokens"), "{model}");
        if provider(model) != "google" {
            assert_eq!(body["usage"]["prompt_tokens"], 2 * texts.len(), "{model}");
        }
        assert_eq!(answer.header("x-supergate-cost-usd"), format!("0.{:09}", sum("cost_nanos")), "{model}");
    }
}

#[tokio::test]
async fn a_failed_call_fails_the_request_and_the_others_stay_in_the_ledger() {
    let app = App::start().await;
    for (model, most) in &MODELS[1..] {
        let mut texts = vec!["fine".to_owned(); most * 5];
        texts[*most] = "mock:status=429".into();
        let before = app.usage_events().await.len();
        let answer = app.embed(&ask(model, json!(texts))).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (429, "rate_limit_exceeded"), "{model}");
        assert_eq!(answer.header("retry-after"), "2", "{model}");
        let rows = app.usage_events().await.split_off(before);
        let ended: Vec<_> = rows.iter().map(|row| row["ended"].as_str().expect("text")).collect();
        assert_eq!(ended, ["complete", "failed", "complete", "complete"], "{model}: the fifth call was never made");
    }
}

#[tokio::test]
async fn an_input_type_reaches_who_knows_it_and_is_named_elsewhere() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        ("openai",  "",                                "input_type, truncate",       "has none"),
        ("google",  "/requests/0/taskType",            "user, truncate",             "RETRIEVAL_QUERY"),
        ("cohere",  "/input_type",                     "user, truncate",             "search_query"),
        ("mistral", "",                                "user, input_type, truncate", "has none"),
    ];
    for ((model, _), (name, path, ignored, value)) in MODELS.into_iter().zip(table) {
        assert_eq!(provider(model), name);
        app.mock.reset();
        let mut body = ask(model, "hello");
        body["input_type"] = json!("search_query");
        body["user"] = json!("someone");
        body["truncate"] = json!("END");
        let answer = app.embed(&body).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-supergate-ignored-params")), (200, ignored), "{model}");
        let sent = &app.mock.requests()[0].body;
        if !path.is_empty() {
            assert_eq!(sent.pointer(path), Some(&json!(value)), "{model}: {sent}");
        }
        body["require_parameters"] = json!(true);
        assert_eq!(app.embed(&body).await.status, 400, "{model}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_before_anything_is_spent() {
    let app = App::start().await;
    let many = vec!["a"; 2049];
    #[rustfmt::skip]
    let table = [
        (json!({"input": ""}),                                "input",           "an empty string"),
        (json!({"input": []}),                                "input",           "nothing"),
        (json!({"input": ["a", ""]}),                         "input[1]",        "an empty string among others"),
        (json!({"input": ["a", 1]}),                          "input[1]",        "a mixture"),
        (json!({"input": [[1], [-1]]}),                       "input[1][0]",     "no token"),
        (json!({"input": many}),                              "input",           "too many"),
        (json!({"input": {"text": "a"}}),                     "input",           "an object"),
        (json!({}),                                           "input",           "none"),
        (json!({"input": "a", "dimensions": 0}),              "dimensions",      "none"),
        (json!({"input": "a", "encoding_format": "hex"}),     "encoding_format", "an unknown one"),
        (json!({"input": "a", "input_type": "image"}),        "input_type",      "an unknown one"),
    ];
    for (fields, path, why) in table {
        let mut body = json!({"model": MODELS[0].0});
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let answer = app.embed(&body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["param"]),
            (400, &json!(path)),
            "{why}: {}",
            answer.text()
        );
    }
    assert!(app.mock.requests().is_empty() && app.usage_events().await.is_empty());
}

#[tokio::test]
async fn a_model_that_is_none_or_makes_no_vectors_is_refused() {
    let app = App::start().await;
    let unknown = app.embed(&ask("openai/text-embedding-3-smal", "a")).await;
    assert_eq!((unknown.status.as_u16(), unknown.error_code().as_str()), (404, "model_not_found"));
    assert!(unknown.text().contains("openai/text-embedding-3-small"), "{}", unknown.text());
    #[rustfmt::skip]
    let table = [
        ("openai/gpt-4o-mini",         "openai/text-embedding-3-large",       "it names the provider's own"),
        ("anthropic/claude-haiku-4-5", "anthropic has no embedding models",   "it says so, and names others'"),
    ];
    for (model, says, why) in table {
        let answer = app.embed(&ask(model, "a")).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (400, "model_not_supported"), "{why}");
        assert!(answer.text().contains(says), "{why}: {}", answer.text());
    }
    let chat = app.chat(&json!({"model": MODELS[0].0, "messages": [{"role": "user", "content": "a"}]})).await;
    assert_eq!((chat.status.as_u16(), chat.error_code().as_str()), (400, "model_not_supported"));
    assert!(chat.text().contains("/v1/embeddings"), "{}", chat.text());
    assert!(app.mock.requests().is_empty());
    let listed = app.get("/v1/models").await.json();
    for (model, _) in MODELS {
        assert!(listed["data"].as_array().expect("models").iter().any(|one| one["id"] == model), "{model} is listed");
    }
}

#[tokio::test]
async fn embeddings_want_a_key_that_may_ask_models() {
    let app = App::start().await;
    let request = |app: &App| {
        let mut request = app.chat_request(ask(MODELS[0].0, "a").to_string());
        *request.uri_mut() = http::Uri::from_static("/v1/embeddings");
        request
    };
    let mut without = request(&app);
    without.headers_mut().remove("authorization");
    assert_eq!(app.send(without).await.status, 401);
    app.database.superuser().await.batch_execute("update api_keys set role = 'viewer'").await.expect("an update");
    assert_eq!(app.send(request(&app)).await.status, 403);
    assert!(app.mock.requests().is_empty());
}

#[tokio::test]
async fn vectors_that_are_none_or_too_few_are_a_502() {
    #[rustfmt::skip]
    let table = [
        ("{}",                                                                              "no data"),
        (r#"{"data":[],"usage":{"prompt_tokens":1}}"#,                                      "no vector for an input"),
        (r#"{"data":[{"index":0,"embedding":"AAAA"}],"usage":{"prompt_tokens":1}}"#,        "three bytes are no number"),
        (r#"{"data":[{"index":0,"embedding":{"a":1}}],"usage":{"prompt_tokens":1}}"#,       "an object is no vector"),
    ];
    for (body, why) in table {
        let canned = Canned::answer(200, "application/json", body).await;
        let app = App::start_with(&[("SUPERGATE_OPENAI_URL", &canned.url())]).await;
        let answer = app.embed(&ask(MODELS[0].0, "a")).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "provider_error"), "{why}");
        let rows = app.usage_events().await;
        assert_eq!(
            (&rows[0]["ended"], &rows[0]["usage_source"]),
            (&json!("failed"), &json!("counted")),
            "{why}: it may be billed"
        );
    }
}
