//! Lists that are fetched over HTTP, and the formats of lists that are known by their bytes.

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::BACKENDS;
use crate::support::cli::{Fetchall, Finished};
use crate::support::play::gzip;

async fn run(fetchall: Fetchall) -> Finished {
    tokio::task::spawn_blocking(|| fetchall.run()).await.expect("no panic")
}

fn page() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string("page\n")
}

async fn serve(server: &MockServer, at: &str, response: ResponseTemplate) {
    Mock::given(method("GET")).and(path(at)).respond_with(response).expect(1..).mount(server).await;
}

async fn asked(server: &MockServer) -> Vec<String> {
    let path = |request: &Request| request.url.path().to_owned();
    server.received_requests().await.expect("recorded requests").iter().map(path).collect()
}

/// URL and place of each record.
fn sources(run: &Finished) -> Vec<(Value, Value)> {
    run.records().iter().map(|record| (record["url"].clone(), record["source"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn list_over_http_is_fetched_first_and_makes_no_record() {
    for backend in BACKENDS {
        let server = MockServer::start().await;
        let uri = server.uri();
        serve(&server, "/lists/today", ResponseTemplate::new(302).insert_header("location", "/list.csv.gz")).await;
        let list = gzip(format!("name,url\none,{uri}/1\ntwo,{uri}/2\n").as_bytes());
        serve(&server, "/list.csv.gz", ResponseTemplate::new(200).set_body_raw(list, "application/gzip")).await;
        serve(&server, "/1", page()).await;
        serve(&server, "/2", page()).await;
        let flags = ["--json", "--order", "input", "--backend", backend, "-i"];
        let run = run(Fetchall::new().args(flags).arg(format!("{uri}/lists/today"))).await.expect_code(0);
        let place = |line: u64| json!({"file": format!("{uri}/lists/today"), "line": line});
        let expected = [(json!(format!("{uri}/1")), place(2)), (json!(format!("{uri}/2")), place(3))];
        assert_eq!(sources(&run), expected, "{backend}");
        let mut asked = asked(&server).await;
        assert_eq!(asked[..2], ["/lists/today", "/list.csv.gz"], "{backend}");
        asked.sort_unstable();
        assert_eq!(asked, ["/1", "/2", "/list.csv.gz", "/lists/today"], "{backend}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn list_over_http_is_asked_for_with_the_settings_of_the_run() {
    let server = MockServer::start().await;
    let basic = "Basic YW5uOnMzY3JldA==";
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "0");
    Mock::given(path("/list")).respond_with(busy).up_to_n_times(1).with_priority(1).expect(1).mount(&server).await;
    let list = ResponseTemplate::new(200).set_body_string(format!("{}/1\n", server.uri()));
    let asked = Mock::given(path("/list")).and(header("authorization", basic)).and(header("x-team", "blue"));
    asked.respond_with(list).expect(1).mount(&server).await;
    serve(&server, "/1", page()).await;
    let url = format!("{}/list", server.uri().replacen("://", "://ann:s3cret@", 1));
    let fetchall = Fetchall::new().with_retries().args(["--json", "-H", "X-Team: blue", "-i"]).arg(url);
    let run = run(fetchall).await.expect_code(0);
    assert_eq!(run.records().len(), 1);
    assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"));
    server.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn list_that_cannot_be_had_ends_the_program_before_any_fetch() {
    let server = MockServer::start().await;
    let gone = format!("{}/gone.txt", server.uri());
    let run = run(Fetchall::new().args(["--json", "-d", "out", "-i", &gone]).arg(format!("{}/1", server.uri()))).await;
    let run = run.expect_code(2);
    assert!(run.records().is_empty());
    assert!(run.stderr.contains(&format!("cannot read {gone}: the server answered 404 Not Found")), "{}", run.stderr);
    assert_eq!(asked(&server).await, ["/gone.txt"]);
    assert!(!run.folder().join("out").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn list_over_http_that_is_none_is_refused_before_any_fetch() {
    let server = MockServer::start().await;
    let uri = server.uri();
    for (name, body, kind, what) in [
        ("list.xlsx", &b"PK\x03\x04rest"[..], "application/octet-stream", "an Excel workbook (zip); save it as CSV"),
        (
            "urls",
            b"{\"urls\": [\"http://a.test/\"]}",
            "application/json",
            "a JSON object that wraps the list in `urls`",
        ),
        ("sites.csv", b"id,domain\n1,a.test\n", "text/csv", "no column holds URLs; the columns are `id`, `domain`"),
        ("feed", b"<rss></rss>", "text/xml", "an XML document of <rss>, no sitemap"),
    ] {
        let at = format!("/{name}");
        serve(&server, &at, ResponseTemplate::new(200).set_body_raw(body, kind)).await;
        let list = format!("{uri}{at}").replacen("://", "://ann:s3cret@", 1);
        let flags = ["--json", "-d", "out", "-i", &list];
        let run = run(Fetchall::new().args(flags).arg(format!("{uri}/1"))).await.expect_code(2);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
        assert!(run.stderr.starts_with(&format!("error: {uri}{at}: {what}")), "{}", run.stderr);
        assert!(!run.folder().join("out").exists());
    }
    assert_eq!(asked(&server).await, ["/list.xlsx", "/urls", "/sites.csv", "/feed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn html_is_a_list_only_where_it_is_asked_for() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let html = "<html><a href='/1'>one</a> <a href='two#x'>two</a>\n<a href='/1#again'>one</a></html>";
    serve(&server, "/dir/", ResponseTemplate::new(200).set_body_raw(html, "text/html; charset=utf-8")).await;
    serve(&server, "/1", page()).await;
    serve(&server, "/dir/two", page()).await;
    let list = format!("{uri}/dir/");
    let refused = run(Fetchall::new().args(["-i", &list])).await.expect_code(2);
    assert!(refused.stderr.contains("an HTML page; take its links with --input-format html"), "{}", refused.stderr);
    let taken = run(Fetchall::new().args(["--json", "--order", "input", "--input-format", "html", "-i", &list])).await;
    let place = json!({"file": list, "line": 1});
    let expected = [(json!(format!("{uri}/1")), place.clone()), (json!(format!("{uri}/dir/two")), place)];
    assert_eq!(sources(&taken.expect_code(0)), expected);
    // A page that was saved says with --base where it was.
    let flags = ["--json", "--input-format", "html", "-B", &list, "saved.html"];
    let saved = run(Fetchall::new().file("saved.html", html).args(flags)).await.expect_code(0);
    assert_eq!(saved.records().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sitemap_index_brings_the_pages_of_its_sitemaps() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let entry = |tag: &str, url: &str| format!("<{tag}><loc>{uri}{url}</loc></{tag}>\n");
    let [a, b, gone] = ["/a.xml", "/b.xml.gz", "/gone.xml"].map(|url| entry("sitemap", url));
    let index = format!("<?xml version=\"1.0\"?>\n<sitemapindex>\n{a}{gone}{b}{a}</sitemapindex>");
    let xml = |body: String| ResponseTemplate::new(200).set_body_raw(body, "application/xml");
    serve(&server, "/a.xml", xml(format!("<urlset>\n{}</urlset>", entry("url", "/1?x=1&amp;y=2")))).await;
    let packed = gzip(format!("<urlset>\n{}</urlset>", entry("url", "/2")).as_bytes());
    serve(&server, "/b.xml.gz", ResponseTemplate::new(200).set_body_bytes(packed)).await;
    serve(&server, "/1", page()).await;
    serve(&server, "/2", page()).await;
    // The index itself is a file: what it names is fetched all the same.
    let run = run(Fetchall::new().file("index.xml", index).args(["--json", "--order", "input", "index.xml"])).await;
    let run = run.expect_code(1);
    let records = run.records();
    let outcomes: Vec<_> = records.iter().map(|record| (record["url"].clone(), record["outcome"].clone())).collect();
    let ok = |url: &str| (json!(format!("{uri}{url}")), json!("ok"));
    assert_eq!(outcomes, [ok("/1?x=1&y=2"), (json!(format!("{uri}/gone.xml")), json!("failed")), ok("/2")]);
    assert_eq!(records[1]["error"]["message"], "the sitemap was not read: the server answered 404 Not Found");
    assert_eq!(records[1]["source"], json!({"file": "index.xml", "line": 4}));
    assert_eq!(records[2]["source"], json!({"file": format!("{uri}/b.xml.gz"), "line": 2}));
    assert_eq!(asked(&server).await.iter().filter(|path| *path == "/a.xml").count(), 1);
}

#[test]
fn file_that_holds_no_list_is_one_usage_error() {
    for (name, bytes, what) in [
        ("list.xlsx", &b"PK\x03\x04\n\n\n\n"[..], "an Excel workbook (zip); save it as CSV"),
        ("list.parquet", b"PAR1\n\n\n", "a Parquet file; export the column of URLs as CSV"),
        ("list.txt", b"<!DOCTYPE html>\n<html>\n", "an HTML page; take its links with --input-format html"),
        ("list.json", b"{\"urls\": [\"http://a.test/\"]}\n", "a JSON object that wraps the list in `urls`"),
    ] {
        let flags = ["--json", "-d", "out", "http://127.0.0.1:9/", name];
        let run = Fetchall::new().file(name, bytes).args(flags).run().expect_code(2);
        assert!(run.records().is_empty());
        assert!(run.stderr.starts_with(&format!("error: {name}: {what}")), "{}", run.stderr);
        let piped = Fetchall::new().args(["--json", "-"]).stdin(bytes).run().expect_code(2);
        assert!(piped.records().is_empty() && piped.stderr.contains("error: -: "), "{}", piped.stderr);
    }
}
