//! From an error chain of hyper, h2, rustls and io to one kind of the closed list.
//!
//! The chain is walked from the outside in, and the innermost telling link decides: what hyper
//! calls "client error (Connect)" may be a name that does not exist or a certificate that expired.

use std::error::Error as StdError;
use std::io;

use super::connect::{ConnectError, ConnectTimeout, HandshakeError};
use super::dns::DnsError;
use super::head_filter::HeadError;
use super::proxy::{ProxyError, ProxyFault};
use super::reach::Blocked;
use crate::model::{ErrorKind, FetchError, ProxyAnswer};

/// Where in an exchange an error came up: the same link means other things there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before the head of the response was there.
    Head,
    /// While the body was read.
    Body,
}

/// How far a connection has come that could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// It was open.
    Done,
    Tcp,
    Tls,
}

/// The kind and a message for people.
pub(super) fn classify(error: &(dyn StdError + 'static), stage: Stage) -> FetchError {
    if let Some(of_proxy) = links(error).filter_map(|e| e.downcast_ref::<ProxyError>()).last() {
        return classify_proxy(of_proxy, stage);
    }
    let connecting = is_connecting(error);
    let opening = if !connecting {
        Opening::Done
    } else if links(error).any(|e| e.is::<HandshakeError>()) {
        Opening::Tls
    } else {
        Opening::Tcp
    };
    let found = links(error).filter_map(|e| Some((kind_of(e, stage, opening)?, e))).last();
    match found {
        Some((kind, e)) => FetchError::new(kind, message(kind, e, stage, connecting)),
        None if connecting => FetchError::new(ErrorKind::Connect, innermost(error)),
        None => FetchError::new(ErrorKind::Protocol, innermost(error)),
    }
}

/// The same of what failed at a proxy, which the message names.
fn classify_proxy(error: &ProxyError, stage: Stage) -> FetchError {
    match &error.fault {
        ProxyFault::Failed(source) => {
            let FetchError { kind, message, .. } = classify(&**source, stage);
            FetchError::new(kind, format!("proxy {}: {message}", error.proxy))
        }
        ProxyFault::Behind(source) => {
            let FetchError { kind, message, .. } = classify(&**source, stage);
            FetchError::new(kind, format!("{message} (through proxy {})", error.proxy))
        }
        ProxyFault::Answered { status, retry_after, .. } => {
            let answer = ProxyAnswer { status: *status, retry_after: *retry_after };
            FetchError { proxy: Some(Box::new(answer)), ..FetchError::new(ErrorKind::Proxy, error.to_string()) }
        }
        ProxyFault::Silent { .. } => FetchError::new(ErrorKind::Timeout, error.to_string()),
        ProxyFault::Other(kind, _) => FetchError::new(*kind, error.to_string()),
    }
}

/// Whether the connection, or a tunnel through a proxy, could not be opened.
fn is_connecting(error: &(dyn StdError + 'static)) -> bool {
    links(error).any(|e| {
        e.is::<ConnectError>() || e.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect())
    })
}

/// Whether an open connection ended before the head of a response came. A stream of HTTP/2 that was
/// reset is none: the server did answer, and its connection goes on.
pub(super) fn connection_ended(error: &(dyn StdError + 'static)) -> bool {
    classify(error, Stage::Head).kind == ErrorKind::Reset
        && !is_connecting(error)
        && !links(error).any(|e| e.downcast_ref::<h2::Error>().is_some_and(h2::Error::is_reset))
}

/// Whether the server says that it has not begun with a request: by refusing its stream, or by
/// going away in peace, which ends the streams that it will not look at.
pub(super) fn not_begun(error: &(dyn StdError + 'static)) -> bool {
    links(error).filter_map(|e| e.downcast_ref::<h2::Error>()).any(|e| match e.reason() {
        Some(h2::Reason::REFUSED_STREAM) => e.is_remote(),
        Some(h2::Reason::NO_ERROR) => e.is_remote() && e.is_go_away(),
        _ => false,
    })
}

/// The links of an error chain, from the outside in.
fn links<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let inner = |e: &'a (dyn StdError + 'static)| match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        // An io::Error hides what it wraps: its source is the source of the wrapped error.
        Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
        None => e.source(),
    };
    std::iter::successors(Some(error), move |&e| inner(e))
}

