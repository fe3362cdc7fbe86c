//! Origins (RFC 6454), their hosts and their credentials.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{NO_PAD, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderValue;
use url::{Position, Url};

use crate::model::Credentials;

/// Whether two URLs have the same scheme, host and port.
pub fn same(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// The host and any port other than the default, borrowed from the URL. The state of a server applies to this
/// unit; http and https share it.
pub fn host(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Reads Base64 as servers do: with padding or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENTLY);

const LENIENTLY: GeneralPurposeConfig =
    NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);

/// The user name in a field value that holds Basic credentials (RFC 7617).
pub fn basic_user(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, text) = value.split_at_checked(BASIC.len())?;
    if !scheme.eq_ignore_ascii_case(BASIC) || !text.starts_with(b" ") {
        return None;
    }
    let mut user = LENIENT.decode(text.trim_ascii()).ok()?;
    user.truncate(user.iter().position(|byte| *byte == b':')?);
    Some(user)
}

const BASIC: &[u8] = b"Basic";

/// The Basic credentials (RFC 7617) as a field value, marked so that no log shows it.
pub fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let mut text = credentials.username.clone();
    text.push(':');
    text.push_str(&credentials.password);
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(text))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_basic_credentials_is_read_without_the_password() {
        for (value, user) in [
            ("Basic YW5uOmh1bnRlcjI=", Some("ann")),
            ("basic   YW5uOmh1bnRlcjI ", Some("ann")),
            ("Basic Omh1bnRlcjI6eA==", Some("")),
            ("Basic YW5u", None),
            ("Basic ?", None),
            ("BasicYW5uOmh1bnRlcjI=", None),
            ("Bearer YW5uOmh1bnRlcjI=", None),
            ("é", None),
        ] {
            assert_eq!(basic_user(value.as_bytes()).as_deref(), user.map(str::as_bytes), "{value}");
        }
        let credentials = Credentials { username: "ann".to_owned(), password: "a:b".to_owned() };
        assert_eq!(basic_user(basic(&credentials).unwrap().as_bytes()), Some(b"ann".to_vec()));
    }
}
