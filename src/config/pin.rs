//! Names whose addresses are given: `HOST:PORT:ADDR[,ADDR…]`, as in curl.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Host;

use super::Config;

/// A name that is not looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The name as it stands in URLs; `None` is every name.
    pub host: Option<Box<str>>,
    /// The port for which it holds.
    pub port: u16,
    /// The addresses of the host, the first choice first.
    pub addresses: Vec<IpAddr>,
}

const ADDRESS: &str = "has an address in place of the name; an address needs no other one";

/// Reads one `resolve` text.
///
/// # Errors
/// A message with the fault and the correct form; never the text, which may be a URL with a password.
pub fn parse_pin(text: &str) -> Result<Pin, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("is not HOST:PORT:ADDR[,ADDR]; write www.example.com:443:192.0.2.1".to_owned());
    };
    let host = match host {
        "*" => None,
        _ => match Host::parse(host) {
            Ok(Host::Domain(name)) => Some(name.into_boxed_str()),
            // `[::1]` is cut at its colons.
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(ADDRESS.to_owned()),
            Err(_) if host.starts_with('[') => return Err(ADDRESS.to_owned()),
            Err(_) => {
                return Err("has no host name before the first colon; write www.example.com:443:192.0.2.1".to_owned());
            }
        },
    };
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0);
    let port = port.ok_or("has no port; write a number of 1 to 65535 behind the name")?;
    let addresses = addresses.split(',').map(|text| {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let address = bare.map_or_else(|| text.parse().ok(), |text| text.parse().ok().map(IpAddr::V6));
        address.ok_or("has something that is no address behind the port; write 192.0.2.1 or [::1]")
    });
    Ok(Pin { host, port, addresses: addresses.collect::<Result<_, _>>()? })
}

/// The names of a configuration whose addresses are given.
///
/// A text that [`parse_pin`] refuses is left out; a resolved configuration holds none.
pub fn pins(config: &Config) -> Vec<Pin> {
    config.resolve.iter().filter_map(|text| parse_pin(text).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_as_curl_reads_them() {
        let read = |text| parse_pin(text).map(|pin| (pin.host, pin.port, pin.addresses));
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let name = |text: &str| Some(text.into());
        assert_eq!(read("a.test:80:127.0.0.2"), Ok((name("a.test"), 80, vec![address("127.0.0.2")])));
        assert_eq!(read("A.Test:443:[::1],::2"), Ok((name("a.test"), 443, vec![address("::1"), address("::2")])));
        assert_eq!(read("bücher.test:1:10.0.0.1,[::1]").unwrap().0, name("xn--bcher-kva.test"));
        assert_eq!(read("*:65535:127.0.0.1"), Ok((None, 65535, vec![address("127.0.0.1")])));
    }

    #[test]
    fn invalid_mappings_are_errors() {
        for (text, part) in [
            ("", "write www.example.com:443:192.0.2.1"),
            ("a.test:80", "write www.example.com:443:192.0.2.1"),
            ("a.test:80:", "is no address"),
            ("a.test:80:127.0.0.1,", "is no address"),
            ("a.test:80:b.test", "is no address"),
            ("a.test:80:[127.0.0.1]", "is no address"),
            ("a.test:80:fe80::1%eth0", "is no address"),
            ("a.test::127.0.0.1", "has no port"),
            ("a.test:0:127.0.0.1", "has no port"),
            ("a.test:65536:127.0.0.1", "has no port"),
            ("a.test:+80:127.0.0.1", "has no port"),
            (":80:127.0.0.1", "has no host name"),
            ("a b:80:127.0.0.1", "has no host name"),
            ("-a.test/x:80:127.0.0.1", "has no host name"),
            ("127.0.0.1:80:127.0.0.2", "an address needs no other one"),
            ("0x7f.1:80:127.0.0.2", "an address needs no other one"),
            ("[::1]:80:127.0.0.2", "an address needs no other one"),
        ] {
            let problem = parse_pin(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
