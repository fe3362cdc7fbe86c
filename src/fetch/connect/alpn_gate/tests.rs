//! Tests of the gate, without a network.

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::time::advance;

use super::*;
use crate::fetch::connect::connect_context::{CONNECT, ConnectContext};

type Entered = std::pin::Pin<Box<dyn std::future::Future<Output = Result<ConnectPermit, Served>>>>;

/// Gates with the usual limits.
fn gate() -> Arc<AlpnGate> {
    Arc::new(AlpnGate::new(Duration::from_secs(10), None, &Http1Origins::default()))
}

/// Starts a separate fetch that wants to connect, and polls it once.
fn fetch(gate: &Arc<AlpnGate>, origin: u64) -> Entered {
    let gate = gate.clone();
    let mut entered: Entered =
        Box::pin(CONNECT.scope(ConnectContext::default(), async move { gate.enter(origin).await }));
    let first = (&mut entered).now_or_never();
    match first {
        Some(told) => Box::pin(async move { told }),
        None => entered,
    }
}

/// Splits the fetches into those that may connect now and those that still wait.
fn open(fetches: Vec<Entered>) -> (Vec<ConnectPermit>, Vec<Entered>) {
    let (mut opening, mut waiting) = (Vec::new(), Vec::new());
    for mut fetch in fetches {
        match (&mut fetch).now_or_never() {
            Some(told) => opening.push(told.unwrap()),
            None => waiting.push(fetch),
        }
    }
    (opening, waiting)
}

fn fetches(gate: &Arc<AlpnGate>, count: usize) -> Vec<Entered> {
    (0..count).map(|_| fetch(gate, 1)).collect()
}

#[tokio::test(start_paused = true)]
async fn after_an_http1_handshake_all_waiting_connections_open() {
    let gate = gate();
    let (mut first, waiting) = open(fetches(&gate, 100));
    assert_eq!((first.len(), waiting.len()), (1, 99));
    assert_eq!(open(vec![fetch(&gate, 2)]).0.len(), 1, "another origin is nobody's business");
    first.remove(0).ended(ConnectOutcome::Alone);
    let (opening, waiting) = open(waiting);
    assert_eq!((opening.len(), waiting.len()), (99, 0));
    assert_eq!(open(fetches(&gate, 7)).0.len(), 7, "from now on it is known");
}

#[tokio::test(start_paused = true)]
async fn one_shared_connection_serves_all_waiting_fetches() {
    let gate = gate();
    let (mut first, waiting) = open(fetches(&gate, 100));
    first.remove(0).ended(ConnectOutcome::Shared);
    let (opening, waiting) = open(waiting);
    assert_eq!((opening.len(), waiting.len()), (0, 99));
    // The pool has served the waiting fetches.
    drop(waiting);
    let late = fetches(&gate, 1);
    assert_eq!(open(late).0.len(), 0, "who comes just now has the pool to ask");
    advance(TURN).await;
    let (opening, waiting) = open(fetches(&gate, 100));
    assert_eq!((opening.len(), waiting.len()), (1, 99), "once it has ended one connects again");
}

#[tokio::test(start_paused = true)]
async fn background_work_opens_no_connection() {
    let gate = gate();
    let (mut first, _) = open(fetches(&gate, 1));
    let mut late = Box::pin(gate.clone().enter(1));
    assert!(CONNECT.sync_scope(ConnectContext::default(), || (&mut late).now_or_never()).is_none());
    assert!((&mut late).now_or_never().is_some_and(|told| told.is_err()), "nobody waits for it any more");
    first.remove(0).ended(ConnectOutcome::Shared);
}

