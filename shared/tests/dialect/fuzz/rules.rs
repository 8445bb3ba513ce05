//! The rules of the providers about messages, as far as they can be checked on what is sent. Each is one for which the provider
//! answers a 400.

use serde_json::Value;
use std::collections::HashSet;

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Of every message by itself, and of the order of roles.
pub(super) fn check_shape(provider: &str, name: &str, sent: &Value) {
    match provider {
        "anthropic" => anthropic(name, sent),
        "google" => google(name, sent),
        "cohere" | "mistral" => by_role(provider, name, sent),
        _ => assert!(!items(sent, "messages").is_empty(), "{name}"),
    }
}

fn anthropic(name: &str, sent: &Value) {
    let turns = items(sent, "messages");
    assert_eq!(turns.first().map(|turn| text(turn, "role")), Some("user"), "{name}: a person begins");
    let blocks = |turn: &Value| items(turn, "content").to_vec();
    for pair in turns.windows(2) {
        assert_ne!(pair[0]["role"], pair[1]["role"], "{name}: turns alternate: {sent}");
    }
    for turn in turns {
        let blocks = blocks(turn);
        assert!(!blocks.is_empty(), "{name}: an empty turn: {sent}");
        assert!(
            !blocks.iter().any(|block| block["type"] == "text" && is_blank(&block["text"])),
            "{name}: a blank: {sent}"
        );
        let first_other = blocks.iter().position(|block| block["type"] != "tool_result").unwrap_or(blocks.len());
        let late = blocks[first_other..].iter().any(|block| block["type"] == "tool_result");
        assert!(!late, "{name}: results come first: {sent}");
        assert!(!text(&blocks[blocks.len() - 1], "type").ends_with("thinking"), "{name}: ends with a thought: {sent}");
        for block in &blocks {
            let id = block.get("id").or(block.get("tool_use_id")).and_then(Value::as_str).unwrap_or("a");
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            assert!(!id.is_empty() && id.bytes().all(is_allowed), "{name}: the id {id}");
        }
    }
    assert!(!items(sent, "system").iter().any(|block| is_blank(&block["text"])), "{name}: a blank instruction");
    // What Anthropic's own tools did stands last only where a turn was paused, and then the model goes on by itself.
    let is_paused = |turn: &Value| blocks(turn).last().is_some_and(|block| is_provided(text(block, "type")));
    if let Some(last) = turns.last().filter(|turn| turn["role"] == "assistant" && !is_paused(turn)) {
        assert_ne!(name, "claude-opus-5", "a person speaks last");
        let blocks = blocks(last);
        let end = blocks.last().map(|block| text(block, "text")).unwrap_or_default();
        assert_eq!(end, end.trim_end(), "{name}: it ends with white space");
    }
    if let (Some(budget), Some(most)) = (sent["thinking"]["budget_tokens"].as_u64(), sent["max_tokens"].as_u64()) {
        assert!((1024..most).contains(&budget), "{name}: a budget of {budget} of {most}");
    }
    let is_forced = ["any", "tool"].contains(&text(&sent["tool_choice"], "type"));
    let thinks = ["enabled", "adaptive"].contains(&text(&sent["thinking"], "type"));
    assert!(!(is_forced && thinks), "{name}: a forced call and a thought");
    assert!(sent["temperature"].is_null() || !thinks, "{name}: a temperature and a thought");
    let calls = turns.iter().flat_map(blocks).any(|block| block["type"] == "tool_use");
    assert!(!calls || !items(sent, "tools").is_empty(), "{name}: calls without tools");
}

fn is_provided(kind: &str) -> bool {
    ["server_tool_use", "mcp_tool_use", "container_upload", "compaction"].contains(&kind)
        || kind.ends_with("_tool_result")
}

fn google(name: &str, sent: &Value) {
    let contents = items(sent, "contents");
    assert!(!contents.is_empty(), "{name}");
    let instruction = items(&sent["systemInstruction"], "parts");
    for part in contents.iter().flat_map(|content| items(content, "parts")).chain(instruction) {
        assert!(!is_blank(&part["text"]) || part.get("thoughtSignature").is_some(), "{name}: a blank: {sent}");
    }
    for content in contents {
        assert!(["user", "model"].contains(&text(content, "role")), "{name}: {sent}");
        assert!(!items(content, "parts").is_empty(), "{name}: an empty turn: {sent}");
    }
}

