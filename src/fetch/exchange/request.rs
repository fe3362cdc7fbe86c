//! The fields of a request, and which origin may get the secret ones.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::conditional::condition_field;
use super::cookies;
use super::state::{Exchange, IDENTITY};
use crate::fetch::body::decode;
use crate::fetch::connect::host_field::its_own;
use crate::model::is_secret;
use crate::policy::credentials::origin;

impl Exchange<'_> {
    pub(crate) fn fields_for(&mut self, url: &Url) -> HeaderMap {
        let mut fields = self.fetcher.fields.clone();
        self.fetcher.config.add_host_fields(url, &mut fields);
        let overrides = self.overrides();
        if let Some(overrides) = overrides {
            set_fields(&mut fields, &overrides.headers);
        }
        let at_home = self.job.redirect.is_none() || origin::same(url, &self.job.seed.url);
        if !at_home {
            // RFC 9110, section 15.4: fields for one origin do not follow a redirect to another. A Host that the user
            // wrote names that origin.
            let secrets: Vec<_> = fields.keys().filter(|name| is_secret(name)).cloned().collect();
            secrets.into_iter().for_each(|name| drop(fields.remove(name)));
            fields.insert(header::HOST, its_own());
            // These fields are for the current origin.
            self.fetcher.config.add_host_fields(url, &mut fields);
        }
        self.authorize(url, at_home, &mut fields);
        cookies::send(self.fetcher.services.cookies.as_deref(), self.chain.as_deref(), url, &mut fields);
        let theirs = || overrides.is_some_and(|w| w.headers.iter().any(|(name, _)| name == header::ACCEPT_ENCODING));
        // The name in a Content-Disposition is not known yet.
        let is_compressed = || {
            let says_it = |name: Cow<'_, str>| decode::asks_identity(&name);
            decode::asks_identity(url.path()) || self.names(url, None).into_iter().flatten().any(says_it)
        };
        if self.fetcher.asks_codings && is_compressed() && !theirs() {
            fields.insert(header::ACCEPT_ENCODING, IDENTITY);
        }
        if let Some(rest) = self.rest.as_ref().and_then(|rest| rest.fields(url, &fields)) {
            fields.extend(rest);
        } else if let Some((name, value)) = self.condition(url).and_then(condition_field) {
            fields.insert(name, value);
        } else if let Some(local) = &self.local {
            fields.insert(header::IF_MODIFIED_SINCE, local.since.clone());
        }
        fields
    }
}

/// Field names given twice in a row are both sent; a later list of fields replaces earlier names.
pub(crate) fn set_fields(fields: &mut HeaderMap, more: &[(HeaderName, HeaderValue)]) {
    for (i, (name, value)) in more.iter().enumerate() {
        if more[..i].iter().any(|(earlier, _)| earlier == name) {
            fields.append(name, value.clone());
        } else {
            fields.insert(name, value.clone());
        }
    }
}
