//! The exchange with servers: credentials, cookies, proxies, certificates, versions, heads alone.

mod challenges;
mod cookies;
mod credentials;
mod digest;
mod heads;
mod no_proxy;
mod over_tls;
mod proxies;
mod repeats;
mod tunnels;
mod versions;
mod withheld;
