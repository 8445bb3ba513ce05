//! A prompt as the guards compare it: read once, compared with many.

use super::{
    super::text::{
        Prompt,
        token::{Kind, Token, Tokens},
    },
    asking::{DEGREES, asked, questions},
    lexicon::{Ask, SAID_OF_SOMETHING, Sense, Time, lexicon},
    roots::{hash, root, stem_of},
};

/// A word or number that an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// Words of one family have one root.
    pub(super) root: u64,
    /// What it is to the rest, as `from` or `to` say; 0 where nothing says.
    pub(super) role: u8,
    /// A name or a number: these keep their order, whatever moves.
    pub(super) fixed: bool,
    /// It follows `of` or a preposition as weak: "the price of tea" is "the tea price".
    pub(super) of: bool,
    /// It follows `from`, which may turn round like `of`: "videos from a site", "a site's videos".
    pub(super) out_of: bool,
    /// It follows a possessive: "the teacher's mother".
    pub(super) owned: bool,
    /// It follows an `it` that stands for what comes later: "is it safe to ...".
    pub(super) expletive: bool,
}

/// What the guards compare of a prompt.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    content_words: usize,
    pub(super) items: Vec<Item>,
    pub(super) numbers: Vec<u64>,
    pub(super) units: Vec<u8>,
    pub(super) dates: Vec<u8>,
    pub(super) quantifiers: Vec<u8>,
    pub(super) relations: Vec<u8>,
    pub(super) negations: u8,
    /// What follows each negation.
    pub(super) negated: Vec<u64>,
    pub(super) verbs: Vec<u8>,
    pub(super) names: Vec<u64>,
    /// Every word and its root, sorted.
    pub(super) words: Vec<u64>,
    pub(super) antonyms: Vec<(u8, bool)>,
    pub(super) symbols: Vec<u64>,
    pub(super) quotes: Vec<u64>,
    pub(super) identifiers: Vec<u64>,
    /// Words without a hint at another that denies them: `unsafe` is `safe`.
    pub(super) denied: Vec<u64>,
    pub(super) ask: Option<Ask>,
    pub(super) degree: u64,
    pub(super) questions: u8,
    pub(super) persons: u8,
    /// Those that a preposition leads to: "of you".
    pub(super) addressed: u8,
    /// Who asks is who does it: `i`.
    pub(super) of_oneself: bool,
    pub(super) past: bool,
    pub(super) present: bool,
    pub(super) future: bool,
    pub(super) possible: bool,
    pub(super) perfect: bool,
    pub(super) obliges: bool,
    pub(super) clauses: bool,
    pub(super) exact: u64,
}

impl Reading {
    /// Reads a prompt.
    pub fn of(prompt: &str) -> Self {
        let mut prompt = Prompt::read(prompt);
        let anybody = super::phrases::unite(&mut prompt.tokens);
        let mut reader = Reader {
            tokens: &prompt.tokens,
            reading: Self::default(),
            role: 0,
            of: false,
            out_of: false,
            owned: false,
            expletive: false,
            negates: false,
            anybody,
            titled: titled(&prompt.tokens),
        };
        reader.reading.exact = hash(&prompt.exact);
        for (at, token) in prompt.tokens.list.iter().enumerate() {
            reader.read(at, token);
        }
        let mut reading = reader.reading;
        reading.ask = Some(asked(&prompt.tokens, reading.ask));
        reading.questions = questions(&prompt.tokens);
        for sorted in [&mut reading.units, &mut reading.dates, &mut reading.relations] {
            sorted.sort_unstable();
        }
        reading.words.sort_unstable();
        reading
    }

    fn speaks_of(&mut self, time: Time) {
        match time {
            Time::Past => self.past = true,
            Time::Present => self.present = true,
            Time::Future => self.future = true,
            Time::Possible => self.possible = true,
            Time::Perfect => self.perfect = true,
            Time::Open => {}
        }
    }

    /// How many words of content there are: all but those that only hold a sentence together.
    pub fn content_words(&self) -> usize {
        self.content_words
    }
}

