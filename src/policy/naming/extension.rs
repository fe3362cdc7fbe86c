//! The ending that a file needs for a browser that opens it from a disk.
//!
//! Such a browser knows the type of a page, a style sheet and a vector image by the name alone. The type that the server
//! sent decides, so an ending is known only after the head of the response. The claim of a name therefore covers the
//! name with each of the endings.

use super::MAX_COMPONENT;

/// A media type with the ending that files of it get, and those that they may have already.
struct TypeEnding {
    media_type: &'static str,
    ending: &'static str,
    others: &'static [&'static str],
}

const ENDINGS: &[TypeEnding] = &[
    TypeEnding { media_type: "text/html", ending: ".html", others: &[".htm", ".shtml"] },
    TypeEnding { media_type: "application/xhtml+xml", ending: ".xhtml", others: &[".xht"] },
    TypeEnding { media_type: "text/css", ending: ".css", others: &[] },
    TypeEnding { media_type: "image/svg+xml", ending: ".svg", others: &[] },
];

/// Returns the ending that a name lacks, for a file with this Content-Type field; else an empty text.
pub fn missing_ending(name: &str, content_type: Option<&str>) -> &'static str {
    let media_type = content_type.and_then(|field| field.split([';', ',']).next()).unwrap_or_default().trim();
    let Some(row) = ENDINGS.iter().find(|row| row.media_type.eq_ignore_ascii_case(media_type)) else { return "" };
    let file = name.rsplit('/').next().unwrap_or(name);
    let has = |ending: &str| {
        let at = file.len().checked_sub(ending.len());
        at.and_then(|at| file.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    let is_there = has(row.ending) || row.others.iter().any(|ending| has(ending));
    // A name that is too long for it stays.
    if is_there || file.len() + row.ending.len() > MAX_COMPONENT { "" } else { row.ending }
}

/// All endings that a file may get.
pub fn endings() -> impl Iterator<Item = &'static str> {
    ENDINGS.iter().map(|row| row.ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_is_that_of_the_type() {
        for (name, content_type, ending) in [
            ("h/a", Some("text/html"), ".html"),
            ("h/a", Some("Text/HTML; charset=utf-8"), ".html"),
            ("h/a.php", Some("text/html"), ".html"),
            ("h/a.php@id=3.html", Some("text/html"), ""),
            ("h/a.HTM", Some("text/html"), ""),
            ("h/a.xhtml", Some("text/html"), ".html"),
            ("h.html/a", Some("text/html"), ".html"),
            ("h/a.xht", Some("application/xhtml+xml"), ""),
            ("h/a.html", Some("application/xhtml+xml"), ".xhtml"),
            ("h/style", Some("text/css"), ".css"),
            ("h/\u{e9}", Some("image/svg+xml"), ".svg"),
            ("h/a", Some("image/png"), ""),
            ("h/a", None, ""),
        ] {
            assert_eq!(missing_ending(name, content_type), ending, "{name} {content_type:?}");
        }
        assert_eq!(missing_ending(&"a".repeat(251), Some("text/html")), "");
    }
}
