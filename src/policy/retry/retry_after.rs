//! Reads how long a server asks clients to wait, in all common forms.
//!
//! Retry-After (RFC 9110, section 10.2.3) has precedence. Without a readable one, the RateLimit fields count.
//! These are the fields of the IETF draft, old and new, and the many earlier forms of `X-RateLimit-Reset`.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};

use crate::policy::message::date;

/// The longest wait; anything longer is effectively forever.
const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The least number that is a point in time and not a wait: seconds since 1970.
const EPOCH_SECONDS: f64 = 1e9;

/// The least number that is a point in time in milliseconds since 1970.
const EPOCH_MILLISECONDS: f64 = 1e12;

/// The common field names for the remaining requests and the reset time.
const PAIRS: [(&str, &str); 3] = [
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
];

/// The wait that a response with this status requests, from now on. An unreadable field counts as absent. A
/// time in the past is a wait of zero.
pub fn asked(status: u16, fields: &HeaderMap, now: SystemTime) -> Option<Duration> {
    // Use the server's own clock if it sends a Date: ours may be wrong.
    let date = fields.get_all("date").iter().find_map(|value| date::system_time(value.as_bytes())).unwrap_or(now);
    let said = fields.get_all("retry-after").iter().filter_map(|value| retry_after(value, date, now)).max();
    // Only an error response shows that a limit was exceeded.
    said.or_else(|| if status >= 400 { limited(status, fields, date) } else { None }).map(|wait| wait.min(MOST))
}

fn texts<'a>(fields: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    fields.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).map(str::trim)
}

/// Parses seconds or a date. An intermediary may have joined several fields, so it also accepts a list of
/// seconds.
fn retry_after(value: &HeaderValue, date: SystemTime, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().unwrap_or_default().trim();
    let joined = || text.split(',').filter_map(|part| seconds(part.trim())).max_by(f64::total_cmp).map(wait_of);
    let at = || date::system_time(value.as_bytes());
    // A Date later than the requested time comes from another clock, so ignore it.
    let until = || at().map(|at| at.duration_since(date).or_else(|_| at.duration_since(now)).unwrap_or_default());
    seconds(text).map(wait_of).or_else(until).or_else(joined)
}

/// Parses digits and, as some servers send, a fraction.
fn seconds(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.parse().ok()).flatten()
}

/// Converts seconds to a wait and rounds up, so that no wait is shortened.
fn wait_of(seconds: f64) -> Duration {
    let millis = (seconds * 1000.0).ceil();
    if millis >= MOST.as_millis() as f64 { MOST } else { Duration::from_millis(millis as u64) }
}

fn until(text: &str, now: SystemTime) -> Option<Duration> {
    let date = date::system_time(text.as_bytes())?;
    // Err: it has passed.
    Some(date.duration_since(now).unwrap_or_default())
}

/// Returns when the exceeded limit resets. Without a remaining count, only a 429 shows that a limit was
/// exceeded.
fn limited(status: u16, fields: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let met = |left: Option<f64>| left.map_or(status == 429, |left| left == 0.0);
    let items = texts(fields, "ratelimit").flat_map(items).collect::<Vec<_>>();
    // If several limits are exceeded, the longest wait counts.
    let new = items.iter().filter(|item| item.number("r").is_some() && met(item.number("r")));
    let new = new.filter_map(|item| item.number("t").or_else(|| window(fields, item.name))).max_by(f64::total_cmp);
    // The first drafts had one limit, written as members of their own.
    let member = |name: &str| items.iter().find_map(|item| item.number(name));
    let old = || member("reset").filter(|_| met(member("remaining")));
    if let Some(seconds) = new.or_else(old) {
        return Some(wait_of(seconds));
    }
    PAIRS.iter().find_map(|(left, reset)| {
        let left = texts(fields, left).find_map(|text| seconds(text.split(',').next()?.trim()));
        texts(fields, reset).find_map(|text| wait_until(text, now)).filter(|_| met(left))
    })
}

/// Parses a wait in seconds, or a point in time: a date, or a number counted from 1970.
fn wait_until(text: &str, now: SystemTime) -> Option<Duration> {
    let Some(number) = seconds(text) else { return until(text, now) };
    let since = match number {
        EPOCH_MILLISECONDS.. => wait_of(number / 1000.0),
        EPOCH_SECONDS.. => wait_of(number),
        _ => return Some(wait_of(number)),
    };
    // Err: our clock is before 1970, so the wait is unknown.
    Some(since.saturating_sub(now.duration_since(SystemTime::UNIX_EPOCH).ok()?))
}

/// The window of the policy of this name.
fn window(fields: &HeaderMap, name: &str) -> Option<f64> {
    let policies = texts(fields, "ratelimit-policy").flat_map(items).collect::<Vec<_>>();
    policies.iter().find(|policy| policy.name == name)?.number("w")
}

