//! The text of `fetchall --version`: the version, and what this build can do.

use std::env::consts::{ARCH, OS};
use std::sync::LazyLock;

use fetchall::app::sqlite_version;
use fetchall::compare::backends;

/// The version, then a line for each thing that a build may differ in.
pub static DETAILS: LazyLock<String> = LazyLock::new(|| {
    let libc = match () {
        () if cfg!(target_env = "musl") => " musl",
        () if cfg!(target_env = "gnu") => " gnu",
        () => "",
    };
    format!(
        "{version}
system     {ARCH} {OS}{libc}
protocols  http, https (rustls), HTTP/1.1, HTTP/2; proxies http, https, socks4, socks5
codings    gzip, deflate, br, zstd
backends   {backends}
state      SQLite {sqlite}",
        version = env!("CARGO_PKG_VERSION"),
        backends = backends().join(", "),
        sqlite = sqlite_version(),
    )
});
