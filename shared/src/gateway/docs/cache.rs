//! `/v1/cache`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, PAGE, Query, delete, get, patch, post};
use crate::tenancy::Permission;
use time::OffsetDateTime;
use utoipa::{ToSchema, openapi::Type};

const TENANT: Query = Query("tenant_id", Type::String, "For operators: another tenant, as `ten_…`.");
const KEY: Query = Query("key_id", Type::String, "Those of one of the keys, as `key_…`, in the place of the tenant's.");
const PERIOD: Query = Query("period", Type::String, "`24h` by the hour, `7d` or `30d` by the day, in UTC.");
const NAMESPACE: Query =
    Query("namespace", Type::String, "What `x-supergate-cache-namespace` said, or an entry's `namespace_id`.");
const MODEL: Query =
    Query("model", Type::String, "The model that answered, as `provider/model`, or as its provider names it.");

/// An entry, without what was asked and answered.
#[derive(ToSchema)]
struct CacheEntry {
    id: String,
    /// What `x-supergate-cache-namespace` said.
    #[schema(required = true)]
    namespace: Option<String>,
    /// A hash of all that must be equal: model, instructions, earlier turns, parameters, and for whom it is kept.
    namespace_id: String,
    /// Who answered.
    model: String,
    /// Which tiers may answer with it now.
    tiers: Vec<CacheTier>,
    created_at: OffsetDateTime,
    /// When the last of them ends.
    expires_at: OffsetDateTime,
    /// What it takes of the tenant's room.
    bytes: i32,
    /// What the answer cost.
    cost_usd: f64,
    /// How often it answered.
    hits: i64,
    #[schema(required = true)]
    last_hit_at: Option<OffsetDateTime>,
    /// When somebody said that it was wrong: since then it answers nobody.
    #[schema(required = true)]
    quarantined_at: Option<OffsetDateTime>,
}

/// The same request; the same but for how it is written; a similar one.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum CacheTier {
    Exact,
    Canonical,
    Semantic,
}

/// How an answer was given that was wrong.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct WrongAnswer {
    /// By which tier; without it, by `semantic` if the entry could answer similar prompts.
    tier: Option<CacheTier>,
}

/// What became of it.
#[derive(ToSchema)]
struct ReportedEntry {
    id: String,
    /// Since then it answers nobody.
    quarantined_at: OffsetDateTime,
    /// Whether this counts as an error of the semantic tier.
    counted: bool,
}

/// What is gone.
#[derive(ToSchema)]
struct DeletedEntries {
    deleted: u64,
}

/// What is to change; null is as it is by default, for a key as its tenant has it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CacheSettingsChange {
    /// The highest tier that may answer.
    tier: Option<CacheHighest>,
    sharing: Option<CacheSharing>,
    /// The least similarity; a request can only raise it.
    #[schema(maximum = 1)]
    threshold: Option<f64>,
    /// The tenant's: the most errors per hit before the semantic tier stops answering.
    #[schema(minimum = 0.001, maximum = 0.1)]
    error_limit: Option<f64>,
    /// Whether the last turn of conversations that are equal until then may match loosely.
    earlier_turns: Option<bool>,
    /// For how long the exact and the canonical tier answer.
    #[schema(minimum = 1, maximum = 2592000)]
    ttl_seconds: Option<u32>,
    /// For how long the semantic tier does.
    #[schema(minimum = 1, maximum = 2592000)]
    semantic_ttl_seconds: Option<u32>,
    /// The tenant's, for operators to set: what all entries may take.
    #[schema(minimum = 0)]
    most_bytes: Option<i64>,
    /// The tenant's: the provider's model that makes the vectors, as `openai/text-embedding-3-small`, with the tenant's own key for it; null:
    /// the one of this deployment.
    embedder: Option<String>,
    /// The tenant's: the least similarity of vectors of that model; needed with it.
    #[schema(maximum = 1)]
    embedder_threshold: Option<f64>,
}

/// How far the cache may go. With `cache_prompts` of the tenant false it is off, whatever is set here.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum CacheHighest {
    Off,
    Exact,
    Canonical,
    Semantic,
}

/// For whom answers are kept: for a key, and within it for the `user` that a request names, or for the tenant.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum CacheSharing {
    Key,
    Tenant,
}

/// What is set, and what holds by it.
#[derive(ToSchema)]
struct CacheSettingsNow {
    /// Null: the tenant's.
    #[schema(required = true)]
    key_id: Option<String>,
    settings: CacheSettingsChange,
    /// With the tenant's for a key, and with what is by default.
    effective: CacheSettingsChange,
    #[schema(required = true)]
    updated_at: Option<OffsetDateTime>,
}

/// Answers that the cache gave.
#[derive(ToSchema)]
struct CacheHits {
    exact: i64,
    canonical: i64,
    semantic: i64,
    total: i64,
}

/// What the hits would have cost, at the prices of their time, and what was paid to audit them.
#[derive(ToSchema)]
struct CacheSavings {
    saved_usd: f64,
    audits: i64,
    audits_usd: f64,
    /// What the vectors cost that a provider made, where the tenant has set an `embedder`.
    embeddings_usd: f64,
    /// Less both.
    net_usd: f64,
    /// How much sooner all of them together were there.
    latency_ms: i64,
}

