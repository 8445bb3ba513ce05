//! What every report asks for: whose use, and over which time.

use crate::{
    db::{TenantTx, usage_hours, usage_hours::Only},
    error::GatewayError,
    gateway::{
        admin::{
            office::{Act, Office},
            page::Query,
        },
        call::Call,
    },
    openai::Invalid,
    tenancy::{Actor, Grant, Permission, rbac},
    usage::report::{Period, Window},
};
use time::{
    Date, Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description,
};

/// The longest time that one report is about.
const MAX_WINDOW: Duration = Duration::days(400);
const DEFAULT_WINDOW: Duration = Duration::days(30);
const MAX_TIME_ZONE_CHARS: usize = 64;

/// Who asks, and whose use they may see.
pub(super) struct Asked<'a> {
    pub(super) act: Act,
    pub(super) query: Query<'a>,
    pub(super) only: Only,
}

/// A window, and the calendar by which it was found.
pub(super) struct Time {
    pub(super) window: Window,
    pub(super) time_zone: String,
    pub(super) period: Option<Period>,
    /// The boundaries of the period's steps; without a period only the window's own.
    pub(super) steps: Vec<OffsetDateTime>,
}

/// The first steps of each report.
pub(super) async fn admit<'a>(office: &Office, call: &'a Call, known: &[&str]) -> Result<Asked<'a>, GatewayError> {
    let act = office.authorize(call, Permission::ReadUsage).await?;
    let query = Query::read(&call.query, known)?;
    let act = Office::on_named_tenant(act, &query)?;
    let only = only(&act.grant);
    Ok(Asked { act, query, only })
}

/// Nobody's but the own, unless the role sees everything.
fn only(grant: &Grant) -> Only {
    if rbac::permissions_of(grant.role()).any(|permission| permission == Permission::ReadAllUsage) {
        return Only::default();
    }
    match grant.actor() {
        Actor::Key(key) => Only { key: Some(key), member: None },
        Actor::Person(person) => Only { key: None, member: Some(person) },
    }
}

/// The time that `period`, or `from` and `to`, and `time_zone` name.
pub(super) async fn time(
    tx: &TenantTx,
    query: &Query<'_>,
    now: OffsetDateTime,
    default: Option<Period>,
) -> Result<Time, GatewayError> {
    let time_zone = time_zone(query)?;
    let bounds = (query.get("from"), query.get("to"));
    let period = match (query.get("period"), bounds) {
        (Some(text), (None, None)) => {
            Some(text.parse::<Period>().map_err(|unknown| Invalid::value("period", unknown))?)
        }
        (Some(_), _) => return Err(Invalid::value("period", "cannot be given together with `from` or `to`").into()),
        (None, (None, None)) => default,
        (None, _) => None,
    };
    let Some(period) = period else {
        let window = between(tx, bounds, now, &time_zone).await?;
        return Ok(Time { window, time_zone, period: None, steps: vec![window.from, window.to] });
    };
    let steps = steps(tx, period, now, &time_zone).await?;
    let (Some(from), Some(to)) = (steps.first().copied(), steps.last().copied()) else {
        return Err(GatewayError::Internal("a period without an end".into()));
    };
    Ok(Time { window: Window { from, to }, time_zone, period: Some(period), steps })
}

/// The boundaries of a period's steps. Hours begin everywhere as they do in UTC: so the hourly sums answer them in every time zone.
async fn steps(
    tx: &TenantTx,
    period: Period,
    now: OffsetDateTime,
    time_zone: &str,
) -> Result<Vec<OffsetDateTime>, GatewayError> {
    let known = usage_hours::steps(tx, period.steps(), now, time_zone).await?.ok_or_else(|| unknown(time_zone))?;
    match period.steps().0 {
        "hour" => Ok(usage_hours::steps(tx, period.steps(), now, "UTC").await?.unwrap_or(known)),
        _ => Ok(known),
    }
}

async fn between(
    tx: &TenantTx,
    (from, to): (Option<&str>, Option<&str>),
    now: OffsetDateTime,
    time_zone: &str,
) -> Result<Window, GatewayError> {
    let to = match to {
        Some(text) => bound(tx, "to", text, time_zone).await?,
        None => now,
    };
    let from = match from {
        Some(text) => bound(tx, "from", text, time_zone).await?,
        None => to - DEFAULT_WINDOW,
    };
    if from >= to {
        return Err(Invalid::value("from", "must be before `to`, which is now if it is not given").into());
    }
    if to - from > MAX_WINDOW {
        let problem = format!("must be at most {} days before `to`", MAX_WINDOW.whole_days());
        return Err(Invalid::value("from", problem).into());
    }
    Ok(Window { from, to })
}

/// A moment, or a day that begins where the time zone is.
async fn bound(tx: &TenantTx, name: &'static str, text: &str, time_zone: &str) -> Result<OffsetDateTime, GatewayError> {
    // A plus that was not encoded comes as a blank.
    if let Ok(at) = OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339)
        && let Some(at) = at.checked_to_offset(UtcOffset::UTC)
        && is_near(at.date())
    {
        return Ok(at);
    }
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok().filter(|day| is_near(*day));
    let Some(day) = day else {
        let problem = "must be a time in RFC 3339, as `2027-01-31T00:00:00Z`, or a day, as `2027-01-31`";
        return Err(Invalid::value(name, problem).into());
    };
    Ok(usage_hours::midnight(tx, day, time_zone).await?.ok_or_else(|| unknown(time_zone))?)
}

/// Ids of requests know the years from 1970 on, and no calendar has to be asked about far ones.
fn is_near(day: Date) -> bool {
    (1971..=9000).contains(&day.year())
}

fn time_zone(query: &Query<'_>) -> Result<String, Invalid> {
    let name = query.get("time_zone").unwrap_or("UTC");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
    // `EST5` or `-3` would be rules of POSIX, whose signs are the other way round.
    let begins = name.bytes().take(3).filter(u8::is_ascii_alphabetic).count() == 3 || name == "UTC";
    let is_name = begins && (name.contains('/') || name.bytes().all(|byte| byte.is_ascii_alphabetic()));
    match is_name && name.len() <= MAX_TIME_ZONE_CHARS && name.bytes().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(Invalid::value("time_zone", "must be a name of the IANA database, as `Europe/Berlin`")),
    }
}

fn unknown(time_zone: &str) -> Invalid {
    Invalid::value(
        "time_zone",
        format!("must be a name of the IANA database, as `Europe/Berlin`; `{time_zone}` is none"),
    )
}
