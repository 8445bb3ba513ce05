//! Every field of the dialect, as a pair of requests that differ in it alone.

mod embeddings;
mod messages;
mod parameters;
mod parts;
mod tools;

use serde_json::{Value, json};

pub(crate) use embeddings::of_embeddings;

/// A field, and a request without and with it.
pub(crate) struct Probe {
    /// Its path, as `messages[].name`.
    pub(crate) field: &'static str,
    /// Which of its values, or in what company.
    pub(crate) note: &'static str,
    pub(crate) without: Value,
    pub(crate) with: Value,
    /// Whether leaving it out is what it asks for.
    pub(crate) asks_for_nothing: bool,
}

/// A group of fields under a heading.
pub(crate) type Section = (&'static str, Vec<Probe>);

impl Probe {
    /// The same, of a value that is the default everywhere.
    fn asks_for_nothing(self) -> Self {
        Self { asks_for_nothing: true, ..self }
    }

    /// As the page names it.
    pub(crate) fn label(&self) -> String {
        match self.note {
            "" => format!("`{}`", self.field),
            note => format!("`{}`: {note}", self.field),
        }
    }
}

/// Every field of a chat request.
pub(crate) fn of_chat() -> Vec<Section> {
    vec![
        ("Sampling and limits", parameters::sampling()),
        ("Thinking", parameters::thinking()),
        ("The form of the answer", parameters::form()),
        ("Streams, accounts and caches", parameters::accounts()),
        ("Messages", messages::messages()),
        ("Parts of a message", parts::parts()),
        ("What an assistant's message brings back", messages::brought_back()),
        ("Tools", tools::offered()),
        ("What must be called", tools::choice()),
        ("Calls and results", tools::calls()),
        ("Extensions", parameters::extensions()),
        ("Fields that nobody here knows", parameters::unknown()),
        ("What asks for nothing", parameters::nothing()),
    ]
}

/// The fields of OpenAI's `CreateChatCompletionRequest`, as its description of the interface has them. `model` only says who answers.
pub(crate) const CHAT_FIELDS: &[&str] = &[
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

/// The same of `CreateEmbeddingRequest`.
pub(crate) const EMBEDDINGS_FIELDS: &[&str] = &["dimensions", "encoding_format", "input", "user"];

/// A field of a request that only says hello.
fn field(field: &'static str, note: &'static str, more: Value) -> Probe {
    beside(field, note, json!({}), more)
}

/// A field of a request that has these others too.
fn beside(field: &'static str, note: &'static str, base: Value, more: Value) -> Probe {
    let hello = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hello" }] });
    let without = extend(hello, base);
    Probe { field, note, with: extend(without.clone(), more), without, asks_for_nothing: false }
}

/// What is said instead, without and with the field.
fn said(field: &'static str, note: &'static str, without: Value, with: Value) -> Probe {
    beside(field, note, json!({ "messages": without }), json!({ "messages": with }))
}

fn extend(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("fields are an object") };
    body.as_object_mut().expect("a body is an object").extend(more);
    body
}
