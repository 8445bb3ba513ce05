//! What a model refuses. OpenAI answers a parameter that a model does not take with a 400 and says nowhere in a form for machines which
//! those are: <https://platform.openai.com/docs/guides/reasoning>, <https://platform.openai.com/docs/guides/latest-model>.

use crate::openai::format::Effort;

/// What the name of a model says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `gpt-4o` and its like, which do not think; and what nobody here knows, which is left to OpenAI.
    Plain,
    /// Listens and speaks.
    Audio,
    /// Searches the web by itself.
    Search,
    /// `o1`, `o3`, `o4-mini`.
    O,
    /// `gpt-5` and its sizes (0), `gpt-5.1` (1) and so on; not those of ChatGPT (`gpt-5-chat`), which are plain.
    Gpt5(u32),
}

/// A model and how hard it is going to think.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities<'a> {
    id: &'a str,
    family: Family,
}

/// A thinking model is told how random to be by nobody but itself; these go with `temperature`.
const SAMPLING: &[&str] =
    &["frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "prediction"];

/// What only some families take, whatever else they do.
const SPEAKING: &[&str] = &["modalities", "audio"];
const SEARCHING: &[&str] = &["web_search_options"];
const CACHING: &[&str] = &["prompt_cache_options"];
const VERBOSE: &[&str] = &["verbosity"];

impl<'a> Abilities<'a> {
    pub(super) fn of(id: &'a str) -> Self {
        let family = match id {
            _ if id.contains("-search-") => Family::Search,
            _ if id.contains("-audio") => Family::Audio,
            _ if id.contains("chat") => Family::Plain,
            _ if ["o1", "o3", "o4"].iter().any(|family| id.starts_with(family)) => Family::O,
            _ => id.strip_prefix("gpt-5").map_or(Family::Plain, |rest| Family::Gpt5(minor(rest))),
        };
        Self { id, family }
    }

    /// How hard it is told to think: the nearest that it takes, none where it is told nothing. Together with functions the newer ones
    /// are refused thinking, `gpt-5.6` even that which it would do by itself: OpenAI keeps the two together for another API.
    pub(super) fn effort(self, wanted: Option<Effort>, calls_functions: bool) -> Option<Effort> {
        match self.family {
            Family::Gpt5(6..) if calls_functions => Some(Effort::None),
            Family::Gpt5(4..) if calls_functions => wanted.filter(|&effort| effort == Effort::None),
            _ => self.nearest(wanted?),
        }
    }

    fn nearest(self, wanted: Effort) -> Option<Effort> {
        let taken: &[Effort] = match self.family {
            Family::O => &[Effort::Low, Effort::Medium, Effort::High],
            Family::Gpt5(0) => &[Effort::Minimal, Effort::Low, Effort::Medium, Effort::High],
            Family::Gpt5(1) => &[Effort::None, Effort::Low, Effort::Medium, Effort::High],
            Family::Gpt5(2..=5) => &[Effort::None, Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh],
            // Newer ones know all the words, and what they do not they refuse themselves.
            Family::Gpt5(_) => return Some(wanted),
            Family::Audio => &[],
            Family::Plain | Family::Search => return (!self.is_of_the_first()).then_some(wanted),
        };
        // A wish between two words is met by the lower: thinking costs.
        taken.iter().rev().find(|&&effort| effort <= wanted).or(taken.first()).copied()
    }

    /// Whether it is known to be from before the models that think.
    fn is_of_the_first(self) -> bool {
        ["gpt-3.5", "gpt-4", "chatgpt-4", "gpt-5-chat"].iter().any(|family| self.id.starts_with(family))
    }

    /// Whether it can be told how much to say: "does not support 'low' with this model. Supported values are: 'medium'".
    fn takes_verbosity(self) -> bool {
        match self.family {
            Family::Gpt5(_) => true,
            Family::Plain => !self.is_of_the_first(),
            Family::Audio | Family::Search | Family::O => false,
        }
    }

    /// Whether it thinks unless it is told not to.
    fn thinks_by_itself(self) -> bool {
        match self.family {
            Family::O | Family::Gpt5(0 | 5..) => true,
            Family::Plain | Family::Audio | Family::Search | Family::Gpt5(_) => false,
        }
    }

    /// Whether it takes `temperature` and `top_p`, given how hard it is told to think.
    pub(super) fn samples(self, effort: Option<Effort>) -> bool {
        match self.family {
            Family::Plain | Family::Audio => true,
            Family::Search | Family::O | Family::Gpt5(0) => false,
            Family::Gpt5(_) => effort.map_or(!self.thinks_by_itself(), |effort| effort == Effort::None),
        }
    }

    pub(super) fn takes_stop(self) -> bool {
        match self.family {
            Family::Plain | Family::Audio => true,
            Family::Search | Family::Gpt5(_) => false,
            Family::O => self.id.starts_with("o1") || self.id.starts_with("o3-mini"),
        }
    }

    pub(super) fn takes_parallel_tool_calls(self) -> bool {
        self.family != Family::O
    }

    /// Whether it speaks, and is reminded of what it said: <https://platform.openai.com/docs/guides/audio>.
    pub(super) fn speaks(self) -> bool {
        self.family == Family::Audio
    }

    /// Whether it can be told where its prompt cache may end: <https://platform.openai.com/docs/guides/prompt-caching>.
    pub(super) fn takes_cache_marks(self) -> bool {
        matches!(self.family, Family::Gpt5(6..))
    }

    /// The untyped fields that it refuses.
    pub(super) fn refused(self, effort: Option<Effort>) -> impl Iterator<Item = &'static str> {
        let sampling: &[&str] = match self.family {
            Family::Audio => &["logprobs", "top_logprobs", "prediction"],
            _ if !self.samples(effort) => SAMPLING,
            _ => &[],
        };
        let unless = |takes: bool, names: &'static [&'static str]| if takes { &[] } else { names };
        let others = [
            unless(self.speaks(), SPEAKING),
            unless(self.family == Family::Search, SEARCHING),
            unless(self.takes_cache_marks(), CACHING),
            unless(self.takes_verbosity(), VERBOSE),
        ];
        sampling.iter().chain(others.into_iter().flatten()).copied()
    }
}

