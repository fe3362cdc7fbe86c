//! Rules that look at one URL.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use super::TrapLimits;

/// The most levels of URLs in queries that are read.
const DEEPEST: usize = 8;

/// The rule that this URL breaks.
pub(super) fn trap(url: &Url, limits: &TrapLimits) -> Option<String> {
    let rule = |name: &str, limit: usize| Some(format!("{name} {limit}"));
    if url[..Position::AfterQuery].len() > limits.max_url_length {
        return rule("max_url_length", limits.max_url_length);
    }
    let mut segments: Vec<_> = segments(url).collect();
    if segments.len() > limits.max_path_segments {
        return rule("max_path_segments", limits.max_path_segments);
    }
    if most_repeated(&mut segments) > limits.max_segment_repeats {
        return rule("max_segment_repeats", limits.max_segment_repeats);
    }
    let query = url.query()?;
    if most_repeated(&mut pairs(query).map(|(name, _)| name).collect()) > limits.max_param_repeats {
        return rule("max_param_repeats", limits.max_param_repeats);
    }
    if query.len() > 1 && reflections(url.path(), query, &mut Vec::new()) > limits.max_query_reflections {
        return rule("max_query_reflections", limits.max_query_reflections);
    }
    None
}

/// The segments of the path, without the empty one behind a slash at its end.
pub(super) fn segments(url: &Url) -> impl Iterator<Item = &str> {
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(move |_| !path.is_empty())
}

/// Whether a segment that is not empty is in the path twice.
pub(super) fn has_repeated_segment(url: &Url) -> bool {
    most_repeated(&mut segments(url).collect()) > 1
}

/// The parameters of a query that have a name.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(name, _)| !name.is_empty())
}

/// How often the most frequent text that is not empty occurs. Sorts the texts.
fn most_repeated(texts: &mut Vec<&str>) -> usize {
    texts.retain(|text| !text.is_empty());
    texts.sort_unstable();
    texts.chunk_by(|one, other| one == other).map(<[_]>::len).max().unwrap_or_default()
}

/// How many levels of a query hold the path, or a parameter, of a level around them: in
/// `/login?next=/login?next=/login` there are two.
fn reflections(path: &str, query: &str, outer: &mut Vec<String>) -> usize {
    if outer.len() >= DEEPEST {
        return 0;
    }
    let mut most = 0;
    for (name, value) in pairs(query).filter(|(_, value)| value.len() > 1) {
        let value: Cow<'_, str> = percent_decode_str(value).decode_utf8_lossy();
        let (inner_path, inner_query) = match value.split_once('?') {
            Some((path, query)) => (path, query),
            None if value.contains('=') => ("", &*value),
            None => (&*value, ""),
        };
        outer.push(name.to_owned());
        let holds_path = path.len() > 1 && inner_path.ends_with(path);
        let holds_name = pairs(inner_query).any(|(name, _)| outer.iter().any(|known| known == name));
        let deeper = if inner_query.is_empty() { 0 } else { reflections(path, inner_query, outer) };
        outer.pop();
        most = most.max(usize::from(holds_path || holds_name) + deeper);
    }
    most
}
