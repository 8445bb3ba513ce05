//! Google: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`. <https://ai.google.dev/api/generate-content>

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::answer::{Answer, Asked, Finish, Turn};
use super::embeddings::AskedVectors;
use super::fault::{Fault, Refusal, bearer, check_credential};
use super::fields::{Conversation, Fields};
use super::json::{Json, object};
use super::provider::{Call, Provider};

/// The provider itself.
#[derive(Debug)]
pub struct Google;

const FIELDS: &[&str] = &[
    "cachedContent",
    "contents",
    "generationConfig",
    "model",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
];

const CONFIG: &[&str] = &[
    "audioTimestamp",
    "candidateCount",
    "enableEnhancedCivicAnswers",
    "frequencyPenalty",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

const PART: &[&str] = &[
    "codeExecutionResult",
    "executableCode",
    "fileData",
    "functionCall",
    "functionResponse",
    "inlineData",
    "mediaResolution",
    "partMetadata",
    "text",
    "thought",
    "thoughtSignature",
    "toolCall",
    "toolResponse",
    "videoMetadata",
];

impl Provider for Google {
    fn name(&self) -> &'static str {
        "google"
    }

    fn call(&self, path: &str) -> Option<Call> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (model, method) = path.strip_prefix("/v1beta/models/")?.split_once(':')?;
        if model.is_empty() || model.contains('/') || !matches!(method, "generateContent" | "streamGenerateContent") {
            return None;
        }
        let model = percent_decode_str(model).decode_utf8().ok()?.into_owned();
        let streamed = method == "streamGenerateContent";
        Some(Call { model: Some(model), streamed, sse: query.split('&').any(|pair| pair == "alt=sse") })
    }

    fn credential(&self, headers: &HeaderMap, query: &str) -> Result<(), Fault> {
        let own = headers.get("x-goog-api-key").and_then(|value| value.to_str().ok());
        let in_query = query.split('&').find_map(|pair| pair.strip_prefix("key="));
        check_credential(own.or(in_query).or_else(|| bearer(headers)))
    }

    fn read(&self, call: &Call, body: &Value) -> Result<Asked, Fault> {
        let body = &in_camel_case(body);
        let body = Fields::of(body, "")?;
        body.only(&[FIELDS])?;
        let (system, turns) = conversation(&body)?;
        let empty = Value::Object(Map::new());
        let config = Fields::of(body.get("generationConfig").unwrap_or(&empty), "generation_config")?;
        config.only(&[CONFIG])?;
        Ok(Asked {
            model: call.model.clone().unwrap_or_default(),
            streamed: call.streamed,
            include_usage: true,
            system,
            turns,
            temperature: config.number("temperature", 0.0..=2.0)?,
            top_p: config.number("topP", 0.0..=1.0)?,
            top_k: config.number("topK", 1.0..=1000.0)?,
            stop: config.texts("stopSequences", 5, false)?,
            max_tokens: config.count("maxOutputTokens", 1)?,
            choices: config.count("candidateCount", 1)?.unwrap_or(0).min(8),
        })
    }

    fn embeds(&self, path: &str) -> Option<Call> {
        let model = path.strip_prefix("/v1beta/models/")?.strip_suffix(":batchEmbedContents")?;
        Some(Call { model: Some(model.to_owned()), ..Call::default() })
    }

    fn read_embeddings(&self, call: &Call, body: &Value) -> Result<AskedVectors, Fault> {
        const MOST: usize = 100;
        let body = &in_camel_case(body);
        let body = Fields::of(body, "")?;
        body.only(&[&["requests"]])?;
        let requests = body.needed_list("requests")?;
        let wrong = |path: String, message: &str| Fault::Value { path, message: message.to_owned() };
        if requests.len() > MOST {
            return Err(wrong("requests".to_owned(), "at most 100 requests can be in one batch"));
        }
        let model = call.model.clone().unwrap_or_default();
        let (mut texts, mut dimensions) = (Vec::new(), None);
        for (index, request) in requests.iter().enumerate() {
            let request = Fields::of(request, &format!("requests[{index}]"))?;
            request.only(&[&["content", "model", "outputDimensionality", "taskType", "title"]])?;
            if request.needed_text("model")? != format!("models/{model}") {
                return Err(wrong(request.path("model"), "must be the model of the path"));
            }
            let content = request.get("content").ok_or_else(|| Fault::Missing(request.path("content")))?;
            texts.push(parts(&Fields::of(content, &request.path("content"))?)?.concat());
            dimensions = request.count("outputDimensionality", 1)?;
        }
        Ok(AskedVectors::of_texts(model, texts, dimensions))
    }

    /// No count of tokens, as the real one.
    fn vectors(&self, asked: &AskedVectors, _id: u128) -> String {
        let embeddings = asked.vectors().into_iter().map(|vector| object! { "values": vector });
        object! { "embeddings": embeddings.collect::<Vec<_>>() }.pretty() + "\n"
    }

    fn refuse(&self, fault: &Fault, _id: u128) -> Refusal {
        let (code, status, message, details) = in_our_words(fault);
        let body = object! { "error": error(code, &message, status, details) };
        Refusal { status: code, headers: Vec::new(), body: body.pretty() + "\n" }
    }

    fn plain(&self, answer: &Answer) -> String {
        let candidate = |index: u64| candidate(index, &answer.text(), Some(&answer.finish));
        let candidates = (0..answer.choices).map(candidate).collect();
        response(answer, candidates, answer.usage.completion).pretty() + "\n"
    }

    fn events(&self, answer: &Answer) -> Vec<String> {
        let mut events = Vec::with_capacity(answer.pieces.len().max(1));
        let words: Vec<&str> =
            if answer.pieces.is_empty() { vec![""] } else { answer.pieces.iter().map(String::as_str).collect() };
        let mut said = 0;
        for index in 0..answer.choices {
            for (at, word) in words.iter().enumerate() {
                said = (said + 1).min(answer.usage.completion);
                let finish = (at + 1 == words.len()).then_some(&answer.finish);
                // Every chunk counts what was said so far; adding them up would bill the prompt once per word.
                let chunk = response(answer, vec![candidate(index, word, finish)], said);
                events.push(format!("data: {}\r\n\r\n", chunk.google_line()));
            }
        }
        events
    }

    fn error_event(&self, _id: u128) -> String {
        let error = error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE", Json::Null);
        format!("data: {}\r\n\r\n", object! { "error": error }.google_line())
    }

    fn headers(&self, _id: u128) -> Vec<(&'static str, String)> {
        // Google sends no request id: the only one is `responseId` in the body.
        vec![("vary", "Origin, X-Origin, Referer".to_owned()), ("server-timing", "gfet4t7; dur=5".to_owned())]
    }

    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn json_type(&self) -> &'static str {
        "application/json; charset=UTF-8"
    }
}

