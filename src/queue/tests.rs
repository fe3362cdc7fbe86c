//! The contract of queues, for each of them.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;
use url::Url;

use super::*;
use crate::model::SourcePos;

type NewQueue = fn() -> Box<dyn UrlQueue>;

/// The queues of this machine.
fn queues() -> Vec<(&'static str, NewQueue)> {
    let mut queues: Vec<(&str, NewQueue)> = vec![
        ("memory", || Box::new(MemoryQueue::default())),
        ("sqlite", || Box::new(SqliteQueue::temporary(1 << 30).unwrap())),
    ];
    if redis_queue::is_testable() {
        queues.push(("redis", || Box::new(redis_queue::new_queue())));
    }
    queues
}

/// Plays a test on every queue.
fn each(test: impl Fn(&mut dyn UrlQueue)) {
    for (name, make) in queues() {
        println!("{name}");
        test(&mut *make());
    }
}

/// `a/1` or, with a priority, `a/1!5`.
fn url(text: &str) -> Queued {
    let (path, priority) = text.split_once('!').map_or((text, 0), |(path, priority)| (path, priority.parse().unwrap()));
    Queued {
        id: JobId(0),
        url: Url::parse(&format!("http://{path}")).unwrap(),
        via: Via::List(SourcePos { list: Arc::from("l"), line: 1 }),
        depth: 0,
        kind: Kind::Page,
        priority,
        save_as: None,
        key: None,
    }
}

fn with_key(text: &str) -> Queued {
    Queued { key: Some(Fingerprint::of(text)), ..url(text) }
}

fn add(queue: &mut dyn UrlQueue, urls: &str) -> Added {
    queue.add(&urls.split_whitespace().map(url).collect::<Vec<_>>()).unwrap()
}

fn names(leases: &Leases) -> String {
    let name = |url: &Queued| format!("{}{}", url.host(), url.url.path());
    leases.urls.iter().map(|(_, url)| name(url)).collect::<Vec<_>>().join(" ")
}

fn ids(leases: &Leases) -> Vec<LeaseId> {
    leases.urls.iter().map(|(id, _)| *id).collect()
}

/// Leases from all hosts but `full`.
fn lease_but(queue: &mut dyn UrlQueue, most: usize, per_host: usize, full: &[&str]) -> Leases {
    let full: HashSet<Arc<str>> = full.iter().map(|host| Arc::from(*host)).collect();
    queue.lease(&LeaseRequest { most, per_host, hosts: Hosts::AllBut(&full) }).unwrap()
}

fn lease(queue: &mut dyn UrlQueue, most: usize) -> Leases {
    lease_but(queue, most, most, &[])
}

fn lease_of(queue: &mut dyn UrlQueue, most: usize, host: &str) -> Leases {
    queue.lease(&LeaseRequest { most, per_host: most, hosts: Hosts::Only(host) }).unwrap()
}

#[test]
fn urls_come_back_as_they_were_added() {
    let origin = |list: &str, line| SourcePos { list: Arc::from(list), line };
    let all = [
        url("h.test/a?%C3%BC=1"),
        Queued { id: JobId(u64::MAX), via: Via::Added(origin("ü", u64::MAX)), ..url("h.test:8080/") },
        Queued { depth: 7, kind: Kind::Sitemap, priority: i32::MIN, ..with_key("h.test/s") },
        Queued { kind: Kind::Robots, save_as: Some(Claimed("x/é".into())), ..url("h.test/robots.txt") },
        Queued { kind: Kind::Requisite, priority: i32::MAX, via: Via::List(origin("m", 3)), ..url("h.test/i") },
    ];
    each(|queue| {
        assert_eq!(queue.add(&all).unwrap(), Added { new: 5, seen: 0 });
        let back = lease(queue, 10).urls;
        assert_eq!(back.len(), 5);
        assert!(all.iter().all(|url| back.iter().any(|(_, other)| other == url)), "{back:?}");
    });
}

#[test]
fn url_with_a_key_is_added_once() {
    each(|queue| {
        let added = queue.add(&[with_key("a/1"), with_key("a/2"), with_key("a/1"), with_key("b/1")]).unwrap();
        assert_eq!(added, Added { new: 3, seen: 1 });
        let leases = lease(queue, 10);
        queue.complete(&ids(&leases)).unwrap();
        assert_eq!(queue.add(&[with_key("a/2"), with_key("a/3")]).unwrap(), Added { new: 1, seen: 1 });
        assert_eq!(names(&lease(queue, 10)), "a/3");
        assert_eq!(add(queue, "a/1 a/1"), Added { new: 2, seen: 0 }, "without a key they are not compared");
    });
}

#[test]
fn urls_of_a_host_come_by_priority_then_in_order() {
    each(|queue| {
        add(queue, "a/1 a/2!-1 a/3!5 a/4 a/5!5");
        assert_eq!(names(&lease(queue, 3)), "a/3 a/5 a/1");
        add(queue, "a/6!9 a/7");
        assert_eq!(names(&lease(queue, 9)), "a/6 a/4 a/7 a/2");
    });
}

