//! The fields of a request that have no type of their own (`seed`, `user`, `store` …). A provider takes those it knows under one name
//! or another; what is left is named, never dropped silently.

use super::{
    fields::{self, Field},
    options,
};
use crate::openai::{
    ChatRequest, Invalid,
    chat::REFUSED,
    format::{Effort, Reasoning},
    json::without_values,
};
use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

/// How many ignored names are kept.
const MAX_IGNORED: usize = 64;

/// What is left of a request's untyped fields. Serializes as those fields.
#[derive(Debug)]
pub(crate) struct Extras<'a> {
    left: Vec<(&'a str, &'a Value)>,
    ignored: Vec<String>,
}

impl<'a> Extras<'a> {
    /// All of a request's untyped fields but those that ask for nothing.
    pub(crate) fn of(request: &'a ChatRequest) -> Self {
        let fields = request.other.iter().map(|(name, value)| (name.as_str(), value));
        let asks = |(name, value): &(&str, &Value)| !asks_for_nothing(name, value) && !options::is_for_a_provider(name);
        Self { left: fields.filter(asks).collect(), ignored: Vec::new() }
    }

    /// Names all but these as ignored; these stay.
    pub(crate) fn keep_only(&mut self, known: &[&str]) {
        let (kept, rest): (Vec<_>, Vec<_>) = self.left.drain(..).partition(|(name, _)| known.contains(name));
        self.left = kept;
        for (name, _) in rest {
            self.ignore(name);
        }
    }

    /// A field that was not taken yet.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.left.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| *value)
    }

    /// The names of what was ignored so far.
    pub(crate) fn named_so_far(&self) -> Vec<String> {
        self.ignored.clone()
    }

    /// Takes a number within bounds.
    pub(crate) fn number(&mut self, name: &str, low: f64, high: f64) -> Result<Option<f64>, Invalid> {
        match self.take(name).map(Value::as_f64) {
            None => Ok(None),
            Some(Some(number)) if (low..=high).contains(&number) => Ok(Some(number)),
            Some(_) => Err(Invalid::value(name, format!("must be a number from {low} to {high}"))),
        }
    }

    /// Takes a whole number.
    pub(crate) fn whole(&mut self, name: &str) -> Result<Option<i64>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| Invalid::value(name, "must be a whole number")),
        }
    }

    /// Takes a string.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<&'a str>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| Invalid::value(name, "must be a string")),
        }
    }

    /// Takes a boolean.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Invalid> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or_else(|| Invalid::value(name, "must be a boolean")),
        }
    }

    /// Takes a field as it is.
    pub(crate) fn value(&mut self, name: &str) -> Option<&'a Value> {
        self.take(name)
    }

    /// Takes the ordinary tier, where there is no other.
    pub(crate) fn ordinary_tier(&mut self) {
        self.left.retain(|(name, value)| *name != "service_tier" || *value != "default");
    }

    /// Takes how hard and how long to think: `reasoning`, and OpenAI's own `reasoning_effort`, which is the weaker word of the two.
    pub(crate) fn thinking(&mut self) -> Result<Thinking, Invalid> {
        let effort: Option<Effort> = read(self.take("reasoning_effort"), "reasoning_effort")?;
        let reasoning: Option<Reasoning> = read(self.take("reasoning"), "reasoning")?;
        let Some(reasoning) = reasoning else { return Ok(Thinking { effort, max_tokens: None, exclude: false }) };
        let stronger = match reasoning.enabled {
            Some(false) => Some(Effort::None),
            Some(true) => reasoning.effort.or(effort).or(Some(Effort::Medium)),
            None => reasoning.effort.or(effort),
        };
        if effort.is_some() && effort != stronger {
            self.ignore("reasoning_effort");
        }
        let exclude = reasoning.exclude.unwrap_or(false);
        Ok(Thinking { effort: stronger, max_tokens: reasoning.max_tokens, exclude })
    }

    /// Names a field that cannot be honoured as it was given.
    pub(crate) fn ignore(&mut self, name: impl Into<String>) {
        let name = name.into();
        // Nobody reads more, and a hostile body could have thousands.
        if self.ignored.len() < MAX_IGNORED && !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }

    /// Names the fields deep in the request (`messages[].name`) but those that the provider takes.
    pub(crate) fn name_fields(&mut self, request: &ChatRequest, takes: impl Fn(&Field<'_>) -> bool) {
        fields::each(request, |field| {
            if !takes(&field) {
                self.ignore(field.path());
            }
        });
    }

    /// The names of all that was not taken: fields of the request, of its stream options and deep in it.
    pub(crate) fn into_ignored(mut self, request: &ChatRequest, takes: impl Fn(&Field<'_>) -> bool) -> Vec<String> {
        for (name, _) in std::mem::take(&mut self.left) {
            self.ignore(name);
        }
        for (name, value) in request.stream_options.iter().flat_map(|options| &options.other) {
            if !value.is_null() && value != false {
                self.ignore(format!("stream_options.{name}"));
            }
        }
        self.name_fields(request, takes);
        self.ignored
    }

    fn take(&mut self, name: &str) -> Option<&'a Value> {
        let found = self.left.iter().position(|(candidate, _)| *candidate == name)?;
        Some(self.left.remove(found).1)
    }
}

