//! Files that hold no list, and lists that are compressed.

use std::io::Write;

use super::{brief, drain, file, pieces, read, reader, refusal, text};
use crate::config::InputFormat::{Auto, Csv};
use crate::source::{Input, ListSource};

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn many(count: usize) -> String {
    (1..=count).map(|n| format!("http://a.test/{n}\n")).collect()
}

#[test]
fn file_that_holds_no_list_is_refused_when_it_is_opened() {
    let mut tar = b"urls.txt".to_vec();
    tar.resize(257, 0);
    tar.extend_from_slice(b"ustar\0");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    let tar_gz = gzip.finish().unwrap();
    for (magic, what) in [
        (&b"PK\x03\x04"[..], "a zip archive"),
        (b"PAR1\0\0", "a Parquet file"),
        (b"\xfd7zXZ\0\0", "an xz file"),
        (b"BZh91AY&SY", "a bzip2 file"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel or Word file of before 2007"),
        (&tar, "a tar archive"),
        (&tar_gz, "a tar archive"),
        (&zstd(b"PK\x03\x04rest"), "a zip archive"),
        (&zstd(&zstd(b"http://a.test/")), "compressed twice"),
    ] {
        for format in [Auto, Csv] {
            let (_keep, input) = file(magic);
            let Input::File(path) = &input else { panic!("no file") };
            let name = path.display().to_string();
            let error = ListSource::new(vec![input], format).unwrap_err();
            assert!(error.is_refusal(), "{error}");
            assert!(error.to_string().starts_with(&format!("{name}: {what}")), "{error}");
        }
    }
}

#[test]
fn pipe_that_holds_no_list_loses_nothing_of_the_lists_before_it() {
    let inputs = vec![reader("one", b"http://a.test/1\n"), pieces(&[b"P", b"K", b"\x03\x04junk"])];
    let (entries, end) = drain(&mut ListSource::new(inputs, Auto).unwrap());
    assert_eq!(brief(&entries), ["1 http://a.test/1"]);
    let error = end.unwrap_err();
    assert!(error.is_refusal() && error.to_string().starts_with("list: a zip archive"), "{error}");
}

#[test]
fn zstd_list_is_seen_by_its_bytes_in_any_number_of_frames() {
    let mut bytes = zstd(many(3000).as_bytes());
    bytes.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'x', b'y', b'z']);
    bytes.extend(zstd(b"http://b.test/\n"));
    let (_keep, input) = file(&bytes);
    for input in [input, reader("-", &bytes), pieces(&[&bytes[..2], &bytes[2..]])] {
        let entries = read(input, Auto);
        assert_eq!(entries.len(), 3001);
        assert_eq!(brief(&entries[3000..]), ["3001 http://b.test/"]);
    }
    let named = reader("list.csv.zst", &zstd(b"x,url\n1,http://a.test/\n"));
    assert_eq!(brief(&read(named, Auto)), ["2 http://a.test/"]);
}

#[test]
fn damaged_zstd_list_breaks_after_its_good_lines() {
    let bytes = zstd(many(200_000).as_bytes());
    let (entries, end) =
        drain(&mut ListSource::new(vec![reader("list.zst", &bytes[..bytes.len() / 2])], Auto).unwrap());
    assert!(entries.len() > 10_000, "{}", entries.len());
    assert!(end.unwrap_err().to_string().contains("the zstd data ends too early"));
    let mut corrupt = bytes.clone();
    corrupt[4..64].fill(0xff);
    let (_keep, input) = file(&corrupt);
    let error = ListSource::new(vec![input], Auto).unwrap_err();
    assert!(error.to_string().contains("the zstd data is corrupt"), "{error}");
}

#[test]
fn window_larger_than_the_limit_is_an_error() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.write_all(b"http://a.test/\n").unwrap();
    let bytes = encoder.finish().unwrap();
    let (entries, end) = drain(&mut ListSource::new(vec![reader("list.zst", &bytes)], Auto).unwrap());
    assert!(entries.is_empty());
    assert!(end.unwrap_err().to_string().contains("the zstd data is corrupt"));
}

#[test]
fn file_is_read_from_where_it_stood_after_it_was_looked_at() {
    let (_keep, input) = file(many(20_000).as_bytes());
    let entries = read(input, Auto);
    assert_eq!((entries.len(), &*brief(&entries[..1])[0]), (20_000, "1 http://a.test/1"));
}

#[test]
fn data_that_is_no_text_is_refused_once() {
    let noise: Vec<u8> = (7..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let program = [&b"\xca\xfe\xba\xbe\n\n"[..], &[0; 64], b"http://a.test/"].concat();
    for (name, bytes) in [("list.bin", &noise), ("list.txt", &program), ("list.csv", &noise)] {
        let why = refusal(reader(name, bytes), Auto);
        assert!(why.starts_with(&format!("{name}: no text: ")), "{why}");
    }
    let strange = "http://a.test/\u{1}\nhttp://a.test/\u{7f}\n# \u{0}\u{1}\u{2}\u{3}\n";
    assert_eq!(text(strange).len(), 2, "a few control characters cost their own lines");
}
