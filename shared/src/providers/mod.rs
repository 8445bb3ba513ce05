//! The providers. Each is a pure translator between OpenAI's dialect and its own wire format: no client, no tenant, no other
//! provider. To add one: a folder beside these, a `mod` line and a line in [`ALL`].

mod anthropic;
mod cohere;
mod google;
mod mistral;
mod openai;

mod dialogue;
pub mod embeddings;
mod extras;
mod failure;
mod fields;
#[cfg(test)]
pub(crate) mod golden;
mod key_form;
mod options;
mod priced;
mod quotes;
#[cfg(test)]
mod robustness;
mod sse;
pub mod supported;

pub use embeddings::Embedder;
pub use failure::{Failure, FailureKind};
pub use key_form::check_key;
pub use options::{prepare_chat, prepare_embeddings};
pub use sse::Event;

use crate::{
    crypto::ProviderKey,
    openai::{ChatRequest, Invalid, completion::FinishReason, tools::ToolCall},
    usage::{ModelCard, Tokens},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header::InvalidHeaderValue};
use serde_json::Value;

/// Every provider.
pub static ALL: &[&dyn Provider] =
    &[&anthropic::Anthropic, &cohere::Cohere, &google::Google, &mistral::Mistral, &openai::OpenAi];

/// What a provider must be able to do. All of it is pure: the gateway owns the connection, the clock and the key.
pub trait Provider: Sync {
    /// The name in `provider/model`, in the ledger and in `SUPERGATE_<ID>_URL`.
    fn id(&self) -> &'static str;

    /// Where it is, up to and without the version path, as `https://api.openai.com`.
    fn default_base_url(&self) -> &'static str;

    /// The environment variable of its own SDKs that holds a key.
    fn key_variable(&self) -> &'static str;

    /// What its keys begin with, one of these; empty where they have no mark.
    fn key_prefixes(&self) -> &'static [&'static str];

    /// Its models with limits and prices, sorted by id.
    fn models(&self) -> &'static [ModelCard];

    /// The header that carries the key.
    ///
    /// # Errors
    /// When the key cannot be a header.
    fn authorize(&self, key: &ProviderKey) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue>;

    /// A chat request in its wire format. `model` is the provider's own name for the model.
    ///
    /// # Errors
    /// [`Invalid`] where the request asks for what this provider cannot do and leaving it out would change the answer.
    fn chat_request(&self, model: &ModelCard, request: &ChatRequest) -> Result<Prepared, Invalid>;

    /// A whole answer.
    ///
    /// # Errors
    /// [`AnswerError`] when the provider reports a failure in it, or the body is not an answer of this provider.
    fn chat_answer(&self, body: &[u8]) -> Result<Answer, AnswerError>;

    /// A translator for one streamed answer.
    fn chat_stream(&self) -> Box<dyn ChatStream>;

    /// Its translator of embeddings, if it has such models.
    fn embeddings(&self) -> Option<&dyn Embedder> {
        None
    }

    /// The header of an answer with the provider's id of the request, which its support asks for.
    fn request_id_header(&self) -> &'static str {
        "x-request-id"
    }

    /// What an error answer means. Never fails: a body that cannot be read still has a status.
    fn failure(&self, status: u16, body: &[u8]) -> Failure;
}

/// Finds a provider by its id.
pub fn provider(id: &str) -> Option<&'static dyn Provider> {
    ALL.iter().copied().find(|provider| provider.id() == id)
}

/// Finds a model by the provider's own name for it.
pub fn model(provider: &dyn Provider, name: &str) -> Option<&'static ModelCard> {
    let models = provider.models();
    models.binary_search_by(|card| (*card.id).cmp(name)).ok().map(|found| &models[found])
}

/// A request that is ready to be sent, but for the base URL and the key.
#[derive(Debug)]
pub struct Prepared {
    /// Path and query, starting with a slash; anything from a caller is percent-encoded.
    pub path: String,
    /// Headers besides the key and the content type.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON.
    pub body: Bytes,
    /// Fields of the request that this provider cannot honour as they were given, and that were left out or brought into its range.
    pub ignored: Vec<String>,
}

impl Prepared {
    /// A request without headers of its own.
    ///
    /// # Errors
    /// [`Invalid`] when it cannot be written, which no request that was read can cause.
    pub(crate) fn json(path: String, body: &impl serde::Serialize, ignored: Vec<String>) -> Result<Self, Invalid> {
        let body = serde_json::to_vec(body).map_err(|_| Invalid::json("the request cannot be written as JSON"))?;
        Ok(Self { path, headers: Vec::new(), body: body.into(), ignored })
    }
}

/// What the provider says about a whole answer besides its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// Unix seconds.
    pub created: Option<i64>,
    /// OpenAI's.
    pub system_fingerprint: Option<String>,
    /// The tier that served it.
    pub service_tier: Option<String>,
}

impl Head {
    /// Without what no honest head holds: control characters, and more than a name's length. It is repeated in every chunk and stored.
    pub fn bounded(self) -> Self {
        const MAX_CHARS: usize = 200;
        let bound = |text: Option<String>| {
            text.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect::<String>())
                .filter(|text| !text.is_empty())
        };
        Self {
            id: bound(self.id),
            model: bound(self.model),
            created: self.created,
            system_fingerprint: bound(self.system_fingerprint),
            service_tier: bound(self.service_tier),
        }
    }
}

