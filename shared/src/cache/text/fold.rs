//! One way of writing the characters that are written in several.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Typographic variants to the plain character; compatibility forms (full width, ligatures) to theirs. Raised digits stay raised: `x²` is not `x2`.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{02bc}' | '\u{ff07}' => {
                plain.push('\'');
            }
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{00ab}' | '\u{00bb}' | '\u{ff02}' => plain.push('"'),
            '\u{2010}'..='\u{2012}' | '\u{2212}' => plain.push('-'),
            '\u{2013}'..='\u{2015}' => plain.push_str(" - "),
            '\u{00d7}' => plain.push('*'),
            '\u{00f7}' => plain.push('/'),
            '\u{2026}' => plain.push('.'),
            '\u{2264}' => plain.push_str("<="),
            '\u{2265}' => plain.push_str(">="),
            '\u{2260}' => plain.push_str("!="),
            // Invisible: soft hyphens, joiners, marks of direction and order.
            '\u{00ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {}
            c => match raised(c) {
                Some(digit) => plain.extend(['^', digit]),
                None => plain.extend(std::iter::once(c).nfkc()),
            },
        }
    }
    Cow::Owned(plain.nfc().collect())
}

fn raised(c: char) -> Option<char> {
    const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉";
    let place = |digits: &str| digits.chars().position(|digit| digit == c);
    let place = place(SUPERSCRIPTS).or_else(|| place(SUBSCRIPTS))?;
    "0123456789".chars().nth(place)
}
