//! `/v1/usage`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, PAGE, Query, get};
use crate::tenancy::Permission;
use time::OffsetDateTime;
use utoipa::{ToSchema, openapi::Type};

/// What was used, added up.
#[derive(ToSchema)]
struct UsageSums {
    requests: u64,
    /// Rows of the ledger: a request that was sent in several calls, or again, has several.
    attempts: u64,
    /// Attempts that the caller got an error for, or half an answer.
    errors: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// Of the input, read from a provider's cache.
    cached_input_tokens: u64,
    /// Of the input, written to a provider's cache.
    cache_write_tokens: u64,
    /// Of the output, thought and not said.
    reasoning_tokens: u64,
    /// Answers from the gateway's own cache.
    cache_hits: u64,
    cost_usd: f64,
    /// What the answers from the cache would have cost.
    saved_usd: f64,
}

/// Which time a report is about.
#[derive(ToSchema)]
struct UsageTime {
    /// Null where `from` and `to` were given.
    #[schema(required = true)]
    period: Option<String>,
    from: OffsetDateTime,
    /// Not part of it.
    to: OffsetDateTime,
    time_zone: String,
}

/// Everything that was used in a time.
#[derive(ToSchema)]
struct UsageTotals {
    #[serde(flatten)]
    time: UsageTime,
    #[serde(flatten)]
    sums: UsageSums,
}

/// One group: what it is grouped by, and its sums.
#[derive(ToSchema)]
struct UsageGroup {
    /// By `model` and `provider`.
    provider: Option<String>,
    /// By `model`.
    model: Option<String>,
    /// By `key`; null for people who called without one.
    key_id: Option<String>,
    key_name: Option<String>,
    /// By `member`: who called, or who made the key.
    member_id: Option<String>,
    member_name: Option<String>,
    /// By `tag`. A request with several is in the sums of each.
    tag: Option<String>,
    /// By `end_user`: the `user` of requests. Null: those of hours with more than a thousand, beyond these.
    end_user: Option<String>,
    #[serde(flatten)]
    sums: UsageSums,
}

/// What was used, by something.
#[derive(ToSchema)]
struct UsageBreakdown {
    #[serde(flatten)]
    time: UsageTime,
    by: Vec<String>,
    /// The dearest first.
    data: Vec<UsageGroup>,
    /// Whether there are more groups than `limit`.
    more: bool,
    /// All of it, also what is in no group: requests without a tag or an end user.
    total: UsageSums,
}

/// One step of a chart.
#[derive(ToSchema)]
struct UsageStep {
    from: OffsetDateTime,
    to: OffsetDateTime,
    #[serde(flatten)]
    sums: UsageSums,
}

/// What was used, step by step.
#[derive(ToSchema)]
struct UsageChart {
    #[serde(flatten)]
    time: UsageTime,
    /// `hour` or `day`.
    bucket: String,
    /// Every step, also those without use.
    data: Vec<UsageStep>,
}

/// One row of the ledger. It has no prompt and no answer.
#[derive(ToSchema)]
struct UsageEntry {
    request_id: String,
    /// From 1.
    attempt: u32,
    created_at: OffsetDateTime,
    /// The HTTP status that the caller got. A stream that failed later keeps its 200, and says so in `ended`.
    status: u16,
    /// `complete`, `truncated`, `failed`, `deadline`, `refused` by a policy, or `lost`.
    ended: String,
    /// What the caller was told.
    #[schema(required = true)]
    error_code: Option<String>,
    provider: String,
    model: String,
    /// As the caller named it.
    model_requested: String,
    /// As the provider named it.
    #[schema(required = true)]
    model_served: Option<String>,
    streamed: bool,
    #[schema(required = true)]
    key_id: Option<String>,
    /// On whom it is booked: who called, or who made the key.
    #[schema(required = true)]
    member_id: Option<String>,
    #[schema(required = true)]
    end_user: Option<String>,
    tags: Vec<String>,
    input_tokens: u64,
    output_tokens: u64,
    #[schema(required = true)]
    cached_input_tokens: Option<u64>,
    #[schema(required = true)]
    cache_write_tokens: Option<u64>,
    #[schema(required = true)]
    reasoning_tokens: Option<u64>,
    #[schema(required = true)]
    audio_input_tokens: Option<u64>,
    #[schema(required = true)]
    audio_output_tokens: Option<u64>,
    #[schema(required = true)]
    web_searches: Option<u64>,
    /// `provider`, `counted` by the gateway, `reserved` where nobody knows better, or `none`.
    usage_source: String,
    #[schema(required = true)]
    service_tier: Option<String>,
    cost_usd: f64,
    /// By which prices.
    #[schema(required = true)]
    price_version: Option<String>,
    /// What the gateway's own cache did: `hit`, `canonical_hit`, `semantic_hit`, `miss`, `bypass`, `disabled`; `audit`: asked again to compare; `embedding`: a vector for it.
    #[schema(required = true)]
    cache: Option<String>,
    saved_usd: f64,
    #[schema(required = true)]
    first_token_ms: Option<u32>,
    latency_ms: u32,
}

