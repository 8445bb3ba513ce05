//! What a caller may say about the cache: `Cache-Control` and the `x-supergate-cache-*` headers. What is not understood is refused by name,
//! because a caller who writes `no-store` in another way must not learn from a stored answer that it was not read.

use crate::openai::Invalid;
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// The highest tier that may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// T0: the same request, byte for byte.
    Exact,
    /// T1: the same canonical text.
    Canonical,
    /// T2: a similar text that the guards agree to.
    Semantic,
}

impl Tier {
    /// As it is written in headers and statistics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Canonical => "canonical",
            Self::Semantic => "semantic",
        }
    }

    /// What a header names.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Exact, Self::Canonical, Self::Semantic].into_iter().find(|tier| tier.as_str() == text)
    }
}

/// What a caller said.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// Whether a stored answer may be served (`no-store` and `no-cache` say no).
    pub read: bool,
    /// Whether the answer may be stored (`no-store` says no).
    pub write: bool,
    /// How old a served answer may be.
    pub max_age: Option<Duration>,
    /// Whether a miss is an error, and no provider is called.
    pub only_if_cached: bool,
    /// The caller's own part of its cache.
    pub label: Option<String>,
    /// How long the answer is kept, at most as long as the tenant's setting.
    pub ttl: Option<Duration>,
    /// The least similarity; never below the tenant's.
    pub threshold: Option<f32>,
    /// The highest tier that may answer.
    pub tier: Option<Tier>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            read: true,
            write: true,
            max_age: None,
            only_if_cached: false,
            label: None,
            ttl: None,
            threshold: None,
            tier: None,
        }
    }
}

/// What our request headers begin with.
pub const PREFIX: &str = "x-supergate-cache-";
/// The longest time an answer may be asked to be kept: thirty days.
pub const LONGEST_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
const LONGEST_LABEL: usize = 64;

impl Control {
    /// Reads the headers of a request. `floor` is the tenant's threshold.
    ///
    /// # Errors
    /// [`Invalid`] that names the header and what to change.
    pub fn read(headers: &HeaderMap, floor: f32) -> Result<Self, Invalid> {
        let mut control = Self::default();
        for line in headers.get_all(http::header::CACHE_CONTROL) {
            let line = line.to_str().map_err(|_| Invalid::value("cache-control", "must be plain text"))?;
            for directive in line.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
                control.directive(directive)?;
            }
        }
        for name in headers.keys().filter(|name| name.as_str().starts_with(PREFIX)) {
            control.own(name, headers, floor)?;
        }
        if control.only_if_cached && !control.read {
            return Err(Invalid::value(
                "cache-control",
                "`only-if-cached` cannot be met beside `no-store` or `no-cache`",
            ));
        }
        Ok(control)
    }

    fn directive(&mut self, directive: &str) -> Result<(), Invalid> {
        let (name, value) = directive.split_once('=').map_or((directive, None), |(name, value)| (name, Some(value)));
        match (name.trim().to_ascii_lowercase().as_str(), value.map(|value| value.trim().trim_matches('"'))) {
            ("no-store", None) => (self.read, self.write) = (false, false),
            ("no-cache", None) => self.read = false,
            ("only-if-cached", None) => self.only_if_cached = true,
            ("max-age", Some(age)) => {
                let seconds = seconds(age).ok_or_else(|| {
                    Invalid::value("cache-control", "`max-age` must be a number of seconds, as `max-age=3600`")
                })?;
                self.max_age = Some(self.max_age.map_or(seconds, |before| before.min(seconds)));
            }
            _ => {
                let known = "is not understood: use `no-store`, `no-cache`, `max-age=N` or `only-if-cached`";
                return Err(Invalid::value("cache-control", format!("`{}` {known}", shown(directive))));
            }
        }
        Ok(())
    }

    fn own(&mut self, name: &HeaderName, headers: &HeaderMap, floor: f32) -> Result<(), Invalid> {
        let mut values = headers.get_all(name).iter();
        let value = match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => value.trim(),
            _ => return Err(Invalid::value(name.as_str(), "must be given once, as plain text")),
        };
        match &name.as_str()[PREFIX.len()..] {
            "namespace" => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
                if value.is_empty() || value.len() > LONGEST_LABEL || !value.chars().all(allowed) {
                    let form =
                        format!("must have 1 to {LONGEST_LABEL} letters, digits, points, underscores and hyphens");
                    return Err(Invalid::value(name.as_str(), form));
                }
                self.label = Some(value.to_owned());
            }
            "ttl" => {
                let ttl = seconds(value).filter(|ttl| *ttl > Duration::ZERO && *ttl <= LONGEST_TTL);
                let form = || format!("must be a number of seconds from 1 to {}", LONGEST_TTL.as_secs());
                self.ttl = Some(ttl.ok_or_else(|| Invalid::value(name.as_str(), form()))?);
            }
            "threshold" => {
                let threshold = value.parse().ok().filter(|threshold| (floor..=1.0).contains(threshold));
                let form = || format!("must be from {floor} (the tenant's own) to 1: it can only be raised");
                self.threshold = Some(threshold.ok_or_else(|| Invalid::value(name.as_str(), form()))?);
            }
            "tier" => {
                let form = "must be `exact`, `canonical` or `semantic`";
                self.tier = Some(Tier::parse(value).ok_or_else(|| Invalid::value(name.as_str(), form))?);
            }
            _ => {
                let known = "is not a header of ours: there are `namespace`, `ttl`, `threshold` and `tier`";
                return Err(Invalid::value(name.as_str(), known));
            }
        }
        Ok(())
    }
}

