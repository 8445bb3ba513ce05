//! The fixtures, and what has too many cases for them.

use super::Google;
use crate::{
    openai::{ChatRequest, completion::FinishReason},
    providers::{Provider, golden},
    usage::ModelCard,
};
use serde_json::json;

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&Google);
}

#[test]
fn a_model_name_is_one_segment_of_the_path() {
    let card = ModelCard { id: "../tuned models/ä?x=1#", ..*Google.models().first().expect("a model") };
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let prepared = Google.chat_request(&card, &ChatRequest::parse(body).expect("a request")).expect("a text request");
    assert_eq!(prepared.path, "/v1beta/models/..%2Ftuned%20models%2F%C3%A4%3Fx%3D1%23:generateContent");
}

#[test]
fn every_reason_has_its_counterpart() {
    #[rustfmt::skip]
    let table = [
        (json!("STOP"),                      FinishReason::Stop,          "said all"),
        (json!("MAX_TOKENS"),                FinishReason::Length,        "cut"),
        (json!("SAFETY"),                    FinishReason::ContentFilter, "filtered"),
        (json!("RECITATION"),                FinishReason::ContentFilter, "filtered for copying"),
        (json!("LANGUAGE"),                  FinishReason::ContentFilter, "refused for its language"),
        (json!("PROHIBITED_CONTENT"),        FinishReason::ContentFilter, "filtered"),
        (json!("SPII"),                      FinishReason::ContentFilter, "filtered for personal data"),
        (json!("MALFORMED_FUNCTION_CALL"),   FinishReason::Stop,          "a slip, neither cut nor filtered"),
        (json!("OTHER"),                     FinishReason::Stop,          "says nothing"),
        (json!("FINISH_REASON_UNSPECIFIED"), FinishReason::Stop,          "says nothing"),
        (json!("TOMORROWS_REASON"),          FinishReason::Stop,          "has no name in the dialect"),
        (json!(1),                           FinishReason::Stop,          "an enum's number: STOP"),
        (json!(2),                           FinishReason::Length,        "MAX_TOKENS"),
        (json!(3),                           FinishReason::ContentFilter, "SAFETY"),
        (json!(4),                           FinishReason::ContentFilter, "RECITATION"),
        (json!(5),                           FinishReason::Stop,          "OTHER"),
        (json!(null),                        FinishReason::Stop,          "a whole answer without a reason is whole"),
    ];
    for (reason, finish, why) in table {
        let body = json!({ "candidates": [{ "content": { "parts": [{ "text": "hi" }] }, "finishReason": reason }] });
        let answer = Google.chat_answer(body.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.choices[0].finish, finish, "{why}");
    }
}

#[test]
fn a_delay_is_rounded_up_and_nonsense_is_none() {
    for (delay, seconds) in [
        ("36s", Some(36)),
        ("0.9s", Some(1)),
        ("2.000s", Some(2)),
        ("soon", None),
        ("-1s", None),
        ("99999999999999999999s", None),
    ] {
        let body =
            json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{ "retryDelay": delay }] } });
        assert_eq!(Google.failure(429, body.to_string().as_bytes()).retry_after_s, seconds, "{delay}");
    }
}
