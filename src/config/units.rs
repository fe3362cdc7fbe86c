//! Times, sizes and rates as people write them: `1m30s`, `64KiB`, `100/30s`.
//!
//! Every value is printed in a form that reads back as itself.

use std::fmt::Write as _;
use std::time::Duration;

use super::LowSpeed;
use crate::model::refused_value;

/// Longer times are typing errors, and could overflow a clock: ten years.
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);
/// The window of a `low-speed` that names only a rate; curl's default too.
const DEFAULT_WINDOW: Duration = Duration::from_secs(30);
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads `500ms`, `10s`, `2m`, `1h`, `1m30s` or `1.5s`; a bare number counts seconds.
///
/// # Errors
/// A message with the fault in the text and the correct form.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{} is not a time; write 500ms, 10s, 2m, 1h or 1m30s", refused_value(text));
    let mut rest = text;
    let mut total = 0_u64;
    let mut smaller_than = u64::MAX;
    while !rest.is_empty() {
        let (number, after) = split_number(rest);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        // A bare number is a whole text, never the tail of one: `1m30` is ambiguous.
        let unit_ms = match TIMES.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)) {
            Some((_, ms)) => *ms,
            None if unit.is_empty() && smaller_than == u64::MAX && after.is_empty() => 1000,
            None => return Err(wrong()),
        };
        if unit_ms >= smaller_than {
            return Err(wrong());
        }
        smaller_than = unit_ms;
        let (ms, exact) = scale(number, unit_ms).ok_or_else(wrong)?;
        if !exact {
            return Err(format!("{} is finer than a millisecond; write whole milliseconds", refused_value(text)));
        }
        total = total.saturating_add(ms);
        rest = after;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    let time = Duration::from_millis(total);
    if time > LONGEST { Err(format!("{} is too long; write at most 3650d", refused_value(text))) } else { Ok(time) }
}

/// Writes a time so that [`parse_time`] reads it back; to the millisecond.
pub fn show_time(time: Duration) -> String {
    let mut left = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    // Days are read but not written: `36h` is clearer than `1d12h`.
    for (unit, ms) in TIMES.into_iter().skip(1) {
        if left >= ms {
            let _ = write!(text, "{}{unit}", left / ms);
            left %= ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads `64KiB`, `10M`, `1GiB` or `5MB`; a bare number counts bytes.
///
/// K, M, G, T and KiB, MiB, GiB, TiB are powers of 1024 as in curl and wget; kB, MB, GB, TB powers of 1000.
///
/// # Errors
/// A message with the fault in the text and the correct form.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{} is not a size; write 64KiB, 10M, 1GiB or a number of bytes", refused_value(text));
    let (number, unit) = split_number(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    match scale(number, factor) {
        // TOML integers are signed, and no file is longer.
        Some((bytes, _)) if i64::try_from(bytes).is_ok() => Ok(bytes),
        Some(_) => Err(format!("{} is too large; write less than 8388608TiB", refused_value(text))),
        None => Err(wrong()),
    }
}

/// Writes a size so that [`parse_size`] reads it back.
pub fn show_size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, bits)| bytes > 0 && bytes.trailing_zeros() >= *bits) {
        Some((unit, bits)) => format!("{}{unit}", bytes >> bits),
        None => bytes.to_string(),
    }
}

/// Reads `RATE/TIME`, such as `100/30s` or `1KiB/10s`; a rate alone is averaged over 30 s. A rate of 0 is no limit.
///
/// # Errors
/// A message with the fault in the text and the correct form.
pub fn parse_low_speed(text: &str) -> Result<Option<LowSpeed>, String> {
    let hint = |why: String| format!("{why} (low-speed is bytes per second/time, such as 100/30s, or none)");
    let (rate, over) = match text.split_once('/') {
        Some((rate, over)) => (rate, parse_time(over).map_err(hint)?),
        None => (text, DEFAULT_WINDOW),
    };
    let bytes_per_second = parse_size(rate).map_err(hint)?;
    if bytes_per_second == 0 {
        return Ok(None);
    }
    if over.is_zero() {
        return Err(hint(format!(
            "{} averages over no time at all; write a time after the slash",
            refused_value(text)
        )));
    }
    Ok(Some(LowSpeed { bytes_per_second, over }))
}

/// Writes a rate so that [`parse_low_speed`] reads it back.
pub fn show_low_speed(limit: LowSpeed) -> String {
    format!("{}/{}", show_size(limit.bytes_per_second), show_time(limit.over))
}

/// Splits after the leading digits and dots.
fn split_number(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

/// A decimal number times a whole one, rounded down, and whether that was exact. Saturates.
///
/// Whole numbers all the way: a float would lose bytes of large sizes.
fn scale(number: &str, factor: u64) -> Option<(u64, bool)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 18 {
        return None;
    }
    let whole = whole.parse().unwrap_or(u64::MAX).saturating_mul(factor);
    let scaled = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor);
    let one = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = u64::try_from(scaled / one).ok()?;
    Some((whole.saturating_add(part), scaled.is_multiple_of(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_back() {
        for (text, ms, shown) in [
            ("500ms", 500, "500ms"),
            ("10s", 10_000, "10s"),
            ("10", 10_000, "10s"),
            ("0.5", 500, "500ms"),
            ("2m", 120_000, "2m"),
            ("90s", 90_000, "1m30s"),
            ("1m30s", 90_000, "1m30s"),
            ("1.5h", 5_400_000, "1h30m"),
            ("1d", 86_400_000, "24h"),
            ("0", 0, "0s"),
        ] {
            let time = parse_time(text).unwrap();
            assert_eq!((time, show_time(time).as_str()), (Duration::from_millis(ms), shown), "{text}");
            assert_eq!(parse_time(shown), Ok(time));
        }
        for bad in ["", "s", "10x", "-1s", "1m30", "30s1m", "1s1s", "1..5s", ".5s", "1 s", "1.5ms", "1e3", "99999d"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
        assert!(parse_time("99999999999999999999").is_err());
    }

    #[test]
    fn sizes_are_read_and_written_back() {
        for (text, bytes, shown) in [
            ("0", 0, "0"),
            ("1000", 1000, "1000"),
            ("64KiB", 65_536, "64KiB"),
            ("10M", 10_485_760, "10MiB"),
            ("10k", 10_240, "10KiB"),
            ("1.5G", 1_610_612_736, "1536MiB"),
            ("5MB", 5_000_000, "5000000"),
            ("1kB", 1000, "1000"),
            ("1TiB", 1 << 40, "1TiB"),
        ] {
            let size = parse_size(text).unwrap();
            assert_eq!((size, show_size(size).as_str()), (bytes, shown), "{text}");
            assert_eq!(parse_size(shown), Ok(size));
        }
        for bad in ["", "K", "1X", "-1", "1 K", "1KiBB", "99999999T", "99999999999999999999"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_read_and_written_back() {
        let limit = parse_low_speed("100/30s").unwrap().unwrap();
        assert_eq!((limit.bytes_per_second, limit.over), (100, Duration::from_secs(30)));
        assert_eq!(show_low_speed(limit), "100/30s");
        assert_eq!(parse_low_speed("100"), Ok(Some(limit)));
        assert_eq!(parse_low_speed("0"), Ok(None));
        assert_eq!(parse_low_speed("0/30s"), Ok(None));
        for bad in ["", "/", "100/", "/30s", "100/0", "x/30s", "100/30s/1"] {
            assert!(parse_low_speed(bad).is_err(), "{bad}");
        }
    }
}
