//! A whole answer, and what it shares with a stream.

use super::{
    parts,
    reasoning::{THINKING, TOOL_PLAN, detail},
    wire::{AnswerMessage, Response, Usage},
};
use crate::{
    openai::{completion::FinishReason, tools::ToolCall},
    providers::{Answer, AnswerChoice, AnswerError, Failure, FailureKind, Head, read},
    usage::{Billed, Tokens},
};

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, AnswerError> {
    let response: Response = read(body)?;
    let finish = finish_reason(&response.finish_reason)
        .ok_or_else(|| AnswerError::Failed(Failure::new(FailureKind::Server, 200, None, None)))?;
    let logprobs = response.logprobs.as_ref().map(parts::logprobs);
    Ok(Answer {
        head: Head { id: response.id, ..Head::default() },
        usage: response.usage.as_ref().and_then(tokens),
        choices: vec![AnswerChoice {
            finish,
            native_finish: is_more_than_ours(&response.finish_reason).then_some(response.finish_reason),
            logprobs,
            ..choice(response.message)
        }],
    })
}

fn choice(message: AnswerMessage) -> AnswerChoice {
    let (mut text, mut thoughts) = (None::<String>, Vec::new());
    for part in message.content.unwrap_or_default() {
        match (part.kind.as_str(), part.text, part.thinking) {
            ("text", Some(more), _) => text.get_or_insert_default().push_str(&more),
            ("thinking", _, Some(thought)) => thoughts.push((THINKING, thought)),
            _ => {}
        }
    }
    thoughts.extend(message.tool_plan.map(|plan| (TOOL_PLAN, plan)));
    thoughts.retain(|(_, thought)| !thought.is_empty());
    let calls = message.tool_calls.unwrap_or_default().into_iter().enumerate().map(|(i, call)| {
        let function = call.function.unwrap_or_default();
        let arguments = function.arguments.filter(|text| !text.is_empty()).unwrap_or_else(|| "{}".into());
        ToolCall::function(parts::call_id(call.id, i), function.name.unwrap_or_default(), arguments)
    });
    AnswerChoice {
        text,
        tool_calls: calls.collect(),
        reasoning_details: thoughts.iter().map(|(kind, thought)| detail(kind, thought)).collect(),
        reasoning: thoughts.into_iter().map(|(_, thought)| thought).reduce(|all, thought| all + &thought),
        annotations: message.citations.unwrap_or_default().iter().flat_map(parts::annotations).collect(),
        ..AnswerChoice::default()
    }
}

/// Whether the dialect has no word that says as much.
pub(super) fn is_more_than_ours(reason: &str) -> bool {
    !matches!(reason, "COMPLETE" | "STOP_SEQUENCE" | "MAX_TOKENS" | "TOOL_CALL")
}

/// None where the answer broke off: what came before must not pass for a whole one.
/// <https://docs.cohere.com/v2/docs/chat-api#finish-reason>
pub(super) fn finish_reason(reason: &str) -> Option<FinishReason> {
    match reason {
        "ERROR" | "TIMEOUT" => None,
        "MAX_TOKENS" => Some(FinishReason::Length),
        "TOOL_CALL" => Some(FinishReason::ToolCalls),
        "ERROR_TOXIC" => Some(FinishReason::ContentFilter),
        // `COMPLETE`, `STOP_SEQUENCE`, and what Cohere adds.
        _ => Some(FinishReason::Stop),
    }
}

/// What was processed includes Cohere's own preamble and cached tokens; what is invoiced does not. None where nothing was counted.
pub(super) fn tokens(usage: &Usage) -> Option<Tokens> {
    let (processed, billed) = (usage.tokens.as_ref(), usage.billed_units.as_ref());
    let counted = processed.or(billed)?;
    Some(Tokens {
        input: counted.input_tokens.unwrap_or(0),
        output: counted.output_tokens.unwrap_or(0),
        cached_input: usage.cached_tokens,
        reasoning: counted.reasoning_tokens,
        billed: billed
            .map(|units| Billed { input: units.input_tokens.unwrap_or(0), output: units.output_tokens.unwrap_or(0) }),
        ..Tokens::default()
    })
}
