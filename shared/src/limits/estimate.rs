//! The most that a request can cost, before anybody has counted. Where the answer's length is capped it is never less than what is
//! billed, but for what `docs/limits.md` names: searches of the web that a model decides on by itself.

use super::claim::Worst;
use crate::{
    openai::{
        ChatRequest,
        chat::Message,
        content::{Content, PartBody, Source},
        embeddings::{EmbeddingsRequest, Input},
    },
    providers,
    routing::plan::Candidate,
    usage::{ModelCard, Nanos, Rates, SearchContext, SearchUnit, Terms},
};

/// No tokenizer makes more tokens of a text than it has bytes.
const BYTES_PER_TOKEN_AT_LEAST: u64 = 1;
/// The usual rule of thumb for English, for limits on tokens.
const BYTES_PER_TOKEN: u64 = 4;
/// What providers add of their own: a description of tools, marks around messages.
const ADDED_TOKENS: u64 = 1_000;
/// The dearest image of all providers: eight tiles and a base for gpt-4o-mini.
const IMAGE_TOKENS: u64 = 50_000;
/// A context or an answer whose length nobody published.
const UNKNOWN_TOKENS: u64 = 1_000_000;
/// How many searches are reserved for where each is paid for and the model decides on them.
const SEARCHES: u64 = 10;
/// Sound that is billed by its length has at least so many bytes in a second (MP3 at eight kilobits).
const SOUND_BYTES_PER_SECOND: u64 = 1_000;

/// What a chat request can use at most; `sent` is how many bytes go to the provider. No cost: there is no price, or no end to it.
pub fn chat(candidate: &Candidate, terms: &Terms, request: &ChatRequest, sent: usize) -> Worst {
    let card: &ModelCard = &candidate.model;
    let media = Media::of(request);
    let input = media.worst_input(candidate, to_u64(sent));
    let longest = card.max_output_tokens.or(card.context_tokens).map_or(UNKNOWN_TOKENS, u64::from);
    let asked = request.output_limit().map(u64::from);
    // How long an answer of a model can be that no list has, nobody knows but who asks for it.
    let each = asked.map_or(longest, |asked| if is_listed(candidate) { asked.min(longest) } else { asked });
    let output = each.saturating_mul(u64::from(request.n.unwrap_or(1)));
    let prompt = media.text_bytes.div_ceil(BYTES_PER_TOKEN);
    Worst {
        tokens: prompt.saturating_add(output),
        is_bounded: asked.is_some(),
        cost: worst_cost(card, terms, &media, input, output),
    }
}

fn worst_cost(card: &ModelCard, terms: &Terms, media: &Media, input: u64, output: u64) -> Option<Nanos> {
    let rates = dearest(&card.rates_for(input, terms), &card.rates_for(0, terms));
    // A provider may serve in its default tier whatever was asked for.
    let standard = dearest(&card.rates_for(input, &Terms::default()), &card.rates);
    let rates = dearest(&rates, &standard);
    let tokens = sum([product(input, input_rate(&rates))?, product(output, output_rate(&rates))?])?;
    let percent = u64::from(card.us_percent.unwrap_or(100)).max(100);
    let tokens = product(tokens, percent)?.div_ceil(100);
    let sound = product(media.sound_seconds(), card.audio_minute.unwrap_or(0))?.div_ceil(60);
    nanos(sum([tokens, sound, searches(card, terms)?])?)
}

/// What an embeddings request can use at most.
pub fn embeddings(card: &ModelCard, request: &EmbeddingsRequest) -> Worst {
    // Each input may get marks of its own, at its beginning and its end.
    const MARKS: u64 = 8;
    let most = |input: &Input| match input {
        Input::Text(text) => to_u64(text.len()) / BYTES_PER_TOKEN_AT_LEAST + MARKS,
        Input::Tokens(tokens) => to_u64(tokens.len()) + MARKS,
    };
    let about = |input: &Input| match input {
        Input::Text(text) => to_u64(text.len()).div_ceil(BYTES_PER_TOKEN),
        Input::Tokens(tokens) => to_u64(tokens.len()),
    };
    let worst: u64 = request.input.iter().map(most).sum();
    let rate = input_rate(&dearest(&card.rates, &card.rates_for(worst, &Terms::default())));
    let cost = product(worst, rate).and_then(nanos);
    Worst { tokens: request.input.iter().map(about).sum(), is_bounded: true, cost }
}

