//! What a process used, as the kernel tells it.

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

/// The CPU time of a process, thread by thread.
///
/// `/proc/PID/stat` counts in ticks of 10 ms, which is thirty requests; `schedstat` counts nanoseconds, but only of threads that are
/// alive. So the last figure of each thread ever seen is kept: the sum never falls when a thread of a blocking pool goes away.
#[derive(Default)]
pub(super) struct CpuClock {
    threads: Mutex<HashMap<String, u64>>,
}

impl CpuClock {
    /// User and system time until now.
    ///
    /// # Panics
    /// If the kernel keeps no such figures (`CONFIG_SCHED_INFO`) or the process is gone.
    pub(super) fn read(&self, pid: u32) -> Duration {
        let mut threads = self.threads.lock().expect("a clock that no one panicked with");
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process that is alive");
        for task in tasks.flatten() {
            // A thread may end between the listing and the reading.
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let nanos = text.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds on the CPU");
            threads.insert(task.file_name().to_string_lossy().into_owned(), nanos);
        }
        Duration::from_nanos(threads.values().sum())
    }
}

/// The memory of a process that is in RAM now.
///
/// # Panics
/// If the process is gone.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process that is alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process that is alive");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kilobytes * 1024
}
