//! The normalizations of the parts of a URL.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::policy::text::glob::Globs;

/// The usual names of the page that a folder shows.
const INDEX_FILES: [&str; 4] = ["index.html", "index.htm", "index.php", "default.aspx"];

/// The host without `www.`, if a registrable domain is left.
pub(super) fn without_www(mut host: &str) -> &str {
    while let Some(rest) = host.strip_prefix("www.").filter(|rest| psl::domain_str(rest).is_some()) {
        host = rest;
    }
    host
}

/// The path without the parameters of its segments, as in `/a;jsessionid=1`, whose names match. A segment that would
/// become `.` or `..` keeps them, because those lead elsewhere.
pub(super) fn without_path_params(path: &str, names: &Globs) -> String {
    let segments = path.split('/').map(|segment| {
        let mut parts = segment.split(';');
        let mut kept = parts.next().unwrap_or_default().to_owned();
        for part in parts.filter(|part| part.is_empty() || !names.is_match(&name(part))) {
            kept.push(';');
            kept.push_str(part);
        }
        let is_dots = matches!(&*kept.to_ascii_lowercase().replace("%2e", "."), "." | "..");
        if is_dots { segment.to_owned() } else { kept }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The path with one slash in place of several.
pub(super) fn with_single_slashes(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !written.ends_with('/') {
            written.push(c);
        }
    }
    written
}

/// The length of the path without slashes or an index file at its end. The first slash always stays.
pub(super) fn end(path: &str, trims_slashes: bool, trims_index: bool) -> usize {
    let mut kept = path;
    loop {
        let before = kept.len();
        if trims_slashes {
            kept = kept.trim_end_matches('/');
        }
        if trims_index
            && let Some((folder, file)) = kept.rsplit_once('/')
            && INDEX_FILES.contains(&file)
        {
            kept = &kept[..=folder.len()];
        }
        if kept.is_empty() {
            return path.len().min(1);
        }
        if kept.len() == before {
            return before;
        }
    }
}

/// The name of a parameter, decoded.
pub(super) fn name(pair: &str) -> Cow<'_, str> {
    percent_decode_str(raw_name(pair)).decode_utf8_lossy()
}

/// The name of a parameter, as it stands there.
pub(super) fn raw_name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}
