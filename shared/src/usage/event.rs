//! One attempt, as the ledger remembers it.

use super::{Nanos, Tokens};
use crate::tenancy::{Actor, PersonId, RequestId, TenantId};
use std::{borrow::Cow, time::Duration};
use time::OffsetDateTime;

/// The longest name of an end user that is kept, in characters.
pub const MAX_END_USER_CHARS: usize = 256;

/// One attempt that a provider could bill, or a request that was answered or refused without one.
#[derive(Debug, Clone)]
pub struct UsageEvent {
    /// Who pays.
    pub tenant: TenantId,
    /// Which request.
    pub request: RequestId,
    /// From 1.
    pub attempt: i16,
    /// When the request came.
    pub created_at: OffsetDateTime,
    /// Who asked.
    pub actor: Actor,
    /// The person on whom it is booked: who called, or who made the key.
    pub member: Option<PersonId>,
    /// The key's, and those of the request.
    pub tags: Vec<String>,
    /// Whom the caller served, by its own word.
    pub end_user: Option<String>,
    /// The provider's id.
    pub provider: Cow<'static, str>,
    /// The model as the caller named it.
    pub model_requested: String,
    /// The model as the catalogue names it.
    pub model: Cow<'static, str>,
    /// The model as the provider named it in its answer.
    pub model_served: Option<String>,
    /// Whether the caller asked for events.
    pub streamed: bool,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// What the caller was told, if it was an error.
    pub error_code: Option<Cow<'static, str>>,
    /// How it ended.
    pub ended: Ended,
    /// What was used.
    pub tokens: Tokens,
    /// Who says so.
    pub usage_source: UsageSource,
    /// What it cost.
    pub cost: Nanos,
    /// Which prices that was computed with.
    pub price_version: Option<Cow<'static, str>>,
    /// What the cache said; none: it was not asked.
    pub cache: Option<CacheOutcome>,
    /// What it would have cost, where the cache answered.
    pub saved: Nanos,
    /// How much sooner the answer was there, where the cache gave it.
    pub saved_latency: Option<Duration>,
    /// From the request to the provider's first piece of content.
    pub first_token: Option<Duration>,
    /// From the request to the end of the answer.
    pub latency: Duration,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As the provider's protocol ends.
    Complete,
    /// The provider's stream stopped before its end.
    Truncated,
    /// With an error.
    Failed,
    /// The function's time ran out.
    Deadline,
    /// By a policy, before any provider was asked.
    Refused,
    /// The function ended without a word; the sweeper found what it had begun.
    Lost,
}

impl Ended {
    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::Failed => "failed",
            Self::Deadline => "deadline",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

/// Where the token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageSource {
    /// From the provider.
    Provider,
    /// Estimated here, because the provider did not get to say: it still bills what it made.
    Counted,
    /// Nobody knows, so what was set aside for the request counts.
    Reserved,
    /// Nothing was used.
    None,
}

impl UsageSource {
    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Counted => "counted",
            Self::Reserved => "reserved",
            Self::None => "none",
        }
    }
}

/// What the cache said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOutcome {
    /// It had the answer to this very request.
    Hit,
    /// It had the answer to the same request but for how it is written.
    CanonicalHit,
    /// It had the answer to one that means the same.
    SemanticHit,
    /// It had none.
    Miss,
    /// The caller did not want one.
    Bypass,
    /// The tenant does not want any.
    Disabled,
    /// It had one, and the provider was asked all the same, to compare the two.
    Audit,
    /// This is no answer: it asked a provider for a vector.
    Embedding,
}

impl CacheOutcome {
    /// Whether it answered.
    pub fn is_hit(self) -> bool {
        self.as_str().ends_with("hit")
    }

    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::CanonicalHit => "canonical_hit",
            Self::SemanticHit => "semantic_hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
            Self::Disabled => "disabled",
            Self::Audit => "audit",
            Self::Embedding => "embedding",
        }
    }
}
