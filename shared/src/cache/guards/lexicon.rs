//! What the guards know of words. Lists are general English, not taken from any set of questions; a word that is in none is content.

use std::{collections::HashMap, sync::LazyLock};

/// What a word does in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// Says nothing that an answer depends on.
    Filler,
    /// Is a word of content, and makes no difference beside others: `way`, `good`.
    Weak,
    /// Denies.
    Negation,
    /// How many: words of one group are one.
    Quantifier(u8),
    /// Between two things: words of one group are one.
    Relation(u8),
    /// What the next thing is to the rest.
    Role(u8),
    /// A unit or a currency: words of one group are one.
    Unit(u8),
    /// A month or a day of the week.
    Date(u8),
    /// Who: first, second, or a third person.
    Person(u8),
    /// Opens a question.
    Question(Ask),
    /// An auxiliary and what time it speaks of.
    Auxiliary(Time),
    /// A verb that carries little: another in its place is another question, but none in its place is not.
    Light(u8),
    /// Obliges: `should`, `must`.
    Obligation,
}

impl Sense {
    /// Whether it only holds a sentence together, and says nothing of what the sentence is about.
    pub(super) fn holds_together(self) -> bool {
        matches!(
            self,
            Self::Filler
                | Self::Negation
                | Self::Relation(_)
                | Self::Role(_)
                | Self::Person(_)
                | Self::Question(_)
                | Self::Auxiliary(_)
                | Self::Obligation
        )
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    What,
    Who,
    Whose,
    When,
    Where,
    Why,
    How,
    /// `how to`, and what asks the same: whoever asks does it.
    HowTo,
    /// `how many`, `how long`: with the word that follows.
    Degree,
    YesOrNo,
    /// No question word: an order, or a few words.
    Order,
}

/// Which time an auxiliary speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Past,
    Present,
    Future,
    /// `can`, `may`.
    Possible,
    /// `have`.
    Perfect,
    Open,
}

#[rustfmt::skip]
const FUNCTION_WORDS: &str = "
    a an the this that these those as it its itself there here be been being and also so then if while because though although
    let onto 's et cetera";
/// Words of content that make no difference beside others.
#[rustfmt::skip]
const WEAK_WORDS: &str = "
    just really actually exactly basically simply quite very rather too please thank thanks kindly having doing done still some any such
    kind sort type certain specific particular given various own other else way ways thing stuff one ones someone somebody anyone
    anybody everyone everybody person people individual possible possibly able ability ever currently existing available properly
    correctly right rightly well effectively successfully thoroughly fully completely easily easy simple suppose assume consider imagine
    good best great nice ideal optimal proper appropriate suitable effective recommended main basic general common generally commonly
    usually typically normally exist better greatest amazing awesome thoroughly truly";
