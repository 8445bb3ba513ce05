//! Spending that is not as usual, whoever's.

use super::{Database, Error};
use crate::{tenancy::TenantId, usage::Nanos};
use time::OffsetDateTime;
use tokio_postgres::{Row, types::Type};

/// An hour in which a tenant spent far more than in any of the days before.
pub(crate) struct Unusual {
    pub(crate) tenant: TenantId,
    pub(crate) hour: OffsetDateTime,
    pub(crate) spent: Nanos,
    /// In the dearest hour before.
    pub(crate) usual: Nanos,
}

/// Hours since a moment that cost more than so many times the dearest of the seven days before, and at least so much.
///
/// # Errors
/// [`Error`] when the look-up did not work.
pub(crate) async fn unusual(
    db: &Database,
    since: OffsetDateTime,
    times: i64,
    least: Nanos,
) -> Result<Vec<Unusual>, Error> {
    let statement = "select tenant_id, hour, spent, usual from app.find_unusual_spending($1, $2, $3)";
    let rows =
        db.look_up(statement, &[(&since, Type::TIMESTAMPTZ), (&times, Type::INT8), (&least.0, Type::INT8)]).await?;
    let unusual = |row: &Row| {
        Ok(Unusual {
            tenant: TenantId::from_uuid(row.try_get("tenant_id")?),
            hour: row.try_get("hour")?,
            spent: Nanos(row.try_get("spent")?),
            usual: Nanos(row.try_get("usual")?),
        })
    };
    rows.iter().map(unusual).collect()
}
