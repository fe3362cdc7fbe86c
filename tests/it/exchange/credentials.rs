//! Credentials that do not stand in a URL: `--user`, the netrc file, fields with secret names.

use wiremock::ResponseTemplate;

use crate::support::BACKENDS;
use crate::support::cli::Fetchall;
use crate::support::mock::{Mocks, field, get, hello, redirect};
use crate::support::proxy::{Proxy, Way};
use crate::support::tls::{Mode, TlsServer};

/// `ann:s3cret` and `bob:other` as Basic credentials.
const ANN: &str = "Basic YW5uOnMzY3JldA==";
const BOB: &str = "Basic Ym9iOm90aGVy";

/// A proxy that answers these paths, whatever host they are asked of.
fn every_host(answers: &[(&str, ResponseTemplate)]) -> Mocks {
    Mocks::start(answers.iter().map(|(name, answer)| get(name).respond_with(answer.clone()).expect(1)))
}

/// The URL of each request to a proxy, and a field of it.
fn sent(proxy: &Mocks, name: &str) -> Vec<(String, Option<String>)> {
    proxy.requests().iter().map(|r| (r.url.to_string(), field(r, name).map(str::to_owned))).collect()
}

fn told(url: &str, value: Option<&str>) -> (String, Option<String>) {
    (url.to_owned(), value.map(str::to_owned))
}

#[test]
fn a_user_is_sent_to_every_listed_origin_with_one_warning() {
    for backend in BACKENDS {
        let (one, two) = (Mocks::hello(), Mocks::hello());
        let run = Fetchall::new()
            .args(["-u", "ann:s3cret", "--backend", backend, "-v", "--json"])
            .args([one.url("a"), two.url("b"), one.url("c"), two.url("d")])
            .run()
            .expect_code(0);
        for request in one.requests().iter().chain(&two.requests()) {
            assert_eq!(field(request, "authorization"), Some(ANN), "{backend}");
        }
        assert_eq!(run.stderr.matches("more than one origin").count(), 1, "{backend}: {}", run.stderr);
        assert!(!run.stderr.contains("s3cret") && !run.stderr.contains("YW5u"), "{}", run.stderr);
        assert!(!run.stdout.contains("s3cret") && !run.stdout.contains("YW5u"), "{}", run.stdout);
    }
}

#[test]
fn only_a_secret_for_several_origins_is_warned_of() {
    let (one, two) = (Mocks::hello(), Mocks::hello());
    let run = Fetchall::new().args(["-u", "ann:s3cret"]).args([one.url("a"), one.url("b")]).run().expect_code(0);
    assert!(!run.stderr.contains("origin"), "{}", run.stderr);
    let run = Fetchall::new().args(["-H", "X-Trial: 1"]).args([one.url("a"), two.url("b")]).run().expect_code(0);
    assert!(!run.stderr.contains("origin"), "{}", run.stderr);
    let run = Fetchall::new().args(["-H", "X-Api-Key: 1"]).args([one.url("a"), two.url("b")]).run().expect_code(0);
    assert!(run.stderr.contains("--header x-api-key"), "{}", run.stderr);
}

#[test]
fn credentials_go_to_the_listed_origin_alone() {
    let secrets = ["-H", "X-Auth-Token: t0ken", "-H", "Cookie: id=1", "-u", "ann:s3cret", "-H", "X-Kept: yes"];
    for backend in BACKENDS {
        let server = every_host(&[
            ("out", redirect(302, "http://b.test/over")),
            ("over", redirect(302, "http://a.test:81/port")),
            ("port", redirect(302, "http://a.test/home")),
            ("home", hello()),
        ]);
        let proxy = server.address().to_string();
        let run = Fetchall::new().args(["-x", &proxy, "--backend", backend]).args(secrets).arg("http://a.test/out");
        run.run().expect_code(0);
        for (field, value) in [("authorization", ANN), ("x-auth-token", "t0ken"), ("cookie", "id=1")] {
            let expected = [
                told("http://a.test/out", Some(value)),
                told("http://b.test/over", None),
                told("http://a.test:81/port", None),
                told("http://a.test/home", Some(value)),
            ];
            assert_eq!(sent(&server, field), expected, "{backend}");
        }
        assert!(server.requests().iter().all(|r| field(r, "x-kept") == Some("yes") && field(r, "referer").is_none()));
    }
}

#[test]
fn the_closest_source_of_credentials_wins() {
    let server = Mocks::hello();
    let with_user = server.url("url").replace("://", "://bob:other@");
    Fetchall::new().args(["-u", "ann:s3cret"]).arg(with_user).run().expect_code(0);
    let authorization = format!("Authorization: {BOB}");
    Fetchall::new().args(["-u", "ann:s3cret", "-H", &authorization]).arg(server.url("field")).run().expect_code(0);
    let netrc = "machine 127.0.0.1 login bob password other";
    let run = Fetchall::new().file(".netrc", netrc).args(["--netrc", "-u", "ann:s3cret"]).arg(server.url("user"));
    run.run().expect_code(0);
    let told: Vec<_> = server.requests().iter().map(|r| field(r, "authorization").map(str::to_owned)).collect();
    assert_eq!(told, [BOB, BOB, ANN].map(|value| Some(value.to_owned())));
}

