//! Maps an error chain of hyper, h2, rustls and io to one kind of the closed list.
//!
//! `classify` walks the chain from the outside in, and the innermost known link decides. A "client
//! error (Connect)" of hyper may be an unknown host name or an expired certificate.

use std::error::Error as StdError;
use std::io;

use crate::fetch::connect::address_filter::Blocked;
use crate::fetch::connect::dns::DnsError;
use crate::fetch::connect::error::{ConnectError, ConnectTimeout, DialError, HandshakeError};
use crate::fetch::connect::head_filter::HeadError;
use crate::fetch::connect::head_limits::LARGEST_HEAD;
use crate::fetch::connect::proxy::{ProxyError, ProxyFault};
use crate::model::{ErrorKind, FetchError, ProxyAnswer};

/// The part of an exchange in which an error occurred. The same link has another meaning in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeStage {
    /// Before the end of the response head.
    Head,
    /// While the body was read.
    Body,
}

/// The step at which opening a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectStep {
    /// It was open.
    Done,
    Tcp,
    Tls,
}

/// Returns the kind and a message for the user.
pub(crate) fn classify(error: &(dyn StdError + 'static), stage: ExchangeStage) -> FetchError {
    if let Some(of_proxy) = links(error).filter_map(|e| e.downcast_ref::<ProxyError>()).last() {
        return classify_proxy(of_proxy, stage);
    }
    let connecting = is_connecting(error);
    let opening = if !connecting {
        ConnectStep::Done
    } else if links(error).any(|e| e.is::<HandshakeError>()) {
        ConnectStep::Tls
    } else {
        ConnectStep::Tcp
    };
    let found = links(error).filter_map(|e| Some((kind_of(e, stage, opening)?, e))).last();
    match found {
        Some((ErrorKind::Connect, e)) => FetchError::new(ErrorKind::Connect, no_connection(error, e)),
        Some((kind, e)) => FetchError::new(kind, message(kind, e, stage, connecting)),
        None if connecting => FetchError::new(ErrorKind::Connect, innermost(error)),
        None => FetchError::new(ErrorKind::Protocol, innermost(error)),
    }
}

/// Returns the message about a connection that could not be opened. It names the address.
fn no_connection(error: &(dyn StdError + 'static), cause: &(dyn StdError + 'static)) -> String {
    let is_refused = cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused);
    match links(error).find_map(|e| e.downcast_ref::<DialError>()) {
        Some(dial) if is_refused => format!("{} refused the connection", dial.to),
        Some(dial) => format!("{} cannot be reached: {}", dial.to, innermost(cause)),
        None => innermost(cause),
    }
}

/// Classifies a failure at a proxy; the message names the proxy.
fn classify_proxy(error: &ProxyError, stage: ExchangeStage) -> FetchError {
    match &error.fault {
        ProxyFault::Failed(source) => {
            let FetchError { kind, message, .. } = classify(&**source, stage);
            // The message about a connection begins with the address.
            let is_named = kind == ErrorKind::Connect && links(&**source).any(|e| e.is::<DialError>());
            let name = if is_named { String::new() } else { format!("{}: ", error.proxy) };
            FetchError::new(kind, format!("proxy {name}{message}"))
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
pub(super) fn is_connecting(error: &(dyn StdError + 'static)) -> bool {
    links(error).any(|e| {
        e.is::<ConnectError>() || e.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect())
    })
}

/// The links of an error chain, from the outside in.
pub(super) fn links<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let inner = |e: &'a (dyn StdError + 'static)| match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        // An io::Error hides what it wraps: its source is the source of the wrapped error.
        Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
        None => e.source(),
    };
    std::iter::successors(Some(error), move |&e| inner(e))
}

