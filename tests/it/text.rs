//! `--text`: the main text of pages, as JSON lines.

mod archived;
mod changed;
mod going_on;
mod pages;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::crawl::site::{Site, file, html, redirect};
use crate::support::cli::Fetchall;
use crate::support::schema::{TEXT, check};

/// A page of a site whose navigation and footer have no marks.
fn site_page(title: &str, content: &str) -> String {
    format!(
        "<html lang=en><title>{title}</title><p><a href=/>Home</a> <a href=/two>Second</a></p>\
         <h1>{title}</h1><p>{content}</p><p>\u{a9} 2026 The makers of this site, all rights reserved</p>"
    )
}

/// The lines of a file, each as the schema demands.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    lines.iter().for_each(|line| check(&TEXT, line));
    lines
}

/// The line of a URL.
fn line<'a>(lines: &'a [Value], url: &str) -> &'a Value {
    lines.iter().find(|line| line["url"] == *url).unwrap_or_else(|| panic!("no {url} in {lines:#?}"))
}

/// The paths of the URLs of lines, sorted.
fn paths(site: &Site, lines: &[Value]) -> Vec<String> {
    let mut paths: Vec<_> = lines.iter().map(|line| line["url"].as_str().unwrap().replace(&site.url(""), "")).collect();
    paths.sort();
    paths
}

/// A crawl that writes the texts of a site to this file.
fn crawl(site: &Site, texts: &Path) -> Fetchall {
    Fetchall::new().args(["crawl", "--json", "--text", texts.to_str().unwrap(), &site.url("/")])
}