/// Weak words that say something where no noun follows: "is it easy", "is it good for cats".
#[rustfmt::skip]
pub(super) const SAID_OF_SOMETHING: &[&str] = &[
    "able", "available", "basic", "best", "better", "common", "correct", "easy", "effective", "general", "good", "great", "greatest", "ideal", "nice", "normal", "possible", "proper",
    "right", "simple", "specific", "suitable", "various", "certain", "appropriate", "recommended", "amazing", "awesome",
];
const NEGATIONS: &str = "not no never none nothing nobody nowhere without neither nor cannot hardly barely scarcely unable fail failed lack except unless non";
#[rustfmt::skip]
const QUANTIFIERS: &[&str] = &[
    "all every each everything entire whole", "both", "half", "few fewer", "many lot much several numerous plenty", "more", "less", "most", "least fewest", "only solely merely",
    "always", "sometimes occasionally", "often frequently", "rarely seldom", "twice double", "triple", "once", "daily everyday", "weekly", "monthly", "yearly annually annual",
    "minimum minimal min", "maximum maximal max", "average mean_value", "total", "last latest", "next", "previous prior", "again", "either", "almost nearly", "enough", "even",
    "first 1st", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th", "another", "same", "different", "new", "old", "free",
];
#[rustfmt::skip]
const RELATIONS: &[&str] = &[
    "before", "after", "than", "until", "since", "under below beneath", "over above", "between among", "against versus", "during", "instead", "or", "but",
    "outside", "near nearby close_to", "behind", "across", "toward", "besides", "despite", "beyond", "off", "down", "up", "away", "back", "together", "out", "through", "whether",
];
#[rustfmt::skip]
const ROLES: &[&str] = &[
    "from", "to", "by", "into", "than", "before", "after", "under below", "over above", "until", "since", "against versus", "off", "with using via", "without", "or",
    "in at of for within inside upon", "on", "about regarding concerning",
];
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "kg kilogram kilo kilogramme", "g gram gm gramme", "mg milligram", "mcg microgram", "lb lbs pound_mass", "oz ounce", "ton tonne", "stone_mass",
    "km kilometer", "m meter", "cm centimeter", "mm millimeter", "mile mi", "ft foot", "inch", "yd yard", "nm nanometer",
    "l liter", "ml milliliter", "gallon gal", "pint", "cup", "tablespoon tbsp", "teaspoon tsp",
    "second sec", "minute min_time", "hour hr hrs h", "day", "week", "month", "year yr", "decade", "century", "ms millisecond",
    "°c celsius centigrade", "°f fahrenheit", "kelvin", "mph", "kmh kph", "knot",
    "byte", "bit", "kb kilobyte", "mb megabyte", "gb gigabyte", "tb terabyte", "kbps", "mbps", "gbps", "hz hertz", "khz", "mhz megahertz", "ghz gigahertz",
    "w watt", "kw kilowatt", "kwh", "v volt", "amp ampere", "ohm", "joule", "calorie cal kcal", "newton", "pascal", "psi", "bar_unit", "mah",
    "$ usd dollar", "€ eur euro", "£ gbp pound quid", "¥ jpy yen", "₹ inr rupee rs", "chf franc", "cny yuan rmb", "cad", "aud", "peso", "won_money", "ruble rouble", "btc bitcoin", "eth ethereum", "cent",
    "% percent percentage pct", "dozen", "acre", "hectare", "sqft", "px pixel", "am_time", "pm_time", "degree °", "k_unit",
];
#[rustfmt::skip]
const DATES: &[&str] = &[
    "january jan", "february feb", "march", "april apr", "may_month", "june jun", "july jul", "august aug", "september sep sept", "october oct", "november nov", "december dec",
    "monday mon", "tuesday tue tues", "wednesday wed", "thursday thu thur thurs", "friday fri", "saturday sat", "sunday sun_day", "weekend", "weekday",
    "spring", "summer", "autumn", "winter", "christmas xmas", "easter", "morning", "afternoon", "evening", "night", "noon", "midnight", "today", "tomorrow", "yesterday", "tonight",
];
#[rustfmt::skip]
const LIGHT_VERBS: &[&str] = &[
    "get got getting obtain", "go going", "want wanted", "need needed require required", "give given", "show", "find locate", "tell", "know", "help assist", "explain describe", "provide", "suggest recommend advise", "say",
    "list", "name", "like", "understand", "use used utilize", "take", "put", "keep", "see", "ask", "start begin commence", "try attempt", "become",
];
const PERSONS: &[&str] = &[
    "i me my mine myself we us our ours ourselves",
    "you your yours yourself yourselves",
    "he him his himself",
    "she her hers herself",
    "they them their theirs themselves",
];

