//! Fields inside messages, tools and formats that are no part of the dialect. The types there have no room for them, so they are found
//! before the types are read: what is dropped is named, never dropped silently.

use serde_json::Value;

/// Nobody reads more, and a hostile body could have thousands.
const MAX_NAMES: usize = 64;

const PART: &[&str] = &["type", "text", "refusal", "image_url", "input_audio", "file", "cache_control"];
/// What goes with a part's kind.
const OF_PARTS: &[(&str, &[&str])] = &[
    ("image_url", &["url", "detail"]),
    ("input_audio", &["data", "format"]),
    ("file", &["file_data", "file_id", "filename"]),
];
/// `index` is a streamed call's, which clients send back with the rest of it; `extra_content` is Google's.
const CALL: &[&str] = &["id", "type", "function", "custom", "index", "extra_content"];
const TOOL: &[&str] = &["type", "function", "custom", "cache_control"];
const FUNCTION: &[&str] = &["name", "description", "parameters", "strict"];

/// The names of a chat request's fields that nobody reads, as `messages[].content[].mood`; each once. A null asks for nothing.
pub(super) fn fields(body: &Value) -> Vec<String> {
    let mut names = Names(Vec::new());
    for message in items(&body["messages"]) {
        for part in items(&message["content"]) {
            names.beside(PART, part, "messages[].content[]");
            for (kind, known) in OF_PARTS {
                names.beside(known, &part[kind], &format!("messages[].content[].{kind}"));
            }
        }
        for call in items(&message["tool_calls"]) {
            names.beside(CALL, call, "messages[].tool_calls[]");
            names.beside(&["name", "arguments"], &call["function"], "messages[].tool_calls[].function");
        }
    }
    for tool in items(&body["tools"]) {
        names.beside(TOOL, tool, "tools[]");
        names.beside(FUNCTION, &tool["function"], "tools[].function");
    }
    items(&body["functions"]).iter().for_each(|function| names.beside(FUNCTION, function, "functions[]"));
    let format = &body["response_format"];
    names.beside(&["type", "json_schema"], format, "response_format");
    names.beside(&["name", "description", "schema", "strict"], &format["json_schema"], "response_format.json_schema");
    names.0
}

struct Names(Vec<String>);

impl Names {
    /// Of an object's members, those that are not known.
    fn beside(&mut self, known: &[&str], object: &Value, path: &str) {
        let members = object.as_object().into_iter().flatten();
        for (name, _) in members.filter(|(name, value)| !value.is_null() && !known.contains(&name.as_str())) {
            let name = format!("{path}.{name}");
            if self.0.len() < MAX_NAMES && !self.0.contains(&name) {
                self.0.push(name);
            }
        }
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_no_type_has_room_for_is_named_once() {
        let part = json!({ "type": "image_url", "image_url": { "url": "https://a", "mood": 1 }, "mood": 1, "text": null, "odd": null });
        let body = json!({
            "messages": [{ "content": [part, part], "tool_calls": [{ "id": "a", "index": 0, "mood": 1 }] }, { "content": "mood" }, 7],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": { "mood": 1 } } }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "a", "schema": { "mood": 1 }, "mood": 1 } },
        });
        let named = [
            "messages[].content[].mood",
            "messages[].content[].image_url.mood",
            "messages[].tool_calls[].mood",
            "response_format.json_schema.mood",
        ];
        assert_eq!(fields(&body), named);
        assert!(fields(&json!([])).is_empty() && fields(&json!({ "messages": "a", "tools": {} })).is_empty());
    }
}
