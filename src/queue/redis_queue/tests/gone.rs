//! Jobs that are not there: lost with their server, removed by people, or never made.

use super::*;
use crate::queue::HostPace;

/// What every call of a worker says when its job is gone.
const GONE: &str = "the job j is no longer in this server; run again with the list";

fn assert_gone<T: std::fmt::Debug>(queue: &RedisQueue, result: Result<T, crate::queue::QueueError>) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(GONE) && queue.is_gone(), "{error}");
}

/// A call of a queue.
type QueueCall<'a> = &'a dyn Fn(&mut RedisQueue) -> Result<(), crate::queue::QueueError>;

/// Every call says that the job is gone, and none makes a key.
fn assert_all_gone(queue: &mut RedisQueue, leases: &SharedLeases) {
    let outcomes: Vec<_> = leases.urls.iter().map(outcome).collect();
    let calls: [QueueCall<'_>; 7] = [
        &|queue| SharedQueue::lease(queue, &ALL).map(drop),
        &|queue| queue.renew().map(drop),
        &|queue| SharedQueue::complete(queue, &outcomes).map(drop),
        &|queue| SharedQueue::add(queue, &[url("c.test/1")]).map(drop),
        &|queue| queue.lease_host("a.test").map(drop),
        &|queue| queue.tell_all(&[Box::from("note")]),
        &|queue| queue.list_loaded("digest"),
    ];
    for call in calls {
        let result = call(queue);
        assert_gone(queue, result);
    }
}

#[test]
fn job_that_people_remove_is_gone_without_a_key() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, options());
    add(&mut queue, "a.test/1 a.test/2 b.test/1");
    let leases = lease(&mut queue);
    assert!(!queue.is_gone());
    QueueAdmin::open(&server.address("j")).unwrap().clear().unwrap();
    assert_all_gone(&mut queue, &leases);
    let pace = HostPace { host: Box::from("a.test"), ..HostPace::default() };
    let result = queue.store_pace(&[pace]);
    assert_gone(&queue, result);
    let result = queue.leave();
    assert_gone(&queue, result);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).unwrap();
    assert_eq!(keys, Vec::<String>::new());
}

#[test]
fn job_that_its_server_has_lost_is_not_done() {
    if !is_testable() {
        return;
    }
    let mut server = RedisServer::start_with(&["--appendonly", "no"]);
    let mut queue = worker(&server, options());
    add(&mut queue, "a.test/1 a.test/2 b.test/1");
    let leases = lease(&mut queue);
    server.restart();
    assert_all_gone(&mut queue, &leases);
}

#[test]
fn another_job_of_the_same_name_is_not_taken_for_the_old_one() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut old = worker(&server, options());
    QueueAdmin::open(&server.address("j")).unwrap().clear().unwrap();
    let mut new = worker(&server, options());
    let result = SharedQueue::lease(&mut old, &ALL).map(drop);
    assert_gone(&old, result);
    let result = old.renew();
    assert_gone(&old, result);
    add(&mut new, "a.test/1");
    assert_eq!(names(&lease(&mut new)), "a.test/1");
}

#[test]
fn worker_without_urls_makes_no_job_and_joins_one() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let joins = RedisQueueOptions { may_create: false, ..options() };
    let error = RedisQueue::open(&server.address("j"), joins.clone()).map(drop).unwrap_err().to_string();
    assert!(error.contains("no job j; give a list, or check job=NAME"), "{error}");
    let settings = vec![("delay".to_owned(), "1s".to_owned())];
    let mut first = worker(&server, RedisQueueOptions { settings: settings.clone(), ..options() });
    add(&mut first, "a.test/1");
    let mut second = worker(&server, RedisQueueOptions { settings, ..joins });
    assert_eq!(names(&lease(&mut second)), "a.test/1");
}
