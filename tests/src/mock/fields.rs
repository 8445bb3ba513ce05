//! Reads a request as strictly as the providers do: every accessor names the path of what is wrong.

use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};

use super::answer::Turn;
use super::fault::Fault;
use super::tools::name_results;

/// One JSON object of a request, and where it stands.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    whole: &'a Value,
    map: &'a Map<String, Value>,
    at: String,
}

impl<'a> Fields<'a> {
    /// The object at `at` (empty: the body itself).
    pub fn of(value: &'a Value, at: &str) -> Result<Self, Fault> {
        let map = value.as_object().ok_or_else(|| Fault::Type { path: at.to_owned(), expected: "an object" })?;
        Ok(Self { whole: value, map, at: at.to_owned() })
    }

    /// The path of a field of this object.
    pub fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// The object itself.
    pub fn value(&self) -> &'a Value {
        self.whole
    }

    /// Every field.
    pub fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.map.iter()
    }

    /// Where it stands.
    pub fn place(&self) -> &str {
        &self.at
    }

    /// The same object, as a provider names it that tells the kinds of an object apart in its paths: `content.0.tool_use`.
    pub fn moved(&self, step: &str) -> Self {
        Self { at: self.path(step), ..self.clone() }
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

    /// Whether a field is there and not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
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

    /// A list, empty where there is none.
    pub fn list(&self, name: &str) -> Result<&'a [Value], Fault> {
        Ok(self.typed(name, "an array", |value| value.as_array())?.map_or(&[], Vec::as_slice))
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<Fields<'a>>, Fault> {
        self.get(name).map(|value| Self::of(value, &self.path(name))).transpose()
    }

    /// One of a few words.
    pub fn word(&self, name: &str, allowed: &'static [&'static str]) -> Result<Option<&'a str>, Fault> {
        match self.text(name)? {
            Some(given) if !allowed.contains(&given) => {
                Err(Fault::NotOneOf { path: self.path(name), given: given.to_owned(), allowed })
            }
            other => Ok(other),
        }
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
    /// Every type of a content part.
    pub parts: &'static [&'static str],
    /// Every field of a text part; none where the provider does not look.
    pub text: &'static [&'static str],
    /// Whether a message may say nothing (`""`).
    pub silence: bool,
    /// Reads a part that is not text: its type, the part, the role of its message.
    pub part: fn(&str, &Fields<'_>, &str, &mut Turn) -> Result<(), Fault>,
}

/// System texts and turns, in order.
pub type Conversation = (Vec<String>, Vec<Turn>);

/// One message, read as far as all providers are alike.
#[derive(Debug)]
pub struct Message<'a> {
    /// Who says it.
    pub role: String,
    /// All of it.
    pub fields: Fields<'a>,
    /// What it says.
    pub turn: Turn,
}

impl Messages {
    /// Reads `messages` of a request.
    pub fn read<'a>(&self, body: &Fields<'a>) -> Result<Vec<Message<'a>>, Fault> {
        let messages = body.needed_list("messages")?.iter().enumerate();
        messages.map(|(index, message)| self.message(message, &format!("messages[{index}]"))).collect()
    }

    /// System texts and turns apart; results know which tool they are of.
    pub fn conversation(&self, messages: Vec<Message<'_>>) -> Conversation {
        let (system, turns): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| self.system.contains(&message.role.as_str()));
        let of_turn = |message: Message<'_>| {
            let spoken = message.turn.results.is_empty() || !message.turn.text.is_empty();
            Turn { from_user: message.role == "user" && spoken, ..message.turn }
        };
        let mut turns: Vec<Turn> = turns.into_iter().map(of_turn).collect();
        name_results(&mut turns);
        (system.into_iter().map(|message| message.turn.text).collect(), turns)
    }

    fn message<'a>(&self, message: &'a Value, at: &str) -> Result<Message<'a>, Fault> {
        let fields = Fields::of(message, at)?;
        fields.only(&[self.fields])?;
        let role = fields.needed_text("role")?;
        if !self.roles.contains(&role.as_str()) {
            return Err(Fault::NotOneOf { path: fields.path("role"), given: role, allowed: self.roles });
        }
        let calls_tools = role == "assistant" && ["tool_calls", "function_call"].iter().any(|name| fields.has(name));
        let mut turn = Turn::default();
        match fields.get("content") {
            None if calls_tools || (role == "assistant" && fields.has("refusal")) => {}
            None => return Err(Fault::Missing(fields.path("content"))),
            // With tool calls all five take an empty string, text or list.
            Some(content) => {
                let silence = self.silence || calls_tools;
                self.content(content, &fields.path("content"), (silence, calls_tools), &role, &mut turn)?;
            }
        }
        Ok(Message { role, fields, turn })
    }

    /// The text of a string or of a list of parts; nothing but text is expected in it.
    pub fn text_of(&self, content: &Value, at: &str, may_be_silent: bool) -> Result<String, Fault> {
        let mut turn = Turn::default();
        self.content(content, at, (may_be_silent, false), "system", &mut turn)?;
        Ok(turn.text)
    }

    /// Reads a string or a list of parts into `turn`; `may_be` an empty text, an empty list.
    pub fn content(
        &self,
        content: &Value,
        at: &str,
        may_be: (bool, bool),
        role: &str,
        turn: &mut Turn,
    ) -> Result<(), Fault> {
        let parts = match content {
            Value::String(text) if text.is_empty() && !may_be.0 => return Err(Fault::Empty(at.to_owned())),
            Value::String(text) => {
                turn.text.push_str(text);
                return Ok(());
            }
            Value::Array(parts) if parts.is_empty() && !may_be.1 => return Err(Fault::Empty(at.to_owned())),
            Value::Array(parts) => parts,
            _ => return Err(Fault::Type { path: at.to_owned(), expected: "a string or an array of parts" }),
        };
        for (index, part) in parts.iter().enumerate() {
            let part = Fields::of(part, &format!("{at}[{index}]"))?;
            let kind = part.needed_text("type")?;
            if !self.parts.contains(&kind.as_str()) {
                return Err(Fault::NotOneOf { path: part.path("type"), given: kind, allowed: self.parts });
            }
            if kind != "text" {
                (self.part)(&kind, &part, role, turn)?;
                continue;
            }
            if !self.text.is_empty() {
                part.only(&[self.text])?;
            }
            let said = part.text("text")?.ok_or_else(|| Fault::Missing(part.path("text")))?;
            if said.is_empty() && !may_be.0 {
                return Err(Fault::Empty(part.path("text")));
            }
            turn.text.push_str(said);
        }
        Ok(())
    }
}
