//! How each type of the dialect is written into a namespace.

use crate::openai::{
    chat::{ChatRequest, Message, Role, Stop},
    content::{Content, FileInput, ImageUrl, InputAudio, Part},
    format::{JsonSchema, ResponseFormat},
    tools::{CustomCall, CustomTool, Function, FunctionCall, Tool, ToolCall, ToolChoice},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Fields of the dialect that nobody's answer depends on, each with why. `user` is part of whom the answer is kept for instead.
#[rustfmt::skip]
pub const SET_ASIDE: &[(&str, &str)] = &[
    ("stream",                 "how the answer is sent, not what it says"),
    ("stream_options",         "the same"),
    ("user",                   "says for whom the answer is kept, which the sharing decides"),
    ("metadata",               "the caller's own notes"),
    ("store",                  "whether the provider keeps a copy"),
    ("safety_identifier",      "for the provider's own checks"),
    ("prompt_cache_key",       "what the provider bills, not what it says"),
    ("prompt_cache_retention", "the same"),
];

/// Fields as bytes: name, length, value.
#[derive(Default)]
pub(super) struct Fields(Sha256);

impl Fields {
    pub(super) fn bytes(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.bytes(name, value.as_bytes());
    }

    pub(super) fn count(&mut self, name: &str, value: usize) {
        self.bytes(name, &(value as u64).to_le_bytes());
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.bytes(name, &[u8::from(value)]);
    }

    /// Absent is not empty.
    pub(super) fn optional<T>(&mut self, name: &str, value: Option<&T>, write: impl FnOnce(&T, &mut Self)) {
        self.flag(name, value.is_some());
        if let Some(value) = value {
            write(value, self);
        }
    }

    fn each<T: Encode>(&mut self, name: &str, list: &[T]) {
        self.count(name, list.len());
        list.iter().for_each(|one| one.encode(self));
    }

    fn some<T: Encode>(&mut self, name: &str, value: Option<&T>) {
        self.optional(name, value, T::encode);
    }

    pub(super) fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

pub(super) trait Encode {
    fn encode(&self, fields: &mut Fields);
}

impl Encode for String {
    fn encode(&self, fields: &mut Fields) {
        fields.text("string", self);
    }
}

impl Encode for bool {
    fn encode(&self, fields: &mut Fields) {
        fields.flag("bool", *self);
    }
}

impl Encode for u32 {
    fn encode(&self, fields: &mut Fields) {
        fields.bytes("integer", &self.to_le_bytes());
    }
}

impl Encode for f64 {
    fn encode(&self, fields: &mut Fields) {
        fields.bytes("number", &self.to_bits().to_le_bytes());
    }
}

/// Members in their order: a schema in another order is another prompt to the model.
impl Encode for Value {
    fn encode(&self, fields: &mut Fields) {
        match self {
            Self::Null => fields.text("null", ""),
            Self::Bool(value) => value.encode(fields),
            Self::Number(value) => fields.text("json number", &value.to_string()),
            Self::String(value) => value.encode(fields),
            Self::Array(list) => fields.each("array", list),
            Self::Object(members) => members.encode(fields),
        }
    }
}

impl Encode for Map<String, Value> {
    fn encode(&self, fields: &mut Fields) {
        fields.count("object", self.len());
        for (name, value) in self {
            name.encode(fields);
            value.encode(fields);
        }
    }
}

/// All but the messages, which [`super::keys`] writes.
impl Encode for ChatRequest {
    fn encode(&self, fields: &mut Fields) {
        let Self {
            model: _,    // as it was resolved, among the surroundings
            messages: _, // by the caller of this
            temperature,
            top_p,
            n,
            stop,
            max_tokens: _, // under its newer name
            max_completion_tokens: _,
            stream: _,         // not in it
            stream_options: _, // not in it
            tools,
            tool_choice,
            response_format,
            require_parameters,
            legacy_functions,
            other,
        } = self;
        fields.some("temperature", temperature.as_ref());
        fields.some("top_p", top_p.as_ref());
        fields.some("n", n.as_ref());
        fields.some("stop", stop.as_ref());
        fields.some("max_completion_tokens", self.output_limit().as_ref());
        fields.optional("tools", tools.as_ref(), |tools, fields| fields.each("list", tools));
        fields.some("tool_choice", tool_choice.as_ref());
        fields.some("response_format", response_format.as_ref());
        fields.some("require_parameters", require_parameters.as_ref());
        fields.flag("legacy_functions", *legacy_functions);
        let kept = || other.iter().filter(|(name, _)| !SET_ASIDE.iter().any(|(aside, _)| aside == name));
        fields.count("other", kept().count());
        // Their order is the caller's whim: no provider sees it.
        let mut kept: Vec<_> = kept().collect();
        kept.sort_by_key(|(name, _)| name.as_str());
        for (name, value) in kept {
            name.encode(fields);
            value.encode(fields);
        }
    }
}

impl Encode for Message {
    fn encode(&self, fields: &mut Fields) {
        let Self {
            role,
            content,
            name,
            refusal,
            tool_calls,
            function_call,
            tool_call_id,
            reasoning_content,
            reasoning_details,
            cache_control,
            other,
        } = self;
        let role = match role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
            Role::Function => "function",
        };
        fields.text("role", role);
        fields.some("content", content.as_ref());
        fields.some("name", name.as_ref());
        fields.some("refusal", refusal.as_ref());
        fields.optional("tool_calls", tool_calls.as_ref(), |calls, fields| fields.each("list", calls));
        fields.some("function_call", function_call.as_ref());
        fields.some("tool_call_id", tool_call_id.as_ref());
        fields.some("reasoning_content", reasoning_content.as_ref());
        fields.optional("reasoning_details", reasoning_details.as_ref(), |list, fields| fields.each("list", list));
        fields.some("cache_control", cache_control.as_ref());
        other.encode(fields);
    }
}

impl Encode for Content {
    fn encode(&self, fields: &mut Fields) {
        match self {
            Self::Text(text) => fields.text("text", text),
            Self::Parts(parts) => fields.each("parts", parts),
        }
    }
}

impl Encode for Part {
    fn encode(&self, fields: &mut Fields) {
        let Self { kind, text, refusal, image_url, input_audio, file, cache_control, other } = self;
        fields.text("type", kind);
        fields.some("text", text.as_ref());
        fields.some("refusal", refusal.as_ref());
        fields.some("image_url", image_url.as_ref());
        fields.some("input_audio", input_audio.as_ref());
        fields.some("file", file.as_ref());
        fields.some("cache_control", cache_control.as_ref());
        other.encode(fields);
    }
}

impl Encode for ImageUrl {
    fn encode(&self, fields: &mut Fields) {
        let Self { url, detail, other } = self;
        fields.text("url", url);
        fields.some("detail", detail.as_ref());
        other.encode(fields);
    }
}

impl Encode for InputAudio {
    fn encode(&self, fields: &mut Fields) {
        let Self { data, format, other } = self;
        fields.text("data", data);
        fields.text("format", format);
        other.encode(fields);
    }
}

impl Encode for FileInput {
    fn encode(&self, fields: &mut Fields) {
        let Self { file_data, file_id, filename, other } = self;
        fields.some("file_data", file_data.as_ref());
        fields.some("file_id", file_id.as_ref());
        fields.some("filename", filename.as_ref());
        other.encode(fields);
    }
}

impl Encode for Stop {
    fn encode(&self, fields: &mut Fields) {
        match self {
            Self::One(one) => fields.each("stop", std::slice::from_ref(one)),
            Self::Many(many) => fields.each("stop", many),
        }
    }
}

impl Encode for Tool {
    fn encode(&self, fields: &mut Fields) {
        let Self { kind, function, custom, cache_control, other } = self;
        fields.text("type", kind);
        fields.some("function", function.as_ref());
        fields.some("custom", custom.as_ref());
        fields.some("cache_control", cache_control.as_ref());
        other.encode(fields);
    }
}

impl Encode for Function {
    fn encode(&self, fields: &mut Fields) {
        let Self { name, description, parameters, strict, other } = self;
        fields.text("name", name);
        fields.some("description", description.as_ref());
        fields.some("parameters", parameters.as_ref());
        fields.some("strict", strict.as_ref());
        other.encode(fields);
    }
}

impl Encode for CustomTool {
    fn encode(&self, fields: &mut Fields) {
        let Self { name, other } = self;
        fields.text("name", name);
        other.encode(fields);
    }
}

impl Encode for ToolCall {
    fn encode(&self, fields: &mut Fields) {
        let Self { id, kind, function, custom, other } = self;
        fields.text("id", id);
        fields.text("type", kind);
        fields.some("function", function.as_ref());
        fields.some("custom", custom.as_ref());
        other.encode(fields);
    }
}

impl Encode for FunctionCall {
    fn encode(&self, fields: &mut Fields) {
        let Self { name, arguments, other } = self;
        fields.text("name", name);
        fields.text("arguments", arguments);
        other.encode(fields);
    }
}

impl Encode for CustomCall {
    fn encode(&self, fields: &mut Fields) {
        let Self { name, input } = self;
        fields.text("name", name);
        fields.text("input", input);
    }
}

impl Encode for ToolChoice {
    fn encode(&self, fields: &mut Fields) {
        match self {
            Self::None => fields.text("choice", "none"),
            Self::Auto => fields.text("choice", "auto"),
            Self::Required => fields.text("choice", "required"),
            Self::Function(name) => fields.text("function", name),
            Self::Custom(name) => fields.text("custom", name),
            Self::Allowed { required, names, custom } => {
                fields.flag("allowed, required", *required);
                fields.each("functions", names);
                fields.each("customs", custom);
            }
        }
    }
}

impl Encode for ResponseFormat {
    fn encode(&self, fields: &mut Fields) {
        let Self { kind, json_schema, other } = self;
        fields.text("type", kind);
        fields.some("json_schema", json_schema.as_ref());
        other.encode(fields);
    }
}

impl Encode for JsonSchema {
    fn encode(&self, fields: &mut Fields) {
        let Self { name, description, schema, strict, other } = self;
        fields.text("name", name);
        fields.some("description", description.as_ref());
        fields.some("schema", schema.as_ref());
        fields.some("strict", strict.as_ref());
        other.encode(fields);
    }
}
