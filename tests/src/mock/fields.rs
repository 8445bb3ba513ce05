//! Reads a request as strictly as the providers do: every accessor names the path of what is wrong.

use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};

use super::answer::Turn;
use super::fault::Fault;

/// One JSON object of a request, and where it stands.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    at: String,
}

impl<'a> Fields<'a> {
    /// The object at `at` (empty: the body itself).
    pub fn of(value: &'a Value, at: &str) -> Result<Self, Fault> {
        let map = value.as_object().ok_or_else(|| Fault::Type { path: at.to_owned(), expected: "an object" })?;
        Ok(Self { map, at: at.to_owned() })
    }

    /// The path of a field of this object.
    pub fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// Refuses every field that is not in one of `known`.
    pub fn only(&self, known: &[&[&str]]) -> Result<(), Fault> {
        match self.map.keys().find(|name| !known.iter().any(|some| some.contains(&name.as_str()))) {
            Some(name) => Err(Fault::UnknownField(self.path(name))),
            None => Ok(()),
        }
    }

    /// A field; `null` counts as absent, as it does for all five providers.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A string that must be there and not be empty.
    pub fn needed_text(&self, name: &str) -> Result<String, Fault> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(Fault::Missing(self.path(name))),
        }
    }

    /// A string.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.typed(name, "a string", Value::as_str)
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    /// A whole number of at least `least`.
    pub fn count(&self, name: &str, least: u64) -> Result<Option<u64>, Fault> {
        let found = self.typed(name, "an integer", |value| value.as_u64().or_else(|| value.as_i64().map(|_| 0)))?;
        match found {
            Some(number) if number < least => Err(Fault::Value {
                path: self.path(name),
                message: format!("must be greater than or equal to {least}"),
            }),
            other => Ok(other),
        }
    }

    /// A number in a range, as it was written.
    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<Number>, Fault> {
        let found = self.typed(name, "a number", |value| value.as_number())?;
        match found {
            Some(number) if !number.as_f64().is_some_and(|value| range.contains(&value)) => {
                let message = format!("must be between {} and {}, but was {number}", range.start(), range.end());
                Err(Fault::Value { path: self.path(name), message })
            }
            other => Ok(other.cloned()),
        }
    }

    /// Strings in a list of at most `most`; a lone string where the provider takes one.
    pub fn texts(&self, name: &str, most: usize, lone: bool) -> Result<Vec<String>, Fault> {
        let expected = if lone { "a string or an array of strings" } else { "an array of strings" };
        let wrong = || Fault::Type { path: self.path(name), expected };
        let texts: Vec<String> = match self.get(name) {
            None => Vec::new(),
            Some(Value::String(text)) if lone => vec![text.clone()],
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)?
            }
            Some(_) => return Err(wrong()),
        };
        if texts.len() > most {
            return Err(Fault::Value {
                path: self.path(name),
                message: format!("at most {most} sequences are allowed"),
            });
        }
        Ok(texts)
    }

    /// A list that must be there and hold something.
    pub fn needed_list(&self, name: &str) -> Result<&'a [Value], Fault> {
        let list =
            self.typed(name, "an array", |value| value.as_array())?.ok_or_else(|| Fault::Missing(self.path(name)))?;
        if list.is_empty() { Err(Fault::Empty(self.path(name))) } else { Ok(list) }
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| Fault::Type { path: self.path(name), expected }),
        }
    }
}

/// What a provider allows in a list of messages. Four of the five have the same outline and differ in the words.
#[derive(Debug)]
pub struct Messages {
    /// Every role.
    pub roles: &'static [&'static str],
    /// Those of them that instruct the model.
    pub system: &'static [&'static str],
    /// Every field of a message.
    pub fields: &'static [&'static str],
    /// Every type of a content part; only `text` is read.
    pub parts: &'static [&'static str],
    /// Whether a message may say nothing (`""`).
    pub silence: bool,
}

/// System texts and turns, in order.
pub type Conversation = (Vec<String>, Vec<Turn>);

impl Messages {
    /// Reads `messages` of a request.
    pub fn read(&self, body: &Fields<'_>) -> Result<Conversation, Fault> {
        let (mut system, mut turns) = (Vec::new(), Vec::new());
        for (index, message) in body.needed_list("messages")?.iter().enumerate() {
            let message = Fields::of(message, &format!("messages[{index}]"))?;
            message.only(&[self.fields])?;
            let role = message.needed_text("role")?;
            if !self.roles.contains(&role.as_str()) {
                return Err(Fault::NotOneOf { path: message.path("role"), given: role, allowed: self.roles });
            }
            let text = self.content(&message, &role)?;
            if self.system.contains(&role.as_str()) {
                system.push(text);
            } else {
                turns.push(Turn { from_user: role == "user", text });
            }
        }
        Ok((system, turns))
    }

    fn content(&self, message: &Fields<'_>, role: &str) -> Result<String, Fault> {
        let calls_tools = role == "assistant" && message.get("tool_calls").is_some();
        match message.get("content") {
            None if calls_tools => Ok(String::new()),
            None => Err(Fault::Missing(message.path("content"))),
            // With tool calls all five take an empty string, text or list.
            Some(content) => self.text_of(content, &message.path("content"), self.silence || calls_tools, calls_tools),
        }
    }

    /// The text of a string or of a list of parts; other parts than text say nothing.
    pub fn text_of(
        &self,
        content: &Value,
        at: &str,
        may_be_silent: bool,
        may_be_no_parts: bool,
    ) -> Result<String, Fault> {
        let parts = match content {
            Value::String(text) if text.is_empty() && !may_be_silent => return Err(Fault::Empty(at.to_owned())),
            Value::String(text) => return Ok(text.clone()),
            Value::Array(parts) if parts.is_empty() && !may_be_no_parts => return Err(Fault::Empty(at.to_owned())),
            Value::Array(parts) => parts,
            _ => return Err(Fault::Type { path: at.to_owned(), expected: "a string or an array of parts" }),
        };
        let mut text = String::new();
        for (index, part) in parts.iter().enumerate() {
            let part = Fields::of(part, &format!("{at}[{index}]"))?;
            let kind = part.needed_text("type")?;
            if !self.parts.contains(&kind.as_str()) {
                return Err(Fault::NotOneOf { path: part.path("type"), given: kind, allowed: self.parts });
            }
            if kind == "text" {
                let said = part.text("text")?.ok_or_else(|| Fault::Missing(part.path("text")))?;
                if said.is_empty() && !may_be_silent {
                    return Err(Fault::Empty(part.path("text")));
                }
                text.push_str(said);
            }
        }
        Ok(text)
    }
}
