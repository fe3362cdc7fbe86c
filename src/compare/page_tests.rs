//! The page over texts that mean harm, and over made-up figures of several backends.

use super::*;
use crate::compare::records::{Sample, Span};

fn hostile() -> Comparison {
    let text = "<script>alert(1)</script>\"'&\u{202e}";
    let span = |n: u32| Span { start_ms: f64::from(n) * 20.0, total_ms: 50.0, ok: n != 3 };
    let sample = Sample { quantiles: vec![10.0, 20.0, 90.0], spans: (0..300).map(span).collect(), began: 5000 };
    let round = Round {
        wall_ms: 100.0,
        urls: 5000,
        cpu_user_ms: Some(1.0),
        cpu_system_ms: Some(1.0),
        records_differing: 1,
        differing_url: Some(format!("http://a/{text}")),
        ..Round::default()
    };
    let cell = |backend: &str| Cell {
        backend: backend.to_owned(),
        concurrency: 5,
        rounds: vec![round.clone()],
        sample: sample.clone(),
        failure: None,
    };
    let mut failed = cell("threads");
    failed.failure = Some(text.to_owned());
    Comparison {
        about: text.to_owned(),
        cells: vec![cell("async"), failed, cell("sequential")],
        ..Comparison::default()
    }
}

#[test]
fn no_text_of_others_becomes_markup() {
    let page = render(&hostile());
    assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(page.contains("failed: &lt;script"), "{page}");
}

#[test]
fn nothing_of_it_is_elsewhere() {
    let page = render(&hostile());
    // URLs may stand in its text, but no attribute and no style leads anywhere.
    for reference in ["src=", "url(", "@import", "href=\"http", "href=\"/", "xlink", "<iframe", "<object"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn drawings_have_names_and_what_is_cut_is_said() {
    let page = render(&hostile());
    assert_eq!(page.matches("role=\"img\"").count(), 5, "{page}");
    assert_eq!(page.matches("<title id=").count(), 5);
    assert!(page.contains("The first 200 of 5000 requests"), "{page}");
    assert!(page.contains("Hollow bars are requests that failed."));
}

/// Four backends, three of them at three concurrencies, as a server of 30 to 100 ms would have them.
fn full() -> Comparison {
    let mut cells = Vec::new();
    for (backend, levels, cpu) in [
        ("async", &[5, 10, 50][..], 0.2),
        ("threads", &[5, 10, 50], 0.33),
        ("processes", &[5, 10, 50], 1.4),
        ("sequential", &[1], 0.25),
    ] {
        for &level in levels {
            let lanes = level as usize;
            let mut free = vec![0.0_f64; lanes];
            let spans: Vec<Span> = (0..100_usize)
                .map(|n| {
                    let total_ms = 30.0 + (n * 37 % 71) as f64;
                    let lane = (0..lanes).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap_or(0);
                    let start_ms = free[lane];
                    free[lane] += total_ms;
                    Span { start_ms, total_ms, ok: true }
                })
                .collect();
            let wall_ms = free.iter().copied().fold(0.0, f64::max) * (1.0 + cpu / 10.0);
            let round = |n: u32| Round {
                wall_ms: wall_ms * (1.0 + f64::from(n) / 50.0),
                urls: 100,
                cpu_user_ms: Some(cpu * 100.0 * (1.0 + f64::from(n) / 20.0)),
                cpu_system_ms: Some(2.0),
                peak_memory_bytes: Some(9 << 20),
                ..Round::default()
            };
            let mut quantiles: Vec<f64> = spans.iter().map(|span| span.total_ms + cpu * 3.0).collect();
            quantiles.sort_by(f64::total_cmp);
            let sample = Sample { quantiles, spans, began: 100 };
            let rounds = (0..3).map(round).collect();
            cells.push(Cell { backend: backend.to_owned(), concurrency: level, rounds, sample, failure: None });
        }
    }
    Comparison { about: "a made-up list".to_owned(), cells, rounds: 3, ..Comparison::default() }
}

#[test]
fn backends_keep_their_colours_and_timelines_their_scale() {
    let page = render(&full());
    // At the middle concurrency one drawing for each backend; one at a time goes on beyond it.
    for name in ["async at 10", "threads at 10", "processes at 10"] {
        assert!(page.contains(&format!("<b>{name}</b> <span>All 100 requests of the last round.")), "{name}");
    }
    let cut = page.split("<b>sequential</b>").nth(1).unwrap_or_default();
    assert!(cut.starts_with(" <span>The first ") && cut.contains("of 100 requests of the last round."), "{cut:.200}");
    assert_eq!((0..4).filter(|n| page.contains(&format!("class=\"line s{n}\" points="))).count(), 4);
    assert!(page.contains("<h1>Async at 50: "), "{page:.3000}");
}

#[test]
fn a_page_of_nothing_is_a_page() {
    let page = render(&Comparison::default());
    assert!(page.contains("Nothing was measured") && page.ends_with("</html>\n") && !page.contains("NaN"));
}
