//! Conversations that a client may have: every call has its result, every text a word of its own by which it is found again.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A request before its words are given out.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    turns: Vec<Turn>,
    fields: Vec<&'static str>,
    tools: Vec<&'static str>,
}

/// A request.
pub(super) struct Script {
    pub(super) body: Value,
    /// What must reach the model.
    pub(super) words: Vec<String>,
}

#[derive(Debug, Clone)]
enum Turn {
    Instruct(&'static str, Said),
    Ask(Said),
    Answer { said: Option<Said>, refuses: bool, thought: &'static str, calls: Vec<Call>, backwards: bool },
}

#[derive(Debug, Clone)]
enum Said {
    Blank(&'static str),
    Text(&'static str),
    /// Each a kind of part.
    Parts(Vec<&'static str>),
}

#[derive(Debug, Clone)]
struct Call {
    id: &'static str,
    name: &'static str,
    /// Whether the arguments are an object with a word, or nothing.
    speaks: bool,
    result: Said,
}

/// What surrounds a word.
const TEXTS: &[&str] =
    &["#", " # \n", "é😀# ", "\u{0}#\u{2028}", "{\"a\":\"#\"}", "\"#\\", "[#", "</s>#", "Continue.#"];
const BLANKS: &[&str] = &["", " ", "\n\t", "\u{a0}"];
const PARTS: &[&str] = &["text", "text", "blank", "image", "address", "marked", "pdf"];
const IDS: &[&str] =
    &["call_#", "toolu_#", "an id é #", "abcdef00#", "#", "call_00000000000000000000000000000000000000#"];
const NAMES: &[&str] = &["f0", "f1", "f2"];

const FIELDS: &[&str] = &[
    r#""temperature": 0.3"#,
    r#""top_p": 0.5"#,
    r#""max_tokens": 3"#,
    r#""max_completion_tokens": 5000"#,
    r#""n": 1"#,
    r#""stop": ["a", " ", ""]"#,
    r#""seed": -9007199254740993"#,
    r#""frequency_penalty": -2"#,
    r#""presence_penalty": 1.5"#,
    r#""logprobs": true"#,
    r#""user": "é""#,
    r#""metadata": {"a": "b"}"#,
    r#""store": true"#,
    r#""stream": true"#,
    r#""parallel_tool_calls": false"#,
    r#""reasoning_effort": "none""#,
    r#""reasoning_effort": "high""#,
    r#""verbosity": "low""#,
    r#""reasoning": {"max_tokens": 1}"#,
    r#""reasoning": {"max_tokens": 100000, "exclude": true}"#,
    r#""reasoning": {"enabled": true}"#,
    r#""response_format": {"type": "json_object"}"#,
    r#""prediction": {"type": "content", "content": "a"}"#,
    r##""response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#"}}}}}"##,
    r#""response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": {"oneOf": [{"minimum": 1e300}], "not": {}}}}"#,
    r#""tool_choice": "none""#,
    r#""tool_choice": "required""#,
    r#""tool_choice": {"type": "function", "function": {"name": "f0"}}"#,
    r#""anthropic": {"top_k": 3}"#,
    r#""google": {"generationConfig": {"topK": 3}}"#,
    r#""mood": [[[{}]]]"#,
];

/// Parameters of functions, from none to what no model has seen.
const SCHEMAS: &[&str] = &[
    "null",
    "{}",
    r#"{"type": "object"}"#,
    r#"{"type": ["object", "null"], "properties": {"a": {"type": ["string", "null"], "enum": ["x", null]}}}"#,
    r##"{"properties": {"a": {"$ref": "#/properties/a"}}}"##,
    r##"{"$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"}"##,
    r#"{"anyOf": [{"properties": {"a": {}}}, true, 7], "required": "a"}"#,
    r#"{"allOf": [{"required": ["a"]}, {"allOf": []}], "type": "object"}"#,
    r#"{"type": "object", "properties": {"": {"const": {"a": [1e300]}}}, "patternProperties": {"^a/~": {"not": {}}}, "required": ["a"]}"#,
    r#"{"type": "array", "items": [{"exclusiveMinimum": true, "minimum": -1e300}]}"#,
    r#"{"properties": [], "items": {"items": {"items": {"items": {}}}}}"#,
];

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        1 => prop::sample::select(BLANKS).prop_map(Said::Blank),
        6 => prop::sample::select(TEXTS).prop_map(Said::Text),
        2 => prop::collection::vec(prop::sample::select(PARTS), 1..4).prop_map(Said::Parts),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    (prop::sample::select(IDS), prop::sample::select(NAMES), any::<bool>(), said())
        .prop_map(|(id, name, speaks, result)| Call { id, name, speaks, result })
}

fn turn() -> impl Strategy<Value = Turn> {
    let thoughts = prop::sample::select(&["", "", "anthropic", "google", "cohere", "mistral", "unknown"][..]);
    let calls = prop_oneof![Just(Vec::new()), prop::collection::vec(call(), 1..4)];
    prop_oneof![
        1 => (prop::sample::select(&["system", "developer"][..]), said()).prop_map(|(role, said)| Turn::Instruct(role, said)),
        3 => said().prop_map(Turn::Ask),
        4 => (prop::option::of(said()), any::<bool>(), thoughts, calls, any::<bool>()).prop_map(
            |(said, refuses, thought, calls, backwards)| Turn::Answer { said, refuses, thought, calls, backwards }
        ),
    ]
}

/// Any of them.
pub(super) fn script() -> impl Strategy<Value = Plan> {
    let fields = prop::sample::subsequence(FIELDS, 0..5);
    let tools = prop::collection::vec(prop::sample::select(SCHEMAS), 0..4);
    (prop::collection::vec(turn(), 1..8), fields, tools).prop_map(|(turns, fields, tools)| Plan {
        turns,
        fields,
        tools,
    })
}

impl Plan {
    /// Gives out the words.
    pub(super) fn render(&self) -> Script {
        let mut pen = Pen { words: Vec::new(), calls: 0 };
        let messages: Vec<Value> = self.turns.iter().flat_map(|turn| pen.turn(turn)).collect();
        let mut body = json!({ "model": "m", "messages": messages });
        for field in &self.fields {
            let field: Map<String, Value> = serde_json::from_str(&format!("{{{field}}}")).expect(field);
            body.as_object_mut().expect("an object").extend(field);
        }
        if !self.tools.is_empty() {
            let tools = self.tools.iter().enumerate().map(|(i, schema)| {
                let parameters: Value = serde_json::from_str(schema).expect(schema);
                let strict = (i % 2 == 0).then_some(true);
                json!({ "type": "function", "function": { "name": format!("f{i}"), "parameters": parameters, "strict": strict } })
            });
            body["tools"] = tools.collect();
        }
        Script { body, words: pen.words }
    }
}

struct Pen {
    words: Vec<String>,
    calls: usize,
}

impl Pen {
    fn word(&mut self, around: &str) -> String {
        let word = format!("w{};", self.words.len() + 1);
        let text = around.replace('#', &word);
        self.words.push(word);
        text
    }

    fn turn(&mut self, turn: &Turn) -> Vec<Value> {
        let (said, refuses, thought, calls, backwards) = match turn {
            Turn::Instruct(role, said) => return vec![json!({ "role": role, "content": self.said(said, false) })],
            Turn::Ask(said) => return vec![json!({ "role": "user", "content": self.said(said, true) })],
            Turn::Answer { said, refuses, thought, calls, backwards } => (said, *refuses, *thought, calls, *backwards),
        };
        let mut message = json!({ "role": "assistant", "content": null });
        match said {
            Some(said) => message["content"] = self.said(said, false),
            None if refuses => message["refusal"] = self.word("#").into(),
            None => {}
        }
        if !thought.is_empty() {
            let (kind, format) = match thought {
                "anthropic" => ("reasoning.text", "anthropic-claude-v1"),
                "google" => ("reasoning.encrypted", "google-thought-signature-v1"),
                _ => ("thinking", "v1"),
            };
            message["reasoning_content"] = "Hm.".into();
            message["reasoning_details"] = json!([{
                "type": kind, "provider": thought, "format": format, "text": "Hm.", "data": "c2ln", "signature": "c2ln",
                "start": 0, "end": 9999, "after_text": 9999,
            }]);
        }
        let mut results = Vec::new();
        for call in calls {
            self.calls += 1;
            let id = call.id.replace('#', &self.calls.to_string());
            let arguments = if call.speaks { json!({ "a": self.word("#") }).to_string() } else { String::new() };
            let function = json!({ "name": call.name, "arguments": arguments });
            let made = json!({ "id": id, "type": "function", "function": function });
            match &mut message["tool_calls"] {
                Value::Array(calls) => calls.push(made),
                none => *none = json!([made]),
            }
            results.push(json!({ "role": "tool", "tool_call_id": id, "content": self.said(&call.result, true) }));
        }
        if backwards {
            results.reverse();
        }
        [message].into_iter().chain(results).collect()
    }

    fn said(&mut self, said: &Said, with_media: bool) -> Value {
        match said {
            Said::Blank(text) => (*text).into(),
            Said::Text(around) => self.word(around).into(),
            Said::Parts(kinds) => kinds.iter().map(|kind| self.part(kind, with_media)).collect(),
        }
    }

    fn part(&mut self, kind: &str, with_media: bool) -> Value {
        match kind {
            "image" if with_media => {
                json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA", "detail": "low" } })
            }
            "address" if with_media => {
                json!({ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } })
            }
            "pdf" if with_media => {
                json!({ "type": "file", "file": { "file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf" } })
            }
            "marked" => json!({ "type": "text", "text": self.word("#"), "cache_control": { "type": "ephemeral" } }),
            "blank" => json!({ "type": "text", "text": " " }),
            _ => json!({ "type": "text", "text": self.word("#") }),
        }
    }
}

/// Where a field could be put that nobody knows: the objects of the dialect, not those of schemas and other people's data.
pub(super) fn objects(body: &Value) -> Vec<String> {
    const CLOSED: &[&str] = &[
        "/parameters",
        "/schema",
        "/metadata",
        "/reasoning_details",
        "/cache_control",
        "/anthropic",
        "/google",
        "/mood",
        "/reasoning",
        "/prediction",
        "/tool_choice",
    ];
    let mut found = vec![String::new()];
    let mut open = vec![String::new()];
    while let Some(at) = open.pop() {
        let members: Vec<String> = match body.pointer(&at) {
            Some(Value::Object(members)) => members.keys().cloned().collect(),
            Some(Value::Array(items)) => (0..items.len()).map(|i| i.to_string()).collect(),
            _ => Vec::new(),
        };
        for at in members.into_iter().map(|name| format!("{at}/{name}")) {
            if CLOSED.iter().any(|closed| at.ends_with(closed)) {
                continue;
            }
            if body.pointer(&at).is_some_and(Value::is_object) {
                found.push(at.clone());
            }
            open.push(at);
        }
    }
    found
}
