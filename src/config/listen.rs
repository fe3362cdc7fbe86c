//! The address of `--metrics`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::model::refused_value;

/// Reads an address to listen on. A bare port is one of this machine; any other address must be written in full.
///
/// # Errors
/// A message with the correct form.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let wrong = || {
        format!(
            "{} is no address; write a port (9100), or ADDRESS:PORT (127.0.0.1:9100, [::1]:9100)",
            refused_value(text)
        )
    };
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let port: u16 = port.parse().map_err(|_| wrong())?;
    match host {
        "" | "localhost" => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        _ => text.parse().map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_one_of_this_machine() {
        for (text, address) in [
            ("9100", "127.0.0.1:9100"),
            (":9100", "127.0.0.1:9100"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:1", "[::1]:1"),
            ("0.0.0.0:80", "0.0.0.0:80"),
        ] {
            assert_eq!(parse_listen(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["", ":", "x", "9100x", "65536", "a.test:80", "::1", "1.2.3.4", "+1", "*:80"] {
            assert!(parse_listen(text).is_err_and(|why| why.contains("is no address")), "{text}");
        }
    }
}
