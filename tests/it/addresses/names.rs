//! Names with given addresses, one version of IP, and what is remembered of look-ups.

use serde_json::Value;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{kind, record_of};

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::UntilClose(b"hello\n".to_vec())))
}

fn one(args: &[&str], url: String) -> Value {
    record_of(Fetchall::new().args(args).arg(url)).0
}

fn message(record: &Value) -> &str {
    record["error"]["message"].as_str().unwrap_or_default()
}

#[test]
fn a_given_address_is_connected_to_on_every_backend() {
    let server = server();
    let port = server.address().port();
    for backend in BACKENDS {
        let url = format!("http://Some.test:{port}/{backend}");
        let pin = format!("some.test:{port}:127.0.0.1");
        let record = one(&["--backend", backend, "--resolve", &pin], url);
        assert_eq!((kind(&record), &record["timing"]["dns_ms"]), ("ok", &Value::Null), "{record}");
        assert_eq!(record["remote_addr"], server.address().to_string());
        let asked = server.requests().pop().expect("a request");
        assert_eq!(asked.header("host"), Some(&*format!("some.test:{port}")));
    }
}

#[test]
fn the_port_the_host_and_the_order_count() {
    let server = server();
    let port = server.address().port();
    let url = |name: &str| format!("http://{name}:{port}/");
    let at = |args: &[String], name: &str| {
        let args: Vec<_> = args.iter().flat_map(|pin| ["--resolve", pin]).chain(["--connect-timeout", "5"]).collect();
        one(&args, url(name))
    };
    // Of another port: not for this URL, so localhost is what the system says.
    assert_eq!(kind(&at(&[format!("localhost:{}:127.0.0.9", port ^ 1)], "localhost")), "ok");
    assert_eq!(kind(&at(&[format!("localhost:{port}:127.0.0.9")], "localhost")), "connect");
    assert_eq!(kind(&at(&[format!("*:{port}:127.0.0.1")], "any.test")), "ok");
    // Its own before that of every name, the last of two, and one address after the other.
    let own = [format!("any.test:{port}:127.0.0.1"), format!("*:{port}:127.0.0.9")];
    assert_eq!(kind(&at(&own, "any.test")), "ok");
    let twice = [format!("any.test:{port}:127.0.0.9"), format!("any.test:{port}:127.0.0.1")];
    assert_eq!(kind(&at(&twice, "any.test")), "ok");
    assert_eq!(kind(&at(&[format!("any.test:{port}:127.0.0.9,127.0.0.1")], "any.test")), "ok");
}

#[test]
fn one_version_of_ip_is_all_that_is_used() {
    let server = server();
    let port = server.address().port();
    let both = format!("both.test:{port}:[::1],127.0.0.1");
    let record = one(&["-4", "--resolve", &both], format!("http://both.test:{port}/"));
    assert_eq!((kind(&record), &record["remote_addr"]), ("ok", &Value::from(server.address().to_string())));
    assert_eq!(kind(&one(&["-4"], server.url("x").replace("127.0.0.1", "localhost"))), "ok");
    let none = format!("four.test:{port}:127.0.0.1");
    let record = one(&["-6", "--resolve", &none], format!("http://four.test:{port}/"));
    assert_eq!(kind(&record), "dns", "{record}");
    let record = one(&["--ipv6"], server.url("x"));
    assert!(kind(&record) == "blocked" && message(&record).contains("127.0.0.1 is not of IPv6"), "{record}");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_name_is_looked_up_once() {
    let server = server();
    let urls = ["a", "b", "c"].map(|name| server.url(name).replace("127.0.0.1", "localhost"));
    let records = Fetchall::new().args(["--json", "-c", "1"]).args(urls).run().expect_code(0).records();
    let known: Vec<_> = records.iter().map(|record| record["timing"]["dns_ms"].is_null()).collect();
    assert_eq!(known, [false, true, true], "{records:?}");
    assert!(records.iter().all(|record| record["timing"]["connect_ms"].is_number()), "{records:?}");
}

#[test]
fn deny_keeps_loopback_out_by_default_classes() {
    let server = server();
    for url in [server.url("x"), server.url("x").replace("127.0.0.1", "localhost")] {
        let record = one(&["--private-addresses", "deny"], url);
        assert_eq!(kind(&record), "blocked", "{record}");
        assert!(message(&record).contains("is not public (loopback)"), "{record}");
    }
    assert_eq!(kind(&one(&["--private-addresses", "guard"], server.url("listed"))), "ok");
    assert_eq!(server.connections(), 1);
}
