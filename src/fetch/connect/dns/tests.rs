//! Tests of the resolver: one look-up per name, the cache and its times, no wait behind other names.

use std::collections::HashMap as Counts;
use std::sync::Mutex as Lock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// The longest wait of a test; a passing test never reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A name server that counts look-ups, and answers `held…` names only on a message.
#[derive(Clone)]
struct Server(Arc<Inside>);

struct Inside {
    asked: Lock<Counts<String, usize>>,
    /// Each message releases one look-up of a held name.
    gate: Lock<Receiver<()>>,
    /// Receives a message when a look-up of a held name begins.
    begun: SyncSender<()>,
}

struct Gate {
    open: SyncSender<()>,
    begun: Receiver<()>,
}

impl Server {
    fn new() -> (Self, Gate) {
        let ((open, gate), (began, begun)) = (sync_channel(100), sync_channel(100));
        let inside = Inside { asked: Lock::default(), gate: Lock::new(gate), begun: began };
        (Self(Arc::new(inside)), Gate { open, begun })
    }

    fn resolver(&self, threads: usize, names: usize) -> Resolver {
        let server = self.clone();
        Resolver::with(move |name| server.answer(name), threads, names)
    }

    fn answer(&self, name: &str) -> Addresses {
        *self.0.asked.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        if name.starts_with("held") {
            self.0.begun.send(()).unwrap();
            self.0.gate.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
        match name.split('.').next().unwrap_or_default() {
            "absent" => Err(DnsError::absent("there is none")),
            "passing" => Err(DnsError::passing("nobody answers")),
            "broken" => panic!("a look-up that breaks off"),
            _ => Ok(Arc::new([([127, 0, 0, 1], 0).into()])),
        }
    }

    fn asked(&self, name: &str) -> usize {
        self.0.asked.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

async fn answer(resolver: &Resolver, name: &str) -> Addresses {
    match resolver.look_up(name) {
        Lookup::Cached(answer) => answer,
        Lookup::Pending(coming) => coming.answer().await,
    }
}

fn is_known(resolver: &Resolver, name: &str) -> bool {
    matches!(resolver.look_up(name), Lookup::Cached(_))
}

/// Returns the number of fetches that wait for a name.
fn waiting(resolver: &Resolver, name: &str) -> usize {
    match resolver.0.0.locked().names.get(name) {
        Some(CacheEntry::Wanted(wanted)) => wanted.answer.receiver_count(),
        Some(CacheEntry::Known(..)) | None => 0,
    }
}

#[tokio::test(start_paused = true)]
async fn one_slow_name_delays_no_other() {
    let (server, gate) = Server::new();
    let resolver = server.resolver(4, 100_000);
    let Lookup::Pending(slow) = resolver.look_up("held.test") else { panic!("it is known") };
    gate.begun.recv_timeout(PATIENCE).unwrap();
    let mut names = tokio::task::JoinSet::new();
    for n in 0..50_000 {
        let resolver = resolver.clone();
        names.spawn(async move { answer(&resolver, &format!("{n}.test")).await.is_ok() });
    }
    assert!(names.join_all().await.into_iter().all(|found| found));
    assert!(matches!(resolver.look_up("held.test"), Lookup::Pending(_)), "it is still being looked up");
    gate.open.send(()).unwrap();
    assert!(slow.answer().await.is_ok());
    assert!(resolver.0.0.locked().threads.len() <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_who_want_the_same_name_cause_one_look_up() {
    let (server, gate) = Server::new();
    let resolver = server.resolver(4, 100);
    let first = resolver.look_up("held.test");
    gate.begun.recv_timeout(PATIENCE).unwrap();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let resolver = resolver.clone();
        all.spawn(async move { answer(&resolver, "held.test").await.is_ok() });
    }
    while waiting(&resolver, "held.test") <= 1000 {
        tokio::task::yield_now().await;
    }
    // A cancelled fetch does not cancel the look-up of the others.
    drop(first);
    gate.open.send(()).unwrap();
    assert!(all.join_all().await.into_iter().all(|found| found));
    assert_eq!(server.asked("held.test"), 1);
}

#[tokio::test(start_paused = true)]
async fn abandoned_lookups_are_not_started() {
    let (server, gate) = Server::new();
    let resolver = server.resolver(1, 100);
    let Lookup::Pending(held) = resolver.look_up("held.test") else { panic!("it is known") };
    gate.begun.recv_timeout(PATIENCE).unwrap();
    for n in 0..1000 {
        drop(resolver.look_up(&format!("{n}.test")));
        assert!(resolver.0.0.locked().queue.len() <= 1, "what is given up does not pile up");
    }
    let Lookup::Pending(last) = resolver.look_up("last.test") else { panic!("it is known") };
    gate.open.send(()).unwrap();
    assert!(held.answer().await.is_ok() && last.answer().await.is_ok());
    assert_eq!([server.asked("0.test"), server.asked("999.test"), server.asked("last.test")], [0, 0, 1]);
    assert!(answer(&resolver, "0.test").await.is_ok(), "given up once it can be asked for again");
}

#[tokio::test(start_paused = true)]
async fn addresses_are_known_for_a_minute_and_absence_for_a_moment() {
    let (server, _gate) = Server::new();
    let resolver = server.resolver(4, 100);
    assert!(answer(&resolver, "a.test").await.is_ok() && is_known(&resolver, "a.test"));
    assert!(answer(&resolver, "absent.test").await.is_err() && is_known(&resolver, "absent.test"));
    tokio::time::advance(Duration::from_secs(4)).await;
    assert!(answer(&resolver, "absent.test").await.is_err());
    assert_eq!(server.asked("absent.test"), 1);
    // The advance includes the time of the look-up, which counts too.
    tokio::time::advance(Duration::from_secs(16)).await;
    assert!(answer(&resolver, "absent.test").await.is_err() && answer(&resolver, "a.test").await.is_ok());
    assert_eq!([server.asked("absent.test"), server.asked("a.test")], [2, 1]);
    tokio::time::advance(Duration::from_secs(80)).await;
    assert!(!is_known(&resolver, "a.test"));
    assert!(answer(&resolver, "a.test").await.is_ok());
    assert_eq!(server.asked("a.test"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_not_kept() {
    let (server, _gate) = Server::new();
    let resolver = server.resolver(1, 100);
    for name in ["passing.test", "broken.test"] {
        assert!(answer(&resolver, name).await.is_err());
        assert!(answer(&resolver, name).await.is_err());
        assert_eq!(server.asked(name), 2, "{name}");
    }
    assert!(answer(&resolver, "a.test").await.is_ok(), "the thread is still there");
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded_and_evicts_old_names() {
    let (server, _gate) = Server::new();
    let resolver = server.resolver(2, 10);
    for n in 0..100 {
        answer(&resolver, &format!("{n}.test")).await.unwrap();
    }
    assert!(is_known(&resolver, "99.test") && is_known(&resolver, "90.test"));
    assert_eq!(resolver.0.0.locked().names.len(), 10, "the oldest were forgotten");
    tokio::time::advance(Duration::from_secs(80)).await;
    answer(&resolver, "new.test").await.unwrap();
    let state = resolver.0.0.locked();
    assert_eq!((state.names.len(), state.order.len()), (1, 1), "what is over is forgotten with the next");
}

#[test]
fn it_serves_any_runtime_and_ends_with_the_last_who_has_it() {
    let (server, gate) = Server::new();
    let resolver = server.resolver(4, 100);
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let resolver = resolver.clone();
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(answer(&resolver, "held.test")).is_ok()
            })
        })
        .collect();
    gate.begun.recv_timeout(PATIENCE).unwrap();
    gate.open.send(()).unwrap();
    assert!(asking.into_iter().all(|asked| asked.join().unwrap()));
    assert_eq!(server.asked("held.test"), 1);
    let shared = Arc::downgrade(&resolver.0.0);
    drop(resolver);
    assert_eq!(shared.strong_count(), 0, "a thread that waits for work is waited for");
}

#[test]
fn one_in_a_look_up_is_not_waited_for() {
    let (server, gate) = Server::new();
    let resolver = server.resolver(4, 100);
    drop(resolver.look_up("held.test"));
    let Lookup::Pending(_held) = resolver.look_up("held2.test") else { panic!("it is known") };
    gate.begun.recv_timeout(PATIENCE).unwrap();
    // The drop returns while the gate is still closed.
    drop(resolver);
    gate.open.send(()).unwrap();
}

#[test]
fn absent_names_differ_from_failures_of_the_resolver() {
    // RFC 6761, section 6.3: resolvers answer localhost themselves.
    assert!(system("localhost", IpVersion::Four).unwrap().iter().all(SocketAddr::is_ipv4));
    let none = told(LookupError::new(dns_error("nobody has this name")), IpVersion::Four);
    assert!(none.is_answer && none.to_string().contains("has no IPv4 address"), "{none}");
}

/// Returns the number of "name or service not known" on this system. `AI_NUMERICHOST` permits an address
/// only, so a name fails without a query to the network.
fn dns_error(host: &str) -> i32 {
    const NUMERIC_HOST: i32 = 4;
    let hints = AddrInfoHints { flags: NUMERIC_HOST, ..AddrInfoHints::default() };
    dns_lookup::getaddrinfo(Some(host), None, Some(hints)).err().map_or(0, |e| e.error_num())
}