/// Words that ask or answer the same in a question, in every one: a word is not here that means something else beside another noun, where the
/// other does not stand for it (a lock is picked and not chosen, a tire changed and not modified), nor one of another kind or rank (a town is
/// no city, a salary no wage). The first stands for all.
#[rustfmt::skip]
const SYNONYMS: &[&str] = &[
    "buy purchase", "finish complete", "end conclude", "big large huge", "small little tiny", "fix repair mend", "create build construct make", "remove delete erase eliminate",
    "quick fast rapid quickly rapidly speedy", "increase boost", "reduce decrease lower lessen", "improve enhance", "phone mobile cellphone smartphone", "movie film", "car automobile", "child kid",
    "doctor physician", "country nation", "benefit advantage pro pros perk", "disadvantage drawback con cons downside", "reason cause", "method technique approach procedure", "tip advice suggestion",
    "important crucial", "clever smart intelligent", "occur happen", "choose select", "prevent avoid",
    "picture photo image photograph", "cheap inexpensive affordable", "expensive costly pricey", "cost price", "website site webpage", "internet web online", "ill sick", "unhappy sad", "happy glad",
    "beautiful pretty gorgeous", "wrong incorrect", "purpose goal aim", "solve resolve", "speak talk", "big large", "error mistake",
    "teacher instructor", "job employment", "company firm corporation", "house home", "road street", "garbage trash rubbish", "elevator lift_box", "vacation holiday", "store shop", "film movie",
    "usa us america american", "eu", "vomit puke", "exam examination test", "marry wed", "hate dislike", "permit allow", "forbid ban prohibit",
    "shut close", "rich wealthy", "fat overweight", "thin slim skinny", "strange weird", "terrible awful horrible", "mad angry", "afraid scared", "answer reply respond", "trip journey travel",
    "password passcode", "bicycle bike", "television tv", "advertisement ad advert", "refrigerator fridge", "laboratory lab", "mathematics math maths", "photograph photo", "mother mom", "father dad",
    "modify alter", "combine merge", "divide split", "show display", "hide conceal", "immediately instantly", "regularly frequently", "nowadays currently", "approximately roughly around", "additional extra",
    "method way_of", "change_noun update", "meaning definition", "define explain_term", "difference distinction", "different differ", "similar alike", "similarity resemblance", "need necessity",
    "possess own_v", "gather collect", "combat fight", "connect link_v", "setup configure", "verify verification", "withdraw withdrawal", "pay payment", "convert conversion", "nutrition nutritional", "activate activation", "cancel cancellation",
    "confirm confirmation", "translate translation", "calculate calculation", "decide decision", "arrive arrival", "depart departure", "educate education educational", "compete competition", "compare comparison",
    "improve improvement", "invest investment", "manage management", "measure measurement", "move movement", "announce announcement", "agree agreement", "argue argument", "create creation", "produce production",
    "reduce reduction", "introduce introduction", "protect protection", "pollute pollution", "communicate communication", "explore exploration", "automatic auto automatically", "invent inventor", "install installation", "invent invention", "discover discovery", "safe safety safely", "cure remedy", "treat treatment",
    "weight weigh", "long_time duration", "speed_up accelerate", "clean cleanse", "lose loss", "grow growth", "author writer", "physician doctor", "attorney lawyer", "cop policeman", "movie_theater cinema", "apartment flat",
    "login signin logon", "logout signout logoff", "signup register registration", "email mail_electronic", "wifi wireless", "ac aircon", "pc computer", "laptop notebook_pc", "screen display_n", "script program_text",
    "stop quit", "faucet tap", "overcome conquer", "recruit hire_v", "effect impact", "affect influence", "difficult tough challenging", "beginner novice newbie",
    "resume cv", "programmer coder", "belly stomach tummy abdomen", "pimple zit", "useful helpful", "harmful hazardous", "health healthy", "success succeed successful", "marry marriage",
    "choose choice", "sell sale", "fly flight", "believe belief", "analyze analysis", "graduate graduation", "recover recovery", "punish punishment", "attract attractive attraction", "pronounce pronunciation",
    "solve solution", "respond response", "remove removal", "approve approval", "survive survival", "deliver delivery", "infect infection", "breathe breath", "pregnant pregnancy", "concentrate concentration",
    "procrastinate procrastination", "motivate motivation", "meditate meditation", "evaporate evaporation", "hibernate hibernation", "migrate migration", "vaccinate vaccination", "immigrate immigration",
    "multiply multiplication", "subtract subtraction", "predict prediction", "react reaction", "digest digestion", "inspire inspiration", "imagine imagination", "adapt adaptation", "relax relaxation",
    "prepare preparation", "transport transportation", "explode explosion", "corrupt corruption", "erupt eruption", "girlfriend gf", "boyfriend bf", "mistake error", "leak leaky", "smell odor", "soil dirt_n",
    "gift present_n", "couch sofa", "soccer football_assoc", "gasoline petrol", "cookie biscuit_uk", "diaper nappy", "subway metro", "truck lorry", "zucchini courgette", "eggplant aubergine", "cilantro coriander",
    "folder directory", "function method_code", "list_n array_n", "string_t text_t", "database db", "repository repo", "kubernetes k8s", "javascript js", "typescript ts", "postgres postgresql", "python py_lang", "average mean_avg",
];

