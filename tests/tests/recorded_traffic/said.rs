//! What a row says, read from its body by rules that are written here from the providers' documentation a second time, so that a
//! mistake of the translators is not made twice.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::rows::Row;

/// What was said in each choice.
pub type Said = BTreeMap<u64, Choice>;

/// One choice, in OpenAI's terms.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    pub refusal: String,
    pub finish: String,
}

/// The counts that a caller sees, in OpenAI's terms; none where nothing is said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub input: u64,
    pub output: u64,
    pub cached: Option<u64>,
    pub written: Option<u64>,
    pub reasoning: Option<u64>,
}

/// The counts, and what else the price depends on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub counts: Counts,
    /// Of the tokens written to a cache, those that stay for an hour.
    pub written_1h: u64,
    /// Prompt and answer as invoiced, where that is not what is counted.
    pub billed: Option<(u64, u64)>,
}

/// What a row is to these tests.
pub enum Kind {
    /// An answer of text.
    Text(Said, Option<Usage>),
    /// No complete answer, though the status was 200: an error, what is none of the provider's, or a stream that breaks off.
    NoAnswer,
    /// An answer of more than text.
    More(&'static str),
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    /// All that is promised was said, but the protocol has no last word.
    MayEnd,
    Ended,
    /// With the provider's own error, or with what is none of its events.
    Failed,
}

/// Reads a row.
pub fn read(row: &Row) -> Kind {
    let mut reading = Reading::of(row);
    let mut two_in_one = false;
    for data in row.frames().into_iter().filter_map(|frame| row.data(frame)) {
        // Cohere's last word is followed by a `[DONE]`.
        two_in_one |= reading.state() == State::Ended && data != "[DONE]";
        reading.take(&data);
    }
    match (reading.state(), reading.more) {
        (State::Failed | State::Running, _) => Kind::NoAnswer,
        _ if two_in_one => Kind::More("two answers in one recording"),
        (State::MayEnd | State::Ended, Some(more)) => Kind::More(more),
        (State::MayEnd | State::Ended, None) => {
            let usage = reading.usage();
            Kind::Text(reading.said, usage)
        }
    }
}

/// Reads an answer event by event.
pub struct Reading<'a> {
    provider: &'a str,
    streamed: bool,
    said: Said,
    /// Choices that ended and said no more.
    over: BTreeMap<u64, bool>,
    counts: Map<String, Value>,
    ended: bool,
    failed: bool,
    more: Option<&'static str>,
}

impl<'a> Reading<'a> {
    pub fn of(row: &'a Row) -> Self {
        Self {
            provider: &row.provider,
            streamed: row.streaming,
            said: Said::new(),
            over: BTreeMap::new(),
            counts: Map::new(),
            ended: false,
            failed: false,
            more: None,
        }
    }

    pub fn take(&mut self, data: &str) {
        if data == "[DONE]" {
            self.ended |= matches!(self.provider, "openai" | "mistral");
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            self.failed = true;
            return;
        };
        match self.provider {
            "openai" | "mistral" => self.take_completion(&event),
            "anthropic" => self.take_message(&event),
            "google" => self.take_content(&event),
            "cohere" => self.take_chat(&event),
            other => panic!("{other}: rules for it are missing"),
        }
        self.ended |= !self.streamed;
    }

    pub fn state(&self) -> State {
        let all_over = !self.over.is_empty() && self.over.values().all(|over| *over);
        match (self.failed, self.ended) {
            (true, _) => State::Failed,
            (false, true) => State::Ended,
            (false, false) if all_over => State::MayEnd,
            (false, false) => State::Running,
        }
    }

    /// <https://platform.openai.com/docs/api-reference/chat/object>, <https://docs.mistral.ai/api/endpoint/chat>
    fn take_completion(&mut self, event: &Value) {
        if !event["error"].is_null() || event["object"] == "error" || (!self.streamed && !has_some(&event["choices"])) {
            self.failed = true;
            return;
        }
        for choice in list(&event["choices"]) {
            let message = if self.streamed { &choice["delta"] } else { &choice["message"] };
            let said = self.said.entry(choice["index"].as_u64().unwrap_or(0)).or_default();
            said.refusal += message["refusal"].as_str().unwrap_or_default();
            said.text += message["content"].as_str().unwrap_or_default();
            for part in list(&message["content"]) {
                match part["type"].as_str() {
                    Some("text") => said.text += part["text"].as_str().unwrap_or_default(),
                    Some("thinking") => {}
                    _ => self.more = Some("other parts"),
                }
            }
            if has_some(&message["tool_calls"]) || !message["function_call"].is_null() {
                self.more = Some("tool calls");
            }
            if !message["audio"].is_null() {
                self.more = Some("audio");
            }
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
            finish.clone_into(&mut said.finish);
        }
        self.count(&event["usage"]);
    }

