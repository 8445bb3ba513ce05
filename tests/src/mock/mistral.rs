//! Mistral: `POST /v1/chat/completions`. <https://docs.mistral.ai/api/endpoint/chat>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked, CREATED, Finish};
use super::embeddings::{AskedVectors, texts};
use super::fault::{Fault, Refusal, bearer, check_credential, dotted};
use super::fields::{Fields, Messages};
use super::json::{Json, object};
use super::provider::{Call, Provider};

/// The provider itself.
#[derive(Debug)]
pub struct Mistral;

/// No `stream_options`, `user`, `seed` or `max_completion_tokens`: close to OpenAI's list, and that is the trap.
const FIELDS: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "service_tier",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

const MESSAGES: Messages = Messages {
    roles: &["system", "user", "assistant", "tool"],
    system: &["system"],
    fields: &["role", "content", "tool_calls", "tool_call_id", "name", "prefix"],
    parts: &["text", "image_url", "document_url", "input_audio", "reference", "file", "thinking"],
    silence: true,
};

impl Provider for Mistral {
    fn name(&self) -> &'static str {
        "mistral"
    }

    fn call(&self, path: &str) -> Option<Call> {
        (path == "/v1/chat/completions").then(Call::default)
    }

    fn credential(&self, headers: &HeaderMap, _query: &str) -> Result<(), Fault> {
        check_credential(bearer(headers))
    }

    fn read(&self, _call: &Call, body: &Value) -> Result<Asked, Fault> {
        let body = Fields::of(body, "")?;
        body.only(&[FIELDS])?;
        let model = body.needed_text("model")?;
        let (system, turns) = MESSAGES.read(&body)?;
        refuse_a_wrong_order(&body)?;
        Ok(Asked {
            model,
            streamed: body.flag("stream")?.unwrap_or(false),
            include_usage: true,
            system,
            turns,
            temperature: body.number("temperature", 0.0..=1.5)?,
            top_p: body.number("top_p", 0.0..=1.0)?,
            top_k: None,
            stop: body.texts("stop", usize::MAX, true)?,
            max_tokens: body.count("max_tokens", 0)?,
            choices: body.count("n", 1)?.unwrap_or(0).min(128),
        })
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        (path == "/v1/embeddings").then(Call::default)
    }

    fn read_embeddings(&self, _call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST_TOKENS: u64 = 16_384;
        let body = Fields::of(body, "")?;
        body.only(&[&["model", "input", "output_dimension", "output_dtype", "encoding_format", "metadata"]])?;
        let model = body.needed_text("model")?;
        let dimensions = body.count("output_dimension", 1)?;
        if dimensions.is_some() && model.starts_with("mistral-embed") {
            let message = "This model does not support output_dimension.".to_owned();
            return Err(Fault::Value { path: "output_dimension".to_owned(), message });
        }
        let texts = match body.get("input") {
            Some(Value::String(text)) => vec![text.clone()],
            _ => texts(&body, "input", usize::MAX)?,
        };
        let asked = AskedVectors::of_texts(model, texts, dimensions);
        if asked.tokens > MOST_TOKENS {
            let message = "Too many tokens overall, split into more batches.".to_owned();
            return Err(Fault::Value { path: "input".to_owned(), message });
        }
        Ok(asked)
    }

    fn vectors(&self, asked: &AskedVectors, id: u128) -> String {
        let item = |(index, vector)| object! { "object": "embedding", "embedding": vector, "index": index };
        let usage = object! { "prompt_tokens": asked.tokens, "total_tokens": asked.tokens, "completion_tokens": 0_u64 };
        object! {
            "id": format!("{id:032x}"),
            "object": "list",
            "data": (0_u64..).zip(asked.vectors()).map(item).collect::<Vec<_>>(),
            "model": asked.model.as_str(),
            "usage": usage,
        }
        .compact()
    }

    fn refuse(&self, fault: &Fault, _id: u128) -> Refusal {
        let (status, body) = in_our_words(fault);
        let headers = match fault {
            Fault::Asked { status: 429, retry_after_s } => {
                vec![("retry-after", retry_after_s.to_string()), ("x-ratelimit-remaining-req-minute", "0".to_owned())]
            }
            _ => Vec::new(),
        };
        Refusal { status, headers, body: body.compact() }
    }

    fn plain(&self, answer: &Answer) -> String {
        let choice = |index: u64| {
            let message = object! { "role": "assistant", "tool_calls": Json::Null, "content": answer.text() };
            object! { "index": index, "finish_reason": reason(&answer.finish), "message": message }
        };
        object! {
            "id": format!("{:032x}", answer.id),
            "created": CREATED,
            "model": answer.model.as_str(),
            "usage": usage(answer),
            "object": "chat.completion",
            "choices": (0..answer.choices).map(choice).collect::<Vec<_>>(),
        }
        .compact()
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        let mut events = Vec::with_capacity(answer.pieces.len() + 3);
        let mut send = |index: u64, delta: Json, reason: Json, usage: Option<Json>| {
            let choice = object! { "index": index, "delta": delta, "finish_reason": reason };
            let mut chunk = object! {
                "id": format!("{:032x}", answer.id),
                "object": "chat.completion.chunk",
                "created": CREATED,
                "model": answer.model.as_str(),
                "choices": [choice],
            };
            if let Some(usage) = usage {
                chunk = chunk.with("usage", usage);
            }
            // Padding that hides the length of a chunk, as OpenAI's `obfuscation`.
            let padding = &"abcdefghijklmnopqrstuvwxyz"[..1 + events.len() % 26];
            events.push(format!("data: {}\n\n", chunk.with("p", padding).compact()));
        };
        for index in 0..answer.choices {
            send(index, object! { "role": "assistant", "content": "" }, Json::Null, None);
            // The last word comes in the same chunk as the finish reason and the usage: there is no chunk of usage alone.
            let last = answer.pieces.len().saturating_sub(1);
            for piece in answer.pieces.iter().take(last) {
                send(index, object! { "content": piece.as_str() }, Json::Null, None);
            }
            let word = answer.pieces.last().map_or("", String::as_str);
            let usage = (index + 1 == answer.choices).then(|| usage(answer));
            send(index, object! { "content": word }, reason(&answer.finish).into(), usage);
        }
        events.push("data: [DONE]\n\n".to_owned());
        events
    }

    fn error_event(&self, _id: u128) -> String {
        format!("data: {}\n\n", error("Service unavailable.", "internal_server_error", "1000").compact())
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("mistral-correlation-id", format!("{id:032x}")),
            ("x-kong-request-id", format!("{id:032x}")),
            ("x-ratelimit-limit-req-minute", "60".to_owned()),
            ("x-ratelimit-remaining-req-minute", "59".to_owned()),
            ("x-ratelimit-limit-tokens-minute", "2000000".to_owned()),
            ("x-ratelimit-remaining-tokens-minute", "1999000".to_owned()),
        ]
        .into()
    }
}

