//! How often servers are asked, and how much is taken from them at once.

use std::time::Duration;

use super::units;

/// So many requests in this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub requests: u32,
    /// A second, a minute or an hour.
    pub over: Duration,
}

/// The units of a rate, the smallest first.
const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3600)];

impl Rate {
    /// The time between two requests.
    pub fn gap(self) -> Duration {
        self.over / self.requests.max(1)
    }

    /// Reads `10/s`, `30/m`, `100/h`; a bare number is one a second. 0 is no limit.
    ///
    /// # Errors
    /// What is wrong with the text, and what to write.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let wrong = || format!("`{}` is no rate; write 10/s, 30/m or 100/h", text.escape_debug());
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let (_, secs) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let requests = number.parse().map_err(|_| format!("`{number}` is too large; write at most {}", u32::MAX))?;
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
/// What is wrong with the text, and what to write.
pub fn parse_speed(text: &str) -> Result<u64, String> {
    let size = text.strip_suffix("/s").unwrap_or(text);
    units::parse_size(size).map_err(|why| format!("{why} a second"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_back() {
        for (text, gap_ms, shown) in
            [("10/s", 100, "10/s"), ("4", 250, "4/s"), ("30/m", 2000, "30/m"), ("60/h", 60_000, "60/h")]
        {
            let rate = Rate::parse(text).unwrap().unwrap();
            assert_eq!((rate.gap(), rate.show().as_str()), (Duration::from_millis(gap_ms), shown), "{text}");
        }
        assert_eq!((Rate::parse("0"), Rate::parse("0/m")), (Ok(None), Ok(None)));
        for bad in ["", "/s", "x/s", "1/", "1/d", "1.5/s", "-1/s", "1/s/s", "99999999999/s"] {
            assert!(Rate::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn speeds_are_sizes_a_second() {
        assert_eq!((parse_speed("64KiB"), parse_speed("1M/s")), (Ok(65_536), Ok(1 << 20)));
        assert!(parse_speed("fast").is_err() && parse_speed("1/m").is_err());
    }
}
