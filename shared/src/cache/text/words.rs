//! What may be said of single words without knowing what they mean: contractions, spellings, plurals, numbers in words.

use std::{collections::HashMap, sync::LazyLock};

/// Contractions that are not a stem and a suffix, and those whose apostrophe is often left out.
#[rustfmt::skip]
const CONTRACTIONS: &[(&str, &str)] = &[
    ("can't", "can not"), ("cannot", "can not"), ("won't", "will not"), ("shan't", "shall not"), ("ain't", "is not"),
    ("let's", "let us"), ("y'all", "you all"), ("gonna", "going to"), ("wanna", "want to"), ("gotta", "have to"),
    ("im", "i am"), ("ive", "i have"), ("youre", "you are"), ("youve", "you have"), ("theyre", "they are"), ("theyve", "they have"),
    ("whats", "what is"), ("whos", "who is"), ("wheres", "where is"), ("hows", "how is"), ("thats", "that is"), ("heres", "here is"),
    ("theres", "there is"), ("dont", "do not"), ("doesnt", "does not"), ("didnt", "did not"), ("isnt", "is not"), ("arent", "are not"),
    ("wasnt", "was not"), ("werent", "were not"), ("couldnt", "could not"), ("shouldnt", "should not"), ("wouldnt", "would not"),
    ("havent", "have not"), ("hasnt", "has not"), ("hadnt", "had not"), ("arn't", "are not"), ("u", "you"), ("ur", "your"),
    ("pls", "please"), ("plz", "please"), ("thx", "thanks"), ("ty", "thanks"), ("vs", "versus"), ("etc", "et cetera"),
    ("wi", "wi"), ("info", "information"), ("docs", "documentation"), ("ok", "okay"),
];

/// After these `'s` is `is`; after anything else it is a possessive and stays.
const IS_AFTER: &[&str] =
    &["what", "who", "where", "when", "why", "how", "that", "there", "here", "it", "he", "she", "this", "which"];

/// What a contraction stands for.
pub(super) fn contraction(word: &str) -> Option<&'static str> {
    static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| CONTRACTIONS.iter().copied().collect());
    TABLE.get(word).copied()
}

/// Of `stem'suffix`: how many bytes of the stem go, and the word that the suffix is.
pub(super) fn expand_suffix(stem: &str, suffix: &str) -> Option<(usize, &'static str)> {
    Some(match suffix {
        "t" if stem.len() > 2 && stem.ends_with('n') => (1, "not"),
        "s" if IS_AFTER.contains(&stem) => (0, "is"),
        "s" => (0, "'s"),
        "re" => (0, "are"),
        "ve" => (0, "have"),
        "ll" => (0, "will"),
        "d" => (0, "would"),
        "m" => (0, "am"),
        _ => return None,
    })
}

/// British and other spellings, and compounds written in two ways, with the one that stands for both.
#[rustfmt::skip]
const SPELLINGS: &[(&str, &str)] = &[
    ("colour", "color"), ("favourite", "favorite"), ("favour", "favor"), ("behaviour", "behavior"), ("flavour", "flavor"),
    ("neighbour", "neighbor"), ("honour", "honor"), ("labour", "labor"), ("humour", "humor"), ("harbour", "harbor"), ("odour", "odor"),
    ("centre", "center"), ("metre", "meter"), ("litre", "liter"), ("fibre", "fiber"), ("theatre", "theater"), ("kilometre", "kilometer"),
    ("centimetre", "centimeter"), ("millimetre", "millimeter"), ("millilitre", "milliliter"), ("grey", "gray"), ("tyre", "tire"),
    ("aluminium", "aluminum"), ("programme", "program"), ("licence", "license"), ("defence", "defense"), ("offence", "offense"),
    ("jewellery", "jewelry"), ("cheque", "check"), ("catalogue", "catalog"), ("dialogue", "dialog"), ("analyse", "analyze"),
    ("paralyse", "paralyze"), ("organise", "organize"), ("organisation", "organization"), ("optimise", "optimize"),
    ("optimisation", "optimization"), ("realise", "realize"), ("recognise", "recognize"), ("summarise", "summarize"),
    ("minimise", "minimize"), ("maximise", "maximize"), ("customise", "customize"), ("apologise", "apologize"),
    ("memorise", "memorize"), ("initialise", "initialize"), ("serialise", "serialize"), ("normalise", "normalize"),
    ("visualise", "visualize"), ("synchronise", "synchronize"), ("authorise", "authorize"), ("authorisation", "authorization"),
    ("categorise", "categorize"), ("prioritise", "prioritize"), ("specialise", "specialize"), ("utilise", "utilize"),
    ("travelling", "traveling"), ("travelled", "traveled"), ("cancelled", "canceled"), ("cancelling", "canceling"),
    ("modelling", "modeling"), ("labelled", "labeled"), ("learnt", "learned"), ("burnt", "burned"), ("mum", "mom"),
    ("mould", "mold"), ("plough", "plow"), ("sceptical", "skeptical"), ("enrol", "enroll"), ("fulfil", "fulfill"), ("judgement", "judgment"),
    ("ageing", "aging"), ("anaemia", "anemia"), ("oestrogen", "estrogen"), ("diarrhoea", "diarrhea"), ("foetus", "fetus"),
    ("till", "until"), ("til", "until"), ("thru", "through"), ("tho", "though"), ("okay", "ok"), ("alright", "ok"), ("whilst", "while"),
    ("amongst", "among"), ("towards", "toward"), ("anyways", "anyway"), ("wether", "whether"), ("alot", "lot"),
];

