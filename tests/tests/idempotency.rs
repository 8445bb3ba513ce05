//! `Idempotency-Key`: what is sent twice is made once, and what is kept for the second time is sealed.

use futures_util::StreamExt;
use http::{Method, Request};
use serde_json::{Value, json};
use std::time::Duration;
use supergate::gateway::after_response::AfterResponse;
use supergate_tests::{
    app::{Answer, App, MODELS},
    table,
};

const KEY: &str = "5f0c2a91-7b3e-4d68-9a10-000000000901";
/// When a request is over that nobody ended: fifteen minutes, and a minute for clocks that differ.
const OVER: Duration = Duration::from_secs(16 * 60 + 1);
const DAY: Duration = Duration::from_secs(24 * 3600 + 1);

fn ask(text: &str) -> Value {
    json!({"model": MODELS[0], "messages": [{"role": "user", "content": text}]})
}

fn request(path: &str, api_key: &str, key: &str, body: &Value) -> Request<lambda_http::Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {api_key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(lambda_http::Body::Text(body.to_string()))
        .expect("a request")
}

async fn send(app: &App, body: &Value) -> Answer {
    app.send(request("/v1/chat/completions", &app.api_key, KEY, body)).await
}

/// Sends a request whose process is killed before it did what is left to do.
async fn send_and_kill(app: &App, body: &Value) -> Answer {
    app.unbilled("its process is killed");
    let (response, _after) = app.begin(request("/v1/chat/completions", &app.api_key, KEY, body)).await;
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, pieces: body.collect().await }
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.error_code())
}

#[tokio::test]
async fn what_is_kept_opens_no_more_once_its_tenants_salt_is_gone() {
    let mut app = App::start().await;
    assert_eq!(send(&app, &ask("hello")).await.status, 200);
    assert_eq!(send(&app, &ask("hello")).await.header("idempotent-replayed"), "true", "the control");
    let sql = "update tenants set answers_salt = gen_random_uuid() where name = 'test'";
    app.database.superuser().await.batch_execute(sql).await.expect("as the end of a tenant does");
    app.restart().await;
    let answer = send(&app, &ask("hello")).await;
    assert_eq!(refusal(&answer), is(422, "idempotency_key_reused"), "nobody can tell any more what it was for");
}

