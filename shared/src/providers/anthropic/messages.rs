//! A conversation in Anthropic's form: instructions apart, turns of alternating roles, nothing blank, results before what else is said.

use super::{
    parts,
    reasoning::{self, Thought},
    wire::{Block, Body, Message},
};
use crate::{
    openai::{
        ChatRequest, Invalid,
        chat::{self, Role},
        content::Content,
    },
    providers::{
        dialogue::{BEGIN, CONTINUE, called},
        extras::Extras,
    },
};
use std::collections::HashSet;

const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// A conversation that Anthropic takes.
pub(super) struct Conversation<'a> {
    /// System and developer messages, wherever they stood.
    pub(super) system: Vec<Block<'a>>,
    /// At least one; no two of one role in a row.
    pub(super) turns: Vec<Message<'a>>,
}

impl<'a> Conversation<'a> {
    /// Of a request. Where there are only instructions, the last of them is what is asked: OpenAI answers a lone system message.
    pub(super) fn of(request: &'a ChatRequest, extras: &mut Extras<'_>) -> Result<Self, Invalid> {
        let (mut instructions, mut turns) = (Vec::new(), Vec::new());
        for (i, message) in request.messages.iter().enumerate() {
            let path = format!("messages[{i}]");
            let (role, blocks) = match message.role {
                Role::System | Role::Developer => {
                    let blocks = marked(said(message, &path, extras)?, message);
                    instructions.extend((!blocks.is_empty()).then_some(blocks));
                    continue;
                }
                Role::Assistant => (ASSISTANT, marked(answer(message, &path)?, message)),
                Role::Tool | Role::Function => (USER, vec![result(message, &path, extras)?]),
                Role::User => (USER, marked(said(message, &path, extras)?, message)),
            };
            add(&mut turns, role, blocks);
        }
        if turns.is_empty() {
            let last = instructions.pop().ok_or_else(|| Invalid::value("messages", "must hold some text"))?;
            add(&mut turns, USER, last);
        }
        // Results of calls come first, or "`tool_use` ids were found without `tool_result` blocks immediately after".
        for turn in &mut turns {
            turn.content.sort_by_key(|block| !matches!(block.body, Body::ToolResult { .. }));
        }
        let mut it = Self { system: instructions.into_iter().flatten().collect(), turns };
        if it.turns.first().is_some_and(|turn| turn.role == ASSISTANT) {
            it.turns.insert(0, Message { role: USER, content: vec![Block::text(BEGIN)] });
        }
        Ok(it)
    }

    /// Lets a person speak last where the model may not continue its own words; otherwise those must not end with white space.
    pub(super) fn end(&mut self, may_continue: bool) {
        let Some(last) = self.turns.last_mut().filter(|turn| turn.role == ASSISTANT) else { return };
        // A turn that was paused goes on by itself.
        if last.content.last().is_some_and(|block| block.body.is_provided()) {
            return;
        }
        if !may_continue {
            self.turns.push(Message { role: USER, content: vec![Block::text(CONTINUE)] });
        } else if let Some(Block { body: Body::Text { text }, .. }) = last.content.last_mut() {
            let end = text.trim_end().len();
            if end < text.len() {
                *text = text[..end].to_owned().into();
            }
        }
    }

    /// The names of all functions that were called, each once.
    pub(super) fn called(&self) -> Vec<&'a str> {
        let (mut names, mut known) = (Vec::new(), HashSet::new());
        for block in self.turns.iter().flat_map(|turn| &turn.content) {
            if let Body::ToolUse { name, .. } = block.body
                && known.insert(name)
            {
                names.push(name);
            }
        }
        names
    }

    /// Whether the model is given results of calls before which it is not known to have thought.
    pub(super) fn lacks_a_thought(&self) -> bool {
        let [.., called, given] = self.turns.as_slice() else { return false };
        let is_result = given.content.iter().any(|block| matches!(block.body, Body::ToolResult { .. }));
        is_result && !called.content.first().is_some_and(|block| block.body.is_thought())
    }
}

fn add<'a>(turns: &mut Vec<Message<'a>>, role: &'static str, blocks: Vec<Block<'a>>) {
    match turns.last_mut().filter(|turn| turn.role == role) {
        Some(turn) => turn.content.extend(blocks),
        None if blocks.is_empty() => {}
        None => turns.push(Message { role, content: blocks }),
    }
}

