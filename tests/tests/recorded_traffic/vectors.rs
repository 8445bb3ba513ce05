//! Recorded embeddings: as many vectors, the same numbers, the same counts, the same cost.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use supergate_tests::app::{Answer, App};

use super::{
    prices::Prices,
    rows::Row,
    said::{Counts, Usage, list},
    verdict::{self, Aspect, Verdict},
};

/// Asks for as many vectors as were recorded, written as they were.
pub async fn ask(app: &App, row: &Row) -> Answer {
    let inputs = recorded(row).map_or(1, |(vectors, _)| vectors.len());
    let input = vec![format!("replay:{}", row.id); inputs];
    let encoding = if row.request_body["encoding_format"] == "base64" { "base64" } else { "float" };
    app.embed(&json!({"model": row.model(), "input": input, "encoding_format": encoding})).await
}

pub fn judge(row: &Row, answer: &Answer, event: &Value, prices: &Prices) -> Verdict {
    let (vectors, tokens) = match recorded(row) {
        _ if row.status != 200 => return verdict::refused(row, answer, event),
        None => return verdict::broken_off(answer, event),
        Some(recorded) => recorded,
    };
    let mut verdict = Verdict::default();
    verdict.compare(Aspect::Vectors, "status", &200, &answer.status.as_u16());
    if answer.status != 200 {
        return verdict;
    }
    let body = answer.json();
    let ours: Vec<Vec<f32>> = list(&body["data"]).map(|one| numbers(&one["embedding"])).collect();
    verdict.compare(Aspect::Vectors, "vectors", &vectors, &ours);
    let places: Vec<&Value> = list(&body["data"]).map(|one| &one["index"]).collect();
    let in_order: Vec<Value> = (0..vectors.len()).map(Value::from).collect();
    verdict.compare(Aspect::Vectors, "indexes", &in_order.iter().collect(), &places);

    let counted = body["usage"]["prompt_tokens"].as_u64().expect("a count");
    // Where the provider did not count, we do.
    let input = tokens.unwrap_or(counted);
    let used = Usage { counts: Counts { input, ..Counts::default() }, ..Usage::default() };
    let cost_nanos = prices.cost(&row.model(), &used);
    let ours = [&body["usage"]["prompt_tokens"], &body["usage"]["total_tokens"]];
    verdict.compare(Aspect::Usage, "usage", &[&json!(input); 2], &ours);
    let cost = format!("{:.0}", body["usage"]["cost"].as_f64().expect("dollars") * 1e9);
    verdict.compare(Aspect::Usage, "usage.cost", &cost_nanos.to_string(), &cost);
    let names = ["attempt", "status", "ended", "input_tokens", "output_tokens", "usage_source", "cost_nanos"];
    let source = if tokens.is_some() { "provider" } else { "counted" };
    let ledger = json!([1, 200, "complete", input, 0, source, cost_nanos]);
    verdict.compare(Aspect::Usage, "ledger", &ledger, &names.iter().map(|name| event[*name].clone()).collect());
    verdict
}

/// The vectors of an answer, and the tokens that it counts; none where it is no answer.
fn recorded(row: &Row) -> Option<(Vec<Vec<f32>>, Option<u64>)> {
    let body: Value = serde_json::from_str(&row.body).ok()?;
    let (vectors, tokens): (Vec<&Value>, _) = match row.provider.as_str() {
        "google" => {
            (list(&body["embeddings"]).map(|one| &one["values"]).collect(), &body["usageMetadata"]["promptTokenCount"])
        }
        "cohere" => (list(&body["embeddings"]["float"]).collect(), &body["meta"]["billed_units"]["input_tokens"]),
        _ => (list(&body["data"]).map(|one| &one["embedding"]).collect(), &body["usage"]["prompt_tokens"]),
    };
    (!vectors.is_empty()).then(|| (vectors.into_iter().map(numbers).collect(), tokens.as_u64()))
}

/// To the precision of 32 bits, in which models compute; in base 64 they are these bits.
fn numbers(vector: &Value) -> Vec<f32> {
    match vector {
        Value::String(text) => {
            let bytes = STANDARD.decode(text).expect("base 64");
            let (numbers, rest) = bytes.as_chunks::<4>();
            assert!(rest.is_empty(), "32-bit numbers");
            numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        _ => list(vector).map(|number| number.as_f64().expect("a number") as f32).collect(),
    }
}
