//! The one thread on which all sinks of a run live. If no sink may block, they live on a task.

use std::io;
use std::ops::ControlFlow;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Sink, SinkError};
use crate::model::{
    ArchiveSummary, ChangeCounts, CheckCounts, ErrorKind, FetchError, LeftOut, Outcome, RunInfo, StopCause,
    StoredRobots, Summary, ToQueue, UnkeptCounts, Verdict,
};

/// Outcomes that wait are taken together up to this number.
const MOST_AT_ONCE: usize = 256;

/// A message from the engine to the sinks.
#[derive(Debug)]
pub enum ToSinks {
    /// Outcomes in the order in which they were reached.
    Outcomes(Vec<Outcome>),
    /// Links that the crawl does not follow, for the sinks that want them.
    LeftOut(Vec<LeftOut>),
    /// The last answers of an origin to requests for its robots.txt.
    Robots(Box<str>, Box<StoredRobots>),
    /// A message for the queue that the run shares with other workers.
    Queue(ToQueue),
    /// The run is over.
    Finish(Box<Summary>),
}

/// The running sinks. When one fails, or its reader goes away, the others go on. The engine learns
/// the cause so that it can end the run.
#[derive(Debug)]
pub struct SinkThread {
    trouble: watch::Receiver<Option<StopCause>>,
    kept: watch::Receiver<u64>,
    ended: oneshot::Receiver<SinksEnd>,
    worker: SinkWorker,
}

/// How the sinks ended.
#[derive(Debug)]
pub struct SinksEnd {
    /// The ok outcomes that could not be kept; see [`Sink::must_keep`].
    pub unkept: UnkeptCounts,
    /// The changes that a sink has counted.
    pub changes: Option<ChangeCounts>,
    /// The archive of the run.
    pub archive: Option<ArchiveSummary>,
    /// The counts of a link check.
    pub check: Option<CheckCounts>,
    /// The first failure of a sink.
    pub error: Option<SinkError>,
}

#[derive(Debug)]
enum SinkWorker {
    Thread(std::thread::JoinHandle<()>),
    Task(tokio::task::JoinHandle<()>),
}

/// Starts the sinks and returns their sender. They end when it is dropped.
///
/// # Errors
/// When the thread cannot be started.
pub fn spawn(sinks: Vec<Box<dyn Sink>>, info: RunInfo) -> io::Result<(mpsc::Sender<ToSinks>, SinkThread)> {
    // A small capacity, because each message holds a batch in memory.
    let (to_sinks, mut inbox) = mpsc::channel(4);
    let (tell, ended) = oneshot::channel();
    let (warn, trouble) = watch::channel(None);
    let (keep, kept) = watch::channel(0);
    let needs_thread = sinks.iter().any(|sink| sink.may_block());
    let mut sinks = Sinks {
        sinks: sinks.into_iter().map(Some).collect(),
        warn,
        keep,
        lost: None,
        unkept: UnkeptCounts::default(),
        changes: None,
        archive: None,
        check: None,
        error: None,
    };
    let worker = if needs_thread {
        SinkWorker::Thread(std::thread::Builder::new().name("sinks".to_owned()).spawn(move || {
            sinks.begin(&info);
            while let Some(message) = inbox.blocking_recv() {
                sinks.take_with_waiting(message, &mut inbox);
            }
            sinks.end(tell);
        })?)
    } else {
        SinkWorker::Task(tokio::spawn(async move {
            sinks.begin(&info);
            while let Some(message) = inbox.recv().await {
                sinks.take_with_waiting(message, &mut inbox);
            }
            sinks.end(tell);
        }))
    };
    Ok((to_sinks, SinkThread { trouble, kept, ended, worker }))
}