#[test]
fn hosts_take_turns_within_the_limits() {
    each(|queue| {
        add(queue, "a/1 a/2 a/3 b/1 c/1 c/2 c/3 b/2");
        assert_eq!(names(&lease_but(queue, 3, 1, &[])), "a/1 b/1 c/1");
        assert_eq!(names(&lease_but(queue, 2, 1, &[])), "a/2 b/2");
        let rest = lease_but(queue, 9, 1, &["a"]);
        assert_eq!((names(&rest), rest.rest), ("c/2".to_owned(), Rest::More));
        let rest = lease_but(queue, 9, 9, &["a"]);
        assert_eq!((names(&rest), rest.rest), ("c/3".to_owned(), Rest::Waits));
        assert_eq!(names(&lease(queue, 9)), "a/3");
    });
}

#[test]
fn one_host_alone_can_be_asked() {
    each(|queue| {
        add(queue, "a/1 b/1 b/2 b/3");
        let first = lease_of(queue, 2, "b");
        assert_eq!((names(&first), first.rest), ("b/1 b/2".to_owned(), Rest::More));
        let second = lease_of(queue, 2, "b");
        assert_eq!((names(&second), second.rest), ("b/3".to_owned(), Rest::Waits));
        assert_eq!(lease_of(queue, 2, "c").rest, Rest::Waits);
        assert_eq!(names(&lease(queue, 9)), "a/1");
    });
}

#[test]
fn released_urls_return_to_their_place() {
    each(|queue| {
        add(queue, "a/1 a/2 a/3 a/4");
        let first = lease(queue, 3);
        queue.complete(&ids(&first)[1..2]).unwrap();
        queue.release(&ids(&first)[..1]).unwrap();
        let second = lease(queue, 9);
        assert_eq!(names(&second), "a/1 a/4", "a/2 is done, a/3 is leased");
        queue.release(&ids(&second)).unwrap();
        queue.release(&ids(&first)[2..]).unwrap();
        assert_eq!(names(&lease(queue, 9)), "a/1 a/3 a/4");
    });
}

#[test]
fn drained_needs_every_lease_completed() {
    each(|queue| {
        assert_eq!(lease(queue, 9).rest, Rest::Drained);
        add(queue, "a/1 b/1");
        let leases = lease(queue, 9);
        assert_eq!(leases.rest, Rest::Waits);
        queue.complete(&ids(&leases)[..1]).unwrap();
        assert_eq!(lease(queue, 9).rest, Rest::Waits);
        queue.complete(&ids(&leases)[1..]).unwrap();
        assert_eq!(lease(queue, 9).rest, Rest::Drained);
    });
}

#[test]
fn leases_without_urls_change_nothing() {
    each(|queue| {
        add(queue, "a/1");
        queue.complete(&[LeaseId(0), LeaseId(9)]).unwrap();
        queue.release(&[LeaseId(0)]).unwrap();
        assert_eq!(names(&lease_but(queue, 0, 9, &[])), "");
        assert_eq!(names(&lease(queue, 9)), "a/1");
    });
}

