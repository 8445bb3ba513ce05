//! The canonical text: what stays the same when a prompt is asked again in other words that cannot change the answer.
//!
//! Two prompts with equal canonical texts are one prompt to tier 1, with no similarity asked. So each step keeps what could change an
//! answer: who does it (`you` is not `I`), what is denied, the order of the words, numbers, names, quoted strings and code, byte for
//! byte. What goes is listed in tables: politeness, articles, plurals, spellings, and openings that ask the same.

mod auxiliaries;
mod code;
mod fold;
mod frames;
mod halves;
mod literal;
pub(super) mod token;
pub(super) mod words;

pub(super) use code::looks_like_code;

use token::{Kind, Token, Tokens};

/// The version of everything that can change a canonical text. It is in the namespace, so a new one begins with an empty cache.
pub const VERSION: u16 = 1;

/// A prompt as tier 1 and the guards see it.
#[derive(Debug, Clone)]
pub(super) struct Prompt {
    /// The prose, in canonical order.
    pub(super) tokens: Tokens,
    /// What follows the first line, or is code: kept byte for byte.
    pub(super) exact: String,
}

/// The canonical text of a prompt.
pub fn canonical(prompt: &str) -> String {
    Prompt::read(prompt).canonical()
}

impl Prompt {
    pub(super) fn read(prompt: &str) -> Self {
        let (lead, exact) = code::split(prompt);
        let mut tokens = Tokens::read(&fold::fold(lead));
        // A task on its own words is the same only byte for byte.
        let exact = if literal::is_on_words(&tokens) { prompt } else { exact };
        level(&mut tokens);
        frames::strip_courtesies(&mut tokens);
        frames::unstress(&mut tokens);
        if !exact.is_empty() && frames::asks_about_code(&tokens) {
            tokens.list.clear();
            let ask = tokens.make("explain code", Kind::Mark);
            tokens.list.push(ask);
        } else {
            frames::open_alike(&mut tokens);
            halves::name_first(&mut tokens);
            halves::put_in_order(&mut tokens);
        }
        Self { tokens, exact: exact.trim_end().to_owned() }
    }

    pub(super) fn canonical(mut self) -> String {
        let plain_arithmetic = strip_arithmetic_opening(&mut self.tokens);
        if !plain_arithmetic {
            auxiliaries::set_aside(&mut self.tokens);
        }
        let mut text = String::with_capacity(64 + self.exact.len());
        let last = self.tokens.list.iter().rposition(|token| !is_ending(token)).map_or(0, |at| at + 1);
        let body = self.tokens.list[..last].iter().filter(|token| token.kind != Kind::Comma);
        for token in body {
            if !text.is_empty() {
                text.push(' ');
            }
            match token.kind {
                Kind::Quoted => {
                    text.push('"');
                    text.push_str(self.tokens.of(token));
                    text.push('"');
                }
                Kind::Stop => text.push('.'),
                _ => text.push_str(self.tokens.of(token)),
            }
        }
        if !self.exact.is_empty() {
            text.push('\n');
            text.push_str(&self.exact);
        }
        text
    }
}

fn is_ending(token: &Token) -> bool {
    matches!(token.kind, Kind::Stop | Kind::Comma)
}

/// Takes away articles, number, agreement and local spelling, and writes small numbers in digits.
fn level(tokens: &mut Tokens) {
    let mut kept = Vec::with_capacity(tokens.list.len());
    let (keeps_number, keeps_the) = (literal::asks_for_things(tokens), literal::is_of_the_one(tokens));
    for at in 0..tokens.list.len() {
        let Some(token) = tokens.list.get(at).copied() else { continue };
        if token.kind != Kind::Word {
            let dash = token.kind == Kind::Symbol && tokens.of(&token) == "-" && !between_numbers(tokens, at);
            kept.push(Token { kind: if dash { Kind::Comma } else { token.kind }, ..token });
            continue;
        }
        let word = tokens.of(&token);
        // `vitamin A`, `plan A`: a letter that is a name.
        let is_article = matches!(word, "a" | "an" | "the") && (!token.capital || token.first || word != "a");
        // `a few` are some and `few` are hardly any; one of a thing is not several; and `the point` is not any point.
        let says_more = match word {
            "the" => keeps_the,
            "a" => keeps_number || matches!(tokens.at(at + 1), "few" | "little"),
            _ => keeps_number,
        };
        if is_article && !says_more {
            if token.first
                && let Some(next) = tokens.list.get_mut(at + 1)
            {
                next.first |= next.kind == Kind::Word;
            }
            continue;
        }
        // `US`, `IT`, `WHO`: names that are small words in small letters.
        if token.shouted && SMALL_WORDS.contains(&word) && !all_shouted(&tokens.list) {
            let upper = word.to_uppercase();
            tokens.rename(at, &upper);
            kept.extend(tokens.list.get(at));
            continue;
        }
        if let Some(number) = words::number_word(word) {
            let text = number.to_string();
            let made = tokens.make(&text, Kind::Number);
            kept.push(made);
            continue;
        }
        if is_article {
            // `an` is how `a` is said before a vowel.
            let article = if word == "the" { "the" } else { "a" };
            tokens.rename(at, article);
            kept.extend(tokens.list.get(at));
            continue;
        }
        let singular = if keeps_number { words::spelled(word) } else { words::singular(word) };
        if *singular != *word {
            let singular = singular.into_owned();
            tokens.rename(at, &singular);
        }
        kept.extend(tokens.list.get(at));
    }
    join_numbers(tokens, &mut kept);
    tokens.list = kept;
}

