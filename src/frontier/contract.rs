//! What every frontier must do, run over the whole registry.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

mod onward;
mod share;

use super::{Claim, FRONTIERS, Frontier, HoldUntil, Rules, Settled};
use crate::model::{HostPattern, Job, Origin, Seed, Subject, Timing, Tried, Verdict};
use crate::policy::pacer::{AllManners, Manners, Pacer};
use crate::policy::politeness::{PROBES, SILENT, Sign};

fn seed(path: &str, priority: i32) -> Seed {
    let url = url::Url::parse("http://h.test/").unwrap().join(path).unwrap();
    Seed { url, priority, origin: Origin { list: Arc::from("t"), line: 1 }, number: 0, wants: None, known: None }
}

fn rules(dedup: bool) -> Rules {
    Rules { dedup, concurrency: 16, first_moments: Duration::ZERO, manners: AllManners::default(), pacer: None }
}

fn each(test: impl Fn(&mut dyn Frontier)) {
    for entry in FRONTIERS {
        test(&mut *(entry.make)(rules(true)));
    }
}

fn claim(frontier: &mut dyn Frontier) -> Option<(url::Url, String)> {
    match frontier.claim() {
        Claim::Job(job) => Some((job.seed.url.clone(), job.seed.url.path().to_owned())),
        _ => None,
    }
}

