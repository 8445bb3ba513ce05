//! The mock upstream keeps a bill of its own, by tokens that it counted itself. Whatever goes wrong, the ledger has the same sum, to the
//! nano-dollar; where a provider did not get to say what it used, the row says that, and is no guess at somebody else's expense.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use supergate_tests::{
    app::{Answer, App, MODELS},
    mock::journal::{Billed, Ended},
};

/// What a token of the prompt and of the answer costs in nano-dollars, as the providers publish it.
#[rustfmt::skip]
const PRICES: &[(&str, u64, u64)] = &[
    ("gpt-4o-mini",            150,    600),
    ("claude-haiku-4-5",     1_000,  5_000),
    ("gemini-2.5-flash",       300,  2_500),
    ("command-a-03-2025",    2_500, 10_000),
    ("mistral-small-latest",   150,    600),
    ("text-embedding-3-small",  20,      0),
    ("embed-v4.0",             120,      0),
];

fn cost(call: &Billed) -> u64 {
    let price = PRICES.iter().find(|(model, ..)| *model == call.model);
    let (_, input, output) = price.unwrap_or_else(|| panic!("a price of {}", call.model));
    call.billed_input_tokens * input + call.output_tokens * output
}

/// What a row costs that says so by its own tokens.
fn cost_of(row: &Value) -> u64 {
    let number = |name: &str| row[name].as_u64().expect("a count");
    let price = PRICES.iter().find(|(model, ..)| row["model"] == *model);
    let (_, input, output) = price.unwrap_or_else(|| panic!("a price of {row}"));
    number("input_tokens") * input + number("output_tokens") * output
}

/// What is charged where a provider did not get to say all, to the nano-dollar: what it did say, else a token for each four bytes of the
/// prompt that was sent; and no less than a token for each four bytes of the answer that came.
fn assert_counted(row: &Value, call: &Billed, prompt: &str, heard: &str, what: &str) {
    let number = |name: &str| row[name].as_u64().expect("a count");
    let (sent, came) = (prompt.len().div_ceil(4) as u64, heard.len().div_ceil(4) as u64);
    match call.provider.as_str() {
        // They say with their first event what the prompt has, and some of the answer with each.
        "anthropic" | "google" if call.streamed && number("input_tokens") == call.input_tokens => {
            let said = came..=came.max(call.output_tokens);
            assert!(said.contains(&number("output_tokens")), "{what}: {said:?}: {row}");
        }
        _ => assert_eq!((number("input_tokens"), number("output_tokens")), (sent, came), "{what}: {row}"),
    }
    assert_eq!(number("cost_nanos"), cost_of(row), "{what}: {row}");
}

/// What a caller heard of an answer.
fn heard(answer: &Answer, stream: bool) -> String {
    match stream && answer.status == 200 {
        true => answer.stream().text,
        false => String::new(),
    }
}

fn ask(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}], "stream": stream, "max_tokens": 500})
}

/// How a call goes, and whether its provider gets to say what it used.
#[rustfmt::skip]
const CASES: &[(&str, bool, bool, &str)] = &[
    ("hello",                                  false, true,  "a plain answer"),
    ("hello",                                  true,  true,  "a stream"),
    ("mock:words=300",                         false, true,  "a long answer"),
    ("mock:words=300",                         true,  true,  "a long stream"),
    ("mock:think mock:words=20",               false, true,  "thoughts are billed"),
    ("mock:think mock:words=20",               true,  true,  "thoughts are billed, streamed"),
    ("mock:status=429",                        false, true,  "a refusal costs nothing"),
    ("mock:status=500",                        true,  true,  "an error costs nothing"),
    ("mock:html",                              false, true,  "a proxy's page costs nothing"),
    ("mock:words=40 mock:cut=7",               true,  false, "cut in mid-stream: nobody hears the rest"),
    ("mock:words=40 mock:cut=90",              false, false, "a plain answer that breaks off"),
    ("mock:words=40 mock:malformed",           false, false, "a plain answer that cannot be read"),
    ("mock:words=40 mock:malformed",           true,  false, "a stream that cannot be read"),
    ("mock:words=40 mock:error_event",         true,  false, "an error in a stream"),
];

