//! A caching DNS resolver. It runs getaddrinfo on its own threads, once for all concurrent fetches of
//! a name, and caches the result for a short time.
//!
//! getaddrinfo may block for any time and cannot be cancelled. So it runs on dedicated threads, and
//! a cancelled fetch leaves the look-up to the other fetches. One resolver serves every fetcher of a
//! process. It belongs to no runtime.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::IpVersion;

/// The cache time of addresses. getaddrinfo does not return the TTL of a record.
const KNOWN: Duration = Duration::from_secs(60);

/// The cache time of a name that does not exist. The cache holds no temporary failures.
const ABSENT: Duration = Duration::from_secs(5);

/// The most names in the cache.
const MOST_NAMES: usize = 100_000;

/// The most concurrent look-ups. A name with a silent server blocks its thread for some ten seconds, so
/// other names wait only behind so many of these.
const MOST_THREADS: usize = 64;

/// The time after which an idle thread ends.
const IDLE: Duration = Duration::from_secs(10);

/// The stack of a thread, in bytes. getaddrinfo reads system files and modules, which needs more than a small one.
const STACK: usize = 512 * 1024;

/// The result of a look-up.
pub(crate) type Addresses = Result<Arc<[SocketAddr]>, DnsError>;

/// A name has no address, or the look-up failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot resolve the host name: {why}")]
pub(crate) struct DnsError {
    why: Arc<str>,
    /// Whether the resolver answered that there is no address; false for a failed look-up.
    is_answer: bool,
}

impl DnsError {
    /// The error for a name without an address of the requested version.
    pub(crate) fn absent(why: &str) -> Self {
        Self { why: why.into(), is_answer: true }
    }

    /// The error for a temporary failure.
    fn passing(why: &str) -> Self {
        Self { why: why.into(), is_answer: false }
    }
}

type LookUp = Box<dyn Fn(&str) -> Addresses + Send + Sync>;

/// Looks up names for all fetchers of a process. Clones share one resolver. Dropping the last clone
/// joins the idle threads. A busy thread ends by itself after its look-up.
#[derive(Clone)]
pub struct Resolver(Arc<Owner>);

/// Ends the threads when the last [`Resolver`] is dropped. The threads hold only [`Shared`].
struct Owner(Arc<Shared>);

struct Shared {
    look_up: LookUp,
    most_threads: usize,
    most_names: usize,
    state: Mutex<ResolverState>,
    /// Signals a queued name, or the end of the resolver.
    work: Condvar,
}

#[derive(Default)]
struct ResolverState {
    names: HashMap<Arc<str>, CacheEntry>,
    /// The cached names, oldest first, each with the expiry of its entry.
    order: VecDeque<(Instant, Arc<str>)>,
    /// The queued look-ups: at most one for each fetch under way, and some abandoned ones.
    queue: VecDeque<Arc<QueuedLookup>>,
    threads: Vec<Thread>,
    /// The number of idle threads.
    waiting: usize,
    closed: bool,
}

enum CacheEntry {
    Known(Instant, Addresses),
    Wanted(Arc<QueuedLookup>),
}

/// A queued or running look-up.
struct QueuedLookup {
    name: Arc<str>,
    /// The time of the request, by the clock of tokio, which a test may pause, and by that of the system.
    asked: Instant,
    since: std::time::Instant,
    answer: watch::Sender<Option<Addresses>>,
}

struct Thread {
    handle: JoinHandle<()>,
    /// Whether the thread is in a look-up. Changes under the lock only.
    busy: Arc<AtomicBool>,
}

/// The result of [`Resolver::look_up`].
pub(crate) enum Lookup {
    Cached(Addresses),
    Pending(PendingLookup),
}

/// A pending look-up. Dropping it leaves the look-up to the other fetches that wait for it.
pub(crate) struct PendingLookup(watch::Receiver<Option<Addresses>>);

impl PendingLookup {
    /// Waits for the result.
    pub(crate) async fn answer(mut self) -> Addresses {
        // Err: the resolver ended first. No fetcher outlives it.
        let answer = self.0.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answer.unwrap_or_else(|| Err(DnsError::passing("the look-up was given up")))
    }
}

impl Resolver {
    /// Creates a resolver that uses getaddrinfo, for addresses of this version.
    pub fn system(version: IpVersion) -> Self {
        Self::with(move |name| system(name, version), MOST_THREADS, MOST_NAMES)
    }

