//! What a provider's words quote: some repeat the value that they complain about, which can be the prompt, and some a piece of a key.

use std::borrow::Cow;

/// The longest quotation that stays: names of fields, models and allowed values are shorter.
const MAX_QUOTED_CHARS: usize = 64;
/// The longest run of characters without a space that stays. What is longer is somebody's data.
const MAX_WORD_CHARS: usize = 120;
/// In its place.
const CUT: &str = "…";
/// How keys begin.
const KEYS: &[&str] = &["sk-", "sk_", "sk-ant-", "AIza", "pk-", "Bearer"];
/// How validators that repeat their input introduce it.
const INPUTS: &[&str] = &["input_value=", "input=", "'input':", "\"input\":", "Received value:", "but received "];

/// The words without what they quote at length, and without what looks like a key.
pub(super) fn without(words: &str) -> String {
    let words: String = words.split_inclusive('\n').map(without_input).collect();
    let mut out = String::with_capacity(words.len());
    let mut after_bearer = false;
    for word in unquoted(&words).split_inclusive(char::is_whitespace) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        // A key can stand within a word, as in an address: `?key=AIza...`.
        let mut pieces = bare.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
        let is_key = after_bearer
            || pieces.any(|piece| KEYS.iter().any(|key| piece.starts_with(key) && piece.len() > key.len()));
        after_bearer = bare == "Bearer";
        if is_key {
            out.push_str("***");
            out.extend(word.chars().last().filter(|c| c.is_whitespace()));
        } else if word.chars().count() > MAX_WORD_CHARS {
            out.push_str(CUT);
            out.extend(word.chars().last().filter(|c| c.is_whitespace()));
        } else {
            out.push_str(word);
        }
    }
    out
}

/// A line without what follows where its writer repeats an input.
fn without_input(line: &str) -> Cow<'_, str> {
    let Some(at) = INPUTS.iter().filter_map(|mark| line.find(mark)).min() else { return Cow::Borrowed(line) };
    let end = if line.ends_with('\n') { "\n" } else { "" };
    Cow::Owned(format!("{}{CUT}{end}", &line[..at]))
}

/// Without long quotations; what is between the marks is cut, the marks stay.
fn unquoted(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find(['"', '\'', '`']) {
        let mark = &rest[at..=at];
        let before_is_letter = rest[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let end = rest[at + 1..].find(mark).map(|length| at + 1 + length);
        // An apostrophe opens nothing.
        let Some(end) = end.filter(|_| mark != "'" || !before_is_letter) else {
            out.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        };
        let quoted = &rest[at + 1..end];
        out.push_str(&rest[..=at]);
        out.push_str(if quoted.chars().count() > MAX_QUOTED_CHARS { CUT } else { quoted });
        out.push_str(mark);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_at_length_and_what_looks_like_a_key_is_left_out() {
        let long = "word ".repeat(20);
        #[rustfmt::skip]
        let table = [
            ("must be 'low' or 'high'".to_owned(),               "must be 'low' or 'high'".to_owned(),      "short values help"),
            (format!("invalid value '{long}' at a"),             "invalid value '…' at a".to_owned(),       "a prompt"),
            (format!("invalid value: \"{long}\""),               "invalid value: \"…\"".to_owned(),         "in other marks"),
            ("it's \"too long\", isn't it".to_owned(),           "it's \"too long\", isn't it".to_owned(),  "apostrophes open nothing"),
            ("wrong key: sk-proj-ab***cd.".to_owned(),           "wrong key: ***".to_owned(),               "a piece of a key"),
            ("header Bearer abc was wrong".to_owned(),           "header Bearer *** was wrong".to_owned(),  "a token"),
            ("key AIzaSyA1 is\nold".to_owned(),                  "key *** is\nold".to_owned(),              "Google's"),
            (format!("bad image {}!", "A".repeat(500)),          "bad image …".to_owned(),                  "bytes"),
            ("content [type=x, input_value='secret', t]\nb".to_owned(), "content [type=x, …\nb".to_owned(), "what a validator repeats"),
            ("a input=one\nb input=two\nc".to_owned(),           "a …\nb …\nc".to_owned(),                 "in every line"),
            ("GET https://a.example/?key=AIzaSyA1 failed".to_owned(), "GET *** failed".to_owned(),          "a key in an address"),
            ("api_key=sk-ab**cd, a risk-free task".to_owned(),   "*** a risk-free task".to_owned(),         "a key after its name, and words like one"),
            ("an open \"quote".to_owned(),                       "an open \"quote".to_owned(),              "nothing is quoted"),
        ];
        for (words, left, why) in table {
            assert_eq!(without(&words), left, "{why}");
        }
    }
}
