//! The columns of a table and the keys of a JSON object: which names are known, and which come near one.
//!
//! A list whose digests are under a name that is not known must not look verified. A name that can mean
//! only one column is therefore that column. One that may mean a known column is refused with a question.

use std::borrow::Cow;

use crate::policy::text::redact::{redact_line, redact_value};

/// A known column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Url,
    Out,
    Sha256,
    Blake3,
    Priority,
    Headers,
}

/// The known columns, each with all of its names. Case, blanks and punctuation of a name do not count.
const NAMES: [(Column, &[&str]); 6] = [
    (Column::Url, &["url"]),
    (Column::Out, &["out", "filename", "outfile", "outputfile", "outfilename", "outputfilename"]),
    (Column::Sha256, &["sha256", "sha256sum", "sha256hash", "sha256digest", "sha256checksum", "sha256hex"]),
    (Column::Blake3, &["blake3", "blake3sum", "blake3hash", "blake3digest", "blake3checksum", "blake3hex", "b3sum"]),
    (Column::Priority, &["priority"]),
    (Column::Headers, &["headers"]),
];

/// Names that may mean a file to write.
const FILES: &[&str] = &[
    "file",
    "files",
    "filenames",
    "filepath",
    "path",
    "paths",
    "pathname",
    "output",
    "outputs",
    "outpath",
    "outputpath",
    "outname",
    "outputname",
    "localpath",
    "localfile",
    "localname",
    "savepath",
    "saveas",
    "savename",
    "savefile",
    "dest",
    "destination",
];

/// Names that may mean request fields.
const FIELDS: &[&str] = &["header", "httpheader", "httpheaders", "requestheader", "requestheaders"];

/// Words for digests that fetchall does not compute. Longer ones come before their beginnings.
const OTHER_DIGESTS: &[&str] =
    &["md5", "crc32c", "crc32", "crc64", "crc", "blake2b", "blake2s", "blake2", "xxhash", "xxh64", "xxh3", "ripemd160"];

/// Words for a digest of any kind.
const DIGESTS: &[&str] =
    &["checksums", "checksum", "hexdigest", "digests", "digest", "hashes", "hash", "sha256", "blake3", "b3sum"];

/// Words that may stand beside those.
const BESIDE: &[&str] = &["expected", "content", "download", "value", "file", "body", "hex", "sum"];

/// The longest name that is compared, without blanks and punctuation.
const LONGEST: usize = 32;

/// The meaning of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This column.
    Known(Column),
    /// Perhaps a known column: the question to the user.
    Unclear(&'static str),
    /// None of ours.
    Other,
}

impl Column {
    /// Its name in a header line.
    pub fn name(self) -> &'static str {
        match self {
            Column::Url => "url",
            Column::Out => "out",
            Column::Sha256 => "sha256",
            Column::Blake3 => "blake3",
            Column::Priority => "priority",
            Column::Headers => "headers",
        }
    }
}

/// Returns the meaning of the name of a column or of a key.
pub(super) fn meaning(name: &str) -> Meaning {
    let (mut letters, mut len) = ([0; LONGEST], 0);
    for byte in name.bytes().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
        let Some(letter) = letters.get_mut(len) else { return Meaning::Other };
        *letter = byte.to_ascii_lowercase();
        len += 1;
    }
    let Ok(plain) = std::str::from_utf8(&letters[..len]) else { return Meaning::Other };
    if let Some((column, _)) = NAMES.iter().find(|(_, names)| names.contains(&plain)) {
        return Meaning::Known(*column);
    }
    let is_misspelled = |known: &str| {
        plain.as_bytes().first() == known.as_bytes().first()
            && plain.len().abs_diff(known.len()) <= 1
            && strsim::damerau_levenshtein(plain, known) == 1
    };
    if is_misspelled("sha256") {
        return Meaning::Unclear("did you mean `sha256`?");
    }
    if let Some(question) = of_digest(plain) {
        return Meaning::Unclear(question);
    }
    match plain {
        _ if FILES.contains(&plain) || is_misspelled("filename") => Meaning::Unclear("did you mean `out`?"),
        _ if FIELDS.contains(&plain) || is_misspelled("headers") => Meaning::Unclear("did you mean `headers`?"),
        _ if plain == "prio" || is_misspelled("priority") => Meaning::Unclear("did you mean `priority`?"),
        _ if is_misspelled("blake3") => Meaning::Unclear("did you mean `blake3`?"),
        _ => Meaning::Other,
    }
}

