//! The table of settings: every key once, with how its text is read and how its value is written.
//!
//! Files, environment, flags, `fetchall config` and `config.example.toml` all go through this
//! table, so a setting that is missing in one of them cannot exist. A new setting is a field of
//! [`Config`], its default, and one row here.

use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use encoding_rs::Encoding;
use toml::Value;
use url::Url;

use super::{
    Backend, Color, Compression, Concurrency, Config, Digest, Duplicates, FailOn, Format, InputFormat, IpVersion,
    LowSpeed, Order, PrivateAddresses, ProgressMode, Proxies, Rate, Until, header, pace, pin, retry, units,
};
use crate::model::RetryOn;

/// A value as a layer gives it.
#[derive(Debug, Clone, Copy)]
pub enum Raw<'a> {
    /// Text of a flag or a variable, where everything is text.
    Text(&'a OsStr),
    /// Several texts, of a flag that may be repeated or an array.
    List(&'a [String]),
    /// A string of a TOML file.
    String(&'a str),
    /// A number of a TOML file, in decimal.
    Number(&'a str),
    /// A truth value of a TOML file.
    Bool(bool),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name in files, and the long flag: kebab-case.
    pub name: &'static str,
    /// Other long names of the flag; in files they only lead to a suggestion.
    pub aliases: &'static [&'static str],
    /// The accepted words, where the value is one of a few.
    pub words: &'static [&'static str],
    set: fn(&mut Config, Raw<'_>) -> Result<(), String>,
    get: fn(&Config) -> Value,
    /// Whether the file of the working folder, which may be a stranger's, may set it too.
    pub(super) anywhere: bool,
}

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The environment variable: `FETCHALL_` and the name in upper snake case.
    pub fn variable(&self) -> String {
        format!("FETCHALL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// Reads a value into the configuration, which stays as it was when the value is wrong.
    ///
    /// # Errors
    /// A message with the fault in the value and the correct form.
    pub fn set(&self, config: &mut Config, raw: Raw<'_>) -> Result<(), String> {
        (self.set)(config, raw)
    }

    /// The value as TOML, in a form that reads back as itself.
    pub fn get(&self, config: &Config) -> Value {
        (self.get)(config)
    }
}

/// Reads and writes the value of one kind of setting.
trait Kind {
    type Value;
    const WORDS: &'static [&'static str] = &[];
    fn read(raw: Raw<'_>) -> Result<Self::Value, String>;
    fn write(value: &Self::Value) -> Value;

    /// Reads a setting that may be `none`: limits take 0 for none, as curl does.
    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self::Value>, String> {
        Self::read(raw).map(Some)
    }
}

macro_rules! keys {
    (@anywhere) => { true };
    (@user_only) => { false };
    ($($name:literal $(| $alias:literal)* => $field:ident: $kind:ty, $place:ident;)+) => {
        /// Every setting, in the order in which help and `fetchall config` show them.
        pub const KEYS: &[Key] = &[$(Key {
            name: $name,
            aliases: &[$($alias),*],
            words: <$kind as Kind>::WORDS,
            set: |config, raw| {
                config.$field = <$kind as Kind>::read(raw)?;
                Ok(())
            },
            get: |config| <$kind as Kind>::write(&config.$field),
            anywhere: keys!(@$place),
        }),+];
    };
}

// A key is `user_only` unless no value of it can say what is fetched and sent, weaken a check, or
// touch a file that is not of this folder.
keys! {
    "input-format" => input_format: InputFormat, anywhere;
    "base" => base: OrNone<BaseUrl>, user_only;
    "input-encoding" => input_encoding: TextEncoding, anywhere;
    "url-column" => url_column: OrNone<ColumnName>, anywhere;
    "duplicates" => duplicates: Duplicates, anywhere;
    "concurrency" | "jobs" | "workers" => concurrency: Concurrency, anywhere;
    "backend" => backend: Backend, anywhere;
    "per-host" | "host-concurrency" => per_host: OrNone<NonZeroU32>, anywhere;
    "delay" | "wait" => delay: Time, anywhere;
    "random-wait" => random_wait: bool, anywhere;
    "rate" => rate: OrNone<Rate>, anywhere;
    "limit-rate" => limit_rate: OrNone<Speed>, anywhere;
    "grace" => grace: Time, anywhere;
    "order" => order: Order, anywhere;
    "until" => until: Until, user_only;
    "max-failures" => max_failures: OrNone<NonZeroU32>, anywhere;
    "max-duration" => max_duration: OrNone<TimeLimit>, anywhere;
    "fail-on" => fail_on: FailOn, user_only;
    "header" => header: Headers, user_only;
    "user-agent" => user_agent: FieldText, anywhere;
    "user" => user: OrNone<FieldText>, user_only;
    "anyauth" => anyauth: bool, user_only;
    "netrc" => netrc: bool, user_only;
    "netrc-file" => netrc_file: OrNone<PathBuf>, user_only;
    "cookie" => cookie: OrNone<FieldText>, user_only;
    "load-cookies" => load_cookies: OrNone<PathBuf>, user_only;
    "save-cookies" => save_cookies: OrNone<PathBuf>, user_only;
    "proxy" => proxy: OrNone<ProxyText>, user_only;
    "noproxy" => noproxy: OrNone<FieldText>, user_only;
    "head" | "spider" => head: bool, user_only;
    "http1" | "http1.1" => http1: bool, user_only;
    "max-redirects" | "max-redirs" => max_redirects: u32, anywhere;
    "resolve" => resolve: Pins, user_only;
    "ip-version" => ip_version: IpVersion, user_only;
    "private-addresses" => private_addresses: PrivateAddresses, user_only;
    "cacert" | "ca-certificate" => cacert: OrNone<PathBuf>, user_only;
    "cert" => cert: OrNone<PathBuf>, user_only;
    "key" => key: OrNone<PathBuf>, user_only;
    "insecure" | "no-check-certificate" => insecure: bool, user_only;
    "compression" => compression: Compression, user_only;
    "connect-timeout" => connect_timeout: TimeLimit, anywhere;
    "read-timeout" | "idle-timeout" => read_timeout: TimeLimit, anywhere;
    "timeout" | "max-time" => timeout: OrNone<TimeLimit>, anywhere;
    "low-speed" => low_speed: OrNone<LowSpeed>, anywhere;
    "retry" | "retries" => retry: u32, anywhere;
    "retry-on" => retry_on: RetryOn, anywhere;
    "retry-max-wait" => retry_max_wait: Time, anywhere;
    "dir" | "output-dir" => dir: OrNone<PathBuf>, anywhere;
    "name" => name: String, anywhere;
    "content-disposition" => content_disposition: bool, user_only;
    "skip-existing" | "no-clobber" => skip_existing: bool, user_only;
    "fresh" => fresh: bool, user_only;
    "refresh" | "timestamping" => refresh: bool, user_only;
    "remote-time" => remote_time: bool, anywhere;
    "state" => state: OrNone<PathBuf>, user_only;
    "sync" => sync: bool, user_only;
    "changes" => changes: OrNone<PathBuf>, user_only;
    "digest" => digest: Digest, anywhere;
    "max-size" | "max-filesize" => max_size: OrNone<Size>, user_only;
    "format" => format: Format, anywhere;
    "output" => output: PathBuf, user_only;
    "summary" => summary: OrNone<PathBuf>, user_only;
    "progress" => progress: ProgressMode, anywhere;
    "quiet" | "silent" => quiet: bool, anywhere;
    "verbose" => verbose: bool, anywhere;
    "color" => color: Color, anywhere;
    "log" => log: OrNone<PathBuf>, user_only;
    "dry-run" => dry_run: bool, user_only;
}

/// The value as text, where TOML may have it as a string only.
fn string(raw: Raw<'_>) -> Result<&str, String> {
    match raw {
        Raw::Text(text) => text.to_str().ok_or_else(|| "is not valid UTF-8; write it in UTF-8".to_owned()),
        Raw::String(text) => Ok(text),
        Raw::List(_) => Err("is a list; write one string in quotes".to_owned()),
        // The number is not repeated: it may be a password.
        Raw::Number(_) => Err("is a number; write a string in quotes".to_owned()),
        Raw::Bool(truth) => Err(format!("is a truth value; write a string in quotes: \"{truth}\"")),
    }
}

/// The value as text, where TOML may have it as a number too.
fn number(raw: Raw<'_>) -> Result<&str, String> {
    match raw {
        Raw::Number(text) => Ok(text),
        Raw::Bool(_) | Raw::List(_) => Err("has the wrong type; write a number or a string in quotes".to_owned()),
        other => string(other),
    }
}

macro_rules! words {
    ($kind:ty: $($word:literal $(| $alias:literal)* = $variant:ident),+) => {
        impl Kind for $kind {
            type Value = Self;
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn read(raw: Raw<'_>) -> Result<Self, String> {
                match string(raw)? {
                    $($word $(| $alias)* => Ok(Self::$variant),)+
                    other => Err(not_a_word(other, Self::WORDS)),
                }
            }

            fn write(value: &Self) -> Value {
                Value::from(match value { $(Self::$variant => $word),+ })
            }
        }
    };
}

words!(InputFormat: "auto" = Auto, "text" = Text, "tsv" = Tsv, "csv" = Csv, "ndjson" | "jsonl" = Ndjson,
    "json" = Json, "sitemap" = Sitemap, "html" = Html);
words!(Backend: "async" = Async, "threads" = Threads, "processes" = Processes, "sequential" = Sequential);
words!(IpVersion: "any" = Any, "4" = Four, "6" = Six);
words!(PrivateAddresses: "allow" = Allow, "guard" = Guard, "deny" = Deny);
words!(Compression: "auto" = Auto, "off" = Off, "raw" = Raw);
words!(Duplicates: "skip" = Skip, "fetch" = Fetch);
words!(Order: "completed" = Completed, "input" = Input);
words!(Until: "all" = All, "first-completed" = FirstCompleted, "first-success" = FirstSuccess, "first-error" = FirstError);
words!(Digest: "none" = None, "sha256" = Sha256, "blake3" = Blake3);
words!(Format: "text" = Text, "ndjson" | "json" = Ndjson, "csv" = Csv, "tsv" = Tsv);
words!(ProgressMode: "auto" = Auto, "bar" = Bar, "plain" = Plain, "json" = Json, "none" = None);
words!(Color: "auto" = Auto, "always" = Always, "never" = Never);

fn not_a_word(text: &str, words: &[&str]) -> String {
    let near = super::merge::nearest(text, words.iter().copied());
    let ask = near.map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
    format!("`{}` is none of {}{ask}", text.escape_debug(), words.join(", "))
}

impl Kind for bool {
    type Value = Self;
    const WORDS: &'static [&'static str] = &["true", "false"];

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Bool(truth) => Ok(truth),
            // Variables have no truth values, and `1` is how most people switch one on.
            Raw::Text(text) if text == "true" || text == "1" => Ok(true),
            Raw::Text(text) if text == "false" || text == "0" => Ok(false),
            _ => Err("is neither true nor false; write true or false, without quotes".to_owned()),
        }
    }

    fn write(value: &Self) -> Value {
        Value::from(*value)
    }
}

