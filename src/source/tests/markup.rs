//! Sitemaps and saved pages: which URLs come out, and what a bad one costs.

use encoding_rs::{Encoding, WINDOWS_1251};
use url::Url;

use super::{brief, drain, file, read, reader, says};
use crate::config::InputFormat::{self, Auto, Html, Sitemap};
use crate::model::Entry;
use crate::source::{Input, ListOptions, ListSource, Source};

fn with_base(input: Input, format: InputFormat, base: &str) -> Vec<Entry> {
    let options = ListOptions { format, base: Some(Url::parse(base).unwrap()), ..ListOptions::default() };
    let (entries, end) = drain(&mut ListSource::new(vec![input], options).unwrap());
    end.unwrap();
    entries
}

fn sitemap(body: &str) -> Vec<Entry> {
    let text = format!("<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{body}\n</urlset>");
    read(reader("-", text.as_bytes()), Auto)
}

fn html(page: &str) -> Vec<String> {
    brief(&with_base(reader("-", page.as_bytes()), Html, "http://a.test/dir/page.html"))
}

#[test]
fn sitemap_is_known_by_its_root_element() {
    let entry = "<url>\n <loc> http://a.test/1 </loc><lastmod>2026-01-01</lastmod></url>";
    for list in [
        format!("<urlset>{entry}</urlset>"),
        format!(
            "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<!-- <urlset> -->\n<urlset xmlns='urn:other'>{entry}</urlset>"
        ),
        format!("<?xml-stylesheet href='x'?><!DOCTYPE urlset [<!ENTITY x 'y'>]><urlset >{entry}</urlset>"),
        format!("<s:urlset xmlns:s='urn:x'>{}</s:urlset>", entry.replace('<', "<s:").replace("<s:/", "</s:")),
    ] {
        let entries = read(reader("-", list.as_bytes()), Auto);
        assert!(
            matches!(&entries[..], [Entry::Seed(seed)] if seed.url.as_str() == "http://a.test/1"),
            "{list}: {entries:?}"
        );
    }
    assert_eq!(brief(&sitemap(entry)), ["3 http://a.test/1"]);
}

#[test]
fn entities_cdata_and_blanks_of_a_loc_are_resolved() {
    let entries = sitemap(
        "<url><loc>http://a.test/?a=1&amp;b=2&#38;c=&#x33;</loc></url>\n\
         <url><loc><![CDATA[http://a.test/?x=1&y=2]]></loc></url>\n\
         <url><loc>\n\thttp://a.test/blanks\n</loc></url>\n\
         <url><loc>http://a.test/?bare=1&b=2</loc></url>\n\
         <url><loc>http://a.test/<!-- a comment -->commented</loc></url>",
    );
    assert_eq!(
        brief(&entries),
        [
            "2 http://a.test/?a=1&b=2&c=3",
            "3 http://a.test/?x=1&y=2",
            "4 http://a.test/blanks",
            "7 http://a.test/?bare=1&b=2",
            "8 http://a.test/commented",
        ]
    );
}

#[test]
fn bad_entry_of_a_sitemap_costs_only_itself() {
    let entries = sitemap(
        "<url><loc>/relative</loc></url>\n<url><loc></loc></url>\n<url><loc/></url>\n<url><lastmod>x</lastmod></url>\n\
         <url><loc>http://a.test/&nbsp;</loc></url>\n<url><loc>http://a.test/open</url>\n\
         <url><loc>ftp://a.test/</loc></url>\n<url><a b=></url><url><loc>http://a.test/1</loc></b></url>\n\
         <url><image:image><image:loc>http://a.test/i.png</image:loc></image:image><loc>http://a.test/2</loc></url>",
    );
    let good: Vec<_> = brief(&entries).into_iter().filter(|line| !line.contains('!')).collect();
    assert_eq!(good, ["9 http://a.test/1", "10 http://a.test/2"]);
    says(&entries[0..1], "relative URL; give the address of its document with --base");
    says(&entries[1..2], "empty");
    says(&entries[3..4], "has no <loc>");
    says(&entries[4..5], "entity that XML does not have");
    says(&entries[5..6], "not closed");
    assert_eq!(entries.len(), 10);
}

