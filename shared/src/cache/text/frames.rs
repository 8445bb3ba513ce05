//! Ways of asking that change nothing about what is asked, as a table: a pattern at the start (or the end) of a text and what stands for it.
//! Patterns are matched after articles, plurals and agreement are gone, so `is` is also `are`, and `way` is also `ways`.
//!
//! In a pattern `a|b` is one of two words, and `?a` is there or not.

use super::token::{Kind, Token, Tokens};
use std::{collections::HashMap, sync::LazyLock};

/// What is taken off the start of a text: politeness, and talk about asking.
#[rustfmt::skip]
const LEAD_INS: &[&str] = &[
    "please", "kindly", "hi", "hello", "hey ?there", "dear all", "good morning|afternoon|evening", "ok", "okay", "so", "well", "um", "now",
    "excuse me", "sorry", "thanks", "thank you", "quick question", "just", "also", "and", "but", "basically", "actually",
    "can|could|would|will you ?please|kindly ?just tell|show|help|teach|inform me", "can|could|would|will you please|kindly",
    "can|could|may i ?please ask ?you", "can|could anyone|someone|somebody|anybody ?please tell|show|help|teach ?me",
    "can|could anyone|someone|somebody|anybody ?please", "would you mind telling me", "would you be able to ?tell me", "mind telling me",
    "tell me", "let me know", "help me ?to ?understand", "i is wondering|curious ?about", "i was wondering", "i was wondering if|whether you can|could ?tell me",
    "i have question ?about", "i have question :", "i want|need|wish ?to know", "i would like|love ?to know", "i would like you to", "i want|need you to", "i need help with",
    "i do not know|understand", "i is trying to understand", "i wonder", "do you ?happen to know", "do anyone|anybody|someone|somebody know", "have anyone any idea",
    "any idea", "you know", "my question is", "here is my question", "is you able to tell me", "may|can|could i ?please know", "can|could i know",
    "i is looking to know", "i is interested in knowing", "could it be explained",
];

/// Before one of [`ORDERS`] this is politeness. Before anything else it is a question: "can you eat it raw?".
const ASKED_TO: &[&str] = &["can|could|would|will you ?just"];

/// What somebody who answers questions is told to do.
#[rustfmt::skip]
const ORDERS: &[&str] = &[
    "tell", "show", "explain", "describe", "give", "list", "name", "write", "translate", "convert", "summarize", "find", "help", "recommend", "suggest", "provide", "make", "create",
    "generate", "draft", "compose", "solve", "calculate", "compute", "compare", "define", "fix", "check", "correct", "improve", "rewrite", "rephrase", "edit", "proofread", "review",
    "analyze", "classify", "extract", "identify", "outline", "plan", "design", "simplify", "elaborate", "clarify", "teach", "add", "remove", "replace", "sort", "answer",
    "repeat", "spell", "pronounce", "search", "book", "set", "remind", "send", "share", "guide", "choose", "pick", "estimate", "prove",
    ];

/// What is taken off the end.
#[rustfmt::skip]
const TAIL_OFFS: &[&str] = &[
    "please", "thanks", "thank you", "thank you very|so much", "thanks ?a lot", "thanks in advance", "many thanks", "if you can|could",
    "if possible", "if you do not mind", "or not", "exactly", "anyway", "by any chance", "cheers",
];

/// What is taken off the end of an order. Of a question it may be what is asked: "what does this mean for me?".
const TAIL_OFFS_OF_ORDERS: &[&str] = &["for|to me"];

/// Words that begin a question or a statement rather than an order.
const NO_ORDER: &[&str] = &[
    "what", "which", "who", "whom", "whose", "when", "where", "why", "how", "is", "was", "do", "did", "can", "could",
    "will", "would", "should", "shall", "may", "might", "must", "have", "had", "i", "you", "he", "she", "it", "we",
    "they", "this", "that", "if",
];

/// Adverbs after a question word that only stress it.
const STRESS: &[&str] = &["exactly", "really", "actually", "precisely", "basically"];

