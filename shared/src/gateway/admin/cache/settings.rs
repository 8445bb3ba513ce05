//! `/v1/cache/settings`: how far the cache may go for a tenant, and with `?key_id=` for one of its keys, which can only take away from that.
//! Whether prompts may be kept at all is the tenant's `cache_prompts`.

use crate::{
    cache::{
        decide::LEAST_THRESHOLD,
        settings::{
            CacheRights, CacheSettings, Found, Highest, LARGEST_ERROR_LIMIT, LARGEST_MOST_BYTES, LEAST_ERROR_LIMIT,
            LONGEST_TTL_SECONDS, Shared,
        },
    },
    db::{
        TenantTx, budgets,
        cache_settings::{self, SettingsRow},
        tenants,
    },
    error::GatewayError,
    gateway::{
        admin::{
            body::Body,
            office::{Act, Office},
            page::Query,
            shown::{self, time},
        },
        call::{Call, Reply},
    },
    tenancy::{KeyId, Permission, Role},
};
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

pub(super) use crate::db::cache_settings::shortest;

/// What is set, and what holds by it.
pub(super) async fn read(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let (act, key) = admit(office, call, Permission::ReadCache).await?;
    let tx = office.begin(&act).await?;
    check_key(&tx, key).await?;
    let shown = shown_now(&tx, key).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &shown)
}

/// Changes what the body names; null is as it is by default, for a key: as its tenant has it.
pub(super) async fn change(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let (act, key) = admit(office, call, Permission::ManageCache).await?;
    let mut body = Body::read(call.json_body()?)?;
    let tx = office.begin(&act).await?;
    check_key(&tx, key).await?;
    let before = cache_settings::lock(&tx, key).await?;
    let mut settings = before.map(|row| row.settings).unwrap_or_default();
    take(&mut body, &mut settings, key, may_set_room(&act));
    body.finish()?;
    let row = SettingsRow { key, settings, updated_at: act.at };
    cache_settings::set(&tx, &row).await?;
    let noted = (before.map(|row| show(&row.settings)), Some(show(&settings)));
    office.note(&tx, &act, "cache.settings", target(&act, key), noted).await?;
    let shown = shown_now(&tx, key).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &shown)
}

/// Everything as it is by default, for a key: as its tenant has it. What only operators set stays.
pub(super) async fn reset(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let (act, key) = admit(office, call, Permission::ManageCache).await?;
    let tx = office.begin(&act).await?;
    check_key(&tx, key).await?;
    if let Some(before) = cache_settings::lock(&tx, key).await? {
        let kept = before.settings.most_bytes.filter(|_| !may_set_room(&act));
        let settings = CacheSettings { most_bytes: kept, ..CacheSettings::default() };
        match kept {
            Some(_) => cache_settings::set(&tx, &SettingsRow { key, settings, updated_at: act.at }).await?,
            None => cache_settings::delete(&tx, key).await?,
        }
        let noted = (Some(show(&before.settings)), None);
        office.note(&tx, &act, "cache.settings", target(&act, key), noted).await?;
    }
    tx.commit().await?;
    Ok(Reply::empty())
}

/// What holds for the transaction's tenant, or one of its keys.
pub(super) async fn rights(tx: &TenantTx, key: Option<KeyId>) -> Result<CacheRights, GatewayError> {
    let cache_prompts = tenants::read(tx).await?.ok_or_else(shown::not_found)?.cache_prompts;
    let tenant = cache_settings::read(tx, None).await?.map(|row| row.settings);
    let key = match key {
        Some(key) => cache_settings::read(tx, Some(key)).await?.map(|row| row.settings),
        None => None,
    };
    Ok(CacheRights::new(cache_prompts, &Found { tenant, key, serving: false }))
}

