//! URLs added while a run goes on, and a ticket for each.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::run::RunDied;
use super::states::JobState;
use crate::model::{Event, Outcome, Via};
use crate::report::Reporter;
use crate::source::FeedSender;

/// The run takes no more URLs: it was stopped, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run takes no more URLs")]
pub struct AddError;

/// Adds URLs to a run under way. The input of the run ends when every clone of it is dropped.
#[derive(Clone)]
pub struct Feed {
    sender: FeedSender,
    tickets: Arc<Mutex<Tickets>>,
}

/// The tickets of added URLs that are not done.
#[derive(Default)]
struct Tickets {
    added: u64,
    /// The run is over: it completes no more tickets.
    over: bool,
    open: HashMap<u64, OpenTicket>,
}

struct OpenTicket {
    state: Arc<Mutex<JobState>>,
    done: oneshot::Sender<Outcome>,
}

impl Feed {
    pub(super) fn new(sender: FeedSender) -> (Self, TicketReporter) {
        let tickets = Arc::default();
        (Self { sender, tickets: Arc::clone(&tickets) }, TicketReporter(tickets))
    }

    /// Adds a URL; waits while the run has no room for more.
    ///
    /// # Errors
    /// When the run takes no more. An invalid URL is no error here and becomes a failed outcome.
    pub async fn add(&self, url: impl Into<String>) -> Result<Ticket, AddError> {
        let permit = self.sender.reserve().await.map_err(|_| AddError)?;
        let (done, outcome) = oneshot::channel();
        let state = Arc::default();
        // Number and send under one lock, so that URLs arrive in the order of their numbers.
        let mut tickets = locked(&self.tickets);
        if tickets.over {
            return Err(AddError);
        }
        tickets.added += 1;
        let number = tickets.added;
        tickets.open.insert(number, OpenTicket { state: Arc::clone(&state), done });
        permit.send(Some((number, url.into())));
        Ok(Ticket { state, outcome })
    }
}

/// One added URL: a future of its outcome.
///
/// Read the stream of the run while you await a ticket: a run waits until its outcomes are taken.
#[derive(Debug)]
pub struct Ticket {
    state: Arc<Mutex<JobState>>,
    outcome: oneshot::Receiver<Outcome>,
}

impl Ticket {
    /// Returns the state of the URL so far.
    pub fn state(&self) -> JobState {
        *locked(&self.state)
    }
}

impl Future for Ticket {
    type Output = Result<Outcome, RunDied>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(cx).map_err(|_| RunDied)
    }
}

/// Gives each ticket the state and the outcome of its URL.
pub(super) struct TicketReporter(Arc<Mutex<Tickets>>);

impl Reporter for TicketReporter {
    fn event(&mut self, event: &Event<'_>) {
        let mut tickets = locked(&self.0);
        match event {
            Event::HandedOut(job) => {
                if let Some(open) = added(&job.seed.via).and_then(|number| tickets.open.get(&number)) {
                    *locked(&open.state) = JobState::Running;
                }
            }
            Event::Done(outcome) => {
                if let Some(open) = added(outcome.subject.via()).and_then(|number| tickets.open.remove(&number)) {
                    *locked(&open.state) = JobState::of(outcome);
                    // Err: the ticket was dropped.
                    let _ = open.done.send((*outcome).clone());
                }
            }
            Event::RunFinished(_) => tickets.close(),
            _ => {}
        }
    }

    fn watches_jobs(&self) -> bool {
        true
    }
}

impl Drop for TicketReporter {
    fn drop(&mut self) {
        locked(&self.0).close();
    }
}

impl Tickets {
    /// Cancels the open tickets: the run never began these URLs.
    fn close(&mut self) {
        self.over = true;
        for (_, open) in self.open.drain() {
            *locked(&open.state) = JobState::Cancelled;
        }
    }
}

/// The number of an added URL; `None` for one of a list, whatever the list is called.
fn added(via: &Via) -> Option<u64> {
    match via {
        Via::Added(origin) => Some(origin.line),
        Via::List(_) | Via::Start(_) | Via::Link(_) | Via::Sitemap(_) => None,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
