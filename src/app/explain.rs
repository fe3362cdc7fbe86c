//! `fetchall explain`: why a URL is fetched or not, by the functions that a crawl asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use url::{Position, Url};

use super::{Document, Files, RunIo, SetupError, TextStyle, crawl, memory, plan};
use crate::config::{Config, CrawlConfig, InputFormat, TextConfig};
use crate::engine::{self, CrawlRules, ROBOTS_AGENT, Stop};
use crate::fetch::Saving;
use crate::model::{Batch, ChildProgram, Entry, Kind, Outcome, RobotsMode, Seed, SkipReason, SourcePos};
use crate::output_folder::OutputFolder;
use crate::policy::naming::{Claims, Template};
use crate::policy::network::address::AddressClasses;
use crate::policy::refusal::LinkRefusal;
use crate::policy::robots::{DecidedBy, RobotsLimits, SiteRobots};
use crate::policy::scope::ScopeVerdict;
use crate::policy::traps::Traps;
use crate::sink::Callback;
use crate::source::{Input, Inputs, Interrupt, ListSource, Source, SourceError};
use crate::state::{Bodies, KnownResult, Recall, State, StatePath};
pub use crate::wire::Explanation as Explained;
use crate::wire::{LinkedFrom, RobotsRule, StateEntry, VERSION};

/// The most pages that are named as those with a link.
const MOST_PAGES: usize = 10;

/// Explains these URLs. With start pages they count as links of that crawl, else as lines of a list. Sends no request
/// but for robots.txt, and none at all if it is `offline`.
///
/// # Errors
/// When a setting or the state cannot be used.
pub fn explain(
    config: &Config,
    urls: &[String],
    starts: &[String],
    offline: bool,
) -> Result<Vec<Explained>, SetupError> {
    let (urls, starts) = (seeds(urls)?, seeds(starts)?);
    let mut rules = crawl::rules(&config.crawl, false)?;
    starts.iter().for_each(|start| rules.scope.add_start(&start.url));
    let folder = config.dir.clone().map(OutputFolder::new);
    let (state, names) = open(config, folder.as_ref())?;
    if let Some(state) = &state {
        for start in &starts {
            // A crawl widens its scope when a start page redirects.
            if let Some(to) = state.result(start)?.and_then(|known| known.facts.final_url) {
                let _ = rules.scope.start_redirected(&start.url, &to);
            }
        }
    }
    let explainer = Explainer { config, rules, starts, state, names, saves: folder.is_some(), offline };
    let places = explainer.places(&urls)?;
    let mut sites: Vec<(String, Option<SiteAnswer>)> = Vec::new();
    let mut explained = Vec::with_capacity(urls.len());
    for (seed, places) in urls.iter().zip(places) {
        let origin = &seed.url[..Position::BeforePath];
        if !sites.iter().any(|(known, _)| known == origin) {
            sites.push((origin.to_owned(), explainer.site(&seed.url)?));
        }
        let site = sites.iter().find(|(known, _)| known == origin).and_then(|(_, site)| site.as_ref());
        explained.push(explainer.explain(seed, places, site)?);
    }
    Ok(explained)
}

/// Reads URLs as a run reads its arguments.
fn seeds(urls: &[String]) -> Result<Vec<Seed>, SetupError> {
    let inputs: Vec<_> = urls.iter().zip(1..).map(|(url, position)| Input::Url(url.clone(), position)).collect();
    let mut source = ListSource::new(inputs, InputFormat::Auto)?;
    let mut seeds = Vec::new();
    while let Some(batch) = source.next_batch()? {
        for entry in batch.entries {
            match entry {
                Entry::Seed(seed) => seeds.push(seed),
                Entry::Bad(bad) => return Err(SetupError::Setting(format!("{}: {}", bad.text, bad.error.message))),
                Entry::LeftOut { .. } => {}
            }
        }
    }
    Ok(seeds)
}

/// Opens the state to look at it, and reads the names of its files.
fn open(config: &Config, folder: Option<&OutputFolder>) -> Result<(Option<Recall>, Claims), SetupError> {
    let template = Template::parse(&config.name).map_err(|why| SetupError::Setting(format!("--name: {why}")))?;
    let mut names = Claims::named_by(template);
    let named = config.state.as_deref().map(StatePath::named).transpose()?;
    let Some(path) = named.or_else(|| folder.map(StatePath::own)) else { return Ok((None, names)) };
    let Some(mut state) = State::look_at(&path)? else { return Ok((None, names)) };
    state.names(|name| names.reserve(name))?;
    let (saving, bodies) = match folder {
        Some(folder) => (Saving::Dir(folder.clone()), Bodies::Below(folder.clone())),
        None => (Saving::Discard, Bodies::Nowhere),
    };
    Ok((Some(state.recall(memory::shape(config, &saving), bodies)), names))
}

