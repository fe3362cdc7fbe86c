//! Deflate (RFC 1951) for short records.
//!
//! Most records are shorter than 1 KiB: requests, metadata, revisits. A general compressor spends more time on its
//! tables of 128 KiB than on their bytes. This one writes a single block with the fixed codes of section 3.2.6, and
//! finds repeated text by a table of 2 KiB. It compresses such a record as zlib does at level 1.

/// The longest input. Farther back no match may begin (section 3.2.5).
pub(super) const LONGEST: usize = 32 * 1024;

/// The length of a match that is looked up, and the longest one.
const MIN_MATCH: usize = 4;
const MAX_MATCH: usize = 258;

const HASH_BITS: u32 = 10;

/// The code of each literal, as it is written from the lowest bit up, and its length.
const LITERALS: [(u16, u8); 256] = literals();

/// For each length code its shortest match, and for each distance code its shortest distance.
const LENGTHS: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const DISTANCES: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
];

const fn literals() -> [(u16, u8); 256] {
    let mut codes = [(0, 0); 256];
    let mut literal = 0;
    while literal < 256 {
        codes[literal] =
            if literal < 144 { reversed(0x30 + literal as u16, 8) } else { reversed(0x100 + literal as u16, 9) };
        literal += 1;
    }
    codes
}

/// A Huffman code begins with its highest bit.
const fn reversed(code: u16, bits: u8) -> (u16, u8) {
    (code.reverse_bits() >> (16 - bits), bits)
}

/// Appends the compressed form of at most [`LONGEST`] bytes.
pub(super) fn deflate_short(bytes: &[u8], out: &mut Vec<u8>) {
    let mut bits = BitWriter { out, waiting: 0, count: 0 };
    // The last block, with fixed codes.
    bits.put(0b011, 3);
    // For each hash the position behind the last bytes that have it.
    let mut last = [0_u16; 1 << HASH_BITS];
    let mut at = 0;
    while let Some(next) = bytes.get(at..at + MIN_MATCH) {
        let slot = &mut last[hash(next)];
        let earlier = usize::from(std::mem::replace(slot, (at + 1) as u16)).checked_sub(1);
        let length = earlier.map_or(0, |earlier| match_length(&bytes[earlier..], &bytes[at..]));
        match earlier {
            Some(earlier) if length >= MIN_MATCH => {
                bits.put_match(length as u16, (at - earlier) as u16);
                at += length;
            }
            _ => {
                bits.put_literal(bytes[at]);
                at += 1;
            }
        }
    }
    bytes[at..].iter().for_each(|byte| bits.put_literal(*byte));
    // The end of the block has seven zeros.
    bits.put(0, 7);
    bits.end();
}

fn hash(bytes: &[u8]) -> usize {
    let word = bytes.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    (word.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

/// Returns how many bytes two texts have in common at their beginning.
fn match_length(earlier: &[u8], here: &[u8]) -> usize {
    let same = earlier.iter().zip(here).take(MAX_MATCH).take_while(|(one, other)| one == other);
    same.count()
}

/// Writes bits, the lowest first.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    waiting: u64,
    count: u32,
}

impl BitWriter<'_> {
    /// Appends the lowest bits of a number.
    fn put(&mut self, bits: u16, count: u8) {
        self.waiting |= u64::from(bits) << self.count;
        self.count += u32::from(count);
        if self.count >= 32 {
            self.out.extend_from_slice(&(self.waiting as u32).to_le_bytes());
            self.waiting >>= 32;
            self.count -= 32;
        }
    }

    fn put_literal(&mut self, byte: u8) {
        let (code, length) = LITERALS[usize::from(byte)];
        self.put(code, length);
    }

    fn put_match(&mut self, length: u16, distance: u16) {
        let code = LENGTHS.partition_point(|shortest| *shortest <= length) - 1;
        // Codes 257 to 279 have 7 bits from 1 on, the others 8 bits from 0xC0 on.
        let (bits, count) = if code < 23 { reversed(code as u16 + 1, 7) } else { reversed(0xC0 + code as u16 - 23, 8) };
        self.put(bits, count);
        let extra = if code < 8 || code == 28 { 0 } else { code / 4 - 1 };
        self.put(length - LENGTHS[code], extra as u8);
        let code = DISTANCES.partition_point(|shortest| *shortest <= distance) - 1;
        let (bits, count) = reversed(code as u16, 5);
        self.put(bits, count);
        let extra = if code < 4 { 0 } else { code / 2 - 1 };
        self.put(distance - DISTANCES[code], extra as u8);
    }

    /// Fills the last byte.
    fn end(self) {
        let bytes = self.count.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.waiting.to_le_bytes()[..bytes]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut decoder = DeflateDecoder::new(bytes);
        decoder.read_to_end(&mut out).unwrap();
        assert_eq!(decoder.total_in(), bytes.len() as u64, "nothing is behind the stream");
        out
    }

    fn assert_same(bytes: &[u8]) {
        let mut out = Vec::new();
        deflate_short(bytes, &mut out);
        assert!(inflated(&out) == bytes);
    }

    #[test]
    fn every_length_and_distance_has_its_code() {
        let noise: Vec<u8> = (0..LONGEST as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in MIN_MATCH..=MAX_MATCH + 10 {
            assert_same(&[&noise[..length], &noise[..length]].concat());
        }
        for distance in DISTANCES.iter().flat_map(|shortest| [shortest - 1, *shortest, shortest + 1]) {
            let start = &noise[..usize::from(distance).min(LONGEST - 100)];
            assert_same(&[start, &noise[..50]].concat());
        }
        assert_same(&vec![b'a'; LONGEST]);
        assert_same(&noise);
    }

    #[test]
    fn record_shrinks() {
        let field = "WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\n";
        let mut out = Vec::new();
        deflate_short(field.repeat(8).as_bytes(), &mut out);
        assert!(out.len() < field.len(), "{}", out.len());
    }

    proptest! {
        #[test]
        fn inflates_to_the_same_bytes(
            any_bytes in proptest::collection::vec(any::<u8>(), 0..2000),
            few_bytes in proptest::collection::vec(0..3_u8, 0..5000),
        ) {
            assert_same(&any_bytes);
            assert_same(&few_bytes);
            assert_same(&[any_bytes, few_bytes].concat());
        }
    }
}
