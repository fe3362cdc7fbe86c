//! URLs whose lease expired too often: they get a record, and stay among the dead letters.

use super::lease::Dying;
use super::{RedisQueue, SCRIPTS};
use crate::model::{ErrorKind, FetchError, Outcome, Seed, Subject, Verdict};
use crate::queue::{QueueError, Queued, stored};
use crate::wire::{JsonWriter, Record};

/// Why such a URL has failed.
const WHY: &str = "five workers died fetching it; fetchall queue retry tries it again";

impl RedisQueue {
    /// Commits the records of URLs whose lease expired too often.
    pub(super) fn bury(&mut self, dying: Vec<Dying>) -> Result<(), QueueError> {
        if dying.is_empty() {
            return Ok(());
        }
        let mut records = Vec::with_capacity(dying.len());
        for url in dying {
            let record = record_of(stored::decode(&url.payload, &mut self.list)?);
            records.push((url.partition, url.field, record));
        }
        self.call(|queue| {
            let calls = records.iter().map(|(partition, field, record)| {
                let mut call = queue.partition_call(&SCRIPTS.bury, *partition);
                call.arg(field).arg(record);
                call
            });
            calls.collect()
        })?;
        Ok(())
    }
}

/// The record of a URL, without a newline.
fn record_of(url: Queued) -> Vec<u8> {
    let Queued { id, url, via, depth, kind, priority, .. } = url;
    let seed = Seed { id, depth, kind, priority, ..Seed::new(url, via) };
    let verdict = Verdict::Failed(FetchError::new(ErrorKind::Internal, WHY));
    let outcome = Outcome::unfetched(Subject::Seed(Box::new(seed)), verdict);
    let mut record = Vec::new();
    JsonWriter::default().record(&Record::of(&outcome), &mut record);
    record
}
