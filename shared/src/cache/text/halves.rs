//! Two things of which it does not matter which is named first: "the difference between tea and coffee", "which is better, tea or coffee".
//! They are put in the order of the alphabet. And what may stand before or after what it is.

use super::token::{Kind, Tokens};

/// `between` after one of these names two sides of one thing. A ratio has an order.
const BETWEEN: &[&str] =
    &["difference", "distinction", "similarity", "comparison", "distance", "choose", "choice", "decide"];

/// What may follow a quality that is said of something.
const AFTER: &[&str] = &["to", "for", "in", "on", "at", "of", "from", "with", "under", "among", "when", "if"];

/// Words that name nothing.
#[rustfmt::skip]
const NO_NAMES: &[&str] = &[
    "i", "you", "we", "they", "he", "she", "it", "do", "did", "can", "could", "will", "would", "should", "have", "had", "was", "not", "to", "that", "this", "if", "or", "and",
    "'s", "else", "time", "happen", "one", "make",
];

/// The two sides in the order of the alphabet.
pub(super) fn put_in_order(tokens: &mut Tokens) {
    let Some((from, joints)) = beginning(tokens) else { return };
    let to =
        tokens.list[from..].iter().position(|token| token.kind == Kind::Stop).map_or(tokens.list.len(), |at| from + at);
    let mut places = (from..to).filter(|at| joints.contains(&tokens.at(*at)));
    let (Some(joint), None) = (places.next(), places.next()) else { return };
    // What is counted has an order: 9 less 4 is not 4 less 9.
    let counts = tokens.list[from..to].iter().any(|token| matches!(token.kind, Kind::Number | Kind::Comma));
    if joint == from || joint + 1 == to || counts {
        return;
    }
    let words = |from: usize, to: usize| (from..to).map(|at| tokens.at(at));
    if words(from, joint).gt(words(joint + 1, to)) {
        let [left, middle, right] =
            [from..joint, joint..joint + 1, joint + 1..to].map(|range| tokens.list[range].to_vec());
        tokens.list.splice(from..to, right.into_iter().chain(middle).chain(left));
    }
}

/// "Which language is easiest to learn" is "what is the easiest language to learn".
pub(super) fn name_first(tokens: &mut Tokens) {
    const MOST_WORDS: usize = 3;
    let Some(is) = (2..=MOST_WORDS + 1).find(|at| tokens.at(*at) == "is").filter(|_| tokens.at(0) == "what") else {
        return;
    };
    let quality = tokens.at(is + 1).to_owned();
    let measured =
        matches!(quality.as_str(), "best" | "worst" | "good") || quality.len() > 5 && quality.ends_with("est");
    let named = (1..is).all(|at| {
        tokens.list.get(at).is_some_and(|token| token.kind == Kind::Word) && !NO_NAMES.contains(&tokens.at(at))
    });
    // "Which firm is best known for it" is no question of the best firm.
    let ends =
        tokens.list.get(is + 2).is_none_or(|token| token.kind != Kind::Word || AFTER.contains(&tokens.of(token)));
    if measured && named && ends {
        // what NAME is QUALITY → what is QUALITY NAME
        tokens.list[1..is + 2].rotate_left(is - 1);
    }
}

/// Where the two begin, and what may stand between them.
fn beginning(tokens: &mut Tokens) -> Option<(usize, &'static [&'static str])> {
    if let Some(at) =
        (1..tokens.list.len()).find(|at| tokens.at(*at) == "between" && BETWEEN.contains(&tokens.at(at - 1)))
    {
        return Some((at + 1, &["and"]));
    }
    if tokens.at(0) == "compare" {
        return Some((1, &["and", "with", "to", "versus"]));
    }
    let asks = matches!(tokens.at(0), "what" | "who") && matches!(tokens.at(1), "is" | "was");
    let compared = match tokens.at(2) {
        "more" | "less" => 4,
        "better" | "worse" => 3,
        word if word.len() > 4 && word.ends_with("er") => 3,
        _ => 0,
    };
    if asks && compared > 0 {
        let pause = matches!(tokens.at(compared), "," | ":" | "-");
        if let Some(token) = tokens.list.get_mut(compared).filter(|_| pause) {
            token.kind = Kind::Comma;
        }
        return Some((compared + usize::from(pause), &["or", "versus"]));
    }
    (0..tokens.list.len()).any(|at| tokens.at(at) == "versus").then_some((0, &["versus"]))
}
