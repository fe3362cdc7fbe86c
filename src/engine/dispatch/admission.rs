//! Admission: lines become waiting jobs, or outcomes at once.

use std::num::NonZeroU64;
use std::time::Instant;

use url::Url;

use super::super::unfetched::cancelled;
use super::RunState;
use crate::model::{
    Batch, Claimed, Entry, Event, Facts, FetchError, Job, Kind, Outcome, Seed, SkipReason, Subject, Verdict,
};
use crate::policy::credentials::origin;
use crate::policy::naming::Claims;
use crate::policy::text::fingerprint::FingerprintSet;

/// Decides whether a line becomes a job, and names its file.
pub(super) struct Admission {
    /// The URLs that were read, unless duplicates are fetched.
    seen: Option<FingerprintSet>,
    names: Option<Claims>,
    /// The warning about a second origin, and the first one; `None` once the warning was given.
    beyond_one_origin: Option<(String, Option<Url>)>,
    /// The number of lines left out because they have no record.
    unreported: u64,
}

impl Admission {
    pub(super) fn new(skip_duplicates: bool, names: Option<Claims>, beyond_one_origin: Option<String>) -> Self {
        Self {
            seen: skip_duplicates.then(FingerprintSet::new),
            names,
            beyond_one_origin: beyond_one_origin.map(|text| (text, None)),
            unreported: 0,
        }
    }

    /// Whether bodies are saved under names of their own.
    fn saves(&self) -> bool {
        self.names.is_some()
    }

    /// Whether this URL was read before. The same URL for another user is another request.
    fn is_duplicate(&mut self, seed: &Seed) -> bool {
        let Some(seen) = &mut self.seen else { return false };
        let is_new = match seed.overrides.as_ref().and_then(|overrides| overrides.credentials.as_ref()) {
            None => seen.insert(seed.url.as_str()),
            Some(user) => seen.insert(&format!("{}\0{}:{}", seed.url, user.username, user.password)),
        };
        !is_new
    }

    /// Takes what an earlier run found out about a seed that is done. Its file belongs to this seed: no
    /// other line of this run writes it.
    fn take_done(&mut self, seed: &mut Seed) -> Option<Box<Facts>> {
        let known = seed.known.as_mut()?;
        let facts = known.done.take()?;
        let (Some(names), Some(name)) = (&mut self.names, &known.name) else { return Some(facts) };
        if names.take_up(name) {
            return Some(facts);
        }
        // The file is that of another line.
        known.name = None;
        None
    }

    /// The name of a seed, in list order.
    fn name(&mut self, seed: &mut Seed) -> Result<Option<Claimed>, FetchError> {
        let Some(names) = &mut self.names else { return Ok(None) };
        if let Some(known) = seed.known.as_mut()
            && let Some(name) = known.name.take()
        {
            if names.take_up(&name) {
                // An earlier run gave it this name.
                return Ok(Some(name));
            }
            // The condition belongs to a file that another line is about to write.
            known.condition = None;
        }
        self.new_name(seed)
    }

    fn new_name(&mut self, seed: &Seed) -> Result<Option<Claimed>, FetchError> {
        let Some(names) = &mut self.names else { return Ok(None) };
        let out = seed.overrides.as_ref().and_then(|w| w.out.as_deref());
        let place = seed.place.map_or(seed.id.0 + 1, NonZeroU64::get);
        names.claim_for(&seed.url, place, out).map(Some)
    }

    /// Leaves out a line that is no part of this run. It claims its name, so that the other lines have
    /// the names that they have in a run of the whole list.
    fn leave_out(&mut self, seed: &Seed, reported: bool) {
        self.unreported += u64::from(!reported);
        let Some(names) = &mut self.names else { return };
        if let Some(name) = seed.known.as_ref().and_then(|known| known.name.as_ref()) {
            names.take_up(name);
        } else if !self.is_duplicate(seed) {
            // Err: it has no name in a run of the whole list either.
            let _ = self.new_name(seed);
        }
    }

    /// The warning about a second origin, once.
    fn second_origin(&mut self, url: &Url) -> Option<String> {
        let (_, first) = self.beyond_one_origin.as_mut()?;
        let first = first.get_or_insert_with(|| url.clone());
        if origin::same(first, url) {
            return None;
        }
        self.beyond_one_origin.take().map(|(text, _)| text)
    }

