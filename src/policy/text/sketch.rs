//! Compares texts by two numbers: one is equal for equal texts, the other is close for similar ones.
//!
//! A text is its words: blanks, punctuation and markup do not count. The second number is a simhash (Charikar
//! 2002), in which a word counts as often as it occurs, and all numbers are one word. A page of a calendar is
//! therefore close to the next one.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::TextSketch;

/// The longest word in bytes; a longer one is cut into several.
const LONGEST_WORD: usize = 64;

/// From this first byte of a UTF-8 sequence on (U+3000) a script may have no blanks between its words, so each letter
/// is a word.
const WITHOUT_BLANKS: u8 = 0xe3;

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

/// Makes the sketch of a text that comes in pieces.
#[derive(Debug, Clone)]
pub struct SketchBuilder {
    word: [u8; LONGEST_WORD],
    length: usize,
    words: u32,
    exact: u64,
    /// How often each bit was set, in the last words and in all before.
    recent: [u64; 8],
    recent_words: u8,
    counts: [u32; 64],
}

impl Default for SketchBuilder {
    fn default() -> Self {
        Self {
            word: [0; LONGEST_WORD],
            length: 0,
            words: 0,
            exact: 0,
            recent: [0; 8],
            recent_words: 0,
            counts: [0; 64],
        }
    }
}

impl SketchBuilder {
    /// The sketch of a whole text.
    pub fn of(text: &str) -> TextSketch {
        let mut builder = Self::default();
        builder.push(text.as_bytes());
        builder.finish()
    }

    /// Adds a piece of the text, in an encoding that shows ASCII. A word may go on in the next piece, so a caller
    /// puts a blank between the texts of two elements.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(&first) = bytes.first() {
            let ascii = bytes.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(bytes.len());
            let (run, after) = bytes.split_at(ascii);
            if ascii > 0 {
                self.add_ascii(run, after.first().is_some_and(u8::is_ascii));
                bytes = after;
            } else {
                bytes = &bytes[1..];
                if first.is_ascii() { self.end_word() } else { self.add_byte(first) }
            }
        }
    }

    /// Adds letters and digits. A whole word need not be copied.
    fn add_ascii(&mut self, mut run: &[u8], is_end: bool) {
        self.end_letter();
        if self.length == 0 && is_end && run.len() <= LONGEST_WORD {
            return self.add_word(run);
        }
        while !run.is_empty() {
            if self.length == LONGEST_WORD {
                self.end_word();
            }
            let (now, later) = run.split_at(run.len().min(LONGEST_WORD - self.length));
            self.word[self.length..self.length + now.len()].copy_from_slice(now);
            self.length += now.len();
            run = later;
        }
    }

    /// Adds a byte beyond ASCII, which is a letter or a part of one.
    fn add_byte(&mut self, byte: u8) {
        let is_first = byte >= 0xc0;
        if self.length == LONGEST_WORD || byte >= WITHOUT_BLANKS {
            self.end_word();
        } else if is_first {
            self.end_letter();
        }
        self.word[self.length] = byte;
        self.length += 1;
    }

    /// Ends a letter that is a word of its own.
    fn end_letter(&mut self) {
        if self.length > 0 && self.word[0] >= WITHOUT_BLANKS {
            self.end_word();
        }
    }

    /// The sketch of all pieces.
    pub fn finish(mut self) -> TextSketch {
        self.end_word();
        self.add_recent();
        let set = self.counts.iter().enumerate().filter(|(_, count)| **count > self.words / 2);
        TextSketch { words: self.words, exact: self.exact, near: set.fold(0, |near, (bit, _)| near | 1 << bit) }
    }

    fn end_word(&mut self) {
        if self.length > 0 {
            let (word, length) = (self.word, std::mem::take(&mut self.length));
            self.add_word(&word[..length]);
        }
    }

    fn add_word(&mut self, word: &[u8]) {
        let hash = xxh3_64(word);
        self.exact = (self.exact.rotate_left(5) ^ hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = if word.iter().any(u8::is_ascii_digit) { hash_without_numbers(word) } else { hash };
        for (recent, byte) in self.recent.iter_mut().zip(hash.to_le_bytes()) {
            *recent += SPREAD[usize::from(byte)];
        }
        self.words = self.words.saturating_add(1);
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
}

/// The hash of a word with one `0` in place of each run of digits.
fn hash_without_numbers(word: &[u8]) -> u64 {
    let mut written = [0; LONGEST_WORD];
    let mut length = 0;
    for &byte in word.iter().take(LONGEST_WORD) {
        let byte = if byte.is_ascii_digit() { b'0' } else { byte };
        if byte != b'0' || length == 0 || written[length - 1] != b'0' {
            written[length] = byte;
            length += 1;
        }
    }
    xxh3_64(&written[..length])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Counts bit by bit.
    fn plain_simhash(words: &[&str]) -> u64 {
        let is_set = |bit: u32| words.iter().filter(|word| xxh3_64(word.as_bytes()) >> bit & 1 == 1).count();
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
        assert_eq!(SketchBuilder::of(&"x".repeat(200)).words, 4);
    }

    #[test]
    fn pages_of_a_calendar_are_near_and_other_pages_are_not() {
        let days: Vec<_> = (1..31).map(|day| day.to_string()).collect();
        let month = |name: &str| SketchBuilder::of(&format!("Events in {name} Mo Tu We Th Fr {}", days.join(" ")));
        assert!(month("5 2026").distance(&month("6 2026")) <= 3);
        assert!(month("May 2026").distance(&month("June 2026")) <= 3);
        let page = |subject: &str| {
            SketchBuilder::of(&format!("The {subject} of the {subject} has a {subject} and is {subject} by {subject}"))
        };
        assert!(page("walnut").distance(&page("harbour")) > 3);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in ".{0,60}|[a-c1 日]{0,200}", cut in 0usize..200) {
            let mut builder = SketchBuilder::default();
            let cut = cut.min(text.len());
            builder.push(&text.as_bytes()[..cut]);
            builder.push(&text.as_bytes()[cut..]);
            prop_assert_eq!(builder.finish(), SketchBuilder::of(&text));
        }

        #[test]
        fn the_simhash_is_that_of_its_definition(words in prop::collection::vec("[a-d]{1,3}", 1..700)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(SketchBuilder::of(&words.join(" ")).near, plain_simhash(&words));
        }
    }
}
