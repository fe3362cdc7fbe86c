//! Pages of HTML that need nothing else: no network, no other file. Their style and drawings are shared.

mod digits;
pub mod svg;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use crate::policy::text::printable::printable;
pub use digits::three;

const STYLE: &str = include_str!("page.css");

/// The text with everything escaped that HTML and SVG take for markup.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Text of other people, with neither markup nor characters that act on a screen.
pub fn safe(text: &str) -> String {
    escape(&printable(text))
}

/// Begins a page with this title, which is escaped here. `styles` come behind those that all pages share. Of scripts
/// the browser runs `script` alone, which [`end`] appends: text that got into the page by mistake does nothing.
pub fn begin(title: &str, styles: &str, script: Option<&str>) -> String {
    let policy = script.map(script_policy).unwrap_or_default();
    begin_with(title, styles, &policy)
}

/// Begins a page as [`begin`] does, whose script may also ask the server that sent the page.
pub fn begin_live(title: &str, styles: &str, script: &str) -> String {
    begin_with(title, styles, &(script_policy(script) + "; connect-src 'self'"))
}

fn script_policy(script: &str) -> String {
    format!("; script-src 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script.as_bytes())))
}

fn begin_with(title: &str, styles: &str, policy: &str) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:{policy}\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{STYLE}{styles}</style>\n</head>\n<body>\n<main>\n",
        safe(title)
    );
    out
}

/// Ends a page.
pub fn end(out: &mut String, script: Option<&str>) {
    out.push_str("</main>\n");
    if let Some(script) = script {
        let _ = writeln!(out, "<script>{script}</script>");
    }
    out.push_str("</body>\n</html>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_from_a_text() {
        assert_eq!(escape("<b a=\"1\">&'"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;");
        assert_eq!(safe("a\u{202e}<"), "a\\u{202e}&lt;");
    }

    #[test]
    fn only_the_script_of_the_page_may_run() {
        let page = begin("t", "", Some("1"));
        assert!(page.contains("script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"), "{page}");
        assert!(!begin("t", "", None).contains("script-src"));
    }
}
