//! BERT's tokens for texts without case: `BertNormalizer`, `BertPreTokenizer` and `WordPiece` of the tokenizers that the model was
//! trained with. Our own, because theirs brings forty crates, and others keep control characters or cut words that they do not know.

use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// A longer word is unknown as a whole, in characters.
const LONGEST_WORD: usize = 100;

/// A vocabulary and what is done with it.
#[derive(Debug)]
pub struct WordPiece {
    ids: HashMap<Box<str>, i32>,
    unknown: i32,
    start: i32,
    end: i32,
}

/// The vocabulary lacks a token that every text needs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the embedder's vocabulary has no {0}")]
pub struct BrokenVocabulary(&'static str);

impl WordPiece {
    /// Reads a vocabulary: a token to a line, those that go on a word after `##`; the number of the line is the token's.
    ///
    /// # Errors
    /// [`BrokenVocabulary`].
    pub fn new(vocabulary: &str) -> Result<Self, BrokenVocabulary> {
        let ids: HashMap<Box<str>, i32> = vocabulary.lines().map(Box::from).zip(0..).collect();
        let id = |token| ids.get(token).copied().ok_or(BrokenVocabulary(token));
        Ok(Self { unknown: id("[UNK]")?, start: id("[CLS]")?, end: id("[SEP]")?, ids })
    }

    /// How many there are.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        self.ids.len()
    }

    /// A text's tokens, with the first and the last one that every text has; what does not fit into `most` is left out, and not read.
    #[must_use]
    pub fn tokens(&self, text: &str, most: usize) -> Vec<i32> {
        let room = most.saturating_sub(1);
        let mut tokens = vec![self.start];
        let mut word = Word::default();
        for c in text.chars().filter(|c| !is_gone(*c)).flat_map(apart).nfd().filter(|c| !is_accent(*c)) {
            if tokens.len() >= room {
                break;
            }
            if c.is_whitespace() {
                word.end(self, &mut tokens);
            } else if is_punctuation(c) {
                word.end(self, &mut tokens);
                word.push(c);
                word.end(self, &mut tokens);
            } else {
                c.to_lowercase().for_each(|lower| word.push(lower));
            }
        }
        word.end(self, &mut tokens);
        tokens.truncate(room);
        tokens.push(self.end);
        tokens
    }

    /// The longest known beginning, then the longest that goes on from there; a word of which any part is unknown is unknown.
    fn pieces(&self, word: &str, tokens: &mut Vec<i32>) {
        let whole = tokens.len();
        let mut piece = String::with_capacity(word.len() + 2);
        let mut rest = word;
        while !rest.is_empty() {
            let prefix = if tokens.len() == whole { "" } else { "##" };
            piece.clear();
            piece.push_str(prefix);
            piece.push_str(rest);
            let known = loop {
                if piece.len() == prefix.len() {
                    tokens.truncate(whole);
                    tokens.push(self.unknown);
                    return;
                }
                if let Some(id) = self.ids.get(piece.as_str()) {
                    break *id;
                }
                piece.pop();
            };
            tokens.push(known);
            rest = &rest[piece.len() - prefix.len()..];
        }
    }
}

/// A word as it comes.
#[derive(Default)]
struct Word {
    text: String,
    characters: usize,
}

impl Word {
    /// A word that is too long is counted and not kept: what is behind it may be megabytes away.
    fn push(&mut self, c: char) {
        self.characters += 1;
        if self.characters <= LONGEST_WORD {
            self.text.push(c);
        }
    }

    fn end(&mut self, vocabulary: &WordPiece, tokens: &mut Vec<i32>) {
        match self.characters {
            0 => return,
            1..=LONGEST_WORD => vocabulary.pieces(&self.text, tokens),
            _ => tokens.push(vocabulary.unknown),
        }
        self.text.clear();
        self.characters = 0;
    }
}

/// What is left out before anything else: controls, but for those that divide words, and what is no character.
fn is_gone(c: char) -> bool {
    use GeneralCategory::{Control, Format, PrivateUse};
    match c {
        '\t' | '\n' | '\r' => false,
        '\0' | '\u{fffd}' => true,
        _ => c > '~' && matches!(c.general_category(), Control | Format | PrivateUse) || c.is_ascii_control(),
    }
}

/// A Chinese character is a word. That the fifth of the blocks begins late is a mistake that the model was trained with.
fn apart(c: char) -> impl Iterator<Item = char> {
    let is_word = matches!(c,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}');
    let space = is_word.then_some(' ');
    space.into_iter().chain([c]).chain(space)
}

fn is_accent(c: char) -> bool {
    !c.is_ascii() && c.general_category() == GeneralCategory::NonspacingMark
}

/// ASCII's symbols count, other symbols are letters of words.
fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_punctuation()
    } else {
        c.general_category_group() == GeneralCategoryGroup::Punctuation
    }
}
