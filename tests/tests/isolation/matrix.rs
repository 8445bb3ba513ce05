//! Every table with tenants' data × two tenants × every verb, each denial beside its positive control.

use serde_json::{Value, json};
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// Under which the functions sign in.
pub const APP: &str = "supergate_app";
/// Whose tables they are; only FORCE puts it under the policies.
pub const OWNER: &str = "supergate_owner";

const VERBS: [Verb; 4] = [Verb::Select, Verb::Insert, Verb::Update, Verb::Delete];

/// Finds what holds tenants' data: every table with a `tenant_id`, partitions too, and `tenants` itself. A partition's rows have ids
/// from its lower bound on, the default partition's from the beginning of time; its parent's may have those of its first partition.
const TABLES: &str = r"
    select c.relname,
           coalesce(parent.relname, c.relname),
           c.relkind = 'p',
           coalesce(substring(coalesce(pg_get_expr(c.relpartbound, c.oid),
                                       (select min(pg_get_expr(part.relpartbound, part.oid))
                                        from pg_inherits i join pg_class part on part.oid = i.inhrelid where i.inhparent = c.oid))
                              from '\(''([0-9a-f-]+)''\)'),
                    '00000000-0000-7000-8000-000000000000')
    from pg_class c
    left join pg_inherits h on h.inhrelid = c.oid
    left join pg_class parent on parent.oid = h.inhparent
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and (c.relname = 'tenants'
           or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))
    order by c.relname";

/// A table with tenants' data.
pub struct Table {
    /// Its name in `public`.
    pub name: String,
    /// The table whose rows these are: the parent of a partition, itself otherwise.
    kind: String,
    is_parent: bool,
    first_id: Option<String>,
}

/// A tenant and its API key.
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// Its key's id.
    pub key: Uuid,
}

/// Two tenants with a row each in every table.
pub struct Seed {
    /// What the catalogue has.
    pub tables: Vec<Table>,
    /// Whose rows they are.
    pub tenants: [Tenant; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Rows(u64),
    /// No grant: the table is closed to the role.
    NotGranted,
    /// A row that the role may not write.
    RowSecurity,
    NoTenant,
    Other(String),
}

impl Seed {
    /// Reads the catalogue and puts a row of each tenant into each table.
    ///
    /// # Errors
    /// A table that this file has no sample row for.
    pub async fn plant(superuser: &Client) -> Result<Self, String> {
        let rows = superuser.query(TABLES, &[]).await.map_err(|error| error.to_string())?;
        let table = |row: &tokio_postgres::Row| Table {
            name: row.get(0),
            kind: row.get(1),
            is_parent: row.get(2),
            first_id: row.get(3),
        };
        let tables: Vec<Table> = rows.iter().map(table).collect();
        let tenants = [(); 2].map(|()| Tenant { id: Uuid::now_v7(), key: Uuid::now_v7() });
        // Rows that refer to each other come in any order.
        let mut sql = String::from("set session_replication_role = replica;");
        for table in tables.iter().filter(|table| !table.is_parent) {
            for tenant in &tenants {
                sql += &table.insert(tenant, tenant.key)?;
                sql += ";";
            }
        }
        sql += "reset session_replication_role";
        superuser.batch_execute(&sql).await.map_err(|error| format!("{error:?}"))?;
        Ok(Self { tables, tenants })
    }

    /// Tries everything as a role, with the grants it has, inside the transaction that the client is in. Returns the number of
    /// statements that were tried.
    ///
    /// # Errors
    /// The first statement that did not end as it must.
    pub async fn check(&self, client: &Client, role: &'static str) -> Result<usize, String> {
        client.batch_execute("savepoint cell").await.map_err(|error| error.to_string())?;
        let mut cells = Cells { client, role, tried: 0 };
        for table in &self.tables {
            for (own, other) in [(0, 1), (1, 0)] {
                cells.check(table, &self.tenants[own], &self.tenants[other]).await?;
            }
        }
        if role == APP {
            for Tenant { key, .. } in &self.tenants {
                let sql = format!("select from app.find_api_key('{key}')");
                cells.expect(None, &sql, "the look-up works before a tenant is known", &Outcome::Rows(1)).await?;
            }
        }
        client
            .batch_execute("rollback to savepoint cell; release savepoint cell")
            .await
            .map_err(|error| error.to_string())?;
        Ok(cells.tried)
    }
}

struct Cells<'a> {
    client: &'a Client,
    role: &'static str,
    tried: usize,
}