/// Protobuf's JSON takes `system_instruction` as well as `systemInstruction`, at any depth.
fn in_camel_case(value: &Value) -> Value {
    let camel = |name: &str| {
        let mut words = name.split('_');
        let mut out = words.next().unwrap_or_default().to_owned();
        for word in words {
            let mut letters = word.chars();
            out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            out.push_str(letters.as_str());
        }
        out
    };
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (camel(name), in_camel_case(value))).collect(),
        Value::Array(items) => items.iter().map(in_camel_case).collect(),
        other => other.clone(),
    }
}

fn conversation(body: &Fields<'_>) -> Result<Conversation, Fault> {
    let mut turns = Vec::new();
    for (index, content) in body.needed_list("contents")?.iter().enumerate() {
        let content = Fields::of(content, &format!("contents[{index}]"))?;
        content.only(&[&["parts", "role"]])?;
        let role = content.text("role")?.unwrap_or("user");
        if !matches!(role, "user" | "model" | "function") {
            return Err(Fault::NotOneOf {
                path: content.path("role"),
                given: role.to_owned(),
                allowed: &["user", "model"],
            });
        }
        turns.push(Turn { from_user: role == "user", text: parts(&content)?.concat() });
    }
    let Some(system) = body.get("systemInstruction") else { return Ok((Vec::new(), turns)) };
    let system = Fields::of(system, "system_instruction")?;
    system.only(&[&["parts", "role"]])?;
    Ok((parts(&system)?, turns))
}

/// The texts of `parts`, which may be a single object: a list of one needs no brackets in protobuf's JSON.
fn parts(content: &Fields<'_>) -> Result<Vec<String>, Fault> {
    let parts = match content.get("parts") {
        Some(Value::Object(_)) => content.get("parts").into_iter().collect(),
        Some(_) => content.needed_list("parts")?.iter().collect::<Vec<_>>(),
        None => return Err(Fault::Empty(content.path("parts"))),
    };
    let mut texts = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let part = Fields::of(part, &format!("{}[{index}]", content.path("parts")))?;
        part.only(&[PART])?;
        match part.text("text")? {
            Some(text) => texts.push(text.to_owned()),
            None if PART.iter().any(|name| part.get(name).is_some()) => {}
            None => return Err(Fault::Empty(part.path("data"))),
        }
    }
    Ok(texts)
}

