//! What all five do alike, each in its own words: results, media, JSON.

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;

use crate::client::{tell, text_of};

/// What matters is the size.
const SIX_BYTES: &str = "AAECAwQF";

fn body(provider: &str, turns: Vec<Value>) -> Value {
    match provider {
        "google" => json!({"model": "gemini-2.5-flash", "contents": turns}),
        "anthropic" => json!({"model": "claude-haiku-4-5", "max_tokens": 1000, "messages": turns}),
        _ => json!({"model": "m-1", "messages": turns}),
    }
}

fn user(provider: &str, text: &str) -> Value {
    match provider {
        "google" => json!({"role": "user", "parts": [{"text": text}]}),
        _ => json!({"role": "user", "content": text}),
    }
}

/// Two calls and their results, second first.
fn two_results(provider: &str) -> Vec<Value> {
    let ids = ["abcDEF001", "abcDEF002"];
    let call =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let result = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let use_of = |id: &str, name: &str| json!({"type": "tool_use", "id": id, "name": name, "input": {}});
    let result_of = |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    match provider {
        "google" => vec![
            json!({"role": "model", "parts": [{"functionCall": {"name": "a", "args": {}}}, {"functionCall": {"name": "b", "args": {}}}]}),
            json!({"role": "user", "parts": [
                {"functionResponse": {"name": "b", "response": {"output": "two"}}},
                {"functionResponse": {"name": "a", "response": {"output": "one"}}},
            ]}),
        ],
        "anthropic" => vec![
            json!({"role": "assistant", "content": [use_of(ids[0], "a"), use_of(ids[1], "b")]}),
            json!({"role": "user", "content": [result_of(ids[1], "two"), result_of(ids[0], "one")]}),
        ],
        _ => vec![
            json!({"role": "assistant", "tool_calls": [call(ids[0], "a"), call(ids[1], "b")]}),
            result(ids[1], "two"),
            result(ids[0], "one"),
        ],
    }
}

#[tokio::test]
async fn the_answer_lists_the_results_of_the_last_calls_by_the_names_of_their_tools() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in ["openai", "anthropic", "google", "cohere", "mistral"] {
        let mut turns = vec![user(provider, "mock:call")];
        turns.extend(two_results(provider));
        let answer = tell(&mock, provider, body(provider, turns.clone())).await;
        assert_eq!(answer.status, 200, "{provider}: {}", answer.body);
        let text = text_of(provider, &answer.json()).to_owned();
        assert!(text.ends_with(r#"results: b="two", a="one")"#), "{provider}: {text}");
        assert!(
            text.contains(r#"heard: "mock:call""#),
            "{provider}: what the user said, not what the tool said: {text}"
        );
    }
}

/// An image and a document in a provider's own form, and its facts; where there is none, it has no such form.
fn media(provider: &str) -> Vec<(Value, &'static str)> {
    let data = |kind: &str| format!("data:{kind};base64,{SIX_BYTES}");
    let source = |kind: &str| json!({"type": "base64", "media_type": kind, "data": SIX_BYTES});
    let inline = |kind: &str| json!({"inlineData": {"mimeType": kind, "data": SIX_BYTES}});
    let image = (json!({"type": "image_url", "image_url": {"url": data("image/png")}}), "images: image/png 6 bytes");
    let linked = (json!({"type": "image_url", "image_url": {"url": "https://a/b.png"}}), "images: https://a/b.png");
    match provider {
        "openai" => vec![
            image,
            linked,
            (
                json!({"type": "file", "file": {"filename": "f", "file_data": data("application/pdf")}}),
                "files: application/pdf 6 bytes",
            ),
            (json!({"type": "input_audio", "input_audio": {"data": SIX_BYTES, "format": "wav"}}), "audio: wav 6 bytes"),
        ],
        "anthropic" => vec![
            (json!({"type": "image", "source": source("image/png")}), "images: image/png 6 bytes"),
            (json!({"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}), "images: https://a/b.png"),
            (json!({"type": "document", "source": source("application/pdf")}), "files: application/pdf 6 bytes"),
            (
                json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}}),
                "files: text/plain 3 bytes",
            ),
        ],
        "google" => vec![
            (inline("image/png"), "images: image/png 6 bytes"),
            (inline("application/pdf"), "files: application/pdf 6 bytes"),
            (inline("audio/wav"), "audio: wav 6 bytes"),
            (json!({"fileData": {"mimeType": "image/png", "fileUri": "https://a/b.png"}}), "images: https://a/b.png"),
        ],
        "cohere" => vec![image, linked],
        _ => vec![
            image,
            linked,
            (
                json!({"type": "document_url", "document_url": data("application/pdf")}),
                "files: application/pdf 6 bytes",
            ),
            (json!({"type": "input_audio", "input_audio": "UklGRgAA"}), "audio: wav 6 bytes"),
        ],
    }
}

#[tokio::test]
async fn the_answer_lists_images_documents_and_sound() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in ["openai", "anthropic", "google", "cohere", "mistral"] {
        for (part, fact) in media(provider) {
            let turn = match provider {
                "google" => json!({"role": "user", "parts": [{"text": "see"}, part]}),
                _ => json!({"role": "user", "content": [{"type": "text", "text": "see"}, part]}),
            };
            let answer = tell(&mock, provider, body(provider, vec![turn])).await;
            assert_eq!(answer.status, 200, "{provider} {part}: {}", answer.body);
            let text = text_of(provider, &answer.json()).to_owned();
            assert!(text.contains(r#"heard: "see""#) && text.ends_with(&format!("{fact})")), "{provider}: {text}");
            let broken =
                serde_json::from_str::<Value>(&part.to_string().replace(SIX_BYTES, "not base64")).expect("JSON");
            let turn = match provider {
                "google" => json!({"role": "user", "parts": [broken]}),
                _ => json!({"role": "user", "content": [broken]}),
            };
            let refused = tell(&mock, provider, body(provider, vec![turn])).await.status;
            assert_eq!(refused != 200, part.to_string().contains(SIX_BYTES), "{provider} {part}: bytes are base64");
        }
    }
}

#[tokio::test]
async fn a_json_object_holds_what_was_heard_and_a_thought_can_be_asked_for_in_words() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for provider in ["openai", "google", "cohere", "mistral"] {
        let mut asked = body(provider, vec![user(provider, "some json")]);
        match provider {
            "google" => asked["generationConfig"] = json!({"responseMimeType": "application/json"}),
            _ => asked["response_format"] = json!({"type": "json_object"}),
        }
        let answer = tell(&mock, provider, asked).await.json();
        assert_eq!(text_of(provider, &answer), r#"{"heard":"some json"}"#, "{provider}");
    }
    mock.reset();
    for provider in ["openai", "anthropic", "google", "cohere", "mistral"] {
        let answer = tell(&mock, provider, body(provider, vec![user(provider, "mock:think mock:words=2")])).await;
        let shown = answer.body.contains("thinking about:");
        assert_eq!(shown, provider != "openai", "{provider}: OpenAI never shows it");
    }
    for provider in ["cohere", "mistral"] {
        let answer = tell(&mock, provider, body(provider, vec![user(provider, "mock:refuse")])).await.json();
        assert_eq!(text_of(provider, &answer), "I cannot help with that.", "{provider} has no form of its own for it");
    }
    assert!(
        mock.bill().iter().take(5).all(|billed| billed.output_tokens == 2 + 4),
        "and all bill it: {:?}",
        mock.bill()
    );
}