    /// <https://platform.claude.com/docs/en/api/messages>, <https://platform.claude.com/docs/en/build-with-claude/streaming>
    fn take_message(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("error") => self.failed = true,
            Some("message_stop") => self.ended = true,
            Some("message_start") => self.count_more(&event["message"]["usage"]),
            Some("message_delta") => {
                self.end_message(&event["delta"]["stop_reason"]);
                self.count_more(&event["usage"]);
            }
            Some("content_block_start") => self.take_block(&event["content_block"]),
            Some("content_block_delta") if event["delta"]["type"] == "text_delta" => {
                self.say(0, event["delta"]["text"].as_str());
            }
            Some("message") => {
                self.say(0, None);
                list(&event["content"]).for_each(|block| self.take_block(block));
                self.end_message(&event["stop_reason"]);
                self.count_more(&event["usage"]);
            }
            _ if !self.streamed => self.failed = true,
            _ => {}
        }
    }

    fn take_block(&mut self, block: &Value) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => self.say(0, block["text"].as_str()),
            "thinking" | "redacted_thinking" => {}
            "tool_use" => self.more = Some("tool calls"),
            kind if kind.contains("tool") => self.more = Some("tools of the provider"),
            _ => self.more = Some("other parts"),
        }
    }

    fn end_message(&mut self, reason: &Value) {
        let finish = match reason.as_str() {
            None if self.streamed => return,
            Some("max_tokens" | "model_context_window_exceeded") => "length",
            Some("tool_use") => "tool_calls",
            Some("refusal") => "content_filter",
            _ => "stop",
        };
        finish.clone_into(&mut self.said.entry(0).or_default().finish);
    }

    /// <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>
    fn take_content(&mut self, event: &Value) {
        let blocked = !event["promptFeedback"]["blockReason"].is_null();
        let says_nothing = if self.streamed {
            ["candidates", "promptFeedback", "usageMetadata"].iter().all(|key| event[key].is_null())
        } else {
            !blocked && !has_some(&event["candidates"])
        };
        self.failed |= says_nothing || !event["error"].is_null();
        if blocked && !has_some(&event["candidates"]) {
            self.say(0, None);
            for (index, said) in &mut self.said {
                if !self.over.insert(*index, true).unwrap_or(false) {
                    "content_filter".clone_into(&mut said.finish);
                }
            }
        }
        for (position, candidate) in (0..).zip(list(&event["candidates"])) {
            let index = candidate["index"].as_u64().unwrap_or(position);
            self.say(index, None);
            for part in list(&candidate["content"]["parts"]) {
                let kinds = part.as_object().expect("a part").keys();
                for kind in kinds {
                    match kind.as_str() {
                        "text" if part["thought"] != true && part["text"] != "" => {
                            self.say(index, part["text"].as_str());
                            self.over.insert(index, false);
                        }
                        "text" | "thought" | "thoughtSignature" => {}
                        "functionCall" => self.more = Some("tool calls"),
                        "inlineData" | "fileData" => self.more = Some("media"),
                        _ => self.more = Some("tools of the provider"),
                    }
                }
            }
            let reason = &candidate["finishReason"];
            let over = self.over.entry(index).or_default();
            *over |= !reason.is_null();
            let said = self.said.entry(index).or_default();
            if !reason.is_null() || !self.streamed {
                google_finish(reason).clone_into(&mut said.finish);
            }
        }
        if event["usageMetadata"].is_object() {
            self.count(&event["usageMetadata"]);
        }
    }

    /// <https://docs.cohere.com/v2/reference/chat>, <https://docs.cohere.com/v2/docs/streaming>
    fn take_chat(&mut self, event: &Value) {
        if !self.streamed {
            let message = &event["message"];
            self.say(0, None);
            list(&message["content"]).for_each(|part| self.take_part(part));
            if has_some(&message["tool_calls"]) {
                self.more = Some("tool calls");
            }
            self.end_chat(event);
            return;
        }
        match event["type"].as_str().unwrap_or_default() {
            // Only the first event of a part says what kind it is, but only text has `text`.
            "content-start" | "content-delta" => self.say(0, event["delta"]["message"]["content"]["text"].as_str()),
            "message-end" => self.end_chat(&event["delta"]),
            kind if kind.starts_with("tool-") => self.more = Some("tool calls"),
            _ => {}
        }
    }

    fn take_part(&mut self, part: &Value) {
        match part["type"].as_str() {
            Some("text") => self.say(0, part["text"].as_str()),
            Some("thinking") => {}
            _ => self.more = Some("other parts"),
        }
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

    fn say(&mut self, choice: u64, text: Option<&str>) {
        self.said.entry(choice).or_default().text += text.unwrap_or_default();
    }

    /// Later counts replace earlier ones.
    fn count(&mut self, usage: &Value) {
        if let Some(usage) = usage.as_object() {
            self.counts = usage.clone();
        }
    }

    /// Later counts replace earlier ones, each for itself.
    fn count_more(&mut self, usage: &Value) {
        self.counts.extend(usage.as_object().cloned().unwrap_or_default().into_iter().filter(|(_, n)| !n.is_null()));
    }

    fn usage(&self) -> Option<Usage> {
        if self.counts.is_empty() {
            return None;
        }
        let whole = Value::Object(self.counts.clone());
        let at = |path: &str| number(whole.pointer(path));
        let sum = |paths: &[&str]| paths.iter().filter_map(|path| at(path)).sum();
        let usage = match self.provider {
            "openai" => Usage {
                counts: Counts {
                    input: sum(&["/prompt_tokens"]),
                    output: sum(&["/completion_tokens"]),
                    cached: at("/prompt_tokens_details/cached_tokens"),
                    written: at("/prompt_tokens_details/cache_write_tokens"),
                    reasoning: at("/completion_tokens_details/reasoning_tokens"),
                },
                ..Usage::default()
            },
            "mistral" => {
                // Three names for one number; where two are there, one of them may have stayed zero.
                let names = [
                    "/prompt_tokens_details/cached_tokens",
                    "/prompt_token_details/cached_tokens",
                    "/num_cached_tokens",
                ];
                let (input, output) = (sum(&["/prompt_tokens"]), sum(&["/completion_tokens"]));
                let cached = names.into_iter().filter_map(at).max();
                Usage { counts: Counts { input, output, cached, ..Counts::default() }, ..Usage::default() }
            }
            "anthropic" => Usage {
                counts: Counts {
                    // What was read from the cache or written to it is not in `input_tokens`.
                    input: sum(&["/input_tokens", "/cache_read_input_tokens", "/cache_creation_input_tokens"]),
                    output: sum(&["/output_tokens"]),
                    cached: at("/cache_read_input_tokens"),
                    written: at("/cache_creation_input_tokens"),
                    reasoning: at("/output_tokens_details/thinking_tokens"),
                },
                written_1h: sum(&["/cache_creation/ephemeral_1h_input_tokens"]),
                billed: None,
            },
            "google" => Usage {
                counts: Counts {
                    input: sum(&["/promptTokenCount", "/toolUsePromptTokenCount"]),
                    output: sum(&["/candidatesTokenCount", "/thoughtsTokenCount"]),
                    cached: at("/cachedContentTokenCount"),
                    written: None,
                    reasoning: at("/thoughtsTokenCount"),
                },
                ..Usage::default()
            },
            "cohere" => {
                let billed = whole.get("billed_units").filter(|units| units.is_object());
                Usage {
                    counts: Counts {
                        input: sum(&["/tokens/input_tokens"]),
                        output: sum(&["/tokens/output_tokens"]),
                        cached: at("/cached_tokens"),
                        written: None,
                        reasoning: at("/tokens/reasoning_tokens"),
                    },
                    written_1h: 0,
                    billed: billed
                        .map(|_| (sum(&["/billed_units/input_tokens"]), sum(&["/billed_units/output_tokens"]))),
                }
            }
            other => panic!("{other}: rules for it are missing"),
        };
        Some(usage)
    }
}

/// <https://ai.google.dev/api/generate-content#FinishReason>; a proxy may pass on the number of the enumeration.
fn google_finish(reason: &Value) -> &'static str {
    match (reason.as_str().unwrap_or_default(), reason.as_u64().unwrap_or_default()) {
        ("MAX_TOKENS", _) | (_, 2) => "length",
        ("SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII", _) | (_, 3 | 4) => {
            "content_filter"
        }
        (image, _) if image.starts_with("IMAGE_") && image != "IMAGE_OTHER" => "content_filter",
        _ => "stop",
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn has_some(value: &Value) -> bool {
    list(value).next().is_some()
}

/// A count, which may be written as `12.0`.
fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64))
}
