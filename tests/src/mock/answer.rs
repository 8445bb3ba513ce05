//! What is said: the same for all five providers, so that a difference between two answers is a difference between two translations.
//!
//! # The answer
//! ```text
//! anthropic claude-haiku-4-5 heard: "hello" (system: "be brief"; turns: 3; temperature 0.5; top_p 0.9; stop ["x"]; max_tokens 100)
//! ```
//! The parenthesis lists what the provider's own request carried, under OpenAI's names and in this order, and nothing else: `turns`
//! only when there is more than one message that is not a system message, the parenthesis only when it is not empty.
//!
//! # The rules
//! - **Prompt tokens** = whitespace-separated words of all texts (system included) + 3 per message; each system text counts as one message.
//! - **Completion tokens** = words of the answer, per choice.
//! - **Cached tokens** = `mock:cached=N`, at most the prompt tokens, reported in the provider's own fields.
//! - **Stop sequences** cut before the first match *in the heard text*: the list at the end names the stop sequences, so a search in all
//!   of it would always find them.
//! - **Max tokens** keeps that many words and finishes with the provider's length reason.
//! - **Calls, thoughts, schemas**: instead of the echo, the calls that are due (`tools`) or an instance of the schema that is asked
//!   for (`schema`); before it, a thought (`thought`). A call costs its words and one token for its name; a
//!   thought costs its words, which every provider bills as output, wherever it reports them.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::{Number, Value, json};

use super::directives::Directives;
use super::media::{self, Media};
use super::tools::{Called, EarlierCall, Offer, ToolResult};
use super::{schema, thought};

/// What a request asked, read from the provider's own format.
#[derive(Debug, Default, Clone)]
pub struct Asked {
    /// The model's name as the provider was given it.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub streamed: bool,
    /// Whether an OpenAI stream ends with a usage chunk; the others always send it.
    pub include_usage: bool,
    /// System texts, in order.
    pub system: Vec<String>,
    /// All other messages, in order.
    pub turns: Vec<Turn>,
    /// As it was written: `1` and `1.0` stay different.
    pub temperature: Option<Number>,
    /// As it was written.
    pub top_p: Option<Number>,
    /// As it was written.
    pub top_k: Option<Number>,
    /// Stop sequences.
    pub stop: Vec<String>,
    /// The limit under whichever name the provider has for it.
    pub max_tokens: Option<u64>,
    /// How many answers (`n`); 0 means the field was not sent.
    pub choices: u64,
    /// The tools.
    pub offer: Offer,
    /// What form the answer has to have.
    pub shape: Shape,
    /// Whether the model is to think first.
    pub thinks: bool,
    /// Whether its thoughts are billed and not shown.
    pub thoughts_hidden: bool,
    /// How likely each token was, and this many alternatives.
    pub logprobs: Option<u64>,
    /// Cohere: calls are announced in words.
    pub plans: bool,
    /// Anthropic and Google: a refusal is a finish reason without words.
    pub refuses_silently: bool,
}

/// The form that an answer has to have.
#[derive(Debug, Default, Clone, PartialEq)]
pub enum Shape {
    /// Any.
    #[default]
    Text,
    /// Some JSON object.
    Object,
    /// An instance of this schema.
    Schema(Value),
}

/// One message that is not a system message.
#[derive(Debug, Default, Clone)]
pub struct Turn {
    /// Whether the user said it, in words: Anthropic and Google have the results of tools in turns of the user.
    pub from_user: bool,
    /// Its text parts, one after the other.
    pub text: String,
    /// The calls in it.
    pub calls: Vec<EarlierCall>,
    /// The results in it.
    pub results: Vec<ToolResult>,
    /// Images, documents and sound in it.
    pub media: Vec<Media>,
}

impl Asked {
    /// The last user message: what is echoed, and where directives stand.
    pub fn heard(&self) -> &str {
        self.turns.iter().rev().find(|turn| turn.from_user).map_or("", |turn| &turn.text)
    }

    /// The results since the model last called.
    fn results(&self) -> impl Iterator<Item = &ToolResult> {
        let since = self.turns.iter().rposition(|turn| !turn.calls.is_empty()).unwrap_or(0);
        self.turns[since..].iter().flat_map(|turn| &turn.results)
    }

    /// After the result of a tool the model speaks.
    fn calls_due(&self, directives: &Directives) -> Vec<Called> {
        match self.turns.last() {
            Some(turn) if !turn.results.is_empty() && !turn.from_user => Vec::new(),
            _ => self.offer.due(directives, self.heard()),
        }
    }
}

/// Why the answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was said to the end.
    Complete,
    /// The limit of tokens was reached.
    Length,
    /// This stop sequence was met.
    Stop(String),
    /// The model waits for the results of its calls.
    Calls,
    /// The model declined.
    Refused,
}

