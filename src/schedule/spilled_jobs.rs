//! Jobs of slow hosts, in a queue on disk.
//!
//! Plain seeds go to the queue. A seed with overrides or facts of an earlier run stays in memory, in its place
//! between them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::host_queue::bytes_of;
use super::line_runs::{JobLine, LineRuns};
use crate::model::{BadLine, ErrorKind, FetchError, Job, Seed, Via};
use crate::queue::{Hosts, LeaseRequest, QueueError, Queued, SqliteQueue, UrlQueue};

/// How many jobs go to the queue and come back together, and how many of a host stay in memory before them.
pub(super) const CHUNK: usize = 256;

/// How many jobs of a host go to the queue in one turn, which the loop waits for.
pub(super) const AT_ONCE: usize = 8 * CHUNK;

/// The most bytes on disk.
const MOST: u64 = 4 << 30;

/// A part of the spilled jobs of a host.
enum Segment {
    Queue(LineRuns),
    Memory(Vec<Box<Job>>),
}

/// The jobs of one host behind those in memory, the oldest first.
#[derive(Default)]
pub(super) struct SpilledJobs {
    segments: VecDeque<Segment>,
    /// The newest jobs, which are not in the queue yet.
    tail: VecDeque<Box<Job>>,
    in_memory: usize,
    in_queue: usize,
    /// Why the jobs of this host cannot be read back.
    broken: Option<QueueError>,
    /// When a chunk was last needed.
    needed: Option<Instant>,
    /// The host used up the last chunk fast.
    is_fast: bool,
}

/// Jobs that came back.
#[derive(Default)]
pub(super) struct Restored {
    pub(super) jobs: Vec<Box<Job>>,
    /// Lines that the queue lost.
    pub(super) lost: Vec<BadLine>,
    /// How many bytes of text are in memory again.
    pub(super) bytes: usize,
}

impl SpilledJobs {
    /// How many jobs there are, in memory and in the queue.
    pub(super) fn len(&self) -> usize {
        self.in_memory + self.in_queue
    }

    /// How many jobs are in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.in_memory
    }

    /// How many jobs are in the queue although the host is fast: reading on would help no other host.
    pub(super) fn fast_in_queue(&self) -> usize {
        if self.is_fast { self.in_queue } else { 0 }
    }

    /// Notes that a chunk is needed. The host is fast if that was so less than `fast` ago.
    pub(super) fn note_need(&mut self, now: Instant, fast: Duration) {
        self.is_fast = self.needed.is_some_and(|before| now.saturating_duration_since(before) < fast);
        self.needed = Some(now);
    }

    /// Adds the newest jobs. They stay in memory for now.
    pub(super) fn append(&mut self, jobs: VecDeque<Box<Job>>) {
        self.in_memory += jobs.len();
        self.tail.extend(jobs);
    }

    /// Adds the newest job. Returns how many bytes of text left the memory.
    pub(super) fn push(&mut self, job: Box<Job>, queue: &mut SpillQueue) -> usize {
        self.tail.push_back(job);
        self.in_memory += 1;
        // After a failure, do not try again with each job.
        if self.tail.len().is_multiple_of(CHUNK) { self.write(queue) } else { 0 }
    }

    /// Goes on, or tries again after a failure. Returns how many bytes of text left the memory.
    pub(super) fn write_on(&mut self, queue: &mut SpillQueue) -> usize {
        if self.tail.len() >= CHUNK { self.write(queue) } else { 0 }
    }

    /// Moves the plain seeds of the tail to the queue, [`AT_ONCE`]. After an error they stay in memory.
    fn write(&mut self, queue: &mut SpillQueue) -> usize {
        let mut written = 0;
        let end = self.in_queue + AT_ONCE;
        while self.in_queue < end
            && let Some(plain) = self.tail.front().map(|first| is_plain(first))
        {
            let count = self.tail.iter().take(CHUNK).take_while(|job| is_plain(job) == plain).count();
            let part: Vec<_> = self.tail.drain(..count).collect();
            if !plain {
                self.segments.push_back(Segment::Memory(part));
                continue;
            }
            let bytes = part.iter().map(|job| bytes_of(job)).sum::<usize>();
            match queue.add(part) {
                Ok(lines) => {
                    self.in_memory -= count;
                    self.in_queue += count;
                    written += bytes;
                    self.segments.push_back(Segment::Queue(lines));
                }
                Err((part, e)) => {
                    tracing::debug!("lines of slow hosts stay in memory: {e}");
                    part.into_iter().rev().for_each(|job| self.tail.push_front(job));
                    break;
                }
            }
        }
        written
    }

    /// Takes the oldest segment; `None` if nothing is left.
    pub(super) fn take(&mut self, host: &str, queue: &mut SpillQueue) -> Option<Restored> {
        let jobs = match self.segments.pop_front() {
            Some(Segment::Queue(lines)) => return Some(self.take_lines(&lines, host, queue)),
            Some(Segment::Memory(jobs)) => jobs,
            None if self.tail.is_empty() => return None,
            None => self.tail.drain(..CHUNK.min(self.tail.len())).collect(),
        };
        self.in_memory -= jobs.len();
        Some(Restored { jobs, ..Restored::default() })
    }

    fn take_lines(&mut self, lines: &LineRuns, host: &str, queue: &mut SpillQueue) -> Restored {
        self.in_queue -= lines.len();
        let read = match &self.broken {
            Some(e) => Err(e.clone()),
            None => queue.lease(host, lines.len()),
        };
        let urls = read.unwrap_or_else(|e| {
            // Its URLs stay in the queue and would come back before those that are added later.
            queue.is_broken = true;
            self.broken = Some(e);
            Vec::new()
        });
        queue.forget(lines.len());
        let mut back = Restored::default();
        let mut urls = urls.into_iter().peekable();
        for line in lines.iter() {
            match urls.next_if(|url| url.id == line.id) {
                Some(url) => back.jobs.push(job(url, line.admitted)),
                None => back.lost.push(lost(line, host, self.broken.as_ref())),
            }
        }
        back.bytes = back.jobs.iter().map(|job| bytes_of(job)).sum();
        back
    }
}

