//! `/v1/tenant`: the caller's tenant, its settings and its end; for operators also other tenants (`?tenant_id=`) and new ones.

use super::{
    body::{Body, MAX_NAME_CHARS},
    create_tenant,
    erasing::{self, Time},
    office::{Act, Office},
    page::Query,
    shown::{self, time},
};
use crate::{
    db::{
        TenantTx, cache, credentials,
        tenants::{self, TenantRow},
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    tenancy::{ModelList, Permission, Role, Status, TenantId, Tier},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// The route.
pub const ROUTE: &str = "/v1/tenant";
const MAX_MODELS: usize = 1000;
const MAX_PROVIDERS: usize = 20;

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, call: Call) -> Result<Reply, GatewayError> {
    let path = call.path.trim_end_matches('/');
    let members = path.strip_prefix(ROUTE).and_then(|rest| rest.strip_prefix("/members"));
    if let Some(rest) = members.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        return super::members::answer(office, &call, rest).await;
    }
    match (&call.method, path) {
        (&Method::GET, ROUTE) => read(office, &call).await,
        (&Method::POST, ROUTE) => create(office, &call).await,
        (&Method::PATCH, ROUTE) => update(office, &call).await,
        (&Method::DELETE, ROUTE) => delete(office, &call).await,
        (_, ROUTE) => Err(GatewayError::MethodNotAllowed(call.method.to_string())),
        _ => Err(GatewayError::NotFound("this path".into())),
    }
}

/// Who acts on which tenant: everybody on their own, operators on any.
async fn act_on(office: &Office, call: &Call, permission: Permission) -> Result<Act, GatewayError> {
    let act = office.authorize(call, permission).await?;
    Office::on_named_tenant(act, &Query::read(&call.query, &["tenant_id"])?)
}

async fn read(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::ReadTenant).await?;
    let tx = office.begin(&act).await?;
    let row = tenants::read(&tx).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&row))
}

/// The act's tenant, to be changed.
async fn lock(tx: &TenantTx) -> Result<TenantRow, GatewayError> {
    tenants::lock(tx).await?.ok_or_else(shown::not_found)
}

/// A new tenant with a first key, which belongs to its owner and is shown this once.
async fn create(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageTenants).await?;
    Query::none(&call.query)?;
    let mut body = Body::read(call.json_body()?)?;
    let name = body.required_text("name", MAX_NAME_CHARS);
    let key_name = body.text("key_name", MAX_NAME_CHARS);
    let mut wanted = TenantRow {
        id: TenantId::generate(office.clock.since_epoch()),
        name: name.unwrap_or_default(),
        status: Status::Active,
        tier: body.parsed::<Tier>("tier").unwrap_or(Tier::Free),
        allowed_models: None,
        allowed_providers: None,
        cache_prompts: true,
        created_at: act.at,
        updated_at: act.at,
    };
    body.object("settings", |settings| read_settings(settings, &mut wanted));
    body.finish()?;
    let act = act.on(wanted.id)?;
    let tx = office.begin(&act).await?;
    tenants::insert(&tx, &wanted.name).await?;
    tenants::update(&tx, &wanted).await?;
    let key_name = key_name.as_deref().unwrap_or("first key");
    let key = create_tenant::insert_first_key(&tx, &office.peppers, &*office.clock, key_name, Role::Owner).await?;
    // As it is stored: some of it is the database's to say.
    let mut shown = show(&lock(&tx).await?);
    shown["key_id"] = json!(key.id().to_string());
    office.note(&tx, &act, "tenants.create", wanted.id.to_string(), (None, Some(shown.clone()))).await?;
    tx.commit().await?;
    shown["api_key"] = json!(key.reveal());
    shown::once(StatusCode::CREATED, &shown)
}

