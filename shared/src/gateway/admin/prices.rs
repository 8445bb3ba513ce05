//! `/v1/prices`: what models cost this tenant or, set by the operators' own tenant, everybody; also models that no list has, and those that
//! answered without a price. A price never changes: another begins after it.

use super::{
    body::Body,
    office::{Act, Office},
    page::Query,
    shown::{self, time},
};
use crate::{
    db::{
        self, TenantTx,
        prices::{self, PriceRow, Served},
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    openai::Invalid,
    providers,
    routing::plan,
    tenancy::{Permission, PriceId, RequestId, Role, TenantId},
    usage::{Card, ModelCard, ModelKind, Price, PriceSetter, Rates, prices::MAX_PRICES},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

const ROUTE: &str = "/v1/prices";
/// A caller's clock may be late by so much.
const LATE: Duration = Duration::minutes(1);
/// How far back models that answered are looked for, if nobody says so, and at most: the ledger is long.
const DAYS: std::ops::RangeInclusive<u32> = 1..=31;
const DEFAULT_DAYS: u32 = 7;
const MAX_MODEL_BYTES: usize = 200;

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, call: Call) -> Result<Reply, GatewayError> {
    let path = call.path.trim_end_matches('/');
    let rest = path.strip_prefix(ROUTE).and_then(|rest| match rest.strip_prefix('/') {
        None if rest.is_empty() => Some(""),
        id => id.filter(|id| !id.contains('/')),
    });
    match (&call.method, rest) {
        (&Method::GET, Some("")) => list(office, &call).await,
        (&Method::POST, Some("")) => create(office, &call).await,
        (&Method::GET, Some("unpriced")) => unpriced(office, &call).await,
        (&Method::GET, Some(id)) => read(office, &call, id).await,
        (&Method::DELETE, Some(id)) if !["", "unpriced"].contains(&id) => delete(office, &call, id).await,
        (method, Some(_)) => Err(GatewayError::MethodNotAllowed(method.to_string())),
        (_, None) => Err(GatewayError::NotFound("this path".into())),
    }
}

async fn act_on(office: &Office, call: &Call, permission: Permission) -> Result<Act, GatewayError> {
    let act = office.authorize(call, permission).await?;
    Office::on_named_tenant(act, &Query::read(&call.query, &["tenant_id"])?)
}

async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadPrices).await?;
    let query = Query::read(&call.query, &["model", "limit", "cursor", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let page = query.page::<PriceId>()?;
    let named = query
        .text("model", MAX_MODEL_BYTES)?
        .map(|text| text.split_once('/').ok_or_else(|| unnamed("model")))
        .transpose()?;
    let tx = office.begin(&act).await?;
    let rows = prices::list(&tx, act.at, named, page.after, page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, |row| row.price.id.to_string(), |row| show(&row, act.at)))
}

async fn read(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::ReadPrices).await?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let row = prices::read(&tx, act.at, id).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&row, act.at))
}

async fn create(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::ManagePrices).await?;
    let set_by = setter(&act)?;
    let mut body = Body::read(call.json_body()?)?;
    let of = read_model(&mut body);
    let withdrawn = body.flag("withdrawn").unwrap_or(false);
    let rates = read_rates(&mut body, withdrawn, of.as_ref().map(|of| &*of.base));
    let starts_at = body.moment("starts_at").unwrap_or(act.at);
    if starts_at < act.at - LATE {
        body.fault::<()>("starts_at", "must not be in the past: what was asked for then has its price");
    }
    body.finish()?;
    let of = of.ok_or_else(|| GatewayError::Internal("a body without faults names no model".into()))?;
    let price = Price {
        id: PriceId::generate(office.clock.since_epoch()),
        set_by,
        provider: of.provider,
        model: of.model,
        based_on: of.based_on,
        starts_at,
        rates,
    };
    let row = PriceRow { price, replaced: false, created_at: act.at };
    let tx = office.begin(&act).await?;
    store(&tx, &row).await?;
    let shown = show(&row, act.at);
    office.note(&tx, &act, "prices.create", row.price.id.to_string(), (None, Some(shown.clone()))).await?;
    tx.commit().await?;
    Reply::json(StatusCode::CREATED, &shown)
}

