//! Lists of JSON objects, one a line.
//!
//! Keys that are not ours are ignored and `null` is absent, so that the records of an earlier run
//! are a list too.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::address::Reason;
use super::column::{self, Column, Meaning};
use super::line::{Gathered, Place, Wants};
use super::wants;
use super::wrapped_array::wrapped_array;

/// An object of a list, as far as its keys are known.
#[derive(Default)]
struct Object {
    url: Option<Value>,
    out: Option<Value>,
    sha256: Option<Value>,
    blake3: Option<Value>,
    priority: Option<Value>,
    headers: Option<Value>,
    /// The keys that may mean known ones, each with a question.
    unclear: Vec<(String, &'static str)>,
}

/// A key of an object.
enum ObjectKey {
    /// A column, and whether the key is its name itself.
    Known(Column, bool),
    Unclear(String, &'static str),
    /// The key that only records have.
    Outcome,
    Other,
}

impl<'de> Deserialize<'de> for ObjectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = ObjectKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<ObjectKey, E> {
                Ok(match column::meaning(name) {
                    // A response that a program wrote down has `Headers` too, which are no request fields.
                    Meaning::Known(Column::Headers) if name != Column::Headers.name() => ObjectKey::Other,
                    Meaning::Known(column) => ObjectKey::Known(column, name == column.name()),
                    Meaning::Unclear(question) => ObjectKey::Unclear(name.to_owned(), question),
                    Meaning::Other if name == "outcome" => ObjectKey::Outcome,
                    Meaning::Other => ObjectKey::Other,
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let (mut object, mut is_record) = (Object::default(), false);
                // One bit for each column whose own name was there.
                let mut by_name = 0_u8;
                while let Some(key) = map.next_key()? {
                    match key {
                        ObjectKey::Known(column, true) => {
                            let bit = 1 << column as u8;
                            if by_name & bit != 0 {
                                return Err(Error::duplicate_field(column.name()));
                            }
                            by_name |= bit;
                            *object.value(column) = map.next_value()?;
                        }
                        // The name itself counts before its other spellings, and the first of those before the rest.
                        ObjectKey::Known(column, false) if object.value(column).is_none() => {
                            *object.value(column) = map.next_value()?;
                        }
                        ObjectKey::Known(..) => drop(map.next_value::<IgnoredAny>()?),
                        ObjectKey::Unclear(name, question) => {
                            if map.next_value::<Option<IgnoredAny>>()?.is_some() {
                                object.unclear.push((name, question));
                            }
                        }
                        ObjectKey::Outcome | ObjectKey::Other => {
                            is_record |= matches!(key, ObjectKey::Outcome);
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                if is_record {
                    object.unclear.clear();
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// The objects of one list.
#[derive(Default)]
pub(super) struct Objects {
    /// Whether a note about keys that may mean known ones was given.
    told: bool,
}

impl Objects {
    /// Reads one line.
    pub fn record(&mut self, bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
        let line = match std::str::from_utf8(bytes) {
            Ok(line) => line.trim(),
            Err(_) => return super::text::not_utf8(bytes, place, out),
        };
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        self.entry(line, place, out);
    }

    /// Adds the entry of one object.
    pub fn entry(&mut self, text: &str, place: Place<'_>, out: &mut Gathered) {
        let entry = match object(text, place.line) {
            Err(reason) => place.bad_json_line(text, reason),
            Ok(mut object) => {
                if !self.told && !object.unclear.is_empty() {
                    self.told = true;
                    let notes = object.unclear.iter().map(|(name, question)| column::unclear_key(name, question));
                    out.notes.extend(notes.map(|note| format!("{}:{}: {note}", place.list, place.line)));
                }
                match string("url", object.url.take()) {
                    Err(reason) => place.bad_value(text, reason),
                    Ok(None) => match wrapped_array(text.as_bytes()) {
                        Some(array) => place.bad_value(text, array.advice()),
                        None => place.bad_value(text, "the object has no url key; add \"url\":\"https://host/path\""),
                    },
                    Ok(Some(url)) => match object.wants() {
                        Ok(wants) => place.value_entry(url.trim(), wants),
                        Err(reason) => place.bad_value(&url, reason),
                    },
                }
            }
        };
        out.push(entry, place.next);
    }
}

fn object(text: &str, line: u64) -> Result<Object, Reason> {
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
    fn value(&mut self, column: Column) -> &mut Option<Value> {
        match column {
            Column::Url => &mut self.url,
            Column::Out => &mut self.out,
            Column::Sha256 => &mut self.sha256,
            Column::Blake3 => &mut self.blake3,
            Column::Priority => &mut self.priority,
            Column::Headers => &mut self.headers,
        }
    }

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
