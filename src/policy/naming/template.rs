//! `--name`: what a file is called, as a text with placeholders.
//!
//! A template is read once, before the run; the same URL at the same place of the same list always
//! comes to the same name. `docs/reference/names.md` explains the placeholders to users.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::portable::{component, split_extension};
use super::{decoded, file_part, host_part, join, name_for_url};
use crate::model::{Hex, refused_value};

/// The placeholders that messages list.
const PLACEHOLDERS: &str = "{host} {path} {dir} {file} {stem} {ext} {query} {n} {n:5} {sha256} {sha256:8}";

/// The most digits that a number is padded to: as many as the largest has.
const WIDEST: usize = 20;

/// The hex digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// How names are made of URLs. The default is [`name_for_url`] itself.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// `None` for the default.
    pieces: Option<Box<[TemplatePiece]>>,
    /// The template has `{query}`, so the query does not follow the file name.
    query_apart: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePiece {
    /// Literal text; a `/` separates folders.
    Text(String),
    Host,
    /// The folders and the file.
    Path,
    Dir,
    File,
    Stem,
    /// With the dot before it, if any. Without an extension the dot disappears too.
    Ext {
        dot: bool,
    },
    Query,
    /// The number, padded with zeros to this many digits.
    Number(usize),
    /// This many digits of the SHA-256 of the URL.
    Hash(usize),
}

impl Template {
    /// The template of a run without `--name`.
    pub const DEFAULT: &str = "{host}/{path}";

    /// Reads a template.
    ///
    /// # Errors
    /// Describes the mistake and the fix, without the name of the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = || refused_value(text);
        if text.starts_with(['/', '\\']) || matches!(text.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
        {
            return Err(format!("{} is absolute; write a name relative to the output folder", shown()));
        }
        if text.split(['/', '\\']).any(|part| part.trim() == "..") {
            return Err(format!("{} leads out of the output folder; leave the `..` out", shown()));
        }
        let is_nothing = |part: &str| matches!(part.trim(), "" | ".");
        if text.rsplit('/').next().is_none_or(is_nothing) {
            return Err(format!("{} names no file; write at least {{file}} at its end", shown()));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !is_nothing(part)).collect();
        let pieces = pieces(&parts.join("/"))?;
        if parts.join("/") == Self::DEFAULT {
            return Ok(Self::default());
        }
        Ok(Self { query_apart: pieces.contains(&TemplatePiece::Query), pieces: Some(pieces.into()) })
    }

    /// The name of a URL that is the `number`th of the input, counted from 1; portable and
    /// relative, before it is claimed.
    pub fn name(&self, url: &Url, number: u64) -> String {
        let Some(pieces) = &self.pieces else { return name_for_url(url) };
        let mut parts = NameParts::default();
        let file = file_part(url);
        let (stem, ext) = split_extension(&file);
        for piece in pieces {
            match piece {
                TemplatePiece::Text(text) => parts.separated(text),
                TemplatePiece::Host => parts.text(&host_part(url)),
                TemplatePiece::Path => {
                    parts.folders(url);
                    parts.end();
                    self.file(&mut parts, &file, url);
                }
                TemplatePiece::Dir => parts.folders(url),
                TemplatePiece::File => self.file(&mut parts, &file, url),
                TemplatePiece::Stem => parts.text(stem),
                TemplatePiece::Ext { dot } => parts.text(if *dot { ext } else { ext.strip_prefix('.').unwrap_or(ext) }),
                TemplatePiece::Query => parts.text(&decoded(url.query().unwrap_or_default())),
                // Writing to a String cannot fail.
                TemplatePiece::Number(width) => drop(write!(parts.last, "{number:0width$}")),
                TemplatePiece::Hash(digits) => parts.text(&Hex(&Sha256::digest(url.as_str())).to_string()[..*digits]),
            }
        }
        parts.name()
    }

    /// Appends the file, and the query unless the template has `{query}`.
    fn file(&self, parts: &mut NameParts, file: &str, url: &Url) {
        parts.text(file);
        if let Some(query) = url.query().filter(|_| !self.query_apart) {
            parts.text("@");
            parts.text(&decoded(query));
        }
    }
}

/// A name under construction.
#[derive(Default)]
struct NameParts {
    folders: Vec<String>,
    /// The part under construction, not cleaned; no character in it separates.
    last: String,
}

impl NameParts {
    fn text(&mut self, text: &str) {
        self.last.push_str(text);
    }

    /// Text in which `/` separates.
    fn separated(&mut self, text: &str) {
        for (at, part) in text.split('/').enumerate() {
            if at > 0 {
                self.end();
            }
            self.text(part);
        }
    }

