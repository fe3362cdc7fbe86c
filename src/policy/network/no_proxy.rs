//! Hosts that bypass the proxy: `no_proxy`, with the rules of curl and Go.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use url::Host;

use super::address::Network;
use crate::model::{has_at_sign, plain_word};

/// The hosts that bypass the proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct NoProxy {
    text: String,
    rules: Vec<Rule>,
    unusable: Vec<Unusable>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    hosts: NoProxyRule,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum NoProxyRule {
    All,
    /// This name, in lower case and without a dot at its end, and all names below it.
    Domain(String),
    Address(IpAddr),
    Network(Network),
}

/// An entry that matches no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry} of no_proxy cannot match: {why}")]
pub struct Unusable {
    entry: String,
    why: &'static str,
}

impl NoProxy {
    /// Reads entries with commas or blanks between them: `HOST`, `.HOST`, `*.HOST`, `HOST:PORT`, an address, a
    /// block of addresses such as `10.0.0.0/8`, or `*` for every host.
    pub fn parse(text: &str) -> Self {
        let mut read = Self { text: text.to_owned(), ..Self::default() };
        // A URL with a password may have a comma in it, so each entry may be a part of the password. Words may be one.
        let has_words = text.split(',').any(|entry| entry.trim().contains(char::is_whitespace));
        let may_hold_password = has_at_sign(text) || text.contains("://") || has_words;
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        for (entry, number) in entries.zip(1..) {
            match rule(entry) {
                Ok(rule) => read.rules.push(rule),
                Err(why) => {
                    let shown = plain_word(entry).filter(|_| !may_hold_password);
                    let entry = shown.map_or_else(|| format!("entry {number}"), |entry| format!("the entry `{entry}`"));
                    read.unusable.push(Unusable { entry, why });
                }
            }
        }
        read
    }

    /// The entries that match no host.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }

    /// Whether a host bypasses the proxy. An IPv6 address may have its brackets.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = without_brackets(host).parse().ok().map(|address: IpAddr| address.to_canonical());
        self.rules.iter().any(|rule| {
            rule.port.is_none_or(|wanted| wanted == port)
                && match (&rule.hosts, address) {
                    (NoProxyRule::All, _) => true,
                    (NoProxyRule::Domain(domain), None) => is_within(host, domain),
                    (NoProxyRule::Address(wanted), Some(address)) => *wanted == address,
                    (NoProxyRule::Network(network), Some(address)) => network.contains(address),
                    (NoProxyRule::Domain(_), Some(_)) | (NoProxyRule::Address(_) | NoProxyRule::Network(_), None) => {
                        false
                    }
                }
        })
    }
}

impl From<String> for NoProxy {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<NoProxy> for String {
    fn from(hosts: NoProxy) -> Self {
        hosts.text
    }
}

/// Whether a host is the domain or below it.
fn is_within(host: &str, domain: &str) -> bool {
    let Some(at) = host.len().checked_sub(domain.len()) else { return false };
    let ends = host.as_bytes()[at..].eq_ignore_ascii_case(domain.as_bytes());
    ends && (at == 0 || host.as_bytes()[at - 1] == b'.')
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn rule(entry: &str) -> Result<Rule, &'static str> {
    if entry.contains("://") {
        return Err("it is a URL; write its host alone");
    }
    if entry.contains('/') {
        let network = match entry.split_once(']') {
            Some((address, bits)) => format!("{}{bits}", address.trim_start_matches('[')).parse(),
            None => entry.parse(),
        };
        let network = network.map_err(|_| "it is no block of addresses; write 10.0.0.0/8 or fc00::/7")?;
        return Ok(Rule { hosts: NoProxyRule::Network(network), port: None });
    }
    // Without brackets an IPv6 address has colons, but no port.
    if let Ok(address) = without_brackets(entry).parse::<IpAddr>() {
        return Ok(Rule { hosts: NoProxyRule::Address(address.to_canonical()), port: None });
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| "what follows the colon is no port")?)),
        None => (entry, None),
    };
    Ok(Rule { hosts: hosts(host)?, port })
}

