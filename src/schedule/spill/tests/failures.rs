//! A queue on disk that fails: no line is lost without a record.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::queue::{Added, LeaseId, LeaseRequest, Leases, MemoryQueue, QueueError, Queued, SqliteQueue, UrlQueue};

/// A queue that fails as the test asks.
#[derive(Default)]
struct Failing {
    queue: MemoryQueue,
    is_full: Arc<AtomicBool>,
    /// The read after so many fails.
    reads: Option<usize>,
    /// Every so many URLs it loses one.
    loses: Option<usize>,
}

impl UrlQueue for Failing {
    fn add(&mut self, batch: &[Queued]) -> Result<Added, QueueError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(QueueError("no space".to_owned()));
        }
        self.queue.add(batch)
    }

    fn lease(&mut self, wanted: &LeaseRequest<'_>) -> Result<Leases, QueueError> {
        match &mut self.reads {
            Some(0) => {
                self.reads = None;
                return Err(QueueError("a bad sector".to_owned()));
            }
            Some(reads) => *reads -= 1,
            None => {}
        }
        let mut leases = self.queue.lease(wanted)?;
        if let Some(loses) = self.loses {
            leases.urls.retain(|(_, url)| !(url.id.0 as usize).is_multiple_of(loses));
        }
        Ok(leases)
    }

    fn complete(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        self.queue.complete(leases)
    }

    fn release(&mut self, leases: &[LeaseId]) -> Result<(), QueueError> {
        self.queue.release(leases)
    }
}

fn spilled(queue: impl UrlQueue + 'static, jobs: u64, now: Instant) -> Scheduler {
    let mut s = scheduler(1000, 2000);
    s.spill_queue.queue = Some(Box::new(queue));
    hold(&mut s, "held.test", now + Duration::from_secs(3600));
    read(&mut s, &mut super::jobs("held.test", 0, jobs, now), now + Duration::from_secs(60));
    s
}

/// Hands all out: the numbers of the fetched jobs and of the lost lines.
fn all(s: &mut Scheduler, now: Instant) -> (Vec<u64>, Vec<u64>) {
    let told = due(s, now + Duration::from_secs(3600));
    assert!(s.is_empty());
    told
}

/// Hands out what is due.
fn due(s: &mut Scheduler, now: Instant) -> (Vec<u64>, Vec<u64>) {
    s.advance(now);
    let (mut fetched, mut lost) = (Vec::new(), Vec::new());
    while let Some(next) = s.next(now, &mut |_| None) {
        match next {
            NextJob::Fetch(job) => {
                done(s, &job, now);
                fetched.push(job.seed.id.0);
            }
            NextJob::Lost(bad) => {
                assert_eq!((bad.via.origin().line, bad.text.as_str()), (bad.id.0 + 1, "a URL of held.test"));
                assert!(bad.error.message.starts_with("cannot read back the temporary file"), "{}", bad.error.message);
                lost.push(bad.id.0);
            }
            other => panic!("{other:?}"),
        }
    }
    (fetched, lost)
}

#[test]
fn lines_behind_a_read_error_have_records() {
    let now = Instant::now();
    let mut s = spilled(Failing { reads: Some(3), ..Failing::default() }, 5000, now);
    assert!(s.spill_queue.jobs() > 3000);
    let (fetched, lost) = all(&mut s, now);
    let read = CHUNK as u64 * 4;
    // Those that were not on disk yet come back too.
    assert!(fetched.starts_with(&(0..read).collect::<Vec<_>>()) && lost[0] == read && lost.len() > 2000);
    let mut told = [fetched, lost].concat();
    told.sort_unstable();
    assert_eq!(told, (0..5000).collect::<Vec<_>>());
}

