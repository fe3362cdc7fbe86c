//! Text behind the URL of a line that is no part of the URL: an option, a field, a second URL.
//!
//! The parser of URLs would take it for a part of the path, and a record or a file name would show its secret.

use super::aria2;
use crate::model::{has_at_sign, has_at_sign_after_colon};
use crate::policy::text::redact::names_secret;
use crate::policy::text::url_text::{self, http_prefix};

const PROBLEM: &str =
    "an option follows the URL, a field or a second URL; write the URL alone, and a blank in it as %20";

/// Returns why a line with such a text is refused.
///
/// Behind a blank these are no part of the URL:
/// - a word that begins with a dash and a letter,
/// - a word with a `:` or `=` behind a name or behind nothing. A name has a letter, and no `/`, `?` or `&`. If the
///   URL has a query, a `=` may belong to it, unless the name is that of a secret or of an option of aria2,
/// - a text that may be a URL with a user (see [`is_second_url`]).
///
/// The same counts behind a comma, a semicolon or a bar of the path if a blank follows. If none follows, a URL with a
/// user is none either, and no option whose value has a `:` or `=`.
pub(super) fn problem(text: &str) -> Option<&'static str> {
    if !text.contains([' ', ',', ';', '|']) {
        return None;
    }
    let text = url_text::bare(text);
    // The parser has a better message for two URLs of HTTP.
    if http_prefix(text).is_none() || url_text::second_url(text).is_some() {
        return None;
    }
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    // The parser refuses a comment.
    let words = rest.split(' ').take_while(|word| !word.starts_with('#'));
    let (path, has_query) = first.split_once('?').map_or((first, false), |(path, _)| (path, true));
    let pieces = path.split(SEPARATORS).skip(1).take_while(|_| !rest.is_empty());
    let follows = has_option_in_path(path) || is_second_url(rest);
    let is_other = |word: &str| is_option(word) || is_pair(word, has_query) || begins_second_url(word);
    (follows || pieces.chain(words).map(without_marks).any(is_other)).then_some(PROBLEM)
}

/// The separators of a list that was taken for lines. A path may have them.
const SEPARATORS: [char; 3] = [',', ';', '|'];

/// A dash of any length, in ASCII or not.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// A sign that separates a name from its value.
fn is_sign(c: char) -> bool {
    matches!(c, ':' | '=' | '\u{ff1a}' | '\u{fe55}' | '\u{ff1d}')
}

fn is_option(word: &str) -> bool {
    let option = word.trim_start_matches(is_dash);
    option.len() < word.len() && option.starts_with(char::is_alphabetic)
}

fn without_marks(word: &str) -> &str {
    word.trim_start_matches(['"', '\'', '`', '(', '[', '{', ',', ';', '|'])
}

fn is_pair(word: &str, has_query: bool) -> bool {
    let Some((name, sign)) = word.find(is_sign).map(|at| word.split_at(at)) else { return false };
    // A file name with a query, as in `http://h/my file?token=x`, is a part of the URL.
    let is_name = name.is_empty() || (!name.contains(['/', '?', '&']) && name.contains(char::is_alphabetic));
    let is_query = has_query && sign.starts_with('=') && !sign.contains(':');
    is_name && !(is_query && !names_secret(name) && aria2::known_name(name).is_empty())
}

/// Whether an option or a second URL stands behind a separator of this path.
fn has_option_in_path(path: &str) -> bool {
    let mut rest = path;
    while let Some((_, after)) = rest.split_once(SEPARATORS) {
        if (is_option(after) && after.contains(is_sign)) || begins_second_url(after) {
            return true;
        }
        rest = after;
    }
    path.split_once(SEPARATORS).is_some_and(|(_, after)| is_second_url(after))
}

/// Whether a text begins as a URL of another scheme, or as one without a scheme, or holds a user: an at sign
/// behind a colon or behind two slashes.
fn is_second_url(text: &str) -> bool {
    let has_user = text.split_once("//").is_some_and(|(_, authority)| has_at_sign(authority));
    begins_second_url(text) || has_user || has_at_sign_after_colon(text)
}

fn begins_second_url(text: &str) -> bool {
    let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    text.starts_with("//") || text.split_once(":/").is_some_and(|(scheme, _)| is_scheme(scheme))
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn text_that_is_no_part_of_the_url_is_found() {
        for text in [
            "header=Authorization: Bearer hunter2",
            " header=Authorization: Bearer hunter2",
            "header = hunter2",
            "x-pin:1234",
            ": hunter2",
            "ann:hunter2",
            "'--user' ann:hunter2",
            "\u{2014}user hunter2",
            "-uann",
            "x y -H X: y",
            "out=name",
            "(token=hunter2)",
            "[ann:hunter2",
            "x,header=hunter2",
            "?a=b token=hunter2",
            "?a=b http-passwd=hunter2",
            "?a=b x=ann:hunter2",
            "http:/ann:hunter2@h",
            "https//ann:hunter2@h",
            "https//hunter2@h",
            "//hunter2@h",
            "x //hunter2@h",
            "ftp://hunter2@h",
            "a/b:hunter2@h",
            "a/b:hunter2&commat;h",
        ] {
            assert!(problem(&format!("http://g.test/x {text}")).is_some(), "{text}");
        }
        for text in [
            ",-u,ann:hunter2",
            ";-u;ann:hunter2",
            ";-uann:hunter2",
            ",--header=hunter2",
            ",--user,ann:hunter2",
            ",ftp://hunter2@h",
            ",//hunter2@h",
            ",https//ann:hunter2@h",
            ";http:/hunter2@h",
            ",a,ann:hunter2%2540h",
            "|http:u:hunter2@h",
            "|//hunter2@h",
            ",-u hunter2",
            ",X-PIN: hunter2",
            ";a=b,header=X: hunter2",
            ", : hunter2",
            ",= hunter2",
            "|\"token\": \"hunter2\"",
            ";\u{2014}user hunter2",
        ] {
            assert!(problem(&format!("http://g.test/x{text}")).is_some(), "{text}");
        }
    }

    #[test]
    fn url_with_blanks_commas_and_semicolons_is_whole() {
        for url in [
            "http://g.test/my file.pdf",
            "http://g.test/my file?a=b&c=d",
            "http://g.test/?q=a b=c",
            "http://g.test/?q=a = b",
            "http://g.test/a b/c=d",
            "http://g.test/at 12:30.csv",
            "http://g.test/my photo@2x.png",
            "http://g.test/a - b.pdf",
            "http://g.test/a -1.pdf",
            "http://g.test/a, b",
            "http://g.test/a,b;c=d,e:f",
            "http://g.test/a|b,c d",
            "http://g.test/?sort=-a,-b&c=d",
            "http://g.test/name,-first.html",
            "http://g.test/?u=a,ftp://b@c",
            "http://g.test/x;jsessionid=1@2",
            "http://g.test/ # a comment: with a colon",
        ] {
            assert_eq!(problem(url), None, "{url}");
        }
    }
}
