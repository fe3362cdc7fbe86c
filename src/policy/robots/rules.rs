//! The rules of a robots.txt for one crawler.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, percent_encode};
use url::{Position, Url};

use super::limits::RobotsLimits;
use super::lines::{LineKey, lines};
use super::pattern::{PathPattern, normal_path};
use crate::model::SkipReason;
use crate::policy::refusal::LinkRefusal;
use crate::policy::text::url_text::http_prefix;

/// The rules of a robots.txt for one crawler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RobotsRules {
    /// In the order in which they decide: the longest first, and Allow before Disallow.
    rules: Box<[PathRule]>,
    crawl_delay: Option<CrawlDelay>,
    sitemaps: Box<[Url]>,
    /// Whether a group names this crawler.
    is_own: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PathRule {
    pattern: PathPattern,
    line: u32,
    is_allow: bool,
}

/// The pause between two requests that a robots.txt asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrawlDelay {
    /// The pause that is kept.
    pub kept: Duration,
    /// The pause in the file, which may be longer.
    pub asked: Duration,
    /// The line of the file, from 1.
    pub line: u32,
}

/// Whether a URL may be fetched, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsVerdict<'r> {
    /// Whether it may be fetched.
    pub is_allowed: bool,
    /// The rule behind it.
    pub decided_by: DecidedBy<'r>,
}

/// The rule behind a verdict, shown as `robots.txt:12: Disallow: /private`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecidedBy<'r> {
    /// A line of the file.
    Line {
        /// From 1.
        number: u32,
        /// Whether it begins with `Allow`.
        is_allow: bool,
        /// The path in the normal form in which it is compared.
        pattern: String,
    },
    /// No rule matches, so it is allowed.
    NoRule,
    /// It is the robots.txt itself, which is always allowed.
    RobotsTxt,
    /// There are no rules for this reason, such as `status 503`.
    Answer(&'r str),
}

impl fmt::Display for DecidedBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecidedBy::Line { number, is_allow, pattern } => {
                write!(f, "robots.txt:{number}: {}: {pattern}", if *is_allow { "Allow" } else { "Disallow" })
            }
            DecidedBy::NoRule => f.write_str("robots.txt: no rule matches"),
            DecidedBy::RobotsTxt => f.write_str("robots.txt itself"),
            DecidedBy::Answer(why) => write!(f, "robots.txt: {why}"),
        }
    }
}

impl RobotsVerdict<'_> {
    /// The refusal, if it may not be fetched.
    pub fn refusal(&self) -> Option<LinkRefusal<'static>> {
        (!self.is_allowed).then(|| LinkRefusal::new(SkipReason::Robots, self.decided_by.to_string()))
    }
}

impl RobotsRules {
    /// Reads the rules for a crawler, by the token of its name. A caller that stops at the limit of bytes passes
    /// at least one byte more, which shows that the last line was cut.
    pub fn parse(bytes: &[u8], agent: &str, limits: &RobotsLimits) -> Self {
        let mut reading = Reading::new(agent, limits.max_crawl_delay);
        for line in lines(bytes, limits.max_bytes) {
            match line.key {
                LineKey::UserAgent => reading.user_agent(line.value),
                LineKey::Allow | LineKey::Disallow => {
                    reading.rule(line.number, line.key == LineKey::Allow, line.value);
                }
                LineKey::CrawlDelay => reading.crawl_delay(line.number, line.value),
                LineKey::Sitemap => reading.sitemap(line.value),
            }
        }
        reading.finish()
    }

    /// Decides about a URL of the origin of this file.
    pub fn check(&self, url: &Url) -> RobotsVerdict<'_> {
        if url.path() == "/robots.txt" {
            return RobotsVerdict { is_allowed: true, decided_by: DecidedBy::RobotsTxt };
        }
        let no_rule = RobotsVerdict { is_allowed: true, decided_by: DecidedBy::NoRule };
        if self.rules.is_empty() {
            return no_rule;
        }
        let path = normal_path(&url[Position::BeforePath..Position::AfterQuery]);
        let Some(rule) = self.rules.iter().find(|rule| rule.pattern.matches(path.as_bytes())) else { return no_rule };
        let decided_by =
            DecidedBy::Line { number: rule.line, is_allow: rule.is_allow, pattern: rule.pattern.to_string() };
        RobotsVerdict { is_allowed: rule.is_allow, decided_by }
    }

    /// The pause between requests, if the file asks for one.
    pub fn crawl_delay(&self) -> Option<CrawlDelay> {
        self.crawl_delay
    }

    /// Whether the rules are those of groups that name this crawler, and not those of `*`.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The sitemaps of the file, whatever crawler they stand below.
    pub fn sitemaps(&self) -> &[Url] {
        &self.sitemaps
    }
}

