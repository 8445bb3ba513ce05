//! The refresh token's cookie. A page's scripts cannot read it, no other site can make a browser send it, and no route but these gets it.

use crate::{
    gateway::call::{Call, Reply},
    tenancy::{OpaqueToken, RefreshTokenId, auth::AuthError},
};
use http::header;
use std::time::Duration;

const NAME: &str = "supergate_refresh";

/// The refresh token that a request brings. What is none is as good as none.
///
/// # Errors
/// [`AuthError::Several`] for two.
pub(super) fn read(call: &Call) -> Result<Option<OpaqueToken<RefreshTokenId>>, AuthError> {
    let headers = call.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == NAME).map(|(_, value)| value);
    let first = found.next();
    match found.next() {
        Some(_) => Err(AuthError::Several),
        None => Ok(first.and_then(|text| text.parse().ok())),
    }
}

/// Hands a refresh token out.
pub(super) fn set(reply: &mut Reply, path: &str, token: &OpaqueToken<RefreshTokenId>, lasts: Duration) {
    reply.set("set-cookie", &line(&token.reveal(), path, lasts));
}

/// Takes it back.
pub(super) fn clear(reply: &mut Reply, path: &str) {
    reply.set("set-cookie", &line("", path, Duration::ZERO));
}

fn line(value: &str, path: &str, lasts: Duration) -> String {
    let seconds = lasts.as_secs();
    format!("{NAME}={value}; Path={path}; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}