#[test]
fn entity_of_a_dtd_is_not_expanded() {
    let list = "<?xml version='1.0'?>\n<!DOCTYPE urlset [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>\n\
                <urlset><url><loc>http://a.test/&b;</loc></url></urlset>";
    let entries = read(reader("-", list.as_bytes()), Auto);
    assert_eq!(brief(&entries), ["3 !http://a.test/&b;"]);
}

#[test]
fn byte_that_is_no_utf8_costs_its_entry() {
    let list = b"<urlset><url><loc>http://a.test/caf\xe9</loc></url>\n<url><loc>http://a.test/1</loc></url></urlset>";
    let entries = read(reader("-", list), Auto);
    says(&entries[0..1], "no UTF-8");
    assert_eq!(brief(&entries[1..]), ["2 http://a.test/1"]);
}

#[test]
fn cut_sitemap_breaks_after_its_whole_entries() {
    let list = "<urlset>\n<url><loc>http://a.test/1</loc></url>\n<url><loc>http://a.t";
    let mut source = ListSource::new(vec![reader("sitemap.xml", list.as_bytes())], Auto).unwrap();
    let (entries, end) = drain(&mut source);
    assert_eq!(brief(&entries), ["2 http://a.test/1"]);
    let message = end.unwrap_err().to_string();
    assert!(message.contains("line 3: the XML ends too early"), "{message}");
}

#[test]
fn sitemap_of_too_many_entries_says_what_was_not_read() {
    let body: String = (0..50_010).map(|n| format!("<url><loc>http://a.test/{n}</loc></url>")).collect();
    let entries = sitemap(&body);
    assert_eq!(entries.len(), 50_001);
    says(&entries[50_000..], "more than 50000 entries");
}

#[test]
fn huge_text_in_a_sitemap_ends_it_in_bounded_memory() {
    let entries = sitemap(&format!("<url><loc>http://a.test/1</loc></url><!--{}-->", " ".repeat(2 << 20)));
    assert_eq!(brief(&entries[..1]), ["2 http://a.test/1"]);
    says(&entries[1..], "longer than 1048576 bytes");
}

#[test]
fn xml_that_is_no_sitemap_is_refused() {
    for (list, what) in [
        ("<?xml version='1.0'?><rss><channel/></rss>", "an XML document of <rss>, no sitemap"),
        ("<?xml version='1.0'?><!DOCTYPE html><html xmlns='x'></html>", "an HTML page"),
        ("<!DOCTYPE html>\n<title>x</title>", "an HTML page"),
        ("\n<HTML lang=en>", "an HTML page"),
        ("<p>no list</p>", "an HTML page"),
    ] {
        let (_keep, input) = file(list.as_bytes());
        let error = ListSource::new(vec![input], Auto).unwrap_err();
        assert!(error.is_refusal() && error.to_string().contains(what), "{list}: {error}");
    }
    assert!(!brief(&read(reader("-", b"<http://a.test/1>\n"), Auto)).is_empty());
}

#[test]
fn page_gives_its_links_once_and_only_those_of_http() {
    let page = "<!doctype html><title><a href='/title'></title>\n\
        <a href=one>1</a> <A HREF=\"one#part\">again</A>\n<a name=x href='/two?a=1&amp;b=2&copy=3'>2</a>\n\
        <area href=//b.test/three><link href=/style.css><img src=/i.png>\n\
        <a href='mailto:x@y.test'>m</a><a href='javascript:void(0)'>j</a><a href='#top'>t</a><a href=''>e</a><a>n</a>\n\
        <!-- <a href=/comment> --><script>'<a href=/script>'</script><a href=' sp ace\n.html '>s</a>";
    assert_eq!(
        html(page),
        [
            "2 http://a.test/dir/one",
            "3 http://a.test/two?a=1&b=2&copy=3",
            "4 http://b.test/three",
            "6 http://a.test/dir/sp%20ace.html",
        ]
    );
}

