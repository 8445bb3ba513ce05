//! The emulator against the real Lambda runtime: this test binary starts itself a second time as the function.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use lambda_http::tower::util::MapFutureLayer;
use lambda_http::{Error, Request, RequestExt, Response};
use serde_json::{Value, json};
use supergate_tests::lambda::{Function, Gateway, InvokeError, Launch, Reply, RuntimeApi, Version, http_event};
use tokio::sync::Barrier;

const SOON: Duration = Duration::from_secs(20);
const NO_DATA: &str = "";

/// Not a test: the function, when the emulator runs this binary. Otherwise it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_function() {
    match std::env::var("FUNCTION_MODE").as_deref() {
        Ok("streamed") => {
            let after = MapFutureLayer::new(tell_when_done);
            let handler = lambda_http::service_fn(handle);
            lambda_http::lambda_runtime::Runtime::layer(lambda_http::streaming_runtime_concurrent(handler), after)
                .run_concurrent()
                .await
                .expect("a runtime that goes on");
        }
        Ok("buffered") => lambda_http::run(lambda_http::service_fn(buffered)).await.expect("a runtime that goes on"),
        Ok("broken") => panic!("no configuration"),
        _ => {}
    }
}

async fn tell_when_done(invocation: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let result = invocation.await;
    eprintln!("after the response");
    result
}

async fn handle(request: Request) -> Result<Response<Body>, Error> {
    static ALL_FOUR: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(4));
    let pieces: Vec<Bytes> = match request.uri().path() {
        "/v1/chat/completions" => ["one ", "two ", "three"].map(Bytes::from).to_vec(),
        "/meet" => {
            ALL_FOUR.wait().await;
            vec!["met".into()]
        }
        "/sum" => {
            // In a thread that ends, which is what the process's CPU time must not forget.
            let sum = std::thread::spawn(|| (0..3_000_000_u64).fold(1, |sum: u64, n| std::hint::black_box(sum ^ n)));
            vec![sum.join().expect("a sum").to_string().into()]
        }
        "/panic" => panic!("a mistake"),
        "/exit" => std::process::exit(3),
        "/hang" => std::future::pending().await,
        _ => vec![echo(&request).to_string().into()],
    };
    // Each piece alone, as a provider's stream comes.
    let frames = stream::iter(pieces).then(async |piece| {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(piece)
    });
    let reply =
        Response::builder().status(201).header("x-one", "1").header("set-cookie", "a=1").header("set-cookie", "b=2");
    Ok(reply.body(Body::from_stream(frames))?)
}

async fn buffered(request: Request) -> Result<Response<lambda_http::Body>, Error> {
    let binary = request.uri().path() == "/binary";
    let (kind, body) = if binary {
        ("application/octet-stream", lambda_http::Body::Binary(vec![0, 255, 0, 1]))
    } else {
        ("application/json", echo(&request).to_string().into())
    };
    Ok(Response::builder().status(202).header("content-type", kind).header("set-cookie", "a=1").body(body)?)
}

fn echo(request: &Request) -> Value {
    json!({
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "tag": request.query_string_parameters().all("tag"),
        "header": request.headers().get("x-word").map(|value| value.to_str().unwrap_or("?")),
        "cookie": request.headers().get("cookie").map(|value| value.to_str().unwrap_or("?")),
        "body": String::from_utf8_lossy(request.body()),
        "bytes": request.body().len(),
        "seconds_left": request.lambda_context().deadline().duration_since(std::time::SystemTime::now()).map_or(0, |d| d.as_secs()),
    })
}