/// Tokens by the module's rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Words of the prompt + 3 per message.
    pub prompt: u64,
    /// Words of the prompt alone: what Cohere bills, which does not charge for its chat template.
    pub prompt_words: u64,
    /// Of `prompt`, those read from a cache.
    pub cached: u64,
    /// Words of all choices, thoughts included.
    pub completion: u64,
    /// Of `completion`, thoughts.
    pub reasoning: u64,
}

/// A finished answer, ready to be written in a provider's format.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The model that was asked.
    pub model: String,
    /// A hash of the request: the same request has the same id.
    pub id: u128,
    /// The answer, one word each, each with the whitespace before it.
    pub pieces: Vec<String>,
    /// Why it ends.
    pub finish: Finish,
    /// What it costs.
    pub usage: Usage,
    /// See [`Asked::include_usage`].
    pub include_usage: bool,
    /// At least one.
    pub choices: u64,
    /// Instead of the answer: calls. What is in `pieces` then announces them.
    pub calls: Vec<Called>,
    /// Before the answer: a thought, in words like `pieces`.
    pub thought: Vec<String>,
    /// See [`Asked::thoughts_hidden`].
    pub thoughts_hidden: bool,
    /// Whether another thought follows that nobody can read.
    pub redacted: bool,
    /// See [`Asked::logprobs`].
    pub logprobs: Option<u64>,
    /// Whether the first word has [`SOURCE`].
    pub cited: bool,
    /// See `Offer::legacy`.
    pub legacy: bool,
}

/// What every citation cites: an address and a title.
pub const SOURCE: (&str, &str) = ("https://example.com/source", "Source");

/// How likely every token was.
pub const LOGPROB: f64 = -0.25;

/// What a model says that declines in words.
const REFUSAL: &str = "I cannot help with that.";

/// The `created` of every answer: the same request has the same bytes, so the clock is not asked.
pub const CREATED: u64 = 1_760_000_000;

impl Answer {
    /// Answers `asked`.
    pub fn to(provider: &str, asked: &Asked, directives: &Directives, id: u128) -> Self {
        let calls = if directives.refuse { Vec::new() } else { asked.calls_due(directives) };
        let (text, stoppable) = said(provider, asked, directives, &calls);
        let (text, mut finish) = cut_at_stop(&text, stoppable, &asked.stop);
        let mut pieces = in_pieces(text);
        if !calls.is_empty() {
            finish = Finish::Calls;
        } else if directives.refuse {
            finish = Finish::Refused;
        } else if let Some(most) = asked.max_tokens.and_then(|most| usize::try_from(most).ok())
            && pieces.len() > most
        {
            pieces.truncate(most);
            finish = Finish::Length;
        }
        let thinks = asked.thinks || directives.think;
        let thought = if thinks { in_pieces(&thought::about(asked.heard())) } else { Vec::new() };
        let choices = asked.choices.max(1);
        let reasoning = thought.len() as u64 * choices;
        let said = pieces.len() as u64 + calls.iter().map(Called::tokens).sum::<u64>();
        let usage = Usage { completion: said * choices + reasoning, reasoning, ..count(asked, directives) };
        Self {
            model: asked.model.clone(),
            id,
            cited: directives.cite && !pieces.is_empty() && finish != Finish::Refused && calls.is_empty(),
            pieces,
            finish,
            usage,
            include_usage: asked.include_usage,
            choices,
            calls,
            thought,
            thoughts_hidden: asked.thoughts_hidden,
            redacted: thinks && directives.redact,
            logprobs: asked.logprobs,
            legacy: asked.offer.legacy,
        }
    }

    /// The thought, where it is shown.
    pub fn shown_thought(&self) -> Option<String> {
        (!self.thought.is_empty() && !self.thoughts_hidden).then(|| self.thought.concat())
    }

