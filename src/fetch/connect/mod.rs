//! Clients and their connections: addresses, proxies, TLS, and the limits of heads and frames.

pub(super) mod address_filter;
pub(super) mod alpn_gate;
pub(super) mod client;
pub(super) mod connect_context;
pub(super) mod connection_choice;
pub(super) mod connector;
pub(super) mod dns;
pub(super) mod error;
pub(super) mod frame_filter;
pub(super) mod head_filter;
pub(super) mod head_limits;
pub(super) mod host_field;
pub(super) mod pool;
pub(super) mod proxy;
pub(super) mod response;
pub(super) mod route;
pub(super) mod stream;
pub(super) mod tls;
pub(super) mod wire_heads;
