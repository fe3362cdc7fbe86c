//! `--changes-by text`: a token in the code of a page is no change, a word of it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::support::schema::CHANGES;

#[test]
fn tokens_are_no_change_and_words_are() {
    let round = Arc::new(AtomicUsize::new(0));
    let of_site = round.clone();
    let site = Site::with(move |target, _| {
        let round = of_site.load(SeqCst);
        let word = if round < 2 { "calm" } else { "rough" };
        let token =
            format!("<script nonce=n{round}>var t = {round}</script><a href='/next?session={round}'>next page</a>");
        match target {
            "/edited" => html(&format!("<main><p>The sea was {word} on that day.</p>{token}</main>")),
            "/same" => html(&format!("<main><p>The boats lay side by side.</p>{token}</main>")),
            "/app" => html(&format!("<div id=app></div><script>data = {{price: {round}}}</script>")),
            "/data" => file("text/plain", &format!("{round}")),
            _ => wiremock::ResponseTemplate::new(404),
        }
    });
    let list: String = ["/edited", "/same", "/app", "/data"].iter().map(|path| site.url(path) + "\n").collect();
    let folder = tempfile::tempdir().unwrap();
    let (out, changes) = (folder.path().join("out"), folder.path().join("changes.json"));
    let run = || {
        let args = ["--refresh", "--dir", out.to_str().unwrap(), "--changes", changes.to_str().unwrap()];
        Fetchall::new().args(args).args(["--changes-by", "text"]).stdin(list.clone()).run().expect_code(0);
        let report: Value = serde_json::from_str(&fs::read_to_string(&changes).unwrap()).unwrap();
        check(&CHANGES, &report);
        round.fetch_add(1, SeqCst);
        report
    };
    assert_eq!(run()["added"], 4);
    let of = |report: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let changes = report["changes"].as_array().unwrap().iter();
        let mut changes: Vec<_> =
            changes.map(|change| (text(&change["url"]).replace(&site.url(""), ""), text(&change["reason"]))).collect();
        changes.sort();
        changes
    };
    let by_bytes = ["/app", "/data"].map(|path| (path.to_owned(), "blake3".to_owned()));
    assert_eq!(of(&run()), by_bytes, "what is no page, and a page without words, is compared by its bytes");
    let [app, data] = by_bytes;
    assert_eq!(of(&run()), [app, data, ("/edited".to_owned(), "text".to_owned())]);
}
