//! Phrases that say what one word says, and openings that a guard may take for one another although tier 1 does not.

use super::super::text::token::{Kind, Tokens};
use std::{collections::HashMap, sync::LazyLock};

#[rustfmt::skip]
const PHRASES: &[(&str, &str)] = &[
    ("get rid of", "remove"), ("in order to", "to"), ("due to", "because"), ("because of", "because"), ("as well as", "and"), ("lot of", "many"), ("such as", "like"),
    ("set up", "setup"), ("log in", "login"), ("log into", "login"), ("sign in", "login"), ("log on", "login"), ("log out", "logout"), ("sign out", "logout"), ("log off", "logout"), ("sign up", "signup"),
    ("united state of america", "usa"), ("united state", "usa"), ("U.S", "usa"), ("u.s", "usa"), ("u.s.", "usa"), ("u.s.a", "usa"), ("u.k.", "uk"), ("u.k", "uk"), ("united kingdom", "uk"), ("a few", "several"), ("a little", "several little"),
    ("find out", "find"), ("carry out", "do"), ("make sure", "ensure"), ("no longer", "not"), ("prior to", "before"), ("more than", "over"), ("greater than", "over"), ("less than", "under"), ("fewer than", "under"),
    ("lower than", "under"), ("at least", "minimum"), ("at most", "maximum"), ("air conditioner", "ac"), ("a / c unit", "ac"), ("a / c", "ac"), ("cell phone", "phone"), ("mobile phone", "phone"), ("smart phone", "phone"),
    ("make money", "earn money"), ("figure out", "find"), ("go about", ""), ("take place", "happen"), ("come into world", "born"), ("on internet", "online"), ("over internet", "online"), ("on web", "online"), ("from internet", "online"), ("do not have to", "need not"),
    ("instead of", "instead"), ("rather than", "instead"), ("with help of", "with"), ("by using", "with"), ("by mean of", "with"), ("by way of", "via"), ("be able to", "can"), ("have to", "must"), ("need to", "must"), ("supposed to", "should"),
    ("going to", "will"), ("used to", "usedto"), ("wake up", "wake"), ("grow up", "grow"), ("speed up", "accelerate"), ("look up", "find"), ("look for", "find"), ("search for", "find"), ("give up", "quit"), ("pick up", "collect"),
    ("year old", "year"), ("e mail", "email"), ("wi fi", "wifi"), ("web site", "website"), ("data base", "database"), ("time zone", "timezone"), ("per cent", "%"), ("new york city", "new york"), ("for free", "free"), ("free of charge", "free"),
    ("at no cost", "free"), ("without paying", "free"), ("even though", "although"), ("as soon as possible", "quickly"), ("on budget", "budget"), ("what kind of", "what"), ("what type of", "what"), ("what sort of", "what"),
    ("tell if", "tell whether"), ("know if", "know whether"), ("see if", "see whether"), ("check if", "check whether"), ("ask if", "ask whether"), ("so many people", "people"), ("work out", "exercise"), ("fill out", "complete"), ("check out", "visit"), ("come out", "appear"), ("run out", "end"), ("hang out", "meet"), ("out of", "from"), ("all time", "ever"), ("of all time", "ever"), ("help you", "help"), ("help me", "help"), ("help us", "help"), ("help people", "help"), ("artificial intelligence", "ai"),
    ("health care", "healthcare"), ("break up", "breakup"), ("e book", "ebook"), ("in fall", "in autumn"), ("on my own", "alone"), ("by myself", "alone"), ("on your own", "alone"), ("by yourself", "alone"),
    ("by oneself", "alone"), ("quick way", "fast way"), ("keep from", "prevent"), ("stop from", "prevent"), ("bring down", "reduce"), ("cut down on", "reduce"), ("deal with", "handle"), ("cope with", "handle"),
    ("turn on", "enable"), ("switch on", "enable"), ("turn off", "disable"), ("switch off", "disable"), ("throw out", "discard"), ("throw away", "discard"), ("put off", "postpone"), ("think of", "think about"),
    ("point out", "indicate"), ("whole wheat", "wholewheat"), ("get back", "recover"), ("get pregnant", "conceive"), ("become pregnant", "conceive"), ("fall asleep", "sleep_start"), ("go to sleep", "sleep_start"),
];

