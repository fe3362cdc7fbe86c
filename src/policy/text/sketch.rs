//! Compares texts by two numbers: one is equal for equal texts, the other is close for similar ones.
//!
//! A text is its words: blanks, punctuation and markup do not count. The second number is a simhash (Charikar
//! 2002), in which a word counts as often as it occurs, and all numbers are one word. A page of a calendar is
//! therefore close to the next one.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::TextSketch;

/// From this first byte of a UTF-8 sequence on (U+3000) a script may have no blanks between its words, so each letter
/// is a word.
const WITHOUT_BLANKS: u8 = 0xe3;
/// The first byte of a UTF-8 sequence is at least this.
const FIRST_OF_LETTER: u8 = 0xc0;

/// An odd number with bits in no order (the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bits of a byte, each in a byte of its own, so that one addition counts eight of them.
const SPREAD: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte] |= ((byte as u64 >> bit) & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// The class of each byte: zero if it is no part of a word, `0` for all digits, and the byte itself for any other.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        table[byte] = if value.is_ascii_digit() {
            b'0'
        } else if value.is_ascii_alphabetic() || !value.is_ascii() {
            value
        } else {
            0
        };
        byte += 1;
    }
    table
};

/// Makes the sketch of a text that comes in pieces.
#[derive(Debug, Clone)]
pub struct SketchBuilder {
    word: HashedWord,
    words: u32,
    exact: u64,
    /// Equal for equal pictures. Two simhashes of texts with different pictures differ in about half of their bits.
    pictures: u64,
    near: Option<Box<BitCounts>>,
}

/// How often each bit of the hashes was set, in the last words and in all before.
#[derive(Debug, Clone)]
struct BitCounts {
    recent: [u64; 8],
    recent_words: u8,
    counts: [u32; 64],
}

/// The hashes of the bytes of a word so far: of all of them, and with one `0` in place of each run of digits.
#[derive(Debug, Clone, Copy, Default)]
struct HashedWord {
    whole: u64,
    without_numbers: u64,
    /// The class of the last byte; zero before the first.
    last: u8,
    is_letter_of_its_own: bool,
}

impl HashedWord {
    /// Adds a byte of this class.
    fn add(&mut self, byte: u8, class: u8) {
        self.whole = with(self.whole, byte);
        // Chosen without a jump, for digits come anywhere.
        let longer = with(self.without_numbers, class);
        self.without_numbers = if class == b'0' && self.last == b'0' { self.without_numbers } else { longer };
        self.last = class;
    }
}

fn with(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(MIX).rotate_left(23)
}

/// The hash of a sequence with one hash more.
fn added(sequence: u64, hash: u64) -> u64 {
    (sequence.rotate_left(5) ^ hash).wrapping_mul(MIX)
}

impl SketchBuilder {
    /// Of an empty text. The simhash takes as much time as all else, so it is made on demand.
    pub fn new(with_near: bool) -> Self {
        let counts = || Box::new(BitCounts { recent: [0; 8], recent_words: 0, counts: [0; 64] });
        Self { word: HashedWord::default(), words: 0, exact: 0, pictures: 0, near: with_near.then(counts) }
    }

    /// The sketch of a whole text.
    pub fn of(text: &str) -> TextSketch {
        let mut builder = Self::new(true);
        builder.push(text.as_bytes());
        builder.finish()
    }

    /// Adds a piece of the text, in an encoding that shows ASCII. A word may go on in the next piece, so a caller
    /// ends the word between the texts of two elements.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let class = CLASSES[usize::from(byte)];
            if class == 0 {
                self.end_word();
                continue;
            }
            let is_letter_of_its_own = byte >= WITHOUT_BLANKS;
            let begins = byte.is_ascii() || byte >= FIRST_OF_LETTER;
            if is_letter_of_its_own || (self.word.is_letter_of_its_own && begins) {
                self.end_word();
            }
            self.word.is_letter_of_its_own |= is_letter_of_its_own;
            self.word.add(byte, class);
        }
    }

    /// Adds the title. It counts for equality only, and is no word.
    pub fn push_title(&mut self, title: &[u8]) {
        self.end_word();
        self.exact = added(self.exact, xxh3_64(title));
    }

    /// Adds what a page shows beside its text: a picture, or a file to download. Texts with different ones are neither
    /// equal nor similar.
    pub fn push_picture(&mut self, bytes: &[u8]) {
        self.push_title(bytes);
        self.pictures = added(self.pictures, xxh3_64(bytes));
    }

    /// The sketch of all pieces.
    pub fn finish(mut self) -> TextSketch {
        self.end_word();
        let words = self.words;
        TextSketch { words, exact: self.exact, near: self.near.map(|counts| counts.simhash(words) ^ self.pictures) }
    }

    /// Ends a word, as a blank does.
    pub fn end_word(&mut self) {
        if self.word.last == 0 {
            return;
        }
        let HashedWord { whole, without_numbers, .. } = std::mem::take(&mut self.word);
        self.exact = added(self.exact, whole);
        self.words = self.words.saturating_add(1);
        if let Some(near) = &mut self.near {
            near.add(mixed(without_numbers));
        }
    }
}

