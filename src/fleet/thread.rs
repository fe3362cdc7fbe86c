//! The thread that owns the queue.

mod asking;
mod calls;
mod leasing;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::timeout;

use super::leases::OpenLeases;
use super::list::Loader;
use super::source::Next;
use super::to_do::{ThreadEnd, ToDo, ToThread};
use super::{FleetOptions, Renewals};
use crate::model::{FromQueue, HostPace, ReturnedUrl};
use crate::queue::{QueueError, SharedQueue};
use calls::RENEW;
use leasing::{FEWEST_OF_HOST, POLL};

/// The wait before the engine is offered a batch again.
const OFFER: Duration = Duration::from_millis(10);

/// How many URLs and outcomes are done together, and how long they are gathered.
const TOGETHER: usize = 512;
const GATHER: Duration = Duration::from_millis(10);

/// The thread's ends of the channels.
pub(super) struct Channels {
    pub(super) inbox: Receiver<ToThread>,
    pub(super) batches: Sender<Next>,
    pub(super) to_engine: Sender<FromQueue>,
    pub(super) renewals: Renewals,
}

/// The state of the thread.
pub(super) struct QueueThread {
    queue: Box<dyn SharedQueue>,
    /// The clock of waits.
    runtime: Runtime,
    inbox: Receiver<ToThread>,
    batches: Sender<Next>,
    to_engine: Sender<FromQueue>,
    renewals: Renewals,
    loader: Loader,
    /// The digest of the list that this worker loads.
    loading: Option<String>,
    options: FleetOptions,
    window: usize,
    leases: OpenLeases,
    /// Batches that the engine has no room for yet. They have no more URLs than the window.
    outgoing: VecDeque<Next>,
    /// Hosts of redirects that other workers have.
    hosts: Vec<Box<str>>,
    is_paused: bool,
    is_drained: bool,
    /// The queue cannot be used any more.
    is_broken: bool,
    /// The most URLs of one host.
    of_host: usize,
    poll: Duration,
    lease_due: Instant,
    renew_due: Instant,
    ask_due: Instant,
}

impl QueueThread {
    pub(super) fn new(
        queue: Box<dyn SharedQueue>,
        runtime: Runtime,
        channels: Channels,
        loader: Loader,
        options: FleetOptions,
    ) -> Self {
        let now = Instant::now();
        let Channels { inbox, batches, to_engine, renewals } = channels;
        Self {
            queue,
            runtime,
            inbox,
            batches,
            to_engine,
            renewals,
            loader,
            loading: None,
            window: options.window(),
            options,
            leases: OpenLeases::default(),
            outgoing: VecDeque::new(),
            hosts: Vec::new(),
            is_paused: false,
            is_drained: false,
            is_broken: false,
            of_host: 2 * FEWEST_OF_HOST,
            poll: POLL.0,
            lease_due: now,
            renew_due: now,
            ask_due: now,
        }
    }

    /// Serves the run until it is over.
    pub(super) fn run(mut self) {
        let reply = loop {
            match self.turn() {
                Ok(None) => {}
                Ok(Some(reply)) => break Some(reply),
                Err(Ended) => break None,
            }
        };
        let left = if self.is_broken { Ok(()) } else { self.leave() };
        if let Some(reply) = reply {
            // Err: the sinks are gone.
            let _ = reply.send(left.map_err(|error| error.to_string()));
        }
        self.end_input(Ok(None));
        let Self { loader, inbox, batches, .. } = self;
        drop((inbox, batches));
        loader.join();
    }

    /// Does what is to be done now. Returns the sender of the reply at the end of the run.
    fn turn(&mut self) -> Result<Option<ThreadEnd>, Ended> {
        let mut to_do = ToDo::default();
        let (mut wait, mut until) = (self.wait(), None);
        loop {
            let inbox = &mut self.inbox;
            // Err: it is time for something.
            let Ok(message) = self.runtime.block_on(async { timeout(wait, inbox.recv()).await }) else { break };
            if to_do.put(message.ok_or(Ended)?) || to_do.len() >= TOGETHER {
                break;
            }
            let now = Instant::now();
            wait = until.get_or_insert(now + GATHER).saturating_duration_since(now);
        }
        let finish = to_do.finish.take();
        if !self.is_broken
            && let Err(error) = self.serve(to_do)
        {
            self.fail(&error);
        }
        Ok(finish)
    }

