//! Every failure is data: one record with the right kind, and no file.

mod body;
mod redirect;
mod tls;
mod wire;
