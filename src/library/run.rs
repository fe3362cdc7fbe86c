//! The handle of a run under way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use futures::Stream;
use tokio::sync::oneshot;

use super::RunHandles;
use super::states::{JobState, States};
use crate::engine::{RunEnd, Stop, StopLevel};
use crate::model::Outcome;
use crate::sink::OutcomeStream;

/// The run ended without a summary, or without this outcome: it was dropped, or its thread died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run ended without telling of this")]
pub struct RunDied;

/// A run under way: a `Stream` of its outcomes as they are reached. Dropping it ends the run.
pub struct Run {
    outcomes: Option<OutcomeStream>,
    stop: Stop,
    states: States,
    end: oneshot::Receiver<RunEnd>,
    thread: Option<JoinHandle<()>>,
}

impl Run {
    pub(super) fn new(parts: RunHandles, end: oneshot::Receiver<RunEnd>, thread: JoinHandle<()>) -> Self {
        let RunHandles { outcomes, stop, states } = parts;
        Self { outcomes: Some(outcomes), stop, states, end, thread: Some(thread) }
    }

    /// Returns the handle that cancels this run: first a drain, then an abort.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let run = fetchall::Fetchall::new(["https://example.com/"]).start()?;
    /// let stop = run.stop();
    /// tokio::spawn(async move {
    ///     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    ///     stop.raise(fetchall::StopLevel::Abort);
    /// });
    /// println!("{} were cancelled", run.finish().await?.summary.counts.cancelled);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Returns the state of the URL with this number; the first of the input has number 0.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let run = fetchall::Fetchall::new(["https://example.com/a", "https://example.com/b"]).start()?;
    /// println!("the second is {:?}", run.state(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn state(&self, number: u64) -> JobState {
        self.states.of(number)
    }

    /// Waits for all outcomes and returns them in the order of the input.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let run = fetchall::Fetchall::new(["https://example.com/a", "https://example.com/b"]).start()?;
    /// let (outcomes, end) = run.gather().await?;
    /// for outcome in &outcomes {
    ///     println!("{} {:?}", outcome.subject.url(), outcome.facts.status);
    /// }
    /// println!("{} read", end.summary.counts.read);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the thread of the run died before it sent its end.
    pub async fn gather(mut self) -> Result<(Vec<Outcome>, RunEnd), RunDied> {
        let mut all = Vec::new();
        while let Some(outcome) = self.next_outcome().await {
            all.push(outcome);
        }
        all.sort_by_key(|outcome| outcome.subject.id().0);
        Ok((all, self.finish().await?))
    }

    /// Waits for the end. Outcomes that were not taken from the stream are dropped, not missed:
    /// the summary counts them.
    ///
    /// # Errors
    /// When the thread of the run died before it sent its end.
    pub async fn finish(mut self) -> Result<RunEnd, RunDied> {
        while self.next_outcome().await.is_some() {}
        let end = (&mut self.end).await.map_err(|_| RunDied);
        if let Some(thread) = self.thread.take() {
            // It has sent the end or died: joining does not wait.
            let _ = thread.join();
        }
        end
    }

    async fn next_outcome(&mut self) -> Option<Outcome> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Run {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        match &mut self.outcomes {
            Some(outcomes) => Pin::new(outcomes).poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop.raise(StopLevel::Abort);
        // The stream first: a sink that waits for its reader would keep the thread.
        self.outcomes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