/// What of a prompt is not measured by its bytes.
#[derive(Debug, Default)]
struct Media {
    text_bytes: u64,
    images: u64,
    /// Of images and of the rest, in base 64.
    inline_bytes: u64,
    sound_bytes: u64,
    /// Whether there is anything of which nobody here knows how many tokens it has: sound, documents, what lies at a provider.
    has_unknown: bool,
}

impl Media {
    fn of(request: &ChatRequest) -> Self {
        let mut media = Self::default();
        request.messages.iter().for_each(|message| media.take(message));
        media
    }

    fn take(&mut self, message: &Message) {
        // What an assistant said aloud goes back by its id.
        self.has_unknown |= message.other.get("audio").is_some_and(|audio| !audio.is_null());
        let parts = match &message.content {
            Some(Content::Text(text)) => return self.text_bytes += to_u64(text.len()),
            Some(Content::Parts(parts)) => parts,
            None => return,
        };
        for part in parts {
            match part.body() {
                Some(PartBody::Text(text) | PartBody::Refusal(text)) => self.text_bytes += to_u64(text.len()),
                Some(PartBody::Image(image)) => {
                    self.images += 1;
                    if let Some(Source::Inline { data, .. }) = Source::of(&image.url) {
                        self.inline_bytes += to_u64(data.len());
                    }
                }
                Some(PartBody::Audio(audio)) => {
                    self.has_unknown = true;
                    self.sound_bytes += to_u64(audio.data.len()) / 4 * 3;
                }
                Some(PartBody::File(_)) | None => self.has_unknown = true,
            }
        }
    }

    fn worst_input(&self, candidate: &Candidate, sent: u64) -> u64 {
        let context = candidate.model.context_tokens.map(u64::from);
        let text = sent.saturating_sub(self.inline_bytes) / BYTES_PER_TOKEN_AT_LEAST;
        let counted = text.saturating_add(ADDED_TOKENS).saturating_add(self.images.saturating_mul(IMAGE_TOKENS));
        match (self.has_unknown, context) {
            (true, context) => context.unwrap_or_else(|| counted.max(UNKNOWN_TOKENS)),
            // No provider takes a longer prompt.
            (false, Some(context)) if is_listed(candidate) => context.min(counted),
            (false, _) => counted,
        }
    }

    fn sound_seconds(&self) -> u64 {
        self.sound_bytes.div_ceil(SOUND_BYTES_PER_SECOND)
    }
}

/// Whether the provider's list has the model, so that what stands of it there is of itself. Another provider's list says nothing: a model
/// that no list has may bear any name.
fn is_listed(candidate: &Candidate) -> bool {
    providers::model(candidate.provider, &candidate.model.id).is_some()
}

fn searches(card: &ModelCard, terms: &Terms) -> Option<u64> {
    let Some(search) = card.web_search else { return Some(0) };
    let most = match search.per {
        SearchUnit::Request | SearchUnit::Prompt => 1,
        SearchUnit::Query => SEARCHES,
    };
    product(most, search.price(terms.search_context.unwrap_or(SearchContext::Medium)))
}

fn dearest(one: &Rates, other: &Rates) -> Rates {
    Rates {
        input: one.input.max(other.input),
        output: one.output.max(other.output),
        cached_input: one.cached_input.max(other.cached_input),
        cache_write: one.cache_write.max(other.cache_write),
        cache_write_1h: one.cache_write_1h.max(other.cache_write_1h),
        audio_input: one.audio_input.max(other.audio_input),
        cached_audio_input: one.cached_audio_input.max(other.cached_audio_input),
        audio_output: one.audio_output.max(other.audio_output),
        video_output: one.video_output.max(other.video_output),
        reasoning: one.reasoning.max(other.reasoning),
    }
}

/// Whatever the provider makes of the prompt: it may be written to a cache, or heard.
fn input_rate(rates: &Rates) -> u64 {
    let others = [rates.cached_input, rates.cache_write, rates.cache_write_1h, rates.audio_input];
    others.into_iter().flatten().fold(rates.input, u64::max)
}

fn output_rate(rates: &Rates) -> u64 {
    let others = [rates.audio_output, rates.video_output, rates.reasoning];
    others.into_iter().flatten().fold(rates.output, u64::max)
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn product(count: u64, rate: u64) -> Option<u64> {
    count.checked_mul(rate)
}

fn sum<const N: usize>(parts: [u64; N]) -> Option<u64> {
    parts.into_iter().try_fold(0_u64, u64::checked_add)
}

/// Rounded up.
fn nanos(picos: u64) -> Option<Nanos> {
    i64::try_from(picos.div_ceil(1_000)).ok().map(Nanos)
}

#[cfg(test)]
mod tests;
