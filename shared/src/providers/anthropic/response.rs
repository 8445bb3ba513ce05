//! A whole answer, and what it shares with a stream.

use super::{
    citations,
    reasoning::{self, Place},
    wire::{AnswerBlock, Response, StopDetails, Usage},
};
use crate::{
    openai::{completion::FinishReason, tools::ToolCall},
    providers::{Answer, AnswerChoice, Head, Unreadable, read},
    usage::{ServiceTier, Terms, Tokens},
};
use serde_json::Value;

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let mut response: Response = read(body)?;
    let mut choice = AnswerChoice {
        finish: finish_reason(response.stop_reason.as_deref().unwrap_or("end_turn")),
        native_finish: response.stop_reason.take().filter(|word| is_more_than_ours(word)),
        refusal: response.stop_details.take().and_then(explanation),
        ..AnswerChoice::default()
    };
    let mut place = Place::default();
    for block in std::mem::take(&mut response.content) {
        add(block, &mut place, &mut choice);
    }
    Ok(Answer { usage: tokens(&response.usage), head: head(response), choices: vec![choice] })
}

/// Text blocks follow one another without a break: a citation splits a sentence into several.
fn add(block: AnswerBlock, place: &mut Place, choice: &mut AnswerChoice) {
    match block {
        AnswerBlock::Text { text, citations } => {
            let start = place.chars;
            place.chars += text.chars().count();
            choice.text.get_or_insert_default().push_str(&text);
            let given = citations.unwrap_or_default();
            choice.annotations.extend(given.iter().filter_map(|one| citations::annotation(one, start, place.chars)));
        }
        AnswerBlock::Thinking { thinking, signature } => {
            choice.reasoning_details.push(reasoning::signed(&thinking, &signature, *place));
            if !thinking.is_empty() {
                choice.reasoning.get_or_insert_default().push_str(&thinking);
            }
        }
        AnswerBlock::RedactedThinking { data } => {
            choice.reasoning_details.push(reasoning::encrypted(&data, *place));
        }
        AnswerBlock::ToolUse { id, name, input } => {
            place.calls += 1;
            choice.tool_calls.push(ToolCall::function(id, name, arguments(&input)));
        }
        AnswerBlock::Provided(block) => choice.reasoning_details.extend(reasoning::provided(&block, *place)),
    }
}

/// As text; an object even where there is nothing.
pub(super) fn arguments(input: &Value) -> String {
    if input.is_null() { "{}".into() } else { input.to_string() }
}

/// The words of a refusal, where there are some.
pub(super) fn explanation(details: StopDetails) -> Option<String> {
    details.explanation.filter(|text| !text.is_empty())
}

pub(super) fn head(response: Response) -> Head {
    Head {
        id: response.id,
        model: response.model,
        // OpenAI's names; `batch` has none.
        service_tier: match response.usage.service_tier.as_deref() {
            Some("standard") => Some("default".into()),
            Some("priority") => Some("priority".into()),
            _ => None,
        },
        ..Head::default()
    }
}

/// Whether the dialect has no word that says as much. After `pause_turn` the caller sends the answer back as it is, and the turn goes on.
pub(super) fn is_more_than_ours(reason: &str) -> bool {
    !matches!(reason, "end_turn" | "max_tokens" | "tool_use" | "stop_sequence")
}

/// <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons>
pub(super) fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        // `end_turn`, `stop_sequence`; `pause_turn` only comes with tools that the provider runs.
        _ => FinishReason::Stop,
    }
}

/// `input_tokens` are only those that were neither read from the cache nor written to it; the dialect counts all three. None where
/// nothing was counted.
pub(super) fn tokens(usage: &Usage) -> Option<Tokens> {
    if usage.input_tokens.is_none() && usage.output_tokens.is_none() {
        return None;
    }
    let split = usage.cache_creation.as_ref();
    let (short, long) = (
        split.and_then(|split| split.ephemeral_5m_input_tokens),
        split.and_then(|split| split.ephemeral_1h_input_tokens),
    );
    // A stream's last event raises the sum but does not repeat the split; what is not known to last an hour lasts five minutes.
    let cache_write = match usage.cache_creation_input_tokens {
        Some(sum) => Some(sum.saturating_sub(long.unwrap_or(0))),
        None => short,
    };
    let parts = [usage.input_tokens, usage.cache_read_input_tokens, cache_write, long];
    Some(Tokens {
        input: parts.into_iter().flatten().fold(0, u64::saturating_add),
        output: usage.output_tokens.unwrap_or(0),
        cached_input: usage.cache_read_input_tokens,
        cache_write,
        cache_write_1h: long,
        reasoning: usage.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens),
        web_searches: usage.server_tool_use.as_ref().and_then(|tools| tools.web_search_requests),
        terms: terms(usage),
        ..Tokens::default()
    })
}

/// <https://platform.claude.com/docs/en/about-claude/pricing>. The priority tier is a commitment that was bought before; its tokens have
/// no other list price than the standard one.
fn terms(usage: &Usage) -> Terms {
    let tier = usage.speed.as_deref().filter(|&speed| speed == "fast").or(usage.service_tier.as_deref());
    Terms {
        tier: tier.and_then(ServiceTier::named),
        us_only: usage.inference_geo.as_deref().map(|geo| geo == "us"),
        search_context: None,
    }
}
