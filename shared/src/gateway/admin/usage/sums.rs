//! `GET /v1/usage`, `/v1/usage/breakdown` and `/v1/usage/chart`: sums over a time, by what it was used for, and step by step.

use super::asked::{self, Asked, Time};
use crate::{
    db::{
        TenantTx, usage_hours,
        usage_hours::{Only, Question},
    },
    error::GatewayError,
    gateway::{
        admin::{office::Office, page::Query, shown},
        call::{Call, Reply},
    },
    openai::Invalid,
    usage::report::{Dimension, Group, Grouping, Period, Sums},
};
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use time::Duration;
use uuid::Uuid;

const DEFAULT_GROUPS: i64 = 100;
const MAX_GROUPS: i64 = 1000;
/// There are no sums by tag and end user together: this many days are read row by row at most.
const MAX_DAYS_OF_ROWS: i64 = 31;

/// `?period=` or `?from=&to=`, `&time_zone=`: everything added up.
pub(super) async fn totals(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let known = ["period", "from", "to", "time_zone", "tenant_id"];
    let Asked { act, query, only } = asked::admit(office, call, &known).await?;
    let tx = office.begin(&act).await?;
    let time = asked::time(&tx, &query, act.at, Some(Period::Days30)).await?;
    let sums = total(&tx, &time, only).await?;
    tx.commit().await?;
    let mut answer = about(&time);
    answer.append(&mut show(&sums));
    Reply::json(StatusCode::OK, &answer)
}

/// The same by `?by=model[,key]`, the dearest first.
pub(super) async fn breakdown(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let known = ["by", "limit", "period", "from", "to", "time_zone", "tenant_id"];
    let Asked { act, query, only } = asked::admit(office, call, &known).await?;
    let by = query.get("by").ok_or_else(|| Invalid::value("by", "is required, as `model` or `model,key`"))?;
    let by = Grouping::parse(by).map_err(|problem| Invalid::value("by", problem))?;
    let limit = limit(&query)?;
    let tx = office.begin(&act).await?;
    let time = asked::time(&tx, &query, act.at, Some(Period::Days30)).await?;
    if by.kinds().is_empty() && time.window.to - time.window.from > Duration::days(MAX_DAYS_OF_ROWS) {
        let problem = format!("`tag` and `end_user` together are told of at most {MAX_DAYS_OF_ROWS} days");
        return Err(Invalid::value("by", problem).into());
    }
    let most = limit.saturating_add(1);
    let mut groups = usage_hours::sums(&tx, &Question { window: time.window, steps: &[], by: &by, only, most }).await?;
    let total = total(&tx, &time, only).await?;
    let more = groups.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    groups.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let names = names(&tx, &by, &groups).await?;
    tx.commit().await?;

    let mut answer = about(&time);
    let by_names: Vec<&str> = by.dimensions().iter().map(|dimension| dimension.as_str()).collect();
    answer.insert("by".into(), json!(by_names));
    answer.insert("data".into(), groups.iter().map(|group| show_group(&by, group, &names)).collect());
    answer.insert("more".into(), more.into());
    answer.insert("total".into(), show(&total).into());
    Reply::json(StatusCode::OK, &answer)
}

/// The same step by step, `?period=24h|7d|30d`; a step without use is there, with zeros.
pub(super) async fn chart(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let Asked { act, query, only } = asked::admit(office, call, &["period", "time_zone", "tenant_id"]).await?;
    let tx = office.begin(&act).await?;
    let time = asked::time(&tx, &query, act.at, Some(Period::Hours24)).await?;
    let Some(period) = time.period.filter(|period| Period::OF_CHARTS.contains(period)) else {
        let known = Period::OF_CHARTS.map(Period::as_str).join(", ");
        return Err(Invalid::value("period", format!("must be one of {known}")).into());
    };
    let by = Grouping::none();
    let question = Question { window: time.window, steps: &time.steps, by: &by, only, most: i64::MAX };
    let groups = usage_hours::sums(&tx, &question).await?;
    tx.commit().await?;

    let by_step: HashMap<i32, Sums> = groups.iter().map(|group| (group.step, group.sums)).collect();
    let steps = (1..).zip(time.steps.windows(2)).map(|(number, ends)| {
        let mut step = Map::new();
        step.insert("from".into(), ends.first().map(|at| shown::time(*at)).into());
        step.insert("to".into(), ends.last().map(|at| shown::time(*at)).into());
        step.append(&mut show(&by_step.get(&number).copied().unwrap_or_default()));
        Value::Object(step)
    });
    let mut answer = about(&time);
    answer.insert("bucket".into(), period.steps().0.into());
    answer.insert("data".into(), steps.collect());
    Reply::json(StatusCode::OK, &answer)
}

