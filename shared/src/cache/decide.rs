//! What the cache does with a request: which tiers are asked, whether the answer is kept, and which stored answer is served.

use super::{
    control::{Control, Tier},
    eligibility::{Eligibility, Unfit},
    guards::{self, Guard, Reading},
    namespace::Sharing,
    trust::{DEFAULT_LIMIT, Mode},
};
use std::time::Duration;

/// The similarity that a text must have if the tenant says nothing.
pub const DEFAULT_THRESHOLD: f32 = 0.95;
/// Below this no tenant may set it: at 0.92 one hit in five is wrong without guards.
pub const LEAST_THRESHOLD: f32 = 0.92;
/// What is enough where no guard objects and the two are worded alike ([`guards::same_wording`]), unless somebody asked for more than
/// [`DEFAULT_THRESHOLD`]: synonyms and lead-ins move the vector of a short text further than they move what it asks.
pub const WORDED_ALIKE: f32 = 0.87;

/// The same of vectors that a provider's model makes: what is near differs from model to model, so the tenant must say it, and this is
/// only what is near for none of them.
pub const LEAST_OF_A_PROVIDER: f32 = 0.7;

/// What makes the vectors that tier 2 compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vectors {
    /// The model in this process, for which the thresholds here were measured.
    #[default]
    InProcess,
    /// A provider's model, which the tenant named.
    OfAProvider,
}

/// What a tenant or a key has set. A key's setting narrows its tenant's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The highest tier that may answer; none switches the cache off.
    pub tier: Option<Tier>,
    /// The least similarity of tier 2.
    pub threshold: f32,
    /// What makes the vectors.
    pub vectors: Vectors,
    /// The most errors per hit before tier 2 goes back to shadow.
    pub error_limit: f64,
    /// For whom answers are kept.
    pub sharing: Sharing,
    /// Whether the last turn of equal conversations may match loosely.
    pub earlier_turns: bool,
    /// How long answers are kept that tier 0 and tier 1 serve.
    pub ttl: Duration,
    /// How long tier 2 serves an answer.
    pub semantic_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tier: Some(Tier::Semantic),
            threshold: DEFAULT_THRESHOLD,
            vectors: Vectors::InProcess,
            error_limit: DEFAULT_LIMIT,
            sharing: Sharing::Key,
            earlier_turns: false,
            ttl: Duration::from_secs(24 * 3600),
            semantic_ttl: Duration::from_secs(6 * 3600),
        }
    }
}

impl Settings {
    /// The tenant's with a key's on top: each takes away and none adds.
    #[must_use]
    pub fn narrowed(self, key: &Self) -> Self {
        Self {
            tier: self.tier.min(key.tier),
            threshold: self.threshold.max(key.threshold),
            vectors: self.vectors,
            error_limit: self.error_limit.min(key.error_limit),
            sharing: if key.sharing == Sharing::Key { Sharing::Key } else { self.sharing },
            earlier_turns: self.earlier_turns && key.earlier_turns,
            ttl: self.ttl.min(key.ttl),
            semantic_ttl: self.semantic_ttl.min(key.semantic_ttl),
        }
    }
}

/// What tier 2 does for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantic {
    /// It is not asked.
    Off,
    /// It is asked, and what it finds is compared with the provider's answer.
    Shadow,
    /// What it finds is served.
    Serve,
}

/// Why nothing was looked up, as `x-supergate-cache` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// DISABLED: the tenant or the key has it off.
    Disabled,
    /// BYPASS: the caller said so.
    ByCaller,
    /// BYPASS: the request is never cached.
    Unfit(Unfit),
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Whether tier 0 is asked.
    pub exact: bool,
    /// Whether tier 1 is.
    pub canonical: bool,
    /// What tier 2 does.
    pub semantic: Semantic,
    /// Whether the answer is kept, if it is fit.
    pub write: bool,
    /// The least similarity.
    pub threshold: Threshold,
    /// How long the answer is kept.
    pub ttl: Duration,
    /// Why nothing is looked up, if nothing is.
    pub passed: Option<Passed>,
}

