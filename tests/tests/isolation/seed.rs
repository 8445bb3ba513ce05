//! Two tenants and two people, with a row of each in every table that the catalogue has.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

/// Finds what holds tenants' and people's data: every table but the list of migrations, partitions too. A partition's rows have ids from
/// its lower bound on, the default partition's from the beginning of time; its parent's may have those of its first partition.
const TABLES: &str = r"
    select c.relname,
           coalesce(parent.relname, c.relname),
           c.relkind = 'p',
           coalesce(substring(coalesce(pg_get_expr(c.relpartbound, c.oid),
                                       (select min(pg_get_expr(part.relpartbound, part.oid))
                                        from pg_inherits i join pg_class part on part.oid = i.inhrelid where i.inhparent = c.oid))
                              from '\(''([0-9a-f-]+)''\)'),
                    '00000000-0000-7000-8000-000000000000'),
           exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
    from pg_class c
    left join pg_inherits h on h.inhrelid = c.oid
    left join pg_class parent on parent.oid = h.inhparent
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'refinery_schema_history'
    order by c.relname";

/// The first 48 bits of a UUID as text, a dash among them.
const FIRST_BITS_CHARS: usize = 13;

/// Whose rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of the tenant that `app.set_tenant` named.
    Tenant,
    /// Those of the person that `app.set_person` named.
    Person,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name in `public`.
    pub name: String,
    /// The table whose rows these are: the parent of a partition, itself otherwise.
    pub kind: String,
    /// Whose rows.
    pub scope: Scope,
    /// Which column says so.
    pub owner: &'static str,
    /// Whether it is the parent of partitions.
    pub is_parent: bool,
    first_id: String,
}

/// A tenant and a person, with what the rows of others refer to.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    /// The tenant.
    pub tenant: Uuid,
    /// The tenant's first key, an admin's.
    pub key: Uuid,
    /// A member of the tenant, a person with an account.
    pub person: Uuid,
    /// Another account, of no tenant.
    pub guest: Uuid,
}

/// Two sides with a row each in every table.
pub struct Seed {
    /// What the catalogue has.
    pub tables: Vec<Table>,
    /// Whose rows they are.
    pub sides: [Side; 2],
}

impl Side {
    /// One that nothing is stored of yet.
    pub fn new() -> Self {
        Self { tenant: Uuid::now_v7(), key: Uuid::now_v7(), person: Uuid::now_v7(), guest: Uuid::now_v7() }
    }
}

impl Seed {
    /// Reads the catalogue and puts a row of each side into each table.
    ///
    /// # Errors
    /// A table that this file has no sample row for.
    pub async fn plant(superuser: &Client) -> Result<Self, String> {
        let rows = superuser.query(TABLES, &[]).await.map_err(|error| error.to_string())?;
        let tables = rows.iter().map(Table::read).collect::<Result<Vec<_>, _>>()?;
        let sides = [Side::new(), Side::new()];
        // Rows that refer to each other come in any order, and nobody made the first key.
        let mut sql = String::from("set session_replication_role = replica;");
        for table in tables.iter().filter(|table| !table.is_parent) {
            for side in &sides {
                let row = match table.kind.as_str() {
                    "api_keys" => with(table.sample(side, side.key)?, &[("granted_by_key", Value::Null)]),
                    "members" => with(table.sample(side, side.key)?, &[("person_id", json!(side.person))]),
                    "people" => table.sample(side, side.person)?,
                    "cache_settings" => with(table.sample(side, side.key)?, &[("key_id", Value::Null)]),
                    _ => table.sample(side, side.key)?,
                };
                sql += &format!("{};", table.insert(&row));
                if table.kind == "people" {
                    sql += &format!("{};", table.insert(&table.sample(side, side.guest)?));
                }
            }
        }
        sql += "reset session_replication_role";
        superuser.batch_execute(&sql).await.map_err(|error| format!("{error:?}"))?;
        Ok(Self { tables, sides })
    }

    /// A table by its name.
    pub fn table(&self, name: &str) -> &Table {
        self.tables.iter().find(|table| table.name == name).unwrap_or_else(|| panic!("a table {name}"))
    }
}

impl Table {
    fn read(row: &tokio_postgres::Row) -> Result<Self, String> {
        let (name, kind, is_of_tenant): (String, String, bool) = (row.get(0), row.get(1), row.get(4));
        let (scope, owner) = match kind.as_str() {
            "tenants" => (Scope::Tenant, "id"),
            _ if is_of_tenant => (Scope::Tenant, "tenant_id"),
            "people" => (Scope::Person, "id"),
            "refresh_tokens" => (Scope::Person, "person_id"),
            other => return Err(format!("{other} is a new table: whose are its rows?")),
        };
        Ok(Self { name, kind, scope, owner, is_parent: row.get(2), first_id: row.get(3) })
    }

    /// Whose rows a side has here.
    pub fn id_of(&self, side: &Side) -> Uuid {
        match self.scope {
            Scope::Tenant => side.tenant,
            Scope::Person => side.person,
        }
    }

    /// The rows of a side. A parent holds one in each partition; one is enough.
    pub fn rows_of(&self, side: &Side) -> String {
        let first = match self.is_parent {
            true => format!(" and request_id::text like '{}%'", &self.first_id[..FIRST_BITS_CHARS]),
            false => String::new(),
        };
        format!("{} = '{}'{first}", self.owner, self.id_of(side))
    }