async fn total(tx: &TenantTx, time: &Time, only: Only) -> Result<Sums, GatewayError> {
    let by = Grouping::none();
    let question = Question { window: time.window, steps: &[], by: &by, only, most: 1 };
    Ok(usage_hours::sums(tx, &question).await?.first().map(|group| group.sums).unwrap_or_default())
}

async fn names(tx: &TenantTx, by: &Grouping, groups: &[Group]) -> Result<HashMap<Uuid, String>, GatewayError> {
    if !by.has(Dimension::Key) && !by.has(Dimension::Member) {
        return Ok(HashMap::new());
    }
    let keys = groups.iter().filter_map(|group| group.key.as_ref()).map(|key| *key.as_uuid()).collect();
    let members = groups.iter().filter_map(|group| group.member.as_ref()).map(|member| *member.as_uuid()).collect();
    Ok(usage_hours::names(tx, keys, members).await?)
}

fn limit(query: &Query<'_>) -> Result<i64, Invalid> {
    let Some(text) = query.get("limit") else { return Ok(DEFAULT_GROUPS) };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_GROUPS).contains(limit));
    limit.ok_or_else(|| Invalid::value("limit", format!("must be a whole number from 1 to {MAX_GROUPS}")))
}

fn about(time: &Time) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("period".into(), time.period.map(Period::as_str).into());
    about.insert("from".into(), shown::time(time.window.from).into());
    about.insert("to".into(), shown::time(time.window.to).into());
    about.insert("time_zone".into(), time.time_zone.clone().into());
    about
}

fn show_group(by: &Grouping, group: &Group, names: &HashMap<Uuid, String>) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    for dimension in by.dimensions() {
        match dimension {
            Dimension::Model => {
                put("provider", group.provider.clone().into());
                put("model", group.model.clone().into());
            }
            Dimension::Provider => put("provider", group.provider.clone().into()),
            Dimension::Key => {
                put("key_id", group.key.map(|key| key.to_string()).into());
                put("key_name", group.key.and_then(|key| names.get(key.as_uuid()).cloned()).into());
            }
            Dimension::Member => {
                put("member_id", group.member.map(|member| member.to_string()).into());
                put("member_name", group.member.and_then(|member| names.get(member.as_uuid()).cloned()).into());
            }
            Dimension::Tag => put("tag", group.tag.clone().into()),
            Dimension::EndUser => put("end_user", group.end_user.clone().into()),
        }
    }
    shown.append(&mut show(&group.sums));
    Value::Object(shown)
}

fn show(sums: &Sums) -> Map<String, Value> {
    let mut shown = Map::new();
    #[rustfmt::skip]
    let counts = [
        ("requests",            sums.requests),
        ("attempts",            sums.attempts),
        ("errors",              sums.errors),
        ("input_tokens",        sums.input_tokens),
        ("output_tokens",       sums.output_tokens),
        ("cached_input_tokens", sums.cached_input_tokens),
        ("cache_write_tokens",  sums.cache_write_tokens),
        ("reasoning_tokens",    sums.reasoning_tokens),
        ("cache_hits",          sums.cache_hits),
    ];
    shown.extend(counts.map(|(name, count)| (name.to_owned(), count.into())));
    shown.insert("cost_usd".into(), sums.cost.as_usd().into());
    shown.insert("saved_usd".into(), sums.saved.as_usd().into());
    shown
}