/// Pairs that turn a question round, on either side of which there may be several words.
#[rustfmt::skip]
const ANTONYMS: &[(&str, &str)] = &[
    ("enable activate on", "disable deactivate off"), ("increase raise grow rise gain", "reduce decrease lower shrink fall lose"), ("up", "down"), ("in into login enter", "out logout exit leave"), ("before", "after"),
    ("over above", "under below beneath"), ("good best better", "bad worst worse"), ("buy purchase", "sell"), ("import", "export"), ("install", "uninstall"), ("open", "close shut"), ("start begin", "stop end finish"),
    ("big large", "small little tiny"), ("long", "short"), ("tall high", "short low"), ("fast quick", "slow"), ("hot warm", "cold cool"), ("light", "dark heavy"), ("old", "new young"), ("early", "late"), ("first", "last"),
    ("add insert", "remove delete subtract"), ("attach", "detach"), ("connect", "disconnect"), ("lock", "unlock"), ("encrypt", "decrypt"), ("encode", "decode"), ("compress", "decompress extract"), ("push", "pull"),
    ("upload", "download"), ("send", "receive"), ("give", "take receive"), ("lend", "borrow"), ("win", "lose"), ("love like", "hate dislike"), ("true", "false"), ("right correct", "wrong incorrect"), ("left", "right"),
    ("top", "bottom"), ("front", "back"), ("inside", "outside"), ("internal", "external"), ("positive", "negative"), ("max maximum most", "min minimum least"), ("more", "less fewer"), ("always", "never"), ("all every", "none no"),
    ("with", "without"), ("male man boy", "female woman girl"), ("husband", "wife"), ("father", "mother"), ("son", "daughter"), ("brother", "sister"), ("uncle", "aunt"), ("king", "queen"), ("teacher", "student"),
    ("employer", "employee"), ("client", "server"), ("parent", "child"), ("doctor", "patient"), ("day", "night"), ("morning", "evening"), ("summer", "winter"), ("north", "south"), ("east", "west"), ("northern", "southern"),
    ("eastern", "western"), ("arrive arrival", "depart departure leave"), ("accept", "reject refuse decline"), ("allow permit", "forbid deny block prohibit"), ("include", "exclude"), ("advantage benefit pro", "disadvantage drawback con"),
    ("strength", "weakness"), ("strong", "weak"), ("hard difficult", "easy soft"), ("safe", "dangerous unsafe"), ("legal", "illegal"), ("possible", "impossible"), ("happy", "sad unhappy"), ("rich", "poor"), ("expensive", "cheap"),
    ("public", "private"), ("local", "remote global"), ("same similar", "different opposite"), ("similarity", "difference"), ("alive life live", "dead death die"), ("birth born", "death die"), ("ascend ascending", "descend descending"),
    ("horizontal", "vertical"), ("wide", "narrow"), ("thick", "thin"), ("full", "empty"), ("wet", "dry"), ("clean", "dirty"), ("sunrise", "sunset"), ("input", "output"), ("read", "write"), ("show", "hide"), ("forward", "backward reverse"),
    ("succeed success", "fail failure"), ("pass", "fail"), ("credit", "debit"), ("profit", "loss"), ("supply", "demand"), ("majority", "minority"), ("ancient", "modern"), ("hire", "fire"), ("marry", "divorce"), ("follow", "unfollow"),
    ("subscribe", "unsubscribe"), ("mute", "unmute"), ("pin", "unpin"), ("mount", "unmount"), ("zip", "unzip"), ("do", "undo"), ("freeze", "melt thaw"), ("expand", "collapse contract"), ("create build make", "destroy delete"), ("save", "spend waste"),
    ("deposit", "withdraw withdrawal"), ("appear", "disappear"), ("agree", "disagree"), ("approve", "reject disapprove"), ("attack", "defend defense"), ("question", "answer"), ("cause", "effect prevent cure"), ("sender", "recipient receiver"), ("breakfast", "dinner lunch"),
    ("odd", "even"), ("prefix", "suffix"), ("row", "column"), ("minute", "hour second"), ("union", "intersection"), ("lightest", "heaviest"), ("oldest", "youngest newest"), ("cheapest", "most"), ("biggest largest", "smallest"), ("longest", "shortest"),
    ("highest tallest", "lowest shortest"), ("fastest", "slowest"), ("earliest", "latest"), ("best", "worst"), ("hottest", "coldest"), ("older", "younger newer"), ("bigger larger", "smaller"), ("longer", "shorter"), ("higher taller", "lower shorter"),
    ("faster", "slower"), ("earlier", "later"), ("hotter", "colder"), ("richer", "poorer"), ("heavier", "lighter"), ("stronger", "weaker"), ("cheaper", "costlier"), ("symmetric", "asymmetric"), ("synchronous", "asynchronous"), ("singular", "plural"),
    ("vegetarian vegan", "meat"), ("stateful", "stateless"), ("mutable", "immutable"), ("static", "dynamic"), ("single", "married multiple"), ("sync", "async"), ("head", "tail"), ("lower", "upper raise"), ("lowercase", "uppercase"),
];

