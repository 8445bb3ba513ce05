//! Every table × every verb × every role × {nobody, the own side, the other side}, each denial beside its positive control.

use super::seed::{Scope, Seed, Side, Table};
use std::collections::HashMap;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// What callers wait for signs in as this.
pub const APP: &str = "supergate_app";
/// What a tenant's administrators do.
pub const OFFICE: &str = "supergate_office";
/// What people do with their own accounts.
pub const PEOPLE: &str = "supergate_people";
/// What seals credentials anew.
pub const ROTATION: &str = "supergate_rotation";
/// What finishes what was interrupted, and ends what has expired.
pub const SWEEPER: &str = "supergate_sweeper";
/// Whose tables they are; only FORCE puts it under the policies.
pub const OWNER: &str = "supergate_owner";
/// Everybody who can sign in.
pub const SIGN_IN: [&str; 5] = [APP, OFFICE, PEOPLE, ROTATION, SWEEPER];
/// Everybody whom the policies are about.
pub const ROLES: [&str; 6] = [APP, OFFICE, PEOPLE, ROTATION, SWEEPER, OWNER];

const VERBS: [Verb; 4] = [Verb::Select, Verb::Insert, Verb::Update, Verb::Delete];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Verb {
    Select,
    Insert,
    Update,
    Delete,
}

/// What a role reaches of a table by the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The rows of the side that is named.
    Own,
    /// Of people's accounts, those of the named tenant's members, to look at.
    Fellows,
    Nothing,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Rows(u64),
    /// No grant: the table, or the column, is closed to the role.
    NotGranted,
    /// A row that the role may not write.
    RowSecurity,
    /// A key without a maker, as another tenant's is to whoever cannot see that tenant's keys.
    KeyRights,
    Nobody,
    Other(String),
}

/// How many statements were tried, and what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Statements that did what they say: positive controls.
    pub allowed: usize,
    /// Statements that reached nothing, or were refused.
    pub denied: usize,
}

