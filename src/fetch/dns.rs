//! Names to addresses: the system's resolver on threads of its own, asked once for all who want
//! the same name and remembered for a while.
//!
//! The system may block for as long as it likes and cannot be stopped. So it is asked on threads
//! that do nothing else, and whoever gives up waiting leaves the look-up to the others. A resolver
//! serves every fetcher of a process, on whatever runtime: nothing here belongs to one.

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

/// How long the addresses of a name are used. What the resolver knows of their time it does not tell.
const KNOWN: Duration = Duration::from_secs(60);

/// How long a name that does not exist is not asked for again. A failure that may pass is not kept.
const ABSENT: Duration = Duration::from_secs(5);

/// The most names that are remembered.
const MOST_NAMES: usize = 100_000;

/// The most look-ups at once. Names whose servers are silent take some ten seconds each, and so many
/// of them must come together before others wait.
const MOST_THREADS: usize = 64;

/// How long a thread waits for another name before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// getaddrinfo reads files and modules of the system, and wants more than a small stack for it.
const STACK: usize = 512 * 1024;

/// What is known of a name.
pub(super) type Addresses = Result<Arc<[SocketAddr]>, DnsError>;

/// A name has no address, or none can be told.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot resolve the host name: {why}")]
pub(super) struct DnsError {
    why: Arc<str>,
    /// Whether the answer is that there is none, and no failure to get one.
    is_answer: bool,
}

impl DnsError {
    /// The name has no address of the wanted kind.
    pub(super) fn absent(why: &str) -> Self {
        Self { why: why.into(), is_answer: true }
    }

    /// There was no answer, and another time there may be one.
    fn passing(why: &str) -> Self {
        Self { why: why.into(), is_answer: false }
    }
}

type LookUp = Box<dyn Fn(&str) -> Addresses + Send + Sync>;

/// Looks names up for all fetchers of a process. Clones are the same one; with the last of them it
/// ends: threads that wait are waited for, those in a look-up end with it.
#[derive(Clone)]
pub struct Resolver(Arc<Owner>);

/// What outlives no fetcher; the threads hold only what is shared.
struct Owner(Arc<Shared>);

struct Shared {
    look_up: LookUp,
    most_threads: usize,
    most_names: usize,
    state: Mutex<State>,
    /// There is a name to look up, or nothing will come any more.
    work: Condvar,
}

#[derive(Default)]
struct State {
    names: HashMap<Arc<str>, Entry>,
    /// The names that are remembered, the oldest first, each with the time that its entry had then.
    order: VecDeque<(Instant, Arc<str>)>,
    /// Never more than there are fetches under way, but for those that nobody waits for any more.
    queue: VecDeque<Arc<Wanted>>,
    threads: Vec<Thread>,
    /// Threads that wait for a name.
    waiting: usize,
    closed: bool,
}

enum Entry {
    Known(Instant, Addresses),
    Wanted(Arc<Wanted>),
}

/// A look-up that is to be done or under way.
struct Wanted {
    name: Arc<str>,
    /// By the clock of whoever asked, which a test may have stopped; and by the one that goes on.
    asked: Instant,
    since: std::time::Instant,
    answer: watch::Sender<Option<Addresses>>,
}

struct Thread {
    handle: JoinHandle<()>,
    /// In a look-up, which may take its time. Changed under the lock.
    busy: Arc<AtomicBool>,
}

/// What a question finds.
pub(super) enum Asked {
    Known(Addresses),
    Coming(Coming),
}

/// An answer that is waited for. Dropping it leaves the look-up to those who wait too.
pub(super) struct Coming(watch::Receiver<Option<Addresses>>);

impl Coming {
    /// The answer.
    pub(super) async fn answer(mut self) -> Addresses {
        // Err: the resolver ended first, which no fetcher outlives.
        let answer = self.0.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        answer.unwrap_or_else(|| Err(DnsError::passing("the look-up was given up")))
    }
}

impl Resolver {
    /// The system's resolver, for addresses of this version.
    pub fn system(version: IpVersion) -> Self {
        Self::with(move |name| system(name, version), MOST_THREADS, MOST_NAMES)
    }

    /// With another way to look names up.
    pub(super) fn with(
        look_up: impl Fn(&str) -> Addresses + Send + Sync + 'static,
        most_threads: usize,
        most_names: usize,
    ) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        let shared = Shared { look_up: Box::new(look_up), most_threads, most_names, state, work };
        Self(Arc::new(Owner(Arc::new(shared))))
    }

    /// What is known of a name; where it is nothing yet, it is looked up.
    pub(super) fn ask(&self, name: &str) -> Asked {
        let shared = &self.0.0;
        let asked = Instant::now();
        let mut state = shared.locked();
        match state.names.get(name) {
            Some(Entry::Known(until, answer)) if *until > asked => return Asked::Known(answer.clone()),
            Some(Entry::Wanted(wanted)) => return Asked::Coming(Coming(wanted.answer.subscribe())),
            Some(Entry::Known(..)) | None => {}
        }
        let (answer, coming) = watch::channel(None);
        let wanted = Wanted { name: name.into(), asked, since: std::time::Instant::now(), answer };
        let wanted = Arc::new(wanted);
        state.names.insert(wanted.name.clone(), Entry::Wanted(wanted.clone()));
        state.drop_unwanted();
        state.queue.push_back(wanted);
        shared.employ(&mut state);
        Asked::Coming(Coming(coming))
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
        // Nobody can wait for the system: these end by themselves when it has answered.
        let ending: Vec<_> = threads.into_iter().filter(|thread| !thread.busy.load(Relaxed)).collect();
        drop(state);
        self.0.work.notify_all();
        for thread in ending {
            // Err: it panicked, which took its own look-up only.
            let _ = thread.handle.join();
        }
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that somebody takes what was queued last.
    fn employ(self: &Arc<Self>, state: &mut State) {
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
            // The others will come to it.
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

    /// What a thread does.
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

impl State {
    /// The next name that somebody waits for.
    fn next(&mut self) -> Option<Arc<Wanted>> {
        self.drop_unwanted();
        self.queue.pop_front()
    }

    /// Forgets what is at the head of the queue and nobody waits for any more.
    fn drop_unwanted(&mut self) {
        while let Some(wanted) = self.queue.pop_front_if(|wanted| wanted.answer.receiver_count() == 0) {
            self.names.remove(&wanted.name);
        }
    }

    fn keep(&mut self, wanted: &Wanted, answer: &Addresses, most: usize) {
        let now = wanted.asked + wanted.since.elapsed();
        let until = match answer {
            Ok(_) => now + KNOWN,
            Err(e) if e.is_answer => now + ABSENT,
            Err(_) => {
                self.names.remove(&wanted.name);
                return;
            }
        };
        self.names.insert(wanted.name.clone(), Entry::Known(until, answer.clone()));
        self.order.push_back((until, wanted.name.clone()));
        while self.order.len() > most || self.order.front().is_some_and(|(until, _)| *until <= now) {
            let Some((then, name)) = self.order.pop_front() else { return };
            // It may have been asked for again since.
            if matches!(self.names.get(&name), Some(Entry::Known(until, _)) if *until == then) {
                self.names.remove(&name);
            }
        }
    }
}

/// getaddrinfo (RFC 3493, section 6.1).
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
