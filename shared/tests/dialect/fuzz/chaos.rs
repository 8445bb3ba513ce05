//! Edits of a request as JSON: a random edit of its text would seldom be JSON any more.

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

/// What to do to some value in a request.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    Replace(Index, Value),
    Remove(Index),
    Repeat(Index),
    Add(Index, &'static str, Value),
    Swap(Index, Index),
}

const NAMES: &[&str] = &[
    "content",
    "tool_calls",
    "$ref",
    "anyOf",
    "type",
    "cache_control",
    "name",
    "refusal",
    "reasoning_details",
    "items",
];

fn odd() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(1e308)),
        Just(json!("")),
        Just(json!(" \n")),
        Just(json!("é😀\u{0}\u{2028}")),
        Just(json!("#/$defs/a")),
        Just(json!("data:image/png;base64,")),
        Just(json!("assistant")),
        Just(json!("tool")),
        Just(json!("required")),
        Just(json!("{\"a\":")),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(NAMES), inner), 0..4)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), odd()).prop_map(|(at, value)| Edit::Replace(at, value)),
        any::<Index>().prop_map(Edit::Remove),
        any::<Index>().prop_map(Edit::Repeat),
        (any::<Index>(), prop::sample::select(NAMES), odd()).prop_map(|(at, name, value)| Edit::Add(at, name, value)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Swap(from, to)),
    ]
}

pub(super) fn apply(body: &mut Value, edit: &Edit) {
    let mut places = Vec::new();
    walk(body, "", &mut places);
    if places.is_empty() {
        return;
    }
    match edit {
        Edit::Replace(at, value) => drop(body.pointer_mut(pick(at, &places)).map(|place| *place = value.clone())),
        Edit::Remove(at) => {
            let Some((parent, name)) = pick(at, &places).rsplit_once('/') else { return };
            match body.pointer_mut(parent) {
                Some(Value::Object(members)) => drop(members.shift_remove(name)),
                Some(Value::Array(items)) => drop(name.parse::<usize>().map(|i| items.remove(i))),
                _ => {}
            }
        }
        Edit::Repeat(at) => {
            let arrays: Vec<_> =
                places.iter().filter(|place| body.pointer(place).is_some_and(Value::is_array)).collect();
            if let Some(place) = (!arrays.is_empty()).then(|| *at.get(&arrays))
                && let Some(Value::Array(items)) = body.pointer_mut(place)
            {
                items.extend(items.clone());
            }
        }
        Edit::Add(at, name, value) => {
            if let Some(Value::Object(members)) = body.pointer_mut(pick(at, &places)) {
                members.insert((*name).to_owned(), value.clone());
            }
        }
        Edit::Swap(from, to) => {
            let value = body.pointer(pick(from, &places)).cloned();
            if let (Some(value), Some(place)) = (value, body.pointer_mut(pick(to, &places))) {
                *place = value;
            }
        }
    }
}

fn pick<'a>(at: &Index, places: &'a [String]) -> &'a str {
    at.get(places).as_str()
}

/// Every value but the body itself. Names with a slash are left alone.
fn walk(value: &Value, at: &str, places: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    if !at.is_empty() {
        places.push(at.to_owned());
    }
    for (name, value) in members.into_iter().filter(|(name, _)| !name.contains(['/', '~'])) {
        walk(value, &format!("{at}/{name}"), places);
    }
}

/// An embeddings request that is nearly one.
pub(super) fn embeddings() -> impl Strategy<Value = Value> {
    let text = || prop_oneof!["\\PC{0,20}".prop_map(Value::from), Just(json!("x".repeat(2000)))];
    let tokens = || prop::collection::vec(any::<u32>(), 0..8).prop_map(|tokens| json!(tokens));
    let input = prop_oneof![
        text(),
        tokens(),
        prop::collection::vec(text(), 0..200).prop_map(Value::from),
        prop::collection::vec(tokens(), 0..5).prop_map(Value::from),
        odd(),
    ];
    let dimensions = prop::option::of(prop_oneof![Just(json!(256)), Just(json!(0)), Just(json!(u32::MAX)), odd()]);
    let kind = prop::option::of(prop::sample::select(&["search_query", "clustering", "mood"][..]));
    (input, dimensions, kind, prop::option::of(odd())).prop_map(|(input, dimensions, kind, more)| {
        let mut body = json!({ "model": "m", "input": input });
        let fields = [("dimensions", dimensions), ("input_type", kind.map(Value::from)), ("mood", more)];
        for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            body[name] = value;
        }
        body
    })
}
