//! What the gateway wrote down, by request.

use std::collections::HashMap;

use serde_json::Value;
use supergate_tests::app::{Answer, App};

pub struct Ledger {
    pub rows: usize,
    by_request: HashMap<String, Vec<Value>>,
}

impl Ledger {
    pub async fn read(app: &App) -> Self {
        let events = app.usage_events().await;
        let rows = events.len();
        let mut by_request: HashMap<String, Vec<Value>> = HashMap::new();
        for event in events {
            let id = event["request_id"].as_str().expect("an id").replace('-', "");
            by_request.entry(format!("req_{id}")).or_default().push(event);
        }
        Self { rows, by_request }
    }

    /// The one row of a request; null where it never came to a provider.
    pub fn row(&self, answer: &Answer) -> &Value {
        let id = answer.header("x-request-id");
        let rows = self.by_request.get(id).map_or(&[][..], Vec::as_slice);
        assert!(rows.len() <= 1, "{id} has {} rows", rows.len());
        rows.first().unwrap_or(&Value::Null)
    }
}
