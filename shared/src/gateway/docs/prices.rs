//! `/v1/prices`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::{
    operation::{Operation, PAGE, Query, delete, get, post},
    words::Provider,
};
use crate::tenancy::Permission;
use time::OffsetDateTime;
use utoipa::{ToSchema, openapi::Type};

const TENANT: Query = Query("tenant_id", Type::String, "For operators: another tenant, as `ten_…`.");

/// What a model costs from a moment on, in US dollars per million tokens. What is not named costs as the prompt.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    /// A model of the list; or one that no list has, as `provider/model`, with what it is `based_on`.
    #[schema(max_length = 200)]
    model: String,
    /// For a model that no list has: the listed one of the same provider that it is like in everything but its price.
    #[schema(max_length = 200)]
    based_on: Option<String>,
    /// Absent or null: now. Not in the past.
    starts_at: Option<OffsetDateTime>,
    /// From then on the list's price again, and for a model that no list has none.
    withdrawn: Option<bool>,
    /// Needed unless it is withdrawn.
    #[schema(minimum = 0, maximum = 100000)]
    input_usd: Option<f64>,
    /// Needed unless it is withdrawn, or makes vectors.
    #[schema(minimum = 0, maximum = 100000)]
    output_usd: Option<f64>,
    #[schema(minimum = 0, maximum = 100000)]
    cached_input_usd: Option<f64>,
    #[schema(minimum = 0, maximum = 100000)]
    cache_write_usd: Option<f64>,
    #[schema(minimum = 0, maximum = 100000)]
    cache_write_1h_usd: Option<f64>,
}

/// A price.
#[derive(ToSchema)]
struct Price {
    /// What the ledger names as `price_version` where it was charged.
    id: String,
    model: String,
    #[schema(required = true)]
    based_on: Option<String>,
    status: PriceStatus,
    set_by: PriceSetBy,
    starts_at: OffsetDateTime,
    withdrawn: bool,
    #[schema(required = true)]
    input_usd: Option<f64>,
    #[schema(required = true)]
    output_usd: Option<f64>,
    #[schema(required = true)]
    cached_input_usd: Option<f64>,
    #[schema(required = true)]
    cache_write_usd: Option<f64>,
    #[schema(required = true)]
    cache_write_1h_usd: Option<f64>,
    created_at: OffsetDateTime,
}

/// Whether it holds.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum PriceStatus {
    Upcoming,
    InForce,
    Past,
}

/// Who set it, and with that for what it holds.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum PriceSetBy {
    /// The operators, for everybody who is served with the platform's provider keys.
    Platform,
    /// The operators, for this tenant.
    Operator,
    /// The tenant, for what is served with its own provider keys.
    Tenant,
}

/// A model that answered and has no price under that name.
#[derive(ToSchema)]
struct UnpricedModel {
    provider: Provider,
    /// As the provider calls it.
    model: String,
    requests: i64,
}

const PRICE: &str = r#"{
    "id": "prc_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "model": "openai/gpt-4o-mini", "based_on": null, "status": "in_force", "set_by": "tenant",
    "starts_at": "2027-01-10T09:30:00Z", "withdrawn": false, "input_usd": 0.12, "output_usd": 0.48, "cached_input_usd": 0.06,
    "cache_write_usd": null, "cache_write_1h_usd": null, "created_at": "2027-01-10T09:30:00Z"
}"#;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/prices", "listPrices", "Lists the prices that the tenant set, newest first")
            .more("The lists' own prices are at GET /v1/models, with these in their place where they hold.")
            .needs(Permission::ReadPrices)
            .query(PAGE)
            .query([Query("model", Type::String, "Only of this one, as `provider/model`."), TENANT])
            .lists::<Price>("A page of prices.", PRICE),
        post("/v1/prices", "createPrice", "Sets what a model costs from a moment on")
            .more(
                "It replaces the list's price in the default service tier, whatever the prompt's length; sound, searches and other tiers stay as \
                 listed. It holds everywhere within 30 seconds.",
            )
            .more("A tenant's price holds for what is served with its own provider keys, an operator's own tenant's for all that the platform's keys serve.")
            .needs(Permission::ManagePrices)
            .query([TENANT])
            .takes::<NewPrice>(
                r#"{"model": "openai/gpt-4o-mini", "input_usd": 0.12, "output_usd": 0.48, "cached_input_usd": 0.06,
                    "starts_at": "2099-01-01T00:00:00Z"}"#,
            )
            .answers::<Price>(201, "The price.", PRICE)
            .refuses(&[404, 409]),
        get("/v1/prices/unpriced", "listUnpricedModels", "Lists models that answered and have no price under that name")
            .more("To an operator who names no tenant, those of all tenants.")
            .needs(Permission::ReadPrices)
            .query([Query("days", Type::Integer, "How far to look back, 1 to 31; 7 if it is not given."), TENANT])
            .lists::<UnpricedModel>("The most frequent first.", r#"{"provider": "openai", "model": "gpt-9-preview", "requests": 3}"#)
            .refuses(&[404]),
        get("/v1/prices/{price_id}", "readPrice", "Shows a price")
            .needs(Permission::ReadPrices)
            .query([TENANT])
            .answers::<Price>(200, "The price.", PRICE),
        delete("/v1/prices/{price_id}", "deletePrice", "Deletes a price that has not begun, or that another has replaced")
            .needs(Permission::ManagePrices)
            .query([TENANT])
            .answers_plain(204, "It is gone; what was charged stays charged.", None)
            .refuses(&[409]),
    ]
}
