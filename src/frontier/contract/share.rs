//! What one host leaves to the others.

use super::*;

#[test]
fn refusals_without_end_keep_nobody_from_being_asked() {
    each(|f| {
        for n in 0..1000 {
            f.push(seed(&format!("http://dead.test/{n}"), 0), None);
        }
        f.push(seed("http://a.test/1", 0), None);
        f.hold_host("dead.test", HoldUntil::ForGood);
        let mut refused = 0;
        while let Claim::Refused(_) = f.claim() {
            refused += 1;
        }
        assert!((1..100).contains(&refused), "{refused} were refused before somebody was asked");
        let rest = std::iter::from_fn(|| matches!(f.claim(), Claim::Refused(_)).then_some(())).count();
        assert_eq!(refused + rest, 1000);
    });
}

#[test]
fn in_the_first_moments_the_first_host_of_a_list_leaves_room_for_the_next() {
    for entry in FRONTIERS {
        let f = &mut *(entry.make)(Rules { first_moments: Duration::from_millis(10), ..rules(true) });
        let now = Instant::now();
        for n in 0..32 {
            f.push(seed(&format!("http://first.test/{n}"), 0), None);
        }
        let out = std::iter::from_fn(|| matches!(f.claim(), Claim::Job(_)).then_some(())).count();
        assert_eq!(out, 1, "nobody knows whether it answers");
        f.wake(at(now, 1));
        let out = std::iter::from_fn(|| matches!(f.claim(), Claim::Job(_)).then_some(())).count();
        assert_eq!(out, 31, "nobody else is there: the loop alone knows how many there may be");
    }
}

#[test]
fn what_is_left_is_given_back_in_pieces() {
    each(|f| {
        let now = Instant::now();
        for n in 0..10 {
            f.push(seed(&format!("http://{}.test/{n}", n % 3), 0), None);
        }
        f.hold_host("1.test", HoldUntil::Time(at(now, 5)));
        let first = job(f);
        f.settle(Settled::RetryAt(at(now, 9), first));
        let mut paths = Vec::new();
        loop {
            let some = f.drain(3);
            if some.is_empty() {
                break;
            }
            assert!(some.len() <= 3);
            paths.extend(some.iter().map(path));
            assert_eq!(f.is_empty(), paths.len() == 10);
        }
        paths.sort();
        assert_eq!(paths, (0..10).map(|n| format!("/{n}")).collect::<Vec<_>>());
        assert!(f.next_due().is_none() && matches!(f.claim(), Claim::Empty));
    });
}

#[test]
fn where_all_that_is_left_fits_nobody_waits_for_his_share() {
    each(|f| {
        for n in 0..8 {
            f.push(seed(&format!("http://{}.test/{n}", n % 2), 0), None);
        }
        let mut out = || std::iter::from_fn(|| matches!(f.claim(), Claim::Job(_)).then_some(())).count();
        assert_eq!(out(), 2, "others may come");
        f.complete();
        let mut out = || std::iter::from_fn(|| matches!(f.claim(), Claim::Job(_)).then_some(())).count();
        assert_eq!(out(), 6);
    });
}

#[test]
fn hosts_given_up_are_refused_and_cost_no_host_each() {
    each(|f| {
        for n in 0..20_000 {
            let host = format!("{n}.test");
            push(f, &host, 1);
            let (url, _) = claim(f).unwrap();
            f.hold_host(&host, HoldUntil::ForGood);
            f.settle(Settled::Done(&url));
        }
        assert!(f.hosts() <= 1, "{}", f.hosts());
        push(f, "7.test", 2);
        push(f, "well.test", 1);
        assert!((0..2).all(|_| matches!(f.claim(), Claim::Refused(_))));
        assert_eq!(claim(f).unwrap().0.host_str(), Some("well.test"));
    });
}