/// What was compared with what a provider says.
#[derive(ToSchema)]
struct CacheComparisons {
    compared: i64,
    wrong: i64,
}

/// How often the semantic tier was wrong, or would have been.
#[derive(ToSchema)]
struct CacheErrors {
    /// Of answers that were given: by audits and by reports.
    found: i64,
    /// Of answers that would have been given.
    shadow: CacheComparisons,
    audits: CacheComparisons,
    reports: i64,
}

/// Whether the semantic tier answers, and why.
#[derive(ToSchema)]
struct CacheTrust {
    mode: CacheMode,
    #[schema(required = true)]
    since: Option<OffsetDateTime>,
    /// In this mode.
    compared: u32,
    wrong: u32,
    /// The one-sided Clopper-Pearson bound of the errors per hit.
    upper_bound: f64,
    confidence: f64,
    /// It answers when the bound is below this.
    error_limit: f64,
    /// So many comparisons without an error bring it there.
    clean_samples_needed: u32,
}

/// Shadow: it compares and answers nothing. Serving: it answers, and a share of its answers is audited.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum CacheMode {
    Shadow,
    Serving,
}

/// What is in the cache.
#[derive(ToSchema)]
struct CacheStock {
    count: i64,
    bytes: i64,
    most_bytes: i64,
    /// Those that may answer similar prompts.
    similar: i64,
    quarantined: i64,
}

/// An answer that was wrong, or would have been.
#[derive(ToSchema)]
struct CacheError {
    at: OffsetDateTime,
    entry_id: String,
    kind: CacheErrorKind,
    /// In what it differed.
    reasons: Vec<String>,
    #[schema(required = true)]
    similarity: Option<f64>,
}

/// How it was found.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum CacheErrorKind {
    Shadow,
    Audit,
    Report,
}

/// What the cache did in a period, and how it stands.
#[derive(ToSchema)]
struct CacheStats {
    period: String,
    from: OffsetDateTime,
    to: OffsetDateTime,
    hits: CacheHits,
    misses: i64,
    /// The caller did not want it, the request was not fit for it, or it was away.
    bypasses: i64,
    /// Of hits and misses; null without any.
    #[schema(required = true)]
    hit_rate: Option<f64>,
    savings: CacheSavings,
    errors: CacheErrors,
    trust: CacheTrust,
    entries: CacheStock,
    /// The last twenty.
    last_errors: Vec<CacheError>,
}

/// One step of a period.
#[derive(ToSchema)]
struct CacheStep {
    from: OffsetDateTime,
    to: OffsetDateTime,
    hits: CacheHits,
    misses: i64,
    bypasses: i64,
    #[schema(required = true)]
    hit_rate: Option<f64>,
    savings: CacheSavings,
    errors: CacheErrors,
}

/// A period step by step.
#[derive(ToSchema)]
struct CacheTimeseries {
    period: String,
    from: OffsetDateTime,
    to: OffsetDateTime,
    bucket: String,
    data: Vec<CacheStep>,
}

const ENTRY: &str = r#"{
    "id": "che_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "namespace": "team-a",
    "namespace_id": "ns_6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", "model": "openai/gpt-4o-mini",
    "tiers": ["exact", "canonical", "semantic"], "created_at": "2027-01-10T09:30:00Z", "expires_at": "2027-01-11T09:30:00Z", "bytes": 2140,
    "cost_usd": 0.00025, "hits": 3, "last_hit_at": "2027-01-10T11:02:00Z", "quarantined_at": null
}"#;
const REPORTED: &str =
    r#"{"id": "che_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "quarantined_at": "2027-01-10T11:05:00Z", "counted": true}"#;
