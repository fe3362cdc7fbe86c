//! Leases that expire, and calls of workers that have lost them.

use super::*;
use crate::queue::{HostPace, MOST_EXPIRED, ReturnedUrl, SharedRest};

#[test]
fn late_outcomes_of_a_worker_that_lost_its_leases_do_not_count() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut hung, mut other] = [short_lease(), options()].map(|options| worker(&server, options));
    add(&mut hung, "a.test/1 a.test/2");
    let old = lease(&mut hung);
    assert_eq!(names(&old), "a.test/1 a.test/2");
    assert_eq!(lease(&mut other).rest, SharedRest::Waits);
    let new = until(|| Some(lease(&mut other)).filter(|leases| !leases.urls.is_empty()));
    assert_eq!(names(&new), "a.test/1 a.test/2");
    assert_eq!(complete(&mut hung, &old), 2, "both leases have expired");
    assert_eq!(hung.renew().unwrap().lost, [Box::from("a.test")]);
    assert_eq!(complete(&mut hung, &old), 2);
    hung.release(&[ReturnedUrl { lease: old.urls[0].lease, attempts: 1 }]).unwrap();
    hung.leave().unwrap();
    assert_eq!(complete(&mut other, &new), 0);
    assert_eq!(exported(&server), "a.test/1 a.test/2");
}

#[test]
fn renewed_leases_do_not_expire() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let lease_time = Duration::from_secs(2);
    let options = RedisQueueOptions { lease: lease_time, ..options() };
    let [mut owner, mut other] = [(); 2].map(|()| worker(&server, options.clone()));
    add(&mut owner, "a.test/1");
    let leases = lease(&mut owner);
    let end = Instant::now() + lease_time * 3 / 2;
    while Instant::now() < end {
        assert!(owner.renew().unwrap().lost.is_empty());
        assert!(lease(&mut other).urls.is_empty());
    }
    assert_eq!(complete(&mut owner, &leases), 0);
}

#[test]
fn url_that_kills_its_workers_fails_and_can_be_retried() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    add(&mut worker(&server, short_lease()), "a.test/1 b.test/1");
    let mut last = worker(&server, short_lease());
    let others = until(|| Some(lease(&mut last)).filter(|leases| leases.urls.len() == 2));
    // This one is not fatal.
    let harmless = others.urls.iter().find(|url| url.url.host() == "b.test").unwrap();
    SharedQueue::complete(&mut last, &[outcome(harmless)]).unwrap();
    for _ in 1..MOST_EXPIRED {
        last = worker(&server, short_lease());
        let leases = until(|| Some(lease(&mut last)).filter(|leases| !leases.urls.is_empty()));
        assert_eq!(names(&leases), "a.test/1");
    }
    let mut survivor = worker(&server, options());
    until(|| (lease(&mut survivor).rest == SharedRest::Drained).then_some(()));
    let records = exported(&server);
    assert!(
        records.contains("b.test/1") && records.contains(r#""url":"http://a.test/1","outcome":"failed""#),
        "{records}"
    );
    assert!(records.contains("internal") && records.contains("five workers died fetching it"), "{records}");
    let mut admin = QueueAdmin::open(&server.address("j")).unwrap();
    let status = admin.status().unwrap();
    assert_eq!((status.ok, status.failed, status.retryable, status.leased), (1, 1, 1, 0));
    assert_eq!(admin.retry().unwrap(), 1);
    let leases = lease(&mut survivor);
    assert_eq!(names(&leases), "a.test/1");
    complete(&mut survivor, &leases);
    assert_eq!(exported(&server), "a.test/1 b.test/1");
    let status = admin.status().unwrap();
    assert_eq!((status.ok, status.failed, status.retryable), (2, 0, 0));
    assert_eq!((status.added, status.done()), (2, 2), "a revived URL counts once");
    let others = status.workers.iter().filter(|worker| !worker.alive);
    assert!(others.into_iter().all(|worker| (worker.hosts, worker.urls) == (0, 0)), "{:?}", status.workers);
}

#[test]
fn url_without_a_record_does_not_count_as_added() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, options());
    add(&mut queue, "a.test/1 a.test/sitemap.xml");
    let leases = lease(&mut queue);
    let done = |url: &LeasedUrl| match url.url.url.path() {
        "/1" => outcome(url),
        _ => Committed { record: Vec::new(), ..outcome(url) },
    };
    let done: Vec<_> = leases.urls.iter().map(done).collect();
    SharedQueue::complete(&mut queue, &done).unwrap();
    let status = QueueAdmin::open(&server.address("j")).unwrap().status().unwrap();
    assert_eq!((status.added, status.done(), status.waiting, status.leased), (1, 1, 0, 0));
}

#[test]
fn worker_that_leaves_gives_everything_back_at_once() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut leaver, mut other] = [(); 2].map(|()| worker(&server, options()));
    let urls: Vec<_> = (0..300).map(|n| format!("h{n}.test/")).collect();
    add(&mut leaver, &urls.join(" "));
    let request = SharedRequest { most: 300, per_host: 1, hosts: 300 };
    let mut leased = 0;
    while leased < 300 {
        leased += SharedQueue::lease(&mut leaver, &request).unwrap().urls.len();
    }
    leaver.leave().unwrap();
    let mut again = 0;
    while again < 300 {
        let leases = SharedQueue::lease(&mut other, &request).unwrap();
        assert!(!leases.urls.is_empty(), "{again} of 300");
        again += leases.urls.len();
    }
    let status = QueueAdmin::open(&server.address("j")).unwrap().status().unwrap();
    assert_eq!((status.waiting, status.leased, status.workers.len()), (0, 300, 1));
}

#[test]
fn attempts_and_pace_survive_the_worker() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut first, mut second] = [(); 2].map(|()| worker(&server, options()));
    add(&mut first, "a.test/1");
    let leases = lease(&mut first);
    assert_eq!(leases.urls[0].attempts, 0);
    let host = Box::from("a.test");
    let pace = HostPace { host, due_in: Duration::from_secs(60), failures: 2, ..HostPace::default() };
    first.store_pace(&[pace]).unwrap();
    first.release(&[ReturnedUrl { lease: leases.urls[0].lease, attempts: 3 }]).unwrap();
    first.leave().unwrap();
    assert!(lease(&mut second).urls.is_empty(), "the host is not due");
    let pace = second.lease_host("a.test").unwrap().unwrap();
    assert!(pace.failures == 2 && pace.due_in > Duration::from_secs(30), "{pace:?}");
    assert_eq!(lease(&mut second).urls[0].attempts, 3);
}
