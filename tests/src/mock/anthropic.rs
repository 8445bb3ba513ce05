//! Anthropic: `POST /v1/messages`. <https://docs.claude.com/en/api/messages>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked, Finish};
use super::fault::{Fault, Refusal, check_credential, dotted};
use super::fields::{Fields, Messages};
use super::json::{Json, object};
use super::provider::{Call, Provider};

/// The provider itself.
#[derive(Debug)]
pub struct Anthropic;

const FIELDS: &[&str] = &[
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

const MESSAGES: Messages = Messages {
    roles: &["user", "assistant"],
    system: &[],
    fields: &["role", "content"],
    parts: &[
        "text",
        "image",
        "document",
        "search_result",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
        "mcp_tool_use",
        "mcp_tool_result",
    ],
    silence: false,
};

impl Provider for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn call(&self, path: &str) -> Option<Call> {
        (path == "/v1/messages").then(Call::default)
    }

    fn credential(&self, headers: &HeaderMap, _query: &str) -> Result<(), Fault> {
        check_credential(headers.get("x-api-key").and_then(|value| value.to_str().ok()))?;
        if headers.contains_key("anthropic-version") {
            return Ok(());
        }
        Err(Fault::Value { path: "anthropic-version".to_owned(), message: "header is required".to_owned() })
    }

    fn read(&self, _call: &Call, body: &Value) -> Result<Asked, Fault> {
        let body = Fields::of(body, "")?;
        body.only(&[FIELDS])?;
        let model = body.needed_text("model")?;
        let max_tokens = body.count("max_tokens", 1)?.ok_or_else(|| Fault::Missing("max_tokens".to_owned()))?;
        let (_, turns) = MESSAGES.read(&body)?;
        let asked = Asked {
            model,
            streamed: body.flag("stream")?.unwrap_or(false),
            include_usage: true,
            system: system(&body)?,
            turns,
            temperature: body.number("temperature", 0.0..=1.0)?,
            top_p: body.number("top_p", 0.0..=1.0)?,
            top_k: body.number("top_k", 0.0..=500.0)?,
            stop: body.texts("stop_sequences", usize::MAX, false)?,
            max_tokens: Some(max_tokens),
            choices: 0,
        };
        refuse_what_this_model_refuses(&asked)?;
        Ok(asked)
    }

    fn refuse(&self, fault: &Fault, id: u128) -> Refusal {
        let (status, message) = in_our_words(fault);
        let mut headers = vec![("x-should-retry", matches!(status, 408 | 409 | 429 | 500..).to_string())];
        if let Fault::Asked { status: 429 | 503 | 529, retry_after_s } = fault {
            headers.push(("retry-after", retry_after_s.to_string()));
        }
        Refusal { status, headers, body: error(status, message).with("request_id", request_id(id)).compact() }
    }

    fn plain(&self, answer: &Answer) -> String {
        // An answer of no words is an empty list, not an empty text.
        let content = match answer.text() {
            text if text.is_empty() => Vec::new(),
            text => vec![object! { "type": "text", "text": text }],
        };
        let (reason, sequence) = reason(&answer.finish);
        message(answer, content, reason.into(), sequence, answer.usage.completion).compact()
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        let opening = message(answer, Vec::new(), Json::Null, Json::Null, answer.usage.completion.min(1));
        let mut events = vec![event("message_start", vec![("message", opening)])];
        if !answer.pieces.is_empty() {
            let block = object! { "type": "text", "text": "" };
            events.push(event("content_block_start", vec![("index", 0_u64.into()), ("content_block", block)]));
        }
        events.push("event: ping\ndata: {\"type\": \"ping\"}\n\n".to_owned());
        for piece in &answer.pieces {
            let delta = object! { "type": "text_delta", "text": piece.as_str() };
            events.push(event("content_block_delta", vec![("index", 0_u64.into()), ("delta", delta)]));
        }
        if !answer.pieces.is_empty() {
            events.push(event("content_block_stop", vec![("index", 0_u64.into())]));
        }
        let (reason, sequence) = reason(&answer.finish);
        let delta = object! { "stop_reason": reason, "stop_sequence": sequence };
        // These counts are totals, not what is to be added to `message_start`.
        let usage = object! {
            "input_tokens": answer.usage.prompt - answer.usage.cached,
            "cache_creation_input_tokens": 0_u64,
            "cache_read_input_tokens": answer.usage.cached,
            "output_tokens": answer.usage.completion,
        };
        events.push(event("message_delta", vec![("delta", delta), ("usage", usage)]));
        events.push(event("message_stop", Vec::new()));
        events
    }

    fn error_event(&self, _id: u128) -> String {
        let error = object! { "details": Json::Null, "type": "overloaded_error", "message": "Overloaded" };
        event("error", vec![("error", error)])
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("request-id", request_id(id)),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000".to_owned()),
            ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
            ("anthropic-ratelimit-requests-remaining", "3999".to_owned()),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z".to_owned()),
            ("anthropic-ratelimit-tokens-limit", "2000000".to_owned()),
            ("anthropic-ratelimit-tokens-remaining", "1999000".to_owned()),
            ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z".to_owned()),
        ]
        .into()
    }
}

/// `system` is a string or a list of text blocks, each of which counts as a text of its own.
fn system(body: &Fields<'_>) -> Result<Vec<String>, Fault> {
    match body.get("system") {
        None => Ok(Vec::new()),
        Some(Value::Array(blocks)) => {
            let one = |block: &Value| MESSAGES.text_of(&Value::Array(vec![block.clone()]), "system", false, false);
            blocks.iter().map(one).collect()
        }
        Some(text) => match MESSAGES.text_of(text, "system", true, false)? {
            text if text.is_empty() => Ok(Vec::new()),
            text => Ok(vec![text]),
        },
    }
}

