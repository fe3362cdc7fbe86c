//! An HTTP/2 server over TLS that counts streams and can send its clients away.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::runtime::Server;
use super::tls::{BODY, Mode, identity};

/// How it treats its clients.
#[derive(Debug, Clone, Copy)]
pub enum Manners {
    /// So many streams at once, and each answer takes a moment.
    Streams(u32),
    /// The first so many requests are refused (REFUSED_STREAM).
    Refuses(usize),
    /// The first so many connections end with GOAWAY at their first request, which is not answered.
    GoesAway(usize),
    /// Each connection answers so many requests and ends at the next one.
    EndsAfter(usize),
    /// A head of so many fields of so many bytes each.
    Fields(usize, usize),
    /// A body with its Content-Encoding.
    Coded(&'static str, &'static [u8]),
}

/// The events so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub connections: usize,
    pub requests: usize,
    /// The most streams that were ever open at once on one connection.
    pub most_open: usize,
}

/// A server on a free port of 127.0.0.1, for `localhost`. It ends when it is dropped, and then panics
/// if a part of it did.
pub struct H2Server {
    server: Server,
    ca: NamedTempFile,
    counts: Arc<Mutex<Counts>>,
}

impl H2Server {
    /// Starts it.
    pub fn start(manners: Manners) -> H2Server {
        let (authority, acceptor) = identity(Mode::Http2);
        let ca = NamedTempFile::with_suffix(".pem").expect("a temporary file");
        std::fs::write(ca.path(), authority.pem()).expect("writing the authority");
        let counts = Arc::new(Mutex::new(Counts::default()));
        let shared = Arc::clone(&counts);
        let server = Server::start(move |stream, _| serve(stream, manners, acceptor.clone(), Arc::clone(&shared)));
        H2Server { server, ca, counts }
    }

    /// `https://localhost:PORT/PATH`.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.server.address.port())
    }

    /// A PEM file with the authority, for `--cacert`.
    pub fn ca_pem_file(&self) -> &Path {
        self.ca.path()
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> Counts {
        *self.counts.lock().expect("no panic while counting")
    }
}

async fn serve(stream: TcpStream, manners: Manners, acceptor: TlsAcceptor, counts: Arc<Mutex<Counts>>) {
    // A client may give a connection up for another one that was faster.
    let Ok(mut tls) = acceptor.accept(stream).await else { return };
    if let Manners::GoesAway(most) = manners {
        let number = change(&counts, |counts| {
            counts.connections += 1;
            counts.connections
        });
        if number <= most {
            // A client that goes first is no fault.
            let _ = go_away(&mut tls, &counts).await;
            return;
        }
    }
    let mut builder = h2::server::Builder::new();
    if let Manners::Streams(most) = manners {
        builder.max_concurrent_streams(most);
    }
    let Ok(mut connection) = builder.handshake(tls).await else { return };
    change(&counts, |counts| counts.connections += 1);
    let open = Arc::new(AtomicUsize::new(0));
    let mut answered = 0;
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let request = change(&counts, |counts| {
            counts.requests += 1;
            counts.most_open = counts.most_open.max(open.fetch_add(1, SeqCst) + 1);
            counts.requests
        });
        match manners {
            Manners::Refuses(most) if request <= most => respond.send_reset(Reason::REFUSED_STREAM),
            Manners::EndsAfter(most) if answered == most => return,
            _ => {
                answered += 1;
                let open = Arc::clone(&open);
                tokio::spawn(async move { answer(respond, manners, &open).await });
            }
        }
    }
}

/// Sends GOAWAY at the first request, marked as not processed (RFC 9113, section 6.8).
async fn go_away(tls: &mut (impl AsyncRead + AsyncWrite + Unpin), counts: &Mutex<Counts>) -> std::io::Result<()> {
    const HEADERS: u8 = 1;
    let mut preface = [0; 24];
    tls.read_exact(&mut preface).await?;
    tls.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
    tls.flush().await?;
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        tls.read_exact(&mut vec![0; length]).await?;
        if head[3] == HEADERS {
            break;
        }
    }
    change(counts, |counts| counts.requests += 1);
    tls.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
    tls.flush().await?;
    // Until the client has gone.
    while tls.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

async fn answer(mut respond: SendResponse<Bytes>, manners: Manners, open: &AtomicUsize) {
    let mut response = http::Response::new(());
    match manners {
        Manners::Streams(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        Manners::Fields(count, bytes) => {
            for n in 0..count {
                let name = http::HeaderName::try_from(format!("x-{n}")).expect("a name");
                response.headers_mut().insert(name, http::HeaderValue::try_from("x".repeat(bytes)).expect("a value"));
            }
        }
        Manners::Coded(coding, _) => {
            let value = http::HeaderValue::from_static(coding);
            response.headers_mut().insert(http::header::CONTENT_ENCODING, value);
        }
        Manners::Refuses(_) | Manners::GoesAway(_) | Manners::EndsAfter(_) => {}
    }
    let content = if let Manners::Coded(_, body) = manners { body } else { BODY };
    // Before the end of the stream is on its way, and with it the next one.
    open.fetch_sub(1, SeqCst);
    // The client may be gone.
    if let Ok(mut body) = respond.send_response(response, false) {
        let _ = body.send_data(Bytes::from_static(content), true);
    }
}

fn change<T>(counts: &Mutex<Counts>, change: impl FnOnce(&mut Counts) -> T) -> T {
    change(&mut counts.lock().expect("no panic while counting"))
}