    /// Creates a resolver with this look-up function.
    pub(crate) fn with(
        look_up: impl Fn(&str) -> Addresses + Send + Sync + 'static,
        most_threads: usize,
        most_names: usize,
    ) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        let shared = Shared { look_up: Box::new(look_up), most_threads, most_names, state, work };
        Self(Arc::new(Owner(Arc::new(shared))))
    }

    /// Returns the cached result for a name, or joins or queues its look-up.
    pub(crate) fn look_up(&self, name: &str) -> Lookup {
        let shared = &self.0.0;
        let asked = Instant::now();
        let mut state = shared.locked();
        match state.names.get(name) {
            Some(CacheEntry::Known(until, answer)) if *until > asked => return Lookup::Cached(answer.clone()),
            Some(CacheEntry::Wanted(wanted)) => return Lookup::Pending(PendingLookup(wanted.answer.subscribe())),
            Some(CacheEntry::Known(..)) | None => {}
        }
        let (answer, coming) = watch::channel(None);
        let wanted = QueuedLookup { name: name.into(), asked, since: std::time::Instant::now(), answer };
        let wanted = Arc::new(wanted);
        state.names.insert(wanted.name.clone(), CacheEntry::Wanted(wanted.clone()));
        state.drop_unwanted();
        state.queue.push_back(wanted);
        shared.employ(&mut state);
        Lookup::Pending(PendingLookup(coming))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let mut state = self.0.locked();
        state.closed = true;
        state.queue.clear();
        let threads = std::mem::take(&mut state.threads);
        // getaddrinfo may block for long, so do not join busy threads. They end after their look-up.
        let ending: Vec<_> = threads.into_iter().filter(|thread| !thread.busy.load(Relaxed)).collect();
        drop(state);
        self.0.work.notify_all();
        for thread in ending {
            // Err: the thread panicked, which affects its own look-up only.
            let _ = thread.handle.join();
        }
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, ResolverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes or starts a thread for the queued name.
    fn employ(self: &Arc<Self>, state: &mut ResolverState) {
        if state.waiting >= state.queue.len() {
            return self.work.notify_one();
        }
        state.threads.retain(|thread| !thread.handle.is_finished());
        if state.threads.len() >= self.most_threads {
            return;
        }
        let busy = Arc::new(AtomicBool::new(false));
        let (shared, flag) = (self.clone(), busy.clone());
        let started = thread::Builder::new().name("dns".to_owned()).stack_size(STACK);
        match started.spawn(move || shared.work(&flag)) {
            Ok(handle) => state.threads.push(Thread { handle, busy }),
            // The other threads will take the name.
            Err(_) if !state.threads.is_empty() => {}
            Err(e) => {
                let failed = Err(DnsError::passing(&format!("cannot start a thread for it: {e}")));
                while let Some(wanted) = state.queue.pop_front() {
                    state.names.remove(&wanted.name);
                    wanted.answer.send_replace(Some(failed.clone()));
                }
            }
        }
    }

    /// Runs the loop of a thread.
    fn work(&self, busy: &AtomicBool) {
        let mut state = self.locked();
        loop {
            if let Some(wanted) = state.next() {
                busy.store(true, Relaxed);
                drop(state);
                let answer = catch_unwind(AssertUnwindSafe(|| (self.look_up)(&wanted.name)))
                    .unwrap_or_else(|_| Err(DnsError::passing("the look-up broke off")));
                state = self.locked();
                busy.store(false, Relaxed);
                state.keep(&wanted, &answer, self.most_names);
                wanted.answer.send_replace(Some(answer));
            } else if state.closed {
                return;
            } else {
                state.waiting += 1;
                let (woken, waited) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.waiting -= 1;
                if waited.timed_out() && state.queue.is_empty() {
                    return;
                }
            }
        }
    }
}

impl ResolverState {
    /// Removes and returns the next look-up that a fetch still waits for.
    fn next(&mut self) -> Option<Arc<QueuedLookup>> {
        self.drop_unwanted();
        self.queue.pop_front()
    }

    /// Drops abandoned look-ups from the head of the queue.
    fn drop_unwanted(&mut self) {
        while let Some(wanted) = self.queue.pop_front_if(|wanted| wanted.answer.receiver_count() == 0) {
            self.names.remove(&wanted.name);
        }
    }

    fn keep(&mut self, wanted: &QueuedLookup, answer: &Addresses, most: usize) {
        let now = wanted.asked + wanted.since.elapsed();
        let until = match answer {
            Ok(_) => now + KNOWN,
            Err(e) if e.is_answer => now + ABSENT,
            Err(_) => {
                self.names.remove(&wanted.name);
                return;
            }
        };
        self.names.insert(wanted.name.clone(), CacheEntry::Known(until, answer.clone()));
        self.order.push_back((until, wanted.name.clone()));
        while self.order.len() > most || self.order.front().is_some_and(|(until, _)| *until <= now) {
            let Some((then, name)) = self.order.pop_front() else { return };
            // A later look-up may have renewed the entry.
            if matches!(self.names.get(&name), Some(CacheEntry::Known(until, _)) if *until == then) {
                self.names.remove(&name);
            }
        }
    }
}

/// Calls getaddrinfo (RFC 3493, section 6.1).
fn system(name: &str, version: IpVersion) -> Addresses {
    let address = match version {
        IpVersion::Any => 0,
        IpVersion::Four => AddrFamily::Inet.into(),
        IpVersion::Six => AddrFamily::Inet6.into(),
    };
    let hints = AddrInfoHints { address, socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = dns_lookup::getaddrinfo(Some(name), None, Some(hints)).map_err(|e| told(e, version))?;
    let addresses: Arc<[SocketAddr]> = found.filter_map(Result::ok).map(|info| info.sockaddr).collect();
    if addresses.is_empty() { Err(DnsError::absent("it has no address")) } else { Ok(addresses) }
}

fn told(error: LookupError, version: IpVersion) -> DnsError {
    let kind = error.kind();
    let text = error.to_string();
    let text = text.split_once("address information: ").map_or(&*text, |(_, detail)| detail);
    let which = match version {
        IpVersion::Any => "",
        IpVersion::Four => "IPv4 ",
        IpVersion::Six => "IPv6 ",
    };
    match kind {
        LookupErrorKind::NoName | LookupErrorKind::NoData => {
            DnsError::absent(&format!("it does not exist or has no {which}address ({text})"))
        }
        LookupErrorKind::Again => {
            DnsError::passing(&format!("the name server gave no answer; check the network or try later ({text})"))
        }
        _ => DnsError::passing(text),
    }
}

#[cfg(test)]
mod tests;