const SUMS: &str = r#""requests": 2, "attempts": 2, "errors": 0, "input_tokens": 20, "output_tokens": 10, "cached_input_tokens": 0,
    "cache_write_tokens": 0, "reasoning_tokens": 0, "cache_hits": 0, "cost_usd": 0.0000123, "saved_usd": 0.0"#;
const TIME: &str =
    r#""period": "30d", "from": "2026-12-17T00:00:00Z", "to": "2027-01-16T00:00:00Z", "time_zone": "UTC""#;

const ENTRY: &str = r#"{"request_id": "req_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "attempt": 1, "created_at": "2027-01-10T09:30:00.123Z", "status": 200,
    "ended": "complete", "error_code": null, "provider": "openai", "model": "gpt-4o-mini", "model_requested": "openai/gpt-4o-mini",
    "model_served": "gpt-4o-mini-2024-07-18", "streamed": false, "key_id": "key_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e",
    "member_id": null, "end_user": null, "tags": ["team:search"], "input_tokens": 10, "output_tokens": 5,
    "cached_input_tokens": 0, "cache_write_tokens": null, "reasoning_tokens": 0, "audio_input_tokens": null,
    "audio_output_tokens": null, "web_searches": null, "usage_source": "provider", "service_tier": "default",
    "cost_usd": 0.0000045, "price_version": "list-0a1b2c3d", "cache": null, "saved_usd": 0.0, "first_token_ms": 312, "latency_ms": 640}"#;

const OWN: &str =
    "Without `usage.read_all`, which members lack, it is the own use: of the key that asks, or of the person.";
const FROM: Query =
    Query("from", Type::String, "From when: a time in RFC 3339, or a day. Thirty days before `to` if it is not given.");
const TO: Query = Query("to", Type::String, "Until when, which is not part of it; now if it is not given.");
const TIME_ZONE: Query =
    Query("time_zone", Type::String, "Where days begin: a name of the IANA database; `UTC` if it is not given.");
const TENANT: Query = Query("tenant_id", Type::String, "For operators: which tenant.");
const PERIOD: Query = Query(
    "period",
    Type::String,
    "In place of `from` and `to`: `24h`, `7d`, `30d` (the one that has now in it, and those before), `day`, `week` or `month` (this one); `30d` if none of the three is given.",
);

fn report(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    get(path, id, summary).needs(Permission::ReadUsage).more(OWN)
}

pub(super) fn operations() -> Vec<Operation> {
    let group = format!(r#"{{"provider": "openai", "model": "gpt-4o-mini", {SUMS}}}"#);
    let step = format!(r#"{{"from": "2027-01-15T00:00:00Z", "to": "2027-01-16T00:00:00Z", {SUMS}}}"#);
    vec![
        report("/v1/usage", "readUsage", "Tells what was used")
            .query([PERIOD, FROM, TO, TIME_ZONE, TENANT])
            .answers::<UsageTotals>(200, "All of it, added up.", &format!("{{{TIME}, {SUMS}}}")),
        report("/v1/usage/breakdown", "breakUsageDown", "Tells what was used by what")
            .more("`by` is one of `model`, `provider`, `key`, `member`, `tag`, `end_user`, or two with a comma between, as `model,key`.")
            .query([Query("by", Type::String, "By what; one or two."), Query("limit", Type::Integer, "How many groups, 1 to 1000; 100 if it is not given.")])
            .query([PERIOD, FROM, TO, TIME_ZONE, TENANT])
            .answers::<UsageBreakdown>(
                200,
                "Groups, the dearest first.",
                &format!(r#"{{{TIME}, "by": ["model"], "data": [{group}], "more": false, "total": {{{SUMS}}}}}"#),
            ),
        report("/v1/usage/chart", "chartUsage", "Tells what was used step by step")
            .query([
                Query("period", Type::String, "`24h` in hours, `7d` or `30d` in days; `24h` if it is not given."),
                TIME_ZONE,
                TENANT,
            ])
            .answers::<UsageChart>(200, "Every step.", &format!(r#"{{{TIME}, "bucket": "day", "data": [{step}]}}"#)),
        report("/v1/usage/logs", "listUsage", "Lists what was asked, newest first; without prompts")
            .query(PAGE)
            .query([
                Query("key_id", Type::String, "Only of this key."),
                Query("model", Type::String, "Only of this model, with its provider before it or without."),
                Query("provider", Type::String, "Only of this provider."),
                Query("status", Type::String, "Only with this HTTP status, as `429`, or of this class, as `4xx`."),
                FROM,
                TO,
                TIME_ZONE,
                TENANT,
            ])
            .lists::<UsageEntry>("A page of rows.", ENTRY),
        report("/v1/usage/export", "exportUsage", "Gives every row as a file")
            .more("Sent as it is read, however long. A file that breaks off says so in its last line.")
            .query([
                Query("format", Type::String, "`csv`, the columns of the list; or `focus`, those of FOCUS 1.2. `csv` if it is not given."),
                FROM,
                TO,
                TIME_ZONE,
                TENANT,
            ])
            .answers_plain(200, "Comma-separated values, oldest first, after a line of titles.", Some("text/csv"))
            .header(200, "content-disposition", "The name of the file."),
    ]
}