impl Kind for u32 {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let text = number(raw)?;
        // `parse` alone would take a leading plus.
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("`{}` is not a whole number of 0 or more; write digits only", text.escape_debug()));
        }
        text.parse().map_err(|_| format!("`{text}` is too large; write at most {}", u32::MAX))
    }

    fn write(value: &Self) -> Value {
        Value::from(*value)
    }
}

impl Kind for NonZeroU32 {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        NonZeroU32::new(u32::read(raw)?).ok_or_else(|| "is 0; write at least 1".to_owned())
    }

    fn write(value: &Self) -> Value {
        Value::from(value.get())
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self>, String> {
        u32::read(raw).map(NonZeroU32::new)
    }
}

impl Kind for Concurrency {
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

impl Kind for FailOn {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        let text = number(raw)?;
        let (digits, percent) = text.strip_suffix('%').map_or((text, false), |digits| (digits, true));
        Ok(match text {
            "any" => FailOn::Any,
            "all" => FailOn::All,
            "never" => FailOn::Never,
            _ if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => {
                let text = text.escape_debug();
                return Err(format!("`{text}` is none of any, all, never, a number such as 3, a share such as 10%"));
            }
            _ => match (digits.parse().map_err(|_| format!("`{text}` is too large"))?, percent) {
                (0, _) => return Err("is 0; write at least 1, or `any`".to_owned()),
                (share @ 1..=100, true) => FailOn::Percent(share as u8),
                (_, true) => return Err(format!("`{text}` is more than all; write at most 100%")),
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

impl Kind for RetryOn {
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

/// The base URL of a document.
struct BaseUrl;

impl Kind for BaseUrl {
    type Value = Url;

    fn read(raw: Raw<'_>) -> Result<Url, String> {
        match Url::parse(string(raw)?.trim()) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                Err("is no http or https URL; write https://host/path".to_owned())
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err("holds a user name or password; give them with --user".to_owned())
            }
            Ok(url) => Ok(url),
            Err(error) => Err(format!("is not a URL ({error}); write https://host/path")),
        }
    }

    fn write(value: &Url) -> Value {
        Value::from(value.as_str())
    }
}

/// A time that may be 0.
struct Time;

impl Kind for Time {
    type Value = Duration;

    fn read(raw: Raw<'_>) -> Result<Duration, String> {
        units::parse_time(number(raw)?)
    }

    fn write(value: &Duration) -> Value {
        Value::from(units::show_time(*value))
    }
}

/// A time that may not be 0: nothing could ever be in time.
struct TimeLimit;

impl Kind for TimeLimit {
    type Value = Duration;

    fn read(raw: Raw<'_>) -> Result<Duration, String> {
        let time = Time::read(raw)?;
        if time.is_zero() { Err("is 0; write a time of at least 1ms".to_owned()) } else { Ok(time) }
    }

    fn write(value: &Duration) -> Value {
        Time::write(value)
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Duration>, String> {
        Ok(Some(Time::read(raw)?).filter(|time| !time.is_zero()))
    }
}

/// A number of bytes.
struct Size;

impl Kind for Size {
    type Value = u64;

    fn read(raw: Raw<'_>) -> Result<u64, String> {
        units::parse_size(number(raw)?)
    }

    fn write(value: &u64) -> Value {
        Value::from(units::show_size(*value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<u64>, String> {
        Ok(Some(Size::read(raw)?).filter(|bytes| *bytes > 0))
    }
}

/// A number of bytes a second.
struct Speed;

impl Kind for Speed {
    type Value = u64;

    fn read(raw: Raw<'_>) -> Result<u64, String> {
        pace::parse_speed(number(raw)?)
    }

    fn write(value: &u64) -> Value {
        Value::from(units::show_size(*value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<u64>, String> {
        Ok(Some(Speed::read(raw)?).filter(|bytes| *bytes > 0))
    }
}

impl Kind for Rate {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        Self::read_or_none(raw)?.ok_or_else(|| "is 0; write a rate of at least 1/h".to_owned())
    }

    fn write(value: &Self) -> Value {
        Value::from(value.show())
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self>, String> {
        Rate::parse(number(raw)?)
    }
}

impl Kind for LowSpeed {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        Self::read_or_none(raw)?.ok_or_else(|| "is 0; write a rate of at least 1/1s".to_owned())
    }

    fn write(value: &Self) -> Value {
        Value::from(units::show_low_speed(*value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self>, String> {
        units::parse_low_speed(number(raw)?)
    }
}

impl Kind for PathBuf {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        // A path of a flag or a variable need not be UTF-8.
        let path = if let Raw::Text(text) = raw { PathBuf::from(text) } else { PathBuf::from(string(raw)?) };
        if path.as_os_str().is_empty() { Err("is empty; name a path or leave it out".to_owned()) } else { Ok(path) }
    }

    fn write(value: &Self) -> Value {
        Value::from(value.to_string_lossy().into_owned())
    }
}

/// `none`, or a value.
struct OrNone<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for OrNone<K> {
    type Value = Option<K::Value>;

    fn read(raw: Raw<'_>) -> Result<Self::Value, String> {
        match raw {
            Raw::Text(text) if text == "none" => Ok(None),
            Raw::String("none") => Ok(None),
            _ => K::read_or_none(raw),
        }
    }

    fn write(value: &Self::Value) -> Value {
        value.as_ref().map_or_else(|| Value::from("none"), K::write)
    }
}

impl Kind for String {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        string(raw).map(str::to_owned)
    }

    fn write(value: &Self) -> Value {
        Value::from(value.as_str())
    }
}

/// Text that can be the value of a request field (RFC 9110, section 5.5).
struct FieldText;

impl Kind for FieldText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let text = string(raw)?;
        http::HeaderValue::from_bytes(text.as_bytes())
            .map(|_| text.to_owned())
            .map_err(|_| "has a control character; remove it".to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }
}

/// An encoding by one of its names, or `auto`.
struct TextEncoding;

impl Kind for TextEncoding {
    type Value = Option<&'static Encoding>;

    fn read(raw: Raw<'_>) -> Result<Self::Value, String> {
        let name = string(raw)?;
        if name.eq_ignore_ascii_case("auto") {
            return Ok(None);
        }
        let found = Encoding::for_label_no_replacement(name.as_bytes());
        found.map(Some).ok_or_else(|| {
            format!(
                "`{}` is no encoding; write auto, utf-8, utf-16le, windows-1252, shift_jis or another of encoding.spec.whatwg.org",
                name.escape_debug()
            )
        })
    }

    fn write(value: &Self::Value) -> Value {
        Value::from(value.map_or_else(|| "auto".to_owned(), |encoding| encoding.name().to_ascii_lowercase()))
    }
}

/// The name of a column.
struct ColumnName;

impl Kind for ColumnName {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let name = if let Raw::Number(number) = raw { number } else { string(raw)? };
        if name.trim().is_empty() {
            return Err("is empty; write the name of a column, or its number from 1".to_owned());
        }
        Ok(name.to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }
}

/// Texts: an array in files, lines in a variable. Each is checked, and `advice` gives the correct form.
fn texts<T>(raw: Raw<'_>, check: fn(&str) -> Result<T, String>, advice: &str) -> Result<Vec<String>, String> {
    let texts: Vec<String> = match raw {
        Raw::List(texts) => texts.to_vec(),
        Raw::Text(_) => string(raw)?.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
        _ => return Err(format!("is not a list; write [\"{advice}\"]")),
    };
    for (position, text) in texts.iter().enumerate() {
        check(text).map_err(|why| match texts.len() {
            1 => why,
            _ => format!("number {}: {why}", position + 1),
        })?;
    }
    Ok(texts)
}

/// Proxies; empty text is none, as in curl.
struct ProxyText;

impl Kind for ProxyText {
    type Value = String;

    fn read(raw: Raw<'_>) -> Result<String, String> {
        let text = string(raw)?;
        Proxies::parse(text).map(|_| text.to_owned())
    }

    fn write(value: &String) -> Value {
        Value::from(value.as_str())
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<String>, String> {
        Self::read(raw).map(|text| Some(text).filter(|text| !text.trim().is_empty()))
    }
}

/// Request fields: an array in files, lines in a variable.
struct Headers;

impl Kind for Headers {
    type Value = Vec<String>;

    fn read(raw: Raw<'_>) -> Result<Vec<String>, String> {
        let texts = texts(raw, header::parse_header, "Name: value")?;
        match texts.len() {
            0..=header::MOST => Ok(texts),
            many => Err(format!("has {many} request fields, more than {}; remove some", header::MOST)),
        }
    }

    fn write(value: &Vec<String>) -> Value {
        Value::from(value.clone())
    }
}

/// Names whose addresses are given.
struct Pins;

impl Kind for Pins {
    type Value = Vec<String>;

    fn read(raw: Raw<'_>) -> Result<Vec<String>, String> {
        texts(raw, pin::parse_pin, "www.example.com:443:192.0.2.1")
    }

    fn write(value: &Vec<String>) -> Value {
        Value::from(value.clone())
    }
}