#[derive(Debug, Clone)]
enum Op {
    Add(Vec<(usize, i32, u8)>),
    Lease { most: usize, per_host: usize, full: Vec<usize> },
    LeaseOf(usize, usize),
    Complete(usize, usize),
    Release(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let added = prop::collection::vec((0..3_usize, -1..2_i32, 0..40_u8), 1..20);
    prop_oneof![
        3 => added.prop_map(Op::Add),
        2 => (0..20_usize, 0..6_usize, prop::collection::vec(0..3_usize, 0..2))
            .prop_map(|(most, per_host, full)| Op::Lease { most, per_host, full }),
        1 => (0..3_usize, 0..20_usize).prop_map(|(host, most)| Op::LeaseOf(host, most)),
        2 => (0..50_usize, 1..20_usize).prop_map(|(from, n)| Op::Complete(from, n)),
        1 => (0..50_usize, 1..20_usize).prop_map(|(from, n)| Op::Release(from, n)),
    ]
}

const HOSTS: [&str; 3] = ["a", "b", "c"];

/// Does the same on a queue as on others; returns what can be seen of it.
fn play(queue: &mut dyn UrlQueue, open: &mut Vec<LeaseId>, op: &Op) -> String {
    match op {
        Op::Add(urls) => {
            let one = |(host, priority, key): &(usize, i32, u8)| {
                let path = format!("{}/{key}", HOSTS[*host]);
                Queued { priority: *priority, key: (key % 4 > 0).then(|| Fingerprint::of(&path)), ..url(&path) }
            };
            format!("{:?}", queue.add(&urls.iter().map(one).collect::<Vec<_>>()).unwrap())
        }
        Op::Lease { most, per_host, full } => {
            let full: Vec<_> = full.iter().map(|host| HOSTS[*host]).collect();
            let leases = lease_but(queue, *most, *per_host, &full);
            open.extend(ids(&leases));
            format!("{} {:?}", names(&leases), leases.rest)
        }
        Op::LeaseOf(host, most) => {
            let leases = lease_of(queue, *most, HOSTS[*host]);
            open.extend(ids(&leases));
            format!("{} {:?}", names(&leases), leases.rest)
        }
        Op::Complete(from, n) | Op::Release(from, n) => {
            let from = (*from).min(open.len());
            let ids: Vec<_> = open.drain(from..(from + n).min(open.len())).collect();
            let done = if matches!(op, Op::Complete(..)) { queue.complete(&ids) } else { queue.release(&ids) };
            format!("{done:?}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn all_queues_do_the_same(ops in prop::collection::vec(op(), 1..40)) {
        let mut queues: Vec<_> = queues().iter().map(|(_, make)| (make(), Vec::new())).collect();
        for op in ops {
            let seen: Vec<_> = queues.iter_mut().map(|(queue, open)| play(&mut **queue, open, &op)).collect();
            prop_assert!(seen.iter().all(|one| *one == seen[0]), "{op:?}: {seen:#?}");
        }
    }
}

/// The queue in a file, as the next process finds it. The one before was killed: it has closed nothing.
fn reopened(path: &std::path::Path) -> SqliteQueue {
    SqliteQueue::new(Connection::open(path).unwrap()).unwrap()
}

#[test]
fn queue_of_a_killed_process_has_all_that_was_not_completed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut killed = reopened(&path);
    killed.add(&[with_key("a/1"), with_key("a/2"), with_key("b/1")]).unwrap();
    let leases = lease(&mut killed, 9);
    killed.complete(&ids(&leases)[..1]).unwrap();
    let mut next = reopened(&path);
    assert_eq!(next.add(&[with_key("a/1"), with_key("a/3")]).unwrap(), Added { new: 1, seen: 1 });
    let leases = lease(&mut next, 9);
    assert_eq!(names(&leases), "a/2 a/3 b/1");
    next.complete(&ids(&leases)).unwrap();
    let mut last = reopened(&path);
    assert_eq!(lease(&mut last, 9).rest, Rest::Drained);
    assert_eq!(last.add(&[with_key("b/1")]).unwrap(), Added { new: 0, seen: 1 });
}

#[test]
fn addition_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut queue = reopened(&path);
    add(&mut queue, "a/1");
    let other = Connection::open(&path).unwrap();
    let hosts_and_lanes = || {
        let count = "SELECT (SELECT count(*) FROM queue_hosts) || (SELECT count(*) FROM queue_lanes)";
        other.query_one(count, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON queue_urls WHEN new.id >> 32 = 3 BEGIN SELECT RAISE(ABORT, ''); END";
    other.execute_batch(full).unwrap();
    let batch = ["b/1", "a/2!5", "a/3", "c/1"].map(url);
    queue.add(&batch).unwrap_err();
    assert_eq!(hosts_and_lanes(), "11");
    other.execute_batch("DROP TRIGGER full").unwrap();
    add(&mut queue, "c/9");
    queue.add(&batch).unwrap();
    assert_eq!(names(&lease(&mut reopened(&path), 9)), "a/2 a/1 a/3 c/9 c/1 b/1");
    assert_eq!(names(&lease(&mut queue, 9)), "a/2 a/1 a/3 c/9 c/1 b/1");
}

#[test]
fn full_temporary_file_keeps_what_it_has() {
    let mut queue = SqliteQueue::temporary(256 * 1024).unwrap();
    let batch = |n: usize| (0..64).map(|m| url(&format!("a/{n}/{m}/{}", "x".repeat(50)))).collect::<Vec<_>>();
    let full = (0..).find(|n| queue.add(&batch(*n)).is_err()).unwrap();
    assert!(full > 5, "{full} batches");
    let leases = lease(&mut queue, usize::MAX);
    let added: Vec<_> = (0..full).flat_map(batch).collect();
    assert_eq!(leases.urls.iter().map(|(_, url)| url.clone()).collect::<Vec<_>>(), added);
    queue.complete(&ids(&leases)).unwrap();
    queue.add(&batch(full)).unwrap();
    assert_eq!(lease(&mut queue, usize::MAX).urls.len(), 64, "it has room again");
}

#[test]
fn damaged_url_leaves_the_others_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut queue = reopened(&path);
    add(&mut queue, "a/1 a/2 b/1");
    let damage = "UPDATE queue_urls SET url = x'00ff' WHERE id = 1";
    Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    let wanted = LeaseRequest { most: 9, per_host: 9, hosts: Hosts::Only("a") };
    let error = queue.lease(&wanted).unwrap_err();
    assert!(error.to_string().starts_with("a URL of the queue is damaged"), "{error}");
    assert_eq!(names(&lease_of(&mut queue, 1, "a")), "a/1");
    assert_eq!(names(&lease_of(&mut queue, 9, "b")), "b/1");
}
