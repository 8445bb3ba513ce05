//! The ledger when something goes wrong: the database is away, a function is killed, a caller leaves. What the mock upstream bills is
//! what the ledger has.

#[path = "ledger/bill.rs"]
mod bill;
#[path = "ledger/crash.rs"]
mod crash;
#[path = "ledger/refusals.rs"]
mod refusals;
#[path = "ledger/site.rs"]
mod site;
#[path = "ledger/waiting.rs"]
mod waiting;
