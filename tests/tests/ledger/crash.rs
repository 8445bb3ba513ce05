//! The function's process is killed at every place where something has just happened or is just about to. Afterwards the sweeper finishes
//! what was begun: nothing is lost, nothing is there twice, and the budget has what the ledger has.

use super::site::{
    Ask,
    Place::{self, Database, Table, TableWithoutDatabase, Upstream},
    SOON, Site,
};
use serde_json::{Value, json};
use std::time::Instant;
use supergate_tests::{
    gate::Side::{After, Before},
    table,
};

/// How often a process is killed at each place, and how many of them run at a time.
const TIMES: usize = 20;
const AT_A_TIME: usize = 5;
/// In nano-dollars per token, as its provider publishes them.
const PRICES: (u64, u64) = (150, 600);

/// What the ledger has of it in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// Nothing: no provider was asked, and that is known.
    None,
    /// What the provider billed.
    Billed,
    /// What was reserved: nobody can know what the provider did.
    Reserved,
    /// One of these two, as it is chance whether the other reservation, which is made at the same time, is there already.
    NoneOrReserved,
}

const RESERVES_TENANT: &[&str] = &["UpdateItem", "if_not_exists", "\"tenant\""];
const RESERVES_KEY: &[&str] = &["UpdateItem", "if_not_exists", "\"key#"];
const SETTLES_TENANT: &[&str] = &["UpdateItem", "attribute_exists", "\"tenant\""];
const SETTLES_KEY: &[&str] = &["UpdateItem", "attribute_exists", "\"key#"];

/// Name, whether it is a stream, where, how many calls the provider bills, what the ledger has, why.
#[rustfmt::skip]
const PLACES: &[(&str, bool, Place, usize, Row, &str)] = &[
    ("before the tenant's reservation",    false, Table(Before, RESERVES_TENANT), 0, Row::None,     "the key's alone is not enough to begin"),
    ("after the tenant's reservation",     false, Table(After, RESERVES_TENANT),  0, Row::NoneOrReserved, "with both, the provider may have been asked"),
    ("before the key's reservation",       false, Table(Before, RESERVES_KEY),    0, Row::None,     "the tenant's alone is not enough to begin"),
    ("after the key's reservation",        false, Table(After, RESERVES_KEY),     0, Row::NoneOrReserved, "with both, the provider may have been asked"),
    ("before dispatch",                    false, Upstream(Before, "POST "),      0, Row::Reserved, "what is on its way cannot be called back"),
    ("after dispatch, before the answer",  false, Upstream(After, "HTTP/1.1"),    1, Row::Reserved, "the provider bills what nobody has read"),
    ("before the first byte of a stream",  true,  Upstream(After, "HTTP/1.1"),    1, Row::Reserved, "the same with a stream"),
    ("after the first byte",               true,  Upstream(After, "word2\""),     1, Row::Reserved, "the provider goes on to its end"),
    ("in mid-stream",                      true,  Upstream(After, "word12\""),    1, Row::Reserved, "the provider goes on to its end"),
    ("before the usage",                   true,  Upstream(After, "\"usage\":{"), 1, Row::Reserved, "all is said but what it costs"),
    ("before the last chunk",              true,  Upstream(After, "[DONE]"),      1, Row::Reserved, "all is said but that it was all"),
    ("after the last chunk, before the insert", true, Database(Before),           1, Row::Reserved, "the caller has everything"),
    ("before the insert",                  false, Database(Before),               1, Row::Reserved, "what it cost was only in memory"),
    ("after the insert",                   false, Database(After),                1, Row::Billed,   "the row is the truth"),
    ("before the row is kept, without the database", false, TableWithoutDatabase(Before), 1, Row::Reserved, "what it cost was only in memory"),
    ("after the row is kept, without the database",  true,  TableWithoutDatabase(After),  1, Row::Billed,   "the row comes home"),
    ("before the tenant's settlement",     false, Table(Before, SETTLES_TENANT),  1, Row::Billed,   "the row is the truth"),
    ("after the tenant's settlement",      true,  Table(After, SETTLES_TENANT),   1, Row::Billed,   "the key's is still to be settled"),
    ("before the key's settlement",        true,  Table(Before, SETTLES_KEY),     1, Row::Billed,   "the key's is still to be settled"),
    ("after the key's settlement",         false, Table(After, SETTLES_KEY),      1, Row::Billed,   "all was done, and is not done again"),
];

