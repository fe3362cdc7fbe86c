//! When a resource is a compressed file itself, and its coding is no mere means of transport.
//!
//! Some servers label `a.tar.gz` with `Content-Encoding: gzip`. Undoing that would save a tar file
//! under a name that says otherwise, with other bytes than any published digest covers. So a body
//! stays as it came when its only coding is what the extension or the media type says the file is;
//! `.svgz` counts, since programs that open it expect gzip. To keep servers from adding a coding of
//! their own on top, [`asks_identity`] names the URLs for which none is asked.

use super::coding::{self, Coding};

/// Extensions and media types that say "this is a file of that format".
const FORMATS: &[(Coding, &[&str], &[&str])] = &[
    (
        Coding::Gzip,
        &["gz", "gzip", "tgz", "taz", "svgz", "emz", "wmz"],
        &[
            "application/gzip", // RFC 6713
            "application/x-gzip",
            "application/gzipped",
            "application/gzip-compressed",
            "application/x-gzip-compressed",
            "application/x-gunzip",
            "application/x-tgz",
            "application/x-compressed",
            "application/x-compressed-tar",
            "application/x-gtar-compressed",
            "gzip/document",
        ],
    ),
    (Coding::Brotli, &["br", "tbr"], &["application/x-brotli", "application/x-brotli-compressed-tar"]),
    (
        Coding::Zstd,
        &["zst", "zstd", "tzst"],
        &["application/zstd", "application/x-zstd", "application/x-zstd-compressed-tar"], // RFC 8878
    ),
    (Coding::Deflate, &["zz", "zlib"], &["application/zlib"]), // RFC 6713
];

/// Extensions of formats that are compressed in a way of their own; a coding would gain nothing.
const COMPRESSED: &[&str] = &[
    // archives and packages
    "zip", "xz", "txz", "bz2", "tbz", "tbz2", "7z", "rar", "lz", "lz4", "lzma", "z", "cab", "jar", "war", "apk", "ipa",
    "whl", "crate", "gem", "deb", "rpm", "dmg", "epub", "docx", "xlsx", "pptx", "odt", "ods", "odp", //
    // pictures
    "jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "jxl", //
    // sound and film
    "mp3", "m4a", "aac", "ogg", "oga", "opus", "flac", "mp4", "m4v", "mov", "mkv", "webm", "avi", "ogv", //
    // fonts
    "woff", "woff2",
];

/// Whether the coded bytes are the file: its only coding is what its name or media type says it is.
///
/// `url_path` is the path of the URL that answered, `codings` are the values of Content-Encoding.
pub fn keeps_coded_bytes<'a>(
    url_path: &str,
    content_type: Option<&str>,
    codings: impl Iterator<Item = &'a str>,
) -> bool {
    let Ok(codings) = coding::parse(codings) else {
        return false;
    };
    let [only] = codings[..] else {
        return false;
    };
    let extension = extension(url_path);
    let media_type = content_type.map(|value| value.split(';').next().unwrap_or(value).trim());
    FORMATS.iter().filter(|(coding, ..)| *coding == only).any(|(_, extensions, media_types)| {
        extension.is_some_and(|it| is_one_of(it, extensions)) || media_type.is_some_and(|it| is_one_of(it, media_types))
    })
}

/// Whether the request should ask for no coding, because the path names a compressed file.
pub fn asks_identity(url_path: &str) -> bool {
    extension(url_path).is_some_and(|it| {
        is_one_of(it, COMPRESSED) || FORMATS.iter().any(|(_, extensions, _)| is_one_of(it, extensions))
    })
}

fn is_one_of(text: &str, list: &[&str]) -> bool {
    list.iter().any(|known| text.eq_ignore_ascii_case(known))
}

/// What follows the last dot of the last segment.
fn extension(url_path: &str) -> Option<&str> {
    let file = url_path.rsplit('/').next()?;
    file.rsplit_once('.').map(|(_, extension)| extension)
}
