//! Lists that are made to cost time or memory.

use super::{drain, read, reader};
use crate::config::InputFormat::{Csv, Ndjson, Sitemap, Text, Tsv};
use crate::model::{Batch, Entry};
use crate::source::{ListSource, Source};

fn reasons(entries: &[Entry]) -> Vec<String> {
    let bad = |entry: &Entry| if let Entry::Bad(bad) = entry { Some(bad.error.message.to_string()) } else { None };
    entries.iter().filter_map(bad).collect()
}

#[test]
fn open_quotes_in_every_row_are_read_in_linear_time() {
    // Quadratic, this takes minutes.
    let list = ["url,x\n".to_owned(), "\"a\n".repeat(350_000)].concat();
    let begun = std::time::Instant::now();
    let (entries, end) = drain(&mut ListSource::new(vec![reader("l", list.as_bytes())], Csv).unwrap());
    assert!(end.is_ok() && entries.len() > 1000, "{}", entries.len());
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn quotes_in_wrong_rows_of_a_tsv_cost_no_more_than_others() {
    let list = ["url\tout\n".to_owned(), "http://a.test/\t5\" pipe\tx\n".repeat(20_000)].concat();
    let begun = std::time::Instant::now();
    assert_eq!(reasons(&read(reader("l", list.as_bytes()), Tsv)).len(), 20_000);
    // A reader made for each row takes more than that.
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn wide_header_costs_nothing_in_each_row() {
    let list = [&*format!("url{}\n", ",".repeat(30_000)), &"http://a.test/\n".repeat(30_000)].concat();
    let begun = std::time::Instant::now();
    assert_eq!(read(reader("l", list.as_bytes()), Csv).len(), 30_000);
    // A look at each column of each row takes more than that.
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn elements_that_nothing_closes_end_a_sitemap() {
    let list = ["<urlset><url><loc>http://a.test/</loc></url>", &*"<a>".repeat(300_000)].concat();
    let entries = read(reader("l", list.as_bytes()), Sitemap);
    assert_eq!(entries.len(), 2);
    assert!(reasons(&entries)[0].contains("more than 250000 elements are not closed; the rest"), "{entries:?}");
}

#[test]
fn a_text_of_many_urls_is_read_in_linear_time() {
    let begun = std::time::Instant::now();
    let list = "http://a.test/".repeat(70_000);
    assert_eq!(reasons(&read(reader("l", list.as_bytes()), Text)).len(), 1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn too_many_options_of_one_url_make_it_a_bad_line() {
    let list = ["http://a.test/\n".to_owned(), " header=X-A: b\n".repeat(100_000), "http://b.test/\n".to_owned()];
    let entries = read(reader("l", list.concat().as_bytes()), Text);
    let reasons = reasons(&entries);
    assert_eq!((entries.len(), reasons.len()), (2, 1), "the next URL is read");
    assert!(reasons[0].starts_with("line 502: more than 500 headers"), "{reasons:?}");
}

#[test]
fn too_many_or_too_long_headers_and_names_make_a_bad_line() {
    let fields: Vec<_> = (0..40_000).map(|n| format!("\"X-{n}\":\"v\"")).collect();
    let long = "x".repeat(100_000);
    for (asked, why) in [
        (format!("\"headers\":{{{}}}", fields.join(",")), "more than 500 headers"),
        (format!("\"headers\":{{\"X-A\":\"{long}\"}}"), "65536 bytes of them"),
        (format!("\"out\":\"{long}\""), "more than 4096 bytes"),
    ] {
        let list = format!("{{\"url\":\"http://a.test/\",{asked}}}\n");
        let reasons = reasons(&read(reader("l", list.as_bytes()), Ndjson));
        assert!(reasons.len() == 1 && reasons[0].contains(why), "{reasons:?}");
    }
}

#[test]
fn a_batch_of_long_lines_is_bounded_in_bytes() {
    let list: String = (0..200).map(|n| format!("http://a.test/{n}/{}\n", "x".repeat(60_000))).collect();
    let mut source = ListSource::new(vec![reader("l", list.as_bytes())], Text).unwrap();
    let mut batches = Vec::new();
    while let Some(Batch { entries, .. }) = source.next_batch().unwrap() {
        batches.push(entries.len());
    }
    assert_eq!(batches.iter().sum::<usize>(), 200);
    assert!(batches.iter().all(|lines| *lines <= 18), "{batches:?}");
}
