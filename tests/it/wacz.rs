//! `fetchall wacz`: what a package holds, and which archives are refused.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipArchive};

use crate::support::cli::{Fetchall, Finished};
use crate::support::process::{command, output};
use crate::support::program;

/// A WARC file and the lines of its index.
struct Archive {
    warc: Vec<u8>,
    lines: Vec<String>,
}

/// The text of a CDXJ file.
fn cdxj(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("a String takes all");
        text
    })
}

/// Makes an archive of pages and images of a host by turns.
fn archive(name: &str, host: &str, records: usize) -> Archive {
    let (mut warc, mut lines) = (Vec::new(), Vec::new());
    for number in 0..records {
        let (url, offset) = (format!("http://{host}.test/{number:05}"), warc.len());
        let body = format!("HTTP/1.1 200 OK\r\n\r\nbody {number}");
        let length = body.len();
        let record = format!(
            "WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nContent-Length: {length}\r\n\r\n{body}\r\n\r\n"
        );
        if name.ends_with(".gz") {
            let mut member = GzEncoder::new(&mut warc, Compression::default());
            member.write_all(record.as_bytes()).expect("memory takes all");
        } else {
            warc.extend(record.as_bytes());
        }
        let mime = if number % 2 == 0 { "text/html" } else { "image/png" };
        // As texts, which other programs write, and as numbers.
        let length = warc.len() - offset;
        let (offset, length) = if number % 2 == 0 {
            (json!(offset), json!(length))
        } else {
            (json!(offset.to_string()), json!(length.to_string()))
        };
        let capture =
            json!({"url": url, "mime": mime, "status": "200", "length": length, "offset": offset, "filename": name});
        lines.push(format!("test,{host})/{number:05} 20260102030405 {capture}"));
    }
    Archive { warc, lines }
}

/// Runs the command over these files of the folder `in`.
fn pack(files: &[(&str, &[u8])]) -> Finished {
    let run = files.iter().fold(Fetchall::new(), |run, (name, content)| run.file(&format!("in/{name}"), content));
    run.args(["wacz", "in", "-o", "out.wacz"]).run()
}

/// The files of a package by name; none is compressed.
fn unpack(package: &[u8]) -> HashMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(package)).expect("a ZIP file");
    let entry = |at| {
        let mut file = zip.by_index(at).expect("an entry");
        let name = file.name().expect("a name").into_owned();
        assert_eq!(file.compression(), CompressionMethod::Stored, "{name}");
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("its content");
        (name, content)
    };
    (0..ZipArchive::new(Cursor::new(package)).expect("a ZIP file").len()).map(entry).collect()
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

#[test]
fn package_has_archive_index_pages_and_true_hashes() {
    let (a, b) = (archive("a.warc.gz", "a", 3), archive("b.warc", "b", 2));
    let run = pack(&[
        ("a.warc.gz", &a.warc),
        ("a.cdxj", cdxj(&a.lines).as_bytes()),
        ("archive/b.warc", &b.warc),
        // A line that two indexes have comes once.
        ("indexes/index.cdxj", cdxj(&[&a.lines[..1], &b.lines].concat()).as_bytes()),
        ("records.ndjson", b"not a part of it"),
    ])
    .expect_code(0);
    assert_eq!(run.stderr, "WARC files: 2, captures: 5, pages: 3\n");
    let files = unpack(&run.read("out.wacz"));
    let mut names: Vec<_> = files.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = ["archive/a.warc.gz", "archive/b.warc", "datapackage-digest.json", "datapackage.json"];
    assert_eq!(names, [&expected[..], &["indexes/index.cdx", "pages/pages.jsonl"]].concat());
    assert_eq!((&files["archive/a.warc.gz"], &files["archive/b.warc"]), (&a.warc, &b.warc));
    assert_eq!(files["indexes/index.cdx"], cdxj(&[a.lines, b.lines].concat()).as_bytes());
    let pages = String::from_utf8(files["pages/pages.jsonl"].clone()).expect("UTF-8");
    let pages: Vec<Value> = pages.lines().map(|line| json_of(line.as_bytes())).collect();
    assert_eq!(pages[0]["format"], "json-pages-1.0");
    let urls: Vec<_> = pages[1..].iter().map(|page| page["url"].as_str().unwrap_or_default()).collect();
    assert_eq!(urls, ["http://a.test/00000", "http://a.test/00002", "http://b.test/00000"]);
    assert_eq!(pages[1]["ts"], "2026-01-02T03:04:05Z");
    let package = json_of(&files["datapackage.json"]);
    assert_eq!((&package["profile"], &package["wacz_version"]), (&json!("data-package"), &json!("1.1.1")));
    let resources = package["resources"].as_array().expect("resources");
    assert_eq!(resources.len(), 4);
    for resource in resources {
        let content = &files[resource["path"].as_str().expect("a path")];
        assert_eq!((&resource["hash"], &resource["bytes"]), (&json!(sha256(content)), &json!(content.len())));
    }
    let digest = json_of(&files["datapackage-digest.json"]);
    assert_eq!(digest, json!({"path": "datapackage.json", "hash": sha256(&files["datapackage.json"])}));
}