async fn admit(office: &Office, call: &Call, permission: Permission) -> Result<(Act, Option<KeyId>), GatewayError> {
    let act = office.authorize(call, permission).await?;
    let query = Query::read(&call.query, &["key_id", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let key = query.get("key_id").map(|id| id.parse().map_err(|_| shown::not_found())).transpose()?;
    Ok((act, key))
}

/// That the key is the tenant's. What is another's is not there.
async fn check_key(tx: &TenantTx, key: Option<KeyId>) -> Result<(), GatewayError> {
    match key {
        Some(key) if !budgets::has_key(tx, key).await? => Err(shown::not_found()),
        _ => Ok(()),
    }
}

/// How much room a tenant has costs the deployment, so the operators say it.
fn may_set_room(act: &Act) -> bool {
    act.grant.role() == Role::Operator
}

fn take(body: &mut Body, settings: &mut CacheSettings, key: Option<KeyId>, is_operator: bool) {
    if body.has("tier") {
        settings.tier = body.parsed::<Highest>("tier");
    }
    if body.has("sharing") {
        settings.sharing = body.parsed::<Shared>("sharing");
    }
    if body.has("threshold") {
        #[expect(clippy::cast_possible_truncation, reason = "a similarity is compared in 32 bits")]
        let threshold = body.number("threshold", shortest(LEAST_THRESHOLD), 1.0).map(|threshold| threshold as f32);
        settings.threshold = threshold;
    }
    if body.has("earlier_turns") {
        settings.earlier_turns = body.flag("earlier_turns");
    }
    for (name, place) in
        [("ttl_seconds", &mut settings.ttl_seconds), ("semantic_ttl_seconds", &mut settings.semantic_ttl_seconds)]
    {
        if body.has(name) {
            *place = body.count(name, LONGEST_TTL_SECONDS).and_then(|seconds| u32::try_from(seconds).ok());
        }
    }
    take_of_tenant(body, settings, key, is_operator);
}

fn take_of_tenant(body: &mut Body, settings: &mut CacheSettings, key: Option<KeyId>, is_operator: bool) {
    let of_tenant = "is the tenant's: a key has none of its own";
    match body.has("error_limit") {
        true if key.is_some() => body.refuse("error_limit", of_tenant),
        true => settings.error_limit = body.number("error_limit", LEAST_ERROR_LIMIT, LARGEST_ERROR_LIMIT),
        false => {}
    }
    match body.has("most_bytes") {
        true if key.is_some() => body.refuse("most_bytes", of_tenant),
        true if !is_operator => body.refuse("most_bytes", "is for the operators of this deployment to set"),
        true => settings.most_bytes = body.whole("most_bytes", 0, LARGEST_MOST_BYTES),
        false => {}
    }
}

fn target(act: &Act, key: Option<KeyId>) -> String {
    key.map_or_else(|| act.tenant().to_string(), |key| key.to_string())
}

async fn shown_now(tx: &TenantTx, key: Option<KeyId>) -> Result<Value, GatewayError> {
    let row = cache_settings::read(tx, key).await?;
    let rights = rights(tx, key).await?;
    let effective = &rights.settings;
    let updated_at: Option<OffsetDateTime> = row.map(|row| row.updated_at);
    Ok(json!({
        "key_id": key.map(|key| key.to_string()),
        "settings": show(&row.map(|row| row.settings).unwrap_or_default()),
        "effective": {
            "tier": Highest::of(effective.tier).as_str(),
            "sharing": Shared::of(effective.sharing).as_str(),
            "threshold": shortest(effective.threshold),
            "error_limit": effective.error_limit,
            "earlier_turns": effective.earlier_turns,
            "ttl_seconds": effective.ttl.as_secs(),
            "semantic_ttl_seconds": effective.semantic_ttl.as_secs(),
            "most_bytes": rights.most_bytes,
        },
        "updated_at": updated_at.map(time),
    }))
}

fn show(settings: &CacheSettings) -> Value {
    json!({
        "tier": settings.tier.map(Highest::as_str),
        "sharing": settings.sharing.map(Shared::as_str),
        "threshold": settings.threshold.map(shortest),
        "error_limit": settings.error_limit,
        "earlier_turns": settings.earlier_turns,
        "ttl_seconds": settings.ttl_seconds,
        "semantic_ttl_seconds": settings.semantic_ttl_seconds,
        "most_bytes": settings.most_bytes,
    })
}
