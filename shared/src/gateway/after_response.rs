//! Work for after the response: it runs when the last byte was sent and before the next invocation is asked for, so it costs the caller
//! nothing and the process is not frozen in the middle of it.

use futures_util::{FutureExt, future::BoxFuture};
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

/// The work of one invocation.
#[derive(Clone, Default)]
pub struct AfterResponse(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl AfterResponse {
    /// Adds work.
    pub fn defer(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(work.boxed());
    }

    /// Does the work, in the order in which it was added. Work that panics does not keep the rest from being done.
    pub async fn run(&self) {
        loop {
            let next = {
                let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if work.is_empty() { None } else { Some(work.remove(0)) }
            };
            let Some(next) = next else { return };
            if AssertUnwindSafe(next).catch_unwind().await.is_err() {
                tracing::error!("work after a response panicked");
            }
        }
    }
}
