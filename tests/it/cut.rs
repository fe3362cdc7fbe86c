//! A body that was cut off goes on where it stopped, or starts again: the right bytes or an error.

mod compressed;
mod damaged;
mod part;
mod piped;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::play::gzip;
#[cfg(unix)]
use crate::support::process::{finish, on_thread};
use crate::support::single::{files, kind};

/// More than is kept in memory, and no two pieces alike.
fn body(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    next.take(900_000).collect()
}

fn tag(tag: &str) -> (&'static str, String) {
    ("ETag", format!("\"{tag}\""))
}

/// A good answer that ends after so many bytes.
fn cut(fields: &[(&'static str, String)], body: &[u8], most: usize) -> Act {
    Act::Ranged { fields: fields.to_vec(), body: body.to_vec(), most }
}

fn whole(fields: &[(&'static str, String)], body: &[u8]) -> Act {
    cut(fields, body, usize::MAX)
}

fn raw(head: &str, body: &[u8]) -> Act {
    Act::RawKeepAlive([format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat())
}

/// One try at `/x`, the record of which is returned.
fn run(server: &FaultServer, folder: &Path, args: &[&str]) -> Value {
    let run = command(folder, args).arg(server.url("x")).run();
    let records = run.records();
    assert_eq!(records.len(), 1, "{}\n{}", run.stdout, run.stderr);
    records.into_iter().next().unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Fetchall {
    Fetchall::new().args(["--json", "-d"]).arg(folder).args(args)
}

fn saved(record: &Value) -> Vec<u8> {
    fs::read(record["path"].as_str().unwrap_or_else(|| panic!("nothing saved: {record}"))).unwrap()
}

/// Returns the ranges of the requests, each with its validator.
fn ranges(server: &FaultServer) -> Vec<Option<(String, String)>> {
    let range = |name| move |request: &crate::support::fault::Request| request.header(name).map(str::to_owned);
    server.requests().iter().map(|request| range("range")(request).zip(range("if-range")(request))).collect()
}

fn parts(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder.join(".fetchall/part")).map(|all| all.flatten().collect()).unwrap_or_else(|_| vec![]);
    entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The bytes of the one body that is kept.
fn kept(folder: &Path) -> PathBuf {
    let name = parts(folder).into_iter().find(|name| name.ends_with(".cut")).expect("a kept body");
    folder.join(".fetchall/part").join(name)
}

#[test]
fn a_cut_body_goes_on_where_it_stopped() {
    for backend in BACKENDS {
        // Small enough to be in memory, and large enough not to be.
        for sizes in [[1_000, 500_000, usize::MAX], [300_000, 300_000, usize::MAX]] {
            let (body, fields) = (body(1), [tag("1"), ("Content-Type", "image/png".into())]);
            let script = Script::new().on_each("x", sizes.map(|most| cut(&fields, &body, most)).to_vec());
            let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
            for _ in 0..2 {
                let record = run(&server, folder.path(), &["--backend", backend]);
                assert_eq!(kind(&record), "truncated", "{record}");
                assert!(files(folder.path()).iter().all(|name| name.contains("/part/")), "under no final name");
            }
            let record = run(&server, folder.path(), &["--backend", backend, "--digest", "sha256"]);
            assert!(saved(&record) == body, "{backend}: {record}");
            let asked = |from: usize| Some((format!("bytes={from}-"), "\"1\"".to_owned()));
            assert_eq!(ranges(&server), [None, asked(sizes[0]), asked(sizes[0] + sizes[1])], "{backend}");
            assert_eq!(parts(folder.path()), [""; 0]);
            // As if it had come at once.
            let (other, at_once) =
                (TempDir::new().unwrap(), FaultServer::start(Script::new().on("x", whole(&fields, &body))));
            let expected = run(&at_once, other.path(), &["--backend", backend, "--digest", "sha256"]);
            for field in ["outcome", "status", "bytes", "wire_bytes", "content_type", "sha256", "redirects", "error"] {
                assert_eq!(record[field], expected[field], "{backend} {field}");
            }
        }
    }
}

#[test]
fn a_coded_body_goes_on_in_its_coded_form() {
    let text: Vec<u8> = body(2).iter().map(|byte| b'a' + byte % 16).collect();
    let coded = gzip(&text);
    for (backend, first) in BACKENDS.iter().flat_map(|backend| [(*backend, 1_000), (backend, 300_000)]) {
        let backend = ["--backend", backend];
        let fields = [tag("1"), ("Content-Encoding", "gzip".into()), ("Content-Type", "text/plain".into())];
        let script = Script::new().on_each("x", vec![cut(&fields, &coded, first), whole(&fields, &coded)]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        assert_eq!(kind(&run(&server, folder.path(), &backend)), "truncated");
        let record = run(&server, folder.path(), &backend);
        assert!(saved(&record) == text, "{record}");
        assert_eq!(ranges(&server)[1], Some((format!("bytes={first}-"), "\"1\"".to_owned())));
        assert_eq!(
            (record["wire_bytes"].as_u64(), record["bytes"].as_u64()),
            (Some(coded.len() as u64), Some(900_000))
        );
        assert_eq!((parts(folder.path()), files(folder.path()).len()), (vec![], 1));
    }
}

/// The answers of a server to a range request, and whether the same run gets the whole body.
#[test]
fn whatever_the_server_says_it_is_the_right_body_or_an_error() {
    let (old, new) = (body(3), body(4));
    let from = 300_000;
    let rest = |head: &str| raw(&format!("206 Partial Content\r\n{head}"), &old[from..]);
    let full = || whole(&[tag("2")], &new);
    let cases: Vec<(&str, Act, bool)> = vec![
        ("the whole, changed", full(), false),
        ("416", raw("416 Range Not Satisfiable\r\nContent-Range: bytes */5", b""), true),
        ("another tag", rest("ETag: \"2\"\r\nContent-Range: bytes 300000-899999/900000"), true),
        ("a weak tag", rest("ETag: W/\"1\"\r\nContent-Range: bytes 300000-899999/900000"), true),
        ("no tag", rest("Content-Range: bytes 300000-899999/900000"), true),
        ("another length", rest("ETag: \"1\"\r\nContent-Range: bytes 300000-899999/900001"), true),
        ("no length", rest("ETag: \"1\"\r\nContent-Range: bytes 300000-899999/*"), true),
        ("another place", rest("ETag: \"1\"\r\nContent-Range: bytes 299999-899998/900000"), true),
        ("a shorter range", rest("ETag: \"1\"\r\nContent-Range: bytes 300000-399999/900000"), true),
        ("no range", rest("ETag: \"1\""), true),
        ("several ranges", rest("ETag: \"1\"\r\nContent-Type: multipart/byteranges; boundary=x"), true),
        (
            "another coding",
            rest("ETag: \"1\"\r\nContent-Encoding: br\r\nContent-Range: bytes 300000-899999/900000"),
            true,
        ),
    ];
    for (what, act, asked_again) in cases {
        let mut acts = vec![cut(&[tag("1")], &old, from), act];
        acts.extend(asked_again.then(full));
        let (server, folder) = (FaultServer::start(Script::new().on_each("x", acts)), TempDir::new().unwrap());
        assert_eq!(kind(&run(&server, folder.path(), &[])), "truncated", "{what}");
        let record = run(&server, folder.path(), &[]);
        assert!(saved(&record) == new, "{what}: {record}");
        assert_eq!(record["status"], 200, "{what}");
        assert_eq!(ranges(&server)[2..], vec![None; usize::from(asked_again)], "{what}: asked again for all of it");
        assert_eq!(parts(folder.path()), [""; 0], "{what}");
    }
}

#[test]
fn without_a_strong_validator_it_starts_again() {
    let body = body(5);
    let date = |text: &str| ("Last-Modified", text.to_owned());
    let now = ("Date", "Sat, 21 Nov 2026 02:00:30 GMT".to_owned());
    for (fields, goes_on) in [
        (vec![], false),
        (vec![("ETag", "W/\"1\"".to_owned())], false),
        (vec![date("Sat, 21 Nov 2026 02:00:00 GMT"), now.clone()], false),
        (vec![date("Sat, 21 Nov 2026 01:59:00 GMT"), now], true),
        (vec![tag("1"), ("Accept-Ranges", "none".to_owned())], false),
    ] {
        let script = Script::new().on_each("x", vec![cut(&fields, &body, 300_000), whole(&fields, &body)]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        run(&server, folder.path(), &[]);
        assert_eq!(parts(folder.path()).is_empty(), !goes_on, "{fields:?}");
        assert!(saved(&run(&server, folder.path(), &[])) == body, "{fields:?}");
        assert_eq!(ranges(&server)[1].is_some(), goes_on, "{fields:?}");
    }
}

#[test]
fn a_server_that_lies_is_found_out_by_a_declared_digest() {
    let (right, wrong) = (body(6), body(7));
    let sha256 = "sha256=".to_owned() + &hex(&right);
    let list = TempDir::new().unwrap();
    // It says that it is the rest of the same, and is not.
    let acts = vec![cut(&[tag("1")], &right, 300_000), whole(&[tag("1")], &wrong), whole(&[tag("1")], &right)];
    let (server, folder) = (FaultServer::start(Script::new().on_each("x", acts)), TempDir::new().unwrap());
    let path = list.path().join("list.tsv");
    fs::write(&path, format!("url\tsha256\n{}\t{}\n", server.url("x"), &sha256[7..])).unwrap();
    let run = || -> (Finished, Value) {
        let run = command(folder.path(), &[]).arg(&path).run();
        let record = run.records().remove(0);
        (run, record)
    };
    assert_eq!(kind(&run().1), "truncated");
    assert_eq!(kind(&run().1), "checksum");
    assert_eq!((files(folder.path()), parts(folder.path())), (vec![], vec![]), "nothing goes on from wrong bytes");
    let (_, record) = run();
    assert!(saved(&record) == right, "{record}");
    assert_eq!(ranges(&server)[2], None);
}

fn hex(body: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_inside_a_body() {
    for backend in BACKENDS {
        let body = body(10);
        let head = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n", body.len());
        let first = Act::StalledAfter([head.as_bytes(), &body[..700_000]].concat());
        let script = Script::new().on_each("x", vec![first, whole(&[tag("1")], &body)]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let running = command(folder.path(), &["--backend", backend]).arg(server.url("x")).spawn();
        // Its note says how many bytes were checked, in 20 digits.
        let is_noted = |name: &String| {
            let note = fs::read_to_string(folder.path().join(".fetchall/part").join(name)).unwrap_or_default();
            note.contains("\"checkpoint\":\"") && !note.contains(&format!("\"checkpoint\":\"{:020}", 0))
        };
        let is_kept = || parts(folder.path()).iter().any(|name| name.ends_with(".json") && is_noted(name));
        crate::support::wait_for("a part of the body", is_kept);
        running.signal(rustix::process::Signal::KILL);
        running.wait();
        let record = run(&server, folder.path(), &["--backend", backend]);
        assert!(saved(&record) == body, "{backend}: {record}");
        let asked = ranges(&server);
        assert!(asked[1].as_ref().is_some_and(|(range, _)| range != "bytes=0-"), "{backend}: {asked:?}");
    }
}

#[test]
fn a_second_signal_keeps_what_has_come() {
    // In memory still: it is written when the fetch is given up.
    let body = body(11);
    let head = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n", body.len());
    let first = Act::StalledAfter([head.as_bytes(), &body[..50_000]].concat());
    let script = Script::new().on_each("x", vec![first, whole(&[tag("1")], &body)]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let run_one = command(folder.path(), &["--max-duration", "300ms"]).arg(server.url("x")).run();
    assert_eq!(kind(&run_one.records()[0]), "cancelled");
    assert!(saved(&run(&server, folder.path(), &[])) == body);
    assert_eq!(ranges(&server)[1], Some(("bytes=50000-".to_owned(), "\"1\"".to_owned())));
}

#[test]
fn fresh_starts_again() {
    let body = body(12);
    let script = Script::new().on_each("x", vec![cut(&[tag("1")], &body, 300_000), whole(&[tag("1")], &body)]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    run(&server, folder.path(), &[]);
    assert!(saved(&run(&server, folder.path(), &["--fresh"])) == body);
    assert_eq!(ranges(&server), [None, None]);
}

#[test]
fn fresh_forgets_what_this_state_has_kept_and_nothing_else() {
    let body = body(15);
    let script = Script::new().otherwise(cut(&[tag("1")], &body, 300_000));
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let run = |args: &[&str]| drop(Fetchall::new().args(args).arg(server.url("x")).run().expect_code(1));
    let (out, first, second, document) = (at("out"), at("1.db"), at("2.db"), at("document"));
    let asked_rest = || ranges(&server).pop().expect("a request").is_some();
    for state in [&first, &second] {
        run(&["-d", &out, "--state", state]);
        assert!(!asked_rest());
    }
    run(&["-d", &out, "--state", &first, "--fresh"]);
    assert!(!asked_rest(), "its own is forgotten");
    run(&["-d", &out, "--state", &second]);
    assert!(asked_rest(), "that of the other is not");
    run(&["-O", &document, "--state", &first]);
    run(&["-O", &document, "--state", &first]);
    assert!(asked_rest());
    run(&["-O", &document, "--state", &first, "--fresh"]);
    assert!(!asked_rest());
}

#[test]
fn a_document_goes_on_only_where_a_state_is_named() {
    let body = body(13);
    for state in [false, true] {
        let script = Script::new().on_each("x", vec![cut(&[tag("1")], &body, 300_000), whole(&[tag("1")], &body)]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let document = folder.path().join("document");
        let run = || {
            let command = Fetchall::new().arg("-O").arg(&document).arg(server.url("x"));
            let command = if state { command.arg("--state").arg(folder.path().join("kept.db")) } else { command };
            command.run()
        };
        run().expect_code(1);
        let left =
            fs::read_dir(folder.path()).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().contains("cut"));
        assert_eq!(left.count(), if state { 2 } else { 0 });
        run().expect_code(0);
        assert!(fs::read(&document).unwrap() == body);
        assert_eq!(ranges(&server)[1].is_some(), state);
    }
}

/// Tries again at once.
const RETRIES: [&str; 4] = ["--retry", "3", "--retry-max-wait", "1ms"];

#[test]
fn between_the_tries_of_one_run_it_goes_on_too() {
    let body = body(14);
    for backend in BACKENDS {
        for dir in [true, false] {
            let acts = [1_000, 300_000, usize::MAX].map(|most| cut(&[tag("1")], &body, most));
            let (server, folder) =
                (FaultServer::start(Script::new().on_each("x", acts.to_vec())), TempDir::new().unwrap());
            let document = folder.path().join("document");
            let command = Fetchall::new().args(RETRIES).args(["-o", "records", "--json", "--backend", backend]);
            let command = if dir { command.arg("-d").arg(folder.path()) } else { command.arg("-O").arg(&document) };
            let run = command.arg(server.url("x")).run().expect_code(0);
            let record: Value = serde_json::from_slice(&run.read("records")).unwrap();
            let path = if dir { record["path"].as_str().unwrap().into() } else { document };
            assert!(fs::read(path).unwrap() == body, "{backend}: {record}");
            assert_eq!((&record["attempts"], &record["status"]), (&3.into(), &200.into()));
            let from: Vec<_> = ranges(&server).into_iter().flatten().map(|(range, _)| range).collect();
            assert_eq!(from, ["bytes=1000-", "bytes=301000-"], "{backend}");
            assert_eq!(files(folder.path()).len(), 1, "{:?}", files(folder.path()));
        }
    }
}

#[test]
fn a_piped_body_is_resumed_or_fails() {
    let text: Vec<u8> = body(15).iter().map(|byte| b'a' + byte % 16).collect();
    let gzipped = || [tag("1"), ("Content-Encoding", "gzip".to_owned())];
    for backend in BACKENDS {
        for coded in [false, true] {
            let (fields, sent) = if coded { (gzipped().to_vec(), gzip(&text)) } else { (vec![tag("1")], text.clone()) };
            let acts = [100_000, 100_000, usize::MAX].map(|most| cut(&fields, &sent, most));
            let server = FaultServer::start(Script::new().on_each("x", acts.to_vec()));
            let stream = ["-q", "--backend", backend, "-O", "-"];
            let run = Fetchall::new().args(RETRIES).args(stream).arg(server.url("x")).run().expect_code(0);
            assert!(run.stdout.as_bytes() == text, "{backend}: {} bytes", run.stdout.len());
        }
        // Another version of it cannot be put behind what is out.
        let acts = vec![cut(&[tag("1")], &text, 100_000), whole(&[tag("2")], &text)];
        let server = FaultServer::start(Script::new().on_each("x", acts));
        let args = ["--json", "-o", "records", "--backend", backend, "-O", "-"];
        let run = Fetchall::new().args(RETRIES).args(args).arg(server.url("x")).run().expect_code(1);
        let record: Value = serde_json::from_slice(&run.read("records")).unwrap();
        assert_eq!(kind(&record), "io", "{record}");
        assert!(run.stdout.as_bytes() == &text[..100_000], "{backend}: {} bytes", run.stdout.len());
    }
}

#[test]
fn a_rest_of_another_length_than_it_promises_is_no_body() {
    let body = body(16);
    let head = "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 300000-899999/900000\r\n";
    let chunked = |rest: &[u8]| {
        let size = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", rest.len());
        Act::Raw([head.as_bytes(), size.as_bytes(), rest, b"\r\n0\r\n\r\n"].concat())
    };
    let until_close = |rest: &[u8]| Act::Raw([head.as_bytes(), b"Connection: close\r\n\r\n", rest].concat());
    let longer = [&body[300_000..], b"more"].concat();
    for (rest, expected) in [
        (chunked(&body[300_000..800_000]), "truncated"),
        (until_close(&body[300_000..800_000]), "truncated"),
        (chunked(&longer), "protocol"),
        (until_close(&longer), "protocol"),
        (chunked(&body[300_000..]), "ok"),
    ] {
        let acts = vec![cut(&[tag("1")], &body, 300_000), rest, whole(&[tag("1")], &body)];
        let (server, folder) = (FaultServer::start(Script::new().on_each("x", acts)), TempDir::new().unwrap());
        run(&server, folder.path(), &[]);
        let record = run(&server, folder.path(), &[]);
        assert_eq!(kind(&record), expected, "{record}");
        if expected != "ok" {
            assert!(saved(&run(&server, folder.path(), &[])) == body);
        }
    }
}

#[test]
fn digests_of_the_first_answer_are_of_the_whole() {
    let (right, wrong) = (body(17), body(18));
    let digest = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        <sha2::Sha256 as sha2::Digest>::digest(&right),
    );
    for field in ["Content-Digest", "Repr-Digest"] {
        for (rest, expected) in [(&right, "ok"), (&wrong, "checksum")] {
            let first = cut(&[tag("1"), (field, format!("sha-256=:{digest}:"))], &right, 300_000);
            let script = Script::new().on_each("x", vec![first, whole(&[tag("1")], rest)]);
            let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
            run(&server, folder.path(), &[]);
            assert_eq!(kind(&run(&server, folder.path(), &[])), expected, "{field}");
        }
    }
}

#[test]
fn kept_body_that_does_not_decode_is_given_up() {
    let text: Vec<u8> = body(19).iter().map(|byte| b'a' + byte % 16).collect();
    let (coded, fields) = (gzip(&text), [tag("1"), ("Content-Encoding", "gzip".to_owned())]);
    // The rest is of another body; the checksum at the end of the coding reveals it.
    let mut broken = coded.clone();
    *broken.last_mut().unwrap() ^= 1;
    let acts = vec![cut(&fields, &coded, 280_000), whole(&fields, &broken), whole(&fields, &coded)];
    let (server, folder) = (FaultServer::start(Script::new().on_each("x", acts)), TempDir::new().unwrap());
    run(&server, folder.path(), &[]);
    assert_eq!(kind(&run(&server, folder.path(), &[])), "decode");
    assert!(saved(&run(&server, folder.path(), &[])) == text);
    assert_eq!(ranges(&server)[2], None, "asked again for all of it");
}

#[cfg(unix)]
#[test]
fn an_obstacle_to_a_partial_file_costs_only_that_file() {
    let body: Vec<u8> = body(20).iter().map(|byte| b'a' + byte % 16).collect();
    for (what, plant, coded) in [
        ("folder", (|path: &Path| fs::create_dir(path).unwrap()) as fn(&Path), false),
        ("link", |path| std::os::unix::fs::symlink("/etc/hostname", path).unwrap(), false),
        ("folder", |path| fs::create_dir(path).unwrap(), true),
    ] {
        let (fields, sent) = if coded {
            (vec![tag("1"), ("Content-Encoding", "gzip".to_owned())], gzip(&body))
        } else {
            (vec![tag("1")], body.clone())
        };
        let script = Script::new().on_each("x", vec![cut(&fields, &sent, 300_000), whole(&fields, &sent)]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        run(&server, folder.path(), &[]);
        let part = kept(folder.path());
        fs::remove_file(&part).unwrap();
        plant(&part);
        assert!(saved(&run(&server, folder.path(), &[])) == body, "{what}");
    }
}

#[test]
fn an_unasked_304_about_another_version_is_no_answer() {
    let body = body(21);
    let not_modified =
        |tag: &str| Act::RawKeepAlive(format!("HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n").into_bytes());
    let first = || whole(&[tag("1")], &body);
    for (told, expected) in [("\"1\"", "skipped"), ("W/\"1\"", "skipped"), ("\"2\"", "protocol")] {
        let script = Script::new().on_each("x", vec![first(), not_modified(told)]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        run(&server, folder.path(), &[]);
        assert_eq!(kind(&run(&server, folder.path(), &["--refresh"])), expected, "{told}");
    }
    // Asked for the rest of a newer version only.
    let newer = cut(&[tag("2")], &body, 300_000);
    let script = Script::new().on_each("x", vec![first(), newer, not_modified("\"2\"")]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    for expected in ["ok", "truncated", "protocol"] {
        assert_eq!(kind(&run(&server, folder.path(), &["--refresh"])), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_document_that_is_a_pipe_or_a_device_is_written_to() {
    let body = body(22);
    let script = Script::new().on("x", Act::KeepAliveOk(body.clone()));
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for backend in BACKENDS {
        let reading = on_thread({
            let fifo = fifo.clone();
            move || fs::read(fifo).unwrap()
        });
        Fetchall::new().arg("-O").arg(&fifo).args(["--backend", backend]).arg(server.url("x")).run().expect_code(0);
        assert!(finish(&reading, "the pipe") == body, "{backend}");
    }
    Fetchall::new().args(["-O", "/dev/null"]).arg(server.url("x")).run().expect_code(0);
    let full = Fetchall::new().args(["-O", "/dev/full", "--json"]).arg(server.url("x")).run().expect_code(1);
    assert_eq!(kind(&full.records()[0]), "io");
}
