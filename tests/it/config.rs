//! Configuration as a user meets it: files, variables, flags, and the messages when they are wrong.

use crate::support::cli::Fetchall;
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use fetchall::config::{Config, KEYS, Layers};
use tempfile::TempDir;

use crate::support::PATIENCE;
use crate::support::process::{fetchall, output};

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// A folder that is home, current folder and XDG folder (`xdg`) of the program under test.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::from_std(fetchall());
        let folder = self.0.path();
        command.env("HOME", folder).env("XDG_CONFIG_HOME", folder.join("xdg")).current_dir(folder).timeout(PATIENCE);
        command
    }

    fn run(&self, vars: &[(&str, &str)], words: &[&str]) -> Output {
        self.command().envs(vars.iter().copied()).args(words).output().unwrap()
    }

    fn ok(&self, vars: &[(&str, &str)], words: &[&str]) -> String {
        let output = self.run(vars, words);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout)
    }

    fn refused(&self, vars: &[(&str, &str)], words: &[&str]) -> String {
        let output = self.run(vars, words);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
        text(&output.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_example_is_all_defaults() {
    let mut layers = Layers::new();
    layers.file("config.example.toml", EXAMPLE);
    let (config, origins) = layers.finish().unwrap();
    assert_eq!(config, Config::default());
    for key in KEYS {
        let expected = if key.default_of_crawl().is_some() { "default" } else { "config.example.toml:" };
        assert!(origins[key.name].to_string().starts_with(expected), "{}", key.name);
    }
}

/// A copy of the example, or of what `fetchall config` prints, changes no command.
#[test]
fn example_and_shown_defaults_leave_a_crawl_alone() {
    for text in [EXAMPLE, &Home::new().ok(&[], &["config"])] {
        let mut layers = Layers::over(Config::of_crawl());
        layers.file("own.toml", text);
        assert_eq!(layers.finish().unwrap().0, Config::of_crawl());
    }
}

#[test]
fn the_program_shows_the_defaults_of_the_example() {
    let settings: Vec<&str> = EXAMPLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let shown = Home::new().ok(&[], &["config"]);
    assert_eq!(shown.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(), settings);
}

#[test]
fn later_layers_win_and_say_so() {
    let home = Home::new();
    home.write(
        "xdg/fetchall/config.toml",
        "concurrency = 1\ngrace = 1\nmax-redirects = 1\ntimeout = 1\ndigest = 'blake3'",
    )
    .write("fetchall.toml", "\nconcurrency = 2\ngrace = 2\nmax-redirects = 2\ntimeout = 2")
    .write("named.toml", "concurrency = 3\ngrace = 3\nmax-redirects = 3");
    let vars = [("FETCHALL_CONCURRENCY", "4"), ("FETCHALL_GRACE", "4")];
    let words = ["config", "--show-origin", "--config", "named.toml", "-c", "5"];
    let shown = home.ok(&vars, &words);
    for (line, origin) in [
        ("concurrency = 5", "--concurrency"),
        ("grace = \"4s\"", "FETCHALL_GRACE"),
        ("max-redirects = 3", "named.toml:3"),
        ("timeout = \"2s\"", "fetchall.toml:5"),
        ("digest = \"blake3\"", "/xdg/fetchall/config.toml:5"),
        ("quiet = false", "default"),
    ] {
        let found = shown.lines().find(|shown| shown.starts_with(line)).unwrap_or_else(|| panic!("{line}\n{shown}"));
        assert!(found.contains("  # ") && found.ends_with(origin), "{found}");
    }
    let columns: Vec<_> = shown.lines().filter(|line| line.len() < 90).map(|line| line.find("  # ")).collect();
    let short = shown.lines().find(|line| line.starts_with("quiet")).and_then(|line| line.find("  # "));
    assert!(columns.iter().filter(|column| **column == short).count() >= KEYS.len() - 3, "not aligned:\n{shown}");

    let bare = home.ok(&vars, &["config", "--no-config"]);
    assert!(bare.contains("grace = \"4s\"") && bare.contains("max-redirects = 10"), "{bare}");
    let by_variable = home.ok(&[("FETCHALL_CONFIG", "named.toml")], &["config"]);
    assert!(by_variable.contains("max-redirects = 3"), "{by_variable}");
}

#[test]
fn the_shown_configuration_reads_back() {
    let home = Home::new();
    let words =
        ["config", "-c7", "--max-size", "10M", "--timeout", "1m30s", "-H", "Accept: \"b\\", "--log", "none", "-k"];
    let shown = home.ok(&[], &words);
    home.write("own.toml", &shown);
    assert_eq!(home.ok(&[], &["config", "--config", "own.toml"]), shown);
    let with_origins = home.ok(&[], &["config", "--show-origin", "--config", "own.toml"]);
    home.write("own.toml", &with_origins);
    assert_eq!(home.ok(&[], &["config", "--config", "own.toml"]), shown);
}

#[test]
fn secrets_are_not_shown() {
    let home = Home::new();
    home.write("own.toml", "header = ['authorization: Bearer hunter2', 'Cookie:hunter2', 'X-A: seen']");
    let shown = home.ok(&[], &["config", "--show-origin", "--config", "own.toml"]);
    assert!(!shown.contains("hunter2") && shown.contains("authorization: (hidden)") && shown.contains("X-A: (hidden)"));
    home.write("fetchall.toml", "header = ['Authorization Bearer hunter2']");
    assert!(!home.refused(&[], &["config"]).contains("hunter2"));
}

#[test]
fn passwords_of_urls_are_not_shown() {
    let home = Home::new();
    for password in ["hunter2", "1/hunter2", "a,hunter2,b", "a hunter2", "x@hunter2", "=hunter2", "%40hunter2"] {
        let url = format!("http://ann:{password}@h.test");
        let settings = [
            ("--noproxy", url.clone()),
            ("--noproxy", format!("a.test,ann:{password}@h.test,b.test")),
            ("--noproxy", format!("{url} socks9://bob:{password}@h.test")),
            // That of a Referer is the one of a URL: `1/` would be a port and a path.
            ("--header", format!("Referer: {}:99999/", url.replace("1/", "/"))),
        ];
        for (option, value) in settings {
            let shown = home.ok(&[], &["config", option, &value]);
            assert!(!shown.contains("hunter2") && shown.contains("(hidden)"), "{value}: {shown}");
        }
        for variable in ["no_proxy", "NO_PROXY", "FETCHALL_NOPROXY"] {
            let shown = home.ok(&[(variable, &url)], &["config"]);
            assert!(!shown.contains("hunter2"), "{variable}={url}: {shown}");
        }
    }
}

#[test]
fn secrets_of_sitemaps_and_expressions_are_not_shown() {
    let home = Home::new();
    let url = "https://ann:hunter2@a.test/sitemap.xml";
    let (sitemap, base) = ("https://a.test/sitemap.xml?page=2#hunter2", "https://a.test/b?page=2#hunter2");
    let words = [
        "config",
        "--sitemap",
        sitemap,
        "--base",
        base,
        "--include",
        url,
        "--strip-param",
        url,
        "--accept",
        "ann:hunter2@a",
    ];
    let shown = home.ok(&[], &words);
    assert!(!shown.contains("hunter2"), "{shown}");
    // As every valid URL, it keeps its query.
    for line in ["sitemap = [\"https://a.test/sitemap.xml?page=2\"]", "base = \"https://a.test/b?page=2\""] {
        assert!(shown.contains(line), "{shown}");
    }
    let flags = [
        "--include=ann:hunter2@(",
        "--sitemap=ann:hunter2@a.test",
        "--sitemap=https://ann:hunter2@a.test/sitemap.xml",
        "--accept=hunter2[z-a]",
        "--span-hosts=a:hunter2@h",
    ];
    for flag in flags {
        let told = home.refused(&[], &["config", flag]);
        assert!(!told.contains("hunter2") && told.lines().count() == 1, "{told}");
    }
}

#[test]
fn every_error_of_every_layer_is_reported() {
    let home = Home::new();
    home.write("xdg/fetchall/config.toml", "quiet = \"yes\"").write(
        "fetchall.toml",
        "# a comment\n\nconcurency = 5\nmax_redirects = 3\nlow-speed = \"fast\"\nheader = ['A: b', 'X Y: z']\n",
    );
    let vars = [("FETCHALL_CONCURENCY", "5"), ("FETCHALL_GRACE", "soon"), ("OTHER", "x")];
    let told = home.refused(&vars, &["config", "-c", "0", "--max-size", "big"]);
    let expected = [
        "xdg/fetchall/config.toml:1: quiet: is neither true nor false",
        "error: fetchall.toml:3: unknown key `concurency`; did you mean `concurrency`?",
        "error: fetchall.toml:4: unknown key `max_redirects`; did you mean `max-redirects`?",
        "error: fetchall.toml:5: low-speed: `fast` is not a size",
        "error: fetchall.toml:6: header: the fetchall.toml of the working folder may not set this",
        "error: FETCHALL_CONCURENCY: unknown variable; did you mean `FETCHALL_CONCURRENCY`?",
        "error: FETCHALL_GRACE: `soon` is not a time",
        "error: --concurrency: is 0; write at least 1",
        "error: --max-size: `big` is not a size",
    ];
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    for (line, part) in told.lines().zip(expected) {
        assert!(line.contains(part), "{line}\nlacks: {part}");
    }
    // The download refuses the same as the command that only shows.
    assert_eq!(home.refused(&vars, &["-c", "0", "--max-size", "big", "http://localhost/"]), told);
}

#[test]
fn unreadable_files_are_errors() {
    let home = Home::new();
    assert!(home.refused(&[], &["config", "--config", "missing.toml"]).contains("cannot read missing.toml: "));
    assert!(home.refused(&[("FETCHALL_CONFIG", "gone")], &["config"]).contains("cannot read gone: "));
    fs::create_dir(home.0.path().join("fetchall.toml")).unwrap();
    assert!(home.refused(&[], &["config"]).contains("cannot read fetchall.toml: "));
}

#[test]
fn variables_hold_lists_and_switches() {
    let vars = [("FETCHALL_HEADER", "DNT: 1\nRange: 2\n"), ("FETCHALL_INSECURE", "1"), ("FETCHALL_FORMAT", "json")];
    let shown = Home::new().ok(&vars, &["config"]);
    for line in ["header = [\"DNT: 1\", \"Range: 2\"]", "insecure = true", "format = \"ndjson\""] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

#[test]
fn usage_errors_are_2_and_help_is_0() {
    let home = Home::new();
    for words in [&["--no-such-flag"][..], &["--format", "xml"], &["--json", "--format", "csv"], &["example.com/x"]] {
        assert!(home.refused(&[], words).starts_with("error: "), "{words:?}");
    }
    assert!(home.refused(&[], &["example.com/x"]).contains("https://example.com/x"));
    let (short, long) = (home.ok(&[], &["-V"]), home.ok(&[], &["--version", "-v"]));
    assert_eq!(short, concat!("fetchall ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(
        long.starts_with(&short) && long.contains("\ncodings    gzip, ") && long.contains("\nstate      SQLite 3.")
    );
    assert!(home.ok(&[], &["-h"]).len() < home.ok(&[], &["--help"]).len());
    assert!(home.ok(&[], &["completions", "bash"]).contains("--concurrency"));
    assert!(home.ok(&[], &["man"]).starts_with(".ie"));
}

#[cfg(unix)]
#[test]
fn a_closed_standard_output_ends_quietly() {
    for words in [&["config"][..], &["man"], &["completions", "zsh"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let home = Home::new();
        let output = output(fetchall().current_dir(home.0.path()).args(words).stdout(writer));
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_strangers_folder_takes_nothing_out_and_writes_nowhere_else() {
    let home = Home::new();
    for text in [
        "base = 'http://127.0.0.1:9/'",
        "private-addresses = 'allow'",
        "header = ['Host: a.test']",
        "max-size = 'none'",
        "fresh = false",
        "proxy = 'none'",
        "proxy = 'http://127.0.0.1:9'",
        "netrc = true",
        "user = 'a:hunter2'",
        "header = ['Authorization: hunter2']",
        "cookie = 'a=hunter2'",
        "load-cookies = 'c'",
        "output = 'records'",
        "state = '/tmp/state.db'",
        "resolve = ['a.test:80:127.0.0.1']",
        "insecure = true",
        "robots = 'ignore'",
        "scope = 'any'",
        "[traps]\nmax-page-links = 5",
        "dir = '/tmp/elsewhere'",
        "dir = '../elsewhere'",
        "dir = 'out/../../elsewhere'",
        "[hosts.'127.0.0.1']\nuser = 'a:hunter2'",
    ] {
        home.write("fetchall.toml", text);
        let told = home.refused(&[], &["http://127.0.0.1:9/"]);
        assert!(told.starts_with("error: fetchall.toml:") && told.contains("--config ./fetchall.toml"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        // The user vouches for it, or does without.
        for trusted in [&["--config", "./fetchall.toml"][..], &["--config", "fetchall.toml"], &["--no-config"]] {
            home.ok(&[], &[&["config"], trusted].concat());
        }
        home.ok(&[("FETCHALL_CONFIG", "fetchall.toml")], &["config"]);
        fs::rename(home.0.path().join("fetchall.toml"), home.0.path().join("moved")).unwrap();
        home.write("xdg/fetchall/config.toml", text).ok(&[], &["config"]);
        fs::remove_file(home.0.path().join("xdg/fetchall/config.toml")).unwrap();
    }
    home.write("fetchall.toml", "dir = './sub/../out'\nconcurrency = 2\n");
    assert!(home.ok(&[], &["config"]).contains("dir = \"./sub/../out\""));
}

#[cfg(unix)]
#[test]
fn the_file_of_the_working_folder_is_a_regular_file() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let (home, elsewhere) = (Home::new(), TempDir::new().unwrap());
    let (file, secret) = (home.0.path().join("fetchall.toml"), elsewhere.path().join("secret"));
    fs::write(&secret, "timeout = \"hunter2\"\n").unwrap();
    for target in [secret.as_path(), Path::new("/dev/zero"), Path::new("nothing")] {
        std::os::unix::fs::symlink(target, &file).unwrap();
        let told = home.refused(&[], &["http://127.0.0.1:9/"]);
        assert!(told.starts_with("error: cannot read fetchall.toml: it is a link"), "{told}");
        assert!(told.contains("--config ./fetchall.toml") && !told.contains("hunter2"), "{told}");
        home.ok(&[], &["config", "--no-config"]);
        fs::remove_file(&file).unwrap();
    }
    mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let told = home.refused(&[], &["http://127.0.0.1:9/"]);
    assert!(told.starts_with("error: cannot read fetchall.toml: it is no regular file"), "{told}");
    // A link that the user names is followed.
    fs::remove_file(&file).unwrap();
    fs::write(&secret, "user = \"a:hunter2\"\n").unwrap();
    std::os::unix::fs::symlink(&secret, &file).unwrap();
    assert!(home.ok(&[], &["config", "--config", "./fetchall.toml"]).contains("user = \"(hidden)\""));
}

#[test]
fn files_of_settings_and_credentials_have_a_largest_size() {
    let home = Home::new();
    for (name, largest) in [
        ("fetchall.toml", "64 KiB"),
        ("own.toml", "1 MiB"),
        ("fields", "1 MiB"),
        ("netrc", "1 MiB"),
        ("jar", "16 MiB"),
        ("ca.pem", "16 MiB"),
    ] {
        home.write(name, &"# comment\n".repeat(if largest == "16 MiB" { 1_700_000 } else { 110_000 }));
        let words = match name {
            "fetchall.toml" => vec![],
            "own.toml" => vec!["--config", name],
            "fields" => vec!["--header", "@fields"],
            "netrc" => vec!["--netrc-file", name],
            "jar" => vec!["--load-cookies", name],
            _ => vec!["--cacert", name],
        };
        let told = home.refused(&[], &[&words[..], &["http://127.0.0.1:9/"]].concat());
        assert!(told.contains(name) && told.contains(&format!("more than {largest}")), "{told}");
        fs::remove_file(home.0.path().join(name)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_folder_behind_a_link_lies_elsewhere() {
    let (home, elsewhere) = (Home::new(), TempDir::new().unwrap());
    std::os::unix::fs::symlink(elsewhere.path(), home.0.path().join("out")).unwrap();
    home.write("fetchall.toml", "dir = 'out/bodies'\n");
    assert!(home.refused(&[], &["http://127.0.0.1:9/"]).contains("fetchall.toml:1: dir: out/bodies lies outside"));
    home.ok(&[], &["config", "--dir", "out/bodies"]);
}

#[test]
fn values_that_may_hold_a_password_are_not_repeated() {
    let url = "http://127.0.0.1:9/";
    let file = |text: &str| Fetchall::new().file("own.toml", text).args(["config", "--config", "own.toml"]);
    let runs = [
        file("[hosts.\"ann:hunter2@h\"]\n"),
        file("\"http://ann:hunter2@h\" = 1\n"),
        file("[hosts.\"h.test\"]\n\"http://ann:hunter2@h\" = 1\ndelay = \"ann:hunter2@h\"\n"),
        file("resolve = [\"u:hunter2@h\"]\n"),
        file("proxy = \"http:/u:hun ter2@p:1\"\n"),
        Fetchall::new().args(["ann:hunter2@127.0.0.1"]),
        Fetchall::new().args(["-i", "ann:hunter2@127.0.0.1"]),
        Fetchall::new().args(["--cookie=hunter2/", url]),
        Fetchall::new().args(["--load-cookies=http://u:hunter2@h/", url]),
        Fetchall::new().args(["--summary=http://u:hunter2@h/", url]),
        Fetchall::new().args(["--state=http://u:hunter2@h/\u{1}/", "--log=http://u:hunter2@h/", url]),
        Fetchall::new().args(["--timeout=u:hunter2@h", "--format=u:hunter2@h", "--rate=u:hun`hunter2@h", url]),
        Fetchall::new().args(["--header=@u:hunter2@h", url]),
        Fetchall::new().args(["--config=u:hunter2@h", url]),
        Fetchall::new().args(["--proxy", "http:/u:hunter2 hunter2@p:1", url]),
        Fetchall::new().args(["--u:hunter2@h", url]),
        Fetchall::new().env("FETCHALL_PROXY", "http://hunter2 hunter2@p:1").arg(url),
        Fetchall::new().env("http_proxy", "http://u:hunter2\thunter2@p:1").arg(url),
    ];
    for run in runs {
        let run = run.run().expect_code(2);
        assert!(!run.stderr.contains("hunter2") && !run.stderr.contains("hun ter2"), "{}", run.stderr);
    }
    for flag in ["dir", "load-cookies", "summary", "log", "state"] {
        let shown = Fetchall::new().args(["config", &format!("--{flag}=http://u:hunter2@h/")]).run().expect_code(0);
        assert!(!shown.stdout.contains("hunter2") && shown.stdout.contains("http://h/"), "{}", shown.stdout);
    }
}
