//! The mock upstream: one server that speaks the five providers' wire formats.
//!
//! It stands in for a provider without a key, and it is the witness of the tests: it knows nothing of the crate it tests, reads requests
//! as strictly as the provider, and keeps its own record of what it received and its own bill. The base URL of a provider is
//! `http://ADDRESS/NAME`; what follows is the provider's own path:
//!
//! | provider | path |
//! |---|---|
//! | openai | `/openai/v1/chat/completions` |
//! | anthropic | `/anthropic/v1/messages` |
//! | google | `/google/v1beta/models/{model}:generateContent`, `:streamGenerateContent?alt=sse` |
//! | cohere | `/cohere/v2/chat` |
//! | mistral | `/mistral/v1/chat/completions` |
//!
//! Embeddings are at `/openai/v1/embeddings`, `/google/v1beta/models/{model}:batchEmbedContents`, `/cohere/v2/embed` and
//! `/mistral/v1/embeddings`: [`embeddings`].
//!
//! - What is said and how tokens are counted: [`answer`]. The same request has the same bytes as its answer, ids included.
//! - What a prompt can ask the mock to do, such as `mock:status=429` or `mock:call`: [`directives`].
//! - A request that the real provider would refuse is refused in its words: the order of turns, schemas, fields that a model does not take.
//! - The credential `bad-key` is refused, every other one is taken; the model `no-such-model` does not exist, every other one does.
//! - `GET /_requests`, `GET /_bill`, `POST /_reset`: [`journal`].
//!
//! To add a provider, write one folder that implements `Provider` (`provider.rs`) and name it in `server.rs`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub mod answer;
pub mod directives;
pub mod embeddings;
pub mod journal;

mod anthropic;
mod cohere;
mod fault;
mod fields;
mod google;
mod json;
mod media;
mod mistral;
mod openai;
mod provider;
mod schema;
mod send;
mod server;
mod thought;
mod tools;

use journal::{Billed, Journal, Received};

/// A running mock; it stops when this is dropped.
#[derive(Debug)]
pub struct MockUpstream {
    address: SocketAddr,
    journal: Arc<Journal>,
    _server: JoinSet<()>,
    /// Dropping it tells the connections that are still open to end.
    _stop: oneshot::Sender<()>,
}

impl MockUpstream {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> io::Result<Self> {
        Self::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)
    }

    /// Serves on `listener`, in tasks of the current runtime.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let journal = Arc::new(Journal::default());
        let router = server::router(Arc::clone(&journal));
        // Without it the second small write of a stream waits 40 ms for the peer's delayed acknowledgement.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            let _ = axum::serve(listener, router).with_graceful_shutdown(until).await;
        });
        Ok(Self { address, journal, _server: server, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of a provider, as in `http://127.0.0.1:4000/openai`.
    pub fn base_url(&self, provider: &str) -> String {
        format!("http://{}/{provider}", self.address)
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.journal.received()
    }

    /// The bill so far, oldest first.
    pub fn bill(&self) -> Vec<Billed> {
        self.journal.billed()
    }

    /// The bill since the start, whatever was forgotten.
    pub fn whole_bill(&self) -> Vec<Billed> {
        self.journal.whole_bill()
    }

    /// Forgets requests and bill.
    pub fn reset(&self) {
        self.journal.reset();
    }
}
