//! The reasons why jobs wait.

use super::*;
use crate::model::{ErrorKind, FailureCause, HostWait, Waits};
use crate::policy::limits::pacer::{HostLimits, Pacer};

fn waits(play: &Play) -> Waits {
    play.scheduler.waits(play.now)
}

fn host(name: &str, cause: FailureCause, wait: Option<u64>) -> Option<HostWait> {
    Some(HostWait { name: name.to_owned(), cause: Some(cause), wait: wait.map(secs) })
}

#[test]
fn a_run_at_its_limit_waits_for_nothing_else() {
    let mut play = play("push a*100");
    (0..16).for_each(|_| drop(play.take()));
    assert_eq!(waits(&play), Waits { limit: 16, ..Waits::default() });
}

#[test]
fn a_held_host_is_named_with_its_status_and_time() {
    let mut play = play("push a*9 b/0\n well a*9\n next b/0 a/0\n hold a/0 5s\n at 2s");
    assert_eq!(waits(&play).host, host("a", FailureCause::Status(429), Some(3)));
    play.run("at 5s");
    assert_eq!(waits(&play).host, host("a", FailureCause::Status(429), None), "its slots are cut still");
    play.run("ok b/0\n all a=1\n ok a/1\n all a=2");
    assert_eq!(waits(&play).host, host("a", FailureCause::Status(429), None), "it has few slots still");
    play.run("well a*99\n all a=5");
    assert_eq!(waits(&play).host, None, "it answers");
}

#[test]
fn the_host_with_the_most_waiting_urls_is_named() {
    let play = play("push a*3 b*9\n well a*9 b*9\n next a/0 b/0\n silent a/0 b/0");
    assert_eq!(waits(&play).host, host("b", FailureCause::Kind(ErrorKind::Connect), None));
}

#[test]
fn retries_are_counted_with_the_time_of_the_first() {
    let retry = Limits { retries: 3, max_wait: secs(60), ..Limits::default() };
    let mut play = Play::new(Rules { retry, ..rules() });
    play.run("push a/0 b/0\n well a*1 b*1\n next a/0 b/0\n hold a/0 10s\n at 4s");
    let waits = waits(&play);
    assert_eq!((waits.retries, waits.host), (1, host("a", FailureCause::Status(429), Some(6))));
    let next = waits.next_retry.unwrap();
    assert!(next >= secs(6) && next < secs(8), "{next:?}");
    assert_eq!(waits.least_left, next);
}

#[test]
fn flags_that_hold_jobs_back_are_named() {
    let one = HostLimits { per_host: Some(1), ..HostLimits::default() };
    let host_limits = AllHostLimits { otherwise: one, hosts: Vec::new() };
    let mut play = Play::new(Rules { host_limits, ..rules() });
    play.run("push a*2\n all a=1");
    assert_eq!(waits(&play).limits, ["--per-host"]);

    let delayed = HostLimits { delay: secs(2), ..HostLimits::default() };
    let host_limits = AllHostLimits { otherwise: delayed, hosts: Vec::new() };
    let pacer = Pacer::new(host_limits.clone(), Some(secs(1)), None).map(SharedPacer::from);
    let mut play = Play::new(Rules { host_limits, pacer, ..rules() });
    play.run("push a*2\n all a=1");
    assert_eq!(waits(&play).limits, ["--delay", "--rate"]);
    assert_eq!(waits(&play).least_left, secs(2), "the first has begun, and the other waits for its turn");
}

#[test]
fn the_time_left_counts_jobs_on_disk_and_the_rate() {
    let delayed = HostLimits { delay: secs(2), ..HostLimits::default() };
    let host_limits = AllHostLimits { otherwise: delayed, hosts: Vec::new() };
    for (rate, expected) in [(None, 8_998), (Some(secs(10)), 44_990)] {
        let pacer = Pacer::new(host_limits.clone(), rate, None).map(SharedPacer::from);
        let mut play = Play::new(Rules { host_limits: host_limits.clone(), pacer, ..rules() });
        play.scheduler.room = (1000, 10_000);
        play.run("push a*4500\n all a=1\n at 1s");
        assert!(play.scheduler.spill_queue.jobs() > 0, "most of them are on disk");
        let left = waits(&play).least_left;
        assert_eq!(left, secs(expected) - if rate.is_none() { secs(1) } else { Duration::ZERO });
    }
}
