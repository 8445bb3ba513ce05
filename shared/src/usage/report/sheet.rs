//! Rows of the ledger as comma-separated values (RFC 4180): our own columns, or those of FOCUS 1.2
//! (<https://focus.finops.org/focus-specification/v1-2/>). A text that a spreadsheet would take for a formula gets an apostrophe before it.

use super::Entry;
use crate::{tenancy::standing::words, usage::Nanos};
use serde_json::{Map, Value};
use std::{fmt::Write as _, str::FromStr};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset, format_description::well_known::Rfc3339};

/// Which columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sheet {
    /// Those of the logs.
    Csv,
    /// Those of FOCUS 1.2, for tools that read the bills of many vendors. What was not used is no charge and has no row.
    Focus,
}

words!(Sheet: Csv = "csv", Focus = "focus");

/// What every row of FOCUS repeats.
#[derive(Debug, Clone)]
pub struct Titles {
    /// The tenant's id.
    pub tenant: String,
    /// The tenant's name.
    pub tenant_name: String,
}

impl Sheet {
    /// The first line.
    pub fn head(self) -> String {
        let names: Vec<&str> = self.columns().iter().map(|(name, _)| *name).collect();
        format!("{}\r\n", names.join(","))
    }

    /// Adds a row's line.
    pub fn write(self, titles: &Titles, entry: &Entry, out: &mut String) {
        if self == Self::Focus && entry.usage_source == "none" {
            return;
        }
        for (i, (_, cell)) in self.columns().iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            cell(titles, entry).write(out);
        }
        out.push_str("\r\n");
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::Csv => CSV,
            Self::Focus => FOCUS,
        }
    }
}

type Column = (&'static str, fn(&Titles, &Entry) -> Cell);

enum Cell {
    /// Somebody's words.
    Text(String),
    /// What can be nothing but figures, a time, or a word of ours.
    Plain(String),
    Empty,
}

impl Cell {
    fn write(&self, out: &mut String) {
        match self {
            Self::Empty => {}
            Self::Plain(text) => out.push_str(text),
            Self::Text(text) => {
                // https://owasp.org/www-community/attacks/CSV_Injection
                let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
                    "'"
                } else {
                    ""
                };
                match text.contains([',', '"', '\r', '\n']) {
                    true => drop(write!(out, "\"{guard}{}\"", text.replace('"', "\"\""))),
                    false => drop(write!(out, "{guard}{text}")),
                }
            }
        }
    }
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn perhaps(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, |text| Cell::Text(text.to_owned()))
}

fn plain(value: &impl ToString) -> Cell {
    Cell::Plain(value.to_string())
}

fn figure(value: Option<impl ToString>) -> Cell {
    value.map_or(Cell::Empty, |value| plain(&value))
}

/// Dollars with all nine decimals, so that nothing is rounded.
fn dollars(Nanos(nanos): Nanos) -> Cell {
    plain(&format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000))
}

fn moment(at: OffsetDateTime) -> Cell {
    plain(&at.format(&Rfc3339).unwrap_or_default())
}

/// The first moment of the month in which something was, or of the month after it.
fn month(at: OffsetDateTime, next: bool) -> Cell {
    let date = at.to_offset(UtcOffset::UTC).date();
    let (year, month) = match (next, date.month()) {
        (false, month) => (date.year(), month),
        (true, Month::December) => (date.year() + 1, Month::January),
        (true, month) => (date.year(), month.next()),
    };
    let first = Date::from_calendar_date(year, month, 1).unwrap_or(date);
    moment(OffsetDateTime::new_utc(first, Time::MIDNIGHT))
}

/// A charge's period is the hour in which the request came, or the end of that hour.
fn hour(at: OffsetDateTime, next: bool) -> Cell {
    let first = at.unix_timestamp() / 3600 * 3600 + if next { 3600 } else { 0 };
    moment(OffsetDateTime::from_unix_timestamp(first).unwrap_or(at))
}

/// Tags are names without values, which FOCUS writes as `true`.
fn tags(entry: &Entry) -> Cell {
    let tags: Map<String, Value> = entry.tags.iter().map(|tag| (tag.clone(), Value::Bool(true))).collect();
    text(Value::Object(tags).to_string())
}

fn model(entry: &Entry) -> String {
    format!("{}/{}", entry.provider, entry.model)
}

fn tokens(entry: &Entry) -> i64 {
    entry.input_tokens.saturating_add(entry.output_tokens)
}

