//! A caller without a library, and the five translations in miniature.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The credential of every request that does not try another.
pub const KEY: &str = "key-0000-1234";

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// Whether the body ended as HTTP says it must, and not with the connection.
    pub whole: bool,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The data of each event, without `[DONE]`.
    pub fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))).collect()
    }
}

pub async fn send(mock: &MockUpstream, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut socket = TcpStream::connect(mock.address()).await.expect("the mock listens");
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    socket.write_all(format!("{head}\r\n{body}").as_bytes()).await.expect("the mock reads");
    let mut bytes = Vec::new();
    let _ = socket.read_to_end(&mut bytes).await; // a cut connection may end with a reset
    parse(&String::from_utf8(bytes).expect("the mock sends text"))
}

fn parse(answer: &str) -> Reply {
    let (head, rest) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let (body, whole) = match headers.get("content-length") {
        Some(length) => (rest.to_owned(), length.parse() == Ok(rest.len())),
        None => dechunk(rest),
    };
    Reply { status, headers, body, whole }
}

fn dechunk(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk begins with its size");
        if size == 0 {
            return (body, true);
        }
        body += &after[..size.min(after.len())];
        rest = after.get(size + 2..).unwrap_or("");
    }
    (body, false)
}

/// What a caller wants, before a provider's format.
#[derive(Clone, Default)]
pub struct Want<'a> {
    pub text: &'a str,
    pub system: Option<&'a str>,
    pub history: bool,
    pub settings: bool,
    pub stop: Option<&'a str>,
    pub max_tokens: Option<u64>,
    pub stream: bool,
}

fn with_key(provider: &str, key: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    match provider {
        "anthropic" => headers.extend([("x-api-key", key.to_owned()), ("anthropic-version", "2023-06-01".to_owned())]),
        "google" => headers.push(("x-goog-api-key", key.to_owned())),
        _ => headers.push(("authorization", format!("Bearer {key}"))),
    }
    headers
}

pub fn path(provider: &str, stream: bool) -> &'static str {
    match (provider, stream) {
        ("anthropic", _) => "/anthropic/v1/messages",
        ("google", false) => "/google/v1beta/models/m-1:generateContent",
        ("google", true) => "/google/v1beta/models/m-1:streamGenerateContent?alt=sse",
        ("cohere", _) => "/cohere/v2/chat",
        ("mistral", _) => "/mistral/v1/chat/completions",
        _ => "/openai/v1/chat/completions",
    }
}

/// The five translations in miniature.
pub fn written_for(provider: &str, want: &Want<'_>) -> Value {
    let mut turns = Vec::new();
    if want.history {
        turns.extend([("user", "earlier"), ("assistant", "indeed")]);
    }
    turns.push(("user", want.text));
    if provider == "google" {
        let role = |role| if role == "assistant" { "model" } else { role };
        let contents: Vec<Value> =
            turns.iter().map(|(who, text)| json!({"role": role(who), "parts": [{"text": text}]})).collect();
        let mut config = json!({});
        if want.settings {
            config = json!({"temperature": 0.5, "topK": 3});
        }
        if let Some(stop) = want.stop {
            config["stopSequences"] = json!([stop]);
        }
        if let Some(most) = want.max_tokens {
            config["maxOutputTokens"] = json!(most);
        }
        let mut body = json!({"contents": contents, "generationConfig": config});
        if let Some(system) = want.system {
            body["system_instruction"] = json!({"parts": [{"text": system}]});
        }
        return body;
    }
    let mut messages: Vec<Value> = turns.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
    let mut body = json!({"model": "m-1", "stream": want.stream});
    match (provider, want.system) {
        ("anthropic", Some(system)) => body["system"] = json!(system),
        (_, Some(system)) => messages.insert(0, json!({"role": "system", "content": system})),
        _ => {}
    }
    body["messages"] = json!(messages);
    if want.settings {
        body["temperature"] = json!(0.5);
    }
    if let Some(stop) = want.stop {
        body[if matches!(provider, "openai" | "mistral") { "stop" } else { "stop_sequences" }] = json!([stop]);
    }
    if let Some(most) = want.max_tokens.or((provider == "anthropic").then_some(1000)) {
        body["max_tokens"] = json!(most);
    }
    if provider == "openai" && want.stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

pub async fn post(mock: &MockUpstream, provider: &str, path: &str, key: &str, body: &str) -> Reply {
    let headers = with_key(provider, key);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send(mock, "POST", path, &headers, body).await
}

pub async fn ask(mock: &MockUpstream, provider: &str, want: &Want<'_>) -> Reply {
    let body = written_for(provider, want).to_string();
    post(mock, provider, path(provider, want.stream), KEY, &body).await
}

pub async fn say(mock: &MockUpstream, provider: &str, text: &str, stream: bool) -> Reply {
    ask(mock, provider, &Want { text, stream, ..Want::default() }).await
}

/// Where each provider puts the text and the finish reason, in a plain body or in one event.
pub fn text_of<'a>(provider: &str, value: &'a Value) -> &'a str {
    let at = |pointers: [&str; 2]| pointers.iter().find_map(|pointer| value.pointer(pointer)?.as_str()).unwrap_or("");
    match provider {
        "anthropic" => at(["/content/0/text", "/delta/text"]),
        "google" => at(["/candidates/0/content/parts/0/text", ""]),
        "cohere" => at(["/message/content/0/text", "/delta/message/content/text"]),
        _ => at(["/choices/0/message/content", "/choices/0/delta/content"]),
    }
}

