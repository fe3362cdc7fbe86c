//! How much may wait.

use super::*;
use crate::model::{Facts, Timing, Tried, Verdict};

#[test]
fn number_of_waiting_jobs_is_bounded() {
    let mut play = Play::new(rules());
    let room = play.scheduler.capacity();
    play.run(&format!("push h*{room}"));
    assert_eq!(play.scheduler.capacity(), 0);
    play.run("next h/0");
    assert_eq!(play.scheduler.capacity(), 1);
    assert_eq!(play.scheduler.drain(usize::MAX).len(), room - 1);
    play.run(
        "next -
         ok h/0
         next -",
    );
    assert_eq!((play.scheduler.in_flight(), play.scheduler.capacity()), (0, room));
}

#[test]
fn text_of_waiting_jobs_is_bounded() {
    let mut play = Play::new(rules());
    let long = format!("h/{}", "x".repeat(60_000));
    let mut pushed = 0;
    while play.scheduler.capacity() > 0 {
        play.push(&long, 0);
        pushed += 1;
    }
    assert!(pushed < 2000, "{pushed} long URLs were taken");
    assert!(play.take().is_some() && play.scheduler.capacity() > 0);
}

#[test]
fn jobs_of_a_held_host_leave_room_for_others() {
    let mut play = play("held a 5s");
    let room = play.scheduler.capacity();
    play.run(&format!("push a*{}", 2 * room));
    assert_eq!(play.scheduler.capacity(), room);
    play.run("push b/0");
    assert_eq!(play.scheduler.capacity(), room - 1);
    play.run("at 5s");
    assert_eq!(play.scheduler.capacity(), 0, "its jobs count like all others again");
}

#[test]
fn redirects_and_retries_count_with_what_they_brought() {
    let long = "x".repeat(40 << 20);
    let mut redirected = play(
        "push b/0 a/1
         next b/0 a/1
         hold b/0 5s",
    );
    let job = redirected.out("a/1");
    redirected.redirect(job, &format!("b/{long}"), None);
    let mut retried = play(
        "push a/1
         next a/1",
    );
    let mut job = retried.out("a/1");
    let facts = Box::new(Facts { content_type: Some(long.into()), ..Facts::default() });
    job.last = Some(Box::new(Tried { facts, timing: Timing::default(), verdict: Verdict::HttpError }));
    job.not_before = Some((retried.now + secs(5)).into_std());
    retried.scheduler.finished(job.seed.id, Report::NotStarted, retried.now);
    retried.scheduler.push(job);
    for mut play in [redirected, retried] {
        assert_eq!(play.scheduler.capacity(), 0);
        assert_eq!(play.scheduler.drain(usize::MAX).len(), 1);
        assert!(play.scheduler.capacity() > 0);
    }
}

#[test]
fn long_redirects_that_wait_hold_back_new_jobs() {
    let mut play = play(
        "push b/0
         next b/0
         hold b/0 60s",
    );
    let long = format!("b/{}", "x".repeat(60_000));
    (0..2000).for_each(|n| play.push(&format!("a{n}/"), 0));
    let mut waiting = 0;
    while let Some(NextJob::Fetch(job)) = play.take() {
        play.redirect(job, &long, None);
        waiting += 1;
    }
    assert!((150..350).contains(&waiting), "{waiting} of 60 kB each");
    assert!(!play.scheduler.has_ready() && play.scheduler.next_wake().is_some());
    play.run("at 61s");
    let (mut returned, mut new) = (0, 0);
    while let Some(NextJob::Fetch(job)) = play.take() {
        if job.redirect.is_some() {
            returned += 1
        } else {
            new += 1
        }
        play.scheduler.finished(job.seed.id, Report::NotStarted, play.now);
    }
    assert_eq!((returned, new), (waiting, 2000 - waiting));
    assert!(play.scheduler.is_empty());
}

#[test]
fn held_jobs_are_drained_too() {
    let mut play = play(
        "push b/0
         next b/0
         hold b/0 60s",
    );
    let long = format!("b/{}", "x".repeat(60_000));
    (0..1000).for_each(|n| play.push(&format!("a{n}/"), 0));
    while let Some(NextJob::Fetch(job)) = play.take() {
        play.redirect(job, &long, None);
    }
    assert_eq!(play.scheduler.drain(usize::MAX).len(), 1000);
    assert!(play.scheduler.is_empty());
}

#[test]
fn held_host_is_drained_in_parts_while_time_passes() {
    let mut play = Play::new(rules());
    let room = play.scheduler.capacity();
    play.run(&format!("push a*{room}"));
    play.run("held a 3600s");
    let mut drained = 0;
    while !play.scheduler.is_empty() {
        drained += play.scheduler.drain(256).len();
        play.now += secs(1);
        play.scheduler.advance(play.now);
        assert_eq!(play.scheduler.capacity(), room, "{drained} drained");
    }
    assert_eq!(drained, room);
}
