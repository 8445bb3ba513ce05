//! One request from its first byte to its last: who is asked, what is wrong with it, what is said, what goes wrong on purpose.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::answer::{Answer, Asked};
use super::directives::Directives;
use super::fault::Fault;
use super::journal::{Billed, Ended, Journal};
use super::provider::{Call, Provider};
use super::send::{Step, body_of};
use super::{anthropic::Anthropic, cohere::Cohere, google::Google, mistral::Mistral, openai::OpenAi};

const PROVIDERS: [&dyn Provider; 5] = [&OpenAi, &Anthropic, &Google, &Cohere, &Mistral];

/// Anthropic's limit, the largest that any of the five documents for a request without files.
const MOST_BYTES: usize = 32 << 20;

/// A model that no provider has, to see the error it gives.
const NO_SUCH_MODEL: &str = "no-such-model";

const HTML: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
                    <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// Everything the server answers.
pub fn router(journal: Arc<Journal>) -> Router {
    Router::new()
        .route("/_requests", get(|State(journal): State<Arc<Journal>>| async move { json(&journal.received()) }))
        .route("/_bill", get(|State(journal): State<Arc<Journal>>| async move { json(&journal.billed()) }))
        .route("/_reset", post(|State(journal): State<Arc<Journal>>| async move { journal.reset() }))
        .fallback(ask)
        .with_state(journal)
}

fn json(value: &impl serde::Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("the journal's types always serialize");
    respond(200, "application/json", Vec::new(), Body::from(body))
}

async fn ask(State(journal): State<Arc<Journal>>, request: Request) -> Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    let Some((provider, path)) = addressed(&head) else {
        let names = PROVIDERS.map(|provider| format!("/{}", provider.name())).join(", ");
        return Ok(respond(404, "text/plain", Vec::new(), Body::from(format!("mock: the base paths are {names}\n"))));
    };
    let body = to_bytes(body, MOST_BYTES).await;
    let id = id(&path, &head.headers, body.as_deref().unwrap_or_default());
    let replied = match &body {
        Ok(body) => match provider.embeds(&path) {
            Some(call) => embed(provider, &call, &head, body, id),
            None => understand(provider, &path, &head, body).map(|(call, asked, directives)| {
                let reply = reply(provider, &call, &asked, &directives, id);
                (directives, reply)
            }),
        },
        Err(_) => Err(Fault::TooLarge),
    };
    let (directives, reply) = match replied {
        Ok(replied) => replied,
        Err(fault) => (Directives::default(), refusal(provider, &fault, id, Billed::default())),
    };
    let billed = Billed { provider: provider.name().to_owned(), ..reply.billed };
    journal.add(provider.name(), &head, body.unwrap_or_default(), billed.clone());
    if let Some(delay) = directives.delay {
        tokio::time::sleep(delay).await;
    }
    let mut headers = provider.headers(id);
    headers.extend(reply.headers);
    Ok(respond(billed.status, reply.content_type, headers, reply.body))
}

/// `/openai/v1/chat/completions` → OpenAI, `/v1/chat/completions`
fn addressed(head: &Parts) -> Option<(&'static dyn Provider, String)> {
    let path = head.uri.path_and_query()?.as_str().strip_prefix('/')?;
    let provider = PROVIDERS
        .into_iter()
        .find(|provider| path.strip_prefix(provider.name()).is_some_and(|rest| rest.starts_with('/')))?;
    Some((provider, path[provider.name().len()..].to_owned()))
}

/// In the order in which the real ones look: the address, the credential, the body, the model.
fn understand(
    provider: &dyn Provider,
    path: &str,
    head: &Parts,
    body: &[u8],
) -> Result<(Call, Asked, Directives), Fault> {
    let call = provider.call(path).filter(|_| head.method == Method::POST).ok_or(Fault::NoRoute)?;
    let body = read_json(provider, head, body)?;
    let asked = provider.read(&call, &body)?;
    if asked.model == NO_SUCH_MODEL {
        return Err(Fault::NoModel(asked.model));
    }
    let directives =
        Directives::read(asked.heard()).map_err(|message| Fault::Value { path: "messages".to_owned(), message })?;
    Ok((call, asked, directives))
}

fn read_json(provider: &dyn Provider, head: &Parts, body: &[u8]) -> Result<serde_json::Value, Fault> {
    provider.credential(&head.headers, head.uri.query().unwrap_or_default())?;
    let labelled = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !labelled.is_some_and(|value| value.trim().to_ascii_lowercase().starts_with("application/json")) {
        return Err(Fault::NotJson);
    }
    serde_json::from_slice(body).map_err(|_| Fault::NotJson)
}

