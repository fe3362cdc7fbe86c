//! The facts of a page in JSON-LD (schema.org).

use dom_query::Document;
use serde_json::Value;

use super::{dates, single_blanks};

/// The longest script that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// Types that are not about the page: of the site, its owner, its navigation.
const OTHERS: [&str; 8] =
    ["WebSite", "Organization", "Person", "BreadcrumbList", "ImageObject", "ListItem", "SearchAction", "Comment"];

/// The facts of the first objects that have them.
#[derive(Debug, Default)]
pub(super) struct StructuredFacts {
    pub description: Option<String>,
    pub published: Option<String>,
    pub modified: Option<String>,
}

/// Reads the scripts with JSON-LD. A script that is no JSON is left out.
pub(super) fn read(document: &Document) -> StructuredFacts {
    let mut facts = StructuredFacts::default();
    for script in document.select("script[type='application/ld+json']").nodes() {
        let text = script.text();
        if text.len() <= LONGEST
            && let Ok(value) = serde_json::from_str::<Value>(&text)
        {
            facts.take(&value);
        }
    }
    facts
}

impl StructuredFacts {
    /// Takes what an object says, or the objects of a list or a graph.
    fn take(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.take(value)),
            Value::Object(object) => {
                if let Some(graph) = object.get("@graph") {
                    self.take(graph);
                }
                let types = object.get("@type");
                let is = |name: &str| match types {
                    Some(Value::String(kind)) => kind == name,
                    Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
                    _ => false,
                };
                if types.is_none() || OTHERS.iter().any(|other| is(other)) {
                    return;
                }
                let text = |name: &str| object.get(name).and_then(Value::as_str);
                let set = |fact: &mut Option<String>, found: Option<String>| *fact = fact.take().or(found);
                set(&mut self.published, text("datePublished").and_then(dates::normal));
                set(&mut self.modified, text("dateModified").and_then(dates::normal));
                set(&mut self.description, text("description").map(single_blanks).filter(|text| !text.is_empty()));
            }
            _ => {}
        }
    }
}
