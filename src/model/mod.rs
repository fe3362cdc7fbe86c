//! The nouns of a run: plain data, no I/O, no async, no clock.
//!
//! A [`Seed`] is a URL to fetch. A [`Job`] is a seed that the scheduler admitted and handed out. An [`Outcome`]
//! is its single result. A failed fetch is an `Outcome`, not an `Err`.

mod account;
mod archive;
mod child_program;
mod cookie;
mod crawl;
mod cut;
mod error;
mod event;
mod facts;
mod failure;
mod found;
mod hex;
mod host_pattern;
mod host_states;
pub(crate) mod http_values;
mod job;
mod job_id;
mod left_out;
mod needs;
mod outcome;
mod page_links;
mod prior_run;
mod retry;
mod robots;
mod secret;
mod seed;
mod size;
mod spelling;
mod summary;
mod validators;

pub use account::UnkeptCounts;
pub use archive::{ArchivePosition, ArchiveProgress, ArchivedPayload, DigestKind, RecordEncoding};
pub use child_program::ChildProgram;
pub use cookie::Cookie;
pub use crawl::{Normalization, RobotsMode, ScopeKind, TrapLimits};
pub use cut::cut;
pub use error::{ErrorKind, FetchError, ProxyAnswer};
pub use event::{Event, HostWait, InFlight, Progress, RunInfo, Waits};
pub use facts::{ANONYMOUS, Facts, Hop, SkipReason, Timing, Verdict};
pub use failure::{FailedUrl, FailureCause};
pub use found::Found;
pub use hex::Hex;
pub use host_pattern::{HostPattern, is_plain_host};
pub use host_states::{BusyHost, HostPhase, HostStates};
pub use job::{Job, RedirectState, Tried};
pub use job_id::{Claimed, JobId};
pub use left_out::LeftOut;
pub use needs::Needs;
pub use outcome::{Outcome, Subject};
pub use page_links::{FoundLink, Link, LinkChoice, LinkKind, LinkList, PageLinks, TextSketch};
pub use prior_run::{Condition, PriorBody, PriorRun, Revision};
pub use retry::{RetryCause, RetryOn};
pub use robots::{RobotsCopy, RobotsFailures, RobotsText, StoredRobots};
pub use secret::{
    HIDDEN, is_secret, is_secret_name, plain_word, refused_value, shown_missing, shown_path, shown_pattern, shown_text,
};
pub use seed::{BadLine, Batch, Credentials, Entry, Kind, RequestOverrides, Seed, SourcePos, Via};
pub use spelling::{has_at_sign, has_at_sign_after_colon, has_colon};
pub use summary::{
    AutoConcurrency, ChangeCounts, Counts, CrawlSummary, Digests, Latency, StopCause, Summary, TrapCount,
};
pub use validators::Validators;
