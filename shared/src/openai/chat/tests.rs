use super::*;

fn with(extra: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{extra}}}"#)
}

#[test]
fn a_fault_is_named_by_its_path() {
    let messages = |text: &str| format!(r#"{{"model":"m","messages":{text}}}"#);
    #[rustfmt::skip]
    let table = [
        (r#"{"messages":[]}"#.to_owned(),                             "model",               "required"),
        (r#"{"model":"m"}"#.to_owned(),                               "messages",            "required"),
        (messages("[]"),                                              "messages",            "at least one"),
        (messages("{}"),                                              "messages",            "an array, not an object"),
        (messages(r#"[{"role":"user","content":"a"},{"role":"user","content":7}]"#), "messages[1].content", "a wrong type, deep"),
        (messages(r#"[{"role":"user"}]"#),                            "messages[0].content", "a user must say something"),
        (messages(r#"[{"content":"a"}]"#),                            "messages[0].role",    "required, deep"),
        (messages(r#"[{"role":"wizard","content":"a"}]"#),            "messages[0].role",    "an unknown role"),
        (messages(r#"[{"role":"tool","content":"a"}]"#),              "messages[0].tool_call_id", "a result answers a call"),
        (messages(r#"[{"role":"assistant","tool_calls":[{"type":"function"}]}]"#), "messages[0].tool_calls[0].id", "a call has an id"),
        (messages(r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}]"#),
                                                                      "messages[0].content[0].image_url.url", "neither https nor data"),
        (messages(r#"[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://a"}}]}]"#),
                                                                      "messages[0].content", "instructions are text"),
        (messages(r#"[{"role":"user","content":[]}]"#),               "messages[0].content", "no part"),
        (messages(r#"[{"role":"user","content":[{"type":"text"}]}]"#), "messages[0].content[0].text", "a text part without text"),
        (messages(r#"[{"role":"user","content":[["text","a"]]}]"#),   "messages[0].content[0]", "a part is an object"),
        (messages(r#"[{"role":"user","content":[{"type":"image_url"}]}]"#), "messages[0].content[0].image_url", "an image part without one"),
        (with(r#","temperature":2.1"#),                               "temperature",         "out of range"),
        (with(r#","temperature":"hot""#),                             "temperature",         "a wrong type"),
        (with(r#","top_p":-0.1"#),                                    "top_p",               "out of range"),
        (with(r#","n":0"#),                                           "n",                   "out of range"),
        (with(r#","n":129"#),                                         "n",                   "out of range"),
        (with(r#","n":1.5"#),                                         "n",                   "not whole"),
        (with(r#","max_tokens":0"#),                                  "max_tokens",          "no room for an answer"),
        (with(r#","max_completion_tokens":-1"#),                      "max_completion_tokens", "negative"),
        (with(r#","max_tokens":9,"max_completion_tokens":8"#),        "max_tokens",          "two limits"),
        (with(r#","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","function_call":{"name":"f"}"#),
                                                                      "function_call",       "two choices"),
        (with(r#","stop":["a","b","c","d","e"]"#),                    "stop",                "five"),
        (with(r#","stop":7"#),                                        "stop",                "a wrong type"),
        (with(r#","stream":"yes""#),                                  "stream",              "a wrong type"),
        (with(r#","stream_options":{"include_usage":true}"#),         "stream_options",      "without stream"),
        (with(r#","tools":[{"type":"function"}]"#),                   "tools[0].function",   "a function tool without one"),
        (with(r#","tools":[{"type":"function","function":{"name":"a b"}}]"#), "tools[0].function.name", "a space"),
        (with(r#","tools":[{"type":"web"}]"#),                        "tools[0].type",       "an unknown kind"),
        (with(r#","tool_choice":{"type":"function","function":{"name":"x"}}"#), "tool_choice", "a function that is not there"),
        (with(r#","tool_choice":"must""#),                            "tool_choice",         "an unknown word"),
        (with(r#","response_format":{"type":"xml"}"#),                "response_format.type", "an unknown form"),
        (with(r#","response_format":{"type":"json_schema"}"#),        "response_format.json_schema", "a schema is required"),
        (with(r#","tool_choice":{"type":"function","function":{"name":"f"},"mood":1}"#), "tool_choice.mood", "nothing beside a choice is kept"),
        (with(r#","tools":[{"type":"custom","custom":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}}"#),
                                                                      "tool_choice",         "a custom tool is no function"),
        (with(r#","tools":[{"type":"custom","custom":{"name":"f"}}],"tool_choice":{"type":"custom","custom":{"name":"x"}}"#),
                                                                      "tool_choice",         "a custom tool that is not there"),
        (with(r#","tools":[{"type":"custom","custom":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}"#),
                                                                      "tool_choice",         "nothing is allowed"),
        (with(r#","tools":[{"type":"custom","custom":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"any","tools":[{"type":"custom","custom":{"name":"f"}}]}}"#),
                                                                      "tool_choice.allowed_tools.mode", "an unknown mode"),
        (with(r#","tools":[{"type":"custom","custom":{"name":"a b"}}]"#), "tools[0].custom.name", "a space"),
        (with(r#","tools":[{"type":"custom"}]"#),                     "tools[0].custom",     "a custom tool without one"),
        (messages(r#"[{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}]"#), "messages[0].tool_calls[0].custom", "a call without one"),
        (messages(r#"[{"role":"assistant","tool_calls":[{"id":"a","type":"web"}]}]"#), "messages[0].tool_calls[0].type", "an unknown kind of call"),
        (with(r#","audio":"alloy""#),                                 "audio",               "not an object"),
        (with(r#","web_search_options":true"#),                       "web_search_options",  "not an object"),
        (with(r#","prediction":"text""#),                             "prediction",          "not an object"),
        (with(r#","modalities":["image"]"#),                          "modalities",          "an unknown one"),
        (with(r#","models":["a"]"#),                                  "models",              "not offered yet"),
    ];
    for (body, path, why) in table {
        let error = ChatRequest::parse(body.as_bytes()).expect_err(why);
        assert_eq!(error.param.as_deref(), Some(path), "{why}: {}", error.message);
    }
}

#[test]
fn functions_in_their_older_form_become_tools() {
    let request = ChatRequest::parse(
        br#"{"model":"m","functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"},"messages":[
            {"role":"user","content":"a"},
            {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
            {"role":"function","name":"f","content":"1"}]}"#,
    )
    .expect("the older form");
    assert!(request.legacy_functions);
    assert_eq!(request.tools()[0].function.as_ref().map(|function| function.name.as_str()), Some("f"));
    assert_eq!(request.tool_choice, Some(ToolChoice::Function("f".into())));
    assert_eq!(request.messages[1].tool_calls()[0].id, "call_1");
    assert_eq!((request.messages[2].role, request.messages[2].tool_call_id.as_deref()), (Role::Tool, Some("call_1")));
}

#[test]
fn what_asks_for_nothing_is_no_fault() {
    for extra in [
        r#","tools":[],"tool_choice":null,"functions":null"#,
        r#","response_format":{"type":"text"},"modalities":["text"]"#,
        r#","temperature":null,"stop":null,"n":1,"logprobs":false"#,
        r#","stream":true,"stream_options":{"include_usage":true}"#,
        r#","seed":7,"user":"someone","metadata":{"a":"b"}"#,
    ] {
        ChatRequest::parse(with(extra).as_bytes()).expect(extra);
    }
    let loose = r#"{"model":"m","messages":[{"role":"assistant","content":[]},
        {"role":"user","content":["a",{"type":"image_url","image_url":"https://a/b.png"}]}]}"#;
    ChatRequest::parse(loose.as_bytes()).expect("what OpenAI takes though it does not say so");
}

#[test]
fn arguments_that_are_no_object_are_kept_in_one() {
    #[rustfmt::skip]
    let table = [
        (r#"{"a":1}"#,         r#"{"a":1}"#,                                "as they are"),
        (r#" { "a" : 1 } "#,   r#" { "a" : 1 } "#,                          "to the letter"),
        ("",                   "{}",                                        "none"),
        (r#"{"a":"#,           r#"{"invalid_arguments":"{\"a\":"}"#,        "cut off"),
        ("[1]",                r#"{"invalid_arguments":"[1]"}"#,            "no object"),
        ("town: Zug",          r#"{"invalid_arguments":"town: Zug"}"#,      "no JSON"),
    ];
    for (arguments, text, why) in table {
        let call = ToolCall::function("id".into(), "f".into(), arguments.into()).function.expect("a function");
        assert_eq!(call.arguments_text(), text, "{why}");
        let object: Value = serde_json::from_str(text).expect("an object");
        assert_eq!(Value::Object(call.arguments_object()), object, "{why}");
    }
}

#[test]
fn thoughts_are_hidden_only_on_request() {
    for (extra, hidden) in
        [("", false), (r#","reasoning":{"effort":"low"}"#, false), (r#","reasoning":{"exclude":true}"#, true)]
    {
        assert_eq!(ChatRequest::parse(with(extra).as_bytes()).expect(extra).hides_reasoning(), hidden, "{extra}");
    }
}
