//! TLS: trust, and failures before, in and after the handshake.

use serde_json::Value;

use crate::support::cli::Fetchall;
use crate::support::single::{kind, record_of};
use crate::support::tls::{BODY, Mode, TlsServer};

fn get(server: &TlsServer, args: &[&str]) -> Value {
    let fetchall = Fetchall::new().arg("--cacert").arg(server.ca_pem_file()).args(args);
    record_of(fetchall.arg(server.url("x"))).0
}

#[test]
fn a_good_certificate_of_a_given_authority_is_trusted() {
    let server = TlsServer::start(Mode::Good);
    let record = get(&server, &[]);
    assert_eq!((kind(&record), &record["bytes"]), ("ok", &BODY.len().into()), "{record}");
    let by_address =
        record_of(Fetchall::new().arg("--cacert").arg(server.ca_pem_file()).arg(server.url_by_address("x"))).0;
    assert_eq!(kind(&by_address), "ok", "{by_address}");
}

#[test]
fn bad_certificates_are_tls() {
    let server = TlsServer::start(Mode::Good);
    let (unknown, _) = record_of(Fetchall::new().arg(server.url("x")));
    assert_eq!(kind(&unknown), "tls", "{unknown}");
    assert!(server.requests().is_empty(), "nothing is asked of a server that is not trusted");
    for mode in [Mode::WrongName, Mode::Expired, Mode::SelfSigned] {
        let server = TlsServer::start(mode);
        let record = get(&server, &[]);
        assert_eq!(kind(&record), "tls", "{mode:?}: {record}");
        assert!(server.requests().is_empty());
    }
}

#[test]
fn insecure_trusts_anyone() {
    for mode in [Mode::Good, Mode::WrongName, Mode::Expired, Mode::SelfSigned] {
        let server = TlsServer::start(mode);
        let (record, _) = record_of(Fetchall::new().arg("-k").arg(server.url("x")));
        assert_eq!(kind(&record), "ok", "{mode:?}: {record}");
    }
}

#[test]
fn broken_handshakes_are_tls() {
    for mode in [Mode::NotTls, Mode::ResetInHandshake] {
        let record = get(&TlsServer::start(mode), &[]);
        assert_eq!(kind(&record), "tls", "{mode:?}: {record}");
    }
}

#[test]
fn a_stalled_handshake_is_timeout() {
    let record = get(&TlsServer::start(Mode::StalledHandshake), &["--connect-timeout", "300ms"]);
    assert_eq!(kind(&record), "timeout", "{record}");
}

#[test]
fn a_body_cut_without_close_notify_is_truncated() {
    for mode in [Mode::CutBody, Mode::CutUntilClose] {
        let record = get(&TlsServer::start(mode), &[]);
        assert_eq!(kind(&record), "truncated", "{mode:?}: {record}");
    }
    let record = get(&TlsServer::start(Mode::UntilClose), &[]);
    assert_eq!(kind(&record), "ok", "{record}");
}

#[test]
fn a_head_cut_by_a_tls_error_is_tls() {
    let record = get(&TlsServer::start(Mode::GarbledHead), &[]);
    assert_eq!(kind(&record), "tls", "{record}");
    let message = record["error"]["message"].as_str().expect("a message");
    assert!(message.contains("InvalidContentType") && !message.contains("http://"), "{message}");
}

#[test]
fn an_unusable_authority_is_an_error_before_any_request() {
    for text in ["", "no certificate\n"] {
        let fetchall = Fetchall::new().file("ca.pem", text).args(["--cacert", "ca.pem", "https://localhost/"]);
        let run = fetchall.run().expect_code(2);
        assert!(run.stdout.is_empty() && run.stderr.contains("ca.pem"), "{}", run.stderr);
    }
}

#[test]
fn heads_over_http2_may_be_as_large_as_others() {
    let server = TlsServer::start(Mode::Http2);
    let record = get(&server, &[]);
    assert_eq!((kind(&record), &record["bytes"]), ("ok", &BODY.len().into()), "{record}");
    assert_eq!(record["http_version"], "HTTP/2");
}

#[test]
fn a_stream_that_is_reset_is_an_answer_and_not_asked_again() {
    let server = TlsServer::start(Mode::Http2);
    let fetchall = Fetchall::new().args(["--json", "-c", "1", "--cacert"]).arg(server.ca_pem_file());
    let run = fetchall.args([server.url("x"), server.url("reset")]).run();
    let records = run.records();
    assert_eq!((kind(&records[0]), kind(&records[1])), ("ok", "reset"), "{}", run.stdout);
    assert_eq!(server.requests(), ["/x", "/reset"]);
}
