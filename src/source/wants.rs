//! The values that a list may give one URL: digests, request fields, a priority.

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::address::Reason;
use crate::config::check_field;
use crate::model::{RequestOverrides, is_secret};

/// The most request fields of one URL, and the most bytes of them together. Servers accept no more.
const MOST_FIELDS: usize = 500;
const MOST_BYTES: usize = 64 * 1024;
/// The longest name of a file: the longest path of any system.
const LONGEST_OUT: usize = 4096;

/// Checks that the settings of one URL are small enough for a request and for the memory of a run.
pub(super) fn bounded(wants: &RequestOverrides) -> Result<(), Reason> {
    let bytes = wants.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    bounded_fields(wants.headers.len(), bytes.sum())?;
    if wants.out.as_ref().is_some_and(|out| out.len() > LONGEST_OUT) {
        return Err(format!("a file name of more than {LONGEST_OUT} bytes; shorten it").into());
    }
    Ok(())
}

/// As [`bounded`], for this number of request fields and of their bytes.
pub(super) fn bounded_fields(fields: usize, bytes: usize) -> Result<(), Reason> {
    if fields > MOST_FIELDS || bytes > MOST_BYTES {
        let reason = format!("more than {MOST_FIELDS} headers or {MOST_BYTES} bytes of them for one URL; remove some");
        return Err(reason.into());
    }
    Ok(())
}

/// A request field.
pub(super) type RequestField = (HeaderName, HeaderValue);

/// Parses 64 hexadecimal digits; `name` is their name in the list.
pub(super) fn digest(name: &str, text: &str) -> Result<[u8; 32], Reason> {
    let wrong = || Reason::from(format!("{name} is not 64 hexadecimal digits; correct or remove it"));
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return Err(wrong());
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(high).ok_or_else(wrong)? << 4 | value(low).ok_or_else(wrong)?;
    }
    Ok(bytes)
}

/// A whole number; a higher one is fetched first.
pub(super) fn priority(text: &str) -> Result<i32, Reason> {
    text.parse().map_err(|_| "priority is not a whole number of 32 bits; correct or remove it".into())
}

/// `Name: value`.
pub(super) fn header(text: &str) -> Result<RequestField, Reason> {
    match text.split_once(':') {
        Some((name, value)) => field(name, value),
        None => Err("a header has no colon; write it as Name: value".into()),
    }
}

/// A field from its two halves. The message names the field but never its value, which may be a secret.
pub(super) fn field(name: &str, value: &str) -> Result<RequestField, Reason> {
    let Ok(name) = HeaderName::from_bytes(name.trim().as_bytes()) else {
        return Err("a header name is empty or holds a character that is not allowed; write it as Name: value".into());
    };
    let Ok(mut value) = HeaderValue::from_bytes(value.trim().as_bytes()) else {
        return Err(format!("the value of header {name} holds a control character; remove it").into());
    };
    check_field(&name, &value)?;
    value.set_sensitive(is_secret(&name));
    Ok((name, value))
}

/// The `headers` column of a table: a JSON object, or one `Name: value`.
pub(super) fn headers_cell(text: &str) -> Result<Vec<RequestField>, Reason> {
    if !text.starts_with('{') {
        return header(text).map(|field| vec![field]);
    }
    match serde_json::from_str(text) {
        Ok(value) => headers_json(&value),
        Err(_) => Err("headers is not valid JSON; write {\"Name\":\"value\"} or Name: value".into()),
    }
}

/// Parses `{"Name":"value"}`, or `["Name: value"]` for names that repeat.
pub(super) fn headers_json(value: &Value) -> Result<Vec<RequestField>, Reason> {
    const SHAPE: &str = "headers must be an object of strings or an array of \"Name: value\" strings";
    match value {
        Value::Object(object) => object.iter().map(|(name, value)| field(name, value.as_str().ok_or(SHAPE)?)).collect(),
        Value::Array(array) => array.iter().map(|line| header(line.as_str().ok_or(SHAPE)?)).collect(),
        _ => Err(SHAPE.into()),
    }
}
