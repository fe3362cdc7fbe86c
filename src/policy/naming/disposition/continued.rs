//! A name in several parameters, such as `filename*0="a"; filename*1*=%20b` (RFC 2231, sections 3 and 4).
//!
//! RFC 8187 excludes them from HTTP. Servers with a library for mail send them, and Firefox and wget join them.

use percent_encoding::percent_decode;

use super::{Extended, charset, split_charset};

/// How the name of each part begins.
const NAME: &[u8] = b"filename*";

/// The parts of a name, in the order of the field.
#[derive(Default)]
pub(super) struct Continued(Vec<ParameterSection>);

struct ParameterSection {
    number: u32,
    is_coded: bool,
    octets: Vec<u8>,
}

impl Continued {
    /// Adds a parameter, if its name is that of a part.
    pub(super) fn add(&mut self, name: &[u8], octets: &[u8]) {
        let Some((start, rest)) = name.split_at_checked(NAME.len()) else { return };
        let (digits, is_coded) = match rest {
            [digits @ .., b'*'] => (digits, true),
            digits => (digits, false),
        };
        let is_number = matches!(digits, b"0" | [b'1'..=b'9', ..]) && digits.iter().all(u8::is_ascii_digit);
        let number = str::from_utf8(digits).ok().filter(|_| is_number && start.eq_ignore_ascii_case(NAME));
        if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
            self.0.push(ParameterSection { number, is_coded, octets: octets.to_owned() });
        }
    }

    /// Joins the parts by their numbers from 0, up to the first number that is missing. The first part has the
    /// charset.
    pub(super) fn join(mut self) -> Option<Extended> {
        self.0.sort_by_key(|part| part.number);
        self.0.dedup_by_key(|part| part.number);
        let [first, more @ ..] = &self.0[..] else { return None };
        if first.number != 0 {
            return None;
        }
        let (charset, text) = if first.is_coded { split_charset(&first.octets) } else { (&b""[..], &first.octets[..]) };
        let mut joined = Vec::new();
        append(&mut joined, text, first.is_coded);
        for (part, _) in more.iter().zip(1..).take_while(|(part, number)| part.number == *number) {
            append(&mut joined, &part.octets, part.is_coded);
        }
        if first.is_coded {
            Extended::decode(charset, joined, true)
        } else {
            Some(Extended::Sure(charset::utf8_or_windows_1252(&joined)))
        }
    }
}

fn append(joined: &mut Vec<u8>, octets: &[u8], is_coded: bool) {
    if is_coded {
        joined.extend(percent_decode(octets));
    } else {
        joined.extend_from_slice(octets);
    }
}
