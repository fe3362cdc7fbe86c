//! Hosts beside each other: what one that is slow, busy or dead costs the others, and itself.

use super::retry::{Ran, Told, busy, case, of_host, ran, secs};
use super::*;
use crate::policy::limits::politeness::{PROBES, SILENT};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `n` URLs of a host that all get the same step of the script.
fn alike(host: &str, path: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("http://{host}/{path}?{i}")).collect()
}

/// The lists in turn, line by line.
fn interleaved(lists: &[Vec<String>]) -> Vec<String> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|i| lists.iter().filter_map(move |list| list.get(i).cloned())).collect()
}

fn run_of(urls: &[String], concurrency: u32, script: &[(&str, Duration, Step)]) -> Ran {
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.schedule.concurrency = concurrency;
    for (path, delay, step) in script {
        case.script.paths.insert((*path).to_owned(), (*delay, *step));
    }
    ran(case, None)
}

impl Ran {
    /// When the last URL that begins so was done.
    fn done(&self, start: &str) -> Duration {
        let done = self.log.iter().filter(|(told, url, _)| *told == Told::Done && url.starts_with(start));
        done.map(|(_, _, at)| *at).max().expect("one of them")
    }
}

#[test]
fn others_keep_their_rate_beside_a_throttled_host_and_a_tarpit() {
    let script = [
        ("/tarpit", secs(20), Step::Ok(1)),
        ("/busy", ms(10), busy(2, 429, Some(5))),
        ("/shaky", ms(10), busy(2, 503, None)),
        ("/hang", secs(30), Step::Fail(ErrorKind::Timeout)),
    ];
    let good: Vec<_> = (0..10).map(|n| of_host(&format!("good{n}.test"), 800)).collect();
    // The tarpit holds one slot, so few slots lose a larger part.
    for (concurrency, part) in [(4, 0.7), (8, 0.82), (10, 0.85), (32, 0.95), (64, 0.95), (100, 0.95)] {
        let alone = run_of(&interleaved(&good), concurrency, &script);
        assert_eq!(alone.end.summary.peak_concurrency, concurrency, "all of them answer");
        let alone = alone.done("http://good");
        for bad in [
            [alike("x.test", "tarpit", 100), alike("y.test", "busy", 100)],
            [alike("x.test", "hang", 20), alike("y.test", "shaky", 100)],
        ] {
            let ran = run_of(&interleaved(&[&good[..], &bad].concat()), concurrency, &script);
            let beside = ran.done("http://good");
            let what = format!("-c {concurrency}: {beside:?} beside {}, {alone:?} alone", bad[0][0]);
            assert!(beside.mul_f64(part) <= alone, "{what}");
            assert!(ran.end.summary.peak_concurrency <= concurrency, "{what}");
            assert_eq!(ran.end.summary.counts.read, ran.outcomes.len() as u64);
        }
    }
}

#[test]
fn a_tarpit_gets_few_slots_beside_others_and_all_when_alone() {
    let lists = [alike("x.test", "tarpit", 200), of_host("good.test", 4000)];
    let ran = run_of(&interleaved(&lists), 32, &[("/tarpit", secs(5), Step::Ok(1))]);
    assert_eq!(ran.end.summary.counts.ok, 4200);
    let good = ran.done("http://good");
    let early = ran.handed_out("http://x.test").iter().filter(|(_, at)| *at < good).count();
    assert!(early <= 4, "{early} of the tarpit within {good:?}");
    // The rest of the tarpit takes as long as it must, with all slots.
    assert!(ran.took < good + secs(5) * (200 / 32 + 4), "{:?}", ran.took);
}

#[test]
fn a_busy_host_is_asked_by_ever_fewer_at_once() {
    let ran = run_of(&alike("x.test", "busy", 400), 32, &[("/busy", secs(1), busy(1, 503, None))]);
    let mut out: i32 = 0;
    let mut most_late = 0;
    for (told, _, at) in &ran.log {
        out += match told {
            Told::HandedOut(_) => 1,
            Told::Retrying(_) | Told::Done => -1,
        };
        if *at > secs(8) && *at < secs(12) {
            most_late = most_late.max(out);
        }
    }
    assert!((1..=4).contains(&most_late), "{most_late}");
    assert_eq!(ran.end.summary.counts.read, 400);
}

