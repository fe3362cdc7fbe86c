//! Which pages are saved, by their media types.

/// Whether a document with this `Content-Type` field is among the wanted types, such as `text/html` or `image/*`.
/// Without a list all are.
pub fn is_wanted_type(types: &[String], content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|text| text.split([';', ',']).next());
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    types.is_empty()
        || types.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => essence.starts_with(beginning),
            None => essence == *wanted,
        })
}

/// Whether a `Content-Type` field names an HTML page.
pub fn is_html_type(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|text| text.split([';', ',']).next()).unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].iter().any(|html| essence.eq_ignore_ascii_case(html))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_count() {
        let types = ["text/html".to_owned(), "image/*".to_owned()];
        for (content_type, expected) in [
            (Some("text/html"), true),
            (Some("TEXT/HTML ; charset=utf-8"), true),
            (Some("image/png"), true),
            (Some("text/html5"), false),
            (Some("application/pdf"), false),
            (None, false),
        ] {
            assert_eq!(is_wanted_type(&types, content_type), expected, "{content_type:?}");
        }
        assert!(is_wanted_type(&[], None));
    }
}
