//! `GET /v1/usage/logs`: the rows of the ledger, newest first. No prompts: the ledger has none.

use super::asked::{self, Asked};
use crate::{
    db::usage_log::{self, Filter},
    error::GatewayError,
    gateway::{
        admin::{
            office::Office,
            page::Query,
            shown::{self, time},
        },
        call::{Call, Reply},
    },
    openai::Invalid,
    providers,
    tenancy::{RequestId, ids::InvalidId},
    usage::report::Entry,
};
use http::StatusCode;
use serde_json::{Value, json};
use std::{fmt, str::FromStr};

/// The longest name of a model that is looked for.
const MAX_MODEL_CHARS: usize = 200;

/// A row's place, as a cursor.
struct Cursor(RequestId, i16);

/// `?key_id=&model=&provider=&status=&from=&to=&time_zone=&limit=&cursor=`.
pub(super) async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let known = ["key_id", "model", "provider", "status", "from", "to", "time_zone", "limit", "cursor", "tenant_id"];
    let Asked { act, query, only } = asked::admit(office, call, &known).await?;
    let page = query.page::<Cursor>()?;
    let filter = Filter { only, ..filter(&query)? };
    let tx = office.begin(&act).await?;
    let window = asked::time(&tx, &query, act.at, None).await?.window;
    let before = page.after.as_ref().map(|Cursor(request, attempt)| (*request, *attempt));
    let rows = usage_log::back(&tx, &window, before, &filter, page.rows()).await?;
    tx.commit().await?;
    let list = page.list(rows, |entry| Cursor(entry.request, entry.attempt).to_string(), |entry| show(&entry));
    Reply::json(StatusCode::OK, &list)
}

fn filter(query: &Query<'_>) -> Result<Filter, Invalid> {
    let key = query.get("key_id").map(str::parse).transpose();
    let key = key.map_err(|_| Invalid::value("key_id", "must be the id of a key, as `key_…`"))?;
    let mut provider = query.get("provider").map(shown::provider_name).transpose();
    let named = query.text("model", MAX_MODEL_CHARS)?;
    let mut model = named.map(str::to_owned);
    // A full name, `provider/model`; what has no provider before it is a bare one.
    if let Some((named, bare)) = named.and_then(|name| name.split_once('/'))
        && providers::provider(named).is_some()
    {
        if provider.as_ref().is_ok_and(|provider| provider.as_deref().is_some_and(|provider| provider != named)) {
            return Err(Invalid::value("model", "is of another provider than `provider`"));
        }
        (provider, model) = (provider.map(|_| Some(named.to_owned())), Some(bare.to_owned()));
    }
    let provider = provider.map_err(|problem| Invalid::value("provider", problem))?;
    let statuses = query.get("status").map(statuses).transpose()?;
    Ok(Filter { key, provider, model, statuses, ..Filter::default() })
}

/// `429`, or `4xx` for all from 400 to 499.
fn statuses(text: &str) -> Result<(i16, i16), Invalid> {
    let range = match text.strip_suffix("xx") {
        Some(class) => {
            class.parse::<i16>().ok().filter(|class| (1..=5).contains(class)).map(|c| (c * 100, c * 100 + 99))
        }
        None => text.parse::<i16>().ok().filter(|status| (100..=599).contains(status)).map(|status| (status, status)),
    };
    range.ok_or_else(|| Invalid::value("status", "must be an HTTP status, as `429`, or a class of them, as `4xx`"))
}

fn show(entry: &Entry) -> Value {
    json!({
        "request_id": entry.request.to_string(),
        "attempt": entry.attempt,
        "created_at": time(entry.request.time()),
        "status": entry.status,
        "ended": entry.ended,
        "error_code": entry.error_code,
        "provider": entry.provider,
        "model": entry.model,
        "model_requested": entry.model_requested,
        "model_served": entry.model_served,
        "streamed": entry.streamed,
        "key_id": entry.key.map(|key| key.to_string()),
        "member_id": entry.member.map(|member| member.to_string()),
        "end_user": entry.end_user,
        "tags": entry.tags,
        "input_tokens": entry.input_tokens,
        "output_tokens": entry.output_tokens,
        "cached_input_tokens": entry.cached_input_tokens,
        "cache_write_tokens": entry.cache_write_tokens,
        "reasoning_tokens": entry.reasoning_tokens,
        "audio_input_tokens": entry.audio_input_tokens,
        "audio_output_tokens": entry.audio_output_tokens,
        "web_searches": entry.web_searches,
        "usage_source": entry.usage_source,
        "service_tier": entry.service_tier,
        "cost_usd": entry.cost.as_usd(),
        "price_version": entry.price_version,
        "cache": entry.cache,
        "saved_usd": entry.saved.as_usd(),
        "first_token_ms": entry.first_token_ms,
        "latency_ms": entry.latency_ms,
    })
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A text that is no place in the logs.
#[derive(Debug, thiserror::Error)]
#[error("not a place in the logs")]
struct NoPlace;

impl From<InvalidId> for NoPlace {
    fn from(_: InvalidId) -> Self {
        Self
    }
}

impl FromStr for Cursor {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (request, attempt) = text.split_once('.').ok_or(NoPlace)?;
        let attempt = attempt.parse().ok().filter(|attempt| *attempt >= 1).ok_or(NoPlace)?;
        Ok(Self(request.parse()?, attempt))
    }
}
