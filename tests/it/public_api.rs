//! The public surface of the library equals the list that is checked in, and names no hidden type.
//!
//! Tools that read the public surface from the compiler (`cargo public-api`, `cargo semver-checks`) need a nightly
//! toolchain or a published version to compare with, so the list is made from the source. After a change on purpose,
//! `INSTA_UPDATE=always cargo test --test it -- public_api` writes it.

mod modules;
mod surface;

use surface::Surface;

#[test]
fn public_surface_equals_the_list() {
    let surface = Surface::read();
    assert!(surface.items.len() > 20, "the reader finds the surface: {:?}", surface.items);
    insta::assert_snapshot!("public_api", surface.items.join("\n"));
}

#[test]
fn public_items_name_no_hidden_type() {
    let hidden = Surface::read().hidden_types();
    assert!(hidden.is_empty(), "hidden, but named by public items: {hidden:#?}");
}
