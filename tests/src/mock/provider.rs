//! What one provider has to know to be spoken to.

use http::HeaderMap;
use serde_json::Value;

use super::answer::{Answer, Asked, Usage};
use super::embeddings::AskedVectors;
use super::fault::{Fault, Refusal};

/// What the path itself says: only Google puts the model and the way of answering there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Call {
    /// The model named in the path.
    pub model: Option<String>,
    /// Whether the path asks for a stream.
    pub streamed: bool,
    /// Google: a stream as server-sent events rather than as one JSON array.
    pub sse: bool,
}

/// One provider's wire format: what it accepts, what it answers, how it refuses.
pub trait Provider: Sync {
    /// The first segment of the path, the name in the answer, the log and the bill.
    fn name(&self) -> &'static str;

    /// Whether the provider answers at `path` (its own, with the query).
    fn call(&self, path: &str) -> Option<Call>;

    /// Looks at the credential, before the body as all five do.
    fn credential(&self, headers: &HeaderMap, query: &str) -> Result<(), Fault>;

    /// Reads a request, as strictly as the provider.
    fn read(&self, call: &Call, body: &Value) -> Result<Asked, Fault>;

    /// Whether the provider makes vectors at `path`.
    fn embeds(&self, _path: &str) -> Option<Call> {
        None
    }

    /// Reads a request for vectors, as strictly as the provider.
    fn read_embeddings(&self, _call: &Call, _body: &Value) -> Result<AskedVectors, Fault> {
        Err(Fault::NoRoute)
    }

    /// The body of an answer with vectors.
    fn vectors(&self, _asked: &AskedVectors, _id: u128) -> String {
        String::new()
    }

    /// The provider's own words and status for what is wrong.
    fn refuse(&self, fault: &Fault, id: u128) -> Refusal;

    /// The body of a plain answer.
    fn plain(&self, answer: &Answer) -> String;

    /// The events of a stream, each with its separator.
    fn events(&self, answer: &Answer) -> Vec<String>;

    /// How the provider says inside a stream that it failed.
    fn error_event(&self, id: u128) -> String;

    /// Request ids and the like, sent with every answer.
    fn headers(&self, id: u128) -> Vec<(&'static str, String)>;

    /// The prompt tokens that cost something.
    fn billed_input(&self, usage: &Usage) -> u64 {
        usage.prompt
    }

    /// The content type of a stream.
    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// The content type of everything else.
    fn json_type(&self) -> &'static str {
        "application/json"
    }
}
