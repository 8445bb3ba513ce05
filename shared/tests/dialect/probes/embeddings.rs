//! The fields of an embeddings request.

use super::{Probe, extend};
use serde_json::{Value, json};

fn field(field: &'static str, note: &'static str, more: Value) -> Probe {
    let without = json!({ "model": "m", "input": "Hello" });
    Probe { field, note, with: extend(without.clone(), more), without, asks_for_nothing: false }
}

/// Every field of an embeddings request.
pub(crate) fn of_embeddings() -> Vec<Probe> {
    vec![
        field("input", "a string", json!({ "input": "Good day" })),
        field("input", "strings", json!({ "input": ["Hello", "Good day"] })),
        field("input", "tokens", json!({ "input": [1, 2, 3] })),
        field("input", "arrays of tokens", json!({ "input": [[1, 2], [3]] })),
        field("dimensions", "", json!({ "dimensions": 256 })),
        field("encoding_format", "float", json!({ "encoding_format": "float" })).asks_for_nothing(),
        field("encoding_format", "base64", json!({ "encoding_format": "base64" })),
        field("user", "", json!({ "user": "u-1" })),
        field("input_type", "search_document", json!({ "input_type": "search_document" })),
        field("input_type", "search_query", json!({ "input_type": "search_query" })),
        field("input_type", "classification", json!({ "input_type": "classification" })),
        field("input_type", "clustering", json!({ "input_type": "clustering" })),
        field("require_parameters", "", json!({ "require_parameters": true })).asks_for_nothing(),
        field("cohere", "", json!({ "cohere": { "truncate": "END" } })),
        field("mood", "", json!({ "mood": "good" })),
    ]
}
