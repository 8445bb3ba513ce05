//! The fields of a request beside its messages and tools.

use super::{Probe, beside, field};
use serde_json::{Value, json};

pub(super) fn sampling() -> Vec<Probe> {
    vec![
        field("temperature", "", json!({ "temperature": 0.5 })),
        field("temperature", "above 1.5", json!({ "temperature": 1.8 })),
        field("top_p", "", json!({ "top_p": 0.9 })),
        beside("top_p", "beside a `temperature`", json!({ "temperature": 0.5 }), json!({ "top_p": 0.9 })),
        field("max_tokens", "", json!({ "max_tokens": 2000 })),
        field("max_completion_tokens", "", json!({ "max_completion_tokens": 2000 })),
        field("n", "2", json!({ "n": 2 })),
        field("n", "9", json!({ "n": 9 })),
        field("stop", "a string", json!({ "stop": "END" })),
        field("stop", "an array", json!({ "stop": ["END", "STOP"] })),
        field("seed", "", json!({ "seed": 7 })),
        field("seed", "negative", json!({ "seed": -7 })),
        field("seed", "of more than 32 bits", json!({ "seed": 9_000_000_000_i64 })),
        field("frequency_penalty", "", json!({ "frequency_penalty": 0.5 })),
        field("frequency_penalty", "negative", json!({ "frequency_penalty": -0.5 })),
        field("presence_penalty", "", json!({ "presence_penalty": 0.5 })),
        field("presence_penalty", "negative", json!({ "presence_penalty": -0.5 })),
        field("logit_bias", "", json!({ "logit_bias": { "50256": -100 } })),
        field("logprobs", "", json!({ "logprobs": true })),
        beside("top_logprobs", "", json!({ "logprobs": true }), json!({ "top_logprobs": 3 })),
    ]
}

pub(super) fn thinking() -> Vec<Probe> {
    let high = || json!({ "reasoning": { "effort": "high" } });
    vec![
        field("reasoning_effort", "none", json!({ "reasoning_effort": "none" })),
        field("reasoning_effort", "minimal", json!({ "reasoning_effort": "minimal" })),
        field("reasoning_effort", "low", json!({ "reasoning_effort": "low" })),
        field("reasoning_effort", "medium", json!({ "reasoning_effort": "medium" })),
        field("reasoning_effort", "high", json!({ "reasoning_effort": "high" })),
        field("reasoning_effort", "xhigh", json!({ "reasoning_effort": "xhigh" })),
        field("reasoning_effort", "max", json!({ "reasoning_effort": "max" })),
        field("reasoning.effort", "high", high()),
        field("reasoning.max_tokens", "", json!({ "reasoning": { "max_tokens": 2048 } })),
        beside("reasoning.exclude", "", high(), json!({ "reasoning": { "effort": "high", "exclude": true } })),
        field("reasoning.enabled", "true", json!({ "reasoning": { "enabled": true } })),
        field("reasoning.enabled", "false", json!({ "reasoning": { "enabled": false } })),
        field("verbosity", "", json!({ "verbosity": "low" })),
    ]
}

/// A format with a schema, with one member of it changed.
fn schema(name: &str, value: Value) -> Value {
    let mut format = json!({
        "name": "weather",
        "schema": {
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
            "additionalProperties": false,
        },
    });
    format[name] = value;
    json!({ "response_format": { "type": "json_schema", "json_schema": format } })
}

fn constraint(keyword: &str, value: Value) -> Value {
    let mut properties =
        json!({ "city": { "type": "string" }, "days": { "type": "array", "items": { "type": "integer" } } });
    let at = if keyword == "minItems" { "days" } else { "city" };
    properties[at][keyword] = value;
    schema(
        "schema",
        json!({ "type": "object", "properties": properties, "required": ["city", "days"], "additionalProperties": false }),
    )
}

