//! The specification of each translator is its folder `fixtures/`: what goes in, and beside it what must come out.
//!
//! | in | out |
//! |---|---|
//! | `request_NAME.in.json`: a body in OpenAI's dialect | `.out.json`: path, headers, ignored fields and body, or `invalid` |
//! | `answer_NAME.json`: a provider's answer | `.expected.json`: head, choices, usage, or `unreadable` |
//! | `stream_NAME.sse`: a provider's events | `.expected.jsonl`: the pieces, a line each, and how the stream stands at its end |
//! | `failure_NAME.json` or `.html`: an error body | `.expected.json`: the status it came with, and what it means |
//!
//! All of it is written from the providers' documentation. A case of [`REQUIRED`] that a provider cannot have is named, with the
//! reason, in its `fixtures/README.md`.

use super::{Answer, AnswerError, Event, Failure, Head, Piece, Progress, Provider, model};
use crate::{
    openai::ChatRequest,
    usage::{ServiceTier, Tokens},
};
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

/// The cases that every provider has.
const REQUIRED: &[&str] = &[
    "request_plain.in.json",
    "request_conversation.in.json",
    "request_sampling.in.json",
    "request_stream.in.json",
    "answer_plain.json",
    "answer_length.json",
    "answer_cached.json",
    "answer_filtered.json",
    "stream_plain.sse",
    "stream_cut.sse",
    "stream_error.sse",
    "failure_bad_request.json",
    "failure_credential.json",
    "failure_not_found.json",
    "failure_rate_limit.json",
    "failure_server.json",
    "failure_context_length.json",
    "failure_html.html",
];

/// Runs every fixture of a provider.
pub(crate) fn check(provider: &dyn Provider) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers").join(provider.id()).join("fixtures");
    let mut files: Vec<String> = fs::read_dir(&folder)
        .expect("a folder of fixtures")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect();
    files.sort_unstable();
    let excuses = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    for required in REQUIRED {
        assert!(files.iter().any(|file| file == required) || excuses.contains(required), "{required} is missing");
    }
    for file in &files {
        let Some(output) = output_of(file) else { continue };
        let input = fs::read_to_string(folder.join(file)).expect(file);
        let wanted = fs::read_to_string(folder.join(&output)).expect(&output);
        let actual = run(provider, file, &input, &wanted);
        let wanted: Value = if output.ends_with(".jsonl") {
            wanted.lines().map(|line| serde_json::from_str::<Value>(line).expect(&output)).collect()
        } else {
            serde_json::from_str(&wanted).expect(&output)
        };
        assert_eq!(actual, wanted, "{}: {output}; it is now\n{}", provider.id(), print(&actual, &output));
    }
}

/// The name of the file with what must come out, none for a file that is no input.
pub(crate) fn output_of(file: &str) -> Option<String> {
    if let Some(name) = file.strip_suffix(".in.json") {
        return Some(format!("{name}.out.json"));
    }
    let (name, extension) = file.rsplit_once('.')?;
    match (name.split('_').next()?, extension) {
        ("answer" | "failure", "json" | "html") if !name.ends_with(".expected") => {
            Some(format!("{name}.expected.json"))
        }
        ("stream", "sse") => Some(format!("{name}.expected.jsonl")),
        _ => None,
    }
}

/// What comes out. A failure's status is an input that stands in the expectation.
pub(crate) fn run(provider: &dyn Provider, file: &str, input: &str, wanted: &str) -> Value {
    match file.split('_').next() {
        Some("request") => request(provider, input),
        Some("answer") => provider.chat_answer(input.as_bytes()).map_or_else(
            |error| match error {
                AnswerError::Unreadable(error) => json!({ "unreadable": error.0 }),
                AnswerError::Failed(error) => json!({ "failed": failure(&error) }),
            },
            |answer: Answer| {
                let choices = answer.choices.iter().map(|choice| {
                    object([
                        ("text", json!(choice.text)),
                        ("refusal", json!(choice.refusal)),
                        ("audio", json!(choice.audio)),
                        ("images", list(&choice.images)),
                        ("tool_calls", list(&choice.tool_calls)),
                        ("reasoning", json!(choice.reasoning)),
                        ("reasoning_details", list(&choice.reasoning_details)),
                        ("annotations", list(&choice.annotations)),
                        ("logprobs", json!(choice.logprobs)),
                        ("finish", json!(choice.finish)),
                        ("native_finish", json!(choice.native_finish)),
                    ])
                });
                object([
                    ("head", head(&answer.head)),
                    ("choices", choices.collect()),
                    ("usage", answer.usage.as_ref().map_or(Value::Null, tokens)),
                ])
            },
        ),
        Some("stream") => stream(provider, input),
        _ => {
            let status: Value = serde_json::from_str(wanted).expect("JSON");
            let status = status["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
            failure(&provider.failure(status, input.as_bytes()))
        }
    }
}

/// As a person would write it into the file.
pub(crate) fn print(value: &Value, output: &str) -> String {
    match value.as_array().filter(|_| output.ends_with(".jsonl")) {
        Some(lines) => lines.iter().map(|line| format!("{line}\n")).collect(),
        None => format!("{value:#}\n"),
    }
}

fn request(provider: &dyn Provider, input: &str) -> Value {
    let request = ChatRequest::parse(input.as_bytes()).expect("a request in the dialect");
    let card = model(provider, &request.model).expect("a model of the provider");
    match provider.chat_request(card, &request) {
        Err(error) => json!({ "invalid": { "param": error.param, "code": error.code, "message": error.message } }),
        Ok(prepared) => {
            let text = |value: &http::HeaderValue| json!(value.to_str().expect("text"));
            let headers: Map<_, _> =
                prepared.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            json!({
                "path": prepared.path,
                "headers": headers,
                "ignored": prepared.ignored,
                "body": serde_json::from_slice::<Value>(&prepared.body).expect("JSON"),
            })
        }
    }
}

/// Also: a stream that is cut never passes for a whole one.
fn stream(provider: &dyn Provider, input: &str) -> Value {
    let (mut stream, mut pieces, mut lines) = (provider.chat_stream(), Vec::new(), Vec::new());
    for block in input.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        let event = Event { name: field("event:"), data: field("data:").expect("data") };
        let (ended, before) = (stream.progress() == Progress::Ended, pieces.len());
        if let Err(error) = stream.push(event, &mut pieces) {
            lines.extend(pieces.iter().map(piece));
            lines.push(match error {
                AnswerError::Failed(error) => json!({ "failed": failure(&error) }),
                AnswerError::Unreadable(error) => json!({ "unreadable": error.0 }),
            });
            return lines.into();
        }
        assert!(!ended || pieces.len() == before, "it had ended, and still said something");
        let is_over = pieces.iter().any(|piece| matches!(piece, Piece::Finish(..)));
        assert!(is_over || stream.progress() == Progress::Running, "a cut after {block} would go unnoticed");
    }
    lines.extend(pieces.iter().map(piece));
    lines.push(json!({ "end": format!("{:?}", stream.progress()) }));
    lines.into()
}

