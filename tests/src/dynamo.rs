//! The local stack's DynamoDB table, behind the functions' backs.

use serde_json::{Value, json};
use std::env;

/// Every item of the table, as JSON, a line each.
///
/// # Panics
/// If there is no table.
pub async fn dump() -> String {
    let (mut lines, mut ask) = (String::new(), json!({"TableName": table()}));
    loop {
        let mut page = call("Scan", &ask).await;
        for item in page["Items"].as_array().expect("items") {
            lines += &format!("{item}\n");
        }
        match page["LastEvaluatedKey"].take() {
            Value::Null => return lines,
            last => ask["ExclusiveStartKey"] = last,
        }
    }
}

/// Puts an item with that text in it.
pub async fn plant(key: &str, text: &str) {
    let item = json!({"pk": {"S": key}, "sk": {"S": "planted"}, "text": {"S": text}});
    call("PutItem", &json!({"TableName": table(), "Item": item})).await;
}

/// Takes it out again.
pub async fn uproot(key: &str) {
    let key = json!({"pk": {"S": key}, "sk": {"S": "planted"}});
    call("DeleteItem", &json!({"TableName": table(), "Key": key})).await;
}

fn table() -> String {
    env::var("SUPERGATE_TABLE").expect("SUPERGATE_TABLE is not set: run the tests with `make test`, which makes it")
}

async fn call(action: &str, body: &Value) -> Value {
    crate::kms::aws("dynamodb", "application/x-amz-json-1.0", &format!("DynamoDB_20120810.{action}"), body).await
}
