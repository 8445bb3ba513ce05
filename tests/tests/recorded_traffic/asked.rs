//! What a recorded client asked for, in OpenAI's dialect, as far as it shapes the answer.

use std::collections::BTreeSet;

use http::HeaderValue;
use serde_json::{Value, json};
use supergate_tests::app::{Answer, App};

use super::{
    rows::Row,
    said::{Kind, Recorded},
};

/// Asks as a client of OpenAI's would, in the row's own mode, with the functions that the answer calls and the schema that it fits.
pub async fn ask(app: &App, row: &Row, kind: &Kind, options: &str) -> Answer {
    let message = json!({"role": "user", "content": format!("replay:{}{options}", row.id)});
    let mut body = json!({"model": row.model(), "messages": [message]});
    if let Kind::Answer(recorded) = kind {
        offer(&mut body, recorded);
        if let Some(format) = response_format(row) {
            body["response_format"] = format;
        }
    }
    if row.asks_own_model() {
        // What only this model does, and what its price depends on.
        for name in ["modalities", "audio", "web_search_options"] {
            body[name] = row.request_body[name].clone();
        }
    }
    if row.asks_for_stream() {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    let mut request = app.chat_request(body.to_string());
    request.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    app.send(request).await
}

/// As many choices as there are, and the functions that they call.
fn offer(body: &mut Value, recorded: &Recorded) {
    if recorded.said.len() > 1 {
        body["n"] = json!(recorded.said.len());
    }
    let called = |custom: bool| -> BTreeSet<&str> {
        let calls = recorded.said.values().flat_map(|choice| &choice.calls);
        calls.filter(|call| call.custom == custom).map(|call| call.name.as_str()).collect()
    };
    let names = called(false);
    let functions = names.iter().map(|name| json!({"name": name, "parameters": {"type": "object", "properties": {}}}));
    let custom = called(true);
    if recorded.legacy {
        body["functions"] = functions.collect();
    } else if !names.is_empty() || !custom.is_empty() {
        let functions = functions.map(|function| json!({"type": "function", "function": function}));
        let custom = custom.iter().map(|name| json!({"type": "custom", "custom": {"name": name}}));
        body["tools"] = functions.chain(custom).collect();
    }
}

/// Whether the answer had to be JSON.
pub fn prescribes_json(row: &Row) -> bool {
    response_format(row).is_some()
}

/// `json_schema` where the client gave a schema, else `json_object`; none where the answer may be anything.
fn response_format(row: &Row) -> Option<Value> {
    let asked = &row.request_body;
    let schema = match row.provider.as_str() {
        "anthropic" => {
            let mut formats = [&asked["output_config"]["format"], &asked["output_format"]].into_iter();
            formats.find(|format| format["type"] == "json_schema")?.get("schema")
        }
        "google" => {
            let mut configs = ["generationConfig", "generation_config"].into_iter().map(|name| &asked[name]);
            let config = configs.find(|config| config.is_object())?;
            let type_ = [&config["responseMimeType"], &config["response_mime_type"]];
            if type_.into_iter().all(|it| it != "application/json") {
                return None;
            }
            // Its own `responseSchema` is no JSON schema: types are in capitals, properties have an order.
            ["responseJsonSchema", "response_json_schema"].into_iter().find_map(|name| config.get(name))
        }
        _ => {
            let format = &asked["response_format"];
            if !matches!(format["type"].as_str(), Some("json_object" | "json_schema")) {
                return None;
            }
            let given = [format.get("schema"), format["json_schema"].get("schema"), format.get("json_schema")];
            given.into_iter().flatten().find(|schema| schema.is_object())
        }
    };
    Some(match schema.filter(|schema| schema.is_object()) {
        Some(schema) => json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}),
        None => json!({"type": "json_object"}),
    })
}
