//! A walk over the files of a mirror, with every link resolved as a browser does that opened the file.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use html5gum::{Token, Tokenizer};
use regex::Regex;
use url::Url;

static CSS_URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"url\(\s*["']?([^"')]*?)["']?\s*\)|@import\s+["']([^"']*)["']"#).expect("an expression")
});

/// The files of a mirror.
pub struct Tree {
    folder: PathBuf,
    /// The content of each file, by its path without the host.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Links with a scheme, of all but scripts and canonical links, each with its file.
    pub absolute: Vec<(String, String)>,
    /// Relative links to nothing.
    pub missing: Vec<(String, String)>,
    /// How many links lead to a file.
    pub local: usize,
}

/// Reads the files below a folder, but for those of the state.
pub fn walk(folder: &Path) -> Tree {
    let folder = std::fs::canonicalize(folder).unwrap();
    let (files, absolute, missing) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut tree = Tree { folder: folder.clone(), files, absolute, missing, local: 0 };
    tree.read(&folder);
    tree
}

impl Tree {
    /// No link leads to a file that is not there.
    pub fn assert_whole(&self) {
        assert!(self.missing.is_empty(), "{:#?}\n{:#?}", self.missing, self.names());
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> String {
        let found = self.files.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.names()));
        String::from_utf8(found.clone()).unwrap()
    }

    /// The text that is as wanted.
    pub fn find(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let texts = self.files.values().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        texts.into_iter().find(|text| is_wanted(text)).unwrap_or_else(|| panic!("{:#?}", self.names()))
    }

    fn read(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".fetchall" {
                continue;
            }
            if path.is_dir() {
                self.read(&path);
                continue;
            }
            let content = std::fs::read(&path).unwrap();
            let below = path.strip_prefix(&self.folder).unwrap().to_str().unwrap();
            let name = below.split_once('/').map_or(below, |(_, name)| name).to_owned();
            let text = String::from_utf8_lossy(&content).into_owned();
            let links = match path.extension().and_then(|extension| extension.to_str()) {
                Some("html" | "xhtml" | "svg") => html_links(&text),
                Some("css") => css_links(&text),
                _ => Vec::new(),
            };
            links.into_iter().for_each(|link| self.take(&path, &name, link));
            self.files.insert(name, content);
        }
    }

    fn take(&mut self, path: &Path, name: &str, link: String) {
        let base = Url::from_file_path(path).unwrap();
        let url = base.join(&link).unwrap();
        if url.scheme() != "file" {
            self.absolute.push((name.to_owned(), link));
        } else if url.to_file_path().unwrap().is_file() {
            self.local += 1;
        } else {
            self.missing.push((name.to_owned(), link));
        }
    }
}

fn html_links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let (mut in_style, mut in_script) = (false, false);
    for token in Tokenizer::new(text).map(Result::<Token, Infallible>::unwrap) {
        match token {
            Token::StartTag(tag) if !in_script => {
                let tag_name = String::from_utf8_lossy(&tag.name).into_owned();
                (in_style, in_script) = (tag_name == "style", tag_name == "script" && !tag.self_closing);
                let value =
                    |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
                if value(b"rel").as_deref() == Some("canonical") {
                    continue;
                }
                let names: [&[u8]; 7] =
                    [b"href", b"src", b"data-src", b"xlink:href", b"poster", b"data", b"background"];
                links.extend(names.iter().filter_map(|name| value(name)));
                let candidates = value(b"srcset").unwrap_or_default();
                links.extend(candidates.split(", ").filter_map(|part| part.split(' ').next().map(str::to_owned)));
                links.extend(value(b"style").iter().flat_map(|style| css_links(style)));
                links.extend(value(b"srcdoc").iter().flat_map(|page| html_links(page)));
            }
            Token::EndTag(tag) => in_script &= *tag.name != b"script"[..],
            Token::String(text) if in_style => links.extend(css_links(&String::from_utf8_lossy(&text))),
            _ => {}
        }
    }
    links.retain(|link| !link.is_empty() && !link.starts_with('#'));
    links
}

fn css_links(text: &str) -> Vec<String> {
    let found = CSS_URL.captures_iter(text);
    found.filter_map(|found| found.get(1).or(found.get(2))).map(|link| link.as_str().to_owned()).collect()
}
