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

/// The format that the first bytes of a text show, if they do.
pub(super) fn by_text(text: &[u8]) -> Option<InputFormat> {
    let mut lines = text.split(|byte| b"\r\n".contains(byte)).map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"))?;
    first.starts_with(b"{").then_some(InputFormat::Ndjson)
}