/// Auxiliaries whose form follows the number of the subject, articles apart.
#[rustfmt::skip]
const AGREEMENT: &[(&str, &str)] = &[
    ("am", "is"), ("are", "is"), ("were", "was"), ("does", "do"), ("has", "have"),
];

#[rustfmt::skip]
const PLURALS: &[(&str, &str)] = &[
    ("children", "child"), ("men", "man"), ("women", "woman"), ("feet", "foot"), ("teeth", "tooth"), ("mice", "mouse"),
    ("geese", "goose"), ("lives", "life"), ("wives", "wife"), ("knives", "knife"), ("leaves", "leaf"), ("wolves", "wolf"),
    ("shelves", "shelf"), ("halves", "half"), ("selves", "self"), ("thieves", "thief"), ("criteria", "criterion"),
    ("phenomena", "phenomenon"), ("indices", "index"), ("vertices", "vertex"), ("matrices", "matrix"), ("analyses", "analysis"),
    ("crises", "crisis"), ("bases", "base"), ("buses", "bus"), ("gases", "gas"), ("viruses", "virus"), ("bonuses", "bonus"),
    ("statuses", "status"), ("lenses", "lens"), ("movies", "movie"), ("cookies", "cookie"), ("calories", "calorie"),
    ("ties", "tie"), ("pies", "pie"), ("lies", "lie"), ("dies", "die"), ("shoes", "shoe"), ("toes", "toe"), ("goes", "go"),
    ("potatoes", "potato"), ("tomatoes", "tomato"), ("heroes", "hero"), ("echoes", "echo"), ("caches", "cache"), ("axes", "axis"),
    ("aches", "ache"), ("headaches", "headache"), ("niches", "niche"),
];

/// End in `s` and are no plural, or mean something else without it.
#[rustfmt::skip]
const NOT_PLURAL: &[&str] = &[
    "always", "as", "across", "afterwards", "alas", "arms", "bias", "canvas", "christmas", "chaos", "chess", "does", "gas", "glasses", "goods",
    "has", "headquarters", "his", "hers", "its", "ours", "theirs", "yours", "customs", "jeans", "lens", "maths", "means", "minus", "news",
    "ours", "pants", "perhaps", "plus", "savings", "scissors", "series", "shorts", "species", "sometimes", "texas", "paris", "thanks",
    "this", "thus", "times", "towards", "trousers", "us", "was", "whereas", "yes", "thomas", "james", "charles", "atlas", "kubernetes",
    "postgres", "redis", "windows", "aws", "ios", "macos", "https", "css", "tls", "dns", "gps", "sms", "rss", "cms", "iris", "tennis", "besides",
    "sports", "communications", "accounts", "credits", "rights", "looks", "papers", "manners", "spirits", "forces", "contents", "damages",
    "ss", "vs", "kudos", "pros", "cons", "lots", "overseas", "details", "specs", "cows",
];

fn table(rows: &'static [&'static [(&'static str, &'static str)]]) -> HashMap<&'static str, &'static str> {
    rows.iter().flat_map(|rows| rows.iter().copied()).collect()
}

/// A word without number, agreement and local spelling.
pub(crate) fn singular(word: &str) -> std::borrow::Cow<'_, str> {
    static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let mut words = table(&[SPELLINGS, AGREEMENT, PLURALS]);
        words.extend(NOT_PLURAL.iter().map(|word| (*word, *word)));
        words.extend([("does", "do"), ("has", "have")]);
        words
    });
    if let Some(known) = TABLE.get(word) {
        return (*known).into();
    }
    let Some(stem) = word.strip_suffix('s').filter(|stem| stem.len() > 1 && word.is_ascii()) else {
        return word.into();
    };
    // `glass`, `bus`, `analysis`, `mathematics`: no plurals.
    if stem.ends_with(['s', 'u', 'i', '\'']) || (stem.ends_with("ic") && stem.len() > 4) {
        return word.into();
    }
    let stem = match stem.strip_suffix('e') {
        Some(base) if base.ends_with("ss") || base.ends_with("sh") || base.ends_with("ch") || base.ends_with('x') => {
            base
        }
        Some(base) if base.ends_with('i') && base.len() > 2 => return format!("{}y", &base[..base.len() - 1]).into(),
        _ => stem,
    };
    match TABLE.get(stem) {
        Some(known) => (*known).into(),
        None => stem.into(),
    }
}

/// A word without local spelling and agreement, and with its number.
pub(crate) fn spelled(word: &str) -> std::borrow::Cow<'_, str> {
    static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| table(&[SPELLINGS, AGREEMENT]));
    TABLE.get(word).map_or(word, |known| *known).into()
}

/// The digits of a number word. `one` is most often a pronoun and none.
pub(crate) fn number_word(word: &str) -> Option<u64> {
    Some(match word {
        "zero" => 0,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        _ => return None,
    })
}

/// What a number word multiplies by.
pub(crate) fn multiplier(word: &str) -> Option<u64> {
    Some(match word {
        "hundred" => 100,
        "thousand" | "k" => 1_000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        _ => return None,
    })
}
