//! Who is told what on the way: credentials, proxies, certificates, and requests for heads alone.

mod credentials;
mod heads;
mod proxies;
