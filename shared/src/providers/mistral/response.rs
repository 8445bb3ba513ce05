//! A whole answer, and what it shares with a chunk.

use super::wire::{AnswerContent, Response, Usage};
use crate::{
    openai::completion::FinishReason,
    providers::{Answer, AnswerChoice, AnswerError, Failure, FailureKind, Head, Unreadable, read},
    usage::Tokens,
};

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, AnswerError> {
    let mut response: Response = read(body)?;
    let choices = response.choices.take().filter(|choices| !choices.is_empty());
    let choices = choices.ok_or_else(|| Unreadable("no choices".into()))?.into_iter().map(|choice| {
        let finish = finish_reason(choice.finish_reason.as_deref().unwrap_or("stop"))
            .ok_or_else(|| AnswerError::Failed(Failure::new(FailureKind::Server, 200, None, None)))?;
        Ok(AnswerChoice { text: choice.delta.content.and_then(text), refusal: None, finish })
    });
    let choices = choices.collect::<Result<_, AnswerError>>()?;
    Ok(Answer { choices, usage: response.usage.as_ref().map(tokens), head: head(response) })
}

/// Chunks of text follow one another without a break; a `thinking` chunk is not part of the answer.
pub(super) fn text(content: AnswerContent) -> Option<String> {
    match content {
        AnswerContent::Text(text) => Some(text),
        AnswerContent::Parts(parts) => {
            let said = parts.into_iter().filter(|part| part.kind == "text").filter_map(|part| part.text);
            said.reduce(|all, text| all + &text)
        }
    }
}

pub(super) fn head(response: Response) -> Head {
    Head {
        id: response.id,
        model: response.model,
        created: response.created.filter(|&created| created > 0),
        system_fingerprint: None,
        // OpenAI's name.
        service_tier: match response.usage.and_then(|usage| usage.service_tier).as_deref() {
            Some("standard") => Some("default".into()),
            _ => None,
        },
    }
}

/// None where the answer broke off: what came before must not pass for a whole one.
pub(super) fn finish_reason(reason: &str) -> Option<FinishReason> {
    match reason {
        "error" => None,
        "length" | "model_length" => Some(FinishReason::Length),
        "tool_calls" => Some(FinishReason::ToolCalls),
        _ => Some(FinishReason::Stop),
    }
}

/// Cached tokens are part of `prompt_tokens`. They are counted in up to three places, of which some stay zero.
pub(super) fn tokens(usage: &Usage) -> Tokens {
    let details = [&usage.prompt_tokens_details, &usage.prompt_token_details];
    let cached = details.into_iter().flatten().map(|details| details.cached_tokens);
    Tokens {
        input: usage.prompt_tokens.unwrap_or(0),
        output: usage.completion_tokens.unwrap_or(0),
        cached_input: cached.chain([usage.num_cached_tokens]).flatten().max(),
        ..Tokens::default()
    }
}
