//! JSON objects that wrap a list: its position, and advice on taking it out.

use crate::model::{plain_word, shown_pattern};

/// The depth to which objects are searched.
const DEEPEST: usize = 16;

/// An array in an object, by the names that lead to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrappedArray(Vec<String>);

impl WrappedArray {
    /// Whether it is in an object of the object.
    pub fn is_deep(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns the advice for this object.
    pub fn advice(&self) -> String {
        if let [log, "pages" | "entries"] = *self.0.iter().map(String::as_str).collect::<Vec<_>>()
            && log == "log"
        {
            return "a HAR file, which records the requests of a browser; \
                    take the URLs out, such as with jq -r '.log.entries[].request.url' LIST"
                .to_owned();
        }
        let Some(names) =
            self.0.iter().map(|name| plain_word(name).and_then(shown_pattern)).collect::<Option<Vec<_>>>()
        else {
            return "a JSON object that wraps the list; take the array out, such as with jq".to_owned();
        };
        let path: String = names.iter().map(|name| format!("[\"{name}\"]")).collect();
        let names = names.join(".");
        format!("a JSON object that wraps the list in `{names}`; take the array out, such as with jq '.{path}' LIST")
    }
}

/// Finds the first array of URLs or objects that a JSON object wraps, if it names no URL itself. The
/// object may be cut off. Arrays in arrays are not searched.
pub(super) fn wrapped_array(object: &[u8]) -> Option<WrappedArray> {
    let mut found = None;
    // The names of the objects and arrays that are open, but that of the outermost.
    let mut path: Vec<&[u8]> = Vec::new();
    // How many are open, and how many of these are in an array or are one.
    let (mut depth, mut in_array) = (0_usize, 0_usize);
    // The last string, and whether a colon followed it.
    let (mut name, mut named) = (&object[..0], false);
    let mut at = 0;
    while let Some(&byte) = object.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let begin = at;
                while object.get(at).is_some_and(|&byte| byte != b'"') {
                    at += if object[at] == b'\\' { 2 } else { 1 };
                }
                if !named {
                    name = &object[begin..at.min(object.len())];
                }
                at += 1;
            }
            b':' => {
                if depth == 1 && name == b"url" {
                    return None;
                }
                named = true;
            }
            b',' => named = false,
            b'{' | b'[' => {
                if depth > 0 && path.len() < DEEPEST && in_array == 0 {
                    path.push(name);
                    path.truncate(depth);
                    if byte == b'[' && named && found.is_none() && holds_urls(&object[at..]) {
                        found = Some(path.clone());
                    }
                }
                depth += 1;
                in_array += usize::from(byte == b'[' || in_array > 0);
                named = false;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                in_array = in_array.saturating_sub(1);
                if depth == 0 {
                    break;
                }
                path.truncate(depth - 1);
                named = false;
            }
            _ => {}
        }
    }
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    found.map(|path| WrappedArray(path.into_iter().map(text).collect()))
}

/// Whether an array, behind its bracket, begins with a URL or an object.
fn holds_urls(array: &[u8]) -> bool {
    let first = array.trim_ascii_start();
    first.starts_with(b"\"http") || first.starts_with(b"{")
}
