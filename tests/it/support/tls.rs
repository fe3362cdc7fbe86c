//! An HTTPS server with an authority of its own, and all that can be wrong with it.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use super::PATIENCE;
use super::act::{PROMISED, SENT};
use super::runtime::Server;

/// The certificate of the server, and its behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A certificate for localhost and 127.0.0.1 by the authority; 200 with a short body.
    Good,
    /// By the authority, for another name.
    WrongName,
    /// By the authority, no longer valid.
    Expired,
    /// Signed only by itself.
    SelfSigned,
    /// Plain HTTP where TLS is expected.
    NotTls,
    /// As `Good`, but part of the promised length, then the end of TCP without close_notify.
    CutBody,
    /// As `Good`, but a body that ends with the connection, without close_notify. Only the missing
    /// alert distinguishes it from a complete one.
    CutUntilClose,
    /// As `Good`, but a part of the head, and then bytes that are no record of TLS.
    GarbledHead,
    /// As `CutUntilClose`, but ended properly: the body is whole.
    UntilClose,
    /// Accepts the connection and never answers the handshake.
    StalledHandshake,
    /// Resets the connection where its part of the handshake is due.
    ResetInHandshake,
    /// As `Good`, but the first connection as of `StalledHandshake`.
    FirstStalls,
    /// As `Good`, once so many requests are under way at once.
    Together(usize),
    /// As `Together`, but each handshake begins only after so long.
    SlowTogether(Duration, usize),
    /// Passes on what comes to this port, and back.
    LeadsTo(u16),
    /// As `Good`, and so is HTTP/2.
    BothVersions,
    /// As `Good`, for clients that show a certificate by the authority.
    WantsCertificate,
    /// As `Good` over HTTP/2, with 60 fields of 1000 bytes in the head; the stream of `/reset` is
    /// reset instead.
    Http2,
    /// HTTP/2 that answers the first request with these frames again and again, read or not.
    Flood(&'static [u8]),
}

/// The body of [`Mode::Good`].
pub const BODY: &[u8] = b"hello over TLS\n";

/// A server on a free port of 127.0.0.1. It ends when it is dropped, and then panics if a part of
/// it did.
pub struct TlsServer {
    server: Server,
    ca: NamedTempFile,
    /// The certificate and the key of a client.
    client: (String, String),
    requests: Log,
    /// How much each flood has sent, at its end.
    floods: Mutex<mpsc::Receiver<usize>>,
}

/// Targets in the order in which they were asked, each with its Authorization.
type Log = Arc<Mutex<Vec<(String, Option<String>)>>>;

impl TlsServer {
    /// Starts it.
    pub fn start(mode: Mode) -> TlsServer {
        TlsServer::start_on(([127, 0, 0, 1], 0).into(), mode)
    }

    /// Starts it at this address; port 0 is a free one.
    pub fn start_on(at: std::net::SocketAddr, mode: Mode) -> TlsServer {
        let (authority, acceptor, client) = identities(mode);
        let ca = NamedTempFile::with_suffix(".pem").expect("a temporary file");
        std::fs::write(ca.path(), authority.pem()).expect("writing the authority");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let together = match mode {
            Mode::Together(count) | Mode::SlowTogether(_, count) => count,
            _ => 1,
        };
        let together = Arc::new(Barrier::new(together));
        let (over, floods) = mpsc::channel();
        let server = Server::start_on(at, move |stream, number| {
            let mode = if number == 0 && mode == Mode::FirstStalls { Mode::StalledHandshake } else { mode };
            serve(stream, mode, acceptor.clone(), Arc::clone(&log), Arc::clone(&together), over.clone())
        });
        TlsServer { server, ca, client, requests, floods: Mutex::new(floods) }
    }

