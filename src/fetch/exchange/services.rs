//! The services that all fetchers of a process share.

use std::sync::Arc;
use std::thread;

use tokio::sync::Semaphore;

use super::challenges::Challenges;
use super::cookies::CookieJar;
use crate::archive::Archive;
use crate::config::IpVersion;
use crate::fetch::body::decode::DecoderMemory;
use crate::fetch::body::stream::BodyStream;
use crate::fetch::body::throttle::Throttle;
use crate::fetch::connect::dns::Resolver;

/// The parts that the fetchers of a process share. Clones share them too.
#[derive(Debug, Clone)]
pub struct FetchServices {
    /// Resolves names.
    pub resolver: Resolver,
    /// Spaces requests and limits the bytes per second.
    pub throttle: Throttle,
    /// The cookies of the run; without it each chain of redirects has its own.
    pub cookies: Option<Arc<CookieJar>>,
    /// Authentication challenges that servers have sent to this process.
    pub challenges: Arc<Challenges>,
    /// The memory that the decoders of the run share.
    pub decoder_memory: DecoderMemory,
    /// One permit a core, for the pages whose text is read.
    pub text_permits: Arc<Semaphore>,
    /// The archive that gets every exchange.
    pub archive: Option<Arc<Archive>>,
    /// The destination of the only body of a run that saves to a stream.
    pub stream: Option<BodyStream>,
}

impl FetchServices {
    /// Services without limits, cookies and a stream.
    pub fn new(version: IpVersion) -> Self {
        Self {
            resolver: Resolver::system(version),
            throttle: Throttle::default(),
            cookies: None,
            challenges: Arc::default(),
            decoder_memory: DecoderMemory::default(),
            text_permits: Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from))),
            archive: None,
            stream: None,
        }
    }
}
