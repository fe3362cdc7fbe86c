//! Lists of JSON objects, one a line.
//!
//! Keys that are not ours are ignored and `null` is absent, so that the records of an earlier run
//! are a list too.

use serde::Deserialize;
use serde_json::Value;

use super::address::Reason;
use super::line::{Gathered, Place, Wants};
use super::wants;
use super::wrapped_array::wrapped_array;
use crate::model::Entry;

#[derive(Deserialize)]
struct Object {
    url: Option<Value>,
    out: Option<Value>,
    sha256: Option<Value>,
    blake3: Option<Value>,
    priority: Option<Value>,
    headers: Option<Value>,
}

/// Reads one line.
pub(super) fn record(bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
    let line = match std::str::from_utf8(bytes) {
        Ok(line) => line.trim(),
        Err(_) => return super::text::not_utf8(bytes, place, out),
    };
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    out.push(entry(line, place), place.next);
}

/// The entry of one object.
pub(super) fn entry(text: &str, place: Place<'_>) -> Entry {
    match object(text, place.line) {
        Err(reason) => place.bad_value(text, reason),
        Ok(mut object) => match string("url", object.url.take()) {
            Err(reason) => place.bad_value(text, reason),
            Ok(None) => match wrapped_array(text.as_bytes()) {
                Some(array) => place.bad_value(text, array.advice()),
                None => place.bad_value(text, "the object has no url key; add \"url\":\"https://host/path\""),
            },
            Ok(Some(url)) => match object.wants() {
                Ok(wants) => place.value_entry(url.trim(), wants),
                Err(reason) => place.bad_value(&url, reason),
            },
        },
    }
}

fn object(text: &str, line: u64) -> Result<Object, Reason> {
    // serde would take an array for a struct, its elements in the order of the fields.
    if !text.starts_with('{') {
        return Err("not a JSON object; write {\"url\":\"https://host/path\"}, one object a line".into());
    }
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or_default();
            return format!("{what}; correct the object").into();
        }
        match error.line() {
            0 | 1 => format!("not valid JSON at column {}; write one whole object a line", error.column()).into(),
            more => {
                let line = line + more as u64 - 1;
                format!("not valid JSON at line {line}, column {}; correct the object", error.column()).into()
            }
        }
    })
}

impl Object {
    fn wants(self) -> Result<Wants, Reason> {
        let mut wants = Wants::default();
        wants.per_seed.out = string("out", self.out)?.filter(|out| !out.is_empty());
        if let Some(text) = string("sha256", self.sha256)? {
            wants.per_seed.sha256 = Some(wants::digest("sha256", &text)?);
        }
        if let Some(text) = string("blake3", self.blake3)? {
            wants.per_seed.blake3 = Some(wants::digest("blake3", &text)?);
        }
        if let Some(value) = self.priority {
            let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
            wants.priority = number.ok_or("priority must be a whole number of 32 bits; correct or remove it")?;
        }
        if let Some(value) = self.headers {
            wants.per_seed.headers = wants::headers_json(&value)?;
        }
        Ok(wants)
    }
}

fn string(key: &str, value: Option<Value>) -> Result<Option<String>, Reason> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key} must be a string; correct or remove it").into()),
    }
}
