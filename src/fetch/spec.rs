//! The specification of fetchers, from which a backend builds one for each of its runtimes.

use std::fmt;
use std::sync::Arc;

use super::body::meter::Meter;
use super::config::{BuildError, FetchConfig};
use super::exchange::redirect::too_many;
use super::exchange::services::FetchServices;
use super::exchange::state::HttpFetcher;
use super::reply::Fetcher;
use crate::model::{FetchError, RedirectState};

/// The specification to build fetchers from.
#[derive(Debug, Clone)]
pub enum FetchSpec {
    /// Over the network.
    Http {
        /// The settings.
        config: Arc<FetchConfig>,
        /// The parts that the fetchers of this process share.
        services: FetchServices,
    },
    /// With fetchers of the caller, for tests and measurements of everything above this module.
    Custom(Arc<dyn FetcherFactory>),
}

/// Builds fetchers of a caller.
pub trait FetcherFactory: fmt::Debug + Send + Sync {
    /// Builds a fetcher for the current runtime. It counts received bytes in `meter`.
    fn build(&self, meter: &Arc<Meter>) -> Arc<dyn Fetcher>;
}

impl FetchSpec {
    /// Returns the error of a redirect beyond the most that are followed.
    pub fn too_many_redirects(&self, chain: &RedirectState) -> Option<FetchError> {
        match self {
            FetchSpec::Http { config, .. } => too_many(chain, config.max_redirects),
            FetchSpec::Custom(_) => None,
        }
    }

    /// Builds a fetcher for the current runtime.
    ///
    /// # Errors
    /// When the TLS settings cannot be used.
    pub fn build(&self, meter: &Arc<Meter>) -> Result<Arc<dyn Fetcher>, BuildError> {
        Ok(match self {
            FetchSpec::Http { config, services } => Arc::new(HttpFetcher::new(config, services, meter)),
            FetchSpec::Custom(factory) => factory.build(meter),
        })
    }
}
