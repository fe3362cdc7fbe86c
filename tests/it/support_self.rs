//! The support is itself tested: what it says it sends is really on the wire.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::act::{Act, PROMISED, SENT, Script};
use crate::support::fault::FaultServer;

mod cli;
mod tls;

fn connect(server: &FaultServer) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    stream
}

fn send(stream: &mut TcpStream, method: &str, path: &str) {
    stream
        .write_all(format!("{method} /{path} HTTP/1.1\r\nHost: a\r\nX-Test: yes\r\n\r\n").as_bytes())
        .expect("it reads");
}

/// Everything until the end of the connection, and the error that ended it, if one did.
fn rest(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (bytes, end)
}

fn split(bytes: &[u8]) -> (String, &[u8]) {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head") + 4;
    (String::from_utf8_lossy(&bytes[..at]).into_owned(), &bytes[at..])
}

/// One answer with a Content-Length body; the connection stays open.
fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).expect("a whole body");
    (head, body)
}

/// Returns the bytes that an act sends before it ends its connection, and the error at the end.
fn ending(name: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let server = FaultServer::standard();
    let mut stream = connect(&server);
    send(&mut stream, "GET", name);
    rest(&mut stream)
}

fn closed(name: &str) -> Vec<u8> {
    let (bytes, end) = ending(name);
    assert_eq!(end, None, "{name} should end in order");
    bytes
}

#[test]
fn refused_is_a_port_without_a_listener() {
    let server = FaultServer::standard();
    let url = server.url("refused");
    let address = url.trim_start_matches("http://").trim_end_matches("/refused");
    assert_eq!(TcpStream::connect(address).expect_err("refused").kind(), ErrorKind::ConnectionRefused);
    assert!(server.url("gzip").starts_with(&format!("http://{}/", server.address())));
}

#[test]
fn resets_are_resets_and_closes_are_not() {
    assert_eq!(ending("reset-before-head"), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    let (bytes, end) = ending("reset-in-body");
    assert_eq!((split(&bytes).1.len(), end), (SENT, Some(ErrorKind::ConnectionReset)));
    assert!(closed("close-without-answer").is_empty());
}

#[test]
fn broken_heads() {
    assert!(closed("cut-head").ends_with(b"Content-Le"));
    assert!(!closed("garbage").starts_with(b"HTTP"));
    let lengths = closed("two-content-lengths");
    assert_eq!(split(&lengths).0.matches("Content-Length").count(), 2);
    assert!(split(&closed("bad-content-length")).0.contains("Content-Length: many"));
    let both = closed("length-and-chunked");
    assert!(both.windows(7).any(|window| window == b"chunked") && both.windows(6).any(|window| window == b"Length"));
}

#[test]
fn broken_bodies() {
    let cut = closed("cut-content-length");
    let (head, body) = split(&cut);
    assert!(head.contains(&format!("Content-Length: {PROMISED}\r\n")), "{head}");
    assert_eq!(body.len(), SENT);
    let cut = closed("cut-chunked");
    assert!(split(&cut).1.starts_with(b"1000\r\n") && cut.ends_with(b"x\r\n"));
    assert_eq!(split(&closed("cut-in-chunk")).1, [&b"1000\r\n"[..], &[b'x'; 100]].concat());
    assert!(closed("bad-chunk").windows(4).any(|window| window == b"zz\r\n"));
    assert!(split(&closed("until-close")).1 == b"hello\n");
}

#[test]
fn an_endless_head_goes_on_until_the_peer_goes_away() {
    let server = FaultServer::standard();
    let mut stream = connect(&server);
    send(&mut stream, "GET", "endless-head");
    let mut bytes = vec![0; 1 << 20];
    stream.read_exact(&mut bytes).expect("a megabyte and more");
    assert!(!bytes.windows(4).any(|window| window == b"\r\n\r\n"));
    drop(stream);
    server.wait_until("the end of the act", |log| log.open == 0);
    server.join();
}

#[test]
fn stalled_connections_stay_open_until_one_side_closes() {
    for (name, sent) in [
        ("stalled", &b""[..]),
        ("stalled-head", b"HTTP/1.1 200 OK\r\nContent-Le"),
        ("stalled-body", b"HTTP/1.1 200 As Scripted\r\nContent-Length: 100000\r\n\r\nxxxx"),
    ] {
        let server = FaultServer::standard();
        let mut stream = connect(&server);
        send(&mut stream, "GET", name);
        let mut bytes = vec![0; sent.len()];
        stream.read_exact(&mut bytes).expect("the first part");
        assert_eq!(bytes, sent);
        server.wait_until("the request", |log| log.in_flight == 1);
        let mut other = connect(&server);
        send(&mut other, "GET", name);
        server.wait_until("the other request", |log| log.in_flight == 2);
        drop(other);
        server.wait_until("the other's end", |log| log.in_flight == 1 && log.open == 1);
        let began = Instant::now();
        server.join();
        assert!(began.elapsed() < PATIENCE);
        // However it ends, it ends.
        rest(&mut stream);
    }
}

#[test]
fn bodies_can_drip() {
    let script = Script::new().on("drip", Act::DrippingBody { bytes: 5, every: Duration::from_millis(2) });
    let server = FaultServer::start(script);
    let mut stream = connect(&server);
    let began = Instant::now();
    send(&mut stream, "GET", "drip");
    assert_eq!(answer(&mut stream).1, b".....");
    assert!(began.elapsed() >= Duration::from_millis(10));
}

#[test]
fn codings() {
    let server = FaultServer::standard();
    let mut stream = connect(&server);
    let mut decoded = |name| {
        send(&mut stream, "GET", name);
        let (head, body) = answer(&mut stream);
        assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).map(|_| plain).map_err(|error| error.kind())
    };
    assert_eq!(decoded("gzip"), Ok(b"hello\n".to_vec()));
    assert_eq!(decoded("cut-gzip"), Err(ErrorKind::UnexpectedEof));
    assert_eq!(decoded("corrupt-gzip"), Err(ErrorKind::InvalidInput));
    send(&mut stream, "GET", "unsupported-coding");
    assert!(answer(&mut stream).0.contains("Content-Encoding: compress"));
}

