//! Selects the hosts of a setting.

use serde::{Deserialize, Serialize};
use url::{Host, Position, Url};

use super::refused_value;

/// A pattern of hosts: `example.com`, `example.com:8080` or `*.example.com`. Each may have `http://` or
/// `https://` before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    /// The text that was parsed.
    text: String,
    scheme: Option<Box<str>>,
    /// Without the `*`, and without a port.
    name: String,
    any_below: bool,
    /// The port of the text, even a default one.
    port: Option<u16>,
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Describes the mistake and the valid forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{} is no host; write example.com, http://example.com:8080 or *.example.com", refused_value(text))
        };
        let (scheme, host) = match text.split_once("://") {
            None => (None, text),
            Some((scheme @ ("http" | "https"), host)) => (Some(scheme.into()), host),
            Some(_) => return Err(wrong()),
        };
        let (any_below, name) = host.strip_prefix("*.").map_or((false, host), |name| (true, name));
        if let Some((host, _)) = name.split_once('/').filter(|(host, _)| !host.contains('@')) {
            let is_host = Self::parse(&text[..text.len() - name.len() + host.len()]).is_ok();
            let advice = "has a path; write the host alone, as in http://example.com:8080, without a slash";
            return Err(if is_host { format!("{} {advice}", refused_value(text)) } else { wrong() });
        }
        if name.is_empty() || name.contains(['*', '?', '#', '@', '\\']) || name.contains(char::is_whitespace) {
            return Err(wrong());
        }
        // Normalise as URLs do: lower case, IDNA and one spelling of addresses. URLs also drop the default
        // port, which depends on the scheme.
        let [http, https] = ["http", "https"].map(|scheme| Url::parse(&format!("{scheme}://{name}/")));
        let (http, https) = (http.map_err(|_| wrong())?, https.map_err(|_| wrong())?);
        let host = name_of(&https);
        if !is_plain_host(host) {
            return Err(wrong());
        }
        let name = if any_below { format!(".{host}") } else { host.to_owned() };
        Ok(Self { text: text.to_owned(), scheme, name, any_below, port: http.port().or(https.port()) })
    }

    /// The text that was parsed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern has a port.
    pub fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether the limits of this pattern apply to a host. `host` has the form in a URL, with any port other
    /// than the default. The scheme does not matter. A pattern without a port covers all ports.
    pub fn covers_host(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            // But not in the middle of an address.
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, None),
        };
        let is_usual = |meant| matches!(meant, 80 | 443);
        self.is_name(name) && self.port.is_none_or(|meant| port.map_or(is_usual(meant), |port: u16| port == meant))
    }

    /// Whether the pattern covers this URL, so that its server may receive fields and credentials. A pattern
    /// without a port covers only the default port. A credential for one server must not reach another one of
    /// the same name.
    pub fn covers(&self, url: &Url) -> bool {
        let at_port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        at_port && self.scheme.as_deref().is_none_or(|scheme| scheme == url.scheme()) && self.is_host_of(url)
    }

    /// Whether the URL has a host of this pattern, at any port and with any scheme.
    pub fn is_host_of(&self, url: &Url) -> bool {
        self.is_name(name_of(url))
    }

    /// Returns why this pattern does not cover a URL of its host, and the text of one that does. With `has_secrets` it
    /// also trusts the URL.
    pub fn mended_for(&self, url: &Url, has_secrets: bool) -> (Vec<String>, String) {
        let mut reasons = Vec::new();
        let is_other = self.scheme.as_deref().is_some_and(|scheme| scheme != url.scheme());
        let is_open = has_secrets && url.scheme() == "http";
        if is_other || is_open && self.scheme.is_none() {
            reasons.push(format!("the scheme is {}", url.scheme()));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if self.port.map_or(url.port().is_some(), |own| own != port) {
            reasons.push(format!("the port is {port}"));
        }
        let scheme =
            if is_open || !is_other && self.scheme.is_some() { format!("{}://", url.scheme()) } else { String::new() };
        let star = if self.any_below { "*" } else { "" };
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        (reasons, format!("{scheme}{star}{}{port}", self.name))
    }

    fn is_name(&self, name: &str) -> bool {
        if self.any_below { name.len() > self.name.len() && name.ends_with(&*self.name) } else { name == self.name }
    }

    /// Whether requests for this URL may carry secrets: over TLS, or if the pattern has a scheme.
    pub fn trusts(&self, url: &Url) -> bool {
        self.covers(url) && (self.scheme.is_some() || url.scheme() == "https")
    }

    /// The specificity of the pattern: of two that cover a host, the higher one counts.
    pub fn weight(&self) -> (bool, usize, bool, bool) {
        (!self.any_below, self.name.len(), self.port.is_some(), self.scheme.is_some())
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.text
    }
}

