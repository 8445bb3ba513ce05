//! What the code under test logs, for tests that run in one thread.

use crate::leaks;
use serde_json::Value;
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _};

/// What this thread logs while it is alive.
pub struct Logs {
    bytes: Buffer,
    /// Whether secrets are planted in it.
    is_planted: bool,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Begins to listen to everything.
    pub fn capture() -> Self {
        Self::up_to(LevelFilter::TRACE)
    }

    /// Begins to listen to what goes wrong.
    pub fn errors() -> Self {
        Self::up_to(LevelFilter::ERROR)
    }

    fn up_to(level: LevelFilter) -> Self {
        let bytes = Buffer::default();
        let writer = bytes.clone();
        let log = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(log.with_filter(level));
        Self { bytes, is_planted: false, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The same for a test that plants secrets in it, and looks for them itself.
    pub fn planted(mut self) -> Self {
        self.is_planted = true;
        self
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.0.lock().expect("the log").clone()).expect("UTF-8")
    }

    /// The events whose field `alarm` has that value.
    pub fn alarms(&self, name: &str) -> Vec<Value> {
        let events = self.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>();
        events.into_iter().filter(|event| event["alarm"] == name).collect()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if !self.is_planted {
            self.text().lines().for_each(|line| leaks::check("the log", line));
            leaks::assert_none();
        }
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