pub(super) fn form() -> Vec<Probe> {
    let plain = || schema("name", json!("weather"));
    let free = || constraint("type", json!("string"));
    let prediction = |content: Value| json!({ "prediction": { "type": "content", "content": content } });
    vec![
        field("response_format", "json_object", json!({ "response_format": { "type": "json_object" } })),
        field("response_format", "json_schema", plain()),
        beside("response_format.json_schema.name", "", plain(), schema("name", json!("forecast"))),
        beside("response_format.json_schema.description", "", plain(), schema("description", json!("Of a day."))),
        beside("response_format.json_schema.strict", "", plain(), schema("strict", json!(true))),
        beside("response_format.json_schema.schema", "`minLength`", free(), constraint("minLength", json!(2))),
        beside("response_format.json_schema.schema", "`minItems` of 3", free(), constraint("minItems", json!(3))),
        beside("response_format.json_schema.schema", "`pattern`", free(), constraint("pattern", json!("^[A-Z]"))),
        beside("response_format.json_schema.schema", "`format`", free(), constraint("format", json!("date"))),
        beside("response_format.json_schema.schema", "`enum`", free(), constraint("enum", json!(["a", "b"]))),
        beside("response_format.json_schema.schema", "`const`", free(), constraint("const", json!("a"))),
        beside("response_format.json_schema.schema", "`description`", free(), constraint("description", json!("A."))),
        field("prediction", "a string", prediction(json!("Hello."))),
        field("prediction", "parts", prediction(json!([{ "type": "text", "text": "Hello." }]))),
        field("modalities", "with `audio`", json!({ "modalities": ["text", "audio"] })),
        field("audio", "", json!({ "audio": { "voice": "alloy", "format": "wav" } })),
        field("web_search_options", "", json!({ "web_search_options": {} })),
        field("moderation", "", json!({ "moderation": { "model": "omni-moderation-latest" } })),
    ]
}

pub(super) fn accounts() -> Vec<Probe> {
    let stream = || json!({ "stream": true });
    let counted = |more: Value| json!({ "stream": true, "stream_options": super::extend(json!({ "include_usage": true }), more) });
    vec![
        field("stream", "", stream()),
        beside("stream_options.include_usage", "", stream(), json!({ "stream_options": { "include_usage": true } })),
        beside(
            "stream_options.include_obfuscation",
            "true",
            counted(json!({})),
            counted(json!({ "include_obfuscation": true })),
        ),
        beside(
            "stream_options.include_obfuscation",
            "false",
            counted(json!({})),
            counted(json!({ "include_obfuscation": false })),
        ),
        field("user", "", json!({ "user": "u-1" })),
        field("safety_identifier", "", json!({ "safety_identifier": "s-1" })),
        beside("safety_identifier", "beside a `user`", json!({ "user": "u-1" }), json!({ "safety_identifier": "s-1" })),
        field("metadata", "", json!({ "metadata": { "team": "a" } })),
        field("store", "true", json!({ "store": true })),
        field("service_tier", "default", json!({ "service_tier": "default" })),
        field("service_tier", "flex", json!({ "service_tier": "flex" })),
        field("service_tier", "priority", json!({ "service_tier": "priority" })),
        field("prompt_cache_key", "", json!({ "prompt_cache_key": "k" })),
        field("prompt_cache_retention", "", json!({ "prompt_cache_retention": "24h" })),
        field("prompt_cache_options", "", json!({ "prompt_cache_options": { "mode": "explicit" } })),
        field("cache_control", "", json!({ "cache_control": { "type": "ephemeral" } })),
    ]
}

pub(super) fn extensions() -> Vec<Probe> {
    vec![
        field("models", "", json!({ "models": ["openai/gpt-4o-mini"] })),
        field("openai", "", json!({ "openai": { "top_k": 5 } })),
        field("anthropic", "", json!({ "anthropic": { "top_k": 5 } })),
        field("google", "", json!({ "google": { "generationConfig": { "topK": 5 } } })),
        field("cohere", "", json!({ "cohere": { "k": 5 } })),
        field("mistral", "", json!({ "mistral": { "safe_prompt": true } })),
        field("anthropic", "not an object", json!({ "anthropic": 5 })),
        field("anthropic.model", "", json!({ "anthropic": { "model": "x" } })),
    ]
}

