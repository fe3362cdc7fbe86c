//! Circles of imports among files.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Source;

/// A path from the root of the crate, without `crate`.
type Path = Vec<String>;

/// Returns a circle of imports among these files, if there is one: each file imports from the next. Only files of
/// these modules count.
pub fn circle(sources: &[Source], modules: &[&str]) -> Option<Vec<String>> {
    let files: BTreeMap<Path, File> = sources.iter().map(|source| (source.module_path(), File::of(source))).collect();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files.values().filter(|file| modules.contains(&file.module)) {
        let targets = file.imports.iter().filter_map(|path| target(path.clone(), &files));
        let others = targets.filter(|target| target.path != file.path && modules.contains(&target.module));
        imports.insert(file.path, others.map(|target| target.path).collect());
    }
    // A file without imports from the others is in no circle.
    while let Some(leaf) = imports.iter().find(|(_, to)| to.is_empty()).map(|(path, _)| *path) {
        imports.remove(leaf);
        for to in imports.values_mut() {
            to.remove(leaf);
        }
    }
    let mut way = vec![*imports.keys().next()?];
    loop {
        let next = *imports[way.last()?].first()?;
        if let Some(start) = way.iter().position(|path| *path == next) {
            return Some(way[start..].iter().map(|path| (*path).to_owned()).collect());
        }
        way.push(next);
    }
}

struct File<'a> {
    path: &'a str,
    module: &'a str,
    imports: Vec<Path>,
}

impl<'a> File<'a> {
    fn of(source: &'a Source) -> Self {
        let written = source.paths(&["crate"]).into_iter().map(|(_, path)| path[1..].to_vec());
        let children = source.children();
        // `use child::Item` in the parent of `child`.
        let below = children.iter().flat_map(|child| source.paths(&[child.as_str()])).filter_map(|(_, path)| {
            let is_child = children.contains(&path[0]);
            is_child.then(|| [source.module_path(), path].concat())
        });
        Self { path: &source.path, module: source.module(), imports: written.chain(below).collect() }
    }
}

/// Returns the file that has the item at the end of a path, through the re-exports of other files.
fn target<'f, 'a>(mut path: Path, files: &'f BTreeMap<Path, File<'a>>) -> Option<&'f File<'a>> {
    // No item is re-exported that often.
    for _ in 0..4 {
        let length = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
        let file = &files[&path[..length]];
        let Some(item) = path.get(length) else { return Some(file) };
        let exported = file.imports.iter().find(|import| import.len() > 1 && import.last() == Some(item));
        match exported {
            _ if item == "*" => return None,
            Some(import) if *import != path => path = import.iter().chain(&path[length + 1..]).cloned().collect(),
            _ => return Some(file),
        }
    }
    None
}
