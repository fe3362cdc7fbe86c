//! The lengths of pages and lines.

use super::{lines, pages};

#[test]
fn readme_has_150_lines_of_100_characters() {
    let readme = include_str!("../../../README.md");
    assert!(readme.lines().count() <= 150, "README.md has {} lines", readme.lines().count());
    for (line, number) in readme.lines().zip(1..) {
        assert!(line.chars().count() <= 100, "README.md:{number}: {} characters", line.chars().count());
    }
}

#[test]
fn lines_of_prose_have_at_most_100_characters() {
    let mut long = Vec::new();
    for page in pages() {
        for (number, block, line) in lines(&page.text) {
            if block.is_none() && !line.starts_with('|') && line.chars().count() > 100 {
                long.push(format!("{}:{number}: {} characters", page.path, line.chars().count()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// A reader comes for a command, so a page of the guide begins with one.
#[test]
fn a_page_of_the_guide_begins_with_its_command() {
    for page in pages().into_iter().filter(|page| page.path.starts_with("docs/guide/")) {
        let first = page.text.lines().filter(|line| !line.is_empty()).nth(1);
        assert_eq!(first, Some("```sh"), "{}", page.path);
    }
}
