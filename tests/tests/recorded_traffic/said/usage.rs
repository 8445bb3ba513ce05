//! What was counted, in OpenAI's terms.

use serde_json::Value;

use super::{Counts, Reading, Usage};

impl Reading<'_> {
    pub(super) fn usage(&self) -> Option<Usage> {
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

/// A count, which may be written as `12.0`.
fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64))
}
