//! No transaction without a tenant, or a person where it is about their own account. Nothing outside `db/` can write a query, and nothing inside can write one on a tenant's table
//! without going through here.

use super::{Database, Error, in_time, keep_if_sound};
use crate::tenancy::{PersonId, TenantId};
use deadpool_postgres::Object;
use futures_util::join;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

const SET_TENANT: &str = "select app.set_tenant($1)";
const SET_PERSON: &str = "select app.set_person($1)";

/// Parameters with their types. Statements are unnamed (`query_typed`), so a proxy can hand the connection to anyone afterwards.
pub(in crate::db) type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// An open transaction that sees one tenant. Dropped without [`TenantTx::commit`], it takes its connection with it.
pub struct TenantTx {
    open: Open,
    tenant: TenantId,
}

/// An open transaction that sees one person's own account and sessions.
pub struct PersonTx {
    open: Open,
    person: PersonId,
}

/// A connection with a transaction on it.
struct Open {
    connection: Option<Object>,
}

impl TenantTx {
    /// Opens the transaction and names the tenant in one round trip: both are polled together, so tokio-postgres pipelines them.
    /// The setting ends with the transaction; a plain `SET` would outlive it and pin RDS Proxy.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or a refusal by `app.set_tenant`.
    pub async fn begin(db: &Database, tenant: TenantId) -> Result<Self, Error> {
        let open = Open::begin(db, SET_TENANT, &[(tenant.as_uuid(), Type::UUID)]).await?;
        Ok(Self { open, tenant })
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
        self.open.query(statement, params).await
    }

    /// Makes the changes lasting.
    ///
    /// # Errors
    /// [`Error`]; nothing was changed then.
    pub async fn commit(self) -> Result<(), Error> {
        self.open.commit().await
    }
}

impl PersonTx {
    /// Opens the transaction and names the person in one round trip.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or a refusal by `app.set_person`.
    pub async fn begin(db: &Database, person: PersonId) -> Result<Self, Error> {
        let open = Open::begin(db, SET_PERSON, &[(person.as_uuid(), Type::UUID)]).await?;
        Ok(Self { open, person })
    }

    /// Whose account it sees.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// Goes on in the same transaction with a tenant's rows, for what is done to both or to neither.
    ///
    /// # Errors
    /// [`Error`]; nothing was changed then.
    pub async fn enter(self, tenant: TenantId) -> Result<TenantTx, Error> {
        self.open.query(SET_TENANT, &[(tenant.as_uuid(), Type::UUID)]).await?;
        Ok(TenantTx { open: self.open, tenant })
    }

    pub(in crate::db) async fn query(&self, statement: &str, params: Params<'_>) -> Result<Vec<Row>, Error> {
        self.open.query(statement, params).await
    }

    /// Makes the changes lasting.
    ///
    /// # Errors
    /// [`Error`]; nothing was changed then.
    pub async fn commit(self) -> Result<(), Error> {
        self.open.commit().await
    }
}

impl Open {
    async fn begin(db: &Database, name: &str, whom: Params<'_>) -> Result<Self, Error> {
        let open = Self { connection: Some(db.connection().await?) };
        let client = open.client()?;
        in_time(async {
            let (begun, named) = join!(client.batch_execute("begin"), client.query_typed(name, whom));
            begun?;
            named.map(drop)
        })
        .await?;
        Ok(open)
    }

    async fn query(&self, statement: &str, params: Params<'_>) -> Result<Vec<Row>, Error> {
        in_time(self.client()?.query_typed(statement, params)).await
    }

    async fn commit(mut self) -> Result<(), Error> {
        in_time(self.client()?.batch_execute("commit")).await?;
        // Only a connection without an open transaction goes back to the pool.
        drop(self.connection.take());
        Ok(())
    }

    fn client(&self) -> Result<&Object, Error> {
        self.connection.as_ref().ok_or(Error::Unexpected("a transaction that has ended"))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Closing the connection rolls back; a pooled one would hand an open transaction to the next user.
            drop(Object::take(connection));
        }
    }
}