fn piece(piece: &Piece) -> Value {
    match piece {
        Piece::Head(it) => json!({ "head": head(it) }),
        Piece::Text(choice, text) => json!({ "choice": choice, "text": text }),
        Piece::Refusal(choice, text) => json!({ "choice": choice, "refusal": text }),
        Piece::Audio(choice, audio) => json!({ "choice": choice, "audio": audio }),
        Piece::Image(choice, image) => json!({ "choice": choice, "image": image }),
        Piece::Reasoning(choice, text) => json!({ "choice": choice, "reasoning": text }),
        Piece::ReasoningDetail(choice, detail) => json!({ "choice": choice, "reasoning_detail": detail }),
        Piece::ToolCall { choice, index, id, name, extra: None } => {
            json!({ "choice": choice, "call": index, "id": id, "name": name })
        }
        Piece::ToolCall { choice, index, id, name, extra } => {
            json!({ "choice": choice, "call": index, "id": id, "name": name, "extra": extra })
        }
        Piece::CustomCall { choice, index, id, name } => {
            json!({ "choice": choice, "call": index, "id": id, "custom": name })
        }
        Piece::ToolArguments { choice, index, text } => json!({ "choice": choice, "call": index, "arguments": text }),
        Piece::Annotation(choice, annotation) => json!({ "choice": choice, "annotation": annotation }),
        Piece::Logprobs(choice, logprobs) => json!({ "choice": choice, "logprobs": logprobs }),
        Piece::Finish(choice, reason) => json!({ "choice": choice, "finish": reason }),
        Piece::NativeFinish(choice, word) => json!({ "choice": choice, "native_finish": word }),
        Piece::Usage(usage) => json!({ "usage": tokens(usage) }),
    }
}

fn head(head: &Head) -> Value {
    object([
        ("id", json!(head.id)),
        ("model", json!(head.model)),
        ("created", json!(head.created)),
        ("system_fingerprint", json!(head.system_fingerprint)),
        ("service_tier", json!(head.service_tier)),
    ])
}

fn tokens(tokens: &Tokens) -> Value {
    let billed = tokens.billed.map(|billed| json!({ "input": billed.input, "output": billed.output }));
    object([
        ("input", json!(tokens.input)),
        ("output", json!(tokens.output)),
        ("cached_input", json!(tokens.cached_input)),
        ("cache_write", json!(tokens.cache_write)),
        ("cache_write_1h", json!(tokens.cache_write_1h)),
        ("reasoning", json!(tokens.reasoning)),
        ("audio_input", json!(tokens.audio_input)),
        ("cached_audio_input", json!(tokens.cached_audio_input)),
        ("audio_seconds", json!(tokens.audio_seconds)),
        ("tool_input", json!(tokens.tool_input)),
        ("audio_output", json!(tokens.audio_output)),
        ("video_output", json!(tokens.video_output)),
        ("accepted_prediction", json!(tokens.accepted_prediction)),
        ("rejected_prediction", json!(tokens.rejected_prediction)),
        ("web_searches", json!(tokens.web_searches)),
        ("tier", json!(tokens.terms.tier.filter(|&tier| tier != ServiceTier::Default).map(ServiceTier::as_str))),
        ("us_only", json!(tokens.terms.us_only)),
        ("billed", json!(billed)),
    ])
}

fn failure(failure: &Failure) -> Value {
    object([
        ("status", json!(failure.status)),
        ("kind", json!(format!("{:?}", failure.kind))),
        ("message", json!(failure.message)),
        ("code", json!(failure.code)),
        ("param", json!(failure.param)),
        ("retry_after_s", json!(failure.retry_after_s)),
        ("used", failure.used.as_deref().map_or(Value::Null, tokens)),
    ])
}

/// Without what is absent.
/// Null where there is nothing, so that it is left out.
fn list<T: serde::Serialize>(items: &[T]) -> Value {
    if items.is_empty() { Value::Null } else { json!(items) }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}
