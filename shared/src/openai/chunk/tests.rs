use super::{
    super::usage::{CompletionDetails, PromptDetails},
    *,
};
use serde_json::json;

fn written(write: impl FnOnce(&mut ChunkWriter, &mut Vec<u8>)) -> Vec<Value> {
    let (id, model) = ("a".to_owned(), "m".to_owned());
    let head = ChunkHead { id, created: 1, model, system_fingerprint: None, service_tier: None };
    let (mut writer, mut out) = (ChunkWriter::new(head, true, false), Vec::new());
    write(&mut writer, &mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    let events = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    events.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).expect("a chunk")).collect()
}

fn deltas<'a>(chunks: &'a [Value], name: &str) -> Vec<(&'a Value, &'a Value)> {
    let choices = chunks.iter().map(|chunk| &chunk["choices"][0]);
    choices.filter_map(|choice| Some((&choice["index"], choice["delta"].get(name)?))).collect()
}

/// OpenAI's SDK for Python raises an error where an entry has no index, and merges two that have the same.
#[test]
fn images_are_numbered_in_each_choice_whatever_number_they_had() {
    let chunks = written(|writer, out| {
        for choice in [0, 0, 1] {
            writer.image(out, choice, &json!({ "type": "t", "index": 7 }));
        }
    });
    let image = |index: u32| json!([{ "index": index, "type": "t" }]);
    let images = deltas(&chunks, "images");
    assert_eq!(json!(images), json!([(0, image(0)), (0, image(1)), (1, image(0))]));
}

/// OpenAI's SDK for Node keeps the last list of a field that it does not know, and forgets those before.
#[test]
fn what_goes_back_comes_in_one_chunk_before_the_choice_ends() {
    let chunks = written(|writer, out| {
        for (choice, data) in [(0, "a"), (0, "b"), (1, "c")] {
            writer.reasoning_detail(choice, json!({ "data": data }));
            writer.annotation(choice, json!({ "type": data }));
            writer.text(out, choice, data);
        }
        writer.finish(out, 1, FinishReason::Stop, None);
        writer.finish(out, 0, FinishReason::Stop, None);
    });
    let details = json!([[1, [{ "data": "c" }]], [0, [{ "data": "a" }, { "data": "b" }]]]);
    assert_eq!(json!(deltas(&chunks, "reasoning_details")), details);
    let annotations = json!([[1, [{ "type": "c" }]], [0, [{ "type": "a" }, { "type": "b" }]]]);
    assert_eq!(json!(deltas(&chunks, "annotations")), annotations);
    let last = chunks.len() - 1;
    for (at, choice) in [(last - 2, 1), (last, 0)] {
        let end = &chunks[at]["choices"][0];
        assert_eq!((&end["index"], &end["finish_reason"]), (&json!(choice), &json!("stop")));
    }
}

#[test]
fn the_role_comes_first_in_each_choice_and_the_usage_last() {
    let usage = Usage {
        prompt_tokens: 1,
        completion_tokens: 2,
        total_tokens: 3,
        prompt_tokens_details: PromptDetails::default(),
        completion_tokens_details: CompletionDetails::default(),
        cost: None,
        cost_details: None,
        server_tool_use: None,
    };
    let chunks = written(|writer, out| {
        writer.audio(out, 0, &json!({ "id": "x" }));
        writer.tool_call(out, 1, 0, ("c1", "f"), Some(&json!({ "google": {} })));
        writer.finish(out, 0, FinishReason::Stop, Some("pause_turn"));
        writer.done(out, Some(&usage));
    });
    let choice = |i: usize| &chunks[i]["choices"][0];
    for (i, index) in [(0, 0), (2, 1)] {
        assert_eq!((&choice(i)["index"], &choice(i)["delta"]["role"]), (&json!(index), &json!("assistant")));
    }
    assert_eq!(choice(1)["delta"]["audio"], json!({ "id": "x" }));
    assert_eq!(choice(3)["delta"]["tool_calls"][0]["extra_content"], json!({ "google": {} }));
    let end = choice(4);
    assert_eq!((&end["finish_reason"], &end["native_finish_reason"]), (&json!("stop"), &json!("pause_turn")));
    let last = &chunks[5];
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(3)));
    assert!(last["usage"].get("prompt_tokens_details").is_none(), "absent is not zero");
}
