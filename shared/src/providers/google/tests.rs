//! The fixtures, and what has too many cases for them.

use super::Google;
use crate::{
    openai::{ChatRequest, completion::FinishReason},
    providers::{Provider, golden, model},
    usage::ModelCard,
};
use serde_json::{Value, json};

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&Google);
}

#[test]
fn a_model_name_is_one_segment_of_the_path() {
    let card = ModelCard { id: "../tuned models/ä?x=1#".into(), ..Google.models()[0].clone() };
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let prepared = Google.chat_request(&card, &ChatRequest::parse(body).expect("a request")).expect("a text request");
    assert_eq!(prepared.path, "/v1beta/models/..%2Ftuned%20models%2F%C3%A4%3Fx%3D1%23:generateContent");
}

/// Google answers a call that follows the model's own words, or nothing, with a 400.
#[test]
fn a_call_follows_a_person_or_a_result() {
    let (asked, said) = (json!({ "role": "user", "content": "a" }), json!({ "role": "assistant", "content": "b" }));
    let call = json!({ "id": "call_0", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let called = json!({ "role": "assistant", "tool_calls": [call] });
    let given = json!({ "role": "tool", "tool_call_id": "call_0", "content": "c" });
    #[rustfmt::skip]
    let table = [
        (json!([asked, called, given]),                vec!["user", "model", "user"],                  "as it came"),
        (json!([asked, called, given, called, given]), vec!["user", "model", "user", "model", "user"], "as it came"),
        (json!([asked, said, said, called, given]),    vec!["user", "model", "user"],                  "words and a call are one turn"),
        (json!([called, given]),                       vec!["user", "model", "user"],                  "a person begins"),
        (json!([said, called, given]),                 vec!["user", "model", "user"],                  "a person begins here too"),
        (json!([said, asked]),                         vec!["model", "user"],                          "words may come first"),
    ];
    for (messages, roles, why) in table {
        let body = json!({ "model": "m", "messages": messages });
        let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
        let card = model(&Google, "gemini-2.5-flash").expect("a model");
        let prepared = Google.chat_request(card, &request).expect("a request");
        let wire: Value = serde_json::from_slice(&prepared.body).expect("JSON");
        let contents = wire["contents"].as_array().expect("contents");
        assert_eq!(
            contents.iter().map(|one| one["role"].as_str().unwrap_or_default()).collect::<Vec<_>>(),
            roles,
            "{why}"
        );
    }
}

/// An image is longer than a line of server-sent events may be.
#[test]
fn a_model_that_draws_streams_an_array() {
    let body = br#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let request = ChatRequest::parse(body).expect("a request");
    for (id, method) in [
        ("gemini-2.5-flash", "streamGenerateContent?alt=sse"),
        ("gemini-2.5-flash-image", "streamGenerateContent"),
        ("gemini-3-pro-image", "streamGenerateContent"),
    ] {
        let card = ModelCard { id: id.into(), ..Google.models()[0].clone() };
        let path = Google.chat_request(&card, &request).expect("a text request").path;
        assert_eq!(path, format!("/v1beta/models/{id}:{method}"));
    }
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

fn prepared(model: &str, extra: &Value) -> (Value, Vec<String>) {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect");
    let card = crate::providers::model(&Google, model).expect("a model");
    let prepared = Google.chat_request(card, &request).expect("a request that Google takes");
    (serde_json::from_slice(&prepared.body).expect("JSON"), prepared.ignored)
}

#[test]
fn each_model_is_told_in_its_own_way_how_to_think() {
    #[rustfmt::skip]
    let table = [
        ("gemini-2.5-flash",        json!({ "reasoning_effort": "none" }),           json!({ "thinkingBudget": 0 }),                                 &[][..],                   "it can be turned off"),
        ("gemini-2.5-pro",          json!({ "reasoning_effort": "none" }),           json!({ "thinkingBudget": 128 }),                               &["reasoning_effort"],     "it cannot"),
        ("gemini-2.5-flash-lite",   json!({ "reasoning": { "max_tokens": 100 } }),   json!({ "thinkingBudget": 512, "includeThoughts": true }),      &["reasoning"],            "below its bounds"),
        ("gemini-2.5-pro",          json!({ "reasoning_effort": "max" }),            json!({ "thinkingBudget": 32768, "includeThoughts": true }),    &[],                       "as much as there is"),
        ("gemini-3.6-flash",        json!({ "reasoning_effort": "minimal" }),        json!({ "thinkingLevel": "minimal", "includeThoughts": true }), &[],                       "it has the level"),
        ("gemini-3.1-pro-preview",  json!({ "reasoning_effort": "none" }),           json!({ "thinkingLevel": "low" }),                              &["reasoning_effort"],     "its lowest"),
        ("gemini-3-pro-preview",    json!({ "reasoning": { "enabled": true } }),     json!({ "thinkingLevel": "high", "includeThoughts": true }),    &["reasoning"],            "it has no middle"),
        ("gemini-3-flash-preview",  json!({ "reasoning": { "max_tokens": 100 } }),   json!({ "thinkingBudget": 100, "includeThoughts": true }),      &[],                       "a budget is still taken"),
        ("gemini-3-flash-preview",  json!({ "reasoning": { "max_tokens": 9, "effort": "low", "exclude": true } }), json!({ "thinkingLevel": "low" }), &["reasoning.max_tokens"], "never both"),
        ("gemini-2.5-flash",        json!({ "reasoning": { "exclude": true } }),     json!(null),                                                    &[],                       "no thoughts come unasked"),
        ("gemini-2.0-flash",        json!({ "reasoning_effort": "high" }),           json!(null),                                                    &["reasoning_effort"],     "it does not think"),
        ("gemini-2.0-flash",        json!({ "reasoning_effort": "none" }),           json!(null),                                                    &[],                       "nor was it asked to"),
    ];
    for (model, extra, config, named, why) in table {
        let (body, ignored) = prepared(model, &extra);
        assert_eq!(body["generationConfig"]["thinkingConfig"], config, "{model}: {why}");
        assert_eq!(ignored, named, "{model}: {why}");
    }
}

#[test]
fn a_property_may_be_called_like_a_keyword() {
    let schema = json!({
        "type": "object",
        "properties": { "const": { "type": "string" }, "$ref": { "const": null }, "definitions": { "const": 7 }, "enum": { "const": true } },
    });
    let tools = json!({ "tools": [{ "type": "function", "function": { "name": "f", "parameters": schema } }] });
    let (body, _) = prepared("gemini-2.5-flash", &tools);
    let properties = &body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["properties"];
    let wanted = json!({
        "const": { "type": "string" }, "$ref": { "type": "null" },
        "definitions": { "type": "integer", "enum": [7] }, "enum": { "type": "boolean", "const": true },
    });
    assert_eq!(*properties, wanted);
}

#[test]
fn what_holds_nobody_to_anything_is_named() {
    #[rustfmt::skip]
    let table = [
        (json!({ "type": "string", "pattern": "^a", "maxLength": 9 }),               vec!["pattern", "maxLength"], "skipped"),
        (json!({ "type": "array", "items": { "not": {} }, "minItems": 1 }),          vec!["not"],                  "deep"),
        (json!({ "allOf": [{ "type": "string" }] }),                                 vec![],                       "one of one is the one"),
        (json!({ "allOf": [{ "type": "string" }, { "minLength": 1 }] }),             vec!["allOf"],                "of several it knows nothing"),
        (json!({ "const": "a" }),                                                    vec![],                       "a choice of one"),
        (json!({ "const": true }),                                                   vec!["const"],                "no choice"),
        (json!({ "type": "object", "properties": { "pattern": { "type": "string" } } }), vec![],                   "a name is no keyword"),
    ];
    for (schema, keywords, why) in table {
        let format = json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": schema } });
        let (_, named) = prepared("gemini-2.5-flash", &json!({ "response_format": format }));
        let wanted: Vec<_> = keywords.iter().map(|one| format!("response_format.json_schema.schema.{one}")).collect();
        assert_eq!(named, wanted, "{why}");
        let tool = |strict: bool| json!({ "type": "function", "function": { "name": "f", "strict": strict, "parameters": schema } });
        let (_, named) = prepared("gemini-2.5-flash", &json!({ "tools": [tool(true)] }));
        assert_eq!(named.len(), keywords.len(), "{why}: {named:?}");
        let (_, named) = prepared("gemini-2.5-flash", &json!({ "tools": [tool(false)] }));
        assert!(named.is_empty(), "{why}: nobody asked to be held to it");
    }
}

#[test]
fn what_google_signed_comes_back_to_it_on_the_same_parts() {
    let parts = json!([
        { "text": "I thought.", "thought": true, "thoughtSignature": "s0" },
        { "text": "Grüße, " },
        { "text": "Ada.", "thoughtSignature": "s1" },
        { "text": " One moment." },
        { "text": "", "thoughtSignature": "s2" },
        { "functionCall": { "name": "f", "args": { "b": 1, "a": 2 } }, "thoughtSignature": "s3" },
        { "functionCall": { "name": "g", "args": {} } },
        { "functionCall": { "id": "h0", "name": "h", "args": {} }, "thoughtSignature": "s4" },
    ]);
    let body = json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }] });
    let answer = Google.chat_answer(body.to_string().as_bytes()).expect("an answer");
    let choice = &answer.choices[0];
    let said = json!({
        "role": "assistant", "content": choice.text, "reasoning_content": choice.reasoning,
        "tool_calls": choice.tool_calls, "reasoning_details": choice.reasoning_details,
    });
    let (body, ignored) =
        prepared("gemini-3-flash-preview", &json!({ "messages": [{ "role": "user", "content": "hi" }, said] }));
    assert_eq!(body["contents"][1]["parts"], parts);
    assert!(ignored.is_empty());
}

