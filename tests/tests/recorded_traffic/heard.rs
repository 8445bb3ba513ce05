//! What the caller heard: an answer or a stream of ours, read as a client would.

use serde_json::Value;
use supergate_tests::app::Answer;

use super::said::{Counts, Said};

/// One answer.
#[derive(Debug, Default)]
pub struct Heard {
    pub said: Said,
    /// None where there is no usage.
    pub counts: Option<Counts>,
    /// US dollars.
    pub cost: f64,
    /// The error's code, null if there is none.
    pub error: Value,
    /// Whether the stream ended in `[DONE]`.
    pub done: bool,
    /// The chunks, without what differs from request to request.
    pub chunks: Vec<Value>,
}

impl Heard {
    pub fn of(answer: &Answer) -> Self {
        if answer.header("content-type").starts_with("text/event-stream") {
            return Self::of_stream(answer);
        }
        let body = answer.json();
        let mut heard = Self { error: body["error"]["code"].clone(), ..Self::default() };
        heard.hear(&body, "message");
        heard
    }

    fn of_stream(answer: &Answer) -> Self {
        let stream = answer.stream();
        let mut heard = Self { error: stream.error["code"].clone(), done: stream.done, ..Self::default() };
        for mut chunk in stream.chunks {
            heard.hear(&chunk, "delta");
            let head = chunk.as_object_mut().expect("a chunk");
            head.shift_remove("id");
            head.shift_remove("created");
            heard.chunks.push(chunk);
        }
        heard
    }

    fn hear(&mut self, body: &Value, message: &str) {
        for choice in body["choices"].as_array().into_iter().flatten() {
            let said = self.said.entry(choice["index"].as_u64().expect("an index")).or_default();
            said.text += choice[message]["content"].as_str().unwrap_or_default();
            said.refusal += choice[message]["refusal"].as_str().unwrap_or_default();
            if let Some(reason) = choice["finish_reason"].as_str() {
                reason.clone_into(&mut said.finish);
            }
        }
        let usage = &body["usage"];
        if usage.is_object() {
            let (prompt, completion) = (&usage["prompt_tokens_details"], &usage["completion_tokens_details"]);
            let (input, output) = (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64());
            let (input, output) = (input.expect("a count"), output.expect("a count"));
            assert_eq!(usage["total_tokens"], input + output);
            self.counts = Some(Counts {
                input,
                output,
                cached: prompt["cached_tokens"].as_u64(),
                written: prompt["cache_write_tokens"].as_u64(),
                reasoning: completion["reasoning_tokens"].as_u64(),
            });
            self.cost = usage["cost"].as_f64().expect("dollars");
        }
    }
}
