//! An answer as the cache keeps it: neither a stream nor a body, and of no provider. It is read from either and replayed as either.

use crate::{
    openai::{
        chunk::{ChunkHead, ChunkWriter},
        completion::{AnswerMessage, ChatCompletion, Choice, FinishReason},
        usage::Usage,
    },
    providers::Piece,
    usage::Tokens,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A piece of a replayed stream ends with the first word that brings it to as many bytes.
const PIECE_BYTES: usize = 48;
/// Where there is no word to end with, as in Chinese.
const LONGEST_PIECE_BYTES: usize = 192;

/// An answer that may be given again.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAnswer {
    id: String,
    created: i64,
    model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service_tier: Option<String>,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    native_finish: Option<String>,
    usage: Tokens,
    /// How long its provider took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    took_ms: Option<u32>,
}

/// Reads an answer from its stream, piece by piece.
#[derive(Default)]
pub struct Recorder {
    text: String,
    reasoning: Option<String>,
    reasoning_details: Vec<Value>,
    annotations: Vec<Value>,
    native_finish: Option<String>,
    finish: Option<FinishReason>,
    is_other: bool,
}

impl StoredAnswer {
    /// A whole answer; none if it may not be given again: one that did not end by itself, said nothing, or is more than a text.
    #[must_use]
    pub fn of(completion: &ChatCompletion, usage: Tokens) -> Option<Self> {
        let [choice] = completion.choices.as_slice() else { return None };
        let message = &choice.message;
        let is_text = message.refusal.is_none()
            && message.audio.is_none()
            && message.images.is_empty()
            && message.tool_calls.is_empty()
            && message.function_call.is_none()
            && choice.logprobs.is_none();
        let text = message.content.clone().filter(|text| !text.trim().is_empty())?;
        (is_text && choice.finish_reason == FinishReason::Stop).then(|| Self {
            id: completion.id.clone(),
            created: completion.created,
            model: completion.model.clone(),
            system_fingerprint: completion.system_fingerprint.clone(),
            service_tier: completion.service_tier.clone(),
            text,
            reasoning: message.reasoning_content.clone(),
            reasoning_details: message.reasoning_details.clone(),
            annotations: message.annotations.clone(),
            native_finish: choice.native_finish_reason.clone(),
            usage,
            took_ms: None,
        })
    }

    /// With how long its provider took.
    #[must_use]
    pub fn that_took(self, time: Duration) -> Self {
        Self { took_ms: u32::try_from(time.as_millis()).ok(), ..self }
    }

    /// How long its provider took.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.took_ms.map(|time| Duration::from_millis(time.into()))
    }

    /// What was said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it took.
    #[must_use]
    pub fn usage(&self) -> &Tokens {
        &self.usage
    }

    /// The model that answered, as its provider names it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// As a body.
    #[must_use]
    pub fn completion(&self, usage: Usage) -> ChatCompletion {
        let message = AnswerMessage {
            role: "assistant",
            content: Some(self.text.clone()),
            refusal: None,
            audio: None,
            images: Vec::new(),
            tool_calls: Vec::new(),
            function_call: None,
            reasoning_content: self.reasoning.clone(),
            reasoning_details: self.reasoning_details.clone(),
            annotations: self.annotations.clone(),
        };
        let choice = Choice {
            index: 0,
            message,
            logprobs: None,
            finish_reason: FinishReason::Stop,
            native_finish_reason: self.native_finish.clone(),
        };
        ChatCompletion {
            id: self.id.clone(),
            object: "chat.completion",
            created: self.created,
            model: self.model.clone(),
            choices: vec![choice],
            usage: Some(usage),
            system_fingerprint: self.system_fingerprint.clone(),
            service_tier: self.service_tier.clone(),
        }
    }

    /// As server-sent events, in the order in which a stream has them.
    #[must_use]
    pub fn events(&self, usage: &Usage, include_usage: bool) -> Vec<u8> {
        let head = ChunkHead {
            id: self.id.clone(),
            created: self.created,
            model: self.model.clone(),
            system_fingerprint: self.system_fingerprint.clone(),
            service_tier: self.service_tier.clone(),
        };
        let mut writer = ChunkWriter::new(head, include_usage, false);
        let mut out = Vec::with_capacity(self.text.len() * 4 + 1024);
        writer.begin(&mut out, 0);
        self.reasoning.iter().flat_map(|text| pieces(text)).for_each(|piece| writer.reasoning(&mut out, 0, piece));
        pieces(&self.text).for_each(|piece| writer.text(&mut out, 0, piece));
        self.reasoning_details.iter().for_each(|detail| writer.reasoning_detail(0, detail.clone()));
        self.annotations.iter().for_each(|annotation| writer.annotation(0, annotation.clone()));
        writer.finish(&mut out, 0, FinishReason::Stop, self.native_finish.as_deref());
        writer.done(&mut out, Some(usage));
        out
    }
}

impl Recorder {
    /// Takes the next piece, as the caller gets it: what is hidden from this caller is not given again either.
    pub fn take(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(0, text) => self.text.push_str(text),
            Piece::Reasoning(0, text) => self.reasoning.get_or_insert_default().push_str(text),
            Piece::ReasoningDetail(0, detail) => self.reasoning_details.push(detail.clone()),
            Piece::Annotation(0, annotation) => self.annotations.push(annotation.clone()),
            Piece::NativeFinish(0, word) => self.native_finish = Some(word.clone()),
            Piece::Finish(0, reason) => self.finish = Some(*reason),
            Piece::Head(_) | Piece::Usage(_) => {}
            _ => self.is_other = true,
        }
    }

    /// The answer, when its stream has ended as its protocol ends; none if it may not be given again.
    #[must_use]
    pub fn finish(self, head: ChunkHead, usage: Tokens) -> Option<StoredAnswer> {
        let may = !self.is_other && self.finish == Some(FinishReason::Stop) && !self.text.trim().is_empty();
        may.then(|| StoredAnswer {
            id: head.id,
            created: head.created,
            model: head.model,
            system_fingerprint: head.system_fingerprint,
            service_tier: head.service_tier,
            text: self.text,
            reasoning: self.reasoning,
            reasoning_details: self.reasoning_details,
            annotations: self.annotations,
            native_finish: self.native_finish,
            usage,
            took_ms: None,
        })
    }
}

/// A text in pieces that end with words, each with the space that follows it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(end_of_piece(rest));
        rest = after;
        Some(piece)
    })
}

fn end_of_piece(text: &str) -> usize {
    let ends = text.char_indices().map(|(at, c)| (at + c.len_utf8(), c.is_whitespace()));
    let mut last = text.len();
    for (end, is_space) in ends {
        if (is_space && end >= PIECE_BYTES) || end >= LONGEST_PIECE_BYTES {
            last = end;
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests;
