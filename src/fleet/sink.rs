//! The last sink of a run: it passes outcomes on to the queue, after all other sinks have them.

use std::io;
use std::ops::ControlFlow;
use std::thread::JoinHandle;

use tokio::sync::{mpsc::Sender, oneshot};

use super::notes;
use super::to_do::ToThread;
use crate::model::{FoundUrl, Outcome, ReturnedUrl, Subject, Summary, ToQueue, Verdict};
use crate::policy::text::fingerprint::Fingerprint;
use crate::queue::{Committed, Queued};
use crate::sink::{Sink, SinkError};
use crate::wire::{JsonWriter, Record};

/// Takes the outcomes of leased URLs.
pub struct FleetSink {
    /// `None` once the thread is to end.
    to_thread: Option<Sender<ToThread>>,
    /// `None` once it has ended.
    thread: Option<JoinHandle<()>>,
    json: JsonWriter,
}

impl FleetSink {
    pub(super) fn new(to_thread: Sender<ToThread>, thread: JoinHandle<()>) -> Self {
        Self { to_thread: Some(to_thread), thread: Some(thread), json: JsonWriter::default() }
    }

    fn send(&self, message: ToThread) -> Result<(), SinkError> {
        let sent = self.to_thread.as_ref().is_some_and(|thread| thread.blocking_send(message).is_ok());
        if sent { Ok(()) } else { Err(broken(DIED)) }
    }
}

impl Drop for FleetSink {
    /// Ends the thread of a run that was never begun, or broke.
    fn drop(&mut self) {
        self.to_thread = None;
        // Err: it panicked, which was reported.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

const DIED: &str = "its thread died: a defect of fetchall, please report it";

fn broken(why: &str) -> SinkError {
    SinkError { target: "the queue".to_owned(), source: io::Error::other(why.to_owned()) }
}

impl Sink for FleetSink {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes(std::slice::from_ref(outcome))
    }

    fn outcomes(&mut self, outcomes: &[Outcome]) -> Result<ControlFlow<()>, SinkError> {
        let (mut done, mut back) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            let Some(lease) = outcome.subject.seed().and_then(|seed| seed.lease) else { continue };
            if outcome.verdict == Verdict::Cancelled {
                back.push(ReturnedUrl { lease: lease.id, attempts: attempts_before(outcome, lease.attempts) });
                continue;
            }
            let mut record = Vec::with_capacity(512);
            self.json.record(&Record::of(outcome), &mut record);
            done.push(Committed { lease: lease.id, verdict: outcome.verdict.as_str(), record });
        }
        if !done.is_empty() {
            self.send(ToThread::Complete(done))?;
        }
        if !back.is_empty() {
            self.send(ToThread::GiveBack(back))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn to_queue(&mut self, message: &ToQueue) -> Result<(), SinkError> {
        self.send(match message {
            ToQueue::Urls(urls) => ToThread::Add(urls.iter().map(queued).collect()),
            ToQueue::Scope(note) => ToThread::Notes(vec![notes::encode(note)]),
            ToQueue::LeaseHost(host) => ToThread::LeaseHost(host.clone()),
            ToQueue::GiveBack(urls) => ToThread::GiveBack(urls.clone()),
            ToQueue::Unrecorded(leases) => ToThread::Complete(
                leases.iter().map(|id| Committed { lease: *id, verdict: "skipped", record: Vec::new() }).collect(),
            ),
            ToQueue::StorePace(paces) => ToThread::StorePace(paces.clone()),
            ToQueue::ReleaseHosts(paces) => ToThread::ReleaseHosts(paces.clone()),
        })
    }

    /// Waits until the queue has everything, and gives the leases back.
    fn finish(&mut self, _summary: &Summary) -> Result<(), SinkError> {
        let (reply, ended) = oneshot::channel();
        self.send(ToThread::Finish(reply))?;
        let ended = ended.blocking_recv();
        let joined = self.thread.take().is_none_or(|thread| thread.join().is_ok());
        match ended {
            Ok(Ok(())) if joined => Ok(()),
            Ok(Err(why)) => Err(broken(&why)),
            _ => Err(broken(DIED)),
        }
    }
}

/// The attempts that count when the URL is leased again. One that was stopped does not.
fn attempts_before(outcome: &Outcome, leased_with: u32) -> u32 {
    match &outcome.subject {
        Subject::Job(job) => job.attempt.saturating_sub(1).max(leased_with),
        Subject::Seed(_) | Subject::Bad(_) => leased_with,
    }
}

fn queued(found: &FoundUrl) -> Queued {
    let FoundUrl { seed, key } = found;
    Queued {
        id: seed.id,
        url: seed.url.clone(),
        via: seed.via.clone(),
        depth: seed.depth,
        kind: seed.kind,
        priority: seed.priority,
        save_as: None,
        key: Some(Fingerprint(*key)),
    }
}
