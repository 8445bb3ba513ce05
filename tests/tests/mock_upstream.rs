//! The mock upstream, asked over a bare socket: what a client library would repair or hide must be seen.

#[path = "mock_upstream/alike.rs"]
mod alike;
#[path = "mock_upstream/anthropic.rs"]
mod anthropic;
#[path = "mock_upstream/client.rs"]
mod client;
#[path = "mock_upstream/cohere.rs"]
mod cohere;
#[path = "mock_upstream/google.rs"]
mod google;
#[path = "mock_upstream/mistral.rs"]
mod mistral;
#[path = "mock_upstream/openai.rs"]
mod openai;

use std::time::Duration;

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;
use supergate_tests::mock::journal::{Billed, Ended};
use tokio::net::TcpStream;
use tokio::time::Instant;

use client::{KEY, Reply, Want, ask, finish_of, path, post, say, send, text_of, usage_of, written_for};

const PROVIDERS: [&str; 5] = ["openai", "anthropic", "google", "cohere", "mistral"];

#[tokio::test]
async fn the_answer_lists_what_was_asked_and_nothing_else() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let (system, stop) = (Some("be brief"), Some("END"));
    let full =
        Want { text: "hello", system, history: true, settings: true, stop, max_tokens: Some(100), stream: false };
    for provider in PROVIDERS {
        let reply = ask(&mock, provider, &full).await;
        assert_eq!(reply.status, 200, "{provider}: {}", reply.body);
        let top_k = if provider == "google" { "; top_k 3" } else { "" };
        let facts = format!(r#"system: "be brief"; turns: 3; temperature 0.5{top_k}; stop ["END"]; max_tokens 100"#);
        assert_eq!(text_of(provider, &reply.json()), format!(r#"{provider} m-1 heard: "hello" ({facts})"#));

        let reply = say(&mock, provider, "hello", false).await;
        let limit = if provider == "anthropic" { " (max_tokens 1000)" } else { "" };
        assert_eq!(text_of(provider, &reply.json()), format!(r#"{provider} m-1 heard: "hello"{limit}"#));
    }
}

#[tokio::test]
async fn the_same_request_has_the_same_bytes_and_another_one_another_id() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in PROVIDERS {
        for stream in [false, true] {
            let (first, again) =
                (say(&mock, provider, "hello", stream).await, say(&mock, provider, "hello", stream).await);
            assert_eq!(first.body, again.body);
            let other = say(&mock, provider, "hullo", stream).await;
            assert_ne!(first.body.replace("hello", "hullo"), other.body, "{provider}: ids come from the request");
        }
    }
}

#[tokio::test]
async fn a_stream_says_what_the_plain_answer_says() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in PROVIDERS {
        let text = "zwei  Wörter 🌍\nund mock:cached=4";
        let want = Want { text, system: Some("be brief"), ..Want::default() };
        let plain = ask(&mock, provider, &want).await.json();
        let stream = ask(&mock, provider, &Want { stream: true, ..want }).await;
        assert!(stream.whole && stream.headers["content-type"].starts_with("text/event-stream"), "{provider}");
        let events = stream.events();
        let said: String = events.iter().map(|event| text_of(provider, event)).collect();
        assert_eq!(said, text_of(provider, &plain), "{provider}");
        let usage = events.iter().rev().find_map(|event| usage_of(provider, event));
        assert_eq!(usage, usage_of(provider, &plain), "{provider}");
        let words = said.split_whitespace().count() as u64;
        assert_eq!(usage, Some((2 + 3 + 5 + 3, 4, words)), "{provider}: words + 3 per message, and the cached ones");
        let finish = events.iter().map(|event| finish_of(provider, event)).find(|reason| !reason.is_null());
        assert_eq!(finish, Some(finish_of(provider, &plain)), "{provider}");
    }
}

#[tokio::test]
async fn each_stream_has_the_events_of_its_provider_in_their_order() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let text = "mock:words=2";
    let named = |reply: &Reply| {
        reply.body.lines().filter_map(|line| line.strip_prefix("event: ").map(str::to_owned)).collect::<Vec<_>>()
    };

    let anthropic = say(&mock, "anthropic", text, true).await;
    let deltas = "content_block_delta content_block_delta";
    let order =
        format!("message_start content_block_start ping {deltas} content_block_stop message_delta message_stop");
    assert_eq!(named(&anthropic).join(" "), order);

    let cohere = say(&mock, "cohere", text, true).await;
    assert_eq!(
        named(&cohere).join(" "),
        "message-start content-start content-delta content-delta content-end message-end"
    );
    assert!(cohere.body.ends_with("data: [DONE]\n\n"));

    let google = say(&mock, "google", text, true).await;
    assert_eq!(google.body.matches("\r\n\r\n").count(), 2, "one event a word, with CRLF");
    assert_eq!(finish_of("google", &google.events()[0]), Value::Null);

    let openai = say(&mock, "openai", text, true).await;
    let events = openai.events();
    assert_eq!(
        (events.len(), events[4]["choices"].as_array().map(Vec::len)),
        (5, Some(0)),
        "role, two words, finish, usage"
    );
    assert_eq!(events[0]["usage"], Value::Null);
    assert!(openai.body.ends_with("data: [DONE]\n\n"));
    let body = json!({"model": "m-1", "stream": true, "messages": [{"role": "user", "content": text}]}).to_string();
    let without = post(&mock, "openai", path("openai", true), KEY, &body).await;
    assert_eq!(
        (without.events().len(), without.body.contains("usage")),
        (4, false),
        "usage only where it was asked for"
    );

    let mistral = say(&mock, "mistral", text, true).await.events();
    assert_eq!(
        (mistral.len(), text_of("mistral", &mistral[2])),
        (3, " word2"),
        "the last word comes with the finish reason"
    );
}

#[tokio::test]
async fn limits_and_stop_sequences_end_the_answer_with_the_providers_reason() {
    let mock = MockUpstream::start().await.expect("a port is free");
    #[rustfmt::skip]
    let table = [
        ("openai",    "length",     "stop",          "end of words and stop sequence cannot be told apart"),
        ("anthropic", "max_tokens", "stop_sequence", "the only one that names the sequence"),
        ("google",    "MAX_TOKENS", "STOP",          "as OpenAI"),
        ("cohere",    "MAX_TOKENS", "STOP_SEQUENCE", "has a reason of its own, without the sequence"),
        ("mistral",   "length",     "stop",          "as OpenAI"),
    ];
    for (provider, at_length, at_stop, why) in table {
        let long = ask(&mock, provider, &Want { text: "a b c d", max_tokens: Some(4), ..Want::default() }).await.json();
        assert_eq!(text_of(provider, &long), format!("{provider} m-1 heard: \"a"), "{provider}");
        assert_eq!(finish_of(provider, &long), at_length, "{provider}: {why}");
        let stopped = ask(&mock, provider, &Want { text: "a b c d", stop: Some("c"), ..Want::default() }).await.json();
        assert_eq!(text_of(provider, &stopped), format!("{provider} m-1 heard: \"a b "), "{provider}");
        assert_eq!(finish_of(provider, &stopped), at_stop, "{provider}: {why}");
        assert_eq!(stopped["stop_sequence"] == "c", provider == "anthropic");
    }
}

#[tokio::test]
async fn a_missing_or_wrong_credential_is_refused_in_the_providers_way() {
    let mock = MockUpstream::start().await.expect("a port is free");
    #[rustfmt::skip]
    let table = [
        ("openai",    401, 401, "Incorrect API key"),
        ("anthropic", 401, 401, "invalid x-api-key"),
        ("google",    403, 400, "API_KEY_INVALID"),
        ("cohere",    401, 401, "invalid api token"),
        ("mistral",   401, 401, "Invalid API Key"),
    ];
    for (provider, missing, wrong, words) in table {
        let body = written_for(provider, &Want { text: "hello", ..Want::default() }).to_string();
        assert_eq!(post(&mock, provider, path(provider, false), "", &body).await.status, missing, "{provider}: empty");
        let none = send(&mock, "POST", path(provider, false), &[("content-type", "application/json")], &body).await;
        assert_eq!(none.status, missing, "{provider}: none");
        let reply = post(&mock, provider, path(provider, false), "bad-key", &body).await;
        assert_eq!(reply.status, wrong, "{provider}");
        assert!(reply.body.contains(words), "{provider}: {}", reply.body);
    }
    let in_query = "/google/v1beta/models/m-1:generateContent?key=k-5678";
    let body = r#"{"contents":[{"parts":[{"text":"hello"}]}]}"#;
    assert_eq!(send(&mock, "POST", in_query, &[("content-type", "application/json")], body).await.status, 200);
    assert!(mock.requests().iter().any(|request| request.path.ends_with("?key=…5678")));
}

#[tokio::test]
async fn a_bad_translation_is_refused() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let hi = json!([{"role": "user", "content": "hi"}]);
    let said = |role: &str, content: Value| json!([{"role": role, "content": content}]);
    #[rustfmt::skip]
    let table = [
        ("openai", json!({"model": "m", "messages": hi, "top_k": 1}), 400, "Unknown parameter: 'top_k'"),
        ("openai", json!({"model": "m", "messages": hi, "stream_options": {"include_usage": true}}), 400, "stream_options"),
        ("openai", json!({"model": "o3-mini", "messages": hi, "max_tokens": 5}), 400, "max_completion_tokens"),
        ("openai", json!({"model": "gpt-5", "messages": hi, "temperature": 0.5}), 400, "temperature"),
        ("openai", json!({"model": "m", "messages": said("model", json!("hi"))}), 400, "messages[0].role"),
        ("openai", json!({"model": "m", "messages": []}), 400, "empty_array"),
        ("openai", json!({"messages": hi}), 400, "missing_required_parameter"),
        ("openai", json!({"model": "no-such-model", "messages": hi}), 404, "model_not_found"),
        ("anthropic", json!({"model": "m", "messages": hi}), 400, "max_tokens: Field required"),
        ("anthropic", json!({"model": "m", "max_tokens": 5, "messages": said("system", json!("hi"))}), 400, "top-level `system`"),
        ("anthropic", json!({"model": "m", "max_tokens": 5, "messages": said("user", json!(""))}), 400, "non-empty content"),
        ("anthropic", json!({"model": "m", "max_tokens": 5, "messages": hi, "n": 1}), 400, "n: Extra inputs are not permitted"),
        ("anthropic", json!({"model": "m", "max_tokens": 5, "messages": hi, "temperature": 1.5}), 400, "temperature"),
        ("anthropic", json!({"model": "m", "max_tokens": 5, "messages": hi, "temperature": 1, "top_p": 0.5}), 400, "cannot both"),
        ("anthropic", json!({"model": "m", "max_tokens": 5, "messages": hi, "stop_sequences": [" "]}), 400, "non-whitespace"),
        ("google", json!({"contents": [{"role": "assistant", "parts": [{"text": "hi"}]}]}), 400, "valid role"),
        ("google", json!({"contents": []}), 400, "contents is not specified"),
        ("google", json!({"contents": [{"parts": [{}]}]}), 400, "INVALID_ARGUMENT"),
        ("google", json!({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"max_tokens": 5}}), 400, "generation_config"),
        ("cohere", json!({"model": "m", "messages": hi, "top_p": 0.5}), 422, "'top_p' is not a valid field"),
        ("cohere", json!({"model": "m", "messages": said("developer", json!("hi"))}), 400, "messages.0.role"),
        ("mistral", json!({"model": "m", "messages": hi, "stream_options": {}}), 422, "extra_forbidden"),
        ("mistral", json!({"model": "m", "messages": said("developer", json!("hi"))}), 422, r#"["body","messages",0,"role"]"#),
        ("mistral", json!({"model": "m", "messages": said("assistant", json!("hi"))}), 400, "Expected last role"),
        ("mistral", json!({"model": "no-such-model", "messages": hi}), 400, "invalid_model"),
    ];
    for (provider, body, status, words) in table {
        let reply = post(&mock, provider, path(provider, false), KEY, &body.to_string()).await;
        assert_eq!(reply.status, status, "{provider} {body}: {}", reply.body);
        let unescaped = reply.body.replace("\\\"", "\"");
        assert!(unescaped.contains(words), "{provider} {body}: {}", reply.body);
    }
    for provider in PROVIDERS {
        let broken = post(&mock, provider, path(provider, false), KEY, "{").await;
        assert!(matches!(broken.status, 400 | 422), "{provider}");
        assert_eq!(post(&mock, provider, &format!("/{provider}/v9/chat"), KEY, "{}").await.status, 404, "{provider}");
    }
}

