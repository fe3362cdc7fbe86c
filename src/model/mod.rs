//! The nouns of a run: plain data, no I/O, no async, no clock.
//!
//! A [`Seed`] is a URL to fetch. A [`Job`] is a seed that the scheduler admitted and handed out. An [`Outcome`]
//! is its single result. A failed fetch is an `Outcome`, not an `Err`.

mod child_program;
mod cookie;
mod error;
mod event;
mod host_pattern;
mod job;
mod known;
mod outcome;
mod retry;
mod secret;
mod seed;
mod size;
mod summary;

pub use child_program::ChildProgram;
pub use cookie::Cookie;
pub use error::{ErrorKind, FetchError, ProxyAnswer};
pub use event::{Event, InFlight, Progress, RunInfo};
pub use host_pattern::HostPattern;
pub use job::{Claimed, Job, JobId, RedirectState, Tried};
pub use known::{Before, Condition, Known, Revision, Validators};
pub use outcome::{Facts, Hop, Outcome, SkipReason, Subject, Timing, Verdict, cut};
pub use retry::{RetryCause, RetryOn};
pub use secret::{HIDDEN, has_at_sign, is_secret, is_secret_name, plain_word, refused_value, shown_path, shown_text};
pub use seed::{BadLine, Batch, Credentials, Entry, Kind, Origin, PerSeed, Seed, Via};
pub use summary::{AutoConcurrency, Counts, Latency, StopCause, Summary};