/// A member of a list (RFC 9651, section 3.1), as far as limits need it.
#[derive(Debug)]
struct ListMember<'a> {
    /// With its quotes.
    name: &'a str,
    /// `key=value`; a member of a dictionary is its own first one.
    parameters: Vec<(&'a str, &'a str)>,
}

impl ListMember<'_> {
    fn number(&self, key: &str) -> Option<f64> {
        self.parameters.iter().find(|(other, _)| *other == key).and_then(|(_, value)| seconds(value))
    }
}

fn items(text: &str) -> Vec<ListMember<'_>> {
    let member = |text| {
        let parts = split(text, ';');
        let name = parts.first().copied().unwrap_or_default();
        let pairs = parts.into_iter().filter_map(|part| part.split_once('='));
        ListMember { name, parameters: pairs.map(|(key, value)| (key.trim(), value.trim())).collect() }
    };
    split(text, ',').into_iter().map(member).collect()
}

/// Splits at this sign outside quotes.
fn split(text: &str, sign: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == sign && !quoted
    })
    .map(str::trim)
    .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-21 02:00:00 UTC.
    const NOW: u64 = 1_795_226_400;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }

    /// The wait in milliseconds after `name: value` lines.
    fn wait(status: u16, lines: &[&str]) -> Option<u128> {
        let mut fields = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            fields.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        asked(status, &fields, now()).map(|wait| wait.as_millis())
    }

    #[test]
    fn retry_after_in_every_form() {
        let most = Some(MOST.as_millis());
        for (lines, expected) in [
            (&["retry-after: 120"][..], Some(120_000)),
            (&["retry-after: 0"], Some(0)),
            (&["retry-after: 0007"], Some(7000)),
            (&["retry-after:  5 "], Some(5000)),
            (&["retry-after: 1.5"], Some(1500)),
            (&["retry-after: 0.0001"], Some(1)),
            (&["retry-after: 99999999999999999999999999999999999999"], most),
            (&["retry-after: Sat, 21 Nov 2026 02:00:30 GMT"], Some(30_000)),
            (&["retry-after: Saturday, 21-Nov-26 02:00:30 GMT"], Some(30_000)),
            (&["retry-after: Sat Nov 21 02:00:30 2026"], Some(30_000)),
            (&["retry-after: Sat, 21 Nov 2026 02:00:30 +0000"], Some(30_000)),
            (&["retry-after: Fri, 20 Nov 2026 21:00:30 EST"], Some(30_000)),
            (&["retry-after: 21-Nov-2026 02:00:30 UTC"], Some(30_000)),
            (&["retry-after: Sat, 21 Nov 2026 02:01:00 GMT", "date: Sat, 21 Nov 2026 04:00:30 +0200"], Some(30_000)),
            (&["retry-after: Sat, 21 Nov 2026 01:00:00 GMT"], Some(0)),
            (&["retry-after: Fri, 31 Dec 9999 23:59:59 GMT"], most),
            (&["retry-after: 3", "retry-after: 9", "retry-after: 5"], Some(9000)),
            (&["retry-after: soon", "retry-after: 5"], Some(5000)),
            (&["retry-after: 3, 9,5"], Some(9000)),
            (&["retry-after: soon, 5"], Some(5000)),
            (&["retry-after: -1"], None),
            (&["retry-after: +1"], None),
            (&["retry-after: 1e3"], None),
            (&["retry-after: inf"], None),
            (&["retry-after: nan"], None),
            (&["retry-after: ."], None),
            (&["retry-after: "], None),
            (&["retry-after: soon"], None),
            (&["retry-after: 5 minutes"], None),
            (&["retry-after: \u{ff}5"], None),
            (&["retry-after: Sat, 99 Nov 2026 02:00:30 GMT"], None),
            (&[], None),
        ] {
            assert_eq!(wait(503, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn retry_after_dates_count_from_a_plausible_date_of_the_server() {
        // The Date, the date to wait for, seconds. It is 02:00:00.
        for (date, until, seconds) in [
            // A clock that is behind, whether that is the server's or ours is ahead.
            ("01:00:00", "01:00:30", 30),
            ("01:00:00", "02:00:30", 3630),
            ("01:00:30", "01:00:00", 0),
            ("01:00:00", "01:00:00", 0),
            ("02:00:00", "02:00:30", 30),
            ("02:00:00", "01:59:00", 0),
            // One that is ahead.
            ("02:00:10", "02:00:30", 20),
            ("03:00:00", "03:00:30", 30),
            // Two clocks.
            ("03:00:00", "02:00:30", 30),
            ("02:00:10", "02:00:05", 5),
            ("03:00:00", "01:59:00", 0),
        ] {
            let fields =
                [("date", date), ("retry-after", until)].map(|(name, at)| format!("{name}: Sat, 21 Nov 2026 {at} GMT"));
            assert_eq!(wait(503, &fields.each_ref().map(String::as_str)), Some(seconds * 1000), "{fields:?}");
        }
        let date = "date: Sat, 21 Nov 2026 03:00:00 GMT";
        assert_eq!(wait(503, &[date, "retry-after: 10"]), Some(10_000));
        assert_eq!(wait(429, &[date, &format!("x-ratelimit-reset: {}", NOW + 3605)]), Some(5000));
        assert_eq!(wait(429, &[date, "x-ratelimit-reset: 5"]), Some(5000));
        assert_eq!(wait(503, &["date: today", "retry-after: Sat, 21 Nov 2026 02:00:30 GMT"]), Some(30_000));
    }

    #[test]
    fn limits_in_every_form() {
        let epoch = format!("x-ratelimit-reset: {}", NOW + 40);
        let millis = format!("x-rate-limit-reset: {}250", NOW + 40);
        let past = format!("ratelimit-reset: {}", NOW - 40);
        for (lines, expected) in [
            (&["ratelimit: \"default\";r=0;t=30"][..], Some(30_000)),
            (&["ratelimit: \"a;b, c=1\";r=0;t=30"], Some(30_000)),
            (&["ratelimit: \"day\";r=9;t=9000, \"burst\";r=0;t=3"], Some(3000)),
            (&["ratelimit: \"day\";r=0;t=90", "ratelimit: \"burst\";r=0;t=3"], Some(90_000)),
            (&["ratelimit: \"default\";r=5;t=30"], None),
            (&["ratelimit: \"default\";r=0", "ratelimit-policy: \"x\";q=1;w=2, \"default\";q=9;w=60"], Some(60_000)),
            (&["ratelimit: \"default\";r=0"], None),
            (&["ratelimit: limit=100, remaining=0, reset=50"], Some(50_000)),
            (&["ratelimit: limit=100, remaining=7, reset=50"], None),
            (&["ratelimit: limit=100, reset=50"], Some(50_000)),
            (&["ratelimit-limit: 9", "ratelimit-remaining: 0", "ratelimit-reset: 7"], Some(7000)),
            (&["ratelimit-remaining: 3", "ratelimit-reset: 7"], None),
            (&["x-ratelimit-remaining: 0", "x-ratelimit-reset: 7"], Some(7000)),
            (&["x-ratelimit-remaining: 0.0", "x-ratelimit-reset: 59.5"], Some(59_500)),
            (&["x-ratelimit-remaining: 0, 40", "x-ratelimit-reset: 7"], Some(7000)),
            (&[&epoch], Some(40_000)),
            (&[&millis], Some(40_250)),
            (&[&past], Some(0)),
            (&["x-ratelimit-reset: Sat, 21 Nov 2026 02:00:30 GMT"], Some(30_000)),
            (&["x-ratelimit-reset: 7", "retry-after: 2"], Some(2000)),
            (&["x-ratelimit-reset: 7", "retry-after: soon"], Some(7000)),
            (&["x-ratelimit-reset: -7"], None),
            (&["x-ratelimit-reset: 2026-11-21"], None),
            (&["ratelimit: ;;==,,\"", "ratelimit-reset: \""], None),
        ] {
            assert_eq!(wait(429, lines), expected, "{lines:?}");
        }
        assert_eq!(wait(503, &["x-ratelimit-reset: 7"]), None, "503 is not about limits unless it says so");
        assert_eq!(wait(503, &["x-ratelimit-remaining: 0", "x-ratelimit-reset: 7"]), Some(7000));
    }

    proptest! {
        #[test]
        fn any_text_is_a_bounded_wait_or_none(
            texts in prop::collection::vec((0usize..10, "[ -~]{0,40}|[0-9]{1,400}|\"[a-z]\";r=0;t=[0-9]{1,30}"), 0..6),
            status in 400u16..600,
        ) {
            let names = ["retry-after", "ratelimit", "ratelimit-policy", "date", PAIRS[0].0, PAIRS[0].1, PAIRS[1].0,
                PAIRS[1].1, PAIRS[2].0, PAIRS[2].1];
            let mut fields = HeaderMap::new();
            for (name, text) in texts {
                fields.append(names[name], HeaderValue::from_str(&text).unwrap());
            }
            prop_assert!(asked(status, &fields, now()).is_none_or(|wait| wait <= MOST));
        }

        #[test]
        fn seconds_and_dates_are_never_shortened(secs in 0u64..1_000_000_000, nanos in 0u32..1_000_000_000) {
            let now = now() + Duration::from_nanos(u64::from(nanos));
            let until = now + Duration::from_secs(secs);
            let mut fields = HeaderMap::new();
            fields.insert("retry-after", HeaderValue::from(secs));
            prop_assert_eq!(asked(503, &fields, now), Some(Duration::from_secs(secs)));
            // A date has whole seconds: it is met, and by less than a second.
            fields.insert("retry-after", HeaderValue::from_str(&httpdate::fmt_http_date(until)).unwrap());
            let wait = asked(503, &fields, now).unwrap();
            let date = date::system_time(httpdate::fmt_http_date(until).as_bytes()).unwrap();
            prop_assert_eq!(now + wait, date.max(now));
        }
    }
}
