//! Lines, colours, progress and logs for people.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::schema;

fn list(server: &FaultServer) -> String {
    ["keep-alive-ok", "gzip", "not-found", "refused", "cut-content-length", "redirect", "gzip"]
        .map(|name| server.url(name) + "\n")
        .concat()
        + "no URL\n"
}

#[test]
fn lines_are_aligned_and_say_what_happened() {
    let server = FaultServer::standard();
    let run = Fetchall::new().stdin(list(&server)).run().expect_code(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 8);
    for line in &lines {
        let (figures, url) = line.split_at(34);
        assert!(figures.ends_with("  ") && (url.starts_with("http://") || url.starts_with("no URL")), "{}", run.stdout);
    }
    let line = |what: &str| *lines.iter().find(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what}"));
    let starts =
        [("/keep-alive-ok", "200 "), ("/not-found", "404 "), ("/refused", "connect "), ("no URL", "invalid_url ")];
    for (what, start) in starts {
        assert!(line(what).starts_with(start), "{}", run.stdout);
    }
    assert!(line("/cut-content-length").starts_with("truncated ") && line("/cut-content-length").ends_with(')'));
    assert!(line("/redirect").ends_with(&format!(" -> {}", server.url("keep-alive-ok"))));
    assert!(lines.iter().any(|line| line.starts_with("duplicate ")));
    assert!(line("no URL").contains("-:8"), "{}", run.stdout);
}

#[test]
fn the_account_comes_before_the_next_command() {
    let server = FaultServer::standard();
    let run = Fetchall::new().stdin(list(&server)).run().expect_code(1);
    let [.., last, next] = run.stderr.lines().collect::<Vec<_>>()[..] else { panic!("no summary: {}", run.stderr) };
    assert!(next.starts_with("to try again: the same command from the start (4 failed); --dir DIR resumes"), "{next}");
    let (start, end) = last.split_once(" s: ").expect("a time");
    assert_eq!(end, "3 ok, 4 failed, 1 skipped");
    let seconds = start.strip_prefix("8 URLs in ").expect("what was read");
    assert!(seconds.parse::<f64>().is_ok() && seconds.split_once('.').is_some_and(|(_, digits)| digits.len() == 2));
    let one = Fetchall::new().arg(server.url("keep-alive-ok")).run().expect_code(0);
    let last = one.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("1 URL in ") && last.ends_with(" s: 1 ok"), "{last}");
}

#[test]
fn text_lists_the_results_that_are_wanted() {
    let server = FaultServer::standard();
    let words = |show: &str| {
        let run = Fetchall::new().args(["--show", show]).stdin(list(&server)).run().expect_code(1);
        let mut words: Vec<_> = run.stdout.lines().map(|line| line[..11].trim().to_owned()).collect();
        words.sort();
        words.join(" ")
    };
    assert_eq!(words("all"), "200 200 200 404 connect duplicate invalid_url truncated");
    assert_eq!(words("auto"), words("all"), "a pipe gets everything");
    assert_eq!(words("changes"), "200 200 200 404 connect invalid_url truncated");
    assert_eq!(words("failures"), "404 connect invalid_url truncated");
    assert_eq!(words("none"), "");
    let refused = Fetchall::new().args(["--show", "none", "--json"]).stdin(list(&server)).run().expect_code(2);
    assert!(refused.stderr.contains("--show: is for text"), "{}", refused.stderr);
}

