//! Workers at one job: who has which host, and when the job is over.

use std::collections::HashSet;

use super::*;
use crate::queue::{HostPace, ListClaim, ReturnedUrl, SharedRest};

#[test]
fn no_url_and_no_host_is_leased_twice() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut workers = [(); 2].map(|()| worker(&server, options()));
    let urls: Vec<_> = (0..200).map(|n| url(&format!("h{}.test/{n}", n % 20))).collect();
    assert_eq!(SharedQueue::add(&mut workers[0], &urls).unwrap().new, 200);
    assert_eq!(SharedQueue::add(&mut workers[1], &urls).unwrap().seen, 200);
    let mut hosts: [HashSet<String>; 2] = Default::default();
    let mut done = HashSet::new();
    let request = SharedRequest { most: 7, per_host: 3, hosts: 10 };
    while done.len() < 200 {
        for at in 0..2 {
            let leases = SharedQueue::lease(&mut workers[at], &request).unwrap();
            for LeasedUrl { url, .. } in &leases.urls {
                assert!(done.insert(url.url.to_string()), "{url:?} twice");
                assert!(!hosts[1 - at].contains(url.host()), "{url:?} of a host of the other worker");
                hosts[at].insert(url.host().to_owned());
            }
            assert_eq!(complete(&mut workers[at], &leases), 0);
        }
    }
    assert_eq!(hosts.each_ref().map(HashSet::len), [10, 10]);
    for worker in &mut workers {
        assert_eq!(lease(worker).rest, SharedRest::Drained);
    }
    assert_eq!(exported(&server).split(' ').count(), 200);
}

#[test]
fn idle_worker_gets_hosts_of_a_busy_one() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut busy, mut idle] = [(); 2].map(|()| worker(&server, options()));
    add(&mut busy, "a.test/1 a.test/2 b.test/1 b.test/2 c.test/1 c.test/2 d.test/1 d.test/2");
    let request = SharedRequest { most: 4, per_host: 1, hosts: 100 };
    let mut had = HashSet::new();
    while had.len() < 4 {
        let leases = SharedQueue::lease(&mut busy, &request).unwrap();
        had.extend(leases.urls.iter().map(|url| url.url.host().to_owned()));
    }
    busy.renew().unwrap();
    let wanted = until(|| {
        let leases = lease(&mut idle);
        assert_eq!((names(&leases).as_str(), leases.rest), ("", SharedRest::Waits));
        Some(busy.renew().unwrap().wanted).filter(|wanted| !wanted.is_empty())
    });
    assert_eq!(wanted.len(), 2, "half of the four hosts: {wanted:?}");
    let due_in = Duration::from_secs(1);
    let pace = HostPace { host: wanted[0].clone(), due_in, slots: Some(2), failures: 3, ..HostPace::default() };
    busy.release_hosts(std::slice::from_ref(&pace)).unwrap();
    assert!(lease(&mut busy).hosts.is_empty(), "it is reserved for the worker that wants it");
    assert!(lease(&mut idle).urls.is_empty(), "it is not due");
    let leases = until(|| Some(lease(&mut idle)).filter(|leases| !leases.urls.is_empty()));
    assert_eq!(leases.hosts, [HostPace { due_in: Duration::ZERO, ..pace }]);
    assert_eq!(leases.urls.len(), 2, "the leased one waits again");
}

#[test]
fn idle_worker_gets_hosts_whose_urls_are_all_leased() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut busy, mut idle] = [(); 2].map(|()| worker(&server, options()));
    add(&mut busy, "a.test/1 a.test/2 b.test/1 b.test/2 c.test/1 c.test/2 d.test/1 d.test/2");
    let leases = lease(&mut busy);
    assert_eq!(leases.urls.len(), 8, "nothing waits");
    let mut wanted = until(|| {
        assert!(lease(&mut idle).urls.is_empty());
        Some(busy.renew().unwrap().wanted).filter(|wanted| !wanted.is_empty())
    });
    assert_eq!(wanted.len(), 2, "half of the four hosts: {wanted:?}");
    // It asks again, and wants no more than its share.
    let end = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < end {
        assert!(lease(&mut idle).urls.is_empty());
        assert_eq!(busy.renew().unwrap().wanted.len(), 2);
    }
    let host = wanted.pop().unwrap();
    let back = leases.urls.iter().filter(|url| url.url.host() == &*host);
    let back: Vec<_> = back.map(|url| ReturnedUrl { lease: url.lease, attempts: 0 }).collect();
    busy.release(&back).unwrap();
    busy.release_hosts(&[HostPace { host: host.clone(), ..HostPace::default() }]).unwrap();
    assert!(lease(&mut worker(&server, options())).urls.is_empty(), "it is reserved for the worker that wants it");
    let got = lease(&mut idle);
    assert_eq!((got.hosts.len(), got.urls.len()), (1, 2));
    assert!(got.urls.iter().all(|url| url.url.host() == &*host));
}

#[test]
fn worker_at_a_job_that_is_done_says_so() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let says = || {
        let mut joined = worker(&server, options());
        joined.leave().unwrap();
        joined.warnings().iter().find(|text| text.contains("is done")).cloned()
    };
    assert_eq!(says(), None, "a new job");
    let mut first = worker(&server, options());
    add(&mut first, "a.test/1 b.test/1");
    let leases = lease(&mut first);
    assert_eq!(says(), None);
    complete(&mut first, &leases);
    assert_eq!(says(), None, "a worker lives, and may add more");
    first.leave().unwrap();
    let text = says().unwrap();
    assert!(text.contains("job j is done (2 URLs)") && text.contains("queue clear"), "{text}");
}

