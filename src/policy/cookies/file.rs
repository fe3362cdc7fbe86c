//! Files of cookies: detection of their kind.

use super::line::Skipped;
use super::{Jar, exported, netscape};

impl Jar {
    /// Takes the cookies of a file that are not over. The file has lines as Netscape, curl and wget
    /// write them, or JSON as browsers' extensions write it.
    ///
    /// # Errors
    /// The reason why it is no file of cookies, and a remedy.
    pub fn load(&mut self, file: &[u8], now: i64) -> Result<Skipped, &'static str> {
        let mut skipped = Skipped::default();
        let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err("it is UTF-16; save it as UTF-8");
        }
        if text.starts_with(b"SQLite format 3\0") {
            return Err("it is a browser's database; export its cookies as a cookies.txt file");
        }
        if exported::is_json(text) {
            exported::load(self, text, now, &mut skipped)?;
        } else {
            netscape::load(self, text, now, &mut skipped);
        }
        Ok(skipped)
    }

    /// The text of a file with every cookie that is not over, those of the session among them.
    pub fn text(&self, now: i64) -> Vec<u8> {
        netscape::text(self, now)
    }
}
