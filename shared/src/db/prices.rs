//! Prices as they are stored.

use super::{Database, Error, TenantTx};
use crate::{
    tenancy::{PriceId, TenantId},
    usage::{Price, PriceSetter, Rates},
};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

/// A price as the look-ups give it.
#[derive(Deserialize)]
pub(in crate::db) struct Found {
    id: Uuid,
    platform: bool,
    by_operator: bool,
    provider: String,
    model: String,
    based_on: Option<String>,
    /// In microseconds since 1970.
    starts_at: i64,
    input: Option<u64>,
    output: Option<u64>,
    cached_input: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
}

impl Found {
    pub(in crate::db) fn price(self) -> Result<Price, Error> {
        let starts_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.starts_at) * 1000);
        let rates = self
            .input
            .zip(self.output)
            .map(|(input, output)| rates(input, output, [self.cached_input, self.cache_write, self.cache_write_1h]));
        Ok(Price {
            id: PriceId::from_uuid(self.id),
            set_by: setter(self.platform, self.by_operator),
            provider: self.provider,
            model: self.model,
            based_on: self.based_on,
            starts_at: starts_at.map_err(|_| Error::Unexpected("a price that begins beyond all time"))?,
            rates,
        })
    }
}

fn setter(platform: bool, by_operator: bool) -> PriceSetter {
    match (platform, by_operator) {
        (true, _) => PriceSetter::Platform,
        (false, true) => PriceSetter::Operator,
        (false, false) => PriceSetter::Tenant,
    }
}

/// What is not given has no price of its own.
pub(crate) fn rates(input: u64, output: u64, [cached_input, cache_write, cache_write_1h]: [Option<u64>; 3]) -> Rates {
    Rates {
        input,
        output,
        cached_input,
        cache_write,
        cache_write_1h,
        audio_input: None,
        cached_audio_input: None,
        audio_output: None,
        video_output: None,
        reasoning: None,
    }
}

/// A price, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriceRow {
    pub(crate) price: Price,
    /// Whether another of the same model has begun after it.
    pub(crate) replaced: bool,
    pub(crate) created_at: OffsetDateTime,
}

macro_rules! prices {
    ($rest:literal) => {
        concat!(
            "select id, provider, model, based_on, by_operator, starts_at, input_picos, output_picos, cached_input_picos, cache_write_picos, ",
            "cache_write_1h_picos, created_at, exists (select from prices l where l.starts_at > p.starts_at and l.starts_at <= $1 ",
            "and (l.provider, l.model, l.by_operator) = (p.provider, p.model, p.by_operator)) as replaced from prices p ",
            $rest
        )
    };
}

/// The transaction's tenant's prices as they are at a moment, newest first, from before one of them on; of one model, or of all.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn list(
    tx: &TenantTx,
    at: OffsetDateTime,
    model: Option<(&str, &str)>,
    before: Option<PriceId>,
    most: i64,
) -> Result<Vec<PriceRow>, Error> {
    let statement = prices!(
        "where ($2::text is null or (provider, model) = ($2, $3)) and ($4::uuid is null or id < $4) order by id desc limit $5"
    );
    let (provider, model) = model.unzip();
    let before = before.as_ref().map(PriceId::as_uuid);
    let params: super::tx::Params<'_> = &[
        (&at, Type::TIMESTAMPTZ),
        (&provider, Type::TEXT),
        (&model, Type::TEXT),
        (&before, Type::UUID),
        (&most, Type::INT8),
    ];
    tx.query(statement, params).await?.iter().map(|row| read_row(tx, row)).collect()
}

/// One of the transaction's tenant's prices, as it is at a moment.
///
/// # Errors
/// [`Error`] when it cannot be read.
pub(crate) async fn read(tx: &TenantTx, at: OffsetDateTime, price: PriceId) -> Result<Option<PriceRow>, Error> {
    let params: super::tx::Params<'_> = &[(&at, Type::TIMESTAMPTZ), (price.as_uuid(), Type::UUID)];
    let rows = tx.query(prices!("where id = $2"), params).await?;
    rows.first().map(|row| read_row(tx, row)).transpose()
}

