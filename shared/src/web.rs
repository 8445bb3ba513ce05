//! The door to Lambda: an event becomes a [`Call`], a [`Reply`] becomes a response, and what is left to do is done after it. The only
//! file that knows API Gateway.

use crate::{
    causes::{BoxError, chain},
    clock::{Clock, SystemClock},
    config::{self, Vars},
    error::GatewayError,
    gateway::{
        after_response::AfterResponse,
        call::{Call, Reply, ReplyBody},
    },
    http::runtime_api::{Invocation, RuntimeApi},
    telemetry,
    tenancy::RequestId,
};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt as _, future::BoxFuture};
use http::{Method, Response};
use lambda_http::{RequestExt as _, request::RequestContext, service_fn};
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime};
use std::{
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    process::ExitCode,
    string::FromUtf8Error,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service, layer::layer_fn};
use tracing::Instrument as _;

/// For a function that reads.
pub const GET: Method = Method::GET;
/// For a function that reads, too: the same without the body.
pub const HEAD: Method = Method::HEAD;
/// For a function that acts.
pub const POST: Method = Method::POST;

/// For a function that replaces.
pub const PUT: Method = Method::PUT;
/// For a function that changes.
pub const PATCH: Method = Method::PATCH;
/// For a function that deletes.
pub const DELETE: Method = Method::DELETE;

/// What a function is started with.
pub struct Start {
    /// The environment.
    pub vars: Vars<'static>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// How many requests Lambda sends at a time: one, or more on Lambda Managed Instances.
    pub concurrency: usize,
    /// Where events come from and responses go: host and port.
    pub runtime_api: String,
}

