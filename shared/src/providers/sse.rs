//! What a stream translator is given.

/// One event of a provider's stream: a server-sent event, an element of a streamed JSON array, or a line of NDJSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field, if there was one.
    pub name: Option<&'a str>,
    /// The data, its lines joined by `\n`.
    pub data: &'a str,
}
