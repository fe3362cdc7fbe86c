//! What every frontier must do, run over the whole registry.

use std::sync::Arc;

use super::{Claim, FRONTIERS, Frontier, Settled};
use crate::model::{Origin, Seed};

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
        Claim::Waiting | Claim::Empty => None,
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
