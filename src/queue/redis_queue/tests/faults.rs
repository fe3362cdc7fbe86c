//! Servers that are killed, full, slow, or no Redis at all.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::config::QueueServer;
use crate::queue::SharedRest;

/// A worker that gives up soon.
fn impatient() -> RedisQueueOptions {
    RedisQueueOptions { patience: Duration::from_millis(300), ..options() }
}

#[test]
fn killed_server_loses_no_committed_outcome() {
    if !is_testable() {
        return;
    }
    let mut server = RedisServer::start();
    let mut queue = worker(&server, options());
    add(&mut queue, "a.test/1 a.test/2 b.test/1 b.test/2");
    let mut leases = lease(&mut queue);
    let rest = leases.urls.split_off(2);
    assert_eq!(complete(&mut queue, &leases), 0);
    server.restart();
    // The connection is broken, and the leases go on.
    let rest: Vec<_> = rest.iter().map(outcome).collect();
    assert!(SharedQueue::complete(&mut queue, &rest).unwrap().is_empty());
    let renewed = queue.renew().unwrap();
    assert!(renewed.lost.is_empty() && renewed.has_reconnected, "{renewed:?}");
    let leases = lease(&mut queue);
    assert_eq!((leases.rest, leases.has_reconnected), (SharedRest::Drained, false));
    assert_eq!(exported(&server), "a.test/1 a.test/2 b.test/1 b.test/2");
    assert_eq!(add(&mut queue, "a.test/1 b.test/1 b.test/3"), 1, "the seen set is there");
}

#[test]
fn call_waits_for_a_server_that_comes_back() {
    if !is_testable() {
        return;
    }
    let mut server = RedisServer::start();
    let mut queue = worker(&server, options());
    server.kill();
    let adding = thread::spawn(move || (add(&mut queue, "a.test/1"), queue));
    server.restart();
    let (added, mut queue) = adding.join().unwrap();
    assert_eq!((added, names(&lease(&mut queue)).as_str()), (1, "a.test/1"));
}

#[test]
fn worker_that_joins_waits_for_a_server_that_comes_back() {
    if !is_testable() {
        return;
    }
    let mut server = RedisServer::start();
    server.kill();
    let address = server.address("j");
    let joining = thread::spawn(move || RedisQueue::open(&address, options()).map(drop));
    server.restart();
    assert_eq!(joining.join().unwrap(), Ok(()));
}

#[test]
fn url_that_a_lost_answer_leased_waits_again() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, options());
    add(&mut queue, "a.test/1 a.test/2 b.test/1");
    let request = SharedRequest { most: 1, per_host: 1, hosts: 1 };
    let known =
        until(|| Some(SharedQueue::lease(&mut queue, &request).unwrap()).filter(|leases| !leases.urls.is_empty()));
    // The server has executed this one, and the worker does not know it.
    let call = queue.lease_call_for_test();
    queue.servers.run(&call).unwrap();
    queue.must_adopt = true;
    let others = lease(&mut queue);
    assert_eq!(known.urls.len() + others.urls.len(), 3, "{known:?} {others:?}");
    assert_eq!(complete(&mut queue, &known) + complete(&mut queue, &others), 0);
    assert_eq!(lease(&mut queue).rest, SharedRest::Drained);
}

#[test]
fn call_that_is_repeated_counts_once() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, impatient());
    let unkeyed = [Queued { key: None, ..url("a.test/1") }];
    SharedQueue::add(&mut queue, &unkeyed).unwrap();
    // As if the answer of the addition had been lost.
    queue.unanswered.add = Some(NumberedCall { number: queue.call, digest: queue.add_digest_for_test(&unkeyed) });
    assert_eq!(SharedQueue::add(&mut queue, &unkeyed).unwrap().new, 1);
    let leases = lease(&mut queue);
    assert_eq!(names(&leases), "a.test/1", "it was added once");
    assert_eq!(SharedQueue::add(&mut queue, &unkeyed).unwrap().new, 1, "this is another call");
}

#[test]
fn full_server_refuses_urls_and_takes_them_back() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut queue = worker(&server, impatient());
    assert_eq!(add(&mut queue, "a.test/1 a.test/2"), 2);
    let leases = lease(&mut queue);
    let mut connection = server.connection();
    let mut limit = |bytes: &str| {
        redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query::<()>(&mut connection).unwrap();
    };
    limit("1000");
    let error = SharedQueue::add(&mut queue, &[url("b.test/1")]).unwrap_err().to_string();
    assert!(error.contains("full") && error.contains("maxmemory"), "{error}");
    let outcomes: Vec<_> = leases.urls.iter().map(outcome).collect();
    SharedQueue::complete(&mut queue, &outcomes).unwrap_err();
    assert!(queue.renew().unwrap().lost.is_empty());
    limit("0");
    assert!(SharedQueue::complete(&mut queue, &outcomes).unwrap().is_empty());
    assert_eq!(add(&mut queue, "b.test/1"), 1);
    let leases = lease(&mut queue);
    limit("1000");
    queue.leave().unwrap();
    limit("0");
    assert_eq!(names(&leases), names(&lease(&mut worker(&server, options()))));
    assert_eq!(exported(&server), "a.test/1 a.test/2");
}

