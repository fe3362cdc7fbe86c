//! The file of cookies that Netscape began and curl, wget and browsers' extensions write.

use super::{Cookie, Jar, is_address, is_public_suffix};

const HTTP_ONLY: &str = "#HttpOnly_";

const HEAD: &str =
    "# Netscape HTTP Cookie File\n# Written by fetchall. These cookies say who asks: keep them to yourself.\n\n";

impl Jar {
    /// Takes the cookies of a file's text, and says how many lines hold none.
    pub fn load(&mut self, text: &str, now: i64) -> usize {
        let mut odd = 0;
        for line in text.lines() {
            let is_comment = line.starts_with('#') && !line.starts_with(HTTP_ONLY);
            if is_comment || line.trim().is_empty() {
                continue;
            }
            match cookie(line) {
                Some(cookie) if !cookie.is_over(now) => self.put(cookie, now),
                Some(_) => {}
                None => odd += 1,
            }
        }
        odd
    }

    /// The text of a file with every cookie that is not over, those of the session among them.
    pub fn text(&self, now: i64) -> String {
        let mut text = HEAD.to_owned();
        // A line has no room for a tab in a name or a value.
        let fits =
            |cookie: &&Cookie| !cookie.is_over(now) && !cookie.name.contains('\t') && !cookie.value.contains('\t');
        let truth = |truth| if truth { "TRUE" } else { "FALSE" };
        for cookie in self.since(0).into_iter().filter(fits) {
            let Cookie { name, value, domain, host_only, path, secure, http_only, expires } = cookie;
            let mark = if *http_only { HTTP_ONLY } else { "" };
            let dot = if *host_only { "" } else { "." };
            let (below, secure, expires) = (truth(!host_only), truth(*secure), expires.unwrap_or(0));
            text.push_str(&format!("{mark}{dot}{domain}\t{below}\t{path}\t{secure}\t{expires}\t{name}\t{value}\n"));
        }
        text
    }
}

fn cookie(line: &str) -> Option<Cookie> {
    let (line, http_only) = line.strip_prefix(HTTP_ONLY).map_or((line, false), |line| (line, true));
    let mut parts = line.split('\t');
    let domain = parts.next()?;
    let below = truth(parts.next()?)?;
    let path = parts.next()?;
    let secure = truth(parts.next()?)?;
    let expires = parts.next()?.split('.').next()?.parse::<i64>().ok()?;
    let name = parts.next()?;
    // Where the value is empty some leave its tab out too.
    let value = parts.next().unwrap_or_default();
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    let bad_text = |text: &str| text.bytes().any(|b| b.is_ascii_control() || b == b';');
    if domain.is_empty() || !path.starts_with('/') || parts.next().is_some() || bad_text(name) || bad_text(value) {
        return None;
    }
    Some(Cookie {
        // Whatever a file says, no cookie is for everybody below a public suffix.
        host_only: !below || is_address(&domain) || is_public_suffix(&domain),
        name: name.to_owned(),
        value: value.to_owned(),
        domain,
        path: path.to_owned(),
        secure,
        http_only,
        expires: Some(expires).filter(|at| *at != 0),
    })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "TRUE" => Some(true),
        "FALSE" => Some(false),
        _ => None,
    }
}
