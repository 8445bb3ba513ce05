//! What an answer's text is based on: <https://platform.claude.com/docs/en/build-with-claude/citations>.

use serde_json::{Map, Value, json};

/// In OpenAI's form. A page has a URL; a document of the request has none, so it has a type of its own that keeps Anthropic's fields.
/// `start` and `end` count the characters of the answer's text that the citation stands for.
pub(super) fn annotation(citation: &Value, start: usize, end: usize) -> Option<Value> {
    let given = citation.as_object()?;
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let url = text("url").or_else(|| text("source").filter(|source| source.starts_with("http")));
    if let Some(url) = url {
        let title = text("title").unwrap_or_default();
        let it = json!({ "url": url, "title": title, "start_index": start, "end_index": end });
        return Some(json!({ "type": "url_citation", "url_citation": it }));
    }
    let mut it = Map::new();
    it.insert("location".into(), given.get("type")?.clone());
    let kept = given.iter().filter(|(name, value)| *name != "type" && !value.is_null());
    it.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    it.insert("start_index".into(), start.into());
    it.insert("end_index".into(), end.into());
    Some(json!({ "type": "document_citation", "document_citation": it }))
}
