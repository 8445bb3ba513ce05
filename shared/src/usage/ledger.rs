//! What the ledger remembers of an attempt. The row is written after the response, so it costs the caller nothing.

use super::{Nanos, Tokens};
use crate::{
    db::{self, Database},
    tenancy::{Actor, RequestId, TenantId},
};
use std::time::Duration;
use time::OffsetDateTime;

/// One attempt that a provider could bill.
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
    /// The provider's id.
    pub provider: &'static str,
    /// The model as the caller named it.
    pub model_requested: String,
    /// The model as the catalogue names it.
    pub model: &'static str,
    /// The model as the provider named it in its answer.
    pub model_served: Option<String>,
    /// Whether the caller asked for events.
    pub streamed: bool,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// How it ended.
    pub ended: Ended,
    /// What was used.
    pub tokens: Tokens,
    /// Who says so.
    pub usage_source: UsageSource,
    /// What it cost.
    pub cost: Nanos,
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
}

impl Ended {
    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::Failed => "failed",
            Self::Deadline => "deadline",
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
    /// Nothing was used.
    None,
}

impl UsageSource {
    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Counted => "counted",
            Self::None => "none",
        }
    }
}

/// Writes an event. Never fails the caller, whose answer is already paid for: a row that cannot be written is an error in the log,
/// with everything that is needed to write it by hand and nothing that is secret.
pub async fn record(db: &Database, event: &UsageEvent) {
    if let Err(error) = db::usage_events::insert(db, event).await {
        tracing::error!(error = %crate::causes::chain(&error), event = ?event, "usage event not written");
    }
}