impl Cells<'_> {
    async fn check(&mut self, table: &Table, own: &Tenant, other: &Tenant) -> Result<(), String> {
        for verb in VERBS {
            // A tenant's own row exists already where there can be one only; so a new tenant makes its own there.
            let new = Tenant { id: Uuid::now_v7(), key: own.key };
            let own = if verb == Verb::Insert && table.name == "tenants" { &new } else { own };
            let ours = table.statement(verb, own)?;
            let theirs = table.statement(verb, other)?;
            if !self.is_granted(table, verb).await? {
                self.expect(Some(own), &ours, "a verb that is not granted", &Outcome::NotGranted).await?;
                self.expect(Some(own), &theirs, "a verb that is not granted", &Outcome::NotGranted).await?;
                self.expect(None, &ours, "a verb that is not granted", &Outcome::NotGranted).await?;
                continue;
            }
            self.expect(Some(own), &ours, "the positive control: the own row", &Outcome::Rows(1)).await?;
            let denied = if verb == Verb::Insert { Outcome::RowSecurity } else { Outcome::Rows(0) };
            self.expect(Some(own), &theirs, "another tenant's row", &denied).await?;
            self.expect(None, &ours, "no tenant is an error, never rows", &Outcome::NoTenant).await?;
            if verb == Verb::Update {
                let column = table.tenant_column();
                let sql = format!("update {} set {column} = '{}' where {column} = '{}'", table.name, other.id, own.id);
                self.expect(Some(own), &sql, "a row that moves to another tenant", &Outcome::RowSecurity).await?;
            }
        }
        Ok(())
    }

    async fn is_granted(&self, table: &Table, verb: Verb) -> Result<bool, String> {
        let sql = format!(
            "rollback to savepoint cell; select 1 where has_table_privilege('{}', 'public.{}', '{verb:?}')",
            self.role, table.name
        );
        Ok(self.run(&sql).await == Outcome::Rows(1))
    }

    async fn expect(
        &mut self,
        tenant: Option<&Tenant>,
        sql: &str,
        why: &str,
        expected: &Outcome,
    ) -> Result<(), String> {
        let set = tenant.map_or(String::new(), |tenant| format!("select app.set_tenant('{}');", tenant.id));
        let outcome = self.run(&format!("rollback to savepoint cell; set local role {};{set}{sql}", self.role)).await;
        self.tried += 1;
        if outcome == *expected {
            return Ok(());
        }
        let tenant = tenant.map_or("nobody".into(), |tenant| tenant.id.to_string());
        Err(format!("{why}: {outcome:?} in place of {expected:?} as {} for {tenant}: {sql}", self.role))
    }

    /// Runs a batch; the outcome is its last statement's.
    async fn run(&self, batch: &str) -> Outcome {
        let error = match self.client.simple_query(batch).await {
            Ok(messages) => match messages.last() {
                Some(SimpleQueryMessage::CommandComplete(rows)) => return Outcome::Rows(*rows),
                other => return Outcome::Other(format!("{other:?}")),
            },
            Err(error) => error,
        };
        let Some(error) = error.as_db_error() else { return Outcome::Other(error.to_string()) };
        match (error.code().code(), error.message()) {
            ("42501", "no tenant is set") => Outcome::NoTenant,
            ("42501", message) if message.starts_with("permission denied for table") => Outcome::NotGranted,
            ("42501", message) if message.starts_with("new row violates row-level security") => Outcome::RowSecurity,
            (code, message) => Outcome::Other(format!("{code} {message}")),
        }
    }
}

impl Table {
    fn tenant_column(&self) -> &'static str {
        if self.kind == "tenants" { "id" } else { "tenant_id" }
    }

    /// A statement about a tenant's rows. What it writes is what was there.
    fn statement(&self, verb: Verb, tenant: &Tenant) -> Result<String, String> {
        let (name, column, id) = (&self.name, self.tenant_column(), tenant.id);
        let (table, row) = (format!("public.{name}"), format!("{column} = '{id}'"));
        Ok(match verb {
            // A parent holds a row in each partition; one is enough to see.
            Verb::Select => format!("select from {table} where {row} limit 1"),
            Verb::Insert => self.insert(tenant, Uuid::now_v7())?,
            Verb::Update if self.is_parent => {
                format!("update {table} set {column} = {column} where {row} and {}", self.first())
            }
            Verb::Update => format!("update {table} set {column} = {column} where {row}"),
            Verb::Delete if self.is_parent => format!("delete from {table} where {row} and {}", self.first()),
            Verb::Delete => format!("delete from {table} where {row}"),
        })
    }

    /// The rows of the first partition.
    fn first(&self) -> String {
        let first = self.first_id.as_deref().unwrap_or_default();
        format!("request_id::text like '{}%'", &first[..FIRST_BITS_CHARS])
    }

    fn insert(&self, tenant: &Tenant, id: Uuid) -> Result<String, String> {
        let row = self.sample(tenant, id)?;
        let columns = row
            .as_object()
            .map(|row| row.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            .unwrap_or_default();
        let table = format!("public.{}", self.name);
        Ok(format!(
            "insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, '{row}')"
        ))
    }

    /// A row of a tenant. `id` makes it another than the seed, where a tenant can have several.
    fn sample(&self, tenant: &Tenant, id: Uuid) -> Result<Value, String> {
        Ok(match self.kind.as_str() {
            "tenants" => json!({"id": tenant.id, "name": "a tenant"}),
            "api_keys" => json!({
                "id": id, "tenant_id": tenant.id, "name": "a key", "role": "admin",
                "hash": format!("\\x{}", tenant.id.simple().to_string().repeat(2)),
            }),
            "usage_events" => {
                let first = self.first_id.as_deref().ok_or("usage_events has no partition")?;
                json!({
                    "request_id": format!("{}{}", &first[..FIRST_BITS_CHARS], &id.to_string()[FIRST_BITS_CHARS..]),
                    "tenant_id": tenant.id, "key_id": tenant.key, "attempt": 1, "created_at": "2026-01-01T00:00:00Z",
                    "provider": "p", "model_requested": "m", "model": "m", "streamed": false, "status": 200,
                    "ended": "complete", "input_tokens": 1, "output_tokens": 1, "usage_source": "provider",
                    "cost_nanos": 1, "latency_ms": 1,
                })
            }
            other => {
                return Err(format!("{other} is a new table with tenants' data: give the matrix a sample row of it"));
            }
        })
    }
}

/// The first 48 bits of a UUID as text, a dash among them.
const FIRST_BITS_CHARS: usize = 13;
