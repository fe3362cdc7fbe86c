//! Request heads: their length and their content (RFC 9112, sections 2 to 6).

/// The largest head that is read.
pub(super) const HEAD_MAX: usize = 16 * 1024;

/// The reason for a refused head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400
    Malformed,
    /// 405
    Method,
    /// 505
    Version,
}

/// The request of a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// HEAD rather than GET.
    pub(super) head_only: bool,
    /// The path without its query.
    pub(super) path: &'a str,
    /// Whether the connection may be used again.
    pub(super) keep_alive: bool,
    /// Whether gzip is acceptable.
    pub(super) gzip: bool,
}

/// The length of the first head in `bytes`, its blank line included. The bytes behind it belong to the next request
/// and stay in place.
pub(super) fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads one whole head.
pub(super) fn parse(head: &[u8]) -> Result<Request<'_>, Refusal> {
    let text = str::from_utf8(head).map_err(|_| Refusal::Malformed)?;
    let mut lines = text.split("\r\n");
    let mut parts = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Malformed);
    };
    let mut keep_alive = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        other if other.starts_with("HTTP/") => return Err(Refusal::Version),
        _ => return Err(Refusal::Malformed),
    };
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Refusal::Method),
    };
    let mut gzip = false;
    let mut hosts = 0;
    let mut has_body = false;
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("host") {
            hosts += 1;
        } else if name.eq_ignore_ascii_case("connection") {
            let says = |token: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token));
            keep_alive = !says("close") && (keep_alive || says("keep-alive"));
        } else if name.eq_ignore_ascii_case("accept-encoding") {
            gzip = accepts_gzip(value);
        } else if name.eq_ignore_ascii_case("content-length") {
            has_body |= value != "0";
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            has_body = true;
        }
    }
    if version == "HTTP/1.1" && hosts != 1 {
        return Err(Refusal::Malformed);
    }
    // A body is never read; after it the next head could not be found.
    Ok(Request { head_only, path: path_of(target)?, keep_alive: keep_alive && !has_body, gzip })
}

/// Origin form or absolute form, query removed.
fn path_of(target: &str) -> Result<&str, Refusal> {
    let path = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    if !path.starts_with('/') {
        return Err(Refusal::Malformed);
    }
    Ok(path.split('?').next().unwrap_or(path))
}

fn accepts_gzip(value: &str) -> bool {
    value.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        // Weight 0 in any spelling means "not this one" (RFC 9110, section 12.4.2).
        named && !parts.any(|weight| weight.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_the_first_of_two_heads() {
        assert_eq!(head_len(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
        assert_eq!(head_len(b"GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"), Some(18));
    }

    #[test]
    fn reads_what_is_asked() {
        let head = b"HEAD http://a:1/x?y=1 HTTP/1.1\r\nhost: a\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n";
        assert_eq!(parse(head), Ok(Request { head_only: true, path: "/x", keep_alive: true, gzip: true }));
        let head = b"GET /x HTTP/1.0\r\nAccept-Encoding: gzip;q=0.0\r\n\r\n";
        assert_eq!(parse(head), Ok(Request { head_only: false, path: "/x", keep_alive: false, gzip: false }));
        let head = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n";
        assert!(parse(head).is_ok_and(|request| !request.keep_alive));
        let head = b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
        assert!(parse(head).is_ok_and(|request| !request.keep_alive));
    }

    #[test]
    fn refuses_what_is_not_a_request() {
        for (head, refusal) in [
            (&b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"[..], Refusal::Method),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", Refusal::Version),
            (b"GET / HTTP/1.1\r\n\r\n", Refusal::Malformed),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Refusal::Malformed),
            (b"GET /\r\n\r\n", Refusal::Malformed),
            (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Malformed),
            (b"GET x HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::Malformed),
            (b"\xff\xfe\r\n\r\n", Refusal::Malformed),
            (b"\r\n\r\n", Refusal::Malformed),
        ] {
            assert_eq!(parse(head), Err(refusal), "{}", head.escape_ascii());
        }
    }
}