#[test]
fn quiet_is_silent() {
    let server = FaultServer::standard();
    let text = Fetchall::new().arg("-q").stdin(list(&server)).run().expect_code(1);
    assert_eq!((text.stdout.as_str(), text.stderr.as_str()), ("", ""));
    let asked = Fetchall::new().args(["-q", "--json"]).stdin(list(&server)).run().expect_code(1);
    assert_eq!((asked.records().len(), asked.stderr.as_str()), (8, ""));
    let lines = Fetchall::new().args(["-q", "--format", "text"]).stdin(list(&server)).run().expect_code(1);
    assert_eq!((lines.stdout.lines().count(), lines.stderr.as_str()), (8, ""));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let server = FaultServer::standard();
    let colours = |args: &[&str], vars: &[(&str, &str)]| {
        let fetchall = vars.iter().fold(Fetchall::new(), |fetchall, (name, value)| fetchall.env(name, value));
        let run = fetchall.args(args).arg(server.url("not-found")).run().expect_code(1);
        (run.stdout.contains("\x1b["), run.stderr.contains("\x1b["))
    };
    assert_eq!(colours(&[], &[]), (false, false), "a pipe is no terminal");
    assert_eq!(colours(&["--color", "always"], &[]), (true, true));
    assert_eq!(colours(&["--color", "always"], &[("NO_COLOR", "1")]), (true, true), "a flag is asked for on purpose");
    assert_eq!(colours(&[], &[("CLICOLOR_FORCE", "1")]), (true, true));
    assert_eq!(colours(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), (false, false));
    assert_eq!(colours(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]), (false, false));
    assert!(!colours(&["--color", "always", "--json"], &[]).0, "records are never coloured");
    let run = Fetchall::new().args(["--color", "always", "-o", "lines"]).arg(server.url("not-found")).run();
    assert!(!String::from_utf8_lossy(&run.read("lines")).contains('\x1b'), "nor are files");
}

#[test]
fn progress_for_programs_is_one_json_object_a_line() {
    let slow = Act::Delayed(Duration::from_millis(250), Box::new(Act::KeepAliveOk(b"slow\n".to_vec())));
    let server = FaultServer::start(Script::standard().on("slow", slow));
    let list = list(&server) + &server.url("slow");
    let run = Fetchall::new().args(["--json", "--progress", "json"]).stdin(list).run().expect_code(1);
    let events: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
    assert_eq!((&events[0]["event"], &events[0]["concurrency"]), (&json!("run_started"), &json!(10)));
    let last = &events[events.len() - 1];
    assert_eq!(last["event"], "run_finished");
    schema::check(&schema::SUMMARY, &last["summary"]);
    assert_eq!((of("started").count(), of("done").count()), (7, 9));
    for started in of("started") {
        let done = of("done").find(|done| done["id"] == started["id"]).expect("what begins ends");
        assert_eq!(done["url"], started["url"]);
    }
    assert_eq!(of("done").filter(|done| done["error"] == "http_status").count(), 1);
    let slowest = of("progress").flat_map(|event| event["slowest"].as_array().expect("a list"));
    assert!(slowest.clone().any(|slow| slow["url"] == server.url("slow")), "{}", run.stderr);
}

#[test]
fn progress_has_the_bytes_of_a_body_under_way() {
    let body = Act::DrippingBody { bytes: 10, every: Duration::from_millis(60) };
    let server = FaultServer::start(Script::new().on("slow", body).otherwise(Act::CloseWithoutAnswer));
    for backend in BACKENDS {
        let words = ["--backend", backend, "--json", "--progress", "json", "--retry", "0", "-c", "1"];
        let run = Fetchall::new().args(words).args([server.url("slow"), server.url("closed")]).run().expect_code(1);
        let events: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let progress = || events.iter().filter(|event| event["event"] == "progress");
        let slowest = || progress().filter_map(|event| event["slowest"][0].as_object());
        let is_partial = |slow: &serde_json::Map<_, _>| (1..10).contains(&slow["bytes"].as_u64().unwrap());
        assert!(slowest().any(is_partial), "{backend}: {}", run.stderr);
        // A child does not tell the length of a body under way.
        let length = if backend == "processes" { Value::Null } else { json!(10) };
        assert!(slowest().any(|slow| is_partial(slow) && slow["length"] == length), "{backend}: {}", run.stderr);
    }
}

#[test]
fn plain_progress_is_a_line_now_and_then() {
    let slow = Act::Delayed(Duration::from_millis(1250), Box::new(Act::KeepAliveOk(b"slow\n".to_vec())));
    let server = FaultServer::start(Script::standard().on("slow", slow));
    let urls = ["slow", "not-found"].map(|name| server.url(name));
    let running = Fetchall::new().args(urls.clone()).spawn();
    let one_by_one = Fetchall::new().args(["--backend", "sequential"]).args(urls.clone()).spawn();
    let none = Fetchall::new().args(["--progress", "none"]).args(urls).spawn();
    let run = running.wait().expect_code(1);
    let line = run.stderr.lines().next().expect("progress");
    assert!(line.contains(": 1/2 done, ") && line.contains("1 in flight of 10, 1 failed"), "{line}");
    let one_by_one = one_by_one.wait().expect_code(1);
    assert!(one_by_one.stderr.contains("1 in flight of 1, "), "{}", one_by_one.stderr);
    let none = none.wait().expect_code(1);
    assert!(!none.stderr.contains(" done, "), "{}", none.stderr);
}

