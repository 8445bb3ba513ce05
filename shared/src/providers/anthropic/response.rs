//! A whole answer, and what it shares with a stream.

use super::wire::{Response, Usage};
use crate::{
    openai::completion::FinishReason,
    providers::{Answer, AnswerChoice, Head, Unreadable, read},
    usage::Tokens,
};

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let response: Response = read(body)?;
    let choice = AnswerChoice {
        text: text(&response),
        refusal: None,
        finish: finish_reason(response.stop_reason.as_deref().unwrap_or("end_turn")),
    };
    Ok(Answer { usage: tokens(&response.usage), head: head(response), choices: vec![choice] })
}

/// Text blocks follow one another without a break: a citation splits a sentence into several.
fn text(response: &Response) -> Option<String> {
    let texts = response.content.iter().filter(|block| block.kind == "text").filter_map(|block| block.text.as_deref());
    texts.fold(None, |all: Option<String>, text| Some(all.unwrap_or_default() + text))
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
        billed: None,
    })
}