/// Whether a host is an address or a name of DNS. In a URL it may be a pair such as `a=b`, and in one of SOCKS it
/// may have an encoded `:` or `@`.
pub fn is_plain_host(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        parsed => parsed.is_ok(),
    }
}

fn name_of(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterHost]
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
            ("example.com:8443", "https://example.com/", false, false),
            ("example.com:443", "https://example.com/", true, true),
            ("example.com:443", "http://example.com/", false, false),
            ("example.com:80", "http://example.com/", true, false),
            ("example.com:80", "https://example.com/", false, false),
            ("http://example.com:443", "https://example.com/", false, false),
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
    fn a_mended_pattern_covers_the_url_and_says_why() {
        let [http, port] = ["the scheme is http", "the port is 8080"];
        for (pattern, url, secret, expected, reasons) in [
            ("a.test", "http://a.test/", true, "http://a.test", &[http][..]),
            ("A.test:8080", "http://a.test:8080/", true, "http://a.test:8080", &[http]),
            ("a.test", "http://a.test:8080/", true, "http://a.test:8080", &[http, port]),
            ("a.test", "http://a.test:8080/", false, "a.test:8080", &[port]),
            ("a.test", "https://a.test:8080/", true, "a.test:8080", &[port]),
            ("https://a.test", "http://a.test/", true, "http://a.test", &[http]),
            ("https://a.test", "http://a.test/", false, "a.test", &[http]),
            ("http://a.test:81", "http://a.test/", true, "http://a.test", &["the port is 80"]),
            ("http://a.test", "https://a.test:8080/", true, "a.test:8080", &["the scheme is https", port]),
            ("*.a.test", "http://b.a.test:8080/", true, "http://*.a.test:8080", &[http, port]),
            ("[::1]", "http://[::1]:8080/", true, "http://[::1]:8080", &[http, port]),
        ] {
            let (pattern, url) = (HostPattern::parse(pattern).unwrap(), Url::parse(url).unwrap());
            let (why, mended) = pattern.mended_for(&url, secret);
            assert_eq!(
                (mended.as_str(), &why[..]),
                (expected, &reasons.iter().map(ToString::to_string).collect::<Vec<_>>()[..])
            );
            let mended = HostPattern::parse(&mended).unwrap();
            assert!(pattern.is_host_of(&url) && mended.covers(&url) && (!secret || mended.trusts(&url)), "{mended:?}");
        }
    }

    #[test]
    fn limits_of_a_name_are_for_all_its_ports() {
        for (pattern, host, covers) in [
            ("example.com", "example.com", true),
            ("example.com", "example.com:8443", true),
            ("https://example.com", "example.com:8443", true),
            ("example.com:8443", "example.com:8443", true),
            ("example.com:8443", "example.com:844", false),
            ("example.com:8443", "example.com", false),
            ("example.com:80", "example.com", true),
            ("example.com:443", "example.com", true),
            ("example.com:443", "example.com:444", false),
            ("*.example.com", "a.example.com:1", true),
            ("*.example.com", "example.com:1", false),
            ("*.example.com:1", "a.example.com:1", true),
            ("[::1]", "[::1]", true),
            ("[::1]", "[::1]:81", true),
            ("[::1]:81", "[::1]", false),
            ("127.0.0.1", "127.0.0.1:8080", true),
        ] {
            let parsed = HostPattern::parse(pattern).unwrap();
            assert_eq!(parsed.covers_host(host), covers, "{pattern} {host}");
        }
    }

    #[test]
    fn invalid_hosts_are_refused() {
        for bad in ["", "*", "*.", "a.*.test", "ftp://a.test", "a.test/x", "u@a.test", "a test", "a.test:x", "a?b"] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_more_specific_pattern_wins() {
        let mut patterns: Vec<_> =
            ["*.b.test:8443", "*.b.test", "http://a.b.test", "*.a.b.test", "a.b.test", "a.b.test:1"]
                .map(|text| HostPattern::parse(text).unwrap())
                .into();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.weight()));
        let order: Vec<_> = patterns.iter().map(HostPattern::as_str).collect();
        assert_eq!(order, ["a.b.test:1", "http://a.b.test", "a.b.test", "*.a.b.test", "*.b.test:8443", "*.b.test"]);
    }
}
