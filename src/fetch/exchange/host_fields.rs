//! Request fields and credentials for some hosts only, from `[hosts]` tables.

use http::header::HeaderMap;
use url::Url;

use crate::fetch::config::{FetchConfig, HostFields};
use crate::model::{Credentials, is_secret};

impl FetchConfig {
    fn host(&self, url: &Url) -> Option<&HostFields> {
        self.hosts.iter().find(|host| host.pattern.covers(url))
    }

    /// Returns the user for this URL's host alone, under the rule of [`FetchConfig::add_host_fields`].
    pub(crate) fn host_credentials(&self, url: &Url) -> Option<&Credentials> {
        let host = self.host(url).filter(|host| host.pattern.trusts(url))?;
        host.credentials.as_ref()
    }

    /// Adds the fields for this URL's host alone. Secret fields need TLS, unless the pattern of the table
    /// names http.
    pub(crate) fn add_host_fields(&self, url: &Url, fields: &mut HeaderMap) {
        let Some(host) = self.host(url) else { return };
        let trusted = host.pattern.trusts(url);
        for (name, value) in &host.fields {
            match value {
                Some(_) if is_secret(name) && !trusted => {}
                Some(value) => drop(fields.insert(name, value.clone())),
                None => drop(fields.remove(name)),
            }
        }
    }
}
