//! The report in a browser: it loads with no complaint and asks for nothing from outside.

use super::demo;
use crate::support::browser::load;

#[test]
fn the_report_loads_whole_and_asks_for_nothing() {
    let run = demo(&["--report", "report.html", "-q"]).run().expect_code(0);
    let Some(seen) = load(&run.folder().join("report.html")) else { return };
    assert_eq!(seen.console, [""; 0]);
    assert_eq!(seen.asked, [""; 0]);
    assert!(seen.dom.contains("All figures") && seen.dom.contains("</svg>"), "{}", seen.dom);
    assert!(!seen.dom.contains("NaN") && !seen.dom.contains("parsererror"), "{}", seen.dom);
}

/// The checks of the test above catch a bad page.
#[test]
fn a_page_that_asks_or_complains_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("bad.html");
    let bad = "<!doctype html><title>x</title><p>here<img src=\"http://outside.example/a.png\">\
               <script>console.error('oh no')</script>";
    std::fs::write(&page, bad).unwrap();
    let Some(seen) = load(&page) else { return };
    assert!(seen.asked.iter().any(|line| line.contains("outside.example")), "{:?}", seen.asked);
    assert!(seen.console.iter().any(|line| line.contains("oh no")), "{:?}", seen.console);
    assert!(seen.dom.contains("here"), "{}", seen.dom);
}
