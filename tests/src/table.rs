//! DynamoDB tables for tests: the one that all share, and ones of a test's own.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, BillingMode, GlobalSecondaryIndex, Projection, ProjectionType},
};
use std::{collections::HashMap, env, sync::Arc, time::Duration};
use supergate::{http::aws, limits::dynamo::Table};
use uuid::Uuid;

/// An item, by its attributes.
pub type Item = HashMap<String, AttributeValue>;

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

/// Makes a table of a test's own, like the shared one, and gives its name: who sweeps would meet what other tests have left open.
pub async fn own() -> String {
    let client = client().await;
    let shared = client.describe_table().table_name(shared_name()).send().await.expect("the shared table");
    let shared = shared.table.expect("its description");
    let name = format!("test-{}", Uuid::now_v7().simple());
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = |index: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        GlobalSecondaryIndex::builder()
            .set_index_name(index.index_name.clone())
            .set_key_schema(index.key_schema.clone())
            .projection(keys_only.clone())
            .build()
            .expect("an index")
    };
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(shared.attribute_definitions.clone())
        .set_key_schema(shared.key_schema.clone())
        .set_global_secondary_indexes(Some(shared.global_secondary_indexes().iter().map(index).collect()))
        .send()
        .await
        .expect("a table");
    name
}

/// All items of a small table.
pub async fn items(name: &str) -> Vec<Item> {
    let found = client().await.scan().table_name(name).send().await.expect("the items");
    found.items.unwrap_or_default()
}

/// Puts an item into a table.
pub async fn put(name: &str, item: Item) {
    client().await.put_item().table_name(name).set_item(Some(item)).send().await.expect("to be put");
}

/// Puts the deadlines of all reservations into the past: nobody has to wait for them.
pub async fn make_overdue(name: &str) {
    for mut item in items(name).await {
        let mut changed = false;
        for (attribute, value) in &mut item {
            let AttributeValue::S(text) = value else { continue };
            let Ok(mut entry) = serde_json::from_str::<serde_json::Value>(text) else { continue };
            if attribute.starts_with('p') && entry["d"].is_number() {
                entry["d"] = 1.into();
                *text = entry.to_string();
                changed = true;
            }
        }
        if changed {
            put(name, item).await;
        }
    }
}

/// The reservations that nobody has ended.
pub async fn reservations(name: &str) -> Vec<String> {
    let items = items(name).await;
    let is_entry = |name: &&String| name.len() == 33 && name.starts_with('p');
    items.iter().flat_map(|item| item.keys().filter(is_entry).cloned().collect::<Vec<_>>()).collect()
}

async fn client() -> Client {
    Client::new(&aws::sdk_config(Duration::from_secs(30)).await.expect("the SDK's configuration"))
}
