//! User names and passwords taken out of text that may hold URLs, whole or broken.

use std::borrow::Cow;

/// The length of a leading `http:` or `https:`, in any case.
pub fn http_prefix(text: &str) -> Option<usize> {
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    ["http:", "https:"].iter().find(|prefix| starts(prefix)).map(|prefix| prefix.len())
}

/// Removes what looks like `user:password@` wherever a URL may begin.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>')) {
        if word.starts_with("mailto:") {
            out.push_str(word);
            continue;
        }
        // The parser takes `http:user@host` and `http:\user@host` for URLs too.
        let start = http_prefix(word)
            .map(|after| after + word[after..].find(|c| !matches!(c, '/' | '\\')).unwrap_or(word.len() - after))
            .or_else(|| word.find("://").map(|at| at + 3))
            .unwrap_or(0);
        out.push_str(&word[..start]);
        let mut rest = &word[start..];
        loop {
            rest = &rest[userinfo(rest)..];
            let Some(next) = rest.find("://").map(|at| at + 3) else { break };
            out.push_str(&rest[..next]);
            rest = &rest[next..];
        }
        out.push_str(rest);
    }
    Cow::Owned(out)
}

/// The length of the user information with its `@`, where an authority begins.
fn userinfo(text: &str) -> usize {
    let end = text.find(['/', '?', '#', '\\']).unwrap_or(text.len());
    let authority = &text[..end];
    if let Some(at) = authority.rfind('@') {
        return at + 1;
    }
    // A password with an unescaped slash ends the authority early and leaves something that is no
    // port: `http://user:pa/ss@host`. Better to show too little of it than the password.
    let no_port = !authority.starts_with('[')
        && authority.split_once(':').is_some_and(|(_, port)| port.bytes().any(|b| !b.is_ascii_digit()));
    match text.rfind('@') {
        Some(at) if no_port => at + 1,
        _ => 0,
    }
}