/// The rules of an origin, and when the copy of the state came.
struct SiteAnswer {
    rules: SiteRobots,
    copied: Option<SystemTime>,
}

/// The rows of the state that have to do with a URL, beside its own.
#[derive(Default)]
struct UrlPlaces {
    linked: LinkedFrom,
    /// Another URL with the same canonical form.
    same: Option<String>,
    /// A URL whose redirect led to this one.
    redirect: Option<String>,
}

struct Explainer<'a> {
    config: &'a Config,
    rules: CrawlRules,
    starts: Vec<Seed>,
    state: Option<Recall>,
    names: Claims,
    saves: bool,
    offline: bool,
}

impl Explainer<'_> {
    /// Reads the pages of the state once for all URLs.
    fn places(&self, seeds: &[Seed]) -> Result<Vec<UrlPlaces>, SetupError> {
        let canonical = &self.rules.canonical;
        let keys: Vec<String> = seeds.iter().map(|seed| canonical.key(&seed.url).into_owned()).collect();
        let mut places: Vec<UrlPlaces> = seeds.iter().map(|_| UrlPlaces::default()).collect();
        let same = |one: &Url, key: &str| *canonical.key(one) == *key;
        for ((seed, key), places) in seeds.iter().zip(&keys).zip(&mut places) {
            let mut starts = self.starts.iter().map(|start| &start.url);
            let other = starts.find(|start| **start != seed.url && same(start, key));
            places.same = other.map(|start| start.as_str().to_owned());
        }
        let Some(state) = &self.state else { return Ok(places) };
        state.each_page(|url, target, links| {
            let Ok(page) = Url::parse(url) else { return };
            let page_key = canonical.key(&page);
            let target = target.and_then(|target| canonical.key_of(target));
            let mut linked = vec![false; keys.len()];
            for link in links.iter().flat_map(|links| links.links.iter()) {
                let Some(link) = canonical.key_of(link.url) else { continue };
                linked.iter_mut().zip(&keys).for_each(|(linked, key)| *linked |= *link == **key);
            }
            for (at, places) in places.iter_mut().enumerate() {
                let (seed, key) = (&seeds[at], &keys[at]);
                if page_key == key.as_str() && page[..Position::AfterQuery] != seed.url[..Position::AfterQuery] {
                    places.same.get_or_insert_with(|| page.as_str().to_owned());
                }
                if target.as_deref() == Some(key) && page_key != key.as_str() {
                    places.redirect.get_or_insert_with(|| page.as_str().to_owned());
                }
                if linked[at] {
                    places.linked.count += 1;
                    if places.linked.pages.len() < MOST_PAGES {
                        places.linked.pages.push(page.as_str().to_owned());
                    }
                }
            }
        })?;
        Ok(places)
    }

    /// The robots.txt of an origin: the copy of the state while it is fresh, else a new one.
    fn site(&self, url: &Url) -> Result<Option<SiteAnswer>, SetupError> {
        if self.config.crawl.robots == RobotsMode::Ignore {
            return Ok(None);
        }
        let (limits, now) = (RobotsLimits::default(), SystemTime::now());
        let stored = match &self.state {
            Some(state) => state.robots(&url[..Position::BeforePath])?,
            None => None,
        };
        let last = stored.as_ref().and_then(|stored| SiteRobots::restored(stored, ROBOTS_AGENT, &limits));
        let copied = stored.and_then(|stored| stored.copy.map(|copy| copy.at));
        let last = match last {
            Some(rules) if self.offline || !rules.is_due(now) && rules.is_copy() => {
                return Ok(Some(SiteAnswer { rules, copied }));
            }
            last => last,
        };
        if self.offline {
            return Ok(None);
        }
        let Some(outcome) = ask(self.config, url)? else { return Ok(None) };
        let Some(answer) = engine::robots_answer(&outcome) else { return Ok(None) };
        let rules = SiteRobots::after(last, answer, ROBOTS_AGENT, &limits, now);
        Ok(Some(SiteAnswer { rules, copied: None }))
    }

    fn explain(&self, seed: &Seed, places: UrlPlaces, site: Option<&SiteAnswer>) -> Result<Explained, SetupError> {
        let url = &seed.url;
        let key = self.rules.canonical.key(url);
        let known = self.state.as_ref().map(|state| state.result(seed)).transpose()?.flatten();
        let is_start = self.starts.iter().any(|start| start.url == *url);
        let is_link = !self.starts.is_empty() && !is_start;
        let judged = if is_link { self.rules.scope.judge(url, &key, Kind::Page) } else { Ok(ScopeVerdict::Save) };
        let is_saved = self.saves && judged == Ok(ScopeVerdict::Save);
        let out = judged.err();
        let trap = self.trap(url).filter(|_| is_link);
        let robots = site.map(|site| (site, site.rules.check(url)));
        let disallowed = robots.as_ref().and_then(|(_, verdict)| verdict.refusal());
        let disallowed = disallowed.filter(|_| self.config.crawl.robots == RobotsMode::Obey);
        let duplicate = |rule: String| LinkRefusal::new(SkipReason::Duplicate, rule);
        let same = places.same.as_ref().map(|url| duplicate(format!("same canonical form as {url}")));
        let target = places.redirect.as_ref().map(|url| duplicate(format!("{url} redirects to it, and was fetched")));
        let depth = (is_link && self.rules.depth == Some(0)).then(|| LinkRefusal::new(SkipReason::Depth, "depth 0"));
        let refusals = [&same, &target, &out, &depth, &trap, &disallowed].into_iter().flatten().next();
        let refusal = refusals.map(|refusal| (refusal.reason.as_str().to_owned(), Some(refusal.rule.to_string())));
        let (verdict, because) = verdict(known.as_ref(), refusal);
        let (reason, rule) = because.map_or((None, None), |(reason, rule)| (Some(reason), rule));
        Ok(Explained {
            v: VERSION,
            url: url.as_str().to_owned(),
            verdict,
            reason,
            rule,
            canonical: key.to_string(),
            scope: match (&out, is_start) {
                _ if self.starts.is_empty() => "list",
                (_, true) => "start",
                (None, _) => "in",
                (Some(_), _) => "out",
            },
            scope_rule: out.as_ref().map(|refusal| refusal.rule.to_string()),
            trap: trap.map(|refusal| refusal.rule.into_owned()),
            robots: robots.map(|(site, verdict)| RobotsRule {
                allowed: verdict.is_allowed,
                rule: verdict.decided_by.to_string(),
                agent: matches!(verdict.decided_by, DecidedBy::Line { .. }).then_some(if site.rules.is_own_group() {
                    ROBOTS_AGENT
                } else {
                    "*"
                }),
                crawl_delay_s: site.rules.crawl_delay().map(|delay| delay.kept.as_secs_f64()),
                age_s: site.copied.map(|at| at.elapsed().unwrap_or_default().as_secs()),
            }),
            duplicate_of: places.same.or(places.redirect),
            linked_from: places.linked,
            file: self.file(seed, known.as_ref()).filter(|_| is_saved),
            state_path: self.state.as_ref().map(|state| state.shown_path()),
            state: known.map(entry),
        })
    }

    /// The rule for traps that a URL breaks by itself.
    fn trap(&self, url: &Url) -> Option<LinkRefusal<'static>> {
        let traps = Traps::new(self.rules.traps.clone()?);
        let parent = self.starts.first().map_or(url, |start| &start.url);
        traps.link(url, parent, 0).err()
    }

    /// The name that the state has given, else the one that is free.
    fn file(&self, seed: &Seed, known: Option<&KnownResult>) -> Option<String> {
        if let Some(name) = known.and_then(|known| known.name.as_deref()) {
            return Some(name.to_owned());
        }
        let out = seed.overrides.as_deref().and_then(|overrides| overrides.out.as_deref());
        self.names.clone().claim_for(&seed.url, 1, out).ok().map(|name| name.0.into())
    }
}

