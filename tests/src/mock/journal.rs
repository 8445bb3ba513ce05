//! What the mock received and what it would bill: the independent witness of what a gateway did.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// As many calls as the longest bench run that looks back.
const MOST_CALLS: usize = 10_000;
/// And no more bytes than this, whatever the calls carried.
const MOST_BYTES: usize = 64 << 20;

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// `openai`, `anthropic`, `google`, `cohere` or `mistral`.
    pub provider: String,
    /// The HTTP method.
    pub method: String,
    /// The provider's own path with its query; a key in the query shows its last four characters.
    pub path: String,
    /// Names in lower case; values that came twice are joined with `, `; credentials show their last four characters.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON, or as a string where it is not JSON.
    pub body: Value,
}

/// What the provider would put on its bill for one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// As in [`Received`].
    pub provider: String,
    /// The model that was asked; empty where the request was refused before it was read.
    pub model: String,
    /// All tokens of the prompt, cached ones included, whatever the provider's own fields include.
    pub input_tokens: u64,
    /// Those of `input_tokens` that cost something: fewer only at Cohere, which does not bill its chat template.
    pub billed_input_tokens: u64,
    /// Of `input_tokens`, those read from the provider's prompt cache.
    pub cached_tokens: u64,
    /// Tokens of the answer; of all of it, also where the connection was cut before its end.
    pub output_tokens: u64,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// How it ended.
    pub ended: Ended,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With a whole answer.
    Complete,
    /// With an error instead of an answer; nothing is billed.
    #[default]
    Refused,
    /// `mock:cut`
    Cut,
    /// `mock:error_event`
    ErrorEvent,
    /// `mock:malformed`
    Malformed,
}

/// No test asks more often; a bench does, and looks at no more than the last calls.
const MOST_BILLED: usize = 20_000;

/// The last calls, oldest first; and the whole bill, which nobody resets.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Calls>, Mutex<Vec<Billed>>);

#[derive(Debug, Default)]
struct Calls {
    kept: VecDeque<Call>,
    bytes: usize,
}

/// A request is kept as it came and made readable when somebody asks: a bench asks for none of its thousands.
#[derive(Debug)]
struct Call {
    provider: &'static str,
    method: http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    billed: Billed,
}

impl Call {
    fn size(&self) -> usize {
        self.body.len() + 1024
    }
}

impl Journal {
    /// Adds a call, and forgets the oldest where there is no room.
    pub fn add(&self, provider: &'static str, head: &http::request::Parts, body: Bytes, billed: Billed) {
        let mut whole = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.len() < MOST_BILLED {
            whole.push(billed.clone());
        }
        drop(whole);
        let (method, uri, headers) = (head.method.clone(), head.uri.clone(), head.headers.clone());
        let call = Call { provider, method, uri, headers, body, billed };
        let mut calls = self.lock();
        calls.bytes += call.size();
        calls.kept.push_back(call);
        while calls.kept.len() > MOST_CALLS || (calls.bytes > MOST_BYTES && calls.kept.len() > 1) {
            let forgotten = calls.kept.pop_front().map_or(0, |call| call.size());
            calls.bytes -= forgotten;
        }
    }

    /// Every request that is still known.
    pub fn received(&self) -> Vec<Received> {
        self.lock().kept.iter().map(readable).collect()
    }

    /// The bill of every request that is still known.
    pub fn billed(&self) -> Vec<Billed> {
        self.lock().kept.iter().map(|call| call.billed.clone()).collect()
    }

    /// The bill of every request since the start, also of those that were forgotten.
    pub fn whole_bill(&self) -> Vec<Billed> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets all requests, but for what they are billed in all.
    pub fn reset(&self) {
        *self.lock() = Calls::default();
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn readable(call: &Call) -> Received {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in &call.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if is_credential(name.as_str()) { last_four(&value) } else { value.into_owned() };
        headers.entry(name.to_string()).and_modify(|all| *all = format!("{all}, {value}")).or_insert(value);
    }
    let whole = call.uri.path_and_query().map_or("/", |path| path.as_str());
    let own = whole.strip_prefix('/').and_then(|path| path.strip_prefix(call.provider)).unwrap_or(whole);
    let body = serde_json::from_slice(&call.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&call.body).into_owned()));
    Received {
        provider: call.provider.to_owned(),
        method: call.method.to_string(),
        path: without_key(own),
        headers,
        body,
    }
}

fn is_credential(name: &str) -> bool {
    matches!(name, "authorization" | "proxy-authorization" | "cookie" | "x-api-key" | "api-key" | "x-goog-api-key")
}

/// `Bearer sk-1234567890` → `Bearer …7890`
fn last_four(value: &str) -> String {
    let (scheme, secret) = value.rsplit_once(' ').map_or(("", value), |(scheme, secret)| (scheme, secret));
    let start = secret.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    let space = if scheme.is_empty() { "" } else { " " };
    format!("{scheme}{space}…{}", &secret[start..])
}

fn without_key(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let shown = |pair: &str| match pair.strip_prefix("key=") {
        Some(key) => format!("key={}", last_four(key)),
        None => pair.to_owned(),
    };
    format!("{path}?{}", query.split('&').map(shown).collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_shows_its_last_four() {
        assert_eq!(last_four("Bearer sk-1234567890"), "Bearer …7890");
        assert_eq!(last_four("AIza-key"), "…-key");
        assert_eq!(without_key("/v1beta/models/m:f?alt=sse&key=abcdefgh"), "/v1beta/models/m:f?alt=sse&key=…efgh");
    }

    #[test]
    fn only_the_last_calls_are_kept() {
        let journal = Journal::default();
        let (head, ()) = http::Request::new(()).into_parts();
        for number in 0..(MOST_CALLS as u64 + 5) {
            journal.add("openai", &head, Bytes::new(), Billed { input_tokens: number, ..Billed::default() });
        }
        let billed = journal.billed();
        assert_eq!((billed.len(), billed[0].input_tokens), (MOST_CALLS, 5));
        for _ in 0..3 {
            journal.add("openai", &head, Bytes::from(vec![b' '; MOST_BYTES / 2]), Billed::default());
        }
        assert_eq!(journal.billed().len(), 1, "large bodies push out what is older");
    }
}
