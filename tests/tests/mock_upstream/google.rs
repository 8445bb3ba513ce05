//! Google's own forms and rules.

use serde_json::{Value, json};
use supergate_tests::mock::MockUpstream;

use crate::client::{in_bern, joined, refuses, tell, weather, with};

fn asked(text: &str) -> Value {
    json!({"model": "gemini-2.5-flash", "contents": [{"role": "user", "parts": [{"text": text}]}]})
}

/// Schemas in Google's own form know no `additionalProperties`.
fn tools() -> Value {
    let own = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER"}}});
    json!([{"functionDeclarations": [{"name": "weather", "parameters": own}, {"name": "news", "parametersJsonSchema": weather()}]}])
}

fn config(config: Value) -> Value {
    json!({"generationConfig": config})
}

#[tokio::test]
async fn calls_come_whole_and_the_first_is_signed() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let body = with(&asked("mock:calls=2 Bern"), json!({"tools": tools()}));
    for (model, signed, why) in
        [("gemini-2.5-flash", false, "it did not think"), ("gemini-3-flash-preview", true, "always")]
    {
        let plain = tell(&mock, "google", with(&body, json!({"model": model}))).await.json();
        let parts = plain["candidates"][0]["content"]["parts"].as_array().expect("parts").clone();
        assert_eq!((parts.len(), &plain["candidates"][0]["finishReason"]), (2, &json!("STOP")), "{model}");
        assert_eq!(
            (&parts[0]["functionCall"]["args"], &parts[1]["functionCall"]["name"]),
            (&in_bern(), &json!("news"))
        );
        assert_eq!(parts[0]["functionCall"].get("id").is_some(), signed, "{model}: ids came with Gemini 3");
        assert_eq!(parts[0].get("thoughtSignature").is_some(), signed, "{model}: {why}");
        assert!(parts[1].get("thoughtSignature").is_none(), "{model}: the first of parallel calls alone");
        let events = tell(&mock, "google", with(&body, json!({"model": model, "stream": true}))).await.events();
        let streamed: Vec<&Value> =
            events.iter().filter_map(|event| event.pointer("/candidates/0/content/parts/0")).collect();
        assert_eq!((streamed.len(), streamed[2]), (3, &json!({"text": ""})), "{model}: an empty text ends them");
        for (part, whole) in streamed.iter().zip(&parts) {
            assert_eq!(part["functionCall"]["args"], whole["functionCall"]["args"], "{model}");
            assert_eq!(part.get("thoughtSignature"), whole.get("thoughtSignature"), "{model}: of the same call");
        }
    }
    #[rustfmt::skip]
    let table = [
        (json!({"mode": "ANY"}),                                    "weather", "it must"),
        (json!({"mode": "ANY", "allowedFunctionNames": ["news"]}),  "news",    "it must call one of these"),
        (json!({"mode": "NONE"}),                                   "",        "it must not"),
    ];
    for (calling, name, why) in table {
        let body = with(&asked("Bern"), json!({"tools": tools(), "toolConfig": {"functionCallingConfig": calling}}));
        let answer = tell(&mock, "google", body).await.json();
        assert_eq!(joined(&[answer], "/candidates/0/content/parts/0/functionCall/name"), name, "{calling}: {why}");
    }
}

