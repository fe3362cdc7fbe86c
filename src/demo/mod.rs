//! A small web site on loopback, for trying fetchall with no network at all.
//!
//! It shows what a list meets in the wild: pages of all sizes that take their time, a coded body,
//! a redirect, a missing page, a slow one, and one whose body is cut short. The server is written
//! by hand on TCP, so that it can send an answer that a correct HTTP library refuses to send.

mod connection;
mod pages;
mod request;
mod site;

pub use site::Site;
