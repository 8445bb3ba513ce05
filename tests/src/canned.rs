//! A provider that misbehaves: whatever it is asked, it sends given bytes and then closes, or keeps the caller waiting.

use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::AbortHandle,
};

/// Listens on a loopback port until it is dropped.
pub struct Canned {
    address: SocketAddr,
    server: AbortHandle,
}

/// What follows the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The end of the connection.
    Close,
    /// Nothing, for as long as the caller waits.
    Wait,
}

impl Canned {
    /// Sends these bytes to every caller, once it has asked for something.
    pub async fn start(bytes: Vec<u8>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let bytes = bytes.clone();
                tokio::spawn(async move {
                    let mut request = [0; 64 << 10];
                    let _ = socket.read(&mut request).await;
                    let _ = socket.write_all(&bytes).await;
                    // Until the caller gives up, or at once.
                    while then == Then::Wait && socket.read(&mut request).await.is_ok_and(|read| read > 0) {}
                });
            }
        });
        Self { address, server: server.abort_handle() }
    }

    /// An answer with a status, a content type and a body.
    pub async fn answer(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Self::start([head.as_bytes(), body].concat(), Then::Close).await
    }

    /// Where to call it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.server.abort();
    }
}