fn launch(mode: &str) -> Launch {
    let this = std::env::current_exe().expect("our own path");
    let launch = Launch::new(this).arg("the_function").arg("--exact").arg("--nocapture");
    launch.env("FUNCTION_MODE", mode).env("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "1")
}

async fn start(mode: &str) -> Function {
    launch(mode).start().await.unwrap_or_else(|error| panic!("{error}"))
}

fn get(path: &str) -> Value {
    http_event("GET", path, &[], NO_DATA, Version::V2)
}

#[tokio::test]
async fn a_streamed_reply_keeps_its_head_and_its_pieces() {
    let function = start("streamed").await;
    let mut reply = function.invoke(get("/v1/chat/completions"), SOON).await;
    assert_eq!((reply.status.as_u16(), reply.streamed, reply.header("x-one")), (201, true, Some("1")));
    let cookies: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let mut pieces = Vec::new();
    while let Some(piece) = reply.chunk().await {
        pieces.push(piece.expect("a piece"));
    }
    assert_eq!(pieces.concat(), b"one two three");
}

#[tokio::test]
async fn a_buffered_reply_is_read_from_its_document() {
    let function = start("buffered").await;
    let reply = function.invoke(get("/"), SOON).await;
    assert_eq!((reply.status.as_u16(), reply.streamed, reply.header("set-cookie")), (202, false, Some("a=1")));
    assert_eq!(reply.json().await["method"], "GET");
    let reply = function.invoke(get("/binary"), SOON).await;
    assert_eq!(reply.bytes().await.expect("a body"), [0, 255, 0, 1], "base64 is undone");
}

#[tokio::test]
async fn both_event_versions_arrive_as_the_same_request() {
    let function = start("streamed").await;
    for version in [Version::V1, Version::V2] {
        let headers = [("Content-Type", "application/json"), ("X-Word", "yes"), ("Cookie", "a=1; b=2")];
        let event = http_event("POST", "/v1/usage?tag=a%20b&tag=c", &headers, r#"{"é":1}"#, version);
        let seen = function.invoke(event, SOON).await.json().await;
        let expected = json!({
            "method": "POST", "path": "/v1/usage", "header": "yes", "cookie": "a=1; b=2", "body": r#"{"é":1}"#, "bytes": 8,
        });
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(&seen[field], value, "{field} of {version:?}: {seen}");
        }
        assert!((15..=20).contains(&seen["seconds_left"].as_u64().unwrap_or(0)), "the deadline of {version:?}: {seen}");
        let binary = http_event("POST", "/", &[("content-type", "audio/wav")], [0xff, 0xfe, 0x00], version);
        assert_eq!(function.invoke(binary, SOON).await.json().await["bytes"], 3, "a binary body comes whole");
        let empty = http_event("GET", "/", &[], NO_DATA, version);
        assert_eq!(function.invoke(empty, SOON).await.json().await["bytes"], 0);
    }
}

#[tokio::test]
async fn an_idle_function_has_done_what_follows_the_response() {
    let function = start("streamed").await;
    assert_eq!(function.polls(), 1);
    for n in 1..=3 {
        function.invoke(get("/"), SOON).await.text().await;
        function.idle().await;
        assert_eq!(function.polls(), n + 1, "one poll for each invocation, and the one that waits");
    }
    assert!(function.log_with("after the response").await.contains("after"));
}

#[tokio::test]
async fn a_managed_instance_takes_several_invocations_at_once() {
    let function = launch("streamed").concurrency(4).start().await.expect("a function");
    function.idle().await;
    let replies = join_all((0..4).map(|_| function.invoke(get("/meet"), SOON))).await;
    for reply in replies {
        assert_eq!(reply.text().await, "met", "none of them answers before all have come");
    }
}

#[tokio::test]
async fn a_lost_connection_breaks_the_reply_and_the_bare_runtime() {
    let function = start("streamed").await;
    let reply = function.invoke_and_hang_up(get("/v1/chat/completions"), SOON, 1).await.expect("a head");
    assert_eq!(reply.bytes().await, Err(InvokeError::Broken));
    function.log_with("after the response").await;
    let after = function.try_invoke(&get("/"), SOON).await;
    assert!(
        matches!(after, Err(InvokeError::Exited(_))),
        "lambda_runtime gives up, unless a layer prevents it: {after:?}"
    );

    let function = start("streamed").await;
    let nothing = function.invoke_and_hang_up(get("/"), SOON, 0).await;
    assert_eq!(nothing.expect_err("no head"), InvokeError::Broken);
}

#[tokio::test]
async fn each_way_to_fail_has_its_name() {
    let function = start("streamed").await;
    let panicked = function.try_invoke(&get("/panic"), SOON).await.expect_err("an error");
    assert!(
        matches!(&panicked, InvokeError::Function { message, .. } if message.contains("a mistake")),
        "{panicked:?}"
    );
    assert_eq!(function.invoke(get("/"), SOON).await.status, 201, "and goes on");

    let late = function.try_invoke(&get("/hang"), Duration::from_millis(300)).await.expect_err("an error");
    assert_eq!(late, InvokeError::TimedOut);
    assert_eq!(function.try_invoke(&get("/"), SOON).await.expect_err("killed"), InvokeError::TimedOut);

    let ended = start("streamed").await.try_invoke(&get("/exit"), SOON).await.expect_err("an error");
    assert_eq!(ended, InvokeError::Exited("exit status: 3".into()));

    let unstarted = launch("broken").start().await.err().expect("an error");
    assert!(unstarted.logs.iter().any(|line| line.contains("no configuration")), "{unstarted}");
}

#[tokio::test]
async fn cpu_and_memory_are_those_of_the_process() {
    let function = start("streamed").await;
    let before = function.cpu_time();
    for _ in 0..3 {
        let last = function.cpu_time();
        function.invoke(get("/sum"), SOON).await.text().await;
        function.idle().await;
        assert!(function.cpu_time() > last, "time that an ended thread used is kept");
    }
    assert!(function.cpu_time() - before < SOON);
    assert!(function.resident_bytes() > 1 << 20);
}

#[tokio::test]
async fn a_dropped_function_is_no_more() {
    let function = start("streamed").await;
    let process = format!("/proc/{}/stat", function.pid());
    let copy = function.clone();
    drop(function);
    assert_eq!(copy.invoke(get("/"), SOON).await.status, 201, "a clone keeps it");
    drop(copy);
    // Killed, but for a moment a zombie (state Z) until it is reaped.
    let gone = || std::fs::read_to_string(&process).map_or(true, |stat| stat.contains(") Z "));
    tokio::time::timeout(SOON, async {
        while !gone() {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("its end");
}

#[tokio::test]
async fn http_clients_reach_functions_through_the_gateway() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let health = launch("streamed").named("health").start().await.expect("a function");
    let chat = launch("streamed").named("chat-completions").start().await.expect("a function");
    let gateway = Gateway::start([health, chat.clone()]).await;
    let client = reqwest::Client::new();

    let seen =
        client.get(format!("{}/health?tag=1", gateway.url())).header("x-word", "hi").send().await.expect("a reply");
    assert_eq!((seen.status().as_u16(), seen.headers()["x-one"].as_bytes()), (201, &b"1"[..]));
    let seen: Value = serde_json::from_slice(&seen.bytes().await.expect("a body")).expect("JSON");
    assert_eq!((&seen["path"], &seen["header"], &seen["tag"]), (&json!("/health"), &json!("hi"), &json!(["1"])));

    let url = format!("{}/v1/chat/completions", gateway.url());
    let reply = client.post(&url).body("{}").send().await.expect("a reply");
    assert_eq!(reply.text().await.expect("a body"), "one two three");

    let nowhere = client.get(format!("{}/nowhere", gateway.url())).send().await.expect("a reply");
    assert_eq!(
        (nowhere.status().as_u16(), nowhere.text().await.expect("a body")),
        (404, r#"{"message":"Not Found"}"#.into())
    );
    drop(chat.try_invoke(&get("/exit"), SOON).await);
    assert_eq!(client.post(&url).send().await.expect("a reply").status(), 502, "as API Gateway says it");
}

#[tokio::test]
async fn the_runtime_api_speaks_as_documented() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let api = RuntimeApi::start("sample").await;
    let base = format!("http://{}/2018-06-01/runtime", api.address());
    let client = reqwest::Client::new();

    let event = json!({"n": 1});
    let worker = async {
        let work = client.get(format!("{base}/invocation/next")).send().await.expect("work");
        let header = |name: &str| work.headers()[name].to_str().expect("text").to_owned();
        let id = header("lambda-runtime-aws-request-id");
        assert!(header("lambda-runtime-deadline-ms").parse::<u64>().is_ok());
        assert!(header("lambda-runtime-invoked-function-arn").ends_with(":function:sample"));
        assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
        assert_eq!(work.text().await.expect("an event"), r#"{"n":1}"#);
        let answer = |id: &str| client.post(format!("{base}/invocation/{id}/response")).body(r#"{"done":true}"#).send();
        assert_eq!(answer(&id).await.expect("a reply").status(), 202);
        assert_eq!(answer(&id).await.expect("a reply").status(), 400, "an invocation has one answer");
        assert_eq!(answer("unknown").await.expect("a reply").status(), 400);
    };
    let (reply, ()) = tokio::join!(api.invoke(&event, SOON), worker);
    let reply: Reply = reply.expect("a reply");
    assert_eq!((reply.status.as_u16(), reply.json().await), (200, json!({"done": true})), "what is not HTTP is a body");

    let error = r#"{"errorType":"Runtime.InitError","errorMessage":"no database"}"#;
    let posted = client.post(format!("{base}/init/error")).body(error).send().await.expect("a reply");
    assert_eq!(posted.status(), 202);
    let refused = api.invoke(&event, SOON).await.expect_err("an error");
    assert_eq!(refused, InvokeError::Function { kind: "Runtime.InitError".into(), message: "no database".into() });
}
