//! Executes one job and returns its response: the only module that speaks HTTP.
//!
//! A backend gets a [`FetchSpec`]. It builds a [`Fetcher`] from it for each of its runtimes: runtimes must not share
//! an HTTP client, and a client cannot cross a pipe. So every backend runs the same HTTP code, and a comparison of
//! backends is one of concurrency.
//!
//! Each of its folders imports from those before it only: `save`, `body`, `connect`, `exchange`.

mod body;
mod config;
mod connect;
mod exchange;
mod reply;
mod save;
#[cfg(test)]
pub(crate) mod script;
mod spec;

pub use body::decode;
pub use body::decode::{DecoderMemory, MemoryLease};
pub use body::meter::{Meter, MeteredFetch};
pub use body::stream::BodyStream;
pub use body::throttle::{ByteLimit, PendingQuota, QuotaRequest, Throttle};
pub use config::{AddressRules, BuildError, FetchConfig, HostFields, Keeping, Saving, TlsConfig};
pub use connect::dns::Resolver;
pub use exchange::challenges::Challenges;
pub use exchange::cookies::CookieJar;
pub use exchange::services::FetchServices;
pub use reply::{Fetched, Fetcher, Reply};
pub use save::destination::FinishedBody;
pub use save::part::SharedWriter;
pub use save::partial_file::{forget_beside, is_kept, is_part_beside};
pub use save::saver::PARTS;
pub use spec::{FetchSpec, FetcherFactory};
