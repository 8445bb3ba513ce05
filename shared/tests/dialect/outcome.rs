//! What became of a field: the request with it is compared with the request without it, before and after the translation.

use super::{
    models::{Ask, body_of},
    probes::Probe,
};
use serde_json::Value;
use supergate::{providers::Provider, usage::ModelCard};

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is where it was, with the value it had; perhaps something else came with it.
    Kept { with: Vec<String> },
    /// It is sent in another form or elsewhere.
    Rewritten { to: Vec<String>, named: bool },
    /// It is not sent, and named in the reply's header.
    Ignored,
    /// The request is an error, which says why.
    Refused(String),
    /// It changes nothing and nobody is told.
    Silent,
}

/// A difference: where it is (a JSON pointer), and what is there now, none where something is gone.
type Change = (String, Option<Value>);

/// Sends the probe's two requests to a model, not over any wire, and compares.
pub(crate) fn of(probe: &Probe, provider: &dyn Provider, card: &ModelCard, ask: Ask) -> Outcome {
    let prepare = |body: &Value| ask(provider, card, body.to_string().as_bytes());
    let without = match prepare(&probe.without) {
        Ok(prepared) => prepared,
        // A part of what is refused as a whole.
        Err(error) => return Outcome::Refused(error.message),
    };
    let with = match prepare(&probe.with) {
        Ok(prepared) => prepared,
        Err(error) => return Outcome::Refused(error.message),
    };
    let named = with.ignored.iter().any(|name| !without.ignored.contains(name));
    let asked = changes(&without_nulls(&probe.without), &without_nulls(&probe.with));
    let mut sent = changes(&body_of(&without), &body_of(&with));
    if without.path != with.path {
        sent.push(("/(address)".into(), None));
    }
    if sent.is_empty() {
        return if named { Outcome::Ignored } else { Outcome::Silent };
    }
    let is_gone = |change: &Change| change.1.is_none();
    let whole = match asked.iter().all(is_gone) {
        true => sent.iter().all(is_gone),
        false => asked.iter().all(|change| is_gone(change) || sent.contains(change)),
    };
    let others = sent.iter().filter(|change| !whole || !(is_gone(change) || asked.contains(change)));
    let mut places: Vec<String> = Vec::new();
    for place in others.map(|(pointer, value)| describe(pointer, value.as_ref())) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if whole && !named { Outcome::Kept { with: places } } else { Outcome::Rewritten { to: places, named } }
}

/// A null asks for nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let said = members.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(before, after, "", &mut found);
    found
}

fn compare(before: &Value, after: &Value, at: &str, found: &mut Vec<Change>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in after {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match before.get(name) {
                    Some(old) => compare(old, value, &at, found),
                    None => found.push((at, Some(value.clone()))),
                }
            }
            for name in before.keys().filter(|name| !after.contains_key(*name)) {
                found.push((format!("{at}/{name}"), None));
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (i, value) in after.iter().enumerate() {
                match before.get(i) {
                    Some(old) => compare(old, value, &format!("{at}/{i}"), found),
                    None => found.push((format!("{at}/{i}"), Some(value.clone()))),
                }
            }
            for i in after.len()..before.len() {
                found.push((format!("{at}/{i}"), None));
            }
        }
        _ => found.push((at.to_owned(), Some(after.clone()))),
    }
}

/// `/contents/0/parts/1` with `{"text": ..}` is `contents[].parts[].text` to a reader. What has a kind is named by it.
fn describe(pointer: &str, value: Option<&Value>) -> String {
    let mut path = String::new();
    let mut push = |name: &str| match name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => path.push_str("[]"),
        false if path.is_empty() => path.push_str(name),
        false => {
            path.push('.');
            path.push_str(name);
        }
    };
    pointer.split('/').skip(1).for_each(&mut push);
    let mut value = value;
    loop {
        value = match value {
            Some(Value::Object(members)) if members.len() == 1 => {
                let Some((name, inner)) = members.iter().next() else { break };
                push(name);
                Some(inner)
            }
            Some(Value::Array(items)) if items.len() == 1 => {
                push("0");
                items.first()
            }
            _ => break,
        };
    }
    let kind = value.and_then(|value| value.get("type")?.as_str());
    kind.map_or_else(|| format!("`{path}`"), |kind| format!("`{path}` ({kind})"))
}
