//! No output of a crawl shows a secret that its settings hold.

use serde_json::Value;

use super::site::{Site, page};
use crate::support::cli::{Fetchall, Finished};

/// Settings that refuse a link of the site, or are wrong, each with a password or token.
const SECRETS: [&str; 11] = [
    "--exclude=/a$|ann:swordfish@",
    "--exclude=/a$|ann%3Aswordfish%40",
    "--exclude=/a$|[?&]token=swordfish",
    "--exclude=/a$|swordfish7",
    "--include=session=swordfish",
    "--accept=*swordfish7",
    "--strip-param=swordfish7",
    "--exclude=swordfish(",
    "--reject=[z-a]swordfish",
    "--strip-param=[z-a]swordfish",
    "--span-hosts=ann:swordfish@h.test",
];

fn site() -> Site {
    Site::start([("/d/", page(&["a", "b.txt"]))])
}

fn shows_none(run: &Finished, option: &str) {
    let entries = std::fs::read_dir(run.folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap());
    let text: Vec<_> = files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    for text in text.iter().chain([&run.stdout, &run.stderr]) {
        assert!(!text.contains("swordfish"), "{option}: {text}");
    }
}

#[test]
fn no_output_of_a_crawl_shows_a_secret_of_a_pattern() {
    for option in SECRETS {
        let site = site();
        let outputs = ["--skipped", "skipped", "--json", "--log", "log", "--summary", "summary"];
        let words = ["crawl", "--sitemap", "off", option, &site.url("/d/")];
        let run = Fetchall::new().args(words).args(outputs).run();
        shows_none(&run, option);
        shows_none(&Fetchall::new().args(["config", "--show-origin", option]).run(), option);
    }
}

#[test]
fn a_pattern_with_a_secret_is_named_by_its_number() {
    let site = site();
    for (words, rule) in [
        (&["--exclude", "/x$", "--exclude", "/a.1?(token=1)?$"][..], "exclude number 2 (hidden)"),
        (&["--include", "token=1"], "include number 1 (hidden)"),
        (&["--include", "token=1", "--include", "/x"], "include (none of 2)"),
        (&["--include", "/d/", "--reject", "zip,*[ann:1@]"], "reject number 2 (hidden)"),
        (&["--include", "/d/", "--accept", "zip,*secret=1"], "accept zip,(hidden)"),
        (&["--exclude", "/a.1$"], "exclude /a.1$"),
    ] {
        let explain =
            || Fetchall::new().args(["explain", "--crawl", &site.url("/d/"), &site.url("/d/a.1")]).args(words);
        let value: Value = serde_json::from_str(&explain().arg("--json").run().expect_code(0).stdout).unwrap();
        assert_eq!(value["rule"], rule);
        let told = explain().run().expect_code(0).stdout;
        assert!(told.contains(rule) && !told.contains("=1") && !told.contains("ann"), "{told}");
    }
}
