//! Lists that are named by URL, and the sitemaps of an index.

use std::collections::HashMap;
use std::io::{Seek, Write};
use std::sync::{Arc, Mutex};

use encoding_rs::Encoding;
use url::Url;

use super::{brief, drain, says};
use crate::config::InputFormat::{self, Auto};
use crate::model::{Entry, ErrorKind, FetchError};
use crate::source::{Input, ListOpener, ListOptions, ListSource, RemoteList, SourceError};

/// Lists by URL, each with its media type, and the URLs that were requested.
struct Shelf {
    lists: HashMap<String, (&'static str, Vec<u8>)>,
    asked: Mutex<Vec<String>>,
}

impl ListOpener for Shelf {
    fn open(&self, url: &str) -> Result<RemoteList, FetchError> {
        self.asked.lock().unwrap().push(url.to_owned());
        let Some((kind, body)) = self.lists.get(url) else {
            return Err(FetchError::new(ErrorKind::HttpStatus, "the server answered 404 Not Found"));
        };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(body).unwrap();
        file.rewind().unwrap();
        let content_type = (!kind.is_empty()).then(|| (*kind).into());
        Ok(RemoteList { file, url: Url::parse(url).unwrap(), content_type })
    }

    fn interrupt(&self) {}
}

fn shelf(lists: &[(&str, &'static str, &str)]) -> Arc<Shelf> {
    let lists = lists.iter().map(|(url, kind, body)| ((*url).to_owned(), (*kind, body.as_bytes().to_vec()))).collect();
    Arc::new(Shelf { lists, asked: Mutex::default() })
}

fn open(shelf: &Arc<Shelf>, url: &str, format: InputFormat) -> Result<Vec<Entry>, SourceError> {
    let options = ListOptions { format, opener: Some(shelf.clone()), ..ListOptions::default() };
    let (entries, end) = drain(&mut ListSource::new(vec![Input::Remote(url.into())], options)?);
    end.map(|()| entries)
}

fn index(urls: &[&str]) -> String {
    let entries: String = urls.iter().map(|url| format!("<sitemap><loc>{url}</loc></sitemap>\n")).collect();
    format!("<sitemapindex>\n{entries}</sitemapindex>")
}

fn urlset(url: &str) -> String {
    format!("<urlset><url><loc>{url}</loc></url></urlset>")
}

#[test]
fn media_type_then_name_then_content_pick_the_format() {
    let csv = "name,url\nx,http://a.test/1\n";
    let shelf = shelf(&[
        ("http://l.test/list.txt", "text/csv; charset=utf-8", csv),
        ("http://l.test/list.csv?token=1", "application/octet-stream", csv),
        ("http://l.test/json", "application/json", "[\"http://a.test/1\"]"),
        ("http://l.test/export", "", "[\n\n\"http://a.test/1\"]"),
        ("http://l.test/plain.html", "text/html", "http://a.test/1\n"),
    ]);
    for (url, line) in [("list.txt", 2), ("list.csv?token=1", 2), ("json", 1), ("export", 3)] {
        let url = format!("http://l.test/{url}");
        let entries = open(&shelf, &url, Auto).unwrap();
        assert!(
            matches!(&entries[..], [Entry::Seed(seed)] if (&*seed.via.origin().list, seed.via.origin().line) == (&url, line))
        );
    }
    let refused = open(&shelf, "http://l.test/plain.html", Auto).unwrap_err();
    assert!(refused.to_string().contains("an HTML page; take its links with --input-format html"), "{refused}");
    assert_eq!(brief(&open(&shelf, "http://l.test/plain.html", InputFormat::Text).unwrap()), ["1 http://a.test/1"]);
}

#[test]
fn charset_of_the_media_type_is_the_encoding_of_the_list() {
    let list = |kind, body: &str| (kind, Encoding::for_label(b"windows-1251").unwrap().encode(body).0.into_owned());
    let sitemap = "<?xml version='1.0' encoding='koi8-r'?><urlset><url><loc>/я</loc></url></urlset>";
    let lists = [
        ("http://l.test/csv", list("text/csv; charset=\"windows-1251\"", "x,url\n1,http://l.test/я")),
        ("http://l.test/map", list("application/xml; Charset=windows-1251", sitemap)),
        ("http://l.test/json", list("application/json;charset=windows-1251", "[\"http://l.test/я\"]")),
    ];
    let lists = lists.into_iter().map(|(url, list)| (url.to_owned(), list)).collect();
    let shelf = Arc::new(Shelf { lists, asked: Mutex::default() });
    for (url, line) in [("csv", 2), ("map", 1), ("json", 1)] {
        let entries = open(&shelf, &format!("http://l.test/{url}"), Auto).unwrap();
        assert_eq!(brief(&entries), [format!("{line} http://l.test/%D1%8F")], "{url}");
    }
}

#[test]
fn sitemap_that_is_called_a_page_is_read() {
    let shelf = shelf(&[("http://l.test/map", "text/html", &urlset("/1"))]);
    assert_eq!(brief(&open(&shelf, "http://l.test/map", Auto).unwrap()), ["1 http://l.test/1"]);
}

#[test]
fn list_that_cannot_be_had_is_named_with_the_reason() {
    let error = open(&shelf(&[]), "http://user:secret@l.test/x", Auto).unwrap_err().to_string();
    assert_eq!(error, "cannot read http://l.test/x: the server answered 404 Not Found");
    let error = open(&shelf(&[]), "ftp://l.test/x", Auto).unwrap_err().to_string();
    assert!(error.contains("only http and https"), "{error}");
}

#[test]
fn sitemaps_of_an_index_are_read_once_each_in_its_order() {
    let [a, b, gone] = ["http://l.test/a.xml", "http://l.test/b.xml", "http://l.test/gone.xml"];
    let shelf = shelf(&[
        ("http://l.test/", "text/xml", &index(&[a, gone, b, a, "http://l.test/page"])),
        (a, "text/xml", &urlset("http://a.test/1")),
        (b, "", &urlset("/2")),
        ("http://l.test/page", "text/html", "<html>not found</html>"),
    ]);
    let entries = open(&shelf, "http://l.test/", Auto).unwrap();
    let expected = ["1 http://a.test/1", "3 !http://l.test/gone.xml", "1 http://l.test/2", "6 !http://l.test/page"];
    assert_eq!(brief(&entries), expected);
    let Entry::Bad(bad) = &entries[1] else { panic!("{entries:?}") };
    assert_eq!(bad.error.kind, ErrorKind::InvalidUrl);
    assert_eq!(&*bad.error.message, "the sitemap was not read: the server answered 404 Not Found");
    says(&entries[3..], "the sitemap was not read: an HTML page");
    assert_eq!(*shelf.asked.lock().unwrap(), ["http://l.test/", a, gone, b, "http://l.test/page"]);
}

#[test]
fn indexes_are_followed_three_levels_deep() {
    let level = |n: u32| format!("http://l.test/{n}.xml");
    let lists: Vec<_> = (0..5).map(|n| (level(n), index(&[&level(n + 1)]))).collect();
    let lists: Vec<_> = lists.iter().map(|(url, body)| (&**url, "text/xml", &**body)).collect();
    let shelf = shelf(&lists);
    let entries = open(&shelf, "http://l.test/0.xml", Auto).unwrap();
    assert_eq!(brief(&entries), ["2 !http://l.test/4.xml"]);
    says(&entries, "4 levels below");
    assert_eq!(shelf.asked.lock().unwrap().len(), 4);
}

#[test]
fn sitemap_that_is_cut_off_costs_only_its_rest() {
    let shelf = shelf(&[
        ("http://l.test/", "text/xml", &index(&["http://l.test/cut.xml", "http://l.test/b.xml"])),
        ("http://l.test/cut.xml", "text/xml", "<urlset>\n<url><loc>http://a.test/1</loc></url>\n<url>"),
        ("http://l.test/b.xml", "text/xml", &urlset("http://a.test/2")),
    ]);
    let entries = open(&shelf, "http://l.test/", Auto).unwrap();
    assert_eq!(brief(&entries), ["2 http://a.test/1", "3 !http://l.test/cut.xml", "1 http://a.test/2"]);
    says(&entries[1..2], "was not read to its end");
}

#[test]
fn nothing_is_fetched_for_an_index_where_nothing_can_be() {
    let (_keep, input) = super::file(index(&["http://l.test/a.xml"]).as_bytes());
    let (entries, end) = drain(&mut ListSource::new(vec![input], Auto).unwrap());
    end.unwrap();
    says(&entries, "no list can be fetched here");
}
