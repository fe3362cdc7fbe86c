//! `--concurrency auto`: finds the concurrency limit during the run.
//!
//! Throughput grows with concurrency up to a saturation point; beyond it only latency grows. So the tuner
//! doubles the limit while throughput improves. Then it tries limits near the best one. It holds the smallest
//! limit that comes close to the best: a larger one loads the server without benefit. During a hold, the tuner
//! halves the limit if latency doubles or servers reject fetches. From time to time it tries a slightly larger
//! limit, since servers change.
//!
//! The tuner measures in windows. A window is a number of fetches that ended, after the fetches that began
//! under the previous limit. It ignores a window with too little work.

use std::time::Duration;

/// The initial limit.
const FIRST: u32 = 8;

/// The least factor by which a larger limit must improve throughput.
const WORTH: f64 = 1.04;

/// How close to the best throughput a smaller limit must come to be preferred.
const AS_GOOD: f64 = 0.97;

/// The shortest window, in time and in fetches.
const WINDOW: Duration = Duration::from_millis(100);
const LEAST: u32 = 24;

/// The factors of the best limit that the tuner tries, in this order.
const AROUND: [f64; 6] = [0.7, 1.4, 0.85, 1.2, 0.9, 1.1];

/// How many windows a limit is held before a little more is tried, and how much more.
const PATIENCE: u32 = 10;
const MORE: f64 = 1.25;

/// The share of fetches that servers may turn away before that counts.
const TURNED_AWAY: f64 = 0.05;

/// How a fetch ended, for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchSample {
    /// From its start to its end.
    pub took: Duration,
    /// Whether the server said, or showed, that it was too much: 429, 503, a timeout, a refusal.
    pub turned_away: bool,
    /// Whether as many fetches were under way as might be.
    pub busy: bool,
}

/// The chosen limit and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The limit at the end.
    pub limit: u32,
    /// In words for people.
    pub why: String,
}

/// The measurement of one limit.
#[derive(Debug, Clone, Copy)]
struct Measured {
    limit: u32,
    /// Fetches a second.
    throughput: f64,
    latency: Duration,
}

/// The phase of the search.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Doubles the limit while throughput improves.
    Climb,
    /// Tries limits around the best: the next of [`AROUND`].
    Around(usize),
    /// Holds the best limit; the number of windows so far.
    Hold(u32),
    /// Tries a slightly larger limit than the best.
    Probe,
}

/// The limit, and what it is made of.
#[derive(Debug)]
pub struct ConcurrencyTuner {
    most: u32,
    limit: u32,
    phase: Phase,
    best: Option<Measured>,
    /// A limit above the best that did not improve throughput.
    beyond: Option<Measured>,
    backed_off: Option<&'static str>,
    window: Window,
}

/// Fetches that ended since the limit was set.
#[derive(Debug)]
struct Window {
    /// How many still belong to the limit before.
    settling: u32,
    began: Option<Duration>,
    ended: u32,
    idle: u32,
    turned_away: u32,
    took: Duration,
}

impl Window {
    fn new(settling: u32) -> Self {
        Self { settling, began: None, ended: 0, idle: 0, turned_away: 0, took: Duration::ZERO }
    }
}

impl ConcurrencyTuner {
    /// Never more than `most`.
    pub fn new(most: u32) -> Self {
        let most = most.max(1);
        Self {
            most,
            limit: FIRST.min(most),
            phase: Phase::Climb,
            best: None,
            beyond: None,
            backed_off: None,
            window: Window::new(0),
        }
    }

    /// The most fetches at once, now.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// A fetch has ended, `now` after the start of the run.
    pub fn ended(&mut self, fetch: FetchSample, now: Duration) {
        let window = &mut self.window;
        if window.settling > 0 {
            window.settling -= 1;
            return;
        }
        let Some(began) = window.began else {
            window.began = Some(now);
            return;
        };
        window.ended += 1;
        window.idle += u32::from(!fetch.busy);
        window.turned_away += u32::from(fetch.turned_away);
        window.took += fetch.took;
        let elapsed = now.saturating_sub(began);
        if window.ended < (2 * self.limit).max(LEAST) || elapsed < WINDOW {
            return;
        }
        let window = std::mem::replace(&mut self.window, Window::new(0));
        if f64::from(window.turned_away) > TURNED_AWAY * f64::from(window.ended) {
            return self.back_off("servers turned fetches away");
        }
        // Too little work: the measured throughput is not the possible one.
        if window.idle * 5 > window.ended {
            return;
        }
        // Little's law: throughput is concurrency divided by latency. A count over the window's time would
        // depend on which bursts of ends fall into it.
        let latency = window.took / window.ended;
        let throughput = f64::from(self.limit) / latency.as_secs_f64().max(f64::EPSILON);
        self.measured(Measured { limit: self.limit, throughput, latency });
    }

