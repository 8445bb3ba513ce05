//! Where the words themselves are what is asked about, or how many of a thing: there an article or a plural is the question.

use super::token::{Kind, Tokens};

/// Tasks on words as they are written: whoever asks for a translation of "the cat" does not want that of "cats".
#[rustfmt::skip]
const ON_WORDS: &[&str] = &[
    "translate", "translated", "translating", "translation", "spell", "spelled", "spelt", "spelling", "rhyme", "rhymes", "grammar", "grammatical",
    "grammatically", "pronounce", "pronounced", "pronunciation", "plural", "singular", "rewrite", "rephrase", "paraphrase", "reword", "proofread", "capitalize",
    "capitalise", "uppercase", "lowercase", "punctuate", "punctuation", "anagram", "palindrome", "syllable", "syllables", "conjugate", "conjugation",
];
/// The same in several words.
#[rustfmt::skip]
const ON_WORDS_PHRASES: &[&str] = &[
    "repeat after", "how many letters", "how many words", "how many characters", "how many vowels", "in the word", "in this sentence", "correct this", "correct the",
    "correct my", "this sentence", "following sentence",
];
/// What is asked of somebody who is to give things, and not to explain one.
#[rustfmt::skip]
const GIVING: &[&str] = &["name", "list", "write", "compose", "draft", "suggest", "recommend", "generate"];
/// The same with `me`, unless a question follows.
const GIVING_ME: &[&str] = &["tell", "give", "show"];
const QUESTIONS: &[&str] =
    &["how", "why", "what", "who", "whom", "whose", "where", "when", "which", "if", "whether", "about"];
/// What may come before that.
#[rustfmt::skip]
const BEFORE: &[&str] = &["please", "kindly", "can", "could", "would", "will", "you", "i", "want", "to", "hi", "hey", "hello", "just", "need"];

/// Whether the prompt is a task on its own words.
pub(super) fn is_on_words(tokens: &Tokens) -> bool {
    let says = |phrase: &str, at: usize| phrase.split(' ').enumerate().all(|(i, word)| tokens.at(at + i) == word);
    (0..tokens.list.len())
        .any(|at| ON_WORDS.contains(&tokens.at(at)) || ON_WORDS_PHRASES.iter().any(|phrase| says(phrase, at)))
}

/// Whether somebody is to give one or several of a thing.
pub(super) fn asks_for_things(tokens: &Tokens) -> bool {
    let words = tokens.list.iter().position(|token| token.kind != Kind::Comma && !BEFORE.contains(&tokens.of(token)));
    let Some(at) = words else { return false };
    let (verb, next, after) = (tokens.at(at), tokens.at(at + 1), tokens.at(at + 2));
    match next == "me" {
        true => (GIVING.contains(&verb) || GIVING_ME.contains(&verb)) && !QUESTIONS.contains(&after),
        false => GIVING.contains(&verb) && !QUESTIONS.contains(&next),
    }
}

/// `What is the point?` is not `What is a point?`: where nothing says which, `the` is one that both know.
pub(super) fn is_of_the_one(tokens: &Tokens) -> bool {
    let words = tokens.list.iter().filter(|token| !matches!(token.kind, Kind::Stop | Kind::Comma)).count();
    words == 4
        && matches!(tokens.at(0), "what" | "who")
        && matches!(tokens.at(1), "is" | "are" | "was" | "were")
        && tokens.at(2) == "the"
}
