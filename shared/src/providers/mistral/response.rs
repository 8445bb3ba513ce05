//! A whole answer, and what it shares with a chunk.

use super::{
    ids,
    reasoning::Telling,
    wire::{AnswerCall, AnswerContent, AnswerPart, Delta, Response, Usage},
};
use crate::{
    openai::{completion::FinishReason, tools::ToolCall},
    providers::{Answer, AnswerChoice, AnswerError, Failure, FailureKind, Head, Unreadable, read},
    usage::Tokens,
};
use serde_json::{Value, json};

pub(super) fn read_answer(body: &[u8]) -> Result<Answer, AnswerError> {
    let mut response: Response = read(body)?;
    let choices = response.choices.take().filter(|choices| !choices.is_empty());
    let choices = choices.ok_or_else(|| Unreadable("no choices".into()))?.into_iter().map(|choice| {
        let finish = finish_reason(choice.finish_reason.as_deref().unwrap_or("stop"))
            .ok_or_else(|| AnswerError::Failed(Failure::new(FailureKind::Server, 200, None, None)))?;
        let native_finish = choice.finish_reason.filter(|word| is_more_than_ours(word));
        Ok(AnswerChoice { finish, native_finish, ..said(choice.delta) })
    });
    let choices = choices.collect::<Result<_, AnswerError>>()?;
    Ok(Answer { choices, usage: response.usage.as_ref().map(tokens), head: head(response) })
}

fn said(message: Delta) -> AnswerChoice {
    let (mut said, mut reader) = (AnswerChoice::default(), Reader::default());
    let mut take = |piece| match piece {
        Bit::Text(text) => said.text.get_or_insert_default().push_str(&text),
        Bit::Reasoning(text) => said.reasoning.get_or_insert_default().push_str(&text),
        Bit::ReasoningDetail(detail) => said.reasoning_details.push(detail),
        Bit::Annotation(annotation) => said.annotations.push(annotation),
    };
    if let Some(content) = message.content {
        reader.read(content, &mut take);
    }
    reader.end(&mut take);
    // Beside calls, an empty text says nothing.
    said.text = said.text.filter(|text| !text.is_empty() || message.tool_calls.is_none());
    let calls = message.tool_calls.unwrap_or_default().into_iter().zip(0..);
    said.tool_calls = calls.map(|(call, index)| tool_call(call, index)).collect();
    said
}

fn tool_call(call: AnswerCall, index: u32) -> ToolCall {
    let function = call.function.unwrap_or_default();
    let arguments = arguments(function.arguments).unwrap_or_else(|| "{}".into());
    ToolCall::function(ids::of_answer(call.id, index), function.name.unwrap_or_default(), arguments)
}

/// As text; none where there are none.
pub(super) fn arguments(arguments: Option<Value>) -> Option<String> {
    match arguments? {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Null => None,
        object => Some(object.to_string()),
    }
}

/// Something that a choice's content says.
pub(super) enum Bit {
    Text(String),
    Reasoning(String),
    ReasoningDetail(Value),
    Annotation(Value),
}

/// Reads a choice's content, whole or chunk by chunk.
#[derive(Default)]
pub(super) struct Reader {
    telling: Telling,
    /// How many characters of text there were.
    at: usize,
}

impl Reader {
    /// Chunks of text follow one another without a break.
    pub(super) fn read(&mut self, content: AnswerContent, take: &mut impl FnMut(Bit)) {
        match content {
            AnswerContent::Text(text) => self.text(text, take),
            AnswerContent::Parts(parts) => {
                for part in parts {
                    self.part(part, take);
                }
            }
        }
    }

    /// The content ends, or something else begins.
    pub(super) fn end(&mut self, take: &mut impl FnMut(Bit)) {
        if let Some(detail) = self.telling.end() {
            take(Bit::ReasoningDetail(detail));
        }
    }

    fn text(&mut self, text: String, take: &mut impl FnMut(Bit)) {
        if !text.is_empty() {
            self.end(take);
        }
        self.at += text.chars().count();
        take(Bit::Text(text));
    }

    fn part(&mut self, part: AnswerPart, take: &mut impl FnMut(Bit)) {
        match (part.kind.as_str(), part.text, part.thinking) {
            ("text", Some(text), _) => self.text(text, take),
            ("thinking", _, Some(thinking)) => {
                let words = self.telling.more(&thinking, part.other.get("signature"));
                if !words.is_empty() {
                    take(Bit::Reasoning(words));
                }
            }
            ("reference" | "tool_reference", ..) => {
                let member = |name: &str| part.other.get(name).unwrap_or(&Value::Null);
                take(Bit::Annotation(match member("url").as_str() {
                    Some(url) => json!({
                        "type": "url_citation",
                        "url_citation": {
                            "url": url,
                            "title": member("title").as_str().unwrap_or_default(),
                            "start_index": self.at,
                            "end_index": self.at,
                        },
                    }),
                    // What the text before it is based on: numbers of what the caller gave.
                    None => json!({
                        "type": "reference",
                        "reference": {
                            "reference_ids": member("reference_ids"),
                            "start_index": self.at,
                            "end_index": self.at,
                        },
                    }),
                }));
            }
            _ => {}
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

/// Whether the dialect has no word that says as much.
pub(super) fn is_more_than_ours(reason: &str) -> bool {
    !matches!(reason, "stop" | "length" | "tool_calls")
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
/// Tokens of sound are not part of it: sound is billed by the second.
pub(super) fn tokens(usage: &Usage) -> Tokens {
    let details = [&usage.prompt_tokens_details, &usage.prompt_token_details];
    let cached = details.into_iter().flatten().map(|details| details.cached_tokens);
    let audio = details.into_iter().flatten().map(|details| details.audio_tokens);
    Tokens {
        input: usage.prompt_tokens.unwrap_or(0),
        output: usage.completion_tokens.unwrap_or(0),
        cached_input: cached.chain([usage.num_cached_tokens]).flatten().max(),
        audio_input: audio.flatten().max(),
        audio_seconds: usage.prompt_audio_seconds,
        ..Tokens::default()
    }
}
