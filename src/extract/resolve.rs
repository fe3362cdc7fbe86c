//! Resolves the texts of links against the base of their document.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use url::{Position, Url};

/// Turns the texts of one document into URLs.
#[derive(Clone, Copy)]
pub(super) struct LinkResolver<'a> {
    base: &'a Url,
    /// The encoding of queries.
    encoding: &'static Encoding,
    /// The base up to the first and up to the last slash of its path. `None` if it is not of http or https.
    folders: Option<(&'a str, &'a str)>,
}

impl<'a> LinkResolver<'a> {
    pub fn new(base: &'a Url, encoding: &'static Encoding) -> Self {
        let path = &base[..Position::AfterPath];
        let root = base[..Position::BeforePath].len() + 1;
        let folders = path.get(..root).zip(path.rfind('/').and_then(|last| path.get(..=last)));
        let is_web = matches!(base.scheme(), "http" | "https") && base.has_host();
        Self { base, encoding, folders: folders.filter(|_| is_web) }
    }

    /// Resolves against another base.
    pub fn with_base<'b>(&self, base: &'b Url) -> LinkResolver<'b> {
        LinkResolver::new(base, self.encoding)
    }

    /// Appends the URL of a text. Returns whether there is one that can be fetched.
    pub fn resolve(&self, text: &str, into: &mut String) -> bool {
        if let Some((folder, rest)) = self.plain(text) {
            into.push_str(folder);
            into.push_str(rest);
            return true;
        }
        let url = self.url(text);
        into.push_str(url.as_ref().map_or("", Url::as_str));
        url.is_some()
    }

    /// The URL of a text. The query of a page gets the bytes of the encoding of the page (URL standard).
    pub fn url(&self, text: &str) -> Option<Url> {
        let mut url = self.url_with_fragment(text)?;
        url.set_fragment(None);
        Some(url)
    }

    /// The same with its fragment.
    pub fn url_with_fragment(&self, text: &str) -> Option<Url> {
        let url = if self.encoding == UTF_8 || text.is_ascii() {
            self.base.join(text).ok()?
        } else {
            let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|query| query_bytes(query, self.encoding);
            Url::options().base_url(Some(self.base)).encoding_override(Some(encode)).parse(text).ok()?
        };
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    }

    /// Whether a text is no URL of any scheme.
    pub fn is_invalid(&self, text: &str) -> bool {
        self.base.join(text).is_err()
    }

    /// Appends the URL of a text without a fragment, if the text needs no parser: a path, or an absolute URL at the
    /// same origin that is serialized already. Returns whether it did.
    pub fn resolve_plain(&self, text: &str, into: &mut String) -> bool {
        let own_path = || text.strip_prefix(self.folders?.0.strip_suffix('/')?).filter(|path| path.starts_with('/'));
        let parts = self.plain(text).or_else(|| self.plain(own_path()?));
        if let Some((folder, rest)) = parts {
            into.push_str(folder);
            into.push_str(rest);
        }
        parts.is_some()
    }

    /// The two parts of the URL of a path that the URL parser does not change. Most links are one, and parsing
    /// takes five times as long.
    fn plain<'t>(&self, text: &'t str) -> Option<(&'a str, &'t str)> {
        let (root, folder) = self.folders?;
        let (mut folder, mut rest) = match text.strip_prefix('/') {
            Some(rest) => (root, rest),
            None => (folder, text),
        };
        while let Some(below) = rest.strip_prefix("../") {
            let parent = folder[..folder.len() - 1].rfind('/').map_or(0, |slash| slash + 1);
            (folder, rest) = (&folder[..parent.max(root.len())], below);
        }
        let mut before = b'/';
        let is_plain = !text.is_empty()
            && rest.bytes().all(|byte| {
                let begins = std::mem::replace(&mut before, byte) == b'/';
                byte.is_ascii_alphanumeric() || b"-_~+=,".contains(&byte) || (!begins && b"./".contains(&byte))
            });
        is_plain.then_some((folder, rest))
    }
}

/// The bytes of a query. A character that the encoding has not becomes a reference, percent-encoded.
fn query_bytes<'a>(query: &'a str, encoding: &'static Encoding) -> Cow<'a, [u8]> {
    let (bytes, _, is_lossy) = encoding.encode(query);
    if !is_lossy {
        return bytes;
    }
    let mut bytes = Vec::new();
    for character in query.chars() {
        match encoding.encode(character.encode_utf8(&mut [0; 4])) {
            (encoded, _, false) => bytes.extend_from_slice(&encoded),
            _ => bytes.extend_from_slice(format!("%26%23{}%3B", u32::from(character)).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_links_are_not_parsed() {
        let base = Url::parse("http://a.test/x/y/z?q#f").unwrap();
        let resolver = LinkResolver::new(&base, UTF_8);
        for (text, url) in [
            ("b.html", "http://a.test/x/y/b.html"),
            ("b/c-d_e~1", "http://a.test/x/y/b/c-d_e~1"),
            ("../b/", "http://a.test/x/b/"),
            ("../../../../b", "http://a.test/b"),
            ("../", "http://a.test/x/"),
            ("/b", "http://a.test/b"),
            ("/", "http://a.test/"),
        ] {
            assert_eq!(resolver.plain(text).map(|(folder, rest)| format!("{folder}{rest}")).as_deref(), Some(url));
        }
        for text in
            ["", "?b", "//b.test/", "http://b.test/", "b:c", "./b", "b/./c", "b/../c", "b//c", "%2e/b", "é", "b c"]
        {
            assert_eq!(resolver.plain(text), None, "{text}");
        }
        assert_eq!(LinkResolver::new(&Url::parse("ftp://a.test/x").unwrap(), UTF_8).plain("b"), None);
    }

    #[test]
    fn absolute_links_to_the_same_origin_are_not_parsed() {
        let base = Url::parse("http://a.test/x/y").unwrap();
        let resolver = LinkResolver::new(&base, UTF_8);
        let plain = |text: &str| {
            let mut url = String::new();
            resolver.resolve_plain(text, &mut url).then_some(url)
        };
        for text in ["http://a.test/", "http://a.test/b/c-d_e~1.html"] {
            assert_eq!(plain(text).as_deref(), Some(text));
        }
        assert_eq!(plain("../b").as_deref(), Some("http://a.test/b"));
        for text in [
            "http://a.test",
            "http://a.test:80/b",
            "http://a.test./b",
            "https://a.test/b",
            "http://a.test/b/../c",
            "http://a.test//b",
            "http://a.test/b?c",
            "HTTP://a.test/b",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_resolved_as_the_url_standard_says(
            base in "(http://a\\.test|https://ann:pw@\\[::1\\]:81|ftp://a\\.test)(/[a.%2e]{0,3}){0,4}(\\?[/a.]{0,3})?(#[/a]{0,2})?",
            text in "(\\.\\./|\\./|/|//|\\.\\.|[a-zA-Z0-9.~+=,:?%#@ \\\\é-]{1,4}){0,5}",
        ) {
            let Ok(base) = Url::parse(&base) else { return Ok(()) };
            let joined = base.join(&text).ok().filter(|url| url.scheme().starts_with("http") && url.has_host());
            let joined = joined.map(|mut url| {
                url.set_fragment(None);
                String::from(url)
            });
            let mut resolved = String::new();
            // An empty text and a fragment are no link to another document: they never come here.
            if !text.is_empty() && !text.contains('#') {
                let is_link = LinkResolver::new(&base, UTF_8).resolve(&text, &mut resolved);
                prop_assert_eq!(is_link.then_some(resolved), joined, "{} on {}", text, base);
            }
        }
    }
}