/// How many the transaction's tenant has.
///
/// # Errors
/// [`Error`] when they cannot be counted.
pub(crate) async fn count(tx: &TenantTx) -> Result<i64, Error> {
    let rows = tx.query("select count(*) from prices", &[]).await?;
    rows.first().ok_or(Error::Unexpected("no count"))?.try_get(0).map_err(Error::from)
}

const INSERT: &str = "\
    insert into prices (tenant_id, id, provider, model, based_on, by_operator, starts_at, input_picos, output_picos, cached_input_picos, \
    cache_write_picos, cache_write_1h_picos, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// Stores a price of the transaction's tenant.
///
/// # Errors
/// [`Error::Exists`] when one of the same model begins at the same moment; [`Error::NotAllowed`] when there are too many.
pub(crate) async fn insert(tx: &TenantTx, row: &PriceRow) -> Result<(), Error> {
    let price = &row.price;
    let by_operator = price.set_by == PriceSetter::Operator;
    let stored = |picos: Option<u64>| picos.map(|picos| i64::try_from(picos).unwrap_or(i64::MAX));
    let rate = |of: fn(&Rates) -> Option<u64>| stored(price.rates.as_ref().and_then(of));
    tx.query(
        INSERT,
        &[
            (tx.tenant().as_uuid(), Type::UUID),
            (price.id.as_uuid(), Type::UUID),
            (&price.provider, Type::TEXT),
            (&price.model, Type::TEXT),
            (&price.based_on, Type::TEXT),
            (&by_operator, Type::BOOL),
            (&price.starts_at, Type::TIMESTAMPTZ),
            (&rate(|rates| Some(rates.input)), Type::INT8),
            (&rate(|rates| Some(rates.output)), Type::INT8),
            (&rate(|rates| rates.cached_input), Type::INT8),
            (&rate(|rates| rates.cache_write), Type::INT8),
            (&rate(|rates| rates.cache_write_1h), Type::INT8),
            (&row.created_at, Type::TIMESTAMPTZ),
        ],
    )
    .await
    .map(drop)
}

/// Deletes one of the transaction's tenant's prices.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn delete(tx: &TenantTx, price: PriceId) -> Result<(), Error> {
    tx.query("delete from prices where id = $1", &[(price.as_uuid(), Type::UUID)]).await.map(drop)
}

/// A model by the name under which it answered, and how often it did.
pub(crate) struct Served {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) requests: i64,
}

/// By what names models answered the transaction's tenant since a moment.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn served(tx: &TenantTx, since: Uuid) -> Result<Vec<Served>, Error> {
    let statement = "\
        select provider, model_served as model, count(*) as requests from usage_events \
        where request_id >= $1 and model_served is not null group by provider, model_served";
    tx.query(statement, &[(&since, Type::UUID)]).await?.iter().map(read_served).collect()
}

/// The same of everybody: through a `SECURITY DEFINER` function.
///
/// # Errors
/// [`Error`] when they cannot be read.
pub(crate) async fn served_to_anybody(db: &Database, since: Uuid) -> Result<Vec<Served>, Error> {
    let statement = "select provider, model, requests from app.find_models_served($1)";
    db.look_up(statement, &[(&since, Type::UUID)]).await?.iter().map(read_served).collect()
}

fn read_served(row: &Row) -> Result<Served, Error> {
    Ok(Served { provider: row.try_get("provider")?, model: row.try_get("model")?, requests: row.try_get("requests")? })
}

fn read_row(tx: &TenantTx, row: &Row) -> Result<PriceRow, Error> {
    let picos = |name: &str| {
        let stored: Option<i64> = row.try_get(name)?;
        Ok::<_, Error>(stored.map(i64::unsigned_abs))
    };
    let (input, output) = (picos("input_picos")?, picos("output_picos")?);
    let others = [picos("cached_input_picos")?, picos("cache_write_picos")?, picos("cache_write_1h_picos")?];
    let price = Price {
        id: PriceId::from_uuid(row.try_get("id")?),
        set_by: setter(tx.tenant() == TenantId::PLATFORM, row.try_get("by_operator")?),
        provider: row.try_get("provider")?,
        model: row.try_get("model")?,
        based_on: row.try_get("based_on")?,
        starts_at: row.try_get("starts_at")?,
        rates: input.zip(output).map(|(input, output)| rates(input, output, others)),
    };
    Ok(PriceRow { price, replaced: row.try_get("replaced")?, created_at: row.try_get("created_at")? })
}
