//! Each rule of the database removed or loosened, one at a time: the checks must notice every one.

use super::{
    caps, grants, key_rights, lookups,
    matrix::{Plan, ROLES},
    notes, references,
    seed::Seed,
};
use std::fmt;
use tokio_postgres::Client;

/// One rule less.
pub struct Mutant {
    /// The table that it is about, if it is about one: that one is looked at first.
    table: String,
    sql: String,
}

/// How many of the mutants of a kind were noticed.
#[derive(Debug)]
pub struct Score {
    what: &'static str,
    total: usize,
    /// Those that nothing noticed.
    pub survivors: Vec<String>,
}

impl Score {
    /// Of mutants that were hunted elsewhere.
    pub fn new(what: &'static str, total: usize, survivors: Vec<String>) -> Self {
        Self { what, total, survivors }
    }

    /// How many were noticed, and of how many.
    pub fn killed(&self) -> (usize, usize) {
        (self.total - self.survivors.len(), self.total)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (killed, total) = self.killed();
        write!(f, "{:<46} {killed:>4} of {total:>4} killed", self.what)
    }
}

/// Runs the check with each mutant, and without any before and after.
///
/// # Panics
/// If the check fails without a mutant, or a mutant cannot be applied.
async fn hunt(
    superuser: &Client,
    what: &'static str,
    mutants: &[Mutant],
    check: impl AsyncFn(&Mutant) -> Result<(), String>,
) -> Score {
    let none = Mutant { table: String::new(), sql: String::new() };
    let fails = |error| panic!("{what}, with nothing mutated: {error}");
    superuser.batch_execute("begin").await.expect("a transaction");
    check(&none).await.unwrap_or_else(fails);
    let mut survivors = Vec::new();
    for mutant in mutants {
        let applied = superuser.batch_execute(&format!("savepoint mutant; {}", mutant.sql)).await;
        applied.unwrap_or_else(|error| panic!("{}: {error:?}", mutant.sql));
        if check(mutant).await.is_ok() {
            survivors.push(mutant.sql.clone());
        }
        superuser.batch_execute("rollback to savepoint mutant; release savepoint mutant").await.expect("an undo");
    }
    check(&none).await.unwrap_or_else(fails);
    superuser.batch_execute("rollback").await.expect("an undo");
    Score::new(what, mutants.len(), survivors)
}

/// Policies, flags and the functions that name whose rows are meant, where nothing but they stands in the way.
pub async fn policies(superuser: &Client, seed: &Seed) -> Score {
    let plan = Plan::read(superuser, seed).await;
    let mutants = policy_mutants(superuser).await;
    hunt(superuser, "policies, flags, who is meant, look-ups", &mutants, async |mutant| {
        seed.check_tables(superuser, &plan, &ROLES, |table| table.name == mutant.table).await?;
        lookups::check(superuser, seed).await?;
        seed.check(superuser, &plan, &ROLES).await.map(drop)
    })
    .await
}

/// Each policy dropped, widened, given to everyone and taken from each of its roles; each flag cleared; nobody as no error; the end of a
/// tenant with something left out.
async fn policy_mutants(superuser: &Client) -> Vec<Mutant> {
    let policies = "
        select p.polrelid::regclass::text, p.polname::text, p.polwithcheck is not null,
               array(select role::regrole::text from unnest(p.polroles) as role)
        from pg_policy p order by 1, 2";
    let flags = "select oid::regclass::text, relrowsecurity, relforcerowsecurity from pg_class
                 where relrowsecurity or relforcerowsecurity order by 1";
    let mut mutants = Vec::new();
    for row in superuser.query(policies, &[]).await.expect("the catalogue") {
        let (table, policy, writes): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let roles: Vec<String> = row.get(3);
        let mut alter = |change: &str| {
            mutants.push(Mutant { table: table.clone(), sql: format!("alter policy {policy} on {table} {change}") });
        };
        if roles != ["supergate_auth"] {
            alter("using (true)");
        }
        if writes {
            alter("with check (true)");
        }
        alter("to public");
        if roles.len() > 1 {
            for role in &roles {
                let others: Vec<&str> = roles.iter().filter(|one| *one != role).map(String::as_str).collect();
                alter(&format!("to {}", others.join(", ")));
            }
        }
        mutants.push(Mutant { sql: format!("drop policy {policy} on {table}"), table });
    }
    for row in superuser.query(flags, &[]).await.expect("the catalogue") {
        let (table, enabled, forced): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
        for (set, verb) in [(enabled, "disable"), (forced, "no force")] {
            let sql = format!("alter table {table} {verb} row level security");
            mutants.extend(set.then(|| Mutant { table: table.clone(), sql }));
        }
    }
    for (of, table) in [("tenant", "api_keys"), ("person", "refresh_tokens")] {
        let sql = format!(
            "create or replace function app.{of}_id() returns uuid language sql stable set search_path = ''
             as $$ select nullif(current_setting('app.{of}_id', true), '')::uuid $$"
        );
        mutants.push(Mutant { table: table.into(), sql });
    }
    let erase: String = superuser
        .query_one("select pg_get_functiondef('app.erase_tenant(integer)'::regprocedure)", &[])
        .await
        .expect("the catalogue")
        .get(0);
    let deletes: Vec<&str> =
        erase.lines().filter(|line| line.trim().starts_with("delete from public.") && line.ends_with(';')).collect();
    assert!(!deletes.is_empty(), "app.erase_tenant deletes the tenant elsewhere");
    for line in deletes {
        mutants.push(Mutant { table: String::new(), sql: erase.replace(line, "") });
    }
    let tables: Vec<String> =
        superuser.query_one("select app.tables_of_a_tenant()", &[]).await.expect("the catalogue").get(0);
    assert!(tables.len() > 10, "{tables:?}");
    for table in &tables {
        let others: Vec<String> = tables.iter().filter(|one| *one != table).map(|one| format!("'{one}'")).collect();
        let sql = format!(
            "create or replace function app.tables_of_a_tenant() returns text[] language sql immutable parallel safe set search_path = ''
             as $$ select array[{}] $$",
            others.join(", ")
        );
        mutants.push(Mutant { table: String::new(), sql });
    }
    let guard = " and t.status = 'deleting'";
    assert!(erase.contains(guard), "app.erase_tenant has another guard");
    mutants.push(Mutant { table: String::new(), sql: erase.replace(guard, "") });
    mutants
}

