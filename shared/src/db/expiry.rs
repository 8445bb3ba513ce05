//! What has expired, whosever it was.

use super::{Database, Error};
use tokio_postgres::types::Type;

/// Deletes what has expired of sessions, invitations, and the cache's entries and errors: at most so many of each. Returns how many they were.
///
/// # Errors
/// [`Error`]; nothing was deleted then.
pub(crate) async fn end_expired(db: &Database, most: i32) -> Result<i32, Error> {
    let rows = db.look_up("select app.end_expired($1)", &[(&most, Type::INT4)]).await?;
    let row = rows.first().ok_or(Error::Unexpected("a function without a result"))?;
    Ok(row.try_get(0)?)
}
