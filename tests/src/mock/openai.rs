//! OpenAI: `POST /v1/chat/completions`. <https://platform.openai.com/docs/api-reference/chat>

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked, CREATED, Finish};
use super::embeddings::{AskedVectors, texts};
use super::fault::{Fault, Refusal, bearer, check_credential};
use super::fields::{Fields, Messages};
use super::json::{Json, object};
use super::provider::{Call, Provider};

/// The provider itself.
#[derive(Debug)]
pub struct OpenAi;

const FIELDS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

const MESSAGES: Messages = Messages {
    roles: &["system", "developer", "user", "assistant", "tool", "function"],
    system: &["system", "developer"],
    fields: &[
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "refusal",
        "audio",
        "annotations",
    ],
    parts: &["text", "image_url", "input_audio", "file", "refusal"],
    silence: true,
};

impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
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
        let streamed = body.flag("stream")?.unwrap_or(false);
        let asked = Asked {
            streamed,
            include_usage: include_usage(&body, streamed)?,
            system,
            turns,
            temperature: body.number("temperature", 0.0..=2.0)?,
            top_p: body.number("top_p", 0.0..=1.0)?,
            top_k: None,
            stop: body.texts("stop", 4, true)?,
            max_tokens: max_tokens(&body, &model)?,
            choices: body.count("n", 1)?.unwrap_or(0).min(128),
            model,
        };
        refuse_sampling_of_reasoning_models(&asked)?;
        Ok(asked)
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        (path == "/v1/embeddings").then(Call::default)
    }

    fn read_embeddings(&self, _call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST: usize = 2048;
        let body = Fields::of(body, "")?;
        body.only(&[&["model", "input", "dimensions", "encoding_format", "user"]])?;
        let model = body.needed_text("model")?;
        let tokens =
            |value: &Value| Some(value.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<_>>>()?.len());
        let input = body.get("input").unwrap_or(&Value::Null);
        let lists: Vec<&Value> = match input.as_array() {
            Some(items) if items.first().is_some_and(Value::is_array) => items.iter().collect(),
            Some(items) if items.first().is_some_and(Value::is_number) => vec![input],
            _ => Vec::new(),
        };
        let mut asked = match (input, lists.is_empty()) {
            (Value::String(text), _) => AskedVectors::of_texts(model, vec![text.clone()], None),
            (_, true) => AskedVectors::of_texts(model, texts(&body, "input", MOST)?, None),
            (_, false) => {
                let wrong = || Fault::Type { path: "input".to_owned(), expected: "an array of tokens" };
                let count = lists.iter().map(|list| tokens(list)).sum::<Option<usize>>().ok_or_else(wrong)?;
                let texts = lists.iter().map(ToString::to_string).collect();
                AskedVectors { tokens: count as u64, ..AskedVectors::of_texts(model, texts, None) }
            }
        };
        asked.dimensions = body.count("dimensions", 1)?;
        asked.base64 = body.text("encoding_format")? == Some("base64");
        Ok(asked)
    }

    fn vectors(&self, asked: &AskedVectors, _id: u128) -> String {
        let item = |(index, vector)| object! { "object": "embedding", "index": index, "embedding": vector };
        object! {
            "object": "list",
            "data": (0_u64..).zip(asked.vectors()).map(item).collect::<Vec<_>>(),
            "model": asked.model.as_str(),
            "usage": object! { "prompt_tokens": asked.tokens, "total_tokens": asked.tokens },
        }
        .pretty()
    }

    fn refuse(&self, fault: &Fault, _id: u128) -> Refusal {
        let (status, message, kind, param, code) = in_our_words(fault);
        let error = object! { "message": message, "type": kind, "param": param, "code": code };
        let mut headers = Vec::new();
        if let Fault::Asked { status: 429, retry_after_s } = fault {
            headers.push(("retry-after", retry_after_s.to_string()));
            headers.push(("retry-after-ms", (retry_after_s * 1000).to_string()));
            headers.push(("x-ratelimit-remaining-tokens", "0".to_owned()));
            headers.push(("x-ratelimit-reset-tokens", format!("{retry_after_s}s")));
        }
        Refusal { status, headers, body: object! { "error": error }.pretty() }
    }

    fn plain(&self, answer: &Answer) -> String {
        let choice = |index: u64| {
            let message =
                object! { "role": "assistant", "content": answer.text(), "refusal": Json::Null, "annotations": [] };
            object! { "index": index, "message": message, "logprobs": Json::Null, "finish_reason": reason(&answer.finish) }
        };
        object! {
            "id": id(answer),
            "object": "chat.completion",
            "created": CREATED,
            "model": answer.model.as_str(),
            "choices": (0..answer.choices).map(choice).collect::<Vec<_>>(),
            "usage": usage(answer),
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
        }
        .pretty()
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        let mut events = Vec::with_capacity(answer.pieces.len() + 4);
        let mut send = |choices: Vec<Json>, usage: Json| {
            let mut chunk = object! {
                "id": id(answer),
                "object": "chat.completion.chunk",
                "created": CREATED,
                "model": answer.model.as_str(),
                "service_tier": "default",
                "system_fingerprint": "fp_mock",
                "choices": choices,
            };
            // The field is in every chunk, as null, once it was asked for; without that it is in none.
            if answer.include_usage {
                chunk = chunk.with("usage", usage);
            }
            // Random characters that hide the length of a chunk from who listens to the encrypted line. Nobody documents a use for them.
            let padding = ["", "a1B", "Zx9Qw"][events.len() % 3];
            events.push(format!("data: {}\n\n", chunk.with("obfuscation", padding).compact()));
        };
        let choice = |index: u64, delta: Json, reason: Json| {
            vec![object! { "index": index, "delta": delta, "logprobs": Json::Null, "finish_reason": reason }]
        };
        for index in 0..answer.choices {
            let opening = object! { "role": "assistant", "content": "", "refusal": Json::Null };
            send(choice(index, opening, Json::Null), Json::Null);
            for piece in &answer.pieces {
                send(choice(index, object! { "content": piece.as_str() }, Json::Null), Json::Null);
            }
            send(choice(index, Json::Object(Vec::new()), reason(&answer.finish).into()), Json::Null);
        }
        if answer.include_usage {
            send(Vec::new(), usage(answer));
        }
        events.push("data: [DONE]\n\n".to_owned());
        events
    }

    fn error_event(&self, _id: u128) -> String {
        let fault = Fault::Asked { status: 500, retry_after_s: 0 };
        let (_, message, kind, param, code) = in_our_words(&fault);
        let error = object! { "message": message, "type": kind, "param": param, "code": code };
        format!("data: {}\n\n", object! { "error": error }.compact())
    }

    fn headers(&self, id: u128) -> Vec<(&'static str, String)> {
        [
            ("x-request-id", format!("req_{id:032x}")),
            ("openai-processing-ms", "5".to_owned()),
            ("openai-version", "2020-10-01".to_owned()),
            ("openai-organization", "org-mock".to_owned()),
            ("x-ratelimit-limit-requests", "10000".to_owned()),
            ("x-ratelimit-limit-tokens", "2000000".to_owned()),
            ("x-ratelimit-remaining-requests", "9999".to_owned()),
            ("x-ratelimit-remaining-tokens", "1999990".to_owned()),
            ("x-ratelimit-reset-requests", "6ms".to_owned()),
            ("x-ratelimit-reset-tokens", "0s".to_owned()),
        ]
        .into()
    }
}

