//! Formats that are known by their first bytes: two that are unpacked, and many that hold no list.

use std::path::Path;

/// The number of bytes that suffice: the tar format has its mark at the end of its first header.
pub(super) const ENOUGH: usize = 512;

/// The type of file that the first bytes show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Magic {
    /// More bytes are needed.
    Undecided,
    /// No known format, most likely text.
    Unknown,
    /// A gzip file (RFC 1952).
    Gzip,
    /// A Zstandard file (RFC 8878).
    Zstd,
    /// A file that holds no list: the kind of file, and the advice.
    NotAList(String),
}

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The beginning of the frame that pzstd writes before each frame: one of sixteen skippable frames
/// (RFC 8878, section 3.1.2).
const SKIPPABLE: &[u8] = &[0x50, 0x2a, 0x4d, 0x18];
const ZIP: &[u8] = b"PK\x03\x04";

/// Files that hold no list, by their first bytes.
const OTHERS: &[(&[u8], &str)] = &[
    (b"PAR1", "a Parquet file; export the column of URLs as CSV"),
    (b"ARROW1", "an Arrow file; export the column of URLs as CSV"),
    (b"Obj\x01", "an Avro file; export the field of URLs as JSON"),
    (b"SQLite format 3\0", "an SQLite database; export the column of URLs as CSV"),
    (&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1], "an Excel or Word file of before 2007; save it as CSV or text"),
    (b"{\\rtf", "an RTF document; save it as plain text"),
    (b"%PDF-", "a PDF document; save the URLs in it as text"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "an xz file; unpack it with xz -d"),
    (b"BZh", "a bzip2 file; unpack it with bzip2 -d"),
    (b"LZIP", "an lzip file; unpack it with lzip -d"),
    (&[0x04, 0x22, 0x4d, 0x18], "an lz4 file; unpack it with lz4 -d"),
    (&[0x1f, 0x9d], "a file of compress (.Z); unpack it with gzip -d"),
    (&[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c], "a 7z archive; unpack it and name the list in it"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it and name the list in it"),
    (b"MSCF", "a cabinet archive; unpack it and name the list in it"),
    (b"mozLz40\0", "a Firefox bookmark backup; export the bookmarks as HTML and use --input-format html"),
    (b"bplist00", "a binary property list; convert it to JSON or text"),
    (&[0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'], "a PNG image; name a list of URLs"),
    (&[0xff, 0xd8, 0xff], "a JPEG image; name a list of URLs"),
    (b"GIF87a", "a GIF image; name a list of URLs"),
    (b"GIF89a", "a GIF image; name a list of URLs"),
    (b"\x7fELF", "a program; name a list of URLs"),
];

/// Detects the type of a file by its first bytes. `eof` says that there are no more.
pub(super) fn look(head: &[u8], name: &str, eof: bool) -> Magic {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if starts(GZIP) {
        return Magic::Gzip;
    }
    if starts(ZSTD) || starts(SKIPPABLE) {
        return Magic::Zstd;
    }
    if starts(ZIP) || starts(b"PK\x05\x06") || starts(b"PK\x07\x08") {
        return Magic::NotAList(zip(head, name).to_owned());
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| starts(magic)) {
        return Magic::NotAList((*what).to_owned());
    }
    if head.get(257..262) == Some(b"ustar") {
        return Magic::NotAList("a tar archive; unpack it and name the list in it".to_owned());
    }
    let begins = |magic: &[u8]| head.len() < magic.len() && magic.starts_with(head);
    let known = [GZIP, ZSTD, ZIP, SKIPPABLE].into_iter().chain(OTHERS.iter().map(|(magic, _)| *magic));
    if !eof && (head.is_empty() || known.into_iter().any(begins) || may_be_tar(head)) {
        return Magic::Undecided;
    }
    Magic::Unknown
}

/// Whether a tar header may have begun: a name of up to 100 bytes that is filled up with NUL bytes.
fn may_be_tar(head: &[u8]) -> bool {
    let name = &head[..head.len().min(100)];
    let end = name.iter().position(|&byte| byte == 0);
    head.len() < 262 && end.is_some_and(|end| end > 0 && name[end..].iter().all(|&byte| byte == 0))
}

/// Names the kind of a zip file by the members at its beginning, else by its name.
fn zip(head: &[u8], name: &str) -> &'static str {
    const DOCUMENTS: &[(&str, &str, &str)] = &[
        ("xl/", "xlsx", "an Excel workbook (zip); save it as CSV"),
        ("xl/", "xlsm", "an Excel workbook (zip); save it as CSV"),
        ("word/", "docx", "a Word document (zip); save it as plain text"),
        ("ppt/", "pptx", "a PowerPoint presentation (zip); save the URLs in it as text"),
        ("opendocument.spreadsheet", "ods", "an OpenDocument spreadsheet (zip); save it as CSV"),
        ("opendocument.text", "odt", "an OpenDocument text (zip); save it as plain text"),
        ("indexes/index.", "wacz", "a WACZ package (zip); save it in a file that ends in .wacz"),
        ("epub+zip", "epub", "an EPUB book (zip); save the URLs in it as text"),
        ("Index/Document", "numbers", "a Numbers spreadsheet (zip); export it as CSV"),
    ];
    let holds = |part: &str| head.windows(part.len()).any(|window| window == part.as_bytes());
    let extension = Path::new(name).extension().unwrap_or_default();
    let by_content = DOCUMENTS.iter().find(|(part, ..)| holds(part));
    let by_name = || DOCUMENTS.iter().find(|(_, known, _)| extension.eq_ignore_ascii_case(known));
    by_content.or_else(by_name).map_or("a zip archive; unpack it and name the list in it", |(.., what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_a_list(head: &[u8], name: &str) -> String {
        match look(head, name, false) {
            Magic::NotAList(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn office_files_are_named_by_content_then_by_name() {
        let sheet = b"PK\x03\x04\x14\0\0\0....[Content_Types].xml....xl/workbook.xml";
        assert!(not_a_list(sheet, "list.zip").starts_with("an Excel workbook"));
        assert!(not_a_list(b"PK\x03\x04junk", "a.b/List.DOCX").starts_with("a Word document"));
        assert!(not_a_list(b"PK\x05\x06", "list.txt").starts_with("a zip archive"));
        let ods = b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK";
        assert!(not_a_list(ods, "-").starts_with("an OpenDocument spreadsheet"));
    }

    #[test]
    fn a_tar_header_differs_from_text_of_two_bytes() {
        let mut tar = b"urls.txt".to_vec();
        tar.resize(257, 0);
        assert_eq!(look(&tar[..20], "-", false), Magic::Undecided);
        tar.extend_from_slice(b"ustar\x0000");
        assert!(not_a_list(&tar, "-").starts_with("a tar archive"));
        assert_eq!(look(b"h\0t\0t\0p\0", "-", false), Magic::Unknown);
        assert_eq!(look(b"\0h\0t\0t\0p", "-", false), Magic::Unknown);
    }

    #[test]
    fn first_bytes_of_text_decide_at_once() {
        for text in [&b"h"[..], b"#", b"[", b"<", b"\n", b"\xef", b"\xff\xfe", b"\"", b"url"] {
            assert_eq!(look(text, "-", false), Magic::Unknown, "{text:?}");
        }
        for begun in [&b"P"[..], b"PK", b"\x1f", b"\x28\xb5\x2f", b"%PD", b"\x28"] {
            assert_eq!(look(begun, "-", false), Magic::Undecided, "{begun:?}");
            assert_eq!(look(begun, "-", true), Magic::Unknown, "{begun:?}");
        }
        assert_eq!(look(&[0x50, 0x2a, 0x4d, 0x18, 4, 0], "-", false), Magic::Zstd);
        assert_eq!(look(ZSTD, "-", false), Magic::Zstd);
    }
}
