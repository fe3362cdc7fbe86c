//! Resolves the Location field (RFC 9110, section 10.2.2) as browsers do.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, percent_encode};
use url::Url;

use crate::policy::text::printable::text_of_octets;
use crate::policy::text::redact::redact_url;

/// The most characters of a field that an error shows.
const SHOWN: usize = 200;

/// The longest URL that a request can have.
const LONGEST: usize = 65_534;

/// The longest host name (RFC 1035, section 2.3.4), with a dot at its end.
pub const LONGEST_HOST: usize = 254;

/// Returns the URL that a Location field names. It has no fragment and no credentials: those of a
/// server are neither sent nor shown.
///
/// Octets beyond ASCII are percent-encoded one by one, whatever charset they were meant in. In a
/// host they have to be UTF-8 and a name of IDNA.
///
/// # Errors
/// The text of the field, and the reason why it is no target.
pub fn target(from: &Url, location: &[u8]) -> Result<Url, String> {
    let bad = |why: &str| {
        let shown: String = redact_url(&text_of_octets(location)).chars().take(SHOWN).collect();
        format!("the Location `{shown}` {why}")
    };
    // The parser decodes the host again before IDNA.
    let text = Cow::from(percent_encode(location, &AsciiSet::EMPTY));
    let mut next = from.join(&text).map_err(|e| match e {
        url::ParseError::IdnaError if !location.is_ascii() => bad("has a host that is no UTF-8, or no name of IDNA"),
        e => bad(&format!("is no URL: {e}")),
    })?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(bad("is neither http nor https"));
    }
    next.set_fragment(None);
    if !next.username().is_empty() || next.password().is_some() {
        next.set_username("").and_then(|()| next.set_password(None)).map_err(|()| bad("is no URL"))?;
    }
    if next.as_str().len() > LONGEST {
        return Err(bad(&format!("leads to a URL of more than {LONGEST} bytes, which no server takes")));
    }
    if next.host_str().is_some_and(|host| host.len() > LONGEST_HOST) {
        return Err(bad("has a host name of more than 253 bytes, which no DNS knows"));
    }
    if let Err(e) = http::Uri::try_from(next.as_str()) {
        return Err(bad(&format!("is no URL that HTTP can ask for: {e}")));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leads(location: impl AsRef<[u8]>) -> Result<String, String> {
        target(&Url::parse("http://a.test/dir/page").unwrap(), location.as_ref()).map(String::from)
    }

    #[test]
    fn octets_beyond_ascii_are_percent_encoded_one_by_one() {
        for (location, expected) in [
            (&b"/caf\xe9"[..], "http://a.test/caf%E9"),
            (b"caf\xe9/x", "http://a.test/dir/caf%E9/x"),
            (b"/\xf4\xe0\xe9\xeb?q=\xf4", "http://a.test/%F4%E0%E9%EB?q=%F4"),
            ("/café?q=é#é".as_bytes(), "http://a.test/caf%C3%A9?q=%C3%A9"),
            (b"/%e9%2f\xe9%zz", "http://a.test/%e9%2f%E9%zz"),
            (b" /a b\t?q=a b\"\t", "http://a.test/a%20b?q=a%20b%22"),
            (b"/a\"b<c>", "http://a.test/a%22b%3Cc%3E"),
            (b"?\xe9", "http://a.test/dir/page?%E9"),
            (b"//b.test/\xff", "http://b.test/%FF"),
            ("https://bücher.test/ü".as_bytes(), "https://xn--bcher-kva.test/%C3%BC"),
            (b"http://ann:\xe9@b.test/x", "http://b.test/x"),
            (b"\\\\b.test\\\xe9", "http://b.test/%E9"),
        ] {
            assert_eq!(leads(location).as_deref(), Ok(expected), "{}", location.escape_ascii());
        }
    }

    #[test]
    fn a_location_that_is_no_url_says_what_is_wrong() {
        for (location, says) in [
            (&b"http://b\xfccher.test/"[..], "`http://bücher.test/` has a host that is no UTF-8"),
            (b"http://b.test:x/", "is no URL: invalid port number"),
            (b"ftp://b.test/", "is neither http nor https"),
            (b"http://", "is no URL: empty host"),
            (b"http://a{b/", "is no URL that HTTP can ask for"),
            (&b"/x".repeat(40_000), "which no server takes"),
            (&[b"http://", &b"a.".repeat(127)[..], b"b/"].concat(), "has a host name of more than 253 bytes"),
        ] {
            let why = leads(location).unwrap_err();
            assert!(why.contains(says) && why.len() < 400, "{why}");
        }
        assert!(!leads("ftp://ann:hunter2@b.test/").unwrap_err().contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_octets_lead_somewhere_or_say_why(location in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(next) = leads(&location) {
                prop_assert!(next.is_ascii() && next.starts_with("http"));
            }
        }
    }
}