fn include_usage(body: &Fields<'_>, streamed: bool) -> Result<bool, Fault> {
    let Some(options) = body.get("stream_options") else { return Ok(false) };
    if !streamed {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.".to_owned();
        return Err(Fault::Value { path: "stream_options".to_owned(), message });
    }
    let options = Fields::of(options, "stream_options")?;
    options.only(&[&["include_usage", "include_obfuscation"]])?;
    Ok(options.flag("include_usage")?.unwrap_or(false))
}

/// The models that think before they answer took a new name for the limit, because it counts the thoughts too.
fn reasons(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| model.starts_with(family))
}

fn max_tokens(body: &Fields<'_>, model: &str) -> Result<Option<u64>, Fault> {
    let old = body.count("max_tokens", 1)?;
    let new = body.count("max_completion_tokens", 1)?;
    if old.is_some() && reasons(model) {
        let message =
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.".to_owned();
        return Err(Fault::Unsupported { path: "max_tokens".to_owned(), message });
    }
    if old.is_some() && new.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.".to_owned();
        return Err(Fault::Value { path: "max_tokens".to_owned(), message });
    }
    Ok(new.or(old))
}

/// `gpt-5.1` and later take them again when they do not reason, and `gpt-5-chat` always does, so those are left alone.
fn refuse_sampling_of_reasoning_models(asked: &Asked) -> Result<(), Fault> {
    let fixed = reasons(&asked.model) && !asked.model.starts_with("gpt-5.") && !asked.model.starts_with("gpt-5-chat");
    let other = |value: &Option<serde_json::Number>| value.as_ref().is_some_and(|value| value.as_f64() != Some(1.0));
    let takes_stop = asked.model.starts_with("o1") || asked.model.starts_with("o3-mini");
    if fixed && !takes_stop && !asked.stop.is_empty() {
        let message = "Unsupported parameter: 'stop' is not supported with this model.".to_owned();
        return Err(Fault::Unsupported { path: "stop".to_owned(), message });
    }
    for (name, value) in [("temperature", &asked.temperature), ("top_p", &asked.top_p)] {
        if fixed && other(value) {
            let message = format!(
                "Unsupported value: '{name}' does not support this value with this model. Only the default (1) is."
            );
            return Err(Fault::Unsupported { path: name.to_owned(), message });
        }
    }
    Ok(())
}

