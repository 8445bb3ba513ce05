//! `/v1/limits`: how much may be asked for in a minute and at a time, by the tenant, by a key, by a key of one model.

use super::{
    body::{Body, plain_text},
    keys,
    office::{Act, Office},
    page::Query,
    shown::{self, time},
};
use crate::{
    db::{
        self, TenantTx, budgets,
        limits::{self, LimitRow, Place},
        prices,
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    limits::policy::MAX_LIMITS,
    openai::Invalid,
    providers,
    tenancy::{KeyId, Permission, principal::KeyLimits},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::str::FromStr;

/// The route.
pub(super) const ROUTE: &str = "/v1/limits";
const MAX_CURSOR_BYTES: usize = 400;
const MAX_MODEL_CHARS: usize = 200;

/// Which limit is meant.
enum Scope {
    Tenant,
    Key(KeyId),
    KeyModel(KeyId, String),
}

/// The place of a limit in the list.
struct Cursor(String);

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.len() <= MAX_CURSOR_BYTES && !text.contains('\0') { Ok(Self(text.to_owned())) } else { Err("too long") }
    }
}

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub(super) async fn answer(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    match call.method {
        Method::GET => list(office, call).await,
        Method::PUT => put(office, call).await,
        Method::DELETE => delete(office, call).await,
        _ => Err(GatewayError::MethodNotAllowed(call.method.to_string())),
    }
}

async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadBudgets).await?;
    let query = Query::read(&call.query, &["key_id", "limit", "cursor", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let page = query.page::<Cursor>()?;
    let key = query.get("key_id").map(known).transpose()?;
    let tx = office.begin(&act).await?;
    check_key(&tx, key).await?;
    let after = page.after.as_ref().map(|cursor| cursor.0.as_str());
    let rows = limits::list(&tx, key, after, page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, LimitRow::cursor, |row| show(&row)))
}

/// Sets a limit as a whole: what is not named is not limited any more.
async fn put(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageBudgets).await?;
    let act = Office::on_named_tenant(act, &Query::read(&call.query, &["tenant_id"])?)?;
    let mut body = Body::read(call.json_body()?)?;
    let scope = read_scope(&mut body);
    body.required("limits");
    let mut limits = KeyLimits::default();
    body.object("limits", |body| keys::read_limits(body, &mut limits));
    if limits == KeyLimits::default() {
        body.fault::<()>("limits", "must have one of `rpm`, `tpm` and `concurrency`; DELETE removes a limit");
    }
    body.finish()?;
    let scope = scope.ok_or_else(|| GatewayError::Internal("a body without faults lacks a scope".into()))?;
    let tx = office.begin(&act).await?;
    let row = match place(&act, scope)? {
        Target::Key(key) => of_key(office, &act, &tx, key, limits).await?,
        Target::Row(place) => set(office, &act, &tx, LimitRow { place, limits, updated_at: act.at }).await?,
    };
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&row))
}

