//! This program as its own child process. The child gets its settings by a pipe or a file, so it needs
//! little of the environment, which may hold passwords and proxies.

use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::Context;
use fetchall::model::ChildProgram;

/// The variables that a child keeps.
const KEPT: [&str; 14] = [
    // The certificate authorities.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    // resolver(5) of the C library.
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "HOSTALIASES",
    // The folder of temporary files.
    "TMPDIR",
    "TMP",
    "TEMP",
    // The dynamic linker. Programs such as torsocks work through these, and a child must not bypass them.
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    // Reports of defects.
    "RUST_BACKTRACE",
    // Windows opens no socket without it.
    "SYSTEMROOT",
];

/// Returns this program with the variables that a child needs.
pub fn program(vars: &BTreeMap<OsString, OsString>) -> anyhow::Result<ChildProgram> {
    let path = std::env::current_exe().context("cannot tell where this program is")?;
    let is_kept =
        |name: &OsString| KEPT.iter().any(|kept| name == kept || (cfg!(windows) && name.eq_ignore_ascii_case(kept)));
    let kept = vars.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone()));
    Ok(ChildProgram { path, environment: Some(kept.collect()) })
}
