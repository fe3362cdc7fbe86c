//! Which links a crawl follows: the scope of its start pages, and the filters of the user.
//!
//! A page has to be in the scope, to match an `include`, if there are any, and to match no `exclude`. A
//! requisite, such as an image, may be on any host, because the page that shows it is in the scope. The user's
//! `exclude` and `reject` still hold for it. Start pages need no question: the user named them.

mod bases;
mod file_names;
mod media_types;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use regex::{Regex, RegexSet, RegexSetBuilder};
use url::{Position, Url};

use crate::model::{HIDDEN, HostPattern, Kind, ScopeKind, SkipReason, shown_pattern};
use crate::policy::canonical::CanonicalRules;
use crate::policy::refusal::LinkRefusal;

use bases::Bases;
use file_names::{NameFilter, NameVerdict};
pub use media_types::{is_css, is_html, is_wanted_type};

/// The settings of the user for links to follow.
#[derive(Debug, Clone, Default)]
pub struct ScopeSettings {
    /// How far from the start pages.
    pub kind: ScopeKind,
    /// More hosts in scope.
    pub span_hosts: Vec<HostPattern>,
    /// Regular expressions on the canonical URL, of which a page has to match one, if there are any.
    pub include: Vec<String>,
    /// Regular expressions on the canonical URL, of which no page and no requisite may match any.
    pub exclude: Vec<String>,
    /// Ends of file names, or patterns with wildcards, which alone are saved (`wget -A`).
    pub accept: Vec<String>,
    /// Ends of file names, or patterns with wildcards, which are not saved (`wget -R`).
    pub reject: Vec<String>,
}

/// The use of a link in scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeVerdict {
    /// It is fetched and saved.
    Save,
    /// It may be a page, so it is fetched for its links. It is not saved.
    LinksOnly,
}

/// The scope of a crawl.
#[derive(Debug, Clone)]
pub struct Scope {
    bases: Bases,
    span_hosts: Vec<HostPattern>,
    include: RegexList,
    exclude: RegexList,
    names: NameFilter,
    canonical: CanonicalRules,
}

impl Scope {
    /// A scope without start pages.
    ///
    /// # Errors
    /// Names the setting, the number of its expression or pattern that cannot be read, and why.
    pub fn new(settings: &ScopeSettings, canonical: CanonicalRules) -> Result<Self, String> {
        Ok(Self {
            bases: Bases::new(settings.kind),
            span_hosts: settings.span_hosts.clone(),
            include: RegexList::new("include", &settings.include)?,
            exclude: RegexList::new("exclude", &settings.exclude)?,
            names: NameFilter::new(&settings.accept, &settings.reject)?,
            canonical,
        })
    }

    /// Adds a start page.
    pub fn add_start(&mut self, start: &Url) {
        self.bases.add(start, &self.canonical.key(start));
    }

    /// Widens the scope after the redirect of a start page out of it, if it led to the same registrable
    /// domain. The scope of the page itself stays, because links may still name it. Returns a line that says so.
    pub fn start_redirected(&mut self, start: &Url, to: &Url) -> Option<String> {
        let key = self.canonical.key(to);
        if self.bases.contains(to, &key) || !bases::is_same_site(start, to) {
            return None;
        }
        self.bases.add(to, &key);
        let (start, to) = (&start[..Position::AfterPath], &to[..Position::AfterPath]);
        Some(format!("{start} redirects to {to}, so the scope is also that of {to}"))
    }

    /// Decides about a link: its URL, the canonical form, and what it is for.
    ///
    /// # Errors
    /// The rule that refuses it.
    pub fn judge(&self, url: &Url, key: &str, kind: Kind) -> Result<ScopeVerdict, LinkRefusal<'_>> {
        if matches!(kind, Kind::Robots | Kind::Sitemap) {
            return Ok(ScopeVerdict::Save);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(LinkRefusal::new(SkipReason::Scope, "scheme"));
        }
        let is_page = kind == Kind::Page;
        if is_page && !self.bases.contains(url, key) && !self.spans(url) {
            return Err(LinkRefusal::new(SkipReason::Scope, self.bases.rule()));
        }
        if let Some(rule) = self.exclude.first_match(key) {
            return Err(LinkRefusal::new(SkipReason::Scope, rule));
        }
        if is_page && !self.include.is_empty() && self.include.first_match(key).is_none() {
            return Err(LinkRefusal::new(SkipReason::Scope, self.include.rule()));
        }
        if kind == Kind::Check {
            return Ok(ScopeVerdict::Save);
        }
        match self.names.judge(url.path(), is_page) {
            NameVerdict::Save => Ok(ScopeVerdict::Save),
            NameVerdict::LinksOnly => Ok(ScopeVerdict::LinksOnly),
            NameVerdict::Refuse(rule) => Err(LinkRefusal::new(SkipReason::Type, rule)),
        }
    }

    /// Whether the user excludes a URL, by its canonical form.
    pub fn excludes(&self, key: &str) -> bool {
        self.exclude.first_match(key).is_some()
    }

    fn spans(&self, url: &Url) -> bool {
        let host = &url[Position::BeforeHost..Position::AfterPort];
        self.span_hosts.iter().any(|pattern| pattern.covers_host(host))
    }
}

/// Regular expressions of one setting, with the text of the rule of each.
#[derive(Debug, Clone)]
struct RegexList {
    rules: Vec<String>,
    set: RegexSet,
    name: &'static str,
}

impl RegexList {
    fn new(name: &'static str, expressions: &[String]) -> Result<Self, String> {
        for (expression, number) in expressions.iter().zip(1..) {
            Regex::new(expression).map_err(|error| format!("{name} number {number}: {}", why(&error)))?;
        }
        let set = RegexSetBuilder::new(expressions).build().map_err(|error| format!("{name}: {}", why(&error)))?;
        Ok(Self { rules: rules(name, expressions), set, name })
    }

    fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule of the first expression that matches.
    fn first_match(&self, key: &str) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        let index = self.set.matches(key).iter().next()?;
        self.rules.get(index).map(String::as_str)
    }

    /// The rule of the whole list.
    fn rule(&self) -> Cow<'_, str> {
        match &self.rules[..] {
            [rule] => rule.into(),
            rules => format!("{} (none of {})", self.name, rules.len()).into(),
        }
    }
}

/// The rule of each pattern of a setting. One that may hold a secret is named by its number.
fn rules(name: &str, patterns: &[String]) -> Vec<String> {
    let rule = |(pattern, number): (&String, usize)| match shown_pattern(pattern) {
        Some(pattern) => format!("{name} {pattern}"),
        None => format!("{name} number {number} {HIDDEN}"),
    };
    patterns.iter().zip(1..).map(rule).collect()
}

/// The last line of an error: the others draw the expression.
fn why(error: &regex::Error) -> String {
    let told = error.to_string();
    let last = told.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