#[test]
fn hands_out_in_order_of_priority_and_then_of_arrival() {
    each(|f| {
        for (path, priority) in [("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)] {
            f.push(seed(path, priority), None);
        }
        let mut order = String::new();
        while let Some((_, path)) = claim(f) {
            order.push_str(&path);
        }
        assert_eq!(order, "/b/d/a/e/c");
    });
}

#[test]
fn later_higher_priority_overtakes_what_waits() {
    each(|f| {
        f.push(seed("a", 0), None);
        f.push(seed("b", 0), None);
        assert_eq!(claim(f).unwrap().1, "/a");
        f.push(seed("urgent", 9), None);
        assert_eq!(claim(f).unwrap().1, "/urgent");
        assert_eq!(claim(f).unwrap().1, "/b");
        f.push(seed("low", -9), None);
        assert_eq!(claim(f).unwrap().1, "/low");
    });
}

#[test]
fn is_empty_only_when_nothing_waits_and_nothing_is_out() {
    each(|f| {
        assert!(matches!(f.claim(), Claim::Empty));
        f.push(seed("a", 0), None);
        assert!(f.has_ready());
        let (url, _) = claim(f).unwrap();
        assert!(!f.has_ready());
        assert!(matches!(f.claim(), Claim::Waiting));
        f.settle(Settled::Done(&url));
        assert!(matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn sees_a_url_once_unless_duplicates_are_wanted() {
    let url = "http://h.test/x";
    for entry in FRONTIERS {
        let mut f = (entry.make)(rules(true));
        assert!(!f.seen(url));
        assert!(f.seen(url), "{}", entry.name);
        let mut f = (entry.make)(rules(false));
        assert!(!f.seen(url));
        assert!(!f.seen(url), "{}", entry.name);
    }
}

#[test]
fn has_bounded_room_and_gives_everything_back() {
    each(|f| {
        let room = f.room();
        for i in 0..room {
            f.push(seed(&i.to_string(), 0), None);
        }
        assert_eq!(f.room(), 0);
        let (url, _) = claim(f).unwrap();
        assert_eq!(f.room(), 1);
        assert_eq!(f.drain(usize::MAX).len(), room - 1);
        assert!(matches!(f.claim(), Claim::Waiting), "what is out stays out");
        f.settle(Settled::Done(&url));
        assert!(matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn has_room_for_so_much_text_and_no_more() {
    each(|f| {
        let long = "x".repeat(60_000);
        let mut pushed = 0;
        while f.room() > 0 {
            f.push(seed(&long, 0), None);
            pushed += 1;
        }
        assert!(pushed < 2000, "{pushed} long URLs were taken");
        claim(f).unwrap();
        assert!(f.room() > 0, "room comes back");
    });
}

/// A job that is handed out, of any frontier.
fn job(frontier: &mut dyn Frontier) -> Box<Job> {
    match frontier.claim() {
        Claim::Job(job) => job,
        other => panic!("{other:?}"),
    }
}

fn at(base: Instant, secs: u64) -> Instant {
    base + Duration::from_secs(secs)
}

fn path(subject: &Subject) -> String {
    subject.seed().unwrap().url.path().to_owned()
}

#[test]
fn a_retry_is_the_same_job_again_and_not_before_its_time() {
    each(|f| {
        let now = Instant::now();
        f.push(seed("a", 0), Some(crate::model::Claimed("name".into())));
        f.push(seed("b", 0), None);
        let mut first = job(f);
        assert_eq!((first.attempt, f.next_due()), (1, None));
        let tried = Tried { facts: Box::default(), timing: Timing::default(), verdict: Verdict::HttpError };
        first.last = Some(Box::new(tried));
        let (id, save_as) = (first.id, first.save_as.clone());
        f.settle(Settled::RetryAt(at(now, 5), first));
        assert_eq!(f.next_due(), Some(at(now, 5)));
        let (b, path) = claim(f).unwrap();
        assert_eq!(path, "/b", "what waits for its time keeps nobody back");
        assert!(!f.has_ready() && !f.is_empty());
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 5)));
        f.settle(Settled::Done(&b));
        f.wake(at(now, 4));
        assert!(matches!(f.claim(), Claim::NotBefore(_)), "the run is not over while something waits");
        f.wake(at(now, 5));
        f.push(seed("c", 0), None);
        let again = job(f);
        assert_eq!((again.id, again.attempt, &again.save_as), (id, 2, &save_as), "before what came later");
        assert!(again.last.is_some());
        assert_eq!(f.next_due(), None);
        assert_eq!(claim(f).unwrap().1, "/c");
    });
}

#[test]
fn retries_come_by_their_time_and_take_room() {
    each(|f| {
        let now = Instant::now();
        for path in ["a", "b", "c", "d"] {
            f.push(seed(path, 0), None);
        }
        let room = f.room();
        let jobs: Vec<_> = (0..4).map(|_| job(f)).collect();
        assert_eq!(f.room(), room + 4);
        for (job, secs) in jobs.into_iter().zip([3, 1, 2, 9]) {
            f.settle(Settled::RetryAt(at(now, secs), job));
        }
        assert_eq!((f.room(), f.next_due()), (room, Some(at(now, 1))));
        f.wake(at(now, 3));
        let order: String = (0..3).map(|_| claim(f).unwrap().1).collect();
        assert_eq!(order, "/b/c/a");
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 9)));
        let left = f.drain(usize::MAX);
        assert_eq!(left.iter().map(path).collect::<String>(), "/d");
        assert!(matches!(&left[0], Subject::Job(job) if job.attempt == 1), "tried once so far");
        assert!(f.is_empty() && f.next_due().is_none());
    });
}

#[test]
fn what_waits_for_a_held_host_leaves_room_for_the_others() {
    each(|f| {
        let now = Instant::now();
        let room = f.room();
        f.push(seed("http://a.test/first", 0), None);
        f.hold_host("a.test", HoldUntil::Time(at(now, 5)));
        for n in 0..2 * room {
            assert!(f.room() > 0, "after {n}");
            f.push(seed(&format!("http://a.test/{n}"), 0), None);
        }
        assert_eq!(f.room(), room);
        f.push(seed("http://b.test/", 0), None);
        assert_eq!((f.room(), claim(f).unwrap().1.as_str()), (room - 1, "/"));
        // Its time comes: now they are as all others.
        f.wake(at(now, 5));
        assert_eq!(f.room(), 0);
        assert_eq!(f.drain(usize::MAX).len(), 2 * room + 1);
        assert_eq!(f.room(), room);
    });
}

#[test]
fn a_held_host_waits_and_the_others_go_on() {
    each(|f| {
        let now = Instant::now();
        for path in ["http://a.test/1", "http://b.test/2", "http://a.test/3", "http://a.test:81/4"] {
            f.push(seed(path, 0), None);
        }
        f.hold_host("a.test", HoldUntil::Time(at(now, 5)));
        f.hold_host("a.test", HoldUntil::Time(at(now, 2)));
        for (path, why) in [("/2", "it is free"), ("/4", "another port is another server")] {
            let (url, claimed) = claim(f).unwrap();
            assert_eq!(claimed, path, "{why}");
            f.settle(Settled::Done(&url));
        }
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 5)), "a hold is not shortened");
        f.push(seed("https://a.test/5", 9), None);
        assert!(matches!(f.claim(), Claim::NotBefore(_)), "what comes later waits too, by https as well");
        f.wake(at(now, 5));
        f.push(seed("http://a.test/6", 0), None);
        let order: String = (0..4).map(|_| claim(f).unwrap().1).collect();
        assert_eq!(order, "/5/1/3/6", "in their order, before what came since");
        assert!(!f.has_ready() && f.next_due().is_none());
    });
}