pub(super) fn unknown() -> Vec<Probe> {
    let text = |more: Value| json!([{ "role": "user", "content": [super::extend(json!({ "type": "text", "text": "Hello" }), more)] }]);
    let image = |more: Value| {
        let image = super::extend(json!({ "url": "https://example.com/a.png" }), more);
        json!([{ "role": "user", "content": [{ "type": "text", "text": "Hello" }, { "type": "image_url", "image_url": image }] }])
    };
    let tool = |outer: Value, inner: Value| {
        let function = super::extend(json!({ "name": "f" }), inner);
        json!({ "tools": [super::extend(json!({ "type": "function", "function": function }), outer)] })
    };
    let called = |more: Value| {
        let call = json!({ "id": "call_a", "type": "function", "function": { "name": "f", "arguments": "{}" } });
        json!([
            { "role": "user", "content": "Hello" },
            { "role": "assistant", "tool_calls": [super::extend(call, more)] },
            { "role": "tool", "tool_call_id": "call_a", "content": "Yes." },
        ])
    };
    let file = |more: Value| {
        let file = super::extend(json!({ "file_data": "data:application/pdf;base64,JVBERi0xLjQK" }), more);
        json!([{ "role": "user", "content": [{ "type": "text", "text": "Hello" }, { "type": "file", "file": file }] }])
    };
    let counted = |more: Value| json!({ "stream": true, "stream_options": super::extend(json!({ "include_usage": true }), more) });
    let odd = || json!({ "mood": "good" });
    let (none, object) = (|| json!({}), || json!({ "response_format": { "type": "json_object" } }));
    vec![
        field("mood", "", odd()),
        beside("stream_options.mood", "", counted(none()), counted(odd())),
        super::said(
            "messages[].mood",
            "",
            json!([{ "role": "user", "content": "Hello" }]),
            json!([{ "role": "user", "content": "Hello", "mood": "good" }]),
        ),
        super::said("messages[].content[].mood", "", text(none()), text(odd())),
        super::said("messages[].content[].image_url.mood", "", image(none()), image(odd())),
        beside("tools[].mood", "", tool(none(), none()), tool(odd(), none())),
        beside("tools[].function.mood", "", tool(none(), none()), tool(none(), odd())),
        super::said("messages[].tool_calls[].mood", "", called(none()), called(odd())),
        super::said("messages[].content[].file.mood", "", file(none()), file(odd())),
        beside(
            "response_format.mood",
            "",
            object(),
            json!({ "response_format": { "type": "json_object", "mood": "good" } }),
        ),
        beside("response_format.json_schema.mood", "", schema("name", json!("weather")), schema("mood", json!("good"))),
        field("reasoning.mood", "", json!({ "reasoning": { "mood": "good" } })),
    ]
}

/// Values that every provider takes for granted: sending them is as good as leaving them out.
pub(super) fn nothing() -> Vec<Probe> {
    let tools = || json!({ "tools": [{ "type": "function", "function": { "name": "f" } }] });
    let nothing = [
        field("seed", "null", json!({ "seed": null })),
        field("n", "1", json!({ "n": 1 })),
        field("stop", "empty", json!({ "stop": [] })),
        field("stream", "false", json!({ "stream": false })),
        field("logprobs", "false", json!({ "logprobs": false })),
        field("frequency_penalty", "0", json!({ "frequency_penalty": 0 })),
        field("presence_penalty", "0", json!({ "presence_penalty": 0 })),
        field("logit_bias", "empty", json!({ "logit_bias": {} })),
        field("metadata", "empty", json!({ "metadata": {} })),
        field("store", "false", json!({ "store": false })),
        field("service_tier", "auto", json!({ "service_tier": "auto" })),
        field("modalities", "text", json!({ "modalities": ["text"] })),
        field("response_format", "text", json!({ "response_format": { "type": "text" } })),
        field("tools", "empty", json!({ "tools": [] })),
        field("models", "empty", json!({ "models": [] })),
        beside("tool_choice", "auto", tools(), json!({ "tool_choice": "auto" })),
        field("parallel_tool_calls", "without tools", json!({ "parallel_tool_calls": true })),
        field("require_parameters", "", json!({ "require_parameters": true })),
    ];
    nothing.map(Probe::asks_for_nothing).into()
}
