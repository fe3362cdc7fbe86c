//! The report of a run: its sums are those of the summary, however it is made, and it shows no secret.

use std::io::Write as _;

use serde_json::{Map, Value};

use crate::crawl::site::{Site, page};
use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::{Fetchall, Finished};
use crate::support::fault::FaultServer;

fn server() -> FaultServer {
    FaultServer::start(
        Script::new()
            .on("page", Act::Gzip(b"hello\n".to_vec()))
            .on("missing", Act::Status(404, Vec::new()))
            .on("moved", Act::RedirectChain(2))
            .on("cut", Act::CutContentLength)
            .on("refused", Act::Refused),
    )
}

/// A list with outcomes of every kind but cancelled.
fn list(server: &FaultServer) -> String {
    let url = |name: &str| server.url(name);
    [
        url("page/1"),
        url("missing/<b>"),
        url("missing/2"),
        url("moved"),
        url("cut"),
        "no url at all".to_owned(),
        url("page/1"),
        url("refused"),
        url("page/3").replace("http://", "http://ann:sesame@"),
    ]
    .join("\n")
}

fn html(run: &Finished, name: &str) -> String {
    String::from_utf8(run.read(name)).expect("UTF-8")
}

#[test]
fn a_second_run_is_reported_as_what_is_in_place() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let heading = |name: &str| {
        let dir = folder.path().to_str().unwrap();
        let run = Fetchall::new()
            .args(["--quiet", "--dir", dir, "--report", "r.html", &server.url("page/1"), &server.url(name)])
            .run()
            .expect_code(0);
        let page = html(&run, "r.html");
        let part = |from: &str, to: &str| {
            page.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0.to_owned()
        };
        [part("<h1>", "</h1>"), part("<p class=\"standfirst\">", "</p>")]
    };
    assert_eq!(heading("page/2"), ["All 2 URLs are ok", "Nothing failed."]);
    assert_eq!(heading("page/2"), ["2 of 2 URLs in place", "0 new, 2 as before. Nothing failed."]);
    assert_eq!(heading("page/3"), ["2 of 2 URLs in place", "1 new, 1 as before. Nothing failed."]);
}

/// The sums of a page.
fn figures(page: &str) -> Map<String, Value> {
    let (_, rest) = page.split_once("id=\"figures\">").expect("figures");
    let (json, _) = rest.split_once("</script>").expect("an end");
    serde_json::from_str(json).expect("JSON")
}

fn number(value: &Value, name: &str) -> f64 {
    value.get(name).and_then(Value::as_f64).unwrap_or_default()
}

/// Asserts that a page has the sums of a summary. Quantiles may differ by the precision of their histograms.
fn assert_sums(page: &str, summary: &Value, about: &str) {
    for (name, value) in figures(page) {
        if name == "latency" {
            for quantile in ["p50_ms", "p90_ms", "p99_ms", "max_ms"] {
                let (shown, expected) = (number(&value, quantile), number(&summary[&name], quantile));
                assert!((shown - expected).abs() <= expected * 0.002 + 0.002, "{about}: {quantile} {shown} {expected}");
            }
        } else {
            assert_eq!(value, summary[&name], "{about}: {name}");
        }
    }
}

fn summary(run: &Finished) -> Value {
    serde_json::from_slice(&run.read("s.json")).expect("JSON")
}

const OUTPUTS: [&str; 8] = ["--report", "r.html", "--summary", "s.json", "-o", "r.ndjson", "-d", "out"];

