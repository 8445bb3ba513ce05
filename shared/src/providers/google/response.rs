//! A whole answer, and what it shares with an event of a stream.

use super::wire::{AnswerContent, PromptFeedback, Response, Usage};
use crate::{
    openai::completion::FinishReason,
    providers::{Answer, AnswerChoice, Head, Unreadable, read},
    usage::Tokens,
};
use serde_json::Value;

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, Unreadable> {
    let mut response: Response = read(body)?;
    let candidates = response.candidates.take().unwrap_or_default();
    let choices: Vec<_> = if !candidates.is_empty() {
        let choice = |(text, finish): (Option<String>, Option<Value>)| AnswerChoice {
            text,
            refusal: None,
            finish: finish.as_ref().map_or(FinishReason::Stop, finish_reason),
        };
        candidates.into_iter().map(|candidate| choice((text(candidate.content), candidate.finish_reason))).collect()
    } else if is_blocked(response.prompt_feedback.as_ref()) {
        vec![AnswerChoice { text: None, refusal: None, finish: FinishReason::ContentFilter }]
    } else {
        return Err(Unreadable("neither candidates nor a reason why there are none".into()));
    };
    Ok(Answer { head: head(&response), choices, usage: response.usage_metadata.as_ref().map(tokens) })
}

/// The text parts follow one another without a break. Thoughts are not part of the answer.
pub(super) fn text(content: AnswerContent) -> Option<String> {
    let said = content.parts.into_iter().filter(|part| !part.thought).filter_map(|part| part.text);
    said.reduce(|all, text| all + &text)
}

/// A blocked prompt gets an answer without candidates: <https://ai.google.dev/api/generate-content#PromptFeedback>.
pub(super) fn is_blocked(feedback: Option<&PromptFeedback>) -> bool {
    feedback.is_some_and(|feedback| feedback.block_reason.is_some())
}

pub(super) fn head(response: &Response) -> Head {
    Head {
        id: response.response_id.clone(),
        model: response.model_version.clone(),
        // OpenAI's names.
        service_tier: match response.usage_metadata.as_ref().and_then(|usage| usage.service_tier.as_deref()) {
            Some("standard") => Some("default".into()),
            Some(tier @ ("flex" | "priority")) => Some(tier.into()),
            _ => None,
        },
        ..Head::default()
    }
}

/// <https://ai.google.dev/api/generate-content#FinishReason>
pub(super) fn finish_reason(reason: &Value) -> FinishReason {
    // A proxy may pass on the number of the enumeration.
    let name = match reason.as_u64() {
        Some(2) => "MAX_TOKENS",
        Some(3) => "SAFETY",
        Some(4) => "RECITATION",
        _ => reason.as_str().unwrap_or_default(),
    };
    match name {
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        // `STOP`. `OTHER` and `FINISH_REASON_UNSPECIFIED` say nothing, `MALFORMED_FUNCTION_CALL` and its like are slips of the model,
        // and tomorrow's reasons have no name in the dialect: the answer is over, and nobody filtered or cut it.
        _ => FinishReason::Stop,
    }
}

/// `promptTokenCount` includes cached tokens; tool results and thoughts are counted apart and billed as prompt and answer.
pub(super) fn tokens(usage: &Usage) -> Tokens {
    let sum = |counts: [Option<u64>; 2]| counts.into_iter().flatten().fold(0, u64::saturating_add);
    Tokens {
        input: sum([usage.prompt_token_count, usage.tool_use_prompt_token_count]),
        output: sum([usage.candidates_token_count, usage.thoughts_token_count]),
        cached_input: usage.cached_content_token_count,
        reasoning: usage.thoughts_token_count,
        ..Tokens::default()
    }
}