/// What must happen, as the catalogue had it when nothing was mutated.
pub struct Plan {
    reach: HashMap<(String, &'static str), Reach>,
    /// The columns that a role may update and read, first of all; none where it may not.
    granted: HashMap<(String, &'static str, Verb), Option<String>>,
}

impl Plan {
    /// Reads policies and grants.
    pub async fn read(client: &Client, seed: &Seed) -> Self {
        let mut plan = Self { reach: HashMap::new(), granted: HashMap::new() };
        for table in &seed.tables {
            for role in ROLES {
                let policies = client
                    .query(
                        "select polname::text, polcmd::text from pg_policy
                         where polrelid = ('public.' || $1::text)::regclass and $2::text::regrole = any(polroles)",
                        &[&table.name, &role],
                    )
                    .await
                    .expect("the policies");
                let reach = match policies.first().map(|row| row.get::<_, String>(1)) {
                    Some(command) if command == "*" => Reach::Own,
                    // Nothing that the seed has has expired.
                    Some(_) if policies.iter().any(|row| row.get::<_, String>(0) == "expired") => Reach::Nothing,
                    Some(_) => Reach::Fellows,
                    None => Reach::Nothing,
                };
                plan.reach.insert((table.name.clone(), role), reach);
                for verb in VERBS {
                    let column = granted(client, table, role, verb).await;
                    plan.granted.insert((table.name.clone(), role, verb), column);
                }
            }
        }
        plan
    }
}

/// A column that the verb may touch, if the role may use the verb at all.
async fn granted(client: &Client, table: &Table, role: &str, verb: Verb) -> Option<String> {
    let condition = match verb {
        Verb::Delete => "has_table_privilege($2, a.attrelid, 'delete')".to_owned(),
        Verb::Update => "has_column_privilege($2, a.attrelid, a.attnum, 'update') and has_column_privilege($2, a.attrelid, a.attnum, 'select')
                         and a.attname not in ('id', 'tenant_id')"
            .to_owned(),
        verb => format!("has_column_privilege($2, a.attrelid, a.attnum, '{verb:?}')"),
    };
    let sql = format!(
        "select a.attname::text from pg_attribute a
         where a.attrelid = ('public.' || $1::text)::regclass and a.attnum > 0 and not a.attisdropped and {condition} order by a.attnum limit 1"
    );
    let row = client.query_opt(&sql, &[&table.name, &role]).await.expect("the grants");
    row.map(|row| row.get(0))
}

impl Seed {
    /// Tries every table as these roles, inside the transaction that the client is in.
    ///
    /// # Errors
    /// The first statement that did not end as it must.
    pub async fn check(&self, client: &Client, plan: &Plan, roles: &[&'static str]) -> Result<Tally, String> {
        self.check_tables(client, plan, roles, |_| true).await
    }

    /// The same with some of the tables.
    ///
    /// # Errors
    /// The first statement that did not end as it must.
    pub async fn check_tables(
        &self,
        client: &Client,
        plan: &Plan,
        roles: &[&'static str],
        wanted: impl Fn(&Table) -> bool,
    ) -> Result<Tally, String> {
        client.batch_execute("savepoint cell").await.map_err(|error| error.to_string())?;
        let mut tally = Tally::default();
        for role in roles {
            let mut cells = Cells { client, plan, role, tally };
            for table in self.tables.iter().filter(|table| wanted(table)) {
                for (own, other) in [(0, 1), (1, 0)] {
                    cells.check(table, &self.sides[own], &self.sides[other]).await?;
                }
            }
            tally = cells.tally;
        }
        let end = "rollback to savepoint cell; release savepoint cell";
        client.batch_execute(end).await.map_err(|error| error.to_string())?;
        Ok(tally)
    }

    /// That every statement of the matrix does what it says when nothing stands in its way: the positive control of each denial.
    ///
    /// # Errors
    /// The first statement that does not.
    pub async fn control(&self, superuser: &Client) -> Result<usize, String> {
        superuser.batch_execute("savepoint cell").await.map_err(|error| error.to_string())?;
        let mut tried = 0;
        for table in &self.tables {
            for side in &self.sides {
                for verb in VERBS {
                    let sql = table.statement(verb, &new_where_single(table, verb, side), None)?;
                    let outcome = run(superuser, &format!("rollback to savepoint cell; {sql}")).await;
                    if outcome != Outcome::Rows(1) {
                        return Err(format!("a control that fails: {outcome:?}: {sql}"));
                    }
                    tried += 1;
                }
            }
        }
        let end = "rollback to savepoint cell; release savepoint cell";
        superuser.batch_execute(end).await.map_err(|error| error.to_string())?;
        Ok(tried)
    }
}

/// A side's own row exists already where there can be one only; so a new tenant and a new person make their own there.
fn new_where_single(table: &Table, verb: Verb, side: &Side) -> Side {
    if verb == Verb::Insert && (table.owner == "id" || table.kind == "cache_trust") { Side::new() } else { *side }
}

struct Cells<'a> {
    client: &'a Client,
    plan: &'a Plan,
    role: &'static str,
    tally: Tally,
}

impl Cells<'_> {
    async fn check(&mut self, table: &Table, own: &Side, other: &Side) -> Result<(), String> {
        let reach = self.plan.reach[&(table.name.clone(), self.role)];
        for verb in VERBS {
            let own = &new_where_single(table, verb, own);
            let column = self.plan.granted[&(table.name.clone(), self.role, verb)].as_deref();
            let (ours, theirs) = (table.statement(verb, own, column)?, table.statement(verb, other, column)?);
            let scope = if reach == Reach::Fellows { Scope::Tenant } else { table.scope };
            let none = if verb == Verb::Insert { Outcome::RowSecurity } else { Outcome::Rows(0) };
            let sees = reach == Reach::Own || (reach == Reach::Fellows && verb == Verb::Select);
            if column.is_none() {
                for (named, sql) in [(Some(own), &ours), (Some(own), &theirs)] {
                    self.expect(scope, named, sql, "a verb that is not granted", &[Outcome::NotGranted]).await?;
                }
                // A policy is read before the grants are.
                let either = [Outcome::NotGranted, Outcome::Nobody];
                self.expect(scope, None, &ours, "a verb that is not granted", &either).await?;
            } else if sees {
                self.expect(scope, Some(own), &ours, "the positive control: the own row", &[Outcome::Rows(1)]).await?;
                self.expect(scope, Some(own), &theirs, "the other side's row", &[none, Outcome::KeyRights]).await?;
                let nobody = [Outcome::Nobody, Outcome::KeyRights];
                self.expect(scope, None, &ours, "nobody is an error, never rows", &nobody).await?;
            } else {
                for (named, sql) in [(Some(own), &ours), (Some(own), &theirs)] {
                    self.expect(scope, named, sql, "no policy is for this role", std::slice::from_ref(&none)).await?;
                }
                self.expect(scope, None, &ours, "no policy is for this role", &[none, Outcome::Nobody]).await?;
            }
            if verb == Verb::Update && sees {
                let (name, column) = (&table.name, table.owner);
                let sql = format!("update {name} set {column} = '{}' where {}", table.id_of(other), table.rows_of(own));
                let refused = [Outcome::NotGranted, Outcome::RowSecurity];
                self.expect(scope, Some(own), &sql, "a row that moves to the other side", &refused).await?;
            }
        }
        Ok(())
    }

    async fn expect(
        &mut self,
        scope: Scope,
        named: Option<&Side>,
        sql: &str,
        why: &str,
        expected: &[Outcome],
    ) -> Result<(), String> {
        let name = match (scope, named) {
            (_, None) => String::new(),
            (Scope::Tenant, Some(side)) => format!("select app.set_tenant('{}');", side.tenant),
            (Scope::Person, Some(side)) if [PEOPLE, OWNER].contains(&self.role) => {
                format!("select app.set_person('{}');", side.person)
            }
            (Scope::Person, Some(side)) => format!("set local app.person_id = '{}';", side.person),
        };
        let batch = format!("rollback to savepoint cell; set local role {};{name}{sql}", self.role);
        let outcome = run(self.client, &batch).await;
        match outcome {
            Outcome::Rows(1) => self.tally.allowed += 1,
            _ => self.tally.denied += 1,
        }
        if expected.contains(&outcome) {
            return Ok(());
        }
        let whom = named.map_or("nobody".into(), |side| format!("{side:?}"));
        Err(format!("{why}: {outcome:?} in place of {expected:?} as {} for {whom}: {sql}", self.role))
    }
}

/// Runs a batch; the outcome is its last statement's.
async fn run(client: &Client, batch: &str) -> Outcome {
    let error = match client.simple_query(batch).await {
        Ok(messages) => match messages.last() {
            Some(SimpleQueryMessage::CommandComplete(rows)) => return Outcome::Rows(*rows),
            other => return Outcome::Other(format!("{other:?}")),
        },
        Err(error) => error,
    };
    let Some(error) = error.as_db_error() else { return Outcome::Other(error.to_string()) };
    match (error.code().code(), error.message()) {
        ("42501", "no tenant is set" | "no person is set") => Outcome::Nobody,
        ("42501", "a key needs a maker") => Outcome::KeyRights,
        ("42501", message) if message.starts_with("permission denied for table") => Outcome::NotGranted,
        ("42501", message) if message.starts_with("new row violates row-level security") => Outcome::RowSecurity,
        (code, message) => Outcome::Other(format!("{code} {message}")),
    }
}

impl Table {
    /// A statement about a side's rows. What it writes is what was there.
    fn statement(&self, verb: Verb, side: &Side, column: Option<&str>) -> Result<String, String> {
        let (table, rows) = (format!("public.{}", self.name), self.rows_of(side));
        Ok(match verb {
            Verb::Select => format!("select from {table} where {} = '{}' limit 1", self.owner, self.id_of(side)),
            Verb::Insert => {
                let id = if self.kind == "people" { side.person } else { Uuid::now_v7() };
                self.insert(&self.sample(side, id)?)
            }
            Verb::Update => {
                let column = column.unwrap_or(self.owner);
                format!("update {table} set {column} = {column} where {rows}")
            }
            Verb::Delete => format!("delete from {table} where {rows}"),
        })
    }
}