/// The rules and the pause for some crawlers.
#[derive(Default)]
struct GroupRules {
    rules: Vec<PathRule>,
    crawl_delay: Option<CrawlDelay>,
}

/// The agents of the last lines.
#[derive(Debug, Clone, Copy, Default)]
struct Agents {
    /// Whether this crawler is among them.
    is_own: bool,
    /// Whether `*` is among them.
    is_any: bool,
    /// Whether the next line with an agent begins anew.
    is_ended: bool,
}

impl Agents {
    fn add(&mut self, is_own: bool, is_any: bool) {
        if self.is_ended {
            *self = Self::default();
        }
        self.is_own |= is_own;
        self.is_any |= is_any;
    }
}

/// The state of reading a file.
struct Reading<'a> {
    agent: &'a str,
    max_crawl_delay: Duration,
    /// Of all groups that name this crawler. `None`: no group does so far.
    own: Option<GroupRules>,
    /// Of all groups for `*`.
    any: GroupRules,
    /// The agents that the next rule is for, and those of the next delay.
    rule_agents: Agents,
    delay_agents: Agents,
    sitemaps: Vec<Url>,
    known_sitemaps: HashSet<Url>,
}

impl<'a> Reading<'a> {
    fn new(agent: &'a str, max_crawl_delay: Duration) -> Self {
        Self {
            agent: token(agent.as_bytes()),
            max_crawl_delay,
            own: None,
            any: GroupRules::default(),
            rule_agents: Agents::default(),
            delay_agents: Agents::default(),
            sitemaps: Vec::new(),
            known_sitemaps: HashSet::new(),
        }
    }

    fn user_agent(&mut self, value: &[u8]) {
        let is_own = !self.agent.is_empty() && token(value).eq_ignore_ascii_case(self.agent);
        let is_any = match value {
            [b'*', rest @ ..] => rest.first().is_none_or(u8::is_ascii_whitespace),
            _ => false,
        };
        if is_own {
            self.own.get_or_insert_default();
        }
        self.rule_agents.add(is_own, is_any);
        self.delay_agents.add(is_own, is_any);
    }

    /// The groups of these agents. Those for `*` end to count when a group names this crawler.
    fn group(&mut self, agents: Agents) -> Option<&mut GroupRules> {
        match &mut self.own {
            Some(own) => Some(own).filter(|_| agents.is_own),
            None => Some(&mut self.any).filter(|_| agents.is_any),
        }
    }

    fn rule(&mut self, line: u32, is_allow: bool, value: &[u8]) {
        self.rule_agents.is_ended = true;
        self.delay_agents.is_ended = true;
        if let Some(group) = self.group(self.rule_agents)
            && let Some(pattern) = PathPattern::parse(value)
        {
            group.rules.push(PathRule { pattern, line, is_allow });
        }
    }

    /// Takes the longest delay of all groups. The line is no rule, so the agents before it share the rules of
    /// those behind it (RFC 9309, section 2.2.4), but not their delay.
    fn crawl_delay(&mut self, line: u32, value: &[u8]) {
        self.delay_agents.is_ended = true;
        let seconds = std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
        let Some(seconds) = seconds.filter(|seconds| *seconds >= 0.0) else { return };
        let asked = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let kept = asked.min(self.max_crawl_delay);
        if let Some(group) = self.group(self.delay_agents)
            && group.crawl_delay.is_none_or(|longest| longest.asked < asked)
        {
            group.crawl_delay = Some(CrawlDelay { kept, asked, line });
        }
    }

    /// A sitemap is an absolute URL. Without a fragment and credentials each counts once.
    fn sitemap(&mut self, value: &[u8]) {
        let text = percent_encode(value, &AsciiSet::EMPTY).to_string();
        let Some(mut url) = http_prefix(&text).and_then(|_| Url::parse(&text).ok()) else { return };
        url.set_fragment(None);
        let is_bare = url.set_username("").and_then(|()| url.set_password(None)).is_ok();
        if is_bare && self.known_sitemaps.insert(url.clone()) {
            self.sitemaps.push(url);
        }
    }

    fn finish(self) -> RobotsRules {
        let is_own = self.own.is_some();
        let GroupRules { mut rules, crawl_delay } = self.own.unwrap_or(self.any);
        rules.sort_by_key(|rule| (Reverse(rule.pattern.len()), !rule.is_allow));
        RobotsRules { rules: rules.into(), crawl_delay, sitemaps: self.sitemaps.into(), is_own }
    }
}

/// The token of a crawler's name, without a version behind it.
fn token(name: &[u8]) -> &str {
    let end = name.iter().position(|byte| !byte.is_ascii_alphabetic() && !b"-_".contains(byte));
    std::str::from_utf8(&name[..end.unwrap_or(name.len())]).unwrap_or_default()
}
