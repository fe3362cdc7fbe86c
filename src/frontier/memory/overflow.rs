//! What waits for hosts that are not done with it soon: most of it is in a temporary file, so that the
//! hosts behind them in a long list need not wait for them.
//!
//! The file has no name: it is gone with the program. Of each host it holds chunks, first in, first
//! out. Only plain seeds are written; what has fields, credentials or a past stays in memory, in its
//! place between them. Nothing is lost where the file cannot be read back: which lines a chunk is of
//! is known without it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use super::Waiting;
use crate::model::{BadLine, Claimed, ErrorKind, FetchError, Origin, Seed};

/// How many lines a chunk has at most, and how many of a host stay in memory before its chunks.
pub(super) const CHUNK: usize = 256;

/// The longest that the file may be.
const MOST: u64 = 4 << 30;

/// What a chunk was, should it not come back: lines that follow each other evenly.
#[derive(Debug, Clone)]
struct Run {
    list: Arc<str>,
    line: u64,
    number: u64,
    /// From one to the next, in lines and in numbers.
    step: (u64, u64),
    count: u64,
}

/// A chunk in the file.
#[derive(Debug)]
struct Chunk {
    at: u64,
    bytes: usize,
    lines: usize,
    runs: Vec<Run>,
}

/// A part of what waits for a host.
enum Segment {
    File(Chunk),
    Memory(Vec<Waiting>),
}

/// What waits for one host behind its queue, the oldest first.
#[derive(Default)]
pub(super) struct Behind {
    segments: VecDeque<Segment>,
    /// What came last and is not written yet.
    tail: Vec<Waiting>,
    in_memory: usize,
    in_file: usize,
    /// When more was needed last, and whether the host was done with a chunk in no time since before.
    needed: Option<Instant>,
    quick: bool,
}

/// What came back from behind a queue.
#[derive(Default)]
pub(super) struct Back {
    pub(super) waiting: Vec<Waiting>,
    /// Those that could not be read back.
    pub(super) lost: Vec<BadLine>,
    /// How many lines were in the file.
    from_file: usize,
    /// How many bytes of text are in memory again.
    pub(super) text: usize,
}

impl Behind {
    /// How many wait here in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.in_memory
    }

    /// How many lines in the file are those of a host that is quick by now: nobody need read on for
    /// the sake of others.
    pub(super) fn of_quick(&self) -> usize {
        if self.quick { self.in_file } else { 0 }
    }

    /// More of it is needed now; it is quick if that was so a short time ago too.
    pub(super) fn was_needed(&mut self, now: Instant, quick: Duration) {
        self.quick = self.needed.is_some_and(|before| now.saturating_duration_since(before) < quick);
        self.needed = Some(now);
    }

    /// Adds the youngest; how many bytes of text were written with it.
    pub(super) fn push(&mut self, waiting: Waiting, file: &mut Overflow) -> usize {
        self.tail.push(waiting);
        self.in_memory += 1;
        // After a write that failed, not again with each line.
        if self.tail.len().is_multiple_of(CHUNK) { self.write(file) } else { 0 }
    }

    /// Writes what could not be written before; how many bytes of text that were.
    pub(super) fn write_again(&mut self, file: &mut Overflow) -> usize {
        if self.tail.len() >= CHUNK { self.write(file) } else { 0 }
    }

    /// Writes what may be written of the tail. Where that fails, it stays where it is.
    fn write(&mut self, file: &mut Overflow) -> usize {
        let mut written = 0;
        let mut tail = std::mem::take(&mut self.tail).into_iter().peekable();
        while let Some(first) = tail.next() {
            let plain = is_plain(&first);
            let mut part = vec![first];
            while part.len() < CHUNK
                && let Some(next) = tail.next_if(|next| is_plain(next) == plain)
            {
                part.push(next);
            }
            if !plain {
                self.segments.push_back(Segment::Memory(part));
                continue;
            }
            match file.write(&part) {
                Ok(chunk) => {
                    self.in_memory -= part.len();
                    self.in_file += part.len();
                    written += part.iter().map(|waiting| waiting.seed().size()).sum::<usize>();
                    self.segments.push_back(Segment::File(chunk));
                }
                Err(e) => {
                    tracing::debug!("lines of hosts that wait stay in memory: {e}");
                    part.extend(tail);
                    self.tail = part;
                    break;
                }
            }
        }
        written
    }

    /// Takes the oldest part; `None` where there is none.
    pub(super) fn take(&mut self, host: &str, file: &mut Overflow) -> Option<Back> {
        let back = match self.segments.pop_front() {
            Some(Segment::File(chunk)) => file.take(chunk, host),
            Some(Segment::Memory(waiting)) => Back { waiting, ..Back::default() },
            None if self.tail.is_empty() => return None,
            None => Back { waiting: std::mem::take(&mut self.tail), ..Back::default() },
        };
        self.in_file -= back.from_file;
        self.in_memory -= if back.from_file == 0 { back.waiting.len() } else { 0 };
        Some(back)
    }
}

