//! What the caller heard: an answer or a stream of ours, read as a client would.

use serde_json::Value;
use supergate_tests::app::Answer;

use super::{
    calls::Calls,
    said::{Counts, Said, sources},
};

/// One answer.
#[derive(Debug, Default)]
pub struct Heard {
    pub said: Said,
    /// What is wrong with its calls.
    pub odd_calls: bool,
    calls: Calls,
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
        heard.settle()
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
        heard.settle()
    }

    fn settle(mut self) -> Self {
        self.odd_calls |= !self.calls.have_ids();
        self.calls.settle(&mut self.said);
        self
    }

    fn hear(&mut self, body: &Value, message: &str) {
        for choice in body["choices"].as_array().into_iter().flatten() {
            let index = choice["index"].as_u64().expect("an index");
            self.hear_calls(index, &choice[message]);
            let said = self.said.entry(index).or_default();
            said.sources.extend(choice[message]["annotations"].as_array().into_iter().flatten().flat_map(sources));
            said.text += choice[message]["content"].as_str().unwrap_or_default();
            said.sound.add(&choice[message]["audio"]);
            // Where the provider gave none, as it gives calls none.
            if said.sound.id.starts_with("audio_sg_") {
                said.sound.id.clear();
            }
            let images = choice[message]["images"].as_array().into_iter().flatten();
            said.images.extend(images.map(|image| image["image_url"]["url"].as_str().expect("a URL").to_owned()));
            said.refusal += choice[message]["refusal"].as_str().unwrap_or_default();
            said.reasoning += choice[message]["reasoning_content"].as_str().unwrap_or_default();
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
                heard: prompt["audio_tokens"].as_u64(),
                spoken: completion["audio_tokens"].as_u64(),
                tools: prompt["tool_use_tokens"].as_u64(),
                accepted: completion["accepted_prediction_tokens"].as_u64(),
                rejected: completion["rejected_prediction_tokens"].as_u64(),
                searches: usage["server_tool_use"]["web_search_requests"].as_u64(),
            });
            self.cost = usage["cost"].as_f64().expect("dollars");
        }
    }

    fn hear_calls(&mut self, choice: u64, message: &Value) {
        for (place, call) in (0..).zip(message["tool_calls"].as_array().into_iter().flatten()) {
            let index = call["index"].as_u64().unwrap_or(place);
            // A new call has all of this, more of one nothing but arguments.
            let (function, custom) = (&call["function"], &call["custom"]);
            let name = function["name"].as_str().or(custom["name"].as_str());
            let (id, kind) = (call["id"].as_str(), call["type"].as_str());
            match (id, kind, name) {
                (Some(id), Some("function"), Some(name)) => {
                    self.odd_calls |= index != self.calls.next(choice);
                    self.calls.begin(choice, index, id, name);
                }
                (Some(id), Some("custom"), Some(name)) if function.is_null() => {
                    self.odd_calls |= index != self.calls.next(choice);
                    self.calls.begin_custom(choice, index, id, name);
                }
                (None, None, None) => self.odd_calls |= index + 1 != self.calls.next(choice),
                _ => self.odd_calls = true,
            }
            let text = function["arguments"].as_str().or(custom["input"].as_str());
            self.calls.more(choice, index, text.expect("text"));
        }
        let function = &message["function_call"];
        if let Some(name) = function["name"].as_str() {
            self.calls.begin(choice, 0, "function_call", name);
        }
        self.calls.more(choice, 0, function["arguments"].as_str().unwrap_or_default());
    }
}
