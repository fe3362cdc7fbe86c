//! The settings of a worker of a fleet.

use std::time::Duration;

use super::QueueAddress;

/// The settings of a worker of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetConfig {
    /// `queue`: the job that this run shares with others.
    pub queue: Option<QueueAddress>,
    /// `lease`: the time after which others get the URLs of a worker that died.
    pub lease: Duration,
    /// `worker-name`: the name of this worker in records.
    pub worker_name: Option<String>,
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self { queue: None, lease: Duration::from_secs(30), worker_name: None }
    }
}
