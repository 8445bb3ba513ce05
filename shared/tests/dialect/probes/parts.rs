//! The parts that a message can have.

use super::{Probe, extend, said};
use serde_json::{Value, json};

const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";
const PDF: &str = "data:application/pdf;base64,JVBERi0xLjQK";
const TEXT: &str = "data:text/plain;base64,SGVsbG8=";
const SHEET: &str = "data:application/vnd.ms-excel;base64,AAAA";

/// A message of two texts, which nobody takes for a string, and perhaps another part.
fn user(part: Option<Value>) -> Value {
    let texts = ["Look.", "And say."].map(|text| json!({ "type": "text", "text": text }));
    let parts: Vec<_> = texts.into_iter().chain(part).collect();
    json!([{ "role": "user", "content": parts }])
}

fn part(field: &'static str, note: &'static str, part: Value) -> Probe {
    said(field, note, user(None), user(Some(part)))
}

fn image(more: Value) -> Value {
    json!({ "type": "image_url", "image_url": extend(json!({ "url": PNG }), more) })
}

fn file(file: Value) -> Value {
    json!({ "type": "file", "file": file })
}

pub(super) fn parts() -> Vec<Probe> {
    let system =
        |content: Value| json!([{ "role": "system", "content": content }, { "role": "user", "content": "Hello" }]);
    let answered = |content: Value| json!([{ "role": "user", "content": "Hello" }, { "role": "assistant", "content": content }, { "role": "user", "content": "Go on." }]);
    let texts = |mark: Value| json!([{ "role": "user", "content": [extend(json!({ "type": "text", "text": "Look." }), mark), { "type": "text", "text": "And say." }] }]);
    let (url, bare) = (json!({ "url": "https://example.com/a.png" }), json!({ "type": "text", "text": "Go." }));
    let mut probes = vec![
        part("messages[].content[]", "text", bare),
        said(
            "messages[].content[]",
            "text, a system message's",
            system(json!("Be brief.")),
            system(json!([{ "type": "text", "text": "Be brief." }, { "type": "text", "text": "Be kind." }])),
        ),
        said(
            "messages[].content[]",
            "refusal",
            answered(json!([{ "type": "text", "text": "No." }, { "type": "text", "text": "Never." }])),
            answered(
                json!([{ "type": "text", "text": "No." }, { "type": "text", "text": "Never." }, { "type": "refusal", "refusal": "I cannot." }]),
            ),
        ),
        part("messages[].content[].image_url", "data", image(json!({}))),
        part("messages[].content[].image_url", "https", image(url)),
        part(
            "messages[].content[].image_url",
            "data of an unusual type",
            image(json!({ "url": "data:image/tiff;base64,AAAA" })),
        ),
        part(
            "messages[].content[].input_audio",
            "",
            json!({ "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } }),
        ),
        part("messages[].content[].file.file_data", "PDF", file(json!({ "filename": "a.pdf", "file_data": PDF }))),
        part("messages[].content[].file.file_data", "text", file(json!({ "filename": "a.txt", "file_data": TEXT }))),
        part(
            "messages[].content[].file.file_data",
            "a spreadsheet",
            file(json!({ "filename": "a.xls", "file_data": SHEET })),
        ),
        part(
            "messages[].content[].file.file_data",
            "https",
            file(json!({ "filename": "a.pdf", "file_data": "https://example.com/a.pdf" })),
        ),
        part("messages[].content[].file.file_id", "", file(json!({ "file_id": "file-1" }))),
    ];
    let (pdf, named) = (file(json!({ "file_data": PDF })), file(json!({ "file_data": PDF, "filename": "b.pdf" })));
    probes.push(said("messages[].content[].file.filename", "", user(Some(pdf)), user(Some(named))));
    for (note, detail) in [("low", "low"), ("high", "high")] {
        let (without, with) = (user(Some(image(json!({})))), user(Some(image(json!({ "detail": detail })))));
        probes.push(said("messages[].content[].image_url.detail", note, without, with));
    }
    let (without, with) = (user(Some(image(json!({})))), user(Some(image(json!({ "detail": "auto" })))));
    probes.push(said("messages[].content[].image_url.detail", "auto", without, with).asks_for_nothing());
    let mark = || json!({ "cache_control": { "type": "ephemeral" } });
    probes.push(said("messages[].content[].cache_control", "", texts(json!({})), texts(mark())));
    let image_marked = extend(image(json!({})), mark());
    probes.push(said(
        "messages[].content[].cache_control",
        "an image's",
        user(Some(image(json!({})))),
        user(Some(image_marked)),
    ));
    probes.push(said(
        "messages[].content[].prompt_cache_breakpoint",
        "",
        texts(json!({})),
        texts(json!({ "prompt_cache_breakpoint": { "mode": "explicit" } })),
    ));
    probes
}
