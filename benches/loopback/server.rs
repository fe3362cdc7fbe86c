//! A load server on loopback: hyper, one thread, every answer from memory.
//!
//! `/delay/MS/…` answers `ok` after so many milliseconds, `/bytes/N/…` with N bytes, anything else
//! with a page of 1 KiB. `/stats` returns the requests since the last call.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

#[derive(Default)]
struct Stats {
    requests: AtomicU64,
    connections: AtomicU64,
    in_flight: AtomicU64,
    peak: AtomicU64,
}

/// N bytes, in pieces.
struct Fill {
    left: u64,
    piece: Bytes,
}

impl http_body::Body for Fill {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let n = self.left.min(self.piece.len() as u64);
        self.left -= n;
        Poll::Ready(Some(Ok(Frame::data(self.piece.slice(..n as usize)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Serves for ever on a port of its own, which is printed.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        let stats = Arc::new(Stats::default());
        let piece = Bytes::from(vec![b'x'; 64 * 1024]);
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            stats.connections.fetch_add(1, Relaxed);
            let (stats, piece) = (stats.clone(), piece.clone());
            tokio::task::spawn_local(async move {
                let service = service_fn(move |request| answer(request, stats.clone(), piece.clone()));
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
}

async fn answer(request: Request<Incoming>, stats: Arc<Stats>, piece: Bytes) -> Result<Response<Fill>, Infallible> {
    let mut parts = request.uri().path().split('/').skip(1);
    let kind = parts.next().unwrap_or_default();
    if kind == "stats" {
        let figures = [&stats.requests, &stats.connections, &stats.peak].map(|n| n.swap(0, Relaxed));
        let [requests, connections, peak] = figures;
        let text = Bytes::from(format!("{requests} {connections} {peak}"));
        return Ok(Response::new(Fill { left: text.len() as u64, piece: text }));
    }
    stats.requests.fetch_add(1, Relaxed);
    stats.peak.fetch_max(stats.in_flight.fetch_add(1, Relaxed) + 1, Relaxed);
    let number = parts.next().and_then(|n| n.parse().ok());
    let left = match (kind, number) {
        ("delay", Some(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            2
        }
        ("bytes", Some(n)) => n,
        _ => 1024,
    };
    stats.in_flight.fetch_sub(1, Relaxed);
    Ok(Response::new(Fill { left, piece }))
}
