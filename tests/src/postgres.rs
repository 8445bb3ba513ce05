//! Real Postgres for tests: one migrated template a run, copied for each test, dropped after it.

use crate::leaks;
use serde_json::Value;
use std::{env, panic::resume_unwind, sync::Arc, thread, time::Duration};
use supergate::{
    clock::SystemClock,
    config::MigrateConfig,
    db::migrations::MIGRATIONS,
    gateway::admin::migrate::{Command, Migrator},
};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// Under which the keys of test databases are hashed. Not a secret: such a database lives for seconds.
pub const PEPPER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Taken while the template is made: test processes may run side by side.
const TEMPLATE_LOCK: i64 = 0x5347_5445_5354;

/// The URL of a superuser of the test server.
///
/// # Panics
/// If nobody started one.
pub fn superuser_url() -> String {
    env::var("SUPERGATE_TEST_DATABASE_URL")
        .expect("SUPERGATE_TEST_DATABASE_URL is not set: run the tests with `make test`, which starts PostgreSQL")
}

/// A database of one test's own.
pub struct TestDatabase {
    name: String,
    is_looked_at: bool,
}

impl TestDatabase {
    /// A copy of the migrated template.
    pub async fn migrated() -> Self {
        let template = template().await;
        Self::create(&format!("template {template}")).await
    }

    /// A database without anything in it.
    pub async fn empty() -> Self {
        Self::create("").await
    }

    async fn create(options: &str) -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        execute(&superuser_url(), &format!("create database {name} {options}")).await;
        Self { name, is_looked_at: false }
    }

    /// The URL of this database for a role.
    pub fn url(&self, user: &str) -> String {
        database_url(&superuser_url(), Some(user), &self.name)
    }

    /// What the functions' role connects with.
    pub fn app_url(&self) -> String {
        self.url("supergate_app")
    }

    /// The URL of this database for the superuser, who may migrate.
    pub fn owner_url(&self) -> String {
        database_url(&superuser_url(), None, &self.name)
    }

    /// A superuser's connection, to look behind the policies.
    pub async fn superuser(&self) -> Client {
        connect(&self.owner_url()).await
    }

    /// A connection of the functions' role.
    pub async fn app(&self) -> Client {
        connect(&self.app_url()).await
    }

    /// Takes no connection any more and ends those that there are, as a cluster that is away.
    pub async fn go_away(&self) {
        let name = &self.name;
        execute(&superuser_url(), &format!("alter database {name} allow_connections false")).await;
        let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
        execute(&superuser_url(), &end).await;
    }

    /// Takes connections again.
    pub async fn come_back(&self) {
        execute(&superuser_url(), &format!("alter database {} allow_connections true", self.name)).await;
    }

    /// Waits until so many of this database's sessions wait for a lock: what the test has begun is as far as it can come.
    ///
    /// # Panics
    /// If it takes long.
    pub async fn until_waiting(&self, sessions: i64) {
        let superuser = self.superuser().await;
        let statement =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let all_wait = async {
            while superuser.query_one(statement, &[]).await.expect("a count").get::<_, i64>(0) < sessions {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), all_wait).await.expect("they wait for a lock");
    }

    /// Reads all that is stored, for a test that is over and whose runtime cannot wait any more: no secret may be there. Gives the rows
    /// of the ledger; none where there is no ledger.
    ///
    /// # Panics
    /// If it cannot be read.
    pub(crate) fn look_at_the_end(&mut self) -> Vec<Value> {
        self.is_looked_at = true;
        let rows = self.rows_at_the_end();
        rows.iter().for_each(|(_, row)| leaks::check_row(&row.to_string()));
        rows.into_iter().filter(|(table, _)| table == "usage_events").map(|(_, row)| row).collect()
    }

    /// Every row of every table, with the table's name; bytes are in hexadecimal. Of a table that a statement of the test itself filled by
    /// the ten thousand, not all.
    fn rows_at_the_end(&self) -> Vec<(String, Value)> {
        const MOST: usize = 20_000;
        let (admin, name, url) = (superuser_url(), self.name.clone(), self.owner_url());
        at_the_end(async move {
            execute(&admin, &format!("alter database {name} allow_connections true")).await;
            let client = connect(&url).await;
            let tables = "select c.relname::text from pg_class c
                where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace";
            let tables = client.query(tables, &[]).await.expect("the tables");
            let all: Vec<String> = tables
                .iter()
                .map(|table| table.get::<_, String>(0))
                .map(|table| format!("(select '{table}', to_jsonb(t) from public.\"{table}\" t limit {MOST})"))
                .collect();
            if all.is_empty() {
                return Vec::new();
            }
            let rows = client.query(&all.join(" union all "), &[]).await.expect("the rows");
            rows.iter().map(|row| (row.get(0), row.get(1))).collect()
        })
        .unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// The migrate function's insides on this database.
    pub fn migrator(&self) -> Migrator {
        let url = self.owner_url();
        let vars = |name: &str| match name {
            "DATABASE_MIGRATION_URL" => Some(url.clone()),
            "SUPERGATE_KEY_PEPPER" => Some(PEPPER.to_owned()),
            _ => None,
        };
        let config = MigrateConfig::load(&vars).expect("a complete configuration");
        Migrator::new(config, Arc::new(SystemClock)).expect("a pool")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !self.is_looked_at && !thread::panicking() {
            self.look_at_the_end();
        }
        let drop = format!("drop database if exists {} with (force)", self.name);
        let dropped = at_the_end(async move { execute(&superuser_url(), &drop).await });
        if let Err(panic) = dropped
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
        leaks::assert_none();
    }
}