/// Why a URL is not fetched: the reason and the rule.
type Because = Option<(String, Option<String>)>;

/// Returns the result in the state, else the decision of the rules.
fn verdict(known: Option<&KnownResult>, refusal: Because) -> (&'static str, Because) {
    match known {
        Some(known) if known.outcome == "ok" => ("fetched", None),
        Some(known) => {
            let target = known.facts.final_url.as_ref().filter(|_| known.not_followed.is_some());
            let rule = match (target, known.status) {
                (Some(target), _) => Some(format!("it redirects to {target}")),
                (None, Some(status)) => Some(format!("status {status}")),
                (None, None) => None,
            };
            let skipped = known.not_followed.map(|reason| reason.as_str().to_owned());
            let reason = skipped.or_else(|| known.error.clone()).unwrap_or_else(|| known.outcome.clone());
            let has_answer = known.outcome == "http_error";
            (if has_answer { "fetched" } else { "not_fetched" }, Some((reason, rule)))
        }
        None if refusal.is_some() => ("not_fetched", refusal),
        None => ("would_fetch", None),
    }
}

fn entry(known: KnownResult) -> StateEntry {
    let KnownResult { outcome, error, status, facts, validators, .. } = known;
    let text = |octets: Option<Box<[u8]>>| octets.map(|octets| String::from_utf8_lossy(&octets).into_owned());
    let page = facts.found.links.as_deref();
    StateEntry {
        outcome,
        error,
        status,
        final_url: facts.final_url.as_ref().map(|url| url.as_str().to_owned()),
        started_at: facts.started_at.map(|at| at.to_string()),
        bytes: facts.bytes,
        content_type: facts.content_type.as_deref().map(str::to_owned),
        etag: text(validators.etag),
        last_modified: text(validators.last_modified),
        title: page.and_then(|page| page.title.clone()),
        links: page.map(|page| page.links.len() as u64),
    }
}

