//! The memory of decoders: their windows, in one budget for all bodies of a process.
//!
//! A window is up to 16 MiB, whatever the length of the body. A zstd decoder touches no more of it than it has
//! yielded, and a br decoder fills it before it yields anything. A body that is known to be small, or has yielded
//! little so far, needs no part of the budget. Any other waits until there is room for its whole window. It holds
//! nothing while it waits, so no two bodies wait for each other: a body that holds some of the budget and needs
//! more of it gets that at once or fails. A wait goes on while any holder decodes or ends: a holder that is silent
//! ends by its own time limit, and makes room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::model::{ErrorKind, FetchError};

/// A stage that has decoded no more bytes than this needs no part of the budget.
pub(super) const SMALL: u64 = 256 * 1024;

/// A window that is no larger than this, in KiB, needs none of it either.
pub(super) const SMALL_WINDOW: u32 = 256;

/// The budget, in KiB: more than the windows of any one body.
const TOTAL: usize = 128 * 1024;

/// The memory for the windows of all decoders of a process.
#[derive(Debug)]
pub struct DecoderMemory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    room: Arc<Semaphore>,
    /// How often holders have come, gone on or ended.
    progress: AtomicU64,
}

impl Default for DecoderMemory {
    fn default() -> Self {
        Self(Arc::new(Budget { room: Arc::new(Semaphore::new(TOTAL)), progress: AtomicU64::new(0) }))
    }
}

/// The part of the memory that one decoder has.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<Budget>,
    /// The longest wait for it without progress of a holder.
    patience: Duration,
    held: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Nothing of it yet.
    pub(super) fn new(memory: &DecoderMemory, patience: Duration) -> Self {
        Self { memory: memory.0.clone(), patience, held: None }
    }

    /// Has at least so many KiB, if need be after a wait for `all` that its body may ever need.
    pub(super) async fn reserve(&mut self, needed: u32, all: u32) -> Result<(), FetchError> {
        let Some(held) = &mut self.held else {
            if needed > 0 {
                self.held = Some(self.wait(all.max(needed)).await?);
                self.memory.progress.fetch_add(1, Relaxed);
            }
            return Ok(());
        };
        self.memory.progress.fetch_add(1, Relaxed);
        let more = needed.saturating_sub(u32::try_from(held.num_permits()).unwrap_or(u32::MAX));
        if more > 0 {
            held.merge(self.memory.room.clone().try_acquire_many_owned(more).map_err(|_| none())?);
        }
        Ok(())
    }

    /// Waits for its turn. Only time in which no holder goes on counts.
    async fn wait(&self, kib: u32) -> Result<OwnedSemaphorePermit, FetchError> {
        let turn = self.memory.room.clone().acquire_many_owned(kib);
        tokio::pin!(turn);
        loop {
            let before = self.memory.progress.load(Relaxed);
            match timeout(self.patience, &mut turn).await {
                Ok(came) => return came.map_err(|_| none()),
                Err(_) if self.memory.progress.load(Relaxed) == before => return Err(late(self.patience)),
                Err(_) => {}
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.memory.progress.fetch_add(1, Relaxed);
        }
    }
}

fn late(patience: Duration) -> FetchError {
    let message =
        format!("no memory to decode the body for {patience:?}: other bodies have the windows of all decoders");
    FetchError::new(ErrorKind::Timeout, message)
}

fn none() -> FetchError {
    FetchError::new(ErrorKind::Decode, "no memory for another window of the body's codings")
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn large_windows_wait_for_one_another() {
        let memory = DecoderMemory::default();
        let share = || Share::new(&memory, PATIENCE);
        let mut shares: Vec<Share> = std::iter::repeat_with(share).take(8).collect();
        for share in &mut shares {
            share.reserve(0, 16 * 1024).await.unwrap();
            share.reserve(16 * 1024, 16 * 1024).await.unwrap();
        }
        let mut late = share();
        late.reserve(0, 16 * 1024).await.unwrap();
        let error = late.reserve(16 * 1024, 16 * 1024).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
        let waits = Instant::now();
        let (next, ()) = tokio::join!(late.reserve(16 * 1024, 16 * 1024), async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(shares.pop());
        });
        next.unwrap();
        assert_eq!(waits.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_lasts_while_any_holder_goes_on() {
        let memory = DecoderMemory::default();
        let (mut holder, mut late) = (Share::new(&memory, PATIENCE), Share::new(&memory, PATIENCE));
        holder.reserve(128 * 1024, 128 * 1024).await.unwrap();
        let waits = Instant::now();
        let (next, ()) = tokio::join!(late.reserve(16 * 1024, 16 * 1024), async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                holder.reserve(128 * 1024, 128 * 1024).await.unwrap();
            }
            drop(holder);
        });
        next.unwrap();
        assert_eq!(waits.elapsed().as_secs(), 400);
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_memory_does_not_wait_for_more() {
        let memory = DecoderMemory::default();
        let (mut first, mut second) = (Share::new(&memory, PATIENCE), Share::new(&memory, PATIENCE));
        first.reserve(8 * 1024, 64 * 1024).await.unwrap();
        first.reserve(64 * 1024, 64 * 1024).await.unwrap();
        second.reserve(8 * 1024, 8 * 1024).await.unwrap();
        second.reserve(16 * 1024, 16 * 1024).await.unwrap();
        let error = second.reserve(65 * 1024, 16 * 1024).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode, "{error}");
        drop(first);
        second.reserve(65 * 1024, 16 * 1024).await.unwrap();
    }
}
