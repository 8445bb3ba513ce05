//! The order of turns that Anthropic demands.

use super::super::fault::Fault;
use super::super::fields::Message;
use super::models::{self, Thinking};

/// Messages of one speaker in a row count as one.
struct Joined<'a> {
    speaker: &'a str,
    /// Where it ends.
    last: usize,
    blocks: Vec<Block<'a>>,
}

struct Block<'a> {
    at: String,
    kind: &'a str,
    /// Of a call, or of the call that a result is of.
    id: &'a str,
}

/// Every call is answered at the very beginning of the next turn, and nothing else is.
pub fn refuse_a_wrong_order(messages: &[Message<'_>], model: &str, thinking: Thinking) -> Result<(), Fault> {
    let turns = join(messages);
    if turns.first().is_some_and(|turn| turn.speaker == "assistant") {
        return Err(Fault::value("messages", "first message must use the \"user\" role"));
    }
    for (index, turn) in turns.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| turns.get(before));
        refuse_unasked_results(turn, before)?;
        refuse_open_calls(turn, turns.get(index + 1))?;
    }
    if let Some(last) = turns.iter().rev().find(|turn| turn.speaker == "assistant") {
        refuse_a_turn_without_its_thought(last, thinking)?;
    }
    match turns.last() {
        Some(last) if last.speaker == "assistant" => refuse_to_go_on(messages, model),
        _ => Ok(()),
    }
}

fn join<'a>(messages: &'a [Message<'_>]) -> Vec<Joined<'a>> {
    let mut turns: Vec<Joined<'a>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if turns.last().is_none_or(|turn| turn.speaker != message.role) {
            turns.push(Joined { speaker: &message.role, last: index, blocks: Vec::new() });
        }
        let Some(turn) = turns.last_mut() else { continue };
        turn.last = index;
        let content = &message.fields.value()["content"];
        let text = |value: &'a serde_json::Value| value.as_str().unwrap_or_default();
        match content.as_array() {
            None => turn.blocks.push(Block { at: format!("messages.{index}"), kind: "text", id: "" }),
            Some(blocks) => turn.blocks.extend(blocks.iter().enumerate().map(|(inner, block)| {
                let id = if block["type"] == "tool_use" { &block["id"] } else { &block["tool_use_id"] };
                Block { at: format!("messages.{index}.content.{inner}"), kind: text(&block["type"]), id: text(id) }
            })),
        }
    }
    turns
}

fn ids<'a>(turn: &Joined<'a>, kind: &str) -> Vec<&'a str> {
    turn.blocks.iter().filter(|block| block.kind == kind).map(|block| block.id).collect()
}

fn refuse_unasked_results(turn: &Joined<'_>, before: Option<&Joined<'_>>) -> Result<(), Fault> {
    let calls = before.map(|before| ids(before, "tool_use")).unwrap_or_default();
    let mut seen: Vec<&str> = Vec::new();
    for block in turn.blocks.iter().filter(|block| block.kind == "tool_result") {
        let (at, id) = (&block.at, block.id);
        let message = if !calls.contains(&id) {
            format!(
                "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding \
                 `tool_use` block in the previous message."
            )
        } else if seen.contains(&id) {
            format!("{at}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}")
        } else {
            seen.push(id);
            continue;
        };
        return Err(Fault::unsupported(at.clone(), message));
    }
    Ok(())
}

fn refuse_open_calls(turn: &Joined<'_>, next: Option<&Joined<'_>>) -> Result<(), Fault> {
    let calls = ids(turn, "tool_use");
    if let Some(twice) = calls.iter().enumerate().find(|(at, id)| calls[..*at].contains(id)) {
        let message = format!("messages.{}: `tool_use` ids must be unique: {}", turn.last, twice.1);
        return Err(Fault::unsupported("messages", message));
    }
    let first = next.map(|next| next.blocks.iter().take_while(|block| block.kind == "tool_result"));
    let answered: Vec<&str> = first.into_iter().flatten().map(|block| block.id).collect();
    let open: Vec<&str> = calls.into_iter().filter(|id| !answered.contains(id)).collect();
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a \
         corresponding `tool_result` block in the next message.",
        turn.last,
        open.join(", ")
    );
    Err(Fault::unsupported("messages", message))
}

/// With a budget, the turn whose calls are being answered begins with its thought. Adaptive thinking does not insist.
fn refuse_a_turn_without_its_thought(turn: &Joined<'_>, thinking: Thinking) -> Result<(), Fault> {
    let Some(first) = turn.blocks.first() else { return Ok(()) };
    let calls = turn.blocks.iter().any(|block| block.kind == "tool_use");
    if thinking != Thinking::Budget || !calls || matches!(first.kind, "thinking" | "redacted_thinking") {
        return Ok(());
    }
    let message = format!(
        "{}.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is enabled, a final `assistant` message must \
         start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking \
         blocks from previous turns. To avoid this requirement, disable `thinking`.",
        first.at, first.kind
    );
    Err(Fault::unsupported(first.at.clone(), message))
}

/// Whether the assistant may have spoken last.
fn refuse_to_go_on(messages: &[Message<'_>], model: &str) -> Result<(), Fault> {
    if !models::continues_its_own_words(model) {
        let message =
            "This model does not support assistant message prefill. The conversation must end with a user message.";
        return Err(Fault::unsupported("messages", message));
    }
    if messages.last().is_some_and(|message| message.turn.text.ends_with(char::is_whitespace)) {
        let message = "messages: final assistant content cannot end with trailing whitespace";
        return Err(Fault::unsupported("messages", message));
    }
    Ok(())
}
