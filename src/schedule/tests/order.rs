//! In which order jobs are handed out, and when.

use super::*;
use crate::policy::limits::pacer::{HostLimits, Pacer};

#[test]
fn highest_priority_goes_first_then_oldest() {
    play(
        "push h/a h/b!5 h/c!-1 h/d!5 h/e
         next h/b h/d h/a h/e h/c -",
    );
    play(
        "push h/a h/b
         next h/a
         push h/urgent!9
         next h/urgent h/b
         push h/low!-9
         next h/low",
    );
}

#[test]
fn retry_waits_for_its_time_and_goes_first() {
    let rules = Rules { retry: Limits { retries: 3, max_wait: secs(60), ..Limits::default() }, ..rules() };
    let mut play = Play::new(rules);
    play.run(
        "push h/a h/b
         next h/a
         fail h/a             # tried again within a second
         next h/b -
         ok h/b
         at 1s
         push h/c
         next h/a h/c",
    );
    let again = play.out("h/a");
    assert_eq!((again.attempt, again.seed.id.0, again.last.is_some()), (2, 0, true));
}

#[test]
fn job_that_did_not_start_comes_first_as_the_same_attempt() {
    let mut play = play(
        "push h/a h/b
         next h/a
         unstarted h/a
         next h/a h/b",
    );
    assert_eq!(play.out("h/a").attempt, 1);
}

#[test]
fn held_host_waits_and_others_go_on() {
    play(
        "push a/0 a/1 b/2 a/3 a:81/4
         next a/0 b/2
         hold a/0 5s
         next a:81/4 -
         ok b/2 a:81/4
         push a/5!9
         next -
         wake 5s
         at 4s
         next -
         at 5s
         push a/6
         wake -
         next a/5
         ok a/5
         next a/1
         ok a/1
         next a/3
         ok a/3
         next a/6 -",
    );
}

#[test]
fn hold_is_never_shortened() {
    play(
        "push a/1 a/2 a/3
         next a/1 a/2
         hold a/1 9s
         hold a/2 2s
         wake 9s",
    );
}

#[test]
fn host_that_asks_for_too_long_is_refused_job_by_job() {
    play(
        "push a/0 a/1 a/2 b/3
         next a/0 b/3
         ok b/3
         hold a/0 61s           # the rules grant a minute
         push a/4
         next ~a/1 ~a/2 ~a/4 -
         wake -",
    );
}

#[test]
fn delayed_job_of_a_given_up_host_is_refused_at_once() {
    play(
        "push a/1 a/2
         next a/1 a/2
         moved a/1 a/there 5s
         wake 5s
         hold a/2 61s
         next ~a/there -
         wake -",
    );
}

#[test]
fn refusals_keep_no_other_host_waiting() {
    let mut play = play(
        "push dead/x a/0
         next dead/x
         push dead*1000 a/1
         hold dead/x 61s",
    );
    let mut refused = 0;
    loop {
        match play.take() {
            Some(NextJob::Refused(..)) => refused += 1,
            Some(NextJob::Fetch(job)) => break assert_eq!(job.url().path(), "/0"),
            other => panic!("{other:?}"),
        }
    }
    assert!((1..100).contains(&refused), "{refused} were refused before another host had its turn");
    let rest = std::iter::from_fn(|| play.take()).filter(|next| matches!(next, NextJob::Refused(..))).count();
    assert_eq!(refused + rest, 1000);
}

#[test]
fn starts_are_kept_apart_for_each_host_and_for_all() {
    let host_limits = AllHostLimits { otherwise: HostLimits { per_host: None, delay: secs(5) }, hosts: Vec::new() };
    let pacer = Pacer::new(host_limits.clone(), Some(secs(1)), None).unwrap();
    let mut play = Play::new(Rules { host_limits, pacer: Some(pacer.into()), ..rules() });
    play.run("push a/1 a/2 b/1 b/2");
    play.run(
        "next a/1 -
         wake 1s
         at 1s
         next b/1 -
         wake 2s
         ok a/1 b/1
         at 2s
         next -
         wake 5s
         at 5s
         next a/2 -
         at 6s
         next b/2 -",
    );
}

#[test]
fn refusal_waits_for_no_rate() {
    let pacer = Pacer::new(AllHostLimits::default(), Some(secs(1)), None).unwrap();
    let mut play = Play::new(Rules { pacer: Some(pacer.into()), ..rules() });
    play.run(
        "push a/1 a/2 b/1
         next a/1 -
         hold a/1 61s
         next ~a/2 -",
    );
}

#[test]
fn everything_is_drained_wherever_it_waits() {
    play(
        "push a/1 b/2 b/3 c/4
         next a/1 b/2 c/4
         moved a/1 a/there 5s
         hold b/2 9s
         ok c/4
         push d/5
         drain d/5 b/3 a/1
         next -
         wake 9s # the hold of b stays
         at 9s
         wake -",
    );
}

#[test]
fn drain_in_pieces_gives_every_job_once() {
    let mut play = play(
        "push a*4 b*3 c*3
         next a/0
         hold a/0 9s",
    );
    let mut names = Vec::new();
    loop {
        let some = play.scheduler.drain(3);
        if some.is_empty() {
            break;
        }
        assert!(some.len() <= 3);
        names.extend(Play::names(&some));
        assert_eq!(play.scheduler.is_empty(), names.len() == 9);
    }
    names.sort();
    assert_eq!(names, ["a/1", "a/2", "a/3", "b/0", "b/1", "b/2", "c/0", "c/1", "c/2"]);
}

#[test]
fn job_that_all_others_wait_for_is_handed_out_of_turn() {
    use crate::model::JobId;
    let mut play = play(
        "push a/0 a/1!5 b/2
                         well a*5",
    );
    let mut take = |id| match play.scheduler.next_is(JobId(id), play.now, &mut |_| None) {
        Some(NextJob::Fetch(job)) => Some(job.url().path().to_owned()),
        _ => None,
    };
    assert_eq!(take(9), None, "it is not known");
    assert_eq!(take(0).as_deref(), Some("/0"), "although another one is more urgent");
    play.run(
        "next a/1
         held a 5s
         push a/3",
    );
    assert!(play.scheduler.next_is(JobId(3), play.now, &mut |_| None).is_none(), "its host is held");
    play.run("at 5s");
    let next = play.scheduler.next_is(JobId(3), play.now, &mut |_| None);
    assert!(matches!(next, Some(NextJob::Fetch(_))), "{next:?}");
}