/// Answers a request for vectors; directives stand in any of its texts.
fn embed(
    provider: &dyn Provider,
    call: &Call,
    head: &Parts,
    body: &[u8],
    id: u128,
) -> Result<(Directives, Reply), Fault> {
    if head.method != Method::POST {
        return Err(Fault::NoRoute);
    }
    let asked = provider.read_embeddings(call, &read_json(provider, head, body)?)?;
    if asked.model == NO_SUCH_MODEL {
        return Err(Fault::NoModel(asked.model));
    }
    let directives = Directives::read(&asked.texts.join("\n"))
        .map_err(|message| Fault::Value { path: "input".to_owned(), message })?;
    let billed = Billed { model: asked.model.clone(), ..Billed::default() };
    if let Some(status) = directives.status {
        let fault = Fault::Asked { status, retry_after_s: directives.retry_after_s.unwrap_or(2) };
        let reply = refusal(provider, &fault, id, billed);
        return Ok((directives, reply));
    }
    let ended = if directives.malformed { Ended::Malformed } else { Ended::Complete };
    let (input_tokens, billed_input_tokens) = (asked.tokens, asked.tokens);
    let billed = Billed { input_tokens, billed_input_tokens, status: 200, ended, ..billed };
    let (headers, body) = plain(provider.vectors(&asked, id), &directives);
    Ok((directives, Reply { content_type: provider.json_type(), headers, body, billed }))
}

struct Reply {
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Body,
    billed: Billed,
}

fn reply(provider: &dyn Provider, call: &Call, asked: &Asked, directives: &Directives, id: u128) -> Reply {
    let billed = Billed { model: asked.model.clone(), streamed: asked.streamed, ..Billed::default() };
    if let Some(status) = directives.status {
        let retry_after_s = directives.retry_after_s.unwrap_or(2);
        return refusal(provider, &Fault::Asked { status, retry_after_s }, id, billed);
    }
    if directives.html {
        let billed = Billed { status: 502, ..billed };
        return Reply { content_type: "text/html", headers: Vec::new(), body: Body::from(HTML), billed };
    }
    let answer = Answer::to(provider.name(), asked, directives, id);
    let usage = answer.usage;
    let billed = Billed {
        input_tokens: usage.prompt,
        billed_input_tokens: provider.billed_input(&usage),
        cached_tokens: usage.cached,
        output_tokens: usage.completion,
        status: 200,
        ended: ended(asked, directives),
        ..billed
    };
    if asked.streamed && (call.sse || call.model.is_none()) {
        let body = body_of(stream(provider, &answer, directives), directives.chunk_delay);
        return Reply { content_type: provider.stream_type(), headers: Vec::new(), body, billed };
    }
    let text = if asked.streamed { array(provider, &answer) } else { provider.plain(&answer) };
    let (headers, body) = plain(text, directives);
    Reply { content_type: provider.json_type(), headers, body, billed }
}

fn ended(asked: &Asked, directives: &Directives) -> Ended {
    match directives {
        Directives { cut: Some(_), .. } => Ended::Cut,
        Directives { malformed: true, .. } => Ended::Malformed,
        Directives { error_event: true, .. } if asked.streamed => Ended::ErrorEvent,
        _ => Ended::Complete,
    }
}

fn refusal(provider: &dyn Provider, fault: &Fault, id: u128, billed: Billed) -> Reply {
    let refusal = provider.refuse(fault, id);
    let billed = Billed { status: refusal.status, ..billed };
    Reply { content_type: provider.json_type(), headers: refusal.headers, body: Body::from(refusal.body), billed }
}

fn stream(provider: &dyn Provider, answer: &Answer, directives: &Directives) -> Vec<Step> {
    let mut events = provider.events(answer);
    if directives.malformed
        && let Some(second) = events.get_mut(1)
    {
        *second = format!("{}\n\n", first_half(second));
    }
    if directives.error_event {
        events.truncate(2);
        events.push(provider.error_event(answer.id));
    }
    let cut = directives.cut.map(|most| events.truncate(most));
    events.into_iter().map(|event| Step::Send(Bytes::from(event))).chain(cut.map(|()| Step::Break)).collect()
}

/// A plain body; a cut one still announces its whole length, as a connection that breaks would have.
fn plain(text: String, directives: &Directives) -> (Vec<(&'static str, String)>, Body) {
    if let Some(most) = directives.cut {
        let length = vec![("content-length", text.len().to_string())];
        let sent = Bytes::from(text.into_bytes());
        let sent = sent.slice(..most.min(sent.len()));
        return (length, body_of(vec![Step::Send(sent), Step::Break], None));
    }
    let text = if directives.malformed { first_half(&text).to_owned() } else { text };
    (Vec::new(), Body::from(text))
}

/// Google without `alt=sse`: the same chunks as the elements of one JSON array.
fn array(provider: &dyn Provider, answer: &Answer) -> String {
    let events = provider.events(answer);
    let chunks: Vec<&str> = events.iter().map(|event| event.trim_end().trim_start_matches("data: ")).collect();
    format!("[{}\n]\n", chunks.join(",\r\n"))
}

fn first_half(text: &str) -> &str {
    &text[..text.floor_char_boundary(text.len() / 2)]
}

fn respond(status: u16, content_type: &'static str, headers: Vec<(&'static str, String)>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// FNV-1a: the same request with the same key has the same ids, on every machine and in every release.
fn id(path: &str, headers: &HeaderMap, body: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let keys = ["authorization", "x-api-key", "x-goog-api-key"].into_iter().filter_map(|name| headers.get(name));
    let key = keys.flat_map(HeaderValue::as_bytes);
    let bytes = path.as_bytes().iter().chain(key).chain(body);
    bytes.fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}