/// How a caller wants a model to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thinking {
    /// How hard; none: as the model does by itself.
    pub(crate) effort: Option<Effort>,
    /// For how many tokens at most.
    pub(crate) max_tokens: Option<u32>,
    /// Whether the thoughts are left out of the answer.
    pub(crate) exclude: bool,
}

fn read<T: DeserializeOwned>(value: Option<&Value>, name: &str) -> Result<Option<T>, Invalid> {
    value
        .map(|value| T::deserialize(value).map_err(|error| Invalid::value(name, without_values(&error.to_string()))))
        .transpose()
}

impl Serialize for Extras<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.left.iter().copied())
    }
}

/// Whether leaving the field out is what it asks for. Of the fields in [`REFUSED`] only such values get this far, and some providers
/// refuse even those (OpenAI an empty `tools`, Google a penalty of zero).
fn asks_for_nothing(name: &str, value: &Value) -> bool {
    match name {
        "logprobs" | "store" => value == false,
        "frequency_penalty" | "presence_penalty" | "top_logprobs" => value.as_f64() == Some(0.0),
        "logit_bias" | "metadata" => value.as_object().is_some_and(serde_json::Map::is_empty),
        "service_tier" => value == "auto",
        "modalities" => value.as_array().is_some_and(|all| all.iter().all(|one| one == "text")),
        _ => REFUSED.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(extra: &Value) -> ChatRequest {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect")
    }

    #[test]
    fn what_is_not_taken_is_named() {
        let request = request(&json!({
            "seed": 7, "user": "u", "stream": true,
            "stream_options": { "include_usage": true, "include_obfuscation": true, "tomorrow": false },
            "messages": [{ "role": "user", "content": "hi", "name": "ada", "tool_calls": [], "weight": 1, "mood": "good" }],
        }));
        let mut extras = Extras::of(&request);
        assert_eq!(extras.whole("seed"), Ok(Some(7)));
        extras.ignore("top_p");
        let named = ["top_p", "user", "stream_options.include_obfuscation", "messages[].name", "messages[].mood"];
        let ignored = extras.into_ignored(&request, |field| field.name == "weight");
        assert_eq!(ignored, named);
    }

    #[test]
    fn what_asks_for_nothing_is_neither_sent_nor_named() {
        let request = request(&json!({
            "tools": [], "tool_choice": "auto", "models": [], "response_format": { "type": "text" }, "modalities": ["text"],
            "logprobs": false, "store": false, "presence_penalty": 0, "frequency_penalty": 0.0, "metadata": {}, "service_tier": "auto",
        }));
        assert_eq!(serde_json::to_value(Extras::of(&request)).expect("JSON"), json!({}));
        assert!(Extras::of(&request).into_ignored(&request, |_| false).is_empty());
    }

    #[test]
    fn a_wrong_type_is_the_callers_mistake() {
        let request = request(&json!({ "seed": 1.5, "user": 7, "presence_penalty": 3, "frequency_penalty": "high" }));
        let mut extras = Extras::of(&request);
        assert_eq!(extras.whole("seed").expect_err("half a seed").param.as_deref(), Some("seed"));
        assert_eq!(extras.text("user").expect_err("a number").param.as_deref(), Some("user"));
        assert!(extras.number("presence_penalty", -2.0, 2.0).is_err(), "out of range");
        assert!(extras.number("frequency_penalty", -2.0, 2.0).is_err(), "not a number");
    }

    #[test]
    fn of_two_words_for_one_wish_the_weaker_is_named() {
        #[rustfmt::skip]
        let table = [
            (json!({ "reasoning_effort": "low" }),                                         Some(Effort::Low),  &[][..]),
            (json!({ "reasoning_effort": "low", "reasoning": { "effort": "low" } }),       Some(Effort::Low),  &[]),
            (json!({ "reasoning_effort": "low", "reasoning": { "effort": "high" } }),      Some(Effort::High), &["reasoning_effort"]),
            (json!({ "reasoning_effort": "low", "reasoning": { "enabled": false } }),      Some(Effort::None), &["reasoning_effort"]),
            (json!({ "reasoning_effort": "low", "reasoning": { "enabled": true } }),       Some(Effort::Low),  &[]),
        ];
        for (fields, effort, named) in table {
            let request = request(&fields);
            let mut extras = Extras::of(&request);
            assert_eq!(extras.thinking().expect("a wish").effort, effort, "{fields}");
            assert_eq!(extras.into_ignored(&request, |_| false), named, "{fields}");
        }
    }
}