#[tokio::test]
async fn every_status_has_the_providers_error_body() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in PROVIDERS {
        for status in [400, 401, 403, 404, 413, 422, 429, 500, 503, 529] {
            let reply =
                say(&mock, provider, &format!("mock:status={status} mock:retry_after=7"), status % 2 == 0).await;
            assert_eq!(reply.status, status, "{provider}");
            let body = reply.json();
            let shaped = match provider {
                "openai" => body["error"]["message"].is_string() && body["error"].get("code").is_some(),
                "anthropic" => {
                    body["type"] == "error" && body["error"]["type"].is_string() && body["request_id"].is_string()
                }
                "google" => body["error"]["code"] == status && body["error"]["status"].is_string(),
                "cohere" => body["id"].is_string() && body["message"].is_string(),
                _ => body["message"].is_string() || !body["detail"].is_null(),
            };
            assert!(shaped, "{provider} {status}: {body}");
            if status == 429 {
                let waits = if provider == "google" {
                    reply.body.contains("\"7s\"")
                } else {
                    reply.headers["retry-after"] == "7"
                };
                assert!(waits, "{provider}: {:?} {body}", reply.headers);
            }
        }
        let typo = say(&mock, provider, "mock:satus=429", false).await;
        assert!(
            (400..500).contains(&typo.status),
            "{provider}: a directive that does not exist must not look like success"
        );
    }
}