/// Different beginnings that ask the same. The second column is what stands for them.
#[rustfmt::skip]
pub(super) const OPENINGS: &[(&str, &str, &str)] = &[
    ("how do|can|could|would|should|might|must|shall i|we|one|someone|somebody|anyone ?best ?go about", "how to", "the person who asks is whoever does it"),
    ("how do|can|could|would|should|might|must|shall i|we|one|someone|somebody|anyone", "how to", "the person who asks is whoever does it"),
    ("how is i|we|one supposed|meant|able to", "how to", "the same"),
    ("how is one|i|we to", "how to", "the same"),
    ("how will|may i|we|one", "how to", "the same"),
    ("how is it possible to", "how to", "the same"),
    ("how do|can|could i|we|one manage|proceed|begin|start to", "how to", "the same"),
    ("explain|describe|show|teach|demonstrate ?me how ?you|i|we|one can|could|would|should|do", "how to", "an order to explain is a question"),
    ("explain|describe|show|demonstrate ?to|for ?me how to", "how to", "an order to explain is a question"),
    ("give|show|list|describe ?me ?step|instruction|guide|direction|guidance to|for|on how to", "how to", "the same"),
    ("step|instruction|guide|tutorial|guidance on|for how to", "how to", "the same"),
    ("what is way|method|procedure|process|step ?needed|required|necessary|involved to|for|of how to", "how to", "a way is how"),
    ("what is way|method|procedure|process|step|instruction ?needed|required|necessary ?for ?me|one|someone to", "how to", "a way is how"),
    ("what is some way|method|step ?for ?me|one|someone to", "how to", "a way is how"),
    ("what do|must|should|can|could|would i|we|one have|need to do to", "how to", "the same"),
    ("what do|must|should|can|could|would i|we|one do ?in ?order to", "how to", "the same"),
    ("what is ?some good|best way|method|approach ?for ?me|one|someone to", "how to", "who asks how wants a good way"),
    ("what would|will be good|best way|method|approach ?for ?me|one|someone to", "how to", "the same"),
    ("which is good|best way|method|approach ?for ?me|one|someone to", "how to", "the same"),
    ("what is ?some ?of good|best way|method|approach i|we|one can|could|should", "how to", "the same"),
    ("in which|what way can|could|do|should i|we|one", "how to", "the same"),
    ("by which|what mean can|could|do|should i|we|one", "how to", "the same"),
    ("for what|which reason", "why", "a reason is why"),
    ("what is ?main ?some reason ?for|that|behind why", "why", "a reason is why"),
    ("what is reason that", "why", "a reason is why"),
    ("what is it that make", "what make", "nothing is added"),
    ("how come", "why", "colloquial for it"),
    ("why is it that", "why", "nothing is added"),
    ("how is it that", "why", "nothing is added"),
    ("explain|describe|state|give ?me ?some ?reason|explanation ?of|for|to|as why", "why", "an order to explain is a question"),
    ("provide explanation of|for why", "why", "an order to explain is a question"),
    ("explain|describe|tell ?me how", "how", "an order to explain is a question"),
    ("provide|give explanation of|for how", "how", "an order to explain is a question"),
    ("explain|describe|state|tell ?me what", "what", "an order to explain is a question"),
    ("explain|describe|tell ?me difference between", "what is difference between", "an order to explain is a question"),
    ("explain|describe|state|give|list|name ?me main difference between", "what is main difference between", "an order to explain is a question"),
    ("difference between", "what is difference between", "the same"),
    ("main|key difference between", "what is main difference between", "the same"),
    ("is it true|correct|right|case that", "+ask", "nothing is added to the question"),
    ("is it fact|so that", "+ask", "nothing is added to the question"),
    ("true or false :", "+ask", "a question in another form"),
    ("what is number|amount of", "how many", "a number is how many"),
    ("number of", "how many", "a number is how many"),
    ("what number of", "how many", "a number is how many"),
    ("tell how many", "how many", "nothing is added"),
    ("how much time", "how long", "time is long"),
    ("what amount of time", "how long", "time is long"),
    ("what length of time", "how long", "time is long"),
    ("at what|which time", "when", "a time is when"),
    ("at what|which place", "where", "a place is where"),
    ("in what|which place", "where", "a place is where"),
    ("what time", "when", "a time is when"),
    ("in what|which year", "what year", "a preposition"),
    ("which", "what", "of things, the two are used alike"),
    ("what is name of person who|that", "who", "a name is who"),
    ("what is meant by", "what is", "what is meant by a word is what it is"),
    ("what do you|we|one mean|understand by", "what is", "the same"),
    ("what is meaning of", "define", "what a word means is its definition"),
    ("what is definition of", "define", "the same"),
    ("give ?me definition of|for", "define", "the same"),
    ("give ?me meaning of", "define", "the same"),
    ("definition|meaning of", "define", "the same"),
    ("what is your view|opinion|thought|take|stance|position on|about|of|regarding|concerning", "what you think about", "an opinion is what somebody thinks"),
    ("what do you think about|of|regarding", "what you think about", "the same"),
    ("what is ?some ?main pro and con of", "what is advantage and disadvantage of", "short for it"),
    ("what is ?some ?main pros and cons of", "what is advantage and disadvantage of", "short for it"),
    ("what is ?some ?main merit and demerit of", "what is advantage and disadvantage of", "the same"),
    ("what is reason i", "why i", "a reason is why"), ("what is reason we", "why we", "the same"), ("what is reason you", "why you", "the same"),
    ("what is reason they", "why they", "the same"), ("what is reason people", "why people", "the same"),
    ("what is ?some of best", "what is best", "how many are wanted is open either way"),
    ("what is ?some of good", "what is good", "the same"),
    ("what is ?some of most", "what is most", "the same"),
    ("what is some", "what is", "how many are wanted is open either way"),
    ("give ?me ?some example of", "what is example of", "an order for a list is a question"),
    ("list|name ?some example of", "what is example of", "an order for a list is a question"),
    ("what is it like to", "how it feel to", "what something is like is how it feels"),
    ("what do it feel like to", "how it feel to", "the same"),
    ("how do it feel to", "how it feel to", "the same"),
    ("how do it feel like to", "how it feel to", "the same"),
    ("what will|would happen if", "what happen if", "a condition is open either way"),
    ("what happen when", "what happen if", "the same"),
    ("what will|would happen when", "what happen if", "the same"),
    ("is there ?any way|method|possibility|option ?for ?me|one to", "can i", "a way to is whether one can"),
    ("is it possible ?for ?me|one|someone|us to", "can i", "the same"),
    ("is i|we|one able|allowed to", "can i", "the same"),
    ("would it be possible ?for ?me|one|us to", "can i", "the same"),
    ("can|could one", "can i", "the same"),
    ("could i", "can i", "the same"),
    ("translate|convert ?this|following ?sentence|phrase|text into", "translate to", "a preposition"),
];

