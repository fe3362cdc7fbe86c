//! Which proxy a request goes through.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::{Position, Url};

use crate::model::{HIDDEN, has_at_sign, is_plain_host};

/// The schemes of proxies.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The proxies of a run, by the scheme of the request.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxies {
    /// The proxy for `http`.
    pub http: Option<Url>,
    /// The proxy for `https`.
    pub https: Option<Url>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Their URLs may hold passwords.
        write!(f, "Proxies(http: {}, https: {})", self.http.is_some(), self.https.is_some())
    }
}

impl Proxies {
    /// Reads the setting: one proxy for both schemes, or `http=PROXY` and `https=PROXY` with a blank
    /// between them. A proxy without a scheme is spoken to over http, as in curl.
    ///
    /// # Errors
    /// A message with the correct form; never the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split_whitespace().collect();
        if let &[both] = words.as_slice()
            && named(both).is_none()
        {
            let both = proxy(both)?;
            return Ok(Self { http: Some(both.clone()), https: Some(both) });
        }
        let mut proxies = Self::default();
        for word in words {
            // A word without a name is the rest of a password with a blank in it.
            let (scheme, one) = named(word).ok_or_else(bad)?;
            let place = if scheme == "http" { &mut proxies.http } else { &mut proxies.https };
            if place.replace(proxy(one)?).is_some() {
                return Err(bad());
            }
        }
        Ok(proxies)
    }

    /// The setting as it may be shown: scheme, host and port of each proxy.
    pub fn shown(text: &str) -> String {
        let Ok(proxies) = Self::parse(text) else { return HIDDEN.to_owned() };
        match (&proxies.http, &proxies.https) {
            (None, None) => String::new(),
            (Some(http), Some(https)) if http == https => shown_proxy(http),
            (http, https) => {
                let named = [("http", http), ("https", https)];
                let named =
                    named.iter().filter_map(|(name, url)| Some(format!("{name}={}", shown_proxy(url.as_ref()?))));
                named.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// The proxy for a URL of this scheme.
    pub fn of(&self, scheme: &str) -> Option<&Url> {
        if scheme == "http" { self.http.as_ref() } else { self.https.as_ref() }
    }
}

/// The scheme that a proxy is for, and the proxy.
fn named(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| ["http", "https"].contains(name))
}

fn shown_proxy(proxy: &Url) -> String {
    format!("{}://{}", proxy.scheme(), &proxy[Position::BeforeHost..Position::AfterPort])
}

fn bad() -> String {
    format!("is no proxy; write [SCHEME://][USER:PASSWORD@]HOST:PORT, of {}", SCHEMES.join(", "))
}

fn proxy(text: &str) -> Result<Url, String> {
    // aria2's `-x 4`. The parser would take it for the address 0.0.0.4.
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{}; a file always has one connection, unlike with aria2's -x", bad()));
    }
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&with_scheme).map_err(|_| bad())?;
    if !SCHEMES.contains(&url.scheme()) || !url.host_str().is_some_and(is_plain_host) {
        return Err(bad());
    }
    // `http://user:12/34@host` has the form of a URL with a port and a path.
    let path = percent_decode_str(&url[Position::AfterPort..]).decode_utf8_lossy();
    // A scheme without its slashes was taken for a host: `http:/user:pw`.
    if has_at_sign(&path) || (!text.contains("://") && !matches!(&*path, "" | "/")) {
        return Err(bad());
    }
    // RFC 1928: what the scheme alone does not say.
    if url.scheme().starts_with("socks") && url.port().is_none() {
        url.set_port(Some(1080)).map_err(|()| bad())?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_proxy_is_for_all_and_named_ones_for_their_scheme() {
        let read = |text| {
            let Proxies { http, https } = Proxies::parse(text).unwrap();
            [http, https].map(|url| url.map(String::from))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("p.test:3128"), [some("http://p.test:3128/"), some("http://p.test:3128/")]);
        assert_eq!(read("socks5h://u:p@[::1]"), [some("socks5h://u:p@[::1]:1080"), some("socks5h://u:p@[::1]:1080")]);
        assert_eq!(read("https=https://p.test"), [None, some("https://p.test/")]);
        assert_eq!(read("http=a:1 https=b:2"), [some("http://a:1/"), some("http://b:2/")]);
        assert_eq!(read(""), [None, None]);
        assert!(Proxies::parse("4").unwrap_err().ends_with("unlike with aria2's -x"));
    }

    #[test]
    fn passwords_of_proxies_are_hidden_with_any_character() {
        let passwords =
            ["hunter2", "hunter2=", "a=hunter2", "\"hunter2", "<hunter2>", "hunter2@x", "%20hunter2", "http=hunter2"];
        for password in passwords {
            for scheme in ["", "http://", "https://", "socks5://", "socks5h://"] {
                let one = format!("{scheme}ann:{password}@p.test:3128");
                for text in [one.clone(), format!("http={one} https={one}"), format!("https={one} http=q.test")] {
                    let shown = Proxies::shown(&text);
                    assert!(!shown.contains("hunter2") && !shown.contains("ann"), "{text}: {shown}");
                    let https = |text| Proxies::parse(text).unwrap().https.unwrap().host_str().map(str::to_owned);
                    assert_eq!(https(&text), https(&shown), "{text}");
                }
            }
        }
        for (text, shown) in [
            ("http=p.test:1 https=socks5://q.test", "http=http://p.test:1 https=socks5://q.test:1080"),
            ("https=p.test", "https=http://p.test"),
            ("http://p.test/hunter2?hunter2#hunter2", "http://p.test"),
            ("socks5h://[::1]", "socks5h://[::1]:1080"),
            ("http=p.test https=p.test", "http://p.test"),
            ("", ""),
        ] {
            assert_eq!(Proxies::shown(text), shown, "{text}");
        }
    }

    #[test]
    fn an_invalid_proxy_is_refused_without_repeating_it() {
        let blank = [" ", "\t", "\n"].map(|blank| {
            let starts = ["http:/", "http//", "http:\\\\", "http://", "", "http=", "https=http://"];
            starts.map(|start| format!("{start}u:hunter2{blank}hunter2@p:1"))
        });
        for text in
            blank.as_flattened().iter().map(String::as_str).chain(["http:/u:hunter2", "http=p:1 http=hunter2@q:1"])
        {
            assert!(!Proxies::parse(text).unwrap_err().contains("hunter2"), "{text}");
            assert_eq!(Proxies::shown(text), "(hidden)", "{text}");
        }
        for text in [
            "a=hunter2",
            "socks5://a=hunter2",
            "ftp://u:hunter2@p.test",
            "http://u:hunter2@",
            "socks6://hunter2",
            "http://hunter2:x:y",
            "http://u:hunter2%40p.test:1",
            "http://u%3Ahunter2%40p.test",
            "http://u:hunter2\u{ff20}p.test",
            "socks5://u:hunter2%40p.test:1",
            "socks5://u%3Ahunter2%40p.test:1",
            "socks5h://hunter2\u{ff20}p.test:1",
            "http://u:1/hunter2@p.test",
            "http://u:1/hunter2%40p.test",
            "http://u:1/hunter2\u{ff20}p.test",
        ] {
            assert!(!Proxies::parse(text).unwrap_err().contains("hunter2"), "{text}");
        }
        let shown = format!("{:?}", Proxies::parse("http://u:hunter2@p.test").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
