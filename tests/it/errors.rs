//! Every failure is data: one record with the right kind, and no file.

mod body;
mod digests;
mod redirect;
mod statuses;
mod tls;
mod wire;