#[test]
fn sums_are_those_of_the_summary_on_every_backend() {
    let server = server();
    let list = list(&server);
    for backend in BACKENDS {
        let run = Fetchall::new().args(OUTPUTS).args(["--backend", backend, "l.txt"]).file("l.txt", &list);
        let run = run.run().expect_code(1);
        let page = html(&run, "r.html");
        assert_sums(&page, &summary(&run), backend);
        assert_eq!(figures(&page)["read"], 9, "{backend}");
        // The records of the run give the same page, also from several compressed files.
        let records = run.read("r.ndjson");
        let half = records.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(4).expect("lines").0 + 1;
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zip.write_all(&records[half..]).expect("memory");
        let again = Fetchall::new()
            .file("b.ndjson.gz", zip.finish().expect("memory"))
            .args(["report", "-", "b.ndjson.gz", "-o", "r.html"])
            .stdin(&records[..half])
            .run()
            .expect_code(0);
        assert_eq!(figures(&html(&again, "r.html")), figures(&page), "{backend}");
        for run in [&run, &again] {
            let page = html(run, "r.html");
            for failure in ["missing/2", "cut", "no url at all", "refused", "l.txt:2", "Correct or remove"] {
                assert!(page.contains(failure), "{backend}: {failure}: {page}");
            }
            for secret in ["sesame", "ann:", "<b>\"", "<i>url"] {
                assert!(!page.contains(secret), "{backend}: {secret}");
            }
        }
    }
    server.join();
}

#[test]
fn a_second_run_reports_what_it_did_itself() {
    let server = server();
    let run = Fetchall::new().args(OUTPUTS).args(["l.txt"]).file("l.txt", list(&server));
    let folder = run.folder().to_owned();
    let first = run.run().expect_code(1);
    let args = OUTPUTS.map(|arg| {
        if arg.contains('.') || arg == "out" { folder.join(arg).display().to_string() } else { arg.to_owned() }
    });
    let _second = Fetchall::new().args(args).arg(folder.join("l.txt")).run().expect_code(1);
    assert_sums(&html(&first, "r.html"), &summary(&first), "second");
    let skips = &figures(&html(&first, "r.html"))["skips"];
    assert!(skips["done"].as_u64().is_some_and(|n| n >= 3), "{skips}");
    server.join();
}

