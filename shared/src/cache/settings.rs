//! What a tenant and its keys have set for the cache, and what comes of it: as it comes with the principal.

use super::{
    control::{LONGEST_TTL, Tier},
    decide::{Settings, Vectors},
    namespace::Sharing,
    trust::Mode,
};
use crate::tenancy::standing::words;
use serde::Deserialize;
use std::{str::FromStr, time::Duration};

/// The most that a tenant's entries take if nobody says anything: 256 MB.
pub const DEFAULT_MOST_BYTES: i64 = 256 << 20;
/// The most that may be set: 16 GB.
pub const LARGEST_MOST_BYTES: i64 = 16 << 30;
/// The most errors per hit that anybody may allow: one in ten.
pub const LARGEST_ERROR_LIMIT: f64 = 0.1;
/// The least: it takes 2,995 clean comparisons before anything is served.
pub const LEAST_ERROR_LIMIT: f64 = 0.001;
/// The longest time that an answer may be kept, in seconds.
pub const LONGEST_TTL_SECONDS: i64 = LONGEST_TTL.as_secs().cast_signed();

/// What a tenant, or one of its keys, has set. What is absent is as it is by default, and for a key as its tenant has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// The highest tier that may answer.
    pub tier: Option<Highest>,
    /// The least similarity of tier 2.
    pub threshold: Option<f32>,
    /// The most errors per hit before tier 2 goes back to shadow. Only a tenant has it: it is the tenant that is trusted or not.
    pub error_limit: Option<f64>,
    /// For whom answers are kept.
    pub sharing: Option<Shared>,
    /// Whether the last turn of conversations that are equal until then may match loosely.
    pub earlier_turns: Option<bool>,
    /// For how many seconds tier 0 and tier 1 serve an answer.
    pub ttl_seconds: Option<u32>,
    /// For how many seconds tier 2 does.
    pub semantic_ttl_seconds: Option<u32>,
    /// How many bytes all entries of the tenant take at most. Only a tenant has it.
    pub most_bytes: Option<i64>,
    /// The provider's model that makes the vectors, as `provider/model`; none: the one in this process. Only a tenant has it: it is with these
    /// vectors that tier 2 was right or wrong.
    pub embedder: Option<String>,
    /// The least similarity of those vectors: each model has its own.
    pub embedder_threshold: Option<f32>,
}

/// The highest tier that may answer, or that none may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Highest {
    /// The cache is off.
    Off,
    /// T0.
    Exact,
    /// T1.
    Canonical,
    /// T2, which starts in shadow.
    Semantic,
}

/// For whom answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shared {
    /// For one key, and within it for the `user` that a request names.
    Key,
    /// For all of the tenant.
    Tenant,
}

words!(Highest: Off = "off", Exact = "exact", Canonical = "canonical", Semantic = "semantic");
words!(Shared: Key = "key", Tenant = "tenant");

/// What the cache may do for a principal.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheRights {
    /// The tenant's settings with the key's on top.
    pub settings: Settings,
    /// What tier 2 does for the tenant, by its record.
    pub mode: Mode,
    /// How many bytes all entries of the tenant take at most.
    pub most_bytes: i64,
    /// The provider's model that makes the vectors, as `provider/model`; none: the one in this process.
    pub embedder: Option<String>,
}

/// `app.cache_wanted`, a part of the look-ups that make a principal: what the tenant and the key have set, and the tenant's record.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The tenant's.
    pub tenant: Option<CacheSettings>,
    /// The key's; none for a person.
    pub key: Option<CacheSettings>,
    /// Whether tier 2 serves the tenant: its comparisons say so.
    pub serving: bool,
}

impl CacheSettings {
    /// The least similarity that was set, of the vectors that are compared.
    fn similarity(&self) -> Option<f32> {
        if self.embedder.is_some() { self.embedder_threshold } else { self.threshold }
    }

    /// These settings, and for what they do not say those.
    #[must_use]
    pub fn over(&self, base: Settings) -> Settings {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into()).min(LONGEST_TTL);
        Settings {
            tier: self.tier.map_or(base.tier, Highest::tier),
            threshold: self.similarity().unwrap_or(base.threshold),
            vectors: if self.embedder.is_some() { Vectors::OfAProvider } else { base.vectors },
            error_limit: self.error_limit.unwrap_or(base.error_limit),
            sharing: self.sharing.map_or(base.sharing, Shared::sharing),
            earlier_turns: self.earlier_turns.unwrap_or(base.earlier_turns),
            ttl: self.ttl_seconds.map_or(base.ttl, seconds),
            semantic_ttl: self.semantic_ttl_seconds.map_or(base.semantic_ttl, seconds),
        }
    }
}

