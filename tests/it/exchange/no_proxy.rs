//! `no_proxy`: the hosts with direct requests, whatever the source of the setting and the scheme.

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::proxy::Proxy;
use crate::support::tls::{Mode, TlsServer};

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

/// Whether a server of plain http is asked directly; both are asked at `host`.
fn is_direct(host: &str, entries: &str, backend: &str) -> (bool, Finished) {
    let (direct, proxy) = (server(), server());
    let port = direct.address().port();
    let entries = entries.replace("PORT", &port.to_string());
    let run = Fetchall::new()
        .env("http_proxy", proxy.address().to_string())
        .env("no_proxy", entries)
        .args(["--backend", backend])
        .arg(format!("http://{host}:{port}/"))
        .run()
        .expect_code(0);
    assert_eq!(direct.requests().len() + proxy.requests().len(), 1);
    (direct.requests().len() == 1, run)
}

#[test]
fn entries_are_honoured_in_every_form_that_others_take() {
    for (host, entries) in [
        ("localhost", "localhost"),
        ("localhost", ".localhost"),
        ("localhost", "*.localhost"),
        ("localhost", "localhost:PORT"),
        ("localhost", "x.test localhost"),
        ("localhost", " localhost , x "),
        ("localhost", "LOCALHOST"),
        ("localhost", "localhost."),
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1:PORT"),
        ("127.0.0.1", "x,*"),
    ] {
        let (is_direct, run) = is_direct(host, entries, "async");
        assert!(is_direct && !run.stderr.contains("warning"), "{entries}: {}", run.stderr);
    }
    for (host, entries) in
        [("localhost", "localhost:1"), ("localhost", "ocalhost"), ("127.0.0.1", "127.0.0.0/31x.test")]
    {
        assert!(!is_direct(host, entries, "async").0, "{entries}");
    }
    for backend in BACKENDS {
        assert!(is_direct("localhost", "x *.localhost:PORT", backend).0, "{backend}");
    }
}

#[test]
fn entries_that_cannot_match_are_one_warning() {
    for backend in BACKENDS {
        for (entry, shown) in [
            ("127.*", "the entry `127.*`"),
            ("http://127.0.0.1", "entry 1"),
            ("127.0.0.1:http", "entry 1"),
            ("127.0.", "the entry `127.0.`"),
        ] {
            let (is_direct, run) = is_direct("127.0.0.1", &format!("{entry}, x.test"), backend);
            let told = format!("{shown} of no_proxy cannot match: ");
            assert!(!is_direct && run.stderr.matches(&told).count() == 1, "{entry}: {}", run.stderr);
        }
    }
    let direct = server();
    let run = Fetchall::new().env("no_proxy", "127.*").arg(direct.url("x")).run().expect_code(0);
    assert!(!run.stderr.contains("no_proxy"), "without a proxy nobody asks for it: {}", run.stderr);
}

#[test]
fn flag_file_and_environment_mean_the_same_for_both_schemes() {
    let (plain, tls) = (server(), TlsServer::start(Mode::Good));
    let at = [("http", plain.address().port()), ("https", tls.address().port())];
    for (scheme, port) in at {
        for (entries, is_direct) in [(format!("*.localhost:{port}"), true), (format!("localhost:{}", port - 1), false)]
        {
            for way in ["flag", "file", "environment"] {
                let proxy = Proxy::start();
                let absolute = server();
                let through = if scheme == "http" { absolute.address() } else { proxy.address() };
                let run = Fetchall::new().args(["-x", &through.to_string(), "--cacert"]).arg(tls.ca_pem_file());
                let run = match way {
                    "flag" => run.args(["--noproxy", &entries]),
                    "file" => run.file("f.toml", format!("noproxy = '{entries}'\n")).args(["--config", "f.toml"]),
                    _ => run.env("NO_PROXY", &entries),
                };
                run.arg(format!("{scheme}://localhost:{port}/")).run().expect_code(0);
                let asked = absolute.requests().len() + proxy.wanted().len();
                assert_eq!(asked == 0, is_direct, "{scheme} {entries} {way}");
            }
        }
    }
}
