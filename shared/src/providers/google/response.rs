//! A whole answer, and what it shares with an event of a stream.

use super::{
    candidate::Reader,
    failure::blocked,
    ids::Seed,
    wire::{Candidate, ModalityCount, PromptFeedback, Response, Usage},
};
use crate::{
    openai::{completion::FinishReason, tools::ToolCall},
    providers::{Answer, AnswerChoice, AnswerError, Head, Piece, Unreadable, read},
    usage::{ServiceTier, Terms, Tokens},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, AnswerError> {
    let mut response: Response = read(body)?;
    let candidates = response.candidates.take().unwrap_or_default();
    let seed = Seed { answer: response.response_id.as_deref(), event: body };
    let searches = candidates.iter().filter_map(searches).reduce(u64::saturating_add);
    let usage = response.usage_metadata.as_ref().map(|usage| tokens(usage, searches));
    if candidates.is_empty() {
        let no_reason = || Unreadable("neither candidates nor a reason why there are none".into());
        let reason = response.prompt_feedback.as_ref().and_then(block_reason).ok_or_else(no_reason)?;
        return Err(AnswerError::Failed(blocked(reason, usage)));
    }
    let choices = (0..).zip(candidates).map(|(position, candidate)| choice(position, candidate, seed));
    let choices = choices.collect::<Result<_, _>>()?;
    Ok(Answer { head: head(&response), choices, usage })
}

fn choice(position: u32, candidate: Candidate, seed: Seed<'_>) -> Result<AnswerChoice, Unreadable> {
    let (mut reader, mut pieces) = (Reader::new(candidate.index.unwrap_or(position)), Vec::new());
    reader.read(candidate, seed, &mut pieces)?;
    // An answer without a reason is whole.
    reader.end(reader.finish.or(Some(FinishReason::Stop)), None, &mut pieces);
    let mut choice = AnswerChoice::default();
    for piece in pieces {
        match piece {
            Piece::Text(_, text) => choice.text.get_or_insert_default().push_str(&text),
            Piece::Reasoning(_, text) => choice.reasoning.get_or_insert_default().push_str(&text),
            Piece::ReasoningDetail(_, detail) => choice.reasoning_details.push(detail),
            Piece::ToolCall { id, name, extra, .. } => {
                let other = extra.map(|extra| ("extra_content".to_owned(), extra)).into_iter().collect();
                choice.tool_calls.push(ToolCall { other, ..ToolCall::function(id, name, String::new()) });
            }
            Piece::Image(_, image) => choice.images.push(image),
            Piece::Audio(_, audio) => match &mut choice.audio {
                Some(before) => append(before, &audio),
                None => choice.audio = Some(audio),
            },
            Piece::ToolArguments { text, .. } => {
                let function = choice.tool_calls.last_mut().and_then(|call| call.function.as_mut());
                function.into_iter().for_each(|function| function.arguments.push_str(&text));
            }
            Piece::Annotation(_, annotation) => choice.annotations.push(annotation),
            Piece::Logprobs(_, logprobs) => choice.logprobs = Some(logprobs),
            Piece::Finish(_, finish) => choice.finish = finish,
            Piece::NativeFinish(_, word) => choice.native_finish = Some(word),
            Piece::Head(_) | Piece::Refusal(..) | Piece::CustomCall { .. } | Piece::Usage(_) => {}
        }
    }
    Ok(choice)
}

/// Makes one sound of two pieces.
fn append(audio: &mut Value, more: &Value) {
    let bytes = |audio: &Value| STANDARD.decode(audio["data"].as_str()?).ok();
    if let (Some(mut all), Some(more)) = (bytes(audio), bytes(more)) {
        all.extend(more);
        audio["data"] = STANDARD.encode(all).into();
    }
}

/// A blocked prompt gets an answer without candidates: <https://ai.google.dev/api/generate-content#PromptFeedback>.
pub(super) fn block_reason(feedback: &PromptFeedback) -> Option<&Value> {
    feedback.block_reason.as_ref()
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

/// Google's own word, where it says more than that all was said or that a limit was met.
pub(super) fn native_finish(reason: &Value) -> Option<&str> {
    reason.as_str().filter(|word| !matches!(*word, "STOP" | "MAX_TOKENS" | "FINISH_REASON_UNSPECIFIED"))
}

/// `promptTokenCount` includes cached tokens; tool results and thoughts are counted apart and billed as prompt and answer.
pub(super) fn tokens(usage: &Usage, web_searches: Option<u64>) -> Tokens {
    let sum = |counts: [Option<u64>; 2]| counts.into_iter().flatten().reduce(u64::saturating_add);
    let audio = |counts: &_| of_kind(counts, "AUDIO", 3);
    Tokens {
        input: sum([usage.prompt_token_count, usage.tool_use_prompt_token_count]).unwrap_or(0),
        output: sum([usage.candidates_token_count, usage.thoughts_token_count]).unwrap_or(0),
        cached_input: usage.cached_content_token_count,
        audio_input: sum([audio(&usage.prompt_tokens_details), audio(&usage.tool_use_prompt_tokens_details)]),
        cached_audio_input: audio(&usage.cache_tokens_details),
        tool_input: usage.tool_use_prompt_token_count,
        reasoning: usage.thoughts_token_count,
        audio_output: audio(&usage.candidates_tokens_details),
        video_output: of_kind(&usage.candidates_tokens_details, "VIDEO", 4),
        web_searches,
        terms: Terms { tier: usage.service_tier.as_deref().and_then(ServiceTier::named), ..Terms::default() },
        ..Tokens::default()
    }
}

/// How often the web was searched for a candidate; none where nothing says that it was. A query of no words is not billed:
/// <https://ai.google.dev/gemini-api/docs/google-search#pricing>.
pub(super) fn searches(candidate: &Candidate) -> Option<u64> {
    let queries = candidate.grounding_metadata.as_ref()?.get("webSearchQueries")?.as_array()?;
    Some(queries.iter().filter(|query| query.as_str().is_none_or(|words| !words.trim().is_empty())).count() as u64)
}

/// None where no count of the kind is given.
fn of_kind(counts: &Option<Vec<ModalityCount>>, name: &str, number: u64) -> Option<u64> {
    let is_it = |kind: &Value| kind.as_str() == Some(name) || kind.as_u64() == Some(number);
    let fitting = counts.iter().flatten().filter(|count| count.modality.as_ref().is_some_and(is_it));
    fitting.filter_map(|count| count.token_count).reduce(u64::saturating_add)
}
