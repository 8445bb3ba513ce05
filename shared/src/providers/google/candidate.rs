//! One answer of `n`, whole or event by event: a whole one is a stream of one event.

use super::{
    ids::Seed,
    logprobs,
    partial::Arguments,
    response::{finish_reason, native_finish},
    signatures::{After, Place, detail, extra, own_part},
    sources::Sources,
    wire::{AnswerBlob, AnswerCall, AnswerPart, Candidate},
};
use crate::{
    openai::completion::FinishReason,
    providers::{Piece, Unreadable},
};
use serde_json::{Map, Value, json};

/// What is known of a candidate.
#[derive(Default)]
pub(super) struct Reader {
    index: u32,
    /// All of it: sources point into it.
    text: String,
    characters: u64,
    calls: u32,
    images: u32,
    /// Whether it was heard.
    spoke: bool,
    /// A call whose arguments still come.
    open: Option<Arguments>,
    sources: Sources,
    /// Why it ended, if it did and said no more.
    pub(super) finish: Option<FinishReason>,
}

impl Reader {
    pub(super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Appends what an event means.
    pub(super) fn read(
        &mut self,
        candidate: Candidate,
        seed: Seed<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), Unreadable> {
        let begin = out.len();
        for part in candidate.content.parts {
            self.part(part, seed, out)?;
        }
        let reason = candidate.finish_reason.as_ref().map(finish_reason);
        // Tools that Google runs end the answer in between: `STOP`, more text, `STOP`.
        let is_more = |piece: &Piece| {
            matches!(
                piece,
                Piece::Text(..)
                    | Piece::Image(..)
                    | Piece::Audio(..)
                    | Piece::ToolCall { .. }
                    | Piece::ToolArguments { .. }
            )
        };
        if reason.is_none() && out.iter().skip(begin).any(is_more) {
            self.finish = None;
        }
        let is_over = reason.is_some() || self.finish.is_some();
        let sources = self.sources.read(candidate.grounding_metadata, candidate.citation_metadata, &self.text, is_over);
        out.extend(sources.into_iter().map(|source| Piece::Annotation(self.index, source)));
        let logprobs = candidate.logprobs_result.and_then(logprobs::read);
        out.extend(logprobs.map(|logprobs| Piece::Logprobs(self.index, logprobs)));
        self.end(reason, candidate.finish_reason.as_ref().and_then(native_finish), out);
        Ok(())
    }

    /// Some models say `STOP` in every event, so a reason is passed on only when it is new.
    pub(super) fn end(&mut self, reason: Option<FinishReason>, native: Option<&str>, out: &mut Vec<Piece>) {
        if let Some(reason) = reason.filter(|reason| self.finish != Some(*reason)) {
            self.close(out);
            self.finish = Some(reason);
            out.push(Piece::Finish(self.index, reason));
            out.extend(native.map(|word| Piece::NativeFinish(self.index, word.to_owned())));
        }
    }

    fn part(&mut self, part: AnswerPart, seed: Seed<'_>, out: &mut Vec<Piece>) -> Result<(), Unreadable> {
        let signature = part.thought_signature.as_deref();
        if let Some(call) = part.function_call {
            return self.call(call, signature, seed, out);
        }
        if let Some(text) = part.text {
            self.text(text, part.thought, signature, out);
        } else if let Some(blob) = part.inline_data {
            // Of a thought, it is a draft.
            if !part.thought {
                self.blob(&blob, signature, seed, out);
            }
        } else {
            self.own(part, out);
        }
        Ok(())
    }

    fn text(&mut self, text: String, is_thought: bool, signature: Option<&str>, out: &mut Vec<Piece>) {
        if is_thought {
            let place = Place::Thought { text: &text, after: self.after() };
            out.extend(signature.map(|signature| Piece::ReasoningDetail(self.index, detail(place, signature))));
            if !text.is_empty() {
                out.push(Piece::Reasoning(self.index, text));
            }
            return;
        }
        let start = self.characters;
        self.characters += u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        self.text.push_str(&text);
        match out.last_mut() {
            _ if text.is_empty() => {}
            // The parts of one event follow one another without a break.
            Some(Piece::Text(index, before)) if *index == self.index => before.push_str(&text),
            _ => out.push(Piece::Text(self.index, text)),
        }
        let place = Place::Text { start, end: self.characters };
        out.extend(signature.map(|signature| Piece::ReasoningDetail(self.index, detail(place, signature))));
    }

    /// Something drawn or said aloud. Of sound, only the first piece has what is said once: <https://ai.google.dev/gemini-api/docs/speech-generation>
    fn blob(&mut self, blob: &AnswerBlob, signature: Option<&str>, seed: Seed<'_>, out: &mut Vec<Piece>) {
        if blob.mime_type.starts_with("audio/") {
            let mut audio = json!({ "data": blob.data });
            if !std::mem::replace(&mut self.spoke, true) {
                audio["id"] = seed.audio_id(self.index).into();
                audio["expires_at"] = 0.into();
                audio["transcript"] = "".into();
                audio["mime_type"] = blob.mime_type.as_str().into();
            }
            out.push(Piece::Audio(self.index, audio));
        }
        if !blob.mime_type.starts_with("image/") || blob.data.is_empty() {
            return;
        }
        let url = format!("data:{};base64,{}", blob.mime_type, blob.data);
        out.push(Piece::Image(self.index, json!({ "type": "image_url", "image_url": { "url": url } })));
        let place = Place::Image { index: self.images };
        self.images += 1;
        out.extend(signature.map(|signature| Piece::ReasoningDetail(self.index, detail(place, signature))));
    }

    /// What a tool of Google's did. It is not the answer, but goes back with the next request.
    fn own(&self, part: AnswerPart, out: &mut Vec<Piece>) {
        let mut content: Map<String, Value> = [
            ("executableCode", part.executable_code),
            ("codeExecutionResult", part.code_execution_result),
            ("toolCall", part.tool_call),
            ("toolResponse", part.tool_response),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value)))
        .collect();
        if content.is_empty() {
            return;
        }
        if part.thought {
            content.insert("thought".into(), true.into());
        }
        content.extend(part.thought_signature.map(|signature| ("thoughtSignature".to_owned(), signature.into())));
        out.push(Piece::ReasoningDetail(self.index, own_part(&content, self.after())));
    }

    fn after(&self) -> After {
        After { text: self.characters, calls: self.calls }
    }

    fn call(
        &mut self,
        call: AnswerCall,
        signature: Option<&str>,
        seed: Seed<'_>,
        out: &mut Vec<Piece>,
    ) -> Result<(), Unreadable> {
        if let Some(name) = call.name.filter(|name| !name.is_empty()) {
            self.close(out);
            let (choice, index) = (self.index, self.calls);
            self.calls += 1;
            let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| seed.id(choice, index));
            let place = Place::Call { id: &id, index };
            let signed = signature.map(|signature| Piece::ReasoningDetail(choice, detail(place, signature)));
            out.push(Piece::ToolCall { choice, index, id, name, extra: signature.map(extra) });
            out.extend(signed);
            self.open = Some(Arguments::of(call.args));
        }
        if let Some(arguments) = &mut self.open {
            for piece in call.partial_args {
                arguments.add(piece).ok_or_else(|| Unreadable("an argument at no place".into()))?;
            }
            if !call.will_continue {
                self.close(out);
            }
        }
        Ok(())
    }

    /// The arguments of the open call are whole.
    fn close(&mut self, out: &mut Vec<Piece>) {
        if let Some(arguments) = self.open.take() {
            let index = self.calls.saturating_sub(1);
            out.push(Piece::ToolArguments { choice: self.index, index, text: arguments.into_json() });
        }
    }
}
