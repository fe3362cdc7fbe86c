//! The line of a page.

use serde_json::json;

use super::*;
use crate::support::BACKENDS;

#[test]
fn a_page_has_its_text_and_facts_on_every_backend() {
    let article = "<html lang=de><title> A  quiet\nharbour </title><meta name=description content='About boats.'>\
        <link rel=canonical href=/quiet><meta property='article:published_time' content='2026-03-04T10:00:00+02:00'>\
        <script type='application/ld+json'>{\"@type\":\"Article\",\"dateModified\":\"2026-03-05\"}</script>\
        <nav><a href=/>Home</a></nav><div class=cookie-banner>We use cookies</div>\
        <main><h1>Harbour</h1><p>The <a href='two#part' title=x>boats</a> lay side by side.\
        <table><tr><th>Rope</th><th>Length</th></tr><tr><td>A</td><td>3 m</td></tr></table>\
        <pre><code class=language-sh>ls | wc\n</code></pre></main><footer>Imprint</footer>";
    let site = Site::start([("/", html(article)), ("/moved", redirect("/")), ("/a.txt", file("text/plain", "<p>x"))]);
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let texts = folder.path().join("texts.ndjson");
        let list = format!("{}\n{}\n", site.url("/moved"), site.url("/a.txt"));
        let args = ["--backend", backend, "--text", texts.to_str().unwrap()];
        Fetchall::new().args(args).stdin(list).run().expect_code(0);
        let lines = lines(&texts);
        let [line] = &lines[..] else { panic!("{backend}: {lines:#?}") };
        assert_eq!(line["url"], site.url("/moved"), "{backend}");
        assert_eq!(line["final_url"], site.url("/"));
        assert_eq!(line["title"], "A quiet harbour");
        assert_eq!(line["description"], "About boats.");
        assert_eq!(line["language"], "de");
        assert_eq!(line["canonical"], site.url("/quiet"));
        assert_eq!(line["published"], "2026-03-04T08:00:00Z");
        assert_eq!(line["modified"], "2026-03-05");
        assert_eq!(line["headings"], json!([{"level": 1, "text": "Harbour"}]));
        let two = site.url("/two#part");
        assert_eq!(line["links"], json!([{"url": two, "text": "boats"}]));
        let text = format!(
            "# Harbour\n\nThe [boats]({two}) lay side by side.\n\n| Rope | Length |\n| ---- | ------ |\n| A | 3 m |\n\n\
             ```sh\nls | wc\n```"
        );
        assert_eq!(line["text"], text, "{backend}");
        assert_eq!((&line["error"], &line["repeated"], &line["cut"]), (&json!(null), &json!(0), &json!(false)));
    }
}

