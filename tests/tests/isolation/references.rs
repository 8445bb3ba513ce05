//! What keeps a row from referring to another tenant's, and a tenant's role from being an operator's: one violation for each constraint.

use super::seed::{Seed, with};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

/// A constraint, and a row that nothing but it refuses.
pub struct Violation {
    /// As `table.columns` for a foreign key, `table.what` for another.
    pub of: &'static str,
    sql: String,
    code: &'static str,
}

/// One for each foreign key, and for each check that an operator's role is the platform's.
///
/// # Panics
/// At a table without a sample.
pub fn violations(seed: &Seed) -> Vec<Violation> {
    let [own, other] = &seed.sides;
    let nobody = json!(Uuid::now_v7());
    let row = |of: &'static str, changes: &[(&str, Value)], code| {
        let table = seed.table(of.split('.').next().expect("a table"));
        let sample = table.sample(own, Uuid::now_v7()).expect("a sample");
        Violation { of, sql: table.insert(&with(sample, changes)), code }
    };
    let (foreign, check) = ("23503", "23514");
    let operator = ("role", json!("operator"));
    vec![
        row("api_keys.tenant_id", &[("tenant_id", nobody.clone()), ("granted_by_key", Value::Null)], foreign),
        row("api_keys.tenant_id,granted_by_key", &[("granted_by_key", json!(other.key))], foreign),
        row("cache_entries.tenant_id,key_id", &[("key_id", json!(other.key))], foreign),
        row("cache_keys.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("cache_errors.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("cache_settings.tenant_id", &[("tenant_id", nobody.clone()), ("key_id", Value::Null)], foreign),
        row("cache_settings.tenant_id,key_id", &[("key_id", json!(other.key))], foreign),
        row("cache_trial_hours.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("cache_vectors.tenant_id,entry_id", &[("entry_id", json!(other.key))], foreign),
        row("invitations.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("budgets.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("budgets.tenant_id,key_id", &[("key_id", json!(other.key)), ("tag", Value::Null)], foreign),
        row(
            "limits.tenant_id",
            &[("tenant_id", nobody.clone()), ("key_id", Value::Null), ("model", Value::Null)],
            foreign,
        ),
        row("limits.tenant_id,key_id", &[("key_id", json!(other.key))], foreign),
        row("prices.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("members.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("members.person_id", &[("person_id", nobody.clone())], foreign),
        row("provider_credentials.tenant_id", &[("tenant_id", nobody.clone())], foreign),
        row("refresh_tokens.person_id", &[("person_id", nobody.clone())], foreign),
        row(
            "usage_events.tenant_id",
            &[("tenant_id", nobody.clone()), ("key_id", Value::Null), ("person_id", nobody)],
            foreign,
        ),
        row("usage_events.tenant_id,key_id", &[("key_id", json!(other.key))], foreign),
        row("api_keys.operator", std::slice::from_ref(&operator), check),
        row("members.operator", std::slice::from_ref(&operator), check),
        row("invitations.operator", &[operator], check),
        row("people.address", &[("email", json!("Ädmin@example.com"))], check),
        row("usage_events.actor", &[("key_id", Value::Null)], check),
    ]
}

/// Tries all of them, inside the transaction that the client is in, without the triggers that would refuse first.
///
/// # Errors
/// The first that is not refused by its constraint.
pub async fn check(superuser: &Client, violations: &[Violation]) -> Result<usize, String> {
    superuser.batch_execute("savepoint violation").await.map_err(|error| error.to_string())?;
    for violation in violations {
        let outcome = superuser.batch_execute(&violation.sql).await;
        superuser.batch_execute("rollback to savepoint violation").await.map_err(|error| error.to_string())?;
        let code = outcome.as_ref().err().and_then(tokio_postgres::Error::code).map_or("00000", |code| code.code());
        if code != violation.code {
            return Err(format!("{}: {code} in place of {}: {}", violation.of, violation.code, violation.sql));
        }
    }
    superuser.batch_execute("release savepoint violation").await.map_err(|error| error.to_string())?;
    Ok(violations.len())
}

/// Every constraint that a violation is owed for, and the statement that removes it. Partitions have their parent's.
pub const CONSTRAINTS: &str = "
    select c.conrelid::regclass || '.' || case c.contype
               when 'f' then (select string_agg(a.attname, ',' order by k.place) from unnest(c.conkey) with ordinality k(number, place)
                              join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number)
               else substring(pg_get_constraintdef(c.oid) from 'operator') end,
           format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname)
    from pg_constraint c
    where c.connamespace = 'public'::regnamespace and c.conparentid = 0
      and (c.contype = 'f' or (c.contype = 'c' and pg_get_constraintdef(c.oid) ~ '''operator''.*00000000-0000-7000-8000-000000000000'))
    union all
    select 'people.address', format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname)
    from pg_constraint c where c.conrelid = 'people'::regclass and c.contype = 'c' and pg_get_constraintdef(c.oid) ~ 'email'
    union all
    select 'usage_events.actor', format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname)
    from pg_constraint c
    where c.conrelid = 'usage_events'::regclass and c.contype = 'c' and pg_get_constraintdef(c.oid) ~ 'key_id IS NOT NULL'
    order by 1";