    /// How long no time is due.
    fn wait(&self) -> Duration {
        if self.is_broken {
            return RENEW;
        }
        let mut due = self.renew_due;
        if self.may_lease() {
            due = due.min(self.lease_due);
        }
        if !self.hosts.is_empty() || self.loader.unclaimed().is_some() {
            due = due.min(self.ask_due);
        }
        let wait = due.saturating_duration_since(Instant::now());
        if self.outgoing.is_empty() { wait } else { wait.min(OFFER) }
    }

    fn serve(&mut self, to_do: ToDo) -> Result<(), QueueError> {
        self.do_all(to_do)?;
        self.renew()?;
        self.ask()?;
        if self.may_lease() && self.lease_due <= Instant::now() {
            self.lease()?;
        }
        self.send_batches();
        Ok(())
    }

    /// Does what the run has asked for.
    fn do_all(&mut self, to_do: ToDo) -> Result<(), QueueError> {
        let ToDo { notes, add, refuse, complete, mut back, store, release, lease_hosts, list_ended, finish: _ } = to_do;
        if !notes.is_empty() {
            self.repeat(|queue| queue.tell_all(&notes))?;
        }
        if !add.is_empty() {
            let added = self.repeat(|queue| queue.add(&add))?;
            if added.new > 0 {
                self.look_soon();
            }
        }
        if !refuse.is_empty() {
            self.repeat(|queue| queue.add_refused(&refuse))?;
        }
        if !complete.is_empty() {
            self.repeat(|queue| queue.complete(&complete))?;
            for done in &complete {
                self.leases.end_url(done.lease);
            }
        }
        back.retain(|returned| self.leases.end_url(returned.lease));
        self.give_back(&back)?;
        let store = self.of_own_hosts(store);
        if !store.is_empty() {
            self.repeat(|queue| queue.store_pace(&store))?;
        }
        let release = self.of_own_hosts(release);
        if !release.is_empty() {
            // URLs that were on the way to the engine.
            let late: Vec<_> = release.iter().flat_map(|pace| self.leases.end_host(&pace.host)).collect();
            self.give_back(&late)?;
            self.repeat(|queue| queue.release_hosts(&release))?;
            self.look_soon();
        }
        // The URLs of a host that is leased already are on the way to the engine.
        self.hosts.extend(lease_hosts.into_iter().filter(|host| !self.leases.has_host(host)));
        if let Some(digest) = self.loading.take_if(|_| list_ended) {
            self.repeat(|queue| queue.list_loaded(&digest))?;
            self.look_soon();
        }
        Ok(())
    }

    fn of_own_hosts(&self, mut paces: Vec<HostPace>) -> Vec<HostPace> {
        paces.retain(|pace| self.leases.has_host(&pace.host));
        paces
    }

    fn give_back(&mut self, back: &[ReturnedUrl]) -> Result<(), QueueError> {
        if back.is_empty() { Ok(()) } else { self.repeat(|queue| queue.release(back)) }
    }

    /// The queue may have more.
    fn look_soon(&mut self) {
        self.poll = self.soon();
        self.lease_due = self.lease_due.min(Instant::now() + self.poll);
    }

    /// Gives back everything that is leased.
    fn leave(&mut self) -> Result<(), QueueError> {
        let left = self.leases.take_urls();
        self.give_back(&left)?;
        self.repeat(|queue| queue.leave())
    }

    /// Ends the source, for a run that has not stopped it.
    fn end_input(&self, end: Next) {
        // Err: batches wait, or the source is gone.
        let _ = self.batches.try_send(end);
    }
}

/// The run is gone without a word.
struct Ended;
