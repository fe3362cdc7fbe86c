//! Tests of the command line of a crawl: its defaults, start pages, and the letters of wget.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use fetchall::config::{KEYS, Sitemaps};
use fetchall::model::{Normalization, RobotsMode, ScopeKind};
use tempfile::TempDir;

use super::super::args::{self, Command};
use super::*;

fn resolve_in(folder: &Path, vars: &[(&str, &str)], words: &[&str]) -> Result<Resolved, String> {
    let vars: BTreeMap<_, _> = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let env = Env { vars, cwd: folder.to_owned(), stdin_is_terminal: true, stdin_is_device: true };
    let words = ["fetchall", "crawl"].iter().chain(words).map(OsString::from);
    let cli = args::parse(words).map_err(|error| error.to_string())?;
    let Some(Command::Crawl(args)) = cli.command else { panic!("another command") };
    resolve(*args, &env).map_err(|error| error.to_string())
}

fn crawl(words: &[&str]) -> Result<Resolved, String> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sites.txt"), "").unwrap();
    fs::write(folder.path().join("a.test"), "").unwrap();
    fs::create_dir(folder.path().join("example.org")).unwrap();
    resolve_in(folder.path(), &[], words)
}

fn starts(words: &[&str]) -> Vec<InputArg> {
    crawl(words).unwrap().inputs
}

fn start(url: &str) -> Vec<InputArg> {
    vec![InputArg::Url(url.to_owned(), 1)]
}

#[test]
fn a_crawl_has_its_own_defaults() {
    let resolved = crawl(&["https://a.test/"]).unwrap();
    assert_eq!(resolved.config, Config::of_crawl());
    let config = crawl(&["--per-host", "none", "--robots", "ignore", "--sitemap", "off", "https://a.test/"]);
    let config = config.unwrap().config;
    assert!(config.crawl.follow && config.per_host.is_none());
    assert_eq!((config.crawl.robots, config.crawl.sitemap), (RobotsMode::Ignore, Sitemaps::Off));
}

#[test]
fn files_and_variables_override_the_defaults_of_a_crawl() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("own.toml"), "per-host = 2\nrobots = 'report'\n[traps]\nmax-page-links = 7\n")
        .unwrap();
    let words = ["--config", "own.toml", "https://a.test/"];
    let config = resolve_in(folder.path(), &[("FETCHALL_PER_HOST", "none")], &words).unwrap().config;
    assert_eq!((config.per_host, config.crawl.robots), (None, RobotsMode::Report));
    assert_eq!(config.crawl.traps.unwrap().max_page_links, 7);
    let config = resolve_in(folder.path(), &[("FETCHALL_TRAPS", "1")], &words).unwrap().config;
    assert_eq!((config.per_host, config.crawl.traps.unwrap().max_page_links), (NonZeroU32::new(2), 7));
    let config = resolve_in(folder.path(), &[], &[&["--no-traps"][..], &words].concat()).unwrap().config;
    assert_eq!(config.crawl.traps, None);
}

#[test]
fn a_list_takes_the_settings_of_a_crawl_from_files_only() {
    let list = |words: &[&str], variable: (&str, &str)| {
        let vars = BTreeMap::from([(variable.0.into(), variable.1.into())]);
        let env = Env { vars, cwd: "/nowhere".into(), stdin_is_terminal: true, stdin_is_device: true };
        let cli = args::parse(["fetchall"].iter().chain(words).map(OsString::from)).unwrap();
        resolve::job(&cli.job, &env).map_err(|error| error.to_string())
    };
    let config = list(&["http://a/"], ("FETCHALL_DEPTH", "3")).unwrap().config;
    assert_eq!((config.crawl.depth, config.crawl.follow), (Some(3), false));
    let none = ("PATH", "");
    assert!(list(&["-p", "--robots", "obey", "--exclude", "x", "http://a/"], none).is_ok());
    for key in KEYS.iter().filter(|key| key.is_of_crawl()) {
        let value = key.get(&Config::default());
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let flag = match key.form {
            fetchall::config::ValueForm::Switch => key.flag.to_owned(),
            fetchall::config::ValueForm::List if key.name == "sitemap" => "--sitemap=off".to_owned(),
            fetchall::config::ValueForm::List => format!("{}=", key.flag),
            _ => format!("{}={value}", key.flag),
        };
        let told = list(&[&flag, "http://a/"], none).unwrap_err();
        assert!(told.starts_with(&format!("{} is for `fetchall crawl`", key.flag)), "{told}");
    }
}

