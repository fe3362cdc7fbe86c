//! A payload that comes again is not stored again.

use super::reader::{Record, digest, read};
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

const SAME: &str = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";
const NOT_MODIFIED: &str = "http://netpreserve.org/warc/1.1/revisit/server-not-modified";

fn of_kind<'r>(records: &'r [Record], kind: &str) -> Vec<&'r Record> {
    records.iter().filter(|record| record.kind() == kind).collect()
}

#[test]
fn same_payload_is_stored_once() {
    let body = b"the same text".to_vec();
    let empty = Act::KeepAliveOk(Vec::new());
    let script = Script::new()
        .on("first", Act::KeepAliveOk(body.clone()))
        .on("again", Act::Chunked(body.clone()))
        .on("third", Act::KeepAliveOk(body.clone()))
        .on("empty", empty.clone())
        .on("void", empty)
        .on("gone", Act::Status(404, Vec::new()))
        .on("lost", Act::Status(404, Vec::new()))
        .on("long", Act::KeepAliveOk(vec![b'l'; 400_000]))
        .on("long-again", Act::KeepAliveOk(vec![b'l'; 400_000]))
        .on("cut", Act::CutContentLength)
        .on("cut-again", Act::CutContentLength);
    let server = FaultServer::start(script);
    let names = ["first", "again", "third", "empty", "void", "gone", "lost", "long", "long-again", "cut", "cut-again"];
    // The next request begins only when the record before is in the archive.
    let mut running =
        Fetchall::new().args(["--json", "-c1", "--retry", "0", "--warc-file", "a", "-"]).stdin_open().spawn();
    for name in names {
        running.write_line(&server.url(name));
        running.next_line();
    }
    running.close_stdin();
    let run = running.wait();
    let records = read(&run.folder().join("a-00000.warc.gz"));
    let revisits = of_kind(&records, "revisit");
    assert_eq!(revisits.iter().map(|record| record.path()).collect::<Vec<_>>(), ["again", "third", "long-again"]);
    let first = of_kind(&records, "response")[0];
    for revisit in &revisits[..2] {
        assert_eq!(revisit.get("WARC-Profile"), SAME);
        assert_eq!(revisit.get("WARC-Payload-Digest"), digest(&body));
        assert_eq!(revisit.get("WARC-Refers-To-Target-URI"), first.get("WARC-Target-URI"));
        assert_eq!(revisit.get("WARC-Refers-To-Date"), first.get("WARC-Date"));
        assert!(revisit.payload().is_empty() && revisit.status() == "200", "{revisit:?}");
    }
}

#[test]
fn later_run_refers_to_the_pages_of_an_earlier_one() {
    let fields = vec![("ETag", "\"1\"".to_owned())];
    let page = |text: &str| Act::OkWith(fields.clone(), text.as_bytes().to_vec());
    let script = Script::new()
        .on("page", page("text of a page"))
        .on("copy", page("text of a page"))
        .on_each("same", vec![page("text of another"), Act::Status(304, fields.clone())]);
    let server = FaultServer::start(script);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let run = |args: &[&str], names: &[&str]| {
        let urls: Vec<_> = names.iter().map(|name| server.url(name)).collect();
        let to = ["-c1", "--warc-file", &path("a"), "--state", &path("state")].map(str::to_owned);
        Fetchall::new().args(to).args(args).args(urls).run().expect_code(0);
    };
    run(&[], &["page", "same"]);
    run(&["--refresh"], &["same", "copy"]);
    let first = read(&folder.path().join("a-00000.warc.gz"));
    let second = read(&folder.path().join("a-00001.warc.gz"));
    let revisits = of_kind(&second, "revisit");
    assert_eq!((revisits.len(), of_kind(&second, "response").len()), (2, 0));
    let copy = revisits.iter().find(|record| record.path() == "copy").unwrap();
    assert_eq!(copy.get("WARC-Profile"), SAME);
    assert_eq!(copy.get("WARC-Refers-To-Target-URI"), server.url("page"));
    assert_eq!(copy.get("WARC-Refers-To-Date"), of_kind(&first, "response")[0].get("WARC-Date"));
    let same = revisits.iter().find(|record| record.path() == "same").unwrap();
    let earlier = of_kind(&first, "response").into_iter().find(|record| record.path() == "same").unwrap();
    assert_eq!(same.get("WARC-Refers-To-Date"), earlier.get("WARC-Date"));
    assert_eq!((same.get("WARC-Profile"), same.status()), (NOT_MODIFIED, "304"));
    assert_eq!(
        (same.get("WARC-Refers-To-Target-URI"), same.get("WARC-Payload-Digest")),
        (server.url("same").as_str(), "")
    );
}
