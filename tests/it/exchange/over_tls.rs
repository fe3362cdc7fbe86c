//! HTTP/1.1 over TLS, and through tunnels: the same heads are sent, accepted and refused as over plain TCP.

use serde_json::Value;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::proxy::Proxy;
use crate::support::single::{kind, record_of};
use crate::support::tls::{Mode, TlsServer};

/// A server with this answer, and the same over TLS.
fn servers(act: Act) -> (FaultServer, TlsServer) {
    let plain = FaultServer::start(Script::new().on("x", act));
    let tls = TlsServer::start(Mode::LeadsTo(plain.address().port()));
    (plain, tls)
}

fn ask(tls: &TlsServer, url: String, words: &[&str]) -> Value {
    record_of(Fetchall::new().args(["-d", "out", "--cacert"]).arg(tls.ca_pem_file()).args(words).arg(url)).0
}

#[test]
fn heads_mean_the_same_over_plain_tcp_and_tls() {
    let many = "A: b\r\n".repeat(999);
    let large = format!("X-A: {}\r\n", "a".repeat(200_000));
    let too_large = format!("X-A: {}\r\n", "a".repeat(300_000));
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok");
    for (answer, expected) in [
        (head(""), "ok"),
        (head("A b: c\r\n"), "ok"),
        (head("no field at all\r\n"), "ok"),
        (head("A: b\r\n folded\r\n"), "ok"),
        (head(&many), "ok"),
        (head(&large), "ok"),
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(100) + &head(""), "ok"),
        ("HTTP/1.1 102 Processing\r\n\r\n".repeat(101) + &head(""), "protocol"),
        (head(&too_large), "protocol"),
        (head(&"A: b\r\n".repeat(1001)), "protocol"),
        (head("Content-Length : 3\r\n"), "protocol"),
        (head("Content-Length: 3\r\n"), "protocol"),
        ("ICY 200 OK\r\n\r\nok".to_owned(), "protocol"),
    ] {
        let (plain, tls) = servers(Act::Raw(answer.clone().into()));
        let of_plain = ask(&tls, plain.url("x"), &[]);
        let of_tls = ask(&tls, tls.url("x"), &[]);
        let shown = &answer[..answer.len().min(80)];
        assert_eq!(kind(&of_plain), expected, "{shown}: {of_plain}");
        assert_eq!((kind(&of_tls), &of_tls["error"]), (expected, &of_plain["error"]), "{shown}");
        assert_eq!(of_tls["bytes"], of_plain["bytes"], "{shown}");
    }
}

#[test]
fn heads_mean_the_same_through_a_tunnel() {
    let answer = "HTTP/1.1 200 OK\r\nno field at all\r\nContent-Length: 2\r\n\r\nok";
    let (plain, tls) = servers(Act::Raw(answer.into()));
    let proxy = Proxy::start();
    for scheme in ["http", "socks5h"] {
        let through = format!("{scheme}://{}", proxy.address());
        let record = ask(&tls, tls.url("x"), &["-x", &through]);
        assert_eq!((kind(&record), &record["bytes"]), ("ok", &2.into()), "{record}");
        let record = ask(&tls, tls.url("x"), &["-x", &through, "--http1.1"]);
        assert_eq!(kind(&record), "ok", "{record}");
    }
    assert_eq!((proxy.wanted().len(), plain.requests().len()), (4, 4));
}

#[test]
fn request_fields_over_tls_are_in_title_case() {
    let (plain, tls) = servers(Act::KeepAliveOk(b"ok".to_vec()));
    let proxy = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"ok".to_vec())));
    ask(&tls, tls.url("x"), &["-H", "x-request-id: 1"]);
    ask(&tls, "http://a.test/x".to_owned(), &["-H", "x-request-id: 1", "-x", &format!("u:p@{}", proxy.address())]);
    for (server, wanted) in [(&plain, "Host"), (&proxy, "Proxy-Authorization")] {
        let requests = server.requests();
        let names: Vec<_> = requests[0].headers.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["Accept", "Accept-Encoding", "User-Agent", "X-Request-Id", "Host", wanted] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
    }
}
