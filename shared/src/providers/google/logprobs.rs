//! How likely each token was, in OpenAI's form: <https://ai.google.dev/api/generate-content#LogprobsResult>.

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogprobsResult {
    #[serde(default)]
    chosen_candidates: Vec<Token>,
    #[serde(default)]
    top_candidates: Vec<TopCandidates>,
}

#[derive(Deserialize)]
struct TopCandidates {
    #[serde(default)]
    candidates: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    log_probability: f64,
}

/// None where no token is named.
pub(super) fn read(result: Value) -> Option<Value> {
    let result: LogprobsResult = serde_json::from_value(result).ok()?;
    let mut tops = result.top_candidates.into_iter();
    let content = result.chosen_candidates.iter().map(|chosen| {
        let mut token = described(chosen);
        let top = tops.next().map(|top| top.candidates.iter().map(described).collect::<Vec<_>>()).unwrap_or_default();
        token["top_logprobs"] = top.into();
        token
    });
    let content: Vec<_> = content.collect();
    (!content.is_empty()).then(|| json!({ "content": content, "refusal": null }))
}

fn described(token: &Token) -> Value {
    json!({ "token": token.token, "logprob": token.log_probability, "bytes": token.token.as_bytes() })
}
