//! A redirect waits for the host that it leads to.

use super::*;
use crate::policy::limits::pacer::HostLimits;

#[test]
fn redirect_goes_before_new_jobs_as_the_same_attempt() {
    let mut play = play(
        "push a/1 a/2
         next a/1
         moved a/1 a/there
         next a/there
         moved a/there a/on
         next a/on a/2",
    );
    let job = play.out("a/on");
    assert_eq!((job.attempt, job.seed.id.0, job.seed.url.path()), (1, 0, "/1"));
}

#[test]
fn redirect_frees_its_slot_and_takes_one_of_the_next_host() {
    let otherwise = HostLimits { per_host: Some(1), ..HostLimits::default() };
    let host_limits = AllHostLimits { otherwise, hosts: Vec::new() };
    let mut play = Play::new(Rules { host_limits, ..rules() });
    play.run(
        "push a/1 a/2 b/3
         next a/1 b/3
         moved a/1 b/there
         next a/2 -              # b has one in flight
         ok b/3
         next b/there",
    );
}

#[test]
fn redirects_wait_for_a_held_host_in_their_order() {
    play(
        "push b/0 a/1 a/2 a/3 b/4
         next b/0 a/1
         hold b/0 5s
         next a/2 a/3
         moved a/1 b/x
         moved a/2 b/y
         moved a/3 b/z
         next -
         at 5s
         next b/x
         ok b/x
         next b/y b/z
         ok b/y b/z
         next b/4",
    );
}

#[test]
fn redirect_to_a_given_up_host_is_refused() {
    play(
        "push b/0 a/1
         next b/0 a/1
         hold b/0 61s
         moved a/1 b/there
         next ~b/there -",
    );
}

#[test]
fn redirect_with_a_wait_is_followed_after_it() {
    play(
        "push a/1
         next a/1
         moved a/1 b/there 5s
         next -
         wake 5s
         at 5s
         next b/there",
    );
}

#[test]
fn retry_begins_at_the_seed() {
    let rules = Rules { retry: Limits { retries: 3, max_wait: secs(60), ..Limits::default() }, ..rules() };
    let mut play = Play::new(rules);
    play.run(
        "push a/1
         next a/1
         moved a/1 b/there
         next b/there
         fail b/there
         at 2s
         next a/1",
    );
    assert_eq!(play.out("a/1").attempt, 2);
}
