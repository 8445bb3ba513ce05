//! Cohere: `POST /v2/chat`. <https://docs.cohere.com/reference/chat>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked, Finish, Usage};
use super::embeddings::{AskedVectors, texts};
use super::fault::{Fault, Refusal, bearer, check_credential, dotted};
use super::fields::{Fields, Messages};
use super::json::{Json, object};
use super::provider::{Call, Provider};

/// The provider itself.
#[derive(Debug)]
pub struct Cohere;

const FIELDS: &[&str] = &[
    "citation_options",
    "documents",
    "frequency_penalty",
    "k",
    "logprobs",
    "max_tokens",
    "messages",
    "model",
    "p",
    "presence_penalty",
    "priority",
    "raw_prompting",
    "reasoning_effort",
    "response_format",
    "safety_mode",
    "seed",
    "stop_sequences",
    "stream",
    "strict_tools",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
];

const MESSAGES: Messages = Messages {
    roles: &["system", "user", "assistant", "tool"],
    system: &["system"],
    fields: &["role", "content", "tool_calls", "tool_plan", "tool_call_id", "citations"],
    parts: &["text", "image_url", "document", "thinking"],
    silence: false,
};

impl Provider for Cohere {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn call(&self, path: &str) -> Option<Call> {
        (path == "/v2/chat").then(Call::default)
    }

    fn credential(&self, headers: &HeaderMap, _query: &str) -> Result<(), Fault> {
        check_credential(bearer(headers))
    }

    fn read(&self, _call: &Call, body: &Value) -> Result<Asked, Fault> {
        let body = Fields::of(body, "")?;
        body.only(&[FIELDS])?;
        let model = body.needed_text("model")?;
        let (system, turns) = MESSAGES.read(&body)?;
        Ok(Asked {
            model,
            streamed: body.flag("stream")?.unwrap_or(false),
            include_usage: true,
            system,
            turns,
            temperature: body.number("temperature", 0.0..=1.0)?,
            top_p: body.number("p", 0.0..=1.0)?,
            top_k: body.number("k", 0.0..=500.0)?,
            stop: body.texts("stop_sequences", 5, false)?,
            max_tokens: body.count("max_tokens", 1)?,
            choices: 0,
        })
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        (path == "/v2/embed").then(Call::default)
    }

    fn read_embeddings(&self, _call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST: usize = 96;
        let body = Fields::of(body, "")?;
        body.only(&[&[
            "model",
            "texts",
            "input_type",
            "embedding_types",
            "output_dimension",
            "truncate",
            "max_tokens",
        ]])?;
        let model = body.needed_text("model")?;
        let allowed = &["search_document", "search_query", "classification", "clustering"];
        let given = body.needed_text("input_type")?;
        if !allowed.contains(&given.as_str()) {
            return Err(Fault::NotOneOf { path: "input_type".to_owned(), given, allowed });
        }
        let dimensions = body.count("output_dimension", 1)?;
        Ok(AskedVectors::of_texts(model, texts(&body, "texts", MOST)?, dimensions))
    }

    fn vectors(&self, asked: &AskedVectors, id: u128) -> String {
        let billed = object! { "input_tokens": asked.tokens, "image_tokens": 0_u64 };
        object! {
            "id": uuid(id),
            "texts": asked.texts.iter().map(|text| Json::from(text.as_str())).collect::<Vec<_>>(),
            "embeddings": object! { "float": asked.vectors() },
            "meta": object! { "api_version": object! { "version": "2" }, "billed_units": billed },
            "response_type": "embeddings_by_type",
        }
        .compact()
    }

    fn refuse(&self, fault: &Fault, id: u128) -> Refusal {
        let (status, message) = in_our_words(fault);
        let headers = match fault {
            Fault::Asked { status: 429, retry_after_s } => {
                vec![("retry-after", retry_after_s.to_string()), ("x-trial-endpoint-call-remaining", "0".to_owned())]
            }
            _ => Vec::new(),
        };
        Refusal { status, headers, body: object! { "id": uuid(id), "message": message }.compact() }
    }

