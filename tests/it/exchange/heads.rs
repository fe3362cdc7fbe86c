//! `--head`: whether it is there, without the body.

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::files;

#[test]
fn heads_alone_are_asked_for_and_nothing_is_saved() {
    for backend in BACKENDS {
        let script = Script::new()
            .on("x", Act::Gzip(b"hello\n".to_vec()))
            .on("moved", Act::RedirectTo("/x".into()))
            .on("chunked", Act::Chunked(b"hello\n".to_vec()));
        let server = FaultServer::start(script);
        let names = ["x", "moved", "chunked", "absent"];
        let run = Fetchall::new()
            .args(["--spider", "--json", "--order", "input", "-c", "1", "-d", "out", "--digest", "sha256"])
            .args(["--backend", backend])
            .args(names.map(|name| server.url(name)))
            .run()
            .expect_code(1);
        let seen: Vec<_> = run.records().iter().map(|r| (r["outcome"].clone(), r["status"].clone())).collect();
        assert_eq!(
            seen,
            [
                ("ok".into(), 200.into()),
                ("ok".into(), 200.into()),
                ("ok".into(), 200.into()),
                ("http_error".into(), 404.into())
            ]
        );
        for record in run.records() {
            assert!(["bytes", "wire_bytes", "path", "sha256"].iter().all(|field| record[field].is_null()), "{record}");
        }
        assert!(server.requests().iter().all(|request| request.method == "HEAD"));
        assert_eq!(server.connections(), 1, "a head leaves its connection as it was");
        assert_eq!(files(&run.folder().join("out")), [""; 0]);
    }
}

#[test]
fn a_head_is_no_document() {
    let run = Fetchall::new().args(["--head", "-O", "x", "http://127.0.0.1:1/"]).run().expect_code(2);
    assert!(run.stderr.contains("--head and --output-document"), "{}", run.stderr);
}
