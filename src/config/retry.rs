//! The words for what is tried again.

use crate::model::{ErrorKind, RetryCause, RetryOn, refused_value};

/// Reads words with commas between them: kinds, statuses, classes of statuses.
pub(super) fn parse(text: &str) -> Result<RetryOn, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let mut causes = Vec::new();
    for word in words {
        let cause = cause(word).ok_or_else(|| not_a_cause(word))?;
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    if causes.is_empty() {
        return Err("is empty; write retry = 0 (--retry 0) to try nothing again".to_owned());
    }
    Ok(RetryOn(causes))
}

fn cause(word: &str) -> Option<RetryCause> {
    if let Some(kind) = RetryOn::kinds().find(|kind| kind.as_str() == word) {
        return Some(RetryCause::Kind(kind));
    }
    match word {
        "4xx" | "4XX" => Some(RetryCause::Class(4)),
        "5xx" | "5XX" => Some(RetryCause::Class(5)),
        _ if word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()) => {
            word.parse().ok().filter(|status| (400..=599).contains(status)).map(RetryCause::Status)
        }
        _ => None,
    }
}

fn not_a_cause(word: &str) -> String {
    let names: Vec<_> = RetryOn::kinds().map(ErrorKind::as_str).collect();
    let near = super::merge::nearest(word, names.iter().copied());
    let ask = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    let (word, names) = (refused_value(word), names.join(", "));
    format!("{word} is none of {names}, a status from 400 to 599, 4xx, 5xx{ask}")
}

/// Writes what [`parse`] reads.
pub(super) fn show(on: &RetryOn) -> String {
    let word = |cause: &RetryCause| match cause {
        RetryCause::Kind(kind) => kind.as_str().to_owned(),
        RetryCause::Status(status) => status.to_string(),
        RetryCause::Class(class) => format!("{class}xx"),
    };
    on.0.iter().map(word).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_retry_causes_match_the_docs_and_parse_back() {
        let text = "timeout,connect,reset,truncated,408,425,429,500,502,503,504";
        assert_eq!(show(&RetryOn::default()), text);
        assert_eq!(parse(text), Ok(RetryOn::default()));
    }

    #[test]
    fn kinds_statuses_and_classes_are_words() {
        let causes = |text| parse(text).map(|on| on.0);
        assert_eq!(
            causes(" 5xx , 404,dns,404,"),
            Ok(vec![RetryCause::Class(5), RetryCause::Status(404), RetryCause::Kind(ErrorKind::Dns)])
        );
        for kind in RetryOn::kinds() {
            assert_eq!(causes(kind.as_str()), Ok(vec![RetryCause::Kind(kind)]));
        }
    }

    #[test]
    fn unknown_words_are_errors_that_list_the_valid_ones() {
        for (text, part) in [
            ("time-out", "did you mean `timeout`?"),
            ("tiemout", "did you mean `timeout`?"),
            ("200", "`200` is none of "),
            ("3xx", "a status from 400 to 599, 4xx, 5xx"),
            ("0503", "`0503` is none of dns, connect, proxy, tls, timeout, reset, truncated,"),
            ("cancelled", "`cancelled` is none of "),
            (",", "is empty; write retry = 0"),
            ("", "is empty; write retry = 0"),
        ] {
            assert!(parse(text).unwrap_err().contains(part), "{text}: {:?}", parse(text));
        }
    }
}
