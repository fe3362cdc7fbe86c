//! Dates of cookies (RFC 6265, section 5.1.1): whatever order and separators a server likes.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since 1970.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for word in text.split(is_delimiter).filter(|word| !word.is_empty()) {
        if let Some(found) = time_of(word).filter(|_| time.is_none()) {
            time = Some(found);
        } else if let Some(found) = digits(word, 1, 2).filter(|_| day.is_none()) {
            day = Some(found);
        } else if let Some(found) = month_of(word).filter(|_| month.is_none()) {
            month = Some(found);
        } else if let Some(found) = digits(word, 2, 4).filter(|_| year.is_none()) {
            year = Some(found);
        }
    }
    let (hour, minute, second) = time?;
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        whole => whole,
    };
    let at = jiff::civil::DateTime::new(
        i16::try_from(year).ok().filter(|year| *year >= 1601)?,
        month?,
        i8::try_from(day?).ok()?,
        hour,
        minute,
        second,
        0,
    );
    Some(at.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// So many digits, and then none; what follows counts for nothing.
fn digits(word: &str, least: usize, most: usize) -> Option<u32> {
    let end = word.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(word.len());
    (least..=most).contains(&end).then(|| word[..end].parse().ok())?
}

fn time_of(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.splitn(3, ':');
    let mut part = |most: u32| digits(parts.next()?, 1, 2).filter(|n| *n <= most).and_then(|n| i8::try_from(n).ok());
    Some((part(23)?, part(59)?, part(59)?))
}

fn month_of(word: &str) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_usual_form() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "1994 6 nov 8:49:37",
            "06/November/1994 08:49:37.123",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("Fri, 07 Aug 2068 00:00:00 GMT"), parse("Fri, 07 Aug 68 00:00:00 GMT"));
        for text in ["", "tomorrow", "06 Nov 1994", "32 Nov 1994 00:00:00", "6 Nov 1994 24:00:00", "6 Nov 1600 0:0:0"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
