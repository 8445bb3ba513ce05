use super::*;
use crate::openai::completion::{AnswerMessage, Choice};
use serde_json::json;

fn request(change: &Value) -> ChatRequest {
    let mut body =
        json!({"model": "m", "messages": [{"role": "user", "content": "How do plants turn light into sugar?"}]});
    for (name, value) in change.as_object().expect("members") {
        body[name] = value.clone();
    }
    serde_json::from_value(body).expect("a request")
}

#[test]
fn what_is_never_read_or_written() {
    let function = json!([{"type": "function", "function": {"name": "f"}}]);
    let said = |part: Value| json!([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]);
    let image = |url: &str| said(json!({"type": "image_url", "image_url": {"url": url}}));
    let used = json!([{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "c", "content": "y"}]);
    #[rustfmt::skip]
    let table = [
        (json!({}),                                                             Ok(()),                     "a plain question"),
        (json!({"tools": []}),                                                  Ok(()),                     "no tool is offered"),
        (json!({"tools": function}),                                            Err(Unfit::Tools),          "what a tool says is true at that moment"),
        (json!({"messages": used}),                                             Err(Unfit::Tools),          "one was used"),
        (json!({"n": 1}),                                                       Ok(()),                     "one answer"),
        (json!({"n": 2}),                                                       Err(Unfit::SeveralAnswers), "two answers should differ"),
        (json!({"logprobs": true}),                                             Err(Unfit::Logprobs),       "they belong to one answer"),
        (json!({"logprobs": false}),                                            Ok(()),                     "not asked for"),
        (json!({"modalities": ["text", "audio"]}),                              Err(Unfit::Audio),          "an answer in sound"),
        (json!({"modalities": ["text"]}),                                       Ok(()),                     "an answer in words"),
        (json!({"web_search_options": {}}),                                     Err(Unfit::Search),         "found at that moment"),
        (json!({"messages": said(json!({"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}))}), Err(Unfit::Audio), "sound"),
        (json!({"messages": said(json!({"type": "file", "file": {"file_id": "f"}}))}), Err(Unfit::Files),   "a document"),
        (json!({"messages": image("https://example.com/a.png")}),               Err(Unfit::RemoteImage),    "another image tomorrow"),
        (json!({"messages": image("data:image/png;base64,AAAA")}),              Ok(()),                     "its bytes are in the request"),
    ];
    for (change, expected, why) in table {
        assert_eq!(of_request(&request(&change), Circumstances::default()).exact, expected, "{why}");
    }
    let flagged = Circumstances { flagged: true, ..Circumstances::default() };
    assert_eq!(of_request(&request(&json!({})), flagged).exact, Err(Unfit::Flagged));
}

#[test]
fn images_and_conversations_match_exactly_only() {
    let image = json!([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]);
    let eligibility = of_request(&request(&json!({"messages": image})), Circumstances::default());
    assert_eq!((eligibility.exact, eligibility.canonical), (Ok(()), Err(Unfit::NotAPersonsText)));

    let turns = json!([
        {"role": "system", "content": "You know botany."},
        {"role": "user", "content": "What do plants eat?"},
        {"role": "assistant", "content": "Light."},
        {"role": "user", "content": "How do plants turn light into sugar?"},
    ]);
    let eligible = |earlier_turns| {
        of_request(&request(&json!({"messages": turns})), Circumstances { earlier_turns, flagged: false })
    };
    assert_eq!((eligible(false).canonical, eligible(false).semantic), (Ok(()), Err(Unfit::EarlierTurns)));
    assert_eq!(eligible(true).semantic, Ok(()), "the tenant said so");
}

#[test]
fn what_may_be_compared_by_its_vector() {
    let long = "word ".repeat(70);
    #[rustfmt::skip]
    let table = [
        ("How do plants turn light into sugar?",             Ok(()),                "plain"),
        ("Warum ist der Himmel am Abend rot?",               Ok(()),                "Latin script"),
        ("Почему небо голубое днём?",                        Err(Unfit::Script),    "the guards cannot read it"),
        ("为什么天空是蓝色的？",                                Err(Unfit::Script),    "nor this"),
        ("42 + 17 * 3",                                      Err(Unfit::Script),    "no letters at all"),
        (long.as_str(),                                      Err(Unfit::TooLong),   "what differs is lost in the average"),
        ("hi there",                                         Err(Unfit::TooShort),  "says nothing"),
        ("What is love?",                                    Err(Unfit::TooShort),  "one word of content"),
        ("How do vaccines work?",                            Ok(()),                "`how` narrows what is asked, `what` does not"),
        ("How long does it take to learn to weave?",         Ok(()),                "`it` points at nothing else"),
        ("What does this do?\nfor x in y: print(x)",         Err(Unfit::Code),      "more than a line"),
        ("What does foo(x) return for an empty list?",       Err(Unfit::Code),      "a call"),
        ("How do I run git rebase --onto main feature?",     Err(Unfit::Code),      "an option"),
        ("Summarize the text above in three sentences",      Err(Unfit::Deixis),    "the text is elsewhere"),
        ("Please translate the following sentence: hello",   Err(Unfit::Deixis),    "so is the sentence"),
        ("Who won the football game yesterday in Madrid?",   Err(Unfit::TimeWords), "another game tomorrow"),
        ("What is the latest version of the Linux kernel?",  Err(Unfit::TimeWords), "another version tomorrow"),
        ("What is the weather forecast for central Paris?",  Err(Unfit::TimeWords), "another forecast tomorrow"),
    ];
    for (text, expected, why) in table {
        assert_eq!(of_text(text), expected, "{text}: {why}");
    }
}

#[test]
fn only_a_whole_answer_in_words_is_stored() {
    let message = || AnswerMessage {
        role: "assistant",
        content: Some("Photosynthesis.".into()),
        refusal: None,
        audio: None,
        images: Vec::new(),
        tool_calls: Vec::new(),
        function_call: None,
        reasoning_content: None,
        reasoning_details: Vec::new(),
        annotations: Vec::new(),
    };
    let choice = |message, finish_reason| Choice {
        index: 0,
        message,
        logprobs: None,
        finish_reason,
        native_finish_reason: None,
    };
    let answer = |choices| ChatCompletion {
        id: "a".into(),
        object: "chat.completion",
        created: 0,
        model: "m".into(),
        choices,
        usage: None,
        system_fingerprint: None,
        service_tier: None,
    };
    let stop = FinishReason::Stop;
    #[rustfmt::skip]
    let table = [
        (vec![choice(message(), stop)],                                                             Ok(()),                     "whole"),
        (vec![],                                                                                    Err(Unfit::SeveralAnswers), "none"),
        (vec![choice(message(), stop), choice(message(), stop)],                                    Err(Unfit::SeveralAnswers), "two"),
        (vec![choice(message(), FinishReason::Length)],                                             Err(Unfit::NotWhole),       "cut off"),
        (vec![choice(message(), FinishReason::ContentFilter)],                                      Err(Unfit::NotWhole),       "held back"),
        (vec![choice(AnswerMessage { content: Some(" ".into()), ..message() }, stop)],              Err(Unfit::NotWhole),       "empty"),
        (vec![choice(AnswerMessage { content: None, ..message() }, stop)],                          Err(Unfit::NotWhole),       "absent"),
        (vec![choice(AnswerMessage { refusal: Some("no".into()), ..message() }, stop)],             Err(Unfit::Flagged),        "refused"),
        (vec![choice(AnswerMessage { annotations: vec![json!({})], ..message() }, stop)],           Err(Unfit::Search),         "found at that moment"),
        (vec![choice(AnswerMessage { images: vec![json!({})], ..message() }, stop)],                Err(Unfit::Audio),          "drawn"),
    ];
    for (choices, expected, why) in table {
        assert_eq!(of_answer(&answer(choices)), expected, "{why}");
    }
}
