//! The icons of a web application manifest.

use serde_json::Value;

use super::collector::LinkCollector;
use crate::model::LinkKind;

/// The longest manifest that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// A manifest that is read as a whole.
#[derive(Debug, Default)]
pub(super) struct ManifestReader(Vec<u8>);

impl ManifestReader {
    /// Keeps the next piece, up to the longest manifest.
    pub fn piece(&mut self, bytes: &[u8]) {
        let room = (LONGEST + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The memory of the buffers, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// Takes the icons of the whole manifest.
    pub fn end(&self, links: &mut LinkCollector) {
        if self.0.len() > LONGEST {
            return links.cut();
        }
        let manifest: Value = serde_json::from_slice(&self.0).unwrap_or_default();
        let icons = manifest.get("icons").and_then(Value::as_array).into_iter().flatten();
        for source in icons.filter_map(|icon| icon.get("src")?.as_str()) {
            links.link(source, LinkKind::Hint, false);
        }
    }
}
