//! Hosts on addresses of loopback. They note when each request began and ended, and which worker sent it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A request that a host got.
#[derive(Debug, Clone)]
pub struct Request {
    /// The number of the host.
    pub host: usize,
    /// The path.
    pub path: String,
    /// The worker, as its field `X-Worker` says.
    pub worker: String,
    /// When its head had come.
    pub began: Instant,
    /// When its answer was about to go.
    pub ended: Instant,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status, and more fields, each with its line end.
    pub status: u16,
    pub fields: String,
    pub body: String,
}

impl Answer {
    pub fn page(body: String) -> Answer {
        Answer { status: 200, fields: String::new(), body }
    }

    pub fn status(status: u16) -> Answer {
        Answer { status, fields: String::new(), body: String::new() }
    }

    pub fn redirect(to: &str) -> Answer {
        Answer { status: 302, fields: format!("Location: {to}\r\n"), body: String::new() }
    }
}

type Respond = dyn Fn(&[SocketAddr], usize, &str) -> Answer + Send + Sync;

struct Shared {
    addresses: Vec<SocketAddr>,
    /// How long each answer takes.
    latency: Duration,
    respond: Box<Respond>,
    requests: Mutex<Vec<Request>>,
    count: watch::Sender<usize>,
}

/// Some hosts.
pub struct Hosts {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Hosts {
    /// Starts this many hosts. `respond` gets all addresses, the number of the host and the path.
    pub fn start(
        number: usize,
        latency: Duration,
        respond: impl Fn(&[SocketAddr], usize, &str) -> Answer + Send + Sync + 'static,
    ) -> Hosts {
        let listeners: Vec<_> = (1..=number)
            .map(|n| Ipv4Addr::new(127, 0, u8::try_from(n / 250).unwrap(), u8::try_from(n % 250 + 1).unwrap()))
            .map(|address| TcpListener::bind((address, 0)).expect("an address of loopback"))
            .collect();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let (count, requests) = (watch::Sender::new(0), Mutex::default());
        let shared = Arc::new(Shared { addresses, latency, respond: Box::new(respond), requests, count });
        let stop = watch::Sender::new(false);
        let (serving, mut stopped) = (shared.clone(), stop.subscribe());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for (host, listener) in listeners.into_iter().enumerate() {
                    listener.set_nonblocking(true).unwrap();
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    let shared = serving.clone();
                    tokio::spawn(async move {
                        while let Ok((stream, _)) = listener.accept().await {
                            tokio::spawn(serve(stream, host, shared.clone()));
                        }
                    });
                }
                // Err: the hosts are dropped.
                let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
            });
        });
        Hosts { shared, stop, thread: Some(thread) }
    }

    /// The URL of a path of a host.
    pub fn url(&self, host: usize, path: &str) -> String {
        url(&self.shared.addresses, host, path)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        self.shared.requests.lock().unwrap()
    }

    /// All requests so far, but for those of robots.txt and the usual sitemap.
    pub fn requests(&self) -> Vec<Request> {
        let of_pages = |request: &&Request| request.path != "/robots.txt" && request.path != "/sitemap.xml";
        self.lock().iter().filter(of_pages).cloned().collect()
    }

    /// Waits until there were this many requests. `is_over` says that there will be no more.
    pub fn wait_for(&self, requests: usize, mut is_over: impl FnMut() -> bool) {
        let deadline = Instant::now() + crate::support::PATIENCE;
        while *self.shared.count.borrow() < requests && !is_over() {
            assert!(Instant::now() < deadline, "{} of {requests} requests", *self.shared.count.borrow());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until there were this many requests.
    pub fn wait_for_within(&self, requests: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        while *self.shared.count.borrow() < requests {
            assert!(Instant::now() < deadline, "{} of {requests} requests", *self.shared.count.borrow());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asserts that no host had requests of two workers at one time.
    pub fn assert_one_worker_at_a_time(&self) {
        for (host, mut requests) in self.by_host() {
            requests.sort_by_key(|request| request.began);
            for pair in requests.windows(2) {
                let [one, next] = pair else { continue };
                let overlaps = one.worker != next.worker && next.began < one.ended;
                assert!(!overlaps, "host {host}: {one:?} and {next:?}");
            }
        }
    }

    fn by_host(&self) -> BTreeMap<usize, Vec<Request>> {
        let mut hosts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for request in self.lock().iter() {
            hosts.entry(request.host).or_default().push(request.clone());
        }
        hosts
    }

    /// The workers that sent requests.
    pub fn workers(&self) -> BTreeSet<String> {
        self.lock().iter().map(|request| request.worker.clone()).collect()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // Err: it panicked and said so.
            let _ = thread.join();
        }
    }
}

/// The URL of a path of a host.
pub fn url(addresses: &[SocketAddr], host: usize, path: &str) -> String {
    format!("http://{}{path}", addresses[host])
}

async fn serve(mut stream: TcpStream, host: usize, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read_buf(&mut bytes).await {
                Ok(1..) => {}
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes.drain(..end);
        let began = Instant::now();
        tokio::time::sleep(shared.latency).await;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let field = |line: &str| line.to_ascii_lowercase().strip_prefix("x-worker: ").map(str::to_owned);
        let worker = head.lines().find_map(field).unwrap_or_default();
        let Answer { status, fields, body } = (shared.respond)(&shared.addresses, host, &path);
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
        let ended = Instant::now();
        shared.requests.lock().unwrap().push(Request { host, path, worker, began, ended });
        shared.count.send_modify(|count| *count += 1);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
