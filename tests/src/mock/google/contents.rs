//! Google's `contents`: parts, calls and their results, signatures.

use serde_json::Value;

use super::super::answer::Turn;
use super::super::fault::Fault;
use super::super::fields::{Conversation, Fields};
use super::super::media::{Kind, Media};
use super::super::thought;
use super::super::tools::{EarlierCall, ToolResult};
use super::config::is_gemini_3;

const PART: &[&str] = &[
    "codeExecutionResult",
    "executableCode",
    "fileData",
    "functionCall",
    "functionResponse",
    "inlineData",
    "mediaResolution",
    "partMetadata",
    "text",
    "thought",
    "thoughtSignature",
    "toolCall",
    "toolResponse",
    "videoMetadata",
];

/// Documented as a stand-in for the signature of a call that Gemini did not make.
const STAND_INS: &[&str] = &["context_engineering_is_the_way_to_go", "skip_thought_signature_validator"];

/// Reads all turns and the order of them.
pub fn read(body: &Fields<'_>, model: &str) -> Result<Conversation, Fault> {
    let mut turns = Vec::new();
    let mut unsigned = Vec::new();
    for (index, content) in body.needed_list("contents")?.iter().enumerate() {
        let content = Fields::of(content, &format!("contents[{index}]"))?;
        content.only(&[&["parts", "role"]])?;
        let role = content.text("role")?.unwrap_or("user");
        if !matches!(role, "user" | "model" | "function") {
            let allowed = &["user", "model"];
            return Err(Fault::NotOneOf { path: content.path("role"), given: role.to_owned(), allowed });
        }
        let mut turn = Turn::default();
        let mut first_call_is_signed = true;
        for part in parts(&content)? {
            let calls = turn.calls.len();
            read_part(&part, &mut turn)?;
            if calls == 0 && turn.calls.len() == 1 {
                first_call_is_signed = part.has("thoughtSignature");
            }
        }
        turn.from_user = role == "user" && (turn.results.is_empty() || !turn.text.is_empty());
        if !first_call_is_signed {
            unsigned.push(index);
        }
        turns.push(turn);
    }
    refuse_a_wrong_order(&turns)?;
    if is_gemini_3(model) {
        refuse_unsigned_calls(&turns, &unsigned)?;
    }
    let Some(system) = body.get("systemInstruction") else { return Ok((Vec::new(), turns)) };
    let system = Fields::of(system, "system_instruction")?;
    system.only(&[&["parts", "role"]])?;
    Ok((texts(&system)?, turns))
}

/// The texts of `parts`.
pub fn texts(content: &Fields<'_>) -> Result<Vec<String>, Fault> {
    let mut texts = Vec::new();
    for part in parts(content)? {
        let mut turn = Turn::default();
        read_part(&part, &mut turn)?;
        texts.extend(part.has("text").then_some(turn.text));
    }
    Ok(texts)
}

/// `parts` may be a single object: a list of one needs no brackets in protobuf's JSON.
fn parts<'a>(content: &Fields<'a>) -> Result<Vec<Fields<'a>>, Fault> {
    let parts = match content.get("parts") {
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        Some(_) => content.needed_list("parts")?,
        None => return Err(Fault::Empty(content.path("parts"))),
    };
    let of = |(index, part)| Fields::of(part, &format!("{}[{index}]", content.path("parts")));
    parts.iter().enumerate().map(of).collect()
}

fn read_part(part: &Fields<'_>, turn: &mut Turn) -> Result<(), Fault> {
    part.only(&[PART])?;
    if !PART.iter().any(|name| part.has(name)) {
        return Err(Fault::Empty(part.path("data")));
    }
    let thought = part.flag("thought")?.unwrap_or(false);
    if let Some(text) = part.text("text")?
        && !thought
    {
        turn.text.push_str(text);
    }
    let call = part.object("functionCall")?;
    if let Some(signature) = part.text("thoughtSignature")? {
        check_signature(part, signature, call.as_ref())?;
    }
    if let Some(call) = call {
        call.only(&[&["id", "name", "args"]])?;
        call.object("args")?;
        turn.calls.push(EarlierCall { id: String::new(), name: call.needed_text("name")? });
    }
    if let Some(result) = part.object("functionResponse")? {
        result.only(&[&["id", "name", "response", "parts", "willContinue", "scheduling"]])?;
        let name = result.needed_text("name")?;
        let response = result.object("response")?.ok_or_else(|| Fault::Missing(result.path("response")))?;
        turn.results.push(ToolResult { id: String::new(), name, text: text_of(response.value()) });
        for (index, part) in result.list("parts")?.iter().enumerate() {
            read_media(&Fields::of(part, &format!("{}[{index}]", result.path("parts")))?, turn)?;
        }
    }
    read_media(part, turn)
}