#[test]
fn start_pages_may_lack_their_scheme() {
    for (word, url) in [
        ("https://a.example/x", "https://a.example/x"),
        ("<http://a.example/>", "http://a.example/"),
        ("a.example", "https://a.example"),
        ("a.example/docs/?q=1#x", "https://a.example/docs/?q=1#x"),
        ("a.example:8443/docs/", "https://a.example:8443/docs/"),
        ("bücher.example", "https://bücher.example"),
        ("example.org/", "https://example.org/"),
        ("example.org", "https://example.org"),
        ("localhost/docs", "http://localhost/docs"),
        ("localhost:8000", "http://localhost:8000"),
        ("docs.localhost:8000/", "http://docs.localhost:8000/"),
        ("127.0.0.1:8000/docs/", "http://127.0.0.1:8000/docs/"),
        ("a.example/list.txt", "https://a.example/list.txt"),
    ] {
        assert_eq!(starts(&[word]), start(url), "{word}");
    }
    let both = starts(&["b.example", "-i", "sites.txt", "-"]);
    let list = InputArg::File("sites.txt".into());
    assert_eq!(both, [InputArg::Url("https://b.example".to_owned(), 1), InputArg::Stdin, list]);
}

#[test]
fn wrong_start_pages_are_named_and_mended() {
    for (words, parts) in [
        (&["ftp://a.example/"][..], &["ftp://a.example/", "only http and https"][..]),
        (&["https://"], &["the host is missing"]),
        (&["http:/a b.example/"], &["http:/a", "a character that is not allowed"]),
        (&["https://a.example:x/"], &["start page 1, ", "the port is not a number"]),
        (&["docs"], &["docs: is no URL", "https://example.com/docs/"]),
        (&["--", "-x"], &["-x: is no URL"]),
        (&["sites.txt"], &["sites.txt is a file", "-i sites.txt"]),
        (&["a.test"], &["a.test is a file", "-i a.test", "https://a.test"]),
        (&["a.test", "ftp://b/", "https://ok.example/"], &["a.test is a file", "\nerror: ftp://b/: "]),
        (&["-i", "missing.txt"], &["--input-file: missing.txt: no such file"]),
        (&[], &["no start page", "fetchall crawl https://example.com/docs/\n"]),
    ] {
        let told = crawl(words).unwrap_err();
        assert!(parts.iter().all(|part| told.contains(part)), "{words:?}: {told}");
    }
    for secret in ["ann:hunter2@a.example/", "ftp://ann:hunter2@a.example/", "https://ann:hunter2@a b/"] {
        let told = crawl(&[secret]).unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn letters_of_wget_are_understood() {
    let words = "-r -l 2 -np -nd -p -A pdf,*.zip -R jpg -D b.test,*.c.test -d out https://a.example/docs/";
    let resolved = crawl(&words.split(' ').collect::<Vec<_>>()).unwrap();
    let crawl_config = &resolved.config.crawl;
    assert_eq!((crawl_config.depth, crawl_config.requisites, crawl_config.scope), (Some(2), true, ScopeKind::Prefix));
    assert_eq!(
        (&crawl_config.accept[..], &crawl_config.reject[..]),
        (&["pdf", "*.zip"].map(str::to_owned)[..], &["jpg".to_owned()][..])
    );
    assert_eq!(crawl_config.span_hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>(), ["b.test", "*.c.test"]);
    assert_eq!(resolved.config.name, "{file}");
    assert_eq!(resolved.doubts, ["-nd: the files are named as with --name '{file}'"]);
    assert_eq!(resolved.inputs, start("https://a.example/docs/"));
    let long = "--recursive --level inf --no-parent --page-requisites --domains b.test https://a.example/";
    let config = crawl(&long.split(' ').collect::<Vec<_>>()).unwrap().config.crawl;
    assert_eq!((config.depth, config.requisites, config.span_hosts.len()), (None, true, 1));
    let cluster = crawl(&["-rnpd", "-dout", "a.example"]).unwrap();
    assert_eq!((cluster.config.name.as_str(), cluster.inputs.len()), ("{file}", 1));
}

#[test]
fn wgets_recursion_without_a_parent_rule_gets_a_tip() {
    let doubts = |words: &[&str]| crawl(words).unwrap().doubts.len();
    for (words, tips) in [
        (&["-r", "a.example"][..], 1),
        (&["-r", "-l5", "a.example"], 1),
        (&["-r", "-l5", "--scope", "host", "a.example"], 0),
        (&["-r", "-np", "a.example"], 0),
        (&["-r", "--no-parent", "a.example"], 0),
        (&["a.example"], 0),
    ] {
        assert_eq!(doubts(words), tips, "{words:?}");
    }
}

#[test]
fn depth_0_is_not_that_of_wget() {
    let resolved = crawl(&["-l0", "a.example"]).unwrap();
    assert_eq!(resolved.config.crawl.depth, Some(0));
    assert_eq!(resolved.doubts, ["--depth 0 (or -l 0): no link is followed; wget's -l 0 is --depth none"]);
    assert_eq!(crawl(&["-l1", "a.example"]).unwrap().doubts, [""; 0]);
}

#[test]
fn a_field_or_a_list_of_hosts_makes_h_unambiguous() {
    for words in [&["-H", "X-A: b"][..], &["-HX-A:b"], &["-rH", "X-A:b"], &["--header", "X-A: b"]] {
        let config = crawl(&[words, &["a.example"]].concat()).unwrap().config;
        assert!(config.header.len() == 1 && config.crawl.span_hosts.is_empty(), "{words:?}");
    }
    assert_eq!(crawl(&["-H", "Cookie:", "a.example"]).unwrap().config.header, ["Cookie:"]);
    for words in [&["-H", "-D", "b.test"][..], &["-rHD", "b.test"], &["-rHDb.test"], &["-D", "b.test", "-H"]] {
        let resolved = crawl(&[words, &["https://a.example/"]].concat()).unwrap();
        assert_eq!(resolved.config.crawl.span_hosts.len(), 1, "{words:?}");
        assert_eq!((resolved.config.header.len(), resolved.inputs), (0, start("https://a.example/")), "{words:?}");
    }
    for words in
        [&["-H", "https://a.example/"][..], &["-rH", "a.example"], &["-H", "localhost:8000/"], &["a.example", "-H"]]
    {
        let told = crawl(words).unwrap_err();
        assert!(told.starts_with("-H: is --header") && told.contains("--scope any"), "{words:?}: {told}");
    }
    assert!(crawl(&["--", "-H"]).unwrap_err().contains("-H: is no URL"));
}

#[test]
fn values_of_a_crawl_are_read_in_their_forms() {
    let words = [
        "--include=^https://a\\.example/(x|y),z",
        "--include=b{1,2}",
        "--strip-param=utm_*, sid",
        "--canonical=www,case,www",
        "--sitemap=off",
        "--sitemap=only",
        "--since=2026-01-31",
        "--page-types=Text/HTML,image/*,*/*",
        "--max-pages=0",
        "a.example",
    ];
    let config = crawl(&words).unwrap().config.crawl;
    assert_eq!(config.include, ["^https://a\\.example/(x|y),z", "b{1,2}"]);
    assert_eq!(config.strip_param, ["utm_*", "sid"]);
    assert_eq!(config.canonical, [Normalization::Case, Normalization::Www]);
    assert_eq!((config.sitemap, config.max_pages), (Sitemaps::Only, None));
    assert_eq!(config.since.unwrap().to_string(), "2026-01-31T00:00:00Z");
    assert_eq!(config.page_types, ["text/html", "image/*", "*/*"]);
    let config =
        crawl(&["--canonical=aggressive", "--since=2026-01-31T12:00:00+02:00", "a.example"]).unwrap().config.crawl;
    assert_eq!(
        (&config.canonical[..], config.since.unwrap().to_string().as_str()),
        (&Normalization::ALL[..], "2026-01-31T10:00:00Z")
    );
    for bad in ["2026-01-31T12:00:00", "2026-02-30", "31.01.2026", ""] {
        assert!(crawl(&[&format!("--since={bad}"), "a.example"]).unwrap_err().contains("is no date"), "{bad}");
    }
}
