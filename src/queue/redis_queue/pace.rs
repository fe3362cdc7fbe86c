//! The pace of a host as bytes: all but its name and the time until it is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::StoredRobots;
use crate::queue::{HostPace, QueueError};

#[derive(Serialize, Deserialize)]
struct StoredPace {
    slots: Option<u32>,
    failures: u32,
    given_up: Option<Box<str>>,
    robots: Vec<(Box<str>, StoredRobots)>,
}

/// The bytes of a pace. A host without anything to remember has none.
pub(super) fn encode(pace: &HostPace) -> Result<Vec<u8>, QueueError> {
    let plain = HostPace { host: pace.host.clone(), due_in: pace.due_in, ..HostPace::default() };
    if *pace == plain {
        return Ok(Vec::new());
    }
    let HostPace { slots, failures, given_up, robots, .. } = pace.clone();
    postcard::to_stdvec(&StoredPace { slots, failures, given_up, robots }).map_err(|e| QueueError(e.to_string()))
}

/// Reads a pace.
pub(super) fn decode(host: &str, due_in: Duration, bytes: &[u8]) -> Result<HostPace, QueueError> {
    let host = Box::from(host);
    if bytes.is_empty() {
        return Ok(HostPace { host, due_in, ..HostPace::default() });
    }
    let damaged = |e| QueueError(format!("the pace of a host in the queue is damaged: {e}"));
    let StoredPace { slots, failures, given_up, robots } = postcard::from_bytes(bytes).map_err(damaged)?;
    Ok(HostPace { host, due_in, slots, failures, given_up, robots })
}