/// Brings phrases to the one word, and the openings of [`super::super::text`] nearer to one another.
#[rustfmt::skip]
const OPENINGS: &[(&str, &str)] = &[
    ("best way to", "how to"), ("what is setting to", "how to"), ("what is option to", "how to"), ("what is command to", "how to"), ("what is procedure to", "how to"), ("what is process to", "how to"),
    ("what is trick to", "how to"), ("what is technique to", "how to"), ("what is proper way to", "how to"), ("what is right way to", "how to"), ("what is correct way to", "how to"), ("what is procedure for", "how to"),
    ("is there reason why", "why"), ("is there any reason why", "why"), ("what is reason why", "why"), ("what is reason for", "why"), ("what is reason", "why"), ("what is cause of", "why"), ("what cause", "why"),
    ("i think", ""), ("i believe", ""), ("it look like", ""), ("look like", ""), ("it seem like", ""), ("it seem that", ""), ("it seem", ""), ("seem like", ""), ("it appear that", ""), ("it appear", ""),
    ("what year", "when"), ("what is best time", "when is best time"), ("what is good time", "when is good time"), ("what i do if", "what do if"), ("what should i do if", "what do if"), ("what can i do if", "what do if"), ("what do i do if", "what do if"), ("what should i do when", "what do if"),
    ("what can i do when", "what do if"), ("what do i do when", "what do if"), ("what do you do if", "what do if"), ("what do you do when", "what do if"), ("what should you do if", "what do if"),
    ("do you need", "do i need"), ("do we need", "do i need"), ("do you have to", "do i have to"), ("should you", "should i"), ("can you", "can i"), ("can we", "can i"), ("can people", "can i"), ("can someone", "can i"), ("can anyone", "can i"), ("can a person", "can i"),
    ("do you think that", "+ask"), ("do you think", "+ask"), ("do you believe that", "+ask"),
    ("how do you", "how to"), ("how can you", "how to"), ("how would you", "how to"), ("how should you", "how to"), ("how do people", "how to"),
];

/// Those by their first words.
struct Table(HashMap<&'static str, Vec<(&'static str, &'static str)>>);

impl Table {
    fn of(rows: &'static [(&'static str, &'static str)]) -> Self {
        let mut table: HashMap<_, Vec<_>> = HashMap::with_capacity(rows.len());
        for (phrase, words) in rows {
            let first = phrase.split(' ').next().unwrap_or_default();
            table.entry(first).or_default().push((*phrase, *words));
        }
        // "What is reason why" before "what is reason".
        table.values_mut().for_each(|rows| rows.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len())));
        Self(table)
    }

    /// The longest phrase at a place, how many tokens it takes, and what it is brought to.
    fn at(&self, tokens: &Tokens, at: usize) -> Option<(&'static str, usize, &'static str)> {
        let rows = self.0.get(tokens.at(at))?;
        rows.iter().find_map(|(phrase, words)| Some((*phrase, fits(tokens, at, phrase)?, *words)))
    }
}

/// Brings them to one wording. Returns whether `you` is whoever asks.
pub(super) fn unite(tokens: &mut Tokens) -> bool {
    static BY_OPENING: LazyLock<Table> = LazyLock::new(|| Table::of(OPENINGS));
    static BY_PHRASE: LazyLock<Table> = LazyLock::new(|| Table::of(PHRASES));
    let mut anybody = false;
    if let Some((opening, taken, replacement)) = BY_OPENING.at(tokens, 0) {
        let to_you = opening.split(' ').any(|word| word == "you");
        // "How do you use my data?": `you` is not who asks.
        let of_me = |at: usize| matches!(tokens.at(at), "i" | "me" | "my" | "mine" | "we" | "us" | "our");
        if !to_you || !(taken..tokens.list.len()).any(of_me) {
            replace(tokens, 0, taken, replacement);
            anybody = to_you;
        }
    }
    drop_the_world(tokens);
    let mut at = 0;
    while at + 1 < tokens.list.len() {
        if matches!(tokens.list[at].kind, Kind::Word | Kind::Identifier)
            && let Some((_, taken, words)) = BY_PHRASE.at(tokens, at)
        {
            replace(tokens, at, taken, words);
        }
        at += 1;
    }
    anybody
}

/// The tallest of all is the tallest in the world.
fn drop_the_world(tokens: &mut Tokens) {
    const WORLDS: &[&str] = &["in world", "on earth", "in whole world", "in entire world", "world 's", "of all time"];
    let superlative = |word: &str| matches!(word, "best" | "most" | "worst") || word.len() > 5 && word.ends_with("est");
    if !(0..tokens.list.len()).any(|at| superlative(tokens.at(at))) {
        return;
    }
    for phrase in WORLDS {
        let found = (0..tokens.list.len()).find_map(|at| Some((at, fits(tokens, at, phrase)?)));
        if let Some((at, taken)) = found {
            replace(tokens, at, taken, "");
        }
    }
}

fn fits(tokens: &Tokens, at: usize, phrase: &str) -> Option<usize> {
    let mut taken = 0;
    for word in phrase.split(' ') {
        if tokens.at(at + taken) != word {
            return None;
        }
        taken += 1;
    }
    Some(taken)
}

fn replace(tokens: &mut Tokens, at: usize, taken: usize, words: &str) {
    let made: Vec<_> =
        words.split(' ').filter(|word| !word.is_empty()).map(|word| tokens.make(word, Kind::Word)).collect();
    tokens.list.splice(at..at + taken, made);
}