/// A hyphen that stands alone is a minus between numbers and single letters, and a pause between words.
fn between_numbers(tokens: &Tokens, at: usize) -> bool {
    let is_operand = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.list.get(at));
        token.is_some_and(|token| matches!(token.kind, Kind::Number | Kind::Symbol) || tokens.of(token).len() == 1)
    };
    is_operand(at.checked_sub(1)) && is_operand(Some(at + 1))
}

const SMALL_WORDS: &[&str] = &[
    "us", "it", "who", "is", "am", "or", "and", "not", "in", "on", "at", "do", "me", "he", "as", "may", "all", "any",
    "if",
];

fn all_shouted(tokens: &[Token]) -> bool {
    tokens.iter().filter(|token| token.kind == Kind::Word).all(|token| token.shouted || token.first)
}

/// `twenty five` is 25, `3 million` is 3000000.
fn join_numbers(tokens: &mut Tokens, list: &mut Vec<Token>) {
    let mut at = 0;
    while at + 1 < list.len() {
        let (Some(left), Some(right)) = (list.get(at).copied(), list.get(at + 1).copied()) else { break };
        let value = (left.kind == Kind::Number).then(|| tokens.of(&left).parse::<u64>().ok()).flatten();
        let joined = value.and_then(|value| match right.kind {
            Kind::Word => words::multiplier(tokens.of(&right)).and_then(|times| value.checked_mul(times)),
            // Only what was written in words: `20 5` are two numbers.
            Kind::Number
                if (20..100).contains(&value) && value % 10 == 0 && !left.capital && is_made(tokens, &left, &right) =>
            {
                tokens.of(&right).parse::<u64>().ok().filter(|one| (1..10).contains(one)).map(|one| value + one)
            }
            _ => None,
        });
        match joined {
            Some(value) => {
                let text = value.to_string();
                let made = tokens.make(&text, Kind::Number);
                list.splice(at..at + 2, [made]);
            }
            None => at += 1,
        }
    }
}

/// Whether two numbers were words: those are made after the text was read, so they follow one another in the buffer.
fn is_made(tokens: &Tokens, left: &Token, right: &Token) -> bool {
    tokens.was_made(left) && tokens.was_made(right)
}

/// Brings "What is 3 + 4?", "Calculate 3+4" and "3 + 4" to the expression. Returns whether it is one.
fn strip_arithmetic_opening(tokens: &mut Tokens) -> bool {
    const OPENINGS: &[&[&str]] = &[
        &["what", "is"],
        &["what", "do"],
        &["how", "much", "is"],
        &["how", "many", "is"],
        &["how", "much", "do"],
        &["calculate"],
        &["compute"],
        &["evaluate"],
        &["solve"],
        &["work", "out"],
        &["find"],
        &["what", "is", "result", "of"],
        &["what", "is", "value", "of"],
        &["give", "result", "of"],
        &["add", "up"],
        &["what", "is", "answer", "to"],
        &["find", "value", "of"],
        &["calculate", "value", "of"],
        &[],
    ];
    let last =
        tokens.list.iter().rposition(|token| !is_ending(token) && tokens.of(token) != "=").map_or(0, |at| at + 1);
    let numbers = tokens.list[..last].iter().filter(|token| token.kind == Kind::Number).count();
    if numbers < 2 {
        return false;
    }
    let begins = |opening: &&&[&str]| opening.iter().enumerate().all(|(i, word)| tokens.at(i) == *word);
    let mut openings: Vec<usize> = OPENINGS.iter().filter(begins).map(|opening| opening.len()).collect();
    openings.sort_unstable();
    let Some(from) =
        openings.into_iter().rev().find(|from| *from < last && words_of_arithmetic(tokens, *from, last).is_some())
    else {
        return false;
    };
    let Some(list) = words_of_arithmetic(tokens, from, last) else { return false };
    let made = list.into_iter().map(|part| match part {
        Ok(token) => token,
        Err(sign) => tokens.make(sign, Kind::Symbol),
    });
    tokens.list = made.collect();
    true
}

/// The tokens of an expression, or nothing where it is none. A word for a sign is the sign.
fn words_of_arithmetic(tokens: &Tokens, from: usize, to: usize) -> Option<Vec<Result<Token, &'static str>>> {
    let mut parts = Vec::new();
    let mut at = from;
    while at < to {
        let token = tokens.list.get(at)?;
        let part = match (token.kind, tokens.of(token)) {
            (Kind::Number, _) => Ok(*token),
            (Kind::Symbol, "+" | "-" | "*" | "/" | "^" | "(" | ")" | "%") => Ok(*token),
            (Kind::Word, "plus") => Err("+"),
            (Kind::Word, "minus") => Err("-"),
            (Kind::Word, "times" | "x") => Err("*"),
            (Kind::Word, "multiplied" | "divided") if tokens.at(at + 1) == "by" => {
                at += 1;
                if tokens.at(at - 1) == "divided" { Err("/") } else { Err("*") }
            }
            _ => return None,
        };
        parts.push(part);
        at += 1;
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests;
