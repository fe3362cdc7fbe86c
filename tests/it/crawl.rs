//! Crawls: links are followed, politely and completely.

mod links;
mod redirects;
mod robots;
mod scope;
mod site;
mod sitemaps;
mod traps;