#[test]
fn what_googles_own_tools_did_comes_back_to_it_in_place() {
    let parts = json!([
        { "text": "Let me see.", "thought": true, "thoughtSignature": "s0" },
        { "text": "I compute. " },
        { "executableCode": { "language": "PYTHON", "code": "print(6*7)", "id": "e1" }, "thoughtSignature": "s1" },
        { "codeExecutionResult": { "outcome": "OUTCOME_OK", "output": "42", "id": "e1" } },
        { "text": "It is 42. Grüße", "thoughtSignature": "s2" },
        { "toolCall": { "toolType": "GOOGLE_SEARCH_WEB", "args": { "queries": ["tides"] }, "id": "q1" }, "thoughtSignature": "s3" },
        { "toolResponse": { "toolType": "GOOGLE_SEARCH_WEB", "response": {}, "id": "q1" }, "thoughtSignature": "s4" },
        { "functionCall": { "id": "f0", "name": "f", "args": {} }, "thoughtSignature": "s5" },
        { "executableCode": { "language": "PYTHON", "code": "1" }, "thought": true },
        { "functionCall": { "id": "g0", "name": "g", "args": {} } },
    ]);
    let body = json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }] });
    let answer = Google.chat_answer(body.to_string().as_bytes()).expect("an answer");
    let choice = &answer.choices[0];
    let said = json!({
        "role": "assistant", "content": choice.text, "tool_calls": choice.tool_calls,
        "reasoning_details": choice.reasoning_details,
    });
    let asked = json!({ "messages": [{ "role": "user", "content": "hi" }, said] });
    let (body, ignored) = prepared("gemini-3-flash-preview", &asked);
    assert_eq!(body["contents"][1]["parts"], parts);
    assert!(ignored.is_empty());
}

