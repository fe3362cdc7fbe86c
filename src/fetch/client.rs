//! The reqwest client of one fetcher, and when it is exchanged for a fresh one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use rustls::ClientConfig;

use super::timing::{ConnectLayer, SystemResolver};
use super::{BuildError, HttpSpec, tls};

/// The most fields of one response head; how large it may be is bounded by hyper, at some 400 KiB.
const MAX_FIELDS: usize = 1000;

/// Gives out the client. A client keeps every connection it opened for later use, without a bound
/// over all hosts; so after a number of them it is replaced, and with it the idle ones go. Where
/// one host is asked again and again, few connections are opened and nothing is ever replaced.
pub(super) struct Clients {
    config: ClientConfig,
    connect_timeout: Duration,
    most: usize,
    opened: Arc<AtomicUsize>,
    current: Mutex<Client>,
}

impl Clients {
    pub(super) fn new(spec: &HttpSpec) -> Result<Self, BuildError> {
        let config = tls::client_config(&spec.tls)?;
        let opened = Arc::new(AtomicUsize::new(0));
        let client = build(&config, spec.connect_timeout, &opened)?;
        Ok(Self {
            config,
            connect_timeout: spec.connect_timeout,
            most: spec.idle_connections.max(1),
            opened,
            current: Mutex::new(client),
        })
    }

    /// The client to use for the next request.
    pub(super) fn get(&self) -> Client {
        // The lock is never contended: a fetcher belongs to one runtime of one thread.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.opened.load(Relaxed) >= self.most {
            // It was built once from the same values, so it can be built again; if not, the old one serves.
            if let Ok(fresh) = build(&self.config, self.connect_timeout, &self.opened) {
                *current = fresh;
                self.opened.store(0, Relaxed);
            }
        }
        current.clone()
    }
}

fn build(config: &ClientConfig, connect_timeout: Duration, opened: &Arc<AtomicUsize>) -> Result<Client, BuildError> {
    Client::builder()
        .tls_backend_preconfigured(config.clone())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(connect_timeout)
        .http1_max_headers(MAX_FIELDS)
        .pool_idle_timeout(Duration::from_secs(30))
        // A dead pooled HTTP/2 connection would otherwise be used for ever.
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(15))
        .http2_adaptive_window(true)
        .dns_resolver(Arc::new(SystemResolver))
        .connector_layer(ConnectLayer { opened: opened.clone() })
        .build()
        .map_err(|e| BuildError(super::classify::chain_text(&e)))
}
