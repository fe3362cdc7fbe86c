//! Settings of a crawl with values of their own.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::{Table, Value};
use url::Url;

use super::kind::{SettingKind, string};
use super::words::not_a_word;
use super::{Raw, ValueForm, Word};
use crate::config::Sitemaps;
use crate::config::traps::TRAP_LIMITS;
use crate::model::{TrapLimits, shown_text};

/// A number of links.
pub(super) struct Depth;

impl SettingKind for Depth {
    type Value = u32;

    fn read(raw: Raw<'_>) -> Result<u32, String> {
        u32::read(raw).map_err(|why| format!("{why}, or `none`"))
    }

    fn write(value: &u32) -> Value {
        Value::from(*value)
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<u32>, String> {
        match raw {
            // wget's word.
            Raw::Text(text) if text == "inf" => Ok(None),
            _ => Depth::read(raw).map(Some),
        }
    }
}

/// Whether the links of a page that says nofollow are followed.
pub(super) struct Nofollow;

impl SettingKind for Nofollow {
    type Value = bool;
    const FORM: ValueForm =
        ValueForm::Words(&[Word { name: "obey", aliases: &[] }, Word { name: "ignore", aliases: &[] }]);

    fn read(raw: Raw<'_>) -> Result<bool, String> {
        match string(raw)? {
            "obey" => Ok(false),
            "ignore" => Ok(true),
            other => Err(not_a_word(other, &["obey", "ignore"])),
        }
    }

    fn write(value: &bool) -> Value {
        Value::from(if *value { "ignore" } else { "obey" })
    }
}

/// A date, which begins at midnight UTC, or a time.
pub(super) struct Since;

impl SettingKind for Since {
    type Value = Timestamp;

    fn read(raw: Raw<'_>) -> Result<Timestamp, String> {
        let text = string(raw)?.trim();
        let date = || {
            // Of a longer text, jiff would take the date and drop the time.
            let date: Date = Some(text).filter(|text| text.len() == "2026-01-31".len())?.parse().ok()?;
            date.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
        };
        text.parse().ok().or_else(date).ok_or_else(|| {
            "is no date; write 2026-01-31, or a time with its zone such as 2026-01-31T12:00:00Z".to_owned()
        })
    }

    fn write(value: &Timestamp) -> Value {
        Value::from(value.to_string())
    }
}

/// One of three words, or URLs.
pub(super) struct SitemapChoice;

impl SitemapChoice {
    fn url(text: &str) -> Result<Url, String> {
        match Url::parse(text) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err("has a user name or password, which records would show; use --user or --netrc".to_owned())
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
            _ => Err("is none of auto, only, off, and no http or https URL; write https://host/sitemap.xml".to_owned()),
        }
    }

    fn write_with(value: &Sitemaps, text: impl Fn(&str) -> String) -> Value {
        match value {
            Sitemaps::Auto => Value::from("auto"),
            Sitemaps::Only => Value::from("only"),
            Sitemaps::Off => Value::from("off"),
            Sitemaps::Urls(urls) => urls.iter().map(|url| text(url.as_str())).collect::<Vec<_>>().into(),
        }
    }
}

impl SettingKind for SitemapChoice {
    type Value = Sitemaps;
    const FORM: ValueForm = ValueForm::List;

    fn read(raw: Raw<'_>) -> Result<Sitemaps, String> {
        let texts: Vec<&str> = match raw {
            Raw::List(texts) => texts.iter().map(|text| text.trim()).collect(),
            _ => string(raw)?.split_whitespace().collect(),
        };
        let word = |text: &str| match text {
            "auto" => Some(Sitemaps::Auto),
            "only" => Some(Sitemaps::Only),
            "off" => Some(Sitemaps::Off),
            _ => None,
        };
        let words: Vec<_> = texts.iter().filter_map(|text| word(text)).collect();
        match words.len() {
            _ if texts.is_empty() => Err("is empty; write auto, only, off, or a URL".to_owned()),
            0 => texts.into_iter().map(SitemapChoice::url).collect::<Result<_, _>>().map(Sitemaps::Urls),
            // As with any flag, the last one counts.
            count if count == texts.len() => Ok(words.into_iter().next_back().unwrap_or(Sitemaps::Off)),
            _ => Err("has a word beside a URL; write auto, only or off alone, or only URLs".to_owned()),
        }
    }

    fn write(value: &Sitemaps) -> Value {
        Self::write_with(value, str::to_owned)
    }

    fn show(value: &Sitemaps) -> Value {
        Self::write_with(value, |url| shown_text(url).into_owned())
    }
}

/// The rules for traps: off, on, or a table of limits.
pub(super) struct TrapSwitch;

impl SettingKind for TrapSwitch {
    type Value = Option<TrapLimits>;
    const FORM: ValueForm = ValueForm::Switch;

    fn read(raw: Raw<'_>) -> Result<Option<TrapLimits>, String> {
        Ok(bool::read(raw)?.then(TrapLimits::default))
    }

    /// Limits in force stay when the rules are switched on.
    fn set(value: &mut Option<TrapLimits>, raw: Raw<'_>) -> Result<(), String> {
        match bool::read(raw)? {
            true => drop(value.get_or_insert_default()),
            false => *value = None,
        }
        Ok(())
    }

    fn write(value: &Option<TrapLimits>) -> Value {
        let Some(limits) = value else { return Value::from(false) };
        let usual = TrapLimits::default();
        let changed = TRAP_LIMITS.iter().filter(|limit| limit.get(limits) != limit.get(&usual));
        let table: Table = changed.map(|limit| (limit.name.to_owned(), limit.get(limits))).collect();
        if table.is_empty() { Value::from(true) } else { Value::Table(table) }
    }
}