    fn measured(&mut self, found: Measured) {
        let best = match self.best {
            Some(best) => best,
            None => *self.best.insert(found),
        };
        match self.phase {
            Phase::Climb => {
                let first = found.limit <= best.limit;
                if first || found.throughput >= best.throughput * WORTH {
                    self.best = Some(found);
                    if found.limit < self.most {
                        return self.set(found.limit.saturating_mul(2).min(self.most));
                    }
                } else {
                    self.beyond = Some(found);
                }
                self.around(0);
            }
            Phase::Around(nth) => {
                self.compare(best, found);
                self.around(nth + 1);
            }
            Phase::Hold(windows) => {
                if found.latency >= best.latency * 2 && found.throughput < best.throughput * WORTH {
                    return self.back_off("latency doubled");
                }
                if windows < PATIENCE {
                    self.phase = Phase::Hold(windows + 1);
                    return;
                }
                // The best measurement is the current one, not an old one.
                self.best = Some(found);
                let more = scaled(found.limit, MORE).min(self.most);
                if more > found.limit {
                    self.phase = Phase::Probe;
                    self.set(more);
                } else {
                    self.phase = Phase::Hold(0);
                }
            }
            Phase::Probe => {
                self.compare(best, found);
                self.hold();
            }
        }
    }

    /// Keeps the better of two; of two that are as good the smaller.
    fn compare(&mut self, best: Measured, found: Measured) {
        let better = if found.limit < best.limit {
            found.throughput >= best.throughput * AS_GOOD
        } else {
            found.throughput >= best.throughput * WORTH
        };
        if better {
            self.best = Some(found);
        } else if found.limit > best.limit {
            self.beyond = Some(found);
        }
    }

    /// Tries the next limit around the best one, or holds that.
    fn around(&mut self, from: usize) {
        let Some(best) = self.best else { return };
        for (nth, factor) in AROUND.iter().enumerate().skip(from) {
            let limit = scaled(best.limit, *factor).clamp(1, self.most);
            // A limit beyond the best that brought nothing rules out all larger ones.
            let known = limit == best.limit || self.beyond.is_some_and(|beyond| limit >= beyond.limit);
            if !known {
                self.phase = Phase::Around(nth);
                return self.set(limit);
            }
        }
        self.hold();
    }

    fn hold(&mut self) {
        self.phase = Phase::Hold(0);
        if let Some(best) = self.best {
            self.set(best.limit);
        }
    }

    /// Halves the limit, and measures anew from there.
    fn back_off(&mut self, why: &'static str) {
        self.backed_off = Some(why);
        (self.best, self.beyond) = (None, None);
        self.phase = Phase::Hold(0);
        self.set((self.limit / 2).max(1));
    }

    fn set(&mut self, limit: u32) {
        // Fetches under way, and those that begin while these end, belong to the previous limit.
        let under_way = self.limit;
        self.limit = limit;
        self.window = Window::new(under_way.max(limit));
    }

    /// Returns the choice so far and its reason.
    pub fn chosen(&self) -> Chosen {
        let limit = self.best.map_or(self.limit, |best| best.limit);
        let rate = |m: Measured| format!("{:.0} a second at {}", m.throughput, m.limit);
        let why = match (self.best, self.beyond, self.backed_off) {
            (_, _, Some(why)) => format!("lowered, {why}"),
            (Some(best), Some(beyond), None) => format!("more brought no more: {}, {}", rate(best), rate(beyond)),
            (Some(best), None, None) if best.limit >= self.most => format!("the most it may be: {}", rate(best)),
            (Some(_), None, None) | (None, ..) => "there was too little to do to find out more".to_owned(),
        };
        Chosen { limit, why }
    }
}

/// A factor of a limit, and a step at least.
fn scaled(limit: u32, factor: f64) -> u32 {
    let scaled = f64::from(limit) * factor;
    let whole = if factor < 1.0 { scaled.floor() } else { scaled.ceil() };
    // Limits are small: nothing is lost.
    whole as u32
}

#[cfg(test)]
mod tests;
