//! A seed that was admitted and handed out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use url::Url;

use super::{Cookie, Facts, Hop, Seed, Timing, Verdict};

/// Counts what a run admits, from 0: each line of the input that is part of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// A file name that belongs to one job alone.
///
/// Relative to the output folder, `/` between its parts, portable, and different from every other
/// claimed name of the run even where the file system folds case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed(pub Box<str>);

/// What came of the try before, where there was one.
#[derive(Debug, Clone)]
pub struct Tried {
    /// What was known of the answer.
    pub facts: Box<Facts>,
    /// How long it took.
    pub timing: Timing,
    /// How it ended.
    pub verdict: Verdict,
}

/// How far a chain of redirects has come. Each hop is a request like any other: it waits for the host
/// that it asks, and for nothing while it holds a slot.
#[derive(Debug, Clone)]
pub struct RedirectState {
    /// What is known so far. `final_url` is what is asked next.
    pub facts: Box<Facts>,
    /// How long the hops took together; `total` without the time that they waited for each other.
    pub timing: Timing,
    /// How long the head of the last one took.
    pub took: Duration,
    /// How long the last one asks to wait before it is followed (RFC 9110, section 10.2.3).
    pub wait: Duration,
    /// What was asked last; `None` where that is the seed's own URL.
    pub asked: Option<Url>,
    /// The address that the last one came from, where that is known.
    pub from: Option<SocketAddr>,
    /// What the hops have set, where the run keeps no cookies.
    pub cookies: Vec<Cookie>,
    /// How often the worker of a hop died and another one took over.
    pub deaths: u32,
    /// The memory of the hops in `facts`. [`Job::follow`] keeps it, for a chain may have thousands.
    pub hop_bytes: usize,
}

/// A seed that was handed out.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What to fetch.
    pub seed: Seed,
    /// The try, from 1. While it waits for another one: how many there have been.
    pub attempt: u32,
    /// What came of the try before.
    pub last: Option<Box<Tried>>,
    /// Where redirects of this try have led.
    pub redirect: Option<Box<RedirectState>>,
    /// The name under which the body is saved, when the run saves.
    pub save_as: Option<Claimed>,
    /// When it was admitted; its waiting time is counted from here.
    pub admitted: Instant,
    /// Whether the scheduler has handed it out before.
    pub handed_out: bool,
    /// The earliest time of the next request: of a retry, or of a redirect that asks for a wait.
    pub not_before: Option<Instant>,
}

impl Job {
    /// A new job.
    pub fn new(id: JobId, seed: Seed, save_as: Option<Claimed>, admitted: Instant) -> Self {
        Self {
            id,
            seed: Seed { id, ..seed },
            attempt: 0,
            last: None,
            redirect: None,
            save_as,
            admitted,
            handed_out: false,
            not_before: None,
        }
    }

    /// What is asked next: the seed's own URL, or where redirects have led.
    pub fn url(&self) -> &Url {
        let led_to = self.redirect.as_ref().and_then(|redirect| redirect.facts.final_url.as_ref());
        led_to.unwrap_or(&self.seed.url)
    }

    /// What was asked last, of a job that a redirect leads on.
    pub fn asked(&self) -> &Url {
        self.redirect.as_ref().and_then(|redirect| redirect.asked.as_ref()).unwrap_or(&self.seed.url)
    }

    /// Takes up where one more redirect has led; its facts name that one alone. A chain is never copied:
    /// it may have thousands of hops.
    pub fn follow(&mut self, mut redirect: Box<RedirectState>) {
        let before = self.redirect.as_ref().map_or(0, |before| before.hop_bytes);
        redirect.hop_bytes = before + Hop::bytes(&redirect.facts.redirects);
        redirect.facts.redirects = self.with_hops(std::mem::take(&mut redirect.facts.redirects));
        redirect.asked = self.redirect.take().and_then(|before| before.facts.final_url);
        self.redirect = Some(redirect);
    }

    /// Takes the hops of its chain out, and these behind them.
    pub fn with_hops(&mut self, last: Vec<Hop>) -> Vec<Hop> {
        let Some(before) = &mut self.redirect else { return last };
        let mut hops = std::mem::take(&mut before.facts.redirects);
        before.hop_bytes = 0;
        hops.extend(last);
        hops
    }
}
