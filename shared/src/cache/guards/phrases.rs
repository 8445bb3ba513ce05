//! Phrases that say what one word says, and openings that a guard may take for one another although tier 1 does not.

use super::super::text::token::{Kind, Tokens};

#[rustfmt::skip]
const PHRASES: &[(&str, &str)] = &[
    ("get rid of", "remove"), ("of all time", "ever"), ("in order to", "to"), ("due to", "because"), ("because of", "because"), ("as well as", "and"), ("lot of", "many"), ("such as", "like"),
    ("set up", "setup"), ("log in", "login"), ("log into", "login"), ("sign in", "login"), ("log on", "login"), ("log out", "logout"), ("sign out", "logout"), ("log off", "logout"), ("sign up", "signup"),
    ("united state of america", "usa"), ("united state", "usa"), ("U.S", "usa"), ("u.s", "usa"), ("u.s.", "usa"), ("u.s.a", "usa"), ("u.k.", "uk"), ("u.k", "uk"), ("united kingdom", "uk"), ("great britain", "uk"),
    ("find out", "find"), ("carry out", "do"), ("make sure", "ensure"), ("no longer", "not"), ("prior to", "before"), ("more than", "over"), ("greater than", "over"), ("less than", "under"), ("fewer than", "under"),
    ("lower than", "under"), ("at least", "minimum"), ("at most", "maximum"), ("air conditioner", "ac"), ("a / c unit", "ac"), ("a / c", "ac"), ("cell phone", "phone"), ("mobile phone", "phone"), ("smart phone", "phone"),
    ("make money", "earn money"), ("figure out", "find"), ("go about", ""), ("take place", "happen"), ("come into world", "born"), ("on internet", "online"), ("over internet", "online"), ("on web", "online"), ("from internet", "online"), ("from home", "from home"), ("do not have to", "need not"),
    ("instead of", "instead"), ("rather than", "instead"), ("with help of", "with"), ("by using", "with"), ("by mean of", "with"), ("by way of", "via"), ("be able to", "can"), ("have to", "must"), ("need to", "must"), ("supposed to", "should"),
    ("going to", "will"), ("used to", "usedto"), ("wake up", "wake"), ("grow up", "grow"), ("speed up", "accelerate"), ("look up", "find"), ("look for", "find"), ("search for", "find"), ("give up", "quit"), ("pick up", "collect"),
    ("year old", "year"), ("e mail", "email"), ("wi fi", "wifi"), ("web site", "website"), ("data base", "database"), ("time zone", "timezone"), ("per cent", "%"), ("new york city", "new york"), ("for free", "free"), ("free of charge", "free"),
    ("at no cost", "free"), ("without paying", "free"), ("in world", "in world"), ("even though", "although"), ("as soon as possible", "quickly"), ("on budget", "budget"), ("what kind of", "what"), ("what type of", "what"), ("what sort of", "what"),
];

/// Brings phrases to the one word, and the openings of [`super::super::text`] nearer to one another.
#[rustfmt::skip]
const OPENINGS: &[(&str, &str)] = &[
    ("best way to", "how to"), ("what is setting to", "how to"), ("what is option to", "how to"), ("what is command to", "how to"), ("what is procedure to", "how to"), ("what is process to", "how to"),
    ("what is trick to", "how to"), ("what is technique to", "how to"), ("what is proper way to", "how to"), ("what is right way to", "how to"), ("what is correct way to", "how to"), ("what is procedure for", "how to"),
    ("is there reason why", "why"), ("is there any reason why", "why"), ("what is reason why", "why"), ("what is reason for", "why"), ("what is reason", "why"), ("what is cause of", "why"), ("what cause", "why"),
    ("i think", ""), ("i believe", ""), ("it look like", ""), ("look like", ""), ("it seem like", ""), ("it seem that", ""), ("it seem", ""), ("seem like", ""), ("it appear that", ""), ("it appear", ""),
    ("how do you", "how to"), ("how can you", "how to"), ("how would you", "how to"), ("how should you", "how to"), ("how do people", "how to"),
];

pub(super) fn unite(tokens: &mut Tokens) {
    for (opening, replacement) in OPENINGS {
        if let Some(taken) = fits(tokens, 0, opening) {
            replace(tokens, 0, taken, replacement);
            break;
        }
    }
    let mut at = 0;
    while at + 1 < tokens.list.len() {
        if tokens.list[at].kind == Kind::Word || tokens.list[at].kind == Kind::Identifier {
            let found = PHRASES.iter().find_map(|(phrase, word)| Some((fits(tokens, at, phrase)?, *word)));
            if let Some((taken, word)) = found {
                replace(tokens, at, taken, word);
            }
        }
        at += 1;
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