/// Beginnings that ask for an explanation of code, matched only where code follows.
pub(super) const CODE_OPENINGS: &[&str] = &[
    "explain|describe|clarify ?to ?me ?what ?how this|following ?piece ?block ?line ?of code|snippet|script|function|command|program|query|expression|statement ?do|work|mean ?here ?:",
    "what do|is this|following ?piece ?block ?line ?of code|snippet|script|function|command|program|query|expression|statement do|mean|doing ?here ?:",
    "what is this|following code|snippet|script|function|command|program|query|expression|statement ?meant|supposed ?to ?do ?:",
    "explain|describe what|how this|following ?piece ?block ?line ?of code|snippet|script|function|command|program|query|expression|statement do|work ?:",
];

struct Element {
    optional: bool,
    words: Vec<&'static str>,
}

struct Frame {
    pattern: Vec<Element>,
    replacement: Vec<&'static str>,
}

/// The frames by the words that may begin them.
struct Table(HashMap<&'static str, Vec<Frame>>);

fn compile(pattern: &'static str) -> Vec<Element> {
    let element = |word: &'static str| match word.strip_prefix('?') {
        Some(rest) if !rest.is_empty() => Element { optional: true, words: rest.split('|').collect() },
        _ => Element { optional: false, words: word.split('|').collect() },
    };
    pattern.split(' ').map(element).collect()
}

impl Table {
    fn of(rows: impl Iterator<Item = (&'static str, &'static str)>) -> Self {
        let mut table: HashMap<&'static str, Vec<Frame>> = HashMap::new();
        for (pattern, replacement) in rows {
            let elements = compile(pattern);
            // An optional beginning would have to stand under every word that may follow it; none is needed.
            for first in elements.first().map(|element| element.words.clone()).unwrap_or_default() {
                let replacement = replacement.split(' ').filter(|word| !word.is_empty()).collect();
                table.entry(first).or_default().push(Frame { pattern: compile(pattern), replacement });
            }
        }
        Self(table)
    }

    /// The longest frame that the tokens from `at` begin with, and how many tokens it takes.
    fn longest(&self, tokens: &Tokens, at: usize) -> Option<(&Frame, usize)> {
        let frames = self.0.get(tokens.at(at))?;
        let fits = frames.iter().filter_map(|frame| Some((frame, taken(&frame.pattern, tokens, at)?)));
        fits.filter(|(_, taken)| *taken > 0).max_by_key(|(_, taken)| *taken)
    }
}

/// How many tokens a pattern takes from a place on, the most if there are several ways.
fn taken(pattern: &[Element], tokens: &Tokens, at: usize) -> Option<usize> {
    let Some((element, rest)) = pattern.split_first() else { return Some(0) };
    let token = tokens.list.get(at);
    let fits = token.is_some_and(|token| {
        matches!(token.kind, Kind::Word | Kind::Symbol) && element.words.contains(&tokens.of(token))
    });
    let with = if fits { taken(rest, tokens, at + 1).map(|taken| taken + 1) } else { None };
    if element.optional { with.or_else(|| taken(rest, tokens, at)) } else { with }
}