/// Foreign keys, and the checks that no other constraint covers.
pub async fn constraints(superuser: &Client, seed: &Seed) -> Score {
    let violations = references::violations(seed);
    let rows = superuser.query(references::CONSTRAINTS, &[]).await.expect("the catalogue");
    let mut owed: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut shown: Vec<&str> = violations.iter().map(|violation| violation.of).collect();
    owed.sort();
    shown.sort_unstable();
    assert_eq!(owed, shown, "the constraints, and those that a violation is shown of");
    let mutants: Vec<Mutant> =
        rows.iter().map(|row| Mutant { table: row.get(0), sql: row.get::<_, String>(1) }).collect();
    superuser.batch_execute("alter table api_keys disable trigger user").await.expect("to be allowed");
    let score = hunt(superuser, "foreign keys, operators' roles", &mutants, async |_| {
        references::check(superuser, &violations).await.map(drop)
    })
    .await;
    superuser.batch_execute("alter table api_keys enable trigger user").await.expect("to be allowed");
    score
}

/// The triggers that guard keys, and each of their conditions.
pub async fn triggers(superuser: &Client, seed: &Seed) -> Score {
    let attempts = key_rights::plant(superuser, seed).await.unwrap_or_else(|error| panic!("{error}"));
    let sql = key_rights::mutants(superuser).await;
    let mutants: Vec<Mutant> = sql.into_iter().map(|sql| Mutant { table: String::new(), sql }).collect();
    hunt(superuser, "triggers, and their conditions", &mutants, async |_| {
        key_rights::check(superuser, &attempts).await.map(drop)
    })
    .await
}

/// The triggers that count a tenant's rows, and what they do.
pub async fn caps(superuser: &Client, seed: &Seed) -> Score {
    let mutants: Vec<Mutant> =
        caps::mutants(superuser).await.into_iter().map(|sql| Mutant { table: String::new(), sql }).collect();
    hunt(superuser, "triggers that count rows", &mutants, async |_| caps::check(superuser, seed).await).await
}

/// Functions without their owner's rights, where everybody has no more than their own grants.
pub async fn definers(superuser: &Client, seed: &Seed) -> Score {
    let mut mutants = Vec::new();
    let definers =
        "select oid::regprocedure::text from pg_proc where prosecdef and pronamespace = 'app'::regnamespace order by 1";
    for row in superuser.query(definers, &[]).await.expect("the catalogue") {
        let sql = format!("alter function {} security invoker", row.get::<_, String>(0));
        mutants.push(Mutant { table: String::new(), sql });
    }
    hunt(superuser, "functions with their owner's rights", &mutants, async |_| {
        lookups::check(superuser, seed).await.map(drop)
    })
    .await
}

/// The trigger that notes what is new in the ledger, and what takes the notes.
pub async fn notes(superuser: &Client, seed: &Seed) -> Score {
    let mutants: Vec<Mutant> =
        notes::mutants(superuser).await.into_iter().map(|sql| Mutant { table: String::new(), sql }).collect();
    hunt(superuser, "what is new in the ledger is noted", &mutants, async |_| notes::check(superuser, seed).await).await
}

/// Every grant taken away, and every secret column given to everybody who does not have it.
pub async fn grants(superuser: &Client) -> Score {
    let mutants: Vec<Mutant> =
        grants::mutants(superuser).await.into_iter().map(|sql| Mutant { table: String::new(), sql }).collect();
    hunt(superuser, "grants on tables, columns, functions, schemas", &mutants, async |_| grants::check(superuser).await)
        .await
}