fn id(answer: &Answer) -> String {
    format!("chatcmpl-{:029x}", answer.id >> 12)
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
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": object! { "cached_tokens": usage.cached, "audio_tokens": 0_u64 },
        "completion_tokens_details": object! {
            "reasoning_tokens": 0_u64,
            "audio_tokens": 0_u64,
            "accepted_prediction_tokens": 0_u64,
            "rejected_prediction_tokens": 0_u64,
        },
    }
}

type Words = (u16, String, &'static str, Option<String>, Option<&'static str>);

fn in_our_words(fault: &Fault) -> Words {
    const INVALID: &str = "invalid_request_error";
    let bad = |message: String, path: &str, code| (400, message, INVALID, Some(path.to_owned()), code);
    let keys = "You can find your API key at https://platform.openai.com/account/api-keys.";
    match fault {
        Fault::NoCredential => (401, format!("You didn't provide an API key. {keys}"), INVALID, None, None),
        Fault::BadCredential(key) => {
            (401, format!("Incorrect API key provided: {key}. {keys}"), INVALID, None, Some("invalid_api_key"))
        }
        Fault::NotJson => (400, "We could not parse the JSON body of your request.".to_owned(), INVALID, None, None),
        Fault::TooLarge => (413, "Request entity too large.".to_owned(), INVALID, None, None),
        Fault::NoRoute => (404, "Invalid URL".to_owned(), INVALID, None, None),
        Fault::NoModel(model) => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            (404, message, INVALID, None, Some("model_not_found"))
        }
        Fault::UnknownField(path) => bad(format!("Unknown parameter: '{path}'."), path, Some("unknown_parameter")),
        Fault::Missing(path) => {
            bad(format!("Missing required parameter: '{path}'."), path, Some("missing_required_parameter"))
        }
        Fault::Empty(path) => bad(
            format!("Invalid '{path}': empty array. Expected an array with minimum length 1."),
            path,
            Some("empty_array"),
        ),
        Fault::Type { path, expected } => {
            bad(format!("Invalid type for '{path}': expected {expected}."), path, Some("invalid_type"))
        }
        Fault::NotOneOf { path, given, allowed } => {
            let allowed = allowed.iter().map(|one| format!("'{one}'")).collect::<Vec<_>>().join(", ");
            bad(format!("Invalid value: '{given}'. Supported values are: {allowed}."), path, Some("invalid_value"))
        }
        Fault::Unsupported { path, message } => bad(message.clone(), path, Some("unsupported_parameter")),
        Fault::Value { path, message } => bad(format!("Invalid '{path}': {message}"), path, Some("invalid_value")),
        Fault::Asked { status, .. } => asked_for(*status),
    }
}

fn asked_for(status: u16) -> Words {
    let (message, kind, code) = match status {
        401 => ("Incorrect API key provided: mock.", "invalid_request_error", Some("invalid_api_key")),
        403 => ("You are not allowed to sample from this model", "invalid_request_error", None),
        404 => (
            "The model `mock` does not exist or you do not have access to it.",
            "invalid_request_error",
            Some("model_not_found"),
        ),
        413 => ("Request entity too large.", "invalid_request_error", None),
        429 => ("Rate limit reached for this model on tokens per min (TPM).", "tokens", Some("rate_limit_exceeded")),
        503 => ("The server is currently overloaded. Please try again later.", "server_error", None),
        500.. => ("The server had an error while processing your request. Sorry about that!", "server_error", None),
        _ => ("The request is invalid.", "invalid_request_error", None),
    };
    (status, message.to_owned(), kind, None, code)
}
