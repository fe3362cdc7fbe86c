//! Settings whose value is one of some words.

use std::num::NonZeroU32;

use encoding_rs::Encoding;
use toml::Value;

use super::kind::{SettingKind, number, string};
use super::{Raw, ValueForm, Word};
use crate::config::{
    BackendKind, ChangesBy, Color, Compression, Concurrency, Digest, Duplicates, FailOn, Format, InputFormat,
    IpVersion, Order, PrivateAddresses, ProgressMode, Show, Until, merge, retry,
};
use crate::model::{ArchiveDigest, RecordEncoding, RetryOn, RobotsMode, ScopeKind, TextFormat, refused_value};

macro_rules! words {
    ($kind:ty: $($word:literal $(| $alias:literal)* = $variant:ident),+) => {
        impl SettingKind for $kind {
            type Value = Self;
            const FORM: ValueForm = ValueForm::Words(&[$(Word { name: $word, aliases: &[$($alias),*] }),+]);

            fn read(raw: Raw<'_>) -> Result<Self, String> {
                match string(raw)? {
                    $($word $(| $alias)* => Ok(Self::$variant),)+
                    other => Err(not_a_word(other, &[$($word),+])),
                }
            }

            fn write(value: &Self) -> Value {
                Value::from(match value { $(Self::$variant => $word),+ })
            }
        }
    };
}

words!(InputFormat: "auto" = Auto, "text" = Text, "tsv" = Tsv, "csv" = Csv, "ndjson" | "jsonl" = Ndjson,
    "json" = Json, "sitemap" = Sitemap, "html" = Html, "warc" = Warc, "cdxj" = Cdxj);
words!(BackendKind: "async" = Async, "threads" = Threads, "processes" = Processes, "sequential" = Sequential);
words!(IpVersion: "any" = Any, "4" = Four, "6" = Six);
words!(PrivateAddresses: "allow" = Allow, "guard" = Guard, "deny" = Deny);
words!(Compression: "auto" = Auto, "off" = Off, "raw" = Raw);
words!(Duplicates: "skip" = Skip, "fetch" = Fetch);
words!(Order: "completed" = Completed, "input" = Input);
words!(Until: "all" = All, "first-completed" = FirstCompleted, "first-success" = FirstSuccess, "first-error" = FirstError);
words!(Digest: "none" = None, "sha256" = Sha256, "blake3" = Blake3);
words!(Format: "text" = Text, "ndjson" | "json" = Ndjson, "csv" = Csv, "tsv" = Tsv);
words!(ProgressMode: "auto" = Auto, "bar" = Bar, "plain" = Plain, "json" = Json, "none" = None);
words!(Show: "auto" = Auto, "all" = All, "changes" = Changes, "failures" = Failures, "none" = None);
words!(ScopeKind: "page" = Page, "prefix" = Prefix, "host" = Host, "domain" = Domain, "any" = Any);
words!(RobotsMode: "obey" = Obey, "ignore" = Ignore, "report" = Report);
words!(RecordEncoding: "gzip" = Gzip, "none" = None);
words!(ArchiveDigest: "sha1" = Sha1, "sha256" = Sha256);
words!(TextFormat: "markdown" | "md" = Markdown, "plain" | "txt" = Plain, "html" = Html);
words!(ChangesBy: "bytes" = Bytes, "text" = Text);
words!(Color: "auto" = Auto, "always" = Always, "never" = Never);

/// The message about a text that is none of these words.
pub(super) fn not_a_word(text: &str, words: &[&str]) -> String {
    let near = merge::nearest(text, words.iter().copied());
    let ask = near.map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
    format!("{} is none of {}{ask}", refused_value(text), words.join(", "))
}

impl SettingKind for Concurrency {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == "auto" => Ok(Concurrency::Auto),
            Raw::String("auto") => Ok(Concurrency::Auto),
            Raw::Text(_) | Raw::List(_) | Raw::String(_) | Raw::Number(_) | Raw::Bool(_) => {
                NonZeroU32::read(raw).map(Concurrency::Fixed).map_err(|why| format!("{why}, or `auto`"))
            }
        }
    }

    fn write(value: &Self) -> Value {
        match value {
            Concurrency::Fixed(most) => NonZeroU32::write(most),
            Concurrency::Auto => Value::from("auto"),
        }
    }
}

impl SettingKind for FailOn {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let text = number(raw)?;
        let (digits, percent) = text.strip_suffix('%').map_or((text, false), |digits| (digits, true));
        Ok(match text {
            "any" => FailOn::Any,
            "all" => FailOn::All,
            "never" => FailOn::Never,
            _ if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => {
                let text = refused_value(text);
                return Err(format!("{text} is none of any, all, never, a number such as 3, a share such as 10%"));
            }
            _ => match (digits.parse().map_err(|_| format!("{} is too large", refused_value(text)))?, percent) {
                (0, _) => return Err("is 0; write at least 1, or `any`".to_owned()),
                (share @ 1..=100, true) => FailOn::Percent(share as u8),
                (_, true) => return Err(format!("{} is more than all; write at most 100%", refused_value(text))),
                (count, false) => FailOn::Count(count),
            },
        })
    }

    fn write(value: &Self) -> Value {
        Value::from(match value {
            FailOn::Any => "any".to_owned(),
            FailOn::All => "all".to_owned(),
            FailOn::Never => "never".to_owned(),
            FailOn::Count(count) => count.to_string(),
            FailOn::Percent(share) => format!("{share}%"),
        })
    }
}

impl SettingKind for RetryOn {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::List(words) => retry::parse(&words.join(",")),
            // One status alone.
            other => retry::parse(number(other)?),
        }
    }

    fn write(value: &Self) -> Value {
        Value::from(retry::show(value))
    }
}

/// An encoding by one of its names, or `auto`.
pub(super) struct TextEncoding;

impl SettingKind for TextEncoding {
    type Value = Option<&'static Encoding>;

    fn read(raw: Raw<'_>) -> Result<Self::Value, String> {
        let name = string(raw)?;
        if name.eq_ignore_ascii_case("auto") {
            return Ok(None);
        }
        let found = Encoding::for_label_no_replacement(name.as_bytes());
        found.map(Some).ok_or_else(|| {
            format!(
                "{} is no encoding; write auto, utf-8, utf-16le, windows-1252, shift_jis or another of encoding.spec.whatwg.org",
                refused_value(name)
            )
        })
    }

    fn write(value: &Self::Value) -> Value {
        Value::from(value.map_or_else(|| "auto".to_owned(), |encoding| encoding.name().to_ascii_lowercase()))
    }
}
