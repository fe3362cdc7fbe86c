//! Detects bodies that are compressed files themselves, whose coding must stay.
//!
//! Some servers label `a.tar.gz` with `Content-Encoding: gzip`. Decoding it would save a tar file under
//! the name of a gzip file, and published digests would not match. So the decoder keeps the innermost
//! coding if the file name implies it. The server applied the other codings to the file. If the name
//! implies no compression, the media type decides. [`asks_identity`] keeps servers from adding a coding.

use memchr::memrchr;

/// A kind of compressed file: its coding, its extensions, its media types.
type CompressedFormat = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The names of codings are those of [`Applied::name`](super::coding::Applied).
const FORMATS: &[CompressedFormat] = &[
    (
        "gzip",
        // Programs that open `.svgz` and the like expect gzip.
        &["gz", "gzip", "tgz", "taz", "svgz", "emz", "wmz", "vgz", "bgz", "cpgz", "crate"],
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
    ("br", &["br", "tbr"], &["application/x-brotli", "application/x-brotli-compressed-tar"]),
    (
        "zstd",
        &["zst", "zstd", "tzst"],
        &["application/zstd", "application/x-zstd", "application/x-zstd-compressed-tar"], // RFC 8878
    ),
    ("deflate", &["zz", "zlib"], &["application/zlib"]), // RFC 6713
    ("compress", &["z", "taz", "tz"], &["application/x-compress", "application/x-tarz"]),
    (
        "bzip2",
        &["bz2", "bz", "tbz", "tbz2", "tb2"],
        &["application/x-bzip2", "application/x-bzip", "application/bzip2"],
    ),
    ("xz", &["xz", "txz"], &["application/x-xz", "application/x-xz-compressed-tar"]),
    ("lzma", &["lzma", "tlz"], &["application/x-lzma", "application/x-lzma-compressed-tar"]),
    ("lzip", &["lz", "tlz"], &["application/lzip", "application/x-lzip"]),
    ("lz4", &["lz4"], &["application/x-lz4"]),
    ("lzo", &["lzo", "tzo"], &["application/x-lzop"]),
    ("snappy", &["sz", "snappy"], &["application/x-snappy-framed"]),
    ("pack200-gzip", &["gz"], &["application/x-java-pack200"]),
];

/// The extensions of formats with their own compression; a coding would gain nothing.
const COMPRESSED: &[&str] = &[
    // archives and packages
    "zip", "7z", "rar", "cab", "jar", "war", "apk", "ipa", "whl", "gem", "deb", "rpm", "dmg", "epub", "docx", "xlsx",
    "pptx", "odt", "ods", "odp", //
    // pictures
    "jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "jxl", //
    // sound and film
    "mp3", "m4a", "aac", "ogg", "oga", "opus", "flac", "mp4", "m4v", "mov", "mkv", "webm", "avi", "ogv", //
    // fonts
    "woff", "woff2",
];

/// The names and the media type that identify a compressed file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resource<'a> {
    /// The name of the file. An unsaved body has the names of two URLs: the requested one, and the
    /// final one.
    pub names: [Option<&'a str>; 2],
    /// The Content-Type field.
    pub content_type: Option<&'a str>,
}

impl Resource<'_> {
    /// Whether the body is a file in the format of this coding.
    pub(super) fn is_file_of(&self, coding: &str) -> bool {
        let mut named = self.names.into_iter().flatten().flat_map(formats).peekable();
        if named.peek().is_some() {
            return named.any(|(format, ..)| *format == coding);
        }
        let media_type = self.content_type.and_then(|value| value.split(';').next()).map(str::trim);
        let is_said = |types: &[&str]| media_type.is_some_and(|it| is_one_of(it, types));
        FORMATS.iter().any(|(format, _, types)| *format == coding && is_said(types))
    }
}

/// Whether a request should accept no coding, because this name implies a compressed file.
pub fn asks_identity(name: &str) -> bool {
    let is_known = |it: &str| is_one_of(it, COMPRESSED) || FORMATS.iter().any(|(_, known, _)| is_one_of(it, known));
    // A fast path: most URLs of pages have no extension.
    let has_extension = memrchr(b'.', name.as_bytes()).is_some_and(|dot| !name.as_bytes()[dot..].contains(&b'/'));
    has_extension && extensions(name).any(is_known)
}

/// Returns the formats that a name implies.
fn formats(name: &str) -> impl Iterator<Item = &'static CompressedFormat> {
    extensions(name).flat_map(|it| FORMATS.iter().filter(move |(_, extensions, _)| is_one_of(it, extensions)))
}

/// Returns the extension of a name or a path, and those before an `@`: the names of saved files have a query
/// there (`x.gz@v=2`). Ignores the tag that resolves a name collision (`x.gz@v=2~0123abcd`).
fn extensions(name: &str) -> impl Iterator<Item = &str> {
    let name = memrchr(b'/', name.as_bytes()).map_or(name, |at| &name[at + 1..]);
    let is_tag = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let name = name.rsplit_once('~').filter(|(_, tag)| is_tag(tag)).map_or(name, |(name, _)| name);
    let paths = name.match_indices('@').map(move |(at, _)| &name[..at]);
    paths.chain([name]).filter_map(|name| name.rsplit_once('.').map(|(_, extension)| extension))
}

fn is_one_of(text: &str, list: &[&str]) -> bool {
    list.iter().any(|known| text.eq_ignore_ascii_case(known))
}
