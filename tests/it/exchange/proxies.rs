//! Proxies: the requests that go through each, and the fields that a proxy gets.

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::proxy::{Proxy, Wanted};
use crate::support::tls::{Mode, TlsServer};

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

#[test]
fn plain_http_goes_through_in_absolute_form() {
    for backend in BACKENDS {
        let proxy = server();
        let through = format!("http://ann:s3cr%21et@{}", proxy.address());
        let run = Fetchall::new()
            .args(["--proxy", &through, "--backend", backend, "--json", "-v"])
            .args(["http://a.test/one?q", "http://b.test:81/two"])
            .run()
            .expect_code(0);
        let requests = proxy.requests();
        let mut targets: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
        targets.sort_unstable();
        assert_eq!(targets, ["http://a.test/one?q", "http://b.test:81/two"], "{backend}");
        for request in &requests {
            assert_eq!(request.header("proxy-authorization"), Some("Basic YW5uOnMzY3IhZXQ="));
            assert_eq!(request.header("authorization"), None);
            let (first, host) = &request.headers[0];
            assert!(first == "Host" && request.path.contains(host), "{:?}", request.headers);
        }
        assert_eq!(run.records()[0]["remote_addr"], proxy.address().to_string());
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains("s3cr") && !text.contains("YW5u"), "{text}");
        }
    }
}

#[test]
fn tls_uses_a_tunnel_and_only_the_proxy_gets_its_credentials() {
    for backend in BACKENDS {
        for mode in [Mode::Good, Mode::Http2] {
            let (origin, proxy) = (TlsServer::start(mode), Proxy::start());
            let through = format!("ann:s3cret@{}", proxy.address());
            let run = Fetchall::new()
                .args(["-x", &through, "--backend", backend, "--json", "--cacert"])
                .arg(origin.ca_pem_file())
                .arg(origin.url("x"))
                .run()
                .expect_code(0);
            let to = format!("localhost:{}", origin.address().port());
            assert_eq!(proxy.wanted(), [Wanted { to, who: Some("Basic YW5uOnMzY3JldA==".to_owned()) }], "{backend}");
            assert_eq!(origin.requests(), ["/x"]);
            assert_eq!(run.records()[0]["outcome"], "ok");
        }
    }
}

#[test]
fn socks5h_resolves_names_at_the_proxy_and_socks5_locally() {
    for backend in BACKENDS {
        let (origin, tls, proxy) = (server(), TlsServer::start(Mode::Good), Proxy::start());
        let port = origin.address().port();
        let through = format!("socks5h://ann:s3cret@{}", proxy.address());
        let run = Fetchall::new().args(["-x", &through, "--backend", backend, "--cacert"]).arg(tls.ca_pem_file());
        run.args([format!("http://nowhere.invalid:{port}/x"), tls.url("y")]).run().expect_code(0);
        let mut wanted = proxy.wanted();
        wanted.sort_unstable_by(|a, b| b.to.cmp(&a.to));
        let who = Some("ann:s3cret".to_owned());
        let tunnel = |to: String| Wanted { to, who: who.clone() };
        assert_eq!(
            wanted,
            [tunnel(format!("nowhere.invalid:{port}")), tunnel(format!("localhost:{}", tls.address().port()))],
            "{backend}"
        );
        let through = format!("socks5://{}", proxy.address());
        Fetchall::new().args(["-x", &through]).arg(format!("http://localhost:{port}/x")).run().expect_code(0);
        let last = proxy.wanted().pop().unwrap();
        let local = [format!("127.0.0.1:{port}"), format!("::1:{port}")];
        assert!(local.contains(&last.to) && last.who.is_none(), "looked up here: {last:?}");
    }
}

