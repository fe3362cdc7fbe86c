//! A file of texts and the runs that follow.

use super::*;

fn page(number: usize) -> wiremock::ResponseTemplate {
    let links: String =
        [2 * number + 1, 2 * number + 2].iter().map(|to| format!("<a href=/p/{to}>{to}</a> ")).collect();
    html(&format!("<main><h1>{number}</h1><p>The page {number} has a text of its own.</p><p>{links}</p></main>"))
}

/// A tree of so many pages.
fn tree(pages: usize) -> Site {
    Site::with(move |target, _| match target.strip_prefix("/p/").and_then(|number| number.parse().ok()) {
        _ if target == "/" => page(0),
        Some(number) if number < pages => page(number),
        _ => wiremock::ResponseTemplate::new(404),
    })
}

#[cfg(unix)]
#[test]
fn killed_runs_leave_whole_lines_and_the_next_goes_on() {
    const PAGES: usize = 300;
    let (site, folder) = (tree(PAGES), tempfile::tempdir().unwrap());
    let (texts, out) = (folder.path().join("texts.ndjson"), folder.path().join("out"));
    let run = || crawl(&site, &texts).args(["--dir", out.to_str().unwrap()]);
    for records in [1, 40, 90] {
        let mut running = run().spawn();
        for _ in 0..records {
            running.next_line();
        }
        running.signal(rustix::process::Signal::KILL);
        running.wait();
        let text = fs::read_to_string(&texts).unwrap();
        let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
        assert!(whole + 1 >= text.lines().count(), "at most the last line is cut");
    }
    // A power cut may leave half a line.
    let mut half = fs::read(&texts).unwrap();
    half.extend_from_slice(b"{\"v\":1,\"url\":\"http://h.te");
    fs::write(&texts, half).unwrap();
    run().run();
    let lines = lines(&texts);
    let mut found = paths(&site, &lines);
    found.dedup();
    assert_eq!(found.len(), PAGES, "each page has its text");
    assert_eq!(lines.len(), PAGES, "and none has it twice");
}

#[test]
fn finished_pages_keep_their_lines_and_get_missing_ones() {
    let (site, folder) = (tree(5), tempfile::tempdir().unwrap());
    let (texts, out) = (folder.path().join("texts.ndjson"), folder.path().join("out"));
    let plain = Fetchall::new().args(["crawl", "--json", "--dir", out.to_str().unwrap(), &site.url("/")]);
    plain.run();
    let run = |more: &[&str]| {
        crawl(&site, &texts).args(["--dir", out.to_str().unwrap()]).args(more.iter().copied()).run();
        lines(&texts)
    };
    assert_eq!(run(&[]).len(), 5, "pages of a run without --text are fetched again");
    let requests = || site.requests().iter().filter(|target| target.as_str() == "/p/1").count();
    assert_eq!(requests(), 2);
    assert_eq!(run(&[]).len(), 5);
    assert_eq!(requests(), 2, "a page with a line is done");
    assert_eq!(run(&["--refresh"]).len(), 5, "no text has changed");
    fs::write(&texts, "").unwrap();
    assert_eq!(run(&["--refresh"]).len(), 5, "a lost file is written again");
    assert_eq!(run(&["--fresh"]).len(), 5, "--fresh begins anew");
}

#[test]
fn without_a_state_each_run_begins_anew() {
    let (site, folder) = (tree(2), tempfile::tempdir().unwrap());
    let texts = folder.path().join("texts.ndjson");
    fs::write(&texts, "{\"url\":\"http://h.test/\",\"text_sha256\":null}\n").unwrap();
    crawl(&site, &texts).run();
    assert_eq!(paths(&site, &lines(&texts)), ["/", "/p/1"]);
}

#[test]
fn a_file_of_another_kind_is_never_appended_to() {
    let (site, folder) = (tree(1), tempfile::tempdir().unwrap());
    let (texts, out) = (folder.path().join("notes.txt"), folder.path().join("out"));
    fs::write(&texts, "my notes\n").unwrap();
    let run = crawl(&site, &texts).args(["--dir", out.to_str().unwrap()]).run().expect_code(2);
    assert!(run.stderr.contains("line 1 is no text of a page"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(&texts).unwrap(), "my notes\n");
    let inside = folder.path().join("out/texts/");
    let run = crawl(&site, &inside).args(["--dir", out.to_str().unwrap()]).run().expect_code(2);
    assert!(run.stderr.contains("lies in --dir"), "{}", run.stderr);
}
