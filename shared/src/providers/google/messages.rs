//! A conversation: instructions apart, then turns of `user` and `model`. Consecutive turns of one role are allowed; an empty turn and
//! a blank text are not.

use super::{
    media,
    models::{is_third_generation, samples_its_own_way},
    signatures::{Signatures, UNKNOWN},
    wire::{Body, Content, FunctionCall, FunctionResponse, Part},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{Message, Role},
        content,
        tools::ToolCall,
    },
    providers::{
        dialogue::{self, CONTINUE},
        extras::Extras,
    },
};
use serde_json::{Map, Value};

pub(super) struct Conversation<'a> {
    pub(super) instructions: Vec<&'a str>,
    /// At least one.
    pub(super) contents: Vec<Content<'a>>,
}

const USER: Option<&str> = Some("user");
const MODEL: Option<&str> = Some("model");

pub(super) fn read<'a>(
    model: &str,
    request: &'a ChatRequest,
    extras: &mut Extras<'_>,
) -> Result<Conversation<'a>, Invalid> {
    let mut instructions: Vec<Vec<&str>> = Vec::new();
    let mut contents = Vec::new();
    let mut i = 0;
    while let Some(message) = request.messages.get(i) {
        let mut next = i + 1;
        let (role, parts) = match message.role {
            Role::System | Role::Developer => {
                instructions.push(texts(message));
                (None, Vec::new())
            }
            Role::User => (USER, said(model, message, i)?),
            Role::Assistant => (MODEL, answered(model, message, i)?),
            Role::Tool | Role::Function => {
                let is_result = |message: &&Message| matches!(message.role, Role::Tool | Role::Function);
                next = i + request.messages.iter().skip(i).take_while(is_result).count();
                (USER, results(model, request, i..next)?)
            }
        };
        if !parts.is_empty() {
            contents.push(Content { role, parts });
        }
        i = next;
    }
    name_what_is_lost(request, extras);
    instructions.retain(|texts| !texts.is_empty());
    if contents.is_empty() {
        // OpenAI answers a lone system message.
        let asked = instructions.pop().ok_or_else(|| Invalid::value("messages", "must hold some text"))?;
        contents.push(Content { role: USER, parts: asked.into_iter().map(Part::text).collect() });
    }
    if samples_its_own_way(model) && contents.last().is_some_and(|last| last.role == MODEL) {
        contents.push(Content { role: USER, parts: vec![Part::text(CONTINUE)] });
    }
    Ok(Conversation { instructions: instructions.concat(), contents })
}

/// The texts that are not blank; of an assistant that said nothing, what it refused with.
fn texts(message: &Message) -> Vec<&str> {
    let said = message.content.as_ref().map(|content| content.texts()).unwrap_or_default();
    let mut said: Vec<_> = said.into_iter().filter(|text| !text.trim().is_empty()).collect();
    if said.is_empty() {
        said.extend(message.refusal.as_deref().filter(|text| !text.trim().is_empty()));
    }
    said
}

fn said<'a>(model: &str, message: &'a Message, i: usize) -> Result<Vec<Part<'a>>, Invalid> {
    let Some(content::Content::Parts(parts)) = &message.content else {
        return Ok(texts(message).into_iter().map(Part::text).collect());
    };
    let bodies = parts.iter().enumerate().filter_map(|(j, part)| part.body().map(|body| (j, body)));
    bodies
        .filter_map(|(j, body)| media::part(model, body, &format!("messages[{i}].content[{j}]")).transpose())
        .collect()
}

