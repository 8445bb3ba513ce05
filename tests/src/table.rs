//! DynamoDB tables for tests: the one that all share, and ones of a test's own.

use std::{env, sync::Arc, time::Duration};
use supergate::{http::aws, limits::dynamo::Table};

/// The name of the table that the tests of a run share.
///
/// # Panics
/// If nobody made one.
pub fn shared_name() -> String {
    env::var("SUPERGATE_TABLE")
        .expect("SUPERGATE_TABLE is not set: run the tests with `make test`, which starts DynamoDB's stand-in")
}

/// The table that the tests of a run share.
pub async fn shared() -> Arc<Table> {
    open(&shared_name()).await
}

/// A table by its name.
pub async fn open(name: &str) -> Arc<Table> {
    let aws = aws::sdk_config(Duration::from_secs(30)).await.expect("the SDK's configuration");
    Arc::new(Table::new(&aws, name.to_owned()))
}
