//! What the cache never reads or writes, and how loosely a request may match.

mod prose;

pub use prose::of_text;

use super::namespace::loose_text;
use crate::openai::{
    chat::{ChatRequest, Role},
    completion::{ChatCompletion, FinishReason},
    content::{Content, Part, PartBody, Source},
};
use serde_json::Value;

/// Why something is not read, not written or not matched loosely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// What a tool returns is true at that moment.
    #[error("tools are offered or were used")]
    Tools,
    /// A caller who wants several answers wants them to differ.
    #[error("more than one answer is asked for")]
    SeveralAnswers,
    /// They belong to one answer of one model at one time.
    #[error("token probabilities are asked for")]
    Logprobs,
    /// Sound is not compared.
    #[error("there is sound in it")]
    Audio,
    /// Documents are not compared, and may change behind their id.
    #[error("there is a document in it")]
    Files,
    /// What is behind an address may change.
    #[error("an image is given by its address")]
    RemoteImage,
    /// A search is true at that moment.
    #[error("a web search is asked for")]
    Search,
    /// The text was changed, or held back from the caller.
    #[error("content was masked or flagged")]
    Flagged,
    /// Nobody asked last.
    #[error("the last message is not a person's text")]
    NotAPersonsText,
    /// Earlier turns decide what the last one means.
    #[error("there are earlier turns")]
    EarlierTurns,
    /// The vector of a long text hides what differs.
    #[error("the text is too long to be compared")]
    TooLong,
    /// Too little to tell one question from another.
    #[error("the text has too few words of content")]
    TooShort,
    /// The guards know words of Latin script.
    #[error("the text is not in Latin script")]
    Script,
    /// One character of code changes what it does.
    #[error("the text has code in it")]
    Code,
    /// It points at something that is not in it.
    #[error("the text points at something else")]
    Deixis,
    /// It asks for what changes with time.
    #[error("the text asks for what is true now")]
    TimeWords,
    /// The answer did not end, or ended with something else than words.
    #[error("the answer is not whole")]
    NotWhole,
}

/// How loosely a request may match; each tier needs those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eligibility {
    /// Tier 0, and whether anything is stored at all.
    pub exact: Result<(), Unfit>,
    /// Tier 1.
    pub canonical: Result<(), Unfit>,
    /// Tier 2.
    pub semantic: Result<(), Unfit>,
}

/// What the request's tenant and the rest of the gateway say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// The tenant said that conversations whose earlier turns are equal byte for byte may match in the last.
    pub earlier_turns: bool,
    /// A rule masked or flagged something in the request.
    pub flagged: bool,
}

/// Most tokens of a text that is compared by its vector.
pub const MOST_TOKENS: usize = 64;
/// Fewest words of content of such a text.
pub const FEWEST_CONTENT_WORDS: usize = 3;

/// What a request may be answered with.
pub fn of_request(request: &ChatRequest, circumstances: Circumstances) -> Eligibility {
    let exact = exact(request, circumstances);
    let text = loose_text(request);
    let canonical = exact.and_then(|()| text.as_ref().map(|_| ()).ok_or(Unfit::NotAPersonsText));
    let semantic = canonical.and_then(|()| match &text {
        _ if !circumstances.earlier_turns && request.conversation().count() > 1 => Err(Unfit::EarlierTurns),
        Some(text) => of_text(text),
        None => Err(Unfit::NotAPersonsText),
    });
    Eligibility { exact, canonical, semantic }
}

/// Whether an answer may be stored: whole, said in words, and the only one.
///
/// # Errors
/// [`Unfit`] with the reason.
pub fn of_answer(answer: &ChatCompletion) -> Result<(), Unfit> {
    let [choice] = answer.choices.as_slice() else { return Err(Unfit::SeveralAnswers) };
    let message = &choice.message;
    let has_words = message.content.as_deref().is_some_and(|text| !text.trim().is_empty());
    if choice.finish_reason != FinishReason::Stop || choice.native_finish_reason.is_some() || !has_words {
        return Err(Unfit::NotWhole);
    }
    if message.refusal.is_some() {
        return Err(Unfit::Flagged);
    }
    if !message.tool_calls.is_empty() || message.function_call.is_some() {
        return Err(Unfit::Tools);
    }
    if choice.logprobs.is_some() {
        return Err(Unfit::Logprobs);
    }
    if !message.annotations.is_empty() {
        return Err(Unfit::Search);
    }
    match message.audio.is_some() || !message.images.is_empty() {
        true => Err(Unfit::Audio),
        false => Ok(()),
    }
}

fn exact(request: &ChatRequest, circumstances: Circumstances) -> Result<(), Unfit> {
    let asks =
        |name: &str| request.other.get(name).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
    let used = |role: Role, calls: bool| calls || matches!(role, Role::Tool | Role::Function);
    if circumstances.flagged {
        return Err(Unfit::Flagged);
    }
    if !request.tools().is_empty() || request.messages.iter().any(|one| used(one.role, !one.tool_calls().is_empty())) {
        return Err(Unfit::Tools);
    }
    if request.n.is_some_and(|n| n > 1) {
        return Err(Unfit::SeveralAnswers);
    }
    if asks("logprobs") || asks("top_logprobs") {
        return Err(Unfit::Logprobs);
    }
    if request.wants_sound() || asks("audio") {
        return Err(Unfit::Audio);
    }
    if asks("web_search_options") || asks("plugins") {
        return Err(Unfit::Search);
    }
    let parts = request.messages.iter().filter_map(|message| match &message.content {
        Some(Content::Parts(parts)) => Some(parts),
        _ => None,
    });
    parts.flatten().try_for_each(of_part)
}

fn of_part(part: &Part) -> Result<(), Unfit> {
    match part.body() {
        Some(PartBody::Text(_) | PartBody::Refusal(_)) => Ok(()),
        Some(PartBody::Image(image)) => match Source::of(&image.url) {
            Some(Source::Inline { .. }) => Ok(()),
            _ => Err(Unfit::RemoteImage),
        },
        Some(PartBody::Audio(_)) => Err(Unfit::Audio),
        Some(PartBody::File(_)) | None => Err(Unfit::Files),
    }
}

#[cfg(test)]
mod tests;
