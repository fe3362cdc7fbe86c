//! The links of documents, and the documents and sources that other files name.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Page, files_below, lines, pages, root};

/// A path without `.` and `..`, so that two spellings of one file are equal.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The targets of the links of a page, outside of its code, with their lines.
fn targets(page: &Page) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (number, _, line) in lines(&page.text).filter(|(_, block, _)| block.is_none()) {
        // Text in backticks is no link: `[text](URL)`.
        let text: String = line.split('`').step_by(2).collect();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.extend(links.map(|target| (number, target.to_owned())));
    }
    targets
}

/// The anchors of a page, as forges make them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = lines(text).filter(|(_, block, line)| block.is_none() && line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    };
    headings.map(|(_, _, line)| anchor(line)).collect()
}

#[test]
fn no_link_of_a_document_is_dead() {
    let mut dead = Vec::new();
    for page in pages() {
        for (line, target) in targets(&page).into_iter().filter(|(_, target)| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let here = Path::new(&page.path);
            let file = if file.is_empty() { here.to_owned() } else { here.with_file_name("").join(file) };
            let found = std::fs::read_to_string(root().join(&file));
            let leads = found.is_ok_and(|text| anchor.is_empty() || anchors(&text).contains(anchor));
            if !leads {
                dead.push(format!("{}:{line}: {target}", page.path));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let pages = pages();
    let readme = pages.iter().find(|page| page.path == "README.md").unwrap();
    let linked: BTreeSet<_> = targets(readme).into_iter().map(|(_, target)| plain(Path::new(&target))).collect();
    let missing = pages.iter().filter(|page| !["README.md", "CONTRIBUTING.md"].contains(&&*page.path));
    let missing: Vec<_> = missing.map(|page| &page.path).filter(|path| !linked.contains(Path::new(path))).collect();
    assert!(missing.is_empty(), "README.md links to none of {missing:?}");
}

/// Comments, messages, help and settings name documents by their paths from the root.
#[test]
fn documents_that_sources_name_exist() {
    let mut files: Vec<PathBuf> =
        ["src", "tests", "benches", "examples", ".ci"].into_iter().flat_map(files_below).collect();
    files.extend(["Cargo.toml", "config.example.toml"].map(PathBuf::from));
    let mut named = 0;
    for file in files {
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        for (start, _) in text.match_indices("docs/") {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
            let path = text[start..].split(|c| !is_part(c)).next().unwrap_or_default().trim_end_matches('.');
            let is_document = [".md", ".json"].iter().any(|ext| path.ends_with(ext));
            // The rest of another path, such as `/docs/a.pdf`, is none.
            let begins = !text[..start].ends_with(|c: char| is_part(c) && c != '/' && c != '.');
            if is_document && begins {
                assert!(root().join(path).is_file(), "{}: {path} does not exist", file.display());
                named += 1;
            }
        }
    }
    assert!(named > 10, "only {named} documents are named");
}

/// Pages for developers and the table of promises name sources by their paths below `src` or the root.
#[test]
fn sources_that_documents_name_exist() {
    let tops = ["src", "tests", "examples", "benches", ".ci"];
    let modules: Vec<PathBuf> = files_below("src");
    let is_top = |name: &str| modules.iter().any(|file| file.iter().nth(1).is_some_and(|part| part == name));
    let (mut named, mut missing) = (0, Vec::new());
    for page in pages() {
        for (number, _, line) in lines(&page.text).filter(|(_, block, _)| block.is_none()) {
            for name in line.split('`').skip(1).step_by(2) {
                let first = name.split('/').next().unwrap_or_default();
                let is_path = name.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
                let in_source = tops.contains(&first) && name.contains('/');
                if !is_path || !(in_source || name.ends_with(".rs") || name.contains('/') && is_top(first)) {
                    continue;
                }
                let exists = |path: PathBuf| path.exists() || path.with_extension("rs").is_file();
                if !exists(root().join(name)) && !exists(root().join("src").join(name)) {
                    missing.push(format!("{}:{number}: {name}", page.path));
                }
                named += 1;
            }
        }
    }
    assert!(missing.is_empty(), "there is no\n{}", missing.join("\n"));
    assert!(named > 100, "only {named} sources are named");
}

/// Names of functions with four words or more are those of tests.
#[test]
fn tests_that_documents_name_exist() {
    let files = ["src", "tests"].into_iter().flat_map(files_below);
    let sources: String = files.filter_map(|file| std::fs::read_to_string(root().join(file)).ok()).collect();
    let is_test = |name: &str| {
        name.split('_').count() > 3 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let mut named = 0;
    for page in pages() {
        for (number, _, line) in lines(&page.text).filter(|(_, block, _)| block.is_none()) {
            for name in line.split('`').skip(1).step_by(2).filter(|name| is_test(name)) {
                assert!(sources.contains(&format!("fn {name}(")), "{}:{number}: there is no {name}", page.path);
                named += 1;
            }
        }
    }
    assert!(named > 3, "only {named} tests are named");
}
