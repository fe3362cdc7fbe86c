//! Which records a run writes, and their fields.

use std::time::Duration;

use super::reader::{Record, read, read_at};
use crate::support::act::{Act, Script, ok};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;
use crate::support::h2::{H2Server, Manners};
use crate::support::single::files;
use crate::support::tls::{Mode, TlsServer};

const ARCHIVE: &str = "a-00000.warc.gz";

/// Runs a list with an archive, one URL after another.
fn run(args: &[&str], urls: &[String]) -> (Finished, Vec<Record>) {
    let run = Fetchall::new().args(["--json", "-c1", "--warc-file", "a"]).args(args).args(urls).run();
    let records = read(&run.folder().join(ARCHIVE));
    (run, records)
}

fn of_kind<'r>(records: &'r [Record], kind: &str) -> Vec<&'r Record> {
    records.iter().filter(|record| record.kind() == kind).collect()
}

#[test]
fn every_hop_and_error_has_its_records() {
    let script = Script::new()
        .on("hop", Act::Redirect(302, "/moved/on".to_owned()))
        .on("moved", Act::Redirect(301, "/last".to_owned()))
        .on("last", ok())
        .on("gone", Act::Status(410, vec![("x-why", "gone".to_owned())]))
        .on("nowhere", Act::RedirectNoLocation);
    let server = FaultServer::start(script);
    let urls = ["hop", "gone", "nowhere"].map(|name| server.url(name));
    let (_, records) = run(&[], &urls);
    let kinds: Vec<_> = records.iter().map(Record::kind).collect();
    assert_eq!(kinds[0], "warcinfo");
    assert_eq!(kinds[1..], ["request", "response", "metadata"].repeat(5));
    let mut seen: Vec<_> = of_kind(&records, "response")
        .iter()
        .map(|record| (record.path().to_owned(), record.status().to_owned()))
        .collect();
    seen.sort();
    let expected = [("gone", "410"), ("hop", "302"), ("last", "200"), ("moved/on", "301"), ("nowhere", "302")];
    assert_eq!(seen, expected.map(|(path, status)| (path.to_owned(), status.to_owned())));
    assert!(records.iter().all(|record| record.get("WARC-Truncated").is_empty()));
    let last = records.iter().find(|record| record.kind() == "metadata" && record.path() == "last").unwrap();
    let facts = String::from_utf8(last.block.clone()).unwrap();
    assert!(facts.contains(&format!("via: {}", server.url("moved/on"))), "{facts}");
    assert!(facts.contains("hopsFromSeed: RR\r\n") && facts.contains("fetchTimeMs: "), "{facts}");
}

