//! Which hosts a setting is for.

use url::{Position, Url};

/// Which hosts are meant: `example.com`, `example.com:8080`, `*.example.com`, each perhaps with
/// `http://` or `https://` before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// As it was written.
    text: String,
    scheme: Option<&'static str>,
    /// Without the `*`.
    host: String,
    any_below: bool,
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{}` is no host; write example.com, example.com:8080 or *.example.com", text.escape_debug());
        let (scheme, host) = match text.split_once("://") {
            None => (None, text),
            Some(("http", host)) => (Some("http"), host),
            Some(("https", host)) => (Some("https"), host),
            Some(_) => return Err(wrong()),
        };
        let (any_below, name) = host.strip_prefix("*.").map_or((false, host), |name| (true, name));
        if name.is_empty() || name.contains(['*', '/', '?', '#', '@', '\\']) || name.contains(char::is_whitespace) {
            return Err(wrong());
        }
        // As URLs have it: lower case, IDNA, addresses in one spelling, no usual port.
        let parsed = Url::parse(&format!("{}://{name}/", scheme.unwrap_or("https"))).map_err(|_| wrong())?;
        let host = host_of(&parsed);
        let host = if any_below { format!(".{host}") } else { host.to_owned() };
        Ok(Self { text: text.to_owned(), scheme, host, any_below })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this host, as it stands in a URL, with a port that is not the usual one, is meant, whatever the scheme.
    pub fn covers_host(&self, host: &str) -> bool {
        if self.any_below { host.len() > self.host.len() && host.ends_with(&*self.host) } else { host == self.host }
    }

    /// Whether this URL is meant.
    pub fn covers(&self, url: &Url) -> bool {
        self.scheme.is_none_or(|scheme| scheme == url.scheme()) && self.covers_host(host_of(url))
    }

    /// Whether this URL may be told what is secret: over TLS, or where the scheme was written out.
    pub fn trusts(&self, url: &Url) -> bool {
        self.covers(url) && (self.scheme.is_some() || url.scheme() == "https")
    }

    /// How much it says: of two that cover a host the higher one counts.
    pub fn weight(&self) -> (bool, usize, bool) {
        (!self.any_below, self.host.len(), self.scheme.is_some())
    }
}

fn host_of(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_hosts() {
        for (pattern, url, covers, trusts) in [
            ("example.com", "https://example.com/x", true, true),
            ("EXAMPLE.com", "http://example.com/x", true, false),
            ("http://example.com", "http://example.com/x", true, true),
            ("http://example.com", "https://example.com/x", false, false),
            ("https://example.com", "http://example.com/x", false, false),
            ("example.com", "https://example.com:8443/", false, false),
            ("example.com:8443", "https://example.com:8443/", true, true),
            ("example.com", "https://www.example.com/", false, false),
            ("example.com", "https://badexample.com/", false, false),
            ("*.example.com", "https://www.example.com/", true, true),
            ("*.example.com", "https://a.b.example.com/", true, true),
            ("*.example.com", "https://example.com/", false, false),
            ("*.example.com", "https://badexample.com/", false, false),
            ("*.example.com", "https://example.com.evil.test/", false, false),
            ("*.example.com:81", "https://www.example.com/", false, false),
            ("http://*.example.com:81", "http://www.example.com:81/", true, true),
            ("[::1]:81", "https://[0::1]:81/", true, true),
            ("bücher.example", "https://xn--bcher-kva.example/", true, true),
        ] {
            let pattern = HostPattern::parse(pattern).unwrap();
            let url = Url::parse(url).unwrap();
            assert_eq!((pattern.covers(&url), pattern.trusts(&url)), (covers, trusts), "{pattern:?} {url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["", "*", "*.", "a.*.test", "ftp://a.test", "a.test/x", "u@a.test", "a test", "a.test:x", "a?b"] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_says_more_counts() {
        let mut patterns: Vec<_> = ["*.b.test", "http://a.b.test", "*.a.b.test", "a.b.test"]
            .map(|text| HostPattern::parse(text).unwrap())
            .into();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.weight()));
        let order: Vec<_> = patterns.iter().map(HostPattern::as_str).collect();
        assert_eq!(order, ["http://a.b.test", "a.b.test", "*.a.b.test", "*.b.test"]);
    }
}