#[test]
fn plain_progress_and_log_say_why_a_run_waits() {
    let busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n".to_vec();
    let acts = vec![Act::RawKeepAlive(busy), Act::KeepAliveOk(b"hello\n".to_vec())];
    let server = FaultServer::start(Script::new().on_each("busy", acts));
    let run = Fetchall::new().with_retries().args(["--log", "log", &server.url("busy")]).run().expect_code(0);
    let line = run.stderr.lines().next().expect("progress");
    assert!(line.contains("0 in flight of 10, 0 failed; held by 127.0.0.1:"), "{line}");
    assert!(
        line.contains(" backing off after status 503, ") && line.contains(" · 1 waiting to retry, next in "),
        "{line}"
    );
    let log = String::from_utf8(run.read("log")).expect("text");
    let line = log.lines().find(|line| line.contains("backing off")).expect("a line");
    assert!(line.contains("host=127.0.0.1:") && line.contains("why=\"503\" at_most=1 wait=\"2s\""), "{line}");
}

#[test]
fn the_log_goes_where_it_is_wanted() {
    let server = FaultServer::standard();
    let url = server.url("redirect");
    let verbose = Fetchall::new().args(["-v", "--json"]).arg(&url).run().expect_code(0);
    assert!(verbose.stderr.contains(&url) && verbose.stderr.contains("308"), "{}", verbose.stderr);
    assert_eq!(verbose.records().len(), 1);
    for (words, has_details) in [(&["--log", "run.log"][..], false), (&["-v", "--log", "run.log"], true)] {
        let logged = Fetchall::new().file("run.log", "old\n").args(words).arg(&url).run().expect_code(0);
        let log = String::from_utf8(logged.read("run.log")).expect("text");
        assert!(log.contains(&url) && log.starts_with("old\n"), "{log}");
        assert_eq!(log.contains(&server.url("keep-alive-ok")), has_details, "{words:?}: {log}");
        assert!(!logged.stderr.contains("308"), "{}", logged.stderr);
    }
    let neither = Fetchall::new().arg(&url).run().expect_code(0);
    assert!(!neither.stderr.contains(&url), "{}", neither.stderr);
}

#[test]
fn the_log_has_one_line_for_each_url_on_every_backend() {
    let server = FaultServer::start(
        Script::new().on("gone", Act::Status(404, Vec::new())).otherwise(Act::KeepAliveOk(b"x".to_vec())),
    );
    let list = format!("{}\n{}\n", server.url("a"), server.url("gone"));
    for backend in BACKENDS {
        for (verbose, begun) in [(false, 0), (true, 1)] {
            let run = Fetchall::new().args(["--json", "--backend", backend, "--log", "log", "-"]).stdin(list.clone());
            let run = if verbose { run.arg("-v") } else { run }.run();
            let log = String::from_utf8(run.read("log")).unwrap();
            for (name, outcome) in [("a", "ok"), ("gone", "http_error")] {
                let url = server.url(name);
                let told = |what: &str| log.lines().filter(|line| line.contains(what) && line.contains(&url)).count();
                assert_eq!((told(" fetching "), told(" done ")), (begun, 1), "{backend}: {log}");
                assert!(log.contains(&format!("done url={url} outcome=\"{outcome}\"")), "{backend}: {log}");
            }
            assert_eq!(log.contains(" DEBUG "), verbose, "{backend}: {log}");
            // Each URL, and the begin and the end of the run.
            assert!(verbose || log.lines().count() == 4, "{backend}: {log}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lines_of_a_log_that_does_not_fit_are_counted() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"x".to_vec())));
    for backend in BACKENDS {
        let args = ["--json", "--backend", backend, "--log", "/dev/full", &server.url("a")];
        let run = Fetchall::new().args(args).run().expect_code(0);
        assert_eq!(run.records().len(), 1);
        let lost = "lines were lost of the log /dev/full: no storage space";
        assert!(run.stderr.contains("warning: ") && run.stderr.contains(lost), "{backend}: {}", run.stderr);
    }
}