    /// The warning about lines without a result of an earlier run.
    pub(super) fn unreported(&self) -> Option<String> {
        let (n, lines) = match self.unreported {
            0 => return None,
            1 => (1, "line of the lists has"),
            n => (n, "lines of the lists have"),
        };
        Some(format!("{n} {lines} no result yet, so left out; a run of the whole list fetches what is left"))
    }
}

impl RunState {
    /// Admits a batch of lines.
    pub(super) fn admit(&mut self, batch: Batch) {
        batch.notes.iter().for_each(|text| self.watchers.tell(&Event::Warning(text)));
        let now = Instant::now();
        if let Some(news) = batch.leased {
            self.take_news(*news, now.into());
        }
        for entry in batch.entries {
            match entry {
                Entry::LeftOut { seed, reported } => self.admission.leave_out(&seed, reported),
                Entry::Bad(mut bad) => {
                    bad.id = self.count();
                    self.finish_line(Outcome::bad_line(bad));
                }
                Entry::Seed(seed) if seed.lease.is_some() => self.admit_leased(seed, now),
                Entry::Seed(mut seed) => {
                    seed.id = self.count();
                    let is_under_way = self.crawl.as_mut().is_some_and(|crawl| crawl.start(&mut seed));
                    self.admit_seed(seed, is_under_way, now);
                }
            }
        }
        let sitemaps = self.crawl.as_mut().map(|crawl| crawl.named_sitemaps());
        sitemaps.into_iter().flatten().for_each(|seed| self.admit_sitemap(seed));
        self.send_urls();
    }

    /// Admits a URL of a shared queue, which has dropped duplicates.
    fn admit_leased(&mut self, mut seed: Seed, now: Instant) {
        if !self.keeps_lease(&seed) {
            return;
        }
        let is_unrecorded = self.crawl.as_mut().is_some_and(|crawl| crawl.leased(&mut seed));
        if !is_unrecorded {
            seed.id = self.count();
        }
        if self.stopping.is_some() {
            return self.finish(cancelled(Subject::Seed(Box::new(seed))));
        }
        if seed.kind == Kind::Sitemap {
            return self.schedule(Box::new(Job::new(seed, None, now)));
        }
        let saves = self.crawl.as_ref().is_none_or(|crawl| crawl.saves(&seed));
        self.admit_new(seed, saves, now);
    }

    /// `is_under_way`: a page has led to the URL before its line was read.
    fn admit_seed(&mut self, seed: Seed, is_under_way: bool, now: Instant) {
        if self.stopping.is_some() {
            return self.finish_line(cancelled(Subject::Seed(Box::new(seed))));
        }
        if self.admission.is_duplicate(&seed) || is_under_way {
            return self.finish_unfetched(seed, Verdict::Skipped(SkipReason::Duplicate));
        }
        let saves = self.crawl.as_ref().is_none_or(|crawl| crawl.saves(&seed));
        self.admit_new(seed, saves, now);
    }

    /// Admits a URL that is no duplicate. `saves` says whether its body may have a file.
    pub(super) fn admit_new(&mut self, mut seed: Seed, saves: bool, now: Instant) {
        // A page that was only followed before, and is saved now, is not done.
        let is_done = !saves || !self.admission.saves() || has_file(&seed);
        let not_followed = seed.known.as_ref().and_then(|known| known.not_followed);
        if let Some(facts) = is_done.then(|| self.admission.take_done(&mut seed)).flatten() {
            let verdict = Verdict::Skipped(not_followed.unwrap_or(SkipReason::Done));
            return self.finish(Outcome { facts, ..Outcome::unfetched(Subject::Seed(Box::new(seed)), verdict) });
        }
        if let Some(warning) = self.admission.second_origin(&seed.url) {
            self.watchers.tell(&Event::Warning(&warning));
        }
        let name = if saves { self.admission.name(&mut seed) } else { Ok(None) };
        match name {
            Ok(save_as) => self.schedule(Box::new(Job::new(seed, save_as, now))),
            Err(error) => self.finish_unfetched(seed, Verdict::Failed(error)),
        }
    }

    fn finish_unfetched(&mut self, seed: Seed, verdict: Verdict) {
        self.finish_line(Outcome::unfetched(Subject::Seed(Box::new(seed)), verdict));
    }
}

/// Whether an earlier run saved the body, or got no body to save.
fn has_file(seed: &Seed) -> bool {
    let done = seed.known.as_ref().and_then(|known| known.done.as_ref());
    done.is_none_or(|facts| facts.path.is_some() || facts.found.links.is_none())
}
