//! A server on raw TCP that follows a script, however wrong the response is.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;
use super::act::Script;
use super::play::{Asked, Then, play};
use super::runtime::Server;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// The target, query included.
    pub path: String,
    /// In order, names as they were spelled.
    pub headers: Vec<(String, String)>,
    /// The connection's number, counted from 0.
    pub connection: usize,
    /// When its head was whole.
    pub at: Instant,
}

impl Request {
    /// The value of the first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The events at a server so far.
#[derive(Debug, Default)]
pub struct Log {
    pub requests: Vec<Request>,
    /// Connections accepted.
    pub connections: usize,
    /// Connections open now.
    pub open: usize,
    /// Acts going on now.
    pub in_flight: usize,
    /// The most acts that ever went on at once.
    pub max_in_flight: usize,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no panic while writing the log")
    }

    fn change(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log());
        self.changed.notify_all();
    }
}

/// A scripted server on a free port of 127.0.0.1. It ends when it is joined or dropped, and then
/// panics if a part of it did.
pub struct FaultServer {
    server: Server,
    shared: Arc<Shared>,
    script: Arc<Script>,
    /// Bound but not listening: connections are refused, and no other process can take the port.
    refusing: (TcpSocket, SocketAddr),
}

impl FaultServer {
    /// Starts it.
    pub fn start(script: Script) -> FaultServer {
        FaultServer::start_on(([127, 0, 0, 1], 0).into(), script)
    }

    /// Starts it at this address, such as another one of 127.0.0.0/8; port 0 is a free one.
    pub fn start_on(at: SocketAddr, script: Script) -> FaultServer {
        let (script, shared) = (Arc::new(script), Arc::new(Shared::default()));
        let server = {
            let (script, shared) = (Arc::clone(&script), Arc::clone(&shared));
            Server::start_on(at, move |stream, number| {
                connection(stream, number, Arc::clone(&script), Arc::clone(&shared))
            })
        };
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let refused = socket.local_addr().expect("its address");
        FaultServer { server, shared, script, refusing: (socket, refused) }
    }

    /// With every act under its own name.
    pub fn standard() -> FaultServer {
        FaultServer::start(Script::standard())
    }

    /// Returns the listening address.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The URL of a name of the script, which may be followed by more path or a query.
    pub fn url(&self, name: &str) -> String {
        let refused = self.script.is_refused(name.split(['/', '?']).next().unwrap_or_default());
        let address = if refused { self.refusing.1 } else { self.server.address };
        format!("http://{address}/{name}")
    }

    /// The requests so far, in the order in which their heads were whole.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log().requests.clone()
    }

    /// How many requests there were for this target.
    pub fn asked(&self, path: &str) -> usize {
        self.shared.log().requests.iter().filter(|request| request.path == path).count()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.log().connections
    }

    /// The most requests that were ever being answered at once.
    pub fn max_in_flight(&self) -> usize {
        self.shared.log().max_in_flight
    }

    /// Blocks until the log is as wanted.
    ///
    /// # Panics
    /// When it is not within [`PATIENCE`].
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&Log) -> bool) {
        let waiting = self.shared.changed.wait_timeout_while(self.shared.log(), PATIENCE, |log| !wanted(log));
        let (log, result) = waiting.expect("no panic while writing the log");
        assert!(!result.timed_out(), "waited in vain for {what}: {log:?}");
    }

    /// Ends it.
    ///
    /// # Panics
    /// When a part of it panicked.
    pub fn join(self) {
        self.server.join();
    }
}

/// Takes something back when it is dropped, so that an aborted connection counts as ended.
struct Undo<'a, F: FnMut(&mut Log)>(&'a Shared, F);

impl<F: FnMut(&mut Log)> Drop for Undo<'_, F> {
    fn drop(&mut self) {
        self.0.change(&mut self.1);
    }
}

async fn connection(mut stream: TcpStream, number: usize, script: Arc<Script>, shared: Arc<Shared>) {
    shared.change(|log| {
        log.connections += 1;
        log.open += 1;
    });
    let _open = Undo(&shared, |log: &mut Log| log.open -= 1);
    let mut buffer = Vec::new();
    let mut unasked = script.for_connection(number).cloned();
    loop {
        let (act, asked) = if let Some(act) = unasked.take() {
            (act, Asked::default())
        } else {
            let Some(request) = read_request(&mut stream, &mut buffer, number).await else { return };
            let asked = asked(&request);
            shared.change(|log| log.requests.push(request));
            (script.for_path(&asked.path), asked)
        };
        shared.change(|log| {
            log.in_flight += 1;
            log.max_in_flight = log.max_in_flight.max(log.in_flight);
        });
        let acting = Undo(&shared, |log: &mut Log| log.in_flight -= 1);
        let then = play(&act, &asked, &mut stream).await;
        drop(acting);
        match then {
            Ok(Then::KeepAlive) => {}
            Ok(Then::Reset) => {
                stream.set_zero_linger().expect("SO_LINGER");
                return;
            }
            Ok(Then::Close) => return close(stream).await,
            // The peer went away in the middle, as it may.
            Err(_) => return,
        }
    }
}

fn asked(request: &Request) -> Asked {
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    Asked {
        path: request.path.clone(),
        head_only: request.method == "HEAD",
        from: range.and_then(|from| from.parse().ok()),
        if_range: request.header("if-range").map(str::to_owned),
    }
}

/// FIN first, then reading on until the peer closes too: closing with unread bytes would send a reset.
async fn close(mut stream: TcpStream) {
    let mut scratch = [0; 4096];
    if stream.shutdown().await.is_ok() {
        // It is over either way, and the server may be dropped at any time.
        let _ = timeout(PATIENCE, async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} }).await;
    }
}

/// The next request; `None` when the peer is done.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        assert!(buffer.len() < 1 << 20, "a request head of more than 1 MiB");
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let head: Vec<u8> = buffer.drain(..end).collect();
    // A head that is no UTF-8 is shown as ISO-8859-1, octet by octet.
    let head = String::from_utf8(head).unwrap_or_else(|e| e.as_bytes().iter().copied().map(char::from).collect());
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next().unwrap_or_default();
    let [method, path, "HTTP/1.1"] = first.split(' ').collect::<Vec<_>>()[..] else {
        panic!("not a request line: {first}");
    };
    let fields = lines.map(|line| line.split_once(':').unwrap_or_else(|| panic!("not a field: {line}")));
    let headers = fields.map(|(name, value)| (name.to_string(), value.trim().to_string())).collect();
    Some(Request { method: method.into(), path: path.into(), headers, connection, at: Instant::now() })
}
