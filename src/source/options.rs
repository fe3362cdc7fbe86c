//! The user's settings for lists.

use std::sync::Arc;

use encoding_rs::Encoding;
use url::Url;

use super::ListOpener;
use crate::config::{Config, InputFormat};

/// Settings for reading lists.
#[derive(Clone, Default)]
pub struct ListOptions {
    /// The format of the lists; `Auto` detects it.
    pub format: InputFormat,
    /// The encoding of their text if no byte order mark shows another; `None` detects it.
    pub encoding: Option<&'static Encoding>,
    /// The column of tables that holds the URLs, by its name or its number from 1; `None` detects it.
    pub url_column: Option<String>,
    /// Whether a list without columns is refused, because it cannot have the one that is named.
    pub tables_only: bool,
    /// Whether the run saves nothing, so that the file names of a list have no effect.
    pub unsaved: bool,
    /// The URL of documents with relative URLs. A fetched list knows its own.
    pub base: Option<Url>,
    /// Fetches lists that are named by URL, and the sitemaps of an index.
    pub opener: Option<Arc<dyn ListOpener>>,
}

impl From<InputFormat> for ListOptions {
    fn from(format: InputFormat) -> Self {
        Self { format, ..Self::default() }
    }
}

impl From<&Config> for ListOptions {
    fn from(config: &Config) -> Self {
        Self {
            format: config.input_format,
            encoding: config.input_encoding,
            url_column: config.url_column.clone(),
            tables_only: false,
            unsaved: config.dir.is_none(),
            base: config.base.clone(),
            opener: None,
        }
    }
}