/// Whether it is no more than a URL and its place, and so can be written.
fn is_plain(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::New { seed, .. } => seed.wants.is_none() && seed.known.is_none(),
        Waiting::Again(_) => false,
    }
}

/// The file, made when it is first needed.
pub(super) struct Overflow {
    file: Option<File>,
    end: u64,
    /// Lines that are in it.
    lines: usize,
    lists: Vec<Arc<str>>,
    /// Times are told from here.
    base: Instant,
    buffer: Vec<u8>,
}

impl Overflow {
    pub(super) fn new() -> Self {
        Self { file: None, end: 0, lines: 0, lists: Vec::new(), base: Instant::now(), buffer: Vec::new() }
    }

    /// How many lines are in it.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    #[cfg(test)]
    pub(super) fn truncate(&mut self, bytes: u64) {
        self.file.as_ref().unwrap().set_len(bytes).unwrap();
    }

    fn list(&mut self, list: &Arc<str>) -> u32 {
        // Nearly always the last one.
        let at = self.lists.iter().rposition(|other| Arc::ptr_eq(other, list) || other == list);
        let at = at.unwrap_or_else(|| {
            self.lists.push(list.clone());
            self.lists.len() - 1
        });
        at as u32
    }

    fn write(&mut self, part: &[Waiting]) -> io::Result<Chunk> {
        let (mut buffer, mut runs) = (std::mem::take(&mut self.buffer), Vec::new());
        buffer.clear();
        for waiting in part {
            let Waiting::New { seed, save_as, admitted } = waiting else { continue };
            let list = self.list(&seed.origin.list);
            let admitted = admitted.saturating_duration_since(self.base).as_nanos() as u64;
            encode(&mut buffer, seed, save_as.as_ref(), list, admitted);
            note(&mut runs, seed);
        }
        let written = self.append(&buffer);
        let chunk = Chunk { at: self.end, bytes: buffer.len(), lines: part.len(), runs };
        self.buffer = buffer;
        written?;
        self.end += chunk.bytes as u64;
        self.lines += chunk.lines;
        Ok(chunk)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.end + bytes.len() as u64 > MOST {
            return Err(io::Error::other("the temporary file is as long as it may be"));
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(bytes)
    }

    fn take(&mut self, chunk: Chunk, host: &str) -> Back {
        self.lines -= chunk.lines;
        let read = self.read(&chunk);
        if self.lines == 0 {
            // Err: it is as long as before, and gone with the program.
            let _ = self.file.as_ref().map(|file| file.set_len(0));
            self.end = 0;
        }
        match read {
            Ok(waiting) => {
                let text = waiting.iter().map(|waiting| waiting.seed().size()).sum();
                Back { waiting, from_file: chunk.lines, text, lost: Vec::new() }
            }
            Err(e) => {
                let why = format!("cannot read back the temporary file in which it waited: {e}; run it again");
                Back { lost: lost(&chunk, host, &why), from_file: chunk.lines, ..Back::default() }
            }
        }
    }

    fn read(&mut self, chunk: &Chunk) -> io::Result<Vec<Waiting>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(chunk.at))?;
        self.buffer.resize(chunk.bytes, 0);
        file.read_exact(&mut self.buffer)?;
        let mut rest = &self.buffer[..];
        let mut waiting = Vec::with_capacity(chunk.lines);
        while !rest.is_empty() {
            let decoded = decode(&mut rest, &self.lists, self.base);
            waiting.push(decoded.ok_or_else(|| io::Error::other("it holds what was never written to it"))?);
        }
        if waiting.len() == chunk.lines { Ok(waiting) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn encode(to: &mut Vec<u8>, seed: &Seed, save_as: Option<&Claimed>, list: u32, admitted: u64) {
    let text = |to: &mut Vec<u8>, text: &str| {
        to.extend((text.len() as u32).to_le_bytes());
        to.extend(text.as_bytes());
    };
    for number in [seed.number, seed.origin.line, admitted] {
        to.extend(number.to_le_bytes());
    }
    to.extend(list.to_le_bytes());
    to.extend(seed.priority.to_le_bytes());
    text(to, seed.url.as_str());
    to.push(u8::from(save_as.is_some()));
    if let Some(name) = save_as {
        text(to, &name.0);
    }
}

fn decode(from: &mut &[u8], lists: &[Arc<str>], base: Instant) -> Option<Waiting> {
    fn array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
        let (first, rest) = from.split_first_chunk::<N>()?;
        *from = rest;
        Some(*first)
    }
    fn text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
        let length = u32::from_le_bytes(array(from)?) as usize;
        let (text, rest) = from.split_at_checked(length)?;
        *from = rest;
        std::str::from_utf8(text).ok()
    }
    let number = u64::from_le_bytes(array(from)?);
    let line = u64::from_le_bytes(array(from)?);
    let admitted = base + Duration::from_nanos(u64::from_le_bytes(array(from)?));
    let list = lists.get(u32::from_le_bytes(array(from)?) as usize)?.clone();
    let priority = i32::from_le_bytes(array(from)?);
    let url = Url::parse(text(from)?).ok()?;
    let save_as = match array(from)? {
        [0] => None,
        _ => Some(Claimed(text(from)?.into())),
    };
    let origin = Origin { list, line };
    let seed = Seed { url, priority, origin, number, wants: None, known: None };
    Some(Waiting::New { seed, save_as, admitted })
}

