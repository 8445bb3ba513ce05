//! Recorded embeddings answers through the translators: as many vectors, the same numbers, the same counts. Like the recorded chats,
//! they are compared where `TRAFFIC` names a folder of them.

use serde_json::Value;
use std::{env, fs, path::Path};
use supergate::{
    openai::embeddings::{Encoding, Vector},
    providers,
};

/// The vectors of an answer as it came, and the tokens that it counts.
fn recorded(provider: &str, body: &Value) -> (Vec<Value>, Option<u64>) {
    let each =
        |list: &Value, field: &str| list.as_array().expect("a list").iter().map(|one| one[field].clone()).collect();
    match provider {
        "google" => (each(&body["embeddings"], "values"), body["usageMetadata"]["promptTokenCount"].as_u64()),
        "cohere" => {
            let vectors = body["embeddings"]["float"].as_array().expect("a list").clone();
            (vectors, body["meta"]["billed_units"]["input_tokens"].as_u64())
        }
        _ => (each(&body["data"], "embedding"), body["usage"]["prompt_tokens"].as_u64()),
    }
}

#[test]
fn every_recorded_answer_is_read_whole() {
    let Some(traffic) = env::var("TRAFFIC").ok().filter(|folder| !folder.is_empty()) else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(traffic);
    let folder = Some(folder.join("public")).filter(|public| public.is_dir()).unwrap_or(folder);
    let mut rows = 0;
    for provider in providers::ALL {
        let Some(embedder) = provider.embeddings() else { continue };
        let text = fs::read_to_string(folder.join(format!("{}.jsonl", provider.id()))).unwrap_or_default();
        for row in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row")) {
            let ours = ["embeddings", "batchEmbedContents", "v2.embed"].iter().any(|name| row["endpoint"] == *name);
            if !ours || row["status"] != 200 {
                continue;
            }
            let text = row["response_body"].as_str().expect("a body");
            let answer = embedder.answer(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", row["id"]));
            let (vectors, tokens) = recorded(provider.id(), &serde_json::from_str(text).expect("JSON"));
            assert_eq!(answer.usage.map(|tokens| tokens.input), tokens, "{}", row["id"]);
            assert_eq!(answer.vectors.len(), vectors.len(), "{}", row["id"]);
            for (vector, recorded) in answer.vectors.into_iter().zip(vectors) {
                let packed = vector.clone().written_as(Encoding::Base64);
                assert!(matches!(packed, Some(Vector::Base64(_))), "{}", row["id"]);
                assert_eq!(serde_json::to_value(vector).expect("JSON"), recorded, "{}", row["id"]);
            }
            rows += 1;
        }
    }
    println!("recorded embeddings: {rows} rows equal");
}
