//! What a test asks of the mock inside the prompt itself.
//!
//! The prompt is the only thing that passes unchanged through a gateway, so it is the only place where a caller of the gateway can
//! steer the upstream behind it. A directive stands anywhere in the last user message, as `mock:name` or `mock:name=number`.

use std::time::Duration;

/// The directives of one request; the default is to answer normally.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Directives {
    /// `mock:status=429`: this provider's own error for that status.
    pub status: Option<u16>,
    /// `mock:retry_after=7`: the seconds that a 429 or 503 asks the caller to wait (default 2).
    pub retry_after_s: Option<u64>,
    /// `mock:delay=300`: milliseconds before the first byte.
    pub delay: Option<Duration>,
    /// `mock:chunk_delay=50`: milliseconds before each event of a stream but the first.
    pub chunk_delay: Option<Duration>,
    /// `mock:cut=2`: drop the connection after that many events of a stream, or bytes of a plain body.
    pub cut: Option<usize>,
    /// `mock:error_event`: after two events, the provider's error inside a stream that began with 200.
    pub error_event: bool,
    /// `mock:html`: a 502 page as a proxy in between would write it.
    pub html: bool,
    /// `mock:malformed`: 200 with JSON that does not parse (in a stream: from the second event on).
    pub malformed: bool,
    /// `mock:words=200`: an answer of that many words instead of the echo.
    pub words: Option<usize>,
    /// `mock:cached=12`: that many prompt tokens are reported as read from the provider's prompt cache.
    pub cached: Option<u64>,
    /// `mock:call`, `mock:calls=2`: the first so many of the tools that are offered are called.
    pub calls: Option<usize>,
    /// `mock:think`: a thought before the answer.
    pub think: bool,
    /// `mock:redact`: after the thought another that only the provider can read, where the provider has such.
    pub redact: bool,
    /// `mock:cite`: a source for the first word of the answer.
    pub cite: bool,
    /// `mock:refuse`: the model declines, as distinct from an error.
    pub refuse: bool,
}

/// More calls than any test needs.
const MOST_CALLS: u64 = 100;

/// More words than any test needs, few enough that one request cannot fill the memory.
const MOST_WORDS: u64 = 100_000;

impl Directives {
    /// Reads every directive of `text`.
    ///
    /// # Errors
    /// A name that does not exist, or a value that is missing or too large: a typing mistake in a test must not look like success.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for (at, mark) in text.match_indices("mock:") {
            let rest = &text[at + mark.len()..];
            let name = leading(rest, |c| c.is_ascii_lowercase() || c == '_');
            let value = rest[name.len()..].strip_prefix('=').map(|value| leading(value, |c| c.is_ascii_digit()));
            found.set(name, value.and_then(|digits| digits.parse().ok()))?;
        }
        Ok(found)
    }

    /// `text` as a model that cannot see directives would read it.
    pub fn strip(text: &str) -> String {
        let mut rest = text;
        let mut said = String::with_capacity(text.len());
        while let Some(at) = rest.find("mock:") {
            said.push_str(&rest[..at]);
            let mut after = &rest[at + "mock:".len()..];
            after = &after[leading(after, |c| c.is_ascii_lowercase() || c == '_').len()..];
            if let Some(value) = after.strip_prefix('=') {
                after = &value[leading(value, |c| c.is_ascii_digit()).len()..];
            }
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
        said.push_str(rest);
        said.trim().to_owned()
    }

    fn set(&mut self, name: &str, value: Option<u64>) -> Result<(), String> {
        let number =
            || value.ok_or_else(|| format!("mock: the directive `{name}` needs a number, as in mock:{name}=2"));
        match name {
            "status" => {
                let status = number()?;
                let status = u16::try_from(status).ok().filter(|status| (400..600).contains(status));
                self.status = Some(status.ok_or("mock: status must be from 400 to 599")?);
            }
            "retry_after" => self.retry_after_s = Some(number()?),
            "delay" => self.delay = Some(Duration::from_millis(number()?)),
            "chunk_delay" => self.chunk_delay = Some(Duration::from_millis(number()?)),
            "cut" => self.cut = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
            "error_event" => self.error_event = true,
            "html" => self.html = true,
            "malformed" => self.malformed = true,
            "words" => self.words = Some(usize::try_from(number()?.min(MOST_WORDS)).unwrap_or(0)),
            "cached" => self.cached = Some(number()?),
            "call" => self.calls = Some(1),
            "calls" => self.calls = Some(usize::try_from(number()?.clamp(1, MOST_CALLS)).unwrap_or(1)),
            "think" => self.think = true,
            "redact" => self.redact = true,
            "cite" => self.cite = true,
            "refuse" => self.refuse = true,
            _ => return Err(format!("mock: there is no directive `{name}`")),
        }
        Ok(())
    }
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !belongs(c)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_anywhere_in_the_text() {
        let read =
            Directives::read("please (mock:status=429), then mock:delay=300. Thanks mock:html").expect("all exist");
        assert_eq!(read.status, Some(429));
        assert_eq!(read.delay, Some(Duration::from_millis(300)));
        assert!(read.html);
    }

    #[test]
    fn a_directive_that_does_not_exist_is_an_error() {
        assert!(Directives::read("mock:stauts=429").is_err());
        assert!(Directives::read("mock:status").is_err());
        assert!(Directives::read("mock:status=42").is_err());
    }

    #[test]
    fn what_is_left_without_directives_reads_as_if_there_had_been_none() {
        assert_eq!(
            Directives::strip("mock:calls=2 what is mock:think the  weather? mock:call"),
            "what is the  weather?"
        );
    }

    #[test]
    fn plain_text_asks_for_nothing() {
        assert_eq!(Directives::read("a mockingbird"), Ok(Directives::default()));
    }
}