#[test]
fn slow_server_loses_and_repeats_nothing() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    let mut queue = worker(&server, options());
    let mut connection = server.connection();
    // Longer than a worker waits for an answer.
    let slow = thread::spawn(move || redis::cmd("DEBUG").arg("SLEEP").arg(6).query::<()>(&mut connection).unwrap());
    assert_eq!(add(&mut queue, "a.test/1 b.test/1"), 2);
    let leases = lease(&mut queue);
    assert_eq!(names(&leases), "a.test/1 b.test/1");
    slow.join().unwrap();
    assert_eq!(complete(&mut queue, &leases), 0);
    assert_eq!(lease(&mut queue).rest, SharedRest::Drained);
    assert_eq!(exported(&server), "a.test/1 b.test/1");
}

#[test]
fn wrong_password_is_refused_without_showing_it() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start_with(&["--requirepass", "swordfish"]);
    let open = |password: Option<&str>| {
        let password = password.map(str::to_owned);
        RedisQueue::open(&QueueAddress { password, ..server.address("j") }, options()).map(drop)
    };
    let error = open(None).unwrap_err().to_string();
    assert!(error.contains("asks for a password"), "{error}");
    let error = open(Some("hunter2")).unwrap_err().to_string();
    assert!(error.contains("refuses the user or the password") && !error.contains("hunter2"), "{error}");
    open(Some("swordfish")).unwrap();
}

#[test]
fn database_of_a_server_with_a_password_is_refused_with_advice() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start_with(&["--requirepass", "swordfish"]);
    let open = |password: Option<&str>, database| {
        let password = password.map(str::to_owned);
        let address = QueueAddress { password, database, ..server.address("j") };
        RedisQueue::open(&address, impatient()).map(drop).unwrap_err().to_string()
    };
    let error = open(None, 3);
    assert!(error.contains("redis://:PASSWORD@HOST") && error.contains("unix:"), "{error}");
    let error = open(Some("swordfish"), 300);
    assert!(error.contains("no database of this number"), "{error}");
}

#[test]
fn silent_server_is_told_of() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = QueueServer::Tcp { host: "127.0.0.1".to_owned(), port, tls: false };
    let address = QueueAddress { server, user: None, password: None, database: 0, job: "j".to_owned() };
    let error = RedisQueue::open(&address, impatient()).map(drop).unwrap_err().to_string();
    assert!(error.contains("no answer within 5 s") && error.contains("rediss:// (TLS)"), "{error}");
}

#[test]
fn server_that_evicts_keys_is_refused() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = RedisQueue::open(&server.address("j"), options()).map(drop).unwrap_err().to_string();
    assert!(error.contains("allkeys-lru") && error.contains("noeviction"), "{error}");
}

#[test]
fn server_without_persistence_is_warned_of() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start_with(&["--appendonly", "no"]);
    let queue = worker(&server, options());
    assert!(queue.warnings()[0].contains("loses everything when it ends"), "{:?}", queue.warnings());
    assert!(worker(&RedisServer::start(), options()).warnings().is_empty());
}

#[test]
fn port_without_redis_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = QueueAddress {
        server: QueueServer::Tcp { host: "127.0.0.1".to_owned(), port, tls: false },
        user: None,
        password: None,
        database: 0,
        job: "j".to_owned(),
    };
    let web = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 64];
        assert!(socket.read(&mut request).unwrap() > 0);
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let error = RedisQueue::open(&address, options()).map(drop).unwrap_err().to_string();
    assert!(error.contains("no Redis server answers there"), "{error}");
    web.join().unwrap();
    let error = RedisQueue::open(&address, impatient()).map(drop).unwrap_err().to_string();
    assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("refused"), "{error}");
    assert!(error.contains("check that the server runs"), "{error}");
}

impl RedisQueue {
    /// A lease of all that a worker may have.
    fn lease_call_for_test(&mut self) -> Vec<super::super::servers::Call> {
        let selection =
            super::super::lease::HostSelection { per_host: 9, counts_leased: true, only: None, full: Vec::new() };
        let share = |partition| super::super::lease::PartitionShare { partition, most: 9, new_hosts: 9 };
        (0..self.partitions.len()).map(|at| self.lease_call(share(at), &selection)).collect()
    }

    fn add_digest_for_test(&self, batch: &[Queued]) -> u64 {
        let mut digest = xxhash_rust::xxh3::Xxh3Default::new();
        for url in batch {
            let mut payload = Vec::new();
            crate::queue::stored::encode(url, &mut payload).unwrap();
            digest.update(&payload);
        }
        digest.digest()
    }
}
