//! What was compared with what the cache would have said, or did say, and what follows for the tenant.

use super::{Database, Error, TenantTx, tx::Params};
use crate::{
    cache::trust::{Change, Mode, Record, Samples},
    tenancy::{CacheEntryId, TenantId},
};
use time::OffsetDateTime;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// How it came to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With an answer that the provider gave anyway.
    Shadow,
    /// With one that it was asked for after a hit.
    Audit,
    /// Somebody said that an answer was wrong.
    Report,
}

impl Kind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Shadow, Self::Audit, Self::Report];

    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Audit => "audit",
            Self::Report => "report",
        }
    }
}

/// One comparison.
#[derive(Debug, Clone)]
pub struct Trial {
    /// A new UUID version 7.
    pub id: Uuid,
    /// Of which entry.
    pub entry: CacheEntryId,
    /// How it came to it.
    pub kind: Kind,
    /// Whether the stored answer was not as good.
    pub wrong: bool,
    /// In what the two differed: words of ours, at most twenty, and nothing of what was asked or answered.
    pub reasons: Vec<&'static str>,
    /// How similar the prompts were.
    pub similarity: Option<f32>,
    /// When.
    pub at: OffsetDateTime,
}

/// Notes a comparison, and changes the tenant's mode if it follows from it. Of several at the same moment one comes after the other, so exactly
/// one of them is told of a change. Gives the record as it is now.
///
/// # Errors
/// [`Error`]; nothing was noted then.
pub async fn record(
    db: &Database,
    tenant: TenantId,
    trial: &Trial,
    limit: f64,
) -> Result<(Record, Option<Change>), Error> {
    let tx = TenantTx::begin(db, tenant).await?;
    let recorded = record_in(&tx, trial, limit).await?;
    tx.commit().await?;
    Ok(recorded)
}

/// The same as part of a transaction.
///
/// # Errors
/// [`Error`].
pub(crate) async fn record_in(tx: &TenantTx, trial: &Trial, limit: f64) -> Result<(Record, Option<Change>), Error> {
    let note: Params<'_> = &[
        (&trial.id, Type::UUID),
        (trial.entry.as_uuid(), Type::UUID),
        (&trial.kind.as_str(), Type::TEXT),
        (&trial.wrong, Type::BOOL),
        (&trial.reasons, Type::TEXT_ARRAY),
        (&trial.similarity, Type::FLOAT4),
        (&trial.at, Type::TIMESTAMPTZ),
    ];
    let statement = "select mode, compared, wrong from app.note_cache_trial($1, $2, $3, $4, $5, $6, $7)";
    let rows = tx.query(statement, note).await?;
    let row = rows.first().ok_or(Error::Unexpected("no answer of a function"))?;
    let count = |name| row.try_get(name).map(i32::unsigned_abs);
    let samples = Samples { compared: count("compared")?, wrong: count("wrong")? };
    let before = Record { mode: mode(row.try_get("mode")?)?, samples };
    let (after, change) = before.after(trial.wrong, limit);
    let stored = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let update: Params<'_> = &[
        (&after.mode.as_str(), Type::TEXT),
        (&stored(after.samples.compared), Type::INT4),
        (&stored(after.samples.wrong), Type::INT4),
        (&change.is_some(), Type::BOOL),
        (&trial.at, Type::TIMESTAMPTZ),
    ];
    let statement =
        "update cache_trust set mode = $1, compared = $2, wrong = $3, since = case when $4 then $5 else since end";
    tx.query(statement, update).await?;
    Ok((after, change))
}

/// What was compared does not hold any more: the transaction's tenant begins in shadow, with nothing compared. Says whether it served.
///
/// # Errors
/// [`Error`]; nothing was changed then.
pub(crate) async fn begin_anew(tx: &TenantTx, at: OffsetDateTime) -> Result<bool, Error> {
    // The row is locked first, so that what it was is what this changed.
    let before = tx.query("select mode from cache_trust for update", &[]).await?;
    let served = before.first().map(|row| Ok::<_, Error>(mode(row.try_get("mode")?)? == Mode::Serving)).transpose()?;
    let statement = "update cache_trust set mode = 'shadow', compared = 0, wrong = 0, since = $1";
    tx.query(statement, &[(&at, Type::TIMESTAMPTZ)]).await?;
    Ok(served.unwrap_or(false))
}

/// What the database calls a mode.
pub(in crate::db) fn mode(text: &str) -> Result<Mode, Error> {
    let known = [Mode::Shadow, Mode::Serving].into_iter().find(|mode| mode.as_str() == text);
    known.ok_or(Error::Unexpected("a mode of the cache that this version does not know"))
}
