//! Auxiliary verbs stand in one place in a question and in another in a statement: "why is the sky blue", "explain why the sky is blue".
//! They are taken out and put at the end of their sentence as marks, so that what differs is only what was said. `do` alone says nothing
//! and goes; with `not` it stays as `+not`. What was a yes-or-no question is marked `+ask`.

use super::token::{Kind, Token, Tokens};

const MODALS: &[&str] = &["is", "was", "can", "could", "will", "would", "should", "shall", "might", "must"];
const SUBJECTS: &[&str] = &[
    "i", "you", "we", "they", "he", "she", "it", "to", "not", "can", "could", "will", "would", "should", "shall",
    "may", "might", "must",
];
const OPENERS: &[&str] = &["what", "who", "whom", "whose", "when", "where", "why", "how", "if", "which"];

pub(super) fn set_aside(tokens: &mut Tokens) {
    let list = std::mem::take(&mut tokens.list);
    let mut all = Vec::with_capacity(list.len() + 4);
    for sentence in list.split_inclusive(|token| token.kind == Kind::Stop) {
        let (body, stop) = match sentence.split_last() {
            Some((stop, body)) if stop.kind == Kind::Stop => (body, Some(*stop)),
            _ => (sentence, None),
        };
        one_sentence(tokens, body, stop, &mut all);
        all.extend(stop);
    }
    tokens.list = all;
}

fn one_sentence(tokens: &mut Tokens, body: &[Token], stop: Option<Token>, all: &mut Vec<Token>) {
    let mut marks = Vec::new();
    let mut did = false;
    let asks = asks_yes_or_no(tokens, body, stop);
    let mut skip = false;
    for (at, token) in body.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let word = if token.kind == Kind::Word { tokens.of(token) } else { "" };
        let denied = body.get(at + 1).is_some_and(|next| tokens.of(next) == "not");
        let before = at.checked_sub(1).and_then(|at| body.get(at)).map_or("", |token| tokens.of(token));
        let supports =
            matches!(word, "do" | "did") && !did && at + 1 < body.len() && (denied || !SUBJECTS.contains(&before));
        let mark = match word {
            "+ask" => "",
            "do" if supports && denied => "+not",
            "did" if supports && denied => "+did-not",
            "do" if supports => "",
            "did" if supports => "+did",
            _ if MODALS.contains(&word) && !token.shouted => modal(word, denied),
            _ => {
                all.push(*token);
                continue;
            }
        };
        did |= supports;
        skip = denied;
        if !mark.is_empty() {
            marks.push(mark);
        }
    }
    if asks {
        marks.push("+ask");
    }
    for mark in marks {
        let made = tokens.make(mark, Kind::Mark);
        all.push(made);
    }
}

fn asks_yes_or_no(tokens: &Tokens, body: &[Token], stop: Option<Token>) -> bool {
    let words = || body.iter().filter(|token| token.kind == Kind::Word).map(|token| tokens.of(token));
    let first = words().next().unwrap_or_default();
    let inverted = MODALS.contains(&first) || matches!(first, "+ask" | "do" | "did" | "may" | "have" | "had");
    let open = words().any(|word| OPENERS.contains(&word));
    inverted || (!open && stop.is_some_and(|stop| stop.asks))
}

fn modal(word: &str, denied: bool) -> &'static str {
    match (word, denied) {
        ("is", false) => "+is",
        ("is", true) => "+is-not",
        ("was", false) => "+was",
        ("was", true) => "+was-not",
        ("can", false) => "+can",
        ("can", true) => "+can-not",
        ("could", false) => "+could",
        ("could", true) => "+could-not",
        ("will", false) => "+will",
        ("will", true) => "+will-not",
        ("would", false) => "+would",
        ("would", true) => "+would-not",
        ("should", false) => "+should",
        ("should", true) => "+should-not",
        ("shall", false) => "+shall",
        ("shall", true) => "+shall-not",
        ("might", false) => "+might",
        ("might", true) => "+might-not",
        (_, false) => "+must",
        (_, true) => "+must-not",
    }
}