/// Returns the question about a name that consists of words for digests and of words beside them.
fn of_digest(plain: &str) -> Option<&'static str> {
    let (mut rest, mut is_digest, mut is_other) = (plain, false, false);
    while !rest.is_empty() {
        let begins = |words: &[&str]| words.iter().find_map(|word| rest.strip_prefix(word));
        rest = if let Some(after) = begins(OTHER_DIGESTS) {
            (is_digest, is_other) = (true, true);
            after
        } else if let Some(after) = begins(DIGESTS) {
            is_digest = true;
            after
        } else if let Some(after) = begins(&["sha"]) {
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            (is_digest, is_other) = (true, is_other || digits > 0);
            &after[digits..]
        } else {
            begins(BESIDE)?
        };
    }
    match is_digest {
        false => None,
        true if is_other => Some("only `sha256` and `blake3` are checked"),
        true if plain.contains("blake3") || plain.contains("b3sum") => Some("did you mean `blake3`?"),
        true => Some("did you mean `sha256`?"),
    }
}

/// The message about a column that may be a known one.
pub(super) fn unclear(name: &str, question: &str) -> String {
    let (name, stop) = (printed(name), if question.ends_with('?') { "" } else { "." });
    format!("unknown column `{name}`; {question}{stop} Rename it; fetchall ignores one called `x-{name}`")
}

/// The note about a key that may be a known one. Programs write JSON, so their keys do not refuse a list.
pub(super) fn unclear_key(name: &str, question: &str) -> String {
    format!("ignoring the key `{}`; {question}", printed(name))
}

/// The longest word of a name of a column that a message shows. Most keys and tokens are longer.
const LONGEST_WORD: usize = 24;
/// The most characters of a name that a message shows.
const MOST_SHOWN: usize = 60;

/// A name of a column in a message, or `…`, see [`shown`].
pub(super) fn printed(name: &str) -> String {
    shown(name, true).unwrap_or_else(|| "…".to_owned())
}

/// A cell of the first row in a message, by the rules of bad lines. `None` if it is not shown: a cell that was taken
/// for a name may hold a secret. Unless it is certain that the row names columns, no words are shown.
pub(super) fn shown(name: &str, is_header: bool) -> Option<String> {
    let is_ours = meaning(name) != Meaning::Other;
    let shown = match redact_value(name) {
        // Its letters are our words.
        _ if is_ours => Cow::Borrowed(name),
        shown if shown.is_empty() && is_header => words(name),
        shown => shown,
    };
    (!shown.is_empty()).then(|| shown.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect())
}

/// A name of words, as [`redact_line`] shows it. One word may be the name of a secret itself, such as `token`.
fn words(name: &str) -> Cow<'_, str> {
    let is_long = name.split_whitespace().any(|word| word.chars().count() > LONGEST_WORD);
    match redact_line(name) {
        _ if is_long => Cow::Borrowed(""),
        shown => shown,
    }
}

/// Whether a cell of the first row is a URL, with or without its scheme. Then other cells may be passwords.
pub(super) fn may_be_url(cell: &str) -> bool {
    meaning(cell) == Meaning::Other && !redact_value(cell).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_one_column_are_that_column() {
        for (column, names) in [
            (Column::Sha256, &["sha256", "SHA-256", "sha_256", "Sha 256", "SHA256SUM", "sha256 (hex)"][..]),
            (Column::Blake3, &["BLAKE3", "blake-3", "b3sum"]),
            (Column::Out, &["out", "filename", "File Name", "file_name", "outputFile"]),
            (Column::Headers, &["Headers"]),
        ] {
            for name in names {
                assert_eq!(meaning(name), Meaning::Known(column), "{name}");
            }
        }
    }

    #[test]
    fn names_near_a_known_column_are_questions() {
        for (question, names) in [
            (
                "did you mean `sha256`?",
                &["hash", "Checksum", "file_hash", "sha", "digest", "sha265", "expected-sha256"][..],
            ),
            ("did you mean `blake3`?", &["file blake3", "blak3"]),
            ("only `sha256` and `blake3` are checked", &["md5", "MD5SUM", "sha1", "SHA-512", "file_md5", "crc32"]),
            ("did you mean `out`?", &["file", "Path", "file_path", "output", "save as", "filenam"]),
            ("did you mean `headers`?", &["header", "HTTP headers"]),
            ("did you mean `priority`?", &["prio", "priorty"]),
        ] {
            for name in names {
                assert_eq!(meaning(name), Meaning::Unclear(question), "{name}");
            }
        }
    }

    #[test]
    fn other_names_are_ignored() {
        for name in [
            "",
            "id",
            "price",
            "name",
            "title",
            "hashtag",
            "shared",
            "sum",
            "value",
            "profile",
            "readers",
            "commit_hash",
            "x-hash",
            "größe",
            "final_url",
            "a name that is longer than any that is compared",
        ] {
            assert_eq!(meaning(name), Meaning::Other, "{name}");
        }
    }
}
