//! Lists of several workers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::hosts::{Answer, Hosts};
use super::workers::{all_end, exported, worker};
use crate::support::redis::Redis;

fn list_of(hosts: &Hosts, number: usize, pages: usize) -> Vec<String> {
    (0..pages)
        .flat_map(|page| (0..number).map(move |host| (host, page)))
        .map(|(host, page)| hosts.url(host, &format!("/{page}")))
        .collect()
}

#[test]
fn a_list_is_loaded_once_and_fetched_by_all_workers() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(20, Duration::from_millis(3), |_, _, path| Answer::page(path.to_owned()));
    let urls = list_of(&hosts, 20, 20);
    let text = urls.join("\n") + "\nno url\n" + &urls[0] + "\n";
    let mut workers: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| worker(&redis, "list", name, &["-c", "8", "sites.txt"]).file("sites.txt", &text).spawn())
        .collect();
    hosts.wait_for(1, || false);
    // It has no list of its own.
    workers.push(worker(&redis, "list", "d", &["-c", "8"]).spawn());
    let codes: BTreeSet<_> = workers.into_iter().map(|running| running.wait().code()).collect();
    assert_eq!(codes, BTreeSet::from([Some(0), Some(1)]), "one worker has the line that is no URL");
    let outcomes = exported(&redis, "list");
    let lines = urls.iter().cloned().chain(["no url".to_owned()]);
    assert_eq!(outcomes.keys().cloned().collect::<BTreeSet<_>>(), lines.collect());
    assert_eq!(outcomes["no url"]["outcome"], "failed", "the line that is no URL has its outcome");
    assert_eq!(hosts.requests().len(), urls.len(), "each URL was asked for once");
    hosts.assert_one_worker_at_a_time();
}

#[test]
fn a_redirect_to_a_host_of_another_worker_waits_for_it() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(6, Duration::from_millis(5), |addresses, host, path| match path.strip_prefix("/to/") {
        Some(page) => Answer::redirect(&super::hosts::url(addresses, (host + 1) % 6, &format!("/{page}"))),
        None => Answer::page(path.to_owned()),
    });
    let direct = (0..6).flat_map(|host| (0..15).map(move |page| (host, format!("/{page}"))));
    let moved = (0..6).flat_map(|host| (100..115).map(move |page| (host, format!("/to/{page}"))));
    let urls: Vec<_> = direct.chain(moved).map(|(host, path)| hosts.url(host, &path)).collect();
    let text = urls.join("\n");
    let workers = ["a", "b", "c"].map(|name| worker(&redis, "moved", name, &["-c", "4", "l"]).file("l", &text).spawn());
    all_end(workers.into());
    let outcomes = exported(&redis, "moved");
    assert_eq!(outcomes.len(), urls.len());
    let redirected = outcomes.values().filter(|record| record["redirects"].as_array().unwrap().len() == 1).count();
    assert_eq!((redirected, outcomes.values().filter(|record| record["outcome"] == "ok").count()), (90, 180));
    hosts.assert_one_worker_at_a_time();
}

#[test]
fn an_idle_worker_gets_hosts_of_a_busy_one() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(8, Duration::from_millis(20), |_, _, path| Answer::page(path.to_owned()));
    let urls = list_of(&hosts, 8, 150);
    let text = urls.join("\n");
    let first = worker(&redis, "late", "a", &["-c", "4", "l"]).file("l", &text).spawn();
    hosts.wait_for(50, || false);
    let second = worker(&redis, "late", "b", &["-c", "4"]).spawn();
    all_end(vec![first, second]);
    let of_second = hosts.requests().iter().filter(|request| request.worker == "b").count();
    assert!(of_second > urls.len() / 8, "{of_second} of {} requests", urls.len());
    assert_eq!(exported(&redis, "late").len(), urls.len());
    hosts.assert_one_worker_at_a_time();
}

#[test]
fn a_short_list_is_divided() {
    let Some(redis) = Redis::start() else { return };
    let hosts = Hosts::start(8, Duration::from_millis(800), |_, _, path| Answer::page(path.to_owned()));
    let text = list_of(&hosts, 8, 6).join("\n");
    let arguments = ["-c", "2", "--per-host", "1", "l"];
    let workers = ["a", "b", "c", "d"].map(|name| worker(&redis, "short", name, &arguments).file("l", &text).spawn());
    all_end(workers.into());
    let requests = hosts.requests();
    let of = |name: &str| requests.iter().filter(|request| request.worker == name).count();
    let helpers = ["a", "b", "c", "d"].iter().filter(|name| of(name) >= 4).count();
    assert!(helpers >= 3, "{:?} of {} requests", ["a", "b", "c", "d"].map(of), requests.len());
    assert_eq!(exported(&redis, "short").len(), 48);
    hosts.assert_one_worker_at_a_time();
}
