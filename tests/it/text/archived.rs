//! The texts of pages in an archive.

use super::*;
use crate::warc_writer::reader::{Record, read};

#[test]
fn an_archive_has_the_text_behind_each_response() {
    let page = html("<main><h1>Title</h1><p>The text of the page.</main>");
    let site = Site::start([("/a", page), ("/b", file("text/plain", "no page"))]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let urls = ["/a", "/b"].map(|path| site.url(path));
    let args = ["-c1", "--text", &path("texts.ndjson"), "--warc-file", &path("site")];
    Fetchall::new().args(args).args(urls).run().expect_code(0);
    let records = read(&folder.path().join("site-00000.warc.gz"));
    let of_kind = |kind: &str| -> Vec<&Record> { records.iter().filter(|record| record.kind() == kind).collect() };
    let [conversion] = of_kind("conversion")[..] else { panic!("there is one page") };
    let response = of_kind("response")[0];
    let text = b"# Title\n\nThe text of the page.";
    assert_eq!(conversion.block, text);
    assert_eq!(conversion.get("Content-Type"), "text/markdown; charset=utf-8");
    assert_eq!(conversion.get("WARC-Refers-To"), response.get("WARC-Record-ID"));
    assert_eq!(conversion.get("WARC-Target-URI"), response.get("WARC-Target-URI"));
    Fetchall::new().args(["warc", "check", &path("site-00000.warc.gz")]).run().expect_code(0);
}