#[tokio::test(start_paused = true)]
async fn after_a_shared_connection_ends_the_fetch_connects_at_once() {
    let gate = gate();
    CONNECT
        .scope(ConnectContext::default(), async {
            gate.clone().enter(1).await.unwrap().ended(ConnectOutcome::Shared);
            let again = gate.enter(1).now_or_never();
            assert!(again.is_some_and(|told| told.is_ok()));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_does_not_end_the_wait_for_a_shared_connection() {
    let gate = gate();
    let (mut first, waiting) = open(fetches(&gate, 10));
    advance(PATIENCE / 2).await;
    let (mut second, waiting) = open(waiting);
    assert_eq!(second.len(), 1);
    second.remove(0).ended(ConnectOutcome::Shared);
    let (opening, waiting) = open(waiting);
    assert!(opening.is_empty());
    first.remove(0).ended(ConnectOutcome::Failed);
    let (opening, waiting) = open(waiting);
    assert_eq!((opening.len(), waiting.len()), (0, 8));
    // The shared connection never reached the pool.
    advance(TURN).await;
    assert!(!open(waiting).0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_opening_admits_one_more_and_a_failed_one_two() {
    let gate = gate();
    let (first, waiting) = open(fetches(&gate, 100));
    drop(first);
    let (mut second, mut waiting) = open(waiting);
    assert_eq!((second.len(), waiting.len()), (1, 99 - 1));
    second.remove(0).ended(ConnectOutcome::Failed);
    let mut rounds = 0;
    while !waiting.is_empty() {
        let (opening, rest) = open(waiting);
        assert!(!opening.is_empty(), "{} wait for nobody", rest.len());
        opening.into_iter().for_each(|opening| opening.ended(ConnectOutcome::Failed));
        waiting = rest;
        rounds += 1;
    }
    assert!((2..=7).contains(&rounds), "{rounds}");
}

/// Starts these fetches at once and returns when each may connect. No connection ever completes.
async fn tries(gate: &Arc<AlpnGate>, count: usize) -> Vec<Duration> {
    let started = Instant::now();
    let tries = (0..count).map(|_| {
        let gate = gate.clone();
        CONNECT.scope(ConnectContext::default(), async move {
            let opening = gate.enter(1).await.unwrap();
            (opening, started.elapsed())
        })
    });
    join_all(tries).await.into_iter().map(|(_, at)| at).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hanging_handshake_delays_others_by_the_patience_only() {
    for (connect_timeout, timeout, patience) in
        [(10_000, None, 1000), (1000, None, 250), (10_000, Some(900), 225), (1000, Some(60_000), 250)]
    {
        let [connect_timeout, patience] = [connect_timeout, patience].map(Duration::from_millis);
        let timeout = timeout.map(Duration::from_millis);
        let gate = Arc::new(AlpnGate::new(connect_timeout, timeout, &Http1Origins::default()));
        let tries = tries(&gate, 100).await;
        // The clock has whole milliseconds.
        let within = |limit: Duration| tries.iter().filter(|at| **at <= limit + Duration::from_millis(1)).count();
        let counts = [Duration::ZERO, patience / 2, patience * 9 / 10, patience].map(within);
        assert_eq!(counts, [1, 2, 2, 100], "{connect_timeout:?} {timeout:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_delay_no_fetch_beyond_the_patience() {
    let gate = gate();
    let started = Instant::now();
    let tries = (0..1000).map(|_| {
        let gate = gate.clone();
        CONNECT.scope(ConnectContext::default(), async move {
            let opening = gate.enter(1).await.unwrap();
            let waited = started.elapsed();
            sleep(Duration::from_millis(300)).await;
            opening.ended(ConnectOutcome::Failed);
            waited
        })
    });
    let longest = join_all(tries).await.into_iter().max();
    assert!(longest <= Some(PATIENCE + Duration::from_millis(1)), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn shared_connections_that_end_at_once_do_not_block_others() {
    let gate = gate();
    // Of no use without the origin being known.
    open(fetches(&gate, 1));
    let started = Instant::now();
    let ends = async {
        loop {
            ConnectPermit { gate: gate.clone(), origin: 1, told: false }.ended(ConnectOutcome::Shared);
            sleep(TURN / 2).await;
        }
    };
    let waits = async {
        // Begun once there is one.
        tokio::task::yield_now().await;
        CONNECT.scope(ConnectContext::default(), gate.clone().enter(1)).await
    };
    let turn = tokio::select! { turn = waits => turn, () = ends => unreachable!() };
    let waited = started.elapsed();
    assert!(turn.is_ok() && waited > TURN && waited <= PATIENCE + 3 * TURN, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_client_knows_who_speaks_http_1_1_until_that_changes() {
    let http1 = Http1Origins::default();
    let gate = || Arc::new(AlpnGate::new(Duration::from_secs(10), None, &http1));
    let before = gate();
    open(fetches(&before, 1)).0.remove(0).ended(ConnectOutcome::Alone);
    let after = gate();
    let (mut opening, waiting) = open(fetches(&after, 50));
    assert_eq!((opening.len(), waiting.len()), (50, 0));
    assert_eq!(open(vec![fetch(&after, 2), fetch(&after, 2)]).0.len(), 1, "of another origin it knows nothing");
    opening.remove(0).ended(ConnectOutcome::Shared);
    assert_eq!(open(fetches(&gate(), 50)).0.len(), 1);
}

#[test]
fn origins_that_speak_http_1_1_are_not_kept_for_ever() {
    let http1 = Http1Origins::default();
    for origin in 0..10_000 {
        http1.insert(origin);
        assert!(http1.contains(origin) && http1.locked().len() <= MOST);
    }
}

#[tokio::test(start_paused = true)]
async fn many_origins_are_not_kept_for_ever() {
    let gate = gate();
    let (busy, _) = open((0..3).map(|origin| fetch(&gate, origin)).collect());
    for origin in 3..50_000 {
        let (mut opening, _) = open(vec![fetch(&gate, origin)]);
        opening.remove(0).ended(ConnectOutcome::Alone);
        assert!(gate.locked().origins.len() <= MOST);
    }
    assert!((0..3).all(|origin| open(vec![fetch(&gate, origin)]).0.is_empty()), "these are being connected to");
    drop(busy);
}
