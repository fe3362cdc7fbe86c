//! Directives for crawlers in a page or a response: `nofollow` of meta robots and of X-Robots-Tag.

use http::HeaderMap;

/// Directives with a value behind a colon, which is no name of an agent.
const WITH_VALUE: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

/// Whether a `meta` element with this name and content says not to follow the links of its page.
pub fn is_nofollow_meta(name: &str, content: &str, agent: &str) -> bool {
    is_for(name.trim(), agent) && has_nofollow(content)
}

/// Whether the fields of a response say not to follow the links of its body. A directive behind the name of an
/// agent is for that agent only, up to the next name or the end of the field.
pub fn is_nofollow_response(fields: &HeaderMap, agent: &str) -> bool {
    fields.get_all("x-robots-tag").iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut is_ours = true;
        text.split(',').any(|part| {
            let mut directives = part;
            if let Some((name, after)) = part.split_once(':').filter(|(name, _)| is_agent(name.trim())) {
                is_ours = is_for(name.trim(), agent);
                directives = after;
            }
            is_ours && has_nofollow(directives)
        })
    })
}

/// Whether a text before a colon names an agent. A directive with a value has a colon too, and so has a time.
fn is_agent(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part) && !WITH_VALUE.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a name means this agent: `robots`, `*`, or its own.
fn is_for(name: &str, agent: &str) -> bool {
    name == "*" || name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(agent)
}

/// Whether one of some directives, behind commas or blanks, forbids to follow links.
fn has_nofollow(directives: &str) -> bool {
    let mut words = directives.split(|c: char| c == ',' || c.is_ascii_whitespace());
    words.any(|word| word.eq_ignore_ascii_case("nofollow") || word.eq_ignore_ascii_case("none"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn meta_elements_for_all_and_for_this_agent_count() {
        for (name, content, expected) in [
            ("robots", "noindex, NoFollow", true),
            ("ROBOTS ", "none", true),
            ("robots", "noindex nofollow", true),
            ("fetchall", "nofollow", true),
            ("robots", "noindex,follow", false),
            ("robots", "nofollows", false),
            ("googlebot", "nofollow", false),
            ("description", "nofollow", false),
        ] {
            assert_eq!(is_nofollow_meta(name, content, "fetchall"), expected, "{name} {content}");
        }
    }

    #[test]
    fn fields_count_for_the_agents_that_they_name() {
        for (values, expected) in [
            (&["noindex, nofollow"][..], true),
            (&["noindex", "None"], true),
            (&["googlebot: nofollow"], false),
            (&["googlebot: noindex, nofollow"], false),
            (&["googlebot: nofollow", "nofollow"], true),
            (&["googlebot: nofollow, FetchAll: nofollow"], true),
            (&["fetchall: noindex, googlebot: nofollow"], false),
            (&["unavailable_after: 25 Jun 2030 15:00:00 GMT, nofollow"], true),
            (&["unavailable_after: Wed, 25 Jun 2030 15:00:00 PST, nofollow"], true),
            (&["max-snippet: 5, nofollow"], true),
            (&["noindex nofollow"], true),
            (&["nofollower"], false),
            (&["max-snippet: 5, noindex"], false),
            (&["\u{e9}, nofollow"], true),
            (&[], false),
        ] {
            let mut fields = HeaderMap::new();
            for value in values {
                fields.append("x-robots-tag", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            assert_eq!(is_nofollow_response(&fields, "fetchall"), expected, "{values:?}");
        }
    }
}
