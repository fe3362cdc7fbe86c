//! A seed that the scheduler admitted and handed out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Claimed, Cookie, Facts, Hop, Seed, Timing, Verdict};

/// The result of the previous try.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The facts of the response.
    pub facts: Box<Facts>,
    /// How long it took.
    pub timing: Timing,
    /// How it ended.
    pub verdict: Verdict,
}

/// The state of a redirect chain. Each hop is a request like any other: it waits for the host that it requests.
/// It waits for nothing while it holds a slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RedirectState {
    /// The facts so far. `final_url` is the next URL to request.
    pub facts: Box<Facts>,
    /// The time of all hops together; `total` excludes the waits between them.
    pub timing: Timing,
    /// The time until the last hop's response head.
    pub took: Duration,
    /// The wait that the last hop requests before the redirect (RFC 9110, section 10.2.3).
    pub wait: Duration,
    /// The address that sent the last redirect, if known.
    pub from: Option<SocketAddr>,
    /// The cookies that the hops have set, if the run keeps none.
    pub cookies: Vec<Cookie>,
    /// The number of times that a worker died during a hop and another one took over.
    pub deaths: u32,
    /// The memory of the hops in `facts`. [`Job::follow`] keeps it, for a chain may have thousands.
    pub hop_bytes: usize,
}

impl RedirectState {
    /// Returns what the next request needs of the chain, without its hops.
    pub fn for_next_hop(&self) -> Self {
        Self {
            facts: Box::new(self.facts.for_next_hop()),
            timing: self.timing,
            took: self.took,
            wait: self.wait,
            from: self.from,
            cookies: self.cookies.clone(),
            deaths: 0,
            hop_bytes: 0,
        }
    }
}

/// A seed that the scheduler handed out.
#[derive(Debug, Clone)]
pub struct Job {
    /// The seed to fetch. Its number is that of the job.
    pub seed: Seed,
    /// The number of the try, from 1. While the job waits for a retry: the number of tries so far.
    pub attempt: u32,
    /// The result of the previous try.
    pub last: Option<Box<Tried>>,
    /// The redirect chain of this try.
    pub redirect: Option<Box<RedirectState>>,
    /// The name under which the body is saved, when the run saves.
    pub save_as: Option<Claimed>,
    /// The time of admission, from which the waiting time counts.
    pub admitted: Instant,
    /// Whether the scheduler has handed it out before.
    pub handed_out: bool,
    /// The earliest time of the next request: of a retry, or of a redirect that asks for a wait.
    pub not_before: Option<Instant>,
}

impl Job {
    /// A new job.
    pub fn new(seed: Seed, save_as: Option<Claimed>, admitted: Instant) -> Self {
        let attempt = seed.lease.map_or(0, |lease| lease.attempts);
        Self { seed, attempt, last: None, redirect: None, save_as, admitted, handed_out: false, not_before: None }
    }

    /// The next URL to request: the seed's own URL or the redirect target.
    pub fn url(&self) -> &Url {
        let led_to = self.redirect.as_ref().and_then(|redirect| redirect.facts.final_url.as_ref());
        led_to.unwrap_or(&self.seed.url)
    }

    /// Advances the chain by one redirect, whose facts name only this hop. The method never copies a chain,
    /// which may have thousands of hops. Returns the URL of the last request; `None` for the seed's own URL.
    pub fn follow(&mut self, mut redirect: Box<RedirectState>) -> Option<Url> {
        let before = self.redirect.as_ref().map_or(0, |before| before.hop_bytes);
        redirect.hop_bytes = before + Hop::bytes(&redirect.facts.redirects);
        redirect.facts.redirects = self.with_hops(std::mem::take(&mut redirect.facts.redirects));
        self.redirect.replace(redirect).and_then(|before| before.facts.final_url)
    }

    /// Takes the hops out of the chain and appends these.
    pub fn with_hops(&mut self, last: Vec<Hop>) -> Vec<Hop> {
        let Some(before) = &mut self.redirect else { return last };
        let mut hops = std::mem::take(&mut before.facts.redirects);
        before.hop_bytes = 0;
        hops.extend(last);
        hops
    }
}