#[test]
fn host_of_a_redirect_is_leased_once_it_is_free() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut owner, mut other] = [(); 2].map(|()| worker(&server, options()));
    assert!(owner.lease_host("a.test").unwrap().is_some());
    assert_eq!(other.lease_host("a.test").unwrap(), None);
    assert_eq!(owner.renew().unwrap().wanted, [Box::from("a.test")]);
    let robots = vec![(Box::from("http://a.test"), crate::model::StoredRobots::default())];
    let pace = HostPace {
        host: Box::from("a.test"),
        due_in: Duration::from_secs(60),
        given_up: Some("why".into()),
        robots,
        ..HostPace::default()
    };
    owner.release_hosts(std::slice::from_ref(&pace)).unwrap();
    let back = other.lease_host("a.test").unwrap().unwrap();
    assert!(back.due_in > Duration::from_secs(30) && back.due_in <= pace.due_in, "{:?}", back.due_in);
    assert_eq!(HostPace { due_in: pace.due_in, ..back }, pace);
}

#[test]
fn job_is_over_when_all_workers_and_lists_are_done() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut loader, mut other] = [(); 2].map(|()| worker(&server, options()));
    assert_eq!(loader.claim_list("l.txt", "d").unwrap(), ListClaim::Load);
    assert_eq!(other.claim_list("l.txt", "d").unwrap(), ListClaim::Loading);
    assert_eq!(lease(&mut other).rest, SharedRest::Waits, "a list is being loaded");
    add(&mut loader, "a.test/1");
    loader.list_loaded("d").unwrap();
    assert_eq!(other.claim_list("l.txt", "d").unwrap(), ListClaim::Loaded);
    let leases = lease(&mut loader);
    assert_eq!(names(&leases), "a.test/1");
    assert_eq!(lease(&mut other).rest, SharedRest::Waits, "a URL is leased");
    complete(&mut loader, &leases);
    assert_eq!([lease(&mut loader).rest, lease(&mut other).rest], [SharedRest::Drained; 2]);
    let lists = QueueAdmin::open(&server.address("j")).unwrap().status().unwrap().lists;
    assert_eq!((lists[0].name.as_str(), lists[0].loaded), ("l.txt", true));
}

#[test]
fn url_comes_with_the_notes_that_were_there_before_it() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let [mut teller, mut other] = [(); 2].map(|()| worker(&server, options()));
    teller.tell_all(&["one".into(), "two".into(), "one".into()]).unwrap();
    add(&mut teller, "a.test/1");
    assert_eq!(lease(&mut other).notes, [Box::from("one"), Box::from("two")]);
    teller.tell_all(&["two".into(), "three".into()]).unwrap();
    assert_eq!(lease(&mut other).notes, [Box::from("three")]);
}

#[test]
fn worker_with_other_settings_is_refused_with_the_difference() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let with = |depth: &str| {
        let settings = vec![("scope".to_owned(), "host".to_owned()), ("depth".to_owned(), depth.to_owned())];
        RedisQueue::open(&server.address("j"), RedisQueueOptions { settings, ..options() })
    };
    drop(with("2").unwrap());
    drop(with("2").unwrap());
    let error = with("3").err().unwrap().to_string();
    assert!(error.contains("depth = 2 there, depth = 3 here") && !error.contains("scope"), "{error}");
}

#[test]
fn paused_job_leases_nothing() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, options());
    add(&mut queue, "a.test/1");
    let mut admin = QueueAdmin::open(&server.address("j")).unwrap();
    admin.pause(true).unwrap();
    assert!(queue.renew().unwrap().is_paused);
    assert_eq!(lease(&mut queue).rest, SharedRest::Paused);
    assert!(admin.status().unwrap().paused);
    admin.pause(false).unwrap();
    assert!(!queue.renew().unwrap().is_paused);
    assert_eq!(names(&lease(&mut queue)), "a.test/1");
}

#[test]
fn cleared_job_leaves_no_keys_and_other_jobs_alone() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, options());
    let mut other = RedisQueue::open(&server.address("j2"), options()).unwrap();
    add(&mut queue, "a.test/1 b.test/1");
    add(&mut other, "a.test/1");
    let mut hosts = Vec::new();
    let mut admin = QueueAdmin::open(&server.address("j")).unwrap();
    admin
        .hosts(|host| {
            hosts.push((host.host, host.waiting));
            Ok(())
        })
        .unwrap();
    hosts.sort();
    assert_eq!(hosts, [("a.test".to_owned(), 1), ("b.test".to_owned(), 1)]);
    assert!(admin.clear().unwrap() > 4);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.contains("{j2")), "{keys:?}");
}

#[test]
fn one_round_trip_does_for_fifty_urls() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, RedisQueueOptions { partitions: 16, ..options() });
    let page = |page: usize| (0..250).map(|n| url(&format!("h{}.test/{page}/{n}", n % 50))).collect::<Vec<_>>();
    SharedQueue::add(&mut queue, &page(0)).unwrap();
    SharedQueue::add(&mut queue, &page(1)).unwrap();
    queue.servers.round_trips = 0;
    let mut done = 0;
    for number in 2..20 {
        let leases = SharedQueue::lease(&mut queue, &SharedRequest { most: 250, per_host: 8, hosts: 50 }).unwrap();
        // Its pages have links, and then outcomes.
        SharedQueue::add(&mut queue, &page(number)).unwrap();
        assert_eq!(complete(&mut queue, &leases), 0);
        done += leases.urls.len();
    }
    let trips = queue.servers.round_trips as usize;
    assert!(done > 3_000 && trips * 50 <= done, "{trips} round trips for {done} URLs");
}