const SETTINGS: &str = r#"{
    "key_id": null,
    "settings": {"tier": "canonical", "sharing": null, "threshold": null, "error_limit": null, "earlier_turns": null, "ttl_seconds": 600,
                 "semantic_ttl_seconds": null, "most_bytes": null, "embedder": null, "embedder_threshold": null},
    "effective": {"tier": "canonical", "sharing": "key", "threshold": 0.95, "error_limit": 0.01, "earlier_turns": false, "ttl_seconds": 600,
                  "semantic_ttl_seconds": 21600, "most_bytes": 268435456, "embedder": null, "embedder_threshold": null},
    "updated_at": "2027-01-10T09:30:00Z"
}"#;
const STATS: &str = r#"{
    "period": "30d", "from": "2026-12-12T00:00:00Z", "to": "2027-01-11T00:00:00Z",
    "hits": {"exact": 812, "canonical": 240, "semantic": 95, "total": 1147}, "misses": 3120, "bypasses": 40, "hit_rate": 0.268807,
    "savings": {"saved_usd": 1.92, "audits": 5, "audits_usd": 0.01, "embeddings_usd": 0.0, "net_usd": 1.91, "latency_ms": 1720500},
    "errors": {"found": 0, "shadow": {"compared": 310, "wrong": 0}, "audits": {"compared": 5, "wrong": 0}, "reports": 0},
    "trust": {"mode": "serving", "since": "2027-01-04T10:00:00Z", "compared": 5, "wrong": 0, "upper_bound": 0.00981, "confidence": 0.95,
              "error_limit": 0.01, "clean_samples_needed": 299},
    "entries": {"count": 2011, "bytes": 4301540, "most_bytes": 268435456, "similar": 1200, "quarantined": 1},
    "last_errors": [{"at": "2027-01-02T08:00:00Z", "entry_id": "che_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "kind": "report",
                     "reasons": ["reported"], "similarity": null}]
}"#;
const TIMESERIES: &str = r#"{
    "period": "24h", "from": "2027-01-09T10:00:00Z", "to": "2027-01-10T10:00:00Z", "bucket": "hour",
    "data": [{"from": "2027-01-09T10:00:00Z", "to": "2027-01-09T11:00:00Z",
              "hits": {"exact": 8, "canonical": 2, "semantic": 0, "total": 10}, "misses": 30, "bypasses": 0, "hit_rate": 0.25,
              "savings": {"saved_usd": 0.02, "audits": 0, "audits_usd": 0.0, "embeddings_usd": 0.0, "net_usd": 0.02, "latency_ms": 15000},
              "errors": {"found": 0, "shadow": {"compared": 3, "wrong": 0}, "audits": {"compared": 0, "wrong": 0}, "reports": 0}}]
}"#;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = reports();
    all.extend(entries());
    all.extend(settings());
    all
}

fn reports() -> Vec<Operation> {
    vec![
        get("/v1/cache/stats", "readCacheStats", "Tells what the cache brought, and how often it was wrong")
            .needs(Permission::ReadCache)
            .query([PERIOD, TENANT])
            .answers::<CacheStats>(200, "30 days if no period is given.", STATS)
            .refuses(&[404]),
        get("/v1/cache/timeseries", "readCacheTimeseries", "The same step by step, none left out")
            .needs(Permission::ReadCache)
            .query([PERIOD, TENANT])
            .answers::<CacheTimeseries>(200, "24 hours if no period is given.", TIMESERIES)
            .refuses(&[404]),
    ]
}

fn entries() -> Vec<Operation> {
    vec![
        get("/v1/cache", "listCacheEntries", "Lists what is in the cache, newest first, without contents")
            .needs(Permission::ReadCache)
            .query(PAGE)
            .query([NAMESPACE, MODEL, TENANT])
            .lists::<CacheEntry>("A page of entries.", ENTRY)
            .refuses(&[404]),
        delete("/v1/cache", "emptyCache", "Deletes what is in the cache: all, or what fits")
            .more("Both parameters together mean what fits both.")
            .needs(Permission::ManageCache)
            .query([NAMESPACE, MODEL, TENANT])
            .answers::<DeletedEntries>(200, "How many entries are gone.", r#"{"deleted": 12}"#)
            .refuses(&[404]),
        get("/v1/cache/{entry_id}", "readCacheEntry", "Shows an entry, without contents")
            .needs(Permission::ReadCache)
            .query([TENANT])
            .answers::<CacheEntry>(200, "The entry.", ENTRY),
        delete("/v1/cache/{entry_id}", "deleteCacheEntry", "Deletes an entry")
            .needs(Permission::ManageCache)
            .query([TENANT])
            .answers_plain(204, "It answers nothing any more.", None),
        post("/v1/cache/{entry_id}/report", "reportCacheEntry", "Says that an answer of the cache was wrong")
            .more("The answer is destroyed at once. Where it was given for a similar prompt it counts as an error of that tier, which stops answering when it has too many.")
            .needs(Permission::ReportCache)
            .query([TENANT])
            .may_take::<WrongAnswer>(r#"{"tier": "semantic"}"#)
            .answers::<ReportedEntry>(200, "What became of it.", REPORTED),
    ]
}

fn settings() -> Vec<Operation> {
    vec![
        get("/v1/cache/settings", "readCacheSettings", "Shows how far the cache may go")
            .needs(Permission::ReadCache)
            .query([KEY, TENANT])
            .answers::<CacheSettingsNow>(200, "What is set, and what holds.", SETTINGS)
            .refuses(&[404]),
        patch("/v1/cache/settings", "updateCacheSettings", "Says how far the cache may go")
            .more(
                "It holds everywhere within 30 seconds. A key's settings take away from its tenant's and add nothing.",
            )
            .needs(Permission::ManageCache)
            .query([KEY, TENANT])
            .takes::<CacheSettingsChange>(r#"{"tier": "canonical", "ttl_seconds": 600}"#)
            .answers::<CacheSettingsNow>(200, "As it is now.", SETTINGS)
            .refuses(&[404]),
        delete("/v1/cache/settings", "resetCacheSettings", "Makes the settings what they are by default")
            .more("For a key: as its tenant has them. What only operators set stays.")
            .needs(Permission::ManageCache)
            .query([KEY, TENANT])
            .answers_plain(204, "Nothing is set any more.", None)
            .refuses(&[404]),
    ]
}