/// Verbs whose forms no rule brings together, and words of one family that end differently.
#[rustfmt::skip]
const IRREGULAR: &[&str] = &[
    "go went gone goes", "do did done", "make made", "get got gotten", "take took taken", "give gave given", "see saw seen", "know knew known", "think thought", "find found", "tell told", "become became", "leave left_v", "feel felt",
    "bring brought", "buy bought", "sell sold", "lend lent", "pay paid", "say said", "begin began begun", "keep kept", "hold held", "write wrote written", "run ran", "speak spoke spoken", "eat ate eaten", "drink drank drunk", "drive drove driven",
    "fly flew flown", "fall fell fallen", "grow grew grown", "choose chose chosen", "break broke broken", "wear wore worn", "teach taught", "catch caught", "fight fought", "win won", "lose lost", "build built", "send sent", "spend spent",
    "sleep slept", "meet met", "lead led", "sing sang sung", "swim swam swum", "steal stole stolen", "throw threw thrown", "draw drew drawn", "show shown", "hide hid hidden", "forget forgot forgotten", "learn learned", "die dying", "lie lying", "born birth",
    "hear heard", "understand understood", "stand stood", "sit sat", "rise rose_v risen", "shoot shot", "bite bitten", "shake shook shaken", "wake woke woken", "freeze froze frozen", "owe owed", "borrow borrowed",
];

/// Everything by word.
pub(super) struct Lexicon {
    senses: HashMap<&'static str, Sense>,
    roles: HashMap<&'static str, u8>,
    roots: HashMap<&'static str, &'static str>,
    /// Pair and side.
    antonyms: HashMap<&'static str, Vec<(u8, bool)>>,
}

/// The lexicon, made at its first use.
pub(super) fn lexicon() -> &'static Lexicon {
    static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::make);
    &LEXICON
}

impl Lexicon {
    pub(super) fn sense(&self, word: &str) -> Option<Sense> {
        self.senses.get(word).copied()
    }

    pub(super) fn role(&self, word: &str) -> Option<u8> {
        self.roles.get(word).copied()
    }