fn kind_of(e: &(dyn StdError + 'static), stage: ExchangeStage, opening: ConnectStep) -> Option<ErrorKind> {
    if e.is::<rustls::Error>() {
        return Some(ErrorKind::Tls);
    }
    if e.is::<DnsError>() {
        return Some(ErrorKind::Dns);
    }
    if e.is::<Blocked>() {
        return Some(ErrorKind::Blocked);
    }
    if let Some(head) = e.downcast_ref::<HeadError>() {
        return Some(if *head == HeadError::Cut { ErrorKind::Reset } else { ErrorKind::Protocol });
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
        Some(if stage == ExchangeStage::Head { ErrorKind::Reset } else { ErrorKind::Truncated })
    } else if hyper.is_canceled() || hyper.is_closed() || hyper.is_body_write_aborted() {
        Some(ErrorKind::Reset)
    } else {
        None
    }
}

fn kind_of_io(e: &io::Error, stage: ExchangeStage, opening: ConnectStep) -> Option<ErrorKind> {
    use io::ErrorKind as Io;
    if e.raw_os_error().is_some_and(is_descriptor_limit) {
        return Some(ErrorKind::Io);
    }
    Some(match e.kind() {
        Io::TimedOut => ErrorKind::Timeout,
        // "tls handshake eof": the peer hung up in the middle of a handshake.
        Io::UnexpectedEof if opening != ConnectStep::Done => ErrorKind::Tls,
        Io::ConnectionRefused
        | Io::AddrNotAvailable
        | Io::AddrInUse
        | Io::NetworkUnreachable
        | Io::HostUnreachable
        | Io::NetworkDown
        | Io::PermissionDenied => ErrorKind::Connect,
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::NotConnected => match opening {
            ConnectStep::Done => ErrorKind::Reset,
            ConnectStep::Tcp => ErrorKind::Connect,
            ConnectStep::Tls => ErrorKind::Tls,
        },
        Io::UnexpectedEof if stage == ExchangeStage::Head => ErrorKind::Reset,
        Io::UnexpectedEof => ErrorKind::Truncated,
        // hyper's chunked decoder reports bad framing in these two.
        Io::InvalidData | Io::InvalidInput if opening == ConnectStep::Done => ErrorKind::Protocol,
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

/// Whether a head may have been too large. For HTTP/2, h2 reports that like other protocol violations.
fn may_be_too_large(e: &(dyn StdError + 'static)) -> bool {
    e.downcast_ref() == Some(&HeadError::TooLarge)
        || e.downcast_ref::<h2::Error>().is_some_and(|e| e.is_reset() && e.is_library())
}

/// Whether a Content-Length was too large. The head filter catches large heads, which have the same text.
fn is_too_long(e: &(dyn StdError + 'static)) -> bool {
    // hyper exposes this kind to servers only, so compare the text.
    e.downcast_ref::<hyper::Error>().is_some_and(|e| e.is_parse() && e.to_string().contains("too large"))
}

fn message(kind: ErrorKind, e: &(dyn StdError + 'static), stage: ExchangeStage, connecting: bool) -> String {
    let text = innermost(e);
    match (kind, stage) {
        (ErrorKind::Protocol, ExchangeStage::Head) if may_be_too_large(e) => {
            format!("the answer is not valid HTTP: {text}; {LARGEST_HEAD}")
        }
        (ErrorKind::Protocol, ExchangeStage::Head) if is_too_long(e) => {
            "the answer is not valid HTTP: its Content-Length is larger than a body can be".to_owned()
        }
        (ErrorKind::Dns, _) => e.to_string(),
        (ErrorKind::Reset, ExchangeStage::Head) if e.is::<HeadError>() => text,
        (ErrorKind::Tls, _) if connecting && text.contains("InvalidContentType") => {
            format!("the server does not speak TLS on this port; is it http://? ({text})")
        }
        (ErrorKind::Timeout, ExchangeStage::Head) if connecting => "no connection within the time limit".to_owned(),
        (ErrorKind::Reset, ExchangeStage::Head) if !connecting => {
            format!("the server closed the connection before it answered: {text}")
        }
        (ErrorKind::Reset, ExchangeStage::Body) => {
            format!("the connection was reset in the middle of the body: {text}")
        }
        (ErrorKind::Truncated, _) => format!("the body ended early: {text}"),
        (ErrorKind::Io, _) => format!("too few file descriptors, lower --concurrency or raise `ulimit -n`: {text}"),
        (ErrorKind::Protocol, ExchangeStage::Head) => format!("the answer is not valid HTTP: {text}"),
        (ErrorKind::Protocol, ExchangeStage::Body) => format!("the body is not framed as HTTP demands: {text}"),
        _ => text,
    }
}

/// Returns the text of the last link, which names the cause.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut e = error;
    while let Some(source) = e.source() {
        e = source;
    }
    let text = e.to_string();
    // The number says nothing that the text does not.
    let number = text.rfind(" (os error ").filter(|_| e.is::<io::Error>());
    number.map_or(text.clone(), |at| text[..at].to_owned())
}
