//! The first bytes of a robots.txt.

use http::HeaderMap;

use super::observer::{BodyObserver, ObserverRequest};
use crate::model::{FetchError, Found};
use crate::policy::robots::RobotsLimits;

/// Returns an observer that keeps what a crawler reads of a robots.txt, and one byte more, which shows that there is
/// more.
pub(crate) fn observer() -> Box<dyn BodyObserver> {
    Box::new(FirstBytes { bytes: Vec::new(), most: RobotsLimits::default().max_bytes + 1 })
}

struct FirstBytes {
    bytes: Vec<u8>,
    most: usize,
}

impl BodyObserver for FirstBytes {
    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        ObserverRequest::More
    }

    fn end(&mut self, _trailers: Option<&HeaderMap>, found: &mut Found) -> Result<(), FetchError> {
        found.robots = Some(std::mem::take(&mut self.bytes).into_boxed_slice());
        Ok(())
    }
}
