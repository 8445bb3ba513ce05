//! Bytes → events, incremental, no I/O. Server-sent events by the rules of
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>, and streams of JSON objects (an array, or
//! one a line), which some providers send instead.

use crate::providers::Event;
use std::str;

/// The longest line of a server-sent event.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// The longest event.
pub const MAX_EVENT_BYTES: usize = 4 << 20;
/// The longest stream.
pub const MAX_STREAM_BYTES: usize = 64 << 20;

/// How a stream's bytes are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`.
    ServerSentEvents,
    /// JSON objects, in an array or one after the other.
    JsonObjects,
}

impl Framing {
    /// By content type; none where it is neither.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/event-stream" => Some(Self::ServerSentEvents),
            "application/json" | "application/x-ndjson" | "application/stream+json" | "application/jsonl" => {
                Some(Self::JsonObjects)
            }
            _ => None,
        }
    }
}

/// A stream that no honest provider sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A line, an event or the whole is too long.
    #[error("the stream is too long: {0}")]
    TooLong(&'static str),
    /// Not UTF-8.
    #[error("the stream is not UTF-8")]
    NotText,
    /// Something between JSON objects that is neither space nor punctuation.
    #[error("the stream is not a sequence of JSON objects")]
    NotObjects,
}

/// Splits a stream into events. [`EventReader::feed`] it bytes as they come, then take events until there is none.
#[derive(Debug)]
pub struct EventReader {
    framing: Framing,
    /// Bytes that are not consumed yet begin at `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Up to here the buffer was searched for the end of the line or object.
    searched: usize,
    total: usize,
    /// Nothing but space was seen, nor a byte order mark looked for.
    at_beginning: bool,
    ended: bool,
    /// The event being read, or the one last given out.
    name: Option<String>,
    data: String,
    given: bool,
    /// Where in an object the search is.
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl EventReader {
    /// A reader at the beginning of a stream.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            total: 0,
            at_beginning: true,
            ended: false,
            name: None,
            data: String::new(),
            given: false,
            depth: 0,
            in_string: false,
            escaped: false,
        }
    }

    /// Takes more bytes.
    ///
    /// # Errors
    /// When the stream as a whole is too long.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), FramingError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > MAX_STREAM_BYTES {
            return Err(FramingError::TooLong("whole"));
        }
        // What was consumed goes before the buffer grows, so it never holds more than one read and one event.
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Says that the body ended cleanly. A last line without its end counts as a line: some servers leave the final blank one out.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next event that is complete; none until more bytes come.
    ///
    /// # Errors
    /// [`FramingError`]; the stream is of no use then.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FramingError> {
        if std::mem::take(&mut self.given) {
            self.name = None;
            self.data.clear();
        }
        let found = match self.framing {
            Framing::ServerSentEvents => self.next_sse()?,
            Framing::JsonObjects => self.next_object()?,
        };
        if !found {
            return Ok(None);
        }
        self.given = true;
        Ok(Some(Event { name: self.name.as_deref(), data: &self.data }))
    }

    fn next_sse(&mut self) -> Result<bool, FramingError> {
        if self.at_beginning {
            // A byte order mark may stand before everything; wait until it could be told apart.
            let bom: &[u8] = b"\xEF\xBB\xBF";
            let seen = self.buffer.len().min(bom.len());
            if self.buffer[..seen] == bom[..seen] && seen < bom.len() && !self.ended {
                return Ok(false);
            }
            if self.buffer.starts_with(bom) {
                self.start = bom.len();
                self.searched = bom.len();
            }
            self.at_beginning = false;
        }
        while let Some((from, to)) = self.next_line()? {
            let line = str::from_utf8(&self.buffer[from..to]).map_err(|_| FramingError::NotText)?;
            if line.is_empty() {
                if self.data.is_empty() {
                    self.name = None;
                    continue;
                }
                self.data.pop(); // The newline after the last data line.
                return Ok(true);
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => {
                    if self.data.len() + value.len() >= MAX_EVENT_BYTES {
                        return Err(FramingError::TooLong("event"));
                    }
                    self.data.push_str(value);
                    self.data.push('\n');
                }
                "event" => self.name = Some(value.to_owned()),
                _ => {} // Comments (an empty field), `id` and `retry`.
            }
        }
        if self.ended && !self.data.is_empty() {
            self.data.pop();
            return Ok(true);
        }
        Ok(false)
    }

    /// The bounds of the next line without its end, which may be LF, CR or CRLF.
    fn next_line(&mut self) -> Result<Option<(usize, usize)>, FramingError> {
        let from = self.start;
        let end = self.buffer[self.searched..]
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .map(|i| self.searched + i);
        let Some(to) = end else {
            self.searched = self.buffer.len();
            if self.buffer.len() - from > MAX_LINE_BYTES {
                return Err(FramingError::TooLong("line"));
            }
            if self.ended && self.buffer.len() > from {
                self.start = self.buffer.len();
                return Ok(Some((from, self.buffer.len())));
            }
            return Ok(None);
        };
        if to - from > MAX_LINE_BYTES {
            return Err(FramingError::TooLong("line"));
        }
        let next = match (self.buffer[to], self.buffer.get(to + 1)) {
            (b'\r', Some(b'\n')) => to + 2,
            // The line feed of a CRLF may be in the next read, and a blank line must not be seen where there is none.
            (b'\r', None) if !self.ended => {
                self.searched = to;
                return Ok(None);
            }
            _ => to + 1,
        };
        self.start = next;
        self.searched = next;
        Ok(Some((from, to)))
    }

    fn next_object(&mut self) -> Result<bool, FramingError> {
        while self.searched < self.buffer.len() {
            let byte = self.buffer[self.searched];
            self.searched += 1;
            if self.depth == 0 {
                match byte {
                    // `data`, `event` or a comment: server-sent events that their server calls JSON, as OpenAI's did once.
                    b'd' | b'e' | b':' if self.at_beginning => {
                        self.framing = Framing::ServerSentEvents;
                        self.searched = self.start;
                        return self.next_sse();
                    }
                    b'{' => {
                        self.start = self.searched - 1;
                        self.depth = 1;
                    }
                    b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' => self.start = self.searched,
                    _ => return Err(FramingError::NotObjects),
                }
                self.at_beginning &= byte.is_ascii_whitespace();
                continue;
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth -= 1,
                _ => {}
            }
            if self.depth == 0 {
                let object = &self.buffer[self.start..self.searched];
                self.data.push_str(str::from_utf8(object).map_err(|_| FramingError::NotText)?);
                self.start = self.searched;
                return Ok(true);
            }
        }
        if self.buffer.len() - self.start > MAX_EVENT_BYTES {
            return Err(FramingError::TooLong("event"));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