fn by_role(provider: &str, name: &str, sent: &Value) {
    let messages = items(sent, "messages");
    let roles: Vec<_> = messages.iter().map(|message| text(message, "role")).collect();
    assert!(roles.iter().any(|role| *role != "system"), "{name}: only instructions: {sent}");
    let first = roles.iter().position(|role| *role != "system").unwrap_or_default();
    assert!(!roles[first..].contains(&"system"), "{name}: instructions come first: {sent}");
    for message in messages {
        let says = !message["content"].is_null() && !is_blank(&message["content"]);
        let calls = !items(message, "tool_calls").is_empty();
        assert!(says || calls || message["role"] == "tool", "{name}: nothing is said: {sent}");
        assert!(!items(message, "content").iter().any(|part| is_blank(&part["text"])), "{name}: a blank: {sent}");
        let ids = items(message, "tool_calls").iter().map(|call| text(call, "id"));
        for id in ids.chain(message["tool_call_id"].as_str()).filter(|_| provider == "mistral") {
            assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}: the id {id}");
        }
    }
    if provider == "mistral" {
        let last = messages.last().expect("a message");
        assert!(last["role"] != "assistant" || last["prefix"] == true, "{name}: a person speaks last: {sent}");
        let knows_both = name == "mistral-small-latest";
        assert!(
            knows_both || !roles.windows(2).any(|pair| pair == ["tool", "user"]),
            "{name}: a person after a tool: {sent}"
        );
    }
}

/// Of calls and their results, in a conversation where every call has one.
pub(super) fn check_pairs(provider: &str, name: &str, sent: &Value) {
    match provider {
        "anthropic" => {
            let turns = items(sent, "messages");
            for (i, turn) in turns.iter().enumerate() {
                let ids = |turn: Option<&Value>, kind: &str, id: &str| {
                    let blocks = turn.map(|turn| items(turn, "content")).unwrap_or_default().iter();
                    blocks
                        .filter(|block| block["type"] == kind)
                        .map(|block| text(block, id).to_owned())
                        .collect::<Vec<_>>()
                };
                let called = ids(Some(turn), "tool_use", "id");
                if turn["role"] == "assistant" {
                    same(name, sent, &called, &ids(turns.get(i + 1), "tool_result", "tool_use_id"));
                }
            }
        }
        "google" => {
            let contents = items(sent, "contents");
            let names = |content: &Value, kind: &str| {
                let parts = items(content, "parts").iter().filter_map(|part| part.get(kind));
                parts.map(|call| text(call, "name").to_owned()).collect::<Vec<_>>()
            };
            for (i, content) in contents.iter().enumerate() {
                let called = names(content, "functionCall");
                let given = contents.get(i + 1).map(|next| names(next, "functionResponse")).unwrap_or_default();
                assert_eq!(called, given, "{name}: as many results as calls, in their order: {sent}");
                let before = i.checked_sub(1).map(|i| text(&contents[i], "role"));
                assert!(
                    called.is_empty() || before == Some("user"),
                    "{name}: a call follows a person or a result: {sent}"
                );
            }
        }
        _ => {
            let messages = items(sent, "messages");
            for (i, message) in messages.iter().enumerate() {
                let called: Vec<_> =
                    items(message, "tool_calls").iter().map(|call| text(call, "id").to_owned()).collect();
                let results = messages[i + 1..].iter().take_while(|message| message["role"] == "tool");
                let given: Vec<_> = results.map(|result| text(result, "tool_call_id").to_owned()).collect();
                if message["role"] != "tool" {
                    same(name, sent, &called, &given);
                }
            }
        }
    }
}

fn same(name: &str, sent: &Value, called: &[String], given: &[String]) {
    assert_eq!(called.len(), given.len(), "{name}: as many results as calls: {sent}");
    let (called, given): (HashSet<_>, HashSet<_>) = (called.iter().collect(), given.iter().collect());
    assert_eq!(called, given, "{name}: results of these calls: {sent}");
}

/// Nothing that was said is lost.
pub(super) fn check_words(name: &str, sent: &Value, words: &[String]) {
    let sent = sent.to_string();
    for word in words {
        assert!(sent.contains(word.as_str()), "{name}: {word} is lost: {sent}");
    }
}
