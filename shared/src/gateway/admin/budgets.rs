//! `/v1/budgets`: how much may be spent, by whom, in what time; with what is spent.

use super::{
    body::Body,
    limits,
    office::{Act, Office},
    page::Query,
    shown::{self, time},
};
use crate::{
    db::{
        self, TenantTx,
        budgets::{self, BudgetRow},
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    limits::{
        dynamo::Reservations,
        policy::{Budget, BudgetScope, MAX_BUDGETS, Period, Spending},
    },
    tenancy::{BudgetId, KeyId, Permission, PersonId},
    usage::Nanos,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

const ROUTE: &str = "/v1/budgets";
/// Of what begins, nobody knows where it goes: no forecast from less than this.
const FORECAST_AFTER: Duration = Duration::hours(1);

/// What the function is built of.
pub struct Budgets {
    /// Who calls, and the definitions.
    pub office: Office,
    /// What is spent and reserved.
    pub reservations: Reservations,
}

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(function: &Budgets, call: Call) -> Result<Reply, GatewayError> {
    let path = call.path.trim_end_matches('/');
    if path == limits::ROUTE {
        return limits::answer(&function.office, &call).await;
    }
    let rest = path.strip_prefix(ROUTE).and_then(|rest| match rest.strip_prefix('/') {
        None if rest.is_empty() => Some(None),
        id => id.filter(|id| !id.contains('/')).map(Some),
    });
    match (&call.method, rest) {
        (&Method::GET, Some(None)) => list(function, &call).await,
        (&Method::POST, Some(None)) => create(function, &call).await,
        (&Method::GET, Some(Some(id))) => read(function, &call, id).await,
        (&Method::PATCH, Some(Some(id))) => update(function, &call, id).await,
        (&Method::DELETE, Some(Some(id))) => delete(function, &call, id).await,
        (method, Some(_)) => Err(GatewayError::MethodNotAllowed(method.to_string())),
        (_, None) => Err(GatewayError::NotFound("this path".into())),
    }
}

/// Who acts on which tenant: everybody on their own, operators on any.
async fn act_on(function: &Budgets, call: &Call, permission: Permission) -> Result<Act, GatewayError> {
    let act = function.office.authorize(call, permission).await?;
    Office::on_named_tenant(act, &Query::read(&call.query, &["tenant_id"])?)
}

async fn list(function: &Budgets, call: &Call) -> Result<Reply, GatewayError> {
    let act = function.office.authorize(call, Permission::ReadBudgets).await?;
    let query = Query::read(&call.query, &["limit", "cursor", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let page = query.page::<BudgetId>()?;
    let tx = function.office.begin(&act).await?;
    let rows = budgets::list(&tx, page.after, page.rows()).await?;
    tx.commit().await?;
    let spending = spending(function, &act, &rows).await?;
    let rows: Vec<(BudgetRow, Spending)> = rows.into_iter().zip(spending).collect();
    let shown = page.list(rows, |(row, _)| row.budget.id.to_string(), |(row, spent)| show(&row, spent, act.at));
    Reply::json(StatusCode::OK, &shown)
}

async fn read(function: &Budgets, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(function, call, Permission::ReadBudgets).await?;
    let id = known(id)?;
    let tx = function.office.begin(&act).await?;
    let row = budgets::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;
    let spent = spent(function, &act, &row).await?;
    Reply::json(StatusCode::OK, &show(&row, spent, act.at))
}

async fn create(function: &Budgets, call: &Call) -> Result<Reply, GatewayError> {
    let act = act_on(function, call, Permission::ManageBudgets).await?;
    let mut body = Body::read(call.json_body()?)?;
    let scope = read_scope(&mut body);
    body.required("limit_usd");
    let limit = body.usd("limit_usd");
    let period = body.required_parsed::<Period>("period");
    body.required("hard");
    let hard = body.flag("hard");
    body.finish()?;
    let (Some(scope), Some(limit), Some(period), Some(hard)) = (scope, limit, period, hard) else {
        return Err(GatewayError::Internal("a body without faults lacks a field".into()));
    };
    let id = BudgetId::generate(function.office.clock.since_epoch());
    let row = BudgetRow {
        budget: Budget { id, scope, limit, period, hard },
        by_operator: act.is_on_another_tenant(),
        created_at: act.at,
        updated_at: act.at,
    };
    let tx = function.office.begin(&act).await?;
    check_scope(&tx, &row.budget.scope).await?;
    if usize::try_from(budgets::count(&tx).await?).is_ok_and(|count| count >= MAX_BUDGETS) {
        return Err(too_many());
    }
    budgets::insert(&tx, &row).await.map_err(refused)?;
    let noted = Some(define(&row));
    function.office.note(&tx, &act, "budgets.create", id.to_string(), (None, noted)).await?;
    tx.commit().await?;
    // Nothing can have been spent of a budget that was not there.
    Reply::json(StatusCode::CREATED, &show(&row, Spending::default(), act.at))
}

/// Whose spending it is about and in what time stays as it is: what was counted was counted for that.
async fn update(function: &Budgets, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(function, call, Permission::ManageBudgets).await?;
    let mut body = Body::read(call.json_body()?)?;
    let id = known(id)?;
    let tx = function.office.begin(&act).await?;
    let before = own(budgets::lock(&tx, id).await?, &act)?;
    let mut wanted = BudgetRow { updated_at: act.at, ..before.clone() };
    if let Some(limit) = body.usd("limit_usd") {
        wanted.budget.limit = limit;
    }
    if let Some(hard) = body.flag("hard") {
        wanted.budget.hard = hard;
    }
    for fixed in ["scope", "period"] {
        if body.has(fixed) {
            body.refuse(fixed, "cannot be changed: delete the budget and make another");
        }
    }
    body.finish()?;
    if wanted.budget.hard && !before.budget.hard {
        check_undivided(function, &act, &wanted.budget).await?;
    }
    budgets::update(&tx, &wanted).await.map_err(refused)?;
    let noted = (Some(define(&before)), Some(define(&wanted)));
    function.office.note(&tx, &act, "budgets.update", id.to_string(), noted).await?;
    // Asked before it is kept: who is told of a failure finds everything as it was.
    let spent = spent(function, &act, &wanted).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&wanted, spent, act.at))
}

async fn delete(function: &Budgets, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(function, call, Permission::ManageBudgets).await?;
    let id = known(id)?;
    let tx = function.office.begin(&act).await?;
    let before = own(budgets::lock(&tx, id).await?, &act)?;
    budgets::delete(&tx, id).await?;
    function.office.note(&tx, &act, "budgets.delete", id.to_string(), (Some(define(&before)), None)).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

/// A hard budget is counted in one place; what was spent elsewhere while it was soft could be spent again.
async fn check_undivided(function: &Budgets, act: &Act, budget: &Budget) -> Result<(), GatewayError> {
    let is_spread = function.reservations.is_spread(act.tenant(), budget, act.at).await;
    if is_spread.map_err(GatewayError::Unavailable)? {
        return Err(GatewayError::Conflict(
            "what is spent of this budget is counted in several places, because of a limit of more than 6000 requests a minute, and \
             it cannot become hard in this period: make a hard one beside it, which counts from now on"
                .into(),
        ));
    }
    Ok(())
}

/// Nothing, null and an empty object mean the tenant.
fn read_scope(body: &mut Body) -> Option<BudgetScope> {
    if !body.is_given("scope") {
        body.skip("scope");
        return Some(BudgetScope::Tenant);
    }
    body.object("scope", |scope| {
        let given = ["key_id", "member_id", "tag"].into_iter().filter(|name| scope.is_given(name)).count();
        let key = scope.parsed::<KeyId>("key_id").map(BudgetScope::Key);
        let member = scope.parsed::<PersonId>("member_id").map(BudgetScope::Member);
        let tag = scope.checked("tag", shown::tag).map(BudgetScope::Tag);
        match given {
            0 => Some(BudgetScope::Tenant),
            1 => key.or(member).or(tag),
            _ => scope.fault("tag", "is one too many: `key_id`, `member_id` or `tag`, one of them at most"),
        }
    })
    .flatten()
}

/// That what the scope names is the tenant's. What is another's is not there.
async fn check_scope(tx: &TenantTx, scope: &BudgetScope) -> Result<(), GatewayError> {
    let is_there = match scope {
        BudgetScope::Key(key) => budgets::has_key(tx, *key).await?,
        BudgetScope::Member(person) => budgets::has_member(tx, *person).await?,
        BudgetScope::Tenant | BudgetScope::Tag(_) => true,
    };
    if is_there { Ok(()) } else { Err(shown::not_found()) }
}

/// What the operators set, the tenant sees and does not change.
fn own(row: Option<BudgetRow>, act: &Act) -> Result<BudgetRow, GatewayError> {
    let row = row.ok_or_else(shown::not_found)?;
    act.may_change(row.by_operator)?;
    Ok(row)
}

fn refused(error: db::Error) -> GatewayError {
    match error {
        db::Error::Exists(_) => GatewayError::Conflict(
            "there is a budget of the same scope, period and kind already: change that one".into(),
        ),
        // The trigger that counts: somebody else stored the last one meanwhile.
        db::Error::NotAllowed(_) => too_many(),
        other => other.into(),
    }
}

fn too_many() -> GatewayError {
    GatewayError::Conflict(format!("a tenant has at most {MAX_BUDGETS} budgets: delete one first"))
}

fn known(id: &str) -> Result<BudgetId, GatewayError> {
    id.parse().map_err(|_| shown::not_found())
}

async fn spent(function: &Budgets, act: &Act, row: &BudgetRow) -> Result<Spending, GatewayError> {
    let all = spending(function, act, std::slice::from_ref(row)).await?;
    Ok(all.first().copied().unwrap_or_default())
}

async fn spending(function: &Budgets, act: &Act, rows: &[BudgetRow]) -> Result<Vec<Spending>, GatewayError> {
    let budgets: Vec<Budget> = rows.iter().map(|row| row.budget.clone()).collect();
    function.reservations.spending(act.tenant(), &budgets, act.at).await.map_err(GatewayError::Unavailable)
}

/// What the audit has of it: what was defined, and not what was spent.
fn define(row: &BudgetRow) -> Value {
    let scope = match &row.budget.scope {
        BudgetScope::Tenant => json!({}),
        BudgetScope::Key(key) => json!({ "key_id": key.to_string() }),
        BudgetScope::Member(person) => json!({ "member_id": person.to_string() }),
        BudgetScope::Tag(tag) => json!({ "tag": tag }),
    };
    json!({
        "id": row.budget.id.to_string(),
        "scope": scope,
        "limit_usd": row.budget.limit.as_usd(),
        "period": row.budget.period.as_str(),
        "hard": row.budget.hard,
        "set_by": shown::set_by(row.by_operator),
    })
}

fn show(row: &BudgetRow, spending: Spending, now: OffsetDateTime) -> Value {
    let (limit, period) = (row.budget.limit, row.budget.period);
    let left = limit.0.saturating_sub(spending.committed().0).max(0);
    let mut shown = define(row);
    let more = json!({
        "spent_usd": spending.spent.as_usd(),
        "reserved_usd": spending.reserved.as_usd(),
        "remaining_usd": Nanos(left).as_usd(),
        "forecast_usd": forecast(row, spending.spent, now).map(Nanos::as_usd),
        "starts_at": period.starts_at(now).map(time),
        "resets_at": period.ends_at(now).map(time),
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
    });
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    shown
}

/// What will have been spent at the end of the period, if it goes on as it did since its beginning, or since the budget's.
fn forecast(row: &BudgetRow, spent: Nanos, now: OffsetDateTime) -> Option<Nanos> {
    let (starts, ends) = (row.budget.period.starts_at(now)?, row.budget.period.ends_at(now)?);
    let (counted, left) = (now - starts.max(row.created_at), ends - now);
    if counted < FORECAST_AFTER {
        return None;
    }
    let more = i128::from(spent.0).checked_mul(left.whole_seconds().into())? / i128::from(counted.whole_seconds());
    i64::try_from(i128::from(spent.0) + more).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_forecast_goes_on_as_it_went_so_far() {
        let row = |period, created_at| BudgetRow {
            budget: Budget {
                id: BudgetId::generate(std::time::Duration::from_secs(1)),
                scope: BudgetScope::Tenant,
                limit: Nanos(1),
                period,
                hard: true,
            },
            by_operator: false,
            created_at,
            updated_at: created_at,
        };
        let old = datetime!(2026-01-01 00:00 UTC);
        #[rustfmt::skip]
        let table = [
            (Period::Day,   old,                             datetime!(2026-11-22 12:00 UTC), 500, Some(1000), "half of the day, half of the money"),
            (Period::Month, old,                             datetime!(2026-11-11 00:00 UTC), 100, Some(300),  "a third of the month"),
            (Period::Month, datetime!(2026-11-21 00:00 UTC), datetime!(2026-11-26 00:00 UTC), 100, Some(200),  "counted since the budget is there"),
            (Period::Day,   old,                             datetime!(2026-11-22 00:30 UTC), 500, None,       "half an hour tells nothing"),
            (Period::Total, old,                             datetime!(2026-11-22 12:00 UTC), 500, None,       "what never ends has no end to foresee"),
            (Period::Day,   old,                             datetime!(2026-11-22 12:00 UTC), 0,   Some(0),    "nothing stays nothing"),
        ];
        for (period, created_at, now, spent, expected, why) in table {
            assert_eq!(forecast(&row(period, created_at), Nanos(spent), now), expected.map(Nanos), "{why}");
        }
    }
}
