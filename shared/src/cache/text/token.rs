//! Text as tokens: words, numbers, identifiers, quoted strings, symbols and the ends of sentences. Nothing is judged here.

use super::words::{contraction, expand_suffix};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, in lower case.
    Word,
    /// Digits, without separators of thousands.
    Number,
    /// Letters mixed with digits or signs: `b12`, `node.js`, `foo_bar`, `--hard`, an address.
    Identifier,
    /// What stood between quotes, byte for byte.
    Quoted,
    /// An operator, a bracket, a currency's sign.
    Symbol,
    /// `,`.
    Comma,
    /// The end of a sentence.
    Stop,
    /// A mark that canonical text puts in the place of an auxiliary verb.
    Mark,
}

/// One token: where its folded text is in the buffer, and how it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(crate) kind: Kind,
    /// Its first letter was a capital.
    pub(crate) capital: bool,
    /// All of its letters were capitals, and there are at least two.
    pub(crate) shouted: bool,
    /// It begins a sentence, where a capital says nothing.
    pub(crate) first: bool,
    /// Of a [`Kind::Stop`]: it was a question mark.
    pub(crate) asks: bool,
}

/// Tokens and the text they point into.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    text: String,
    pub(crate) list: Vec<Token>,
    at_start: bool,
    /// How much of the buffer was read; what is after it was made.
    read: u32,
}

const OPENING: &[char] = &['(', '[', '{', '<', '"', '\'', '`'];
const CLOSING: &[char] = &[')', ']', '}', '>', '"', '\'', '`', '.', ',', ';', ':', '!', '?'];
const CURRENCIES: &[char] = &['$', '€', '£', '¥', '₹'];

