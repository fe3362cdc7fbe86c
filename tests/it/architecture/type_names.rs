//! The names of the types: one name, one thing.

use std::collections::BTreeMap;

use super::code::Source;

/// One thing with a definition for each platform.
const PLATFORM_TYPES: &[&str] = &["OpenFolder", "Signals"];

/// Returns each name that several types have, with the places of the types.
pub fn shared_names(sources: &[Source]) -> Vec<(&str, Vec<String>)> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in sources {
        for (index, line) in source.code.lines().enumerate() {
            if let Some(name) = defined_type(line) {
                places.entry(name).or_default().push(format!("{}:{}", source.path, index + 1));
            }
        }
    }
    places.into_iter().filter(|(name, places)| places.len() > 1 && !PLATFORM_TYPES.contains(name)).collect()
}

/// Returns the name of the type that a line defines. An indented `type` is an associated type.
fn defined_type(line: &str) -> Option<&str> {
    let mut item = line.trim_start();
    if let Some(public) = item.strip_prefix("pub") {
        item = public.strip_prefix('(').and_then(|scope| scope.split_once(')')).map_or(public, |(_, item)| item);
    }
    let (keyword, name) = item.trim_start().split_once(' ')?;
    let is_associated = keyword == "type" && line.starts_with(' ');
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&keyword) && !is_associated;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    (is_type && end > 0).then(|| &name[..end])
}
