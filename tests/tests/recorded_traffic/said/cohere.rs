//! Cohere's answers.
//! <https://docs.cohere.com/v2/reference/chat>, <https://docs.cohere.com/v2/docs/streaming>

use serde_json::Value;

use super::{Reading, list};

impl Reading<'_> {
    pub(super) fn take_chat(&mut self, event: &Value) {
        if !self.streamed {
            let message = &event["message"];
            self.say(0, None);
            list(&message["content"]).for_each(|part| self.take_part(part));
            self.think(0, message["tool_plan"].as_str());
            list(&message["citations"]).for_each(|citation| self.take_chat_citation(citation));
            for (index, call) in (0..).zip(list(&message["tool_calls"])) {
                self.take_chat_call(index, call, true);
            }
            self.end_chat(event);
            return;
        }
        let (message, index) = (&event["delta"]["message"], event["index"].as_u64().unwrap_or(0));
        match event["type"].as_str().unwrap_or_default() {
            // Only the first event of a part says what kind it is, but only text has `text`.
            "content-start" | "content-delta" => {
                self.say(0, message["content"]["text"].as_str());
                self.think(0, message["content"]["thinking"].as_str());
            }
            "tool-plan-delta" => self.think(0, message["tool_plan"].as_str()),
            "tool-call-start" => self.take_chat_call(index, &message["tool_calls"], true),
            "tool-call-delta" => self.take_chat_call(index, &message["tool_calls"], false),
            "citation-start" => self.take_chat_citation(&message["citations"]),
            "message-end" => self.end_chat(&event["delta"]),
            _ => {}
        }
    }

    fn take_chat_call(&mut self, index: u64, call: &Value, is_start: bool) {
        let function = &call["function"];
        if is_start {
            let (id, name) = (call["id"].as_str().unwrap_or_default(), function["name"].as_str().unwrap_or_default());
            self.calls.begin(0, index, id, name);
        }
        self.calls.more(0, index, function["arguments"].as_str().unwrap_or_default());
    }

    fn take_part(&mut self, part: &Value) {
        match part["type"].as_str() {
            Some("text") => self.say(0, part["text"].as_str()),
            Some("thinking") => self.think(0, part["thinking"].as_str()),
            _ => self.more = Some("other parts"),
        }
    }

    /// Of the text, not of what was thought or planned: what has a URL by it, then what has none by its id.
    fn take_chat_citation(&mut self, citation: &Value) {
        if citation["type"].as_str().is_some_and(|kind| kind != "TEXT_CONTENT") {
            return;
        }
        let url = |source: &Value| {
            let data = ["document", "tool_output"].into_iter().map(|name| &source[name]).find(|data| !data.is_null());
            data.and_then(|data| data["url"].as_str().map(str::to_owned))
        };
        let (pages, others): (Vec<&Value>, Vec<&Value>) =
            list(&citation["sources"]).partition(|source| url(source).is_some());
        pages.into_iter().filter_map(url).for_each(|url| self.cite(0, url));
        others.into_iter().for_each(|source| self.cite(0, source["id"].as_str().unwrap_or_default()));
    }

    fn end_chat(&mut self, end: &Value) {
        let finish = match end["finish_reason"].as_str() {
            None | Some("ERROR" | "TIMEOUT") => {
                self.failed = true;
                return;
            }
            Some("MAX_TOKENS") => "length",
            Some("TOOL_CALL") => "tool_calls",
            Some("ERROR_TOXIC") => "content_filter",
            Some(_) => "stop",
        };
        finish.clone_into(&mut self.said.entry(0).or_default().finish);
        self.count(&end["usage"]);
        self.ended = true;
    }
}
