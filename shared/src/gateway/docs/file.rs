//! A file that anyone may have and may keep: its type, how long it holds, and whether the caller has it already.

use crate::gateway::call::{Call, Reply, ReplyBody};
use bytes::Bytes;
use http::{Method, StatusCode, header};

/// Nothing from elsewhere, and no script or style inside the page. `data:` is for the icons in the style.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Asked for again each time, and mostly answered with 304: a deployment changes them.
const CHECKED: &str = "no-cache";
const KEPT: &str = "public, max-age=86400";

/// What is sent.
pub(super) struct File {
    content_type: &'static str,
    cache: &'static str,
    policy: Option<&'static str>,
    body: Bytes,
}

impl File {
    pub(super) fn json(text: String) -> Self {
        Self { content_type: "application/json", cache: CHECKED, policy: None, body: text.into() }
    }

    pub(super) fn page(text: &'static str) -> Self {
        Self { content_type: "text/html; charset=utf-8", cache: CHECKED, policy: Some(POLICY), body: text.into() }
    }

    pub(super) fn asset(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { content_type, cache: KEPT, policy: None, body: body.into() }
    }

    /// The reply to a GET or a HEAD.
    pub(super) fn reply(self, call: &Call) -> Reply {
        let tag = format!("\"{:08x}-{:x}\"", crc32fast::hash(&self.body), self.body.len());
        let known = call.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let fresh = known.flat_map(|tags| tags.split(',')).map(str::trim).any(|one| names(one, &tag));
        let (status, body) = match (fresh, &call.method) {
            (true, _) => (StatusCode::NOT_MODIFIED, Bytes::new()),
            (false, &Method::HEAD) => (StatusCode::OK, Bytes::new()),
            (false, _) => (StatusCode::OK, self.body),
        };
        let mut reply = Reply { body: ReplyBody::Whole(body), ..Reply::empty() };
        reply.status = status;
        reply.set("etag", &tag);
        reply.set("cache-control", self.cache);
        reply.set("content-type", self.content_type);
        reply.set("x-content-type-options", "nosniff");
        reply.set("referrer-policy", "no-referrer");
        if let Some(policy) = self.policy {
            reply.set("content-security-policy", policy);
        }
        reply
    }
}

/// A proxy that compresses makes a tag a weak one (RFC 9110 § 13.1.2).
fn names(one: &str, tag: &str) -> bool {
    one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
}
