//! The placeholder for the Host field of a URL.

use http::HeaderValue;

/// Returns a placeholder for the Host field of the URL. Its mark distinguishes it from an empty value of the user.
pub(crate) fn its_own() -> HeaderValue {
    let mut value = HeaderValue::from_static("");
    value.set_sensitive(true);
    value
}

/// Whether the Host field is to be that of the URL.
pub(crate) fn is_its_own(value: &HeaderValue) -> bool {
    value.is_sensitive()
}
