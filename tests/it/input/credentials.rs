//! The servers that get a secret, and that it appears nowhere else.

use serde_json::json;
use wiremock::Mock;
use wiremock::matchers::{basic_auth, method};

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::mock::{Mocks, field, get, hello, redirect};
use crate::support::single::files;

fn with_secret(url: &str) -> String {
    url.replacen("://", "://user:s3cret%21@", 1)
}

/// Two origins; `/out` of the first leads to the second, `/in` stays.
fn origins() -> (Mocks, Mocks) {
    let other = Mocks::hello();
    let server = Mocks::start([
        get("out").respond_with(redirect(302, &other.url("landed"))),
        get("in").respond_with(redirect(302, "/stayed")),
        get("stayed").respond_with(hello()),
    ]);
    (server, other)
}

#[test]
fn credentials_of_a_url_go_to_its_origin_alone() {
    let other = Mocks::hello();
    let known = |name| get(name).and(basic_auth("user", "s3cret!"));
    let server = Mocks::start([
        known("out").respond_with(redirect(302, &other.url("landed"))).expect(1),
        known("in").respond_with(redirect(302, "/stayed")).expect(1),
        known("stayed").respond_with(hello()).expect(1),
    ]);
    let urls = ["in", "out"].map(|name| with_secret(&server.url(name)));
    Fetchall::new().args(urls).run().expect_code(0);
    let landed = other.requests();
    assert_eq!((landed.len(), field(&landed[0], "authorization"), field(&landed[0], "referer")), (1, None, None));
}

#[test]
fn authorization_and_cookies_are_dropped_on_the_way_out() {
    let (server, other) = origins();
    let fields =
        ["-H", "Authorization: Bearer t0ken", "-H", "Cookie: id=1", "-H", "Host: virtual.test", "-H", "X-Kept: yes"];
    Fetchall::new().args(fields).args(["in", "out"].map(|name| server.url(name))).run().expect_code(0);
    for request in server.requests() {
        assert_eq!(field(&request, "authorization"), Some("Bearer t0ken"), "{request:?}");
        assert_eq!((field(&request, "cookie"), field(&request, "host")), (Some("id=1"), Some("virtual.test")));
    }
    let landed = &other.requests()[0];
    assert_eq!((field(landed, "authorization"), field(landed, "cookie")), (None, None), "{landed:?}");
    assert_eq!(field(landed, "x-kept"), Some("yes"));
    assert_eq!(field(landed, "host"), Some(other.address().to_string().as_str()), "a Host of ours names one origin");
}

#[test]
fn fields_of_a_line_are_dropped_on_the_way_out_too() {
    let (server, other) = origins();
    let list = json!({"url": server.url("out"), "headers": {"Authorization": "Bearer t0ken"}}).to_string();
    Fetchall::new().args(["--input-format", "ndjson"]).stdin(list).run().expect_code(0);
    assert_eq!(field(&server.requests()[0], "authorization"), Some("Bearer t0ken"));
    assert_eq!(field(&other.requests()[0], "authorization"), None);
}

#[test]
fn credentials_of_a_location_are_neither_sent_nor_shown() {
    let other = Mocks::hello();
    let server = Mocks::start([get("x").respond_with(redirect(302, &with_secret(&other.url("landed"))))]);
    let run = Fetchall::new().arg("--json").arg(server.url("x")).run().expect_code(0);
    assert_eq!(field(&other.requests()[0], "authorization"), None);
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
    let run = Fetchall::new().args(["-v", "--log", "run.log", "--progress", "none"]).stdin(list).run().expect_code(1);
    let log = String::from_utf8(run.read("run.log")).expect("text");
    assert!(log.contains("/stayed") && !log.contains("s3cret") && !log.contains("dXNlcjpzM2NyZXQh"), "{log}");
    assert!(!other.requests().is_empty());
}

#[test]
fn the_user_agent_says_who_asks() {
    let server = Mocks::hello();
    Fetchall::new().arg(server.url("default")).run().expect_code(0);
    Fetchall::new().args(["-A", "me/1"]).arg(server.url("own")).run().expect_code(0);
    Fetchall::new().args(["-A", ""]).arg(server.url("none")).run().expect_code(0);
    Fetchall::new().args(["-H", "User-Agent: field/1"]).arg(server.url("field")).run().expect_code(0);
    let agents: Vec<_> = server.requests().iter().map(|r| field(r, "user-agent").map(str::to_owned)).collect();
    let default = agents[0].as_deref().expect("one is sent");
    assert!(default.starts_with(concat!("fetchall/", env!("CARGO_PKG_VERSION"), " (+http")), "{default}");
    assert_eq!(agents[1..], [Some("me/1".to_owned()), None, Some("field/1".to_owned())]);
}

