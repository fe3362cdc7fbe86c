//! Dates as servers write them.
//!
//! The model is RFC 6265, section 5.1.1: words in any order, with any separators. This parser adds
//! the zones of mail (RFC 5322, section 4.3) and the forms of ISO 8601 that name a zone.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::DateTime;

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Names of zones and their hours east of Greenwich. Any other name counts as UTC, as in browsers.
const ZONES: [(&[u8], i64); 22] = [
    (b"gmt", 0),
    (b"utc", 0),
    (b"ut", 0),
    (b"z", 0),
    (b"est", -5),
    (b"edt", -4),
    (b"cst", -6),
    (b"cdt", -5),
    (b"mst", -7),
    (b"mdt", -6),
    (b"pst", -8),
    (b"pdt", -7),
    (b"wet", 0),
    (b"west", 1),
    (b"bst", 1),
    (b"cet", 1),
    (b"cest", 2),
    (b"met", 1),
    (b"mest", 2),
    (b"eet", 2),
    (b"eest", 3),
    (b"jst", 9),
];

const HOUR: i64 = 60 * 60;

/// Returns the seconds since 1970 in UTC, or `None` for text that is no date.
pub fn parse(text: &[u8]) -> Option<i64> {
    let mut date = Date::default();
    let mut start = 0;
    for end in 0..=text.len() {
        if text.get(end).is_none_or(|byte| is_delimiter(*byte)) {
            if start < end {
                date.take(&text[..start], &text[start..end], text.get(end).copied());
            }
            start = end + 1;
        }
    }
    date.seconds().or_else(|| iso(text))
}

/// Parses a date like [`parse`], as a system time.
pub fn system_time(text: &[u8]) -> Option<SystemTime> {
    let seconds = parse(text)?;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    if seconds < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) }
}

/// `1994-11-06T08:49:37Z`, which has no name of a month.
fn iso(text: &[u8]) -> Option<i64> {
    let at: Timestamp = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    Some(at.as_second())
}

/// The parts found so far; the first of each kind counts.
#[derive(Default)]
struct Date {
    time: Option<TimeOfDay>,
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    /// Seconds east of Greenwich.
    zone: Option<i64>,
    /// Whether the zone was a number, which a later name does not replace.
    is_numeric: bool,
}

struct TimeOfDay {
    hour: i8,
    minute: i8,
    second: i8,
}

impl Date {
    /// Takes the next word; `before` is the text in front of it, `after` the sign behind it.
    fn take(&mut self, before: &[u8], word: &[u8], after: Option<u8>) {
        if self.time.is_none() {
            if let Some((time, rest)) = time_of(word) {
                self.time = Some(time);
                self.zone = zone_name(rest);
                return;
            }
        // `08:49:37-06-Nov-1994` has a day there.
        } else if let Some(zone) = offset(before, word).filter(|_| after != Some(b'-')) {
            if !self.is_numeric {
                (self.zone, self.is_numeric) = (Some(zone), true);
            }
            return;
        } else if let Some(zone) = zone_name(word) {
            self.zone = self.zone.or(Some(zone));
            return;
        } else if is_fraction(before) {
            return;
        }
        if self.day.is_none()
            && let Some((day, _)) = number(word, 1, 2)
        {
            self.day = i8::try_from(day).ok();
        } else if self.month.is_none()
            && let Some(month) = month_of(word)
        {
            self.month = Some(month);
        } else if self.year.is_none()
            && let Some((year, _)) = number(word, 2, 4)
        {
            self.year = Some(match year {
                70..=99 => year + 1900,
                0..=69 => year + 2000,
                _ => year,
            });
        }
    }

    fn seconds(&self) -> Option<i64> {
        let TimeOfDay { hour, minute, second } = self.time.as_ref()?;
        let year = self.year.filter(|year| *year >= 1601)?;
        let at = DateTime::new(year, self.month?, self.day?, *hour, *minute, *second, 0).ok()?;
        let since = at.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs();
        Some(since - self.zone.unwrap_or(0))
    }
}

/// RFC 6265: every sign but the colon. Octets beyond ASCII belong to words.
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// A number of so many digits, and what follows them.
fn number(word: &[u8], least: usize, most: usize) -> Option<(i16, &[u8])> {
    let end = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
    let (digits, rest) = word.split_at(end);
    let value =
        digits.iter().fold(0, |value: i16, digit| value.saturating_mul(10).saturating_add(i16::from(digit - b'0')));
    (least..=most).contains(&end).then_some((value, rest))
}

/// `8:49:37` or `08:49`, and what follows. A leap second is the second before it.
fn time_of(word: &[u8]) -> Option<(TimeOfDay, &[u8])> {
    let part = |text, most| {
        let (value, rest) = number(text, 1, 2)?;
        let value = i8::try_from(value).ok().filter(|value| *value <= most)?;
        Some((value, rest))
    };
    let (hour, rest) = part(word, 23)?;
    let (minute, rest) = part(rest.strip_prefix(b":")?, 59)?;
    let Some(rest) = rest.strip_prefix(b":") else { return Some((TimeOfDay { hour, minute, second: 0 }, rest)) };
    let (second, rest) = part(rest, 60)?;
    Some((TimeOfDay { hour, minute, second: second.min(59) }, rest))
}