#[test]
fn large_index_has_blocks_that_its_own_index_finds() {
    let a = archive("a.warc.gz", "a", 600);
    let run = pack(&[("a.warc.gz", &a.warc), ("a.warc.gz.cdxj", cdxj(&a.lines).as_bytes())]).expect_code(0);
    let files = unpack(&run.read("out.wacz"));
    let (blocks, idx) = (&files["indexes/index.cdx.gz"], String::from_utf8_lossy(&files["indexes/index.idx"]));
    let mut idx = idx.lines();
    assert_eq!(idx.next(), Some(r#"!meta 0 {"format":"cdxj-gzip-1.0","filename":"index.cdx.gz"}"#));
    let mut lines = Vec::new();
    for entry in idx {
        let at = entry.find('{').expect("JSON");
        let place = json_of(&entry.as_bytes()[at..]);
        let number = |name: &str| usize::try_from(place[name].as_u64().expect("a number")).expect("a length");
        let block = &blocks[number("offset")..][..number("length")];
        assert_eq!(place["digest"], sha256(block));
        let mut text = String::new();
        GzDecoder::new(block).read_to_string(&mut text).expect("a member");
        assert!(text.starts_with(entry[..at].trim_end()), "{entry}");
        assert!(text.lines().count() <= 256, "{}", text.lines().count());
        lines.extend(text.lines().map(str::to_owned));
    }
    assert_eq!(lines, a.lines);
}

/// Packages that are refused, with the beginning of the message.
#[test]
fn archive_that_does_not_fit_its_index_is_refused() {
    let a = archive("a.warc.gz", "a", 3);
    let whole = cdxj(&a.lines);
    let with = |old: &str, new: &str| whole.replacen(old, new, 1);
    let cut = &a.warc[..a.warc.len() - 1];
    let reversed = cdxj(&a.lines.iter().rev().cloned().collect::<Vec<_>>());
    let [index, open] = ["in/a.cdxj:1: ", "in/a.warc.gz.open: the file is still being written"].map(str::to_owned);
    let cases: &[(&[u8], &str, String)] = &[
        (&a.warc, "", "in/a.warc.gz: no index has a line of it".to_owned()),
        (&a.warc, &reversed, "in/a.cdxj:2: the line belongs before the one above".to_owned()),
        (&a.warc, &with(" 20260102030405", ""), index.clone() + "it is no line of CDXJ"),
        (&a.warc, &with("a.warc.gz", "b.warc.gz"), index.clone() + "it names `b.warc.gz`"),
        (
            &a.warc,
            &with("a.test/00000", "a.test/9"),
            index.clone() + "the record in `a.warc.gz` at offset 0 has another",
        ),
        (&a.warc, &with(r#""offset":0"#, r#""offset":1"#), index.clone() + "cannot read `a.warc.gz` at offset 1"),
        (&a.warc, &with(r#""offset":0"#, r#""offset":"x""#), index + "its offset or length is no number"),
        (cut, &whole, "in/a.cdxj:3: cannot read `a.warc.gz`".to_owned()),
    ];
    for (warc, index, message) in cases {
        let run = pack(&[("a.warc.gz", warc), ("a.cdxj", index.as_bytes())]).expect_code(2);
        assert!(run.stderr.starts_with(&format!("error: {message}")), "{}", run.stderr);
        let left: Vec<_> =
            std::fs::read_dir(run.folder()).expect("the folder").flatten().map(|it| it.file_name()).collect();
        assert_eq!(left, ["in"], "{message}");
    }
    let run = pack(&[("a.warc.gz", &a.warc), ("a.warc.gz.open", b""), ("a.cdxj", whole.as_bytes())]).expect_code(2);
    assert!(run.stderr.starts_with(&format!("error: {open}")), "{}", run.stderr);
}

#[test]
fn length_of_an_index_that_takes_in_two_records_is_refused() {
    for name in ["a.warc", "a.warc.gz"] {
        let a = archive(name, "a", 2);
        let length = json!(a.warc.len()).to_string();
        let first: Value = json_of(&a.lines[0].as_bytes()[a.lines[0].find('{').expect("JSON")..]);
        let line = a.lines[0].replace(&format!(r#""length":{}"#, first["length"]), &format!(r#""length":{length}"#));
        let run = pack(&[(name, &a.warc), ("a.cdxj", cdxj(&[line]).as_bytes())]).expect_code(2);
        assert!(run.stderr.starts_with("error: in/a.cdxj:1: "), "{}", run.stderr);
    }
}

#[test]
fn refused_archive_leaves_the_previous_package() {
    let a = archive("a.warc", "a", 1);
    let run = Fetchall::new()
        .file("a.warc", &a.warc)
        .file("a.cdxj", "no line of CDXJ\n")
        .file("out.wacz", "the previous one")
        .args(["wacz", "a.warc", "-o", "out.wacz"])
        .run()
        .expect_code(2);
    assert_eq!(run.read("out.wacz"), b"the previous one");
    let onto_itself = Fetchall::new().file("a.warc", &a.warc).file("a.cdxj", cdxj(&a.lines));
    let run = onto_itself.args(["wacz", "a.warc", "-o", "a.warc"]).run().expect_code(2);
    assert_eq!(run.read("a.warc"), a.warc);
}

#[test]
fn py_wacz_takes_packages_with_both_kinds_of_index() {
    let Some(wacz) = program("wacz") else { return };
    for records in [3, 600] {
        let a = archive("a.warc.gz", "a", records);
        let run = pack(&[("a.warc.gz", &a.warc), ("a.cdxj", cdxj(&a.lines).as_bytes())]).expect_code(0);
        let package = run.folder().join("out.wacz");
        let checked = output(command(&wacz).args(["validate", "-f"]).arg(package));
        let told = String::from_utf8_lossy(&checked.stdout);
        assert!(told.contains("Validation succeeded, the passed WACZ is valid"), "{told}");
    }
}
