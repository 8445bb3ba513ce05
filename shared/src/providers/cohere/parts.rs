//! What a whole answer and a stream share: citations, logprobs and the ids of calls.

use super::wire::Logprobs;
use serde_json::{Value, json};

/// A citation by URL where its source has one, else as Cohere gives it. Positions are those of the text only where the text is cited.
pub(super) fn annotations(citation: &Value) -> Vec<Value> {
    let of_text = citation["type"].as_str().is_none_or(|kind| kind == "TEXT_CONTENT");
    let (start, end) = (&citation["start"], &citation["end"]);
    let sources = citation["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut annotations: Vec<Value> = Vec::new();
    let mut others: Vec<&Value> = Vec::new();
    for source in sources {
        let data = source.get("document").or_else(|| source.get("tool_output")).unwrap_or(&Value::Null);
        match data["url"].as_str().filter(|_| of_text) {
            Some(url) => annotations.push(json!({
                "type": "url_citation",
                "url_citation": {
                    "url": url,
                    "title": data["title"].as_str().unwrap_or_default(),
                    "start_index": start,
                    "end_index": end,
                },
            })),
            None => others.push(source),
        }
    }
    if of_text && (!others.is_empty() || annotations.is_empty()) {
        annotations.push(json!({
            "type": "citation",
            "citation": { "text": citation["text"], "start_index": start, "end_index": end, "sources": others },
        }));
    }
    annotations
}

/// In OpenAI's form. A piece of several tokens is as likely as all of them together.
pub(super) fn logprobs<'a>(pieces: impl IntoIterator<Item = &'a Logprobs>) -> Value {
    let content = pieces.into_iter().filter_map(|piece| {
        let token = piece.text.as_deref()?;
        let logprob: f64 = piece.logprobs.iter().flatten().sum();
        Some(json!({ "token": token, "logprob": logprob, "bytes": token.as_bytes(), "top_logprobs": [] }))
    });
    json!({ "content": content.collect::<Vec<_>>(), "refusal": null })
}

/// Cohere gives ids; one that it forgot is made from the call's place.
pub(super) fn call_id(id: Option<String>, index: usize) -> String {
    id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"))
}
