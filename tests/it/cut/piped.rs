//! A body that goes to a pipe: what is written cannot be taken back, so a retry continues behind it or fails.

use super::*;

fn text(seed: u64) -> Vec<u8> {
    body(seed).iter().map(|byte| b'a' + byte % 16).collect()
}

/// Fetches `/x` into standard output, with as many tries as there are acts. Returns what came and the record.
fn piped(acts: Vec<Act>, args: &[&str]) -> (Vec<u8>, Value, FaultServer) {
    let server = FaultServer::start(Script::new().on_each("x", acts));
    let command = Fetchall::new().args(RETRIES).args(["--json", "-o", "records", "-O", "-"]).args(args);
    let run = command.arg(server.url("x")).run();
    let record = serde_json::from_slice(&run.read("records")).unwrap();
    (run.stdout.into_bytes(), record, server)
}

#[test]
fn coded_body_cut_before_its_first_byte_starts_again() {
    let text = text(31);
    let coded = gzip(&text);
    for backend in BACKENDS {
        for tags in [vec![], vec![tag("1")]] {
            let fields = [vec![("Content-Encoding", "gzip".to_owned())], tags].concat();
            // The header of gzip has ten bytes.
            let acts = vec![cut(&fields, &coded, 10), whole(&fields, &coded)];
            let (came, record, _server) = piped(acts, &["--backend", backend]);
            assert_eq!(kind(&record), "ok", "{backend}: {record}");
            assert!(came == text, "{backend}: {} bytes", came.len());
        }
    }
}

#[test]
fn failed_retry_names_the_bytes_that_are_written() {
    let text = text(32);
    let coded = gzip(&text);
    let fields = |value| [tag(value), ("Content-Encoding", "gzip".to_owned())];
    let acts = vec![cut(&fields("1"), &coded, 100_000), whole(&fields("2"), &coded)];
    let (came, record, _server) = piped(acts, &[]);
    assert!(came.len() > 100_000 && text.starts_with(&came));
    let message = record["error"]["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("{} bytes of the body are written already", came.len())), "{message}");
}
