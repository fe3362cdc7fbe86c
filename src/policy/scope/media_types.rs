//! Which pages are saved, by their media types.

/// The media type of a `Content-Type` field, without parameters and in lower case.
fn essence(content_type: Option<&str>) -> String {
    let essence = content_type.and_then(|text| text.split([';', ',']).next());
    essence.unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a document with this `Content-Type` field is a page in HTML or XHTML.
pub fn is_html(content_type: Option<&str>) -> bool {
    matches!(essence(content_type).as_str(), "text/html" | "application/xhtml+xml")
}

/// Whether a document with this `Content-Type` field is a style sheet.
pub fn is_css(content_type: Option<&str>) -> bool {
    essence(content_type) == "text/css"
}

/// Whether a document with this `Content-Type` field is among the wanted types, such as `text/html` or `image/*`.
/// Without a list all are.
pub fn is_wanted_type(types: &[String], content_type: Option<&str>) -> bool {
    let essence = essence(content_type);
    types.is_empty()
        || types.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => essence.starts_with(beginning),
            None => essence == *wanted,
        })
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
