//! Reads the public surface of the library from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{ImplItem, Item, ItemImpl, TraitItem, Type};

use super::modules::{
    attributes, each_name, find, is_for_tests, is_hidden, is_pub, is_public, made_by_macro, names, read_module,
    type_name,
};

/// The public items, in words, and what they name.
pub struct Surface {
    /// One line an item: its path and its declaration without a body. Sorted.
    pub items: Vec<String>,
    /// The types among them.
    types: BTreeSet<String>,
    /// The identifiers in the items, with the first item that has each.
    named: BTreeMap<String, String>,
    /// Every type that the crate defines.
    all_types: BTreeSet<String>,
}

impl Surface {
    /// Reads `src/lib.rs` and the files of its modules.
    pub fn read() -> Surface {
        let mut modules = Vec::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        read_module(&mut modules, vec![], &root.join("lib.rs"), true);
        let mut surface =
            Surface { items: Vec::new(), types: BTreeSet::new(), named: BTreeMap::new(), all_types: BTreeSet::new() };
        for item in modules.iter().flat_map(|module| &module.items) {
            surface.all_types.extend(type_name(item));
        }
        for module in modules.iter().filter(|module| module.is_visible) {
            let path = ["fetchall".to_owned()].iter().chain(&module.path).cloned().collect::<Vec<_>>().join("::");
            for item in module.items.iter().filter(|item| is_public(item) && !is_hidden(attributes(item))) {
                match item {
                    Item::Use(reexport) => {
                        for (target, name) in names(&reexport.tree, &module.path) {
                            let path = format!("{path}::{name}");
                            match (find(&modules, &target), made_by_macro(&modules, &target)) {
                                (Some(item), _) => surface.add(&path, item),
                                (None, Some(invocation)) => {
                                    surface.types.insert(name);
                                    surface.items.push(format!("{path}: {}", text(invocation)));
                                }
                                (None, None) => panic!("{path}: no item {target:?}"),
                            }
                        }
                    }
                    _ => surface.add(&path, item),
                }
            }
        }
        for implementation in modules.iter().flat_map(|module| &module.items) {
            if let Item::Impl(implementation) = implementation {
                surface.add_impl(implementation);
            }
        }
        surface.items.sort();
        surface.items.dedup();
        surface
    }

    /// The types of the crate that public items name although they are not among them, each with an item.
    pub fn hidden_types(&self) -> Vec<String> {
        let hidden =
            self.named.iter().filter(|(name, _)| self.all_types.contains(*name) && !self.types.contains(*name));
        hidden.map(|(name, item)| format!("{name}, in {item}")).collect()
    }

    /// Adds an item under its path, or under the path of its module.
    fn add(&mut self, path: &str, item: &Item) {
        self.types.extend(type_name(item));
        let mut item = item.clone();
        strip(&mut item);
        let line = format!("{path}: {}", text(item.to_token_stream()));
        match &item {
            // The names of variants are no types.
            Item::Enum(it) => {
                it.variants.iter().for_each(|variant| self.names_in(variant.fields.to_token_stream(), &line))
            }
            _ => self.names_in(item.to_token_stream(), &line),
        }
        self.items.push(line);
    }

    /// Adds what an `impl` gives to a public type: its public functions, or the trait.
    fn add_impl(&mut self, implementation: &ItemImpl) {
        let Type::Path(path) = &*implementation.self_ty else { return };
        let Some(name) = path.path.segments.last().map(|segment| segment.ident.to_string()) else { return };
        if !self.types.contains(&name) || is_for_tests(&implementation.attrs) {
            return;
        }
        if let Some((of, _)) = &implementation.trait_ {
            let trait_name = of.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
            if self.all_types.contains(&trait_name) && !self.types.contains(&trait_name) {
                return;
            }
            self.items.push(text(quote::quote!(#name: impl #of)).replace('"', ""));
            return;
        }
        for item in &implementation.items {
            match item {
                ImplItem::Fn(function) if is_pub(&function.vis) && !is_hidden(&function.attrs) => {
                    self.add_line(&name, function.sig.to_token_stream());
                }
                ImplItem::Const(constant) if is_pub(&constant.vis) && !is_hidden(&constant.attrs) => {
                    let (ident, ty) = (&constant.ident, &constant.ty);
                    self.add_line(&name, quote::quote!(const #ident: #ty));
                }
                _ => {}
            }
        }
    }

    fn add_line(&mut self, path: &str, declaration: TokenStream) {
        let line = format!("{path}: {}", text(declaration.clone()));
        self.names_in(declaration, &line);
        self.items.push(line);
    }

    fn names_in(&mut self, declaration: TokenStream, line: &str) {
        each_name(declaration, &mut |name| {
            self.named.entry(name).or_insert_with(|| line.to_owned());
        });
    }
}

/// Removes bodies, private fields, documentation and attributes.
fn strip(item: &mut Item) {
    match item {
        Item::Struct(it) => {
            it.attrs.clear();
            let has_private = it.fields.iter().any(|field| !is_pub(&field.vis) || is_hidden(&field.attrs));
            it.fields.iter_mut().for_each(|field| field.attrs.clear());
            if let (true, syn::Fields::Named(fields)) = (has_private, &mut it.fields) {
                let public = fields.named.clone().into_iter().filter(|field| is_pub(&field.vis));
                fields.named = public.chain([syn::parse_quote!(__: __)]).collect();
            } else if has_private {
                it.fields = syn::Fields::Unnamed(syn::parse_quote!((__)));
            }
        }
        Item::Enum(it) => {
            it.attrs.clear();
            for variant in &mut it.variants {
                variant.attrs.clear();
                variant.fields.iter_mut().for_each(|field| field.attrs.clear());
            }
        }
        Item::Trait(it) => {
            it.attrs.clear();
            for item in &mut it.items {
                if let TraitItem::Fn(function) = item {
                    function.attrs.clear();
                    function.default = function.default.take().map(|_| syn::parse_quote!({}));
                }
            }
        }
        Item::Fn(it) => {
            it.attrs.clear();
            *it.block = syn::parse_quote!({});
        }
        Item::Const(it) => {
            it.attrs.clear();
            *it.expr = syn::parse_quote!(__);
        }
        Item::Static(it) => {
            it.attrs.clear();
            *it.expr = syn::parse_quote!(__);
        }
        Item::Type(it) => it.attrs.clear(),
        Item::Mod(it) => {
            it.attrs.clear();
            it.content = None;
        }
        other => panic!("an item of another sort: {}", other.to_token_stream()),
    }
}

/// The text of tokens with the spaces of Rust.
fn text(tokens: TokenStream) -> String {
    let mut text = tokens.to_string().replace('\n', " ");
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" :", ":"),
        (" ,", ","),
        (" ;", ";"),
        ("& ", "&"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        (" )", ")"),
        ("( ", "("),
        (" ?", "?"),
        ("# ", "#"),
        ("__: __", ".."),
        ("(__)", "(..)"),
        (" = __;", ";"),
    ] {
        text = text.replace(from, to);
    }
    text.replace("->(", "-> (")
}
