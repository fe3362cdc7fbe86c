//! Made-up figures, each with the sentence that it must give.

use super::*;

/// Wall times of the rounds in ms, CPU in ms and failed URLs of each round of 100 URLs.
fn cell(backend: &str, concurrency: u32, walls: &[f64], cpu: f64, failed: u64) -> Cell {
    let round = |&wall_ms: &f64| Round {
        wall_ms,
        urls: 100,
        ok: 100 - failed,
        failed,
        cpu_user_ms: Some(cpu),
        cpu_system_ms: Some(cpu),
        peak_memory_bytes: Some(10 << 20),
        ..Round::default()
    };
    Cell { backend: backend.to_owned(), concurrency, rounds: walls.iter().map(round).collect(), ..Cell::default() }
}

fn of(cells: Vec<Cell>) -> Comparison {
    let rounds = cells.iter().map(|cell| cell.rounds.len()).max().unwrap_or(0) as u32;
    Comparison { cells, rounds, ..Comparison::default() }
}

#[test]
fn the_advice_names_the_fastest_and_the_gain_of_the_last_step() {
    let comparison = of(vec![
        cell("async", 10, &[700.0, 690.0, 710.0], 20.0, 0),
        cell("async", 50, &[210.0, 200.0, 208.0], 22.0, 0),
        cell("sequential", 1, &[5200.0, 5190.0, 5210.0], 18.0, 0),
    ]);
    assert_eq!(
        advice(&comparison),
        "Take async at 50: it was the fastest with 0.21 s (25.0 times as fast as sequential), 0.44 ms of CPU per URL, \
         and no other came within 5 % or noise of it; the last step, from 10 to 50, saved 70 % of the time, so a higher \
         concurrency may bring more. Rounds of one and the same cell differ by up to 5 %: smaller differences are noise."
    );
    assert_eq!(headline(&comparison), "Async at 50: 0.21 s for 100 URLs");
    let all_at_once =
        of(vec![cell("async", 50, &[700.0, 690.0], 20.0, 0), cell("async", 100, &[210.0, 205.0], 22.0, 0)]);
    let text = advice(&all_at_once);
    assert!(text.contains("from 50 to 100, saved 70 % of the time. "), "no slot is missing: {text}");
}

#[test]
fn the_cheapest_of_equally_fast_cells_is_chosen() {
    let comparison = of(vec![
        cell("async", 10, &[500.0, 505.0, 510.0], 20.0, 0),
        cell("async", 50, &[499.0, 503.0, 506.0], 24.0, 0),
        cell("processes", 10, &[498.0, 500.0, 504.0], 90.0, 0),
        cell("processes", 1, &[4000.0, 4100.0, 4050.0], 90.0, 0),
    ]);
    let text = advice(&comparison);
    assert!(text.starts_with("Take async at 10: it took 0.51 s and costs least (0.40 ms"), "{text}");
    assert!(text.contains("of the 3 that are as fast"), "{text}");
    assert!(text.contains("; going on from 10 to 50 brought nothing beyond noise."), "{text}");
}

#[test]
fn the_advice_names_a_higher_concurrency_that_is_slower() {
    let text =
        advice(&of(vec![cell("threads", 5, &[300.0, 302.0], 20.0, 0), cell("threads", 500, &[450.0, 452.0], 60.0, 0)]));
    assert!(text.contains("Take threads at 5") && text.contains("from 5 to 500 took 50 % more time"), "{text}");
}

#[test]
fn no_difference_beyond_noise() {
    let comparison = of(vec![
        cell("async", 5, &[100.0, 130.0, 110.0], 20.0, 0),
        cell("threads", 5, &[105.0, 125.0, 120.0], 40.0, 0),
    ]);
    assert_eq!(
        advice(&comparison),
        "There is no difference beyond noise: all 2 took 0.11 s to 0.12 s, so take async at 5, which is among the \
         cheapest (0.40 ms of CPU per URL). Rounds of one and the same cell differ by up to 27 %: smaller differences \
         are noise."
    );
    assert_eq!(headline(&comparison), "No difference beyond noise");
}