async fn update(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::UpdateTenant).await?;
    let mut body = Body::read(call.json_body()?)?;
    let tx = office.begin(&act).await?;
    let before = lock(&tx).await?;
    let mut wanted = before.clone();
    wanted.updated_at = act.at;
    if let Some(name) = body.text("name", MAX_NAME_CHARS) {
        wanted.name = name;
    }
    body.object("settings", |settings| read_settings(settings, &mut wanted));
    // What a tenant pays for and whether it is served is not its own to say.
    let for_operators = ["tier", "status"].into_iter().find(|name| body.has(name));
    if let Some(tier) = body.parsed("tier") {
        wanted.tier = tier;
    }
    match body.parsed::<Status>("status") {
        Some(Status::Deleting) => {
            body.fault::<()>("status", "must be `active` or `suspended`; DELETE ends a tenant");
        }
        Some(status) if before.status == Status::Deleting => {
            let problem = format!("cannot be `{}` any more: the tenant is being deleted", status.as_str());
            body.fault::<()>("status", problem);
        }
        Some(status) => wanted.status = status,
        None => {}
    }
    if wanted.id == TenantId::PLATFORM && wanted.status != Status::Active {
        body.fault::<()>("status", "of the platform itself cannot be changed");
    }
    body.finish()?;
    if let Some(param) = for_operators
        && act.grant.role() != Role::Operator
    {
        return Err(GatewayError::Beyond { param, problem: "is set by the operators of this deployment".into() });
    }
    tenants::update(&tx, &wanted).await?;
    let (before, after) = (show(&before), show(&wanted));
    office.note(&tx, &act, "tenants.update", wanted.id.to_string(), (Some(before), Some(after.clone()))).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &after)
}

fn read_settings(settings: &mut Body, wanted: &mut TenantRow) {
    if settings.has("allowed_models") {
        wanted.allowed_models = settings.texts("allowed_models", MAX_MODELS, shown::model_name).map(ModelList::new);
    }
    if settings.has("allowed_providers") {
        wanted.allowed_providers = settings.texts("allowed_providers", MAX_PROVIDERS, shown::provider_name);
    }
    if let Some(cache) = settings.flag("cache_prompts") {
        wanted.cache_prompts = cache;
    }
}

/// First its data keys, then its rows: whatever is interrupted, nothing readable outlives the first step. The name must be repeated, so that a
/// slip does not end a tenant.
async fn delete(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::DeleteTenant).await?;
    let mut body = Body::read(call.json_body()?)?;
    let name = body.required_text("name", MAX_NAME_CHARS);
    body.finish()?;
    if act.tenant() == TenantId::PLATFORM {
        return Err(GatewayError::Conflict("the platform itself cannot be deleted".into()));
    }
    let tx = office.begin(&act).await?;
    let row = lock(&tx).await?;
    if name.as_deref() != Some(row.name.as_str()) {
        return Err(crate::openai::Invalid::value("name", "must repeat the tenant's name").into());
    }
    let destroyed = destroy_data_keys(office, &act, tx, row).await?;

    let done = json!({ "readable_left": 0 });
    let done = || office.event(&act, "tenants.erased", act.tenant().to_string(), (None, Some(done.clone())));
    let time = Time { clock: &*office.clock, until: call.deadline };
    let erased = erasing::erase(&office.db, act.tenant(), time, done).await?;
    let (status, word) = if erased { (StatusCode::OK, "deleted") } else { (StatusCode::ACCEPTED, "deleting") };
    let answer = json!({
        "id": act.tenant().to_string(),
        "status": word,
        "data_keys_destroyed": destroyed,
        "readable_left": !erased,
    });
    Reply::json(status, &answer)
}

/// Also keeps everybody out: a tenant that is being deleted is not served.
async fn destroy_data_keys(office: &Office, act: &Act, tx: TenantTx, row: TenantRow) -> Result<usize, GatewayError> {
    let mut destroyed = cache::destroy_keys(&tx).await?;
    tenants::forget_answers(&tx).await?;
    for credential in credentials::list(&tx, None).await? {
        credentials::delete(&tx, &credential.provider).await?;
        destroyed += 1;
    }
    // Said again only of what came in between: a key that was being stored when the first attempt began.
    if row.status != Status::Deleting || destroyed > 0 {
        let before = show(&row);
        let row = TenantRow { status: Status::Deleting, updated_at: act.at, ..row };
        tenants::update(&tx, &row).await?;
        let mut after = show(&row);
        after["data_keys_destroyed"] = json!(destroyed);
        office.note(&tx, act, "tenants.delete", act.tenant().to_string(), (Some(before), Some(after))).await?;
    }
    tx.commit().await?;
    Ok(destroyed)
}

fn show(row: &TenantRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "name": row.name,
        "status": row.status.as_str(),
        "tier": row.tier.as_str(),
        "settings": {
            "allowed_models": row.allowed_models.as_ref().map(ModelList::names),
            "allowed_providers": row.allowed_providers,
            "cache_prompts": row.cache_prompts,
        },
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
    })
}
