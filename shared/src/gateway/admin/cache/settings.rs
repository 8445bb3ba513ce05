//! `/v1/cache/settings`: how far the cache may go for a tenant, and with `?key_id=` for one of its keys, which can only take away from that.
//! Whether prompts may be kept at all is the tenant's `cache_prompts`.

use super::CacheOffice;
use crate::{
    cache::{
        decide::{LEAST_OF_A_PROVIDER, LEAST_THRESHOLD, Settings},
        settings::{
            CacheRights, CacheSettings, Found, Highest, LARGEST_ERROR_LIMIT, LARGEST_MOST_BYTES, LEAST_ERROR_LIMIT,
            LONGEST_TTL_SECONDS, Shared,
        },
    },
    db::{
        TenantTx, budgets,
        cache_settings::{self, SettingsRow},
        cache_trials, credentials, tenants,
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
    routing::plan,
    tenancy::{KeyId, Permission, Role},
    usage::ModelKind,
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
pub(super) async fn change(function: &CacheOffice, call: &Call) -> Result<Reply, GatewayError> {
    let office = &function.office;
    let (act, key) = admit(office, call, Permission::ManageCache).await?;
    let mut body = Body::read(call.json_body()?)?;
    let tx = office.begin(&act).await?;
    check_key(&tx, key).await?;
    let before = cache_settings::lock(&tx, key).await?;
    let old = before.as_ref().map(|row| row.settings.clone()).unwrap_or_default();
    let mut settings = old.clone();
    take(&mut body, &mut settings, key, may_set_room(&act));
    take_embedder(&mut body, &mut settings, key, &tx).await?;
    body.finish()?;
    let stopped = key.is_none() && begin_anew_if_wider(&tx, &act, &old, &settings).await?;
    let row = SettingsRow { key, settings, updated_at: act.at };
    cache_settings::set(&tx, &row).await?;
    let noted = (before.map(|row| show(&row.settings)), Some(show(&row.settings)));
    office.note(&tx, &act, "cache.settings", target(&act, key), noted).await?;
    let shown = shown_now(&tx, key).await?;
    tx.commit().await?;
    if stopped {
        function.tell_that_it_stopped(call, &act);
    }
    Reply::json(StatusCode::OK, &shown)
}

/// Everything as it is by default, for a key: as its tenant has it. What only operators set stays.
pub(super) async fn reset(function: &CacheOffice, call: &Call) -> Result<Reply, GatewayError> {
    let office = &function.office;
    let (act, key) = admit(office, call, Permission::ManageCache).await?;
    let tx = office.begin(&act).await?;
    check_key(&tx, key).await?;
    let mut stopped = false;
    if let Some(before) = cache_settings::lock(&tx, key).await? {
        let kept = before.settings.most_bytes.filter(|_| !may_set_room(&act));
        let settings = CacheSettings { most_bytes: kept, ..CacheSettings::default() };
        stopped = key.is_none() && begin_anew_if_wider(&tx, &act, &before.settings, &settings).await?;
        match kept {
            Some(_) => cache_settings::set(&tx, &SettingsRow { key, settings, updated_at: act.at }).await?,
            None => cache_settings::delete(&tx, key).await?,
        }
        let noted = (Some(show(&before.settings)), None);
        office.note(&tx, &act, "cache.settings", target(&act, key), noted).await?;
    }
    tx.commit().await?;
    if stopped {
        function.tell_that_it_stopped(call, &act);
    }
    Ok(Reply::empty())
}

/// What was compared says nothing of other vectors, of what is less similar, or of the last turns of conversations: who sets one of these begins
/// anew. Says whether similar prompts were answered until now.
async fn begin_anew_if_wider(
    tx: &TenantTx,
    act: &Act,
    old: &CacheSettings,
    new: &CacheSettings,
) -> Result<bool, GatewayError> {
    let (before, after) = (old.over(Settings::default()), new.over(Settings::default()));
    let is_wider = old.embedder != new.embedder
        || after.threshold < before.threshold
        || (after.earlier_turns && !before.earlier_turns);
    Ok(is_wider && cache_trials::begin_anew(tx, act.at).await?)
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

/// The provider's model that makes the vectors, and its threshold: one is of no use without the other.
async fn take_embedder(
    body: &mut Body,
    settings: &mut CacheSettings,
    key: Option<KeyId>,
    tx: &TenantTx,
) -> Result<(), GatewayError> {
    for name in ["embedder", "embedder_threshold"] {
        if body.has(name) && key.is_some() {
            body.refuse(name, OF_TENANT);
        }
    }
    let is_named = body.is_given("embedder");
    if body.has("embedder") {
        settings.embedder = body.checked("embedder", embedding_model);
        if settings.embedder.is_none() {
            settings.embedder_threshold = None;
        }
    }
    if body.has("embedder_threshold") {
        #[expect(clippy::cast_possible_truncation, reason = "a similarity is compared in 32 bits")]
        let threshold = body.number("embedder_threshold", shortest(LEAST_OF_A_PROVIDER), 1.0).map(|least| least as f32);
        settings.embedder_threshold = threshold;
    }
    match (&settings.embedder, settings.embedder_threshold) {
        (Some(_), None) => {
            let problem = "is needed with `embedder`: each model has its own (start high, and see what `/v1/cache/stats` says in shadow)";
            body.fault::<()>("embedder_threshold", problem);
        }
        (None, Some(_)) if !is_named => {
            body.fault::<()>(
                "embedder_threshold",
                "is of no use without `embedder`; the other vectors have `threshold`",
            );
        }
        _ => {}
    }
    let provider = settings.embedder.as_deref().and_then(|name| name.split_once('/')).map(|(provider, _)| provider);
    if let Some(provider) = provider
        && credentials::list(tx, Some(provider)).await?.is_empty()
    {
        let problem = format!("needs a key of the tenant's own for `{provider}`: store it with POST /v1/tenant/keys");
        body.fault::<()>("embedder", problem);
    }
    Ok(())
}

/// The name of an embedding model that a list has, as `provider/model`.
fn embedding_model(name: &str) -> Result<String, String> {
    let found = plan::resolve(name).map_err(|unknown| unknown.to_string())?;
    match found.model.kind {
        ModelKind::Embedding if found.provider.embeddings().is_some() => Ok(found.name()),
        _ => Err("must be an embedding model, as `openai/text-embedding-3-small`".into()),
    }
}

const OF_TENANT: &str = "is the tenant's: a key has none of its own";

fn take_of_tenant(body: &mut Body, settings: &mut CacheSettings, key: Option<KeyId>, is_operator: bool) {
    match body.has("error_limit") {
        true if key.is_some() => body.refuse("error_limit", OF_TENANT),
        true => settings.error_limit = body.number("error_limit", LEAST_ERROR_LIMIT, LARGEST_ERROR_LIMIT),
        false => {}
    }
    match body.has("most_bytes") {
        true if key.is_some() => body.refuse("most_bytes", OF_TENANT),
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
    let updated_at: Option<OffsetDateTime> = row.as_ref().map(|row| row.updated_at);
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
            "embedder": rights.embedder,
            "embedder_threshold": rights.embedder.is_some().then(|| shortest(effective.threshold)),
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
        "embedder": settings.embedder,
        "embedder_threshold": settings.embedder_threshold.map(shortest),
    })
}
