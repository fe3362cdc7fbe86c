//! A proxy on loopback: tunnels by CONNECT (RFC 9110, section 9.3.6) and by SOCKS 4, 4a and 5 (RFC 1928, 1929).
//!
//! The proxy connects every tunnel to 127.0.0.1, at the requested port, or always at the same one.
//! Every server of these tests understands requests in absolute form.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::runtime::Server;
use super::tls::{self, Mode};

/// A client's request for a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `HOST:PORT`, as it was asked for.
    pub to: String,
    /// The Proxy-Authorization field, or the user and the password of SOCKS.
    pub who: Option<String>,
}

/// The treatment of clients that want a tunnel.
#[derive(Debug, Clone)]
pub enum Way {
    /// Leads to the port that is asked for.
    Leads,
    /// Leads to this port, whatever is asked for.
    LeadsTo(u16),
    /// Answers CONNECT with these pieces, and leads on after them.
    LeadsAfter(Vec<Vec<u8>>),
    /// Answers CONNECT with this, and ends the connection.
    Answers(Vec<u8>),
    /// Answers SOCKS with this code, and ends the connection.
    Refuses(u8),
    /// Reads on and says nothing.
    Silent,
}

/// The proxy. It ends when it is dropped, and then panics if a part of it did.
pub struct Proxy {
    server: Server,
    wanted: Arc<Mutex<Vec<Wanted>>>,
}

impl Proxy {
    /// Starts it. The first byte of a connection identifies its protocol.
    pub fn start() -> Proxy {
        Proxy::start_as(Way::Leads)
    }

    /// Starts a proxy with this treatment of tunnels.
    pub fn start_as(way: Way) -> Proxy {
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&wanted);
        let server = Server::start(move |stream, _| {
            let (log, way) = (Arc::clone(&log), way.clone());
            async move {
                // A peer that goes away in the middle may.
                let _ = serve(stream, &way, &log).await;
            }
        });
        Proxy { server, wanted }
    }

    /// One that is spoken to over TLS, for `localhost`; and the PEM text of its authority.
    pub fn start_over_tls() -> (Proxy, String) {
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&wanted);
        let (authority, acceptor) = tls::identity(Mode::Good);
        let server = Server::start(move |stream, _| {
            let (log, acceptor) = (Arc::clone(&log), acceptor.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let _ = serve(stream, &Way::Leads, &log).await;
            }
        });
        (Proxy { server, wanted }, authority.pem())
    }

    /// Returns the listening address.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Returns the requests so far.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.wanted.lock().expect("no panic while writing").clone()
    }
}

async fn serve<S>(mut stream: S, way: &Way, log: &Mutex<Vec<Wanted>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = stream.read_u8().await?;
    let wanted = match first {
        4 => socks4(&mut stream).await?,
        5 => socks5(&mut stream).await?,
        _ => connect(&mut stream, first).await?,
    };
    let port: u16 = wanted.to.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    log.lock().expect("no panic while writing").push(wanted);
    let (code, port) = match way {
        Way::Leads | Way::LeadsAfter(_) => (0, port),
        Way::LeadsTo(port) => (0, *port),
        Way::Refuses(code) => (*code, port),
        Way::Answers(answer) => {
            stream.write_all(answer).await?;
            return stream.flush().await;
        }
        Way::Silent => {
            while stream.read_u8().await.is_ok() {}
            return Ok(());
        }
    };
    let pieces = match (first, way) {
        (4, _) => vec![vec![0, 90 + code, 0, 0, 0, 0, 0, 0]],
        (5, _) => vec![vec![5, code, 0, 1, 127, 0, 0, 1, 0, 0]],
        (_, Way::LeadsAfter(pieces)) => pieces.clone(),
        _ => vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec()],
    };
    for piece in pieces {
        stream.write_all(&piece).await?;
        stream.flush().await?;
        tokio::task::yield_now().await;
    }
    if code != 0 {
        return Ok(());
    }
    let mut target = TcpStream::connect(("127.0.0.1", port)).await?;
    copy_bidirectional(&mut stream, &mut target).await.map(drop)
}

async fn connect<S: AsyncRead + Unpin>(stream: &mut S, first: u8) -> std::io::Result<Wanted> {
    let mut head = vec![first];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text");
    let to = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).expect("CONNECT").to_owned();
    let field = head.lines().find(|line| line.to_ascii_lowercase().starts_with("proxy-authorization:"));
    Ok(Wanted { to, who: field.map(|line| line.split_once(':').expect("a field").1.trim().to_owned()) })
}

async fn socks4<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Wanted> {
    assert_eq!(stream.read_u8().await?, 1, "CONNECT");
    let port = stream.read_u16().await?;
    let address = stream.read_u32().await?;
    let user = terminated(stream).await?;
    // SOCKS 4a: an address that cannot be stands for a name that follows.
    let host = if address < 256 { terminated(stream).await? } else { std::net::Ipv4Addr::from(address).to_string() };
    Ok(Wanted { to: format!("{host}:{port}"), who: Some(user).filter(|user| !user.is_empty()) })
}

async fn terminated<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<String> {
    let mut text = Vec::new();
    loop {
        match stream.read_u8().await? {
            0 => return Ok(String::from_utf8(text).expect("text")),
            byte => text.push(byte),
        }
    }
}

async fn socks5<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> std::io::Result<Wanted> {
    let mut methods = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut methods).await?;
    let who = if methods.contains(&2) {
        stream.write_all(&[5, 2]).await?;
        stream.read_u8().await?;
        let (user, password) = (counted(stream).await?, counted(stream).await?);
        stream.write_all(&[1, 0]).await?;
        Some(format!("{user}:{password}"))
    } else {
        stream.write_all(&[5, 0]).await?;
        None
    };
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        3 => counted(stream).await?,
        4 => std::net::Ipv6Addr::from(stream.read_u128().await?).to_string(),
        other => panic!("address type {other}"),
    };
    let port = stream.read_u16().await?;
    Ok(Wanted { to: format!("{host}:{port}"), who })
}

async fn counted<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<String> {
    let mut text = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8(text).expect("text"))
}
