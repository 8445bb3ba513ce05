//! No transaction without a tenant. Nothing outside `db/` can write a query, and nothing inside can write one on a tenant's table
//! without going through here.

use super::{Database, Error, in_time, keep_if_sound};
use crate::tenancy::TenantId;
use deadpool_postgres::Object;
use futures_util::join;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

const SET_TENANT: &str = "select app.set_tenant($1)";

/// Parameters with their types. Statements are unnamed (`query_typed`), so a proxy can hand the connection to anyone afterwards.
pub(in crate::db) type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// An open transaction that sees one tenant. Dropped without [`TenantTx::commit`], it takes its connection with it.
pub struct TenantTx {
    connection: Option<Object>,
    tenant: TenantId,
}

impl TenantTx {
    /// Opens the transaction and names the tenant in one round trip: both are polled together, so tokio-postgres pipelines them.
    /// The setting ends with the transaction; a plain `SET` would outlive it and pin RDS Proxy.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or a refusal by `app.set_tenant`.
    pub async fn begin(db: &Database, tenant: TenantId) -> Result<Self, Error> {
        let connection = db.connection().await?;
        let tx = Self { connection: Some(connection), tenant };
        let client = tx.client()?;
        let set: Params<'_> = &[(tenant.as_uuid(), Type::UUID)];
        let (begun, set) = join!(client.batch_execute("begin"), client.query_typed(SET_TENANT, set));
        begun?;
        set?;
        Ok(tx)
    }

    /// Runs one statement in a transaction of its own, in one round trip: begin, tenant, statement and commit are pipelined. A
    /// statement that fails turns the commit into a rollback.
    ///
    /// # Errors
    /// [`Error`]; nothing was changed then.
    pub(in crate::db) async fn once(
        db: &Database,
        tenant: TenantId,
        statement: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Error> {
        let connection = db.connection().await?;
        let set: Params<'_> = &[(tenant.as_uuid(), Type::UUID)];
        let rows = in_time(async {
            let (begun, set, rows, committed) = join!(
                connection.batch_execute("begin"),
                connection.query_typed(SET_TENANT, set),
                connection.query_typed(statement, params),
                connection.batch_execute("commit"),
            );
            begun?;
            set?;
            let rows = rows?;
            committed?;
            Ok::<_, tokio_postgres::Error>(rows)
        })
        .await;
        keep_if_sound(connection, &rows);
        rows
    }

    /// Whose rows it sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub(in crate::db) async fn query(&self, statement: &str, params: Params<'_>) -> Result<Vec<Row>, Error> {
        Ok(self.client()?.query_typed(statement, params).await?)
    }

    /// Makes the changes lasting.
    ///
    /// # Errors
    /// [`Error`]; nothing was changed then.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.client()?.batch_execute("commit").await?;
        // Only a connection without an open transaction goes back to the pool.
        drop(self.connection.take());
        Ok(())
    }

    fn client(&self) -> Result<&Object, Error> {
        self.connection.as_ref().ok_or(Error::Unexpected("a transaction that has ended"))
    }
}

impl Drop for TenantTx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Closing the connection rolls back; a pooled one would hand an open transaction to the next user.
            drop(Object::take(connection));
        }
    }
}
