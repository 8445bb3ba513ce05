//! What was counted, in OpenAI's terms.

use serde_json::Value;

use super::{Counts, Reading, Usage, list};

impl Reading<'_> {
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.counts.is_empty() {
            return None;
        }
        let whole = Value::Object(self.counts.clone());
        let at = |path: &str| number(whole.pointer(path));
        let sum = |paths: &[&str]| paths.iter().filter_map(|path| at(path)).sum();
        let word = |name: &str| whole[name].as_str().unwrap_or_default();
        let usage = match self.provider {
            "openai" => Usage {
                counts: Counts {
                    input: sum(&["/prompt_tokens"]),
                    output: sum(&["/completion_tokens"]),
                    cached: at("/prompt_tokens_details/cached_tokens"),
                    written: at("/prompt_tokens_details/cache_write_tokens"),
                    reasoning: at("/completion_tokens_details/reasoning_tokens"),
                    heard: at("/prompt_tokens_details/audio_tokens"),
                    spoken: at("/completion_tokens_details/audio_tokens"),
                    accepted: at("/completion_tokens_details/accepted_prediction_tokens"),
                    rejected: at("/completion_tokens_details/rejected_prediction_tokens"),
                    ..Counts::default()
                },
                tier: tier(self.tier.as_str().unwrap_or_default()),
                search_context: self.row.request_body["web_search_options"]["search_context_size"]
                    .as_str()
                    .filter(|_| self.row.asks_own_model())
                    .map(str::to_owned),
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
                // Sound is not in `prompt_tokens`: it is billed by its length.
                let heard = ["/prompt_tokens_details/audio_tokens", "/prompt_token_details/audio_tokens"];
                let heard = heard.into_iter().filter_map(at).max();
                Usage {
                    counts: Counts { input, output, cached, heard, ..Counts::default() },
                    heard_seconds: sum(&["/prompt_audio_seconds"]),
                    ..Usage::default()
                }
            }
            "anthropic" => Usage {
                counts: Counts {
                    // What was read from the cache or written to it is not in `input_tokens`.
                    input: sum(&["/input_tokens", "/cache_read_input_tokens", "/cache_creation_input_tokens"]),
                    output: sum(&["/output_tokens"]),
                    cached: at("/cache_read_input_tokens"),
                    written: at("/cache_creation_input_tokens"),
                    reasoning: at("/output_tokens_details/thinking_tokens"),
                    searches: at("/server_tool_use/web_search_requests"),
                    ..Counts::default()
                },
                written_1h: sum(&["/cache_creation/ephemeral_1h_input_tokens"]),
                tier: (word("speed") == "fast").then_some("fast"),
                us_only: word("inference_geo") == "us",
                ..Usage::default()
            },
            "google" => Usage {
                counts: Counts {
                    input: sum(&["/promptTokenCount", "/toolUsePromptTokenCount"]),
                    output: sum(&["/candidatesTokenCount", "/thoughtsTokenCount"]),
                    cached: at("/cachedContentTokenCount"),
                    reasoning: at("/thoughtsTokenCount"),
                    heard: of_kind(&whole, &["promptTokensDetails", "toolUsePromptTokensDetails"], "AUDIO"),
                    spoken: of_kind(&whole, &["candidatesTokensDetails"], "AUDIO"),
                    tools: at("/toolUsePromptTokenCount"),
                    searches: self.searches.values().copied().reduce(|all, more| all + more),
                    ..Counts::default()
                },
                heard_cached: of_kind(&whole, &["cacheTokensDetails"], "AUDIO").unwrap_or(0),
                filmed: of_kind(&whole, &["candidatesTokensDetails"], "VIDEO").unwrap_or(0),
                tier: tier(word("serviceTier")),
                ..Usage::default()
            },
            "cohere" => {
                let billed = whole.get("billed_units").filter(|units| units.is_object());
                Usage {
                    counts: Counts {
                        input: sum(&["/tokens/input_tokens"]),
                        output: sum(&["/tokens/output_tokens"]),
                        cached: at("/cached_tokens"),
                        reasoning: at("/tokens/reasoning_tokens"),
                        ..Counts::default()
                    },
                    billed: billed
                        .map(|_| (sum(&["/billed_units/input_tokens"]), sum(&["/billed_units/output_tokens"]))),
                    ..Usage::default()
                }
            }
            other => panic!("{other}: rules for it are missing"),
        };
        Some(usage)
    }
}

/// A tier that has prices of its own.
fn tier(word: &str) -> Option<&'static str> {
    ["flex", "priority"].into_iter().find(|tier| *tier == word)
}

/// Google's tokens of a kind: <https://ai.google.dev/api/generate-content#ModalityTokenCount>.
fn of_kind(usage: &Value, lists: &[&str], kind: &str) -> Option<u64> {
    let counts = lists.iter().flat_map(|name| list(&usage[*name])).filter(|count| count["modality"] == kind);
    counts.filter_map(|count| number(count.get("tokenCount"))).reduce(|sum, more| sum + more)
}

/// A count, which may be written as `12.0`.
fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64))
}
