//! What is in the cache, without contents; taking it out; and saying that an answer was wrong.

use super::CacheOffice;
use crate::{
    cache::{control::Tier, trust::Change},
    db::{
        TenantTx,
        cache_admin::{self, EntryInfo, Filter},
        cache_settings,
        cache_trials::{self, Kind, Trial},
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
    openai::Invalid,
    providers,
    tenancy::{AuditId, CacheEntryId, Permission},
};
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What a namespace's id begins with: its hash follows. Longer than any name that a caller may give, so the two are not taken for each other.
const NAMESPACE_PREFIX: &str = "ns_";
const MAX_NAME_BYTES: usize = 64;
const MAX_MODEL_BYTES: usize = 200;

/// `?namespace=&model=`, in pages.
pub(super) async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadCache).await?;
    let query = Query::read(&call.query, &["namespace", "model", "limit", "cursor", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let page = query.page::<CacheEntryId>()?;
    let filter = filter(&query)?;
    let tx = office.begin(&act).await?;
    let rows = cache_admin::list(&tx, &filter, page.after, page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, |row| row.id.to_string(), |row| show(&row, act.at)))
}

pub(super) async fn read(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::ReadCache).await?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let row = cache_admin::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&row, act.at))
}

/// All, or those of a namespace, or of a model.
pub(super) async fn delete_all(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageCache).await?;
    let query = Query::read(&call.query, &["namespace", "model", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let filter = filter(&query)?;
    let tx = office.begin(&act).await?;
    let deleted = cache_admin::delete_all(&tx, &filter).await?;
    let what = json!({ "namespace": query.get("namespace"), "model": query.get("model"), "deleted": deleted });
    office.note(&tx, &act, "cache.empty", act.tenant().to_string(), (Some(what), None)).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &json!({ "deleted": deleted }))
}

pub(super) async fn delete(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = act_on(office, call, Permission::ManageCache).await?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let row = cache_admin::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    cache_admin::delete(&tx, id).await?;
    office.note(&tx, &act, "cache.delete", id.to_string(), (Some(show(&row, act.at)), None)).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

/// Somebody got a wrong answer: nobody gets it again. Where it was given for a similar prompt it counts as an error of that tier, which may
/// end the tier for the tenant.
pub(super) async fn report(function: &CacheOffice, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let office = &function.office;
    let act = act_on(office, call, Permission::ReportCache).await?;
    let tier = read_tier(call)?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let before = cache_admin::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    let is_new = cache_admin::quarantine(&tx, id, act.at).await?;
    let may_be_similar = before.similar_until.is_some();
    let counted = is_new && may_be_similar && tier.is_none_or(|tier| tier == Tier::Semantic);
    let mut change = None;
    if counted {
        change = count(office, &act, &tx, id).await?;
    }
    if is_new {
        let told = json!({ "tier": tier.map(Tier::as_str), "counted": counted });
        office.note(&tx, &act, "cache.report", id.to_string(), (Some(show(&before, act.at)), Some(told))).await?;
    }
    tx.commit().await?;
    if change == Some(Change::Demoted) {
        function.tell_that_it_stopped(call, &act);
    }
    let quarantined_at = time(before.quarantined_at.unwrap_or(act.at));
    Reply::json(StatusCode::OK, &json!({ "id": id.to_string(), "quarantined_at": quarantined_at, "counted": counted }))
}

async fn count(office: &Office, act: &Act, tx: &TenantTx, entry: CacheEntryId) -> Result<Option<Change>, GatewayError> {
    let of_tenant = cache_settings::read(tx, None).await?;
    let limit = of_tenant.and_then(|row| row.settings.error_limit).unwrap_or(crate::cache::trust::DEFAULT_LIMIT);
    let trial = Trial {
        id: *AuditId::generate(office.clock.since_epoch()).as_uuid(),
        entry,
        kind: Kind::Report,
        wrong: true,
        reasons: vec!["reported"],
        similarity: None,
        at: act.at,
    };
    let (_, change) = cache_trials::record_in(tx, &trial, limit).await?;
    Ok(change)
}

/// By which tier the answer was given, as the answer's header said; nothing is said where the body is empty.
fn read_tier(call: &Call) -> Result<Option<Tier>, GatewayError> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let mut body = Body::read(call.json_body()?)?;
    let named = body.checked("tier", |text| match Tier::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("must be one of exact, canonical, semantic".into()),
    });
    body.finish()?;
    Ok(named.as_deref().and_then(Tier::parse))
}

