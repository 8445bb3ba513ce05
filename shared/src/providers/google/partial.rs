//! A call whose arguments come in pieces, each a value at a path: <https://ai.google.dev/api/caching#PartialArg>.

use super::wire::PartialArg;
use crate::openai::json::MAX_DEPTH;
use serde_json::{Map, Value};

/// The arguments so far.
#[derive(Default)]
pub(super) struct Arguments(Map<String, Value>);

enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl Arguments {
    pub(super) fn of(args: Option<Map<String, Value>>) -> Self {
        Self(args.unwrap_or_default())
    }

    /// Puts a value at its path, or adds to the text that is there. None where the path is none, or leaves a gap.
    pub(super) fn add(&mut self, piece: PartialArg) -> Option<()> {
        let mut steps = steps(&piece.json_path)?.into_iter();
        let Some(Step::Key(first)) = steps.next() else { return None };
        let mut at = self.0.entry(first).or_insert(Value::Null);
        for step in steps {
            at = descend(at, &step)?;
        }
        match (at, piece) {
            (Value::String(text), PartialArg { string_value: Some(more), .. }) => text.push_str(&more),
            (at, PartialArg { string_value: Some(text), .. }) => *at = Value::String(text),
            (at, PartialArg { number_value: Some(number), .. }) => *at = Value::Number(number),
            (at, PartialArg { bool_value: Some(flag), .. }) => *at = Value::Bool(flag),
            (at, _) => *at = Value::Null,
        }
        Some(())
    }

    pub(super) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }
}

fn descend<'v>(at: &'v mut Value, step: &Step<'_>) -> Option<&'v mut Value> {
    match step {
        Step::Key(key) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            at.as_object_mut().map(|members| members.entry(*key).or_insert(Value::Null))
        }
        Step::Item(i) => {
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            let items = at.as_array_mut()?;
            if items.len() == *i {
                items.push(Value::Null);
            }
            items.get_mut(*i)
        }
    }
}

/// `$.steps[0].name` or `$['steps'][0]['name']`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        // What is nested deeper could be neither written nor dropped: both recur.
        if steps.len() == MAX_DEPTH {
            return None;
        }
        let (step, tail) = if let Some(name) = rest.strip_prefix('.') {
            let (name, tail) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
            (Step::Key(name), tail)
        } else {
            let (inside, tail) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = |mark| inside.strip_prefix(mark)?.strip_suffix(mark);
            match quoted('\'').or_else(|| quoted('"')) {
                Some(name) => (Step::Key(name), tail),
                None => (Step::Item(inside.parse().ok()?), tail),
            }
        };
        steps.push(step);
        rest = tail;
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: String) -> Option<String> {
        let mut arguments = Arguments::of(None);
        let piece =
            PartialArg { json_path: path, string_value: Some("a".into()), number_value: None, bool_value: None };
        arguments.add(piece).map(|()| arguments.into_json())
    }

    #[test]
    fn a_value_stands_at_its_path_unless_that_has_no_end() {
        assert_eq!(put("$.a[0]['b']".into()).as_deref(), Some(r#"{"a":[{"b":"a"}]}"#));
        assert_eq!(put("$.a[1]".into()), None, "a gap");
        assert_eq!(put(format!("$.a{}", "[0]".repeat(200_000))), None, "deeper than anything can be written");
    }
}
