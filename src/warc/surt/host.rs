//! Hosts in keys.

use std::net::Ipv4Addr;

use unicode_normalization::UnicodeNormalization as _;

use super::{escaped, unescaped};

/// The host without `www`, an address in its usual form, and a name of other scripts in ASCII.
pub(super) fn canonical_host(host: &str, without_www: bool) -> String {
    let bytes = unescaped(host.as_bytes());
    let bytes = if bytes.is_ascii() { bytes } else { in_ascii(bytes) };
    let host = replace_twice_dots(&bytes);
    let host = match std::str::from_utf8(&host).ok().and_then(address) {
        Some(address) => address.to_string(),
        None => escaped(&host.to_ascii_lowercase()).to_ascii_lowercase(),
    };
    match host.strip_prefix("www").filter(|_| without_www) {
        Some(rest) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            rest.strip_prefix('.').map_or(host.clone(), str::to_owned)
        }
        None => host,
    }
}

/// A name in Punycode (RFC 3490, which the other programs follow), or the bytes themselves if it is no name.
fn in_ascii(bytes: Vec<u8>) -> Vec<u8> {
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|&c| c != char::REPLACEMENT_CHARACTER).collect();
    let (name, dots) = match text.strip_suffix(DOTS) {
        Some(name) => (name, "."),
        None => (&*text, ""),
    };
    if text.is_empty() {
        return Vec::new();
    }
    let labels: Option<Vec<String>> = name.split(DOTS).map(label_in_ascii).collect();
    labels.map_or(bytes, |labels| (labels.join(".") + dots).into_bytes())
}

/// The characters that separate labels (RFC 3490, section 3.1).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// The longest label (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;

fn label_in_ascii(label: &str) -> Option<String> {
    let label = if label.is_ascii() { label.to_owned() } else { prepared(label) };
    let label = match label.is_ascii() {
        true => label,
        false if label.starts_with("xn--") => return None,
        false => format!("xn--{}", idna::punycode::encode_str(&label)?),
    };
    (1..=LONGEST_LABEL).contains(&label.len()).then_some(label)
}

/// Maps a label to the form that is compared (RFC 3491): compatible forms, lower case, without invisible characters.
fn prepared(label: &str) -> String {
    let is_nothing = |c: &char| matches!(c, '\u{AD}' | '\u{34F}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}');
    let folded: String = label.chars().filter(|c| !is_nothing(c)).flat_map(char::to_lowercase).collect();
    folded.replace('ß', "ss").replace('ς', "σ").nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// One dot for two, and none at the ends.
fn replace_twice_dots(host: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(host.len());
    let mut rest = host;
    while let [first, after @ ..] = rest {
        bytes.push(*first);
        rest = if *first == b'.' { after.strip_prefix(b".").unwrap_or(after) } else { after };
    }
    let is_dot = |byte: &&u8| **byte == b'.';
    let start = bytes.iter().take_while(is_dot).count();
    let end = bytes.len() - bytes[start..].iter().rev().take_while(is_dot).count();
    bytes[start..end].to_vec()
}

/// The address that a host of digits and dots means to inet_aton: one to four numbers, octal with a leading 0.
/// A number alone is decimal, and counts modulo 2 to the 32.
fn address(host: &str) -> Option<Ipv4Addr> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(host) {
        let bits = host.bytes().fold(0_u32, |bits, digit| bits.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')));
        return Some(Ipv4Addr::from_bits(bits));
    }
    let parts: Vec<&str> = host.split('.').collect();
    if parts.len() > 4 || !parts.iter().all(|part| is_number(part)) {
        return None;
    }
    let number = |part: &str| match part.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        Some(octal) => u32::from_str_radix(octal, 8).ok(),
        None => part.parse().ok(),
    };
    let (last, first) = parts.split_last()?;
    let mut bits = 0;
    for part in first {
        bits = bits << 8 | number(part).filter(|&number| number < 256)?;
    }
    let width = 8 * (4 - first.len());
    let last = number(last).filter(|&last| u64::from(last) < 1 << width)?;
    Some(Ipv4Addr::from_bits((u64::from(bits) << width) as u32 | last))
}