/// Thoughts that Google signed, what was said, and the calls, each with the signature it came with.
fn answered<'a>(model: &str, message: &'a Message, i: usize) -> Result<Vec<Part<'a>>, Invalid> {
    let signatures = Signatures::of(message);
    let signed = |text, thought_signature| Part { thought_signature, ..Part::text(text) };
    let mut parts: Vec<Part<'_>> = signatures
        .of_thoughts()
        .map(|(text, signature)| Part { thought: true, ..signed(text, Some(signature)) })
        .collect();
    let whole = message.content.as_ref().map(|content| content.texts()).unwrap_or_default();
    let cut = match whole.as_slice() {
        [] => signatures.cut(""),
        [text] => signatures.cut(text),
        _ => None,
    };
    match cut {
        Some(cut) => parts.extend(cut.into_iter().map(|(text, signature)| signed(text, signature))),
        None => parts.extend(texts(message).into_iter().map(Part::text)),
    }
    let begin = parts.len();
    for (j, call) in message.tool_calls().iter().enumerate() {
        let path = format!("messages[{i}].tool_calls[{j}]");
        let function = dialogue::called(call, &path, "Google")?;
        let args = function.arguments_object();
        let body = Body::FunctionCall(FunctionCall { id: known_id(&call.id), name: &function.name, args });
        parts.push(Part { body, thought: false, thought_signature: signatures.of_call(call, j) });
    }
    // Of parallel calls only the first is signed.
    let calls = parts.get_mut(begin..).unwrap_or_default();
    if is_third_generation(model) && calls.iter().all(|call| call.thought_signature.is_none()) {
        calls.iter_mut().take(1).for_each(|call| call.thought_signature = Some(UNKNOWN));
    }
    Ok(parts)
}

/// The results of one step in one turn, in the order of the calls: without ids Google pairs them by their order.
fn results<'a>(model: &str, request: &'a ChatRequest, range: std::ops::Range<usize>) -> Result<Vec<Part<'a>>, Invalid> {
    let begin = range.start;
    let mut results = Vec::new();
    let mut beside = Vec::new();
    for (i, message) in range.clone().zip(request.messages.get(range).unwrap_or_default()) {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let unknown =
            || Invalid::value(format!("messages[{i}].tool_call_id"), "answers no call that was made before it");
        let (place, call) = called(request, begin, id).ok_or_else(unknown)?;
        let media = said(model, message, i)?.into_iter().filter(|part| !matches!(part.body, Body::Text(_)));
        let (inside, outside): (Vec<_>, Vec<_>) =
            media.partition(|part| is_third_generation(model) && media::fits_in_result(part));
        beside.extend(outside);
        let name = call.function.as_ref().map_or("", |function| function.name.as_str());
        let response = FunctionResponse { id: known_id(id), name, response: response(message), parts: inside };
        results.push((place, Part::of(Body::FunctionResponse(response))));
    }
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, part)| part).chain(beside).collect())
}

/// The last call with this id before a message, and where it stands. Ids that Google does not give are the same in every answer.
fn called<'a>(request: &'a ChatRequest, before: usize, id: &str) -> Option<((usize, usize), &'a ToolCall)> {
    let earlier = request.messages.get(..before)?.iter().enumerate().rev();
    earlier.filter(|(_, message)| message.role == Role::Assistant).find_map(|(i, message)| {
        let j = message.tool_calls().iter().position(|call| call.id == id)?;
        message.tool_calls().get(j).map(|call| ((i, j), call))
    })
}

/// Google wants an object.
fn response(message: &Message) -> Map<String, Value> {
    let text = message.text();
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => object,
        _ => Map::from_iter([("result".to_owned(), Value::String(text))]),
    }
}

/// An id as Google knows it: ours, where it gave none, are our own affair.
fn known_id(id: &str) -> Option<&str> {
    let is_ours = id.strip_prefix("call_").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'_'));
    (!is_ours && !id.is_empty()).then_some(id)
}

/// How closely to look at an image cannot be said of one alone.
fn name_what_is_lost(request: &ChatRequest, extras: &mut Extras<'_>) {
    let contents = request.messages.iter().filter_map(|message| message.content.as_ref());
    let parts = contents.flat_map(|content| match content {
        content::Content::Parts(parts) => parts.as_slice(),
        content::Content::Text(_) => &[],
    });
    let mut details = parts.filter_map(|part| part.image_url.as_ref()?.detail.as_deref());
    if details.any(|detail| detail != "auto") {
        extras.ignore("messages[].content[].image_url.detail");
    }
}
