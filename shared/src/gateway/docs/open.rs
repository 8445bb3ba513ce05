//! What needs no key: health, and this description.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{JSON, Operation, get, head};
use utoipa::ToSchema;

/// What the gateway depends on.
#[derive(ToSchema)]
struct Health {
    /// `ok`; `degraded` if only the `embedder` is down, without which the cache answers no similar prompts; `down` if anything else is.
    status: String,
    version: String,
    checks: Vec<Check>,
}

/// One dependency.
#[derive(ToSchema)]
struct Check {
    name: String,
    /// `ok` or `down`.
    status: String,
    latency_ms: f64,
}

const HEALTH: &str =
    r#"{"status": "ok", "version": "0.1.0", "checks": [{"name": "database", "status": "ok", "latency_ms": 1.8}]}"#;

pub(super) fn operations() -> Vec<Operation> {
    let file = |operation: Operation, content_type: Option<&str>| {
        let tag = "Send it back as `if-none-match`: while nothing has changed, the answer is 304 and has no body.";
        operation.answers_plain(200, "The file.", content_type).header(200, "etag", tag).answers_plain(
            304,
            "The caller has it.",
            None,
        )
    };
    vec![
        get("/health", "health", "Says what the gateway depends on and how it is")
            .answers::<Health>(200, "All of it answers.", HEALTH)
            .answers::<Health>(503, "Something does not.", &HEALTH.replace(r#""ok""#, r#""down""#)),
        file(get("/openapi.json", "openapi", "This description"), Some(JSON)),
        file(head("/openapi.json", "openapiHead", "Whether this description has changed"), None),
        file(get("/docs", "docs", "A page to read this description and try it out"), Some("text/html")),
        file(head("/docs", "docsHead", "Whether the page has changed"), None),
        file(get("/docs/{file}", "docsFile", "What the page loads"), Some("text/plain")),
        file(head("/docs/{file}", "docsFileHead", "Whether that has changed"), None),
    ]
}