const IN_FLIGHT: &str = "idempotency_in_flight";
const NOT_KEPT: &str = "idempotency_answer_not_kept";

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_second_request_gets_the_answer_of_the_first_and_says_so_on_both_routes() {
    let app = App::start().await;
    let embed = json!({"model": "openai/text-embedding-3-small", "input": ["a", "b"]});
    for (path, body, key) in [("/v1/chat/completions", ask("hello"), "one"), ("/v1/embeddings", embed, "two")] {
        let billed = app.mock.bill().len();
        let first = app.send(request(path, &app.api_key, key, &body)).await;
        assert_eq!(first.status, 200, "{}", first.text());
        assert_eq!((first.header("idempotent-replayed"), app.mock.bill().len()), ("", billed + 1));
        let rows = app.usage_events().await.len();
        // Another key of the tenant, as a deployment that changes its key between two tries.
        let other = app.key_of("member").await;
        for api_key in [&app.api_key, &other] {
            let second = app.send(request(path, api_key, key, &body)).await;
            assert_eq!((second.status, second.bytes()), (first.status, first.bytes()), "the same answer");
            assert_eq!(second.header("idempotent-replayed"), "true");
            assert_eq!(second.header("x-supergate-replay-of"), first.header("x-request-id"));
            assert_ne!(second.header("x-request-id"), first.header("x-request-id"));
            for name in ["content-type", "x-supergate-provider", "x-supergate-model", "x-supergate-attempts"] {
                assert_eq!(second.header(name), first.header(name), "{name}");
            }
            assert_eq!(second.header("x-supergate-cost-usd"), "", "it cost nothing");
        }
        assert_eq!(app.mock.bill().len(), billed + 1, "the provider was asked once");
        assert_eq!(app.usage_events().await.len(), rows, "and there is one row");
    }
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_422_and_another_tenants_is_its_own() {
    let app = App::start().await;
    assert_eq!(send(&app, &ask("hello")).await.status, 200);
    let reused = is(422, "idempotency_key_reused");
    assert_eq!(refusal(&send(&app, &ask("another")).await), reused);
    let embed = json!({"model": "openai/text-embedding-3-small", "input": "hello"});
    assert_eq!(refusal(&app.send(request("/v1/embeddings", &app.api_key, KEY, &embed)).await), reused, "another route");
    let other = app.other_tenant("other").await;
    let theirs = app.send(request("/v1/chat/completions", &other.key, KEY, &ask("another"))).await;
    assert_eq!((theirs.status.as_u16(), theirs.header("idempotent-replayed")), (200, ""), "{}", theirs.text());
    assert_eq!(app.mock.bill().len(), 2);
}

#[tokio::test]
async fn while_the_first_is_at_work_the_second_is_a_409_and_a_stream_is_never_given_again() {
    let app = App::start().await;
    let mut streamed = ask("hello");
    streamed["stream"] = json!(true);
    let (response, after): (_, AfterResponse) =
        app.begin(request("/v1/chat/completions", &app.api_key, KEY, &streamed)).await;
    let meanwhile = send(&app, &streamed).await;
    assert_eq!(refusal(&meanwhile), is(409, IN_FLIGHT));
    assert_eq!(meanwhile.header("retry-after"), "1");
    assert_eq!(refusal(&send(&app, &ask("another")).await), is(422, "idempotency_key_reused"), "whatever is at work");
    let request_id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    assert!(meanwhile.text().contains(&request_id), "it names the request: {}", meanwhile.text());
    drop(response.into_body().collect::<Vec<_>>().await);
    after.run().await;
    let again = send(&app, &streamed).await;
    assert_eq!(refusal(&again), is(409, NOT_KEPT));
    assert!(again.text().contains(&request_id), "it names the request: {}", again.text());
    assert_eq!(again.header("x-should-retry"), "false", "an SDK need not try again");
    assert_eq!(app.mock.bill().len(), 1);
}

#[tokio::test]
async fn of_many_at_once_one_is_made() {
    let app = App::start().await;
    let body = ask("mock:delay=200 hello");
    let answers = futures_util::future::join_all((0..12).map(|_| send(&app, &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200 && answer.header("idempotent-replayed").is_empty());
    assert_eq!(made.count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refusal(answer), is(409, IN_FLIGHT));
    }
    assert_eq!(app.mock.bill().len(), 1, "the provider was asked once");
    let (refused, made): (Vec<Value>, Vec<Value>) =
        app.usage_events().await.into_iter().partition(|row| row["ended"] == "refused");
    assert_eq!((made.len(), refused.len()), (1, 1), "one row of the answer, and one of all conflicts");
    assert_eq!((&refused[0]["status"], &refused[0]["cost_nanos"]), (&json!(409), &json!(0)));
}

#[tokio::test]
async fn what_no_provider_can_have_billed_may_be_made_again_and_what_one_may_have_is_not() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        ("mock:status=429 a",  429, true,  "the provider refused"),
        ("mock:status=500 b",  502, true,  "the provider failed at once"),
        ("mock:cut=10 c",      502, false, "it broke off in the middle of its answer"),
        ("mock:malformed d",   502, false, "its answer cannot be read"),
    ];
    for (i, (text, status, again, why)) in table.into_iter().enumerate() {
        let try_once =
            async || app.send(request("/v1/chat/completions", &app.api_key, &i.to_string(), &ask(text))).await;
        let first = try_once().await;
        assert_eq!(first.status.as_u16(), status, "{why}: {}", first.text());
        let asked = app.mock.requests().len();
        let second = try_once().await;
        match again {
            true => assert_eq!(second.status.as_u16(), status, "{why}: it was made again: {}", second.text()),
            false => assert_eq!(refusal(&second), is(409, NOT_KEPT), "{why}"),
        }
        assert_eq!(app.mock.requests().len(), asked + usize::from(again), "{why}");
    }
    // The caller's own mistakes never get as far as the key.
    let wrong = json!({"model": MODELS[0], "messages": []});
    assert_eq!(send(&app, &wrong).await.status, 400);
    assert_eq!(send(&app, &ask("hello")).await.status, 200);
}

