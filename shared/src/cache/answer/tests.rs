use super::*;
use crate::openai::usage::{CompletionDetails, PromptDetails};
use serde_json::json;

const TEXT: &str =
    "Lisbon is the capital of Portugal. It lies on the right bank of the Tagus, near its mouth, on seven hills.";

/// What is done to a choice.
type Change<'a> = &'a dyn Fn(&mut Choice);

fn usage() -> Usage {
    Usage {
        prompt_tokens: 5,
        completion_tokens: 7,
        total_tokens: 12,
        prompt_tokens_details: PromptDetails::default(),
        completion_tokens_details: CompletionDetails::default(),
        server_tool_use: None,
        cost: None,
        cost_details: None,
    }
}

fn head() -> ChunkHead {
    ChunkHead {
        id: "chatcmpl-1".into(),
        created: 1_700_000_000,
        model: "m-1".into(),
        system_fingerprint: Some("fp".into()),
        service_tier: None,
    }
}

fn pieces_of_a_stream() -> Vec<Piece> {
    let (first, second) = TEXT.split_at(10);
    vec![
        Piece::Reasoning(0, "Hm. ".into()),
        Piece::Text(0, first.into()),
        Piece::Text(0, second.into()),
        Piece::ReasoningDetail(0, json!({"type": "reasoning.text", "signature": "s"})),
        Piece::Annotation(0, json!({"type": "url_citation"})),
        Piece::NativeFinish(0, "end_turn".into()),
        Piece::Finish(0, FinishReason::Stop),
        Piece::Usage(Tokens::default()),
    ]
}

fn record(pieces: &[Piece]) -> Option<StoredAnswer> {
    let mut recorder = Recorder::default();
    pieces.iter().for_each(|piece| recorder.take(piece));
    recorder.finish(head(), Tokens { input: 5, output: 7, ..Tokens::default() })
}

fn stored() -> StoredAnswer {
    record(&pieces_of_a_stream()).expect("an answer")
}

/// What a client puts together of a stream: the fields of all deltas, one after the other.
fn put_together(events: &[u8]) -> (Vec<Value>, String, String) {
    let text = std::str::from_utf8(events).expect("UTF-8");
    let data: Vec<&str> = text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> =
        data[..data.len() - 1].iter().map(|chunk| serde_json::from_str(chunk).expect("JSON")).collect();
    let all = |field: &str| {
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str()).collect::<String>()
    };
    let (content, reasoning) = (all("content"), all("reasoning_content"));
    (chunks, content, reasoning)
}

#[test]
fn a_stream_and_a_body_of_the_same_answer_are_stored_alike() {
    let from_stream = stored();
    let from_body = StoredAnswer::of(&from_stream.completion(usage()), *from_stream.usage()).expect("an answer");
    assert!(from_stream == from_body);
    let kept = serde_json::to_vec(&from_stream).expect("JSON");
    assert!(serde_json::from_slice::<StoredAnswer>(&kept).expect("the answer") == from_stream);
}

#[test]
fn a_replayed_stream_is_the_role_words_the_finish_the_usage_if_asked_for_and_done() {
    let (chunks, content, reasoning) = put_together(&stored().events(&usage(), true));
    assert_eq!((content.as_str(), reasoning.as_str()), (TEXT, "Hm. "));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.iter().all(|chunk| chunk["id"] == "chatcmpl-1" && chunk["system_fingerprint"] == "fp"));
    let [.., lists, end, last] = chunks.as_slice() else { panic!("{chunks:?}") };
    assert_eq!(lists["choices"][0]["delta"]["annotations"], json!([{"type": "url_citation"}]));
    assert_eq!(end["choices"][0]["finish_reason"], "stop");
    assert_eq!(end["choices"][0]["native_finish_reason"], "end_turn");
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(12)));
    let (chunks, ..) = put_together(&stored().events(&usage(), false));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()), "nobody asked");
}

#[test]
fn pieces_end_with_words_and_lose_nothing() {
    let words: Vec<&str> = pieces(TEXT).collect();
    assert!(words.len() > 1 && words[..words.len() - 1].iter().all(|piece| piece.ends_with(' ')), "{words:?}");
    let without_spaces = "首都".repeat(200);
    for text in ["", "a", TEXT, &without_spaces, " \n\n ", &"x".repeat(1000)] {
        assert_eq!(pieces(text).collect::<String>(), text);
        assert!(pieces(text).all(|piece| !piece.is_empty() && piece.len() < LONGEST_PIECE_BYTES + 4));
    }
}

#[test]
fn what_is_not_a_whole_plain_text_is_not_stored() {
    let with = |piece: Piece| {
        let mut pieces = pieces_of_a_stream();
        pieces.push(piece);
        record(&pieces)
    };
    #[rustfmt::skip]
    let table = [
        (Piece::Finish(0, FinishReason::Length),        "it was cut off"),
        (Piece::Finish(0, FinishReason::ContentFilter), "a filter ended it"),
        (Piece::Finish(0, FinishReason::ToolCalls),     "it calls tools"),
        (Piece::Refusal(0, "no".into()),                "it is a refusal"),
        (Piece::Audio(0, json!({"data": ""})),          "it is spoken"),
        (Piece::Image(0, json!({"type": "image_url"})), "it is drawn"),
        (Piece::Logprobs(0, json!({})),                 "it has logprobs"),
        (Piece::Text(1, "more".into()),                 "there is another one"),
    ];
    for (piece, why) in table {
        assert!(with(piece).is_none(), "{why}");
    }
    assert!(record(&[Piece::Finish(0, FinishReason::Stop)]).is_none(), "it says nothing");
    assert!(record(&[Piece::Text(0, " \n".into()), Piece::Finish(0, FinishReason::Stop)]).is_none(), "nor does this");
    assert!(record(&[Piece::Text(0, TEXT.into())]).is_none(), "nobody said that it ended");

    let whole = stored().completion(usage());
    let changed = |change: &dyn Fn(&mut Choice)| {
        let mut completion = whole.clone();
        completion.choices.iter_mut().for_each(change);
        StoredAnswer::of(&completion, Tokens::default())
    };
    assert!(changed(&|_| ()).is_some(), "the control");
    #[rustfmt::skip]
    let table: [(Change<'_>, &str); 6] = [
        (&|choice| choice.finish_reason = FinishReason::Length,       "it was cut off"),
        (&|choice| choice.message.content = None,                     "it says nothing"),
        (&|choice| choice.message.content = Some("  ".into()),        "nor does this"),
        (&|choice| choice.message.refusal = Some("no".into()),        "it is a refusal"),
        (&|choice| choice.logprobs = Some(json!({})),                 "it has logprobs"),
        (&|choice| choice.message.images.push(json!({})),             "it is drawn"),
    ];
    for (change, why) in table {
        assert!(changed(change).is_none(), "{why}");
    }
    let two = ChatCompletion { choices: [whole.choices.clone(), whole.choices.clone()].concat(), ..whole };
    assert!(StoredAnswer::of(&two, Tokens::default()).is_none(), "there are two");
}