#[test]
fn links_for_browsers_without_scripts_are_links() {
    let page = "<noscript><a href=http://a.test/1>x</a></noscript><script>'<a href=http://a.test/2>'</script>\
                <noscript data-x=1><p>text</p><a href=http://a.test/3></noscript><a href=http://a.test/4>";
    assert_eq!(html(page), ["1 http://a.test/1", "1 http://a.test/3", "1 http://a.test/4"]);
}

#[test]
fn page_that_ends_within_a_tag_breaks_after_its_links() {
    for cut in
        ["<a href=\"http://a.test/cut", "<a href=http://a.test/cut", "<a hre", "<a", "</a", "<img src=x\nalt='a>b</p>"]
    {
        let page = format!("<a href=http://a.test/1>\n{cut}");
        let mut source = ListSource::new(vec![reader("-", page.as_bytes())], InputFormat::Html).unwrap();
        let (entries, end) = drain(&mut source);
        assert_eq!(brief(&entries), ["1 http://a.test/1"], "{cut}");
        let told = end.map_err(|error| error.to_string());
        assert!(
            told.as_ref().is_err_and(|told| told.contains("ends within a tag: the file is cut off")),
            "{cut}: {told:?}"
        );
    }
    assert_eq!(html("<a href=http://a.test/1> 1 < 2 <").len(), 1, "a sign in a text is no tag");
}

#[test]
fn base_element_of_a_page_counts() {
    let page =
        "<base target=x><base href='../other/'><base href='/late/'><a href=x>x</a><a href='http://c.test/'>c</a>";
    assert_eq!(html(page), ["1 http://a.test/other/x", "1 http://c.test/"]);
    let own = read(reader("-", b"<base href=http://d.test/d/><a href=x>x</a>"), Html);
    assert_eq!(brief(&own), ["1 http://d.test/d/x"]);
}

#[test]
fn a_relative_link_without_base_is_an_error_with_advice() {
    let entries = read(reader("-", b"<a href=/x>x</a>\n<a href=http://a.test/>a</a>\n<a href=http://>b</a>"), Html);
    assert_eq!(brief(&entries), ["1 !", "2 http://a.test/", "3 !http://"]);
    says(&entries[..1], "--base");
}

#[test]
fn told_format_counts_for_more_than_name_and_content() {
    let (_keep, page) = file(b"<html><a href=http://a.test/1>x</a></html>");
    assert_eq!(brief(&read(page, Html)), ["1 http://a.test/1"]);
    let named = reader("page.html", b"<urlset><url><loc>http://a.test/2</loc></url></urlset>");
    assert_eq!(brief(&read(named, Sitemap)), ["1 http://a.test/2"]);
    assert!(
        ListSource::new(vec![reader("page.html", b"http://a.test/")], Auto)
            .is_ok_and(|mut source| { drain(&mut source).1.is_err_and(|error| error.is_refusal()) })
    );
}

/// The text in this encoding.
fn encoded(text: &str, label: &str) -> Vec<u8> {
    match label {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        label => Encoding::for_label(label.as_bytes()).unwrap().encode(text).0.into_owned(),
    }
}

