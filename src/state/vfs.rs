//! SQLite's own access to the files of Unix, without its resolution of links.
//!
//! SQLite replaces each link in the name of a database by its target, also the links of `/proc/self/fd`. A name
//! through a descriptor would become the path that the folder has at that moment, and the folder of that path may be
//! another one a moment later. So this access, which else is the default one, takes names as they are.

use std::ffi::{CStr, c_char, c_int};
use std::sync::OnceLock;

use rusqlite::ffi::{SQLITE_CANTOPEN, SQLITE_OK, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register};

const NAME: &CStr = c"fetchall-names-as-they-are";

/// Returns the name of the access for SQLite, after its registration. `None` if SQLite does not take it.
#[expect(unsafe_code, reason = "rusqlite has no safe call that registers an access to files")]
pub(super) fn name() -> Option<&'static CStr> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let is_registered = REGISTERED.get_or_init(|| {
        // SAFETY: null asks for the default, which stays valid for the life of the process.
        let Some(default) = (unsafe { sqlite3_vfs_find(std::ptr::null()).as_ref() }) else { return false };
        let vfs = sqlite3_vfs {
            zName: NAME.as_ptr(),
            pNext: std::ptr::null_mut(),
            xFullPathname: Some(as_it_is),
            ..*default
        };
        // SAFETY: SQLite keeps the pointer, and the value is never freed. All its other functions are the default's,
        // which do not depend on the address of the value.
        unsafe { sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0) == SQLITE_OK }
    });
    is_registered.then_some(NAME)
}

/// Copies an absolute path to `out`, which has room for `room` bytes.
#[expect(unsafe_code, reason = "SQLite passes pointers")]
unsafe extern "C" fn as_it_is(_: *mut sqlite3_vfs, path: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite passes a path that ends with a null byte.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes_with_nul();
    if !path.starts_with(b"/") || !usize::try_from(room).is_ok_and(|room| path.len() <= room) {
        return SQLITE_CANTOPEN;
    }
    // SAFETY: the path with its null byte fits, and `out` is memory of its own.
    unsafe { std::ptr::copy_nonoverlapping(path.as_ptr().cast(), out, path.len()) };
    SQLITE_OK
}