    /// A statement that stores a row.
    pub fn insert(&self, row: &Value) -> String {
        let columns = row
            .as_object()
            .map(|row| row.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            .unwrap_or_default();
        let table = format!("public.{}", self.name);
        format!("insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, '{row}')")
    }

    /// A row of a side. `id` makes it another than the seed, where a side can have several.
    ///
    /// # Errors
    /// A table without a sample.
    pub fn sample(&self, side: &Side, id: Uuid) -> Result<Value, String> {
        let hash = format!("\\x{}", id.simple().to_string().repeat(2));
        let unique = &id.simple().to_string()[20..];
        Ok(match self.kind.as_str() {
            "tenants" => json!({"id": side.tenant, "name": "a tenant"}),
            "api_keys" => json!({
                "id": id, "tenant_id": side.tenant, "name": "a key", "role": "admin", "hash": hash, "granted_by_key": side.key,
            }),
            "people" => json!({"id": id, "email": format!("{unique}@example.com"), "name": "a person"}),
            "members" => json!({"tenant_id": side.tenant, "person_id": side.guest, "role": "member"}),
            "invitations" => json!({
                "id": id, "tenant_id": side.tenant, "email": format!("{unique}@example.com"), "role": "member", "hash": hash,
                "expires_at": "2100-01-01T00:00:00Z",
            }),
            "refresh_tokens" => json!({
                "id": id, "person_id": side.person, "family": id, "acts_for": side.tenant, "hash": hash,
                "expires_at": "2100-01-01T00:00:00Z",
            }),
            "audit_events" => json!({
                "tenant_id": side.tenant, "id": id, "at": "2026-01-01T00:00:00Z", "actor": "deployment", "action": "keys.create",
                "target": "",
            }),
            "provider_credentials" => json!({
                "tenant_id": side.tenant, "id": id, "provider": format!("p-{unique}"), "envelope_version": 1,
                "wrapped_key": hash, "kms_key_id": "k", "nonce": "\\x000000000000000000000000", "ciphertext": hash,
                "last_four": "abcd",
            }),
            "limits" => json!({
                "tenant_id": side.tenant, "key_id": side.key, "model": format!("p/{unique}"), "by_operator": false,
                "requests_per_minute": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            }),
            "prices" => json!({
                "tenant_id": side.tenant, "id": id, "provider": "p", "model": unique, "by_operator": false,
                "starts_at": "2026-01-01T00:00:00Z", "input_picos": 1, "output_picos": 1, "created_at": "2026-01-01T00:00:00Z",
            }),
            "budgets" => json!({
                "tenant_id": side.tenant, "id": id, "tag": unique, "limit_nanos": 1, "period": "month", "hard": true,
                "by_operator": false, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            }),
            "cache_keys" => json!({"tenant_id": side.tenant, "id": id, "wrapped_key": hash, "kms_key_id": "k"}),
            "cache_entries" => json!({
                "tenant_id": side.tenant, "id": id, "key_id": side.key, "namespace": hash, "exact": hash, "provider": "p", "model": "m",
                "created_at": "2026-01-01T00:00:00Z", "exact_until": "2100-01-01T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z",
                "nonce": "\\x000000000000000000000000", "ciphertext": hash, "bytes": 1, "cost_nanos": 1, "hits": 0,
            }),
            "cache_vectors" => json!({
                "tenant_id": side.tenant, "entry_id": side.key, "namespace": hash, "until": "2100-01-01T00:00:00Z", "embedding": "[1,0]",
            }),
            "cache_settings" => {
                json!({"tenant_id": side.tenant, "key_id": side.key, "tier": "exact", "updated_at": "2026-01-01T00:00:00Z"})
            }
            "cache_trust" => json!({
                "tenant_id": side.tenant, "mode": "serving", "compared": 1, "wrong": 0, "since": "2026-01-01T00:00:00Z",
            }),
            "cache_trial_hours" => json!({
                "tenant_id": side.tenant, "hour": some_hour(id), "kind": "shadow", "compared": 1, "wrong": 0,
            }),
            "cache_errors" => json!({
                "tenant_id": side.tenant, "id": id, "at": "2026-01-01T00:00:00Z",
                "expires_at": "2100-01-01T00:00:00Z", "entry_id": id, "kind": "shadow", "reasons": ["numbers"],
            }),
            "usage_events" => json!({
                "request_id": format!("{}{}", &self.first_id[..FIRST_BITS_CHARS], &id.to_string()[FIRST_BITS_CHARS..]),
                "tenant_id": side.tenant, "key_id": side.key, "attempt": 1, "created_at": "2026-01-01T00:00:00Z",
                "provider": "p", "model_requested": "m", "model": "m", "model_served": "m", "streamed": false, "status": 200,
                "ended": "complete", "input_tokens": 1, "output_tokens": 1, "usage_source": "provider",
                "cost_nanos": 1, "latency_ms": 1,
            }),
            "usage_events_new" => json!({"tenant_id": side.tenant, "request_id": id, "attempt": 1}),
            "usage_hours" => json!({
                "tenant_id": side.tenant, "hour": "2026-01-01T00:00:00Z", "kind": "all", "label": "", "provider": "p", "model": "m",
                "key_id": id, "attempts": 1, "requests": 1, "errors": 0, "input_tokens": 1, "output_tokens": 1,
                "cached_input_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0, "cost_nanos": 1, "cache_hits": 0,
                "saved_nanos": 0,
            }),
            other => return Err(format!("{other} is a new table: give this file a sample row of it")),
        })
    }
}

/// An hour that is another id's hardly ever.
fn some_hour(id: Uuid) -> String {
    let bits = id.as_u128();
    format!("{}-{:02}-{:02}T{:02}:00:00Z", 2000 + bits % 7919, 1 + bits % 12, 1 + bits % 28, bits % 23)
}

/// A row with other values.
pub fn with(mut row: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        row[*name] = value.clone();
    }
    row
}
