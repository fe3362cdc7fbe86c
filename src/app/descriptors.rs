//! File descriptors: the limit is raised, what is free counted and shared out.

use crate::backend::BackendEntry;
use crate::config::BackendKind;
use crate::policy::limits::descriptors::{IDLE, most, of_a_fetch};

/// Descriptors opened now and then beside fetches: a folder, a file of the database, the far pipe
/// ends of a child at its start.
const NOW_AND_THEN: u64 = 8;

/// The estimated descriptors of a program with its outputs and its state, where they cannot be counted.
const USUALLY: u64 = 32;

/// The limits that keep a run within its file descriptors.
pub(super) struct Share {
    /// Fetches under way.
    pub(super) concurrency: u32,
    /// Idle connections of one client.
    pub(super) idle: usize,
    /// A warning, if fewer fetches are allowed than requested.
    pub(super) warning: Option<String>,
}

/// Shares out what is left, once everything that lasts is open.
pub(super) fn share(backend: BackendKind, entry: &BackendEntry, wanted: u32, saves: bool) -> Share {
    let limit = raise_limit();
    shared(limit, open_now().unwrap_or(USUALLY), backend, entry, wanted, saves)
}

fn shared(limit: u64, open: u64, backend: BackendKind, entry: &BackendEntry, wanted: u32, saves: bool) -> Share {
    let each = of_a_fetch(saves);
    let free = limit.saturating_sub(open + NOW_AND_THEN);
    let concurrency = most(free, wanted, |fetches| (entry.descriptors)(fetches, each));
    let warning = (concurrency < wanted && backend != BackendKind::Sequential).then(|| {
        format!(
            "concurrency lowered from {wanted} to {concurrency}: the limit of {limit} open files allows no more; \
             raise the hard limit, which `ulimit -Hn` shows"
        )
    });
    let spare = free.saturating_sub((entry.descriptors)(u64::from(concurrency), each));
    Share { concurrency, idle: idle(spare, backend, concurrency), warning }
}

/// The most idle connections of a client: a part of the spare descriptors, and no more than are
/// worth their memory. Two generations of clients overlap, hence only a part. Clients of one fetch
/// at a time are many and hold few: another connection is rarely wanted.
fn idle(spare: u64, backend: BackendKind, concurrency: u32) -> usize {
    let (clients, most) = match backend {
        BackendKind::Async => (std::thread::available_parallelism().map_or(1, usize::from) as u64, 128),
        BackendKind::Threads => (4 * u64::from(concurrency), 16),
        // Each child has a limit of its own.
        BackendKind::Processes => return 8,
        BackendKind::Sequential => (1, 128),
    };
    // The requirement of the backend already includes one of each kind.
    usize::try_from((1 + spare / (IDLE * clients)).min(most)).unwrap_or(1)
}

/// The number of open descriptors.
#[cfg(unix)]
fn open_now() -> Option<u64> {
    // One of them reads the folder.
    std::fs::read_dir("/dev/fd").ok().map(|open| open.count() as u64)
}

#[cfg(not(unix))]
fn open_now() -> Option<u64> {
    None
}

/// Raises the soft limit of open files to the hard one and returns it.
#[cfg(unix)]
fn raise_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Enough for any run, and less than what makes some systems slow.
    const ENOUGH: u64 = 1 << 20;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let current = limit.current.unwrap_or(ENOUGH);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

#[cfg(not(unix))]
fn raise_limit() -> u64 {
    8192
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::BACKENDS;

    const WORDS: [BackendKind; 4] =
        [BackendKind::Async, BackendKind::Threads, BackendKind::Processes, BackendKind::Sequential];

    #[test]
    fn a_share_of_descriptors_covers_its_need() {
        for (backend, entry) in WORDS.into_iter().zip(BACKENDS) {
            for (limit, wanted, saves) in [
                (64, 1000, false),
                (64, 1000, true),
                (256, 1000, true),
                (1024, 1000, false),
                (20_000, 10, true),
                (1 << 20, 5000, true),
            ] {
                let share = shared(limit, 30, backend, entry, wanted, saves);
                let needs = (entry.descriptors)(u64::from(share.concurrency), of_a_fetch(saves));
                assert!(needs + 30 <= limit, "{backend:?} {limit}: {needs}");
                let lowered = share.concurrency < wanted && backend != BackendKind::Sequential;
                assert_eq!(share.warning.is_some(), lowered, "{backend:?} {limit}");
                assert!((1..=128).contains(&share.idle));
            }
        }
    }

    #[test]
    fn few_are_better_than_none() {
        let share = shared(16, 30, BackendKind::Async, &BACKENDS[0], 1000, false);
        assert_eq!((share.concurrency, share.idle), (1, 1));
        assert!(share.warning.unwrap().contains("from 1000 to 1: the limit of 16 open files"));
    }
}