struct Sinks {
    /// `None` for a sink that has failed or has lost its reader.
    sinks: Vec<Option<Box<dyn Sink>>>,
    warn: watch::Sender<Option<StopCause>>,
    /// How many outcomes the sinks that must keep them have got.
    keep: watch::Sender<u64>,
    /// The error of a sink that must keep outcomes and failed.
    lost: Option<String>,
    unkept: UnkeptCounts,
    changes: Option<ChangeCounts>,
    archive: Option<ArchiveSummary>,
    check: Option<CheckCounts>,
    /// The first failure.
    error: Option<SinkError>,
}

impl Sinks {
    fn begin(&mut self, info: &RunInfo) {
        self.each(|sink| sink.begin(info).map(ControlFlow::Continue));
    }

    /// Takes a message. Outcomes that wait behind it come with it, because a state writes all of them at once.
    fn take_with_waiting(&mut self, message: ToSinks, inbox: &mut mpsc::Receiver<ToSinks>) {
        let ToSinks::Outcomes(mut outcomes) = message else { return self.take(message) };
        let mut other = None;
        while outcomes.len() < MOST_AT_ONCE && other.is_none() {
            match inbox.try_recv() {
                Ok(ToSinks::Outcomes(more)) => outcomes.extend(more),
                Ok(message) => other = Some(message),
                Err(_) => break,
            }
        }
        self.take(ToSinks::Outcomes(outcomes));
        other.into_iter().for_each(|message| self.take(message));
    }

    fn take(&mut self, message: ToSinks) {
        match message {
            ToSinks::Outcomes(mut outcomes) => {
                // A sink that must keep outcomes gets them before all others.
                let (keepers, others) = (Some(true), Some(false));
                self.each_of(keepers, |sink| sink.keep(&mut outcomes));
                self.keep.send_modify(|kept| *kept += outcomes.len() as u64);
                if let Some(why) = &self.lost {
                    for outcome in outcomes.iter_mut().filter(|outcome| outcome.verdict == Verdict::Ok) {
                        self.unkept.add(outcome);
                        // Its file and path stay.
                        let message = format!("fetched but not remembered: {why}");
                        outcome.verdict = Verdict::Failed(FetchError::new(ErrorKind::Io, message));
                    }
                }
                self.each_of(others, |sink| sink.outcomes(&outcomes));
            }
            ToSinks::LeftOut(links) => self.each(|sink| match sink.wants_left_out() {
                true => sink.left_out(&links),
                false => Ok(ControlFlow::Continue(())),
            }),
            ToSinks::Robots(origin, robots) => {
                self.each(|sink| sink.robots(&origin, &robots).map(ControlFlow::Continue));
            }
            ToSinks::Queue(message) => self.each(|sink| sink.to_queue(&message).map(ControlFlow::Continue)),
            ToSinks::Finish(mut summary) => {
                summary.fail_ok(self.unkept, ErrorKind::Io);
                self.each(|sink| {
                    let finished = sink.finish(&summary);
                    summary.archive = sink.archived().or(summary.archive.take());
                    finished?;
                    summary.changes = sink.changes().or(summary.changes);
                    summary.check = sink.check().or(summary.check);
                    Ok(ControlFlow::Continue(()))
                });
                (self.changes, self.archive, self.check) = (summary.changes, summary.archive, summary.check);
            }
        }
    }

    fn end(self, tell: oneshot::Sender<SinksEnd>) {
        // Drop the sinks before reporting the end: a writer may still have something to write.
        drop(self.sinks);
        // Err: the run was dropped and no longer waits for the end.
        let Self { unkept, changes, archive, check, error, .. } = self;
        let _ = tell.send(SinksEnd { unkept, changes, archive, check, error });
    }

    fn each(&mut self, f: impl FnMut(&mut dyn Sink) -> Result<ControlFlow<()>, SinkError>) {
        self.each_of(None, f);
    }