async fn store(tx: &TenantTx, row: &PriceRow) -> Result<(), GatewayError> {
    let too_many =
        || GatewayError::Conflict(format!("a tenant has at most {MAX_PRICES} prices: delete past ones first"));
    if usize::try_from(prices::count(tx).await?).is_ok_and(|count| count >= MAX_PRICES) {
        return Err(too_many());
    }
    prices::insert(tx, row).await.map_err(|error| match error {
        db::Error::Exists(_) => GatewayError::Conflict(
            "another price of this model begins at the same moment: choose another `starts_at`".into(),
        ),
        // The trigger that counts: somebody else stored the last one meanwhile.
        db::Error::NotAllowed(_) => too_many(),
        other => other.into(),
    })
}

/// One that has not begun, or that another has replaced. What holds now ends when another begins.
async fn delete(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::ManagePrices).await?;
    setter(&act)?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let row = prices::read(&tx, act.at, id).await?.ok_or_else(shown::not_found)?;
    act.may_change(row.price.set_by == PriceSetter::Operator)?;
    if status(&row, act.at) == "in_force" {
        let problem = "this price holds now: POST another, or one with `withdrawn`, that begins after it";
        return Err(GatewayError::Conflict(problem.into()));
    }
    prices::delete(&tx, id).await?;
    office.note(&tx, &act, "prices.delete", id.to_string(), (Some(show(&row, act.at)), None)).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

/// The names under which models answered and that have no price; to an operator who names no tenant, those of everybody.
async fn unpriced(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadPrices).await?;
    let query = Query::read(&call.query, &["days", "tenant_id"])?;
    let of_all = query.get("tenant_id").is_none() && act.grant.role() == Role::Operator;
    let act = Office::on_named_tenant(act, &query)?;
    let days = match query.get("days") {
        None => DEFAULT_DAYS,
        Some(text) => text.parse().ok().filter(|days| DAYS.contains(days)).ok_or_else(|| {
            Invalid::value("days", format!("must be a whole number from {} to {}", DAYS.start(), DAYS.end()))
        })?,
    };
    let back = std::time::Duration::from_secs(u64::from(days) * 86_400);
    let since = RequestId::generate(office.clock.since_epoch().saturating_sub(back));
    let tx = office.begin(&act).await?;
    let own = prices::list(&tx, act.at, None, None, i64::try_from(MAX_PRICES).unwrap_or(i64::MAX)).await?;
    let served = match of_all {
        true => prices::served_to_anybody(&office.db, *since.as_uuid()).await?,
        false => prices::served(&tx, *since.as_uuid()).await?,
    };
    tx.commit().await?;
    let mut found: Vec<Served> = served.into_iter().filter(|one| !has_price(one, &own)).collect();
    found.sort_by(|a, b| {
        b.requests.cmp(&a.requests).then_with(|| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)))
    });
    let data: Vec<Value> = found
        .iter()
        .map(|one| json!({ "provider": one.provider, "model": one.model, "requests": one.requests }))
        .collect();
    Reply::json(StatusCode::OK, &json!({ "data": data, "next_cursor": null }))
}

fn has_price(served: &Served, own: &[PriceRow]) -> bool {
    let listed = providers::provider(&served.provider).and_then(|provider| providers::model(provider, &served.model));
    let is_own = |row: &PriceRow| row.price.provider == served.provider && row.price.model == served.model;
    listed.is_some() || own.iter().any(is_own)
}

/// As whom somebody sets a price. The platform's hold for everybody, so its operators set them and nobody else who belongs to it.
fn setter(act: &Act) -> Result<PriceSetter, GatewayError> {
    match act.tenant() == TenantId::PLATFORM {
        true if act.grant.role() != Role::Operator => {
            Err(GatewayError::Beyond { param: "role", problem: "must be `operator` for the platform's prices".into() })
        }
        true => Ok(PriceSetter::Platform),
        false if act.is_on_another_tenant() => Ok(PriceSetter::Operator),
        false => Ok(PriceSetter::Tenant),
    }
}

/// Of which model a price is.
struct Of {
    provider: String,
    model: String,
    based_on: Option<String>,
    base: Card,
}

