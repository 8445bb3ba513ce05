//! `/v1/keys`: API keys. A key is shown once, when it is made or gets a new secret.

use super::{
    body::Body,
    office::{Act, Office},
    page::Query,
    shown::{self, time},
};
use crate::{
    db::{
        self,
        api_keys::{self, KeyInfo, NewKey},
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    tenancy::{Actor, KeyId, ModelList, Permission, Role, TenantId, api_key::ApiKey, principal::KeyLimits},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

const ROUTE: &str = "/v1/keys";
const MAX_NAME_CHARS: usize = 200;
const MAX_MODELS: usize = 1000;
const MAX_TAGS: usize = 50;
const DEFAULT_OVERLAP_S: i64 = 86_400;
const MAX_OVERLAP_S: i64 = 30 * 86_400;

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(office: &Office, call: Call) -> Result<Reply, GatewayError> {
    let rest = call.path.strip_prefix(ROUTE).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let parts: Option<Vec<&str>> = rest.map(|rest| rest.split('/').filter(|part| !part.is_empty()).collect());
    match (&call.method, parts.as_deref()) {
        (&Method::GET, Some([])) => list(office, &call).await,
        (&Method::POST, Some([])) => create(office, &call).await,
        (&Method::GET, Some([id])) => read(office, &call, id).await,
        (&Method::PATCH, Some([id])) => update(office, &call, id).await,
        (&Method::DELETE, Some([id])) => revoke(office, &call, id).await,
        (&Method::POST, Some([id, "rotate"])) => rotate(office, &call, id).await,
        (_, Some([] | [_] | [_, "rotate"])) => Err(GatewayError::MethodNotAllowed(call.method.to_string())),
        _ => Err(GatewayError::NotFound("this path".into())),
    }
}

async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadKeys).await?;
    let page = Query::read(&call.query, &["limit", "cursor"])?.page::<KeyId>()?;
    let tx = office.begin(&act).await?;
    let rows = api_keys::list(&tx, page.after, page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, |key| key.id.to_string(), |key| show(&key, act.at)))
}

async fn read(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadKeys).await?;
    Query::none(&call.query)?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let key = api_keys::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&key, act.at))
}

async fn create(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageKeys).await?;
    Query::none(&call.query)?;
    let mut body = Body::read(call.json_body()?)?;
    let name = body.required_text("name", MAX_NAME_CHARS);
    let role = body.required_parsed::<Role>("role");
    let mut wanted = KeyInfo {
        id: KeyId::generate(office.clock.since_epoch()),
        name: name.unwrap_or_default(),
        role: role.unwrap_or(Role::Viewer),
        ends_with: String::new(),
        models: None,
        tags: Vec::new(),
        limits: KeyLimits::default(),
        created_at: act.at,
        updated_at: act.at,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        previous_until: None,
    };
    read_rights(&mut body, &mut wanted, &act);
    keep_tags(&mut body, &mut wanted, &act);
    body.finish()?;
    check_rights(&wanted, &act)?;

    let key = new_secret(wanted.id)?;
    wanted.ends_with = key.ends_with().to_owned();
    let new = NewKey {
        id: wanted.id,
        name: &wanted.name,
        role: wanted.role,
        hash: &key.hash(office.peppers.current()),
        pepper_version: office.peppers.version(),
        ends_with: key.ends_with(),
        models: wanted.models.as_ref(),
        tags: &wanted.tags,
        limits: wanted.limits,
        expires_at: wanted.expires_at,
        created_at: wanted.created_at,
        granted_by: Some((act.grant.actor(), act.grant.role())),
    };
    let tx = office.begin(&act).await?;
    api_keys::insert(&tx, &new).await.map_err(not_allowed)?;
    let shown = show(&wanted, act.at);
    office.note(&tx, &act, "keys.create", wanted.id.to_string(), (None, Some(shown.clone()))).await?;
    tx.commit().await?;
    shown::once(StatusCode::CREATED, &with_secret(shown, &key))
}