/// Notes which line this is; lines that follow each other evenly need no more room than one.
fn note(runs: &mut Vec<Run>, seed: &Seed) {
    let Origin { list, line } = &seed.origin;
    if let Some(run) = runs.last_mut()
        && Arc::ptr_eq(&run.list, list)
    {
        let last = run.count - 1;
        let (of_lines, of_numbers) = (run.line + run.step.0 * last, run.number + run.step.1 * last);
        if let (Some(lines), Some(numbers)) = (line.checked_sub(of_lines), seed.number.checked_sub(of_numbers)) {
            let step = (lines, numbers);
            if run.count == 1 || run.step == step {
                (run.step, run.count) = (step, run.count + 1);
                return;
            }
        }
    }
    runs.push(Run { list: list.clone(), line: *line, number: seed.number, step: (0, 0), count: 1 });
}

/// The lines of a chunk that cannot be read back.
fn lost(chunk: &Chunk, host: &str, why: &str) -> Vec<BadLine> {
    let lines = chunk.runs.iter().flat_map(|run| (0..run.count).map(move |n| (run, n)));
    let bad = |(run, n): (&Run, u64)| BadLine {
        text: format!("a URL of {host}"),
        origin: Origin { list: run.list.clone(), line: run.line + run.step.0 * n },
        number: run.number + run.step.1 * n,
        error: FetchError::new(ErrorKind::Io, why.to_owned()),
    };
    lines.map(bad).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(number: u64, list: &Arc<str>, save_as: Option<&str>) -> Waiting {
        let url = Url::parse(&format!("http://h.test/a?ü={number}")).unwrap();
        let origin = Origin { list: list.clone(), line: number * 3 + 1 };
        let seed = Seed { url, priority: 0, origin, number, wants: None, known: None };
        let save_as = save_as.map(|name| Claimed(name.into()));
        Waiting::New { seed, save_as, admitted: Instant::now() }
    }

    fn place(waiting: &Waiting) -> (u64, Origin, String, Option<Claimed>) {
        let Waiting::New { seed, save_as, .. } = waiting else { panic!("a job") };
        (seed.number, seed.origin.clone(), seed.url.to_string(), save_as.clone())
    }

    #[test]
    fn what_was_written_comes_back_as_it_was_and_leaves_nothing() {
        let (mut file, lists) = (Overflow::new(), ["a", "b"].map(Arc::from));
        let part: Vec<_> =
            (0..100).map(|n| waiting(n, &lists[usize::from(n % 7 == 0)], (n % 2 == 0).then_some("x/é"))).collect();
        let chunk = file.write(&part).unwrap();
        assert_eq!(file.lines(), 100);
        let back = file.take(chunk, "h.test");
        assert_eq!(back.waiting.iter().map(place).collect::<Vec<_>>(), part.iter().map(place).collect::<Vec<_>>());
        assert_eq!((back.from_file, file.lines(), file.end, back.lost.len()), (100, 0, 0, 0));
        assert_eq!(file.file.unwrap().metadata().unwrap().len(), 0);
    }

    #[test]
    fn lines_that_cannot_be_read_back_are_known_all_the_same() {
        let lists: [Arc<str>; 2] = ["a", "b"].map(Arc::from);
        let part: Vec<_> = [0, 1, 2, 7, 9, 11, 13, 4000].map(|n| waiting(n, &lists[usize::from(n > 8)], None)).into();
        for damage in [
            |file: &File| file.set_len(20).unwrap(),
            |mut file: &File| {
                file.seek(SeekFrom::Start(24)).unwrap();
                file.write_all(&[0xff; 90]).unwrap();
            },
        ] {
            let mut file = Overflow::new();
            let chunk = file.write(&part).unwrap();
            assert!(chunk.runs.len() <= 4, "{:?}", chunk.runs);
            damage(file.file.as_ref().unwrap());
            let back = file.take(chunk, "h.test");
            let lost: Vec<_> = back.lost.iter().map(|bad| (bad.number, bad.origin.clone())).collect();
            let expected: Vec<_> =
                part.iter().map(|waiting| (waiting.seed().number, waiting.seed().origin.clone())).collect();
            assert_eq!((lost, back.waiting.len(), back.from_file), (expected, 0, 8));
            assert!(back.lost[0].error.message.contains("cannot read back"), "{}", back.lost[0].error.message);
        }
    }

    #[test]
    fn what_cannot_be_written_stays_in_memory_in_its_order() {
        let (mut file, list) = (Overflow::new(), Arc::from("a"));
        file.end = MOST;
        let mut behind = Behind::default();
        for n in 0..2 * CHUNK as u64 {
            assert_eq!(behind.push(waiting(n, &list, None), &mut file), 0);
        }
        assert_eq!((behind.in_memory(), file.lines()), (2 * CHUNK, 0));
        file.end = 0;
        assert!(behind.write_again(&mut file) > 0);
        for n in 2 * CHUNK as u64..3 * CHUNK as u64 {
            behind.push(waiting(n, &list, None), &mut file);
        }
        assert_eq!((behind.in_memory(), file.lines()), (0, 3 * CHUNK), "it is tried again");
        let mut numbers = Vec::new();
        while let Some(back) = behind.take("h.test", &mut file) {
            numbers.extend(back.waiting.iter().map(|waiting| waiting.seed().number));
        }
        assert_eq!(numbers, (0..3 * CHUNK as u64).collect::<Vec<_>>());
    }
}