fn month_of(word: &[u8]) -> Option<i8> {
    let start = word.first_chunk::<3>()?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| month[..] == start[..])?;
    i8::try_from(at + 1).ok()
}

fn zone_name(word: &[u8]) -> Option<i64> {
    let (_, hours) = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
    Some(hours * HOUR)
}

/// The zone `+0200`, `+02:00` or `+2`: a sign stands before it, and before that a blank, the time
/// or the name of a zone. `06-Nov-1994` has no zone.
fn offset(before: &[u8], word: &[u8]) -> Option<i64> {
    let (sign, before) = before.split_last()?;
    let east = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let start = before.iter().rposition(|byte| is_delimiter(*byte)).map_or(0, |at| at + 1);
    let last = &before[start..];
    if !last.is_empty() && zone_name(last).is_none() && time_of(last).is_none() {
        return None;
    }
    let (hours, minutes) = match number(word, 1, 4)? {
        (hours, []) if word.len() <= 2 => (hours, 0),
        (both, []) if word.len() == 4 => (both / 100, both % 100),
        (hours, [b':', minutes @ ..]) => match number(minutes, 2, 2)? {
            (minutes, []) => (hours, minutes),
            _ => return None,
        },
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then(|| east * (i64::from(hours) * HOUR + i64::from(minutes) * 60))
}

/// Whether a word is a part of a second: `08:49:37.123`.
fn is_fraction(before: &[u8]) -> bool {
    let Some((b'.' | b',', before)) = before.split_last() else { return false };
    let start = before.iter().rposition(|byte| is_delimiter(*byte)).map_or(0, |at| at + 1);
    time_of(&before[start..]).is_some_and(|(_, rest)| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_in_every_usual_form() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "06 Nov 1994 08:49:37 GMT",
            "06-Nov-1994 08:49:37 GMT",
            "Sunday, 06 November 1994 8:49:37 GMT",
            "1994 6 nov 8:49:37",
            "06/November/1994 08:49:37.123",
            "Sun Nov 6 08:49:37.123 1994",
            "08:49:37 06-Nov-1994",
            "08:49:37-06-Nov-1994",
            "Sun, 06 Nov 1994 08:49:37",
            "1994-11-06T08:49:37Z",
            "1994-11-06T10:49:37.5+02:00",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49 GMT"), Some(784_111_740), "without seconds");
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49:60 GMT"), Some(784_111_799), "a leap second");
        assert_eq!(parse(b"dim. 06 Nov 1994 08:49:37 \xe9"), Some(784_111_777), "octets that are no ASCII");
        assert_eq!(parse(b"Fri, 07 Aug 2068 00:00:00 GMT"), parse(b"Fri, 07 Aug 68 00:00:00 GMT"));
        assert_eq!(parse(b"Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
    }

    #[test]
    fn zones_count_where_they_are_named() {
        for zone in
            ["+0000", "-0000", "+0", "UTC", "UT", "Z", "gmt", "(UTC)", "XYZ", "GMT+0", "GMT+00:00", "+0000 (EST)"]
        {
            assert_eq!(parse(format!("06 Nov 1994 08:49:37 {zone}").as_bytes()), Some(784_111_777), "{zone}");
        }
        for (date, hours) in [
            ("06 Nov 1994 10:49:37 +0200", 2),
            ("06 Nov 1994 03:49:37 -0500", -5),
            ("06 Nov 1994 03:49:37 EST", -5),
            ("06 Nov 1994 03:49:37 -05:00", -5),
            ("06 Nov 1994 09:49:37+0100", 1),
            ("Sun Nov  6 09:49:37 CET 1994", 1),
            ("Sun Nov 06 1994 09:49:37 GMT+0100 (Central European Standard Time)", 1),
            ("Sun Nov 06 09:49:37 +0100 1994", 1),
            ("Sunday, 06-Nov-94 01:49:37 MST", -7),
        ] {
            assert_eq!(parse(date.as_bytes()), Some(784_111_777), "{date}: {hours}");
        }
        assert_eq!(parse(b"06 Nov 1994 14:19:37 +0530"), Some(784_111_777));
    }

    #[test]
    fn years_before_1970_are_times_of_the_system() {
        let at = system_time(b"Sat, 01 Jan 1938 00:00:00 GMT").unwrap();
        assert_eq!(SystemTime::UNIX_EPOCH.duration_since(at).unwrap().as_secs(), 1_009_843_200);
    }

    #[test]
    fn text_that_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "tomorrow",
            "06 Nov 1994",
            "32 Nov 1994 00:00:00",
            "31 Feb 1994 00:00:00",
            "6 Nov 1994 24:00:00",
            "6 Nov 1600 0:0:0",
            "6 Nov 1994 08:60:00",
            "1994-11-06",
            "5 minutes",
            "784111777",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_none(text in "\\PC*|(Sun|, |06|-|Nov|1994|94| |08:49:37|\\+0200|GMT|:|9{1,6}|\\.){0,12}") {
            let _ = system_time(text.as_bytes());
        }

        #[test]
        fn a_date_reads_back_as_it_was_written(seconds in 0u64..253_402_300_800) {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(system_time(httpdate::fmt_http_date(at).as_bytes()), Some(at));
        }
    }
}
