//! Silence, and who is heard all the same.

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;

#[test]
fn quiet_drops_the_lines_that_nobody_asked_for() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let run = |words: &[&str]| Fetchall::new().args(words).arg(server.url("page")).run().expect_code(0);
    let silent = run(&["-q"]);
    assert_eq!((silent.stdout.as_str(), silent.stderr.as_str()), ("", ""));
    assert_eq!(run(&["-q", "--json"]).records().len(), 1);
    assert!(run(&["-q", "--format", "text"]).stdout.starts_with("200 "));
    assert!(String::from_utf8_lossy(&run(&["-q", "-o", "lines.txt"]).read("lines.txt")).starts_with("200 "));
    server.join();
}