#[test]
fn nothing_else_can_be_sent_back_as_a_part_of_googles_own() {
    let other = json!({ "fileData": { "fileUri": "https://example.com/secret" }, "thoughtSignature": "s" });
    let detail =
        json!({ "type": "provider.content", "provider": "google", "format": "google-part-v1", "content": other });
    let said = json!({ "role": "assistant", "content": "Yes.", "reasoning_details": [detail] });
    let (body, _) = prepared("gemini-2.5-flash", &json!({ "messages": [{ "role": "user", "content": "hi" }, said] }));
    assert_eq!(body["contents"][1]["parts"], json!([{ "text": "Yes." }]));
}

/// A client that keeps a call whole but drops what else a message has; another that keeps neither.
#[test]
fn a_signature_comes_back_on_the_call_itself() {
    let part = json!({ "functionCall": { "name": "f", "args": {} }, "thoughtSignature": "s" });
    let body = json!({ "candidates": [{ "content": { "parts": [part] } }], "responseId": "r1" });
    let answer = Google.chat_answer(body.to_string().as_bytes()).expect("an answer");
    let whole = json!(answer.choices[0].tool_calls[0]);
    assert_eq!(whole["extra_content"], json!({ "google": { "thought_signature": "s" } }));
    let mut bare = whole.clone();
    bare.as_object_mut().expect("a call").shift_remove("extra_content");
    let unknown = json!("skip_thought_signature_validator");
    for (model, otherwise) in [("gemini-3-flash-preview", unknown), ("gemini-2.5-flash", json!(null))] {
        for (call, signature) in [(&whole, json!("s")), (&bare, otherwise)] {
            let said = json!({ "role": "assistant", "tool_calls": [call] });
            let (body, _) = prepared(model, &json!({ "messages": [{ "role": "user", "content": "hi" }, said] }));
            assert_eq!(body["contents"][1]["parts"][0]["thoughtSignature"], signature, "{model}");
        }
    }
}

#[test]
fn a_signature_whose_text_was_shortened_is_left_out() {
    let detail = json!({ "type": "reasoning.encrypted", "provider": "google", "format": "google-thought-signature-v1", "data": "s", "start": 0, "end": 9 });
    let said = json!({ "role": "assistant", "content": "Short.", "reasoning_details": [detail] });
    let (body, _) = prepared("gemini-2.5-flash", &json!({ "messages": [{ "role": "user", "content": "hi" }, said] }));
    assert_eq!(body["contents"][1]["parts"], json!([{ "text": "Short." }]));
}

#[test]
fn an_argument_that_leaves_a_gap_is_unreadable() {
    for path in ["$", "steps", "$[0]", "$.steps[1]", "$.steps[x]"] {
        let part =
            json!({ "functionCall": { "name": "f", "partialArgs": [{ "jsonPath": path, "stringValue": "a" }] } });
        let body = json!({ "candidates": [{ "content": { "parts": [part] } }] });
        assert!(Google.chat_answer(body.to_string().as_bytes()).is_err(), "{path}");
    }
}

#[test]
fn only_a_model_that_gives_them_is_asked_for_probabilities() {
    let (body, ignored) = prepared("gemini-2.5-flash", &json!({ "logprobs": true }));
    assert_eq!((&body["generationConfig"]["responseLogprobs"], ignored.len()), (&json!(true), 0));
    let (body, ignored) = prepared("gemini-3.1-pro-preview", &json!({ "logprobs": true, "top_logprobs": 2 }));
    assert_eq!(
        (&body["generationConfig"], ignored),
        (&json!(null), vec!["logprobs".to_owned(), "top_logprobs".to_owned()])
    );
}
