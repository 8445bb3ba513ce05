//! The form of the answer: <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>.

use super::{
    rules::Rules,
    schema,
    wire::{Block, Format},
};
use crate::{
    openai::{
        ChatRequest,
        format::{Form, JsonSchema, ResponseFormat},
    },
    providers::extras::Extras,
};
use std::borrow::Cow;

const JSON_ONLY: &str = "Answer with one JSON object and nothing else: no words around it, no code fence.";

/// A schema that the answer is held to; or, where the model cannot be held to it, an instruction, and the field is named.
pub(super) fn of<'a>(
    request: &ChatRequest,
    rules: &Rules,
    system: &mut Vec<Block<'a>>,
    extras: &mut Extras<'_>,
) -> Option<Format> {
    let instruction = match request.response_format.as_ref().map_or(Form::Text, ResponseFormat::form) {
        Form::Text => return None,
        Form::JsonObject => Cow::Borrowed(JSON_ONLY),
        Form::JsonSchema(wanted) => match held_to(wanted).filter(|_| rules.structured) {
            Some((format, lost)) => {
                for keyword in lost {
                    extras.ignore(format!("response_format.json_schema.schema.{keyword}"));
                }
                return Some(format);
            }
            None => instruction(wanted),
        },
    };
    extras.ignore("response_format");
    system.push(Block::text(instruction));
    None
}

fn held_to(wanted: &JsonSchema) -> Option<(Format, Vec<String>)> {
    let (mut schema, lost) = schema::of_constraint(wanted.schema.as_ref()?)?;
    if let (Some(description), None) = (&wanted.description, schema.get("description")) {
        schema["description"] = description.as_str().into();
    }
    Some((Format { kind: "json_schema", schema }, lost))
}

fn instruction(wanted: &JsonSchema) -> Cow<'static, str> {
    match &wanted.schema {
        Some(schema) => Cow::Owned(format!("{JSON_ONLY} It must fit this JSON schema: {schema}")),
        None => Cow::Borrowed(JSON_ONLY),
    }
}