/// Takes politeness off both ends.
pub(super) fn strip_courtesies(tokens: &mut Tokens) {
    static LEADS: LazyLock<Table> = LazyLock::new(|| Table::of(LEAD_INS.iter().map(|pattern| (*pattern, ""))));
    static TAILS: LazyLock<Vec<Vec<Element>>> = LazyLock::new(|| TAIL_OFFS.iter().map(|tail| compile(tail)).collect());
    loop {
        let separators = tokens.list.iter().take_while(|token| matches!(token.kind, Kind::Stop | Kind::Comma)).count();
        let taken = LEADS.longest(tokens, separators).map_or(0, |(_, taken)| taken).max(request(tokens, separators));
        // What is left must still be a text.
        if separators + taken == 0 || tokens.list.len() <= separators + taken + 1 {
            break;
        }
        tokens.list.drain(..separators + taken);
    }
    let orders = !NO_ORDER.contains(&tokens.at(0));
    static OF_ORDERS: LazyLock<Vec<Vec<Element>>> =
        LazyLock::new(|| TAIL_OFFS_OF_ORDERS.iter().map(|tail| compile(tail)).collect());
    while strip_tail(tokens, &TAILS) || orders && strip_tail(tokens, &OF_ORDERS) {}
}

/// How many tokens at a place ask that something be done, politely.
fn request(tokens: &Tokens, at: usize) -> usize {
    static ASKED: LazyLock<Table> = LazyLock::new(|| Table::of(ASKED_TO.iter().map(|pattern| (*pattern, ""))));
    let taken = ASKED.longest(tokens, at).map_or(0, |(_, taken)| taken);
    if ORDERS.contains(&tokens.at(at + taken)) { taken } else { 0 }
}

/// Takes away what only stresses a question: "how exactly", "do they really".
pub(super) fn unstress(tokens: &mut Tokens) {
    let asks = |word: &str| matches!(word, "what" | "how" | "why" | "who" | "when" | "where" | "which");
    let first = tokens.at(0).to_owned();
    let inverted = matches!(first.as_str(), "is" | "was" | "do" | "did" | "can" | "could" | "will" | "would");
    let mut at = 1;
    while at + 1 < tokens.list.len() {
        let word = tokens.at(at);
        let stressed = STRESS.contains(&word) && (asks(tokens.at(at - 1)) || at == 2 && asks(&first));
        if stressed || inverted && matches!(word, "really" | "actually") {
            tokens.list.remove(at);
        } else {
            at += 1;
        }
    }
}

fn strip_tail(tokens: &mut Tokens, tails: &[Vec<Element>]) -> bool {
    let is_end = |token: &Token| matches!(token.kind, Kind::Stop | Kind::Comma);
    let kept = tokens.list.iter().rposition(|token| !is_end(token)).map_or(0, |at| at + 1);
    let from = tails.iter().find_map(|tail| {
        let longest = kept.checked_sub(tail.len())?.max(2);
        (longest..kept).find(|from| taken(tail, tokens, *from) == Some(kept - from))
    });
    let Some(from) = from else { return false };
    let end = tokens.list[kept..].iter().find(|token| token.kind == Kind::Stop).copied();
    tokens.list.truncate(from);
    tokens.list.extend(end);
    true
}

/// Brings the beginning of each sentence to the one that stands for it. Once for each sentence: what stands for one frame begins no other,
/// but for `what is some`.
pub(super) fn open_alike(tokens: &mut Tokens) {
    static TABLE: LazyLock<Table> =
        LazyLock::new(|| Table::of(OPENINGS.iter().map(|(pattern, replacement, _)| (*pattern, *replacement))));
    let mut at = 0;
    while at < tokens.list.len() {
        for _ in 0..2 {
            let Some((frame, taken)) = TABLE.longest(tokens, at) else { break };
            if at + taken >= tokens.list.len() {
                break;
            }
            let made: Vec<_> = frame.replacement.iter().map(|word| tokens.make(word, Kind::Word)).collect();
            tokens.list.splice(at..at + taken, made);
        }
        at += tokens.list[at..]
            .iter()
            .position(|token| token.kind == Kind::Stop)
            .map_or(tokens.list.len(), |stop| stop + 1);
    }
}

/// Whether a line only asks what the code after it does.
pub(super) fn asks_about_code(tokens: &Tokens) -> bool {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::of(CODE_OPENINGS.iter().map(|pattern| (*pattern, ""))));
    let kept =
        tokens.list.iter().rposition(|token| !matches!(token.kind, Kind::Stop | Kind::Comma)).map_or(0, |at| at + 1);
    TABLE.longest(tokens, 0).is_some_and(|(_, taken)| taken == kept)
}