fn read_model(body: &mut Body) -> Option<Of> {
    let based_on = body.text("based_on", MAX_MODEL_BYTES);
    let name = body.required_text("model", MAX_MODEL_BYTES)?;
    let Some(based_on) = based_on else {
        return match plan::resolve(&name) {
            Ok(listed) => Some(Of {
                provider: listed.provider.id().to_owned(),
                model: listed.model.id.to_string(),
                based_on: None,
                base: listed.model,
            }),
            Err(unknown) => body.fault("model", format!("needs a `based_on` if no list has it: {unknown}")),
        };
    };
    let Some((provider, model)) = name.split_once('/') else { return body.fault("model", unnamed_problem()) };
    if plan::resolve(&name).is_ok() {
        return body.fault("based_on", "is for models that no list has, and the list has this one");
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@-".contains(&byte);
    if !model.bytes().all(plain) || model.is_empty() || model.bytes().all(|byte| byte == b'.') {
        return body.fault("model", "must have letters, digits, `_`, `.`, `:`, `@` and `-` behind its provider");
    }
    match plan::resolve(&based_on) {
        Ok(base) if base.provider.id() == provider => Some(Of {
            provider: provider.to_owned(),
            model: model.to_owned(),
            based_on: Some(base.model.id.to_string()),
            base: base.model,
        }),
        Ok(_) => body.fault("based_on", "must be a model of the same provider"),
        Err(unknown) => body.fault("based_on", unknown),
    }
}

const RATES: [&str; 5] = ["input_usd", "output_usd", "cached_input_usd", "cache_write_usd", "cache_write_1h_usd"];

fn read_rates(body: &mut Body, withdrawn: bool, base: Option<&ModelCard>) -> Option<Rates> {
    if withdrawn {
        for name in RATES.into_iter().filter(|name| body.is_given(name)).collect::<Vec<_>>() {
            body.refuse(name, "is no part of a price that is withdrawn");
        }
        return None;
    }
    body.required("input_usd");
    let makes_vectors = base.is_some_and(|base| base.kind == ModelKind::Embedding);
    if !makes_vectors {
        body.required("output_usd");
    }
    let [input, output, cached_input, cache_write, cache_write_1h] = RATES.map(|name| body.per_million(name));
    let output = output.or(makes_vectors.then_some(0));
    Some(prices::rates(input?, output?, [cached_input, cache_write, cache_write_1h]))
}

fn unnamed_problem() -> &'static str {
    "must be written as `provider/model`"
}

fn unnamed(param: &str) -> Invalid {
    Invalid::value(param, unnamed_problem())
}

fn known(id: &str) -> Result<PriceId, GatewayError> {
    id.parse().map_err(|_| shown::not_found())
}

fn status(row: &PriceRow, now: OffsetDateTime) -> &'static str {
    match row.price.starts_at > now {
        true => "upcoming",
        false if row.replaced => "past",
        false => "in_force",
    }
}

fn show(row: &PriceRow, now: OffsetDateTime) -> Value {
    let price = &row.price;
    let rate = |of: fn(&Rates) -> Option<u64>| price.rates.as_ref().and_then(of).map(per_million);
    json!({
        "id": price.id.to_string(),
        "model": format!("{}/{}", price.provider, price.model),
        "based_on": price.based_on.as_ref().map(|base| format!("{}/{base}", price.provider)),
        "status": status(row, now),
        "set_by": match price.set_by {
            PriceSetter::Platform => "platform",
            PriceSetter::Operator => "operator",
            PriceSetter::Tenant => "tenant",
        },
        "starts_at": time(price.starts_at),
        "withdrawn": price.rates.is_none(),
        "input_usd": rate(|rates| Some(rates.input)),
        "output_usd": rate(|rates| Some(rates.output)),
        "cached_input_usd": rate(|rates| rates.cached_input),
        "cache_write_usd": rate(|rates| rates.cache_write),
        "cache_write_1h_usd": rate(|rates| rates.cache_write_1h),
        "created_at": time(row.created_at),
    })
}

/// Dollars for a million tokens.
#[expect(clippy::cast_precision_loss, reason = "the largest is a hundred thousand dollars")]
fn per_million(picos: u64) -> f64 {
    picos as f64 / 1e6
}
