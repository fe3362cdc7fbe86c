//! Who is told what on the way: credentials, cookies, proxies, certificates; HTTP/2 and heads alone.

mod cookies;
mod credentials;
mod heads;
mod http2;
mod proxies;