#[test]
fn a_host_that_is_held_for_good_is_refused_once_for_each() {
    each(|f| {
        let now = Instant::now();
        let room = f.room();
        for path in ["http://a.test/1", "http://a.test/2", "http://b.test/3"] {
            f.push(seed(path, 0), None);
        }
        let first = job(f);
        f.hold_host("a.test", HoldUntil::Time(at(now, 5)));
        f.settle(Settled::RetryAt(at(now, 5), first));
        assert_eq!(claim(f).unwrap().1, "/3");
        f.hold_host("a.test", HoldUntil::ForGood);
        f.hold_host("a.test", HoldUntil::Time(at(now, 9)));
        f.push(seed("http://a.test/4", 0), None);
        let mut refused = String::new();
        while let Claim::Refused(subject) = f.claim() {
            refused.push_str(&path(&subject));
        }
        assert_eq!(refused, "/1/2/4", "nobody waits for its time");
        assert!(f.is_empty() && f.next_due().is_none() && f.room() == room);
    });
}

#[test]
fn everything_is_given_back_wherever_it_waits() {
    each(|f| {
        let now = Instant::now();
        for path in ["http://a.test/1", "http://b.test/2", "http://c.test/3"] {
            f.push(seed(path, 0), None);
        }
        let first = job(f);
        f.settle(Settled::RetryAt(at(now, 5), first));
        f.hold_host("b.test", HoldUntil::Time(at(now, 5)));
        let third = job(f);
        f.settle(Settled::Done(&third.seed.url));
        f.push(seed("http://d.test/4", 0), None);
        let paths: Vec<_> = f.drain(usize::MAX).iter().map(path).collect();
        assert_eq!(paths, ["/4", "/2", "/1"]);
        assert!(f.is_empty() && !f.has_ready() && f.next_due().is_none());
        assert!(matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn what_did_not_begin_is_handed_out_again_as_the_same_try() {
    each(|f| {
        f.push(seed("a", 0), None);
        f.push(seed("b", 0), None);
        let mut first = job(f);
        let id = first.id;
        first.attempt -= 1;
        f.settle(Settled::Released(first));
        let again = job(f);
        assert_eq!((again.id, again.attempt, again.seed.url.path()), (id, 1, "/a"));
        f.settle(Settled::Done(&again.seed.url));
        assert_eq!(claim(f).unwrap().1, "/b");
        assert!(f.is_empty());
    });
}

/// Claims until nothing is ready; how many of each host.
fn claim_all(f: &mut dyn Frontier) -> std::collections::BTreeMap<String, u32> {
    let mut claimed = std::collections::BTreeMap::new();
    while f.has_ready() {
        let (url, _) = claim(f).expect("it said that there is something");
        *claimed.entry(url.host_str().unwrap().to_owned()).or_default() += 1;
    }
    claimed
}

fn push(f: &mut dyn Frontier, host: &str, n: u32) {
    (0..n).for_each(|i| f.push(seed(&format!("http://{host}/{i}"), 0), None));
}

fn well(f: &mut dyn Frontier, host: &str, times: u32) {
    let took = Some(Duration::from_millis(10));
    (0..times).for_each(|_| assert!(!f.heard(host, Sign::Well(took), &Instant::now)));
}

#[test]
fn a_host_that_is_alone_gets_all_and_others_the_same_share() {
    each(|f| {
        push(f, "a.test", 100);
        assert_eq!(claim_all(f)["a.test"], 100);
    });
    each(|f| {
        let hosts = ["a.test", "b.test", "c.test", "d.test"];
        hosts.iter().zip([100, 50, 30, 1]).for_each(|(host, n)| push(f, host, n));
        hosts.iter().for_each(|host| well(f, host, 100));
        let mut order = Vec::new();
        for _ in 0..16 {
            order.push(claim(f).unwrap().0.host_str().unwrap().to_owned());
        }
        assert_eq!(order[..4], hosts, "one after another");
        let of = |host: &str| order.iter().filter(|other| *other == host).count();
        assert_eq!(hosts.map(of), [5, 5, 5, 1], "however many wait");
        f.settle(Settled::Done(&"http://b.test/0".parse().unwrap()));
        assert_eq!(claim(f).unwrap().0.host_str(), Some("b.test"), "the one that has fewest is next");
    });
}

#[test]
fn an_urgent_line_goes_before_the_share_of_others() {
    each(|f| {
        for host in ["a.test", "b.test"] {
            push(f, host, 3);
            well(f, host, 1);
        }
        assert_eq!(claim(f).unwrap().0.host_str(), Some("a.test"));
        f.push(seed("http://a.test/urgent", 5), None);
        assert_eq!(claim(f).unwrap().1, "/urgent");
        assert_eq!(claim(f).unwrap().0.host_str(), Some("b.test"));
    });
}

#[test]
fn beside_others_a_host_has_what_it_has_shown_to_serve() {
    each(|f| {
        push(f, "a.test", 100);
        push(f, "b.test", 100);
        let claimed = claim_all(f);
        assert_eq!((claimed["a.test"], claimed["b.test"]), (1, 1), "nothing is known of them");
        well(f, "a.test", 10);
        f.settle(Settled::Done(&"http://a.test/0".parse().unwrap()));
        assert_eq!(claim_all(f)["a.test"], 11, "one, and one more for each answer");
        for _ in 0..3 {
            assert!(!f.heard("b.test", Sign::Well(Some(Duration::from_secs(30))), &Instant::now));
        }
        f.settle(Settled::Done(&"http://b.test/0".parse().unwrap()));
        assert_eq!(claim_all(f)["b.test"], 1, "it is slow, and has one");
    });
}

#[test]
fn trouble_costs_a_host_its_slots_alone_or_not() {
    each(|f| {
        let now = Instant::now();
        push(f, "a.test", 100);
        let eight: Vec<_> = (0..8).map(|_| claim(f).unwrap().0).collect();
        f.heard("a.test", Sign::Busy, &|| now);
        f.settle(Settled::Done(&eight[0]));
        assert!(!f.has_ready() && matches!(f.claim(), Claim::Waiting), "seven are out, four may be");
        eight[1..5].iter().for_each(|url| f.settle(Settled::Done(url)));
        assert_eq!(claim_all(f)["a.test"], 1);
        well(f, "a.test", 4);
        f.settle(Settled::Done(&eight[5]));
        assert_eq!(claim_all(f)["a.test"], 2, "good answers give a slot back");
    });
}

#[test]
fn a_fixed_limit_of_a_host_holds_alone_too() {
    for entry in FRONTIERS {
        let own = (HostPattern::parse("*.own.test").unwrap(), Manners { per_host: Some(1), ..Manners::default() });
        let otherwise = Manners { per_host: Some(3), ..Manners::default() };
        let mut f = (entry.make)(Rules { manners: AllManners { otherwise, hosts: vec![own] }, ..rules(true) });
        push(&mut *f, "a.test", 9);
        assert_eq!(claim_all(&mut *f)["a.test"], 3);
        push(&mut *f, "x.own.test", 9);
        assert_eq!(claim_all(&mut *f)["x.own.test"], 1);
        assert!(matches!(f.claim(), Claim::Waiting));
        f.settle(Settled::Done(&"http://x.own.test/0".parse().unwrap()));
        assert_eq!(claim_all(&mut *f)["x.own.test"], 1);
    }
}

#[test]
fn a_dead_host_is_probed_by_one_and_given_up() {
    each(|f| {
        let mut now = Instant::now();
        push(f, "a.test", 100);
        push(f, "b.test", 1);
        let room = f.room();
        let silent = |f: &mut dyn Frontier, now| {
            let url = "http://a.test/0".parse().unwrap();
            let given_up = f.heard("a.test", Sign::Silent(None), &|| now);
            f.settle(Settled::Done(&url));
            given_up
        };
        for _ in 0..SILENT {
            claim(f).unwrap();
            assert!(!silent(f, now));
        }
        for wait in PROBES {
            assert_ne!(claim(f).map(|(url, _)| url.host_str() == Some("a.test")), Some(true));
            now += wait;
            f.wake(now);
            let one = claim_all(f);
            assert_eq!(one["a.test"], 1, "one alone");
            assert_eq!(silent(f, now), wait == PROBES[3]);
        }
        let mut refused = 0;
        while let Claim::Refused(_) = f.claim() {
            refused += 1;
        }
        assert_eq!((refused, f.room()), (100 - 4 - (SILENT - 1), room + 101));
    });
}

#[tokio::test(start_paused = true)]
async fn starts_are_kept_apart_for_each_host_and_for_all() {
    for entry in FRONTIERS {
        let secs = Duration::from_secs;
        let manners = AllManners { otherwise: Manners { per_host: None, delay: secs(5) }, hosts: Vec::new() };
        let pacer = Pacer::new(manners.clone(), Some(secs(1)), None).unwrap();
        let mut f = (entry.make)(Rules { manners, pacer: Some(pacer.into()), ..rules(true) });
        push(&mut *f, "a.test", 3);
        push(&mut *f, "b.test", 3);
        let (start, mut starts) = (Instant::now(), Vec::new());
        while !f.is_empty() {
            f.wake(Instant::now());
            while let Some((url, _)) = claim(&mut *f) {
                f.settle(Settled::Done(&url));
                starts.push((url.host_str().unwrap().to_owned(), start.elapsed().as_secs()));
            }
            assert!(!f.has_ready());
            if let Some(due) = f.next_due() {
                tokio::time::sleep_until(due).await;
            }
        }
        let starts: Vec<_> = starts.iter().map(|(host, at)| (&host[..1], *at)).collect();
        assert_eq!(starts, [("a", 0), ("b", 1), ("a", 5), ("b", 6), ("a", 10), ("b", 11)]);
    }
}

#[test]
fn hosts_that_come_and_go_leave_nothing_behind() {
    each(|f| {
        for n in 0..100_000 {
            let host = format!("{n}.test");
            push(f, &host, 1);
            let (url, _) = claim(f).unwrap();
            f.heard(&host, if n % 2 == 0 { Sign::Well(None) } else { Sign::Silent(None) }, &Instant::now);
            f.settle(Settled::Done(&url));
        }
        assert!(f.hosts() <= 4096, "{}", f.hosts());
    });
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_unasked_waits_for_no_rate() {
    for entry in FRONTIERS {
        let pacer = Pacer::new(AllManners::default(), Some(Duration::from_secs(1)), None).unwrap();
        let mut f = (entry.make)(Rules { pacer: Some(pacer.into()), ..rules(true) });
        for host in ["b.test", "c.test", "a.test"] {
            push(&mut *f, host, 2);
        }
        assert_eq!(claim(&mut *f).unwrap().0.host_str(), Some("b.test"));
        assert!(!f.has_ready(), "the next one may start in a second");
        f.hold_host("a.test", HoldUntil::ForGood);
        for _ in 0..2 {
            assert!(f.has_ready() && matches!(f.claim(), Claim::Refused(_)));
        }
        assert!(!f.has_ready() && matches!(f.claim(), Claim::NotBefore(_)));
    }
}

#[test]
fn trouble_is_remembered_however_many_hosts_come_and_go_in_health() {
    each(|f| {
        let trouble = |f: &mut dyn Frontier, host: &str| {
            push(f, host, 1);
            let (url, _) = claim(f).unwrap();
            f.heard(host, Sign::Busy, &Instant::now);
            f.settle(Settled::Done(&url));
        };
        trouble(f, "a.test");
        for n in 0..10_000 {
            let host = format!("{n}.test");
            trouble(f, &host);
            push(f, &host, 1);
            let (url, _) = claim(f).unwrap();
            well(f, &host, 150);
            f.settle(Settled::Done(&url));
        }
        assert_eq!(f.hosts(), 1, "those that are well again are forgotten");
        push(f, "a.test", 9);
        assert_eq!(claim_all(f)["a.test"], 1);
    });
}

/// A host that has answered well, for which so much waits.
fn good(f: &mut dyn Frontier, host: &str, waits: u32) {
    push(f, host, waits);
    well(f, host, 20);
}

/// A host that has just said that it is busy, for which so much waits.
fn troubled(f: &mut dyn Frontier, host: &str, waits: u32) {
    push(f, host, waits + 1);
    let url = loop {
        let (url, _) = claim(f).unwrap();
        if url.host_str() == Some(host) {
            break url;
        }
        f.settle(Settled::Done(&url));
    };
    f.heard(host, Sign::Busy, &Instant::now);
    f.settle(Settled::Done(&url));
}

#[test]
fn hosts_in_trouble_have_one_slot_and_few_turns_beside_others() {
    each(|f| {
        let bad = ["x.test", "y.test", "z.test"];
        bad.iter().for_each(|host| troubled(f, host, 100));
        good(f, "g.test", 400);
        let (mut held, mut asked) = (None, 0);
        for n in 0..400 {
            let (url, _) = claim(f).unwrap();
            if url.host_str() == Some("g.test") {
                f.settle(Settled::Done(&url));
            } else {
                assert!(held.is_none() || n > 200, "together they have one of sixteen");
                (held, asked) = (Some(url), asked + 1);
            }
            if n >= 200
                && let Some(url) = held.take()
            {
                f.heard(url.host_str().unwrap(), Sign::Busy, &Instant::now);
                f.settle(Settled::Done(&url));
            }
        }
        assert!((4..=8).contains(&asked), "{asked} of four hundred");
        assert!(f.room() > 0, "what waits for them keeps nobody from being read");
        well(f, "x.test", 1);
        f.settle(Settled::Done(&"http://x.test/0".parse().unwrap()));
        let next: Vec<_> = (0..4).map(|_| claim(f).unwrap().0).collect();
        assert!(next.iter().any(|url| url.host_str() == Some("x.test")), "one good answer ends that: {next:?}");
        while let Some((url, _)) = claim(f) {
            if url.host_str() == Some("g.test") {
                f.settle(Settled::Done(&url));
            }
        }
        assert!(f.is_empty() || !f.has_ready());
    });
}

#[test]
fn alone_with_each_other_hosts_in_trouble_have_what_they_may() {
    each(|f| {
        let bad = ["x.test", "y.test", "z.test"];
        bad.iter().for_each(|host| troubled(f, host, 100));
        assert_eq!(claim_all(f), bad.map(|host| (host.to_owned(), 1)).into());
    });
}

#[test]
fn where_the_run_finds_its_limit_the_shares_follow_it() {
    for entry in FRONTIERS {
        let mut f = (entry.make)(Rules { concurrency: 512, ..rules(true) });
        let f = &mut *f;
        f.limit(10);
        troubled(f, "x.test", 9);
        troubled(f, "y.test", 9);
        good(f, "g.test", 300);
        let mut of_trouble = 0;
        for _ in 0..290 {
            let (url, _) = claim(f).unwrap();
            match url.host_str() {
                Some("g.test") => f.settle(Settled::Done(&url)),
                _ => of_trouble += 1,
            }
        }
        assert_eq!(of_trouble, 1, "one of ten");
    }
}