fn hosts(text: &str) -> Result<NoProxyRule, &'static str> {
    if text == "*" {
        return Ok(NoProxyRule::All);
    }
    let name = text.strip_prefix('*').filter(|name| name.starts_with('.')).unwrap_or(text);
    let name = name.strip_prefix('.').unwrap_or(name);
    if name.contains('*') {
        return Err("`*` stands alone or before a name, as in *.example.com; write a block such as 127.0.0.0/8");
    }
    match Host::parse(name) {
        Ok(Host::Domain(domain)) => match domain.strip_suffix('.').unwrap_or(&domain) {
            "" => Err("it has no name"),
            domain => Ok(NoProxyRule::Domain(domain.to_owned())),
        },
        // Part of an address, such as `192.168.`, parses as another address, which the user cannot mean.
        Ok(Host::Ipv4(_)) if name.parse::<Ipv4Addr>().is_err() => {
            Err("it is part of an address; write a block such as 192.168.0.0/16")
        }
        Ok(Host::Ipv4(address)) => Ok(NoProxyRule::Address(address.into())),
        Ok(Host::Ipv6(address)) => Ok(NoProxyRule::Address(IpAddr::V6(address).to_canonical())),
        Err(_) => Err("it is no host, no address and no block of addresses"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_of_an_unusable_entry_is_not_shown() {
        for text in [
            "http://ann:hunter2@h.test",
            "ann:a,hunter2*,b@h.test",
            "http://ann:1/hunter2@h.test x*",
            "http://ann:hunter2",
            "http://ann:a,hunter2*",
            "ann:hunter2",
            "hunter2* ann",
        ] {
            let read = NoProxy::parse(text);
            let told: String = read.unusable().iter().map(ToString::to_string).collect();
            assert!(told.contains("entry 1 of no_proxy cannot match: ") && !told.contains("hunter2"), "{text}: {told}");
        }
    }

    #[test]
    fn entries_match_as_curl_and_go_match_them() {
        for (entries, covered, others) in [
            ("a.test", &["a.test:80", "x.a.test:80", "A.TEST:443", "a.test.:80"][..], &["ba.test:80", "test:80"][..]),
            (".a.test", &["a.test:80", "x.a.test:80"], &["ba.test:80"]),
            ("*.a.test", &["a.test:80", "x.y.a.test:80"], &["ba.test:80"]),
            ("a.test.", &["a.test:80", "x.a.test.:80"], &["b.test:80"]),
            ("A.Test", &["a.test:80"], &["b.test:80"]),
            ("a.test:8080", &["a.test:8080", "x.a.test:8080"], &["a.test:80"]),
            ("*.a.test:8080", &["x.a.test:8080"], &["x.a.test:80"]),
            ("x b.test", &["x:1", "b.test:1"], &["xb.test:1"]),
            (" x , b.test\t,c", &["x:1", "b.test:1", "c:1"], &["d:1"]),
            ("*", &["a.test:1", "127.0.0.1:1", "[::1]:1"], &[]),
            ("b.test,*", &["a.test:1"], &[]),
            ("bücher.test", &["xn--bcher-kva.test:1"], &["a.test:1"]),
            ("127.0.0.1", &["127.0.0.1:1", "[::ffff:127.0.0.1]:1"], &["127.0.0.2:1", "x.127.0.0.1.test:1"]),
            ("127.0.0.1:80", &["127.0.0.1:80"], &["127.0.0.1:81"]),
            ("127.0.0.0/8", &["127.0.0.1:1", "127.9.9.9:1"], &["128.0.0.1:1", "[::1]:1", "a.test:1"]),
            ("::1", &["[::1]:1", "::1:1"], &["[::2]:1"]),
            ("[::1]", &["[::1]:1"], &["[::2]:1"]),
            ("[::1]:80", &["[::1]:80"], &["[::1]:81"]),
            ("FC00::/7", &["[fd00::1]:1"], &["[fe80::1]:1"]),
            ("[fc00::]/7", &["[fd00::1]:1"], &["[fe80::1]:1"]),
            ("", &[], &["a.test:1"]),
            (" , ", &[], &["a.test:1"]),
        ] {
            let read = NoProxy::parse(entries);
            assert_eq!(read.unusable(), [], "{entries}");
            assert_eq!(NoProxy::parse(&String::from(read.clone())), read);
            let covers = |at: &str| {
                let (host, port) = at.rsplit_once(':').unwrap();
                read.covers(host, port.parse().unwrap())
            };
            covered.iter().for_each(|at| assert!(covers(at), "{entries} covers {at}"));
            others.iter().for_each(|at| assert!(!covers(at), "{entries} does not cover {at}"));
        }
    }

    #[test]
    fn entries_that_cannot_match_are_errors_with_advice() {
        for (entry, why) in [
            ("http://localhost", "write its host alone"),
            ("127.*", "write a block such as 127.0.0.0/8"),
            ("local*", "`*` stands alone or before a name"),
            ("*.*.test", "`*` stands alone or before a name"),
            ("192.168.", "write a block such as 192.168.0.0/16"),
            ("10.0", "it is part of an address"),
            ("10.0.0.0/33", "it is no block of addresses"),
            ("10.0.0.0/255.0.0.0", "it is no block of addresses"),
            ("a.test/x", "it is no block of addresses"),
            ("a.test:http", "what follows the colon is no port"),
            ("a.test:99999", "what follows the colon is no port"),
            (".", "it is no host"),
            ("<local>", "it is no host"),
            ("http:/b", "it is no block of addresses"),
        ] {
            let read = NoProxy::parse(&format!("x,{entry}, y"));
            let told: Vec<_> = read.unusable().iter().map(Unusable::to_string).collect();
            let [told] = &told[..] else { panic!("{entry}: {told:?}") };
            let shown = plain_word(entry).filter(|_| !entry.contains("://"));
            let shown = shown.map_or_else(|| "entry 2".to_owned(), |entry| format!("the entry `{entry}`"));
            assert!(told.starts_with(&format!("{shown} of no_proxy cannot match: ")), "{told}");
            assert!(told.contains(why), "{told}");
            assert!(read.covers("x", 1) && read.covers("y", 1) && !read.covers("localhost", 1), "{entry}");
        }
    }
}
