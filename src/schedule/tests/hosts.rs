//! How many slots each host has.

use super::*;
use crate::model::HostPattern;
use crate::policy::limits::pacer::HostLimits;
use crate::policy::limits::politeness::{PROBES, SILENT};

#[test]
fn host_alone_has_every_slot() {
    play(
        "push a*100
         all a=100",
    );
}

#[test]
fn host_without_an_answer_has_one_slot_beside_others() {
    play(
        "push a*100 b*100
         all a=1 b=1
         ok a/0
         all a=2
         well a*9
         ok a/1
         all a=11
         slow b/0 30s
         all b=1",
    );
}

#[test]
fn hosts_have_equal_shares_however_much_waits() {
    play(
        "push a*100 b*50 c*30 d/0
         well a*100 b*100 c*100 d*100
         next a/0 b/0 c/0 d/0 a/1 b/1 c/1 a/2 b/2 c/2
         ok b/0
         next b/3",
    );
}

#[test]
fn urgent_job_goes_before_the_share_of_others() {
    play(
        "push a*3 b*3
         well a*1 b*1
         next a/0
         push a/urgent!5
         next a/urgent b/0",
    );
}

#[test]
fn all_go_at_once_when_the_rest_of_the_input_fits() {
    play(
        "push a*4 b*4
         all a=1 b=1
         ended
         all a=3 b=3",
    );
}

#[test]
fn first_host_leaves_room_in_the_first_moments() {
    let mut play = Play::new(Rules { first_moments: Duration::from_millis(10), ..rules() });
    play.run(
        "push first*32
         all first=1
         wake 10ms
         at 1s
         all first=31",
    );
}

#[test]
fn trouble_halves_the_slots_even_alone() {
    play(
        "push a*100
         next a/0 a/1 a/2 a/3 a/4 a/5 a/6 a/7
         busy a/0
         next -                      # seven are in flight, four may be
         ok a/1 a/2 a/3 a/4
         all a=2                     # four answers give one slot back: five
         ok a/5 a/6 a/7
         all a=3",
    );
}

#[test]
fn per_host_limit_holds_alone_too() {
    let own = (HostPattern::parse("*.own.test").unwrap(), HostLimits { per_host: Some(1), ..HostLimits::default() });
    let otherwise = HostLimits { per_host: Some(3), ..HostLimits::default() };
    let mut play = Play::new(Rules { host_limits: AllHostLimits { otherwise, hosts: vec![own] }, ..rules() });
    play.run(
        "push a*9
         all a=3
         push x.own.test*9
         all x.own.test=1
         ok x.own.test/0
         all x.own.test=1",
    );
}

#[test]
fn dead_host_is_probed_alone_and_given_up() {
    let mut play = play("push a*100");
    for n in 0..SILENT {
        play.run(&format!("next a/{n}\nsilent a/{n}"));
    }
    let mut now = Duration::ZERO;
    for (n, wait) in (SILENT..).zip(PROBES) {
        now += wait;
        play.run(&format!("next -\nwake {0}s\nat {0}s\nnext a/{n} -\nsilent a/{n}", now.as_secs()));
    }
    let refused =
        std::iter::from_fn(|| play.take()).filter(|next| matches!(next, NextJob::Refused(_, GivenUp::Dead(_))));
    assert_eq!(refused.count(), 100 - SILENT as usize - PROBES.len());
}

#[test]
fn hosts_in_trouble_share_one_slot_and_few_turns() {
    let mut play = play(
        "push x*100 y*100 z*100
         next x/0 y/0 z/0
         busy x/0 y/0 z/0
         push g*1000
         well g*20",
    );
    let (mut in_trouble, mut asked) = (None, 0);
    for n in 0..400 {
        let Some(NextJob::Fetch(job)) = play.take() else { panic!("g is ready") };
        let host = job.url().host_str().unwrap().to_owned();
        let (verdict, facts) = (crate::model::Verdict::Ok, crate::model::Facts::default());
        if host == "g" {
            let ended = AttemptEnd { attempt: 1, verdict: &verdict, facts: &facts, head: None, total: None };
            play.scheduler.finished(job.seed.id, Report::Ended(ended), play.now);
        } else {
            assert!(in_trouble.is_none() || n > 200, "together they have one slot of sixteen");
            (in_trouble, asked) = (Some(job), asked + 1);
        }
        if n >= 200
            && let Some(job) = in_trouble.take()
        {
            play.scheduler.finished(job.seed.id, Report::NotStarted, play.now);
        }
    }
    assert!((4..=8).contains(&asked), "{asked} of four hundred");
}

#[test]
fn one_good_answer_ends_trouble() {
    play(
        "push x*9 g*9
         next x/0 g/0
         busy x/0
         ok g/0
         well g*20 x*1
         next g/1 x/1",
    );
}

#[test]
fn hosts_in_trouble_are_asked_if_no_other_is_ready() {
    play(
        "push x*9 y*9
         next x/0 y/0
         busy x/0 y/0
         all x=1 y=1",
    );
}

#[test]
fn hosts_in_trouble_have_one_slot_of_a_lower_limit() {
    let mut play = Play::new(Rules { concurrency: 512, ..rules() });
    play.run(
        "limit 10
         push x*9 y*9
         next x/0 y/0
         busy x/0 y/0
         push g*300
         well g*300",
    );
    let mut of_trouble = 0;
    for _ in 0..290 {
        let Some(NextJob::Fetch(job)) = play.take() else { panic!("g is ready") };
        of_trouble += u32::from(job.url().host_str() != Some("g"));
    }
    assert_eq!(of_trouble, 1, "one of ten");
}

#[test]
fn idle_hosts_are_forgotten_and_trouble_is_remembered() {
    let mut play = play(
        "push a/0
         next a/0
         busy a/0",
    );
    for n in 0..10_000 {
        play.run(&format!("push h{n}/0\nnext h{n}/0\nok h{n}/0"));
    }
    assert_eq!(play.scheduler.hosts.known(), 1);
    play.run(
        "push a*9
         all a=1",
    );
    for n in 0..10_000 {
        play.run(&format!("push h{n}/0\nnext h{n}/0\nsilent h{n}/0"));
    }
    assert!(play.scheduler.hosts.known() <= 4097, "{}", play.scheduler.hosts.known());
}

#[test]
fn given_up_hosts_are_refused_and_cost_no_host_each() {
    let mut play = Play::new(rules());
    for n in 0..20_000 {
        play.run(&format!("push {n}.test/0\nnext {n}.test/0\nhold {n}.test/0 61s"));
    }
    assert!(play.scheduler.hosts.known() <= 1, "{}", play.scheduler.hosts.known());
    play.run(
        "push 7.test/1 7.test/2 well.test/0
         next ~7.test/1 ~7.test/2 well.test/0",
    );
}