const CSV: &[Column] = &[
    ("request_id", |_, e| plain(&e.request)),
    ("attempt", |_, e| plain(&e.attempt)),
    ("created_at", |_, e| moment(e.request.time())),
    ("status", |_, e| plain(&e.status)),
    ("ended", |_, e| text(&e.ended)),
    ("error_code", |_, e| perhaps(e.error_code.as_deref())),
    ("provider", |_, e| text(&e.provider)),
    ("model", |_, e| text(&e.model)),
    ("model_requested", |_, e| text(&e.model_requested)),
    ("model_served", |_, e| perhaps(e.model_served.as_deref())),
    ("streamed", |_, e| plain(&e.streamed)),
    ("key_id", |_, e| figure(e.key)),
    ("key_name", |_, e| perhaps(e.key_name.as_deref())),
    ("member_id", |_, e| figure(e.member)),
    ("end_user", |_, e| perhaps(e.end_user.as_deref())),
    ("tags", |_, e| text(e.tags.join(" "))),
    ("input_tokens", |_, e| plain(&e.input_tokens)),
    ("output_tokens", |_, e| plain(&e.output_tokens)),
    ("cached_input_tokens", |_, e| figure(e.cached_input_tokens)),
    ("cache_write_tokens", |_, e| figure(e.cache_write_tokens)),
    ("reasoning_tokens", |_, e| figure(e.reasoning_tokens)),
    ("audio_input_tokens", |_, e| figure(e.audio_input_tokens)),
    ("audio_output_tokens", |_, e| figure(e.audio_output_tokens)),
    ("web_searches", |_, e| figure(e.web_searches)),
    ("usage_source", |_, e| text(&e.usage_source)),
    ("service_tier", |_, e| perhaps(e.service_tier.as_deref())),
    ("cost_usd", |_, e| dollars(e.cost)),
    ("price_version", |_, e| perhaps(e.price_version.as_deref())),
    ("cache", |_, e| perhaps(e.cache.as_deref())),
    ("saved_usd", |_, e| dollars(e.saved)),
    ("first_token_ms", |_, e| figure(e.first_token_ms)),
    ("latency_ms", |_, e| plain(&e.latency_ms)),
];

/// The columns of the specification in its order, then ours, which begin with `x_` as it asks. Unit prices are empty: a request has
/// several, one for each kind of token.
const FOCUS: &[Column] = &[
    ("BilledCost", |_, e| dollars(e.cost)),
    ("BillingAccountId", |t, _| text(&t.tenant)),
    ("BillingAccountName", |t, _| text(&t.tenant_name)),
    ("BillingAccountType", |_, _| plain(&"Tenant")),
    ("BillingCurrency", |_, _| plain(&"USD")),
    ("BillingPeriodEnd", |_, e| month(e.request.time(), true)),
    ("BillingPeriodStart", |_, e| month(e.request.time(), false)),
    ("ChargeCategory", |_, _| plain(&"Usage")),
    ("ChargeClass", |_, _| Cell::Empty),
    ("ChargeDescription", |_, e| text(format!("{}: {} tokens in, {} out", model(e), e.input_tokens, e.output_tokens))),
    ("ChargeFrequency", |_, _| plain(&"Usage-Based")),
    ("ChargePeriodEnd", |_, e| hour(e.request.time(), true)),
    ("ChargePeriodStart", |_, e| hour(e.request.time(), false)),
    ("ConsumedQuantity", |_, e| plain(&tokens(e))),
    ("ConsumedUnit", |_, _| plain(&"Tokens")),
    ("ContractedCost", |_, e| dollars(e.cost)),
    ("ContractedUnitPrice", |_, _| Cell::Empty),
    ("EffectiveCost", |_, e| dollars(e.cost)),
    ("InvoiceId", |_, _| Cell::Empty),
    ("InvoiceIssuerName", |_, e| text(&e.provider)),
    ("ListCost", |_, e| dollars(e.cost)),
    ("ListUnitPrice", |_, _| Cell::Empty),
    ("PricingCategory", |_, _| plain(&"Standard")),
    ("PricingCurrency", |_, _| plain(&"USD")),
    ("PricingQuantity", |_, e| plain(&tokens(e))),
    ("PricingUnit", |_, _| plain(&"Tokens")),
    ("ProviderName", |_, e| text(&e.provider)),
    ("PublisherName", |_, e| text(&e.provider)),
    ("RegionId", |_, _| Cell::Empty),
    ("RegionName", |_, _| Cell::Empty),
    ("ResourceId", |_, e| text(model(e))),
    ("ResourceName", |_, e| text(&e.model)),
    ("ResourceType", |_, _| plain(&"Model")),
    ("ServiceCategory", |_, _| plain(&"AI and Machine Learning")),
    ("ServiceName", |_, e| text(format!("{} API", e.provider))),
    ("ServiceSubcategory", |_, _| plain(&"Generative AI")),
    ("SkuId", |_, e| text(model(e))),
    ("SkuMeter", |_, _| plain(&"Tokens")),
    ("SkuPriceDetails", |_, _| Cell::Empty),
    ("SkuPriceId", |_, _| Cell::Empty),
    ("SubAccountId", |_, e| figure(e.key)),
    ("SubAccountName", |_, e| perhaps(e.key_name.as_deref())),
    ("SubAccountType", |_, e| if e.key.is_some() { plain(&"API key") } else { Cell::Empty }),
    ("Tags", |_, e| tags(e)),
    ("x_RequestId", |_, e| plain(&e.request)),
    ("x_Attempt", |_, e| plain(&e.attempt)),
    ("x_InputTokens", |_, e| plain(&e.input_tokens)),
    ("x_OutputTokens", |_, e| plain(&e.output_tokens)),
    ("x_CachedInputTokens", |_, e| figure(e.cached_input_tokens)),
    ("x_CacheWriteTokens", |_, e| figure(e.cache_write_tokens)),
    ("x_MemberId", |_, e| figure(e.member)),
    ("x_EndUser", |_, e| perhaps(e.end_user.as_deref())),
    ("x_PriceVersion", |_, e| perhaps(e.price_version.as_deref())),
    ("x_UsageSource", |_, e| text(&e.usage_source)),
    ("x_SavedCost", |_, e| dollars(e.saved)),
];

#[cfg(test)]
mod tests;
