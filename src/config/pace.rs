//! The rate of requests to servers, and the speed of downloads.

use std::time::Duration;

use super::units;
use crate::model::refused_value;

/// A number of requests in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number of requests.
    pub requests: u32,
    /// A second, a minute or an hour.
    pub over: Duration,
}

/// Any window of this length sees at most the allowed requests.
const WINDOW: Duration = Duration::from_secs(2);

/// The permitted variation in travel time of requests to their servers.
const JITTER: Duration = Duration::from_millis(20);

/// The units of a rate, the smallest first.
const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3600)];

impl Rate {
    /// The time between two requests.
    ///
    /// No two seconds see more than the rate allows in them. A fraction counts as a whole request,
    /// and a twentieth more is permitted. If that allowance is used up to its last request, as with
    /// 1 to 9 a second, the gap is a hundredth longer. Otherwise, a path to the server that takes a
    /// millisecond less each time would bring one more.
    pub fn gap(self) -> Duration {
        let even = self.over / self.requests.max(1);
        let (requests, over) = (u64::from(self.requests) * WINDOW.as_secs(), self.over.as_secs().max(1));
        let allowed = requests.div_ceil(over).max(requests * 21 / (over * 20));
        even.max((WINDOW + JITTER) / u32::try_from(allowed).unwrap_or(u32::MAX).max(1))
    }

    /// Reads `10/s`, `30/m`, `100/h`; a bare number is one a second. 0 is no limit.
    ///
    /// # Errors
    /// A message with the fault in the text and the correct form.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let wrong = || format!("{} is no rate; write 10/s, 30/m or 100/h", refused_value(text));
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let (_, secs) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let requests = number
            .parse()
            .map_err(|_| format!("{} is too large; write at most {}", refused_value(number), u32::MAX))?;
        Ok((requests > 0).then(|| Self { requests, over: Duration::from_secs(*secs) }))
    }

    /// Writes it so that [`Rate::parse`] reads it back.
    pub fn show(self) -> String {
        let unit = UNITS.iter().find(|(_, secs)| self.over.as_secs() == *secs).map_or("s", |(name, _)| *name);
        format!("{}/{unit}", self.requests)
    }
}

/// Reads `64KiB`, `1M/s`: bytes a second.
///
/// # Errors
/// A message with the fault in the text and the correct form.
pub fn parse_speed(text: &str) -> Result<u64, String> {
    let size = text.strip_suffix("/s").unwrap_or(text);
    units::parse_size(size).map_err(|why| format!("{why} a second"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_are_read_and_written_back() {
        for (text, gap_ms, shown) in
            [("10/s", 100.0, "10/s"), ("4", 252.5, "4/s"), ("30/m", 2020.0, "30/m"), ("60/h", 60_000.0, "60/h")]
        {
            let rate = Rate::parse(text).unwrap().unwrap();
            assert_eq!((rate.gap().as_secs_f64() * 1000.0, rate.show().as_str()), (gap_ms, shown), "{text}");
        }
        assert_eq!((Rate::parse("0"), Rate::parse("0/m")), (Ok(None), Ok(None)));
        for bad in ["", "/s", "x/s", "1/", "1/d", "1.5/s", "-1/s", "1/s/s", "99999999999/s"] {
            assert!(Rate::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_two_seconds_see_more_than_the_rate_allows(
            requests in prop_oneof![1..30_u32, 1..2000_u32],
            unit in 0..3_usize,
            ways in prop::collection::vec(0..20_u64, 300),
        ) {
            let rate = Rate { requests, over: Duration::from_secs(UNITS[unit].1) };
            let even = rate.over.as_secs_f64() / f64::from(requests);
            let gap = rate.gap();
            prop_assert!(gap.as_secs_f64() >= even - 1e-9 && gap.as_secs_f64() <= even * 1.0101, "{gap:?}");
            let came: Vec<_> = (0..).zip(ways).map(|(n, way)| gap * n + Duration::from_millis(way)).collect();
            let in_two_seconds = 2.0 / even;
            for from in &came {
                let seen = came.iter().filter(|at| *at >= from && **at - *from < Duration::from_secs(2)).count() as f64;
                prop_assert!(seen <= (in_two_seconds * 1.05).max((in_two_seconds - 1e-6).ceil()), "{seen} of {in_two_seconds}");
            }
        }
    }

    #[test]
    fn speeds_are_sizes_a_second() {
        assert_eq!((parse_speed("64KiB"), parse_speed("1M/s")), (Ok(65_536), Ok(1 << 20)));
        assert!(parse_speed("fast").is_err() && parse_speed("1/m").is_err());
    }
}
