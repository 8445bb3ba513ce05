//! The guards: what must agree before an answer to one prompt may be served for another, however similar the two are.
//!
//! Each is pure and knows nothing of the others, so that its effect can be measured alone. All must agree.

mod asking;
mod lexicon;
mod phrases;
mod reading;
mod roots;

pub use reading::Reading;

use lexicon::Ask;
use reading::Item;

/// The version of everything that can change what a guard says. It is in the namespace.
pub const VERSION: u16 = 1;

/// One guard.
#[derive(Debug)]
pub struct Guard {
    /// Its name in reports.
    pub name: &'static str,
    /// Why it is there.
    pub reason: &'static str,
    agrees: fn(&Reading, &Reading) -> bool,
}

impl Guard {
    /// Whether the two may be one question as far as this guard sees.
    pub fn agrees(&self, a: &Reading, b: &Reading) -> bool {
        (self.agrees)(a, b)
    }
}

/// All guards, the cheapest and most telling first.
#[rustfmt::skip]
pub const GUARDS: &[Guard] = &[
    Guard { name: "numbers",     reason: "an answer for 200 mg is none for 800 mg",                         agrees: |a, b| same_bag(&a.numbers, &b.numbers) },
    Guard { name: "units",       reason: "5 kg is not 5 lb, 20 dollars are not 20 euros",                   agrees: |a, b| a.units == b.units },
    Guard { name: "dates",       reason: "July is not August, Monday not Friday",                           agrees: |a, b| a.dates == b.dates },
    Guard { name: "negation",    reason: "with and without, safe and not safe: nearly the same vector",     agrees: same_negation },
    Guard { name: "verbs",       reason: "to get something is not to give it",                              agrees: same_verbs },
    Guard { name: "quantifiers", reason: "all, some, only, first and last change what is true",             agrees: |a, b| a.quantifiers == b.quantifiers },
    Guard { name: "relations",   reason: "before, after, than, until, or: what stands between two things",  agrees: |a, b| a.relations == b.relations },
    Guard { name: "names",       reason: "a name in one must be a word of the other",                       agrees: names_agree },
    Guard { name: "identifiers", reason: "`b12`, `node.js`, an option, an address: every character counts", agrees: |a, b| a.identifiers == b.identifiers },
    Guard { name: "quotes",      reason: "what is quoted is what is asked about",                           agrees: |a, b| a.quotes == b.quotes },
    Guard { name: "symbols",     reason: "an operator or a bracket is the question",                        agrees: |a, b| a.symbols == b.symbols },
    Guard { name: "exact",       reason: "what follows the first line is compared byte for byte",           agrees: |a, b| a.exact == b.exact },
    Guard { name: "antonyms",    reason: "enable and disable, buy and sell: near in meaning, not in answer", agrees: no_antonyms },
    Guard { name: "question",    reason: "how, why, who and whether want different answers",                agrees: same_question },
    Guard { name: "questions",   reason: "a second question wants a second answer",                         agrees: |a, b| a.questions == b.questions },
    Guard { name: "person",      reason: "my account is not your account",                                  agrees: same_person },
    Guard { name: "time",        reason: "was is not is, and should is not can",                            agrees: same_time },
    Guard { name: "roles",       reason: "from Oslo to Rome is not to Oslo from Rome",                      agrees: same_roles },
    Guard { name: "content",     reason: "one word changed in equal wording is another question",           agrees: same_content },
    Guard { name: "order",       reason: "who lent whom: the same words in another order",                  agrees: same_order },
];

/// The first guard that disagrees, if any does.
pub fn objection(a: &Reading, b: &Reading) -> Option<&'static Guard> {
    GUARDS.iter().find(|guard| !guard.agrees(a, b))
}

/// Whether the two are worded alike: the same words of content, up to synonyms, in one order, by the same persons. To be asked where no guard
/// objects; a lower similarity is enough then.
pub fn same_wording(a: &Reading, b: &Reading) -> bool {
    let persons = a.persons == b.persons || a.ask == Some(Ask::HowTo);
    let times = (a.past, a.present, a.future) == (b.past, b.present, b.future);
    let aspects = (a.possible, a.perfect) == (b.possible, b.perfect) || a.ask == Some(Ask::HowTo);
    let rest = persons && times && aspects;
    rest && a.ask == b.ask && a.verbs == b.verbs && roots(&a.items) == roots(&b.items)
}

fn same_bag(a: &[u64], b: &[u64]) -> bool {
    a == b || {
        let sorted = |list: &[u64]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list
        };
        a.len() == b.len() && sorted(a) == sorted(b)
    }
}

fn same_negation(a: &Reading, b: &Reading) -> bool {
    a.negations == b.negations && same_bag(&a.negated, &b.negated)
}

fn same_verbs(a: &Reading, b: &Reading) -> bool {
    let lacks = |x: &Reading, y: &Reading| x.verbs.iter().any(|verb| !y.verbs.contains(verb));
    !(lacks(a, b) && lacks(b, a))
}

fn names_agree(a: &Reading, b: &Reading) -> bool {
    let within = |names: &[u64], words: &[u64]| names.iter().all(|name| words.binary_search(name).is_ok());
    within(&a.names, &b.words) && within(&b.names, &a.words)
}

fn no_antonyms(a: &Reading, b: &Reading) -> bool {
    let turned = |a: &Reading, b: &Reading| {
        let has = |of: &Reading, wanted: (u8, bool)| of.antonyms.contains(&wanted);
        a.antonyms.iter().any(|&(pair, side)| has(b, (pair, !side)) && !has(a, (pair, !side)) && !has(b, (pair, side)))
    };
    let denied = |a: &Reading, b: &Reading| {
        a.denied.iter().any(|root| b.words.binary_search(root).is_ok() && a.words.binary_search(root).is_err())
    };
    !turned(a, b) && !denied(a, b) && !denied(b, a)
}