/// Runs a function's `main`: log, runtime, and one clear line if it cannot start.
pub fn start<F: Future<Output = Result<(), BoxError>>>(main: impl FnOnce(Start) -> F) -> ExitCode {
    let vars: Vars<'static> = &config::environment;
    telemetry::start(vars("SUPERGATE_LOG").or_else(|| vars("AWS_LAMBDA_LOG_LEVEL")).as_deref());
    let concurrency = vars("AWS_LAMBDA_MAX_CONCURRENCY").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    // One request at a time needs no second thread, and threads cost a cold start.
    let mut runtime = match concurrency {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let Some(runtime_api) = vars("AWS_LAMBDA_RUNTIME_API") else {
        tracing::error!(
            "this is a Lambda function and cannot run by itself: use `make run` (AWS_LAMBDA_RUNTIME_API is not set)"
        );
        return ExitCode::FAILURE;
    };
    let start = Start { vars, clock: Arc::new(SystemClock), concurrency, runtime_api };
    let ran = runtime.enable_all().build().map_err(BoxError::from).and_then(|runtime| runtime.block_on(main(start)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %chain(&*error), "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

/// A function that answers HTTP requests.
pub struct Function<H> {
    /// Its name: crate, binary, template and events folder.
    pub name: &'static str,
    /// The methods it takes.
    pub methods: &'static [Method],
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What it does.
    pub handler: H,
}

impl<H, F> Function<H>
where
    H: Fn(Call) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Reply, GatewayError>> + Send + 'static,
{
    /// Serves whole replies. Its integration is buffered.
    ///
    /// # Errors
    /// When the Runtime API is lost.
    pub async fn serve(self) -> Result<(), BoxError> {
        let function = Arc::new(self);
        let handler = service_fn(move |request| {
            let function = Arc::clone(&function);
            async move { function.answer_whole(request).await }
        });
        run(lambda_http::runtime_concurrent(handler)).await
    }

    /// Serves whole and streamed replies from one binary. Its integration is streamed.
    ///
    /// # Errors
    /// When the Runtime API is lost.
    pub async fn serve_streaming(self, runtime_api: &str) -> Result<(), BoxError> {
        let runtime_api = RuntimeApi::new(runtime_api)?;
        // The runtime polls; what it would do with an event, and would send too slowly, `Responder` does instead.
        let unused = lambda_runtime::service_fn(|_: LambdaEvent<serde_json::Value>| async { Ok::<(), Infallible>(()) });
        let function = Arc::new(self);
        let responder = layer_fn(|_| Responder { function: Arc::clone(&function), runtime_api: runtime_api.clone() });
        run(Runtime::new(unused).layer(responder)).await
    }

    /// Answers one request, whatever happens. Work that is left over is put into `after`.
    pub async fn answer(&self, request: lambda_http::Request, after: AfterResponse) -> Response<ReplyBody> {
        let request_id = RequestId::generate(self.clock.since_epoch());
        let span = telemetry::request_span(request_id, self.name);
        self.answer_in_span(request, after, request_id).instrument(span).await
    }

    async fn answer_in_span(
        &self,
        request: lambda_http::Request,
        after: AfterResponse,
        request_id: RequestId,
    ) -> Response<ReplyBody> {
        let begun = self.clock.monotonic();
        let call = call(request, after, request_id, begun);
        let answered = if self.methods.contains(&call.method) {
            // A panic must not end the process, nor leave the caller without a request id.
            let answered = AssertUnwindSafe(async { (self.handler)(call).await }).catch_unwind().await;
            answered.unwrap_or_else(|_| Err(GatewayError::Internal("the handler panicked".into())))
        } else {
            Err(GatewayError::MethodNotAllowed(call.method.to_string()))
        };
        let latency_ms = self.clock.monotonic().saturating_sub(begun).as_secs_f64() * 1e3;
        let mut reply = match answered {
            Ok(reply) => {
                tracing::info!(status = reply.status.as_u16(), latency_ms, "answered");
                reply
            }
            Err(error) => {
                let on_the_wire = error.on_the_wire();
                let (status, code) = (on_the_wire.status.as_u16(), on_the_wire.code);
                match on_the_wire.status.is_server_error() {
                    // The chain may quote what a dependency said, never what a caller or a provider said.
                    true => tracing::error!(status, code, latency_ms, error = %chain(&error), "failed"),
                    false => tracing::info!(status, code, latency_ms, "refused"),
                }
                Reply::error(&error)
            }
        };
        reply.set("x-request-id", &request_id.to_string());
        reply.into()
    }

    async fn answer_whole(&self, request: lambda_http::Request) -> Result<Response<lambda_http::Body>, Infallible> {
        let (parts, body) = self.answer(request, after_response()).await.into_parts();
        let body = body.collect::<Vec<Bytes>>().await.concat();
        let text = String::from_utf8(body).map_err(FromUtf8Error::into_bytes);
        Ok(Response::from_parts(parts, text.map_or_else(lambda_http::Body::Binary, lambda_http::Body::Text)))
    }
}

/// Lambda's deadline is a moment, in milliseconds since 1970. `cargo lambda watch` 1.9 sends a duration in its place, which is none.
const EARLIEST_DEADLINE_MS: u64 = 1_000_000_000_000;

fn deadline(context: &lambda_runtime::Context) -> Option<Duration> {
    Some(context.deadline).filter(|ms| *ms > EARLIEST_DEADLINE_MS).map(Duration::from_millis)
}

fn call(request: lambda_http::Request, after: AfterResponse, request_id: RequestId, received: Duration) -> Call {
    let deadline = request.lambda_context_ref().and_then(deadline);
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let address = request.request_context_ref().and_then(source_address);
    let (parts, body) = request.into_parts();
    let body = match body {
        lambda_http::Body::Text(text) => Bytes::from(text),
        lambda_http::Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    Call {
        request_id,
        received,
        method: parts.method,
        path,
        query,
        address,
        headers: parts.headers,
        body,
        deadline,
        after,
    }
}

/// Whence API Gateway got the request.
fn source_address(context: &RequestContext) -> Option<String> {
    match context {
        RequestContext::ApiGatewayV1(context) => context.identity.source_ip.clone(),
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.clone(),
        _ => None,
    }
}

/// Runs a function that is invoked by hand or on a schedule: JSON in, JSON out. It is told its deadline too, since the Unix epoch. An
/// error is the invocation's error.
///
/// # Errors
/// When the Runtime API is lost.
pub async fn serve_commands<C, A, H, F>(handler: H) -> Result<(), BoxError>
where
    C: serde::de::DeserializeOwned + Send + 'static,
    H: Fn(C, Option<Duration>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<A, GatewayError>> + Send + 'static,
    A: serde::Serialize + Send + 'static,
{
    let handler = lambda_runtime::service_fn(move |event: LambdaEvent<C>| {
        let answer = handler(event.payload, deadline(&event.context));
        async move {
            answer.await.map_err(|error| {
                tracing::error!(error = %chain(&error), "command failed");
                BoxError::from(chain(&error).to_string())
            })
        }
    });
    run(Runtime::new(handler)).await
}

tokio::task_local! {
    /// The work of the invocation that this task is serving: the bridge from the layer around the handler to the handler.
    static AFTER: AfterResponse;
}

fn after_response() -> AfterResponse {
    AFTER.try_with(Clone::clone).unwrap_or_default()
}

async fn run<S>(runtime: Runtime<S>) -> Result<(), BoxError>
where
    S: Service<LambdaInvocation, Response = (), Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    runtime.layer(AfterResponseLayer).run_concurrent().await
}

/// Answers an invocation with a stream and sends it.
struct Responder<H> {
    function: Arc<Function<H>>,
    runtime_api: RuntimeApi,
}

impl<H> Clone for Responder<H> {
    fn clone(&self) -> Self {
        Self { function: Arc::clone(&self.function), runtime_api: self.runtime_api.clone() }
    }
}

impl<H, F> Service<LambdaInvocation> for Responder<H>
where
    H: Fn(Call) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Reply, GatewayError>> + Send + 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let Self { function, runtime_api } = self.clone();
        Box::pin(async move {
            let LambdaInvocation { parts, body, context } = invocation;
            let to = Invocation::new(context.request_id.clone(), &parts.headers);
            // The reader panics at some events that API Gateway would not send.
            let request = catch_unwind(|| lambda_http::request::from_reader(&body[..]));
            let response = match request {
                Ok(Ok(request)) => function.answer(request.with_lambda_context(context), after_response()).await,
                Ok(Err(_)) | Err(_) => {
                    // Its text would quote the event.
                    tracing::error!("an event that is none of API Gateway's");
                    Response::from(Reply::error(&GatewayError::Internal("the event cannot be read".into())))
                }
            };
            let (parts, mut body) = response.into_parts();
            let begun = body.take_whole();
            runtime_api.respond(&to, parts.status, parts.headers, begun, body).await
        })
    }
}

/// Does the work that is left after the response was sent, and outlives a response that could not be sent. The outermost layer.
struct AfterResponseLayer;

impl<S> Layer<S> for AfterResponseLayer {
    type Service = AfterResponseService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AfterResponseService(inner)
    }
}

#[derive(Clone)]
struct AfterResponseService<S>(S);

impl<S> Service<LambdaInvocation> for AfterResponseService<S>
where
    S: Service<LambdaInvocation, Response = (), Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<(), BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let after = AfterResponse::default();
        let response = AFTER.scope(after.clone(), self.0.call(invocation));
        Box::pin(async move {
            if let Err(error) = response.await {
                // The response is lost; the process, and what it knows, is not.
                tracing::error!(error = %chain(&*error), "response not sent");
            }
            after.run().await;
            Ok(())
        })
    }
}

impl From<Reply> for Response<ReplyBody> {
    fn from(reply: Reply) -> Self {
        let mut response = Response::new(reply.body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }
}

impl Stream for ReplyBody {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(std::mem::take(bytes))),
            Self::Events(events) => events.as_mut().poll_next(context),
        }
    }
}