    /// What the id of a call is made of.
    pub fn call_hash(&self, choice: u64, index: usize) -> u128 {
        let step = u128::from(choice) * 1000 + index as u128 + 1;
        let mixed = (self.id ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (mixed ^ (mixed >> 61)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    /// The whole answer.
    pub fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// The text, and the part of it where a stop sequence may cut.
fn said(provider: &str, asked: &Asked, directives: &Directives, calls: &[Called]) -> (String, Range<usize>) {
    let whole = |text: String| (text, 0..0);
    if directives.refuse {
        return whole(if asked.refuses_silently { String::new() } else { REFUSAL.to_owned() });
    }
    if let Some(first) = calls.first() {
        return whole(if asked.plans { format!("I will call {}.", first.name) } else { String::new() });
    }
    match (directives.words, &asked.shape) {
        (Some(count), _) => said_in_words(count),
        (None, Shape::Text) => echo(provider, asked),
        (None, Shape::Object) => whole(json!({ "heard": asked.heard() }).to_string()),
        (None, Shape::Schema(schema)) => whole(schema::instance(schema, &Directives::strip(asked.heard())).to_string()),
    }
}

fn echo(provider: &str, asked: &Asked) -> (String, Range<usize>) {
    let mut text = format!("{provider} {} heard: \"", asked.model);
    let start = text.len();
    text.push_str(asked.heard());
    let heard = start..text.len();
    text.push('"');
    let facts = facts(asked);
    if !facts.is_empty() {
        let _ = write!(text, " ({})", facts.join("; "));
    }
    (text, heard)
}

fn facts(asked: &Asked) -> Vec<String> {
    let mut facts = Vec::new();
    if !asked.system.is_empty() {
        let quoted: Vec<String> = asked.system.iter().map(|text| format!("\"{text}\"")).collect();
        facts.push(format!("system: {}", quoted.join(", ")));
    }
    if asked.turns.len() > 1 {
        facts.push(format!("turns: {}", asked.turns.len()));
    }
    for (name, value) in [("temperature", &asked.temperature), ("top_p", &asked.top_p), ("top_k", &asked.top_k)] {
        if let Some(value) = value {
            facts.push(format!("{name} {value}"));
        }
    }
    if !asked.stop.is_empty() {
        let quoted: Vec<String> = asked.stop.iter().map(|stop| format!("{stop:?}")).collect();
        facts.push(format!("stop [{}]", quoted.join(", ")));
    }
    if let Some(most) = asked.max_tokens {
        facts.push(format!("max_tokens {most}"));
    }
    if asked.choices > 0 {
        facts.push(format!("n {}", asked.choices));
    }
    let results: Vec<String> = asked.results().map(|result| format!("{}=\"{}\"", result.name, result.text)).collect();
    if !results.is_empty() {
        facts.push(format!("results: {}", results.join(", ")));
    }
    facts.extend(media::facts(asked.turns.iter().flat_map(|turn| &turn.media)));
    facts
}

fn said_in_words(count: usize) -> (String, Range<usize>) {
    let mut text = String::with_capacity(count * 9);
    for number in 1..=count {
        let _ = write!(text, "{}word{number}", if number == 1 { "" } else { " " });
    }
    let all = 0..text.len();
    (text, all)
}

/// The text before the stop sequence that comes first.
fn cut_at_stop<'a>(text: &'a str, within: Range<usize>, stops: &[String]) -> (&'a str, Finish) {
    let searched = &text[within.clone()];
    let first = stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| Some((searched.find(stop.as_str())?, stop)))
        .min();
    match first {
        Some((at, stop)) => (&text[..within.start + at], Finish::Stop(stop.clone())),
        None => (text, Finish::Complete),
    }
}

/// Words with the whitespace before them, so that the pieces together are the text; what follows the last word belongs to it.
fn in_pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && in_word {
            pieces.push(text[start..at].to_owned());
            start = at;
        }
        in_word = !c.is_whitespace();
    }
    if in_word {
        pieces.push(text[start..].to_owned());
    } else if let Some(last) = pieces.last_mut() {
        last.push_str(&text[start..]);
    }
    pieces
}

fn count(asked: &Asked, directives: &Directives) -> Usage {
    let words = |text: &str| text.split_whitespace().count() as u64;
    let of_turn = |turn: &Turn| words(&turn.text) + turn.results.iter().map(|result| words(&result.text)).sum::<u64>();
    let of_system: u64 = asked.system.iter().map(|text| words(text)).sum();
    let prompt_words = of_system + asked.turns.iter().map(of_turn).sum::<u64>();
    let prompt = prompt_words + 3 * (asked.system.len() + asked.turns.len()) as u64;
    Usage { prompt, prompt_words, cached: directives.cached.unwrap_or(0).min(prompt), ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_together_are_the_text() {
        for text in ["", "one", " one  two ", "a\n\nb\tc", "héllo 🌍 wörld", "   "] {
            let pieces = in_pieces(text);
            assert_eq!(pieces.len(), text.split_whitespace().count(), "{text:?}");
            if !pieces.is_empty() {
                assert_eq!(pieces.concat(), text);
            }
        }
    }

    #[test]
    fn the_first_stop_sequence_in_the_heard_text_cuts() {
        let stops = ["d".to_owned(), "b".to_owned()];
        assert_eq!(cut_at_stop("a b c d", 0..7, &stops), ("a ", Finish::Stop("b".into())));
        assert_eq!(cut_at_stop("a b c d", 0..1, &stops), ("a b c d", Finish::Complete));
    }
}
