//! A conversation of about 200 KB in OpenAI's dialect: an assistant that looks things up, and has done so for a while.

use serde_json::{Value, json};

const BYTES: usize = 200_000;

const SENTENCES: &[&str] = &[
    "The order left our warehouse on Monday, and the carrier has had it since Tuesday evening. ",
    "Nobody has said \"delivered\" yet; the last scan is from Göteborg — two days ago. ",
    "Would you rather have the money back, or the same thing sent once more?\n",
    "1. Check the address: Storgatan 12, 411 24 Göteborg.\n2. Ask the carrier for proof.\n3. Then decide.\n\n",
    "I have looked at the account: three orders this year, none returned, all paid within a week. ",
    "Please answer in one paragraph, name the amounts in euros (€) and do not promise a date. ",
];

/// A request to a model, as the `openai` clients write it.
pub fn request(model: &str) -> Value {
    let mut messages = vec![json!({"role": "system", "content": prose(8_000, 0)})];
    let mut bytes = 0;
    for turn in 0.. {
        let added = one_turn(turn);
        bytes += added.iter().map(|message| message.to_string().len()).sum::<usize>();
        messages.extend(added);
        if bytes > BYTES - 15_000 {
            break;
        }
    }
    messages.push(json!({"role": "user", "content": [{"type": "text", "text": prose(900, 1)}]}));
    json!({
        "model": model, "messages": messages, "tools": tools(), "tool_choice": "auto",
        "temperature": 0.3, "max_completion_tokens": 1024,
        "stream": true, "stream_options": {"include_usage": true},
    })
}

/// A question, two calls at once, their results, an answer.
fn one_turn(turn: usize) -> Vec<Value> {
    let id = |call: usize| format!("call_{turn:04}x9pTk2mN4vQx{call:04}");
    let call = |i: usize, name: &str, arguments: Value| json!({"id": id(i), "type": "function", "function": {"name": name, "arguments": arguments.to_string()}});
    let order =
        json!({"order": format!("SE-2025-{turn:06}"), "include": ["items", "payments", "parcels"], "language": "sv"});
    let search = json!({"query": prose(120, turn), "limit": 5, "filter": {"kind": "policy", "valid": true}});
    vec![
        json!({"role": "user", "content": prose(700, turn)}),
        json!({
            "role": "assistant", "content": null,
            "tool_calls": [call(0, "read_order", order), call(1, "search_documents", search)],
        }),
        json!({"role": "tool", "tool_call_id": id(0), "content": order_found(turn).to_string()}),
        json!({"role": "tool", "tool_call_id": id(1), "content": prose(1_200, turn + 2)}),
        json!({"role": "assistant", "content": prose(1_500, turn + 3)}),
    ]
}

/// JSON as text: every quote in it is escaped.
fn order_found(turn: usize) -> Value {
    let item = |i: usize| json!({"sku": format!("A-{i:05}"), "name": "Lamp, green", "count": i + 1, "price": 12.5, "tax": 0.25});
    let scan = |i: usize| json!({"at": format!("2025-10-{:02}T08:15:00Z", i + 1), "place": "Göteborg", "status": "in transit"});
    json!({
        "order": format!("SE-2025-{turn:06}"), "total": 149.0, "currency": "EUR", "paid": true, "note": null,
        "items": (0..6).map(item).collect::<Vec<_>>(),
        "scans": (0..8).map(scan).collect::<Vec<_>>(),
    })
}

fn tools() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": {
            "order": {"type": "string", "description": "The order's number, as SE-2025-000001."},
            "query": {"type": "string", "description": "What to look for, in the customer's language."},
            "include": {"type": "array", "items": {"type": "string", "enum": ["items", "payments", "parcels"]}},
            "limit": {"type": "integer", "description": "How many at most."},
            "filter": {"type": "object", "properties": {"kind": {"type": "string"}, "valid": {"type": "boolean"}}},
            "language": {"type": "string", "description": "Two letters."},
        },
        "required": [],
    });
    let tool = |name: &&str| {
        let description = prose(300, name.len());
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
    };
    ["read_order", "search_documents", "refund_order", "send_again", "write_note", "ask_a_person"]
        .iter()
        .map(tool)
        .collect()
}

/// About that many bytes of text.
fn prose(bytes: usize, from: usize) -> String {
    let mut text = String::with_capacity(bytes + 100);
    let mut sentences = SENTENCES.iter().cycle().skip(from % SENTENCES.len());
    while text.len() < bytes {
        text.extend(sentences.next().copied());
    }
    text
}