#[test]
fn redirects_share_a_connection_and_are_recorded() {
    let server = FaultServer::standard();
    let mut stream = connect(&server);
    let mut location = |path: &str| {
        send(&mut stream, "GET", path);
        let (head, _) = answer(&mut stream);
        let to = head.lines().find_map(|line| line.strip_prefix("Location: ").map(str::to_string));
        (head[9..12].to_string(), to)
    };
    let to = |status: &str, path: &str| (status.to_string(), Some(path.to_string()));
    assert_eq!(location("redirect-loop"), to("302", "/redirect-loop"));
    assert_eq!(location("redirect-chain"), to("302", "/redirect-chain/1"));
    assert_eq!(location("redirect-chain/2"), to("302", "/redirect-chain/3"));
    assert_eq!(location("redirect-chain/3"), ("200".into(), None));
    assert_eq!(location("redirect-no-location"), ("302".into(), None));
    assert_eq!(location("redirect-to"), to("302", "/keep-alive-ok"));
    assert_eq!(location("redirect"), to("308", "/keep-alive-ok"));
    assert_eq!(location("nowhere"), ("404".into(), None));
    assert_eq!(server.connections(), 1);
    assert_eq!(server.asked("/redirect-chain/3"), 1);
    let requests = server.requests();
    assert_eq!(requests.len(), 8);
    let first = &requests[0];
    assert_eq!((first.method.as_str(), first.path.as_str(), first.connection), ("GET", "/redirect-loop", 0));
    assert_eq!(first.header("x-test"), Some("yes"));
    assert!(first.at <= requests[1].at);
}

#[test]
fn correct_answers() {
    let server = FaultServer::standard();
    let mut stream = connect(&server);
    send(&mut stream, "HEAD", "keep-alive-ok");
    let mut head = [0; 128];
    let length = stream.read(&mut head).expect("an answer");
    assert!(head[..length].ends_with(b"\r\n\r\n"), "{}", head[..length].escape_ascii());
    send(&mut stream, "GET", "keep-alive-ok?again");
    assert_eq!(answer(&mut stream).1, b"hello\n");
    send(&mut stream, "GET", "huge-head");
    assert!(answer(&mut stream).0.len() > 100 * 1000);
    send(&mut stream, "GET", "not-found");
    assert!(answer(&mut stream).0.starts_with("HTTP/1.1 404 "));
    send(&mut stream, "GET", "interim");
    let mut hints = [0; 3 * 57];
    stream.read_exact(&mut hints).expect("hints");
    assert_eq!(hints.windows(8).filter(|window| window == b"HTTP/1.1").count(), 3);
    assert_eq!(answer(&mut stream).1, b"hello\n");
    send(&mut stream, "GET", "extra-bytes");
    assert_eq!(answer(&mut stream).1, b"hello\n");
    assert_eq!(answer(&mut stream).1, b"stray\n");
    send(&mut stream, "GET", "chunked");
    let mut chunks = [0; 47 + 8 + 8 + 5];
    stream.read_exact(&mut chunks).expect("chunks");
    assert_eq!(split(&chunks).1, b"3\r\nhel\r\n3\r\nlo\n\r\n0\r\n\r\n");
    send(&mut stream, "GET", "ok-then-close");
    assert_eq!(answer(&mut stream).1, b"hello\n");
    assert_eq!(rest(&mut stream), (Vec::new(), None));
}

#[test]
fn scripts_choose_by_turn_by_connection_and_otherwise() {
    let script = Script::new()
        .on_each("flaky", vec![Act::Status(503, Vec::new()), Act::KeepAliveOk(b"up".to_vec())])
        .on_connection(0, Act::Raw(b"go away".to_vec()))
        .otherwise(Act::RawKeepAlive(b"HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n".to_vec()));
    let server = FaultServer::start(script);
    assert_eq!(rest(&mut connect(&server)), (b"go away".to_vec(), None));
    let mut stream = connect(&server);
    let statuses = ["flaky", "flaky", "flaky", "else"].map(|path| {
        send(&mut stream, "GET", path);
        answer(&mut stream).0[9..12].to_string()
    });
    assert_eq!(statuses, ["503", "200", "200", "299"]);
    assert_eq!(server.connections(), 2);
}

#[test]
fn requests_in_flight_are_counted() {
    let server = FaultServer::start(Script::new().on("wait", Act::Stalled));
    let streams: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut stream = connect(&server);
            send(&mut stream, "GET", "wait");
            stream
        })
        .collect();
    server.wait_until("all five", |log| log.in_flight == 5);
    drop(streams);
    server.wait_until("their end", |log| log.in_flight == 0 && log.open == 0);
    assert_eq!(server.max_in_flight(), 5);
}

#[test]
#[should_panic(expected = "not a request line: nonsense")]
fn a_panic_in_the_server_is_the_tests_panic() {
    let server = FaultServer::standard();
    let mut stream = connect(&server);
    stream.write_all(b"nonsense\r\n\r\n").expect("it reads");
    rest(&mut stream);
    server.join();
}