/// 4 of `.4-mini-2026-03-17`, 0 of `-mini`.
fn minor(rest: &str) -> u32 {
    let digits = rest.strip_prefix('.').map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    digits.flatten().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_takes_what_its_family_takes() {
        #[rustfmt::skip]
        let table = [
            // model,                      effort,               samples, stop
            ("gpt-4o-mini",                None,                 true,  true),
            ("chatgpt-4o-latest",          None,                 true,  true),
            ("gpt-5-chat-latest",          None,                 true,  true),
            ("gpt-4o-mini-search-preview", None,                 false, false),
            ("o1-2024-12-17",              None,                 false, true),
            ("o3-mini",                    None,                 false, true),
            ("o3",                         None,                 false, false),
            ("o4-mini",                    None,                 false, false),
            ("gpt-5-nano",                 None,                 false, false),
            ("gpt-5.1",                    None,                 true,  false),
            ("gpt-5.4-mini-2026-03-17",    Some(Effort::Low),    false, false),
            ("gpt-5.6-sol",                None,                 false, false),
            ("gpt-5.6-sol",                Some(Effort::None),   true,  false),
        ];
        for (model, effort, samples, stop) in table {
            let abilities = Abilities::of(model);
            assert_eq!((abilities.samples(effort), abilities.takes_stop()), (samples, stop), "{model} {effort:?}");
        }
    }

    #[test]
    fn an_effort_is_brought_to_the_nearest_that_there_is() {
        let (none, low, high) = (Some(Effort::None), Some(Effort::Low), Some(Effort::High));
        #[rustfmt::skip]
        let table = [
            ("o3",          none,                  false, low,                   "it always thinks"),
            ("o3",          Some(Effort::Max),     false, high,                  "as much as there is"),
            ("gpt-5",       none,                  false, Some(Effort::Minimal), "it always thinks"),
            ("gpt-5",       high,                  true,  high,                  "it thinks and calls"),
            ("gpt-5.1",     Some(Effort::Minimal), false, none,                  "between two words"),
            ("gpt-5.2",     Some(Effort::Xhigh),   false, Some(Effort::Xhigh),   "as it is"),
            ("gpt-5.4",     high,                  true,  None,                  "it thinks or calls"),
            ("gpt-5.4",     none,                  true,  none,                  "as it is"),
            ("gpt-5.6",     Some(Effort::Max),     false, Some(Effort::Max),     "as it is"),
            ("gpt-5.6-sol", None,                  true,  none,                  "it would think, and be refused for it"),
            ("gpt-4o",      low,                   false, None,                  "it never thinks"),
            ("gpt-audio",   low,                   false, None,                  "it never thinks"),
            ("chat-latest", low,                   false, low,                   "unknown: OpenAI may say"),
        ];
        for (model, wanted, calls, taken, why) in table {
            assert_eq!(Abilities::of(model).effort(wanted, calls), taken, "{model}: {why}");
        }
    }
}