#[tokio::test]
async fn the_ledger_is_the_providers_bill_to_the_nano_dollar() {
    let app = App::start().await;
    let (mut calls, mut sum, mut unknown) = (0, 0, 0);
    for model in MODELS {
        for (text, stream, says, why) in CASES {
            app.mock.reset();
            let before = app.usage_events().await.len();
            let answer = app.chat(&ask(model, text, *stream)).await;
            let rows = app.usage_events().await.split_off(before);
            let bill = app.mock.bill();
            assert_eq!((rows.len(), bill.len()), (1, 1), "{model} {text}: one call, one row: {why}");
            let (row, call) = (&rows[0], &bill[0]);
            let charged = row["cost_nanos"].as_u64().expect("a cost");
            calls += 1;
            if *says {
                assert_eq!(charged, cost(call), "{model} {text} {stream}: {why}");
                assert_eq!(
                    row["usage_source"],
                    if charged == 0 { "none" } else { "provider" },
                    "{model} {text}: {why}"
                );
                sum += charged;
            } else if row["usage_source"] == "provider" {
                // It said so before it broke off, as some protocols do.
                assert_eq!(charged, cost(call), "{model} {text} {stream}: {why}");
            } else {
                assert_eq!(row["usage_source"], "counted", "{model} {text}: a provider bills what it made: {why}");
                let what = format!("{model} {text} {stream}: {why}");
                assert_counted(row, call, text, &heard(&answer, *stream), &what);
                unknown += 1;
            }
        }
    }
    println!(
        "bill: {calls} calls, {sum} nano-dollars known, the ledger has the same; {unknown} of which no provider said what they used"
    );
}

/// From the first byte that a caller can leave at to the last.
#[tokio::test]
async fn a_stream_that_is_cut_after_its_usage_is_billed_as_its_provider_said() {
    let app = App::start().await;
    for model in MODELS {
        let (mut reported, mut counted) = (0, 0);
        for events in 1..40 {
            app.mock.reset();
            let before = app.usage_events().await.len();
            let text = format!("mock:words=12 mock:cut={events}");
            let answer = app.chat(&ask(model, &text, true)).await;
            let rows = app.usage_events().await.split_off(before);
            assert_eq!(rows.len(), 1, "{model}, cut after {events} events");
            let call = app.mock.bill().pop().expect("a call");
            match rows[0]["usage_source"].as_str() {
                Some("provider") => {
                    assert_eq!(rows[0]["cost_nanos"], cost(&call), "{model}, cut after {events} events");
                    reported += 1;
                }
                Some("counted") => {
                    let what = format!("{model}, cut after {events} events");
                    assert_counted(&rows[0], &call, &text, &heard(&answer, true), &what);
                    counted += 1;
                }
                other => panic!("{model}, cut after {events} events: {other:?}"),
            }
        }
        assert!(reported > 0 && counted > 0, "{model}: {reported} said, {counted} not");
    }
}

/// Numbers that are the same in every run.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |n| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|n| n >> 33)
}

#[tokio::test]
async fn a_caller_who_leaves_at_any_byte_leaves_one_row_with_all_that_the_provider_used() {
    let app = App::start().await;
    let whole = app.chat(&ask(MODELS[0], "mock:words=40", true)).await.bytes().len() as u64;
    let mut random = numbers(20_261_122);
    for model in MODELS {
        for _ in 0..30 {
            app.mock.reset();
            let before = app.usage_events().await.len();
            let leaves_after = random.next().expect("a number") % whole;
            let request = app.chat_request(ask(model, "mock:words=40", true).to_string());
            let (response, after) = app.begin(request).await;
            let (mut body, mut read) = (response.into_body(), 0);
            while read < leaves_after
                && let Some(piece) = body.next().await
            {
                read += piece.len() as u64;
            }
            drop(body);
            after.run().await;
            let rows = app.usage_events().await.split_off(before);
            let bill = app.mock.bill();
            assert_eq!(
                (rows.len(), bill.len(), bill[0].ended),
                (1, 1, Ended::Complete),
                "{model}, left after {leaves_after}"
            );
            assert_eq!(rows[0]["cost_nanos"], cost(&bill[0]), "{model}, left after {leaves_after}");
            assert_eq!(
                (&rows[0]["usage_source"], &rows[0]["ended"]),
                (&json!("provider"), &json!("complete")),
                "{model}"
            );
        }
    }
}

#[tokio::test]
async fn the_calls_of_one_request_for_vectors_are_billed_one_by_one() {
    let app = App::start().await;
    for model in ["openai/text-embedding-3-small", "cohere/embed-v4.0"] {
        for (last, why) in
            [("fine", "all answer"), ("mock:status=500", "one fails: the others are billed all the same")]
        {
            app.mock.reset();
            let before = app.usage_events().await.len();
            let mut input: Vec<String> = (0..300).map(|n| format!("text number {n}")).collect();
            input.push(last.to_owned());
            drop(app.embed(&json!({"model": model, "input": input})).await);
            let rows = app.usage_events().await.split_off(before);
            let bill = app.mock.bill();
            assert_eq!(rows.len(), bill.len(), "{model}: {why}");
            let charged: u64 = rows.iter().map(|row| row["cost_nanos"].as_u64().expect("a cost")).sum();
            assert_eq!(charged, bill.iter().map(cost).sum::<u64>(), "{model}: {why}");
        }
    }
}
