//! `fetchall queue`: what people ask and tell a job.

use std::sync::Arc;

use fetchall::config::QueueAddress;
use fetchall::model::{JobId, Kind, SourcePos, Via};
use fetchall::queue::{Committed, Queued, RedisQueue, RedisQueueOptions, SharedQueue, SharedRequest};
use url::Url;

use crate::support::cli::{Fetchall, Finished};
use crate::support::redis::Redis;

/// Runs a command of `fetchall queue` that ends with this code.
fn queue(words: &[&str], code: i32) -> Finished {
    Fetchall::new().arg("queue").args(words.iter().copied()).run().expect_code(code)
}

/// A job of two URLs: one is done, one waits. Its worker lives.
fn job(address: &str) -> RedisQueue {
    let worker = "machine-1".to_owned();
    let settings = vec![("scope".to_owned(), "host".to_owned())];
    let options = RedisQueueOptions { worker, settings, ..RedisQueueOptions::default() };
    let mut queue = RedisQueue::open(&QueueAddress::parse(address).unwrap(), options).unwrap();
    let url = |text: &str| Queued {
        id: JobId(0),
        url: Url::parse(text).unwrap(),
        via: Via::List(SourcePos { list: Arc::from("l"), line: 1 }),
        depth: 0,
        kind: Kind::Page,
        priority: 0,
        save_as: None,
        key: None,
    };
    SharedQueue::add(&mut queue, &[url("http://a.test/1"), url("http://a.test/2")]).unwrap();
    let request = SharedRequest { most: 1, per_host: 1, hosts: 1 };
    let mut leases = Vec::new();
    while leases.is_empty() {
        leases = SharedQueue::lease(&mut queue, &request).unwrap().urls;
    }
    let record = br#"{"url":"http://a.test/1"}"#.to_vec();
    let done = Committed { lease: leases[0].lease, verdict: "ok", record };
    assert!(SharedQueue::complete(&mut queue, &[done]).unwrap().is_empty());
    queue
}

#[test]
fn status_and_hosts_say_what_waits_and_who_has_it() {
    let Some(server) = Redis::start() else { return };
    let address = server.job("j");
    let mut worker = job(&address);
    SharedQueue::renew(&mut worker).unwrap();
    let text = queue(&["status", &address], 0).stdout;
    assert!(text.contains("2 added, 1 wait, 0 leased, 1 done") && text.contains("machine-1: 1 hosts"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&queue(&["status", &address, "--json"], 0).stdout).unwrap();
    assert_eq!((&json["ok"], &json["waiting"], &json["job"]), (&1.into(), &1.into(), &"j".into()));
    assert_eq!((&json["workers"][0]["name"], &json["settings"][0]), (&"machine-1".into(), &"scope = host".into()));
    let text = queue(&["hosts", &address], 0).stdout;
    assert!(text.contains("machine-1") && text.trim_end().ends_with(" a.test"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&queue(&["hosts", &address, "--json"], 0).stdout).unwrap();
    assert_eq!((&json["host"], &json["waiting"], &json["leased"]), (&"a.test".into(), &1.into(), &0.into()));
    let run = queue(&["pause", &address], 0);
    assert!(run.stderr.contains("paused"), "{}", run.stderr);
    assert!(queue(&["status", &address], 0).stdout.contains("j (paused)"));
    queue(&["resume", &address], 0);
    assert!(!queue(&["status", &address], 0).stdout.contains("paused"));
}

#[test]
fn export_has_each_record_and_clear_asks_first() {
    let Some(server) = Redis::start() else { return };
    let address = server.job("j");
    let mut worker = job(&address);
    assert_eq!(queue(&["export", &address], 0).stdout, "{\"url\":\"http://a.test/1\"}\n");
    assert_eq!(queue(&["failed", &address], 0).stdout, "");
    assert!(queue(&["retry", &address], 0).stderr.contains("again: 0"));
    let refused = queue(&["clear", &address, "--yes"], 2).stderr;
    assert!(refused.contains("workers of the job: 1"), "{refused}");
    SharedQueue::leave(&mut worker).unwrap();
    let refused = queue(&["clear", &address], 2).stderr;
    assert!(refused.contains("1 records and 1 URLs") && refused.contains("--yes"), "{refused}");
    queue(&["clear", &address, "--yes"], 0);
    let missing = queue(&["status", &address], 2).stderr;
    assert!(missing.contains("no job j"), "{missing}");
}

#[test]
fn queue_comes_from_the_settings_if_the_command_names_none() {
    let Some(server) = Redis::start() else { return };
    let address = server.job("j");
    let _worker = job(&address);
    let run = Fetchall::new().env("FETCHALL_QUEUE", &address).args(["queue", "status"]).run().expect_code(0);
    assert!(run.stdout.contains("2 added, 1 wait"), "{}", run.stdout);
    let missing = queue(&["status"], 2).stderr;
    assert!(missing.contains("FETCHALL_QUEUE"), "{missing}");
    Fetchall::new().env("FETCHALL_QUEUE", &address).args(["demo", "--quiet"]).run();
    let run = queue(&["status", &address], 0);
    assert!(run.stdout.contains("2 added, 1 wait"), "the demo is no part of the job: {}", run.stdout);
}

#[test]
fn worker_without_a_list_ends_with_2_if_there_is_no_job() {
    let Some(server) = Redis::start() else { return };
    let run = Fetchall::new().args(["--queue", &server.job("typo")]).run().expect_code(2);
    assert!(run.stderr.contains("no job typo; give a list"), "{}", run.stderr);
    queue(&["status", &server.job("typo")], 2);
}

#[test]
fn line_that_is_no_url_stays_failed_in_the_job() {
    let Some(server) = Redis::start() else { return };
    let address = server.job("bad");
    let list = "foo bar\nhttp://joe:hunter2@127.0.0.1/x\n";
    let run = |code| Fetchall::new().args(["--queue", &address, "l"]).file("l", list).run().expect_code(code);
    run(1);
    // The list is loaded, and its outcomes stay.
    run(0);
    let status: serde_json::Value = serde_json::from_str(&queue(&["status", &address, "--json"], 0).stdout).unwrap();
    assert_eq!((&status["failed"], &status["added"]), (&2.into(), &2.into()), "{status}");
    let export = queue(&["export", &address], 0).stdout;
    assert!(export.contains("foo bar") && export.contains("\"outcome\":\"failed\""), "{export}");
    assert!(!export.contains("hunter2"), "{export}");
}

#[test]
fn wrong_queue_is_refused_without_showing_its_password() {
    for (address, why) in [
        ("redis://ann:hunter2@127.0.0.1:1/0?job=a b", "no name of a job"),
        ("http://ann:hunter2@127.0.0.1/", "is no queue"),
        ("redis://ann:hunter2@127.0.0.1:1/0", "redis://127.0.0.1:1/0?job=default: "),
    ] {
        let run = queue(&["status", address], 2);
        assert!(run.stderr.contains(why) && !run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}
