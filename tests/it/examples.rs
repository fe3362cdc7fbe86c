//! The examples of the library run against the site that they serve themselves.

use std::path::PathBuf;

use crate::support::process;

/// An example as `cargo test` has built it; `cargo test --test it` alone builds none.
fn example(name: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    if !path.is_file() {
        assert!(std::env::var_os("CI").is_none(), "{name} is not built, and with CI set nothing is skipped");
        println!("skipped: {name} is not built; run cargo build --examples");
    }
    path.is_file().then_some(path)
}

/// Returns the lines that an example prints.
fn printed(name: &str) -> Option<Vec<String>> {
    let output = process::output(&mut process::command(example(name)?));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn the_stream_shows_each_outcome() {
    let Some(lines) = printed("stream") else { return };
    assert!(lines.iter().any(|line| line.starts_with("ok ") && line.ends_with("/pages/tides.html")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("http_error ")), "{lines:?}");
}

#[test]
fn the_crawl_shows_titles_and_links() {
    let Some(lines) = printed("crawl") else { return };
    let page = lines.iter().find(|line| line.contains("/pages/tides.html")).unwrap();
    assert!(page.starts_with("ok ") && page.contains(" links ") && page.ends_with("How tides are foretold"), "{page}");
}

#[test]
fn the_sink_counts_types() {
    let Some(lines) = printed("custom_sink") else { return };
    let count = |name: &str| lines.iter().find(|line| line.ends_with(name)).unwrap().split_whitespace().next();
    assert!(count("text/html").is_some() && count("text/html") <= count("all"), "{lines:?}");
}

#[test]
fn the_records_tell_what_became_of_each_url() {
    let Some(lines) = printed("records") else { return };
    assert!(
        lines.iter().any(|line| line.starts_with("\"ok\" \"http://") && line.ends_with("tides.html\"")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("\"http_error\" ") && line.ends_with(" null")), "{lines:?}");
    let saved = lines.iter().filter(|line| line.starts_with("\"ok\" ")).count();
    assert_eq!(lines.last(), Some(&format!("{saved} of {} saved", lines.len() - 1)));
}

#[test]
fn the_second_run_skips_what_the_first_has_saved() {
    let Some(lines) = printed("resume") else { return };
    let number = |line: &str, word: &str| -> u64 {
        let (before, _) = line.split_once(word).unwrap();
        before.rsplit([' ', ':', ',']).find_map(|text| text.parse().ok()).unwrap()
    };
    let (saved, cancelled) = (number(&lines[0], " saved"), number(&lines[0], " cancelled"));
    assert!(saved > 0 && cancelled > 0, "{lines:?}");
    assert_eq!(number(&lines[1], " skipped"), saved);
    assert!(number(&lines[1], " saved") > 0, "{lines:?}");
}

#[test]
fn the_next_mirror_is_asked_after_a_failure() {
    let Some(lines) = printed("mirrors") else { return };
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!((count("http_error "), count("found "), lines.len()), (3, 3, 6), "{lines:?}");
}