impl Highest {
    /// The tier; none where the cache is off.
    pub fn tier(self) -> Option<Tier> {
        match self {
            Self::Off => None,
            Self::Exact => Some(Tier::Exact),
            Self::Canonical => Some(Tier::Canonical),
            Self::Semantic => Some(Tier::Semantic),
        }
    }

    /// The word for a tier, or for none.
    pub fn of(tier: Option<Tier>) -> Self {
        match tier {
            None => Self::Off,
            Some(Tier::Exact) => Self::Exact,
            Some(Tier::Canonical) => Self::Canonical,
            Some(Tier::Semantic) => Self::Semantic,
        }
    }
}

impl Shared {
    /// As the namespace has it.
    pub fn sharing(self) -> Sharing {
        match self {
            Self::Key => Sharing::Key,
            Self::Tenant => Sharing::Tenant,
        }
    }

    /// The word for it.
    pub fn of(sharing: Sharing) -> Self {
        match sharing {
            Sharing::Key => Self::Key,
            Sharing::Tenant => Self::Tenant,
        }
    }
}

impl CacheRights {
    /// What was found, for a tenant whose prompts may be cached or not.
    #[must_use]
    pub fn new(cache_prompts: bool, found: &Found) -> Self {
        let none = CacheSettings::default();
        let tenant = found.tenant.as_ref().unwrap_or(&none);
        let of_tenant = tenant.over(Settings::default());
        let settings = match &found.key {
            Some(key) => of_tenant.narrowed(&key.over(of_tenant)),
            None => of_tenant,
        };
        let tier = settings.tier.filter(|_| cache_prompts);
        Self {
            settings: Settings { tier, ..settings },
            mode: if found.serving { Mode::Serving } else { Mode::Shadow },
            most_bytes: tenant.most_bytes.unwrap_or(DEFAULT_MOST_BYTES),
            embedder: tenant.embedder.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_nobody_has_set_is_as_it_is_by_default() {
        let rights = CacheRights::new(true, &Found::default());
        assert_eq!((rights.settings, rights.mode), (Settings::default(), Mode::Shadow));
        assert_eq!(CacheRights::new(false, &Found::default()).settings.tier, None, "its prompts may not be cached");
    }

    #[test]
    fn a_key_narrows_what_its_tenant_has_set_and_adds_nothing() {
        let found: Found = serde_json::from_value(json!({
            "tenant": {"tier": "canonical", "threshold": 0.97, "ttl_seconds": 600, "most_bytes": 1000},
            "key": {"tier": "semantic", "threshold": 0.93, "sharing": "tenant", "ttl_seconds": 60},
            "serving": true,
        }))
        .expect("a column");
        let CacheRights { settings, mode, most_bytes, .. } = CacheRights::new(true, &found);
        assert_eq!((settings.tier, settings.threshold), (Some(Tier::Canonical), 0.97), "not wider");
        assert_eq!((settings.sharing, settings.ttl), (Sharing::Key, Duration::from_secs(60)));
        assert_eq!((mode, most_bytes), (Mode::Serving, 1000));
        let shared: Found =
            serde_json::from_value(json!({"tenant": {"sharing": "tenant"}, "key": {}})).expect("a column");
        assert_eq!(CacheRights::new(true, &shared).settings.sharing, Sharing::Tenant, "a key that says nothing");
    }

    #[test]
    fn a_providers_vectors_have_a_threshold_of_their_own_which_a_key_may_raise() {
        let of = |key: serde_json::Value| {
            let found = json!({
                "tenant": {"threshold": 0.97, "embedder": "openai/text-embedding-3-small", "embedder_threshold": 0.85}, "key": key,
            });
            CacheRights::new(true, &serde_json::from_value(found).expect("a column"))
        };
        let rights = of(json!(null));
        assert_eq!(rights.embedder.as_deref(), Some("openai/text-embedding-3-small"));
        assert_eq!((rights.settings.threshold, rights.settings.vectors), (0.85, Vectors::OfAProvider));
        assert_eq!(of(json!({"tier": "semantic"})).settings.threshold, 0.85, "a key that does not speak of it");
        assert_eq!(of(json!({"threshold": 0.96})).settings.threshold, 0.96, "a key that asks for more");
    }

    #[test]
    fn what_can_be_set_is_read_as_it_is_written() {
        for one in Highest::ALL {
            assert_eq!((one.as_str().parse(), Highest::of(one.tier())), (Ok(*one), *one));
            assert_eq!(serde_json::from_value::<Highest>(json!(one.as_str())).expect("a word"), *one);
        }
        for one in Shared::ALL {
            assert_eq!((one.as_str().parse(), Shared::of(one.sharing())), (Ok(*one), *one));
        }
        assert!("fuzzy".parse::<Highest>().is_err() && "everybody".parse::<Shared>().is_err());
    }
}