#[test]
fn formats_have_one_digest() {
    let site = Site::start([("/", html("<main><h1>Title</h1><p>Some <b>bold</b> text of a page.</p></main>"))]);
    let mut digests = Vec::new();
    for (format, text) in [
        ("markdown", "# Title\n\nSome **bold** text of a page."),
        ("plain", "Title\n\nSome bold text of a page."),
        ("html", "<h1>Title</h1><p>Some <b>bold</b> text of a page.</p>"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let texts = folder.path().join("t");
        let args = ["--text-format", format, "--text", texts.to_str().unwrap(), &site.url("/")];
        Fetchall::new().args(args).run().expect_code(0);
        let lines = lines(&texts);
        assert_eq!(lines[0]["text"], text, "{format}");
        digests.push(lines[0]["text_sha256"].clone());
    }
    // printf 'Title Some bold text of a page.' | sha256sum
    let digest = "05f19862251039e1d98730c08b7b6f8c587376a1482cb5e0dcd0db036342e0af";
    assert_eq!(digests, [digest; 3]);
}

#[test]
fn encodings_are_those_of_links() {
    let page = |declared: &str| {
        format!(
            "{declared}<title>\u{43f}</title><main><p>\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}, {}</main>",
            "\u{421}\u{44a}\u{435}\u{448}\u{44c} \u{435}\u{449}\u{435} \u{44d}\u{442}\u{438}\u{445} \u{43c}\u{44f}\u{433}\u{43a}\u{438}\u{445} \u{431}\u{443}\u{43b}\u{43e}\u{43a}. ".repeat(20)
        )
    };
    let in_windows = |declared: &str| encoding_rs::WINDOWS_1251.encode(&page(declared)).0.into_owned();
    let raw = |body: Vec<u8>, content_type: &str| wiremock::ResponseTemplate::new(200).set_body_raw(body, content_type);
    let utf16: Vec<u8> = page("\u{feff}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let site = Site::start([
        ("/field", raw(in_windows(""), "text/html; charset=windows-1251")),
        ("/meta", raw(in_windows("<meta charset=windows-1251>"), "text/html")),
        ("/guess", raw(in_windows(""), "text/html")),
        ("/mark", raw(utf16, "text/html; charset=windows-1251")),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts.ndjson");
    let list: String = ["/field", "/meta", "/guess", "/mark"].iter().map(|path| site.url(path) + "\n").collect();
    Fetchall::new().args(["--text", texts.to_str().unwrap()]).stdin(list).run().expect_code(0);
    let lines = lines(&texts);
    assert_eq!(lines.len(), 4);
    for line in &lines {
        assert_eq!(line["title"], "\u{43f}", "{line}");
        assert!(line["text"].as_str().unwrap().starts_with("\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}, "), "{line}");
    }
}

#[test]
fn repeated_blocks_of_pages_without_marks_are_left_out() {
    let page =
        |title: &str| html(&site_page(title, &format!("The page {title} has a text that is long enough to read.")));
    let names = ["/one", "/two", "/three", "/four", "/five"];
    let site = Site::start(names.map(|name| (name, page(name))));
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts.ndjson");
    let list: String = names.iter().map(|path| site.url(path) + "\n").collect();
    Fetchall::new().args(["--text", texts.to_str().unwrap()]).stdin(list).run().expect_code(0);
    let lines = lines(&texts);
    assert_eq!(lines.len(), names.len());
    let all = lines.iter().map(|line| line["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n");
    assert_eq!(all.matches("The makers of this site").count(), 3, "{all}");
    assert_eq!(all.matches("has a text that is long").count(), 5, "{all}");
    assert_eq!(all.matches("# ").count(), 5, "headings stay: {all}");
}

#[test]
fn a_page_without_a_readable_text_costs_only_its_own() {
    let deep = format!("<title>deep</title>{}x", "<div>".repeat(20_000));
    let fonts: String = (0..50_000).map(|nth| format!("<p><font size={nth}>x")).collect();
    let odd = "</p></body><table><tr>x</table><main><p>Text that <b>is <i>there</b> all</i> the same";
    let huge = format!("<main><p>{}</main>", "word ".repeat(900_000));
    let long = format!("<main>{}</main>", "<p>A paragraph of a very long page.</p>".repeat(80_000));
    let site = Site::start([
        ("/deep", html(&deep)),
        ("/fonts", html(&fonts)),
        ("/bold", html(&format!("<main><p>x{}", "<b>".repeat(3_000)))),
        ("/odd", html(odd)),
        ("/huge", html(&huge)),
        ("/long", html(&long)),
        ("/empty", html("")),
        ("/last", html("<main><p>The last page has a text.</main>")),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts.ndjson");
    let names = ["/deep", "/fonts", "/bold", "/odd", "/huge", "/long", "/empty", "/last"];
    let list: String = names.iter().map(|path| site.url(path) + "\n").collect();
    Fetchall::new().args(["--text", texts.to_str().unwrap()]).stdin(list).run().expect_code(0);
    let lines = lines(&texts);
    assert_eq!(lines.len(), names.len());
    let of = |path: &str| line(&lines, &site.url(path));
    for (path, part) in
        [("/deep", "nested"), ("/fonts", "nested"), ("/bold", "nested"), ("/huge", "larger than 4194304 bytes")]
    {
        let line = of(path);
        assert!(line["error"].as_str().is_some_and(|error| error.contains(part)), "{line}");
        assert_eq!((&line["text"], line["text_sha256"].is_null()), (&"".into(), true));
    }
    assert!(of("/odd")["text"].as_str().unwrap().contains("all* the same"), "{}", of("/odd"));
    assert_eq!(of("/long")["cut"], true);
    assert!(of("/long")["text"].as_str().unwrap().len() <= 2 << 20);
    assert_eq!((&of("/empty")["text"], of("/empty")["text_sha256"].is_null()), (&"".into(), true));
    assert_eq!(of("/last")["text"], "The last page has a text.");
}

#[test]
fn a_folder_gets_a_file_for_each_host() {
    let page = || html("<main><p>A page with a text that is long enough.</main>");
    let (one, two) = (Site::start([("/", page())]), Site::start([("/", page())]));
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts/");
    let list = format!("{}\n{}\n", one.url("/"), two.url("/"));
    Fetchall::new().args(["--text", &format!("{}/", texts.display())]).stdin(list).run().expect_code(0);
    for site in [&one, &two] {
        let lines = lines(&texts.join(format!("{}.ndjson", site.host().replace(':', "+"))));
        assert_eq!(paths(site, &lines), ["/"]);
    }
}
