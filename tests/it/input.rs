//! What is read, in what order it is fetched, and what is sent with it.

mod credentials;
mod lists;
mod remote;
mod tables;
