//! Redirects: each hop waits for the host that it asks.

use super::*;
use crate::model::{Facts, Hop, Onward};

/// A redirect of a job, to here.
fn led_to(mut job: Box<Job>, next: &str) -> Box<Job> {
    let redirects = vec![Hop::new(302, job.url().as_str())];
    let facts = Facts { redirects, final_url: Some(url::Url::parse(next).unwrap()), ..Facts::default() };
    let onward = Onward {
        facts: Box::new(facts),
        timing: Timing::default(),
        took: Duration::from_millis(1),
        wait: Duration::ZERO,
        asked: None,
        from: None,
        cookies: Vec::new(),
        deaths: 0,
    };
    job.lead_on(Box::new(onward));
    job
}

#[test]
fn a_redirect_is_asked_before_what_has_not_begun_as_the_same_try() {
    each(|f| {
        for path in ["http://a.test/1", "http://a.test/2"] {
            f.push(seed(path, 0), None);
        }
        let first = job(f);
        let id = first.id;
        let there = f.lead_on(led_to(first, "http://a.test/there"), &Instant::now).expect("nothing is in the way");
        f.hold_host("a.test", HoldUntil::Time(at(Instant::now(), 1)));
        assert!(f.lead_on(led_to(there, "http://a.test/on"), &Instant::now).is_none());
        f.wake(at(Instant::now(), 2));
        let again = job(f);
        assert_eq!((again.id, again.attempt, again.url().path()), (id, 1, "/on"));
        f.settle(Settled::Done(again.url()));
        assert_eq!(claim(f).unwrap().1, "/2");
    });
}

#[test]
fn a_redirect_takes_a_slot_of_the_host_that_it_leads_to_and_gives_its_own_back() {
    for entry in FRONTIERS {
        let otherwise = Manners { per_host: Some(1), ..Manners::default() };
        let manners = AllManners { otherwise, hosts: Vec::new() };
        let f = &mut *(entry.make)(Rules { manners, ..rules(true) });
        for path in ["http://a.test/1", "http://a.test/2", "http://b.test/3"] {
            f.push(seed(path, 0), None);
        }
        let (first, third) = (job(f), job(f));
        assert_eq!((first.url().path(), third.url().path()), ("/1", "/3"));
        assert!(f.lead_on(led_to(first, "http://b.test/there"), &Instant::now).is_none());
        let second = job(f);
        assert_eq!(second.url().path(), "/2", "its slot is free");
        assert!(matches!(f.claim(), Claim::Waiting), "b has one under way");
        f.settle(Settled::Done(third.url()));
        assert_eq!(job(f).url().path(), "/there");
    }
}

