//! Octets beyond ASCII in what servers send: they go back, and into names, as they came.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

/// A head with the length of its body; `octets` is written as ISO-8859-1.
fn raw(head: &str, body: &[u8]) -> Act {
    Act::RawKeepAlive(message(head, body.len(), body))
}

fn message(head: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let octets = |text: &str| text.chars().map(|c| u8::try_from(c).expect("ISO-8859-1")).collect::<Vec<_>>();
    [octets(&format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n")), body.to_vec()].concat()
}

#[test]
fn a_location_is_followed_octet_by_octet() {
    for backend in BACKENDS {
        let script = Script::new()
            .on("latin1", raw("302 Found\r\nLocation: /t/caf\u{e9}", b""))
            .on("cp1251", raw("301 Moved\r\nLocation: /t/\u{f4}\u{e0}?q=\u{f4}#x", b""))
            .on("utf8", raw("303 See\r\nLocation: t/caf\u{c3}\u{a9} \"x\"", b""))
            .on("host", raw("302 Found\r\nLocation: http://b\u{fc}cher.test/", b""))
            .otherwise(Act::KeepAliveOk(b"hello\n".to_vec()));
        let server = FaultServer::start(script);
        let urls = ["latin1", "cp1251", "utf8", "host"].map(|name| server.url(name));
        let run = Fetchall::new().args(["--json", "--order", "input", "--backend", backend]).args(urls);
        let records = run.run().expect_code(1).records();
        let led: Vec<_> = records.iter().map(|record| record["final_url"].clone()).collect();
        let there = ["t/caf%E9", "t/%F4%E0?q=%F4", "t/caf%C3%A9%20%22x%22"].map(|path| json!(server.url(path)));
        assert_eq!(led[..3], there, "{backend}");
        let message = records[3]["error"]["message"].as_str().unwrap();
        assert!(message.contains("http://bücher.test/") && message.contains("IDNA"), "{message}");
    }
}

#[test]
fn validators_are_asked_with_as_they_came() {
    const ZONE: &str = "Sun, 06 Nov 1994 10:49:37 +0200";
    for backend in BACKENDS {
        let tag = "ETag: \"caf\u{e9}\"";
        let date = format!("Last-Modified: {ZONE}");
        let script = Script::new()
            .on_each("tag", vec![raw(&format!("200 OK\r\n{tag}"), b"x"), raw(&format!("304 Not\r\n{tag}"), b"")])
            .on_each("date", vec![raw(&format!("200 OK\r\n{date}"), b"x"), raw("304 Not Modified", b"")])
            .on_each("odd", vec![raw("200 OK\r\nLast-Modified: \u{e9}t\u{e9}", b"x"), raw("304 Not Modified", b"")]);
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let run = |args: &[&str]| {
            let run = Fetchall::new().args(["--json", "--order", "input", "--backend", backend, "-d"]);
            let run = run.arg(folder.path()).args(args).args(["tag", "date", "odd"].map(|name| server.url(name)));
            run.run().expect_code(0).records()
        };
        run(&[]);
        for record in run(&["--refresh"]) {
            assert_eq!(record["skip"]["reason"], "not_modified", "{backend} {record}");
        }
        let again = |path: &str| server.requests().into_iter().filter(|request| request.path == path).nth(1).unwrap();
        assert_eq!(again("/tag").header("if-none-match"), Some("\"caf\u{e9}\""), "{backend}");
        assert_eq!(again("/date").header("if-modified-since"), Some(ZONE), "{backend}");
        assert_eq!(again("/odd").header("if-modified-since"), Some("\u{e9}t\u{e9}"), "{backend}");
    }
}

#[test]
fn a_tag_with_octets_asks_for_the_rest_of_a_body() {
    let body: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
    let head = "ETag: \"\u{e9}\"\r\nContent-Disposition: attachment; filename=caf\u{e9}.bin";
    for backend in BACKENDS {
        let cut = message(&format!("200 OK\r\n{head}"), body.len(), &body[..300_000]);
        let rest = |from: usize| {
            let head = format!("206 Partial\r\nContent-Range: bytes {from}-399999/400000\r\nETag: \"\u{e9}\"");
            raw(&head, &body[from..])
        };
        let server = FaultServer::start(Script::new().on_each("x", vec![Act::Raw(cut), rest(300_000)]));
        let run = Fetchall::new().with_retries().args(["--json", "-d", "out", "--content-disposition"]);
        let run = run.args(["--retry-max-wait", "1ms", "--backend", backend]).arg(server.url("x")).run().expect_code(0);
        let record = &run.records()[0];
        let path = record["path"].as_str().unwrap();
        assert!(path.ends_with("/x/café.bin") && run.read(path) == body, "{backend} {path}");
        assert_eq!(server.requests()[1].header("if-range"), Some("\"\u{e9}\""), "{backend}");
    }
}

#[test]
fn cookies_with_octets_go_back_and_into_the_file() {
    for backend in BACKENDS {
        let script = Script::new()
            .on("in", raw("302 Found\r\nLocation: /home\r\nSet-Cookie: n\u{e9}=caf\u{e9}; Path=/", b""))
            .otherwise(Act::KeepAliveOk(b"hello\n".to_vec()));
        let server = FaultServer::start(script);
        let folder = TempDir::new().unwrap();
        let jar = folder.path().join("jar");
        let run = |name: &str, args: &[&str]| {
            let run = Fetchall::new().args(["--backend", backend]).args(args).arg(server.url(name));
            run.run().expect_code(0)
        };
        run("in", &[]);
        run("in", &["--save-cookies", jar.to_str().unwrap()]);
        run("later", &["--load-cookies", jar.to_str().unwrap()]);
        let sent: Vec<_> = server.requests().iter().map(|r| r.header("cookie").map(str::to_owned)).collect();
        let cookie = Some("n\u{e9}=caf\u{e9}".to_owned());
        assert_eq!(sent, [None, cookie.clone(), None, cookie.clone(), cookie], "{backend}");
        assert!(fs::read(&jar).unwrap().ends_with(b"\tn\xe9\tcaf\xe9\n"), "{backend}");
    }
}

#[test]
fn names_are_found_in_fields_that_break_the_rules() {
    let fields = [
        ("filename=\"plain.pdf\"", "plain.pdf"),
        ("attachment; filename='single.pdf'", "single.pdf"),
        ("attachment; filename=\"C:\\docs\\win.pdf\"", "win.pdf"),
        ("attachment; filename*=\"UTF-8''caf%C3%A9.pdf\"", "café.pdf"),
        ("attachment; filename=\"caf\u{e9}.pdf\"", "café.pdf"),
        ("attachment; filename=\"caf\u{c3}\u{a9}.pdf\"", "café.pdf"),
        ("attachment; filename=\"=?UTF-8?B?Y2Fmw6kucGRm?=\"", "café.pdf"),
    ];
    for backend in BACKENDS {
        let script = fields.iter().enumerate().fold(Script::new(), |script, (n, (field, _))| {
            script.on(&n.to_string(), raw(&format!("200 OK\r\nContent-Disposition: {field}"), b"x"))
        });
        let server = FaultServer::start(script);
        let run = Fetchall::new().args(["--json", "--order", "input", "-d", "out", "--content-disposition"]);
        let urls = (0..fields.len()).map(|n| server.url(&n.to_string()));
        let run = run.args(["--backend", backend]).args(urls).run().expect_code(0);
        for (n, (record, (field, name))) in run.records().iter().zip(fields).enumerate() {
            let path = record["path"].as_str().unwrap();
            assert!(path.ends_with(&format!("/{n}/{name}")), "{backend} {field}: {path}");
        }
    }
}
