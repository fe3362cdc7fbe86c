//! `--remote-time`: files get the time from the server, in every format of dates.

use std::fs;
use std::time::UNIX_EPOCH;

use wiremock::Mock;

use crate::support::BACKENDS;
use crate::support::cli::Fetchall;
use crate::support::mock::{Mocks, get, hello};

fn dated(name: &str, text: &str) -> Mock {
    get(name).respond_with(hello().append_header("last-modified", text))
}

#[test]
fn files_get_times_in_every_form_of_a_date() {
    const NOVEMBER: i64 = 784_111_777;
    let dates = [
        ("Sun, 06 Nov 1994 08:49:37 GMT", NOVEMBER),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOVEMBER),
        ("Sun Nov  6 08:49:37 1994", NOVEMBER),
        ("Sun, 06 Nov 1994 08:49:37 +0000", NOVEMBER),
        ("Sun, 06 Nov 1994 08:49:37 UTC", NOVEMBER),
        ("Mon, 6 November 1994 10:49:37 +0200", NOVEMBER),
        ("06-Nov-1994 03:49:37 EST", NOVEMBER),
        ("Sat, 01 Jan 1938 00:00:00 GMT", -1_009_843_200),
    ];
    for backend in BACKENDS {
        let server = Mocks::start(dates.iter().enumerate().map(|(n, (text, _))| dated(&n.to_string(), text)));
        let run = Fetchall::new().args(["--json", "-R", "-d", "out", "--order", "input", "--backend", backend]);
        let run = run.args((0..dates.len()).map(|n| server.url(&n.to_string()))).run().expect_code(0);
        for (record, (text, expected)) in run.records().iter().zip(dates) {
            let path = run.folder().join(record["path"].as_str().unwrap());
            let time = fs::metadata(path).unwrap().modified().unwrap();
            let seconds = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap();
            let found = time.duration_since(UNIX_EPOCH).map_or_else(|e| -seconds(e.duration()), seconds);
            assert_eq!(found, expected, "{backend} {text}");
        }
        assert!(!run.stderr.contains("Last-Modified"), "{backend} {}", run.stderr);
    }
}

#[test]
fn an_invalid_last_modified_is_one_warning() {
    for backend in BACKENDS {
        let server = Mocks::start(["a", "b"].map(|name| dated(name, "yesterday")));
        let run = |args: &[&str]| {
            let run = Fetchall::new().args(["--backend", backend, "-c", "1", "-d", "out"]).args(args);
            run.args(["a", "b"].map(|name| server.url(name))).run().expect_code(0)
        };
        let told = run(&["-R"]).stderr;
        assert_eq!(told.matches("/a: Last-Modified is no date (`yesterday`)").count(), 1, "{backend} {told}");
        assert!(!told.contains("/b: Last-Modified"), "{backend} {told}");
        assert!(!run(&[]).stderr.contains("Last-Modified"), "{backend}: no file would have that time");
    }
}
