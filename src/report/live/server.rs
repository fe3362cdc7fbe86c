//! Answers the requests of the live view, one for each connection.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::PauseSwitch;
use super::live_run::LiveRun;
use crate::page;

/// The most connections at once. Others wait in the queue of the system.
const CONNECTIONS: usize = 16;

/// The longest time of a connection.
const TIME: Duration = Duration::from_secs(10);

/// The most bytes of a request head, and of the form with a token.
const HEAD: usize = 8 * 1024;
const FORM: usize = 1024;

/// The field with the token.
const TOKEN: &str = "x-fetchall-token";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const STYLE: &str = include_str!("page.css");
const BODY: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// The thread of the server. Dropping it ends all connections.
pub(super) struct ServerThread {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    pub fn start(listener: TcpListener, run: Arc<LiveRun>, token: &str, pause: PauseSwitch) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let site = Arc::new(LiveSite { run, token: blake3::hash(token.as_bytes()), pause, page: live_page() });
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, site) => {}
                    () = stopped.cancelled() => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("live-view".to_owned()).spawn(serve)?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // Err: the thread has panicked and reported it.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, site: Arc<LiveSite>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // No descriptor is left, or the peer has gone.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let site = Arc::clone(&site);
        // The runtime ends it with the server.
        drop(tokio::spawn(async move {
            let answer = service_fn(|request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(site.answer(request).await) }
            });
            let mut http = http1::Builder::new();
            http.keep_alive(false).max_buf_size(HEAD);
            // Err: the client has gone, speaks no HTTP, or is too slow.
            let _ = tokio::time::timeout(TIME, http.serve_connection(TokioIo::new(stream), answer)).await;
            drop(permit);
        }));
    }
}

/// The resources of the live view.
struct LiveSite {
    run: Arc<LiveRun>,
    /// Two hashes compare in constant time.
    token: blake3::Hash,
    pause: PauseSwitch,
    page: String,
}

impl LiveSite {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if !is_direct(request.headers().get(HOST)) {
            let why = "the Host field names neither an address nor localhost\n";
            return response(StatusCode::FORBIDDEN, "text/plain", why.to_owned());
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match (request.uri().path(), request.uri().query()) {
            ("/", None) if is_read => response(StatusCode::OK, "text/html; charset=utf-8", self.page.clone()),
            ("/metrics", _) if is_read => response(StatusCode::OK, OPEN_METRICS, self.run.metrics()),
            ("/healthz", None) if is_read => response(StatusCode::OK, "text/plain", "ok\n".to_owned()),
            ("/state", None) if is_read => response(StatusCode::OK, "application/json", self.run.state().to_string()),
            ("/pause", None) if request.method() == Method::POST => self.switch(request, true).await,
            ("/resume", None) if request.method() == Method::POST => self.switch(request, false).await,
            ("/" | "/metrics" | "/healthz" | "/state" | "/pause" | "/resume", None) => {
                response(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "another method is needed\n".to_owned())
            }
            _ => response(StatusCode::NOT_FOUND, "text/plain", "/, /metrics and /healthz are here\n".to_owned()),
        }
    }

    /// Pauses or resumes, if the request has the token in its field or its form.
    async fn switch(&self, request: Request<Incoming>, paused: bool) -> Response<Full<Bytes>> {
        let field = request.headers().get(TOKEN).map(|value| value.as_bytes().to_vec());
        let given = match field {
            Some(token) => token,
            None => match Limited::new(request.into_body(), FORM).collect().await {
                Ok(form) => form.to_bytes().strip_prefix(b"token=").unwrap_or_default().to_vec(),
                Err(_) => Vec::new(),
            },
        };
        if blake3::hash(&given) != self.token {
            let why = "the token is missing or wrong; the run has printed it at its start\n";
            return response(StatusCode::FORBIDDEN, "text/plain", why.to_owned());
        }
        self.run.set_paused(paused);
        (self.pause)(paused);
        let done = if paused { "paused\n" } else { "resumed\n" };
        response(StatusCode::OK, "text/plain", done.to_owned())
    }
}

/// Whether a Host field names an address or this machine. A page of another site can make its own name lead here (DNS
/// rebinding), but its requests then have that name.
fn is_direct(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host.and_then(|host| host.to_str().ok()) else { return false };
    if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, true),
        _ => (host, false),
    };
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost") || (!port && bracketed.is_some_and(|name| name.parse::<IpAddr>().is_ok()))
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, "frame-ancestors 'none'; form-action 'none'; base-uri 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn live_page() -> String {
    let mut page = page::begin_live("fetchall: the run", STYLE, SCRIPT);
    page.push_str(BODY);
    page::end(&mut page, Some(SCRIPT));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_direct() {
        for host in ["127.0.0.1", "127.0.0.1:9100", "[::1]:9100", "[::1]", "localhost", "LocalHost:80", "192.0.2.1:1"] {
            assert!(is_direct(Some(&HeaderValue::from_static(host))), "{host}");
        }
        for host in ["", "evil.example", "evil.example:9100", "localhost.evil.example", "127.0.0.1.nip.io:80", "a:b"] {
            assert!(!is_direct(Some(&HeaderValue::from_static(host))), "{host}");
        }
        assert!(!is_direct(None));
    }
}