    /// `https://localhost:PORT/PATH`.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.server.address.port())
    }

    /// The same with 127.0.0.1 as host.
    pub fn url_by_address(&self, path: &str) -> String {
        format!("https://{}/{path}", self.server.address)
    }

    /// A PEM file with the authority, for `--cacert`.
    pub fn ca_pem_file(&self) -> &Path {
        self.ca.path()
    }

    /// A certificate by the authority for a client, and its key: two PEM texts.
    pub fn client_pem(&self) -> (String, String) {
        self.client.clone()
    }

    /// The targets that were asked, in order.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic while writing").iter().map(|(target, _)| target.clone()).collect()
    }

    /// The Authorization of each request, in order.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        self.requests.lock().expect("no panic while writing").iter().map(|(_, value)| value.clone()).collect()
    }

    /// Waits until the client has closed a connection with a flood, and returns the number of bytes sent.
    pub fn flooded(&self) -> usize {
        let floods = self.floods.lock().expect("no panic while waiting");
        floods.recv_timeout(PATIENCE).expect("the client closes the connection")
    }

    /// Returns the listening address.
    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address
    }
}

/// The authority, and a server with a certificate as the mode wants it.
pub(super) fn identity(mode: Mode) -> (Certificate, TlsAcceptor) {
    let (authority, acceptor, _) = identities(mode);
    (authority, acceptor)
}

