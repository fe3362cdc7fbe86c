//! The states of hosts, for reports.

use super::*;
use crate::model::{FailureCause, HostPhase, HostStates};
use crate::policy::limits::pacer::{HostLimits, Pacer};

fn states(play: &Play) -> HostStates {
    play.scheduler.host_states(play.now)
}

/// Name, phase, URLs under way, URLs that wait, and seconds until the next request.
fn busiest(states: &HostStates) -> Vec<(&str, HostPhase, u32, usize, Option<u64>)> {
    let seconds = |next: Option<Duration>| next.map(|next| next.as_secs_f64().round() as u64);
    states.busiest.iter().map(|h| (&*h.name, h.phase, h.in_flight, h.waiting, seconds(h.next))).collect()
}

#[test]
fn each_host_has_one_phase_and_the_time_of_its_next_request() {
    let retry = Limits { retries: 1, max_wait: secs(60), ..Limits::default() };
    let mut play = Play::new(Rules { retry, ..rules() });
    play.run(
        "push held*6 busy/0 busy/1 retry/0 idle/0
         well held*9 busy*9 retry*9 idle*9
         next held/0 busy/0 retry/0 idle/0
         hold held/0 5s
         fail retry/0
         ok idle/0
         next busy/1
         push ready/0",
    );
    let seen = states(&play);
    let of = |name| busiest(&seen).into_iter().find(|host| host.0 == name);
    assert_eq!(of("held"), Some(("held", HostPhase::BackingOff, 0, 6, Some(5))), "its retry counts");
    assert_eq!(of("busy"), Some(("busy", HostPhase::InFlight, 2, 0, None)));
    assert_eq!(of("ready"), Some(("ready", HostPhase::Ready, 0, 1, None)));
    assert_eq!(of("idle"), None);
    let (_, phase, in_flight, waiting, _) = of("retry").expect("its retry waits");
    assert_eq!((phase, in_flight, waiting), (HostPhase::Waiting, 0, 1));
    assert!(seen.busiest.iter().any(|h| h.name == "held" && h.cause == Some(FailureCause::Status(429))));
    assert_eq!(seen.counts.values().sum::<u64>(), 4);
    assert_eq!(busiest(&seen)[0].0, "held", "the host with the most URLs is first");
}

#[test]
fn a_host_with_a_delay_waits_for_its_time() {
    let delayed = HostLimits { delay: secs(7), ..HostLimits::default() };
    let host_limits = AllHostLimits { otherwise: delayed, hosts: Vec::new() };
    let pacer = Pacer::new(host_limits.clone(), None, None).map(SharedPacer::from);
    let mut play = Play::new(Rules { host_limits, pacer, ..rules() });
    play.run("push a*2\n next a/0\n ok a/0\n at 2s");
    assert_eq!(busiest(&states(&play)), [("a", HostPhase::Waiting, 0, 1, Some(5))]);
}

#[test]
fn a_host_that_is_given_up_counts_until_the_end() {
    let mut play = play("push a*2 b/0\n well a*9 b*9\n next a/0 b/0\n hold a/0 9999s");
    assert!(busiest(&states(&play)).contains(&("a", HostPhase::GivenUp, 0, 1, None)));
    play.run("next ~a/1\n ok b/0");
    let seen = states(&play);
    assert_eq!(busiest(&seen), []);
    assert_eq!(seen.counts, [(HostPhase::GivenUp, 1)].into());
}

#[test]
fn fifty_hosts_are_named_and_all_are_counted() {
    let mut play = Play::new(rules());
    (0..200).for_each(|host| play.push(&format!("h{host}/0"), 0));
    play.run("push big*3");
    let seen = states(&play);
    assert_eq!(seen.counts.get(&HostPhase::Ready), Some(&201));
    assert_eq!((seen.busiest.len(), &*seen.busiest[0].name), (HostStates::MOST, "big"));
}
