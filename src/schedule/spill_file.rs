//! The temporary file for jobs of slow hosts.
//!
//! The file has no name: it is gone with the program. It holds chunks of each host, first in, first out.
//! Only plain seeds are written. A seed with fields, credentials or a past stays in memory, in its place
//! between the chunks. A chunk that cannot be read back loses no line: the table of its lines is in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use super::host_queue::bytes_of;
use crate::model::{BadLine, Claimed, ErrorKind, FetchError, Job, JobId, Kind, Origin, Seed, Via};

/// The most lines of a chunk, and how many lines of a host stay in memory before its chunks.
pub(super) const CHUNK: usize = 256;

/// The most bytes of the file.
const MOST: u64 = 4 << 30;

/// Lines at even steps: names each line of a lost chunk.
#[derive(Debug, Clone)]
struct LineRun {
    list: Arc<str>,
    line: u64,
    id: u64,
    /// The step from one to the next, in lines and in ids.
    step: (u64, u64),
    count: u64,
}

/// A chunk in the file.
#[derive(Debug)]
struct Chunk {
    at: u64,
    bytes: usize,
    lines: usize,
    runs: Vec<LineRun>,
}

/// A part of the spilled jobs of a host.
enum Segment {
    File(Chunk),
    Memory(Vec<Box<Job>>),
}

/// The jobs of one host behind its queue, the oldest first.
#[derive(Default)]
pub(super) struct SpilledJobs {
    segments: VecDeque<Segment>,
    /// The newest jobs, which are not written yet.
    tail: Vec<Box<Job>>,
    in_memory: usize,
    in_file: usize,
    /// When a chunk was last needed.
    needed: Option<tokio::time::Instant>,
    /// The host used up the last chunk fast.
    is_fast: bool,
}

/// Jobs that came back.
#[derive(Default)]
pub(super) struct Restored {
    pub(super) jobs: Vec<Box<Job>>,
    /// Lines that could not be read back.
    pub(super) lost: Vec<BadLine>,
    /// How many lines were in the file.
    from_file: usize,
    /// How many bytes of text are in memory again.
    pub(super) bytes: usize,
}

impl SpilledJobs {
    /// How many jobs are in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.in_memory
    }

    /// How many lines are in the file although the host is fast: reading on would help no other host.
    pub(super) fn fast_in_file(&self) -> usize {
        if self.is_fast { self.in_file } else { 0 }
    }

    /// Notes that a chunk is needed. The host is fast if that was so less than `fast` ago.
    pub(super) fn note_need(&mut self, now: tokio::time::Instant, fast: Duration) {
        self.is_fast = self.needed.is_some_and(|before| now.saturating_duration_since(before) < fast);
        self.needed = Some(now);
    }

    /// Adds the newest job. Returns how many bytes of text were written.
    pub(super) fn push(&mut self, job: Box<Job>, file: &mut SpillFile) -> usize {
        self.tail.push(job);
        self.in_memory += 1;
        // After a failed write, do not try again with each job.
        if self.tail.len().is_multiple_of(CHUNK) { self.write(file) } else { 0 }
    }

    /// Tries a failed write again. Returns how many bytes of text were written.
    pub(super) fn write_again(&mut self, file: &mut SpillFile) -> usize {
        if self.tail.len() >= CHUNK { self.write(file) } else { 0 }
    }

    /// Writes the plain seeds of the tail. After an error they stay in memory.
    fn write(&mut self, file: &mut SpillFile) -> usize {
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
                    written += part.iter().map(|job| bytes_of(job)).sum::<usize>();
                    self.segments.push_back(Segment::File(chunk));
                }
                Err(e) => {
                    tracing::debug!("lines of slow hosts stay in memory: {e}");
                    part.extend(tail);
                    self.tail = part;
                    break;
                }
            }
        }
        written
    }

    /// Takes the oldest part; `None` if nothing is left.
    pub(super) fn take(&mut self, host: &str, file: &mut SpillFile) -> Option<Restored> {
        let back = match self.segments.pop_front() {
            Some(Segment::File(chunk)) => file.take(chunk, host),
            Some(Segment::Memory(jobs)) => Restored { jobs, ..Restored::default() },
            None if self.tail.is_empty() => return None,
            None => Restored { jobs: std::mem::take(&mut self.tail), ..Restored::default() },
        };
        self.in_file -= back.from_file;
        self.in_memory -= if back.from_file == 0 { back.jobs.len() } else { 0 };
        Some(back)
    }
}

/// Whether a job is no more than a URL and its place, so that it can be written.
fn is_plain(job: &Job) -> bool {
    let Seed { via, depth, kind, wants, known, .. } = &job.seed;
    wants.is_none() && known.is_none() && matches!(via, Via::List(_)) && *depth == 0 && *kind == Kind::Page
}