    fn plain(&self, answer: &Answer) -> String {
        let message = object! { "role": "assistant", "content": [object! { "type": "text", "text": answer.text() }] };
        object! {
            "id": uuid(answer.id),
            "message": message,
            "finish_reason": reason(&answer.finish),
            "usage": usage(answer),
        }
        .compact()
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        let message =
            object! { "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] };
        // The only event with an id; every later one must be told apart by nothing but its connection.
        let opening =
            object! { "id": uuid(answer.id), "type": "message-start", "delta": object! { "message": message } };
        let mut events = vec![event("message-start", &opening)];
        let block = object! { "type": "text", "text": "" };
        events.push(content("content-start", block));
        for piece in &answer.pieces {
            events.push(content("content-delta", object! { "text": piece.as_str() }));
        }
        events.push(event("content-end", &object! { "type": "content-end", "index": 0_u64 }));
        let delta = object! { "finish_reason": reason(&answer.finish), "usage": usage(answer) };
        events.push(event("message-end", &object! { "type": "message-end", "delta": delta }));
        // Not in the documentation, but every recorded stream ends with it.
        events.push("data: [DONE]\n\n".to_owned());
        events
    }

    /// A failure is an ordinary `message-end` whose finish reason says so; the stream then ends as if nothing were wrong.
    fn error_event(&self, _id: u128) -> String {
        let delta = object! {
            "finish_reason": "ERROR",
            "usage": Json::Object(Vec::new()),
            "error": "internal server error, this is our fault",
            "error_type": "INTERNAL",
        };
        event("message-end", &object! { "type": "message-end", "delta": delta }) + "data: [DONE]\n\n"
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("x-debug-trace-id", format!("{id:032x}")),
            ("x-endpoint-monthly-call-limit", "1000".to_owned()),
            ("x-trial-endpoint-call-limit", "40".to_owned()),
            ("x-trial-endpoint-call-remaining", "39".to_owned()),
        ]
        .into()
    }

    fn billed_input(&self, usage: &Usage) -> u64 {
        usage.prompt_words
    }

    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }
}

fn content(kind: &'static str, content: Json) -> String {
    let delta = object! { "message": object! { "content": content } };
    event(kind, &object! { "type": kind, "index": 0_u64, "delta": delta })
}

fn event(kind: &str, data: &Json) -> String {
    format!("event: {kind}\ndata: {}\n\n", data.compact())
}

fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Complete => "COMPLETE",
        Finish::Length => "MAX_TOKENS",
        Finish::Stop(_) => "STOP_SEQUENCE",
    }
}

/// `tokens` is what the model read, with Cohere's chat template; `billed_units` is what is paid for, without it. Cached tokens are
/// counted beside the two, out of `tokens`.
fn usage(answer: &Answer) -> Json {
    let usage = answer.usage;
    object! {
        "billed_units": object! { "input_tokens": usage.prompt_words, "output_tokens": usage.completion },
        "tokens": object! { "input_tokens": usage.prompt, "output_tokens": usage.completion },
        "cached_tokens": usage.cached,
    }
}

fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn in_our_words(fault: &Fault) -> (u16, String) {
    let invalid = |what: String| (400, format!("invalid request: {what}"));
    match fault {
        Fault::NoCredential => (401, "no api key supplied".to_owned()),
        Fault::BadCredential(_) => (401, "invalid api token".to_owned()),
        Fault::NotJson => (400, "invalid request: the body is not valid JSON".to_owned()),
        Fault::TooLarge => (413, "request body too large".to_owned()),
        Fault::NoRoute => (404, "not found".to_owned()),
        Fault::NoModel(model) => {
            let advice = "make sure the correct model ID was used and that you have access to the model.";
            (404, format!("model '{model}' not found, {advice}"))
        }
        Fault::UnknownField(path) => {
            (422, format!("unknown field: parameter '{}' is not a valid field.", dotted(path)))
        }
        Fault::Missing(path) => invalid(format!("{} is required", dotted(path))),
        Fault::Empty(path) => invalid(format!("{} must not be empty", dotted(path))),
        Fault::Type { path, expected } => invalid(format!("{} must be {expected}", dotted(path))),
        Fault::NotOneOf { path, given, allowed } => {
            invalid(format!("{}: '{given}' is not one of {}", dotted(path), allowed.join(", ")))
        }
        Fault::Unsupported { message, .. } => invalid(message.clone()),
        Fault::Value { path, message } => invalid(format!("{} {message}", dotted(path))),
        Fault::Asked { status, .. } => (*status, asked_for(*status).to_owned()),
    }
}

fn asked_for(status: u16) -> &'static str {
    match status {
        401 => "invalid api token",
        403 => "this API key is not allowed to use this endpoint",
        404 => "model 'mock' not found, make sure the correct model ID was used and that you have access to the model.",
        413 => "request body too large",
        422 => "No valid response generated. Try updating messages",
        429 => "You are using a Trial key, which is limited to a number of API calls a minute.",
        500 => "internal server error, this is our fault",
        501.. => "the server is overloaded, please try again later",
        _ => "invalid request",
    }
}
