//! A part that the user asked for with a Range of their own.

use super::*;

#[test]
fn a_cut_part_is_not_the_beginning_of_the_whole() {
    let (folder, body) = (TempDir::new().unwrap(), body(4));
    let head = "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 100-899999/900000\r\n\
                Content-Length: 899900\r\n\r\n";
    let part = Act::Raw([head.as_bytes(), &body[100..400_000]].concat());
    let server = FaultServer::start(Script::new().on_each("x", vec![part, whole(&[tag("1")], &body)]));
    let record = run(&server, folder.path(), &["-H", "Range: bytes=100-"]);
    assert_eq!((kind(&record), parts(folder.path())), ("truncated", vec![]), "{record}");
    assert!(saved(&run(&server, folder.path(), &[])) == body);
    assert_eq!(ranges(&server), [None, None]);
}