impl BitCounts {
    fn add(&mut self, hash: u64) {
        for (recent, byte) in self.recent.iter_mut().zip(hash.to_le_bytes()) {
            *recent += SPREAD[usize::from(byte)];
        }
        self.recent_words += 1;
        if self.recent_words == u8::MAX {
            self.add_recent();
        }
    }

    fn add_recent(&mut self) {
        for (index, count) in self.counts.iter_mut().enumerate() {
            *count += (self.recent[index / 8] >> (8 * (index % 8))) as u32 & 0xff;
        }
        (self.recent, self.recent_words) = ([0; 8], 0);
    }

    /// The bits that are set in more than half of the words.
    fn simhash(mut self, words: u32) -> u64 {
        self.add_recent();
        let set = self.counts.iter().enumerate().filter(|(_, count)| **count > words / 2);
        set.fold(0, |near, (bit, _)| near | 1 << bit)
    }
}

/// Lets each bit of a hash depend on all others (the end of MurmurHash3).
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counts bit by bit.
    fn plain_simhash(words: &[&str]) -> u64 {
        let hash = |word: &str| {
            let mut hashed = HashedWord::default();
            word.bytes().for_each(|byte| hashed.add(byte, CLASSES[usize::from(byte)]));
            mixed(hashed.without_numbers)
        };
        let is_set = |bit: u32| words.iter().filter(|word| hash(word) >> bit & 1 == 1).count();
        (0..64).filter(|bit| is_set(*bit) > words.len() / 2).fold(0, |near, bit| near | 1 << bit)
    }

    #[test]
    fn blanks_and_punctuation_do_not_count() {
        let sketch = SketchBuilder::of("One two, three.");
        for (text, is_equal) in [
            (" One\n(two) three!", true),
            ("One two three four", false),
            ("two One three", false),
            ("Onetwo three", false),
            ("one two three", false),
            ("", false),
        ] {
            assert_eq!(sketch.is_equal(&SketchBuilder::of(text)), is_equal, "{text}");
        }
        assert!(!SketchBuilder::of("").is_equal(&SketchBuilder::of("...")), "texts without words are not compared");
        assert_eq!(SketchBuilder::of("日本語 a日").words, 5);
        assert_eq!(SketchBuilder::of("Ünï cödé ñ").words, 3);
    }

    #[test]
    fn pages_of_a_calendar_are_near_and_other_pages_are_not() {
        let days: Vec<_> = (1..31).map(|day| day.to_string()).collect();
        let month = |name: &str| SketchBuilder::of(&format!("Events in {name} Mo Tu We Th Fr {}", days.join(" ")));
        let distance = |one: TextSketch, other| one.distance(&other).unwrap();
        assert!(distance(month("5 2026"), month("6 2026")) <= 3);
        assert!(distance(month("May 2026"), month("June 2026")) <= 3);
        let page = |subject: &str| {
            SketchBuilder::of(&format!("The {subject} of the {subject} has a {subject} and is {subject} by {subject}"))
        };
        assert!(distance(page("walnut"), page("harbour")) > 3);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in ".{0,60}|[a-c1 日]{0,200}", cut in 0usize..200) {
            let mut builder = SketchBuilder::new(true);
            let cut = cut.min(text.len());
            builder.push(&text.as_bytes()[..cut]);
            builder.push(&text.as_bytes()[cut..]);
            prop_assert_eq!(builder.finish(), SketchBuilder::of(&text));
        }

        #[test]
        fn the_simhash_is_that_of_its_definition(words in prop::collection::vec("[a-d]{1,3}", 1..700)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let text = words.join(" ");
            let sketch = SketchBuilder::of(&text);
            prop_assert_eq!(sketch.near, Some(plain_simhash(&words)));
            let mut without = SketchBuilder::new(false);
            without.push(text.as_bytes());
            prop_assert_eq!(without.finish(), TextSketch { near: None, ..sketch });
        }
    }
}
