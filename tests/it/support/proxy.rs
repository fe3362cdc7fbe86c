//! A proxy on loopback: tunnels by CONNECT (RFC 9110, section 9.3.6) and by SOCKS 5 (RFC 1928, 1929).
//!
//! Whatever host is asked for, it connects to 127.0.0.1, at the port that is asked for, or always at the
//! same one. What a proxy
//! is asked in absolute form every server of these tests understands.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::runtime::Server;

/// Someone who wanted a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `HOST:PORT`, as it was asked for.
    pub to: String,
    /// The Proxy-Authorization field, or `user:password` of SOCKS.
    pub who: Option<String>,
}

/// The proxy. It ends when it is dropped, and then panics if a part of it did.
pub struct Proxy {
    server: Server,
    wanted: Arc<Mutex<Vec<Wanted>>>,
}

impl Proxy {
    /// Starts it. By its first byte a connection says which of both it speaks.
    pub fn start() -> Proxy {
        Proxy::leading_to(None)
    }

    /// One whose tunnels all lead to this port, whatever is asked for.
    pub fn start_to(port: u16) -> Proxy {
        Proxy::leading_to(Some(port))
    }

    fn leading_to(port: Option<u16>) -> Proxy {
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&wanted);
        let server = Server::start(move |stream, _| {
            let log = Arc::clone(&log);
            async move {
                // A peer that goes away in the middle may.
                let _ = serve(stream, port, &log).await;
            }
        });
        Proxy { server, wanted }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What was asked for so far.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.wanted.lock().expect("no panic while writing").clone()
    }
}

async fn serve(mut stream: TcpStream, always: Option<u16>, log: &Mutex<Vec<Wanted>>) -> std::io::Result<()> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    let wanted = if first[0] == 5 { socks(&mut stream).await? } else { connect(&mut stream).await? };
    log.lock().expect("no panic while writing").push(wanted.clone());
    let port: u16 = wanted.to.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let mut target = TcpStream::connect(("127.0.0.1", always.unwrap_or(port))).await?;
    stream
        .write_all(if first[0] == 5 { &[5, 0, 0, 1, 127, 0, 0, 1, 0, 0] } else { b"HTTP/1.1 200 OK\r\n\r\n" })
        .await?;
    copy_bidirectional(&mut stream, &mut target).await.map(drop)
}

async fn connect(stream: &mut TcpStream) -> std::io::Result<Wanted> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text");
    let to = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).expect("CONNECT").to_owned();
    let field = head.lines().find(|line| line.to_ascii_lowercase().starts_with("proxy-authorization:"));
    Ok(Wanted { to, who: field.map(|line| line.split_once(':').expect("a field").1.trim().to_owned()) })
}

async fn socks(stream: &mut TcpStream) -> std::io::Result<Wanted> {
    let mut methods = vec![0; usize::from(start(stream).await?)];
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

/// The version, which is known, and how many methods follow.
async fn start(stream: &mut TcpStream) -> std::io::Result<u8> {
    stream.read_u8().await?;
    stream.read_u8().await
}

async fn counted(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8(text).expect("text"))
}
