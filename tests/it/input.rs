//! The input, the order of the fetches, and the fields and credentials of the requests.

mod credentials;
mod lists;
mod remote;
mod tables;
