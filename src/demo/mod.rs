//! A small web site on loopback, for trying fetchall with no network at all.
//!
//! It has pages of all sizes and latencies. Other pages show a coded body, a redirect, a missing page, a slow page,
//! and a truncated body. The server is written by hand on TCP, so that it can send an answer that a correct HTTP
//! library refuses to send.
//!
//! For a crawl the site has a home page, a robots.txt, a sitemap, and a calendar without an end.

mod connection;
mod pages;
mod request;
mod site;

pub use site::Site;
