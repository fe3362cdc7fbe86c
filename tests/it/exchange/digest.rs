//! Digest authentication: the answers to challenges, their number, and the servers that never see a password.

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::digest::{Demand, DigestServer};
use crate::support::fault::FaultServer;
use crate::support::single::kind;

fn fetch(backend: &str, args: &[&str]) -> Finished {
    Fetchall::new().args(["--json", "-v", "--backend", backend, "-c", "1"]).args(args).run()
}

/// The one record of a run that reveals no secret.
fn record(run: &Finished) -> serde_json::Value {
    for secret in ["s3cret", "YW5u", "cnonce", "response="] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}{}", run.stdout, run.stderr);
    }
    let mut records = run.records();
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn count(server: &DigestServer, scheme: &str) -> usize {
    server.authorizations().iter().flatten().filter(|field| field.starts_with(scheme)).count()
}

#[test]
fn every_algorithm_is_answered_on_every_backend() {
    let basic = || vec![r#"Basic realm="x""#.to_owned()];
    let session = Demand { algorithm: "MD5-sess", ..Demand::default() };
    for demand in [
        Demand { others: basic(), ..Demand::default() },
        Demand { algorithm: "MD5-sess", others: vec!["Negotiate".into(), "NTLM".into()], ..Demand::default() },
        Demand { algorithm: "SHA-256", userhash: true, more: "", ..Demand::default() },
        Demand { algorithm: "SHA-256-sess", ..session },
        Demand { qop: false, ..Demand::default() },
        Demand { qop: false, algorithm: "SHA-256", ..Demand::default() },
        Demand { user: "J\u{e4}s\u{f8}n, Doe", password: "\u{2713}:x", more: ", charset=UTF-8", ..Demand::default() },
        Demand { user: "J\u{e4}s\u{f8}n \"D\"", password: "\u{2713}", ..Demand::default() },
    ] {
        let user = format!("{}:{}", demand.user, demand.password);
        let server = DigestServer::start(demand.clone());
        for backend in BACKENDS {
            let run = fetch(backend, &["-u", &user, "--anyauth", &server.url("a/b?c=%22d%22&e='")]).expect_code(0);
            let told = &run.records()[0];
            let summary = (kind(told), &told["status"], &told["attempts"], &told["bytes"], &told["redirects"]);
            assert_eq!(summary, ("ok", &200.into(), &1.into(), &4.into(), &serde_json::json!([])), "{demand:?}");
        }
        let fields = server.authorizations();
        assert_eq!(fields.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true].repeat(BACKENDS.len()));
        assert_eq!(count(&server, "Basic"), 0, "no password in clear");
    }
}

#[test]
fn strongest_of_several_challenges_is_answered() {
    let weak = r#"Digest realm="x", nonce="y", qop="auth", algorithm=MD5"#;
    let others = vec![format!("Basic realm=\"x\", {weak}"), "Bearer".to_owned()];
    let server = DigestServer::start(Demand { algorithm: "SHA-256", others, ..Demand::default() });
    let run = fetch("async", &["-u", "ann:s3cret", &server.url("a")]).expect_code(0);
    assert_eq!(kind(&record(&run)), "ok");
}

#[test]
fn credentials_of_every_source_answer_a_challenge() {
    let server = DigestServer::start(Demand::default());
    let at = server.url("").replace("http://", "").replace('/', "");
    for backend in BACKENDS {
        let in_url = server.url("a").replace("://", "://ann:s3cret@");
        let in_table = format!("[hosts.\"http://{at}\"]\nuser = \"ann:s3cret\"\n");
        let runs = [
            Fetchall::new().arg(in_url),
            Fetchall::new().args(["-u", "ann:s3cret"]).arg(server.url("b")),
            Fetchall::new().file("n", "machine 127.0.0.1 login ann password s3cret").args(["--netrc-file", "n"]),
            Fetchall::new().file("fetchall.toml", in_table).args(["--config", "fetchall.toml"]),
        ];
        for (at, run) in runs.into_iter().enumerate() {
            let run = if at < 2 { run } else { run.arg(server.url("c")) };
            let run = run.args(["--json", "--backend", backend]).run().expect_code(0);
            assert_eq!(kind(&record(&run)), "ok", "{backend} {at}");
        }
    }
}

#[test]
fn an_origin_costs_one_401_and_its_nonce_is_counted() {
    for backend in BACKENDS {
        let server = DigestServer::start(Demand::default());
        let list: String = (0..20).map(|n| server.url(&format!("{n}\n"))).collect();
        let run = Fetchall::new().args(["--json", "-u", "ann:s3cret", "--backend", backend, "-c", "1"]).stdin(list);
        assert_eq!(run.run().expect_code(0).records().len(), 20);
        assert_eq!((server.authorizations().len(), count(&server, "Digest"), server.most_uses()), (21, 20, 20));
    }
}

