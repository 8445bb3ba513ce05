//! What a prompt asks for, and how many things.

use super::{
    super::text::token::{Kind, Tokens},
    lexicon::{Ask, Sense, lexicon},
};

/// After `how` these make it a measure: `how long` is not `how`.
#[rustfmt::skip]
pub(super) const DEGREES: &[&str] = &[
    "many", "much", "long", "old", "far", "often", "big", "large", "tall", "high", "fast", "deep", "wide", "hot", "cold", "heavy", "soon", "late",
    "close", "hard", "likely", "safe", "good", "bad", "quickly", "accurate", "strong", "small", "short", "important", "difficult", "expensive",
];

/// With one of these in front it is a yes-or-no question.
#[rustfmt::skip]
const INVERTED: &[&str] = &[
    "is", "was", "do", "did", "can", "could", "will", "would", "should", "shall", "may", "might", "must", "have", "had", "+ask",
];

/// A yes-or-no question has its auxiliary in front.
pub(super) fn asked(tokens: &Tokens, ask: Option<Ask>) -> Ask {
    let first = tokens.list.iter().find(|token| token.kind == Kind::Word).map_or("", |token| tokens.of(token));
    let inverted = INVERTED.contains(&first);
    match (inverted, ask) {
        (true, _) => Ask::YesOrNo,
        (false, Some(ask)) => ask,
        (false, None) if tokens.list.iter().any(|token| token.asks) && tokens.list.len() > 5 => Ask::YesOrNo,
        (false, None) => Ask::Order,
    }
}

/// How many things are asked: sentences that ask, and question words joined by `and`.
pub(super) fn questions(tokens: &Tokens) -> u8 {
    let mut count = 0_u8;
    let mut previous = "";
    let mut asking = false;
    for token in &tokens.list {
        let text = tokens.of(token);
        let opens = token.kind == Kind::Word && matches!(lexicon().sense(text), Some(Sense::Question(_)));
        if opens && (!asking || matches!(previous, "and" | "or" | "," | "also")) {
            count = count.saturating_add(1);
            asking = true;
        }
        if token.kind == Kind::Stop {
            if token.asks && !asking {
                count = count.saturating_add(1);
            }
            asking = false;
        }
        previous = text;
    }
    count.max(1)
}
