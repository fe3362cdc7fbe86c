//! The canonical form of a URL, which is its key in the set of URLs seen.
//!
//! By default this is the WHATWG serialization without the fragment, and nothing else. `/a` and `/a/` are two
//! URLs, and so are `?a&b` and `?b&a`. Everything else has to be asked for by its name. The canonical form is
//! for comparison only: a request carries the URL as the page gave it.

mod parts;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use url::{Position, Url};

use crate::model::Normalization;
use crate::policy::text::glob::Globs;

/// The rules of the canonical form.
#[derive(Debug, Clone)]
pub struct CanonicalRules {
    strip_params: Globs,
    normalizations: Vec<Normalization>,
}

impl CanonicalRules {
    /// Strips the parameters whose names match a pattern of a shell, and applies these normalizations.
    ///
    /// # Errors
    /// Tells the number of the pattern that cannot be read.
    pub fn new<S: AsRef<str>>(strip_params: &[S], normalizations: &[Normalization]) -> Result<Self, String> {
        Ok(Self { strip_params: Globs::new(strip_params)?, normalizations: normalizations.to_vec() })
    }

    /// The canonical form of a URL, which has no credentials. Without normalizations it is a part of the URL.
    pub fn key<'u>(&self, url: &'u Url) -> Cow<'u, str> {
        let whole = &url[..Position::AfterQuery];
        if (self.normalizations.is_empty() && self.strip_params.is_empty()) || !url.has_host() {
            return Cow::Borrowed(whole);
        }
        let scheme = if self.has(Normalization::Scheme) && url.scheme() == "http" && url.port().is_none() {
            "https"
        } else {
            url.scheme()
        };
        let host = &url[Position::BeforeHost..Position::AfterHost];
        let host = if self.has(Normalization::Www) { parts::without_www(host) } else { host };
        let mut key = String::with_capacity(whole.len() + 1);
        key.push_str(scheme);
        key.push_str("://");
        key.push_str(&url[Position::BeforeUsername..Position::BeforeHost]);
        key.push_str(host);
        key.push_str(&url[Position::AfterHost..Position::BeforePath]);
        key.push_str(&self.path(url.path()));
        if let Some(query) = url.query().and_then(|query| self.query(query)) {
            key.push('?');
            key.push_str(&query);
        }
        Cow::Owned(key)
    }

    /// The canonical form of a serialized URL without credentials and fragment. `None` if it is no URL.
    pub fn key_of<'u>(&self, url: &'u str) -> Option<Cow<'u, str>> {
        if self.normalizations.is_empty() && self.strip_params.is_empty() {
            return Some(Cow::Borrowed(url));
        }
        let url = Url::parse(url).ok()?;
        Some(Cow::Owned(self.key(&url).into_owned()))
    }

    fn has(&self, normalization: Normalization) -> bool {
        self.normalizations.contains(&normalization)
    }

    fn path<'u>(&self, path: &'u str) -> Cow<'u, str> {
        let mut path = Cow::Borrowed(path);
        // First, so that a parameter is stripped under the name that it has in the canonical form.
        if self.has(Normalization::Case) && path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            path = path.to_ascii_lowercase().into();
        }
        if !self.strip_params.is_empty() && path.contains(';') {
            path = parts::without_path_params(&path, &self.strip_params).into();
        }
        if self.has(Normalization::DoubleSlash) && path.contains("//") {
            path = parts::with_single_slashes(&path).into();
        }
        let end = parts::end(&path, self.has(Normalization::TrailingSlash), self.has(Normalization::IndexFile));
        match path {
            Cow::Borrowed(path) => Cow::Borrowed(&path[..end]),
            Cow::Owned(mut path) => {
                path.truncate(end);
                Cow::Owned(path)
            }
        }
    }

    /// `None`: all parameters were stripped.
    fn query<'u>(&self, query: &'u str) -> Option<Cow<'u, str>> {
        let strips = |pair: &str| !pair.is_empty() && self.strip_params.is_match(&parts::name(pair));
        let is_stripped = !self.strip_params.is_empty() && query.split('&').any(strips);
        let is_sorted = !self.has(Normalization::SortQuery) || query.split('&').is_sorted_by_key(parts::raw_name);
        if !is_stripped && is_sorted {
            return Some(Cow::Borrowed(query));
        }
        let mut pairs: Vec<_> = query.split('&').filter(|pair| !is_stripped || !strips(pair)).collect();
        if pairs.is_empty() {
            return None;
        }
        if !is_sorted {
            // Parameters of one name keep their order, because it may mean something.
            pairs.sort_by_key(|pair| parts::raw_name(pair));
        }
        Some(pairs.join("&").into())
    }
}