/// Asks for the robots.txt of an origin by a run of that one request, with the settings of the crawl.
fn ask(config: &Config, url: &Url) -> Result<Option<Outcome>, SetupError> {
    let crawl = CrawlConfig { robots: RobotsMode::Ignore, ..Config::default().crawl };
    let config = Config {
        crawl,
        dir: None,
        state: None,
        name: Template::DEFAULT.to_owned(),
        output: "-".into(),
        changes: None,
        skipped: None,
        summary: None,
        report: None,
        text: TextConfig::default(),
        save_cookies: None,
        head: false,
        dry_run: false,
        refresh: false,
        fresh: false,
        skip_existing: false,
        remote_time: false,
        content_disposition: false,
        sync: false,
        ..config.clone()
    };
    let Ok(file) = url.join("/robots.txt") else { return Ok(None) };
    let position = SourcePos { list: url.as_str().into(), line: 0 };
    let seed = Seed { kind: Kind::Robots, ..Seed::new(file, crate::model::Via::Link(position.clone())) };
    let ended: Arc<Mutex<Option<Outcome>>> = Arc::default();
    let note = Arc::clone(&ended);
    let keep = move |outcome: &Outcome| {
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome.clone());
    };
    let inputs = Inputs::from(Vec::new());
    let surroundings = RunIo {
        records: None,
        check_report: None,
        style: TextStyle::default(),
        files: Files::of(&config, &inputs, &Document::None).check()?,
        sinks: vec![Box::new(Callback::new(keep))],
        worker_program: ChildProgram::default(),
        reporters: Vec::new(),
        address_classes: AddressClasses::default(),
        on_link: None,
    };
    let mut plan = plan(&config, inputs, Document::None, surroundings, Stop::default())?;
    plan.source = Box::new(OneSeed { seed: Some(seed), position });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| SetupError::Setting(format!("cannot start a runtime: {e}")))?;
    let end = runtime.block_on(engine::run(plan));
    runtime.shutdown_background();
    if let Some(fault) = end.fault {
        return Err(SetupError::Setting(fault.to_string()));
    }
    Ok(ended.lock().unwrap_or_else(PoisonError::into_inner).take())
}

/// A source of one seed.
struct OneSeed {
    seed: Option<Seed>,
    position: SourcePos,
}

impl Source for OneSeed {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        let entries = self.seed.take().map(|seed| vec![Entry::Seed(seed)]);
        Ok(entries.map(|entries| Batch { entries, next: self.position.clone(), notes: Vec::new(), leased: None }))
    }

    fn position(&self) -> SourcePos {
        self.position.clone()
    }

    fn may_block(&self) -> bool {
        false
    }

    fn interrupt(&self) -> Interrupt {
        Arc::new(|| {})
    }
}