#[test]
fn a_redirect_waits_for_a_host_that_is_held_and_is_refused_by_one_that_is_given_up() {
    each(|f| {
        let now = Instant::now();
        for path in ["http://a.test/1", "http://a.test/2"] {
            f.push(seed(path, 0), None);
        }
        f.hold_host("b.test", HoldUntil::Time(at(now, 5)));
        let (first, second) = (job(f), job(f));
        assert!(f.lead_on(led_to(first, "http://b.test/there"), &Instant::now).is_none());
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 5)));
        f.wake(at(now, 5));
        let there = job(f);
        assert_eq!(there.url().path(), "/there");
        f.hold_host("b.test", HoldUntil::ForGood);
        assert!(f.lead_on(led_to(second, "http://b.test/too"), &Instant::now).is_none());
        let Claim::Refused(subject) = f.claim() else { panic!("nobody asks there") };
        let Subject::Job(second) = *subject else { panic!("it is a job") };
        assert_eq!((second.url().path(), second.seed.url.path()), ("/too", "/2"));
        f.settle(Settled::Done(there.url()));
        assert!(matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn another_try_begins_at_the_beginning() {
    each(|f| {
        let now = Instant::now();
        f.push(seed("http://a.test/1", 0), None);
        let first = job(f);
        let there = f.lead_on(led_to(first, "http://b.test/there"), &Instant::now).expect("nothing is in the way");
        f.settle(Settled::RetryAt(at(now, 1), there));
        f.wake(at(now, 1));
        let again = job(f);
        assert_eq!((again.attempt, again.url().path()), (2, "/1"));
        f.settle(Settled::Done(again.url()));
        assert!(matches!(f.claim(), Claim::Empty), "b has nothing under way either");
    });
}

#[test]
fn what_redirects_have_brought_counts_as_text_that_waits() {
    each(|f| {
        f.push(seed("http://a.test/1", 0), None);
        f.hold_host("b.test", HoldUntil::Time(at(Instant::now(), 5)));
        let (first, long) = (job(f), "x".repeat(40 << 20));
        assert!(f.lead_on(led_to(first, &format!("http://b.test/{long}")), &Instant::now).is_none());
        assert_eq!(f.room(), 0);
        assert_eq!(f.drain(usize::MAX).len(), 1);
        assert!(f.room() > 0);
    });
}

#[test]
fn what_waits_again_is_asked_in_the_order_in_which_it_came_back() {
    each(|f| {
        let now = Instant::now();
        for path in ["http://a.test/1", "http://a.test/2", "http://a.test/3", "http://b.test/4"] {
            f.push(seed(path, 0), None);
        }
        f.hold_host("b.test", HoldUntil::Time(at(now, 5)));
        let jobs = [job(f), job(f), job(f)];
        for (n, job) in jobs.into_iter().enumerate() {
            assert!(f.lead_on(led_to(job, &format!("http://b.test/{n}")), &Instant::now).is_none());
        }
        f.wake(at(now, 5));
        let order: Vec<_> = (0..4).map(|_| job(f).url().path().to_owned()).collect();
        assert_eq!(order, ["/0", "/1", "/2", "/4"]);
    });
}

#[test]
fn what_a_try_has_brought_counts_as_text_that_waits() {
    each(|f| {
        f.push(seed("http://a.test/1", 0), None);
        let mut first = job(f);
        let content_type = Some("x".repeat(40 << 20).into_boxed_str());
        let facts = Box::new(crate::model::Facts { content_type, ..Default::default() });
        first.last = Some(Box::new(Tried { facts, timing: Timing::default(), verdict: Verdict::HttpError }));
        f.settle(Settled::RetryAt(at(Instant::now(), 5), first));
        assert_eq!(f.room(), 0);
        assert_eq!(f.drain(usize::MAX).len(), 1);
        assert!(f.room() > 0);
    });
}

#[test]
fn a_redirect_that_asks_for_a_wait_is_followed_after_it_as_the_same_try() {
    each(|f| {
        let now = Instant::now();
        f.push(seed("http://a.test/1", 0), None);
        let mut first = led_to(job(f), "http://b.test/there");
        first.onward.as_mut().unwrap().wait = Duration::from_secs(5);
        assert!(f.lead_on(first, &|| now).is_none());
        assert!(matches!(f.claim(), Claim::NotBefore(due) if due == at(now, 5)));
        f.wake(at(now, 5));
        let there = job(f);
        assert_eq!((there.attempt, there.url().path()), (1, "/there"));
        f.settle(Settled::Done(there.url()));
        assert!(matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn long_redirects_that_wait_hold_back_what_has_not_begun() {
    each(|f| {
        let long = format!("http://b.test/{}", "x".repeat(60_000));
        for number in 0..2000 {
            f.push(seed(&format!("http://a{number}.test/"), 0), None);
        }
        f.hold_host("b.test", HoldUntil::Time(at(Instant::now(), 60)));
        let mut waiting = 0;
        while let Claim::Job(job) = f.claim() {
            assert!(f.lead_on(led_to(job, &long), &Instant::now).is_none());
            waiting += 1;
        }
        assert!((300..700).contains(&waiting), "{waiting} of 60 kB each");
        assert!(!f.has_ready() && !f.is_empty() && f.next_due().is_some());
        f.wake(at(Instant::now(), 61));
        let mut urls = Vec::new();
        for _ in 0..waiting {
            let Some((url, _)) = claim(f) else { break };
            f.settle(Settled::Done(&url::Url::parse(&long).unwrap()));
            urls.push(url);
        }
        assert!(urls.len() > waiting / 4, "what waited goes on: {}", urls.len());
        let mut rest = 0;
        while let Claim::Job(job) = f.claim() {
            f.settle(Settled::Done(job.url()));
            rest += 1;
        }
        assert_eq!(rest + urls.len(), 2000, "and then the rest, all of it");
        assert!(f.is_empty());
    });
}

#[test]
fn what_holds_back_the_rest_is_given_back_at_the_end() {
    each(|f| {
        let long = format!("http://b.test/{}", "x".repeat(60_000));
        for number in 0..1000 {
            f.push(seed(&format!("http://a{number}.test/"), 0), None);
        }
        f.hold_host("b.test", HoldUntil::Time(at(Instant::now(), 60)));
        while let Claim::Job(job) = f.claim() {
            assert!(f.lead_on(led_to(job, &long), &Instant::now).is_none());
        }
        assert_eq!(f.drain(usize::MAX).len(), 1000);
        assert!(f.is_empty());
    });
}

#[test]
fn the_line_that_all_wait_for_is_claimed_out_of_turn() {
    each(|f| {
        for number in 1..5 {
            f.push(Seed { number, ..seed(&format!("http://a.test/{number}"), i32::from(number == 4)) }, None);
        }
        assert!(matches!(f.claim_first(9), Claim::Waiting), "nobody knows it");
        let Claim::Job(first) = f.claim_first(1) else { panic!("nothing is in the way") };
        assert_eq!(first.url().path(), "/1");
        f.hold_host("a.test", HoldUntil::Time(at(Instant::now(), 60)));
        assert!(matches!(f.claim_first(2), Claim::Waiting), "its host is to be left alone");
        f.wake(at(Instant::now(), 61));
        let Claim::Job(second) = f.claim_first(2) else { panic!("its time has come") };
        f.settle(Settled::Released(second));
        let Claim::Job(again) = f.claim_first(2) else { panic!("it waits again") };
        assert_eq!(again.url().path(), "/2");
        assert_eq!([claim(f), claim(f)].map(|it| it.unwrap().1), ["/4", "/3"]);
        f.push(Seed { number: 6, ..seed("http://dead.test/", 0) }, None);
        f.hold_host("dead.test", HoldUntil::ForGood);
        assert!(matches!(f.claim_first(6), Claim::Refused(_)));
    });
}
