//! Calls of functions, put together from their pieces.

use serde_json::{Map, Value};

use super::said::Said;

/// One call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// Whether it is of a custom tool, which takes any text.
    pub custom: bool,
    /// An object; as text where a model, or a limit of tokens, left no JSON.
    pub arguments: Value,
}

/// All calls of an answer, in their order.
#[derive(Debug, Default)]
pub struct Calls(Vec<Open>);

#[derive(Debug)]
struct Open {
    choice: u64,
    index: u64,
    id: String,
    name: String,
    custom: bool,
    text: String,
    object: Option<Value>,
}

impl Calls {
    pub fn begin(&mut self, choice: u64, index: u64, id: &str, name: &str) {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.0.push(Open { choice, index, id, name, custom: false, text: String::new(), object: None });
    }

    pub fn begin_custom(&mut self, choice: u64, index: u64, id: &str, name: &str) {
        self.begin(choice, index, id, name);
        self.0.last_mut().expect("a call").custom = true;
    }

    /// More of the arguments of the last call in this place; what belongs to none is not the caller's.
    pub fn more(&mut self, choice: u64, index: u64, text: &str) {
        if let Some(call) = self.0.iter_mut().rev().find(|call| (call.choice, call.index) == (choice, index)) {
            call.text += text;
        }
    }

    /// How many a choice has.
    pub fn next(&self, choice: u64) -> u64 {
        self.0.iter().filter(|call| call.choice == choice).count() as u64
    }

    /// An argument of a choice's last call, by its `$.path[0].of_it`; pieces of a text come one after another.
    pub fn put(&mut self, choice: u64, path: &str, value: &Value) {
        let Some(call) = self.0.iter_mut().rev().find(|call| call.choice == choice) else { return };
        let mut place = call.object.get_or_insert_with(|| Value::Object(Map::new()));
        for step in path.trim_start_matches('$').split(['.', '[', ']']).filter(|step| !step.is_empty()) {
            place = match step.parse::<usize>() {
                Ok(at) => {
                    if !place.is_array() {
                        *place = Value::Array(Vec::new());
                    }
                    let items = place.as_array_mut().expect("an array");
                    items.resize(items.len().max(at + 1), Value::Null);
                    &mut items[at]
                }
                Err(_) => &mut place[step.trim_matches(['\'', '"'])],
            };
        }
        match (place, value) {
            (Value::String(text), Value::String(more)) => text.push_str(more),
            (place, value) => *place = value.clone(),
        }
    }

    /// Whether every call has an id of its own.
    pub fn have_ids(&self) -> bool {
        self.0.iter().enumerate().all(|(i, call)| {
            let earlier = &self.0[..i];
            !call.id.is_empty() && !earlier.iter().any(|other| other.choice == call.choice && other.id == call.id)
        })
    }

    pub fn settle(&self, said: &mut Said) {
        for call in &self.0 {
            let arguments = call.object.clone().unwrap_or_else(|| match call.text.trim() {
                _ if call.custom => Value::String(call.text.clone()),
                "" => Value::Object(Map::new()),
                text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
            });
            said.entry(call.choice).or_default().calls.push(Call {
                name: call.name.clone(),
                custom: call.custom,
                arguments,
            });
        }
    }
}
