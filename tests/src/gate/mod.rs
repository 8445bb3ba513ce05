//! Gates between a function's process and what it depends on. A gate can be shut at a named point: what would pass there is held, so the
//! process stands still, and a test can kill it at exactly that place. The function itself knows nothing of it.

mod table;
mod wire;

pub use table::TableGate;
pub use wire::{DatabaseGate, UpstreamGate};

use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// On which side of a call the process is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It was sent, and does not arrive.
    Before,
    /// It was done, and the answer does not arrive.
    After,
    /// The connection breaks with it; nobody is held.
    Broken,
}

/// Where to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What a call must contain, all of it.
    pub words: Vec<&'static str>,
    /// On which side of it.
    pub side: Side,
}

impl Stop {
    /// At a call that contains all of these.
    pub fn at(side: Side, words: &[&'static str]) -> Self {
        Self { words: words.to_vec(), side }
    }

    fn fits(&self, call: &[u8]) -> bool {
        self.words.iter().all(|word| call.windows(word.len()).any(|part| part == word.as_bytes()))
    }
}

/// What a gate and its test share.
#[derive(Clone)]
struct Latch {
    stop: Arc<Mutex<Option<Stop>>>,
    reached: Arc<watch::Sender<usize>>,
}

impl Latch {
    fn new() -> Self {
        Self { stop: Arc::default(), reached: Arc::new(watch::Sender::new(0)) }
    }

    fn shut(&self, stop: Option<Stop>) {
        *self.stop.lock().expect("a latch that no one panicked with") = stop;
        self.reached.send_replace(0);
    }

    fn stops(&self, side: Side, call: &[u8]) -> bool {
        let stop = self.stop.lock().expect("a latch that no one panicked with");
        stop.as_ref().is_some_and(|stop| stop.side == side && stop.fits(call))
    }

    /// Holds whoever comes with this call, for ever, if it is where to stop.
    async fn pass(&self, side: Side, call: &[u8]) {
        if self.stops(side, call) {
            self.reached.send_modify(|reached| *reached += 1);
            std::future::pending::<()>().await;
        }
    }

    /// Waits until so many are held.
    async fn reached(&self, held: usize) {
        drop(self.reached.subscribe().wait_for(|reached| *reached >= held).await);
    }
}