#[test]
fn sequential_may_be_best() {
    let comparison = of(vec![
        cell("sequential", 1, &[100.0, 101.0], 10.0, 0),
        cell("processes", 8, &[400.0, 410.0], 90.0, 0),
        cell("async", 8, &[150.0, 151.0], 20.0, 0),
    ]);
    let text = advice(&comparison);
    assert!(text.starts_with("Take sequential: it took 0.10 s, and fetching several at once was not faster"), "{text}");
    assert!(text.contains("(the best of them, async at 8, took 0.15 s)."), "{text}");
    assert_eq!(headline(&comparison), "Nothing was faster than one at a time");
}

#[test]
fn nothing_is_recommended_while_records_differ() {
    let mut other = cell("threads", 5, &[10.0, 10.0], 20.0, 0);
    other.rounds[1].records_differing = 3;
    other.rounds[1].differing_url = Some("http://a/1".to_owned());
    let text = advice(&of(vec![cell("async", 5, &[100.0, 100.0], 20.0, 0), other]));
    assert!(
        text.starts_with(
            "The records differ: 3 of threads at 5 are not those of async at 5 (one is of http://a/1), so there is \
             nothing to recommend until that is explained."
        ),
        "{text}"
    );
    assert!(!text.contains("Take"), "{text}");
    let mut own = cell("async", 5, &[10.0, 10.0], 20.0, 0);
    own.rounds[1].records_differing = 1;
    let text = advice(&of(vec![own]));
    assert!(text.starts_with("The records differ: 1 of async at 5 is not those of its own first round,"), "{text}");
}

#[test]
fn the_advice_names_failed_urls_and_cells() {
    let mut broken = cell("processes", 5, &[], 20.0, 0);
    broken.failure = Some("exit status: 3".to_owned());
    let text = advice(&of(vec![
        cell("async", 5, &[200.0, 201.0], 20.0, 7),
        cell("async", 10, &[100.0, 101.0], 20.0, 7),
        broken,
    ]));
    assert!(text.contains("Take async at 10"), "{text}");
    assert!(text.contains("7 of 100 URLs failed; what they took is part of these times."), "{text}");
    assert!(text.ends_with("processes at 5 failed and is left out."), "{text}");
}

#[test]
fn little_measured_is_little_said() {
    assert!(advice(&of(Vec::new())).starts_with("Nothing was measured to its end"));
    let text = advice(&of(vec![cell("async", 5, &[200.0], 20.0, 0)]));
    assert_eq!(text, "Async at 5 took 0.20 s; there is nothing to compare it with.");
    let mut two = of(vec![cell("async", 5, &[200.0], 20.0, 0), cell("async", 9, &[100.0], 20.0, 0)]);
    two.interrupted = true;
    two.rounds = 3;
    let text = advice(&two);
    assert!(text.contains("One round cannot tell a difference from noise: measure more."), "{text}");
    assert!(text.ends_with("It was stopped early, after 2 of 6 measurements."), "{text}");
}

#[test]
fn short_and_noisy_runs_are_not_judged() {
    let (short, noisy) = ([99.0, 99.5, 98.0], [200.0, 330.0, 210.0]);
    let (long, steady) = ([100.5, 101.0, 101.5], [200.0, 290.0, 210.0]);
    for (one, other, expected) in [
        (
            &short,
            &[5000.0, 5001.0, 5002.0],
            "Too short to judge: async at 5 took 0.099 s, which is mostly the start of the program.",
        ),
        (&long, &[5000.0, 5001.0, 5002.0], ""),
        (
            &noisy,
            &[5000.0, 5001.0, 5002.0],
            "Too noisy to judge: rounds of one and the same cell differ by up to 62 %, more than 50 %.",
        ),
        (&steady, &[5000.0, 5001.0, 5002.0], ""),
    ] {
        let comparison = of(vec![cell("async", 5, one, 20.0, 0), cell("sequential", 1, other, 20.0, 1)]);
        let (headline, text) = (headline(&comparison), advice(&comparison));
        let verdict = expected.split_once(':').map(|(verdict, _)| verdict);
        assert_eq!(Some(&*headline).filter(|line| line.starts_with("Too")), verdict, "{text}");
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(text.contains("Take "), expected.is_empty(), "{text}");
        assert_eq!(
            text.matches("cell differ by").count(),
            usize::from(expected.is_empty() || expected.contains("differ")),
            "{text}"
        );
        assert!(text.contains("0 to 1 of 100 URLs failed"), "other caveats stay: {text}");
    }
    let single = of(vec![cell("async", 5, &short, 20.0, 0)]);
    assert!(headline(&single).starts_with("Async at 5 took 0.0"), "one cell is compared with nothing");
}
