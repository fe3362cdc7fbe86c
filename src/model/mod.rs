//! The nouns of a run: plain data, no I/O, no async, no clock.
//!
//! A [`Seed`] is a URL to fetch. A [`Job`] is a seed that the scheduler admitted and handed out. An [`Outcome`]
//! is its single result. A failed fetch is an `Outcome`, not an `Err`.

mod account;
mod anchors;
mod archive;
mod child_program;
mod cookie;
mod crawl;
mod cut;
mod error;
mod event;
mod facts;
mod failure;
mod fleet;
mod found;
mod hex;
mod host_pattern;
mod host_states;
pub(crate) mod http_values;
mod job;
mod job_id;
mod lease;
mod left_out;
mod needs;
mod outcome;
mod page_links;
mod page_text;
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
pub use anchors::{AnchorTexts, Anchors};
pub use archive::{
    ArchiveDigest, ArchivePosition, ArchiveProgress, ArchiveSummary, ArchivedPayload, ArchivedRecords, RecordEncoding,
    RecordLocation,
};
pub use child_program::ChildProgram;
pub use cookie::Cookie;
pub use crawl::{Normalization, RobotsMode, ScopeKind, TrapLimits};
pub use error::{ErrorKind, FetchError, ProxyAnswer};
pub use event::RunInfo;
pub use facts::{Facts, Hop, SkipReason, Timing, Verdict};
pub use failure::{FailedUrl, FailureCause};
pub use fleet::{FoundUrl, ToQueue};
pub use found::Found;
pub use host_pattern::HostPattern;
pub use job::{Job, RedirectState, Tried};
pub use job_id::{Claimed, JobId};
pub use lease::{HostPace, LeaseId, ReturnedUrl, ScopeNote, SeedLease};
pub use left_out::LeftOut;
pub use needs::Needs;
pub use outcome::{Outcome, Subject};
pub use page_links::{FoundLink, Link, LinkChoice, LinkKind, LinkList, PageLinks, TextSketch};
pub use page_text::{PageHeading, PageText, TextFormat, TextLink};
pub use prior_run::{Condition, PriorBody, PriorRun, Revision};
pub use retry::{RetryCause, RetryOn};
pub use robots::{RobotsCopy, RobotsFailures, RobotsText, StoredRobots};
pub use seed::{BadLine, Credentials, Kind, RequestOverrides, Seed, SourcePos, Via};
pub use summary::{
    AutoConcurrency, ChangeCounts, CheckCounts, Counts, CrawlSummary, Digests, Latency, StopCause, Summary, TrapCount,
};
pub use validators::Validators;

// For the program: events of reporters, lines of lists, and the rules for texts that may be secrets.
#[doc(hidden)]
pub use cut::cut;
#[doc(hidden)]
pub use event::{Event, HostWait, InFlight, Progress, Waits};
#[doc(hidden)]
pub use facts::ANONYMOUS;
#[doc(hidden)]
pub use fleet::FromQueue;
#[doc(hidden)]
pub use hex::Hex;
#[doc(hidden)]
pub use host_pattern::is_plain_host;
#[doc(hidden)]
pub use host_states::{BusyHost, HostPhase, HostStates};
#[doc(hidden)]
pub use lease::LeaseNews;
#[doc(hidden)]
pub use secret::{
    HIDDEN, is_secret, is_secret_name, plain_word, refused_value, shown_missing, shown_path, shown_pattern, shown_text,
};
#[doc(hidden)]
pub use seed::{Batch, Entry};
#[doc(hidden)]
pub use spelling::{has_at_sign, has_at_sign_after_colon, has_colon};
