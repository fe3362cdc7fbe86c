//! Tunnels through proxies: CONNECT (RFC 9110, section 9.3.6) and SOCKS (RFC 1928), and their errors.

use std::io;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_socks::tcp::{Socks4Stream, Socks5Stream};

use super::error::{ClientError, is_end};
use super::head_filter::MAX_INTERIM;
use super::head_limits::{LARGEST_HEAD, MAX_FIELDS, MAX_HEAD};
use super::route::{Protocol, Proxy, Target};
use crate::model::ErrorKind;
use crate::policy::retry::retry_after::asked;
use crate::policy::text::printable::printable;

/// The beginning of every status line of HTTP/1.
const VERSION: &[u8] = b"HTTP/1.";

/// The most bytes of a non-HTTP response that an error shows.
const SHOWN: usize = 40;

/// A proxy failed, so the origin server got no request.
#[derive(Debug, thiserror::Error)]
#[error("proxy {proxy} {fault}")]
pub(crate) struct ProxyError {
    /// Its host and port.
    pub(crate) proxy: Box<str>,
    #[source]
    pub(crate) fault: ProxyFault,
}

impl ProxyError {
    pub(crate) fn new(proxy: &Proxy, fault: ProxyFault) -> Self {
        Self { proxy: proxy.name.clone(), fault }
    }
}

/// The fault of a proxy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyFault {
    /// No connection to it, or one that broke.
    #[error("failed")]
    Failed(#[source] ClientError),
    /// It opened a tunnel, and TLS with the server behind it failed.
    #[error("opened a tunnel")]
    Behind(#[source] ClientError),
    /// An answer to CONNECT that opens no tunnel.
    #[error("answered {status} to CONNECT {target}")]
    Answered { status: u16, target: String, retry_after: Option<Duration> },
    /// No answer in time.
    #[error("did not open a tunnel to {target} within {limit:?}")]
    Silent { target: String, limit: Duration },
    /// Anything else, in words.
    #[error("{1}")]
    Other(ErrorKind, String),
}

/// Opens a tunnel by CONNECT. The bytes behind the head of the response stay in the reader: the server sent them.
pub(crate) async fn connect<S>(io: &mut S, proxy: &Proxy, target: &Target) -> Result<(), ProxyFault>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    let target = target.authority();
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(value) = &proxy.authorization {
        request.extend([b"Proxy-Authorization: ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    let broke = |error: io::Error| {
        if is_end(&error) { closed(&target) } else { ProxyFault::Failed(error.into()) }
    };
    io.write_all(&request).await.map_err(broke)?;
    io.flush().await.map_err(broke)?;
    let mut head = Vec::new();
    for _ in 0..=MAX_INTERIM {
        head.clear();
        while !read_line(io, &mut head).await.map_err(broke)? {
            match head.as_slice() {
                // RFC 9112, section 2.2: empty lines may come before the status line.
                b"\n" | b"\r\n" => head.clear(),
                b"\r" => continue,
                _ => {}
            }
            if head.len() > MAX_HEAD {
                let text = format!("sent too large a head to CONNECT {target}; {LARGEST_HEAD}");
                return Err(ProxyFault::Other(ErrorKind::Protocol, text));
            }
            if !head.iter().zip(VERSION).all(|(a, b)| a.eq_ignore_ascii_case(b)) {
                return Err(garbled(&head, &target));
            }
        }
        let status = status(&head).ok_or_else(|| garbled(&head, &target))?;
        if head.iter().filter(|byte| **byte == b'\n').count() > MAX_FIELDS + 2 {
            let text = format!("sent too many fields to CONNECT {target}; {LARGEST_HEAD}");
            return Err(ProxyFault::Other(ErrorKind::Protocol, text));
        }
        match status {
            200..=299 => return Ok(()),
            // RFC 9110, section 15.2: a final response follows an interim one, except after 101.
            100 | 102..=199 => {}
            _ => {
                let retry_after = if status >= 400 { asked(status, &fields(&head), SystemTime::now()) } else { None };
                return Err(ProxyFault::Answered { status, target, retry_after });
            }
        }
    }
    Err(ProxyFault::Other(ErrorKind::Protocol, format!("sent only interim responses (1xx) to CONNECT {target}")))
}

/// Appends the received bytes up to the end of the line. Returns whether the head is complete.
async fn read_line<S: AsyncBufRead + Unpin>(io: &mut S, head: &mut Vec<u8>) -> io::Result<bool> {
    let piece = io.fill_buf().await?;
    if piece.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let end = piece.iter().position(|byte| *byte == b'\n').map_or(piece.len(), |at| at + 1);
    head.extend_from_slice(&piece[..end]);
    io.consume(end);
    Ok(head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n"))
}

/// Returns the status of a head (RFC 9112, section 4), with any number of blanks.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
    let digits = words.next().filter(|word| word.len() == 3)?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| *status >= 100)
}

/// Returns the valid fields of a head.
fn fields(head: &[u8]) -> HeaderMap {
    let field = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    head.split(|byte| *byte == b'\n').skip(1).filter_map(field).collect()
}

fn closed(target: &str) -> ProxyFault {
    let text = format!("closed the connection before it opened a tunnel to {target}");
    ProxyFault::Other(ErrorKind::Reset, text)
}

fn garbled(head: &[u8], target: &str) -> ProxyFault {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).trim_end().to_owned();
    let text = format!("does not speak HTTP: its answer to CONNECT {target} begins with `{}`", printable(&text));
    ProxyFault::Other(ErrorKind::Protocol, text)
}

