use super::*;
use std::collections::BTreeSet;

/// Whether the guard of a name agrees.
fn agrees(name: &str, a: &str, b: &str) -> bool {
    let guard = GUARDS.iter().find(|guard| guard.name == name).unwrap_or_else(|| panic!("there is no guard `{name}`"));
    let (a, b) = (Reading::of(a), Reading::of(b));
    assert_eq!(guard.agrees(&a, &b), guard.agrees(&b, &a), "{name} depends on which came first");
    guard.agrees(&a, &b)
}

#[rustfmt::skip]
const TABLE: &[(&str, bool, &str, &str, &str)] = &[
    ("numbers",     false, "Is 200 mg of zinc safe?",                 "Is 800 mg of zinc safe?",                    "a dose"),
    ("numbers",     true,  "How do I split a bill in three parts?",   "How do I split a bill in 3 parts?",          "in words or in digits"),
    ("units",       false, "How heavy is 5 kg of feathers?",          "How heavy is 5 lb of feathers?",             "a unit"),
    ("units",       false, "What can I buy for $20?",                 "What can I buy for €20?",                    "a currency"),
    ("units",       true,  "What can I buy for $20?",                 "What can I buy for 20 dollars?",             "its sign or its name"),
    ("dates",       false, "Is there frost in July in Chile?",        "Is there frost in August in Chile?",         "a month"),
    ("dates",       true,  "What fell on 3 July 1969?",               "What fell on July 3 1969?",                  "either way round"),
    ("negation",    false, "How do I bake bread with yeast?",         "How do I bake bread without yeast?",         "the opposite"),
    ("negation",    false, "Why is tea not a fruit but a leaf?",      "Why is tea a fruit but not a leaf?",         "what is denied is another thing"),
    ("negation",    true,  "Why can't penguins fly?",                 "Why can not penguins fly?",                  "a contraction"),
    ("verbs",       false, "How do I get a fishing licence?",         "How do I use a fishing licence?",            "another verb"),
    ("verbs",       true,  "I want a window seat on the train",       "A window seat on the train",                 "one that says little"),
    ("quantifiers", false, "Do all birds lay eggs?",                  "Do some birds lay eggs?",                    "how many"),
    ("quantifiers", false, "Why do few birds swim?",                  "Why do a few birds swim?",                   "hardly any are not some"),
    ("quantifiers", false, "Is there little sugar in beer?",          "Is there a little sugar in beer?",           "the same of what is not counted"),
    ("content",     false, "How do I pick a door lock?",              "How do I choose a door lock?",               "a lock is picked in another sense"),
    ("content",     false, "What is the largest city in Vermont?",    "What is the largest town in Vermont?",       "a town is no city"),
    ("quantifiers", true,  "Do all birds lay eggs?",                  "Does every bird lay eggs?",                  "the same many"),
    ("relations",   false, "Who ruled before Nero?",                  "Who ruled after Nero?",                      "the other side"),
    ("relations",   false, "Is it tea or coffee?",                    "Is it tea and coffee?",                      "a choice is no sum"),
    ("names",       false, "When was the bridge in Riga built?",      "When was the bridge built?",                 "which bridge"),
    ("names",       true,  "when was the bridge in riga built",       "When was the bridge in Riga built?",         "small letters"),
    ("identifiers", false, "What does vitamin b12 do?",               "What does vitamin b6 do?",                   "a digit in a name"),
    ("identifiers", true,  "Is node.js single threaded?",             "Is Node.js single threaded?",                "its case"),
    ("quotes",      false, "Translate \"good day\" to Welsh",         "Translate \"good night\" to Welsh",          "what is to be translated"),
    ("symbols",     false, "Solve 3x + 2 = 8 for me",                 "Solve 3x - 2 = 8 for me",                    "an operator"),
    ("exact",       false, "Fix this:\na = b",                        "Fix this:\nb = a",                           "what follows the first line"),
    ("antonyms",    false, "How do I enable logging in Kafka?",       "How do I disable logging in Kafka?",         "the opposite"),
    ("antonyms",    false, "Is it a stable isotope?",                 "Is it an unstable isotope?",                 "a prefix that denies"),
    ("antonyms",    true,  "Is up or down the way to the exit?",      "Is down or up the way to the exit?",         "both sides have both"),
    ("question",    false, "Why does dough rise?",                    "How does dough rise?",                       "a reason is no manner"),
    ("question",    false, "How long is the Rhine?",                  "How old is the Rhine?",                      "another measure"),
    ("question",    true,  "What is the longest river in Spain?",     "Name the longest river in Spain",            "an order for the same"),
    ("questions",   false, "Who wrote Emma?",                         "Who wrote Emma? When was it?",               "a second question"),
    ("person",      false, "Where is my parcel?",                     "Where is your parcel?",                      "whose"),
    ("person",      true,  "How do I clean my oven?",                 "How do I clean the oven?",                   "anybody's"),
    ("time",        false, "Who is the king of Spain?",               "Who was the king of Spain?",                 "another king"),
    ("time",        false, "Can I park here overnight?",              "Should I park here overnight?",              "what is allowed is not advised"),
    ("roles",       false, "Trains from Bern to Rome",                "Trains to Bern from Rome",                   "the other direction"),
    ("roles",       true,  "Trains from Bern to Rome",                "Trains to Rome from Bern",                   "the same direction"),
    ("roles",       false, "Books by Ann Lee on bees",                "Books about Ann Lee on bees",                "who wrote is not who is written about"),
    ("content",     false, "How do I sort a list in Ruby?",           "How do I sort a map in Ruby?",               "one word of many"),
    ("content",     true,  "Where can I buy a used bicycle?",         "Where can I purchase a used bike?",          "words of one meaning"),
    ("content",     false, "How do I work out at home?",              "How do I work at home?",                     "a particle makes another verb"),
    ("relations",   false, "How can I tell if my parents are Celts?", "How can I tell my parents I am a Celt?",     "to find out is not to say"),
    ("question",    false, "How do I fund a mutual?",                 "How do mutuals fund?",                       "who asks is not who does it"),
    ("question",    true,  "Running Kafka in Docker - how?",          "How do I run Kafka in Docker?",              "who asks does it either way"),
    ("question",    true,  "In which year was the dam built?",        "When was the dam built?",                    "a year is when"),
    ("person",      false, "Why do people hate Mondays?",             "Why do I hate Mondays?",                     "my reasons are not theirs"),
    ("person",      false, "How do I know if he likes me?",           "How do I know if she likes me?",             "somebody else"),
    ("person",      false, "What do you think of Ada Lovelace?",      "What does Ada Lovelace think of you?",       "who thinks of whom"),
    ("time",        false, "Can people live on Mars?",                "Did people live on Mars?",                   "what may be is not what was"),
    ("person",      true,  "How do you clean your oven?",             "How can I clean my oven?",                   "`you` is whoever asks"),
    ("question",    false, "How do you use my data?",                 "How do I use my data?",                      "`you` is not who asks"),
    ("person",      true,  "Do you need a visa for Chile?",           "Do I need a visa for Chile?",                "whoever travels"),
    ("roles",       false, "Write a poem for my mother",              "Write a poem about my mother",               "who gets it is not what it says"),
    ("roles",       true,  "Books on ancient Rome",                   "Books about ancient Rome",                   "one preposition for another"),
    ("roles",       true,  "Exercises to lose belly fat",             "Exercises for losing belly fat",             "what for, either way"),
    ("content",     false, "Is it easy to learn Latin?",              "Is it good to learn Latin?",                 "a weak word that is what is asked"),
    ("content",     true,  "What are good ways to save money?",       "What are the best ways to save money?",      "weak words before a noun"),
    ("content",     false, "How do I stop smoking?",                  "How do I smoke?",                            "stopping is not doing"),
    ("content",     true,  "How do I quit smoking?",                  "How do I stop smoking?",                     "words of one meaning"),
    ("order",       true,  "How do I download videos from Vimeo?",    "How do I download Vimeo videos?",            "`from` turns them round like `of`"),
    ("order",       true,  "Is it worth learning Latin?",             "Is Latin worth learning?",                   "`it` stands for what comes later"),
    ("order",       false, "The impact of tea on Japan",              "The impact of Japan on tea",                 "what does it is not what it is done to"),
    ("order",       false, "If Ann lent Bob a car, who pays?",        "If Bob lent Ann a car, who pays?",           "who lent whom"),
    ("order",       false, "Convert miles to kilometers",             "Convert kilometers to miles",                "units have an order too"),
    ("order",       false, "Who is the mother of the teacher?",       "Who is the mother's teacher?",               "the possessive turns it round"),
    ("order",       true,  "What is the price of a bus ticket?",      "What is the bus ticket price?",              "`of` turns them round"),
    ("order",       true,  "If Ann lent Bob a car, who pays?",        "Who pays if Ann lent Bob a car?",            "a clause may go first"),
];