#[test]
fn the_netrc_file_speaks_to_hosts_by_name() {
    let netrc = "machine a.test login ann password s3cret\nmachine b.test login bob password other\n\
                 default login nobody password x\n";
    for backend in BACKENDS {
        let server = every_host(&[
            ("x", redirect(302, "http://b.test/named")),
            ("named", redirect(302, "http://b.test:81/port")),
            ("port", redirect(302, "http://c.test/unnamed")),
            ("unnamed", redirect(302, "http://a.test/home")),
            ("home", hello()),
        ]);
        let proxy = server.address().to_string();
        let run = Fetchall::new().file("secrets", netrc).args([
            "-x",
            &proxy,
            "--backend",
            backend,
            "--netrc-file",
            "secrets",
            "http://a.test/x",
        ]);
        run.run().expect_code(0);
        let expected = [
            told("http://a.test/x", Some(ANN)),
            told("http://b.test/named", None),
            told("http://b.test:81/port", None),
            told("http://c.test/unnamed", None),
            told("http://a.test/home", Some(ANN)),
        ];
        assert_eq!(sent(&server, "authorization"), expected, "{backend}");
    }
}

#[test]
fn after_a_redirect_the_netrc_file_speaks_over_tls_alone() {
    let netrc = "machine a.test login ann password s3cret\nmachine localhost login bob password other\n\
                 default login nobody password x\n";
    for backend in BACKENDS {
        let tls = TlsServer::start(Mode::Good);
        let proxy = Proxy::start_as(Way::LeadsTo(tls.address().port()));
        for (target, expected) in [
            ("https://localhost/named", Some(BOB)),
            ("https://localhost:444/port", None),
            ("https://127.0.0.1/unnamed", None),
        ] {
            let server = every_host(&[("x", redirect(302, target))]);
            let through = format!("http={} https={}", server.address(), proxy.address());
            let run = Fetchall::new().file("secrets", netrc).args(["-x", &through, "--backend", backend, "--cacert"]);
            let run = run.arg(tls.ca_pem_file()).args(["--private-addresses", "allow", "--netrc-file", "secrets"]);
            run.arg("http://a.test/x").run().expect_code(0);
            assert_eq!(sent(&server, "authorization"), [told("http://a.test/x", Some(ANN))]);
            assert_eq!(tls.authorizations().pop(), Some(expected.map(str::to_owned)), "{backend} {target}");
        }
    }
}

#[test]
fn the_netrc_file_knows_the_password_of_a_user_in_a_url() {
    let server = Mocks::hello();
    let netrc = "machine 127.0.0.1 login bob password other\nmachine 127.0.0.1 login ann password s3cret\n";
    let url = server.url("x").replace("://", "://ann@");
    Fetchall::new().file(".netrc", netrc).arg("--netrc").arg(url).run().expect_code(0);
    assert_eq!(field(&server.requests()[0], "authorization"), Some(ANN));
}

#[test]
fn errors_of_netrc_files_hide_their_content() {
    let run = Fetchall::new().args(["--netrc", "http://127.0.0.1:1/"]).run().expect_code(2);
    assert!(run.stderr.contains(".netrc for passwords by host"), "{}", run.stderr);
    let netrc = "machine a\npassword \"hunter2";
    let run = Fetchall::new().file("n", netrc).args(["--netrc-file", "n", "http://127.0.0.1:1/"]).run();
    let run = run.expect_code(2);
    assert!(run.stderr.contains("n:2: a quotation mark") && !run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn an_unknown_word_of_netrc_is_one_warning() {
    let server = Mocks::hello();
    let netrc = "default login guest password g\nmachine 127.0.0.1 login ann password s3cret hunter2\nport 21\n";
    for backend in BACKENDS {
        let run = Fetchall::new().file("n", netrc).args(["--netrc-file", "n", "--backend", backend]);
        let run = run.args([server.url("a"), server.url("b")]).run().expect_code(0);
        assert_eq!(run.stderr.matches("n:2: a word that is none of").count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("so are 2 more") && !run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    assert!(server.requests().iter().all(|request| field(request, "authorization") == Some(ANN)));
}

#[test]
fn no_hop_is_anything_but_http() {
    for target in ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1/", "data:text/plain,x"] {
        let server = Mocks::start([get("x").respond_with(redirect(302, target)).expect(1)]);
        let run = Fetchall::new().arg("--json").arg(server.url("x")).run().expect_code(1);
        let error = &run.records()[0]["error"];
        assert_eq!(error["kind"], "redirect");
        assert!(error["message"].as_str().unwrap().contains("neither http nor https"), "{error}");
    }
}

#[test]
fn the_configuration_hides_what_it_knows() {
    let words = ["config", "-u", "ann:hunter2", "-x", "http://ann:hunter2@p.test:1", "-H", "X-Api-Key: hunter2"];
    let run = Fetchall::new().args(words).run().expect_code(0);
    assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
    assert!(run.stdout.contains("user = \"(hidden)\"") && run.stdout.contains("proxy = \"http://p.test:1\""));
    let run = Fetchall::new().env("https_proxy", "ann:hunter2@p.test:1").args(["config", "--show-origin"]).run();
    assert!(
        !run.stdout.contains("hunter2") && run.stdout.contains("proxy = \"https=http://p.test:1\""),
        "{}",
        run.stdout
    );
}
