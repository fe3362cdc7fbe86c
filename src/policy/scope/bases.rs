//! The parts of the web around the start pages.

use std::borrow::Cow;
use std::collections::HashMap;

use url::{Position, Url};

use crate::model::ScopeKind;

/// The parts of the web that are in scope.
#[derive(Debug, Clone)]
pub(super) struct Bases {
    kind: ScopeKind,
    /// By host, registrable domain or canonical URL, so that thousands of start pages cost one look-up.
    by_place: HashMap<Box<str>, Vec<Base>>,
    rule: String,
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    scheme: Box<str>,
    port: Option<u16>,
    /// The path up to its last slash.
    folder: Box<str>,
}

impl Bases {
    pub(super) fn new(kind: ScopeKind) -> Self {
        Self { kind, by_place: HashMap::new(), rule: format!("scope {}", kind.as_str()), count: 0 }
    }

    /// Adds what is around this URL.
    pub(super) fn add(&mut self, start: &Url, key: &str) {
        if self.contains(start, key) {
            return;
        }
        let base = Base { scheme: start.scheme().into(), port: start.port(), folder: folder(start.path()).into() };
        let place = self.place(start, key).into();
        self.by_place.entry(place).or_default().push(base);
        self.count += 1;
        let kind = self.kind.as_str();
        self.rule = match self.count {
            1 => format!("scope {kind} {}", self.shown(start, key)),
            count => format!("scope {kind} of {count} places"),
        };
    }

    pub(super) fn contains(&self, url: &Url, key: &str) -> bool {
        if self.kind == ScopeKind::Any {
            return true;
        }
        let Some(bases) = self.by_place.get(self.place(url, key)) else { return false };
        match self.kind {
            ScopeKind::Page | ScopeKind::Domain | ScopeKind::Any => true,
            // Both default ports are `None`.
            ScopeKind::Host => bases.iter().any(|base| base.port == url.port()),
            ScopeKind::Prefix => bases.iter().any(|base| {
                *base.scheme == *url.scheme() && base.port == url.port() && url.path().starts_with(&*base.folder)
            }),
        }
    }

    /// The rule that refuses what is not in scope.
    pub(super) fn rule(&self) -> &str {
        &self.rule
    }

    fn place<'u>(&self, url: &'u Url, key: &'u str) -> &'u str {
        match self.kind {
            ScopeKind::Page => key,
            ScopeKind::Domain => site(url),
            ScopeKind::Prefix | ScopeKind::Host | ScopeKind::Any => url.host_str().unwrap_or_default(),
        }
    }

    fn shown<'u>(&self, url: &'u Url, key: &'u str) -> Cow<'u, str> {
        match self.kind {
            ScopeKind::Prefix => format!("{}{}", &url[..Position::BeforePath], folder(url.path())).into(),
            ScopeKind::Host => url[Position::BeforeHost..Position::AfterPort].into(),
            _ => self.place(url, key).into(),
        }
    }
}

/// Whether two URLs have the same registrable domain.
pub(super) fn is_same_site(one: &Url, other: &Url) -> bool {
    site(one) == site(other)
}

/// The registrable domain of a URL; of an address and of a public suffix the host itself.
fn site(url: &Url) -> &str {
    match url.host() {
        Some(url::Host::Domain(host)) => psl::domain_str(host).unwrap_or(host),
        _ => url.host_str().unwrap_or_default(),
    }
}

/// The folder of a path, with the slash at its end.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[..=slash])
}