async fn update(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageKeys).await?;
    Query::none(&call.query)?;
    let mut body = Body::read(call.json_body()?)?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let before = live(api_keys::lock(&tx, id).await?, &act)?;
    let mut wanted = before.clone();
    wanted.updated_at = act.at;
    if let Some(name) = body.text("name", MAX_NAME_CHARS) {
        wanted.name = name;
    }
    if let Some(role) = body.parsed("role") {
        wanted.role = role;
    }
    let new_tags = body.has("tags");
    read_rights(&mut body, &mut wanted, &act);
    if new_tags {
        keep_tags(&mut body, &mut wanted, &act);
    }
    body.finish()?;
    check_rights(&wanted, &act)?;
    api_keys::update(&tx, &wanted, (act.grant.actor(), act.grant.role())).await.map_err(not_allowed)?;
    let (before, after) = (show(&before, act.at), show(&wanted, act.at));
    office.note(&tx, &act, "keys.update", wanted.id.to_string(), (Some(before), Some(after.clone()))).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &after)
}

/// Who rotates a key is given its secret, and with it all that the key may do: that must be no more than their own.
async fn rotate(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageKeys).await?;
    Query::none(&call.query)?;
    let overlap = match call.body.is_empty() {
        true => None,
        false => {
            let mut body = Body::read(call.json_body()?)?;
            let overlap = body.whole("overlap_seconds", 0, MAX_OVERLAP_S);
            body.finish()?;
            overlap
        }
    };
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let mut row = live(api_keys::lock(&tx, id).await?, &act)?;
    if row.expires_at.is_some_and(|at| at <= act.at) {
        return Err(GatewayError::Conflict("this key has expired; give it another `expires_at` first".into()));
    }
    check_rights(&row, &act)?;
    let before = show(&row, act.at);
    let key = new_secret(row.id)?;
    let until = act.at + Duration::seconds(overlap.unwrap_or(DEFAULT_OVERLAP_S));
    let hash = key.hash(office.peppers.current());
    let by = (act.grant.actor(), act.grant.role());
    api_keys::rotate(&tx, &key, (&hash, office.peppers.version()), act.at, until, by).await.map_err(not_allowed)?;
    row.ends_with = key.ends_with().to_owned();
    row.updated_at = act.at;
    row.previous_until = (until > act.at).then_some(until);
    let shown = show(&row, act.at);
    office.note(&tx, &act, "keys.rotate", row.id.to_string(), (Some(before), Some(shown.clone()))).await?;
    tx.commit().await?;
    shown::once(StatusCode::OK, &with_secret(shown, &key))
}

async fn revoke(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageKeys).await?;
    Query::none(&call.query)?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let key = live(api_keys::lock(&tx, id).await?, &act)?;
    api_keys::revoke(&tx, key.id, act.at).await?;
    let before = show(&key, act.at);
    let after = KeyInfo { revoked_at: Some(act.at), updated_at: act.at, previous_until: None, ..key };
    let after = show(&after, act.at);
    office.note(&tx, &act, "keys.revoke", id.to_string(), (Some(before), Some(after))).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

/// The fields that say what a key may do. One that is absent stays as it is; one that is null means no bound.
fn read_rights(body: &mut Body, wanted: &mut KeyInfo, act: &Act) {
    if wanted.role == Role::Operator && act.tenant() != TenantId::PLATFORM {
        body.fault::<()>("role", "must be one of owner, admin, member, viewer");
    }
    if body.has("models") {
        wanted.models = body.texts("models", MAX_MODELS, shown::model_name).map(ModelList::new);
    }
    if body.has("tags") {
        wanted.tags = body.texts("tags", MAX_TAGS, shown::tag).unwrap_or_default();
    }
    if body.has("expires_at") {
        wanted.expires_at = body.moment("expires_at");
        if wanted.expires_at.is_some_and(|at| at <= act.at) {
            body.fault::<()>("expires_at", "must be in the future");
        }
    }
    if body.has("limits") {
        let most = i64::from(i32::MAX);
        let mut new = wanted.limits;
        let limits = body.object("limits", |limits| {
            if limits.has("rpm") {
                new.requests_per_minute = limits.count("rpm", most).and_then(|count| count.try_into().ok());
            }
            if limits.has("tpm") {
                new.tokens_per_minute = limits.count("tpm", i64::MAX);
            }
            if limits.has("concurrency") {
                new.concurrency = limits.count("concurrency", most).and_then(|count| count.try_into().ok());
            }
            new
        });
        wanted.limits = limits.unwrap_or_default();
    }
}

