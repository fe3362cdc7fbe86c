//! The route of a request: to its server, or through a proxy.

use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::Proxies;
use crate::model::Credentials;
use crate::policy::credentials::origin;
use crate::policy::network::no_proxy::NoProxy;

/// The proxies of a run, and the hosts that requests reach without them.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
    except: NoProxy,
}

impl Routes {
    pub(crate) fn new(proxies: &Proxies, except: &NoProxy) -> Self {
        let one = |url: &Option<Url>| url.as_ref().map(Proxy::new).map(Arc::new);
        Self { http: one(&proxies.http), https: one(&proxies.https), except: except.clone() }
    }

    /// The proxy for what a URL names, if it goes through one.
    pub(crate) fn of_url(&self, url: &Url) -> Option<&Arc<Proxy>> {
        let port = url.port_or_known_default().unwrap_or_default();
        self.of(url.scheme() == "https", url.host_str()?, port)
    }

    /// The proxy for a target, if it goes through one.
    pub(crate) fn of_target(&self, target: &Target) -> Option<&Arc<Proxy>> {
        self.of(target.is_tls, &target.host, target.port)
    }

    fn of(&self, is_tls: bool, host: &str, port: u16) -> Option<&Arc<Proxy>> {
        let proxy = if is_tls { self.https.as_ref() } else { self.http.as_ref() };
        proxy.filter(|_| !self.except.covers(host, port))
    }
}

/// The server that a connection is for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// An IPv6 address has no brackets.
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
}

impl Target {
    /// The server of a URI.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Some(Self::new(uri.host()?, port, is_tls))
    }

    /// The server of a URL.
    pub(crate) fn of_url(url: &Url) -> Option<Self> {
        Some(Self::new(url.host_str()?, url.port_or_known_default()?, url.scheme() == "https"))
    }

    fn new(host: &str, port: u16, is_tls: bool) -> Self {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Self { host: host.into(), port, is_tls }
    }

    /// `HOST:PORT`.
    pub(crate) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
    /// Names are looked up here.
    Socks4,
    /// The proxy looks names up.
    Socks4a,
    /// Names are looked up here.
    Socks5,
    /// The proxy looks names up.
    Socks5h,
}

/// A proxy. Its debug output contains no password.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) protocol: Protocol,
    /// Its host and port.
    pub(crate) target: Target,
    /// `HOST:PORT`, for people.
    pub(crate) name: Box<str>,
    pub(crate) user: Option<Credentials>,
    /// The same as a field value.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Proxy {
    fn new(url: &Url) -> Self {
        let protocol = match url.scheme() {
            "https" => Protocol::Https,
            "socks4" => Protocol::Socks4,
            "socks4a" => Protocol::Socks4a,
            "socks5" => Protocol::Socks5,
            "socks5h" => Protocol::Socks5h,
            // The settings permit no other schemes.
            _ => Protocol::Http,
        };
        let host = url.host_str().unwrap_or_default();
        // The usual one of SOCKS (RFC 1928, section 3); the standard for URLs has none.
        let port = url.port_or_known_default().unwrap_or(1080);
        let target = Target::new(host, port, protocol == Protocol::Https);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let has_user = !url.username().is_empty() || url.password().is_some();
        let user = has_user.then(|| Credentials {
            username: decoded(url.username()),
            password: decoded(url.password().unwrap_or_default()),
        });
        let authorization = user.as_ref().and_then(origin::basic);
        Self { protocol, name: target.authority().into(), target, user, authorization }
    }

    /// Whether the proxy takes plain `http` requests itself (RFC 9112, section 3.2.2) and CONNECT for the rest.
    pub(crate) fn is_http(&self) -> bool {
        matches!(self.protocol, Protocol::Http | Protocol::Https)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(proxies: &str, except: &str) -> Routes {
        Routes::new(&Proxies::parse(proxies).unwrap(), &NoProxy::parse(except))
    }

    #[test]
    fn the_same_exceptions_hold_for_urls_and_for_connections() {
        let routes = routes("http=p.test:1 https=socks5h://[::1]", "a.test:443, 127.0.0.0/8, [::1]:8080");
        for (url, name) in [
            ("http://a.test/", Some("p.test:1")),
            ("https://a.test/", None),
            ("https://x.a.test:443/", None),
            ("https://b.test/", Some("[::1]:1080")),
            ("http://127.1.2.3/", None),
            ("http://[::1]/", Some("p.test:1")),
            ("http://[::1]:8080/", None),
        ] {
            let by_url = routes.of_url(&Url::parse(url).unwrap()).map(|proxy| &*proxy.name);
            let target = Target::of(&url.parse().unwrap()).unwrap();
            assert_eq!(by_url, name, "{url}");
            assert_eq!(routes.of_target(&target).map(|proxy| &*proxy.name), name, "{url}");
        }
    }

    #[test]
    fn the_name_of_a_proxy_has_no_password() {
        let routes = routes("https://ann:s3cr%21et@p.test", "");
        let proxy = routes.of_url(&Url::parse("http://a.test/").unwrap()).unwrap();
        assert_eq!(&*proxy.name, "p.test:443");
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic YW5uOnMzY3IhZXQ=");
        assert!(!format!("{proxy:?}").contains("s3cr"), "{proxy:?}");
    }
}
