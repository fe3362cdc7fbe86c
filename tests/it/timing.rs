//! How long the phases took, and which of them did not happen.

use serde_json::Value;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::tls::{Mode, TlsServer};

fn server() -> FaultServer {
    FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())))
}

/// One after the other, so that the second can use the connection of the first.
fn records(args: &[&str], urls: impl IntoIterator<Item = String>) -> Vec<Value> {
    Fetchall::new().args(["--json", "-c", "1"]).args(args).args(urls).run().expect_code(0).records()
}

fn ms(record: &Value, phase: &str) -> Option<f64> {
    record["timing"][phase].as_f64()
}

#[test]
fn a_connection_is_counted_for_the_url_that_opened_it() {
    let server = server();
    let records = records(&[], ["a", "b"].map(|name| server.url(name)));
    assert_eq!(server.connections(), 1);
    assert!(ms(&records[0], "connect_ms").is_some_and(|ms| ms > 0.0), "{}", records[0]);
    assert_eq!(ms(&records[1], "connect_ms"), None, "{}", records[1]);
    for record in &records {
        assert_eq!((ms(record, "dns_ms"), ms(record, "tls_ms")), (None, None), "{record}");
    }
}

#[test]
fn names_are_looked_up_and_addresses_are_not() {
    let server = server();
    let by_name = server.url("a").replace("127.0.0.1", "localhost");
    let records = records(&[], [by_name, server.url("b")]);
    assert!(ms(&records[0], "dns_ms").is_some(), "{}", records[0]);
    assert_eq!(ms(&records[1], "dns_ms"), None, "{}", records[1]);
}

#[test]
fn handshakes_are_measured() {
    let server = TlsServer::start(Mode::Good);
    let ca = server.ca_pem_file().to_str().expect("a path in UTF-8").to_owned();
    let records = records(&["--cacert", &ca], ["a", "b"].map(|name| server.url(name)));
    let first = &records[0];
    for phase in ["dns_ms", "connect_ms", "tls_ms"] {
        assert!(ms(first, phase).is_some(), "{phase}: {first}");
    }
    assert!(ms(first, "tls_ms") > Some(0.1), "a handshake takes some computing: {first}");
    for phase in ["dns_ms", "connect_ms", "tls_ms"] {
        assert_eq!(ms(&records[1], phase), None, "{phase}: {}", records[1]);
    }
}

#[test]
fn phases_fit_into_the_whole() {
    let delay = std::time::Duration::from_millis(50);
    let slow = Act::Delayed(delay, Box::new(Act::KeepAliveOk(b"hello\n".to_vec())));
    let server = FaultServer::start(Script::new().on("slow", slow).otherwise(Act::RedirectChain(2)));
    for record in records(&[], [server.url("slow"), server.url("chain")]) {
        let [first_byte, total] = ["first_byte_ms", "total_ms"].map(|phase| ms(&record, phase).expect("it is known"));
        let parts: f64 = ["dns_ms", "connect_ms", "tls_ms"].iter().filter_map(|phase| ms(&record, phase)).sum();
        assert!(parts <= first_byte && first_byte <= total, "{record}");
        assert!(ms(&record, "queued_ms").is_some(), "{record}");
        if record["url"] == server.url("slow") {
            assert!(first_byte >= 50.0, "{record}");
        }
    }
}

#[test]
fn a_url_without_a_request_has_no_times() {
    let run = Fetchall::new().args(["--json", "http://"]).run().expect_code(1);
    let record = &run.records()[0];
    assert!(record["timing"].as_object().expect("an object").values().all(Value::is_null), "{record}");
    assert!(record["started_at"].is_null());
}
