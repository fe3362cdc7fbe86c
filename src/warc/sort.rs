//! Sorts more lines than fit in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write};

/// The lines that are held in memory, in bytes.
const HELD: usize = 32 * 1024 * 1024;

/// Lines that come out in the order of their bytes, each once. More than 32 MiB of them go to temporary files.
#[derive(Default)]
pub struct SortedLines {
    lines: Vec<String>,
    bytes: usize,
    runs: Vec<File>,
}

impl SortedLines {
    /// Adds a line without its end.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn add(&mut self, line: String) -> io::Result<()> {
        self.bytes += line.len() + size_of::<String>();
        self.lines.push(line);
        if self.bytes > HELD { self.end_run() } else { Ok(()) }
    }

    /// Writes the lines to a temporary file, in order.
    fn end_run(&mut self) -> io::Result<()> {
        self.lines.sort_unstable();
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for line in self.lines.drain(..) {
            writeln!(run, "{line}")?;
        }
        let mut run = run.into_inner()?;
        run.rewind()?;
        self.runs.push(run);
        self.bytes = 0;
        Ok(())
    }

    /// Writes all lines. Returns their number.
    ///
    /// # Errors
    /// If reading a temporary file or writing fails.
    pub fn write(mut self, to: &mut impl Write) -> io::Result<u64> {
        self.lines.sort_unstable();
        let mut held = self.lines.into_iter();
        let run_count = self.runs.len();
        let mut runs: Vec<_> = self.runs.into_iter().map(BufReader::new).collect();
        // The lines in memory are one more run.
        let mut next = |run: usize| match runs.get_mut(run) {
            Some(run) => read_line(run),
            None => Ok(held.next()),
        };
        let mut first = BinaryHeap::new();
        for run in 0..=run_count {
            first.extend(next(run)?.map(|line| Reverse((line, run))));
        }
        let (mut count, mut last) = (0, None);
        while let Some(Reverse((line, run))) = first.pop() {
            first.extend(next(run)?.map(|line| Reverse((line, run))));
            if last.as_ref() != Some(&line) {
                writeln!(to, "{line}")?;
                count += 1;
                last = Some(line);
            }
        }
        Ok(count)
    }
}

/// Reads a line without its end.
fn read_line(run: &mut BufReader<File>) -> io::Result<Option<String>> {
    let mut line = String::new();
    if run.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    line.truncate(line.trim_end_matches('\n').len());
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_several_runs_come_out_sorted_and_once() {
        let mut sorted = SortedLines::default();
        for (number, line) in ["b", "é", "a", "b", "c", "a b", "a"].into_iter().enumerate() {
            sorted.add(line.to_owned()).expect("memory");
            if number % 3 == 1 {
                sorted.end_run().expect("a temporary file");
            }
        }
        let mut text = Vec::new();
        assert_eq!(sorted.write(&mut text).expect("memory"), 5);
        assert_eq!(String::from_utf8_lossy(&text), "a\na b\nb\nc\né\n");
    }
}