fn cost((input, output): (u64, u64)) -> u64 {
    input * PRICES.0 + output * PRICES.1
}

fn sum_of(rows: &[Value]) -> u64 {
    rows.iter().map(|row| row["cost_nanos"].as_u64().expect("a cost")).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_anywhere_loses_nothing_and_doubles_nothing() {
    let site = Site::build().await;
    let (mut lost, mut doubled, begun) = (0, 0, Instant::now());
    let mut repairs = Vec::new();
    for (name, streamed, place, billed, row, why) in PLACES {
        let (rows_before, bill_before) = (site.rows().await, site.bill().await);
        for _ in 0..TIMES / AT_A_TIME {
            site.kill_at(AT_A_TIME, *streamed, *place).await;
        }
        table::make_overdue(&site.table).await;
        let sweeper = site.sweeper(false).await;
        let began = Instant::now();
        let report = sweeper.invoke(json!({}), SOON).await.json().await;
        repairs.push(began.elapsed());
        assert_eq!((&report["failed"], &report["complete"]), (&json!(0), &json!(true)), "{name}: {report}");

        let (rows, bill) = (site.rows().await, site.bill().await);
        let rows: Vec<Value> = rows.into_iter().filter(|row| !rows_before.contains(row)).collect();
        let bill = &bill[bill_before.len()..];
        assert_eq!(bill.len(), billed * TIMES, "{name}: calls that the provider bills");
        let expected = match row {
            Row::None => 0,
            Row::Billed | Row::Reserved => TIMES,
            Row::NoneOrReserved => rows.len().min(TIMES),
        };
        lost += expected.saturating_sub(rows.len());
        doubled += rows.len().saturating_sub(expected);
        assert_eq!(rows.len(), expected, "{name}: {why}: {report}");
        match row {
            Row::None => {}
            Row::Billed => assert_eq!(sum_of(&rows), bill.iter().copied().map(cost).sum::<u64>(), "{name}: {why}"),
            Row::Reserved | Row::NoneOrReserved => {
                for row in &rows {
                    assert_eq!(
                        (&row["usage_source"], &row["ended"]),
                        (&json!("reserved"), &json!("lost")),
                        "{name}: {why}"
                    );
                    assert_eq!((&row["model"], &row["streamed"]), (&json!("gpt-4o-mini"), &json!(*streamed)), "{name}");
                }
                assert!(sum_of(&rows) >= bill.iter().copied().map(cost).sum(), "{name}: no less than it cost");
            }
        }
        assert_eq!(
            u64::try_from(site.charged().await).expect("a sum"),
            sum_of(&site.rows().await),
            "{name}: the budget has what the ledger has"
        );
        assert_eq!(sweeper.invoke(json!({}), SOON).await.json().await["charged"], 0, "{name}: once is enough");
    }
    let longest = repairs.iter().max().expect("repairs");
    println!(
        "crash: {} places x {TIMES} kills in {:.0} s: lost {lost}, doubled {doubled}; time to repair: the request's deadline, 60 s for clocks \
         that differ, at most 5 minutes to the next sweep, and {longest:.0?} for the sweep of {TIMES}",
        PLACES.len(),
        begun.elapsed().as_secs_f64(),
    );
    site.stack.close().await;
}

/// Where a sweeper is killed that has a lost request, one with a row and one whose row waits before it.
#[rustfmt::skip]
const SWEEPS: &[(&str, Place, &str)] = &[
    ("before a row comes home",             Database(Before),                    "nothing has happened yet"),
    ("after a row came home",               Database(After),                     "it still waits, and is not written twice"),
    ("before a row is forgotten",           Table(Before, &["DeleteItem"]),      "it still waits, and is not written twice"),
    ("after a row is forgotten",            Table(After, &["DeleteItem"]),       "its reservation is still there"),
    ("before the tenant's settlement",      Table(Before, SETTLES_TENANT),       "the row of a lost request is written"),
    ("after the tenant's settlement",       Table(After, SETTLES_TENANT),        "the key's is still there"),
    ("before the key's settlement",         Table(Before, SETTLES_KEY),          "the tenant's is settled or not, as they come"),
    ("after the key's settlement",          Table(After, SETTLES_KEY),           "and is not settled again"),
    ("before an item leaves the index",     Table(Before, &["UpdateItem", "REMOVE #open"]), "all is settled"),
    ("after an item left the index",        Table(After, &["UpdateItem", "REMOVE #open"]),  "all is settled"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweeper_killed_anywhere_and_started_again_changes_nothing_twice() {
    let site = Site::build().await;
    for (name, place, why) in SWEEPS {
        let (before, bill_before) = (site.rows().await.len(), site.bill().await.len());
        site.kill_at(1, true, Upstream(After, "word12\"")).await;
        site.kill_at(1, false, Database(After)).await;
        site.kill_at(1, false, TableWithoutDatabase(After)).await;
        table::make_overdue(&site.table).await;
        site.kill_sweeper_at(*place).await;
        let sweeper = site.sweeper(false).await;
        let report = sweeper.invoke(json!({}), SOON).await.json().await;
        assert_eq!((&report["failed"], &report["complete"]), (&json!(0), &json!(true)), "{name}: {report}");
        let rows = site.rows().await.split_off(before);
        assert_eq!((rows.len(), site.bill().await.len() - bill_before), (3, 3), "{name}: one row for each call: {why}");
        let sources: Vec<&Value> = rows.iter().map(|row| &row["usage_source"]).collect();
        assert_eq!(sources, [&json!("reserved"), &json!("provider"), &json!("provider")], "{name}: {why}");
        assert_eq!(u64::try_from(site.charged().await).expect("a sum"), sum_of(&site.rows().await), "{name}: {why}");
        let idle = sweeper.invoke(json!({}), SOON).await.json().await;
        assert_eq!(
            (&idle["charged"], &idle["settled"], &idle["brought_home"]),
            (&json!(0), &json!(0), &json!(0)),
            "{name}"
        );
    }
    println!("crash: a sweeper killed at {} places and started again: nothing twice", SWEEPS.len());
    site.stack.close().await;
}

const CLAIMS: &[&str] = &["UpdateItem", "idempotency#", "\":open\""];
const ENDS_CLAIM: &[&str] = &["UpdateItem", "idempotency#", "\":state\""];

/// With an idempotency key: where, how many calls the provider bills, what the ledger has, why.
#[rustfmt::skip]
const KEYED: &[(&str, Place, usize, Row, &str)] = &[
    ("before the claim",              Table(Before, CLAIMS),           0, Row::None,     "nothing has happened"),
    ("after the claim",               Table(After, CLAIMS),            0, Row::None,     "nothing is reserved yet"),
    ("before the key's reservation",  Table(Before, RESERVES_KEY),     0, Row::None,     "the tenant's alone is not enough to begin"),
    ("after dispatch",                Upstream(After, "HTTP/1.1"),     1, Row::Reserved, "the provider bills what nobody has read"),
    ("before the insert",             Database(Before),                1, Row::Reserved, "what it cost was only in memory"),
    ("before the answer is kept",     Table(Before, ENDS_CLAIM),       1, Row::Billed,   "all was done but that"),
    ("after the answer was kept",     Table(After, ENDS_CLAIM),        1, Row::Billed,   "all was done"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_with_an_idempotency_key_loses_nothing_and_a_replay_is_never_charged() {
    let site = Site::build().await;
    for (name, place, billed, row, why) in KEYED {
        let (rows_before, bill_before) = (site.rows().await, site.bill().await.len());
        site.kill_asked(AT_A_TIME, Ask::Keyed, *place).await;
        table::make_overdue(&site.table).await;
        let sweeper = site.sweeper(false).await;
        let report = sweeper.invoke(json!({}), SOON).await.json().await;
        assert_eq!((&report["failed"], &report["complete"]), (&json!(0), &json!(true)), "{name}: {report}");
        let rows: Vec<Value> = site.rows().await.into_iter().filter(|row| !rows_before.contains(row)).collect();
        let bill = site.bill().await.split_off(bill_before);
        assert_eq!(bill.len(), billed * AT_A_TIME, "{name}: calls that the provider bills");
        assert_eq!(rows.len(), if *row == Row::None { 0 } else { AT_A_TIME }, "{name}: {why}: {report}");
        let cost = bill.iter().copied().map(cost).sum::<u64>();
        match row {
            Row::Billed => assert_eq!(sum_of(&rows), cost, "{name}: {why}"),
            _ => assert!(sum_of(&rows) >= cost && rows.iter().all(|row| row["ended"] == "lost"), "{name}: {why}"),
        }
        assert_eq!(u64::try_from(site.charged().await).expect("a sum"), sum_of(&site.rows().await), "{name}");
    }
    // One that is done; then processes that are killed while they give its answer again.
    let once = Ask::KeyedAs("5f0c2a91-7b3e-4d68-9a10-000000000905");
    let function = site.function(once).await;
    drop(function.invoke(site.event(once), SOON).await.bytes().await);
    drop(function.invoke(site.event(once), SOON).await.bytes().await);
    let (rows, billed) = (site.rows().await, site.bill().await.len());
    for side in [Before, After] {
        site.kill_asked(AT_A_TIME, once, Table(side, CLAIMS)).await;
        table::make_overdue(&site.table).await;
        let report = site.sweeper(false).await.invoke(json!({}), SOON).await.json().await;
        assert_eq!((&report["charged"], &report["failed"]), (&json!(0), &json!(0)), "{report}");
        assert_eq!((site.rows().await, site.bill().await.len()), (rows.clone(), billed), "a replay costs nothing");
        assert_eq!(u64::try_from(site.charged().await).expect("a sum"), sum_of(&rows));
    }
    site.stack.close().await;
}

/// Several calls of one request: where, what the ledger has, why.
#[rustfmt::skip]
const VECTORS: &[(&str, Place, Row, &str)] = &[
    ("after the first answer",          Upstream(After, "HTTP/1.1"),   Row::Reserved, "some of the calls may have been billed"),
    ("before the insert",               Database(Before),              Row::Reserved, "all of them were"),
    ("after the insert",                Database(After),               Row::Billed,   "a row for each call"),
    ("before the tenant's settlement",  Table(Before, SETTLES_TENANT), Row::Billed,   "the rows are the truth"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_between_the_calls_of_one_request_for_vectors_loses_none_of_them() {
    /// A text of the model costs so many nano-dollars a token.
    const PRICE: u64 = 120;
    let site = Site::build().await;
    for (name, place, row, why) in VECTORS {
        for _ in 0..3 {
            let (rows_before, bill_before) = (site.rows().await, site.bill().await.len());
            site.kill_asked(1, Ask::Vectors, *place).await;
            table::make_overdue(&site.table).await;
            let report = site.sweeper(false).await.invoke(json!({}), SOON).await.json().await;
            assert_eq!((&report["failed"], &report["complete"]), (&json!(0), &json!(true)), "{name}: {report}");
            let rows: Vec<Value> = site.rows().await.into_iter().filter(|row| !rows_before.contains(row)).collect();
            let bill = site.bill().await.split_off(bill_before);
            let cost = bill.iter().map(|(input, _)| input * PRICE).sum::<u64>();
            if *row == Row::Billed {
                assert_eq!((bill.len(), rows.len()), (3, 3), "{name}: {why}");
                assert_eq!(sum_of(&rows), cost, "{name}: {why}");
            } else {
                assert_eq!((rows.len(), &rows[0]["ended"]), (1, &json!("lost")), "{name}: one for all of them: {why}");
                assert!(sum_of(&rows) >= cost, "{name}: no less than all calls cost: {why}");
            }
            assert_eq!(u64::try_from(site.charged().await).expect("a sum"), sum_of(&site.rows().await), "{name}");
        }
    }
    site.stack.close().await;
}