#[tokio::test]
async fn thoughts_are_counted_beside_the_answer() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let thinking = config(json!({"thinkingConfig": {"includeThoughts": true}}));
    let plain = tell(&mock, "google", with(&asked("one two"), thinking.clone())).await.json();
    let parts = &plain["candidates"][0]["content"]["parts"];
    assert_eq!((&parts[0]["text"], &parts[0]["thought"]), (&json!(r#"thinking about: "one two""#), &json!(true)));
    let usage = &plain["usageMetadata"];
    let words = parts[1]["text"].as_str().expect("text").split(' ').count() as u64;
    assert_eq!((&usage["thoughtsTokenCount"], &usage["candidatesTokenCount"]), (&json!(4), &json!(words)));
    assert_eq!(usage["totalTokenCount"], 2 + 3 + 4 + words);
    assert_eq!(mock.bill()[0].output_tokens, 4 + words, "and billed like it");

    let events =
        tell(&mock, "google", with(&asked("one two"), with(&thinking, json!({"stream": true})))).await.events();
    let said = |thought: bool| -> String {
        let parts = events.iter().filter_map(|event| event.pointer("/candidates/0/content/parts/0"));
        parts.filter(|part| (part["thought"] == true) == thought).filter_map(|part| part["text"].as_str()).collect()
    };
    assert_eq!(
        (said(true), said(false)),
        (parts[0]["text"].as_str().expect("text").into(), parts[1]["text"].as_str().expect("text").into())
    );
    assert_eq!(events[events.len() - 1]["usageMetadata"], *usage);

    let hidden = config(json!({"thinkingConfig": {"thinkingBudget": 100}}));
    let answer = tell(&mock, "google", with(&asked("one two"), hidden)).await.json();
    assert_eq!(answer["candidates"][0]["content"]["parts"][0].get("thought"), None, "not asked for");
    assert_eq!(answer["usageMetadata"]["thoughtsTokenCount"], 4, "and billed");
}

#[tokio::test]
async fn schemas_log_probabilities_sources_and_refusals_have_their_places() {
    let mock = MockUpstream::start().await.expect("a port is free");
    for schema in [
        json!({"responseJsonSchema": weather()}),
        json!({"responseSchema": tools()[0]["functionDeclarations"][0]["parameters"]}),
    ] {
        let format = config(with(&schema, json!({"responseMimeType": "application/json"})));
        let answer = tell(&mock, "google", with(&asked("Bern"), format)).await.json();
        assert_eq!(joined(&[answer], "/candidates/0/content/parts/0/text"), in_bern().to_string());
    }
    let answer =
        tell(&mock, "google", with(&asked("mock:words=2"), config(json!({"responseLogprobs": true, "logprobs": 1}))))
            .await
            .json();
    let found = &answer["candidates"][0]["logprobsResult"];
    assert_eq!(found["chosenCandidates"][1], json!({"token": " word2", "tokenId": 1, "logProbability": -0.25}));
    assert_eq!(found["topCandidates"][1]["candidates"][0]["token"], " word2");
    for stream in [false, true] {
        let reply = tell(&mock, "google", with(&asked("mock:cite mock:words=2"), json!({"stream": stream}))).await;
        let events = if stream { reply.events() } else { vec![reply.json()] };
        let grounding = &events[events.len() - 1]["candidates"][0]["groundingMetadata"];
        assert_eq!(
            grounding["groundingChunks"][0]["web"],
            json!({"uri": "https://example.com/source", "title": "Source"})
        );
        assert_eq!(grounding["groundingSupports"][0]["segment"], json!({"endIndex": 5, "text": "word1"}));
        let reply = tell(&mock, "google", with(&asked("mock:refuse"), json!({"stream": stream}))).await;
        let events = if stream { reply.events() } else { vec![reply.json()] };
        assert_eq!((events.len(), &events[0]["candidates"][0]["finishReason"]), (1, &json!("SAFETY")));
        assert_eq!(events[0]["candidates"][0]["content"], json!({}));
    }
}

#[tokio::test]
async fn what_google_refuses_of_turns() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let first = with(&asked("mock:calls=2 Bern"), json!({"model": "gemini-3-flash-preview", "tools": tools()}));
    let parts = tell(&mock, "google", first.clone()).await.json()["candidates"][0]["content"]["parts"].clone();
    let (user, result) = (
        first["contents"][0].clone(),
        |name: &str| json!({"functionResponse": {"name": name, "response": {"result": "rain"}}}),
    );
    let both = json!({"role": "user", "parts": [result("weather"), result("news")]});
    let model = |parts: Value| json!({"role": "model", "parts": parts});
    let turns = |turns: Value| json!({"contents": turns});
    let unsigned = json!([{"functionCall": parts[0]["functionCall"]}, parts[1]]);
    let other =
        json!([with(&parts[0], json!({"functionCall": {"name": "weather", "args": {"city": "Basel"}}})), parts[1]]);
    let stand_in =
        json!([with(&unsigned[0], json!({"thoughtSignature": "skip_thought_signature_validator"})), parts[1]]);
    let again = json!({"role": "user", "parts": [{"text": "and now?"}]});
    #[rustfmt::skip]
    let table = [
        (turns(json!([user, model(parts.clone()), both])), "", "as it was"),
        (turns(json!([user, model(unsigned.clone()), both])), "missing a thought_signature", "in the current turn"),
        (turns(json!([user, model(unsigned.clone()), both, model(json!([{"text": "rain"}])), again])), "", "in an earlier one it is not missed"),
        (turns(json!([user, model(stand_in), both])), "", "documented for calls of other models"),
        (turns(json!([user, model(other), both])), "Corrupted thought signature", "it is the signature of another call"),
        (turns(json!([user, model(parts.clone()), {"role": "user", "parts": [result("weather")]}])), "number of function response parts", "one of two"),
        (turns(json!([user, model(parts.clone())])), "number of function response parts", "none of two"),
        (turns(json!([user, both])), "immediately after a function call turn", "results of nothing"),
        (turns(json!([model(parts.clone()), both])), "immediately after a user turn", "calls for nobody"),
    ];
    refuses(&mock, "google", &first, &table).await;
    let unsigned_before = turns(json!([user, model(unsigned), both]));
    refuses(
        &mock,
        "google",
        &first,
        &[(with(&unsigned_before, json!({"model": "gemini-2.5-flash"})), "", "2.5 does not insist")],
    )
    .await;
    let answer = tell(&mock, "google", with(&first, turns(json!([user, model(parts), both])))).await.json();
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().expect("text");
    assert!(text.contains(r#"results: weather="rain", news="rain""#), "{text}");
}

#[tokio::test]
async fn what_google_refuses_of_fields() {
    let mock = MockUpstream::start().await.expect("a port is free");
    let declared = |function: Value| json!({"tools": [{"functionDeclarations": [function]}]});
    let thinking = |thinking: Value| config(json!({"thinkingConfig": thinking}));
    let json_mode = json!({"tools": tools(), "generationConfig": {"responseMimeType": "application/json"}});
    let model = |model: &str, fields: Value| with(&fields, json!({"model": model}));
    let image = |mime: &str| json!({"contents": [{"parts": [{"inlineData": {"mimeType": mime, "data": "AAAA"}}]}]});
    #[rustfmt::skip]
    let table = [
        (json_mode.clone(), "Function calling with a response mime type", "2.5 does one or the other"),
        (model("gemini-3-flash-preview", json_mode), "", "3 does both"),
        (declared(json!({"name": "f", "parameters": weather()})), "Unknown name \"additionalProperties\"", "not in Google's own form"),
        (declared(json!({"name": "f", "parameters": {"type": ["string", "null"]}})), "expected a string", "nor several types"),
        (declared(json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {}}})), "should be non-empty", "nor an object of nothing"),
        (declared(json!({"name": "f", "parametersJsonSchema": weather()})), "", "the other form takes all"),
        (declared(json!({"name": "1f"})), "Invalid function name", "names begin with a letter"),
        (json!({"tools": tools(), "toolConfig": {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["news"]}}}), "ANY or VALIDATED", "only where it must"),
        (json!({"tools": tools(), "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}}}), "not one of the function", "must be offered"),
        (thinking(json!({"thinkingBudget": 1, "thinkingLevel": "low"})), "only set only one", "one or the other"),
        (thinking(json!({"thinkingLevel": "low"})), "Thinking level is not supported", "3 was the first"),
        (model("gemini-2.5-pro", thinking(json!({"thinkingBudget": 0}))), "Budget 0 is invalid", "it must think"),
        (thinking(json!({"thinkingBudget": 0})), "", "it need not"),
        (thinking(json!({"thinkingBudget": 30000})), "between 0 and 24576", "too much"),
        (model("gemini-3-pro-preview", thinking(json!({"thinkingLevel": "medium"}))), "MEDIUM is not supported", "low or high"),
        (model("gemini-2.0-flash", thinking(json!({"includeThoughts": true}))), "Thinking is not enabled", "it has none"),
        (config(json!({"presencePenalty": 1})), "Penalty is not enabled", "2.0 was the last"),
        (config(json!({"logprobs": 1})), "requires response_logprobs", "one needs the other"),
        (model("gemini-2.5-flash", with(&config(json!({"responseLogprobs": true})), json!({"stream": true}))), "streaming mode", "plain only"),
        (config(json!({"responseSchema": {"type": "STRING"}})), "application/json", "one needs the other"),
        (image("image/gif"), "Unsupported MIME type", "four kinds and not this"),
        (json!({"contents": [{"parts": [{"fileData": {"fileUri": "http://a"}}]}]}), "unsupported file uri", "not in the clear"),
    ];
    refuses(&mock, "google", &asked("hi"), &table).await;
}
