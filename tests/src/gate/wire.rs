//! Before Postgres and before a provider: the bytes as they go by.

use super::{Latch, Side, Stop};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinSet,
};

/// What ends a transaction, as the server says it.
const COMMITTED: &[u8] = b"COMMIT\0";

/// A gate before the test server's Postgres, which listens on a socket in a folder. It goes away with the value.
pub struct DatabaseGate {
    address: SocketAddr,
    latch: Latch,
    _server: JoinSet<()>,
}

impl DatabaseGate {
    /// Listens on a free loopback port.
    pub async fn start() -> Self {
        let socket: Arc<str> = socket_of(&crate::postgres::superuser_url()).into();
        let (listener, address) = listen().await;
        let latch = Latch::new();
        let shared = latch.clone();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                let (latch, socket) = (shared.clone(), Arc::clone(&socket));
                connections.spawn(async move {
                    let Ok(server) = UnixStream::connect(&*socket).await else { return };
                    join(caller, server, latch, Some(COMMITTED)).await;
                });
            }
        });
        Self { address, latch, _server: server }
    }

    /// The URL of a database for a role, through here.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@{}/{database}?sslmode=disable", self.address)
    }

    /// Stops who comes here; nobody if none is given. [`Side::After`] is after the commit.
    pub fn shut(&self, stop: Option<Stop>) {
        self.latch.shut(stop);
    }

    /// Waits until so many are held.
    pub async fn reached(&self, held: usize) {
        self.latch.reached(held).await;
    }
}

/// `…?host=/folder` → the socket in it.
fn socket_of(url: &str) -> String {
    let folder = url.split_once("host=").expect("a test server that listens on a socket").1;
    let folder = percent_encoding::percent_decode_str(folder.split('&').next().unwrap_or_default()).decode_utf8_lossy();
    format!("{folder}/.s.PGSQL.5432")
}

/// A gate before the mock upstream. It goes away with the value.
pub struct UpstreamGate {
    url: String,
    latch: Latch,
    _server: JoinSet<()>,
}

impl UpstreamGate {
    /// Listens on a free loopback port, for a mock at an address.
    pub async fn start(to: SocketAddr) -> Self {
        let (listener, address) = listen().await;
        let latch = Latch::new();
        let shared = latch.clone();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                let latch = shared.clone();
                connections.spawn(async move {
                    let Ok(server) = TcpStream::connect(to).await else { return };
                    drop((caller.set_nodelay(true), server.set_nodelay(true)));
                    join(caller, server, latch, None).await;
                });
            }
        });
        Self { url: format!("http://{address}"), latch, _server: server }
    }

    /// In place of the mock's.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops who comes here; nobody if none is given. [`Side::After`] is before the piece of an answer that contains the words.
    pub fn shut(&self, stop: Option<Stop>) {
        self.latch.shut(stop);
    }

    /// Waits until so many are held.
    pub async fn reached(&self, held: usize) {
        self.latch.reached(held).await;
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Joins two connections. After: with `end`, it is an answer that contains that, to a call that contains the stop's words; without, a piece
/// of an answer that contains the words itself.
async fn join<C, S>(caller: C, server: S, latch: Latch, end: Option<&'static [u8]>)
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (mut from_caller, mut to_caller) = tokio::io::split(caller);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let called = std::sync::Mutex::new(Vec::<u8>::new());
    let up = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from_caller.read(&mut buffer).await {
            if latch.stops(Side::Broken, &buffer[..read]) {
                break;
            }
            latch.pass(Side::Before, &buffer[..read]).await;
            if end.is_some() {
                called.lock().expect("the call").extend_from_slice(&buffer[..read]);
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        let (mut buffer, mut answered) = (vec![0; 64 << 10], Vec::new());
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            let piece = &buffer[..read];
            let over = match end {
                None => Some(piece.to_vec()),
                Some(end) => {
                    answered.extend_from_slice(piece);
                    let is_over = answered.windows(end.len()).any(|part| part == end);
                    is_over.then(|| {
                        answered.clear();
                        std::mem::take(&mut *called.lock().expect("the call"))
                    })
                }
            };
            if let Some(over) = over {
                latch.pass(Side::After, &over).await;
            }
            if to_caller.write_all(piece).await.is_err() {
                break;
            }
        }
    };
    // Either end closes both.
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
