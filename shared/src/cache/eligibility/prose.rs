//! Which texts may be compared by their vectors.

use super::{FEWEST_CONTENT_WORDS, MOST_TOKENS, Unfit};
use crate::cache::{
    guards::Reading,
    text::{Prompt, looks_like_code, token::Kind},
};

/// Words that point at something that is not in the text.
#[rustfmt::skip]
const DEIXIS: &[&str] = &[
    "above", "below", "aforementioned", "previous", "previously", "earlier", "former", "latter", "foregoing", "preceding", "mentioned", "attached", "following", "here",
    "yours", "continue", "go on", "try again", "as before", "same thing", "like that", "like this", "what about", "how about",
];
/// Pointing words that are fine before a noun ("this year" is a matter of time), and not alone.
const POINTERS: &[&str] = &["this", "that", "these", "those", "it", "them"];
/// Words of what changes with time.
#[rustfmt::skip]
const TIME_WORDS: &[&str] = &[
    "today", "tonight", "tomorrow", "yesterday", "now", "nowadays", "currently", "current", "latest", "newest", "recent", "recently", "lately", "upcoming", "so far", "as of",
    "at present", "presently", "at moment", "right now", "this week", "this month", "this year", "this morning", "this evening", "this afternoon", "this weekend", "this season",
    "last week", "last month", "last year", "last night", "last weekend", "next week", "next month", "next year", "next weekend", "ago", "real time", "up to date", "breaking",
    "live score", "score of", "weather", "forecast", "stock price", "share price", "exchange rate", "news", "trending", "still", "yet", "anymore", "days until", "day until", "time is it",
];

/// Whether a text may be compared by its vector.
///
/// # Errors
/// [`Unfit`] with the reason.
pub fn of_text(text: &str) -> Result<(), Unfit> {
    // No text of 64 tokens is longer, and a long one should cost nothing.
    if text.len() > MOST_TOKENS * 16 {
        return Err(Unfit::TooLong);
    }
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    if letters().next().is_none() || letters().any(|c| !is_latin(c)) {
        return Err(Unfit::Script);
    }
    if text.contains('\n') || looks_like_code(text) {
        return Err(Unfit::Code);
    }
    let prompt = Prompt::read(text);
    let tokens = &prompt.tokens;
    // A word piece has some four letters on the average; counting one for each five begun is above what the tokenizer makes of prose.
    let pieces: usize = tokens.list.iter().map(|token| tokens.of(token).len().div_ceil(5)).sum();
    if pieces > MOST_TOKENS {
        return Err(Unfit::TooLong);
    }
    let says = |phrase: &str| {
        let words = phrase.split(' ').count();
        (0..tokens.list.len())
            .any(|at| phrase.split(' ').enumerate().all(|(i, word)| tokens.at(at + i) == word) && words > 0)
    };
    if TIME_WORDS.iter().any(|phrase| says(phrase)) {
        return Err(Unfit::TimeWords);
    }
    let last = tokens.list.iter().rev().find(|token| token.kind == Kind::Word).map_or("", |token| tokens.of(token));
    if DEIXIS.iter().any(|phrase| says(phrase)) || POINTERS.contains(&last) && last != "it" {
        return Err(Unfit::Deixis);
    }
    match Reading::of(text).content_words() < FEWEST_CONTENT_WORDS {
        true => Err(Unfit::TooShort),
        false => Ok(()),
    }
}

fn is_latin(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '\u{aa}' | '\u{ba}' | '\u{b5}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}')
}
