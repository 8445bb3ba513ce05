//! Anthropic's answers.
//! <https://platform.claude.com/docs/en/api/messages>, <https://platform.claude.com/docs/en/build-with-claude/streaming>

use serde_json::Value;

use super::{Reading, list};

impl Reading<'_> {
    pub(super) fn take_message(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("error") => self.failed = true,
            Some("message_stop") => self.ended = true,
            Some("message_start") => self.count_more(&event["message"]["usage"]),
            Some("message_delta") => {
                self.end_message(&event["delta"]);
                self.count_more(&event["usage"]);
            }
            Some("content_block_start") => self.take_block(event["index"].as_u64(), &event["content_block"]),
            Some("content_block_delta") => self.take_block_delta(event),
            Some("message") => {
                self.say(0, None);
                for (index, block) in (0..).zip(list(&event["content"])) {
                    self.take_block(Some(index), block);
                }
                self.end_message(event);
                self.count_more(&event["usage"]);
            }
            _ if !self.streamed => self.failed = true,
            _ => {}
        }
    }

    fn take_block(&mut self, index: Option<u64>, block: &Value) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => {
                self.say(0, block["text"].as_str());
                list(&block["citations"]).for_each(|citation| self.take_citation(citation));
            }
            "thinking" => self.think(0, block["thinking"].as_str()),
            // A summary of what came before, and who answered in place of whom: not the answer.
            "redacted_thinking" | "compaction" | "fallback" => {}
            "tool_use" => {
                let index = index.unwrap_or_default();
                self.calls.begin(
                    0,
                    index,
                    block["id"].as_str().unwrap_or_default(),
                    block["name"].as_str().unwrap_or_default(),
                );
                // In a stream this is empty, and the text of the arguments follows.
                if block["input"].as_object().is_some_and(|input| !input.is_empty()) {
                    self.calls.more(0, index, &block["input"].to_string());
                }
            }
            // What the provider ran is not for the caller to run.
            kind if kind.contains("tool") => {}
            _ => self.more = Some("other parts"),
        }
    }

    fn take_block_delta(&mut self, event: &Value) {
        let delta = &event["delta"];
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => self.say(0, delta["text"].as_str()),
            "thinking_delta" => self.think(0, delta["thinking"].as_str()),
            "citations_delta" => self.take_citation(&delta["citation"]),
            "input_json_delta" => {
                let index = event["index"].as_u64().unwrap_or_default();
                self.calls.more(0, index, delta["partial_json"].as_str().unwrap_or_default());
            }
            _ => {}
        }
    }

    /// A page by its URL, a document by its number and the words of it.
    fn take_citation(&mut self, citation: &Value) {
        let page =
            ["url", "source"].into_iter().find_map(|name| citation[name].as_str().filter(|it| it.starts_with("http")));
        let number = ["document_index", "search_result_index"].into_iter().find_map(|name| citation[name].as_u64());
        let document = || format!("{number:?} {}", citation["cited_text"].as_str().unwrap_or_default());
        self.cite(0, page.map_or_else(document, str::to_owned));
    }

    fn end_message(&mut self, end: &Value) {
        let finish = match end["stop_reason"].as_str() {
            None if self.streamed => return,
            Some("max_tokens" | "model_context_window_exceeded") => "length",
            Some("tool_use") => "tool_calls",
            Some("refusal") => "content_filter",
            _ => "stop",
        };
        let said = self.said.entry(0).or_default();
        said.refusal += end["stop_details"]["explanation"].as_str().unwrap_or_default();
        finish.clone_into(&mut said.finish);
    }
}