#[test]
fn a_given_address_is_for_the_port_that_is_connected_to() {
    let (proxy, tls) = (Proxy::start(), TlsServer::start(Mode::Good));
    let (at, origin) = (proxy.address().port(), tls.address().port());
    let plain = server();
    let run = |backend: &str, words: &[String]| {
        let run = Fetchall::new().args(["--retry", "0", "--json", "--backend", backend, "--cacert"]);
        let run = run.arg(tls.ca_pem_file()).args(words).run();
        run.records()[0]["error"]["kind"].as_str().unwrap_or("ok").to_owned()
    };
    for backend in BACKENDS {
        // No server listens at 127.0.0.9: a client that uses the entry of the other port fails.
        let right = format!("--resolve=proxy.test:{at}:127.0.0.1");
        let wrong = format!("--resolve=proxy.test:{origin}:127.0.0.9");
        let through = format!("--proxy=http://proxy.test:{at}");
        assert_eq!(run(backend, &[through.clone(), right.clone(), wrong.clone(), tls.url("x")]), "ok", "{backend}");
        assert_eq!(run(backend, &[through, wrong, tls.url("x")]), "dns", "{backend}");
        // A server with the name of its proxy.
        let port = plain.address().port();
        let words = [format!("--proxy=proxy.test:{port}"), format!("--resolve=proxy.test:{port}:127.0.0.1")];
        let words =
            [&words[..], &["--resolve=proxy.test:81:127.0.0.9".into(), "http://proxy.test:81/x".into()]].concat();
        assert_eq!(run(backend, &words), "ok", "{backend}");
        // With exceptions too.
        let words = [words, vec!["--noproxy=a.test".to_owned()]].concat();
        assert_eq!(run(backend, &words), "ok", "{backend}");
        // The entry for the port of the proxy does not affect requests without the proxy.
        let words = words.iter().map(|word| word.replace("a.test", "proxy.test")).collect::<Vec<_>>();
        assert_eq!(run(backend, &words), "connect", "{backend}");
    }
}

#[test]
fn the_environment_names_proxies_and_exceptions() {
    let (proxy, direct) = (server(), server());
    let address = proxy.address().to_string();
    let ask = |vars: &[(&str, &str)], words: &[&str]| {
        let before = proxy.requests().len();
        let mut run = Fetchall::new();
        for (name, value) in vars {
            run = run.env(*name, *value);
        }
        run.args(words).arg(direct.url("x")).run().expect_code(0);
        proxy.requests().len() > before
    };
    let it = address.as_str();
    assert!(ask(&[("http_proxy", it)], &[]));
    assert!(ask(&[("ALL_PROXY", it)], &[]));
    assert!(!ask(&[("HTTP_PROXY", it)], &[]), "whoever sends a request to a CGI program can set this one");
    assert!(!ask(&[("https_proxy", it)], &[]));
    assert!(!ask(&[("http_proxy", it), ("no_proxy", "a.test, 127.0.0.0/8")], &[]));
    assert!(!ask(&[("http_proxy", it), ("NO_PROXY", "*")], &[]));
    assert!(!ask(&[("http_proxy", it), ("no_proxy", ""), ("NO_PROXY", "127.0.0.1")], &[]));
    assert!(ask(&[("all_proxy", ""), ("ALL_PROXY", it)], &[]));
    assert!(!ask(&[("http_proxy", it)], &["--noproxy", "127.0.0.1"]));
    assert!(!ask(&[("http_proxy", it)], &["-x", ""]));
    assert!(!ask(&[("http_proxy", it)], &["--proxy", "none"]));
    assert!(ask(&[("http_proxy", "127.0.0.1:1"), ("no_proxy", "127.0.0.1")], &["-x", it, "--noproxy", "b.test"]));
}

#[test]
fn an_invalid_proxy_is_refused_and_a_dead_one_fails_the_url() {
    let run = Fetchall::new().args(["-x", "ftp://u:hunter2@p.test", "http://a.test/"]).run().expect_code(2);
    assert!(run.stderr.contains("--proxy: is no proxy") && !run.stderr.contains("hunter2"), "{}", run.stderr);
    let dead = FaultServer::start(Script::new().on("x", Act::Refused));
    let through = dead.url("x").trim_end_matches("/x").replace("://", "://u:hunter2@");
    for url in ["http://a.test/", "https://a.test/"] {
        let run = Fetchall::new().args(["--json", "-x", &through, url]).run().expect_code(1);
        assert_eq!(run.records()[0]["error"]["kind"], "connect");
        assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"), "{}{}", run.stdout, run.stderr);
    }
}
