//! Who is told a secret, and that nobody else ever sees it.

use serde_json::json;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::files;

/// `user:s3cret%21` as Basic credentials.
const BASIC: &str = "Basic dXNlcjpzM2NyZXQh";

fn with_secret(url: &str) -> String {
    url.replacen("://", "://user:s3cret%21@", 1)
}

/// Two origins; `/out` of the first leads to the second, `/in` stays.
fn origins() -> (FaultServer, FaultServer) {
    let other = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"other\n".to_vec())));
    let script = Script::new()
        .on("out", Act::RedirectTo(other.url("landed")))
        .on("in", Act::RedirectTo("/stayed".into()))
        .on("stayed", Act::KeepAliveOk(b"here\n".to_vec()));
    (FaultServer::start(script), other)
}

#[test]
fn credentials_of_a_url_go_to_its_origin_alone() {
    let (server, other) = origins();
    let urls = ["in", "out"].map(|name| with_secret(&server.url(name)));
    Fetchall::new().args(urls).run().expect_code(0);
    let asked = server.requests();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.header("authorization") == Some(BASIC)), "{asked:?}");
    let landed = other.requests();
    assert_eq!((landed.len(), landed[0].header("authorization"), landed[0].header("referer")), (1, None, None));
}

#[test]
fn authorization_and_cookies_are_dropped_on_the_way_out() {
    let (server, other) = origins();
    let fields =
        ["-H", "Authorization: Bearer t0ken", "-H", "Cookie: id=1", "-H", "Host: virtual.test", "-H", "X-Kept: yes"];
    Fetchall::new().args(fields).args(["in", "out"].map(|name| server.url(name))).run().expect_code(0);
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer t0ken"), "{request:?}");
        assert_eq!((request.header("cookie"), request.header("host")), (Some("id=1"), Some("virtual.test")));
    }
    let landed = &other.requests()[0];
    assert_eq!((landed.header("authorization"), landed.header("cookie")), (None, None), "{landed:?}");
    assert_eq!(landed.header("x-kept"), Some("yes"));
    assert_eq!(landed.header("host"), Some(other.address().to_string().as_str()), "a Host of ours names one origin");
}

#[test]
fn fields_of_a_line_are_dropped_on_the_way_out_too() {
    let (server, other) = origins();
    let list = json!({"url": server.url("out"), "headers": {"Authorization": "Bearer t0ken"}}).to_string();
    Fetchall::new().args(["--input-format", "ndjson"]).stdin(list).run().expect_code(0);
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(other.requests()[0].header("authorization"), None);
}

#[test]
fn credentials_of_a_location_are_neither_sent_nor_shown() {
    let other = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"other\n".to_vec())));
    let server = FaultServer::start(Script::new().on("x", Act::RedirectTo(with_secret(&other.url("landed")))));
    let run = Fetchall::new().arg("--json").arg(server.url("x")).run().expect_code(0);
    assert_eq!(other.requests()[0].header("authorization"), None);
    assert_eq!(run.records()[0]["final_url"], other.url("landed"));
    assert!(!run.stdout.contains("s3cret"), "{}", run.stdout);
}

#[test]
fn a_secret_is_shown_nowhere() {
    let (server, other) = origins();
    let dead = FaultServer::start(Script::new().on("gone", Act::ResetBeforeHead));
    let mut list: Vec<String> = ["in", "out", "absent"].map(|name| with_secret(&server.url(name))).to_vec();
    list.push(with_secret(&dead.url("gone")));
    // A duplicate, and lines that are no URL: these are shown as they stand, but for the secret.
    list.push(with_secret(&server.url("in")));
    list.extend(["http://user:s3cret!@exa mple.invalid/", "ftp://user:s3cret!@127.0.0.1/"].map(str::to_owned));
    let list = list.join("\n");
    for format in ["text", "ndjson", "csv", "tsv"] {
        for progress in ["json", "plain"] {
            let fetchall = Fetchall::new()
                .args(["--format", format, "--progress", progress, "-v", "-d", "out", "--summary", "summary.json"])
                .stdin(list.clone());
            let run = fetchall.run().expect_code(1);
            for (what, text) in [("records", &run.stdout), ("messages", &run.stderr)] {
                assert!(!text.contains("s3cret") && !text.contains("dXNlcjpzM2NyZXQh"), "{format} {what}: {text}");
            }
            assert!(!String::from_utf8_lossy(&run.read("summary.json")).contains("s3cret"));
            assert!(files(run.folder()).iter().all(|name| !name.contains("s3cret")));
        }
    }
    let run = Fetchall::new().args(["--log", "run.log", "--progress", "none"]).stdin(list).run().expect_code(1);
    let log = String::from_utf8(run.read("run.log")).expect("text");
    assert!(log.contains("/stayed") && !log.contains("s3cret") && !log.contains("dXNlcjpzM2NyZXQh"), "{log}");
    assert!(!other.requests().is_empty());
}

#[test]
fn the_user_agent_says_who_asks() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(Vec::new())));
    Fetchall::new().arg(server.url("default")).run().expect_code(0);
    Fetchall::new().args(["-A", "me/1"]).arg(server.url("own")).run().expect_code(0);
    Fetchall::new().args(["-A", ""]).arg(server.url("none")).run().expect_code(0);
    Fetchall::new().args(["-H", "User-Agent: field/1"]).arg(server.url("field")).run().expect_code(0);
    let agents: Vec<_> = server.requests().iter().map(|r| r.header("user-agent").map(str::to_owned)).collect();
    let default = agents[0].as_deref().expect("one is sent");
    assert!(default.starts_with(concat!("fetchall/", env!("CARGO_PKG_VERSION"), " (+http")), "{default}");
    assert_eq!(agents[1..], [Some("me/1".to_owned()), None, Some("field/1".to_owned())]);
}

#[test]
fn the_same_url_for_another_user_is_no_duplicate() {
    let server = FaultServer::standard();
    let list = ["ann:1@", "bob:2@", "ann:1@"].map(|user| server.url("ok").replace("://", &format!("://{user}")) + "\n");
    let run = Fetchall::new().args(["--json", "-"]).stdin(list.concat()).run();
    let outcomes: Vec<_> = run.records().iter().map(|r| r["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes.iter().filter(|o| *o == "skipped").count(), 1, "{outcomes:?}");
    assert_eq!(server.requests().len(), 2);
    server.join();
}
