//! Tools: what is offered, what must be called, what was called and what came of it.

use super::{Probe, beside, extend, field, said};
use serde_json::{Value, json};

fn function(more: Value) -> Value {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let function = json!({ "name": "weather", "description": "Of a city.", "parameters": parameters });
    json!({ "type": "function", "function": extend(function, more) })
}

fn time() -> Value {
    json!({ "type": "function", "function": { "name": "time", "parameters": { "type": "object", "properties": {} } } })
}

fn offer(tools: &[Value]) -> Value {
    json!({ "tools": tools })
}

/// A tool without and with something.
fn tool(field: &'static str, note: &'static str, with: Value) -> Probe {
    beside(field, note, offer(&[function(json!({}))]), offer(&[with]))
}

/// The schema of a parameter that has this keyword.
fn keyword(keyword: &str, value: Value) -> Value {
    let mut city = json!({ "type": "string" });
    city[keyword] = value;
    function(json!({ "parameters": { "type": "object", "properties": { "city": city }, "required": ["city"] } }))
}

pub(super) fn offered() -> Vec<Probe> {
    let described = |description: Value| function(json!({ "description": description }));
    let custom = |custom: Value| json!({ "tools": [{ "type": "custom", "custom": custom }] });
    let code = || custom(json!({ "name": "code" }));
    let recursive = json!({
        "type": "object", "properties": { "node": { "$ref": "#/$defs/node" } },
        "$defs": { "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } } },
    });
    let union =
        json!({ "anyOf": [{ "type": "object", "properties": { "a": { "type": "string" } } }, { "type": "object" }] });
    let strict = |more: Value| extend(json!({ "strict": true }), more);
    vec![
        field("tools[]", "", offer(&[function(json!({}))])),
        beside("tools[]", "a second", offer(&[function(json!({}))]), offer(&[function(json!({})), time()])),
        tool("tools[].function.description", "", described(json!("Of a town."))),
        tool("tools[].function.description", "null", described(json!(null))),
        tool("tools[].function.parameters", "null", function(json!({ "parameters": null }))),
        tool("tools[].function.parameters", "empty", function(json!({ "parameters": {} }))),
        tool("tools[].function.parameters", "`minLength`", keyword("minLength", json!(2))),
        tool("tools[].function.parameters", "`format`", keyword("format", json!("date"))),
        tool("tools[].function.parameters", "`enum`", keyword("enum", json!(["a", "b"]))),
        tool("tools[].function.parameters", "`const`", keyword("const", json!("a"))),
        tool("tools[].function.parameters", "a nullable type", keyword("type", json!(["string", "null"]))),
        tool(
            "tools[].function.parameters",
            "`oneOf` inside",
            keyword("oneOf", json!([{ "minLength": 1 }, { "maxLength": 9 }])),
        ),
        tool("tools[].function.parameters", "`anyOf` at the top", function(json!({ "parameters": union }))),
        tool("tools[].function.parameters", "`$ref` to itself", function(json!({ "parameters": recursive }))),
        tool("tools[].function.strict", "true", function(strict(json!({})))),
        tool(
            "tools[].function.strict",
            "true, a schema that contains itself",
            function(strict(json!({ "parameters": recursive }))),
        ),
        tool("tools[].function.strict", "false", function(json!({ "strict": false }))).asks_for_nothing(),
        tool(
            "tools[].cache_control",
            "",
            extend(function(json!({})), json!({ "cache_control": { "type": "ephemeral" } })),
        ),
        field("tools[].custom", "", code()),
        beside("tools[].custom.format", "", code(), custom(json!({ "name": "code", "format": { "type": "text" } }))),
        beside("tools[].custom", "in a stream", json!({ "stream": true }), code()),
        field(
            "functions",
            "",
            json!({ "functions": [{ "name": "weather", "parameters": { "type": "object", "properties": {} } }] }),
        ),
    ]
}

pub(super) fn choice() -> Vec<Probe> {
    let both = || offer(&[function(json!({})), time()]);
    let chosen =
        |note: &'static str, choice: Value| beside("tool_choice", note, both(), json!({ "tool_choice": choice }));
    let allowed = |mode: &str| {
        let time = json!({ "type": "function", "function": { "name": "time" } });
        json!({ "type": "allowed_tools", "allowed_tools": { "mode": mode, "tools": [time] } })
    };
    let functions =
        || json!({ "functions": [{ "name": "time", "parameters": { "type": "object", "properties": {} } }] });
    let custom = json!({ "tools": [{ "type": "custom", "custom": { "name": "code" } }] });
    vec![
        chosen("none", json!("none")),
        chosen("required", json!("required")),
        chosen("a function", json!({ "type": "function", "function": { "name": "time" } })),
        chosen("allowed tools, auto", allowed("auto")),
        chosen("allowed tools, required", allowed("required")),
        beside(
            "tool_choice",
            "a custom tool",
            custom,
            json!({ "tool_choice": { "type": "custom", "custom": { "name": "code" } } }),
        ),
        chosen("a custom tool that is not offered", json!({ "type": "custom", "custom": { "name": "code" } })),
        beside("parallel_tool_calls", "false", both(), json!({ "parallel_tool_calls": false })),
        beside("parallel_tool_calls", "true", both(), json!({ "parallel_tool_calls": true })).asks_for_nothing(),
        beside("function_call", "none", functions(), json!({ "function_call": "none" })),
        beside("function_call", "a function", functions(), json!({ "function_call": { "name": "time" } })),
        beside(
            "response_format",
            "json_schema, beside tools",
            both(),
            json!({ "response_format": { "type": "json_schema", "json_schema": {
            "name": "a", "schema": { "type": "object", "properties": {}, "additionalProperties": false },
        } } }),
        ),
        beside("reasoning_effort", "high, beside tools", both(), json!({ "reasoning_effort": "high" })),
        beside(
            "reasoning_effort",
            "high, beside a call that must be",
            super::extend(both(), json!({ "tool_choice": "required" })),
            json!({ "reasoning_effort": "high" }),
        ),
    ]
}

fn asked() -> Value {
    json!({ "role": "user", "content": "How is the weather?" })
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}

fn result(id: &str, content: Value) -> Value {
    json!({ "role": "tool", "tool_call_id": id, "content": content })
}

/// A question, a call of `weather` and what came of it.
fn step(result: Value) -> Value {
    let call = call("call_abcdef", "weather", r#"{"city":"Paris"}"#);
    json!([asked(), { "role": "assistant", "content": null, "tool_calls": [call] }, result])
}

pub(super) fn calls() -> Vec<Probe> {
    let plain = || result("call_abcdef", json!("Rain."));
    let before = || json!([asked()]);
    let offered = |probe: Probe| Probe {
        without: extend(probe.without, offer(&[function(json!({})), time()])),
        with: extend(probe.with, offer(&[function(json!({})), time()])),
        ..probe
    };
    let calls = json!([call("call_a", "weather", r#"{"city":"Paris"}"#), call("call_b", "time", "{}")]);
    let several = json!([asked(), { "role": "assistant", "tool_calls": calls }, result("call_a", json!("Rain.")), result("call_b", json!("Noon."))]);
    let image = json!([{ "type": "text", "text": "Rain." }, { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } }]);
    let spoken = json!([asked(), { "role": "assistant", "content": "I look.", "tool_calls": [call("call_abcdef", "weather", r#"{"city":"Paris"}"#)] }, plain()]);
    let bad = json!([asked(), { "role": "assistant", "tool_calls": [call("call_abcdef", "weather", "{\"city\":")] }, plain()]);
    let custom = json!([asked(), { "role": "assistant", "tool_calls": [{ "id": "call_abcdef", "type": "custom", "custom": { "name": "code", "input": "1" } }] }, plain()]);
    let older = json!([asked(), { "role": "assistant", "content": null, "function_call": { "name": "weather", "arguments": "{}" } }, { "role": "function", "name": "weather", "content": "Rain." }]);
    let mut planned = step(plain());
    planned[1]["reasoning_details"] =
        json!([{ "type": "tool_plan", "provider": "cohere", "format": "cohere-v2", "text": "I will look." }]);
    let then = |result: Value| {
        let mut said = step(result);
        said.as_array_mut().expect("messages").push(json!({ "role": "user", "content": "Thanks." }));
        said
    };
    let probes = vec![
        said("messages[].tool_calls", "and its result", before(), step(plain())),
        said("messages[].tool_calls", "two, and their results", before(), several),
        said("messages[].content", "beside a call", step(plain()), spoken),
        said("messages[].tool_calls[].function.arguments", "not JSON", before(), bad),
        said("messages[].tool_calls[].custom", "", before(), custom),
        said("messages[].tool_call_id", "of no call", before(), json!([asked(), result("call_x", json!("Rain."))])),
        said(
            "messages[].content",
            "a result's, of parts",
            step(plain()),
            step(result(
                "call_abcdef",
                json!([{ "type": "text", "text": "Rain." }, { "type": "text", "text": "Wind." }]),
            )),
        ),
        said("messages[].content", "a result's, empty", before(), step(result("call_abcdef", json!("")))),
        said(
            "messages[].content",
            "a result's, JSON",
            step(plain()),
            step(result("call_abcdef", json!("{\"sky\":\"grey\"}"))),
        ),
        said("messages[].content", "a result's, with an image", step(plain()), step(result("call_abcdef", image))),
        said("messages[].role", "a user after a result", step(plain()), then(plain())),
        said(
            "messages[].cache_control",
            "a result's",
            step(plain()),
            step(extend(plain(), json!({ "cache_control": { "type": "ephemeral" } }))),
        ),
        said("messages[].name", "a result's", step(plain()), step(extend(plain(), json!({ "name": "forecast" })))),
        said("messages[].reasoning_details", "Cohere's plan beside a call", step(plain()), planned),
        said("messages[].function_call", "and the role `function`", before(), older),
    ];
    let mut probes: Vec<_> = probes.into_iter().map(offered).collect();
    probes.push(said("messages[].tool_calls", "where no tools are offered", before(), step(plain())));
    probes
}
