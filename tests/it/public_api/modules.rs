//! Reads the modules of a crate, and finds the items that they define.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// A module as it is written in a file or inline.
pub struct Module {
    pub path: Vec<String>,
    pub items: Vec<Item>,
    /// Whether its items are public by their path: it is `pub` and not hidden, and so are those around it.
    pub is_visible: bool,
}

pub fn read_module(modules: &mut Vec<Module>, path: Vec<String>, file: &Path, is_visible: bool) {
    let source = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let items = syn::parse_file(&source).unwrap_or_else(|e| panic!("{}: {e}", file.display())).items;
    let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib") => file.parent().expect("a folder").to_owned(),
        _ => file.with_extension(""),
    };
    for item in &items {
        let Item::Mod(module) = item else { continue };
        if is_for_tests(&module.attrs) {
            continue;
        }
        let name = module.ident.to_string();
        let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        let is_visible = is_visible && is_pub(&module.vis) && !is_hidden(&module.attrs);
        match &module.content {
            Some((_, items)) => modules.push(Module { path, items: items.clone(), is_visible }),
            None => {
                let candidates: [PathBuf; 2] = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
                let file = candidates.iter().find(|file| file.is_file());
                read_module(modules, path, file.unwrap_or_else(|| panic!("no file of {name}")), is_visible);
            }
        }
    }
    modules.push(Module { path, items, is_visible });
}

/// The item with this path, through re-exports.
pub fn find<'a>(modules: &'a [Module], target: &[String]) -> Option<&'a Item> {
    let (name, path) = target.split_last()?;
    let module = modules.iter().find(|module| module.path == path)?;
    let own = module.items.iter().find(|item| item_name(item).is_some_and(|own| own == *name));
    own.or_else(|| {
        let uses = module.items.iter().filter_map(|item| if let Item::Use(it) = item { Some(it) } else { None });
        let mut all = uses.flat_map(|it| names(&it.tree, &module.path));
        all.find(|(target, as_name)| as_name == name && target.len() > 1).and_then(|(target, _)| find(modules, &target))
    })
}

/// The call of the macro that defines the item with this path, without documentation. The name of the item is in the
/// rules of the macro, and its parts are in the call.
pub fn made_by_macro(modules: &[Module], target: &[String]) -> Option<TokenStream> {
    let (name, path) = target.split_last()?;
    let module = modules.iter().find(|module| module.path == path)?;
    let macros = || module.items.iter().filter_map(|item| if let Item::Macro(it) = item { Some(it) } else { None });
    let rules = macros().find(|it| {
        let mut has_name = false;
        each_name(it.mac.tokens.clone(), &mut |word| has_name |= word == *name);
        it.ident.is_some() && has_name
    })?;
    let call = macros().find(|it| it.ident.is_none() && it.mac.path.get_ident() == rules.ident.as_ref())?;
    Some(without_documentation(call.mac.tokens.clone()))
}

fn without_documentation(tokens: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    for token in tokens {
        let is_attribute = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket);
        if is_attribute && matches!(kept.last(), Some(TokenTree::Punct(mark)) if mark.as_char() == '#') {
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

/// The full path of each name that a `use` of this module brings, and the name.
pub fn names(tree: &UseTree, module: &[String]) -> Vec<(Vec<String>, String)> {
    fn walk(tree: &UseTree, before: Vec<String>, module: &[String], found: &mut Vec<(Vec<String>, String)>) {
        match tree {
            UseTree::Path(path) => {
                let name = path.ident.to_string();
                let next = match name.as_str() {
                    "crate" => Vec::new(),
                    "self" => module.to_vec(),
                    "super" if before.is_empty() => module[..module.len() - 1].to_vec(),
                    "super" => before[..before.len() - 1].to_vec(),
                    // A module beside this one; a dependency is looked for in vain.
                    _ if before.is_empty() && found.is_empty() && module.is_empty() => vec![name],
                    _ if before.is_empty() => module.iter().cloned().chain([name]).collect(),
                    _ => before.into_iter().chain([name]).collect(),
                };
                walk(&path.tree, next, module, found);
            }
            UseTree::Name(name) => {
                let target = before.into_iter().chain([name.ident.to_string()]).collect();
                found.push((target, name.ident.to_string()));
            }
            UseTree::Rename(rename) => {
                let target = before.into_iter().chain([rename.ident.to_string()]).collect();
                found.push((target, rename.rename.to_string()));
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before.clone(), module, found)),
            UseTree::Glob(_) => panic!("a public glob hides what it brings"),
        }
    }
    let mut found = Vec::new();
    walk(tree, Vec::new(), module, &mut found);
    found
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Struct(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

pub fn is_public(item: &Item) -> bool {
    match item {
        Item::Struct(it) => is_pub(&it.vis),
        Item::Enum(it) => is_pub(&it.vis),
        Item::Trait(it) => is_pub(&it.vis),
        Item::Fn(it) => is_pub(&it.vis),
        Item::Const(it) => is_pub(&it.vis),
        Item::Static(it) => is_pub(&it.vis),
        Item::Type(it) => is_pub(&it.vis),
        Item::Mod(it) => is_pub(&it.vis),
        Item::Use(it) => is_pub(&it.vis),
        _ => false,
    }
}

pub fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Fn(it) => &it.sig.ident,
        Item::Const(it) => &it.ident,
        Item::Static(it) => &it.ident,
        _ => return type_name(item),
    };
    Some(ident.to_string())
}

pub fn type_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Struct(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Type(it) => &it.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

pub fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

pub fn is_hidden(attributes: &[Attribute]) -> bool {
    has(attributes, "doc", "hidden") || is_for_tests(attributes)
}

pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    has(attributes, "cfg", "test")
}

fn has(attributes: &[Attribute], name: &str, argument: &str) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list) if list.path.is_ident(name) && list.tokens.to_string() == argument)
    })
}

pub fn each_name(tokens: TokenStream, found: &mut impl FnMut(String)) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => found(ident.to_string()),
            TokenTree::Group(group) => each_name(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}
