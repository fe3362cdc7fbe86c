//! A strict reader of WARC files, independent of the program's.

use std::io::Read as _;
use std::path::Path;

use flate2::bufread::GzDecoder;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

/// A record that obeys every rule that a reader can check.
#[derive(Debug, Clone)]
pub struct Record {
    pub fields: Vec<(String, String)>,
    pub block: Vec<u8>,
}

impl Record {
    /// The value of a field; empty if it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    pub fn kind(&self) -> &str {
        self.get("WARC-Type")
    }

    /// The path and query of its target.
    pub fn path(&self) -> &str {
        let target = self.get("WARC-Target-URI");
        target.splitn(4, '/').nth(3).unwrap_or(target)
    }

    /// The head of its block, with the empty line.
    pub fn head(&self) -> &str {
        std::str::from_utf8(&self.block[..self.head_length()]).expect("a head in ASCII")
    }

    /// The bytes behind the head of its block.
    pub fn payload(&self) -> &[u8] {
        &self.block[self.head_length()..]
    }

    pub fn status(&self) -> &str {
        self.head().split(' ').nth(1).expect("a status")
    }

    fn head_length(&self) -> usize {
        let end = self.block.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        end.expect("a head with an end") + 4
    }
}

/// Reads all records of a file: one gzip member each, unless the name says otherwise.
pub fn read(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).expect("an archive");
    let (mut records, mut rest) = (Vec::new(), bytes.as_slice());
    while !rest.is_empty() {
        let (record, left) = if path.to_str().is_some_and(|path| path.contains(".gz")) {
            let (mut decoder, mut plain) = (GzDecoder::new(rest), Vec::new());
            decoder.read_to_end(&mut plain).expect("a whole member");
            let (record, left) = parse(&plain);
            assert!(left.is_empty(), "a member with more than a record");
            (record, decoder.into_inner())
        } else {
            parse(rest)
        };
        records.push(record);
        rest = left;
    }
    check(&records);
    records
}

/// Reads the record at the place that the `warc` field of a record of the run names.
pub fn read_at(folder: &Path, place: &Value) -> Record {
    let number = |name: &str| place[name].as_u64().and_then(|number| usize::try_from(number).ok()).expect("a number");
    let path = folder.join(place["file"].as_str().expect("a file"));
    let bytes = std::fs::read(&path).expect("the file of the record");
    let member = &bytes[number("offset")..number("offset") + number("length")];
    let mut plain = Vec::new();
    if path.extension().is_some_and(|ending| ending == "gz") {
        GzDecoder::new(member).read_to_end(&mut plain).expect("a whole member");
    } else {
        plain.extend_from_slice(member);
    }
    let (record, left) = parse(&plain);
    assert!(left.is_empty(), "the length ends with the record");
    record
}

/// Reads the first record.
fn parse(bytes: &[u8]) -> (Record, &[u8]) {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a header with an end");
    let header = std::str::from_utf8(&bytes[..end]).expect("a header in UTF-8");
    let mut lines = header.split("\r\n");
    assert_eq!(lines.next(), Some("WARC/1.1"));
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let fields: Vec<_> = lines.map(|line| field(line).expect("a field")).collect();
    let mut record = Record { fields, block: Vec::new() };
    let length: usize = record.get("Content-Length").parse().expect("a length");
    let (block, rest) = bytes[end + 4..].split_at(length);
    record.block = block.to_vec();
    (record, rest.strip_prefix(b"\r\n\r\n").expect("the end of a record"))
}

/// Checks what ISO 28500:2017 demands of these records.
fn check(records: &[Record]) {
    let mut ids: Vec<_> = records.iter().map(|record| record.get("WARC-Record-ID")).collect();
    for record in records {
        let repeated = |name: &str| record.fields.iter().filter(|(found, _)| found == name).count() > 1;
        let twice = record.fields.iter().map(|(name, _)| name).find(|name| repeated(name) && *name != "WARC-Protocol");
        assert_eq!(twice, None, "{record:?}");
        assert_eq!(record.get("WARC-Block-Digest"), digest(&record.block), "{:?}", record.fields);
        assert!(!record.get("WARC-Date").is_empty() && !record.get("Content-Type").is_empty());
        if matches!(record.kind(), "request" | "response") {
            assert_eq!(record.get("WARC-Payload-Digest"), digest(record.payload()), "{:?}", record.fields);
            let other = records.iter().find(|other| other.get("WARC-Record-ID") == record.get("WARC-Concurrent-To"));
            let other = other.expect("the other half of the exchange");
            assert_ne!(other.kind(), record.kind());
            for field in ["WARC-Date", "WARC-Target-URI"] {
                assert_eq!(other.get(field), record.get(field));
            }
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), records.len(), "each record has an id of its own");
}

/// The SHA-1 of some bytes as records have it.
pub fn digest(bytes: &[u8]) -> String {
    let bits: String = Sha1::digest(bytes).iter().map(|byte| format!("{byte:08b}")).collect();
    let digit = |bits: &[u8]| {
        let value = bits.iter().fold(0, |value, bit| value * 2 + usize::from(bit - b'0'));
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[value])
    };
    format!("sha1:{}", bits.as_bytes().chunks(5).map(digit).collect::<String>())
}
