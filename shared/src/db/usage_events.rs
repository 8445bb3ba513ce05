//! The ledger's table.

use super::{Database, Error, TenantTx};
use crate::{
    tenancy::{KeyId, PersonId},
    usage::{ServiceTier, ledger::UsageEvent},
};
use tokio_postgres::types::Type;

const INSERT: &str = "\
    insert into usage_events (tenant_id, request_id, attempt, created_at, key_id, provider, model_requested, model, model_served, \
    streamed, status, ended, input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_source, \
    cost_nanos, first_token_ms, latency_ms, audio_input_tokens, audio_output_tokens, web_searches, service_tier, person_id) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) \
    on conflict (tenant_id, request_id, attempt) do nothing";

/// Appends an event, once: the same event again changes nothing.
///
/// # Errors
/// [`Error`] when it was not stored.
pub(crate) async fn insert(db: &Database, event: &UsageEvent) -> Result<(), Error> {
    let (key, person) = (event.actor.key(), event.actor.person());
    let tokens = &event.tokens;
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    let (input, output) = (count(tokens.input), count(tokens.output));
    let cached = tokens.cached_input.map(count);
    let written = tokens.cache_written().map(count);
    let reasoning = tokens.reasoning.map(count);
    let (audio_input, audio_output) = (tokens.audio_input.map(count), tokens.audio_output.map(count));
    let searches = tokens.web_searches.map(count);
    let tier = tokens.terms.tier.map(ServiceTier::as_str);
    let milliseconds = |time: std::time::Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    let first_token = event.first_token.map(milliseconds);
    let latency = milliseconds(event.latency);
    let status = i16::try_from(event.status).unwrap_or(500);
    TenantTx::once(
        db,
        event.tenant,
        INSERT,
        &[
            (event.tenant.as_uuid(), Type::UUID),
            (event.request.as_uuid(), Type::UUID),
            (&event.attempt, Type::INT2),
            (&event.created_at, Type::TIMESTAMPTZ),
            (&key.as_ref().map(KeyId::as_uuid), Type::UUID),
            (&event.provider, Type::TEXT),
            (&event.model_requested, Type::TEXT),
            (&event.model, Type::TEXT),
            (&event.model_served, Type::TEXT),
            (&event.streamed, Type::BOOL),
            (&status, Type::INT2),
            (&event.ended.as_str(), Type::TEXT),
            (&input, Type::INT8),
            (&output, Type::INT8),
            (&cached, Type::INT8),
            (&written, Type::INT8),
            (&reasoning, Type::INT8),
            (&event.usage_source.as_str(), Type::TEXT),
            (&event.cost.0, Type::INT8),
            (&first_token, Type::INT4),
            (&latency, Type::INT4),
            (&audio_input, Type::INT8),
            (&audio_output, Type::INT8),
            (&searches, Type::INT8),
            (&tier, Type::TEXT),
            (&person.as_ref().map(PersonId::as_uuid), Type::UUID),
        ],
    )
    .await?;
    Ok(())
}