    /// The folders of a URL's path.
    fn folders(&mut self, url: &Url) {
        let folders = url.path().rsplit_once('/').map_or("", |(folders, _)| folders);
        for (at, folder) in folders.split('/').filter(|folder| !folder.is_empty()).enumerate() {
            if at > 0 {
                self.end();
            }
            self.text(&decoded(folder));
        }
    }

    /// Ends the current part. An empty part is left out.
    fn end(&mut self) {
        if !self.last.is_empty() {
            self.folders.push(component(&self.last));
            self.last.clear();
        }
    }

    fn name(mut self) -> String {
        self.folders.push(component(&self.last));
        join(&self.folders)
    }
}

/// The pieces of a template whose empty parts are gone.
fn pieces(text: &str) -> Result<Vec<TemplatePiece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let found = &rest[at..];
        if let Some(after) = found.strip_prefix("{{").or_else(|| found.strip_prefix("}}")) {
            literal.push_str(&found[..1]);
            rest = after;
            continue;
        }
        let Some(inner) = found.strip_prefix('{') else {
            return Err(format!("{}: a `}}` closes nothing; write }}}} for a brace", refused_value(text)));
        };
        let Some((word, after)) = inner.split_once('}') else {
            return Err(format!("{} has no `}}`; write one, or {{{{ for a brace", refused_value(found)));
        };
        let mut piece = placeholder(word)?;
        if let TemplatePiece::Ext { dot } = &mut piece {
            *dot = literal.ends_with('.');
            literal.truncate(literal.len() - usize::from(*dot));
        }
        if !literal.is_empty() {
            pieces.push(TemplatePiece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(TemplatePiece::Text(literal));
    }
    Ok(pieces)
}

