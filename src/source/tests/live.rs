//! Inputs that come slowly, break, are compressed, or are ended from another thread.

use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Pieces, brief, drain, file, pieces, read, reader, says, wants};
use crate::config::InputFormat::{Auto, Text};
use crate::model::Entry;
use crate::source::{Input, ListSource, Source};

/// Long enough that only a hang reaches it.
const HANG: Duration = Duration::from_secs(20);

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn many(count: usize) -> String {
    (1..=count).map(|n| format!("http://a.test/{n}\n")).collect()
}

/// Reads batches on a thread of their own, as the engine does; `None` is the end.
fn spawn(mut source: ListSource) -> mpsc::Receiver<Option<Vec<String>>> {
    let (send, batches) = mpsc::sync_channel(64);
    thread::spawn(move || {
        loop {
            let batch = source.next_batch().unwrap();
            let end = batch.is_none();
            send.send(batch.map(|batch| brief(&batch.entries))).unwrap();
            if end {
                break;
            }
        }
    });
    batches
}

fn lines(lines: &[&str]) -> Option<Vec<String>> {
    Some(lines.iter().map(|line| (*line).to_owned()).collect())
}

#[test]
fn a_line_that_arrived_does_not_wait_for_the_next() {
    let (reader, mut writer) = io::pipe().unwrap();
    let source = ListSource::new(vec![Input::Reader("-".into(), Box::new(reader))], Auto).unwrap();
    let batches = spawn(source);
    writer.write_all(b"http://a.test/1\nhttp://a.te").unwrap();
    assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["1 http://a.test/1"]));
    writer.write_all(b"st/2\nhttp://a.test/3").unwrap();
    assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["2 http://a.test/2"]));
    drop(writer);
    assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["3 http://a.test/3"]));
    assert_eq!(batches.recv_timeout(HANG).unwrap(), None);
}

#[test]
fn a_flushed_gzip_pipe_does_not_wait_either() {
    let (reader, writer) = io::pipe().unwrap();
    let source = ListSource::new(vec![Input::Reader("-".into(), Box::new(reader))], Auto).unwrap();
    let batches = spawn(source);
    let mut encoder = GzEncoder::new(writer, Compression::fast());
    encoder.write_all(b"http://a.test/1\n").unwrap();
    encoder.flush().unwrap();
    assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["1 http://a.test/1"]));
    encoder.write_all(b"http://a.test/2\n").unwrap();
    drop(encoder.finish().unwrap());
    assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["2 http://a.test/2"]));
    assert_eq!(batches.recv_timeout(HANG).unwrap(), None);
}

#[test]
fn options_in_a_pipe_follow_their_url_and_late_ones_are_errors() {
    let list: [&[u8]; 3] = [b"http://a.test/1\n", b" out=late\nhttp://a.test/2\n", b" out=kept\nhttp://a.test/3\n"];
    let entries = read(pieces(&list), Text);
    assert_eq!(brief(&entries), ["1 http://a.test/1", "2 !out", "3 http://a.test/2", "5 http://a.test/3"]);
    says(&entries[1..2], "from a pipe");
    // Once the list has shown options, its URLs wait for them.
    assert_eq!(wants(&entries[2..3]).out.as_deref(), Some("kept"));
}

#[test]
fn gzip_is_seen_by_its_bytes_in_any_number_of_members() {
    let mut bytes = gzip(many(3000).as_bytes());
    bytes.extend(gzip(b"http://b.test/\n"));
    let (_keep, input) = file(&bytes);
    for input in [input, reader("-", &bytes)] {
        let entries = read(input, Auto);
        assert_eq!(entries.len(), 3001);
        assert_eq!(brief(&entries[3000..]), ["3001 http://b.test/"]);
    }
    assert!(read(reader("-", &gzip(b"")), Auto).is_empty());
}

#[test]
fn zeros_behind_a_gzip_list_are_ignored() {
    let members = [gzip(b"http://a.test/\n"), gzip(b"http://b.test/\n")].concat();
    for zeros in [1, 511, 100_000] {
        let padded = [&members[..], &vec![0; zeros]].concat();
        assert_eq!(brief(&read(reader("-", &padded), Auto)), ["1 http://a.test/", "2 http://b.test/"], "{zeros}");
        for rest in [&b"x"[..], &members] {
            let padded = [&padded[..], rest].concat();
            let (entries, end) = drain(&mut ListSource::new(vec![reader("l.gz", &padded)], Auto).unwrap());
            assert_eq!(entries.len(), 2);
            assert!(end.unwrap_err().to_string().contains("the gzip data is corrupt"), "{zeros}");
        }
    }
}