#[tokio::test]
async fn a_refusal_by_a_limit_gives_the_key_back_and_an_answer_is_given_where_there_is_no_room_any_more() {
    let app = App::start().await;
    let limited = app.new_key(&app.api_key, json!({"name": "l", "role": "member", "limits": {"rpm": 1}})).await;
    let limited = limited["key"].as_str().expect("a key");
    let with = async |key: &str| app.send(request("/v1/chat/completions", limited, key, &ask("hello"))).await;
    assert_eq!(with("one").await.status, 200);
    assert_eq!(with("two").await.status, 429, "there is room for one");
    assert_eq!(with("one").await.header("idempotent-replayed"), "true", "what was made is given all the same");
    let free = app.send(request("/v1/chat/completions", &app.api_key, "two", &ask("hello"))).await;
    assert_eq!(
        (free.status.as_u16(), free.header("idempotent-replayed")),
        (200, ""),
        "it was not kept: {}",
        free.text()
    );
}

#[tokio::test]
async fn a_killed_process_holds_a_key_until_its_time_is_over_and_a_key_is_forgotten_after_a_day() {
    let app = App::start().await;
    let body = ask("hello");
    assert_eq!(send_and_kill(&app, &body).await.status, 200);
    assert_eq!(refusal(&send(&app, &body).await), is(409, IN_FLIGHT), "nobody knows what became of it");
    app.clock.advance(OVER);
    assert_eq!(send(&app, &body).await.header("idempotent-replayed"), "", "it is made anew");
    assert_eq!(send(&app, &body).await.header("idempotent-replayed"), "true");
    app.clock.advance(DAY);
    assert_eq!(send(&app, &body).await.header("idempotent-replayed"), "", "a day is over");
    assert_eq!(app.mock.bill().len(), 3);
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_opens_for_nobody_without_the_pepper() {
    let name = table::own().await;
    let mut app = App::start_with(&[("SUPERGATE_TABLE", &name)]).await;
    let prompt = ask("a very secret thought");
    let first = send(&app, &prompt).await;
    assert!(first.text().contains("secret thought"), "the control: the mock says what it heard");
    let items = format!("{:?}", table::items(&name).await);
    assert!(items.contains("idempotency#"), "the control: the key is there");
    for words in ["secret", KEY, "choices", &app.api_key] {
        let bytes = format!("{:?}", words.as_bytes());
        let within = bytes.trim_matches(['[', ']']);
        assert!(!items.contains(words) && !items.contains(within), "{words} is in the table");
    }
    app.restart_with(&[("SUPERGATE_TABLE", &name)]).await;
    assert_eq!(send(&app, &prompt).await.bytes(), first.bytes(), "another process opens it");
}

#[tokio::test]
async fn a_key_that_cannot_be_asked_is_a_503_and_nothing_is_spent_and_a_key_that_is_none_a_400() {
    let mut app = App::start().await;
    for (key, why) in [("", "nothing"), ("a b", "a blank"), (&*"x".repeat(256), "too long")] {
        let answer = app.send(request("/v1/chat/completions", &app.api_key, key, &ask("hello"))).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), "Idempotency-Key".into()), "{why}");
    }
    app.restart_with(&[("SUPERGATE_TABLE", "no-such-table")]).await;
    assert_eq!(refusal(&send(&app, &ask("hello")).await), is(503, "unavailable"));
    assert!(app.mock.bill().is_empty());
    let without = app.call(Method::POST, "/v1/chat/completions", &app.api_key, &ask("hello")).await;
    assert_eq!(without.status, 200, "who names no key does not need it: {}", without.text());
}