pub fn finish_of(provider: &str, value: &Value) -> Value {
    let pointers = match provider {
        "anthropic" => ["/stop_reason", "/delta/stop_reason"],
        "google" => ["/candidates/0/finishReason", ""],
        "cohere" => ["/finish_reason", "/delta/finish_reason"],
        _ => ["/choices/0/finish_reason", ""],
    };
    pointers
        .iter()
        .filter(|pointer| !pointer.is_empty())
        .find_map(|pointer| value.pointer(pointer))
        .cloned()
        .unwrap_or(Value::Null)
}

/// Prompt (all of it), cached, completion.
pub fn usage_of(provider: &str, value: &Value) -> Option<(u64, u64, u64)> {
    let usage = match provider {
        "google" => value.get("usageMetadata")?,
        "cohere" => value.pointer("/usage").or_else(|| value.pointer("/delta/usage"))?,
        _ => value.get("usage").filter(|usage| !usage.is_null())?,
    };
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    Some(match provider {
        "anthropic" => {
            let cached = count("/cache_read_input_tokens");
            (count("/input_tokens") + cached, cached, count("/output_tokens"))
        }
        "google" => (count("/promptTokenCount"), count("/cachedContentTokenCount"), count("/candidatesTokenCount")),
        "cohere" => (count("/tokens/input_tokens"), count("/cached_tokens"), count("/tokens/output_tokens")),
        _ => (count("/prompt_tokens"), count("/prompt_tokens_details/cached_tokens"), count("/completion_tokens")),
    })
}

/// A body of one's own. At Google model and stream are part of the path, so they are taken out of it.
pub async fn tell(mock: &MockUpstream, provider: &str, mut body: Value) -> Reply {
    let mut path = path(provider, false).to_owned();
    if provider == "google"
        && let Some(map) = body.as_object_mut()
    {
        let model = map.remove("model").and_then(|model| model.as_str().map(str::to_owned));
        let method =
            if map.remove("stream") == Some(json!(true)) { "streamGenerateContent?alt=sse" } else { "generateContent" };
        path = format!("/google/v1beta/models/{}:{method}", model.as_deref().unwrap_or("gemini-2.5-flash"));
    }
    post(mock, provider, &path, KEY, &body.to_string()).await
}

/// `body` with other fields at the top.
pub fn with(body: &Value, fields: Value) -> Value {
    let mut body = body.clone();
    for (name, value) in fields.as_object().expect("fields") {
        body[name.as_str()] = value.clone();
    }
    body
}

/// Sends each row and looks for its words in a refusal; rows are fields over `base`, words (none: it is answered), and why.
pub async fn refuses(mock: &MockUpstream, provider: &str, base: &Value, table: &[(Value, &str, &str)]) {
    for (fields, words, why) in table {
        let reply = tell(mock, provider, with(base, fields.clone())).await;
        let body = reply.body.replace("\\\"", "\"");
        if words.is_empty() {
            assert_eq!(reply.status, 200, "{provider} {fields}: {why}: {body}");
        } else {
            assert!(matches!(reply.status, 400 | 403 | 422), "{provider} {fields}: {why}: {body}");
            assert!(body.contains(words), "{provider} {fields}: {why}: {body}");
        }
    }
}

/// The schema that every test of tools offers: one property of each kind.
pub fn weather() -> Value {
    let (city, days) = (json!({"type": "string"}), json!({"type": "integer"}));
    json!({"type": "object", "properties": {"city": city, "days": days}, "required": ["city", "days"], "additionalProperties": false})
}

/// What comes of it where "Bern" was heard.
pub fn in_bern() -> Value {
    json!({"city": "Bern", "days": 7})
}

/// All strings at `pointer` in the events, one after the other.
pub fn joined(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}