#[test]
fn lines_behind_a_read_error_come_a_chunk_at_a_time() {
    let now = Instant::now();
    for drained in [false, true] {
        let mut s = spilled(Failing { reads: Some(3), ..Failing::default() }, 5000, now);
        s.advance(now + Duration::from_secs(3600));
        let mut told = Vec::new();
        while !s.is_empty() {
            if drained {
                told.extend(s.drain(1).iter().map(number_of));
            } else {
                told.push(match s.next(now, &mut |_| None).expect("no host is forgotten") {
                    NextJob::Fetch(job) => {
                        done(&mut s, &job, now);
                        job.seed.id.0
                    }
                    NextJob::Lost(bad) => bad.id.0,
                    other => panic!("{other:?}"),
                });
            }
            assert!(s.lost.len() <= CHUNK, "{} lines at once", s.lost.len());
        }
        told.sort_unstable();
        assert_eq!(told, (0..5000).collect::<Vec<_>>());
    }
}

#[test]
fn host_spilled_again_after_a_read_error_loses_no_line() {
    let start = Instant::now();
    let at = |hours: u64| start + Duration::from_secs(3600 * hours);
    let mut s = spilled(Failing { reads: Some(1), ..Failing::default() }, 3000, start);
    hold(&mut s, "other.test", at(3));
    read(&mut s, &mut jobs("other.test", 3000, 3000, start), start + Duration::from_secs(60));
    let (fetched, lost) = due(&mut s, at(1));
    assert!(fetched.len() + lost.len() == 3000 && lost.len() > 1000 && s.spill_queue.jobs() > 1000);
    hold(&mut s, "held.test", at(2));
    let more = read(&mut s, &mut jobs("held.test", 6000, 3000, at(1)), at(1) + Duration::from_secs(60)) as u64;
    assert!(more > 512, "{more}");
    assert_eq!(due(&mut s, at(2)), ((6000..6000 + more).collect(), Vec::new()));
    assert_eq!(due(&mut s, at(3)), ((3000..6000).collect(), Vec::new()));
    assert!(s.is_empty());
    // The next file is read back.
    hold(&mut s, "held.test", at(4));
    read(&mut s, &mut jobs("held.test", 9000, 3000, at(3)), at(3) + Duration::from_secs(60));
    assert!(s.spill_queue.jobs() > 1000);
    assert_eq!(due(&mut s, at(4)), ((9000..12_000).collect(), Vec::new()));
}

#[test]
fn lines_that_the_queue_lost_have_records() {
    let now = Instant::now();
    let mut s = spilled(Failing { loses: Some(7), ..Failing::default() }, 5000, now);
    let (fetched, lost) = all(&mut s, now);
    assert!(lost.len() > 400 && lost.iter().all(|number| number.is_multiple_of(7)), "{lost:?}");
    let mut told = [fetched, lost].concat();
    told.sort_unstable();
    assert_eq!(told, (0..5000).collect::<Vec<_>>());
}

#[test]
fn lines_stay_in_memory_while_the_queue_is_full() {
    let now = Instant::now();
    let is_full = Arc::new(AtomicBool::new(true));
    let mut s = spilled(Failing { is_full: is_full.clone(), ..Failing::default() }, 5000, now);
    let number = s.waiting as u64;
    assert!((1000..3000).contains(&number) && s.spill_queue.jobs() == 0 && !s.has_room());
    is_full.store(false, Ordering::Relaxed);
    read(&mut s, &mut jobs("held.test", number, 5000 - number, now), now + Duration::from_secs(62));
    assert!(s.spill_queue.jobs() > 3000, "it is tried again");
    assert_eq!(all(&mut s, now), ((0..5000).collect(), Vec::new()));
}

#[test]
fn full_disk_keeps_what_it_has() {
    let now = Instant::now();
    let mut s = spilled(SqliteQueue::temporary(160 * 1024).unwrap(), 5000, now);
    let (number, on_disk) = (s.waiting as u64, s.spill_queue.jobs());
    assert!(on_disk > 500 && number < 5000 && !s.has_room(), "{on_disk} of {number}");
    assert_eq!(all(&mut s, now), ((0..number).collect(), Vec::new()));
}