/// A result is an object; a text is put into one under one of these names.
fn text_of(response: &Value) -> String {
    let names = ["result", "output", "content", "error"];
    let lone = response.as_object().filter(|map| map.len() == 1);
    match lone.and_then(|map| names.iter().find_map(|name| map.get(*name))) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => response.to_string(),
    }
}

fn read_media(part: &Fields<'_>, turn: &mut Turn) -> Result<(), Fault> {
    let kind = |mime: &str| match mime.split('/').next() {
        Some("image") => Kind::Image,
        Some("audio") => Kind::Audio,
        _ => Kind::File,
    };
    if let Some(data) = part.object("inlineData")? {
        data.only(&[&["mimeType", "data", "displayName"]])?;
        let mime = data.needed_text("mimeType")?;
        if mime == "image/gif" || mime.contains(';') {
            return Err(Fault::unsupported(data.path("mimeType"), format!("Unsupported MIME type: {mime}")));
        }
        turn.media.push(Media::of_base64(kind(&mime), &mime, &data.needed_text("data")?, &data.path("data"))?);
    }
    if let Some(file) = part.object("fileData")? {
        file.only(&[&["mimeType", "fileUri", "displayName"]])?;
        let uri = file.needed_text("fileUri")?;
        if !uri.starts_with("https://") && !uri.starts_with("gs://") {
            return Err(Fault::unsupported(file.path("fileUri"), format!("Invalid or unsupported file uri: {uri}")));
        }
        turn.media.push(Media::at(kind(file.text("mimeType")?.unwrap_or_default()), &uri));
    }
    Ok(())
}

fn check_signature(part: &Fields<'_>, signature: &str, call: Option<&Fields<'_>>) -> Result<(), Fault> {
    let empty = Value::Object(serde_json::Map::new());
    let right = match call {
        _ if STAND_INS.contains(&signature) => true,
        Some(call) => {
            let args = call.get("args").unwrap_or(&empty);
            thought::is_of(signature, &thought::of_call(&call.needed_text("name")?, args))
        }
        None => thought::is_ours(signature),
    };
    if right {
        return Ok(());
    }
    Err(Fault::unsupported(part.path("thought_signature"), "Corrupted thought signature."))
}

/// Calls come after a user's turn or after results, and the next turn has as many results as there were calls.
fn refuse_a_wrong_order(turns: &[Turn]) -> Result<(), Fault> {
    let wrong = |message: &str| Err(Fault::unsupported("contents", message));
    for (index, turn) in turns.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| turns.get(before));
        if !turn.calls.is_empty() {
            if !before.is_some_and(|before| before.from_user || !before.results.is_empty()) {
                return wrong(
                    "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
                );
            }
            let results = turns.get(index + 1).map_or(0, |next| next.results.len());
            if results != turn.calls.len() {
                return wrong(
                    "Please ensure that the number of function response parts is equal to the number of function call parts of the \
                     function call turn.",
                );
            }
        }
        if !turn.results.is_empty() && before.is_none_or(|before| before.calls.is_empty()) {
            return wrong("Please ensure that function response turn comes immediately after a function call turn.");
        }
    }
    Ok(())
}

/// Since the user last spoke, the first call of every step carries its signature. <https://ai.google.dev/gemini-api/docs/thought-signatures>
fn refuse_unsigned_calls(turns: &[Turn], unsigned: &[usize]) -> Result<(), Fault> {
    let spoke = turns.iter().rposition(|turn| turn.from_user).unwrap_or(0);
    let Some(index) = unsigned.iter().find(|index| **index > spoke) else { return Ok(()) };
    let name = turns[*index].calls.first().map_or("", |call| call.name.as_str());
    let message = format!(
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing \
         thought_signature may lead to degraded model performance. Additional data, function call `default_api:{name}` , position {}. Please \
         refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
        index + 1
    );
    Err(Fault::unsupported("contents", message))
}
