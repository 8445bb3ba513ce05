//! A streamed answer: `message_start`, blocks, `message_delta` with the stop reason and the final usage, `message_stop`.
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

use super::{
    citations, failure,
    reasoning::{self, Place},
    response::{arguments, explanation, finish_reason, head, is_more_than_ours, tokens},
    wire::{self, AnswerBlock, Delta, Usage},
};
use crate::providers::{AnswerError, ChatStream, Event, Piece, Progress, read};
use serde_json::{Map, Value};

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    done: bool,
    usage: Usage,
    /// What was said so far.
    place: Place,
    open: Open,
}

/// The block that is being sent; one at a time.
#[derive(Default)]
enum Open {
    /// None, or one that is not for the caller.
    #[default]
    Nothing,
    Text {
        start: usize,
        citations: Vec<Value>,
    },
    Thinking {
        text: String,
        signature: String,
    },
    ToolUse {
        index: u32,
        /// What it would be called with if nothing followed.
        input: Value,
        has_spoken: bool,
    },
    Provided {
        block: Map<String, Value>,
        /// Its arguments, where they come in pieces.
        input: String,
    },
}

impl ChatStream for Stream {
    fn push(&mut self, event: Event<'_>, out: &mut Vec<Piece>) -> Result<(), AnswerError> {
        if self.done {
            return Ok(());
        }
        let event: wire::Event = read(event.data.as_bytes())?;
        match event.kind.as_str() {
            "message_start" => {
                if let Some(message) = event.message {
                    let usage = message.usage.clone();
                    if !self.begun {
                        self.begun = true;
                        out.push(Piece::Head(head(message)));
                    }
                    self.count(usage, out);
                }
            }
            "content_block_start" => {
                self.close(out);
                if let Some(block) = event.content_block {
                    self.begin(block, out);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = event.delta {
                    self.go_on(delta, out);
                }
            }
            "content_block_stop" => self.close(out),
            "message_delta" => {
                self.close(out);
                if let Some(delta) = event.delta {
                    out.extend(delta.stop_details.and_then(explanation).map(|text| Piece::Refusal(0, text)));
                    if let Some(reason) = delta.stop_reason {
                        out.push(Piece::Finish(0, finish_reason(&reason)));
                        out.extend(is_more_than_ours(&reason).then_some(Piece::NativeFinish(0, reason)));
                    }
                }
                if let Some(usage) = event.usage {
                    self.count(usage, out);
                }
            }
            "message_stop" => self.done = true,
            "error" => return Err(AnswerError::Failed(failure::of_error(200, event.error))),
            // `ping`, and what Anthropic adds.
            _ => {}
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        if self.done { Progress::Ended } else { Progress::Running }
    }
}

impl Stream {
    /// Counts are cumulative and replace earlier ones; what an event does not repeat still holds.
    fn count(&mut self, new: Usage, out: &mut Vec<Piece>) {
        let old = std::mem::take(&mut self.usage);
        self.usage = Usage {
            input_tokens: new.input_tokens.or(old.input_tokens),
            output_tokens: new.output_tokens.or(old.output_tokens),
            cache_read_input_tokens: new.cache_read_input_tokens.or(old.cache_read_input_tokens),
            cache_creation_input_tokens: new.cache_creation_input_tokens.or(old.cache_creation_input_tokens),
            cache_creation: new.cache_creation.or(old.cache_creation),
            output_tokens_details: new.output_tokens_details.or(old.output_tokens_details),
            service_tier: new.service_tier.or(old.service_tier),
            server_tool_use: new.server_tool_use.or(old.server_tool_use),
            speed: new.speed.or(old.speed),
            inference_geo: new.inference_geo.or(old.inference_geo),
        };
        out.extend(tokens(&self.usage).map(Piece::Usage));
    }

    fn begin(&mut self, block: AnswerBlock, out: &mut Vec<Piece>) {
        self.open = match block {
            AnswerBlock::Text { text, citations } => {
                let start = self.place.chars;
                self.say(text, out);
                Open::Text { start, citations: citations.unwrap_or_default() }
            }
            AnswerBlock::Thinking { thinking: text, signature } => {
                think(text.clone(), out);
                Open::Thinking { text, signature }
            }
            AnswerBlock::RedactedThinking { data } => {
                out.push(Piece::ReasoningDetail(0, reasoning::encrypted(&data, self.place)));
                Open::Nothing
            }
            AnswerBlock::ToolUse { id, name, input } => {
                let index = self.place.calls;
                self.place.calls += 1;
                out.push(Piece::ToolCall { choice: 0, index, id, name, extra: None });
                Open::ToolUse { index, input, has_spoken: false }
            }
            AnswerBlock::Provided(block) => Open::Provided { block, input: String::new() },
        };
    }

    fn go_on(&mut self, delta: Delta, out: &mut Vec<Piece>) {
        match (&mut self.open, delta.kind.as_deref()) {
            (Open::Text { .. }, Some("text_delta")) => self.say(delta.text.unwrap_or_default(), out),
            (Open::Text { citations, .. }, Some("citations_delta")) => citations.extend(delta.citation),
            (Open::Thinking { text, .. }, Some("thinking_delta")) => {
                let more = delta.thinking.unwrap_or_default();
                text.push_str(&more);
                think(more, out);
            }
            (Open::Thinking { signature, .. }, Some("signature_delta")) => {
                signature.push_str(&delta.signature.unwrap_or_default());
            }
            (Open::ToolUse { index, has_spoken, .. }, Some("input_json_delta")) => {
                if let Some(text) = delta.partial_json.filter(|text| !text.is_empty()) {
                    *has_spoken = true;
                    out.push(Piece::ToolArguments { choice: 0, index: *index, text });
                }
            }
            (Open::Provided { input, .. }, Some("input_json_delta")) => {
                input.push_str(&delta.partial_json.unwrap_or_default());
            }
            // What Anthropic adds.
            _ => {}
        }
    }

    /// What is known only at the end of a block: where a cited text ends, what a thought is signed with, that a call has no arguments.
    fn close(&mut self, out: &mut Vec<Piece>) {
        match std::mem::take(&mut self.open) {
            Open::Text { start, citations } => {
                let annotations =
                    citations.iter().filter_map(|one| citations::annotation(one, start, self.place.chars));
                out.extend(annotations.map(|annotation| Piece::Annotation(0, annotation)));
            }
            Open::Thinking { text, signature } => {
                out.push(Piece::ReasoningDetail(0, reasoning::signed(&text, &signature, self.place)));
            }
            Open::ToolUse { index, input, has_spoken: false } => {
                out.push(Piece::ToolArguments { choice: 0, index, text: arguments(&input) });
            }
            Open::Provided { mut block, input } => {
                if let Ok(input) = serde_json::from_str::<Value>(&input) {
                    block.insert("input".into(), input);
                }
                let detail = reasoning::provided(&block, self.place);
                out.extend(detail.map(|detail| Piece::ReasoningDetail(0, detail)));
            }
            Open::ToolUse { .. } | Open::Nothing => {}
        }
    }

    fn say(&mut self, text: String, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.place.chars += text.chars().count();
            out.push(Piece::Text(0, text));
        }
    }
}

fn think(text: String, out: &mut Vec<Piece>) {
    if !text.is_empty() {
        out.push(Piece::Reasoning(0, text));
    }
}