#[test]
fn a_cut_gzip_list_breaks_after_its_good_lines() {
    let bytes = gzip(many(2000).as_bytes());
    for cut in [bytes.len() - 1, bytes.len() - 9, bytes.len() / 2] {
        let mut source = ListSource::new(vec![reader("list.gz", &bytes[..cut])], Auto).unwrap();
        let (entries, end) = drain(&mut source);
        assert!(entries.len() > 800, "{}", entries.len());
        assert!(end.unwrap_err().to_string().starts_with("cannot read list.gz: the gzip data ends too early"));
        assert_eq!(source.position().line, entries.len() as u64 + 1);
        assert!(source.next_batch().unwrap().is_none());
    }
}

#[test]
fn a_corrupt_gzip_list_breaks_near_the_corrupt_place() {
    let mut bytes = gzip(many(20_000).as_bytes());
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    let (entries, end) = drain(&mut ListSource::new(vec![reader("list.gz", &bytes)], Auto).unwrap());
    assert!(end.is_err());
    assert!(entries.len() > 8000, "{}", entries.len());
}

#[test]
fn a_read_error_comes_after_the_lines_before_it() {
    let list = b"http://a.test/1\nhttp://a.test/2\nhttp://a.te".to_vec();
    let broken = Pieces { pieces: vec![list], error: Some(io::Error::other("the disk is gone")) };
    let inputs = vec![Input::Reader("list".into(), Box::new(broken)), reader("other", b"http://b.test/\n")];
    let mut source = ListSource::new(inputs, Auto).unwrap();
    let (entries, end) = drain(&mut source);
    assert_eq!(brief(&entries), ["1 http://a.test/1", "2 http://a.test/2"]);
    assert_eq!(end.unwrap_err().to_string(), "cannot read list: the disk is gone");
    assert_eq!(source.position().to_string(), "list:3");
}

#[test]
fn a_path_that_is_no_list_fails_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| ListSource::new(vec![Input::File(path.to_owned())], Auto).unwrap_err().to_string();
    assert!(open(folder.path()).contains("directory"));
    let missing = folder.path().join("example.com");
    let message = open(&missing);
    assert!(message.contains("https://") && message.contains(missing.to_str().unwrap()), "{message}");
}

#[test]
fn after_an_interrupt_there_is_nothing_more() {
    let (_keep, input) = file(many(1000).as_bytes());
    let mut source = ListSource::new(vec![input], Auto).unwrap();
    source.next_batch().unwrap().unwrap();
    let interrupt = source.interrupt();
    interrupt();
    interrupt();
    assert!(source.next_batch().unwrap().is_none());
    assert!(source.next_batch().unwrap().is_none());
    assert_eq!(source.position().line, 257);
}

#[cfg(target_os = "linux")]
mod fifo {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    fn fifo(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("list");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        path
    }

    #[test]
    fn a_fifo_waits_for_its_writer_and_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let batches = spawn(ListSource::new(vec![Input::File(path.clone())], Auto).unwrap());
        assert!(batches.recv_timeout(Duration::from_millis(50)).is_err(), "ended before a writer came");
        let mut writer = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        writer.write_all(b"http://a.test/1\n").unwrap();
        assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["1 http://a.test/1"]));
        assert!(batches.recv_timeout(Duration::from_millis(50)).is_err(), "ended while a writer is there");
        drop(writer);
        assert_eq!(batches.recv_timeout(HANG).unwrap(), None);
    }

    #[test]
    fn a_read_that_blocks_can_be_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        // Without a writer, and with one that is silent after half a line.
        for silent in [false, true] {
            let source = ListSource::new(vec![Input::File(path.clone())], Auto).unwrap();
            let interrupt = source.interrupt();
            let batches = spawn(source);
            let writer = silent.then(|| {
                let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                writer.write_all(b"http://a.test/1\nhttp://a").unwrap();
                assert_eq!(batches.recv_timeout(HANG).unwrap(), lines(&["1 http://a.test/1"]));
                writer
            });
            interrupt();
            assert_eq!(batches.recv_timeout(HANG).unwrap(), None);
            drop(writer);
        }
    }

    #[test]
    fn an_anonymous_pipe_whose_writer_is_gone_is_read_by_its_path() {
        use std::os::fd::AsRawFd;
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"http://a.test/1\n").unwrap();
        drop(writer);
        // The path that a shell's `<(command)` passes.
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let entries = read(Input::File(path.into()), Auto);
        assert!(matches!(&entries[..], [Entry::Seed(_)]));
    }
}
