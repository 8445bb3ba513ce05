//! A streamed answer: `chat.completion.chunk` as server-sent events.

use super::{
    completion::FinishReason,
    error::{ErrorBody, ErrorDetail},
    usage::Usage,
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    choices: &'a [ChunkChoice<'a>],
    /// Outer none: the caller did not ask; inner none: not the last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a Usage>>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<&'a Value>,
    finish_reason: Option<FinishReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_finish_reason: Option<&'a str>,
}

/// An entry of a list that grows from chunk to chunk. OpenAI's SDK for Python puts such lists together by the `index` of their entries, and
/// raises an error where there is none.
struct Entry<'a> {
    index: u32,
    entry: &'a Value,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(members) = self.entry.as_object() else { return self.entry.serialize(serializer) };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        for (name, value) in members.iter().filter(|(name, _)| *name != "index") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[Entry<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reasoning_details: &'a [Value],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionDelta<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    annotations: &'a [Value],
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(flatten)]
    called: Called<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<&'a Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Called<'a> {
    Function(FunctionDelta<'a>),
    Custom(CustomDelta<'a>),
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct CustomDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    input: &'a str,
}

/// What every chunk of one answer repeats.
#[derive(Debug, Clone)]
pub struct ChunkHead {
    /// The provider's id of the answer.
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    /// The model that answered.
    pub model: String,
    /// OpenAI's.
    pub system_fingerprint: Option<String>,
    /// The tier that serves the request.
    pub service_tier: Option<String>,
}

/// Writes the events of one answer, in the order that clients rely on: the role first in every choice, then text, then what the text is
/// based on and what the provider wants back, then the finish reason, then the usage if it was asked for, then `[DONE]`.
#[derive(Debug)]
pub struct ChunkWriter {
    head: ChunkHead,
    include_usage: bool,
    legacy_functions: bool,
    /// Which choices have begun; `n` is at most 128.
    begun: u128,
    /// Which calls, by choice and index, are of custom tools.
    custom: BTreeSet<(u32, u32)>,
    lists: BTreeMap<u32, Lists>,
}

/// A choice's lists. Nobody reads two of them before the answer is whole, and so they come whole, as OpenAI's annotations do: of a field
/// that it does not know, OpenAI's SDK for Node keeps nothing but what the last chunk has.
#[derive(Debug, Default)]
struct Lists {
    /// How many there were.
    images: u32,
    reasoning_details: Vec<Value>,
    annotations: Vec<Value>,
}

impl ChunkWriter {
    /// A writer for one answer.
    pub fn new(head: ChunkHead, include_usage: bool, legacy_functions: bool) -> Self {
        Self { head, include_usage, legacy_functions, begun: 0, custom: BTreeSet::new(), lists: BTreeMap::new() }
    }

    /// What its chunks repeat.
    pub fn head(&self) -> &ChunkHead {
        &self.head
    }

    /// A piece of text.
    pub fn text(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        self.begin(out, choice);
        self.delta(out, choice, Delta { content: Some(text), ..Delta::default() });
    }

    /// A piece of a refusal.
    pub fn refusal(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        self.begin(out, choice);
        self.delta(out, choice, Delta { refusal: Some(text), ..Delta::default() });
    }

    /// A piece of what is spoken.
    pub fn audio(&mut self, out: &mut Vec<u8>, choice: u32, audio: &Value) {
        self.begin(out, choice);
        self.delta(out, choice, Delta { audio: Some(audio), ..Delta::default() });
    }

    /// Something that was drawn.
    pub fn image(&mut self, out: &mut Vec<u8>, choice: u32, image: &Value) {
        self.begin(out, choice);
        let images = &mut self.lists.entry(choice).or_default().images;
        let index = *images;
        *images = index.saturating_add(1);
        self.delta(out, choice, Delta { images: Some([Entry { index, entry: image }]), ..Delta::default() });
    }

    /// A piece of what the model thinks.
    pub fn reasoning(&mut self, out: &mut Vec<u8>, choice: u32, text: &str) {
        self.begin(out, choice);
        self.delta(out, choice, Delta { reasoning_content: Some(text), ..Delta::default() });
    }

    /// Something the provider wants back of it; it is written when the choice ends.
    pub fn reasoning_detail(&mut self, choice: u32, detail: Value) {
        self.lists.entry(choice).or_default().reasoning_details.push(detail);
    }

    /// The beginning of a call; `extra` is its `extra_content`.
    pub fn tool_call(
        &mut self,
        out: &mut Vec<u8>,
        choice: u32,
        index: u32,
        (id, name): (&str, &str),
        extra: Option<&Value>,
    ) {
        self.begin(out, choice);
        let called = Called::Function(FunctionDelta { name: Some(name), arguments: "" });
        let call = CallDelta { index, id: Some(id), kind: Some("function"), called, extra_content: extra };
        self.call(out, choice, call);
    }

    /// The beginning of a custom tool's call.
    pub fn custom_call(&mut self, out: &mut Vec<u8>, choice: u32, index: u32, id: &str, name: &str) {
        self.begin(out, choice);
        self.custom.insert((choice, index));
        let called = Called::Custom(CustomDelta { name: Some(name), input: "" });
        self.call(out, choice, CallDelta { index, id: Some(id), kind: Some("custom"), called, extra_content: None });
    }

    /// A piece of a call's arguments or input.
    pub fn tool_arguments(&mut self, out: &mut Vec<u8>, choice: u32, index: u32, text: &str) {
        self.begin(out, choice);
        let called = match self.custom.contains(&(choice, index)) {
            true => Called::Custom(CustomDelta { name: None, input: text }),
            false => Called::Function(FunctionDelta { name: None, arguments: text }),
        };
        self.call(out, choice, CallDelta { index, id: None, kind: None, called, extra_content: None });
    }

    /// Something the text is based on; it is written when the choice ends.
    pub fn annotation(&mut self, choice: u32, annotation: Value) {
        self.lists.entry(choice).or_default().annotations.push(annotation);
    }

    /// How likely the last tokens were.
    pub fn logprobs(&mut self, out: &mut Vec<u8>, index: u32, logprobs: &Value) {
        self.begin(out, index);
        self.chunk(out, &[ChunkChoice { logprobs: Some(logprobs), ..ChunkChoice::of(index) }], None);
    }

    /// The end of a choice; `native` is the provider's own word for the reason.
    pub fn finish(&mut self, out: &mut Vec<u8>, choice: u32, reason: FinishReason, native: Option<&str>) {
        self.begin(out, choice);
        if let Some(Lists { reasoning_details, annotations, .. }) = self.lists.remove(&choice)
            && !(reasoning_details.is_empty() && annotations.is_empty())
        {
            let (reasoning_details, annotations) = (reasoning_details.as_slice(), annotations.as_slice());
            self.delta(out, choice, Delta { reasoning_details, annotations, ..Delta::default() });
        }
        let end = ChunkChoice { finish_reason: Some(reason), native_finish_reason: native, ..ChunkChoice::of(choice) };
        self.chunk(out, &[end], None);
    }

    /// The end of the answer: the usage if it was asked for and is known, then `[DONE]`.
    pub fn done(&mut self, out: &mut Vec<u8>, usage: Option<&Usage>) {
        if self.include_usage && usage.is_some() {
            self.chunk(out, &[], usage);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// The role opens a choice exactly once, whatever the provider did.
    pub fn begin(&mut self, out: &mut Vec<u8>, choice: u32) {
        let bit = 1_u128.checked_shl(choice).unwrap_or(0);
        if self.begun & bit != bit {
            self.begun |= bit;
            self.delta(out, choice, Delta { role: Some("assistant"), content: Some(""), ..Delta::default() });
        }
    }

    /// A caller who offered `functions` gets the one call in their form.
    fn call(&self, out: &mut Vec<u8>, choice: u32, call: CallDelta<'_>) {
        let delta = match (self.legacy_functions, call) {
            (true, CallDelta { index: 0, called: Called::Function(function), .. }) => {
                Delta { function_call: Some(function), ..Delta::default() }
            }
            (true, CallDelta { called: Called::Function(_), .. }) => return,
            (_, call) => Delta { tool_calls: Some([call]), ..Delta::default() },
        };
        self.delta(out, choice, delta);
    }

    fn delta(&self, out: &mut Vec<u8>, index: u32, delta: Delta<'_>) {
        self.chunk(out, &[ChunkChoice { delta, ..ChunkChoice::of(index) }], None);
    }

    fn chunk(&self, out: &mut Vec<u8>, choices: &[ChunkChoice<'_>], usage: Option<&Usage>) {
        let chunk = Chunk {
            id: &self.head.id,
            object: "chat.completion.chunk",
            created: self.head.created,
            model: &self.head.model,
            system_fingerprint: self.head.system_fingerprint.as_deref(),
            service_tier: self.head.service_tier.as_deref(),
            choices,
            usage: self.include_usage.then_some(usage),
        };
        write_event(out, "data: ", &chunk);
    }
}

impl ChunkChoice<'_> {
    fn of(index: u32) -> Self {
        Self { index, delta: Delta::default(), logprobs: None, finish_reason: None, native_finish_reason: None }
    }
}

/// The event that ends a stream which failed. There is no `[DONE]` after it, and SDKs raise it.
pub fn error_event(error: ErrorDetail<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_event(&mut out, "event: error\ndata: ", &ErrorBody { error });
    out
}

fn write_event(out: &mut Vec<u8>, prefix: &str, body: &impl Serialize) {
    let start = out.len();
    out.extend_from_slice(prefix.as_bytes());
    // Writing strings and numbers to memory cannot fail; if it ever did, an incomplete event must not go out.
    match serde_json::to_writer(&mut *out, body) {
        Ok(()) => out.extend_from_slice(b"\n\n"),
        Err(_) => out.truncate(start),
    }
}

#[cfg(test)]
mod tests;
