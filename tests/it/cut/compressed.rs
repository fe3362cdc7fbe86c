//! A file whose name says that it is compressed.

use super::*;

#[test]
fn a_cut_compressed_file_goes_on_as_one() {
    let coded = gzip(&body(3));
    let (url_path, coding) = ("x/dl", ("Content-Encoding", "gzip".to_owned()));
    for backend in BACKENDS {
        let fields = [tag("1"), coding.clone()];
        let script = Script::new().on_each("x", [300_000, usize::MAX].map(|most| cut(&fields, &coded, most)).to_vec());
        let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
        let list = format!("url,out\n{},data.tar.gz\n", server.url(url_path));
        let once = || {
            let fetchall = command(folder.path(), &["--backend", backend, "--digest", "blake3"]);
            fetchall.file("list.csv", &list).arg("list.csv").run().records().remove(0)
        };
        assert_eq!(kind(&once()), "truncated", "{backend}");
        let record = once();
        assert!(saved(&record) == coded, "{backend}: {record}");
        assert_eq!(record["blake3"], blake3::hash(&coded).to_hex().as_str());
        assert_eq!(ranges(&server)[1], Some(("bytes=300000-".to_owned(), "\"1\"".to_owned())), "{backend}");
    }
}