    /// Calls all sinks, or those that must keep outcomes, or the others.
    fn each_of(
        &mut self,
        must_keep: Option<bool>,
        mut f: impl FnMut(&mut dyn Sink) -> Result<ControlFlow<()>, SinkError>,
    ) {
        for slot in &mut self.sinks {
            let Some(sink) = slot else { continue };
            let keeps = sink.must_keep();
            if must_keep.is_some_and(|wanted| wanted != keeps) {
                continue;
            }
            let cause = match f(&mut **sink) {
                Ok(ControlFlow::Continue(())) => continue,
                Ok(ControlFlow::Break(())) => StopCause::OutputClosed,
                Err(e) => {
                    if keeps {
                        self.lost.get_or_insert_with(|| e.source.to_string());
                    }
                    self.error.get_or_insert(e);
                    StopCause::Broken
                }
            };
            *slot = None;
            self.warn.send_replace(Some(cause));
        }
    }
}

impl SinkThread {
    /// Waits until a sink fails or loses its reader; for ever if neither happens.
    pub async fn trouble(&mut self) -> StopCause {
        match self.trouble.wait_for(Option::is_some).await {
            Ok(cause) => cause.unwrap_or(StopCause::Broken),
            Err(_) => std::future::pending().await,
        }
    }

    /// How many outcomes the sinks that must keep them have got so far. It closes with the thread.
    pub fn kept(&self) -> watch::Receiver<u64> {
        self.kept.clone()
    }

    /// Waits for the end of the thread, once its sender is dropped.
    pub async fn join(self) -> SinksEnd {
        let ended = self.ended.await;
        let joined = match self.worker {
            // The thread has sent its end or died: joining does not wait.
            SinkWorker::Thread(thread) => thread.join().is_ok(),
            SinkWorker::Task(task) => task.await.is_ok(),
        };
        match ended {
            Ok(ended) if joined => ended,
            _ => {
                let source = io::Error::other("a sink panicked; please report it");
                SinksEnd {
                    unkept: UnkeptCounts::default(),
                    changes: None,
                    archive: None,
                    check: None,
                    error: Some(SinkError { target: "the outputs".to_owned(), source }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SkipReason;

    /// Counts links, and breaks at the first if it is to.
    struct Links {
        wants: bool,
        breaks: bool,
        counted: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    }

    impl Sink for Links {
        fn may_block(&self) -> bool {
            false
        }

        fn wants_left_out(&self) -> bool {
            self.wants
        }

        fn outcome(&mut self, _: &Outcome) -> Result<ControlFlow<()>, SinkError> {
            Ok(ControlFlow::Continue(()))
        }

        fn left_out(&mut self, links: &[LeftOut]) -> Result<ControlFlow<()>, SinkError> {
            self.counted.fetch_add(links.len(), std::sync::atomic::Ordering::SeqCst);
            Ok(if self.breaks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        }
    }

    #[tokio::test]
    async fn links_left_out_reach_the_sinks_that_want_them() {
        let link = LeftOut { url: "http://a.test/".to_owned(), reason: SkipReason::Scope, rule: None, parent: None };
        for breaks in [false, true] {
            let counted = [(true, breaks), (false, false)].map(|(wants, breaks)| {
                let counted = std::sync::Arc::default();
                (Links { wants, breaks, counted: std::sync::Arc::clone(&counted) }, counted)
            });
            let (sinks, counts): (Vec<_>, Vec<_>) = counted.into_iter().unzip();
            let sinks = sinks.into_iter().map(|sink| Box::new(sink) as Box<dyn Sink>).collect();
            let (to_sinks, mut running) = spawn(sinks, RunInfo { concurrency: 1, expected: None }).unwrap();
            to_sinks.send(ToSinks::LeftOut(vec![link.clone(); 3])).await.unwrap();
            if breaks {
                assert_eq!(running.trouble().await, StopCause::OutputClosed);
            }
            to_sinks.send(ToSinks::LeftOut(vec![link.clone(); 2])).await.unwrap();
            drop(to_sinks);
            assert!(running.join().await.error.is_none());
            let counts: Vec<_> = counts.iter().map(|count| count.load(std::sync::atomic::Ordering::SeqCst)).collect();
            assert_eq!(counts, [if breaks { 3 } else { 5 }, 0]);
        }
    }
}