#[test]
fn each_guard_objects_to_what_it_is_for_and_to_nothing_else() {
    let wrong: Vec<String> = TABLE
        .iter()
        .filter(|(name, expected, a, b, _)| agrees(name, a, b) != *expected)
        .map(|(name, expected, a, b, why)| format!("{name} should say {expected} of {a:?} and {b:?}: {why}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_guard_has_a_case_and_a_reason() {
    let tried: BTreeSet<&str> = TABLE.iter().filter(|(_, agrees, ..)| !agrees).map(|(name, ..)| *name).collect();
    let all: BTreeSet<&str> = GUARDS.iter().map(|guard| guard.name).collect();
    assert_eq!(tried, all);
    assert!(GUARDS.iter().all(|guard| guard.reason.len() > 20));
}

#[test]
fn nobody_objects_to_the_same_text() {
    for (_, _, a, b, _) in TABLE {
        for text in [a, b] {
            let objection = objection(&Reading::of(text), &Reading::of(text)).map(|guard| guard.name);
            assert_eq!(objection, None, "{text}");
        }
    }
}

#[test]
fn texts_are_worded_alike_if_only_synonyms_and_lead_ins_differ() {
    #[rustfmt::skip]
    let table = [
        ("How can I lose weight quickly?",              "How do I lose weight fast?",                 true,  "a synonym"),
        ("How can you improve your English accent?",    "How do I improve my English accent?",        true,  "`you` is whoever asks"),
        ("How many vacation days have I taken?",        "How many vacation days can I take?",         false, "what was is not what may be"),
        ("How do I get eggs to boil in a kettle?",      "How do I boil eggs in a kettle?",            false, "a verb more, if a light one"),
        ("What is the price of a bus ticket?",          "What is the bus ticket price?",              false, "another order"),
    ];
    for (a, b, expected, why) in table {
        let (a, b) = (Reading::of(a), Reading::of(b));
        assert_eq!(same_wording(&a, &b), expected, "{why}: {a:?} {b:?}");
        assert_eq!(same_wording(&b, &a), expected, "{why}, the other way round");
    }
}
