//! What the user says of lists.

use std::sync::Arc;

use encoding_rs::Encoding;
use url::Url;

use super::ListOpener;
use crate::config::{Config, InputFormat};

/// How lists are read.
#[derive(Clone, Default)]
pub struct ListOptions {
    /// How they are written; `Auto` finds out.
    pub format: InputFormat,
    /// The encoding of their text where no byte order mark shows another; `None` finds out.
    pub encoding: Option<&'static Encoding>,
    /// The column of tables that holds the URLs, by its name or its number from 1; `None` finds out.
    pub url_column: Option<String>,
    /// Whether a list without columns is refused, because it cannot have the one that is named.
    pub tables_only: bool,
    /// Where documents with relative URLs were; a list that was fetched knows that itself.
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
            base: config.base.clone(),
            opener: None,
        }
    }
}
