//! Who waits for whom: invocations that no worker has asked for yet, workers that wait for one, and those that are running.
//!
//! No I/O here. All of it sits in one `watch` channel, so that "until the function is idle" is a condition one can wait for and not a
//! loop that sleeps.

use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::reply::{InvokeError, Reply};

/// One invocation, from the call to the function's answer.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) deadline: Deadline,
    /// Close the function's connection once it has sent this many bytes of its body.
    pub(super) hang_up_after: Option<usize>,
    pub(super) answer: oneshot::Sender<Result<Reply, InvokeError>>,
}

/// When Lambda would end the invocation: on the wall clock for the function, on the monotonic one for us.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) on_the_wall: SystemTime,
}

/// What a worker gets when it asks for the next invocation.
pub(super) struct Work {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) deadline: Deadline,
}

#[derive(Default)]
pub(super) struct Board {
    queue: VecDeque<Job>,
    workers: VecDeque<oneshot::Sender<Work>>,
    running: HashMap<String, Job>,
    polls: u64,
    over: Option<InvokeError>,
}

impl Board {
    /// A worker asks for work; it gets the oldest invocation, now or when there is one.
    pub(super) fn poll(&mut self) -> oneshot::Receiver<Work> {
        self.polls += 1;
        let (worker, work) = oneshot::channel();
        self.workers.push_back(worker);
        self.match_up();
        work
    }

    pub(super) fn push(&mut self, job: Job) {
        match &self.over {
            Some(why) => drop(job.answer.send(Err(why.clone()))),
            None => self.queue.push_back(job),
        }
        self.match_up();
    }

    /// Takes a running invocation, for the one answer it may have.
    pub(super) fn take(&mut self, id: &str) -> Option<Job> {
        self.running.remove(id)
    }

    /// The function is no more: whoever waits for it is told why, and so is whoever comes later.
    pub(super) fn end(&mut self, why: InvokeError) {
        let why = self.over.get_or_insert(why).clone();
        self.workers.clear();
        for job in self.queue.drain(..).chain(self.running.drain().map(|(_, job)| job)) {
            drop(job.answer.send(Err(why.clone())));
        }
    }

    pub(super) fn polls(&self) -> u64 {
        self.polls
    }

    pub(super) fn over(&self) -> Option<&InvokeError> {
        self.over.as_ref()
    }

    /// How many invocations were handed in and not yet answered.
    pub(super) fn load(&self) -> usize {
        self.queue.len() + self.running.len()
    }

    /// How many workers wait for work. A worker asks again only when all it did for its last invocation is done, also after the
    /// response.
    pub(super) fn waiting(&self) -> usize {
        self.workers.iter().filter(|worker| !worker.is_closed()).count()
    }

    fn match_up(&mut self) {
        // A worker whose connection is gone is skipped, not given an invocation that nobody would answer.
        self.workers.retain(|worker| !worker.is_closed());
        while !self.queue.is_empty()
            && let Some(worker) = self.workers.pop_front()
            && let Some(job) = self.queue.pop_front()
        {
            let work = Work { id: job.id.clone(), event: job.event.clone(), deadline: job.deadline };
            match worker.send(work) {
                Ok(()) => drop(self.running.insert(job.id.clone(), job)),
                Err(_) => self.queue.push_front(job),
            }
        }
    }
}
