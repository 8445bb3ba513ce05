//! `/v1/budgets` and `/v1/limits`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, PAGE, Query, delete, get, patch, post, put};
use crate::{limits::policy::Period, tenancy::Permission};
use time::OffsetDateTime;
use utoipa::{ToSchema, openapi::Type};

const TENANT: Query = Query("tenant_id", Type::String, "For operators: another tenant, as `ten_…`.");
const OPERATORS: &str = "What an operator sets on a tenant (`?tenant_id=`) has `set_by: operator`; the tenant sees it and does not change it.";

/// How much may be spent in a period. Two of the same scope and period are one hard and one soft.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBudget {
    scope: Option<BudgetScope>,
    #[schema(minimum = 0.000000001, maximum = 1000000000)]
    limit_usd: f64,
    period: Period,
    /// Whether requests that could exceed it are refused (402), or are only told of.
    hard: bool,
}

/// Whose spending it is about: one of the three. Absent, null or empty: all of the tenant's.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct BudgetScope {
    /// What this key asks for.
    key_id: Option<String>,
    /// What this person asks for, and what their keys ask for.
    member_id: Option<String>,
    /// What is booked under this tag, of a key or of a request.
    tag: Option<String>,
}

/// What is to change; a field that is absent stays as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct BudgetChange {
    #[schema(minimum = 0.000000001, maximum = 1000000000)]
    limit_usd: Option<f64>,
    hard: Option<bool>,
}

/// A budget, and what became of it in this period so far.
#[derive(ToSchema)]
struct Budget {
    id: String,
    scope: BudgetScope,
    limit_usd: f64,
    period: Period,
    hard: bool,
    set_by: SetBy,
    /// By requests that have ended, since the period or the budget began.
    spent_usd: f64,
    /// Set aside for requests that are running: the most they can cost.
    reserved_usd: f64,
    /// What is left of the limit.
    remaining_usd: f64,
    /// What will be spent at the end of the period if it goes on so; null in the first hour, and without an end.
    #[schema(required = true)]
    forecast_usd: Option<f64>,
    /// In UTC; null for `total`.
    #[schema(required = true)]
    starts_at: Option<OffsetDateTime>,
    #[schema(required = true)]
    resets_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// Who set it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum SetBy {
    /// The tenant's administrators.
    Tenant,
    /// The operators of the deployment: only they change it.
    Operator,
}

/// A limit as a whole: what it does not name is not limited any more.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLimit {
    scope: Option<LimitScope>,
    limits: LimitValues,
}

/// What is limited: a key, or a key with one model. Absent, null or empty: the tenant as a whole.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct LimitScope {
    /// Alone: the key's own limits, which are part of its rights and the same as at `/v1/keys`.
    key_id: Option<String>,
    /// With a `key_id`: `provider/model`, or a bare name that one provider has.
    model: Option<String>,
}

/// How much at most, at least one of them. Absent or null: as much as one likes.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct LimitValues {
    /// Requests per minute.
    #[schema(minimum = 1, maximum = 2147483647)]
    rpm: Option<i32>,
    /// Tokens per minute, of prompts and answers.
    #[schema(minimum = 1)]
    tpm: Option<i64>,
    /// Requests at the same time.
    #[schema(minimum = 1, maximum = 2147483647)]
    concurrency: Option<i32>,
}

/// A limit.
#[derive(ToSchema)]
struct Limit {
    scope: LimitScope,
    limits: LimitValues,
    set_by: SetBy,
    updated_at: OffsetDateTime,
}

const BUDGET: &str = r#"{
    "id": "bud_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "scope": {"tag": "team:search"}, "limit_usd": 250.0, "period": "month", "hard": true,
    "set_by": "tenant", "spent_usd": 81.25, "reserved_usd": 0.35, "remaining_usd": 168.4, "forecast_usd": 241.9,
    "starts_at": "2027-01-01T00:00:00Z", "resets_at": "2027-02-01T00:00:00Z", "created_at": "2026-12-10T09:30:00Z",
    "updated_at": "2026-12-10T09:30:00Z"
}"#;
const LIMIT: &str = r#"{"scope": {}, "limits": {"rpm": 600, "tpm": 2000000, "concurrency": null}, "set_by": "tenant",
    "updated_at": "2026-12-10T09:30:00Z"}"#;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = budgets();
    all.extend(limits());
    all
}

fn budgets() -> Vec<Operation> {
    vec![
        get("/v1/budgets", "listBudgets", "Lists the tenant's budgets and what is spent of them, newest first")
            .needs(Permission::ReadBudgets)
            .query(PAGE)
            .query([TENANT])
            .lists::<Budget>("A page of budgets.", BUDGET),
        post("/v1/budgets", "createBudget", "Makes a budget")
            .more("It counts from now on, and holds everywhere within 30 seconds. A tenant has at most 100.")
            .more(OPERATORS)
            .needs(Permission::ManageBudgets)
            .query([TENANT])
            .takes::<NewBudget>(
                r#"{"scope": {"tag": "team:search"}, "limit_usd": 250, "period": "month", "hard": true}"#,
            )
            .answers::<Budget>(201, "The budget.", BUDGET)
            .refuses(&[404, 409]),
        get("/v1/budgets/{budget_id}", "readBudget", "Shows a budget and what is spent of it")
            .needs(Permission::ReadBudgets)
            .query([TENANT])
            .answers::<Budget>(200, "The budget.", BUDGET),
        patch("/v1/budgets/{budget_id}", "updateBudget", "Changes a budget's limit, or whether it is hard")
            .more("Its scope and its period stay: what was counted was counted for those.")
            .needs(Permission::ManageBudgets)
            .query([TENANT])
            .takes::<BudgetChange>(r#"{"limit_usd": 300}"#)
            .answers::<Budget>(200, "The budget as it is now.", BUDGET)
            .refuses(&[409]),
        delete("/v1/budgets/{budget_id}", "deleteBudget", "Deletes a budget")
            .needs(Permission::ManageBudgets)
            .query([TENANT])
            .answers_plain(204, "It bounds nothing any more.", None),
    ]
}

fn limits() -> Vec<Operation> {
    let key = |what| Query("key_id", Type::String, what);
    vec![
        get("/v1/limits", "listLimits", "Lists the limits of the tenant, its keys, and its keys with a model")
            .needs(Permission::ReadBudgets)
            .query(PAGE)
            .query([key("Only this key's, as `key_…`."), TENANT])
            .lists::<Limit>("A page of limits.", LIMIT)
            .refuses(&[404]),
        put("/v1/limits", "setLimit", "Sets a limit as a whole")
            .more("Of several that hold for a request each does. A tenant has at most 200, those of keys themselves aside.")
            .more(OPERATORS)
            .needs(Permission::ManageBudgets)
            .query([TENANT])
            .takes::<NewLimit>(r#"{"limits": {"rpm": 600, "tpm": 2000000}}"#)
            .answers::<Limit>(200, "The limit as it is now.", LIMIT)
            .refuses(&[404, 409]),
        delete("/v1/limits", "deleteLimit", "Removes a limit: the tenant's own, or the one that is named")
            .needs(Permission::ManageBudgets)
            .query([
                key("A key's, as `key_…`."),
                Query("model", Type::String, "With a `key_id`: that of the key with this model."),
                TENANT,
            ])
            .answers_plain(204, "It limits nothing any more.", None)
            .refuses(&[404, 409]),
    ]
}