fn candidate(index: u64, text: &str, finish: Option<&Finish>) -> Json {
    let content = object! { "parts": [object! { "text": text }], "role": "model" };
    match finish {
        Some(finish) => object! { "content": content, "finishReason": reason(finish), "index": index },
        None => object! { "content": content, "index": index },
    }
}

fn response(answer: &Answer, candidates: Vec<Json>, said: u64) -> Json {
    let usage = answer.usage;
    let of_text = |count: u64| [object! { "modality": "TEXT", "tokenCount": count }];
    let mut metadata = object! {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": said,
        "totalTokenCount": usage.prompt + said,
    };
    // Fields that are zero are left out, as protobuf does.
    if usage.cached > 0 {
        metadata = metadata.with("cachedContentTokenCount", usage.cached);
    }
    metadata = metadata.with("promptTokensDetails", of_text(usage.prompt));
    if usage.cached > 0 {
        metadata = metadata.with("cacheTokensDetails", of_text(usage.cached));
    }
    object! {
        "candidates": candidates,
        "usageMetadata": metadata,
        "modelVersion": answer.model.as_str(),
        "responseId": format!("{:022x}", answer.id >> 40),
    }
}

fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Complete | Finish::Stop(_) => "STOP",
        Finish::Length => "MAX_TOKENS",
    }
}

fn error(code: u16, message: &str, status: &str, details: Json) -> Json {
    let error = object! { "code": u64::from(code), "message": message, "status": status };
    if matches!(details, Json::Null) { error } else { error.with("details", details) }
}

fn violation(field: &str, message: &str) -> Json {
    let violation = object! { "field": field, "description": message };
    Json::from([object! { "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation] }])
}

/// What tells a wrong key (400!) from a wrong request is in the details alone.
fn wrong_key() -> Json {
    Json::from([object! {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": object! { "service": "generativelanguage.googleapis.com" },
    }])
}

type Words = (u16, &'static str, String, Json);

fn in_our_words(fault: &Fault) -> Words {
    let invalid = |message: String, details: Json| (400, "INVALID_ARGUMENT", message, details);
    match fault {
        Fault::NoCredential => {
            let message = "Method doesn't allow unregistered callers (callers without established identity). \
                           Please use API Key or other form of API consumer identity to call this API.";
            (403, "PERMISSION_DENIED", message.to_owned(), Json::Null)
        }
        Fault::BadCredential(_) => invalid("API key not valid. Please pass a valid API key.".to_owned(), wrong_key()),
        Fault::NotJson => invalid("Invalid JSON payload received.".to_owned(), Json::Null),
        Fault::TooLarge => (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.".to_owned(), Json::Null),
        Fault::NoRoute => (404, "NOT_FOUND", "Requested entity was not found.".to_owned(), Json::Null),
        Fault::NoModel(model) => {
            let message =
                format!("models/{model} is not found for API version v1beta, or is not supported for generateContent.");
            (404, "NOT_FOUND", message, Json::Null)
        }
        Fault::UnknownField(path) => {
            let (at, name) = path.rsplit_once('.').unwrap_or(("", path));
            let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
            let message = format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
            let details = violation(at, &message);
            invalid(message, details)
        }
        Fault::Missing(path) | Fault::Empty(path) => {
            invalid(format!("* GenerateContentRequest.{path}: {path} is not specified\n"), Json::Null)
        }
        Fault::Type { path, expected } => {
            invalid(format!("Invalid value at '{path}', expected {expected}"), Json::Null)
        }
        Fault::NotOneOf { allowed, .. } => {
            invalid(format!("Please use a valid role: {}.", allowed.join(", ")), Json::Null)
        }
        Fault::Unsupported { message, .. } => invalid(message.clone(), Json::Null),
        Fault::Value { path, message } => invalid(format!("* GenerateContentRequest.{path}: {message}\n"), Json::Null),
        Fault::Asked { status, retry_after_s } => asked_for(*status, *retry_after_s),
    }
}

fn asked_for(code: u16, retry_after_s: u64) -> Words {
    let (status, message) = match code {
        401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        403 => ("PERMISSION_DENIED", "The caller does not have permission"),
        404 => {
            ("NOT_FOUND", "models/mock is not found for API version v1beta, or is not supported for generateContent.")
        }
        413 => ("INVALID_ARGUMENT", "Request payload size exceeds the limit."),
        429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
        500 => ("INTERNAL", "An internal error has occurred. Please retry."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        501.. => ("UNAVAILABLE", "The service is currently unavailable."),
        _ => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    };
    // There is no `retry-after` header: the wait is in the details.
    let retry =
        object! { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{retry_after_s}s") };
    (code, status, message.to_owned(), if code == 429 { Json::from([retry]) } else { Json::Null })
}