#[tokio::test]
async fn an_answer_can_go_wrong_in_every_way_a_network_can() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in PROVIDERS {
        let cut = say(&mock, provider, "mock:cut=2", true).await;
        assert_eq!(
            (cut.status, cut.events().len(), cut.whole),
            (200, 2, false),
            "{provider}: two events, then nothing"
        );
        let cut = say(&mock, provider, "mock:cut=9", false).await;
        assert_eq!((cut.body.len(), cut.whole), (9, false), "{provider}: nine bytes of a longer body");

        let broken = say(&mock, provider, "mock:malformed", false).await;
        assert_eq!((broken.status, broken.whole), (200, true));
        assert!(serde_json::from_str::<Value>(&broken.body).is_err(), "{provider}");

        let page = say(&mock, provider, "mock:html", false).await;
        assert_eq!((page.status, page.headers["content-type"].as_str()), (502, "text/html"));

        let failed = say(&mock, provider, "mock:error_event", true).await;
        assert_eq!((failed.status, failed.events().len()), (200, 3), "{provider}: two events and the error");
        let last = &failed.events()[2];
        assert!(
            last.get("error").is_some() || last["object"] == "error" || last["delta"]["finish_reason"] == "ERROR",
            "{last}"
        );
    }
    let begun = Instant::now();
    say(&mock, "openai", "mock:delay=30 mock:words=2 mock:chunk_delay=10", true).await;
    assert!(begun.elapsed() >= Duration::from_millis(30 + 5 * 10), "six events");
}