#[test]
fn sitemap_is_read_in_the_encoding_that_it_declares() {
    let entries =
        "<urlset>\r<url><loc>http://a.test/я?q=я</loc></url>\r\n<url><loc>http://a.test/2</loc></url></urlset>";
    let [mark, cyrillic] = ["\u{feff}", "<?xml version='1.0' encoding='windows-1251'?>"];
    for (before, label) in [
        (cyrillic.to_owned(), "windows-1251"),
        ("<?xml version=\"1.0\" encoding=\"KOI8-R\" ?>".to_owned(), "koi8-r"),
        (format!("{mark}<?xml version='1.0' encoding='UTF-16'?>"), "utf-16le"),
        (format!("{mark}<?xml version='1.0' encoding='UTF-16'?>"), "utf-16be"),
        ("<?xml version='1.0' encoding='UTF-16'?>".to_owned(), "utf-16le"),
        // A mark and the bytes of UTF-16 show more than a declaration.
        (format!("{mark}{cyrillic}"), "utf-8"),
        (cyrillic.to_owned(), "utf-16be"),
        (String::new(), "utf-8"),
    ] {
        let document = encoded(&format!("{before}{entries}"), label);
        let expected = ["2 http://a.test/%D1%8F?q=%D1%8F", "3 http://a.test/2"];
        let (_keep, input) = file(&document);
        for (input, format) in [(input, Auto), (reader("-", &document), Sitemap)] {
            assert_eq!(brief(&read(input, format)), expected, "{before} in {label}");
        }
    }
}

#[test]
fn encoding_that_the_user_names_counts_more_than_a_declared_one() {
    let document =
        encoded("<?xml version='1.0' encoding='koi8-r'?><urlset><url><loc>http://a.test/я</loc></url>", "windows-1251");
    let options = || ListOptions { encoding: Some(WINDOWS_1251), format: Sitemap, ..ListOptions::default() };
    let (entries, _) = drain(&mut ListSource::new(vec![reader("-", &document)], options()).unwrap());
    assert_eq!(brief(&entries), ["1 http://a.test/%D1%8F"]);
    let page = encoded("<meta charset=koi8-r><a href='http://a.test/я?я'>x</a>", "windows-1251");
    let options = ListOptions { format: Html, ..options() };
    assert_eq!(brief(&read(reader("-", &page), options)), ["1 http://a.test/%D1%8F?%FF"]);
}

#[test]
fn page_is_read_in_the_encoding_that_it_declares() {
    // A query is sent in the encoding of the page, as browsers do (URL standard, section 4.4).
    for (head, label, query) in [
        ("<meta charset=windows-1251>", "windows-1251", "%FF"),
        ("<META http-equiv=content-type content='text/html; charset=koi8-r'>", "koi8-r", "%D1"),
        ("<?xml version='1.0' encoding='windows-1251'?>", "windows-1251", "%FF"),
        ("\u{feff}<meta charset=windows-1251>", "utf-8", "%D1%8F"),
        ("\u{feff}<meta charset=windows-1251>", "utf-16le", "%D1%8F"),
        ("<meta charset=utf-8>", "utf-8", "%D1%8F"),
    ] {
        let page = encoded(&format!("{head}\r<title>я</title>\r<a href='/я?q=я'>я</a>"), label);
        let entries = with_base(reader("-", &page), Html, "http://a.test/");
        assert_eq!(brief(&entries), [format!("3 http://a.test/%D1%8F?q={query}")], "{head} in {label}");
    }
}

#[test]
fn loc_in_quotes_or_with_unseen_characters_is_no_other_url() {
    let document = b"<urlset><url><loc>\xe2\x80\x8b \"/a\"</loc></url>\n<url><loc>/b\xe2\x80\x8bc</loc></url></urlset>";
    let entries = with_base(reader("-", document), Sitemap, "http://a.test/");
    assert_eq!(brief(&entries[..1]), ["1 http://a.test/a"]);
    says(&entries[1..], "U+200B zero width space");
}

#[test]
fn sitemap_on_a_pipe_does_not_hold_back_the_list_before_it() {
    let mut source = ListSource::new(
        vec![
            reader("one", b"http://a.test/1\n"),
            reader("-", b"<urlset><url><loc>http://a.test/2</loc></url></urlset>"),
        ],
        Auto,
    )
    .unwrap();
    assert_eq!(brief(&source.next_batch().unwrap().unwrap().entries), ["1 http://a.test/1"]);
    assert_eq!(brief(&drain(&mut source).0), ["1 http://a.test/2"]);
}
