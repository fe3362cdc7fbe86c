//! A job as people see it: what `fetchall queue` shows.

use serde::Serialize;

/// The state of a job.
#[derive(Debug, Default, Serialize)]
pub struct QueueStatus {
    /// The name of the job.
    pub job: String,
    /// Whether people have paused it.
    pub paused: bool,
    /// URLs of the job: the sum of those that wait, are leased or are done.
    pub added: u64,
    /// URLs that wait.
    pub waiting: u64,
    /// URLs that workers have.
    pub leased: u64,
    /// Committed outcomes by kind.
    pub ok: u64,
    /// Outcomes with an HTTP error.
    pub http_error: u64,
    /// Outcomes that failed.
    pub failed: u64,
    /// Outcomes that were skipped.
    pub skipped: u64,
    /// Failed URLs that `retry` revives.
    pub retryable: u64,
    /// The partitions.
    pub partitions: usize,
    /// The settings of the job, as `name = value`.
    pub settings: Vec<String>,
    /// The workers, those that live first.
    pub workers: Vec<WorkerStatus>,
    /// The lists.
    pub lists: Vec<ListStatus>,
}

impl QueueStatus {
    /// URLs with a committed outcome.
    pub fn done(&self) -> u64 {
        self.ok + self.http_error + self.failed + self.skipped
    }
}

/// A worker.
#[derive(Debug, Serialize)]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// Whether it has called lately.
    pub alive: bool,
    /// Its hosts.
    pub hosts: usize,
    /// Its URLs.
    pub urls: usize,
}

/// A list.
#[derive(Debug, Serialize)]
pub struct ListStatus {
    /// Its name.
    pub name: String,
    /// Whether all its URLs were added.
    pub loaded: bool,
}

/// A host.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    /// The host.
    pub host: String,
    /// URLs that wait.
    pub waiting: u64,
    /// URLs that its worker has.
    pub leased: u64,
    /// The name of its worker.
    pub worker: Option<String>,
    /// The seconds until its next request may start.
    pub due_in: f64,
}
