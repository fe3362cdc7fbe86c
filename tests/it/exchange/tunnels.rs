//! Tunnels through proxies: the requests that open one, and the reports of those that fail.

use serde_json::Value;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::proxy::{Proxy, Wanted, Way};
use crate::support::single::{kind, record_of};
use crate::support::tls::{Mode, TlsServer};

/// Asks a server through a proxy, whose user has a password that must not show.
fn ask(origin: &TlsServer, proxy: &Proxy, words: &[&str]) -> Value {
    ask_by("http", origin, proxy, words)
}

fn ask_by(scheme: &str, origin: &TlsServer, proxy: &Proxy, words: &[&str]) -> Value {
    let through = format!("{scheme}://ann:s3cret@{}", proxy.address());
    let run = Fetchall::new().args(["-v", "-x", &through, "--cacert"]).arg(origin.ca_pem_file()).args(words);
    let (record, run) = record_of(run.arg(origin.url("x")));
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains("s3cret") && !text.contains("YW5uOnMzY3JldA"), "{text}");
    }
    record
}

fn message(record: &Value) -> &str {
    record["error"]["message"].as_str().unwrap_or_default()
}

#[test]
fn every_2xx_opens_a_tunnel_however_it_is_written() {
    let origin = TlsServer::start(Mode::BothVersions);
    let long = [b"HTTP/1.1 200 OK\r\nX-A: ", &b"a".repeat(100_000)[..], b"\r\n\r\n"].concat();
    let answers: [&[&[u8]]; 8] = [
        &[b"HTTP/1.0 200 Connection established\r\n\r\n"],
        &[b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
        &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
        &[b"HTTP/1.1 2", b"00 OK\r", b"\n\r", b"\n"],
        &[b"HTTP/1.1 201 Created\r\n\r\n"],
        &[b"HTTP/1.1 299\r\n\r\n"],
        &[b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 204 Open\r\n\r\n"],
        &[&long],
    ];
    for pieces in answers {
        let proxy = Proxy::start_as(Way::LeadsAfter(pieces.iter().map(|piece| piece.to_vec()).collect()));
        let record = ask(&origin, &proxy, &[]);
        let head = String::from_utf8_lossy(&pieces[0][..pieces[0].len().min(40)]).into_owned();
        assert_eq!((kind(&record), &record["http_version"]), ("ok", &"HTTP/2".into()), "{head} {record}");
    }
}

#[test]
fn refusals_name_the_proxy_and_its_status_and_are_final() {
    let origin = TlsServer::start(Mode::Good);
    for status in [302, 400, 401, 403, 404, 407, 501] {
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 7\r\n\r\nblocked");
        let proxy = Proxy::start_as(Way::Answers(answer.into()));
        let to = format!("localhost:{}", origin.address().port());
        for backend in if status == 403 { &BACKENDS[..] } else { &BACKENDS[..1] } {
            let record = ask(&origin, &proxy, &["--backend", backend, "--retry", "3"]);
            let told = format!("proxy {} answered {status} to CONNECT {to}", proxy.address());
            assert_eq!((kind(&record), message(&record)), ("proxy", told.as_str()), "{backend} {record}");
            assert_eq!((&record["attempts"], &record["status"]), (&1.into(), &Value::Null), "{record}");
        }
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn a_proxy_in_trouble_is_asked_again() {
    let origin = TlsServer::start(Mode::Good);
    for (status, backends) in [(502, &BACKENDS[..]), (503, &BACKENDS[..1]), (504, &BACKENDS[..1])] {
        for backend in backends {
            let answer = format!("HTTP/1.1 {status} Later\r\nRetry-After: 0\r\n\r\n");
            let proxy = Proxy::start_as(Way::Answers(answer.into()));
            let record = ask(&origin, &proxy, &["--backend", backend, "--retry", "2"]);
            assert_eq!((kind(&record), &record["attempts"]), ("proxy", &3.into()), "{backend} {record}");
            assert_eq!(proxy.wanted().len(), 3);
        }
    }
    let proxy = Proxy::start_as(Way::Answers(b"HTTP/1.1 503 Later\r\nRetry-After: 3600\r\n\r\n".to_vec()));
    let record = ask(&origin, &proxy, &["--retry", "2"]);
    assert_eq!((kind(&record), &record["attempts"]), ("proxy", &1.into()), "nobody waits so long: {record}");
    let proxy = Proxy::start_as(Way::Answers(b"HTTP/1.1 502 No\r\n\r\n".to_vec()));
    let record = ask(&origin, &proxy, &["--retry", "2", "--retry-on", "connect"]);
    assert_eq!(record["attempts"], 1, "{record}");
}

#[test]
fn a_tunnel_that_is_not_opened_is_asked_for_once_an_attempt() {
    let origin = TlsServer::start(Mode::Good);
    let urls: Vec<_> = (0..3).map(|n| origin.url(&n.to_string())).collect();
    for (scheme, answer) in [("http", &b""[..]), ("http", b"HTTP/1.1 200 O"), ("socks5h", b"")] {
        for backend in BACKENDS {
            let proxy = Proxy::start_as(Way::Answers(answer.to_vec()));
            let through = format!("{scheme}://{}", proxy.address());
            let run = Fetchall::new().args(["--json", "--retry", "0", "--backend", backend, "-x", &through]);
            let run = run.arg("--cacert").arg(origin.ca_pem_file()).args(&urls).run().expect_code(1);
            assert!(run.records().iter().all(|record| kind(record) == "reset"), "{}", run.stdout);
            assert_eq!(proxy.wanted().len(), urls.len(), "{scheme} {backend} {}", run.stdout);
        }
    }
}

#[test]
fn proxies_that_break_the_rules_are_named() {
    let origin = TlsServer::start(Mode::Good);
    let large = [b"HTTP/1.1 200 OK\r\nX-A: ", &b"a".repeat(300_000)[..]].concat();
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(110);
    for (way, expected, told) in [
        (Way::Answers(Vec::new()), "reset", "closed the connection before it opened a tunnel to localhost:"),
        (Way::Answers(b"HTTP/1.1 200 OK\r\n".to_vec()), "reset", "closed the connection before"),
        (Way::Answers(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), "protocol", "begins with `SSH-2.0-OpenSSH_9.6`"),
        (Way::Answers(b"\x15\x03\x01\x00\x02\x02\x46".to_vec()), "protocol", "does not speak HTTP"),
        (Way::Answers(large), "protocol", "too large a head"),
        (Way::Answers(interim.into()), "protocol", "sent only interim responses (1xx)"),
        (Way::Silent, "timeout", "did not open a tunnel to localhost:"),
    ] {
        let proxy = Proxy::start_as(way);
        let record = ask(&origin, &proxy, &["--connect-timeout", "400ms", "--retry", "0"]);
        assert_eq!(kind(&record), expected, "{record}");
        let name = format!("proxy {} ", proxy.address());
        assert!(message(&record).starts_with(&name) && message(&record).contains(told), "{record}");
    }
    for mode in [Mode::ResetInHandshake, Mode::NotTls, Mode::StalledHandshake, Mode::WrongName] {
        let (origin, proxy) = (TlsServer::start(mode), Proxy::start());
        let record = ask(&origin, &proxy, &["--connect-timeout", "400ms", "--retry", "0"]);
        let expected = if mode == Mode::StalledHandshake { "timeout" } else { "tls" };
        assert_eq!(kind(&record), expected, "{record}");
        assert!(message(&record).ends_with(&format!(" (through proxy {})", proxy.address())), "{record}");
    }
    let silent = Proxy::start_as(Way::Silent);
    for scheme in ["https", "socks4a", "socks5h"] {
        let record = ask_by(scheme, &origin, &silent, &["--connect-timeout", "300ms", "--retry", "0"]);
        let name = format!("proxy {}", silent.address());
        assert!(message(&record).starts_with(&name), "{scheme} {record}");
    }
}

#[test]
fn a_dead_proxy_is_named_whatever_it_is_asked_for() {
    let dead = FaultServer::start(Script::new().on("x", Act::Refused));
    let at = dead.url("x").trim_end_matches("/x").trim_start_matches("http://").to_owned();
    for scheme in ["http", "https", "socks4", "socks5h"] {
        for url in ["http://127.0.0.1:1/", "https://127.0.0.1:1/"] {
            let (record, _) = record_of(Fetchall::new().args(["-x", &format!("{scheme}://u:s3cret@{at}"), url]));
            assert_eq!(kind(&record), "connect", "{record}");
            assert_eq!(message(&record), format!("proxy {at} refused the connection"), "{scheme} {url}");
        }
    }
    let (record, _) = record_of(Fetchall::new().args(["-x", "http://no-such-proxy.invalid:1", "http://127.0.0.1:1/"]));
    assert_eq!(kind(&record), "dns", "{record}");
    assert!(message(&record).starts_with("proxy no-such-proxy.invalid:1: "), "{record}");
}

#[test]
fn a_proxy_that_ends_a_plain_request_is_named() {
    for (act, expected) in [(Act::Garbage, "protocol"), (Act::CloseWithoutAnswer, "reset")] {
        let proxy = FaultServer::start(Script::new().otherwise(act));
        let (record, _) = record_of(Fetchall::new().args(["-x", &proxy.address().to_string(), "http://a.test/"]));
        assert_eq!(kind(&record), expected, "{record}");
        assert!(message(&record).starts_with(&format!("proxy {}: ", proxy.address())), "{record}");
    }
}

#[test]
fn a_proxy_may_be_spoken_to_over_tls() {
    let origin = TlsServer::start(Mode::BothVersions);
    let (proxy, authority) = Proxy::start_over_tls();
    let both = [authority.as_bytes(), &std::fs::read(origin.ca_pem_file()).unwrap()].concat();
    let through = format!("https://ann:s3cret@localhost:{}", proxy.address().port());
    for backend in BACKENDS {
        let run =
            Fetchall::new().file("ca.pem", &both).args(["--cacert", "ca.pem", "--backend", backend, "-x", &through]);
        let (record, _) = record_of(run.arg(origin.url("x")));
        assert_eq!((kind(&record), &record["http_version"]), ("ok", &"HTTP/2".into()), "{backend} {record}");
        let to = format!("localhost:{}", origin.address().port());
        assert_eq!(proxy.wanted().pop(), Some(Wanted { to, who: Some("Basic YW5uOnMzY3JldA==".to_owned()) }));
    }
    let untrusted = Fetchall::new().args(["-x", &through, "--cacert"]).arg(origin.ca_pem_file());
    let (record, _) = record_of(untrusted.arg(origin.url("x")));
    assert_eq!(kind(&record), "tls", "{record}");
    assert!(message(&record).starts_with(&format!("proxy localhost:{}: ", proxy.address().port())), "{record}");
    // Plain http in absolute form.
    let relay = TlsServer::start(Mode::Good);
    let run = Fetchall::new().args(["-x", &relay.url("").replace("/x", ""), "--cacert"]).arg(relay.ca_pem_file());
    assert_eq!(kind(&record_of(run.arg("http://a.test/one?q")).0), "ok");
    assert_eq!(relay.requests(), ["http://a.test/one?q"]);
}

#[test]
fn socks_tunnels_lead_where_their_schemes_say() {
    for (scheme, host, who) in
        [("socks4", "127.0.0.1", "ann"), ("socks4a", "localhost", "ann"), ("socks5h", "localhost", "ann:s3cret")]
    {
        let (tls, plain) = (
            TlsServer::start(Mode::Good),
            FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"x".to_vec()))),
        );
        let proxy = Proxy::start();
        assert_eq!(kind(&ask_by(scheme, &tls, &proxy, &[])), "ok", "{scheme}");
        let wanted = Wanted { to: format!("{host}:{}", tls.address().port()), who: Some(who.to_owned()) };
        assert_eq!(proxy.wanted(), [wanted], "{scheme}");
        let url = format!("http://localhost:{}/x", plain.address().port());
        let run = Fetchall::new().args(["-x", &format!("{scheme}://{}", proxy.address())]).arg(url);
        assert_eq!(kind(&record_of(run).0), "ok", "{scheme}");
        assert_eq!(plain.requests()[0].path, "/x");
    }
    let proxy = Proxy::start();
    let run = Fetchall::new().args(["-x", &format!("socks4://{}", proxy.address()), "--ip-version", "6"]);
    let (record, _) = record_of(run.arg("http://localhost:1/"));
    assert_ne!(kind(&record), "ok", "SOCKS 4 knows no IPv6");
}

#[test]
fn refusals_of_socks_name_the_proxy() {
    let origin = TlsServer::start(Mode::Good);
    for (scheme, code, expected, attempts) in [
        ("socks5h", 2, "proxy", 1),
        ("socks5h", 5, "connect", 2),
        ("socks5h", 8, "proxy", 1),
        ("socks4a", 1, "connect", 2),
        ("socks4a", 3, "proxy", 1),
    ] {
        let proxy = Proxy::start_as(Way::Refuses(code));
        let record = ask_by(scheme, &origin, &proxy, &["--retry", "1", "--retry-max-wait", "10ms"]);
        assert_eq!((kind(&record), &record["attempts"]), (expected, &attempts.into()), "{scheme} {code} {record}");
        let to = format!("localhost:{}", origin.address().port());
        assert!(message(&record).starts_with(&format!("proxy {} ", proxy.address())), "{record}");
        assert!(message(&record).contains(&to), "{record}");
    }
    let proxy = FaultServer::start(Script::new().otherwise(Act::Garbage));
    let run = Fetchall::new().args(["-x", &format!("socks5h://{}", proxy.address()), "--connect-timeout", "300ms"]);
    let (record, _) = record_of(run.arg("http://a.test/"));
    assert!(message(&record).starts_with(&format!("proxy {}", proxy.address())), "{record}");
}