/// Opens a tunnel by SOCKS to a host that is a name or an address.
pub(crate) async fn socks(io: TcpStream, proxy: &Proxy, host: &str, target: &Target) -> Result<TcpStream, ProxyFault> {
    let to = (host, target.port);
    let user = proxy.user.as_ref().map(|user| (user.username.as_str(), user.password.as_str()));
    let opened = match (proxy.protocol, user) {
        (Protocol::Socks4 | Protocol::Socks4a, None) => {
            Socks4Stream::connect_with_socket(io, to).await.map(Socks4Stream::into_inner)
        }
        (Protocol::Socks4 | Protocol::Socks4a, Some((user, _))) => {
            Socks4Stream::connect_with_userid_and_socket(io, to, user).await.map(Socks4Stream::into_inner)
        }
        (_, None) => Socks5Stream::connect_with_socket(io, to).await.map(Socks5Stream::into_inner),
        (_, Some((user, password))) => {
            Socks5Stream::connect_with_password_and_socket(io, to, user, password).await.map(Socks5Stream::into_inner)
        }
    };
    opened.map_err(|error| socks_fault(error, &target.authority()))
}

fn socks_fault(error: tokio_socks::Error, target: &str) -> ProxyFault {
    use tokio_socks::Error as Socks;
    let other = |kind, what: &str| ProxyFault::Other(kind, format!("{what} {target} (SOCKS: {error})"));
    match error {
        Socks::Io(error) if is_end(&error) => closed(target),
        Socks::Io(error) => ProxyFault::Failed(error.into()),
        // The proxy tried to connect, and a retry may succeed.
        Socks::GeneralSocksServerFailure
        | Socks::NetworkUnreachable
        | Socks::HostUnreachable
        | Socks::ConnectionRefused
        | Socks::TtlExpired => other(ErrorKind::Connect, "cannot connect to"),
        Socks::InvalidResponseVersion
        | Socks::InvalidReservedByte
        | Socks::UnknownAddressType
        | Socks::UnknownAuthMethod
        | Socks::UnknownError => other(ErrorKind::Protocol, "gave an answer that is not valid for"),
        _ => other(ErrorKind::Proxy, "refused a tunnel to"),
    }
}

#[cfg(test)]
mod tests;