    /// Whether two roles are one where prepositions are weak: "books on bees" are about bees, "in" a system is "on" it. 0 is no role.
    pub(super) fn roles_agree(&self, a: u8, b: u8) -> bool {
        let of = |word| self.role(word).map_or(0, |role| role + 1);
        let near = |other: u8| other == of("in") || other == of("about");
        a == b || a == 0 || b == 0 || a == of("on") && near(b) || b == of("on") && near(a)
    }

    pub(super) fn root<'w>(&'static self, word: &'w str) -> Option<&'w str> {
        self.roots.get(word).copied()
    }

    pub(super) fn antonyms(&self, word: &str) -> &[(u8, bool)] {
        self.antonyms.get(word).map_or(&[], Vec::as_slice)
    }

    fn make() -> Self {
        let mut senses = HashMap::with_capacity(1024);
        senses.extend(FUNCTION_WORDS.split_whitespace().map(|word| (word, Sense::Filler)));
        senses.extend(WEAK_WORDS.split_whitespace().map(|word| (word, Sense::Weak)));
        senses.extend(groups(LIGHT_VERBS).map(|(i, word)| (word, Sense::Light(i))));
        senses.extend(groups(PERSONS).map(|(i, word)| (word, Sense::Person(i))));
        senses.extend(groups(UNITS).map(|(i, word)| (word, Sense::Unit(i))));
        senses.extend(groups(DATES).map(|(i, word)| (word, Sense::Date(i))));
        senses.extend(groups(QUANTIFIERS).map(|(i, word)| (word, Sense::Quantifier(i))));
        senses.extend(groups(ROLES).map(|(i, word)| (word, Sense::Role(i))));
        senses.extend(groups(RELATIONS).map(|(i, word)| (word, Sense::Relation(i))));
        senses.extend(NEGATIONS.split_whitespace().map(|word| (word, Sense::Negation)));
        let asks = [
            ("what", Ask::What),
            ("which", Ask::What),
            ("who", Ask::Who),
            ("whom", Ask::Who),
            ("whose", Ask::Whose),
            ("when", Ask::When),
            ("where", Ask::Where),
            ("why", Ask::Why),
            ("how", Ask::How),
        ];
        senses.extend(asks.map(|(word, ask)| (word, Sense::Question(ask))));
        let times = [
            ("is", Time::Present),
            ("do", Time::Present),
            ("was", Time::Past),
            ("did", Time::Past),
            ("will", Time::Future),
            ("shall", Time::Future),
            ("can", Time::Possible),
            ("could", Time::Possible),
            ("would", Time::Open),
            ("may", Time::Possible),
            ("might", Time::Possible),
            ("have", Time::Perfect),
            ("had", Time::Perfect),
        ];
        senses.extend(times.map(|(word, time)| (word, Sense::Auxiliary(time))));
        senses.extend(["should", "must", "ought"].map(|word| (word, Sense::Obligation)));
        let roles = groups(ROLES).map(|(i, word)| (word, i)).collect();
        let mut roots = HashMap::with_capacity(1024);
        let families = SYNONYMS.iter().chain(IRREGULAR).map(|group| group.split(' '));
        for mut family in families {
            let Some(first) = family.next() else { continue };
            let root = *roots.get(first).unwrap_or(&first);
            roots.insert(first, root);
            for word in family {
                roots.entry(word).or_insert(root);
            }
        }
        let mut antonyms: HashMap<&str, Vec<(u8, bool)>> = HashMap::with_capacity(512);
        for (i, (left, right)) in ANTONYMS.iter().enumerate() {
            let pair = u8::try_from(i).unwrap_or(u8::MAX);
            left.split(' ').for_each(|word| antonyms.entry(word).or_default().push((pair, false)));
            right.split(' ').for_each(|word| antonyms.entry(word).or_default().push((pair, true)));
        }
        Self { senses, roles, roots, antonyms }
    }
}

fn groups(groups: &'static [&'static str]) -> impl Iterator<Item = (u8, &'static str)> {
    let numbered = groups.iter().enumerate().map(|(i, group)| (u8::try_from(i).unwrap_or(u8::MAX), group));
    numbered.flat_map(|(i, group)| group.split(' ').map(move |word| (i, word)))
}