/// Makes the plan.
pub fn plan(settings: &Settings, control: &Control, fit: &Eligibility, mode: Mode) -> Plan {
    let tier = settings.tier.min(control.tier.map_or(settings.tier, Some));
    let passed = match (tier, fit.exact) {
        (None, _) => Some(Passed::Disabled),
        (_, Err(unfit)) => Some(Passed::Unfit(unfit)),
        _ if !control.read => Some(Passed::ByCaller),
        _ => None,
    };
    let reads = passed.is_none();
    let semantic = match mode {
        _ if !reads || tier < Some(Tier::Semantic) || fit.semantic.is_err() => Semantic::Off,
        Mode::Shadow => Semantic::Shadow,
        Mode::Serving => Semantic::Serve,
    };
    Plan {
        exact: reads,
        canonical: reads && tier >= Some(Tier::Canonical) && fit.canonical.is_ok(),
        semantic,
        write: control.write && tier.is_some() && fit.exact.is_ok(),
        threshold: Threshold::of(settings, control),
        ttl: control.ttl.map_or(settings.ttl, |ttl| ttl.min(settings.ttl)),
        passed,
    }
}

/// A stored prompt that a vector look-up found.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The cosine.
    pub similarity: f32,
    /// Its prompt, read.
    pub reading: &'a Reading,
}

/// What tier 2 says of what was found.
#[derive(Debug, Clone, Copy)]
pub enum Choice {
    /// The most similar to which no guard objects, by its place.
    Serve(usize),
    /// The most similar was near enough, and this guard objected to it.
    Refused(&'static Guard),
    /// Nothing was near enough.
    Nothing,
}

/// How similar two texts must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Whatever they say.
    pub near: f32,
    /// Where they are worded alike: what is asked of the store.
    pub floor: f32,
}

impl Threshold {
    /// In the vectors of this process.
    #[must_use]
    pub fn in_process(near: f32) -> Self {
        Self { near, floor: if near > DEFAULT_THRESHOLD { near } else { WORDED_ALIKE.min(near) } }
    }

    /// What a tenant has set, and a caller raised.
    fn of(settings: &Settings, control: &Control) -> Self {
        let near = control.threshold.unwrap_or(settings.threshold).max(settings.threshold);
        match settings.vectors {
            Vectors::InProcess => Self::in_process(near.max(LEAST_THRESHOLD)),
            // Nobody has measured what another model makes of wording.
            Vectors::OfAProvider => {
                let near = near.max(LEAST_OF_A_PROVIDER);
                Self { near, floor: near }
            }
        }
    }
}