/// The model continues only what a user or a tool said last, or an assistant's message marked as a prefix.
fn refuse_a_wrong_order(body: &Fields<'_>) -> Result<(), Fault> {
    let last = body.needed_list("messages")?.last();
    let role = last.and_then(|message| message["role"].as_str()).unwrap_or_default();
    let prefix = last.is_some_and(|message| message["prefix"] == true);
    if matches!(role, "user" | "tool") || (role == "assistant" && prefix) {
        return Ok(());
    }
    let message = format!("Expected last role User or Tool (or Assistant with prefix True) for serving but got {role}");
    Err(Fault::Unsupported { path: "messages".to_owned(), message })
}

fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Complete | Finish::Stop(_) => "stop",
        Finish::Length => "length",
    }
}

fn usage(answer: &Answer) -> Json {
    let usage = answer.usage;
    object! {
        "prompt_tokens": usage.prompt,
        "total_tokens": usage.prompt + usage.completion,
        "completion_tokens": usage.completion,
        "prompt_tokens_details": object! { "cached_tokens": usage.cached },
    }
}

fn error(message: &str, kind: &str, code: &str) -> Json {
    object! { "object": "error", "message": message, "type": kind, "param": Json::Null, "code": code }
}

/// A validation error, as its web framework writes it: the path is a list, and there is no `message` at the top.
fn detail(kind: &str, path: &str, message: &str) -> (u16, Json) {
    let step = |step: &str| step.parse::<u64>().map_or_else(|_| Json::from(step), Json::from);
    let at: Vec<Json> = format!("body.{}", dotted(path)).split('.').map(step).collect();
    (422, object! { "detail": [object! { "type": kind, "loc": at, "msg": message, "input": Json::Null }] })
}

fn in_our_words(fault: &Fault) -> (u16, Json) {
    match fault {
        Fault::NoCredential => (401, object! { "detail": "Unauthorized" }),
        Fault::BadCredential(_) => (401, object! { "detail": "Invalid API Key" }),
        Fault::NotJson => detail("json_invalid", "0", "JSON decode error"),
        Fault::TooLarge => (413, object! { "message": "Request size limit exceeded" }),
        Fault::NoRoute => (404, object! { "message": "no Route matched with those values" }),
        Fault::NoModel(model) => (400, error(&format!("Invalid model: {model}"), "invalid_model", "1500")),
        Fault::UnknownField(path) => detail("extra_forbidden", path, "Extra inputs are not permitted"),
        Fault::Missing(path) => detail("missing", path, "Field required"),
        Fault::Empty(path) => detail("too_short", path, "List should have at least 1 item after validation, not 0"),
        Fault::Type { path, expected } => detail("type_error", path, &format!("Input should be {expected}")),
        Fault::NotOneOf { path, given, allowed } => {
            let message =
                format!("Input tag '{given}' does not match any of the expected tags: {}", allowed.join(", "));
            detail("union_tag_invalid", path, &message)
        }
        Fault::Unsupported { message, .. } => (400, error(message, "invalid_request_message_order", "3230")),
        Fault::Value { path, message } => detail("value_error", path, message),
        Fault::Asked { status, .. } => (*status, asked_for(*status)),
    }
}

fn asked_for(status: u16) -> Json {
    match status {
        401 => object! { "detail": "Invalid API Key" },
        403 => error("This API key is not allowed to use this model.", "forbidden", "1401"),
        404 => object! { "message": "no Route matched with those values" },
        413 => object! { "message": "Request size limit exceeded" },
        422 => detail("value_error", "messages", "The request is invalid").1,
        429 => error("Rate limit exceeded", "rate_limited", "1300"),
        500.. => error("Service unavailable.", "internal_server_error", "1000"),
        _ => error("The request is invalid", "invalid_request_invalid_args", "3051"),
    }
}