/// Parses the text between two braces.
fn placeholder(word: &str) -> Result<TemplatePiece, String> {
    let (name, number) = word.split_once(':').map_or((word, None), |(name, number)| (name, Some(number)));
    let up_to = |most: usize, otherwise: usize| match number {
        None => Ok(otherwise),
        Some(digits) => {
            let in_bounds = |number: &usize| (1..=most).contains(number) && digits.bytes().all(|b| b.is_ascii_digit());
            let number = digits.parse().ok().filter(in_bounds);
            number.ok_or_else(|| format!("`{{{name}}}`: write a number from 1 to {most} after a colon"))
        }
    };
    let piece = match name {
        "n" => return up_to(WIDEST, 1).map(TemplatePiece::Number),
        "sha256" => return up_to(HASH_DIGITS, HASH_DIGITS).map(TemplatePiece::Hash),
        "host" => TemplatePiece::Host,
        "path" => TemplatePiece::Path,
        "dir" => TemplatePiece::Dir,
        "file" => TemplatePiece::File,
        "stem" => TemplatePiece::Stem,
        "ext" => TemplatePiece::Ext { dot: false },
        "query" => TemplatePiece::Query,
        _ => {
            let shown = refused_value(&format!("{{{word}}}"));
            return Err(format!("{shown} is no placeholder; there are {PLACEHOLDERS}, and {{{{ for a brace"));
        }
    };
    match number {
        None => Ok(piece),
        Some(_) => Err(format!("`{{{name}}}`: only n and sha256 take a number; write {{{name}}}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::is_portable;
    use super::*;

    fn name(template: &str, url: &str) -> String {
        Template::parse(template).unwrap().name(&Url::parse(url).unwrap(), 7)
    }

    #[test]
    fn urls_have_these_names() {
        let url = "https://h.test:81/a/b/page.tar.gz?x=1&y=%2F";
        for (template, expected) in [
            ("{host}/{path}", "h.test+81/a/b/page.tar.gz@x=1&y=_"),
            ("{path}", "a/b/page.tar.gz@x=1&y=_"),
            ("{host}/{dir}/{file}", "h.test+81/a/b/page.tar.gz@x=1&y=_"),
            ("{dir}/{stem}.{ext}", "a/b/page.tar.gz"),
            ("{stem}-{n:3}.{ext}", "page-007.tar.gz"),
            ("{stem}{ext}", "pagetar.gz"),
            ("{n}-{file}", "7-page.tar.gz@x=1&y=_"),
            ("{query}/{file}", "x=1&y=_/page.tar.gz"),
            ("{path}/{query}", "a/b/page.tar.gz/x=1&y=_"),
            ("{sha256:8}.{ext}", "8f4b7b2b.tar.gz"),
            ("all/{n:5}", "all/00007"),
            ("./all//{n}", "all/7"),
            ("{{{n}}}", "{7}"),
            ("{host}_{path}", "h.test+81_a/b/page.tar.gz@x=1&y=_"),
            ("x{dir}y/{n}", "xa/by/7"),
            (".{host}/-{n}", "_h.test+81/_7"),
            ("con.{n}", "_con.7"),
            ("a\\{n}", "a_7"),
            ("cafe\u{301}{n}", "café7"),
        ] {
            assert_eq!(name(template, url), expected, "{template}");
        }
    }

    #[test]
    fn missing_parts_of_a_url_are_left_out_of_the_name() {
        for (template, url, expected) in [
            ("{dir}/{file}", "http://h/", "index.html"),
            ("{stem}.{ext}", "http://h/a/", "index.html"),
            ("{stem}.{ext}", "http://h/README", "README"),
            ("{n}.{ext}", "http://h/.htaccess", "7"),
            ("{stem}.{ext}", "http://h/a.", "a_"),
            ("{query}", "http://h/a", "_"),
            ("{ext}/{n}", "http://h/a", "7"),
            ("{file}{query}", "http://h/a", "a"),
            ("{path}", "http://h/a?", "a@"),
        ] {
            assert_eq!(name(template, url), expected, "{template} {url}");
        }
    }

    #[test]
    fn the_hash_is_of_the_url() {
        // printf %s http://example.com/ | sha256sum
        assert_eq!(name("{sha256:16}", "http://example.com"), "2a1b402420ef4657");
        assert_eq!(name("{sha256}", "http://example.com").len(), 64);
    }

    #[test]
    fn invalid_templates_are_errors() {
        for (template, part) in [
            ("{naem}", "`{naem}` is no placeholder; there are {host} {path}"),
            ("{}", "`{}` is no placeholder"),
            ("{N}", "`{N}` is no placeholder"),
            ("{host:3}/x", "only n and sha256 take a number; write {host}"),
            ("{n:0}", "from 1 to 20"),
            ("{n:21}", "from 1 to 20"),
            ("{n:+5}", "from 1 to 20"),
            ("{n:}", "from 1 to 20"),
            ("{sha256:65}", "from 1 to 64"),
            ("{host", "`{host` has no `}`"),
            ("host}", "closes nothing"),
            ("", "names no file"),
            ("{host}/", "names no file"),
            ("{host}/.", "names no file"),
            ("/{host}", "is absolute"),
            ("\\{host}", "is absolute"),
            ("C:{n}", "is absolute"),
            ("../{n}", "leads out"),
            ("a/../{n}", "leads out"),
            ("a\\..\\{n}", "leads out"),
            ("{\u{1b}}", "the value is no placeholder"),
            ("{ann:pw@h}", "the value is no placeholder"),
        ] {
            let told = Template::parse(template).unwrap_err();
            assert!(told.contains(part), "{template}: {told}");
        }
    }

    #[test]
    fn the_default_is_the_name_of_the_url_without_a_detour() {
        assert!(Template::parse(Template::DEFAULT).unwrap().pieces.is_none());
        assert!(Template::parse("./{host}//{path}").unwrap().pieces.is_none());
    }

    proptest! {
        #[test]
        fn the_pieces_of_the_default_come_to_the_same(
            path in "[a-z%.?/#&=~ \\-]{0,60}|\\PC{0,300}|(%[0-9A-F]{2}|[.a/]){0,400}|([a-z]{1,9}/){90,200}[a-z]?"
        ) {
            if let Ok(url) = Url::parse(&format!("http://example.com:81/{path}")) {
                let pieces = pieces(Template::DEFAULT).unwrap();
                let template = Template { pieces: Some(pieces.into()), query_apart: false };
                prop_assert_eq!(template.name(&url, 1), name_for_url(&url));
            }
        }

        #[test]
        fn any_template_is_refused_or_gives_portable_names(
            template in "(\\{(host|path|dir|file|stem|ext|query|n|n:20|sha256|sha256:8)\\}|[./\\\\a-c: ~{}-]|\\PC|.){1,12}",
            path in "[a-z%.?/&=~ \\-]{0,60}|\\PC{0,300}|(%[0-9A-F]{2}|[.a/]){0,300}",
            number: u64,
        ) {
            let url = Url::parse(&format!("http://example.com/{path}"));
            if let (Ok(template), Ok(url)) = (Template::parse(&template), url) {
                let name = template.name(&url, number);
                prop_assert!(name.len() <= super::super::MAX_NAME);
                prop_assert!(name.split('/').all(is_portable), "{name:?}");
                prop_assert_eq!(template.name(&url, number), name);
            }
        }
    }
}
