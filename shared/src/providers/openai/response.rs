//! A whole answer, and what it shares with a chunk.

use super::{
    calls::made_up_id,
    failure,
    wire_answer::{self, Choice, FunctionCall, Response},
};
use crate::{
    openai::{completion::FinishReason, tools::ToolCall},
    providers::{Answer, AnswerChoice, AnswerError, Head, Unreadable, read},
    usage::{ServiceTier, Terms, Tokens},
};
use serde_json::Value;
use std::borrow::Cow;

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, AnswerError> {
    let response: Response<'_> = read(body)?;
    // Servers that speak OpenAI's dialect and pass other models' answers on send some errors so.
    if let Some(error) = &response.error {
        return Err(AnswerError::Failed(failure::of_error(200, error)));
    }
    if response.choices.is_empty() {
        return Err(Unreadable("no choices".into()).into());
    }
    let head = head(&response);
    let usage = tokens(&response);
    let choices = response.choices.into_iter().map(choice).collect::<Result<_, Unreadable>>()?;
    Ok(Answer { head, choices, usage })
}

fn choice(choice: Choice<'_>) -> Result<AnswerChoice, Unreadable> {
    let message = choice.delta;
    let whole = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    let calls = message.tool_calls.unwrap_or_default().into_iter().chain(message.function_call.map(older));
    let tool_calls = (0..).zip(calls).map(|(i, one)| call(one, choice.index, i)).collect::<Result<_, _>>()?;
    Ok(AnswerChoice {
        text: whole(message.content),
        refusal: whole(message.refusal),
        audio: message.audio.filter(|audio| !audio.is_null()),
        tool_calls,
        reasoning: whole(message.reasoning_content).filter(|text| !text.is_empty()),
        annotations: message.annotations.unwrap_or_default(),
        logprobs: choice.logprobs.filter(says_something),
        finish: finish_reason(choice.finish_reason.as_deref().unwrap_or("stop")),
        ..AnswerChoice::default()
    })
}

fn call(call: wire_answer::ToolCall<'_>, choice: u32, index: u32) -> Result<ToolCall, Unreadable> {
    let id = call.id.filter(|id| !id.is_empty()).map_or_else(|| made_up_id(choice, index), Cow::into_owned);
    let nameless = || Unreadable("a call without a name".into());
    if let Some(custom) = call.custom {
        let name = custom.name.ok_or_else(nameless)?;
        return Ok(ToolCall::custom(id, name.into_owned(), custom.input.unwrap_or_default().into_owned()));
    }
    let named = call.function.and_then(|function| Some((function.name?, function.arguments.unwrap_or_default())));
    let (name, arguments) = named.ok_or_else(nameless)?;
    Ok(ToolCall::function(id, name.into_owned(), arguments.into_owned()))
}

/// The older form of a call, which has no id.
pub(super) fn older(function: FunctionCall<'_>) -> wire_answer::ToolCall<'_> {
    wire_answer::ToolCall { index: None, id: None, function: Some(function), custom: None }
}

/// OpenAI fills the field with empty lists where nobody asked.
pub(super) fn says_something(logprobs: &Value) -> bool {
    let filled = |name| logprobs.get(name).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    filled("content") || filled("refusal")
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

/// Cached tokens and those of sound are part of `prompt_tokens`, those of reasoning, sound and predictions of `completion_tokens`. None
/// where nothing was counted. The tier that served is the one to pay.
pub(super) fn tokens(response: &Response<'_>) -> Option<Tokens> {
    let usage = response.usage.as_ref()?;
    let (prompt, answer) = (usage.prompt_tokens_details.as_ref(), usage.completion_tokens_details.as_ref());
    Some(Tokens {
        input: usage.prompt_tokens,
        output: usage.completion_tokens,
        cached_input: prompt.and_then(|details| details.cached_tokens),
        cache_write: prompt.and_then(|details| details.cache_write_tokens),
        audio_input: prompt.and_then(|details| details.audio_tokens),
        reasoning: answer.and_then(|details| details.reasoning_tokens),
        audio_output: answer.and_then(|details| details.audio_tokens),
        accepted_prediction: answer.and_then(|details| details.accepted_prediction_tokens),
        rejected_prediction: answer.and_then(|details| details.rejected_prediction_tokens),
        terms: Terms { tier: response.service_tier.as_deref().and_then(ServiceTier::named), ..Terms::default() },
        ..Tokens::default()
    })
}
