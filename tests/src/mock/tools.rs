//! Tools: when a call is due, with which arguments, and how OpenAI, Cohere and Mistral write offers and calls alike.

use serde_json::{Map, Value};

use super::answer::Turn;
use super::directives::Directives;
use super::fault::Fault;
use super::fields::{Fields, Message};
use super::schema;

/// A tool that a request offers.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The schema of its arguments.
    pub schema: Value,
    /// OpenAI's custom tools take any text instead of arguments.
    pub takes_text: bool,
}

/// Whether the model is free to call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Choice {
    /// It is.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must call some tool.
    Required,
    /// It must call this one.
    Named(String),
}

/// All that a request says about tools.
#[derive(Debug, Default, Clone)]
pub struct Offer {
    /// In the order given.
    pub tools: Vec<Tool>,
    /// How free the model is.
    pub choice: Choice,
    /// Whether it may make no more than one call a turn.
    pub one_at_a_time: bool,
    /// OpenAI's first form of tools, `functions`, which is answered in kind.
    pub legacy: bool,
}

/// A call of the answer.
#[derive(Debug, Clone)]
pub struct Called {
    /// The tool.
    pub name: String,
    /// An object; a text where the tool takes one.
    pub arguments: Value,
}

/// A call in a request: an earlier turn of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierCall {
    /// What its result refers to; empty at Google, which needs none.
    pub id: String,
    /// The tool.
    pub name: String,
}

/// What a tool answered.
#[derive(Debug, Clone)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// The tool; from the call where the result does not say.
    pub name: String,
    /// What it said.
    pub text: String,
}

impl Offer {
    /// The calls that the answer consists of; none where text is due.
    pub fn due(&self, directives: &Directives, heard: &str) -> Vec<Called> {
        let (Some(first), false) = (self.tools.first(), self.choice == Choice::None) else { return Vec::new() };
        let named = |name: &str| self.tools.iter().find(|tool| tool.name == name).unwrap_or(first);
        let wanted: Vec<&Tool> = match (&self.choice, directives.calls) {
            (Choice::Named(name), many) => vec![named(name); many.unwrap_or(1).max(1)],
            (_, Some(many)) => self.tools.iter().cycle().take(many).collect(),
            (Choice::Required, None) => vec![first],
            _ => Vec::new(),
        };
        let most = if self.one_at_a_time { 1 } else { usize::MAX };
        let heard = Directives::strip(heard);
        let call = |tool: &Tool| {
            let arguments = match schema::instance(&tool.schema, &heard) {
                _ if tool.takes_text => Value::String(heard.clone()),
                Value::Object(map) => Value::Object(map),
                _ => Value::Object(Map::new()),
            };
            Called { name: tool.name.clone(), arguments }
        };
        wanted.into_iter().take(most).map(call).collect()
    }
}

impl Called {
    /// The arguments as every provider but Anthropic and Google sends them: JSON in a string.
    pub fn arguments(&self) -> String {
        self.arguments.as_str().map_or_else(|| self.arguments.to_string(), str::to_owned)
    }

    /// Whether a text was given instead of arguments.
    pub fn is_text(&self) -> bool {
        self.arguments.is_string()
    }

    /// The same in pieces, which end anywhere: inside a name, a number, a string.
    pub fn fragments(&self) -> Vec<String> {
        let text: Vec<char> = self.arguments().chars().collect();
        text.chunks(7).map(|chunk| chunk.iter().collect()).collect()
    }

    /// Tokens by the mock's rule: words, and one for the name.
    pub fn tokens(&self) -> u64 {
        1 + self.arguments().split_whitespace().count() as u64
    }
}

/// Gives every result the name of the tool that was called with its id.
pub fn name_results(turns: &mut [Turn]) {
    let mut known: Vec<EarlierCall> = Vec::new();
    for turn in turns {
        known.extend(turn.calls.iter().cloned());
        for result in turn.results.iter_mut().filter(|result| result.name.is_empty()) {
            let call = known.iter().rev().find(|call| call.id == result.id);
            result.name = call.map_or_else(|| result.id.clone(), |call| call.name.clone());
        }
    }
}

/// `tools` of OpenAI, Cohere and Mistral, of these kinds. `check` looks at each function and knows its path.
pub fn read_tools(
    body: &Fields<'_>,
    kinds: &'static [&'static str],
    check: impl Fn(&Fields<'_>, &Value) -> Result<(), Fault>,
) -> Result<Vec<Tool>, Fault> {
    let mut tools = Vec::new();
    for (index, tool) in body.list("tools")?.iter().enumerate() {
        let tool = Fields::of(tool, &format!("tools[{index}]"))?;
        if tool.word("type", kinds)? == Some("custom") {
            let custom = tool.object("custom")?.ok_or_else(|| Fault::Missing(tool.path("custom")))?;
            custom.only(&[&["name", "description", "format"]])?;
            tools.push(Tool { name: custom.needed_text("name")?, schema: Value::Null, takes_text: true });
            continue;
        }
        let function = tool.get("function").ok_or_else(|| Fault::Missing(tool.path("function")))?;
        let function = Fields::of(function, &tool.path("function"))?;
        function.only(&[&["name", "description", "parameters", "strict"]])?;
        let name = function.needed_text("name")?;
        let schema = function.get("parameters").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        Fields::of(&schema, &function.path("parameters"))?;
        check(&function, &schema)?;
        tools.push(Tool { name, schema, takes_text: false });
    }
    Ok(tools)
}

/// `^[a-zA-Z0-9_-]{1,64}$`: what most providers allow in a name.
pub fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// `tool_calls` of an assistant's message, as OpenAI, Cohere and Mistral write them.
fn read_calls(message: &Fields<'_>, kinds: &'static [&'static str]) -> Result<Vec<EarlierCall>, Fault> {
    let mut calls = Vec::new();
    for (index, call) in message.list("tool_calls")?.iter().enumerate() {
        let call = Fields::of(call, &format!("{}[{index}]", message.path("tool_calls")))?;
        call.only(&[&["id", "type", "function", "index", "custom"]])?;
        if call.word("type", kinds)? == Some("custom") {
            let custom = call.object("custom")?.ok_or_else(|| Fault::Missing(call.path("custom")))?;
            custom.needed_text("input")?;
            calls.push(EarlierCall { id: call.needed_text("id")?, name: custom.needed_text("name")? });
            continue;
        }
        let function = call.get("function").ok_or_else(|| Fault::Missing(call.path("function")))?;
        let function = Fields::of(function, &call.path("function"))?;
        function.only(&[&["name", "arguments"]])?;
        let arguments = function.get("arguments").ok_or_else(|| Fault::Missing(function.path("arguments")))?;
        if !arguments.is_string() {
            return Err(Fault::Type { path: function.path("arguments"), expected: "a string" });
        }
        calls.push(EarlierCall { id: call.needed_text("id")?, name: function.needed_text("name")? });
    }
    Ok(calls)
}

/// Reads calls of these kinds, and results that are messages of the role `tool`.
pub fn read_calls_and_results(messages: &mut [Message<'_>], kinds: &'static [&'static str]) -> Result<(), Fault> {
    for message in messages {
        message.turn.calls = read_calls(&message.fields, kinds)?;
        if message.role == "tool" {
            let id = message.fields.needed_text("tool_call_id")?;
            let text = std::mem::take(&mut message.turn.text);
            message.turn.results = vec![ToolResult { id, name: String::new(), text }];
        }
    }
    Ok(())
}
