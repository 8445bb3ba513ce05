//! A whole answer, and what it shares with a stream.

use super::wire::{Response, Usage};
use crate::{
    openai::completion::FinishReason,
    providers::{Answer, AnswerChoice, AnswerError, Failure, FailureKind, Head, read},
    usage::{Tokens, pricing::Billed},
};

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, AnswerError> {
    let response: Response = read(body)?;
    let finish = finish_reason(&response.finish_reason)
        .ok_or_else(|| AnswerError::Failed(Failure::new(FailureKind::Server, 200, None, None)))?;
    let parts = response.message.content.unwrap_or_default().into_iter();
    let said = parts.filter(|part| part.kind == "text").filter_map(|part| part.text);
    Ok(Answer {
        head: Head { id: response.id, ..Head::default() },
        choices: vec![AnswerChoice { text: said.reduce(|all, text| all + &text), refusal: None, finish }],
        usage: response.usage.as_ref().and_then(tokens),
    })
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
