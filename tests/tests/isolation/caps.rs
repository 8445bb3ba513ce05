//! That a tenant has so many limits and budgets and no more, whatever the program asks for.

use super::{
    matrix::OFFICE,
    seed::{Seed, with},
};
use serde_json::json;
use supergate::{
    limits::policy::{MAX_BUDGETS, MAX_LIMITS},
    usage::prices::MAX_PRICES,
};
use tokio_postgres::Client;
use uuid::Uuid;

/// The tables that are counted, and how many rows of a tenant they have at most: the program's constants.
const CAPS: [(&str, usize); 3] = [("limits", MAX_LIMITS), ("budgets", MAX_BUDGETS), ("prices", MAX_PRICES)];

/// Fills one side's tables to the brim and stores one more, which must be refused; another side's rows do not count.
///
/// # Errors
/// What is refused too early, or not at all.
pub async fn check(superuser: &Client, seed: &Seed) -> Result<(), String> {
    let [full, other] = &seed.sides;
    for (name, most) in CAPS {
        let table = seed.table(name);
        let store = |side, column: &str, value: &str| {
            let row = with(table.sample(side, Uuid::now_v7())?, &[(column, json!(value))]);
            Ok::<_, String>(format!("select app.set_tenant('{}'); {}", side.tenant, table.insert(&row)))
        };
        let column = if name == "budgets" { "tag" } else { "model" };
        let mut sql = format!("savepoint cap; set local role {OFFICE}; ");
        // One is there already.
        for i in 1..most {
            sql += &format!("{}; ", store(full, column, &format!("p/{i}"))?);
        }
        sql += &store(other, column, "p/other")?;
        superuser.batch_execute(&sql).await.map_err(|error| format!("{name} is full too early: {error:?}"))?;
        let one_more = superuser.batch_execute(&store(full, column, "p/last")?).await;
        superuser.batch_execute("rollback to savepoint cap; release savepoint cap").await.map_err(|e| e.to_string())?;
        let said = one_more.err().and_then(|error| error.as_db_error().map(|error| error.message().to_owned()));
        let expected = format!("a tenant has at most {most} rows of {name}");
        if said.as_deref() != Some(expected.as_str()) {
            return Err(format!("{name}: {said:?} in place of {expected}"));
        }
    }
    Ok(())
}

/// Each trigger gone, asleep or for other verbs, and what it counts and compares.
///
/// # Panics
/// If a condition is not written as here any more.
pub async fn mutants(superuser: &Client) -> Vec<String> {
    let text = async |sql: &str| -> String { superuser.query_one(sql, &[]).await.expect("the catalogue").get(0) };
    let body = text("select pg_get_functiondef('app.check_row_cap()'::regprocedure)").await;
    let conditions = [("stored >= most", "stored > most"), ("stored >= most", "stored + 1 >= most")];
    let mut mutants: Vec<String> = conditions
        .iter()
        .map(|(condition, instead)| {
            assert!(body.contains(condition), "the count of rows is not written like this any more: {condition}");
            body.replace(condition, instead)
        })
        .collect();
    for (table, _) in CAPS {
        let trigger = text(&format!(
            "select pg_get_triggerdef(oid) from pg_trigger where tgname = 'row_cap' and tgrelid = '{table}'::regclass"
        ))
        .await;
        let update = trigger.replace("BEFORE INSERT", "BEFORE UPDATE");
        mutants.push(format!("drop trigger row_cap on {table}; {update}"));
        mutants.push(format!("drop trigger row_cap on {table}"));
        mutants.push(format!("alter table {table} disable trigger row_cap"));
    }
    mutants
}
