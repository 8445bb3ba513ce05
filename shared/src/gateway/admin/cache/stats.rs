//! `GET /v1/cache/stats` and `/v1/cache/timeseries`: hits by tier, what they saved, and how often they were wrong.

use crate::{
    cache::{
        settings::CacheRights,
        trust::{self, CONFIDENCE, Mode, Record, Samples},
    },
    db::{
        TenantTx,
        cache_admin::{self, Compared, Stock, Sums, Wrong},
        cache_trials::Kind,
    },
    error::GatewayError,
    gateway::{
        admin::{
            office::{Act, Office},
            page::Query,
            shown::{self, time},
        },
        call::{Call, Reply},
    },
    openai::Invalid,
    tenancy::Permission,
    usage::{
        Nanos,
        report::{Period, Window},
    },
};
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use time::{Duration, OffsetDateTime, UtcOffset};

/// How many wrong answers are shown.
const MOST_WRONG: i64 = 20;

/// A period in UTC, in steps of whole hours or days.
struct Asked {
    act: Act,
    period: Period,
    window: Window,
    /// The boundaries, the ends included.
    steps: Vec<OffsetDateTime>,
}

/// `?period=24h|7d|30d`: everything added up, and how things stand.
pub(super) async fn totals(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let asked = admit(office, call, Period::Days30).await?;
    let ends = [asked.window.from, asked.window.to];
    let tx = office.begin(&asked.act).await?;
    let sums = cache_admin::sums(&tx, &asked.window, &ends).await?;
    let compared = cache_admin::compared(&tx, &asked.window, &ends).await?;
    let stock = cache_admin::stock(&tx, asked.act.at).await?;
    let record = cache_admin::trust(&tx).await?;
    let wrong = cache_admin::last_wrong(&tx, MOST_WRONG).await?;
    let rights = rights(&tx).await?;
    tx.commit().await?;

    let total = sums.first().map(|(_, sums)| *sums).unwrap_or_default();
    let mut answer = about(&asked);
    answer.append(&mut show_sums(&total));
    answer.insert("errors".into(), show_errors(&compared.iter().collect::<Vec<_>>()));
    answer.insert("trust".into(), show_trust(record, &rights));
    answer.insert("entries".into(), show_stock(&stock, &rights));
    answer.insert("last_errors".into(), wrong.iter().map(show_wrong).collect());
    Reply::json(StatusCode::OK, &answer)
}

/// The same step by step, none left out.
pub(super) async fn timeseries(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let asked = admit(office, call, Period::Hours24).await?;
    let tx = office.begin(&asked.act).await?;
    let sums: HashMap<i32, Sums> = cache_admin::sums(&tx, &asked.window, &asked.steps).await?.into_iter().collect();
    let compared = cache_admin::compared(&tx, &asked.window, &asked.steps).await?;
    tx.commit().await?;

    let steps = (1..).zip(asked.steps.windows(2)).map(|(number, ends)| {
        let mut step = Map::new();
        step.insert("from".into(), ends.first().map(|at| time(*at)).into());
        step.insert("to".into(), ends.last().map(|at| time(*at)).into());
        step.append(&mut show_sums(&sums.get(&number).copied().unwrap_or_default()));
        let of_step: Vec<&Compared> = compared.iter().filter(|one| one.step == number).collect();
        step.insert("errors".into(), show_errors(&of_step));
        Value::Object(step)
    });
    let mut answer = about(&asked);
    answer.insert("bucket".into(), asked.period.steps().0.into());
    answer.insert("data".into(), steps.collect());
    Reply::json(StatusCode::OK, &answer)
}

async fn admit(office: &Office, call: &Call, default: Period) -> Result<Asked, GatewayError> {
    let act = office.authorize(call, Permission::ReadCache).await?;
    let query = Query::read(&call.query, &["period", "tenant_id"])?;
    let act = Office::on_named_tenant(act, &query)?;
    let named = query.get("period").map_or(Ok(default), str::parse);
    let Some(period) = named.ok().filter(|period| Period::OF_CHARTS.contains(period)) else {
        let known = Period::OF_CHARTS.map(Period::as_str).join(", ");
        return Err(Invalid::value("period", format!("must be one of {known}")).into());
    };
    let steps = steps(period, act.at);
    let (Some(from), Some(to)) = (steps.first().copied(), steps.last().copied()) else {
        return Err(GatewayError::Internal("a period without an end".into()));
    };
    Ok(Asked { act, period, window: Window { from, to }, steps })
}

/// The boundaries of a period's steps in UTC, the last of which has `now` in it.
fn steps(period: Period, now: OffsetDateTime) -> Vec<OffsetDateTime> {
    let (unit, count) = period.steps();
    let step = if unit == "hour" { Duration::HOUR } else { Duration::DAY };
    let seconds = step.whole_seconds();
    let now = now.to_offset(UtcOffset::UTC).unix_timestamp();
    let begun = OffsetDateTime::UNIX_EPOCH + Duration::seconds(now - now.rem_euclid(seconds));
    (1 - count..=1).map(|number| begun + step * number).collect()
}