/// The file, made when it is first needed.
pub(super) struct SpillFile {
    file: Option<File>,
    end: u64,
    /// Lines that are in it.
    lines: usize,
    lists: Vec<Arc<str>>,
    /// Times in the file count from here: the admission of the first job that was written.
    base: Option<Instant>,
    buffer: Vec<u8>,
}

impl SpillFile {
    pub(super) fn new() -> Self {
        Self { file: None, end: 0, lines: 0, lists: Vec::new(), base: None, buffer: Vec::new() }
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

    fn write(&mut self, part: &[Box<Job>]) -> io::Result<Chunk> {
        let (mut buffer, mut runs) = (std::mem::take(&mut self.buffer), Vec::new());
        buffer.clear();
        for job in part {
            let list = self.list(&job.seed.via.origin().list);
            let base = *self.base.get_or_insert(job.admitted);
            let admitted = nanos_since(base, job.admitted);
            encode(&mut buffer, &job.seed, job.save_as.as_ref(), list, admitted);
            note(&mut runs, &job.seed);
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

    fn take(&mut self, chunk: Chunk, host: &str) -> Restored {
        self.lines -= chunk.lines;
        let read = self.read(&chunk);
        if self.lines == 0 {
            // Err: it is as long as before, and gone with the program.
            let _ = self.file.as_ref().map(|file| file.set_len(0));
            self.end = 0;
        }
        match read {
            Ok(jobs) => {
                let bytes = jobs.iter().map(|job| bytes_of(job)).sum();
                Restored { jobs, from_file: chunk.lines, bytes, lost: Vec::new() }
            }
            Err(e) => {
                let why = format!("cannot read back the temporary file in which it waited: {e}; run it again");
                Restored { lost: lost(&chunk, host, &why), from_file: chunk.lines, ..Restored::default() }
            }
        }
    }

    fn read(&mut self, chunk: &Chunk) -> io::Result<Vec<Box<Job>>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(chunk.at))?;
        self.buffer.resize(chunk.bytes, 0);
        file.read_exact(&mut self.buffer)?;
        let mut rest = &self.buffer[..];
        let mut jobs = Vec::with_capacity(chunk.lines);
        while !rest.is_empty() {
            let decoded = decode(&mut rest, &self.lists, self.base);
            jobs.push(decoded.ok_or_else(|| io::Error::other("it holds what was never written to it"))?);
        }
        if jobs.len() == chunk.lines { Ok(jobs) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// The time from `base` to `at`, which may be earlier.
fn nanos_since(base: Instant, at: Instant) -> i64 {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    match at.checked_duration_since(base) {
        Some(later) => nanos(later),
        None => -nanos(base.saturating_duration_since(at)),
    }
}

fn after_nanos(base: Instant, nanos: i64) -> Option<Instant> {
    let time = Duration::from_nanos(nanos.unsigned_abs());
    if nanos < 0 { base.checked_sub(time) } else { base.checked_add(time) }
}

fn encode(to: &mut Vec<u8>, seed: &Seed, save_as: Option<&Claimed>, list: u32, admitted: i64) {
    let text = |to: &mut Vec<u8>, text: &str| {
        to.extend((text.len() as u32).to_le_bytes());
        to.extend(text.as_bytes());
    };
    for number in [seed.id.0, seed.via.origin().line] {
        to.extend(number.to_le_bytes());
    }
    to.extend(admitted.to_le_bytes());
    to.extend(list.to_le_bytes());
    to.extend(seed.priority.to_le_bytes());
    text(to, seed.url.as_str());
    to.push(u8::from(save_as.is_some()));
    if let Some(name) = save_as {
        text(to, &name.0);
    }
}

fn decode(from: &mut &[u8], lists: &[Arc<str>], base: Option<Instant>) -> Option<Box<Job>> {
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
    let admitted = after_nanos(base?, i64::from_le_bytes(array(from)?))?;
    let list = lists.get(u32::from_le_bytes(array(from)?) as usize)?.clone();
    let priority = i32::from_le_bytes(array(from)?);
    let url = Url::parse(text(from)?).ok()?;
    let save_as = match array(from)? {
        [0] => None,
        _ => Some(Claimed(text(from)?.into())),
    };
    let origin = Origin { list, line };
    let id = JobId(number);
    let seed = Seed { id, priority, ..Seed::new(url, Via::List(origin)) };
    Some(Box::new(Job::new(id, seed, save_as, admitted)))
}

/// Notes which line this is; lines that follow each other evenly need no more room than one.
fn note(runs: &mut Vec<LineRun>, seed: &Seed) {
    let Origin { list, line } = seed.via.origin();
    if let Some(run) = runs.last_mut()
        && Arc::ptr_eq(&run.list, list)
    {
        let last = run.count - 1;
        let (of_lines, of_ids) = (run.line + run.step.0 * last, run.id + run.step.1 * last);
        if let (Some(lines), Some(ids)) = (line.checked_sub(of_lines), seed.id.0.checked_sub(of_ids)) {
            let step = (lines, ids);
            if run.count == 1 || run.step == step {
                (run.step, run.count) = (step, run.count + 1);
                return;
            }
        }
    }
    runs.push(LineRun { list: list.clone(), line: *line, id: seed.id.0, step: (0, 0), count: 1 });
}

/// The lines of a chunk that cannot be read back.
fn lost(chunk: &Chunk, host: &str, why: &str) -> Vec<BadLine> {
    let lines = chunk.runs.iter().flat_map(|run| (0..run.count).map(move |n| (run, n)));
    let bad = |(run, n): (&LineRun, u64)| BadLine {
        text: format!("a URL of {host}"),
        via: Via::List(Origin { list: run.list.clone(), line: run.line + run.step.0 * n }),
        id: JobId(run.id + run.step.1 * n),
        error: FetchError::new(ErrorKind::Io, why.to_owned()),
    };
    lines.map(bad).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u64, list: &Arc<str>, save_as: Option<&str>) -> Box<Job> {
        let url = Url::parse(&format!("http://h.test/a?ü={number}")).unwrap();
        let origin = Origin { list: list.clone(), line: number * 3 + 1 };
        let seed = Seed::new(url, Via::List(origin));
        let save_as = save_as.map(|name| Claimed(name.into()));
        Box::new(Job::new(JobId(number), seed, save_as, Instant::now()))
    }

    fn place(job: &Job) -> (JobId, Origin, String, Option<Claimed>) {
        (job.id, job.seed.via.origin().clone(), job.seed.url.to_string(), job.save_as.clone())
    }

    #[test]
    fn spilled_jobs_are_read_back_unchanged_and_leave_no_file() {
        let (mut file, lists) = (SpillFile::new(), ["a", "b"].map(Arc::from));
        let part: Vec<_> =
            (0..100).map(|n| job(n, &lists[usize::from(n % 7 == 0)], (n % 2 == 0).then_some("x/é"))).collect();
        let chunk = file.write(&part).unwrap();
        assert_eq!(file.lines(), 100);
        let back = file.take(chunk, "h.test");
        assert_eq!(
            back.jobs.iter().map(|job| place(job)).collect::<Vec<_>>(),
            part.iter().map(|job| place(job)).collect::<Vec<_>>()
        );
        assert_eq!((back.from_file, file.lines(), file.end, back.lost.len()), (100, 0, 0, 0));
        assert_eq!(file.file.unwrap().metadata().unwrap().len(), 0);
    }

    #[test]
    fn lines_that_cannot_be_read_back_are_known_all_the_same() {
        let lists: [Arc<str>; 2] = ["a", "b"].map(Arc::from);
        let part: Vec<_> = [0, 1, 2, 7, 9, 11, 13, 4000].map(|n| job(n, &lists[usize::from(n > 8)], None)).into();
        for damage in [
            |file: &File| file.set_len(20).unwrap(),
            |mut file: &File| {
                file.seek(SeekFrom::Start(24)).unwrap();
                file.write_all(&[0xff; 90]).unwrap();
            },
        ] {
            let mut file = SpillFile::new();
            let chunk = file.write(&part).unwrap();
            assert!(chunk.runs.len() <= 4, "{:?}", chunk.runs);
            damage(file.file.as_ref().unwrap());
            let back = file.take(chunk, "h.test");
            let lost: Vec<_> = back.lost.iter().map(|bad| (bad.id.0, bad.via.origin().clone())).collect();
            let expected: Vec<_> = part.iter().map(|job| (job.id.0, job.seed.via.origin().clone())).collect();
            assert_eq!((lost, back.jobs.len(), back.from_file), (expected, 0, 8));
            assert!(back.lost[0].error.message.contains("cannot read back"), "{}", back.lost[0].error.message);
        }
    }

    #[test]
    fn jobs_that_cannot_be_spilled_stay_in_memory_in_order() {
        let (mut file, list) = (SpillFile::new(), Arc::from("a"));
        file.end = MOST;
        let mut spilled = SpilledJobs::default();
        for n in 0..2 * CHUNK as u64 {
            assert_eq!(spilled.push(job(n, &list, None), &mut file), 0);
        }
        assert_eq!((spilled.in_memory(), file.lines()), (2 * CHUNK, 0));
        file.end = 0;
        assert!(spilled.write_again(&mut file) > 0);
        for n in 2 * CHUNK as u64..3 * CHUNK as u64 {
            spilled.push(job(n, &list, None), &mut file);
        }
        assert_eq!((spilled.in_memory(), file.lines()), (0, 3 * CHUNK), "it is tried again");
        let mut numbers = Vec::new();
        while let Some(back) = spilled.take("h.test", &mut file) {
            numbers.extend(back.jobs.iter().map(|job| job.id.0));
        }
        assert_eq!(numbers, (0..3 * CHUNK as u64).collect::<Vec<_>>());
    }
}
