//! Two workers at one job.

use std::collections::HashSet;
use std::sync::Arc;

use url::Url;

use super::*;
use crate::model::{JobId, Kind, SourcePos, Via};
use crate::policy::text::fingerprint::Fingerprint;
use crate::queue::{Committed, LeaseId, LeasedUrl, Queued, SharedQueue, SharedRequest, SharedRest};

pub fn url(text: &str) -> Queued {
    Queued {
        id: JobId(0),
        url: Url::parse(&format!("http://{text}")).unwrap(),
        via: Via::List(SourcePos { list: Arc::from("l"), line: 1 }),
        depth: 0,
        kind: Kind::Page,
        priority: 0,
        save_as: None,
        key: Some(Fingerprint::of(text)),
    }
}

pub const ALL: SharedRequest = SharedRequest { most: 100, per_host: 100, hosts: 100 };

pub fn committed(lease: LeaseId, record: &str) -> Committed {
    Committed { lease, verdict: "ok", record: record.as_bytes().to_vec() }
}

#[test]
fn no_url_and_no_host_is_leased_twice() {
    if !is_testable() {
        return;
    }
    let server = RedisServer::start();
    let mut workers = [(); 2].map(|()| RedisQueue::open(&server.address("j"), options()).unwrap());
    let urls: Vec<_> = (0..200).map(|n| url(&format!("h{}.test/{n}", n % 20))).collect();
    assert_eq!(SharedQueue::add(&mut workers[0], &urls).unwrap().new, 200);
    assert_eq!(SharedQueue::add(&mut workers[1], &urls).unwrap().seen, 200);
    let mut hosts: [HashSet<String>; 2] = Default::default();
    let mut done = HashSet::new();
    let request = SharedRequest { most: 7, per_host: 3, hosts: 10 };
    while done.len() < 200 {
        for at in 0..2 {
            let leases = SharedQueue::lease(&mut workers[at], &request).unwrap();
            let mut outcomes = Vec::new();
            for LeasedUrl { lease, url, .. } in leases.urls {
                assert!(done.insert(url.url.to_string()), "{url:?} twice");
                assert!(!hosts[1 - at].contains(url.host()), "{url:?} of a host of the other worker");
                hosts[at].insert(url.host().to_owned());
                outcomes.push(committed(lease, url.url.as_str()));
            }
            assert!(SharedQueue::complete(&mut workers[at], &outcomes).unwrap().is_empty());
        }
    }
    assert_eq!(hosts.each_ref().map(HashSet::len), [10, 10]);
    for worker in &mut workers {
        assert_eq!(SharedQueue::lease(worker, &ALL).unwrap().rest, SharedRest::Drained);
    }
}
