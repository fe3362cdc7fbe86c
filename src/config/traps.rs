//! The table `[traps]` of a file: one key for each limit.

use toml::Value;

use super::Raw;
use super::keys::whole_number;
use crate::model::TrapLimits;

/// A limit of the rules for traps.
#[derive(Debug, Clone, Copy)]
pub struct TrapLimit {
    /// The key in `[traps]`: kebab-case.
    pub name: &'static str,
    /// The meaning, in one line.
    pub help: &'static str,
    set: fn(&mut TrapLimits, Raw<'_>) -> Result<(), String>,
    get: fn(&TrapLimits) -> Value,
}

impl TrapLimit {
    /// The limit of this name.
    pub(super) fn named(name: &str) -> Option<&'static TrapLimit> {
        TRAP_LIMITS.iter().find(|limit| limit.name == name)
    }

    /// Reads a value into the limits, which stay as they were when the value is wrong.
    pub(super) fn set(&self, limits: &mut TrapLimits, raw: Raw<'_>) -> Result<(), String> {
        (self.set)(limits, raw)
    }

    /// The value.
    pub fn get(&self, limits: &TrapLimits) -> Value {
        (self.get)(limits)
    }
}

macro_rules! limits {
    ($($name:literal => $field:ident: $type:ty, $least_is_1:literal, $help:literal;)+) => {
        /// Every limit, in the order of documents.
        pub const TRAP_LIMITS: &[TrapLimit] = &[$(TrapLimit {
            name: $name,
            help: $help,
            set: |limits, raw| {
                let value = whole_number(raw, <$type>::MAX)?;
                if $least_is_1 && value == 0 {
                    return Err("is 0; write at least 1".to_owned());
                }
                limits.$field = value;
                Ok(())
            },
            get: |limits| Value::from(i64::try_from(limits.$field).unwrap_or(i64::MAX)),
        }),+];
    };
}

limits! {
    "max-url-length" => max_url_length: usize, true, "Bytes of a URL";
    "max-path-segments" => max_path_segments: usize, true, "Segments of a path";
    "max-segment-repeats" => max_segment_repeats: usize, true, "Times that one segment is in a path";
    "max-param-repeats" => max_param_repeats: usize, true, "Times that one parameter is in a query";
    "max-query-reflections" => max_query_reflections: usize, false,
        "Times that a query holds the URL or the query that it is part of";
    "max-page-links" => max_page_links: usize, true, "Links of one page that are followed";
    "equal-pages-in-chain" => equal_pages_in_chain: u8, true,
        "Pages with equal text and pictures, each found on the one before, after which no links are followed";
    "equal-query-variants" => equal_query_variants: u8, true,
        "Queries of a path with equal text and pictures, after which the path is closed to queries";
    "values-without-effect" => values_without_effect: u8, true,
        "Values of a parameter that change no text, after which the parameter is ignored";
    "near-equal-pages" => near_equal_pages: u8, true,
        "Pages with similar text, after which a pattern of URLs is closed to links with a second sign";
    "near-equal-bits" => near_equal_bits: u32, false, "Bits by which the simhashes of similar texts differ";
    "remembered" => remembered: usize, true, "Entries of a table of what was learned";
}
