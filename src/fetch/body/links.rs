//! The links of a document, found while its body arrives.

use std::io::Write as _;

use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use url::Url;

use super::observer::{BodyObserver, ObserverRequest};
use crate::extract::{DocumentHead, Extractor};
use crate::model::{FetchError, Found, Kind, Needs, Seed};
use crate::policy::traps::compares_similar;

/// The first bytes of gzip (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Returns the observer of a document at this URL. `forms` says whether targets of forms count.
pub(crate) fn observer(url: &Url, fields: &HeaderMap, seed: &Seed, forms: bool, needs: Needs) -> Box<dyn BodyObserver> {
    let is_sitemap = seed.kind == Kind::Sitemap;
    let compares_similar = compares_similar(&seed.url);
    let (link_texts, anchors) = (needs.contains(Needs::LINK_TEXTS), needs.contains(Needs::ANCHORS));
    let head =
        DocumentHead { is_sitemap, forms, compares_similar, link_texts, anchors, ..DocumentHead::new(url, fields) };
    let coding = if is_sitemap { FileCoding::Unknown(Vec::new()) } else { FileCoding::None };
    Box::new(BodyLinks { extractor: Some(Extractor::new(&head)), coding })
}

/// The links of one body.
struct BodyLinks {
    /// `None` once the body has ended.
    extractor: Option<Extractor>,
    coding: FileCoding,
}

/// The compression of a file. Only sitemaps have one: their first bytes decide, not their name or type.
enum FileCoding {
    /// Fewer bytes have come than decide.
    Unknown(Vec<u8>),
    None,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// It cannot be read on. The links so far count.
    Damaged,
}

impl BodyLinks {
    fn piece(&mut self, bytes: &[u8]) {
        if let Some(extractor) = &mut self.extractor {
            extractor.piece(bytes);
        }
    }

    /// Takes a piece of a file that may be compressed.
    fn file_piece(&mut self, bytes: &[u8]) {
        match &mut self.coding {
            FileCoding::None => self.piece(bytes),
            FileCoding::Damaged => {}
            FileCoding::Unknown(first) => {
                first.extend_from_slice(bytes);
                if first.len() >= GZIP.len() {
                    self.begin();
                }
            }
            FileCoding::Gzip(decoder) => {
                // In small pieces, because each may become a thousand times as long.
                for piece in bytes.chunks(1024) {
                    let is_read = decoder.write_all(piece).is_ok();
                    let decoded = std::mem::take(decoder.get_mut());
                    if let Some(extractor) = &mut self.extractor {
                        extractor.piece(&decoded);
                    }
                    if !is_read {
                        self.coding = FileCoding::Damaged;
                        return;
                    }
                }
            }
        }
    }

    /// Reads the first bytes.
    fn begin(&mut self) {
        let FileCoding::Unknown(first) = &mut self.coding else { return };
        let first = std::mem::take(first);
        self.coding = FileCoding::None;
        if first.starts_with(&GZIP) {
            self.coding = FileCoding::Gzip(Box::new(MultiGzDecoder::new(Vec::new())));
        }
        self.file_piece(&first);
    }
}

impl BodyObserver for BodyLinks {
    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        self.file_piece(bytes);
        ObserverRequest::More
    }

    fn end(&mut self, _trailers: Option<&HeaderMap>, found: &mut Found) -> Result<(), FetchError> {
        self.begin();
        if let FileCoding::Gzip(decoder) = &mut self.coding {
            // Err: the file is cut off. The links so far count.
            let _ = decoder.try_finish();
            let decoded = std::mem::take(decoder.get_mut());
            self.piece(&decoded);
        }
        found.links = self.extractor.take().map(|extractor| Box::new(extractor.end()));
        Ok(())
    }
}
