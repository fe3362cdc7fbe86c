//! The listener: it bounds the connections, and none outlives the site.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::connection;
use super::pages::{self, Page};

/// The most connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 1024;

/// The pause after a failed accept, which mostly means that descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A web site on a free port of 127.0.0.1. It ends when it is stopped or dropped.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    pages: Arc<Vec<Page>>,
    /// Closing it ends the listener.
    stop: Option<oneshot::Sender<()>>,
    listener: Option<JoinHandle<()>>,
}

impl Site {
    /// The latency that shows concurrency best: pages answer after 100 to 600 ms, the slow one after 2 s.
    pub const LATENCY: Duration = Duration::from_millis(300);

    /// Starts serving. `latency` is the typical time to an answer: pages take from a third of it to
    /// twice as long, the slow page seven times as long.
    ///
    /// # Errors
    /// When no port of 127.0.0.1 can be bound.
    pub async fn start(latency: Duration) -> io::Result<Site> {
        Site::serve(|_| pages::all(latency)).await
    }

    /// Starts serving the site for a crawl of [`Site::home`].
    ///
    /// # Errors
    /// When no port of 127.0.0.1 can be bound.
    pub async fn start_for_crawl(latency: Duration) -> io::Result<Site> {
        Site::serve(|base| pages::to_crawl(latency, base)).await
    }

    async fn serve(pages: impl FnOnce(&str) -> io::Result<Vec<Page>>) -> io::Result<Site> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let pages = Arc::new(pages(&format!("http://{address}"))?);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen(listener, Arc::clone(&pages), stopped));
        Ok(Site { address, pages, stop: Some(stop), listener: Some(task) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The start page of a crawl.
    pub fn home(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Every URL of the site, in the order in which a demonstration downloads them.
    pub fn urls(&self) -> Vec<String> {
        self.pages.iter().map(|page| format!("http://{}{}", self.address, page.path)).collect()
    }

    /// Returns this many different URLs with complete pages and no slow one. So a measurement shows the client and
    /// not the special pages of the site.
    pub fn even_urls(&self, count: usize) -> Vec<String> {
        let even: Vec<_> = self.pages.iter().filter(|page| page.is_even()).collect();
        (0..count)
            .filter_map(|n| Some((even.get(n % even.len().max(1))?, n)))
            .map(|(page, n)| format!("http://{}{}?n={n}", self.address, page.path))
            .collect()
    }

    /// Closes the port and every connection, and returns when nothing of the site runs any more.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(listener) = self.listener.take() {
            // The listener ends by itself. After a panic of it the site would be down all the same.
            let _ = listener.await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Aborting the listener drops its set of connections, which aborts those.
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

async fn listen(listener: TcpListener, pages: Arc<Vec<Page>>, mut stopped: oneshot::Receiver<()>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            next = next => match next {
                (Ok(permit), Ok((stream, _))) => {
                    let pages = Arc::clone(&pages);
                    connections.spawn(async move {
                        connection::serve(stream, &pages).await;
                        drop(permit);
                    });
                }
                (Err(_), _) => break, // never: the semaphore is not closed
                (_, Err(_)) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

#[cfg(test)]
mod tests;
