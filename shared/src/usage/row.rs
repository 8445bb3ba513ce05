//! An event in the form of its row: what the database is given, and what waits elsewhere while the database is away.

use super::{Nanos, ServiceTier, event::UsageEvent};
use crate::tenancy::{RequestId, TenantId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// A row of `usage_events`, by the names of its columns. What a later version adds has a default: rows that wait were written by an
/// earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageRow {
    pub(super) tenant_id: Uuid,
    pub(super) request_id: Uuid,
    pub(super) attempt: i16,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
    pub(super) key_id: Option<Uuid>,
    pub(super) person_id: Option<Uuid>,
    pub(super) member_id: Option<Uuid>,
    pub(super) tags: Vec<String>,
    pub(super) end_user: Option<String>,
    pub(super) provider: String,
    pub(super) model_requested: String,
    pub(super) model: String,
    pub(super) model_served: Option<String>,
    pub(super) streamed: bool,
    pub(super) status: u16,
    pub(super) error_code: Option<String>,
    pub(super) ended: String,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cached_input_tokens: Option<i64>,
    pub(super) cache_write_tokens: Option<i64>,
    pub(super) reasoning_tokens: Option<i64>,
    pub(super) audio_input_tokens: Option<i64>,
    pub(super) audio_output_tokens: Option<i64>,
    pub(super) web_searches: Option<i64>,
    pub(super) service_tier: Option<String>,
    pub(super) usage_source: String,
    pub(super) cost_nanos: i64,
    pub(super) price_version: Option<String>,
    pub(super) cache: Option<String>,
    pub(super) saved_nanos: i64,
    #[serde(default)]
    pub(super) saved_ms: Option<i32>,
    pub(super) first_token_ms: Option<i32>,
    pub(super) latency_ms: i32,
}

impl UsageRow {
    /// Who pays.
    pub fn tenant(&self) -> TenantId {
        TenantId::from_uuid(self.tenant_id)
    }

    /// Which request.
    pub fn request(&self) -> RequestId {
        RequestId::from_uuid(self.request_id)
    }

    /// From 1.
    pub fn attempt(&self) -> i16 {
        self.attempt
    }

    /// What it cost.
    pub fn cost(&self) -> Nanos {
        Nanos(self.cost_nanos)
    }
}

impl From<&UsageEvent> for UsageRow {
    fn from(event: &UsageEvent) -> Self {
        let tokens = &event.tokens;
        let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let milliseconds = |time: std::time::Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        Self {
            tenant_id: *event.tenant.as_uuid(),
            request_id: *event.request.as_uuid(),
            attempt: event.attempt,
            created_at: event.created_at,
            key_id: event.actor.key().map(|key| *key.as_uuid()),
            person_id: event.actor.person().map(|person| *person.as_uuid()),
            member_id: event.member.map(|person| *person.as_uuid()),
            tags: event.tags.clone(),
            end_user: event.end_user.as_deref().map(storable),
            provider: event.provider.as_ref().to_owned(),
            model_requested: storable(&event.model_requested),
            model: event.model.as_ref().to_owned(),
            model_served: event.model_served.as_deref().map(storable),
            streamed: event.streamed,
            status: event.status,
            error_code: event.error_code.as_deref().map(str::to_owned),
            ended: event.ended.as_str().to_owned(),
            input_tokens: count(tokens.input),
            output_tokens: count(tokens.output),
            cached_input_tokens: tokens.cached_input.map(count),
            cache_write_tokens: tokens.cache_written().map(count),
            reasoning_tokens: tokens.reasoning.map(count),
            audio_input_tokens: tokens.audio_input.map(count),
            audio_output_tokens: tokens.audio_output.map(count),
            web_searches: tokens.web_searches.map(count),
            service_tier: tokens.terms.tier.map(|tier| ServiceTier::as_str(tier).to_owned()),
            usage_source: event.usage_source.as_str().to_owned(),
            cost_nanos: event.cost.0,
            price_version: event.price_version.as_deref().map(str::to_owned),
            cache: event.cache.map(|cache| cache.as_str().to_owned()),
            saved_nanos: event.saved.0,
            saved_ms: event.saved_latency.map(milliseconds),
            first_token_ms: event.first_token.map(milliseconds),
            latency_ms: milliseconds(event.latency),
        }
    }
}

/// Text without the one character that Postgres does not store. Callers and providers may say it; a row must not be lost for it.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        tenancy::{Actor, KeyId},
        usage::{
            Tokens,
            event::{Ended, UsageSource},
        },
    };
    use std::time::Duration;

    /// Some event.
    pub(in crate::usage) fn event() -> UsageEvent {
        let now = Duration::from_millis(1_790_000_000_123);
        UsageEvent {
            tenant: TenantId::generate(now),
            request: RequestId::generate(now),
            attempt: 1,
            created_at: OffsetDateTime::UNIX_EPOCH + now,
            actor: Actor::Key(KeyId::generate(now)),
            member: None,
            tags: vec!["team-a".into()],
            end_user: Some("a\0b".into()),
            provider: "openai".into(),
            model_requested: "gpt-4o-mini".into(),
            model: "gpt-4o-mini".into(),
            model_served: None,
            streamed: true,
            status: 200,
            error_code: None,
            ended: Ended::Complete,
            tokens: Tokens { input: u64::MAX, output: 2, cached_input: Some(1), ..Tokens::default() },
            usage_source: UsageSource::Provider,
            cost: Nanos(i64::MAX),
            price_version: Some("list-00000000".into()),
            cache: None,
            saved: Nanos(0),
            saved_latency: None,
            first_token: None,
            latency: Duration::from_millis(7),
        }
    }

    #[test]
    fn a_row_that_waited_is_the_row_that_was_to_be_written() {
        let row = UsageRow::from(&event());
        let waited = serde_json::to_string(&row).expect("JSON");
        assert_eq!(serde_json::from_str::<UsageRow>(&waited).expect("a row"), row);
    }

    #[test]
    fn what_postgres_cannot_hold_is_brought_into_its_range() {
        let row = UsageRow::from(&event());
        assert_eq!((row.input_tokens, row.end_user.as_deref()), (i64::MAX, Some("ab")));
    }
}
