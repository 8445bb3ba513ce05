//! An identity provider on a loopback port, with keys of every kind.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    sync::{OwnedRwLockWriteGuard, RwLock},
    task::AbortHandle,
};

/// A key that signs tokens.
pub enum SigningKey {
    /// RS256.
    Rsa(Box<RsaKeyPair>),
    /// ES256.
    Ec(EcdsaKeyPair),
    /// Ed25519.
    Ed(Ed25519KeyPair),
    /// What no issuer may use.
    Secret(Vec<u8>),
}

impl SigningKey {
    /// A new one.
    pub fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")))
    }

    /// A new one.
    pub fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    /// A new one.
    pub fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().expect("a key"))
    }

    /// As tokens name it.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
            Self::Secret(_) => "HS256",
        }
    }

    /// The public key as a JSON Web Key.
    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let RsaPublicKeyComponents::<Vec<u8>> { n, e } = key.public_key().into();
                json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": base64(n), "e": base64(e)})
            }
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64(x), "y": base64(y)})
            }
            Self::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(key.public_key())}),
            Self::Secret(secret) => json!({"kty": "oct", "kid": kid, "k": base64(secret)}),
        }
    }

    /// The bytes of the public key, as somebody might mistake them for a secret.
    pub fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public_key().as_ref().to_vec(),
            Self::Ec(key) => key.public_key().as_ref().to_vec(),
            Self::Ed(key) => key.public_key().as_ref().to_vec(),
            Self::Secret(secret) => secret.clone(),
        }
    }

    /// A token with any header and claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
        format!("{message}.{}", base64(self.signature(message.as_bytes())))
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(key) => key.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Secret(secret) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec(),
        }
    }
}

/// Publishes keys until it is dropped.
pub struct Issuer {
    address: SocketAddr,
    published: Arc<Mutex<Published>>,
    gate: Arc<RwLock<()>>,
    server: AbortHandle,
}

#[derive(Default)]
struct Published {
    keys: Vec<Value>,
    is_away: bool,
    asked: usize,
}

impl Issuer {
    /// Listens on a free port of the loopback interface, and publishes these keys.
    pub async fn start(keys: Vec<Value>) -> Self {
        let published = Arc::new(Mutex::new(Published { keys, ..Published::default() }));
        let gate = Arc::new(RwLock::new(()));
        let state = (Arc::clone(&published), Arc::clone(&gate));
        let router = Router::new().route("/keys", get(answer)).with_state(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, published, gate, server: server.abort_handle() }
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// How often it was asked for its keys.
    pub fn asked(&self) -> usize {
        self.published.lock().expect("no panic").asked
    }

    /// Waits until it was asked so often.
    pub async fn until_asked(&self, times: usize) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }

    /// Answers nobody until what this gives is dropped.
    ///
    /// # Panics
    /// While it is answering.
    pub fn hold(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).try_write_owned().expect("nobody asks")
    }

    /// Publishes other keys.
    pub fn publish(&self, keys: Vec<Value>) {
        self.published.lock().expect("no panic").keys = keys;
    }

    /// Answers with an error, or no longer.
    pub fn set_away(&self, is_away: bool) {
        self.published.lock().expect("no panic").is_away = is_away;
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What is published, and the gate before it.
type Served = (Arc<Mutex<Published>>, Arc<RwLock<()>>);

async fn answer(State((published, gate)): State<Served>) -> (StatusCode, String) {
    published.lock().expect("no panic").asked += 1;
    let _open = gate.read().await;
    let published = published.lock().expect("no panic");
    match published.is_away {
        true => (StatusCode::BAD_GATEWAY, String::new()),
        false => (StatusCode::OK, json!({"keys": published.keys}).to_string()),
    }
}

/// As tokens write bytes.
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