/// What holds for the tenant as a whole.
async fn rights(tx: &TenantTx) -> Result<CacheRights, GatewayError> {
    super::settings::rights(tx, None).await
}

fn about(asked: &Asked) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("period".into(), asked.period.as_str().into());
    about.insert("from".into(), time(asked.window.from).into());
    about.insert("to".into(), time(asked.window.to).into());
    about
}

fn show_sums(sums: &Sums) -> Map<String, Value> {
    let Sums { exact, canonical, semantic, misses, bypasses, audits, saved, audited, embedded, saved_ms } = *sums;
    let total = exact + canonical + semantic;
    let mut shown = Map::new();
    let hits = json!({ "exact": exact, "canonical": canonical, "semantic": semantic, "total": total });
    shown.insert("hits".into(), hits);
    shown.insert("misses".into(), misses.into());
    shown.insert("bypasses".into(), bypasses.into());
    shown.insert("hit_rate".into(), share(total, total + misses).into());
    let net = Nanos(saved.0.saturating_sub(audited.0).saturating_sub(embedded.0));
    let savings = json!({
        "saved_usd": saved.as_usd(), "audits": audits, "audits_usd": audited.as_usd(), "embeddings_usd": embedded.as_usd(),
        "net_usd": net.as_usd(), "latency_ms": saved_ms,
    });
    shown.insert("savings".into(), savings);
    shown
}

/// Of those that were served: found by audits, and by people. Of those that would have been: what the comparisons in shadow say.
fn show_errors(compared: &[&Compared]) -> Value {
    let of = |kind: Kind| {
        let of_kind = compared.iter().filter(|one| one.kind == kind.as_str());
        of_kind.fold((0, 0), |(compared, wrong), one| (compared + one.compared, wrong + one.wrong))
    };
    let shown = |(compared, wrong): (i64, i64)| json!({ "compared": compared, "wrong": wrong });
    let (shadow, audit, report) = (of(Kind::Shadow), of(Kind::Audit), of(Kind::Report));
    json!({ "found": audit.1 + report.1, "shadow": shown(shadow), "audits": shown(audit), "reports": report.1 })
}

fn show_trust(record: Option<(Record, OffsetDateTime)>, rights: &CacheRights) -> Value {
    let (record, since) = record.map_or_else(Default::default, |(record, since)| (record, Some(since)));
    let limit = rights.settings.error_limit;
    let needed = trust::clean_samples_needed(limit);
    // What let it begin stands behind what serves.
    let behind = if record.mode == Mode::Serving { needed } else { 0 };
    let known = Samples { compared: record.samples.compared.saturating_add(behind), ..record.samples };
    json!({
        "mode": record.mode.as_str(),
        "since": since.map(time),
        "compared": record.samples.compared,
        "wrong": record.samples.wrong,
        "upper_bound": trust::upper_bound(known, CONFIDENCE),
        "confidence": CONFIDENCE,
        "error_limit": limit,
        "clean_samples_needed": needed,
    })
}

fn show_stock(stock: &Stock, rights: &CacheRights) -> Value {
    json!({
        "count": stock.entries, "bytes": stock.bytes, "most_bytes": rights.most_bytes, "similar": stock.similar,
        "quarantined": stock.quarantined,
    })
}

fn show_wrong(wrong: &Wrong) -> Value {
    json!({
        "at": shown::time(wrong.at), "entry_id": wrong.entry.to_string(), "kind": wrong.kind, "reasons": wrong.reasons,
        "similarity": wrong.similarity.map(super::settings::shortest),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share of so many that a few more or less do not show")]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_period_is_whole_steps_with_the_current_one_at_its_end() {
        let now = datetime!(2026-11-22 19:35:50.5 UTC);
        let hours = steps(Period::Hours24, now);
        assert_eq!(
            (hours.len(), hours[0], hours[24]),
            (25, datetime!(2026-11-21 20:00 UTC), datetime!(2026-11-22 20:00 UTC))
        );
        let days = steps(Period::Days30, now);
        assert_eq!(
            (days.len(), days[0], days[30]),
            (31, datetime!(2026-10-24 0:00 UTC), datetime!(2026-11-23 0:00 UTC))
        );
    }

    #[test]
    fn a_record_that_serves_has_what_let_it_begin_behind_it() {
        let rights = CacheRights::new(true, &crate::cache::settings::Found::default());
        let bound = |mode, compared, wrong| {
            let record = Record { mode, samples: Samples { compared, wrong } };
            show_trust(Some((record, OffsetDateTime::UNIX_EPOCH)), &rights)["upper_bound"].as_f64().expect("a rate")
        };
        assert!((bound(Mode::Shadow, 0, 0) - 1.0).abs() < 1e-9, "nothing is known");
        assert!(bound(Mode::Serving, 0, 0) < 0.01, "it has just been proven");
        assert!(bound(Mode::Serving, 10, 3) > 0.01);
    }
}