fn kind_of(e: &(dyn StdError + 'static), stage: Stage, opening: Opening) -> Option<ErrorKind> {
    if e.is::<rustls::Error>() {
        return Some(ErrorKind::Tls);
    }
    if e.is::<DnsError>() {
        return Some(ErrorKind::Dns);
    }
    if e.is::<Blocked>() {
        return Some(ErrorKind::Blocked);
    }
    if e.is::<HeadError>() {
        return Some(ErrorKind::Protocol);
    }
    if e.is::<ConnectTimeout>() {
        return Some(ErrorKind::Timeout);
    }
    if e.is::<http::uri::InvalidUri>() {
        return Some(ErrorKind::InvalidUrl);
    }
    if let Some(io) = e.downcast_ref::<io::Error>() {
        return kind_of_io(io, stage, opening);
    }
    if let Some(h2) = e.downcast_ref::<h2::Error>() {
        return kind_of_h2(h2);
    }
    let hyper = e.downcast_ref::<hyper::Error>()?;
    if hyper.is_timeout() {
        Some(ErrorKind::Timeout)
    } else if hyper.is_parse() {
        Some(ErrorKind::Protocol)
    } else if hyper.is_incomplete_message() {
        Some(if stage == Stage::Head { ErrorKind::Reset } else { ErrorKind::Truncated })
    } else if hyper.is_canceled() || hyper.is_closed() || hyper.is_body_write_aborted() {
        Some(ErrorKind::Reset)
    } else {
        None
    }
}

fn kind_of_io(e: &io::Error, stage: Stage, opening: Opening) -> Option<ErrorKind> {
    use io::ErrorKind as Io;
    if e.raw_os_error().is_some_and(is_descriptor_limit) {
        return Some(ErrorKind::Io);
    }
    Some(match e.kind() {
        Io::TimedOut => ErrorKind::Timeout,
        // "tls handshake eof": the peer hung up in the middle of a handshake.
        Io::UnexpectedEof if opening != Opening::Done => ErrorKind::Tls,
        Io::ConnectionRefused
        | Io::AddrNotAvailable
        | Io::AddrInUse
        | Io::NetworkUnreachable
        | Io::HostUnreachable
        | Io::NetworkDown
        | Io::PermissionDenied => ErrorKind::Connect,
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::NotConnected => match opening {
            Opening::Done => ErrorKind::Reset,
            Opening::Tcp => ErrorKind::Connect,
            Opening::Tls => ErrorKind::Tls,
        },
        Io::UnexpectedEof if stage == Stage::Head => ErrorKind::Reset,
        Io::UnexpectedEof => ErrorKind::Truncated,
        // hyper's chunked decoder reports bad framing in these two.
        Io::InvalidData | Io::InvalidInput if opening == Opening::Done => ErrorKind::Protocol,
        _ => return None,
    })
}

fn kind_of_h2(e: &h2::Error) -> Option<ErrorKind> {
    match e.reason() {
        Some(h2::Reason::REFUSED_STREAM | h2::Reason::CANCEL | h2::Reason::NO_ERROR) => Some(ErrorKind::Reset),
        Some(h2::Reason::INTERNAL_ERROR) if e.is_remote() => Some(ErrorKind::Reset),
        Some(_) => Some(ErrorKind::Protocol),
        None => None,
    }
}

/// EMFILE or ENFILE.
fn is_descriptor_limit(errno: i32) -> bool {
    cfg!(unix) && matches!(errno, 23 | 24)
}

/// The most that a response may have in its head.
pub(super) const LARGEST_HEAD: &str = "a head may have 1000 fields and 256 KiB";

/// Whether a head was too large; of HTTP/2 that is one of the ways in which an answer can break its rules.
fn may_be_too_large(e: &(dyn StdError + 'static)) -> bool {
    e.downcast_ref() == Some(&HeadError::TooLarge)
        || e.downcast_ref::<h2::Error>().is_some_and(|e| e.is_reset() && e.is_library())
}

/// Whether a Content-Length was too large. Of large heads, which have the same text, the head filter tells.
fn is_too_long(e: &(dyn StdError + 'static)) -> bool {
    // Only servers may ask hyper for more than its text.
    e.downcast_ref::<hyper::Error>().is_some_and(|e| e.is_parse() && e.to_string().contains("too large"))
}

fn message(kind: ErrorKind, e: &(dyn StdError + 'static), stage: Stage, connecting: bool) -> String {
    let text = innermost(e);
    match (kind, stage) {
        (ErrorKind::Protocol, Stage::Head) if may_be_too_large(e) => {
            format!("the answer is not valid HTTP: {text}; {LARGEST_HEAD}")
        }
        (ErrorKind::Protocol, Stage::Head) if is_too_long(e) => {
            "the answer is not valid HTTP: its Content-Length is larger than a body can be".to_owned()
        }
        (ErrorKind::Dns, _) => e.to_string(),
        (ErrorKind::Tls, _) if text.contains("InvalidContentType") => {
            format!("the server does not speak TLS on this port; is it http://? ({text})")
        }
        (ErrorKind::Timeout, Stage::Head) if connecting => "no connection within the time limit".to_owned(),
        (ErrorKind::Reset, Stage::Head) if !connecting => {
            format!("the server closed the connection before it answered: {text}")
        }
        (ErrorKind::Reset, Stage::Body) => format!("the connection was reset in the middle of the body: {text}"),
        (ErrorKind::Truncated, _) => format!("the body ended early: {text}"),
        (ErrorKind::Io, _) => format!("too few file descriptors, lower --concurrency or raise `ulimit -n`: {text}"),
        (ErrorKind::Protocol, Stage::Head) => format!("the answer is not valid HTTP: {text}"),
        (ErrorKind::Protocol, Stage::Body) => format!("the body is not framed as HTTP demands: {text}"),
        _ => text,
    }
}

/// The text of the last link, which is the one that says what happened.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut e = error;
    while let Some(source) = e.source() {
        e = source;
    }
    e.to_string()
}
