//! Request fields and credentials for some hosts only, from `[hosts]` tables.

use http::header::HeaderMap;
use url::Url;

use super::state::HttpFetcher;
use crate::fetch::config::{FetchConfig, HostFields};
use crate::model::{Credentials, Job, is_secret};
use crate::policy::credentials::netrc::Netrc;

impl FetchConfig {
    fn host(&self, url: &Url) -> Option<&HostFields> {
        self.hosts.iter().find(|host| host.pattern.covers(url))
    }

    /// Returns the user for this URL's host alone, under the rule of [`FetchConfig::add_host_fields`].
    pub(crate) fn host_credentials(&self, url: &Url) -> Option<&Credentials> {
        let host = self.host(url).filter(|host| host.pattern.trusts(url))?;
        host.credentials.as_ref()
    }

    /// Whether the run has secrets, apart from those of lists.
    pub(crate) fn has_secrets(&self) -> bool {
        self.has_common_secrets() || self.netrc != Netrc::default() || self.hosts.iter().any(HostFields::has_secrets)
    }

    /// Whether the run has secrets that are for this URL, whether or not they may be sent to it.
    pub(crate) fn has_secrets_for(&self, url: &Url) -> bool {
        let in_table = |host: &HostFields| host.has_secrets() && host.pattern.is_host_of(url);
        let in_netrc = || url.host_str().is_some_and(|host| self.netrc.find(host, None, true).is_some());
        self.has_common_secrets() || self.hosts.iter().any(in_table) || in_netrc()
    }

    /// Whether the run has secrets for each URL of the list.
    fn has_common_secrets(&self) -> bool {
        self.user.is_some() || self.headers.iter().any(|(name, value)| value.is_some() && is_secret(name))
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

impl HostFields {
    fn has_secrets(&self) -> bool {
        self.credentials.is_some() || self.fields.iter().any(|(name, value)| value.is_some() && is_secret(name))
    }
}

impl HttpFetcher {
    /// Whether the run or the line of the list has secrets for this job.
    pub(crate) fn has_secrets_for(&self, job: &Job) -> bool {
        let in_line = job.seed.overrides.as_deref().is_some_and(|overrides| {
            overrides.credentials.is_some() || overrides.headers.iter().any(|(name, _)| is_secret(name))
        });
        in_line || self.config.has_secrets_for(job.url())
    }
}