/// What is booked under the maker's tags stays booked under them.
fn keep_tags(body: &mut Body, wanted: &mut KeyInfo, act: &Act) {
    for tag in &act.grant.rights().tags {
        if !wanted.tags.contains(tag) {
            wanted.tags.push(tag.clone());
        }
    }
    if wanted.tags.len() > MAX_TAGS {
        body.fault::<()>("tags", format!("must have at most {MAX_TAGS} entries, those of your own key among them"));
    }
}

/// Nobody gives more than they have.
fn check_rights(wanted: &KeyInfo, act: &Act) -> Result<(), GatewayError> {
    let beyond = |param, problem: String| Err(GatewayError::Beyond { param, problem });
    let (own, rights) = (act.grant.role(), act.grant.rights());
    if wanted.role.rank() > own.rank() {
        return beyond("role", format!("is more than your own, `{}`", own.as_str()));
    }
    if let Some(own) = &rights.models
        && !wanted.models.as_ref().is_some_and(|models| own.covers(models))
    {
        return beyond("models", format!("must be among your own: {}", own.names().join(", ")));
    }
    if let Some(tag) = rights.tags.iter().find(|tag| !wanted.tags.contains(tag)) {
        return beyond("tags", format!("must have those of your own key, `{tag}` among them"));
    }
    // A person's token ends in minutes, and another follows; only a key's own end bounds what it makes.
    if let (Actor::Key(_), Some(ends)) = (act.grant.actor(), rights.expires_at)
        && wanted.expires_at.is_none_or(|at| at > ends)
    {
        return beyond("expires_at", format!("must not be after the end of your own key, {}", time(ends)));
    }
    let more = |own: Option<i64>, wanted: Option<i64>| own.is_some_and(|own| wanted.is_none_or(|wanted| wanted > own));
    let (own, new) = (rights.limits, wanted.limits);
    if more(own.requests_per_minute.map(i64::from), new.requests_per_minute.map(i64::from))
        || more(own.tokens_per_minute, new.tokens_per_minute)
        || more(own.concurrency.map(i64::from), new.concurrency.map(i64::from))
    {
        return beyond("limits", "must not be above those of your own key".into());
    }
    Ok(())
}

/// The database found that the maker has not, or no longer, what it gives: its own key was changed since it was last looked up.
fn not_allowed(error: db::Error) -> GatewayError {
    match error {
        db::Error::NotAllowed(_) => {
            tracing::warn!(error = %crate::causes::chain(&error), "the database did not let a key be stored");
            GatewayError::Beyond { param: "role", problem: "is not yours to give any more".into() }
        }
        other => other.into(),
    }
}

/// A key that can still be changed, and that is not above who changes it.
fn live(key: Option<KeyInfo>, act: &Act) -> Result<KeyInfo, GatewayError> {
    let key = key.ok_or_else(shown::not_found)?;
    if key.role.rank() > act.grant.role().rank() {
        let problem = format!("is `{}`, which is more than your own", key.role.as_str());
        return Err(GatewayError::Beyond { param: "role", problem });
    }
    match key.revoked_at {
        Some(_) => Err(GatewayError::Conflict("this key is revoked".into())),
        None => Ok(key),
    }
}

fn new_secret(id: KeyId) -> Result<ApiKey, GatewayError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| GatewayError::Internal(error.into()))?;
    Ok(ApiKey::new(id, &secret))
}

fn known(id: &str) -> Result<KeyId, GatewayError> {
    id.parse().map_err(|_| shown::not_found())
}

fn show(key: &KeyInfo, now: OffsetDateTime) -> Value {
    let status = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(at)) if at <= now => "expired",
        _ => "active",
    };
    json!({
        "id": key.id.to_string(),
        "name": key.name,
        "masked": format!("sg_live_…{}", key.ends_with),
        "role": key.role.as_str(),
        "status": status,
        "models": key.models.as_ref().map(ModelList::names),
        "tags": key.tags,
        "limits": {
            "rpm": key.limits.requests_per_minute,
            "tpm": key.limits.tokens_per_minute,
            "concurrency": key.limits.concurrency,
        },
        "created_at": time(key.created_at),
        "updated_at": time(key.updated_at),
        "expires_at": key.expires_at.map(time),
        "revoked_at": key.revoked_at.map(time),
        "last_used_at": key.last_used_at.map(time),
        "previous_until": key.previous_until.filter(|until| *until > now).map(time),
    })
}

fn with_secret(mut shown: Value, key: &ApiKey) -> Value {
    shown["key"] = json!(key.reveal());
    shown
}
