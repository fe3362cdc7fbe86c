//! What is told to some hosts only: request fields and credentials of `[hosts]` tables.

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::HttpSpec;
use crate::model::{Credentials, HostPattern, is_secret};
use crate::policy::origin;

/// What is told to the hosts of one table.
#[derive(Debug, Clone)]
pub struct HostFields {
    /// Whom.
    pub pattern: HostPattern,
    /// Request fields; `None` where one of ours is not sent.
    pub fields: Vec<(HeaderName, Option<HeaderValue>)>,
    /// Who asks (RFC 7617).
    pub credentials: Option<Credentials>,
}

impl HttpSpec {
    /// Adds what this URL's host alone is told. What is secret goes over TLS only, unless the table
    /// was written for http.
    pub(super) fn add_host_fields(&self, url: &Url, fields: &mut HeaderMap) {
        let Some(host) = self.hosts.iter().find(|host| host.pattern.covers(url)) else { return };
        let trusted = host.pattern.trusts(url);
        for (name, value) in &host.fields {
            match value {
                Some(_) if is_secret(name) && !trusted => {}
                Some(value) => drop(fields.insert(name, value.clone())),
                None => drop(fields.remove(name)),
            }
        }
        if let Some(value) = host.credentials.as_ref().filter(|_| trusted).and_then(origin::basic) {
            fields.insert(header::AUTHORIZATION, value);
        }
    }
}