/// Waits in a destructor: a test's runtime cannot, another thread's can. With what it panicked with, if it did.
fn at_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> thread::Result<T> {
    let waiting = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work)
    });
    waiting.join()
}

/// Connects, and drives the connection until the client is dropped.
pub async fn connect(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    tokio::spawn(connection);
    client
}

/// Runs SQL on a connection of its own.
pub async fn execute(url: &str, sql: &str) {
    connect(url).await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// The same server's URL with another database, and another user if one is named. `postgresql://user:password@host:port/name?options`,
/// where the host may be empty and a socket's folder be in the options, which a URL parser would refuse.
pub fn database_url(url: &str, user: Option<&str>, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (authority, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let options = rest.split_once('?').map_or(String::new(), |(_, options)| format!("?{options}"));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let authority = user.map_or_else(|| authority.to_owned(), |user| format!("{user}@{host}"));
    format!("{scheme}://{authority}/{database}{options}")
}

/// Makes the template if this version of the migrations has none yet, and gives its name.
async fn template() -> String {
    let version = MIGRATIONS
        .iter()
        .flat_map(|(name, sql)| name.bytes().chain(sql.bytes()))
        .fold(0_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(5));
    let name = format!("template_{version:016x}");
    let admin = connect(&superuser_url()).await;
    admin.query("select pg_advisory_lock($1)", &[&TEMPLATE_LOCK]).await.expect("the lock");
    let known = admin.query("select 1 from pg_database where datname = $1", &[&name]).await.expect("the catalogue");
    if known.is_empty() {
        // Made under another name, so that a template that exists is complete.
        let mut unfinished = TestDatabase::empty().await;
        unfinished.is_looked_at = true;
        unfinished.migrator().run(Command::Migrate).await.expect("the migrations");
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
        admin.query(end, &[&unfinished.name]).await.expect("the migrator's pool to be gone");
        let rename = format!("alter database {} rename to {name}", unfinished.name);
        admin.batch_execute(&rename).await.expect("a name that is free");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::database_url;

    #[test]
    fn a_database_url_keeps_the_server_and_changes_the_rest() {
        let socket = "postgresql://postgres:@/postgres?host=/some/socket/dir";
        let app = database_url(socket, Some("supergate_app"), "stack_1");
        assert_eq!(app, "postgresql://supergate_app@/stack_1?host=/some/socket/dir");
        assert_eq!(database_url(socket, None, "stack_1"), "postgresql://postgres:@/stack_1?host=/some/socket/dir");
        let tcp = "postgresql://postgres:secret@localhost:5433/postgres";
        assert_eq!(database_url(tcp, Some("supergate_app"), "x"), "postgresql://supergate_app@localhost:5433/x");
    }
}
