//! Hosts whose robots.txt is asked for first, and jobs that a rule refuses.

use super::play::{Play, play, rules};
use super::*;
use crate::policy::limits::pacer::{HostLimits, Pacer};

#[test]
fn a_host_waits_for_its_robots_txt_and_no_other_host_does() {
    play(
        "
        ask a
        push a/1 b/1
        next a/robots.txt b/1 -    # a/1 waits
        ok a/robots.txt
        next -
        known a
        next a/1 -
        ",
    );
}

#[test]
fn two_files_are_awaited_by_a_host_of_http_and_https() {
    play(
        "
        ask a a
        push a/1
        next a/robots.txt
        known a
        next a/robots.txt -
        known a
        next a/1
        ",
    );
}

#[test]
fn a_robots_txt_that_redirects_still_comes_first() {
    play(
        "
        ask a
        push a/1 b*3
        next a/robots.txt b/0
        moved a/robots.txt b/rules
        next b/rules
        fail b/rules
        known a
        next a/1
        ",
    );
}

#[test]
fn a_refused_job_takes_no_slot_and_no_start() {
    let delayed =
        AllHostLimits { otherwise: HostLimits { per_host: Some(1), delay: Duration::from_secs(5) }, hosts: Vec::new() };
    let pacer = Pacer::new(delayed.clone(), None, None).map(SharedPacer::from);
    let mut play = Play::new(Rules { host_limits: delayed, pacer, ..rules() });
    play.run(
        "
        push a/private/1 a/private/2 a/1 a/2
        next !a/private/1 !a/private/2 a/1 -
        ok a/1
        next -                      # the delay
        at 5s
        next a/2
        ",
    );
}

#[test]
fn jobs_of_a_host_that_waits_are_given_back_at_a_stop() {
    play(
        "
        ask a
        push a/1
        drain a/robots.txt a/1
        ",
    );
}