#[test]
fn the_same_url_for_another_user_is_no_duplicate() {
    let user = |name: &str, word: &str| Mock::given(method("GET")).and(basic_auth(name, word)).respond_with(hello());
    let server = Mocks::start([user("ann", "1").expect(1), user("bob", "2").expect(1)]);
    let list = ["ann:1@", "bob:2@", "ann:1@"].map(|user| server.url("ok").replace("://", &format!("://{user}")) + "\n");
    let run = Fetchall::new().args(["--json", "-"]).stdin(list.concat()).run().expect_code(0);
    let outcomes: Vec<_> = run.records().iter().map(|r| r["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes.iter().filter(|o| *o == "skipped").count(), 1, "{outcomes:?}");
}

#[test]
fn bad_lines_and_their_messages_show_no_secret() {
    let text = "http://ann:hunter2/x@h st/\nhttp://ann:hunter2 x@h:y/\n//ann:hunter2@h.test/x\n\
                --user ann:hunter2\n-H 'Authorization: hunter2'\nheader=X-Any: hunter2\nAuthorization: hunter2\n\
                http:\\\\ann:hunter2@h:y\nhttp://h.test/ http://ann:hunter2@h.test/\nhttp://h.test/\tX: hunter2\n\
                x-api-key=hunter2\n\"x-key=hunter2\"\nkey=hunter2&x=y\nhunter2==\nann:hunter2\nhunter2:80\n\
                –-user hunter2\n—user=hunter2\n−−user=hunter2\n‐‐user=hunter2\n- --user=hunter2\n> --user=hunter2\n\
                * -u hunter2\n1. -u hunter2\n[x](--user=hunter2)\ncurl -u ann:hunter2 http://h.test/\n\
                wget --password=hunter2 http://h.test/ --user=hunter2\n--userhunter2\n--hunter2\n+user=hunter2\n\
                /user:hunter2\nhttp://h.test/ --user=ann:hunter2\nhttp://h.test/ -u ann:hunter2\n\
                http://h.test/ ——user hunter2\nhttp://ann:hunter2 -x@h.test/\nhttp://h.test/ --user=hunter2 http://i.test/\n\
                h.test/?a=hunter2\nh.test --user=hunter2\nhttp://ann%3Ahunter2/cr@a.example:99999/\n";
    let csv = "url,headers,priority\n,X-Any: hunter2,1\nhttp://ann:hunter2@h.test/,X-Any: hunter2,x\n\
               http://h.test/,hunter2,\n\"http://h.test/,hunter2\n\"http://h.test/,\"X: hunter2\",1\n\
               \"http://h.test/,hunter2,\"b\"\n\"http://h.test/,\"X: hunter2,1\nh.test/ hunter2,,\n";
    let json = "{\"url\":5,\"headers\":{\"X\":\"hunter2\"}}\n{\"headers\":\"hunter2\"}\n\
                {\"url\":\"http://h.test/\",\"x\":hunter2\n\"hunter2\nhunter2\n{\"url\":\"ann:hunter2\"}\n";
    for (format, list, lines) in [("text", text, 39), ("csv", csv, 7), ("ndjson", json, 6)] {
        for output in ["text", "ndjson", "csv"] {
            let args = ["--input-format", format, "--format", output, "-v", "-S", "--dry-run=true"];
            let run = Fetchall::new().args(args).stdin(list).run();
            assert!(!run.stdout.contains("hunter2"), "{format}: {}", run.stdout);
            assert!(!run.stderr.contains("hunter2"), "{format}: {}", run.stderr);
            assert!(run.stdout.matches("invalid_url").count() >= lines, "{format}: {}", run.stdout);
        }
    }
    let cut = Fetchall::new().args(["--json", "--dry-run"]).stdin("[\"http://h.test/\",\n\"hunter2\n]").run();
    let named = Fetchall::new().file("l.csv", "url,out\nhttp://127.0.0.1:9/,../hunter2\n");
    let named = named.args(["--json", "-d", "out", "--retry", "0", "l.csv"]).run();
    let report = "{\"v\":1,\"url\":\"http://h.test/\",\"outcome\":\"failed\"}\nhunter2\n{\"outcome\":\"hunter2\",\"url\":\"x\"}\n";
    let again = Fetchall::new().file("report", report).args(["--json", "--dry-run", "--retry-from", "report"]).run();
    for run in [cut, named, again] {
        assert!(run.stdout.contains("\"error\":{"), "{} {}", run.stdout, run.stderr);
        assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"), "{} {}", run.stdout, run.stderr);
    }
}

#[test]
fn an_option_behind_a_url_is_not_fetched() {
    let server = Mocks::hello();
    let [plain, dashed] = [server.url("a - b"), server.url("a -1")];
    let list = format!("{0} --user=ann:x\n{0} -u x\n{plain}\n{dashed}\n", server.url("ok"));
    let run = Fetchall::new().args(["--json", "--order", "input"]).stdin(list).run().expect_code(1);
    let kinds: Vec<_> = run.records().iter().map(|record| record["outcome"].clone()).collect();
    assert_eq!(kinds, ["failed", "failed", "ok", "ok"]);
    assert_eq!(run.records()[0]["url"], server.url("ok"));
    let message = run.records()[1]["error"]["message"].to_string();
    assert!(message.contains("an option follows the URL"), "{message}");
}

#[test]
fn fields_of_the_connection_are_refused_everywhere() {
    for name in ["Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect"] {
        let field = format!("{name}: 7");
        let flag = Fetchall::new().args(["-H", &field, "http://127.0.0.1:9/"]).run().expect_code(2);
        let file = format!("header = [\"{field}\"]\n");
        let file = Fetchall::new().file("own.toml", file).args(["--config", "own.toml", "http://127.0.0.1:9/"]);
        let file = file.run().expect_code(2);
        let list = json!({"url": "http://127.0.0.1:9/", "headers": {name: "7"}}).to_string();
        let list = Fetchall::new().args(["--json", "--input-format", "ndjson"]).stdin(list).run().expect_code(1);
        assert_eq!(list.records()[0]["error"]["kind"], "invalid_url");
        for told in [&flag.stderr, &file.stderr, &list.stdout] {
            assert!(told.contains(&name.to_lowercase()), "{name}: {told}");
        }
    }
}