/// A provider's own word, as a finish reason: without control characters, and no longer than a word is.
pub fn bounded_word(word: &str) -> String {
    const MAX_CHARS: usize = 64;
    word.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who and which.
    pub head: Head,
    /// One for each of `n`, in order.
    pub choices: Vec<AnswerChoice>,
    /// None where the provider sent none.
    pub usage: Option<Tokens>,
}

/// One of a whole answer's choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerChoice {
    /// What was said; none where nothing was.
    pub text: Option<String>,
    /// What was said instead.
    pub refusal: Option<String>,
    /// What was spoken, in OpenAI's form.
    pub audio: Option<Value>,
    /// What was drawn: each `{"type": "image_url", "image_url": {"url"}}` with a data URL.
    pub images: Vec<Value>,
    /// What the model calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// What the model thought.
    pub reasoning: Option<String>,
    /// What the provider wants back of what the model thought.
    pub reasoning_details: Vec<Value>,
    /// What the answer is based on, in OpenAI's form.
    pub annotations: Vec<Value>,
    /// How likely each token was, in OpenAI's form.
    pub logprobs: Option<Value>,
    /// Why it ended.
    pub finish: FinishReason,
    /// The provider's own word for it, where the dialect has none that says as much.
    pub native_finish: Option<String>,
}

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Who and which; comes first.
    Head(Head),
    /// More text of a choice.
    Text(u32, String),
    /// More of a choice's refusal.
    Refusal(u32, String),
    /// More of what a choice speaks, in OpenAI's form: any of `id`, `data`, `transcript` and `expires_at`.
    Audio(u32, Value),
    /// Something that a choice drew: `{"type": "image_url", "image_url": {"url"}}` with a data URL.
    Image(u32, Value),
    /// More of what a choice's model thinks.
    Reasoning(u32, String),
    /// Something the provider wants back of it.
    ReasoningDetail(u32, Value),
    /// A choice calls a tool; `index` counts its calls from 0.
    ToolCall {
        /// Of which choice.
        choice: u32,
        /// Which of its calls.
        index: u32,
        /// Pairs it with its result.
        id: String,
        /// Which function.
        name: String,
        /// What the provider wants back on the call itself, by its own name: the call's `extra_content`.
        extra: Option<Value>,
    },
    /// The same of a custom tool, whose input follows as if it were arguments.
    CustomCall {
        /// Of which choice.
        choice: u32,
        /// Which of its calls.
        index: u32,
        /// Pairs it with its result.
        id: String,
        /// Which tool.
        name: String,
    },
    /// More of a call's arguments or input.
    ToolArguments {
        /// Of which choice.
        choice: u32,
        /// Which of its calls.
        index: u32,
        /// A piece of JSON; of a custom tool's call, of any text.
        text: String,
    },
    /// Something a choice's text is based on, in OpenAI's form.
    Annotation(u32, Value),
    /// How likely a choice's last tokens were, in OpenAI's form.
    Logprobs(u32, Value),
    /// A choice ended. Google may send more text of it, and another reason, which then holds.
    Finish(u32, FinishReason),
    /// The provider's own word for why it ended, where the dialect has none that says as much.
    NativeFinish(u32, String),
    /// What was used so far; a later one replaces it.
    Usage(Tokens),
}

/// Translates one streamed answer, event by event.
pub trait ChatStream: Send {
    /// Takes an event and appends what it means.
    ///
    /// # Errors
    /// [`AnswerError`] when the provider reports an error, or the event is none of its own.
    fn push(&mut self, event: Event<'_>, out: &mut Vec<Piece>) -> Result<(), AnswerError>;

    /// Whether the stream may end here.
    fn progress(&self) -> Progress;
}

/// How far a stream has come, by its provider's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More must come; an end here is a truncation.
    Running,
    /// A clean end of the body here is a proper end (the protocol has no last word).
    MayEnd,
    /// The last word was said; whatever happens to the connection now changes nothing.
    Ended,
}

/// An answer that is none, or a stream that cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The provider says so.
    #[error("the provider reported an error in its answer")]
    Failed(Failure),
    /// An event that is none of this provider's.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// A body or an event that is not what the provider's protocol promises. The text goes to the log; it never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer cannot be read: {0}")]
pub struct Unreadable(pub String);

impl Unreadable {
    /// From a parser's complaint, of which only the place is kept: its text can quote the answer.
    pub fn at(error: &serde_json::Error) -> Self {
        Self(format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()))
    }
}

/// Reads a provider's JSON.
///
/// # Errors
/// [`Unreadable`] without a word of the body.
pub(crate) fn read<'de, T: serde::Deserialize<'de>>(body: &'de [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable::at(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted_and_every_model_has_its_price() {
        for provider in ALL {
            let models = provider.models();
            assert!(!models.is_empty(), "{}", provider.id());
            assert!(models.is_sorted_by(|a, b| a.id < b.id), "{}: binary search needs order", provider.id());
            for card in models {
                assert_eq!(model(*provider, &card.id), Some(card));
                assert!(card.tiers.is_sorted_by(|a, b| a.above_input_tokens < b.above_input_tokens), "{}", card.id);
            }
        }
    }

    #[test]
    fn a_bare_model_name_belongs_to_one_provider() {
        let mut names: Vec<_> = ALL.iter().flat_map(|provider| provider.models()).map(|card| &*card.id).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
