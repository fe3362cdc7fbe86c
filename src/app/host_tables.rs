//! Tables of hosts that were not used for a URL of their host: reported at the end.

use url::Url;

use crate::config::HostTable;
use crate::model::{Event, HostPattern, is_secret};
use crate::policy::credentials::origin;
use crate::report::Reporter;

/// A reporter that passes every event on and looks at the URLs of the list.
struct TableWatch {
    reporters: Vec<Box<dyn Reporter>>,
    tables: Vec<TableUse>,
}

struct TableUse {
    pattern: HostPattern,
    /// The fields and the user of the table, by name. They go to the port that is written and to no other.
    fields: Vec<String>,
    /// Those that need TLS.
    secrets: Vec<String>,
    /// Whether it covered a URL of the list.
    is_used: bool,
    /// The first URL of its host that it did not cover.
    near: Option<Url>,
    /// The first URL that it covered, but did not send its secrets to.
    untrusted: Option<Url>,
}

impl TableUse {
    /// Returns `None` for a table with limits alone and without a port: it covers all ports.
    fn of(table: &HostTable) -> Option<Self> {
        let mut secrets: Vec<_> = table.user.iter().map(|_| "user".to_owned()).collect();
        secrets.extend(table.cookie.iter().map(|_| "cookie".to_owned()));
        let mut fields = secrets.clone();
        for (name, value) in table.own_fields() {
            let shown = format!("header {name}");
            fields.push(shown.clone());
            secrets.extend(value.filter(|_| is_secret(&name)).map(|_| shown));
        }
        let pattern = table.pattern.clone();
        (!fields.is_empty() || pattern.has_port()).then_some(Self {
            pattern,
            fields,
            secrets,
            is_used: false,
            near: None,
            untrusted: None,
        })
    }

    /// Looks at a URL of the list.
    fn see(&mut self, url: &Url) {
        let covers = match self.fields.is_empty() {
            true => self.pattern.covers_host(origin::host(url)),
            false => self.pattern.covers(url),
        };
        if covers {
            self.is_used = true;
            if self.untrusted.is_none() && !self.secrets.is_empty() && !self.pattern.trusts(url) {
                self.untrusted = Some(url.clone());
            }
        } else if self.near.is_none() && self.pattern.is_host_of(url) {
            self.near = Some(url.clone());
        }
    }

    fn warning(&self) -> Option<String> {
        let name = self.pattern.as_str().escape_debug();
        let near = self.near.as_ref().filter(|_| !self.is_used);
        if let (Some(url), true) = (near, self.fields.is_empty()) {
            let (host, port) = (origin::host(url), url.port_or_known_default()?);
            return Some(format!(
                "[hosts.\"{name}\"]: for no URL of the list, because of the port: it has {host}; write :{port} behind \
                 the name"
            ));
        }
        let (url, withheld) = match (&self.untrusted, near) {
            (Some(url), _) => (url, &self.secrets),
            (None, Some(url)) => (url, &self.fields),
            (None, None) => return None,
        };
        let (reasons, mended) = self.pattern.mended_for(url, !self.secrets.is_empty());
        let (reasons, mended) = (reasons.join(" and "), mended.escape_debug().to_string());
        Some(format!("{} of [hosts.\"{name}\"] not sent: {reasons}; write [hosts.\"{mended}\"]", withheld.join(", ")))
    }
}

/// Adds to these reporters a warning at the end for each table that was not used as it was meant.
pub(super) fn watched(reporters: Vec<Box<dyn Reporter>>, tables: &[HostTable]) -> Vec<Box<dyn Reporter>> {
    let tables: Vec<_> = tables.iter().filter_map(TableUse::of).collect();
    if tables.is_empty() { reporters } else { vec![Box::new(TableWatch { reporters, tables })] }
}

impl Reporter for TableWatch {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Done(outcome) => {
                if let Some(seed) = outcome.subject.seed() {
                    self.tables.iter_mut().for_each(|table| table.see(&seed.url));
                }
            }
            Event::RunFinished(_) => {
                for warning in self.tables.iter().filter_map(TableUse::warning) {
                    self.reporters.iter_mut().for_each(|reporter| reporter.event(&Event::Warning(&warning)));
                }
            }
            _ => {}
        }
        self.reporters.iter_mut().for_each(|reporter| reporter.event(event));
    }

    fn watches_jobs(&self) -> bool {
        self.reporters.iter().any(|reporter| reporter.watches_jobs())
    }

    fn watches_progress(&self) -> bool {
        self.reporters.iter().any(|reporter| reporter.watches_progress())
    }

    fn watches_hosts(&self) -> bool {
        self.reporters.iter().any(|reporter| reporter.watches_hosts())
    }
}
