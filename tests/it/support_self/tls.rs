//! The TLS server, seen by a rustls client that trusts its authority alone.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::PATIENCE;
use crate::support::act::SENT;
use crate::support::tls::{BODY, Mode, TlsServer};

fn stream(server: &TlsServer) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(server.ca_pem_file()).expect("a certificate");
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let tcp = TcpStream::connect(server.address()).expect("it listens");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    StreamOwned::new(tls, tcp)
}

/// All that the server sends for one request, and how it ended.
fn get(mode: Mode) -> (Vec<u8>, io::Result<()>) {
    let server = TlsServer::start(mode);
    let mut stream = stream(&server);
    let mut bytes = Vec::new();
    let end = stream
        .write_all(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .and_then(|()| stream.read_to_end(&mut bytes).map(drop));
    if end.is_ok() {
        assert_eq!(server.requests(), ["/x"]);
    }
    (bytes, end)
}

fn failure(mode: Mode) -> io::Error {
    let (bytes, end) = get(mode);
    assert!(bytes.is_empty(), "{mode:?} should fail before an answer");
    end.expect_err("a failed handshake")
}

#[test]
fn good_is_trusted_through_its_authority() {
    let server = TlsServer::start(Mode::Good);
    assert!(server.url("x").starts_with("https://localhost:"));
    assert!(server.url_by_address("x").starts_with("https://127.0.0.1:"));
    let mut stream = stream(&server);
    for _ in 0..2 {
        stream.write_all(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
        let mut answer = vec![0; 39 + BODY.len()];
        stream.read_exact(&mut answer).expect("an answer");
        assert!(answer.ends_with(BODY), "{}", answer.escape_ascii());
    }
    assert_eq!(server.requests(), ["/x", "/x"]);
}

#[test]
fn bad_certificates_are_bad_in_the_way_they_say() {
    for (mode, words) in [
        (Mode::WrongName, "not valid for name"),
        (Mode::Expired, "expired"),
        (Mode::SelfSigned, "UnknownIssuer"),
        (Mode::NotTls, "corrupt message"),
    ] {
        let error = failure(mode).to_string();
        assert!(error.contains(words), "{mode:?}: {error}");
    }
}

#[test]
fn handshakes_can_be_reset_or_stall() {
    assert_eq!(failure(Mode::ResetInHandshake).kind(), ErrorKind::ConnectionReset);
    let server = TlsServer::start(Mode::StalledHandshake);
    let mut stream = stream(&server);
    stream.sock.set_read_timeout(Some(std::time::Duration::from_millis(5))).expect("a socket option");
    let error = stream.write_all(b"GET").and_then(|()| stream.flush()).expect_err("no handshake");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

#[test]
fn only_close_notify_marks_a_complete_body() {
    let (whole, end) = get(Mode::UntilClose);
    assert!(end.is_ok(), "{end:?}");
    for mode in [Mode::CutBody, Mode::CutUntilClose] {
        let (bytes, end) = get(mode);
        assert!(bytes.ends_with(&[b'x'; SENT]));
        assert_eq!(end.expect_err("no close_notify").kind(), ErrorKind::UnexpectedEof, "{mode:?}");
        assert_eq!(bytes == whole, mode == Mode::CutUntilClose);
    }
}