/// Chooses among candidates, best first or not.
pub fn choose(prompt: &Reading, candidates: &[Candidate<'_>], threshold: Threshold) -> Choice {
    let mut near: Vec<(usize, &Candidate<'_>)> =
        candidates.iter().enumerate().filter(|(_, candidate)| candidate.similarity >= threshold.floor).collect();
    near.sort_by(|(_, a), (_, b)| b.similarity.total_cmp(&a.similarity));
    let mut first_objection = None;
    for (place, candidate) in near {
        let is_near = candidate.similarity >= threshold.near;
        match guards::objection(prompt, candidate.reading) {
            None if is_near || guards::same_wording(prompt, candidate.reading) => return Choice::Serve(place),
            Some(guard) if is_near => first_objection = first_objection.or(Some(guard)),
            _ => {}
        }
    }
    first_objection.map_or(Choice::Nothing, Choice::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: Eligibility = Eligibility { exact: Ok(()), canonical: Ok(()), semantic: Ok(()) };

    fn asked(settings: &Settings, control: &Control, fit: &Eligibility, mode: Mode) -> (bool, bool, Semantic, bool) {
        let plan = plan(settings, control, fit, mode);
        (plan.exact, plan.canonical, plan.semantic, plan.write)
    }

    #[test]
    fn which_tiers_are_asked_and_whether_the_answer_is_kept() {
        use Semantic::{Off, Serve, Shadow};
        let (on, said) = (Settings::default(), Control::default());
        let upto = |tier| Settings { tier, ..on };
        let no_text =
            Eligibility { canonical: Err(Unfit::NotAPersonsText), semantic: Err(Unfit::NotAPersonsText), ..FIT };
        let tools = Eligibility { exact: Err(Unfit::Tools), canonical: Err(Unfit::Tools), semantic: Err(Unfit::Tools) };
        #[rustfmt::skip]
        let table = [
            (on,                          said.clone(),                                             FIT,     Mode::Shadow,  (true, true, Shadow, true),   "as it begins"),
            (on,                          said.clone(),                                             FIT,     Mode::Serving, (true, true, Serve, true),    "proven"),
            (upto(Some(Tier::Canonical)), said.clone(),                                             FIT,     Mode::Serving, (true, true, Off, true),      "the tenant wants no vectors"),
            (upto(Some(Tier::Exact)),     said.clone(),                                             FIT,     Mode::Serving, (true, false, Off, true),     "nor canonical text"),
            (upto(None),                  said.clone(),                                             FIT,     Mode::Serving, (false, false, Off, false),   "nothing at all"),
            (on,                          Control { tier: Some(Tier::Exact), ..said.clone() },      FIT,     Mode::Serving, (true, false, Off, true),     "the caller wants the same bytes"),
            (upto(Some(Tier::Exact)),     Control { tier: Some(Tier::Semantic), ..said.clone() },   FIT,     Mode::Serving, (true, false, Off, true),     "a caller cannot widen"),
            (on,                          Control { read: false, ..said.clone() },                  FIT,     Mode::Serving, (false, false, Off, true),    "anew, and kept"),
            (on,                          Control { read: false, write: false, ..said.clone() },    FIT,     Mode::Serving, (false, false, Off, false),   "no-store"),
            (on,                          said.clone(),                                             no_text, Mode::Serving, (true, false, Off, true),     "an image matches exactly only"),
            (on,                          said,                                                     tools,   Mode::Serving, (false, false, Off, false),   "never"),
        ];
        for (settings, control, fit, mode, expected, why) in table {
            assert_eq!(asked(&settings, &control, &fit, mode), expected, "{why}");
        }
    }

    #[test]
    fn a_threshold_is_only_raised_and_a_key_only_narrows() {
        let tenant = Settings { threshold: 0.96, ..Settings::default() };
        let with =
            |threshold| plan(&tenant, &Control { threshold, ..Control::default() }, &FIT, Mode::Serving).threshold.near;
        assert_eq!((with(None), with(Some(0.98)), with(Some(0.93))), (0.96, 0.98, 0.96));
        let low = Settings { threshold: 0.5, ..Settings::default() };
        assert_eq!(plan(&low, &Control::default(), &FIT, Mode::Serving).threshold.near, LEAST_THRESHOLD);
        let of_a_provider = Settings { vectors: Vectors::OfAProvider, ..low };
        let least = Threshold { near: LEAST_OF_A_PROVIDER, floor: LEAST_OF_A_PROVIDER };
        assert_eq!(plan(&of_a_provider, &Control::default(), &FIT, Mode::Serving).threshold, least);
        let key = Settings { tier: Some(Tier::Exact), threshold: 0.9, sharing: Sharing::Tenant, ..Settings::default() };
        let both = tenant.narrowed(&key);
        assert_eq!((both.tier, both.threshold, both.sharing), (Some(Tier::Exact), 0.96, Sharing::Key));
    }

    #[test]
    fn the_most_similar_that_no_guard_objects_to_is_served() {
        let prompt = Reading::of("How do I boil 3 eggs in a kettle?");
        let texts = [
            "How do I boil 4 eggs in a kettle?",
            "How do I get 3 eggs to boil in a kettle?",
            "How can I boil three eggs in the kettle?",
        ];
        let readings = texts.map(Reading::of);
        let of = |similarities: [f32; 3], threshold: f32| -> Choice {
            let candidates: Vec<Candidate<'_>> = similarities
                .into_iter()
                .zip(&readings)
                .map(|(similarity, reading)| Candidate { similarity, reading })
                .collect();
            choose(&prompt, &candidates, Threshold::in_process(threshold))
        };
        #[rustfmt::skip]
        let table: [(_, _, Result<usize, &str>, _); 6] = [
            ([0.99, 0.96, 0.70], 0.95, Ok(1),          "the nearest has another number"),
            ([0.99, 0.94, 0.70], 0.95, Err("numbers"), "worded otherwise, 0.94 is too little"),
            ([0.94, 0.94, 0.86], 0.95, Err(""),        "nothing is near enough"),
            ([0.99, 0.94, 0.88], 0.95, Ok(2),          "worded alike, 0.88 is enough"),
            ([0.94, 0.94, 0.88], 0.92, Ok(1),          "a tenant may go down to 0.92"),
            ([0.94, 0.94, 0.95], 0.96, Err(""),        "who asks for more gets no less"),
        ];
        for (similarities, threshold, expected, why) in table {
            let said = match of(similarities, threshold) {
                Choice::Serve(place) => Ok(place),
                Choice::Refused(guard) => Err(guard.name),
                Choice::Nothing => Err(""),
            };
            assert_eq!(said, expected, "{why}");
            assert!(
                Threshold::in_process(threshold).floor <= threshold,
                "nothing that could be served is left in the store"
            );
        }
    }
}
