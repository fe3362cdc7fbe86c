//! How a list is written, when the user did not say.

use std::path::Path;

use crate::config::InputFormat;

/// The format that a name promises: by its extension, a `.gz` behind it put aside.
pub(super) fn by_name(name: &str) -> Option<InputFormat> {
    let extension = |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let path = Path::new(name);
    let kind = match extension(path).as_deref() {
        Some("gz") => extension(Path::new(path.file_stem()?)),
        _ => extension(path),
    };
    match kind?.as_str() {
        "csv" => Some(InputFormat::Csv),
        "tsv" => Some(InputFormat::Tsv),
        "ndjson" | "jsonl" => Some(InputFormat::Ndjson),
        _ => None,
    }
}

/// The format that the first line shows; `None` for a line that says nothing, blank or a comment.
///
/// A line is taken for column names when one of its fields is exactly `url`. That includes a line
/// that says nothing but `url`: a table of one column.
pub(super) fn by_line(line: &[u8]) -> Option<InputFormat> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let names_url = |separator: u8| {
        line.split(|&byte| byte == separator).any(|field| {
            let field = field.trim_ascii();
            let bare = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
            bare.trim_ascii().eq_ignore_ascii_case(b"url")
        })
    };
    Some(if line.starts_with(b"{") {
        InputFormat::Ndjson
    } else if line.contains(&b'\t') && names_url(b'\t') {
        InputFormat::Tsv
    } else if names_url(b',') {
        InputFormat::Csv
    } else {
        InputFormat::Text
    })
}
