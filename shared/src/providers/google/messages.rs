//! A conversation: instructions apart, then turns of `user` and `model`. Consecutive turns of a person are allowed; an empty turn
//! and a blank text are not.

use super::{
    ids::known as known_id,
    media,
    models::{is_third_generation, samples_its_own_way},
    signatures::{Returned, UNKNOWN},
    wire::{Body, Content, FunctionCall, FunctionResponse, Given, Part},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{Message, Role},
        content,
        json::Object,
        tools::ToolCall,
    },
    providers::{
        dialogue::{self, BEGIN, CONTINUE},
        extras::Extras,
    },
};
use std::{borrow::Cow, collections::HashMap};

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
    let mut made = Made::new();
    let mut i = 0;
    while let Some(message) = request.messages.get(i) {
        let mut next = i + 1;
        let (role, parts) = match message.role {
            Role::System | Role::Developer => {
                instructions.push(texts(message));
                (None, Vec::new())
            }
            Role::User => (USER, said(model, message, i)?),
            Role::Assistant => {
                note(&mut made, message, i);
                (MODEL, answered(model, message, i)?)
            }
            Role::Tool | Role::Function => {
                let is_result = |message: &&Message| matches!(message.role, Role::Tool | Role::Function);
                next = i + request.messages.iter().skip(i).take_while(is_result).count();
                (USER, results(model, request, i..next, &made)?)
            }
        };
        if !parts.is_empty() {
            add(&mut contents, role, parts);
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

/// The model's turns in a row are one, and a person begins: "Please ensure that function call turn comes immediately after a user turn or
/// after a function response turn."
fn add<'a>(contents: &mut Vec<Content<'a>>, role: Option<&'static str>, parts: Vec<Part<'a>>) {
    let calls = parts.iter().any(|part| matches!(part.body, Body::FunctionCall(_)));
    match contents.last_mut() {
        Some(last) if role == MODEL && last.role == MODEL => last.parts.extend(parts),
        _ => contents.push(Content { role, parts }),
    }
    if calls && contents.len() == 1 {
        contents.insert(0, Content { role: USER, parts: vec![Part::text(BEGIN)] });
    }
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
    let returned = Returned::with(message);
    let mut calls = Vec::new();
    for (j, call) in message.tool_calls().iter().enumerate() {
        let path = format!("messages[{i}].tool_calls[{j}]");
        let function = dialogue::called(call, &path, "Google")?;
        let args = function.arguments_object();
        let body = Body::FunctionCall(FunctionCall { id: known_id(&call.id), name: &function.name, args });
        calls.push(Part { body, thought: false, thought_signature: returned.of_call(call, j) });
    }
    // Of parallel calls only the first is signed.
    if is_third_generation(model) && calls.iter().all(|call| call.thought_signature.is_none()) {
        calls.iter_mut().take(1).for_each(|call| call.thought_signature = Some(UNKNOWN));
    }
    let said = message.content.as_ref().map(|content| content.texts()).unwrap_or_default();
    // What an assistant refused with is what it said, if it said nothing else.
    let said =
        if said.iter().all(|text| text.trim().is_empty()) && message.refusal.is_some() { texts(message) } else { said };
    let images = media::drawn(message, &returned, &format!("messages[{i}].images"))?;
    Ok(returned.in_place(&said, images, calls))
}

/// The results of one step in one turn, in the order of the calls: without ids Google pairs them by their order.
fn results<'a>(
    model: &str,
    request: &'a ChatRequest,
    range: std::ops::Range<usize>,
    made: &Made<'a>,
) -> Result<Vec<Part<'a>>, Invalid> {
    let mut results = Vec::new();
    let mut beside = Vec::new();
    for (i, message) in range.clone().zip(request.messages.get(range).unwrap_or_default()) {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let unknown =
            || Invalid::value(format!("messages[{i}].tool_call_id"), "answers no call that was made before it");
        let &(place, call) = made.get(id).ok_or_else(unknown)?;
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

/// The calls that were made so far, by their ids, and where each stands. Some providers give the same ids in every answer: the last counts,
/// and of one message the first.
type Made<'a> = HashMap<&'a str, ((usize, usize), &'a ToolCall)>;

fn note<'a>(made: &mut Made<'a>, message: &'a Message, i: usize) {
    for (j, call) in message.tool_calls().iter().enumerate().rev() {
        made.insert(&call.id, ((i, j), call));
    }
}

fn response(message: &Message) -> Given<'_> {
    match message.content.as_ref().map(content::Content::joined).unwrap_or_default() {
        Cow::Borrowed(text) => Object::read(text).map_or(Given::Text { result: text.into() }, Given::Object),
        several => Given::Text { result: several },
    }
}

/// How closely to look at an image cannot be said of one alone, and a document has no name.
fn name_what_is_lost(request: &ChatRequest, extras: &mut Extras<'_>) {
    let contents = request.messages.iter().filter_map(|message| message.content.as_ref());
    let parts = contents.flat_map(|content| match content {
        content::Content::Parts(parts) => parts.as_slice(),
        content::Content::Text(_) => &[],
    });
    let mut details = parts.clone().filter_map(|part| part.image_url.as_ref()?.detail.as_deref());
    if details.any(|detail| detail != "auto") {
        extras.ignore("messages[].content[].image_url.detail");
    }
    if parts.clone().any(|part| part.file.as_ref().is_some_and(|file| file.filename.is_some())) {
        extras.ignore("messages[].content[].file.filename");
    }
}