/// Removes a limit; without a query that of the tenant as a whole.
async fn delete(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageBudgets).await?;
    let query = Query::read(&call.query, &["key_id", "model", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let scope = match (query.get("key_id"), query.text("model", MAX_MODEL_CHARS)?) {
        (None, None) => Scope::Tenant,
        (Some(key), None) => Scope::Key(known(key)?),
        (Some(key), Some(model)) => Scope::KeyModel(known(key)?, model.to_owned()),
        (None, Some(_)) => return Err(Invalid::value("model", "needs a `key_id` beside it").into()),
    };
    let tx = office.begin(&act).await?;
    match place(&act, scope)? {
        Target::Key(key) => {
            let row = keys::read_row(&tx, key).await?;
            if row.limits == KeyLimits::default() {
                return Err(shown::not_found());
            }
            of_key(office, &act, &tx, key, KeyLimits::default()).await?;
        }
        Target::Row(place) => {
            let found = limits::lock(&tx, &place).await?;
            let Some(before) = found else { return Err(missing(&act, &tx, place).await?) };
            limits::delete(&tx, &place).await?;
            office.note(&tx, &act, "limits.delete", target(&act, &before), (Some(show(&before)), None)).await?;
        }
    }
    tx.commit().await?;
    Ok(Reply::empty())
}

/// Where a limit is kept.
enum Target {
    /// With the key, whose own it is.
    Key(KeyId),
    Row(Place),
}

fn place(act: &Act, scope: Scope) -> Result<Target, GatewayError> {
    let by_operator = act.is_on_another_tenant();
    match scope {
        Scope::Key(_) if by_operator => Err(GatewayError::Beyond {
            param: "scope",
            problem: "must be the tenant, or a key with a model: what a key itself may do is its tenant's to say"
                .into(),
        }),
        Scope::Key(key) => Ok(Target::Key(key)),
        Scope::Tenant => Ok(Target::Row(Place { key: None, model: None, by_operator })),
        Scope::KeyModel(key, model) => Ok(Target::Row(Place { key: Some(key), model: Some(model), by_operator })),
    }
}

/// A key's own limits are part of its rights, and changed by the same rules as at `/v1/keys`.
async fn of_key(
    office: &Office,
    act: &Act,
    tx: &TenantTx,
    key: KeyId,
    limits: KeyLimits,
) -> Result<LimitRow, GatewayError> {
    keys::set_limits(office, act, tx, key, limits).await?;
    Ok(LimitRow { place: Place { key: Some(key), model: None, by_operator: false }, limits, updated_at: act.at })
}

async fn set(office: &Office, act: &Act, tx: &TenantTx, row: LimitRow) -> Result<LimitRow, GatewayError> {
    check_key(tx, row.place.key).await?;
    check_model(act, tx, &row.place).await?;
    let before = limits::lock(tx, &row.place).await?;
    if before.is_some() {
        limits::update(tx, &row).await?;
    } else {
        if usize::try_from(limits::count(tx).await?).is_ok_and(|count| count >= MAX_LIMITS) {
            return Err(too_many());
        }
        limits::insert(tx, &row).await.map_err(|error| match error {
            db::Error::Exists(_) => GatewayError::Conflict("somebody else is setting this limit: try again".into()),
            db::Error::NotAllowed(_) => too_many(),
            other => other.into(),
        })?;
    }
    let noted = (before.as_ref().map(show), Some(show(&row)));
    office.note(tx, act, "limits.set", target(act, &row), noted).await?;
    Ok(row)
}

/// Why there is nothing to delete: there is nothing, or the operators' limit, which is not the tenant's.
async fn missing(act: &Act, tx: &TenantTx, place: Place) -> Result<GatewayError, GatewayError> {
    let theirs = Place { by_operator: true, ..place };
    match limits::lock(tx, &theirs).await? {
        Some(_) => Ok(act.may_change(true).err().unwrap_or_else(shown::not_found)),
        None => Ok(shown::not_found()),
    }
}

fn too_many() -> GatewayError {
    GatewayError::Conflict(format!("a tenant has at most {MAX_LIMITS} limits: delete one first"))
}

/// What the audit calls it.
fn target(act: &Act, row: &LimitRow) -> String {
    match (&row.place.key, &row.place.model) {
        (Some(key), Some(model)) => format!("{key} {model}"),
        (Some(key), None) => key.to_string(),
        (None, _) => act.tenant().to_string(),
    }
}

/// Nothing, null and an empty object mean the tenant.
fn read_scope(body: &mut Body) -> Option<Scope> {
    if !body.is_given("scope") {
        body.skip("scope");
        return Some(Scope::Tenant);
    }
    body.object("scope", |scope| {
        let (with_key, with_model) = (scope.is_given("key_id"), scope.is_given("model"));
        let key = scope.parsed::<KeyId>("key_id");
        let model = scope.checked("model", one_model);
        match (with_key, with_model) {
            (false, false) => Some(Scope::Tenant),
            (false, true) => scope.fault("model", "needs a `key_id` beside it"),
            (true, false) => key.map(Scope::Key),
            (true, true) => Some(Scope::KeyModel(key?, model?)),
        }
    })
    .flatten()
}

/// The full name of a model, which may be one that no list has: [`check_model`] looks for it where they are.
fn one_model(text: &str) -> Result<String, String> {
    if text.ends_with("/*") {
        return Err("must be one model; a key's own limits are of all".into());
    }
    plain_text(text, MAX_MODEL_CHARS)?;
    let is_full = text.split_once('/').is_some_and(|(provider, _)| providers::provider(provider).is_some());
    match shown::model_name(text) {
        Err(_) if is_full => Ok(text.to_owned()),
        name => name,
    }
}

/// That there is a model of that name: in a list, or among the prices that hold for the caller or are the tenant's.
async fn check_model(act: &Act, tx: &TenantTx, place: &Place) -> Result<(), GatewayError> {
    let Some(name) = place.model.as_deref() else { return Ok(()) };
    let Err(unknown) = shown::model_name(name) else { return Ok(()) };
    let priced = match name.split_once('/') {
        None => false,
        Some(model @ (provider, of_provider)) => {
            act.grant.rights().prices.knows(provider, of_provider)
                || !prices::list(tx, act.at, Some(model), None, 1).await?.is_empty()
        }
    };
    if priced { Ok(()) } else { Err(Invalid::value("scope.model", unknown).into()) }
}

/// That the key is the tenant's. What is another's is not there.
async fn check_key(tx: &TenantTx, key: Option<KeyId>) -> Result<(), GatewayError> {
    match key {
        Some(key) if !budgets::has_key(tx, key).await? => Err(shown::not_found()),
        _ => Ok(()),
    }
}

fn known(id: &str) -> Result<KeyId, GatewayError> {
    id.parse().map_err(|_| shown::not_found())
}

fn show(row: &LimitRow) -> Value {
    let mut scope = json!({});
    if let Some(key) = row.place.key {
        scope["key_id"] = json!(key.to_string());
    }
    if let Some(model) = &row.place.model {
        scope["model"] = json!(model);
    }
    json!({
        "scope": scope,
        "limits": keys::show_limits(row.limits),
        "set_by": shown::set_by(row.place.by_operator),
        "updated_at": time(row.updated_at),
    })
}
