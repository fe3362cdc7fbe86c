//! Heartbeats of workers, and requests of idle workers for hosts of busy ones.

use std::time::{Duration, Instant};

use redis::Value;
use serde::{Deserialize, Serialize};

use super::servers::Call;
use super::{RedisQueue, SCRIPTS, parsed};
use crate::queue::QueueError;

/// An idle worker asks others for hosts at most so often.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A worker, as it describes itself.
#[derive(Serialize, Deserialize)]
pub(super) struct WorkerInfo {
    /// The name that people gave it.
    pub(super) name: String,
    /// The hosts and URLs that it has leased.
    pub(super) hosts: usize,
    pub(super) urls: usize,
    /// Of each partition: its hosts that have URLs.
    pub(super) busy: Vec<usize>,
}

/// The last heartbeat: the state of the job and of the other workers.
#[derive(Default)]
pub(super) struct Beat {
    pub(super) is_paused: bool,
    pub(super) is_loading: bool,
    /// The other workers.
    pub(super) others: Vec<OtherWorker>,
    /// Of each partition: hosts of this worker that have URLs.
    pub(super) busy: Vec<usize>,
    /// When this worker asked for hosts of others.
    pub(super) asked: Option<Instant>,
}

/// Another worker that lives.
pub(super) struct OtherWorker {
    pub(super) id: String,
    /// Of each partition: its hosts that have URLs.
    pub(super) busy: Vec<usize>,
}

impl RedisQueue {
    /// Asks the busiest worker for some of its hosts.
    pub(super) fn ask_for_hosts(&mut self) -> Result<(), QueueError> {
        let now = Instant::now();
        if self.beat.asked.is_some_and(|asked| now.duration_since(asked) < ASK_AGAIN) {
            return Ok(());
        }
        self.beat.asked = Some(now);
        self.beat()?;
        let total = |worker: &OtherWorker| worker.busy.iter().sum::<usize>();
        let idle = 1 + self.beat.others.iter().filter(|other| total(other) == 0).count();
        let Some(busiest) = self.beat.others.iter().max_by_key(|other| total(other)) else { return Ok(()) };
        let mut wanted = total(busiest).saturating_sub(self.beat.busy.iter().sum()) / (1 + idle);
        let (id, mut busy) = (busiest.id.clone(), busiest.busy.clone());
        busy.resize(self.partitions.len(), 0);
        let mut shares = vec![0; busy.len()];
        while wanted > 0
            && let Some(at) = (0..busy.len()).max_by_key(|at| busy[*at] - shares[*at])
            && busy[at] > shares[at]
        {
            shares[at] += 1;
            wanted -= 1;
        }
        self.call(|queue| {
            let asked = shares.iter().enumerate().filter(|(_, share)| **share > 0);
            let calls = asked.map(|(at, share)| {
                let mut call = queue.partition_call(&SCRIPTS.want, at);
                call.arg(&queue.worker).arg(&id).arg(*share);
                call
            });
            calls.collect()
        })?;
        Ok(())
    }

    /// Says that this worker lives, and reads what the job says.
    pub(super) fn beat(&mut self) -> Result<(), QueueError> {
        let info = WorkerInfo {
            name: self.options.worker.clone(),
            hosts: self.leased.hosts(),
            urls: self.leased.urls(),
            busy: self.beat.busy.clone(),
        };
        let info = serde_json::to_string(&info).map_err(|e| QueueError(e.to_string()))?;
        let values = self.call(|queue| vec![queue.beat_call(&info)])?;
        self.read_beat(values.into_iter().next())
    }

    fn beat_call(&self, info: &str) -> Call {
        let mut call = self.job_call(&SCRIPTS.job_beat);
        call.arg(&self.worker).arg(self.lease_micros()).arg(info).arg(&self.created);
        call
    }

    fn read_beat(&mut self, value: Option<Value>) -> Result<(), QueueError> {
        let (paused, loading, others): (u8, u8, Vec<(String, String)>) = parsed(value)?;
        self.beat.is_paused = paused == 1;
        self.beat.is_loading = loading == 1;
        let read = |(id, info): (String, String)| {
            let info: WorkerInfo = serde_json::from_str(&info).ok()?;
            Some(OtherWorker { id, busy: info.busy })
        };
        self.beat.others = others.into_iter().filter_map(read).collect();
        Ok(())
    }
}