#[test]
fn a_dead_host_fails_fast_with_a_reason_for_every_url() {
    for kind in [ErrorKind::Connect, ErrorKind::Dns, ErrorKind::Timeout] {
        let lists = [alike("dead.test", "dead", 500), of_host("good.test", 100)];
        let ran = run_of(&interleaved(&lists), 8, &[("/dead", ms(10), Step::Fail(kind))]);
        let asked = ran.handed_out("http://dead").len();
        let probes = PROBES.len();
        assert!((SILENT as usize + probes..=SILENT as usize + probes + 8).contains(&asked), "{asked}");
        let waits: Duration = PROBES.iter().sum();
        assert!(ran.took >= waits && ran.took < waits + secs(2), "{:?}", ran.took);
        let good = ran.outcomes.iter().filter(|o| o.verdict == Verdict::Ok).count();
        assert_eq!(good, 100);
        let mut refused = 0;
        for outcome in ran.outcomes.iter().filter(|o| o.subject.url().contains("dead.test")) {
            assert_eq!(outcome.verdict.error_kind(), Some(kind));
            let Verdict::Failed(error) = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
            if error.message.starts_with("not asked") {
                let expected = "not asked: nobody answers at dead.test; the last of many tries: scripted";
                assert_eq!(&*error.message, expected);
                refused += 1;
            }
        }
        assert!(refused >= 470, "{refused}");
    }
}

#[test]
fn a_host_that_comes_back_while_it_is_probed_loses_nothing_more() {
    let urls = [alike("x.test", "down", 21), of_host("x.test", 200)].concat();
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    case.schedule.concurrency = 16;
    case.schedule.retry.retries = 0;
    case.script.paths.insert("/down".to_owned(), (ms(10), Step::Fail(ErrorKind::Connect)));
    let ran = ran(case, None);
    assert_eq!((ran.end.summary.counts.ok, ran.end.summary.counts.failed), (200, 21));
    let begun: Vec<_> = ran.handed_out("http").iter().map(|(_, at)| at.as_secs()).collect();
    assert!(begun.contains(&1) && begun.contains(&3), "it was probed after 1 s and 2 s more: {begun:?}");
}

#[test]
fn many_hosts_of_one_url_each_are_all_served_at_full_width() {
    let urls: Vec<_> = (0..3000).map(|n| format!("http://h{n}.test/")).collect();
    let ran = run_of(&urls, 50, &[]);
    assert_eq!((ran.end.summary.counts.ok, ran.end.summary.peak_concurrency), (3000, 50));
    assert!(ran.took < ms(10 * 3000 / 50 * 3 / 2), "{:?}", ran.took);
}

#[test]
fn failing_hosts_do_not_lower_the_tuned_concurrency() {
    let script = [("/busy", ms(10), busy(9, 429, None)), ("/hang", secs(5), Step::Fail(ErrorKind::Timeout))];
    let mut lists: Vec<_> = (0..10).map(|n| of_host(&format!("good{n}.test"), 2000)).collect();
    lists.extend((0..6).map(|n| alike(&format!("busy{n}.test"), "busy", 100)));
    lists.extend((0..6).map(|n| alike(&format!("hang{n}.test"), "hang", 100)));
    let urls = interleaved(&lists);
    let mut case = case(&urls.iter().map(String::as_str).collect::<Vec<_>>());
    (case.schedule.concurrency, case.auto) = (128, true);
    for (path, delay, step) in script {
        case.script.paths.insert(path.to_owned(), (delay, step));
    }
    let ran = ran(case, None);
    let good = ran.done("http://good");
    // 128 at once take 1.6 s; one or two, to which one host could reduce the limit, take minutes.
    assert!(good < secs(6), "{good:?}, {:?}", ran.end.summary.auto);
}
