//! What every frontier must do, run over the whole registry.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Claim, FRONTIERS, Frontier, HoldUntil, Settled};
use crate::model::{Facts, Job, Origin, Seed, Subject, Timing, Tried, Verdict};

fn seed(path: &str, priority: i32) -> Seed {
    let url = url::Url::parse("http://h.test/").unwrap().join(path).unwrap();
    Seed { url, priority, origin: Origin { list: Arc::from("t"), line: 1 }, number: 0, wants: None, known: None }
}

fn each(test: impl Fn(&mut dyn Frontier)) {
    for entry in FRONTIERS {
        test(&mut *(entry.make)(true));
    }
}

fn claim(frontier: &mut dyn Frontier) -> Option<(crate::model::JobId, String)> {
    match frontier.claim() {
        Claim::Job(job) => Some((job.id, job.seed.url.path().to_owned())),
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
        let (id, _) = claim(f).unwrap();
        assert!(!f.has_ready());
        assert!(matches!(f.claim(), Claim::Waiting));
        f.settle(id, Settled::Done);
        assert!(matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn sees_a_url_once_unless_duplicates_are_wanted() {
    let url = "http://h.test/x";
    for entry in FRONTIERS {
        let mut f = (entry.make)(true);
        assert!(!f.seen(url));
        assert!(f.seen(url), "{}", entry.name);
        let mut f = (entry.make)(false);
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
        let (id, _) = claim(f).unwrap();
        assert_eq!(f.room(), 1);
        assert_eq!(f.drain().len(), room - 1);
        assert!(matches!(f.claim(), Claim::Waiting), "what is out stays out");
        f.settle(id, Settled::Done);
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
        let tried = Tried { facts: Facts::default(), timing: Timing::default(), verdict: Verdict::HttpError };
        first.last = Some(Box::new(tried));
        let (id, save_as) = (first.id, first.save_as.clone());
        f.settle(id, Settled::RetryAt(at(now, 5), first));
        assert_eq!(f.next_due(), Some(at(now, 5)));
        let (b, path) = claim(f).unwrap();
        assert_eq!(path, "/b", "what waits for its time keeps nobody back");
        assert!(!f.has_ready() && !f.is_empty());
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 5)));
        f.settle(b, Settled::Done);
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
            f.settle(job.id, Settled::RetryAt(at(now, secs), job));
        }
        assert_eq!((f.room(), f.next_due()), (room, Some(at(now, 1))));
        f.wake(at(now, 3));
        let order: String = (0..3).map(|_| claim(f).unwrap().1).collect();
        assert_eq!(order, "/b/c/a");
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 9)));
        let left = f.drain();
        assert_eq!(left.iter().map(path).collect::<String>(), "/d");
        assert!(matches!(&left[0], Subject::Job(job) if job.attempt == 1), "tried once so far");
        assert!(f.is_empty() && f.next_due().is_none());
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
        assert_eq!(claim(f).unwrap().1, "/2");
        assert_eq!(claim(f).unwrap().1, "/4", "another port is another server");
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
        f.settle(first.id, Settled::RetryAt(at(now, 5), first));
        assert_eq!(claim(f).unwrap().1, "/3");
        f.hold_host("a.test", HoldUntil::ForGood);
        f.hold_host("a.test", HoldUntil::Time(at(now, 9)));
        f.push(seed("http://a.test/4", 0), None);
        let mut refused = String::new();
        while let Claim::Refused(subject) = f.claim() {
            refused.push_str(&path(&subject));
        }
        assert_eq!(refused, "/2/1/4", "nobody waits for its time");
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
        f.settle(first.id, Settled::RetryAt(at(now, 5), first));
        f.hold_host("b.test", HoldUntil::Time(at(now, 5)));
        let third = job(f);
        f.settle(third.id, Settled::Done);
        f.push(seed("http://d.test/4", 0), None);
        let paths: Vec<_> = f.drain().iter().map(path).collect();
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
        f.settle(id, Settled::Released(first));
        let again = job(f);
        assert_eq!((again.id, again.attempt, again.seed.url.path()), (id, 1, "/a"));
        f.settle(id, Settled::Done);
        assert_eq!(claim(f).unwrap().1, "/b");
        assert!(f.is_empty());
    });
}