/// The parts of a message that are not blank.
fn said<'a>(message: &'a chat::Message, path: &str, extras: &mut Extras<'_>) -> Result<Vec<Block<'a>>, Invalid> {
    match &message.content {
        None => Ok(Vec::new()),
        Some(content) => parts::blocks(content, path, extras),
    }
}

/// With the message's mark for the prompt cache on the last block that may have one.
fn marked<'a>(mut blocks: Vec<Block<'a>>, message: &'a chat::Message) -> Vec<Block<'a>> {
    if let Some(mark) = &message.cache_control
        && let Some(last) = blocks.iter_mut().rfind(|block| !block.body.is_thought())
    {
        last.cache_control = Some(mark);
    }
    blocks
}

/// What a tool gave back. Its mark for the prompt cache is on the result, not inside it.
fn result<'a>(message: &'a chat::Message, path: &str, extras: &mut Extras<'_>) -> Result<Block<'a>, Invalid> {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    let body = Body::ToolResult { tool_use_id: parts::call_id(id), content: said(message, path, extras)? };
    Ok(Block { body, cache_control: message.cache_control.as_ref() })
}

/// What the model thought, said and called, in the order in which it did; thoughts go first where it is not known. A turn must not end
/// with a thought, so one without words and calls is none.
fn answer<'a>(message: &'a chat::Message, path: &str) -> Result<Vec<Block<'a>>, Invalid> {
    let mut calls = Vec::new();
    for (i, call) in message.tool_calls().iter().enumerate() {
        let path = format!("{path}.tool_calls[{i}]");
        let function = called(call, &path, "Anthropic")?;
        let input = function.arguments_object();
        calls.push(Block::from(Body::ToolUse { id: parts::call_id(&call.id), name: &function.name, input }));
    }
    let thoughts = reasoning::thoughts(message);
    let has_provided = thoughts.iter().any(|thought| thought.body.is_provided());
    let texts = match &message.content {
        None if has_provided => return Ok(in_order("", thoughts, calls)),
        Some(Content::Text(text)) if calls.is_empty() && thoughts.is_empty() => vec![Block::text(text)],
        Some(Content::Text(text)) => return Ok(in_order(text, thoughts, calls)),
        Some(Content::Parts(parts)) => parts.iter().filter_map(parts::text).collect(),
        None => Vec::new(),
    };
    let mut texts: Vec<_> = texts.into_iter().filter(|block| !block.is_blank()).collect();
    if texts.is_empty() {
        texts.extend(message.refusal.as_deref().map(Block::text).filter(|block| !block.is_blank()));
    }
    if texts.is_empty() && calls.is_empty() && !has_provided {
        return Ok(Vec::new());
    }
    let thoughts = thoughts.into_iter().map(|thought| Block::from(thought.body));
    Ok(thoughts.chain(texts).chain(calls).collect())
}

fn in_order<'a>(text: &'a str, thoughts: Vec<Thought<'a>>, calls: Vec<Block<'a>>) -> Vec<Block<'a>> {
    let (mut blocks, mut rest, mut said, mut called) = (Vec::new(), text, 0, 0);
    let is_thought = |thought: &Thought<'_>| thought.body.is_thought();
    if text.trim().is_empty() && calls.is_empty() && thoughts.iter().all(is_thought) {
        return blocks;
    }
    let mut calls = calls.into_iter();
    for thought in thoughts {
        if let Some(more) = thought.after_text.checked_sub(said).filter(|more| *more > 0) {
            let cut = rest.char_indices().nth(more).map_or(rest.len(), |(at, _)| at);
            let (before, after) = rest.split_at(cut);
            blocks.push(Block::text(before));
            (rest, said) = (after, thought.after_text);
        }
        if let Some(more) = thought.after_calls.checked_sub(called) {
            blocks.extend(calls.by_ref().take(more));
            called = thought.after_calls;
        }
        blocks.push(Block::from(thought.body));
    }
    blocks.push(Block::text(rest));
    blocks.extend(calls);
    blocks.retain(|block| !block.is_blank());
    while blocks.last().is_some_and(|block| block.body.is_thought()) {
        blocks.pop();
    }
    blocks
}
