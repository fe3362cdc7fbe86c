//! Bounds on time and memory that are linear in the length of the input.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::each::Reader;

/// The bounds of an input, and those of each of its bytes. Each is ten times as much as the dearest seed of any format
/// takes, with assertions and coverage compiled in.
const TIME: Duration = Duration::from_millis(100);
const TIME_PER_BYTE: Duration = Duration::from_micros(20);
const HELD: u64 = 4 << 20;
/// The message for a word of a netrc file takes 100.
const HELD_PER_BYTE: u64 = 128;
/// The errors of the `toml` crate take 500, if each byte is one.
const HELD_PER_BYTE_OF_SETTINGS: u64 = 640;
/// A line of the greatest length, its copies, and a batch.
const HELD_OF_PACKED: u64 = 32 << 20;
const ALLOCATED: u64 = 16 << 20;
const ALLOCATED_PER_BYTE: u64 = 4096;

/// Counts what is allocated, by whatever thread.
struct Counting;

/// Bytes that are held, the most of them at once, and all that were ever allocated.
static NOW: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);
static TOTAL: AtomicU64 = AtomicU64::new(0);

impl Counting {
    fn add(size: usize) {
        TOTAL.fetch_add(size as u64, Relaxed);
        PEAK.fetch_max(NOW.fetch_add(size as u64, Relaxed) + size as u64, Relaxed);
    }
}

// SAFETY: every call is handed on to the allocator of the system as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size() as u64, Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::add(size);
        NOW.fetch_sub(layout.size() as u64, Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads the bytes and fails where that costs more than the bounds. A packed list may take the time of what it
/// unpacks to, and no more memory for that.
pub fn watch((name, read): Reader, bytes: &[u8]) {
    let (length, most_held) = match name {
        "gzip" => (unpacked(flate2::read::MultiGzDecoder::new(bytes)), HELD_OF_PACKED),
        "zstd" => (zstd::stream::read::Decoder::new(bytes).map(unpacked).unwrap_or_default(), HELD_OF_PACKED),
        "config" => (0, HELD + HELD_PER_BYTE_OF_SETTINGS * bytes.len() as u64),
        _ => (0, HELD + HELD_PER_BYTE * bytes.len() as u64),
    };
    let length = length + bytes.len() as u64;
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    TOTAL.store(0, Relaxed);
    let begun = processor_time();
    read(bytes);
    let time = processor_time().saturating_sub(begun);
    let held = PEAK.load(Relaxed).saturating_sub(before);
    let allocated = TOTAL.load(Relaxed);
    if std::env::var_os("FUZZ_COST").is_some() {
        eprintln!("{name}: {length} bytes, {time:?}, {held} held, {allocated} allocated");
    }
    let most = TIME + TIME_PER_BYTE * u32::try_from(length).unwrap_or(u32::MAX);
    assert!(time <= most, "{name}: {length} bytes took {time:?} of the processor, more than {most:?}");
    assert!(held <= most_held, "{name}: {length} bytes held {held} bytes of memory at once, more than {most_held}");
    let most = ALLOCATED + ALLOCATED_PER_BYTE * length;
    assert!(allocated <= most, "{name}: {length} bytes allocated {allocated} bytes, more than {most}");
}

/// How many bytes come out of a decoder before it fails or ends.
fn unpacked(mut decoder: impl Read) -> u64 {
    let mut piece = [0; 16 * 1024];
    let lengths = std::iter::from_fn(|| decoder.read(&mut piece).ok().filter(|length| *length > 0));
    lengths.map(|length| length as u64).sum()
}

/// The time that this thread has spent, which other programs do not lengthen.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
