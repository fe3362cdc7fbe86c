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