fn refuse_what_this_model_refuses(asked: &Asked) -> Result<(), Fault> {
    let value = |path: &str, message: &str| Err(Fault::Value { path: path.to_owned(), message: message.to_owned() });
    if asked.turns.first().is_some_and(|turn| !turn.from_user) {
        return value("messages", "first message must use the \"user\" role");
    }
    if asked.stop.iter().any(|stop| stop.trim().is_empty()) {
        return value("stop_sequences", "each stop sequence must contain non-whitespace");
    }
    let unsupported =
        |message: &str| Err(Fault::Unsupported { path: "temperature".to_owned(), message: message.to_owned() });
    let since_opus_4_7 = ["claude-opus-4-7", "claude-opus-4-8"].iter().any(|name| asked.model.starts_with(name));
    if since_opus_4_7 && asked.temperature.as_ref().is_some_and(|value| value.as_f64() != Some(1.0)) {
        return unsupported("`temperature` is deprecated for this model.");
    }
    if asked.temperature.is_some() && asked.top_p.is_some() && !takes_both_samplers(&asked.model) {
        return unsupported("`temperature` and `top_p` cannot both be specified for this model. Please use only one.");
    }
    Ok(())
}

/// Claude 4.1 was the first to refuse the two together; everything later does.
fn takes_both_samplers(model: &str) -> bool {
    ["claude-2", "claude-3", "claude-opus-4-0", "claude-opus-4-2025", "claude-sonnet-4-0", "claude-sonnet-4-2025"]
        .iter()
        .any(|older| model.starts_with(older))
}

fn message(answer: &Answer, content: Vec<Json>, reason: Json, sequence: Json, output: u64) -> Json {
    object! {
        "model": answer.model.as_str(),
        "id": format!("msg_01{:022x}", answer.id >> 40),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": object! {
            // What was read from the cache is not in `input_tokens`: here the prompt is the sum of the three.
            "input_tokens": answer.usage.prompt - answer.usage.cached,
            "cache_creation_input_tokens": 0_u64,
            "cache_read_input_tokens": answer.usage.cached,
            "cache_creation": object! { "ephemeral_5m_input_tokens": 0_u64, "ephemeral_1h_input_tokens": 0_u64 },
            "output_tokens": output,
            "service_tier": "standard",
            "inference_geo": "global",
        },
    }
}

/// Anthropic pads its events with spaces before the last brace.
fn event(kind: &'static str, fields: Vec<(&'static str, Json)>) -> String {
    let mut all = vec![("type", Json::from(kind))];
    all.extend(fields);
    let mut data = Json::Object(all).compact();
    let spaces = data.len() % 7;
    data.insert_str(data.len() - 1, &" ".repeat(spaces));
    format!("event: {kind}\ndata: {data}\n\n")
}

fn reason(finish: &Finish) -> (&'static str, Json) {
    match finish {
        Finish::Complete => ("end_turn", Json::Null),
        Finish::Length => ("max_tokens", Json::Null),
        Finish::Stop(sequence) => ("stop_sequence", sequence.as_str().into()),
    }
}

fn request_id(id: u128) -> String {
    format!("req_011C{:020x}", id >> 48)
}

fn error(status: u16, message: String) -> Json {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    object! { "type": "error", "error": object! { "type": kind, "message": message } }
}

fn in_our_words(fault: &Fault) -> (u16, String) {
    match fault {
        Fault::NoCredential => (401, "x-api-key header is required".to_owned()),
        Fault::BadCredential(_) => (401, "invalid x-api-key".to_owned()),
        Fault::NotJson => (400, "The request body is not valid JSON".to_owned()),
        Fault::TooLarge => (413, "Request exceeds the maximum size".to_owned()),
        Fault::NoRoute => (404, "Not found".to_owned()),
        Fault::NoModel(model) => (404, format!("model: {model}")),
        Fault::UnknownField(path) => (400, format!("{}: Extra inputs are not permitted", dotted(path))),
        Fault::Missing(path) => (400, format!("{}: Field required", dotted(path))),
        Fault::Empty(path) if path == "messages" => (400, "messages: at least one message is required".to_owned()),
        Fault::Empty(path) => {
            let message = dotted(path);
            (
                400,
                format!(
                    "{message}: all messages must have non-empty content except for the optional final assistant message"
                ),
            )
        }
        Fault::Type { path, expected } => (400, format!("{}: Input should be {expected}", dotted(path))),
        Fault::NotOneOf { given, path, .. } if given == "system" && path.ends_with("role") => {
            let message =
                "messages: Unexpected role \"system\". The Messages API takes a top-level `system` parameter instead.";
            (400, message.to_owned())
        }
        Fault::NotOneOf { path, given, allowed } => {
            let allowed = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(" or ");
            (400, format!("{}: Input should be {allowed}, not '{given}'", dotted(path)))
        }
        Fault::Unsupported { message, .. } => (400, message.clone()),
        Fault::Value { path, message } => (400, format!("{}: {message}", dotted(path))),
        Fault::Asked { status, .. } => (*status, asked_for(*status).to_owned()),
    }
}

fn asked_for(status: u16) -> &'static str {
    match status {
        401 => "invalid x-api-key",
        402 => "Your credit balance is too low to access the API.",
        403 => "Your API key does not have permission to use the specified resource",
        404 => "model: mock",
        413 => "Request exceeds the maximum size",
        429 => "This request would exceed your organization's rate limit.",
        529 => "Overloaded",
        500.. => "Internal server error",
        _ => "The request is invalid",
    }
}
