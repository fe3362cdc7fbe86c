//! The rules for the fields of a record (ISO 28500:2017, section 5).

use super::fault::RecordFault;
use super::reader::WarcRecord;

/// The fields that each record has. Content-Length is known to be there.
const ALL: &[&str] = &["WARC-Type", "WARC-Record-ID", "WARC-Date"];

/// The further fields that a type must have.
const OF_TYPE: &[(&str, &[&str])] = &[
    ("response", &["WARC-Target-URI"]),
    ("resource", &["WARC-Target-URI"]),
    ("request", &["WARC-Target-URI"]),
    ("revisit", &["WARC-Target-URI", "WARC-Profile"]),
    ("conversion", &["WARC-Target-URI"]),
    ("continuation", &["WARC-Target-URI", "WARC-Segment-Number", "WARC-Segment-Origin-ID"]),
];

/// The reasons why a record may be truncated.
const TRUNCATED: [&str; 4] = ["length", "time", "disconnect", "unspecified"];

/// Checks the head of a record.
pub(super) fn check(record: &WarcRecord, faults: &mut Vec<RecordFault>) {
    for (index, flaw) in record.flaws.iter().enumerate() {
        if !record.flaws[..index].contains(flaw) {
            faults.push((*flaw).into());
        }
    }
    if !["1.0", "1.1"].contains(&&*record.version) {
        faults.push(RecordFault::Version(record.version.clone()));
    }
    let fields = &record.fields;
    let of_type = OF_TYPE.iter().filter(|(kind, _)| *kind == record.kind()).flat_map(|(_, fields)| *fields);
    faults.extend(
        ALL.iter().chain(of_type).filter(|name| fields.get(name).is_none()).map(|name| RecordFault::MissingField(name)),
    );
    check_repeats(record, faults);
    if let Some(date) = fields.get("WARC-Date").filter(|date| !is_date(&record.version, date)) {
        faults.push(RecordFault::Date(date.to_owned()));
    }
    if let Some(id) = fields.get("WARC-Record-ID").filter(|id| !is_id(id)) {
        faults.push(RecordFault::RecordId(id.to_owned()));
    }
    if record.version == "1.1" && fields.get("WARC-Target-URI") != record.target() {
        faults.push(RecordFault::Brackets);
    }
    if let Some(reason) = fields.get("WARC-Truncated").filter(|reason| !TRUNCATED.contains(reason)) {
        faults.push(RecordFault::Truncated(reason.to_owned()));
    }
    let is_identical = |profile: &str| profile.trim_end_matches('/').ends_with("identical-payload-digest");
    if fields.get("WARC-Profile").is_some_and(is_identical) && fields.get("WARC-Payload-Digest").is_none() {
        faults.push(RecordFault::MissingDigest("WARC-Payload-Digest"));
    }
}

/// Only WARC-Concurrent-To may be repeated among the fields of the standard. Version 1.1 adds WARC-Protocol of a proposal.
fn check_repeats(record: &WarcRecord, faults: &mut Vec<RecordFault>) {
    let mut seen: Vec<String> = Vec::new();
    for (name, _) in record.fields.iter() {
        let lower = name.to_ascii_lowercase();
        let is_known = lower.starts_with("warc-") || lower == "content-length" || lower == "content-type";
        if is_known && !["warc-concurrent-to", "warc-protocol"].contains(&&*lower) {
            if seen.contains(&lower) {
                faults.push(RecordFault::RepeatedField(name.to_owned()));
            }
            seen.push(lower);
        }
    }
}

/// A URI in brackets.
fn is_id(text: &str) -> bool {
    let uri = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    uri.is_some_and(|uri| uri.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty()))
        && !text.contains(char::is_whitespace)
}

/// Whether a time has a form of W3C-DTF that the version permits. Version 1.0 has whole seconds only. Version 1.1
/// has one to nine digits of a second too, and less precise times.
fn is_date(version: &str, text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else {
        let is_short = ["0000", "0000-00", "0000-00-00"].iter().any(|form| has_form(text, form));
        return version == "1.1" && is_short;
    };
    if version == "1.1" && has_form(text, "0000-00-00T00:00") {
        return true;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_fraction = fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    has_form(whole, "0000-00-00T00:00:00")
        && is_fraction
        && (whole.len() == text.len() || version == "1.1" && !fraction.is_empty())
        && format!("{text}Z").parse::<jiff::Timestamp>().is_ok()
}

/// Compares a text with a form, in which `0` is any digit.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_each_version() {
        for (version, date, is_good) in [
            ("1.0", "2026-01-02T03:04:05Z", true),
            ("1.0", "2026-01-02T03:04:05.5Z", false),
            ("1.1", "2026-01-02T03:04:05.123456789Z", true),
            ("1.1", "2026-01-02T03:04:05.1234567890Z", false),
            ("1.1", "2026-01-02T03:04:05.Z", false),
            ("1.1", "2026-01-02T03:04Z", true),
            ("1.1", "2026-01", true),
            ("1.0", "2026-01", false),
            ("1.1", "2026-13-02T03:04:05Z", false),
            ("1.1", "2026-01-02 03:04:05Z", false),
            ("1.1", "2026-01-02T03:04:05+00:00", false),
        ] {
            assert_eq!(is_date(version, date), is_good, "{version} {date}");
        }
    }
}
