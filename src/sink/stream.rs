//! Outcomes as a `Stream`, for programs that use the library.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;

use super::{Sink, SinkError};
use crate::model::Outcome;

/// The outcomes of a run as they are reached. Dropping it ends the run.
#[derive(Debug)]
pub struct OutcomeStream(mpsc::Receiver<Outcome>);

impl Stream for OutcomeStream {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        self.0.poll_recv(cx)
    }
}

struct StreamSink(mpsc::Sender<Outcome>);

impl Sink for StreamSink {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        // Sinks live on a thread of their own, so waiting for the reader holds back the run, as it must.
        Ok(match self.0.blocking_send(outcome.clone()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    }
}

/// A sink and the stream that it feeds.
pub fn stream() -> (Box<dyn Sink>, OutcomeStream) {
    let (tx, rx) = mpsc::channel(64);
    (Box::new(StreamSink(tx)), OutcomeStream(rx))
}