/// Digits only: neither a sign nor a point. More than ten of them are no time.
fn seconds(text: &str) -> Option<Duration> {
    let plain = !text.is_empty() && text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok().map(Duration::from_secs)).flatten()
}

/// The beginning of what a caller wrote, for the message.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines = &'static [(&'static str, &'static str)];

    fn read(lines: &[(&str, &str)]) -> Result<Control, Invalid> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::try_from(*name).expect("a name"), value.parse().expect("a value"));
        }
        Control::read(&headers, 0.95)
    }

    #[test]
    fn what_a_caller_may_say() {
        let plain = Control::default;
        let s = Duration::from_secs;
        #[rustfmt::skip]
        let table: Vec<(Lines, Control, &str)> = vec![
            (&[],                                                plain(),                                                     "nothing"),
            (&[("cache-control", "no-store")],                   Control { read: false, write: false, ..plain() },            "neither"),
            (&[("cache-control", "No-Cache")],                   Control { read: false, ..plain() },                          "anew, and kept"),
            (&[("cache-control", "max-age=60, only-if-cached")], Control { max_age: Some(s(60)), only_if_cached: true, ..plain() }, "two"),
            (&[("cache-control", "max-age=60"), ("cache-control", "max-age=\"30\"")], Control { max_age: Some(s(30)), ..plain() }, "the stricter"),
            (&[("x-supergate-cache-namespace", "team-a.v1")],    Control { label: Some("team-a.v1".into()), ..plain() },      "its own part"),
            (&[("x-supergate-cache-ttl", "3600")],               Control { ttl: Some(s(3600)), ..plain() },                   "an hour"),
            (&[("x-supergate-cache-threshold", "0.97")],         Control { threshold: Some(0.97), ..plain() },                "upwards"),
            (&[("x-supergate-cache-tier", "canonical")],         Control { tier: Some(Tier::Canonical), ..plain() },          "no vectors"),
        ];
        for (lines, expected, why) in table {
            assert_eq!(read(lines).expect(why), expected, "{why}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        #[rustfmt::skip]
        let table: [(Lines, &str, &str); 16] = [
            (&[("cache-control", "nostore")],                        "cache-control", "a slip must not be taken for consent"),
            (&[("cache-control", "no-store=1")],                     "cache-control", "it takes no value"),
            (&[("cache-control", "max-age")],                        "cache-control", "it takes one"),
            (&[("cache-control", "max-age=-1")],                     "cache-control", "no time"),
            (&[("cache-control", "max-age=1e9")],                    "cache-control", "no digits"),
            (&[("cache-control", "only-if-cached, no-cache")],       "cache-control", "cannot be met"),
            (&[("x-supergate-cache-threshold", "0.94")],             "x-supergate-cache-threshold", "below the floor"),
            (&[("x-supergate-cache-threshold", "1.01")],             "x-supergate-cache-threshold", "nothing is so similar"),
            (&[("x-supergate-cache-threshold", "nan")],              "x-supergate-cache-threshold", "no number"),
            (&[("x-supergate-cache-ttl", "0")],                      "x-supergate-cache-ttl", "no time at all"),
            (&[("x-supergate-cache-ttl", "99999999999")],            "x-supergate-cache-ttl", "three thousand years"),
            (&[("x-supergate-cache-ttl", "2592001")],                "x-supergate-cache-ttl", "a second more than a month"),
            (&[("x-supergate-cache-namespace", "a b")],              "x-supergate-cache-namespace", "a space"),
            (&[("x-supergate-cache-namespace", "")],                 "x-supergate-cache-namespace", "nothing"),
            (&[("x-supergate-cache-tier", "fuzzy")],                 "x-supergate-cache-tier", "no such tier"),
            (&[("x-supergate-cache-treshold", "0.99")],              "x-supergate-cache-treshold", "a slip in the name"),
        ];
        for (lines, named, why) in table {
            let refused = read(lines).expect_err(why);
            assert_eq!(refused.param.as_deref(), Some(named), "{why}: {refused:?}");
        }
        let twice = [("x-supergate-cache-ttl", "1"), ("x-supergate-cache-ttl", "2")];
        assert!(read(&twice).is_err(), "which of the two?");
    }
}
