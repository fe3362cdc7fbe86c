//! A queued URL as bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{QueueError, Queued};
use crate::model::{Claimed, JobId, Kind, SourcePos, Via};
use crate::policy::text::fingerprint::Fingerprint;

#[derive(Serialize, Deserialize)]
struct StoredUrl<'a> {
    id: u64,
    url: &'a str,
    #[serde(borrow)]
    via: StoredVia<'a>,
    depth: u32,
    kind: Kind,
    priority: i32,
    save_as: Option<&'a str>,
    key: Option<u128>,
}

#[derive(Serialize, Deserialize)]
enum StoredVia<'a> {
    List(&'a str, u64),
    Added(&'a str, u64),
    Start(&'a str, u64),
    Link(&'a str, u64),
    Sitemap(&'a str, u64),
}

/// Appends a URL to `bytes`.
pub(super) fn encode(url: &Queued, bytes: &mut Vec<u8>) -> Result<(), QueueError> {
    let via = match &url.via {
        Via::List(origin) => StoredVia::List(&origin.list, origin.line),
        Via::Added(origin) => StoredVia::Added(&origin.list, origin.line),
        Via::Start(origin) => StoredVia::Start(&origin.list, origin.line),
        Via::Link(origin) => StoredVia::Link(&origin.list, origin.line),
        Via::Sitemap(origin) => StoredVia::Sitemap(&origin.list, origin.line),
    };
    let stored = StoredUrl {
        id: url.id.0,
        url: url.url.as_str(),
        via,
        depth: url.depth,
        kind: url.kind,
        priority: url.priority,
        save_as: url.save_as.as_ref().map(|name| &*name.0),
        key: url.key.map(|key| key.0),
    };
    postcard::to_io(&stored, bytes).map(drop).map_err(|e| QueueError(e.to_string()))
}

/// Reads a URL. URLs of one list share its name: `list` is that of the URL before.
pub(super) fn decode(bytes: &[u8], list: &mut Arc<str>) -> Result<Queued, QueueError> {
    let damaged = |what: &dyn std::fmt::Display| QueueError(format!("a URL of the queue is damaged: {what}"));
    let stored: StoredUrl<'_> = postcard::from_bytes(bytes).map_err(|e| damaged(&e))?;
    let mut origin = |name: &str, line| {
        if **list != *name {
            *list = Arc::from(name);
        }
        SourcePos { list: list.clone(), line }
    };
    let via = match stored.via {
        StoredVia::List(list, line) => Via::List(origin(list, line)),
        StoredVia::Added(list, line) => Via::Added(origin(list, line)),
        StoredVia::Start(list, line) => Via::Start(origin(list, line)),
        StoredVia::Link(list, line) => Via::Link(origin(list, line)),
        StoredVia::Sitemap(list, line) => Via::Sitemap(origin(list, line)),
    };
    Ok(Queued {
        id: JobId(stored.id),
        url: Url::parse(stored.url).map_err(|e| damaged(&e))?,
        via,
        depth: stored.depth,
        kind: stored.kind,
        priority: stored.priority,
        save_as: stored.save_as.map(|name| Claimed(name.into())),
        key: stored.key.map(Fingerprint),
    })
}