impl Tokens {
    /// Reads a text that [`super::fold`] has folded.
    pub(crate) fn read(folded: &str) -> Self {
        let mut tokens = Self {
            text: String::with_capacity(folded.len() + 16),
            list: Vec::with_capacity(24),
            at_start: true,
            read: 0,
        };
        let mut rest = folded;
        while let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
            rest = &rest[begin..];
            if let Some((quoted, after)) = quotation(rest) {
                tokens.push(quoted, Kind::Quoted);
                rest = after;
                continue;
            }
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            tokens.read_chunk(&rest[..end]);
            rest = &rest[end..];
        }
        tokens.read = length(&tokens.text);
        tokens
    }

    /// Whether nobody wrote it so.
    pub(crate) fn was_made(&self, token: &Token) -> bool {
        token.start >= self.read
    }

    /// The folded text of a token.
    pub(crate) fn of(&self, token: &Token) -> &str {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The folded text of the token at a place; empty beyond the end.
    pub(crate) fn at(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |token| self.of(token))
    }

    /// Gives a token another text and leaves the rest as it was.
    pub(crate) fn rename(&mut self, index: usize, text: &str) {
        let made = self.make(text, Kind::Word);
        if let Some(token) = self.list.get_mut(index) {
            (token.start, token.end) = (made.start, made.end);
        }
    }

    /// A token of a text that nobody wrote.
    pub(crate) fn make(&mut self, text: &str, kind: Kind) -> Token {
        let start = length(&self.text);
        self.text.push_str(text);
        let end = length(&self.text);
        Token { start, end, kind, capital: false, shouted: false, first: false, asks: false }
    }

    fn push(&mut self, text: &str, kind: Kind) {
        let mut token = self.make("", kind);
        match kind {
            Kind::Word => text.chars().flat_map(char::to_lowercase).for_each(|c| self.text.push(c)),
            _ => self.text.push_str(text),
        }
        token.end = length(&self.text);
        token.capital = text.starts_with(char::is_uppercase);
        token.shouted = token.capital && text.len() > 1 && !text.contains(char::is_lowercase);
        token.first = self.at_start;
        token.asks = kind == Kind::Stop && text == "?";
        self.at_start = kind == Kind::Stop;
        self.list.push(token);
    }

    /// What stands between two spaces: brackets and punctuation around a core.
    fn read_chunk(&mut self, chunk: &str) {
        let mut core = chunk;
        while let Some(first) = core.chars().next().filter(|c| OPENING.contains(c)) {
            // `<=` and `<>` are operators; `(x` is a bracket and a letter.
            if first == '<' && core[1..].starts_with(['=', '>', '<', '-']) || core.len() == first.len_utf8() {
                break;
            }
            self.punctuation(first);
            core = &core[first.len_utf8()..];
        }
        let kept = core.trim_end_matches(CLOSING);
        let (core, tail) = match kept {
            "" => ("", core),
            // `f(x)` and `a[0]` close what they opened; `->` and `>=` are whole.
            _ if balanced_end(core, kept) => (core, ""),
            // Abbreviations keep their point: `e.g.`, `U.S.`.
            _ if kept.contains('.') && core[kept.len()..].starts_with('.') && is_dotted(kept) => {
                core.split_at(kept.len() + 1)
            }
            _ => core.split_at(kept.len()),
        };
        if !core.is_empty() {
            self.read_core(core);
        }
        if core.is_empty() && tail.len() > 1 && tail.contains(['<', '>', '!', '=']) && !tail.contains('?') {
            self.push(tail, Kind::Symbol);
            return;
        }
        tail.chars().for_each(|c| self.punctuation(c));
    }

    fn punctuation(&mut self, c: char) {
        match c {
            '?' | '!' | '.' | ';' => self.push(c.encode_utf8(&mut [0; 4]), Kind::Stop),
            ',' => self.push(",", Kind::Comma),
            '"' | '\'' | '`' => {}
            _ => self.push(c.encode_utf8(&mut [0; 4]), Kind::Symbol),
        }
    }

    fn read_core(&mut self, core: &str) {
        let Some(first) = core.chars().next() else { return };
        let plain = |c: char| c.is_alphabetic() || matches!(c, '\'' | '-' | '/') || is_combining(c);
        if first.is_alphabetic() && core.chars().all(plain) {
            return self.read_words(core);
        }
        if let Some(rest) = core.strip_prefix(CURRENCIES).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            self.push(&core[..core.len() - rest.len()], Kind::Symbol);
            return self.read_core(rest);
        }
        if first.is_ascii_digit() || first == '.' && core[1..].starts_with(|c: char| c.is_ascii_digit()) {
            return self.read_number(core);
        }
        if core == "&" {
            return self.push("and", Kind::Word);
        }
        if core == "w/" {
            return self.push("with", Kind::Word);
        }
        if core.chars().all(|c| !c.is_alphanumeric()) {
            return self.push(core, Kind::Symbol);
        }
        if is_expression(core) {
            return self.read_expression(core);
        }
        // `GPT-4`, `mid-2024`, `covid-19`: a hyphen between letters and digits is written or not.
        if let Some((left, right)) = core.split_once('-')
            && left.chars().all(char::is_alphabetic)
            && !left.is_empty()
            && right.chars().all(|c| c.is_alphanumeric() || c == '.')
        {
            self.read_core(left);
            return self.read_core(right);
        }
        let lenient = core.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        let lowered = if lenient { core.to_lowercase() } else { core.to_owned() };
        self.push(&lowered, Kind::Identifier);
        if let Some(token) = self.list.last_mut() {
            token.capital = first.is_uppercase();
        }
    }

    /// Letters, apostrophes, hyphens and slashes.
    fn read_words(&mut self, core: &str) {
        if core.eq_ignore_ascii_case("w/o") {
            return self.push("without", Kind::Word);
        }
        for (i, word) in core.split('/').enumerate() {
            if i > 0 {
                self.push("/", Kind::Symbol);
            }
            for part in word.split('-').filter(|part| !part.is_empty()) {
                self.read_word(part);
            }
        }
    }

    fn read_word(&mut self, word: &str) {
        let word = word.trim_matches('\'');
        if word.is_empty() {
            return;
        }
        let known = word.len() <= 10 && word.is_ascii();
        if known && let Some(words) = contraction(&word.to_ascii_lowercase()) {
            return self.push_all(word, words.split(' '));
        }
        match word.rsplit_once('\'') {
            None => self.push(word, Kind::Word),
            Some((stem, suffix)) => match expand_suffix(&stem.to_lowercase(), &suffix.to_lowercase()) {
                Some((kept, added)) => {
                    self.push(&stem[..stem.len() - kept], Kind::Word);
                    self.push(added, Kind::Word);
                }
                None => self.push(word, Kind::Word),
            },
        }
    }

    /// Several words for one that was written; the first has its capital.
    fn push_all<'w>(&mut self, written: &str, words: impl Iterator<Item = &'w str>) {
        for (i, word) in words.enumerate() {
            self.push(word, Kind::Word);
            if let Some(token) = self.list.last_mut().filter(|_| i == 0) {
                token.capital = written.starts_with(char::is_uppercase);
            }
        }
    }

    /// Digits first: `1,000`, `5kg`, `10%`, `3rd`, `33+46`, `2024-01-05`.
    fn read_number(&mut self, core: &str) {
        let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
        let end = core.find(|c: char| !is_part(c)).unwrap_or(core.len());
        let digits = core[..end].trim_end_matches(['.', ',']);
        let rest = &core[digits.len()..];
        let whole = if is_grouped(digits) { digits.replace(',', "") } else { digits.to_owned() };
        if rest.is_empty() {
            return self.push(&whole, Kind::Number);
        }
        if rest.chars().all(|c| c.is_alphabetic() || matches!(c, '%' | '°' | '\'' | '"')) {
            if rest.starts_with(['s', 'n', 'r', 't']) && matches!(rest, "st" | "nd" | "rd" | "th") {
                return self.push(core, Kind::Identifier);
            }
            self.push(&whole, Kind::Number);
            let kind = if rest.chars().all(char::is_alphabetic) { Kind::Word } else { Kind::Symbol };
            return self.push(rest, kind);
        }
        if is_expression(core) {
            return self.read_expression(core);
        }
        self.push(core, Kind::Identifier);
    }

    /// Numbers and single letters between operators: each is a token, so that `33+46` is `33 + 46`.
    fn read_expression(&mut self, core: &str) {
        let mut rest = core;
        while let Some(first) = rest.chars().next() {
            let is_same: fn(char) -> bool = match first {
                c if c.is_ascii_digit() || c == '.' => |c| c.is_ascii_digit() || matches!(c, '.' | ','),
                c if c.is_alphabetic() => char::is_alphabetic,
                _ => |_| false,
            };
            let end = rest.find(|c| !is_same(c)).unwrap_or(rest.len()).max(first.len_utf8());
            let kind = match first {
                c if c.is_ascii_digit() || c == '.' => Kind::Number,
                c if c.is_alphabetic() => Kind::Word,
                _ => Kind::Symbol,
            };
            self.push(&rest[..end], kind);
            rest = &rest[end..];
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a text is cut to far less than four gigabytes before it comes here"
)]
fn length(text: &str) -> u32 {
    text.len() as u32
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A quotation at the start of a text, and what follows it. An apostrophe is none: a single quote must be closed at a word's end.
fn quotation(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inner = &text[1..];
    let is_end = |at: usize| {
        let after = inner[at + 1..].chars().next();
        quote != '\'' || after.is_none_or(|c| !c.is_alphanumeric())
    };
    let end = inner.match_indices(quote).map(|(at, _)| at).find(|at| *at > 0 && is_end(*at))?;
    let quoted = &inner[..end];
    (!quoted.starts_with(char::is_whitespace)).then(|| (quoted, &inner[end + 1..]))
}

/// `1,000`: commas before each three digits. `10,00` is another number, or two.
fn is_grouped(digits: &str) -> bool {
    let whole = digits.split('.').next().unwrap_or_default();
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
}

/// `U.S`, `e.g`: single letters between points.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic))
}

/// Whether the brackets that end `core` were opened within `kept`, or what ends it is an arrow.
fn balanced_end(core: &str, kept: &str) -> bool {
    let tail = &core[kept.len()..];
    let opens = kept.contains(['(', '[', '{', '<']);
    match tail.chars().next() {
        Some(')' | ']' | '}' | '>') => opens && tail.chars().all(|c| matches!(c, ')' | ']' | '}' | '>')),
        _ => false,
    }
}

/// Digits and single letters with at least one operator between them: `3*x`, `2x+3=7`, `2024-01-05`; not `foo=bar`.
fn is_expression(core: &str) -> bool {
    const OPERATORS: &[char] = &['+', '-', '*', '/', '^', '=', '<', '>', '%', '(', ')', '×', '÷', ':', '!'];
    let mut letters = 0;
    let mut any = false;
    for c in core.chars() {
        letters = if c.is_alphabetic() { letters + 1 } else { 0 };
        any |= OPERATORS.contains(&c);
        let known = c.is_alphanumeric() || OPERATORS.contains(&c) || matches!(c, '.' | ',');
        if letters > 1 || !known {
            return false;
        }
    }
    any && !core.starts_with('-')
}
