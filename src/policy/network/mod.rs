//! Addresses and hosts: which are public, and which bypass a proxy.

pub mod address;
pub mod no_proxy;
