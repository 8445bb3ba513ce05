//! OpenAI's answers, and Mistral's, which have the same form.
//! <https://platform.openai.com/docs/api-reference/chat/object>, <https://docs.mistral.ai/api/endpoint/chat>

use serde_json::Value;

use super::{Reading, has_some, list};

impl Reading<'_> {
    pub(super) fn take_completion(&mut self, event: &Value) {
        if !event["error"].is_null() || event["object"] == "error" || (!self.streamed && !has_some(&event["choices"])) {
            self.failed = true;
            return;
        }
        self.speaks |= event["model"].as_str().is_some_and(|model| model.contains("-audio"));
        for choice in list(&event["choices"]) {
            let index = choice["index"].as_u64().unwrap_or(0);
            self.take_delta(index, if self.streamed { &choice["delta"] } else { &choice["message"] });
            let finish = match choice["finish_reason"].as_str() {
                None if self.streamed => continue,
                Some("error") => {
                    self.failed = true;
                    continue;
                }
                Some("length" | "model_length") => "length",
                Some(known @ ("tool_calls" | "function_call" | "content_filter")) => known,
                _ => "stop",
            };
            finish.clone_into(&mut self.said.entry(index).or_default().finish);
        }
        if event["usage"].is_object() {
            self.tier = event["service_tier"].clone();
        }
        self.count(&event["usage"]);
    }

    fn take_delta(&mut self, index: u64, message: &Value) {
        let said = self.said.entry(index).or_default();
        said.refusal += message["refusal"].as_str().unwrap_or_default();
        said.reasoning += message["reasoning_content"].as_str().unwrap_or_default();
        said.text += message["content"].as_str().unwrap_or_default();
        for part in list(&message["content"]) {
            match part["type"].as_str() {
                Some("text") => said.text += part["text"].as_str().unwrap_or_default(),
                Some("thinking") => {
                    said.reasoning += part["thinking"].as_str().unwrap_or_default();
                    said.reasoning.extend(list(&part["thinking"]).filter_map(|chunk| chunk["text"].as_str()));
                }
                Some("reference" | "tool_reference") => match part["url"].as_str() {
                    Some(url) => said.sources.push(url.to_owned()),
                    None => said.sources.extend(list(&part["reference_ids"]).map(Value::to_string)),
                },
                _ => self.more = Some("other parts"),
            }
        }
        said.sources.extend(list(&message["annotations"]).flat_map(super::sources));
        for call in list(&message["tool_calls"]) {
            self.take_call(index, call);
        }
        let function = &message["function_call"];
        if !function.is_null() {
            self.legacy = true;
            if let Some(name) = function["name"].as_str() {
                self.calls.begin(index, 0, "", name);
            }
            self.calls.more(index, 0, function["arguments"].as_str().unwrap_or_default());
        }
        if message["audio"].is_object() {
            self.speak(index, &message["audio"]);
        }
    }

    fn take_call(&mut self, choice: u64, call: &Value) {
        let (function, id) = (&call["function"], call["id"].as_str().unwrap_or_default());
        let custom = &call["custom"];
        // Mistral sends whole calls, all of them under the same index; OpenAI sends pieces, and only the first has the name.
        let place = if self.streamed { call["index"].as_u64().unwrap_or(0) } else { self.calls.next(choice) };
        if let Some(name) = function["name"].as_str().filter(|name| !name.is_empty()) {
            self.calls.begin(choice, place, id, name);
        }
        if let Some(name) = custom["name"].as_str().filter(|name| !name.is_empty()) {
            self.calls.begin_custom(choice, place, id, name);
        }
        self.calls.more(choice, place, custom["input"].as_str().unwrap_or_default());
        match &function["arguments"] {
            Value::String(text) => self.calls.more(choice, place, text),
            Value::Null => {}
            object => self.calls.more(choice, place, &object.to_string()),
        }
    }
}