async fn act_on(office: &Office, call: &Call, permission: Permission) -> Result<Act, GatewayError> {
    let act = office.authorize(call, permission).await?;
    Office::on_named_tenant(act, &Query::read(&call.query, &["tenant_id"])?)
}

fn known(id: &str) -> Result<CacheEntryId, GatewayError> {
    id.parse().map_err(|_| shown::not_found())
}

/// What is wrong with either is told of both at once.
fn filter(query: &Query<'_>) -> Result<Filter, GatewayError> {
    let (mut filter, mut faults) = (Filter::default(), Vec::new());
    match query.get("namespace").map(namespace) {
        Some(Ok(Namespace::Named(part))) => filter.part = Some(part),
        Some(Ok(Namespace::Hashed(hash))) => filter.namespace = Some(hash),
        Some(Err(problem)) => faults.push(Invalid::value("namespace", problem)),
        None => {}
    }
    match query.get("model").map(model) {
        Some(Ok((provider, model))) => (filter.provider, filter.model) = (provider, Some(model)),
        Some(Err(problem)) => faults.push(Invalid::value("model", problem)),
        None => {}
    }
    if faults.is_empty() { Ok(filter) } else { Err(GatewayError::InvalidBody(faults)) }
}

enum Namespace {
    Named(String),
    Hashed([u8; 32]),
}

fn namespace(text: &str) -> Result<Namespace, String> {
    if let Some(hash) = text.strip_prefix(NAMESPACE_PREFIX).and_then(from_hex) {
        return Ok(Namespace::Hashed(hash));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(Namespace::Named(text.to_owned())),
        false => Err(format!(
            "must be what `x-supergate-cache-namespace` said, of 1 to {MAX_NAME_BYTES} letters, digits, points, underscores and hyphens, or \
             the `namespace_id` of an entry"
        )),
    }
}

fn model(text: &str) -> Result<(Option<String>, String), String> {
    if text.is_empty() || text.len() > MAX_MODEL_BYTES || text.chars().any(char::is_control) {
        return Err("must be `provider/model`, or a model's name as its provider has it".into());
    }
    match text.split_once('/') {
        Some((provider, model)) if providers::provider(provider).is_some() => {
            Ok((Some(provider.to_owned()), model.to_owned()))
        }
        _ => Ok((None, text.to_owned())),
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn show(row: &EntryInfo, now: OffsetDateTime) -> Value {
    let may = |until: Option<OffsetDateTime>| row.quarantined_at.is_none() && until.is_some_and(|until| until > now);
    let tiers = [
        (Tier::Exact, Some(row.exact_until)),
        (Tier::Canonical, row.canonical_until),
        (Tier::Semantic, row.similar_until),
    ];
    let tiers: Vec<&str> = tiers.into_iter().filter(|(_, until)| may(*until)).map(|(tier, _)| tier.as_str()).collect();
    json!({
        "id": row.id.to_string(),
        "namespace": row.part,
        "namespace_id": format!("{NAMESPACE_PREFIX}{}", to_hex(&row.namespace)),
        "model": format!("{}/{}", row.provider, row.model),
        "tiers": tiers,
        "created_at": time(row.created_at),
        "expires_at": time(row.expires_at),
        "bytes": row.bytes,
        "cost_usd": row.cost.as_usd(),
        "hits": row.hits,
        "last_hit_at": row.last_hit_at.map(time),
        "quarantined_at": row.quarantined_at.map(time),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_named_as_its_caller_did_or_by_its_hash() {
        let hash = format!("ns_{}", "0f".repeat(32));
        assert!(
            matches!(namespace(&hash), Ok(Namespace::Hashed(bytes)) if bytes == [15; 32] && to_hex(&bytes) == hash[3..])
        );
        assert!(matches!(namespace(&hash[3..]), Ok(Namespace::Named(_))), "somebody may call it so");
        assert!(matches!(namespace("ns_team"), Ok(Namespace::Named(name)) if name == "ns_team"));
        for wrong in ["", "a b", &format!("ns_{}", "0F".repeat(32)), &"a".repeat(65)] {
            assert!(namespace(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_model_is_named_with_its_provider_or_without() {
        assert_eq!(model("openai/gpt-4o"), Ok((Some("openai".into()), "gpt-4o".into())));
        assert_eq!(model("gpt-4o"), Ok((None, "gpt-4o".into())));
        assert_eq!(model("acme/llama"), Ok((None, "acme/llama".into())), "no provider of ours");
        assert!(model("").is_err() && model("a\nb").is_err());
    }
}
