//! Tables of hosts that would apply to a URL of the list, but for its port: reported at the end.

use url::Url;

use crate::config::HostTable;
use crate::model::{Event, HostPattern};
use crate::policy::credentials::origin;
use crate::report::Reporter;

/// A reporter that passes every event on and looks at the URLs of the list.
struct PortWatch {
    reporters: Vec<Box<dyn Reporter>>,
    /// The tables that have covered no URL so far.
    tables: Vec<TableUse>,
}

struct TableUse {
    pattern: HostPattern,
    /// Whether it has fields or a user, which go to the port that is written and to no other.
    tells: bool,
    /// The first URL that it would have covered at another port: its host and its port.
    near: Option<(String, u16)>,
}

impl TableUse {
    fn covers(&self, url: &Url) -> bool {
        self.pattern.covers(url) || !self.tells && self.pattern.covers_host(origin::host(url))
    }

    fn warning(&self) -> Option<String> {
        let (host, port) = self.near.as_ref()?;
        let name = self.pattern.as_str().escape_debug();
        let what = if self.tells { "header and user of " } else { "" };
        Some(format!(
            "{what}[hosts.\"{name}\"]: for no URL of the list, because of the port: it has {host}; \
             write :{port} behind the name"
        ))
    }
}

/// Adds a warning at the end to these reporters, for tables that covered no URL because of its port.
pub(super) fn watched(reporters: Vec<Box<dyn Reporter>>, tables: &[HostTable]) -> Vec<Box<dyn Reporter>> {
    let table = |table: &HostTable| {
        let tells = !table.header.is_empty() || table.user.is_some();
        // Limits of a table without a port are for all ports.
        let picky = tells || table.pattern.has_port();
        picky.then(|| TableUse { pattern: table.pattern.clone(), tells, near: None })
    };
    let tables: Vec<_> = tables.iter().filter_map(table).collect();
    if tables.is_empty() { reporters } else { vec![Box::new(PortWatch { reporters, tables })] }
}

impl Reporter for PortWatch {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Done(outcome) if !self.tables.is_empty() => {
                if let Some(seed) = outcome.subject.seed() {
                    self.tables.retain(|table| !table.covers(&seed.url));
                    for table in self.tables.iter_mut().filter(|table| table.near.is_none()) {
                        let port = seed.url.port_or_known_default().filter(|_| table.pattern.names(&seed.url));
                        table.near = port.map(|port| (origin::host(&seed.url).to_owned(), port));
                    }
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
}
