//! Leaves out blocks that other pages of a host begin or end with: navigation, headers and footers without marks.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How many blocks at each end of a text are compared. If all of them are known, it is the same page again.
const MOST: usize = 6;
/// How many blocks of all hosts are remembered. A newer one takes the place of an older one.
const SLOTS: usize = 1 << 16;
/// So many earlier pages have a block that is left out.
const PAGES: u64 = 3;

/// The blocks at the ends of earlier pages. Its memory is the same for any number of pages.
pub(super) struct Repeats {
    /// Hashes of blocks. The last bits are the number of pages, up to `PAGES`.
    seen: Box<[u64]>,
}

impl Repeats {
    pub fn new() -> Self {
        Self { seen: vec![0; SLOTS].into_boxed_slice() }
    }

    /// Returns the part of a text without the blocks that earlier pages of the host have at the same end, and how many
    /// blocks that leaves out.
    ///
    /// A heading always stays. So does a text of which more than half would go: half of its blocks, or half of the
    /// bytes outside of links. It is the same page again.
    pub fn leave_out(&mut self, host: &str, text: &str) -> (Range<usize>, u64) {
        let blocks = blocks(text);
        let first = self.known(host, 1, text, &mut blocks.iter());
        let rest = &blocks[first.min(blocks.len())..];
        let last = self.known(host, 2, text, &mut rest.iter().rev());
        let left_out = blocks[..first].iter().chain(&blocks[blocks.len() - last..]);
        let bytes = |block: &Range<usize>| unlinked_bytes(&text[block.clone()]);
        let (all, gone) = (blocks.iter().map(bytes).sum::<usize>(), left_out.map(bytes).sum::<usize>());
        let is_same_page = (first + last) * 2 > blocks.len() || first == MOST || last == MOST || gone * 2 > all;
        if first + last == 0 || is_same_page {
            return (0..text.len(), 0);
        }
        (blocks[first].start..blocks[blocks.len() - last - 1].end, (first + last) as u64)
    }

    /// Counts the blocks up to the first one that is new, and remembers all of them.
    fn known(&mut self, host: &str, end: u64, text: &str, blocks: &mut dyn Iterator<Item = &Range<usize>>) -> usize {
        let (mut known, mut is_known) = (0, true);
        for block in blocks.take(MOST) {
            let block = &text[block.clone()];
            if block.starts_with('#') {
                break;
            }
            is_known &= self.insert(xxh3_64_with_seed(block.as_bytes(), xxh3_64_with_seed(host.as_bytes(), end)));
            known += usize::from(is_known);
        }
        known
    }

    /// Remembers a block; true if enough earlier pages have it.
    fn insert(&mut self, hash: u64) -> bool {
        let slot = &mut self.seen[(hash >> 32) as usize % SLOTS];
        let pages = if *slot & !PAGES == hash & !PAGES { *slot & PAGES } else { 0 };
        *slot = (hash & !PAGES) | (pages + 1).min(PAGES);
        pages == PAGES
    }
}

/// How many bytes are in lines without a link.
fn unlinked_bytes(block: &str) -> usize {
    block.lines().filter(|line| !line.contains("](")).map(str::len).sum()
}

/// The blocks of a text: what blank lines part, except in code.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let (mut at, mut fence, mut is_open) = (0, None, false);
    for line in text.split_inclusive('\n') {
        let (start, begin) = (at, line.trim());
        at += line.len();
        if begin.starts_with("```") {
            let ticks = begin.len() - begin.trim_start_matches('`').len();
            fence = match fence {
                None => Some(ticks),
                Some(open) if ticks >= open && begin.len() == ticks => None,
                open => open,
            };
        } else if begin.is_empty() && fence.is_none() {
            is_open = false;
            continue;
        }
        let end = start + line.trim_end().len().max(usize::from(!begin.is_empty()));
        match blocks.last_mut().filter(|_| is_open) {
            Some(block) => block.end = end.max(block.end),
            None => blocks.push(start..end),
        }
        is_open = true;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept<'a>(repeats: &mut Repeats, host: &str, text: &'a str) -> (&'a str, u64) {
        let (range, count) = repeats.leave_out(host, text);
        (&text[range], count)
    }

    #[test]
    fn blocks_at_the_ends_of_most_pages_are_left_out() {
        let mut repeats = Repeats::new();
        let content = |at: u8| format!("# Page {at}\n\nThe page {at} has a text of its own.");
        let page = |at: u8| format!("- [Home](/)\n- [Shop](/s)\n\n{}\n\n© 2026 The Shop", content(at));
        for at in 0..3 {
            assert_eq!(kept(&mut repeats, "a.test", &page(at)), (&*page(at), 0));
        }
        assert_eq!(kept(&mut repeats, "a.test", &page(3)), (&*content(3), 2));
        assert_eq!(kept(&mut repeats, "b.test", &page(3)), (&*page(3), 0), "another site");
    }

    #[test]
    fn repeated_headings_and_equal_pages_stay() {
        let mut repeats = Repeats::new();
        let links = |from: u8| (from..from + 5).map(|at| format!("- [Part {at}](/{at})\n\n")).collect::<String>();
        for page in [
            "# Notes\n\nA paragraph that pages share.\n\nAnother one of them.".to_owned(),
            format!("# Index\n\n{0}", links(0)),
            format!("Chapters\n\n# Book\n\n{0}", links(20)),
            "- [One](http://a.test/a/long/path/to/a/part)\n\n# Book\n\nBy me.\n\nAll rights reserved.".to_owned(),
        ] {
            for _ in 0..5 {
                assert_eq!(kept(&mut repeats, "a.test", page.trim()), (page.trim(), 0), "the same page again");
            }
        }
        let other = "# Notes\n\nSomething new.\n\nA paragraph that pages share.";
        assert_eq!(kept(&mut repeats, "a.test", other), (other, 0), "it was at no end");
    }

    #[test]
    fn code_is_one_block() {
        let text = "a\n\n```\nb\n\nc\n```\n\nd\n";
        let blocks: Vec<_> = blocks(text).into_iter().map(|block| &text[block]).collect();
        assert_eq!(blocks, ["a", "```\nb\n\nc\n```", "d"]);
    }
}
