//! That every new row of the ledger is noted, for its own tenant, and that a roll-up takes and adds up nobody's rows but the named tenant's.

use super::{
    matrix::{APP, SWEEPER},
    seed::Seed,
};
use tokio_postgres::Client;
use uuid::Uuid;

/// A row of each side is written, noted and added up, one side after the other; inside the transaction that the client is in.
///
/// # Errors
/// What is not noted, or is somebody else's.
pub async fn check(superuser: &Client, seed: &Seed) -> Result<(), String> {
    let run = async |sql: String| superuser.batch_execute(&sql).await.map_err(|error| format!("{sql}: {error:?}"));
    run("savepoint note; delete from usage_events_new; delete from usage_hours".to_owned()).await?;
    for side in &seed.sides {
        let row = seed.table("usage_events").sample(side, Uuid::now_v7())?;
        let insert = seed.table("usage_events").insert(&row);
        run(format!("set local role {APP}; select app.set_tenant('{}'); {insert}; reset role", side.tenant)).await?;
    }
    let [one, other] = seed.sides.each_ref().map(|side| side.tenant);
    // For each: its notes, and what its sums add up to.
    let expect = async |what: &str, expected: [(Uuid, i64, i64); 2]| {
        for (tenant, notes, summed) in expected {
            let sql = "select (select count(*) from usage_events_new where tenant_id = $1),
                              (select coalesce(sum(attempts), 0)::bigint from usage_hours where tenant_id = $1)";
            let row = superuser.query_one(sql, &[&tenant]).await.map_err(|error| error.to_string())?;
            let found = (row.get::<_, i64>(0), row.get::<_, i64>(1));
            if found != (notes, summed) {
                return Err(format!("{what}: {found:?} in place of {:?}", (notes, summed)));
            }
        }
        Ok(())
    };
    expect("each row is noted as its own tenant's", [(one, 1, 0), (other, 1, 0)]).await?;
    let roll_up = |tenant| {
        format!("set local role {SWEEPER}; select app.set_tenant('{tenant}'); select app.roll_up_usage(10); reset role")
    };
    run(roll_up(one)).await?;
    expect("what is added up is the named tenant's", [(one, 0, 1), (other, 1, 0)]).await?;
    run(roll_up(other)).await?;
    expect("each its own", [(one, 0, 1), (other, 0, 1)]).await?;
    run("rollback to savepoint note; release savepoint note".to_owned()).await
}

/// The trigger gone, asleep or for other verbs, and its work undone; a roll-up that leaves its notes, or names no tenant.
///
/// # Panics
/// If one of them is not written as here any more.
pub async fn mutants(superuser: &Client) -> Vec<String> {
    let text = async |sql: &str| -> String { superuser.query_one(sql, &[]).await.expect("the catalogue").get(0) };
    let trigger =
        text("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'new_usage' and not tgisinternal").await;
    let updates = trigger.replace("AFTER INSERT", "AFTER UPDATE");
    let mut mutants = vec![
        "drop trigger new_usage on usage_events".to_owned(),
        "alter table usage_events disable trigger new_usage".to_owned(),
        format!("drop trigger new_usage on usage_events; {updates}"),
    ];
    #[rustfmt::skip]
    let conditions = [
        ("app.note_new_usage()",       "from added;",                                       "from added limit 0;"),
        ("app.roll_up_usage(integer)", "where (n.tenant_id, n.request_id, n.attempt) =",    "where false and (n.tenant_id, n.request_id, n.attempt) ="),
        ("app.roll_up_usage(integer)", "limit most",                                        "limit 0"),
    ];
    for (function, from, to) in conditions {
        let body = text(&format!("select pg_get_functiondef('{function}'::regprocedure)")).await;
        assert!(body.contains(from), "{function} is not written like this any more: {from}");
        mutants.push(body.replace(from, to));
    }
    mutants
}