#[tokio::test]
async fn the_mock_keeps_a_log_without_credentials_and_a_bill() {
    let mock = MockUpstream::start().await.expect("a port is free");
    say(&mock, "cohere", "one two mock:cached=2 mock:words=4", true).await;
    say(&mock, "openai", "mock:status=500", false).await;

    let log = send(&mock, "GET", "/_requests", &[], "").await;
    assert!(!log.body.contains(KEY));
    let log = log.json();
    assert_eq!(log[0]["headers"]["authorization"], "Bearer …1234");
    assert_eq!((&log[0]["provider"], &log[0]["path"]), (&json!("cohere"), &json!("/v2/chat")));
    assert_eq!(log[0]["body"]["messages"][0]["role"], "user");

    let answered = Billed {
        provider: "cohere".into(),
        model: "m-1".into(),
        input_tokens: 4 + 3,
        billed_input_tokens: 4,
        cached_tokens: 2,
        output_tokens: 4,
        status: 200,
        streamed: true,
        ended: Ended::Complete,
    };
    let refused = Billed { provider: "openai".into(), model: "m-1".into(), status: 500, ..Billed::default() };
    assert_eq!(mock.bill(), [answered, refused]);
    assert_eq!(send(&mock, "GET", "/_bill", &[], "").await.json()[0]["output_tokens"], 4);

    assert_eq!(send(&mock, "POST", "/_reset", &[], "").await.status, 200);
    assert!(mock.requests().is_empty() && mock.bill().is_empty());
}

#[tokio::test]
async fn a_dropped_mock_listens_no_more() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let address = mock.address();
    drop(mock);
    // The listener closes when its task is next polled.
    for _ in 0..1000 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it still listens");
}
