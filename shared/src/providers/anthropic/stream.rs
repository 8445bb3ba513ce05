//! A streamed answer: `message_start`, blocks, `message_delta` with the stop reason and the final usage, `message_stop`.
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

use super::{
    failure,
    response::{finish_reason, head, tokens},
    wire::{self, Usage},
};
use crate::providers::{AnswerError, ChatStream, Event, Piece, Progress, read};

#[derive(Default)]
pub(super) struct Stream {
    begun: bool,
    done: bool,
    usage: Usage,
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
                say(event.content_block.filter(|block| block.kind == "text").and_then(|block| block.text), out);
            }
            "content_block_delta" => {
                let delta = event.delta.filter(|delta| delta.kind.as_deref() == Some("text_delta"));
                say(delta.and_then(|delta| delta.text), out);
            }
            "message_delta" => {
                if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                    out.push(Piece::Finish(0, finish_reason(&reason)));
                }
                if let Some(usage) = event.usage {
                    self.count(usage, out);
                }
            }
            "message_stop" => self.done = true,
            "error" => return Err(AnswerError::Failed(failure::of_error(200, event.error))),
            // `ping`, `content_block_stop`, and what Anthropic adds.
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
        };
        out.extend(tokens(&self.usage).map(Piece::Usage));
    }
}

fn say(text: Option<String>, out: &mut Vec<Piece>) {
    out.extend(text.filter(|text| !text.is_empty()).map(|text| Piece::Text(0, text)));
}
