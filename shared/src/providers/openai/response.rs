//! A whole answer, and what it shares with a chunk.

use super::wire::{Response, Usage};
use crate::{
    openai::completion::FinishReason,
    providers::{Answer, AnswerChoice, Head, Unreadable, read},
    usage::Tokens,
};
use std::borrow::Cow;

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let response: Response<'_> = read(body)?;
    if response.choices.is_empty() {
        return Err(Unreadable("no choices".into()));
    }
    let head = head(&response);
    let usage = response.usage.as_ref().map(tokens);
    let choices = response.choices.into_iter().map(|choice| AnswerChoice {
        text: choice.delta.content.map(Cow::into_owned),
        refusal: choice.delta.refusal.map(Cow::into_owned),
        finish: finish_reason(choice.finish_reason.as_deref().unwrap_or("stop")),
    });
    Ok(Answer { head, choices: choices.collect(), usage })
}

pub(super) fn head(response: &Response<'_>) -> Head {
    let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    Head {
        id: owned(&response.id).filter(|id| !id.is_empty()),
        model: owned(&response.model).filter(|model| !model.is_empty()),
        created: response.created.filter(|&created| created > 0),
        system_fingerprint: owned(&response.system_fingerprint),
        service_tier: owned(&response.service_tier),
    }
}

pub(super) fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        "tool_calls" => FinishReason::ToolCalls,
        "function_call" => FinishReason::FunctionCall,
        _ => FinishReason::Stop,
    }
}

/// Cached tokens are part of `prompt_tokens`, reasoning tokens of `completion_tokens`.
pub(super) fn tokens(usage: &Usage) -> Tokens {
    let prompt = usage.prompt_tokens_details.as_ref();
    Tokens {
        input: usage.prompt_tokens,
        output: usage.completion_tokens,
        cached_input: prompt.and_then(|details| details.cached_tokens),
        cache_write: prompt.and_then(|details| details.cache_write_tokens),
        reasoning: usage.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens),
        ..Tokens::default()
    }
}