/// Whether a job is no more than a URL and its place in a list.
fn is_plain(job: &Job) -> bool {
    let Seed { via, overrides, known, .. } = &job.seed;
    overrides.is_none() && known.is_none() && !matches!(via, Via::Added(_))
}

/// Admission has dropped duplicates, so the URL has no key.
fn queued(job: Job) -> Queued {
    let Job { seed: Seed { id, url, via, depth, kind, priority, .. }, save_as, .. } = job;
    Queued { id, url, via, depth, kind, priority, save_as, key: None }
}

fn job(url: Queued, admitted: std::time::Instant) -> Box<Job> {
    let Queued { id, url, via, depth, kind, priority, save_as, key: _ } = url;
    let seed = Seed { id, depth, kind, priority, ..Seed::new(url, via) };
    Box::new(Job::new(seed, save_as, admitted))
}

fn lost(line: JobLine, host: &str, why: Option<&QueueError>) -> BadLine {
    let why = why.map_or_else(|| "it is not there".to_owned(), ToString::to_string);
    let why = format!("cannot read back the temporary file in which it waited: {why}; run it again");
    BadLine { text: format!("a URL of {host}"), via: line.via, id: line.id, error: FetchError::new(ErrorKind::Io, why) }
}

/// The queue on disk, made when it is first needed.
#[derive(Default)]
pub(super) struct SpillQueue {
    pub(super) queue: Option<Box<dyn UrlQueue>>,
    /// How many jobs are in it.
    jobs: usize,
    /// The queue could not be read: it takes no more jobs. The next queue does.
    is_broken: bool,
}

impl SpillQueue {
    /// How many jobs are in it.
    pub(super) fn jobs(&self) -> usize {
        self.jobs
    }

    /// Adds plain jobs of a host. After an error they come back.
    fn add(&mut self, jobs: Vec<Box<Job>>) -> Result<LineRuns, (Vec<Box<Job>>, QueueError)> {
        let queue = match &mut self.queue {
            Some(_) if self.is_broken => return Err((jobs, QueueError("it cannot be read back".to_owned()))),
            Some(queue) => queue,
            None => match SqliteQueue::temporary(MOST) {
                Ok(queue) => self.queue.insert(Box::new(queue)),
                Err(e) => return Err((jobs, e)),
            },
        };
        let mut lines = LineRuns::default();
        jobs.iter().for_each(|job| lines.note(job));
        let urls: Vec<_> = jobs.into_iter().map(|job| queued(*job)).collect();
        match queue.add(&urls) {
            Ok(_) => {
                self.jobs += urls.len();
                Ok(lines)
            }
            Err(e) => {
                let back = urls.into_iter().zip(lines.iter()).map(|(url, line)| job(url, line.admitted));
                Err((back.collect(), e))
            }
        }
    }

    /// Reads the oldest URLs of a host and removes them.
    fn lease(&mut self, host: &str, most: usize) -> Result<Vec<Queued>, QueueError> {
        let Some(queue) = &mut self.queue else { return Ok(Vec::new()) };
        let leases = queue.lease(&LeaseRequest { most, per_host: most, hosts: Hosts::Only(host) })?;
        let (ids, urls): (Vec<_>, Vec<_>) = leases.urls.into_iter().unzip();
        if let Err(e) = queue.complete(&ids) {
            // They stay leased and take space until the queue is empty.
            tracing::debug!("lines of slow hosts stay in the temporary file: {e}");
        }
        Ok(urls)
    }

    /// Counts jobs that are no longer in the queue. An empty queue gives its space back.
    fn forget(&mut self, jobs: usize) {
        self.jobs -= jobs;
        if self.jobs == 0 {
            self.queue = None;
            self.is_broken = false;
        }
    }
}
