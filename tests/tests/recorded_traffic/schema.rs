//! OpenAI's own description of its answers, closed: a field that it does not name is an error, unless `docs/known-differences.md` does.

use std::fs;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use supergate_tests::app::Answer;

use super::{
    differences,
    rows::{FOLDER, Folder},
};

/// The heading of the fields that OpenAI's answers do not have.
const HEADING: &str = "## Fields beyond OpenAI's";
const SCHEMAS: &str = "/components/schemas";

/// A validator for each thing that a caller can get.
pub struct Schemas {
    completion: Validator,
    chunk: Validator,
    embeddings: Validator,
    error: Validator,
}

impl Schemas {
    /// From the `specs` folder beside the recordings; none where nobody has it, which a line on the terminal says.
    pub fn read(folder: &Folder) -> Option<Self> {
        let places = ["..", "../.."].map(|up| folder.rows.join(up).join("specs/openai-openapi.yaml"));
        let Some(file) = places.iter().find(|file| file.is_file()) else {
            super::say(
                "recorded traffic: there is no specs/openai-openapi.yaml beside it, so no reply was checked against it",
            );
            return None;
        };
        let text = fs::read_to_string(file).expect("UTF-8");
        let mut document: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        close(document.pointer_mut(SCHEMAS).expect("schemas"));
        differences::table(HEADING, 4).iter().for_each(|row| allow(&mut document, row));
        let validator = |name: &str| {
            let schema = json!({"$ref": format!("#{SCHEMAS}/{name}"), "components": document["components"]});
            jsonschema::options().with_draft(Draft::Draft202012).build(&schema).expect("a schema")
        };
        Some(Self {
            completion: validator("CreateChatCompletionResponse"),
            chunk: validator("CreateChatCompletionStreamResponse"),
            embeddings: validator("CreateEmbeddingResponse"),
            error: validator("ErrorResponse"),
        })
    }

    /// What is wrong with an answer, and how many replies and chunks it is.
    pub fn judge(&self, answer: &Answer) -> (Vec<String>, usize) {
        if answer.header("content-type").starts_with("text/event-stream") {
            let stream = answer.stream();
            let mut problems: Vec<String> = stream.chunks.iter().flat_map(|chunk| faults(&self.chunk, chunk)).collect();
            if !stream.error.is_null() {
                problems.extend(faults(&self.error, &json!({"error": stream.error})));
            }
            problems.dedup();
            return (problems, stream.chunks.len());
        }
        let body = answer.json();
        let validator = match body["object"].as_str() {
            Some("list") => &self.embeddings,
            Some(_) => &self.completion,
            None => &self.error,
        };
        (faults(validator, &body), 1)
    }
}

fn faults(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Forbids the fields that are not named, and takes `nullable`, a word of older OpenAPI, for what it meant.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(close),
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("properties").is_some_and(Value::is_object) && !members.contains_key("additionalProperties")
            {
                members.insert("additionalProperties".into(), false.into());
            }
            if members.shift_remove("nullable") == Some(Value::Bool(true)) {
                *schema = json!({"anyOf": [std::mem::take(members), {"type": "null"}]});
            }
        }
        _ => {}
    }
}

/// Allows what a row `| where | field | type | what |` says. Its type is one of JSON's, or a field of a schema that is the same, or
/// `variant`: another `type` of what stands in a list, with an object under that name.
fn allow(document: &mut Value, row: &[String]) {
    let [place, field, kind, _] = row else { panic!("{HEADING}: {row:?}") };
    let kind = match kind.as_str() {
        // A copy, so that each of the two can be allowed more.
        kind if kind.contains('.') => document.pointer(&pointer(kind)).expect("a field").clone(),
        kind => json!({"type": kind}),
    };
    let schema = document.pointer_mut(&pointer(place)).unwrap_or_else(|| panic!("{HEADING}: there is no {place}"));
    if kind["type"] == "variant" {
        return add_variant(schema, field);
    }
    for properties in alternatives(schema) {
        let known = properties.get(field).cloned();
        properties.insert(field.clone(), known.map_or_else(|| kind.clone(), |known| json!({"anyOf": [known, kind]})));
    }
}

/// The properties of a schema, or of each that it chooses from.
fn alternatives(schema: &mut Value) -> Vec<&mut Map<String, Value>> {
    let all: Vec<&mut Value> = match schema.get("anyOf") {
        Some(_) => schema["anyOf"].as_array_mut().expect("a list").iter_mut().collect(),
        None => vec![schema],
    };
    all.into_iter().filter_map(|one| one.get_mut("properties")?.as_object_mut()).collect()
}

fn add_variant(schema: &mut Value, name: &str) {
    let variant = json!({
        "type": "object",
        "required": ["type", name],
        "properties": {"type": {"const": name}, name: {"type": "object"}},
        "additionalProperties": false,
    });
    match schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        Some(all) => all.push(variant),
        None => *schema = json!({"anyOf": [schema.take(), variant]}),
    }
}

/// Where `Schema.field.list[].field` is in the document.
fn pointer(place: &str) -> String {
    let (schema, fields) = place.split_once('.').unwrap_or((place, ""));
    let fields = fields.split('.').filter(|field| !field.is_empty()).map(|field| match field.strip_suffix("[]") {
        Some(list) => format!("/properties/{list}/items"),
        None => format!("/properties/{field}"),
    });
    format!("{SCHEMAS}/{schema}{}", fields.collect::<String>())
}

/// Whether a field too many is noticed wherever it stands: else all that is checked above would say little.
#[test]
fn a_field_that_openai_does_not_name_is_a_fault() {
    let Some(schemas) = FOLDER.as_ref().and_then(Schemas::read) else { return };
    let usage = json!({
        "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0.1,
        "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 1},
    });
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let annotation = json!({
        "type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 1},
    });
    let message = json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [call], "annotations": [annotation]});
    let completion = json!({
        "id": "a", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
    });
    let delta = json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}], "annotations": [annotation]});
    let chunk = json!({
        "id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": null,
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}],
    });
    let vector = json!({"object": "embedding", "index": 0, "embedding": [0.5]});
    let embeddings = json!({
        "object": "list", "model": "m", "data": [vector], "usage": {"prompt_tokens": 1, "total_tokens": 1},
    });
    let error = json!({"error": {"message": "m", "type": "t", "param": null, "code": "c"}});
    let Schemas { completion: of_completion, chunk: of_chunk, embeddings: of_embeddings, error: of_error } = &schemas;
    for (validator, good) in
        [(of_completion, completion), (of_chunk, chunk), (of_embeddings, embeddings), (of_error, error)]
    {
        assert_eq!(faults(validator, &good), [""; 0]);
        for place in objects(&good, "") {
            let mut bad = good.clone();
            bad.pointer_mut(&place).expect("an object")["mood"] = json!("good");
            assert_ne!(faults(validator, &bad), [""; 0], "{place}");
        }
    }
}

/// Where there are objects.
fn objects(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let inner = members.iter().flat_map(|(name, member)| objects(member, &format!("{at}/{name}")));
            inner.chain([at.to_owned()]).collect()
        }
        Value::Array(items) => (0..).zip(items).flat_map(|(i, item)| objects(item, &format!("{at}/{i}"))).collect(),
        _ => Vec::new(),
    }
}
