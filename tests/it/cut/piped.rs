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

/// An answer in one chunk, with these trailers; `None`: it is cut off behind the chunk.
fn chunked(head: &str, body: &[u8], trailers: Option<&str>) -> Act {
    let size = format!("HTTP/1.1 {head}\r\nETag: \"1\"\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
    let end = trailers.map(|trailers| format!("\r\n0\r\n{trailers}\r\n")).unwrap_or_default();
    let bytes = [size.as_bytes(), body, end.as_bytes()].concat();
    if trailers.is_some() { Act::RawKeepAlive(bytes) } else { Act::Raw(bytes) }
}

const REST: &str = "206 Partial Content\r\nContent-Range: bytes 100000-899999/900000";

fn sha256(body: &[u8]) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(body);
    format!("sha-256=:{}:", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest))
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

#[test]
fn part_that_is_out_survives_an_unusable_206() {
    let text = text(33);
    let first = || cut(&[tag("1")], &text, 100_000);
    let unusable = chunked(&format!("{REST}\r\nTransfer-Encoding: x-foo"), &text[100_000..], Some(""));
    for backend in BACKENDS {
        let acts = vec![first(), unusable.clone(), whole(&[tag("1")], &text)];
        let (came, record, server) = piped(acts, &["--retry-on", "truncated,decode", "--backend", backend]);
        assert_eq!(kind(&record), "ok", "{backend}: {record}");
        assert!(came == text, "{backend}: {} bytes", came.len());
        let from: Vec<_> = ranges(&server).into_iter().map(|asked| asked.map(|(range, _)| range)).collect();
        assert_eq!(from, [None, Some("bytes=100000-".to_owned()), Some("bytes=100000-".to_owned())], "{backend}");
    }
}

#[test]
fn nothing_follows_a_part_whose_rest_is_too_large() {
    let text = text(34);
    let head = format!("{REST}\r\nETag: \"1\"");
    let acts =
        vec![chunked("200 OK", &text[..100_000], None), raw(&head, &text[100_000..]), whole(&[tag("1")], b"new")];
    let args = ["--max-size", "200k", "--retry-on", "truncated,reset,too_large"];
    let (came, record, _server) = piped(acts, &args);
    assert_eq!(kind(&record), "io", "{record}");
    assert!(came == text[..100_000], "{} bytes", came.len());
}

#[test]
fn each_digest_of_a_piped_body_is_of_its_own_response() {
    let text = text(35);
    let (part, rest) = text.split_at(100_000);
    let line = |field: &str, of: &[u8]| format!("{field}: {}\r\n", sha256(of));
    let (whole, of_rest) = (line("Content-Digest", &text), line("Content-Digest", rest));
    let (repr, bad_repr) = (line("Repr-Digest", &text), line("Repr-Digest", rest));
    let announced = "Trailer: Content-Digest, Repr-Digest\r\n".to_owned();
    for (first, second, trailers, expected) in [
        (&announced, "", &of_rest, "ok"),
        (&announced, &*announced, &of_rest, "ok"),
        (&announced, &announced, &whole, "checksum"),
        (&announced, &announced, &repr, "ok"),
        (&announced, &announced, &bad_repr, "checksum"),
        (&whole, &of_rest, &String::new(), "ok"),
        (&whole, &announced, &of_rest, "ok"),
        (&whole, &whole, &String::new(), "checksum"),
        (&of_rest, "", &String::new(), "checksum"),
        (&repr, &of_rest, &String::new(), "ok"),
        (&repr, &bad_repr, &String::new(), "checksum"),
    ] {
        let head = |status: &str, fields: &str| format!("{status}\r\n{fields}").trim_end().to_owned();
        let acts =
            vec![chunked(&head("200 OK", first), part, None), chunked(&head(REST, second), rest, Some(trailers))];
        let (came, record, _server) = piped(acts, &["--retry-on", "truncated,reset"]);
        assert_eq!(kind(&record), expected, "{first}{second}{trailers}: {record}");
        assert!(came == text, "{} bytes", came.len());
    }
}
