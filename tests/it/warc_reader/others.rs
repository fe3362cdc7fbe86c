//! WARC files that other programs wrote.

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::process::{command, output};
use crate::support::program;

fn server() -> FaultServer {
    let page = Act::KeepAliveOk(b"<p>a page".to_vec());
    FaultServer::start(Script::new().otherwise(page))
}

#[test]
fn file_of_wget_has_no_faults_and_its_page() {
    let Some(wget) = program("wget") else { return };
    let server = server();
    let run = Fetchall::new().args(["warc", "check", "w.warc.gz"]);
    let folder = run.folder().to_owned();
    let url = server.url("page");
    let wrote = output(command(wget).args(["-q", "-O", "/dev/null", "--warc-file", "w", &url]).current_dir(&folder));
    assert!(wrote.status.success());
    let file = std::fs::read(folder.join("w.warc.gz")).expect("the file of wget");
    let checked = run.run().expect_code(0);
    assert_eq!(checked.stdout, "");
    let run = Fetchall::new().file("w.warc.gz", file).args(["warc", "cat", "w.warc.gz", &url]).run().expect_code(0);
    assert_eq!(run.stdout, "<p>a page");
}

#[test]
fn file_that_warcio_writes_again_has_no_faults() {
    let Some(warcio) = program("warcio") else { return };
    let records = ["a", "b"].map(|name| {
        super::TestRecord::response(&format!("http://a.test/{name}"), "Content-Type: text/html\r\n", name.as_bytes())
            .bytes()
    });
    let run = Fetchall::new().file("a.warc", records.concat()).args(["warc", "check", "b.warc.gz", "a.warc"]);
    let wrote = output(command(warcio).args(["recompress", "a.warc", "b.warc.gz"]).current_dir(run.folder()));
    assert!(wrote.status.success(), "{}", String::from_utf8_lossy(&wrote.stderr));
    assert_eq!(run.run().expect_code(0).stderr, "WARC files: 2, records: 4, faults: 0\n");
}
