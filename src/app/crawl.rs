//! The rules of a crawl, from its settings.

use super::SetupError;
use crate::config::{Config, CrawlConfig, Sitemaps};
use crate::engine::{CrawlPlan, CrawlRules, KnownUrls, OnLink};
use crate::model::{RobotsMode, Seed, StoredRobots};
use crate::policy::canonical::CanonicalRules;
use crate::policy::scope::{Scope, ScopeSettings};
use crate::queue::{SqliteQueue, UrlQueue};
use crate::state::Recall;

/// The most bytes on disk of the links that wait.
const MOST_ON_DISK: u64 = 64 << 30;

/// Whether a run has rules of a crawl: a list has some if it fetches what pages need, or obeys robots.txt.
pub(super) fn is_needed(config: &Config) -> bool {
    let crawl = &config.crawl;
    crawl.follow || crawl.requisites || crawl.robots != RobotsMode::Ignore
}

/// Builds the rules of a crawl; `None` for a list without any.
pub(super) fn plan(
    config: &Config,
    known: Option<Recall>,
    on_link: Option<OnLink>,
) -> Result<Option<CrawlPlan>, SetupError> {
    let crawl = &config.crawl;
    if !is_needed(config) {
        return Ok(None);
    }
    let make_queue = || SqliteQueue::temporary(MOST_ON_DISK).map(|queue| Box::new(queue) as Box<dyn UrlQueue>);
    let known = known.map(|recall| Box::new(Known(recall)) as Box<dyn KnownUrls>);
    Ok(Some(CrawlPlan {
        rules: CrawlRules { on_link, ..rules(crawl, config.dry_run)? },
        known,
        refresh: config.refresh,
        make_queue,
    }))
}

/// Which URLs count as one.
pub(super) fn canonical_rules(crawl: &CrawlConfig) -> Result<CanonicalRules, SetupError> {
    CanonicalRules::new(&crawl.strip_param, &crawl.canonical)
        .map_err(|why| SetupError::Setting(format!("--strip-param: {why}")))
}

pub(super) fn rules(crawl: &CrawlConfig, is_dry: bool) -> Result<CrawlRules, SetupError> {
    let canonical = canonical_rules(crawl)?;
    let settings = ScopeSettings {
        kind: crawl.scope,
        span_hosts: crawl.span_hosts.clone(),
        include: crawl.include.clone(),
        exclude: crawl.exclude.clone(),
        accept: crawl.accept.clone(),
        reject: crawl.reject.clone(),
    };
    let scope = Scope::new(&settings, canonical.clone()).map_err(|why| SetupError::Setting(format!("--{why}")))?;
    Ok(CrawlRules {
        canonical,
        scope,
        page_types: crawl.page_types.clone(),
        depth: crawl.depth,
        max_pages: crawl.max_pages,
        requisites: crawl.requisites,
        ignore_nofollow: crawl.ignore_nofollow,
        is_list: !crawl.follow,
        page_links: crawl.follow && crawl.sitemap != Sitemaps::Only,
        finds_sitemaps: crawl.follow && !is_dry && matches!(crawl.sitemap, Sitemaps::Auto | Sitemaps::Only),
        sitemaps: match &crawl.sitemap {
            Sitemaps::Urls(urls) if crawl.follow => urls.clone(),
            _ => Vec::new(),
        },
        since: crawl.since,
        checks: crawl.check,
        // A dry run sends no request.
        robots: if is_dry { RobotsMode::Ignore } else { crawl.robots },
        traps: crawl.traps.clone(),
        on_link: None,
    })
}

/// The state, for the links of a crawl.
struct Known(Recall);

impl KnownUrls for Known {
    fn look_up(&mut self, seeds: &mut [Seed]) -> Result<(), String> {
        self.0.look_up(seeds.iter_mut()).map_err(|e| e.to_string())
    }

    fn targets(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), String> {
        self.0.targets(each).map_err(|e| e.to_string())
    }

    fn robots(&mut self, origin: &str) -> Option<StoredRobots> {
        // Err: the file is asked for again.
        self.0.robots(origin).ok().flatten()
    }
}
