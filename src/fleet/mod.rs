//! A worker of a fleet: its ends of a queue that several workers share.
//!
//! ```text
//!            batches            ┌──────────────┐  leases, outcomes
//! engine ◀── FleetSource ◀──────┤ queue thread ├─────────────────▶ SharedQueue
//!   │ ▲                         └──┬───▲───▲───┘
//!   │ └── FleetLink: lost, wanted ─┘   │   └── list thread: the lines of the lists
//!   └──▶ sinks ─▶ FleetSink ───────────┘ links, outcomes, hosts that go
//! ```
//!
//! One thread owns the queue and calls it. It leases before the worker runs out of URLs and renews the leases in
//! time, also while the run is paused or waits for a disk. All channels are bounded. The thread never waits for the
//! sinks, and the engine never waits for the thread alone.

mod leases;
mod list;
mod notes;
mod renewals;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod thread;
mod to_do;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc;
use url::Url;

use crate::model::FromQueue;
use crate::queue::SharedQueue;
use crate::source::Source;

pub use renewals::Renewals;
pub use sink::FleetSink;
pub use source::FleetSource;
use thread::{Channels, QueueThread};

/// Messages to the queue thread that may wait.
const MESSAGES: usize = 32;

/// Batches and messages to the engine that may wait.
const TO_ENGINE: usize = 64;

/// The fewest and the most URLs that a worker has leased at once.
const WINDOW: (usize, usize) = (512, 4096);

/// The settings of a worker.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// The name of this worker in records.
    pub worker: Arc<str>,
    /// The name of the queue for people, without its password.
    pub queue: Arc<str>,
    /// The most fetches in flight.
    pub concurrency: u32,
    /// How long a lease holds.
    pub lease: Duration,
    /// How long the queue may be away.
    pub patience: Duration,
    /// Set when the run stops. The queue may watch it too.
    pub stop: Arc<AtomicBool>,
}

impl FleetOptions {
    /// How many URLs this worker has leased at most.
    fn window(&self) -> usize {
        (4 * self.concurrency as usize).clamp(WINDOW.0, WINDOW.1)
    }
}

/// The key of a URL in the set of URLs seen.
pub type UrlKey = Box<dyn Fn(&Url) -> u128 + Send>;

/// A list of URLs that the worker brings along.
pub struct List {
    /// Its lines.
    pub source: Box<dyn Source>,
    /// Its name for people.
    pub name: String,
    /// The digest of its content: one worker of those with the same list loads it.
    pub digest: String,
    /// The keys of its URLs.
    pub key: UrlKey,
    /// Whether its URLs are start pages of a crawl.
    pub starts_crawl: bool,
}

/// The engine's end of the queue.
#[derive(Debug)]
pub struct FleetLink {
    /// The name of this worker in records.
    pub worker: Arc<str>,
    /// The messages of the queue.
    pub messages: mpsc::Receiver<FromQueue>,
    /// When the leases were renewed.
    pub renewals: Renewals,
}

/// The ends of a queue for one run.
pub struct Fleet {
    /// Gives the leased URLs.
    pub source: FleetSource,
    /// Takes outcomes. It must be the last sink.
    pub sink: FleetSink,
    /// The engine's end.
    pub link: FleetLink,
}

/// Starts the thread of a queue.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(queue: Box<dyn SharedQueue>, list: Option<List>, options: FleetOptions) -> io::Result<Fleet> {
    let (to_thread, inbox) = mpsc::channel(MESSAGES);
    let (batches, batches_out) = mpsc::channel(TO_ENGINE);
    let (to_engine, messages) = mpsc::channel(TO_ENGINE);
    let renewals = Renewals::new(options.lease);
    let list_interrupt = list.as_ref().map(|list| list.source.interrupt());
    let source = FleetSource::new(batches_out, batches.clone(), &options, list_interrupt);
    let link = FleetLink { worker: options.worker.clone(), messages, renewals: renewals.clone() };
    let loader = list::Loader::new(list, to_thread.downgrade(), batches.clone());
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let thread = QueueThread::new(queue, runtime, Channels { inbox, batches, to_engine, renewals }, loader, options);
    let thread = std::thread::Builder::new().name("queue".to_owned()).spawn(move || thread.run())?;
    Ok(Fleet { source, sink: FleetSink::new(to_thread, thread), link })
}