#[test]
fn a_crawl_has_depths_and_pages_that_link_to_failures() {
    let site = Site::start([("/d/", page(&["/d/a", "/d/none"])), ("/d/a", page(&["/d/b"])), ("/d/b", page(&[]))]);
    let run = Fetchall::new().args(["crawl", &site.url("/d/")]).args(OUTPUTS).run().expect_code(1);
    let page = html(&run, "r.html");
    assert_sums(&page, &summary(&run), "crawl");
    assert!(page.contains("aria-label=\"Depths\""), "{page}");
    let (_, failures) = page.split_once("Every failure").expect("failures");
    assert!(failures.contains("/d/none") && failures.contains(">on <a href"), "{failures}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_writes_its_report() {
    let server = FaultServer::start(Script::new().on("page", Act::KeepAliveOk(b"x".to_vec())).otherwise(Act::Stalled));
    let run = Fetchall::new()
        .args(["--report", "r.html", "--summary", "s.json", "--grace", "0", "-c", "2"])
        .args([server.url("page"), server.url("a"), server.url("b"), server.url("c")])
        .spawn();
    server.wait_until("a request that stays", |log| log.requests.len() >= 2);
    run.interrupt();
    let run = run.wait().expect_code(130);
    let page = html(&run, "r.html");
    assert_sums(&page, &summary(&run), "interrupted");
    assert!(page.contains("cancelled"), "{page}");
}

#[test]
fn a_torn_line_is_named_and_a_list_is_refused() {
    let ok = "{\"v\":1,\"url\":\"http://a.test/\",\"outcome\":\"ok\"}\n";
    let run = Fetchall::new()
        .file("r.ndjson", format!("{ok}{{\"v\":1,\"ur"))
        .args(["report", "r.ndjson", "-o", "r.html"])
        .run()
        .expect_code(1);
    assert!(run.stderr.contains("r.ndjson:2: a record that is cut off"), "{}", run.stderr);
    assert!(html(&run, "r.html").contains("1 line was no record"));
    let list = Fetchall::new().file("l.txt", "http://a.test/\n").file("r.html", "old");
    let list = list.args(["report", "l.txt", "-o", "r.html"]).run().expect_code(2);
    assert!(list.stderr.contains("l.txt:1: not a record of JSON; name the records"), "{}", list.stderr);
    assert_eq!(list.read("r.html"), b"old");
}

#[test]
fn a_report_replaces_neither_records_nor_inputs() {
    let ok = "{\"v\":1,\"url\":\"http://a.test/\",\"outcome\":\"ok\"}\n";
    for (args, why) in [
        (&["report", "r.ndjson", "-o", "./r.ndjson"][..], "would overwrite the input"),
        (&["--report", "r.ndjson", "r.ndjson"], "would overwrite the input"),
        (&["--report", "x", "-o", "x", "http://a.test/"], "both name x"),
        (&["--report", "x", "--summary", "x", "http://a.test/"], "both name x"),
        (&["--report", "out/.fetchall/x", "-d", "out", "http://a.test/"], "where the run keeps"),
        (&["--report", "-", "http://a.test/"], "cannot go to standard output"),
    ] {
        let run = Fetchall::new().file("r.ndjson", ok).args(args.iter().copied()).run().expect_code(2);
        assert!(run.stderr.contains(why), "{args:?}: {}", run.stderr);
        assert_eq!(run.read("r.ndjson"), ok.as_bytes(), "{args:?}");
    }
    let page = Fetchall::new().args(["report", "-o", "-"]).stdin(ok).run().expect_code(0).stdout;
    assert!(page.starts_with("<!doctype html>") && page.contains("All 1 URL is ok"), "{page}");
}

#[test]
fn an_explanation_leaves_the_report_as_it_is() {
    let url = "http://127.0.0.1:9/d/";
    let run = Fetchall::new().file("r.html", "old").args(["explain", "--report", "r.html", "--crawl", url, url]);
    assert_eq!(run.run().expect_code(0).read("r.html"), b"old");
}

/// The texts of records stay texts.
#[test]
fn records_of_a_stranger_put_no_markup_into_the_page() {
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\\u202e";
    let line = format!(
        "{{\"url\":\"http://a.test/{evil}\",\"outcome\":\"failed\",\"status\":200,\"content_type\":\"{evil}\",\
         \"error\":{{\"kind\":\"{evil}\",\"message\":\"{evil}\"}},\"skip\":{{\"reason\":\"{evil}\"}},\
         \"http_version\":\"{evil}\",\"parent\":\"{evil}\",\"redirects\":[{{\"status\":1,\"url\":\"{evil}\"}}],\
         \"final_url\":\"javascript:{evil}\",\"timing\":{{\"total_ms\":1e300}},\"started_at\":\"{evil}\"}}\n"
    );
    let run = Fetchall::new().file("<b>.ndjson", line).args(["report", "<b>.ndjson", "-o", "r.html"]).run();
    let page = html(&run.expect_code(0), "r.html");
    for bad in ["<script>alert", "<img", "\u{202e}", "<b>.nd", "href=\"javascript", "NaN"] {
        assert!(!page.contains(bad), "{bad}: {page}");
    }
    assert_eq!(page.matches("<script").count(), 2, "{page}");
}

/// A record in which every text is long, full of what HTML must escape, and different from that of the others.
fn worst_record(n: u32) -> String {
    let text = |length: usize| format!("{n}{}", "&<'>".repeat(length / 4));
    let (long, word) = (text(2000), text(200));
    let outcome = ["failed", "http_error", "skipped", "ok"][(n % 8).min(3) as usize];
    let hops: Vec<_> = (0..20).map(|hop| format!("{{\"status\":{}}}", (n * 20 + hop) % 65_536)).collect();
    format!(
        "{{\"v\":1,\"url\":\"http://{word}{n}.test/{long}\",\"outcome\":\"{outcome}\",\"status\":{status},\
         \"final_url\":\"http://a.test/{long}\",\"path\":\"{long}\",\"bytes\":{n},\"wire_bytes\":{n},\
         \"content_type\":\"{word}/{word}\",\"attempts\":2,\"redirects\":[{hops}],\"http_version\":\"{word}\",\
         \"started_at\":\"2026-01-01T{hour:02}:00:00Z\",\"timing\":{{\"total_ms\":{n}.5,\"dns_ms\":{n}}},\
         \"source\":{{\"file\":\"{long}\",\"line\":{n}}},\"error\":{{\"kind\":\"{word}\",\"message\":\"{long}\"}},\
         \"skip\":{{\"reason\":\"{word}\"}},\"depth\":{n},\"parent\":\"http://a.test/{long}\"}}\n",
        status = n % 65_536,
        hops = hops.join(","),
        hour = n % 24,
    )
}

#[test]
fn the_page_of_the_worst_records_has_at_most_2_mib() {
    let count = 6000;
    let records: String = (0..count).map(worst_record).collect();
    let run = Fetchall::new().file("r.ndjson", records).args(["report", "r.ndjson", "-o", "r.html"]).run();
    let page = html(&run.expect_code(0), "r.html");
    assert!(page.len() < 2 << 20, "{}", page.len());
    assert_eq!(figures(&page)["read"], count);
}

#[test]
fn many_failures_are_left_out_with_the_command_that_lists_them() {
    let mut records = String::new();
    for n in 0..12_000 {
        let (outcome, kind) = if n % 2 == 0 { ("failed", "timeout") } else { ("http_error", "http_status") };
        records += &format!(
            "{{\"v\":1,\"url\":\"http://h{n}.test/{}/{n}\",\"outcome\":\"{outcome}\",\"status\":503,\"error\":\
             {{\"kind\":\"{kind}\",\"message\":\"the time of the whole fetch was over\"}},\"timing\":{{\"total_ms\":{n}.5}}}}\n",
            "x".repeat(60)
        );
    }
    let run = Fetchall::new().file("r.ndjson", records).args(["report", "r.ndjson", "-o", "r.html"]).run();
    let page = html(&run.expect_code(0), "r.html");
    assert!(page.len() < 2 << 20, "{}", page.len());
    assert!(page.contains("are left out") && page.contains("--retry-from RECORDS --dry-run"), "{}", page.len());
    assert_eq!(figures(&page)["failures"]["timeout"], 6000);
}

#[test]
fn a_table_of_records_is_refused_with_the_format_to_use() {
    let server = server();
    for format in ["csv", "tsv"] {
        let run = Fetchall::new().args(["--format", format, "-o", "r", &server.url("page/1")]).run().expect_code(0);
        let told = Fetchall::new().args(["report", "-o", "r.html"]).stdin(run.read("r")).run().expect_code(2);
        assert!(told.stderr.contains("a report reads NDJSON, so run with --json"), "{}", told.stderr);
    }
    server.join();
}

#[cfg(unix)]
#[test]
fn the_page_loads_in_a_browser_and_its_tables_sort() {
    use crate::support::browser::load;
    let server = server();
    let run = Fetchall::new().args(OUTPUTS).args(["l.txt"]).file("l.txt", list(&server)).run().expect_code(1);
    server.join();
    let page = html(&run, "r.html");
    let Some(seen) = load(&run.folder().join("r.html")) else { return };
    assert_eq!(seen.console, [""; 0]);
    assert_eq!(seen.asked, [""; 0]);
    // The script has made the heads of tables buttons; without it there are none.
    assert!(seen.dom.contains("<button type=\"button\">host</button>"), "{}", seen.dom);
    assert!(!page.contains("<button"), "{page}");
    assert!(!seen.dom.contains("NaN") && !seen.dom.contains("parsererror"), "{}", seen.dom);
}