fn same_question(a: &Reading, b: &Reading) -> bool {
    let same = match (a.ask, b.ask) {
        (Some(a), Some(b)) if a == b => true,
        (Some(Ask::What), Some(Ask::Order)) | (Some(Ask::Order), Some(Ask::What)) => true,
        _ => false,
    };
    same && a.degree == b.degree
}

fn same_person(a: &Reading, b: &Reading) -> bool {
    // "Why do I dream" is not "why do people dream"; who asks how to do something is whoever does it.
    if a.of_oneself != b.of_oneself && matches!(a.ask, Some(Ask::Why | Ask::YesOrNo | Ask::When | Ask::Where)) {
        return false;
    }
    // "What do you think of them" is not "what do they think of you".
    let to_others = a.persons != 0 && b.persons != 0 && a.addressed != b.addressed;
    if to_others && !matches!(a.ask, Some(Ask::HowTo | Ask::Order)) {
        return false;
    }
    let third = |reading: &Reading| reading.persons & !0b11;
    a.persons == b.persons
        || a.persons == 0
        || b.persons == 0
        || a.persons & b.persons != 0
            && (a.persons ^ b.persons) & 0b10 == 0
            && (third(a) == third(b) || third(a) == 0 || third(b) == 0)
}

fn same_time(a: &Reading, b: &Reading) -> bool {
    let clash = |x: &Reading, y: &Reading| x.past && !y.past && (y.present || y.future || y.possible);
    let ahead = |x: &Reading, y: &Reading| x.future && !y.future && (y.present || y.past);
    // "I need to" and "I want to" order alike; "do I need to" and "can I" ask for different things.
    let lenient = a.ask == b.ask && matches!(a.ask, Some(Ask::How | Ask::HowTo | Ask::Degree | Ask::Order | Ask::Why));
    !clash(a, b) && !clash(b, a) && !ahead(a, b) && !ahead(b, a) && (lenient || a.obliges == b.obliges)
}

fn same_roles(a: &Reading, b: &Reading) -> bool {
    a.items.iter().enumerate().all(|(i, item)| {
        let nth = a.items[..i].iter().filter(|before| before.root == item.root).count();
        let other = b.items.iter().filter(|other| other.root == item.root).nth(nth);
        other.is_none_or(|other| lexicon::lexicon().roles_agree(other.role, item.role))
    })
}

fn same_content(a: &Reading, b: &Reading) -> bool {
    let roots = |reading: &Reading| {
        let mut roots: Vec<u64> = reading.items.iter().map(|item| item.root).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    };
    roots(a) == roots(b)
}

/// The same order, but for what a clause or a preposition explains.
fn same_order(a: &Reading, b: &Reading) -> bool {
    let common = |x: &Reading, y: &Reading| -> Vec<Item> {
        x.items.iter().copied().filter(|item| y.items.iter().any(|other| other.root == item.root)).collect()
    };
    let (left, right) = (common(a, b), common(b, a));
    if roots(&left) == roots(&right) {
        // "The mother of the teacher" and "the mother's teacher" have one order and two meanings.
        return left.iter().zip(&right).all(|(a, b)| !(a.of && b.owned || a.owned && b.of));
    }
    // What its preposition places may stand anywhere: "by train to Rome", "to Rome by train".
    let placed = |item: &Item, others: &[Item]| {
        item.role != 0 && !item.of && others.iter().any(|other| other.root == item.root && other.role == item.role)
    };
    let free = |list: &[Item], others: &[Item]| -> Vec<Item> {
        list.iter().copied().filter(|item| !placed(item, others)).collect()
    };
    let (left, right) = (free(&left, &right), free(&right, &left));
    let fixed = |list: &[Item]| -> Vec<u64> { list.iter().filter(|item| item.fixed).map(|item| item.root).collect() };
    if roots(&left) == roots(&right) {
        return true;
    }
    fixed(&left) == fixed(&right) && (turned(&left, &right) || (a.clauses || b.clauses) && is_rotation(&left, &right))
}

/// Whether one part changed places with its neighbour and something says why: "the price of tea", "the tea price"; "is it safe to eat
/// it raw", "is eating it raw safe".
fn turned(a: &[Item], b: &[Item]) -> bool {
    let (ra, rb) = (roots(a), roots(b));
    if ra.len() != rb.len() {
        return false;
    }
    let Some(from) = ra.iter().zip(&rb).position(|(a, b)| a != b) else { return true };
    let to = ra.iter().zip(&rb).rposition(|(a, b)| a != b).map_or(ra.len(), |at| at + 1);
    let (wa, wb) = (&a[from..to], &b[from..to]);
    (1..wa.len()).any(|by| {
        let moved = ra[from + by..to] == rb[from..to - by] && ra[from..from + by] == rb[to - by..to];
        let (left, right) = (&wa[by], &wb[wb.len() - by]);
        let by_of = left.of != right.of || left.out_of != right.out_of;
        let by_it = wa[0].expletive || wb[0].expletive;
        moved && (by_of || by_it)
    })
}

fn is_rotation(a: &[Item], b: &[Item]) -> bool {
    let (a, b) = (roots(a), roots(b));
    a.len() == b.len()
        && a.len() > 2
        && (1..a.len()).any(|by| a[by..] == b[..b.len() - by] && a[..by] == b[b.len() - by..])
}

fn roots(items: &[Item]) -> Vec<u64> {
    items.iter().map(|item| item.root).collect()
}

#[cfg(test)]
mod tests;