#[test]
fn many_at_once_get_in_though_counts_arrive_in_any_order() {
    for backend in BACKENDS {
        let server = DigestServer::start(Demand { uses: 5, ..Demand::default() });
        let list: String = (0..40).map(|n| server.url(&format!("{n}\n"))).collect();
        let run = Fetchall::new().args(["--json", "-u", "ann:s3cret", "--backend", backend, "-c", "8"]).stdin(list);
        let run = run.run().expect_code(0);
        assert!(run.records().iter().all(|record| kind(record) == "ok" && record["attempts"] == 1));
    }
}

#[test]
fn stale_nonce_is_answered_once_more() {
    for backend in BACKENDS {
        let server = DigestServer::start(Demand { uses: 2, ..Demand::default() });
        let list: String = (0..4).map(|n| server.url(&format!("{n}\n"))).collect();
        let run = Fetchall::new().args(["--json", "-u", "ann:s3cret", "--backend", backend, "-c", "1"]).stdin(list);
        assert!(run.run().expect_code(0).records().iter().all(|record| kind(record) == "ok"));
        assert_eq!(server.authorizations().len(), 6, "two challenges for four URLs");
        // A server to which every nonce is stale.
        let server = DigestServer::start(Demand { uses: 0, ..Demand::default() });
        let run = fetch(backend, &["-u", "ann:s3cret", &server.url("a")]).expect_code(1);
        assert_eq!((kind(&record(&run)), server.authorizations().len()), ("http_status", 3));
    }
}

#[test]
fn wrong_password_is_an_http_error_of_one_attempt() {
    for backend in BACKENDS {
        let server = DigestServer::start(Demand::default());
        let args = ["--json", "-u", "ann:wrong", "--anyauth", "--retry", "3", "--backend", backend];
        let run = Fetchall::new().with_retries().args(args).arg(server.url("a")).run().expect_code(1);
        let told = record(&run);
        assert_eq!((kind(&told), &told["status"], &told["attempts"]), ("http_status", &401.into(), &1.into()));
        assert_eq!(server.authorizations().len(), 2);
    }
}

#[test]
fn another_origin_that_challenges_gets_no_credentials() {
    for backend in BACKENDS {
        let theirs = DigestServer::start(Demand::default());
        let away = Act::RedirectTo(theirs.url("a"));
        let home = FaultServer::start(Script::new().on("out", away));
        for args in [&["-u", "ann:s3cret"][..], &["-u", "ann:s3cret", "--anyauth"]] {
            let run = fetch(backend, &[args, &[&home.url("out")]].concat()).expect_code(1);
            assert_eq!(record(&run)["status"], 401);
        }
        assert_eq!(theirs.authorizations(), [None, None], "{backend}");
    }
}

#[test]
fn credentials_in_a_field_answer_no_challenge() {
    let server = DigestServer::start(Demand::default());
    let field = "Authorization: Bearer abc";
    let run = fetch("async", &["-u", "ann:s3cret", "-H", field, &server.url("a")]).expect_code(1);
    assert_eq!(record(&run)["status"], 401);
    assert_eq!(server.authorizations(), [Some("Bearer abc".to_owned())]);
}

#[test]
fn basic_is_sent_at_once_unless_a_server_is_to_ask() {
    let ask = || Act::Status(401, vec![("WWW-Authenticate", "Basic realm=\"x\"".into())]);
    let ok = || Act::KeepAliveOk(b"page".to_vec());
    for backend in BACKENDS {
        for (args, fields) in [(&[][..], [true; 3]), (&["--anyauth"], [false, true, true])] {
            let acts = if fields[0] { vec![ok()] } else { vec![ask(), ok()] };
            let server = FaultServer::start(Script::new().on_each("a", acts).on("b", ok()).on("c", ok()));
            let urls = ["a", "b", "c"].map(|name| server.url(name));
            let run = Fetchall::new().args(["-u", "ann:s3cret", "--backend", backend, "-c", "1"]).args(args).args(urls);
            run.run().expect_code(0);
            let sent: Vec<_> = server.requests().iter().map(|r| r.header("authorization").is_some()).collect();
            assert_eq!(sent[..3], fields, "{backend}");
            assert_eq!(sent.len(), if fields[0] { 3 } else { 4 }, "one 401 for the origin");
        }
    }
}

#[test]
fn refused_basic_is_not_sent_again() {
    let ask = Act::Status(401, vec![("WWW-Authenticate", "Basic realm=\"x\"".into())]);
    for (args, requests) in [(&[][..], 1), (&["--anyauth"], 2)] {
        let server = FaultServer::start(Script::new().otherwise(ask.clone()));
        let url = server.url("a");
        let run = fetch("async", &[args, &["-u", "ann:s3cret", &url]].concat()).expect_code(1);
        assert_eq!((kind(&record(&run)), server.requests().len()), ("http_status", requests));
    }
}

#[test]
fn heads_and_saved_bodies_come_after_a_challenge() {
    let server = DigestServer::start(Demand::default());
    let run = fetch("async", &["-u", "ann:s3cret", "--head", &server.url("a")]).expect_code(0);
    assert_eq!(kind(&record(&run)), "ok");
    for backend in BACKENDS {
        let run = fetch(backend, &["-u", "ann:s3cret", "-O", "page.html", &server.url("a")]).expect_code(0);
        assert_eq!(run.read("page.html"), b"page", "{backend}");
    }
}