struct Reader<'t> {
    tokens: &'t Tokens,
    reading: Reading,
    role: u8,
    of: bool,
    out_of: bool,
    owned: bool,
    expletive: bool,
    negates: bool,
    /// `you` is whoever asks: "how do you clean your oven?".
    anybody: bool,
    titled: bool,
}

impl Reader<'_> {
    fn read(&mut self, at: usize, token: &Token) {
        let text = self.tokens.of(token);
        let holds_together = token.kind == Kind::Word && lexicon().sense(text).is_some_and(Sense::holds_together);
        // `what` opens any question; `why` and `how` say which.
        let narrows = matches!(text, "why" | "how" | "when" | "where" | "who") && self.reading.ask.is_none();
        self.reading.content_words +=
            usize::from((narrows || !holds_together) && !matches!(token.kind, Kind::Comma | Kind::Stop));
        match token.kind {
            Kind::Word => self.word(at, token, text),
            Kind::Number => {
                self.reading.numbers.push(hash(text));
                self.item(hash(text), true);
            }
            Kind::Identifier => {
                self.reading.identifiers.push(hash(text));
                self.reading.words.push(hash(text));
                self.item(hash(text), true);
            }
            Kind::Quoted => {
                self.reading.quotes.push(hash(text));
                self.item(hash(text), true);
            }
            Kind::Symbol => match lexicon().sense(text) {
                Some(Sense::Unit(unit)) => self.reading.units.push(unit),
                _ => self.reading.symbols.push(hash(text)),
            },
            Kind::Comma | Kind::Stop => self.reading.clauses |= at + 1 < self.tokens.list.len(),
            Kind::Mark => self.reading.symbols.push(hash(text)),
        }
    }

    fn word(&mut self, at: usize, token: &Token, text: &str) {
        let lexicon = lexicon();
        let name = token.shouted || token.capital && !token.first && !self.titled;
        let root = root(text);
        self.reading.words.push(hash(text));
        self.reading.words.push(root);
        self.reading.antonyms.extend_from_slice(lexicon.antonyms(text));
        if let Some(stem) = stem_of(text).filter(|_| lexicon.antonyms(text).is_empty()) {
            self.reading.antonyms.extend_from_slice(lexicon.antonyms(&stem));
        }
        if matches!(text, "if" | "when" | "because" | "suppose" | "-") {
            self.reading.clauses = true;
        }
        let after_number =
            at.checked_sub(1).and_then(|at| self.tokens.list.get(at)).is_some_and(|token| token.kind == Kind::Number);
        let sense = lexicon.sense(text).filter(|sense| match sense {
            // One letter is a unit after a number only, and a day may be a name of something else.
            Sense::Unit(_) => after_number || text.len() > 2,
            // Where a question word does not open a question it joins clauses.
            _ => !name || matches!(sense, Sense::Person(_) | Sense::Negation | Sense::Unit(_) | Sense::Date(_)),
        });
        let ends_a_role = match sense {
            None => {
                self.content(text, root, name);
                true
            }
            Some(Sense::Weak) if SAID_OF_SOMETHING.contains(&text) && self.is_last_of_phrase(at) => {
                self.item(root, name);
                true
            }
            Some(sense) => self.known(at, text, sense),
        };
        if ends_a_role {
            self.role = 0;
            self.expletive = false;
        }
    }

    /// A word that is in no list.
    fn content(&mut self, text: &str, root: u64, name: bool) {
        if name {
            self.reading.names.push(hash(text));
        }
        self.denied(text);
        // "Exercises for losing weight" are exercises to lose weight.
        if text.ends_with("ing") && self.of {
            self.role = 0;
        }
        self.item(if name { hash(text) } else { root }, name);
    }

    /// A word that is in a list. Returns whether it ends what a preposition began.
    fn known(&mut self, at: usize, text: &str, sense: Sense) -> bool {
        match sense {
            Sense::Weak => return false,
            Sense::Filler => {
                self.expletive |= text == "it";
                self.owned |= text == "'s";
                return false;
            }
            Sense::Negation => {
                self.reading.negations = self.reading.negations.saturating_add(1);
                self.negates = true;
                return false;
            }
            Sense::Quantifier(group) => self.reading.quantifiers.push(group),
            Sense::Unit(unit) => {
                self.reading.units.push(unit);
                self.unbound(at, 1_000 + u64::from(unit));
            }
            Sense::Date(date) => {
                self.reading.dates.push(date);
                self.unbound(at, 2_000 + u64::from(date));
            }
            // An order begins with a verb that says only that it is one.
            Sense::Light(_) if at == 0 => {}
            Sense::Light(verb) => {
                self.reading.verbs.push(verb);
                return false;
            }
            Sense::Person(person) => return self.person(text, person),
            Sense::Question(ask) => self.question(at, ask),
            Sense::Obligation => self.reading.obliges = true,
            Sense::Auxiliary(time) => {
                self.reading.speaks_of(time);
                return false;
            }
            Sense::Relation(group) => {
                self.reading.relations.push(group);
                self.role = lexicon().role(text).map_or(0, |role| role + 1);
                return false;
            }
            Sense::Role(role) => {
                self.role = role + 1;
                self.of |= matches!(text, "of" | "in" | "on" | "at" | "for" | "with" | "about");
                self.out_of |= text == "from";
                return false;
            }
        }
        true
    }

    fn person(&mut self, text: &str, person: u8) -> bool {
        let person = if self.anybody && person == 1 { 0 } else { person };
        self.reading.persons |= 1 << person;
        self.reading.of_oneself |= text == "i";
        // "For my mother": what follows has the role.
        let owns = matches!(text, "my" | "your" | "his" | "her" | "its" | "our" | "their");
        if !owns && self.role != 0 {
            self.reading.addressed |= 1 << person;
        }
        !owns
    }

    /// Whether no noun follows that the word could be said of.
    fn is_last_of_phrase(&self, at: usize) -> bool {
        let Some(next) = self.tokens.list.get(at + 1) else { return true };
        next.kind != Kind::Word || lexicon().sense(self.tokens.of(next)).is_some_and(Sense::holds_together)
    }

    fn question(&mut self, at: usize, ask: Ask) {
        if self.reading.ask.is_some() {
            return;
        }
        self.reading.ask = Some(ask);
        if ask != Ask::How {
            return;
        }
        let next = self.tokens.at(at + 1);
        // "How to run it?", and "running it: how?".
        if matches!(next, "to" | "" | "?") {
            self.reading.ask = Some(Ask::HowTo);
        }
        if DEGREES.contains(&next) {
            self.reading.ask = Some(Ask::Degree);
            self.reading.degree = root(next);
        }
    }

    fn item(&mut self, root: u64, fixed: bool) {
        self.reading.items.push(Item {
            root,
            role: self.role,
            fixed,
            of: self.of,
            out_of: self.out_of,
            owned: self.owned,
            expletive: self.expletive,
        });
        if std::mem::take(&mut self.negates) {
            self.reading.negated.push(root);
        }
        self.role = 0;
        (self.of, self.out_of, self.owned, self.expletive) = (false, false, false, false);
    }

    /// A unit or a date that no number stands beside: it has an order of its own. Beside a number it may stand on either side.
    fn unbound(&mut self, at: usize, root: u64) {
        let is_number = |at: Option<usize>| {
            at.and_then(|at| self.tokens.list.get(at))
                .is_some_and(|token| matches!(token.kind, Kind::Number | Kind::Identifier))
        };
        if !is_number(at.checked_sub(1)) && !is_number(Some(at + 1)) {
            self.item(root, true);
        }
    }

    fn denied(&mut self, text: &str) {
        for prefix in ["un", "in", "im", "ir", "il", "dis", "non", "anti", "de", "mis", "re"] {
            if let Some(rest) = text.strip_prefix(prefix).filter(|rest| rest.len() > 2) {
                self.reading.denied.push(root(rest));
            }
        }
    }
}

/// Whether most words have a capital, so that a capital says nothing.
fn titled(tokens: &Tokens) -> bool {
    let words =
        || tokens.list.iter().filter(|token| token.kind == Kind::Word && !token.first && tokens.of(token).len() > 3);
    let capitals = words().filter(|token| token.capital).count();
    capitals > 2 && capitals * 10 > words().count() * 8
}