/// As `identity`, with the certificate and the key of a client.
fn identities(mode: Mode) -> (Certificate, TlsAcceptor, (String, String)) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    // A name of its own: under the default one a self-signed leaf would claim it as issuer.
    params.distinguished_name.push(DnType::CommonName, "authority of the tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("an authority");
    let issuer = Issuer::new(params, key);

    let names: &[&str] = if mode == Mode::WrongName { &["elsewhere.invalid"] } else { &["localhost", "127.0.0.1"] };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut leaf = CertificateParams::new(names).expect("valid names");
    if mode == Mode::Expired {
        leaf.not_before = date_time_ymd(2001, 1, 1);
        leaf.not_after = date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().expect("a key");
    let leaf = if mode == Mode::SelfSigned { leaf.self_signed(&key) } else { leaf.signed_by(&key, &issuer) };
    let chain = vec![leaf.expect("a certificate").der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let client = CertificateParams::new(vec!["client.invalid".to_owned()]).expect("a valid name");
    let client_key = KeyPair::generate().expect("a key");
    let client = client.signed_by(&client_key, &issuer).expect("a certificate");
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions");
    let builder = if mode == Mode::WantsCertificate {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("an authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.expect("a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).expect("the key belongs to the certificate");
    if matches!(mode, Mode::Http2 | Mode::Flood(_)) {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    if mode == Mode::BothVersions {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    (authority, TlsAcceptor::from(Arc::new(config)), (client.pem(), client_key.serialize_pem()))
}

async fn serve(
    mut stream: TcpStream,
    mode: Mode,
    acceptor: TlsAcceptor,
    requests: Log,
    together: Arc<Barrier>,
    over: mpsc::Sender<usize>,
) {
    let mut scratch = [0; 4096];
    match mode {
        Mode::StalledHandshake => {
            while matches!(stream.read(&mut scratch).await, Ok(1..)) {}
            return;
        }
        Mode::ResetInHandshake => {
            let _ = stream.read(&mut scratch).await;
            stream.set_zero_linger().expect("SO_LINGER");
            return;
        }
        Mode::NotTls => {
            let _ = stream.read(&mut scratch).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            let _ = stream.shutdown().await;
            // Reading on, so that the close is no reset.
            let rest = async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} };
            let _ = timeout(Duration::from_secs(5), rest).await;
            return;
        }
        Mode::SlowTogether(delay, _) => tokio::time::sleep(delay).await,
        _ => {}
    }
    // A client that refuses the certificate ends here, as it should.
    let Ok(mut tls) = acceptor.accept(stream).await else { return };
    if let Mode::LeadsTo(port) = mode {
        // The server behind it may end the connection at once.
        let Ok(mut target) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        // A peer that goes away in the middle may.
        let _ = copy_bidirectional(&mut tls, &mut target).await;
        return;
    }
    if let Mode::Flood(frames) = mode {
        // Err: the test has ended.
        let _ = over.send(flood(tls, frames).await);
        return;
    }
    if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
        return serve_http2(tls, requests).await;
    }
    let mut buffer = Vec::new();
    while let Some(request) = read_head(&mut tls, &mut buffer).await {
        requests.lock().expect("no panic while writing").push(request);
        together.wait().await;
        if mode == Mode::GarbledHead {
            if tls.write_all(b"HTTP/1.1 200 OK\r\nContent-").await.is_ok() && tls.flush().await.is_ok() {
                let _ = tls.get_mut().0.write_all(b"no record of TLS\n").await;
            }
            return;
        }
        let (head, body) = match mode {
            Mode::CutBody => (format!("Content-Length: {PROMISED}"), vec![b'x'; SENT]),
            Mode::CutUntilClose | Mode::UntilClose => ("Connection: close".into(), vec![b'x'; SENT]),
            _ => (format!("Content-Length: {}", BODY.len()), BODY.to_vec()),
        };
        let answer = [format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes(), &body].concat();
        if tls.write_all(&answer).await.is_err() || tls.flush().await.is_err() {
            return;
        }
        match mode {
            // Dropping the stream closes TCP alone; the alert is only sent by a shutdown.
            Mode::CutBody | Mode::CutUntilClose => return,
            Mode::UntilClose => {
                let _ = tls.shutdown().await;
                return;
            }
            _ => {}
        }
    }
}

async fn serve_http2(tls: TlsStream<TcpStream>, requests: Log) {
    let Ok(mut connection) = h2::server::handshake(tls).await else { return };
    // An error is the end of the connection, as the client wants it.
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        let value = request.headers().get("authorization").map(|value| value.to_str().expect("text").to_owned());
        requests.lock().expect("no panic while writing").push((path.clone(), value));
        if path == "/reset" {
            respond.send_reset(h2::Reason::CANCEL);
            continue;
        }
        let mut response = http::Response::new(());
        for n in 0..60 {
            let name = http::HeaderName::try_from(format!("x-{n}")).expect("a name");
            response.headers_mut().insert(name, http::HeaderValue::try_from("x".repeat(1000)).expect("a value"));
        }
        if let Ok(mut body) = respond.send_response(response, false) {
            let _ = body.send_data(bytes::Bytes::from_static(BODY), true);
        }
    }
}

/// RFC 9113, section 3.4: first of all come our settings, here the defaults; then what is wanted.
async fn flood(mut tls: TlsStream<TcpStream>, frames: &[u8]) -> usize {
    let mut scratch = [0; 4096];
    let _ = tls.read(&mut scratch).await;
    let pieces = frames.repeat(16 * 1024 / frames.len().max(1) + 1);
    let mut first: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    if frames.first() == Some(&0) && frames.get(3) == Some(&0) {
        // Before data comes a head: `:status: 200`.
        first = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    } else if frames.get(3) == Some(&9) {
        // Before its continuation comes the beginning of one.
        first = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88];
    }
    let mut sent = 0;
    let _ = tls.write_all(first).await;
    // A bound, in case the client does not stop.
    while sent < 1 << 30 && tls.write_all(&pieces).await.is_ok() {
        sent += pieces.len();
        // Read the client's data, so that it need not wait.
        let _ = timeout(Duration::from_micros(1), tls.read(&mut scratch)).await;
    }
    sent
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<(String, Option<String>)> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let head: Vec<u8> = buffer.drain(..end).collect();
    let head = String::from_utf8_lossy(&head);
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let mut values = fields.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value);
    Some((head.split(' ').nth(1).expect("a request line").to_owned(), values.next().map(str::to_owned)))
}
