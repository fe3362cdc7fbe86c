//! Credentials that are not sent: the warning of a table, and the note of a 401 or 403.

use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

/// A server that wants credentials for `/a` and `/b`, and none for the other paths.
fn server() -> FaultServer {
    let wants = |status| Act::Status(status, Vec::new());
    FaultServer::start(Script::new().on("a", wants(401)).on("b", wants(403)).on("c", wants(404)).otherwise(ok()))
}

/// Fetches some URLs with this file of settings.
fn run(table: &str, words: &[&str], urls: &[String]) -> Finished {
    Fetchall::new().file("own.toml", table).args(["--config", "own.toml"]).args(words).args(urls).run()
}

fn warnings(run: &Finished) -> Vec<&str> {
    run.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
}

const NOTE: &str = "(no credentials were sent)";

#[test]
fn a_table_says_why_its_secrets_were_not_sent() {
    let server = server();
    let (at, port) = (server.address(), server.address().port());
    let secrets = "user = \"ann:hunter2\"\ncookie = \"id=hunter2\"\nheader = [\"X-Key: hunter2\", \"X-Plain: 1\"]\n";
    let all = "user, cookie, header x-key, header x-plain";
    for (name, settings, expected) in [
        (
            at.to_string(),
            "user = \"ann:hunter2\"\n",
            format!("user of [hosts.\"{at}\"] not sent: the scheme is http; write [hosts.\"http://{at}\"]"),
        ),
        (
            at.to_string(),
            secrets,
            format!(
                "user, cookie, header x-key of [hosts.\"{at}\"] not sent: the scheme is http; write [hosts.\"http://{at}\"]"
            ),
        ),
        (
            "127.0.0.1".to_owned(),
            secrets,
            format!(
                "{all} of [hosts.\"127.0.0.1\"] not sent: the scheme is http and the port is {port}; write [hosts.\"http://{at}\"]"
            ),
        ),
        (
            format!("https://{at}"),
            secrets,
            format!("{all} of [hosts.\"https://{at}\"] not sent: the scheme is http; write [hosts.\"http://{at}\"]"),
        ),
    ] {
        let urls = ["x", "y"].map(|path| server.url(path));
        let wrong = run(&format!("[hosts.\"{name}\"]\n{settings}"), &[], &urls).expect_code(0);
        assert_eq!(warnings(&wrong), [expected.as_str()], "{}", wrong.stderr);
        // The warning says how to mend it.
        let mended = format!("[hosts.\"http://{at}\"]\n{settings}");
        let mended = run(&mended, &["--log", "log"], &urls).expect_code(0);
        assert_eq!(warnings(&mended), [""; 0]);
        assert!(server.requests().last().is_some_and(|request| request.header("authorization").is_some()));
        for text in [&wrong.stderr, &mended.stderr, &String::from_utf8_lossy(&mended.read("log")).into_owned()] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn a_401_or_403_says_that_no_credentials_were_sent() {
    let server = server();
    let table = format!("[hosts.\"{}\"]\nuser = \"ann:hunter2\"\n", server.address());
    let urls = ["a", "b", "c"].map(|path| server.url(path));
    for backend in BACKENDS {
        let json = run(&table, &["--backend", backend, "--json", "--order", "input"], &urls).expect_code(1);
        let messages: Vec<_> = json.records().iter().map(|record| record["error"]["message"].clone()).collect();
        let expected = [
            format!("the server answered 401 Unauthorized {NOTE}"),
            format!("the server answered 403 Forbidden {NOTE}"),
            "the server answered 404 Not Found".to_owned(),
        ];
        assert_eq!(messages, expected, "{backend}");
    }
    let text = run(&table, &[], &urls).expect_code(1);
    let noted: Vec<_> = text.stdout.lines().filter(|line| line.ends_with(NOTE)).collect();
    assert_eq!(noted.len(), 2, "{}", text.stdout);
    let noted = text.stderr.lines().filter(|line| line.ends_with(NOTE)).count();
    assert_eq!(noted, 2, "the summary: {}", text.stderr);
    let single = run(&table, &[], &urls[..1]).expect_code(1);
    assert!(single.stderr.contains(&format!("failed     401 {NOTE}\n")), "{}", single.stderr);
    let shown = run(&table, &["-qS"], &urls).expect_code(1);
    assert_eq!(shown.stderr.matches(&format!("the server answered 401 {NOTE}")).count(), 1, "{}", shown.stderr);
}

#[test]
fn a_401_without_credentials_names_the_flags_on_the_screen() {
    let server = server();
    let urls = ["a", "b", "c"].map(|path| server.url(path));
    let advice = "(--user or --netrc gives credentials)";
    let of_a = |text: &str| {
        let told: Vec<_> = text.lines().filter(|line| line.contains(advice)).map(str::to_owned).collect();
        assert!(told.len() == 1 && told[0].contains(&urls[0]), "{text}");
    };
    let text = Fetchall::new().args(&urls).run().expect_code(1);
    of_a(&text.stdout);
    of_a(&Fetchall::new().arg("-qS").args(&urls).run().expect_code(1).stderr);
    let json = Fetchall::new().args(["--json", "-qS", "-o", "r"]).args(&urls).run().expect_code(1);
    assert!(!String::from_utf8(json.read("r")).expect("text").contains("--user"));
    let in_list = urls[0].replacen("://", "://ann:hunter2@", 1);
    for words in [&["--user", "ann:hunter2", &urls[0]][..], &["-H", "Authorization: Basic x", &urls[0]], &[&in_list]] {
        let run = Fetchall::new().args(words.iter().copied()).run().expect_code(1);
        assert!(!run.stdout.contains(advice) && !run.stderr.contains(advice), "{words:?}: {}", run.stdout);
    }
}

#[test]
fn the_note_is_for_runs_with_credentials_only() {
    let server = server();
    let away = FaultServer::start(Script::new().otherwise(Act::RedirectTo(server.url("a"))));
    let (url, away) = (server.url("a"), away.url("x"));
    let foreign = "[hosts.\"other.test\"]\nuser = \"ann:hunter2\"\n";
    let netrc = "machine 127.0.0.1 login ann password hunter2\n";
    let in_list = url.replacen("://", "://ann:hunter2@", 1);
    let away_in_list = away.replacen("://", "://ann:hunter2@", 1);
    for (table, words, url, has_note) in [
        ("", &[][..], &url, false),
        (foreign, &[], &url, false),
        ("", &["--user", "ann:hunter2"], &url, false),
        ("", &["-H", "X-Api-Key: hunter2"], &url, false),
        ("", &[], &in_list, false),
        // A redirect to another origin leaves them behind.
        ("", &["--user", "ann:hunter2"], &away, true),
        ("", &["-b", "id=hunter2"], &away, true),
        ("", &["--netrc-file", "netrc"], &away, true),
        ("", &[], &away_in_list, true),
        // No challenge that could be answered.
        ("", &["--anyauth", "--user", "ann:hunter2"], &url, true),
    ] {
        let fetchall = Fetchall::new().file("own.toml", table).file("netrc", netrc).args(["--config", "own.toml"]);
        let run = fetchall.args(["--json"]).args(words).arg(url).run().expect_code(1);
        let message = run.records()[0]["error"]["message"].to_string();
        assert_eq!(message.contains(NOTE), has_note, "{table} {words:?} {url}: {message}");
    }
}

#[test]
fn cookies_of_a_table_go_to_its_host_alone() {
    let server = server();
    let other = FaultServer::start(Script::new().on("r", Act::RedirectTo(server.url("landed"))).otherwise(ok()));
    let table = format!("[hosts.\"http://{}\"]\ncookie = \"id=1; b=2\"\n", server.address());
    for backend in BACKENDS {
        let urls = [server.url("x"), other.url("r"), other.url("y")];
        run(&table, &["--backend", backend, "-b", "all=0"], &urls).expect_code(0);
    }
    assert!(server.requests().iter().all(|request| request.header("cookie") == Some("id=1; b=2")));
    assert!(other.requests().iter().all(|request| request.header("cookie") == Some("all=0")));
    assert_eq!((server.requests().len(), other.requests().len()), (8, 8));
    let shown = Fetchall::new().file("own.toml", &table).args(["config", "--config", "own.toml"]).run().expect_code(0);
    assert!(shown.stdout.contains("cookie = \"(hidden)=(hidden)\"") && !shown.stdout.contains("id=1"));
    let wrong = Fetchall::new().file("own.toml", "[hosts.\"h.test\"]\ncookie = \"jar.txt\"\n");
    let wrong = wrong.args(["config", "--config", "own.toml"]).run().expect_code(2);
    assert!(wrong.stderr.contains("own.toml:2: cookie: is no cookie; write \"NAME=VALUE\""), "{}", wrong.stderr);
}
