//! A file whose name says that it is compressed stays compressed, whatever the source of the name.

use sha2::{Digest as _, Sha256};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::BACKENDS;
use crate::support::cli::{Fetchall, Finished};
use crate::support::play::gzip;
use crate::support::single::{files, kind};

fn plain() -> Vec<u8> {
    b"a,b\n1,2\n".repeat(100)
}

/// `plain` as brotli stores it without compressing (RFC 7932, section 9.2).
fn brotli(plain: &[u8]) -> Vec<u8> {
    let len = u32::try_from(plain.len() - 1).expect("a short text");
    // A window of 64 KiB; a block that is not the last, MNIBBLES 4, MLEN-1, ISUNCOMPRESSED; the empty last block.
    let header = 1 << 20 | len << 4;
    [&header.to_le_bytes()[..3], plain, &[3]].concat()
}

fn coded(coding: &str, body: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200).insert_header("Content-Encoding", coding).set_body_bytes(body)
}

async fn serve(answers: impl IntoIterator<Item = (&str, ResponseTemplate)>) -> MockServer {
    let server = MockServer::start().await;
    for (at, answer) in answers {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    server
}

async fn run(fetchall: Fetchall) -> Finished {
    tokio::task::spawn_blocking(|| fetchall.run()).await.expect("no panic")
}

/// The one record of a run and the body it saved.
fn saved(run: &Finished) -> Vec<u8> {
    let records = run.records();
    assert_eq!((records.len(), kind(&records[0])), (1, "ok"), "{}\n{}", run.stdout, run.stderr);
    run.read(records[0]["path"].as_str().expect("a path"))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_compressed_name_from_any_source_keeps_the_coding() {
    let body = gzip(&plain());
    let moved = ResponseTemplate::new(302).insert_header("Location", "/dl");
    let proposes =
        coded("x-gzip", body.clone()).insert_header("Content-Disposition", "attachment; filename=\"data.TAR.GZ\"");
    let server = serve([
        ("/dl", coded("gzip", body.clone())),
        ("/pkg-1.0.tar.gz", moved),
        ("/x.svgz", coded("gzip", body.clone())),
        ("/get", proposes),
    ])
    .await;
    let at = |path: &str| format!("{}{path}", server.uri());
    let sum = sha256(&body);
    for backend in BACKENDS {
        let list = format!("url,out,sha256\n{},a.tgz,{sum}\n{},,{sum}\n", at("/dl"), at("/pkg-1.0.tar.gz"));
        let fetchall = || Fetchall::new().args(["--json", "--backend", backend, "-d", "out"]);
        let listed = run(fetchall().file("list.csv", list).arg("list.csv")).await.expect_code(0);
        for record in listed.records() {
            assert!(listed.read(record["path"].as_str().expect("a path")) == body, "{backend}: {record}");
        }
        for args in [
            vec![at("/x.svgz?v=1.5")],
            vec!["--name".into(), "{n}.tar.gz".into(), at("/dl")],
            vec!["--content-disposition".into(), at("/get?id=1")],
            vec!["--compression".into(), "off".into(), at("/pkg-1.0.tar.gz")],
            vec!["--name".into(), "same.gz".into(), "--duplicates".into(), "fetch".into(), at("/dl")],
        ] {
            let run = run(fetchall().args(&args)).await;
            assert!(saved(&run) == body, "{backend} {args:?}");
        }
        let one = run(Fetchall::new().args(["--backend", backend, "-q", "-O", "e.tar.gz"]).arg(at("/dl"))).await;
        assert!(one.expect_code(0).read("e.tar.gz") == body, "{backend}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_name_that_says_nothing_is_decoded() {
    let body = gzip(&plain());
    let moved = ResponseTemplate::new(302).insert_header("Location", "/pkg.tar.gz");
    let server = serve([("/latest", moved), ("/pkg.tar.gz", coded("gzip", body))]).await;
    for (at, args) in [
        ("/latest", &["-d", "out"][..]),
        ("/pkg.tar.gz", &["-d", "out", "--name", "{n}.tar"]),
        ("/pkg.tar.gz", &["-O", "page.html"]),
    ] {
        let fetchall = Fetchall::new().arg("--json").args(args).arg(format!("{}{at}", server.uri()));
        assert!(saved(&run(fetchall).await) == plain(), "{at} {args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn only_the_innermost_coding_is_the_files_own() {
    let body = gzip(&plain());
    for (name, coding, sent, expected) in [
        ("/a.gz", "gzip, gzip", gzip(&body), body.clone()),
        ("/a.gz", "br", brotli(&body), body.clone()),
        ("/a.gz", "gzip, br", brotli(&body), body.clone()),
        ("/a.gz", "aws-chunked, gzip", body.clone(), body.clone()),
        ("/a.xz", "xz", b"\xfd7zXZ\0".to_vec(), b"\xfd7zXZ\0".to_vec()),
        ("/a.xz", "xz, gzip", gzip(b"\xfd7zXZ\0"), b"\xfd7zXZ\0".to_vec()),
        ("/a.tar.Z", "x-compress", b"\x1f\x9d\x90".to_vec(), b"\x1f\x9d\x90".to_vec()),
    ] {
        let server = serve([(name, coded(coding, sent.clone()))]).await;
        let fetchall = Fetchall::new().args(["--json", "-d", "out", "--digest", "sha256"]);
        let run = run(fetchall.arg(format!("{}{name}", server.uri()))).await;
        assert!(saved(&run) == expected, "{name} {coding}");
        let record = &run.records()[0];
        assert_eq!(record["sha256"], sha256(&expected), "{name} {coding}");
        assert_eq!((&record["bytes"], &record["wire_bytes"]), (&expected.len().into(), &sent.len().into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unsaved_body_has_the_names_of_its_urls() {
    let body = gzip(&plain());
    let to = |target: &str| ResponseTemplate::new(302).insert_header("Location", target);
    let server = serve([
        ("/pkg.tar.gz", to("/blob")),
        ("/blob", coded("gzip", body.clone())),
        ("/latest", to("/pkg.tgz")),
        ("/pkg.xz", to("/other")),
        ("/other", coded("xz", b"not really xz\n".to_vec())),
        ("/pkg.tgz", coded("gzip", body.clone())),
    ])
    .await;
    let text =
        run(Fetchall::new().args(["-q", "-O", "-"]).arg(format!("{}/pkg.xz", server.uri()))).await.expect_code(0);
    assert_eq!(text.stdout, "not really xz\n");
    for (at, expected) in [("/pkg.tar.gz", &body), ("/latest", &body), ("/pkg.tgz", &body), ("/blob", &plain())] {
        let url = format!("{}{at}", server.uri());
        let digest = run(Fetchall::new().args(["--json", "--digest", "sha256"]).arg(&url)).await;
        assert_eq!(digest.records()[0]["sha256"], sha256(expected), "{at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unsaved_bodies_have_the_digests_of_saved_ones() {
    let body = gzip(&plain());
    let server = serve([("/get", coded("gzip", body.clone())), ("/x%2Egz", coded("gzip", body.clone()))]).await;
    let at = |path: &str| format!("{}{path}", server.uri());
    for backend in BACKENDS {
        for args in [&[][..], &["-d", "out"]] {
            let fetchall = Fetchall::new().args(["--json", "--digest", "sha256", "--backend", backend]).args(args);
            let urls = ["/get?f=x.gz", "/get?f=x%2Egz", "/x%2Egz"].map(at);
            for record in run(fetchall.args(urls)).await.expect_code(0).records() {
                assert_eq!(record["sha256"], sha256(&body), "{backend} {args:?} {record}");
            }
        }
    }
    for request in server.received_requests().await.expect("they are recorded") {
        assert_eq!(request.headers["accept-encoding"], "identity", "{}", request.url);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_compressed_name_asks_for_identity() {
    let server = serve([("/dl", ResponseTemplate::new(200)), ("/dl.zip", ResponseTemplate::new(200))]).await;
    let url = format!("{}/dl", server.uri());
    for (args, asks) in [
        (&["-d", "out", "--name", "a.tar.gz"][..], true),
        (&["-O", "a.JPG"], true),
        (&["-d", "out"], false),
        (&["-O", "a.txt"], false),
        (&["-O", "a.gz", "-H", "Accept-Encoding: gzip"], false),
    ] {
        run(Fetchall::new().args(args).arg(&url)).await.expect_code(0);
        let requests = server.received_requests().await.expect("they are recorded");
        let asked = requests.last().and_then(|request| request.headers.get("accept-encoding")).expect("it is sent");
        assert_eq!(asked == "identity", asks, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn taken_and_cut_names_still_say_it() {
    let body = gzip(&plain());
    let long = format!("/{}.tar.gz", "x".repeat(300));
    let server = serve([("/a.gz", coded("gzip", body.clone())), (&*long, coded("gzip", body.clone()))]).await;
    let list = ["/a.gz", "/a.gz?q=1", "/a.gz?q=1#b", "/A.gz?Q=1", &*long].map(|at| format!("{}{at}\n", server.uri()));
    let fetchall = Fetchall::new().args(["--json", "-d", "out", "--duplicates", "fetch"]).stdin(list.concat());
    let run = run(fetchall).await;
    let saved: Vec<_> = files(&run.folder().join("out"));
    let ok = run.records().iter().filter(|record| kind(record) == "ok").count();
    assert_eq!((ok, saved.len()), (4, 4), "{}", run.stdout);
    assert!(saved.iter().any(|name| name.contains("@q=1~")), "{saved:?}");
    assert!(saved.iter().all(|name| run.read(&format!("out/{name}")) == body), "{saved:?}");
}
