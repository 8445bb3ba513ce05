//! The HTTP interface between Lambda and a function's process:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>, and for streamed responses
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>.

use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, BodyDataStream};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::board::{Board, Deadline, Job};
use super::reply::{InvokeError, Reply};

/// How long a condition that a test waits for may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// One function's Runtime API on a loopback port.
pub struct RuntimeApi {
    address: SocketAddr,
    board: Arc<watch::Sender<Board>>,
    server: AbortHandle,
}

impl RuntimeApi {
    /// Starts it for the function of this name; port 0 of 127.0.0.1, so that tests may run side by side.
    pub async fn start(function_name: &str) -> Self {
        let board = Arc::new(watch::Sender::new(Board::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{function_name}");
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(invocation_error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Api { board: board.clone(), arn: arn.into() });
        let service = app.into_make_service_with_connect_info::<Wire>();
        let server = tokio::spawn(async { axum::serve(listener, service).await.expect("the Runtime API") });
        Self { address, board, server: server.abort_handle() }
    }

    /// What belongs into `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands an event to the function and waits until status and headers are there; the body follows.
    pub async fn invoke(&self, event: &Value, deadline: Duration) -> Result<Reply, InvokeError> {
        self.run(event, deadline, None).await
    }

    /// The same, but the function's connection is closed once it has sent `after_bytes` of the body; 0: before it got anything through.
    pub async fn invoke_and_hang_up(
        &self,
        event: &Value,
        deadline: Duration,
        after_bytes: usize,
    ) -> Result<Reply, InvokeError> {
        self.run(event, deadline, Some(after_bytes)).await
    }

    /// How many times a worker has asked for its next invocation.
    pub fn polls(&self) -> u64 {
        self.board.borrow().polls()
    }

    /// How many invocations were handed in and not yet answered.
    pub fn load(&self) -> usize {
        self.board.borrow().load()
    }

    /// Waits until `workers` workers wait for work, so all that follows a response is done too.
    ///
    /// # Panics
    /// If the function ended, or is not idle after 30 seconds.
    pub async fn idle(&self, workers: usize) {
        if let Err(why) = self.until_waiting(workers, PATIENCE).await {
            panic!("waiting for an idle function: {why}");
        }
    }

    /// Waits until `workers` workers wait for work.
    pub(super) async fn until_waiting(&self, workers: usize, patience: Duration) -> Result<(), InvokeError> {
        let mut board = self.board.subscribe();
        let settled =
            board.wait_for(|board| board.over().is_some() || (board.load() == 0 && board.waiting() >= workers));
        let settled = tokio::time::timeout(patience, settled).await.map_err(|_| InvokeError::TimedOut)?;
        settled.expect("the board, which we hold").over().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Waits until something says that the function is no more.
    pub(super) async fn until_over(board: &watch::Sender<Board>) {
        drop(board.subscribe().wait_for(|board| board.over().is_some()).await);
    }

    pub(super) fn board(&self) -> Arc<watch::Sender<Board>> {
        self.board.clone()
    }

    async fn run(&self, event: &Value, limit: Duration, hang_up_after: Option<usize>) -> Result<Reply, InvokeError> {
        let (answer, reply) = oneshot::channel();
        let deadline = Deadline { at: Instant::now() + limit, on_the_wall: SystemTime::now() + limit };
        let event = Bytes::from(serde_json::to_vec(event).expect("an event as JSON"));
        let job = Job { id: Uuid::now_v7().to_string(), event, deadline, hang_up_after, answer };
        self.board.send_modify(|board| board.push(job));
        match tokio::time::timeout_at(deadline.at, reply).await {
            Ok(reply) => reply.unwrap_or(Err(InvokeError::Broken)),
            Err(_) => {
                self.board.send_modify(|board| board.end(InvokeError::TimedOut));
                Err(InvokeError::TimedOut)
            }
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Api {
    board: Arc<watch::Sender<Board>>,
    arn: Arc<str>,
}

impl Api {
    fn take(&self, id: &str) -> Option<Job> {
        let mut job = None;
        self.board.send_modify(|board| job = board.take(id));
        job
    }
}

/// A second handle on the socket of a connection, to be able to close it in the middle of a request.
#[derive(Clone)]
struct Wire(Arc<std::net::TcpStream>);

impl Connected<IncomingStream<'_, TcpListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        // Lambda's end does not delay small packets either; without this the emulator would add its own 40 ms.
        stream.io().set_nodelay(true).expect("a socket option");
        let socket: OwnedFd = stream.io().as_fd().try_clone_to_owned().expect("a second handle on a socket");
        Self(Arc::new(socket.into()))
    }
}

async fn next(State(api): State<Api>) -> Response {
    let mut work = None;
    api.board.send_modify(|board| work = Some(board.poll()));
    let Ok(work) = work.expect("set above").await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let deadline_ms = work.deadline.on_the_wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let trace = Uuid::now_v7().simple().to_string();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", work.id),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", api.arn.to_string()),
        (
            "lambda-runtime-trace-id",
            format!("Root=1-{}-{};Parent=53995c3f42cd8ad8;Sampled=0", &trace[..8], &trace[8..]),
        ),
    ];
    (axum::response::AppendHeaders(headers), work.event).into_response()
}

async fn response(
    State(api): State<Api>,
    Path(id): Path<String>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(job) = api.take(&id) else { return unknown_invocation() };
    let streaming = headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming");
    if job.hang_up_after == Some(0) {
        drop(wire.0.shutdown(Shutdown::Both));
        drop(job.answer.send(Err(InvokeError::Broken)));
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let deadline = job.deadline.at;
    let forward = async {
        if streaming {
            forward_stream(job, body.into_data_stream(), &wire).await
        } else {
            forward_document(job, body).await
        }
    };
    if tokio::time::timeout_at(deadline, forward).await.is_err() {
        api.board.send_modify(|board| board.end(InvokeError::TimedOut));
        return StatusCode::GONE.into_response();
    }
    // Only now: the function's work on this response ends when Lambda has all of it.
    accepted()
}

async fn forward_document(job: Job, body: Body) {
    let reply = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(document) => Reply::from_document(&document),
        Err(_) => Err(InvokeError::Broken),
    };
    drop(job.answer.send(reply));
}

/// Passes on each piece as it comes. Nobody has to read them: Lambda does not tell a function that its caller left.
async fn forward_stream(job: Job, mut frames: BodyDataStream, wire: &Wire) {
    const DELIMITER: [u8; 8] = [0; 8];
    let (body, pieces) = mpsc::unbounded_channel();
    let (Some(Ok(prelude)), Some(Ok(delimiter))) = (frames.next().await, frames.next().await) else {
        drop(job.answer.send(Err(InvokeError::Broken)));
        return;
    };
    // Lambda looks for the delimiter wherever it is; `cargo lambda watch` wants it, and the prelude, as chunks of their own.
    let reply =
        if delimiter[..] == DELIMITER { Reply::from_prelude(&prelude, pieces) } else { Err(InvokeError::Broken) };
    drop(job.answer.send(reply));
    let mut sent = 0;
    loop {
        let Some(piece) = frames.next().await else { return };
        let Ok(piece) = piece else {
            drop(body.send(Err(InvokeError::Broken)));
            return;
        };
        sent += piece.len();
        drop(body.send(Ok(piece)));
        if job.hang_up_after.is_some_and(|limit| sent >= limit) {
            drop(wire.0.shutdown(Shutdown::Both));
            drop(body.send(Err(InvokeError::Broken)));
            return;
        }
    }
}

async fn invocation_error(State(api): State<Api>, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(job) = api.take(&id) else { return unknown_invocation() };
    drop(job.answer.send(Err(function_error(&body))));
    accepted()
}

async fn init_error(State(api): State<Api>, body: Bytes) -> Response {
    api.board.send_modify(|board| board.end(function_error(&body)));
    accepted()
}

fn function_error(body: &[u8]) -> InvokeError {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| error[name].as_str().unwrap_or("unknown").to_owned();
    InvokeError::Function { kind: field("errorType"), message: field("errorMessage") }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

fn unknown_invocation() -> Response {
    let error = json!({"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}
