//! Kept bodies and their notes, edited, damaged or of another version.

use super::*;

type Spoil = fn(&Path);

/// Cuts a body off after this many bytes, spoils what is kept of it, and fetches it again: whether the
/// rest was asked for.
fn goes_on_after(spoil: Spoil, cut_at: usize, args: &[&str], what: &str) -> bool {
    let body = body(8);
    let script = Script::new().on_each("x", vec![cut(&[tag("1")], &body, cut_at), whole(&[tag("1")], &body)]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    run(&server, folder.path(), args);
    spoil(&kept(folder.path()));
    let record = run(&server, folder.path(), args);
    assert!(saved(&record) == body, "{what}: {record}");
    assert_eq!(parts(folder.path()), [""; 0], "{what}");
    ranges(&server)[1].is_some()
}

fn note(part: &Path) -> PathBuf {
    part.with_extension("cut.json")
}

fn edit(part: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(note(part)).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(note(part), text.replacen(from, to, 1)).unwrap();
}

/// Changes one byte, counted from the end where that is negative.
fn flip(part: &Path, at: isize) {
    let mut bytes = fs::read(part).unwrap();
    let at = if at < 0 { bytes.len().checked_add_signed(at).unwrap() } else { at.unsigned_abs() };
    bytes[at] ^= 1;
    fs::write(part, bytes).unwrap();
}

#[test]
fn damaged_note_or_body_is_thrown_away() {
    let spoil: [(&str, Spoil); 11] = [
        ("half a note", |part| fs::write(note(part), "{\"v\":2,").unwrap()),
        ("no note", |part| fs::remove_file(note(part)).unwrap()),
        ("no bytes", |part| fs::write(part, "").unwrap()),
        ("fewer bytes", |part| fs::OpenOptions::new().write(true).open(part).unwrap().set_len(9).unwrap()),
        ("another body", |part| fs::write(part, body(9)).unwrap()),
        ("an earlier version", |part| edit(part, "\"v\":2", "\"v\":1")),
        ("no digest", |part| edit(part, "\"checkpoint\"", "\"other\"")),
        ("another digest", |part| {
            let text = fs::read_to_string(note(part)).unwrap();
            let digest = text.split('"').find(|word| word.len() == 53).expect("a number and a digest");
            let other: String = digest.chars().rev().collect();
            fs::write(note(part), text.replace(digest, &format!("{} {}", &digest[..20], &other[..32]))).unwrap();
        }),
        ("the first byte", |part| flip(part, 0)),
        ("a byte in the middle", |part| flip(part, 700)),
        ("the last byte", |part| flip(part, -1)),
    ];
    for ((what, spoil), backend) in spoil.into_iter().zip(BACKENDS.into_iter().cycle()) {
        for cut_at in [1_000, 300_000] {
            assert!(!goes_on_after(spoil, cut_at, &["--backend", backend], what), "{what} of {cut_at} bytes");
        }
    }
}

#[test]
fn bytes_behind_the_digest_are_cut_off() {
    let more: Spoil = |part| {
        use std::io::Write as _;
        fs::OpenOptions::new().append(true).open(part).unwrap().write_all(&[7; 5_000]).unwrap();
    };
    for sync in [&["--sync"][..], &[]] {
        assert!(goes_on_after(more, 300_000, sync, "more bytes"));
        assert!(goes_on_after(|_| (), 300_000, sync, "nothing"));
    }
}

#[test]
fn all_bytes_but_the_end_of_the_message_go_on() {
    let body = body(8);
    let head = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
    let cut = Act::Raw([head.as_bytes(), &body].concat());
    let script = Script::new().on_each("x", vec![cut, whole(&[tag("1")], &body)]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    run(&server, folder.path(), &[]);
    // The rest is empty, which no range can ask for: 416, and all of it again.
    assert!(saved(&run(&server, folder.path(), &[])) == body);
}

#[cfg(unix)]
#[test]
fn note_of_a_copy_made_of_hard_links_stays_as_it_is() {
    let other = TempDir::new().unwrap();
    let kept_elsewhere = other.path().join("note");
    let body = body(8);
    let script = Script::new().on_each("x", vec![cut(&[tag("1")], &body, 300_000), whole(&[tag("1")], &body)]);
    let (server, folder) = (FaultServer::start(script), TempDir::new().unwrap());
    run(&server, folder.path(), &[]);
    let part = kept(folder.path());
    fs::hard_link(note(&part), &kept_elsewhere).unwrap();
    let before = fs::read(&kept_elsewhere).unwrap();
    assert!(saved(&run(&server, folder.path(), &[])) == body);
    assert!(fs::read(&kept_elsewhere).unwrap() == before);
}