#[test]
fn record_of_the_run_says_where_its_response_is() {
    let long = Act::KeepAliveOk((0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect());
    let script = Script::new()
        .on("hop", Act::Redirect(302, "/last".to_owned()))
        .on("last", ok())
        .on("gone", Act::Status(410, Vec::new()))
        .on("long", long)
        .on("again", ok())
        .on("cut", Act::CutContentLength);
    let server = FaultServer::start(script);
    let urls: Vec<_> = ["hop", "gone", "long", "again", "cut"].map(|name| server.url(name)).into();
    for compression in ["gzip", "none"] {
        let args = ["--json", "-c3", "--retry", "0", "--warc-file", "w/a", "--warc-max-size", "20k"];
        let urls = urls.iter().map(String::as_str).chain(["http://127.0.0.1:1/refused"]);
        let run = Fetchall::new().args(args).args(["--warc-compression", compression]).args(urls).run();
        assert_eq!(run.records().len(), 6);
        for record in run.records() {
            if record["error"]["kind"] == "connect" {
                assert!(record["warc"].is_null(), "{record}");
                continue;
            }
            let archived = read_at(run.folder(), &record["warc"]);
            assert!(matches!(archived.kind(), "response" | "revisit"), "{record}");
            assert_eq!(archived.get("WARC-Target-URI"), record["final_url"], "{record}");
            assert_eq!(archived.status(), record["status"].to_string());
        }
    }
    let args = ["--format", "csv", "--warc-file", "a", &server.url("last")];
    let table = Fetchall::new().args(args).run().expect_code(0).stdout;
    let cells: Vec<_> = table.lines().nth(1).unwrap().rsplit(',').skip(1).take(3).collect();
    assert_eq!(cells[2], ARCHIVE);
    assert!(cells[..2].iter().all(|number| number.parse::<u64>().is_ok_and(|number| number > 100)), "{table}");
}

#[test]
fn warcinfo_describes_the_file() {
    let server = FaultServer::start(Script::new().on("a", ok()));
    let (_, records) = run(&["--warc-header", "operator: me: myself"], &[server.url("a")]);
    let info = &records[0];
    let block = String::from_utf8(info.block.clone()).unwrap();
    assert_eq!(info.get("WARC-Filename"), ARCHIVE);
    for line in
        ["software: fetchall/", "format: WARC File Format 1.1\r\n", "robots: ignore\r\n", "operator: me: myself\r\n"]
    {
        assert!(block.contains(line), "{block}");
    }
}

#[test]
fn body_that_is_not_whole_says_why() {
    let script = Script::new()
        .on("cut", Act::CutContentLength)
        .on("chunk", Act::CutInChunk)
        .on("late", Act::StalledBody)
        .on("long", Act::KeepAliveOk(vec![b'x'; 300_000]))
        .on("error", Act::Raw(b"HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nshort".to_vec()));
    let server = FaultServer::start(script);
    let urls = ["cut", "chunk", "late", "long", "error"].map(|name| server.url(name));
    let (_, records) = run(&["--retry", "0", "--read-timeout", "300ms", "--max-size", "200k"], &urls);
    let mut seen: Vec<_> = of_kind(&records, "response")
        .iter()
        .map(|record| (record.path().to_owned(), record.get("WARC-Truncated").to_owned()))
        .collect();
    seen.sort();
    let expected =
        [("chunk", "disconnect"), ("cut", "disconnect"), ("error", "disconnect"), ("late", "time"), ("long", "length")];
    assert_eq!(seen, expected.map(|(path, why)| (path.to_owned(), why.to_owned())));
}

#[test]
fn each_attempt_is_archived_whole() {
    let body = vec![b'y'; 3000];
    let ranged = |most| Act::Ranged { fields: vec![("etag", "\"1\"".to_owned())], body: body.clone(), most };
    let server = FaultServer::start(Script::new().on_each("a", vec![ranged(1000), ranged(5000)]));
    let run = Fetchall::new().with_retries().args(["--json", "-d", "out", "--warc-file", "a", &server.url("a")]).run();
    let records = read(&run.folder().join(ARCHIVE));
    let responses = of_kind(&records, "response");
    let seen: Vec<_> = responses
        .iter()
        .map(|record| (record.status(), record.payload().len(), record.get("WARC-Truncated")))
        .collect();
    assert_eq!(seen, [("200", 1000, "disconnect"), ("200", 3000, "")]);
    assert_eq!(run.records()[0]["outcome"], "ok");
}

#[test]
fn secrets_of_requests_are_left_out() {
    let server = FaultServer::start(Script::new().on("a", ok()));
    let args = ["--user", "me:hush", "-H", "X-Api-Key: hush", "-b", "a=hush", "-H", "X-Plain: here"];
    let (_, records) = run(&args, &[server.url("a")]);
    assert_eq!(server.requests()[0].header("authorization"), Some("Basic bWU6aHVzaA=="), "it was sent");
    let request = of_kind(&records, "request")[0].head();
    assert!(request.starts_with("GET /a HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
    assert!(request.to_ascii_lowercase().contains("x-plain: here\r\n"), "{request}");
    for secret in ["hush", "bWU6aHVzaA", "uthorization", "ookie"] {
        assert!(!request.contains(secret), "{request}");
    }
}

#[test]
fn nothing_but_the_archive_is_kept() {
    let script = Script::new().on("a", Act::KeepAliveOk(vec![b'z'; 600_000])).on("b", Act::CutContentLength);
    let server = FaultServer::start(script);
    let (run, records) = run(&["--retry", "0"], &["a", "b"].map(|name| server.url(name)));
    assert_eq!(files(run.folder()), [ARCHIVE]);
    assert_eq!(of_kind(&records, "response").len(), 2);
}

#[test]
fn protocols_and_address_are_those_of_the_connection() {
    let plain = FaultServer::start(Script::new().on("a", ok()));
    let secure = TlsServer::start(Mode::Good);
    let second = H2Server::start(Manners::Streams(8));
    let protocols = |record: &Record| {
        let all = record.fields.iter().filter(|(name, _)| name == "WARC-Protocol");
        all.map(|(_, value)| value.clone()).collect::<Vec<_>>().join(" ")
    };
    for (url, ca, expected) in [
        (plain.url("a"), None, "http/1.1"),
        (secure.url("a"), Some(secure.ca_pem_file()), "http/1.1 tls/1.3"),
        (second.url("a"), Some(second.ca_pem_file()), "h2 tls/1.3"),
    ] {
        let ca: Vec<_> = ca.iter().flat_map(|path| ["--cacert", path.to_str().unwrap()]).collect();
        let (_, records) = run(&ca, &[url]);
        for record in records.iter().filter(|record| matches!(record.kind(), "request" | "response")) {
            assert_eq!((protocols(record), record.get("WARC-IP-Address")), (expected.to_owned(), "127.0.0.1"));
        }
    }
}

#[test]
fn request_and_response_over_http2_read_as_http1() {
    let server = H2Server::start(Manners::Streams(8));
    let (_, records) = run(&["--cacert", server.ca_pem_file().to_str().unwrap()], &[server.url("a?b")]);
    let request = of_kind(&records, "request")[0].head();
    assert!(request.starts_with("GET /a?b HTTP/1.1\r\nhost: localhost:"), "{request}");
    let response = of_kind(&records, "response")[0];
    assert!(response.head().starts_with("HTTP/1.1 200 \r\n") && !response.head().contains("\r\n:"), "{response:?}");
}

#[test]
fn files_begin_anew_beyond_their_size() {
    let body = |seed: u32| (0..40_000).flat_map(|n| (n + seed).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let script =
        (0..6).fold(Script::new(), |script, n| script.on(&format!("u{n}"), Act::KeepAliveOk(body(n * 100_000))));
    let server = FaultServer::start(script);
    let urls = (0..6).map(|n| server.url(&format!("u{n}")));
    let run = Fetchall::new().args(["-c1", "--warc-file", "sub/a", "--warc-max-size", "400k"]).args(urls).run();
    let names = files(&run.folder().join("sub"));
    assert_eq!(names, ["a-00000.warc.gz", "a-00001.warc.gz", "a-00002.warc.gz"]);
    for name in names {
        let path = run.folder().join("sub").join(&name);
        assert!(path.metadata().unwrap().len() <= 400_000);
        let records = read(&path);
        assert_eq!((records[0].kind(), records[0].get("WARC-Filename")), ("warcinfo", name.as_str()));
        assert_eq!(of_kind(&records, "response").len(), 2, "{name}");
    }
}

#[test]
fn another_run_begins_another_file() {
    let server = FaultServer::start(Script::new().on("a", ok()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.warc.gz");
    for number in 0..2 {
        Fetchall::new().args(["--warc-file", path.to_str().unwrap(), &server.url("a")]).run().expect_code(0);
        assert_eq!(read(&folder.path().join(format!("a-0000{number}.warc.gz"))).len(), 4);
    }
}

#[test]
fn records_may_be_plain_or_have_another_digest() {
    let server = FaultServer::start(Script::new().on("a", Act::Chunked(vec![b'v'; 500_000])));
    let url = server.url("a");
    let run = Fetchall::new().args(["--warc-file", "a", "--warc-compression", "none", &url]).run().expect_code(0);
    let records = read(&run.folder().join("a-00000.warc"));
    assert_eq!(of_kind(&records, "response")[0].payload().len(), 500_000);
    let run = Fetchall::new().args(["--warc-file", "a", "--warc-digest", "sha256", &url]).run().expect_code(0);
    let text = std::fs::read(run.folder().join(ARCHIVE)).unwrap();
    let mut decoder = flate2::read::MultiGzDecoder::new(text.as_slice());
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut decoder, &mut plain).unwrap();
    let plain = String::from_utf8_lossy(&plain);
    let empty = "WARC-Payload-Digest: sha256:4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFESWMRW6CSXBKQ====\r\n";
    assert!(plain.contains(empty), "the payload of a request is empty");
}

#[test]
fn child_processes_and_folders_are_refused() {
    let told = |args: &[&str]| Fetchall::new().args(args).arg("http://127.0.0.1:1/").run().expect_code(2).stderr;
    let processes = told(&["--warc-file", "a", "--backend", "processes"]);
    assert!(processes.contains("--warc-file and --backend: only one process can write an archive"), "{processes}");
    let folder = told(&["--warc-file", "a/"]);
    assert!(folder.contains("it names a folder; name the files in it"), "{folder}");
}

#[test]
fn slow_error_page_is_archived_to_its_end() {
    let page = Act::Delayed(Duration::from_millis(20), Box::new(Act::Status(503, Vec::new())));
    let big = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 300000\r\n\r\n".as_slice(), &[b'e'; 300_000]].concat();
    let server = FaultServer::start(Script::new().on("slow", page).on("big", Act::RawKeepAlive(big)));
    let (_, records) = run(&["--retry", "0"], &["slow", "big"].map(|name| server.url(name)));
    let big = records.iter().find(|record| record.kind() == "response" && record.path() == "big").unwrap();
    assert_eq!((big.payload().len(), big.get("WARC-Truncated")), (300_000, ""));
}
