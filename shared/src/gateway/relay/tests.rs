use super::*;
use crate::{
    clock::SystemClock,
    routing::plan,
    tenancy::{Permission, Principal, Role, rbac},
};
use futures_util::stream;
use http::{HeaderMap, Method};
use serde_json::json;
use std::sync::Arc;

/// A relay of what a provider sends, read by read, that breaks a silence of so long.
fn relay(model: &str, fields: &Value, reads: Vec<String>, keep_alive: Duration) -> Relay {
    let mut body = json!({ "model": model, "stream": true, "messages": [{ "role": "user", "content": "a secret of mine, and long" }] });
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    let request = ChatRequest::parse(body.to_string().as_bytes()).expect("a request");
    let now = Duration::from_secs(1);
    let grant = rbac::authorize(&Principal::of_role(Role::Owner), Permission::Infer).expect("an owner");
    let call = Call {
        request_id: RequestId::generate(now),
        received: Duration::ZERO,
        method: Method::POST,
        path: String::new(),
        query: String::new(),
        address: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        deadline: None,
        after: Default::default(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let candidate = plan::resolve(model).expect("a model");
    let attempt = Attempt::new(candidate, &grant, &call, &request, &clock);
    let answer = UpstreamAnswer::of(stream::iter(reads.into_iter().map(|read| Ok(read.into()))));
    Relay::new(attempt, answer, Framing::ServerSentEvents, &call, request, keep_alive)
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

async fn next(relay: &mut Relay) -> String {
    let bytes = relay.next().await.expect("not the end");
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A provider that is heard of all the time, and of which nothing is for the caller, leaves the caller's connection silent.
#[tokio::test]
async fn pings_and_hidden_thoughts_are_silence() {
    let ping = event(&json!({ "type": "ping" }));
    let begin = event(
        &json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
    );
    let thought = event(
        &json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "hm" } }),
    );
    let reads = vec![ping.clone(), ping, begin, thought.clone(), thought];
    let hidden = json!({ "reasoning": { "effort": "low", "exclude": true } });
    let mut relay = relay("anthropic/claude-haiku-4-5", &hidden, reads, Duration::ZERO);
    for _ in 0..5 {
        assert_eq!(next(&mut relay).await, ": keep-alive\n\n");
    }
    assert!(next(&mut relay).await.contains("provider_stream_truncated"), "and the end is still what it is");
}

#[tokio::test]
async fn an_error_in_a_stream_does_not_repeat_the_prompt() {
    let error = json!({ "type": "invalid_request_error", "message": "bad: a secret of mine, and long" });
    let reads = vec![event(&json!({ "type": "error", "error": error }))];
    let mut relay = relay("anthropic/claude-haiku-4-5", &json!({}), reads, Duration::from_secs(15));
    let told = next(&mut relay).await;
    assert!(told.contains("bad: …") && !told.contains("secret"), "{told}");
}
