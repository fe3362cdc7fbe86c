//! Crawls: links are followed, politely and completely.

mod again;
mod demo;
mod explain;
#[cfg(unix)]
pub mod kill;
mod links;
mod live;
mod map;
mod on_link;
mod records;
mod redirects;
mod robots;
mod scope;
mod secrets;
pub mod site;
mod sitemaps;
mod start_pages;
mod traps;
