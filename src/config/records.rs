//! How results and progress are shown.

/// The format of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One aligned line a URL, for people.
    Text,
    /// One JSON object a line; `json` is another name for it.
    Ndjson,
    /// Comma-separated with a header line.
    Csv,
    /// Tab-separated with a header line.
    Tsv,
}

/// The display of a run while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere.
    Auto,
    /// A bar.
    Bar,
    /// A line now and then.
    Plain,
    /// Events as JSON lines.
    Json,
    /// Nothing.
    None,
}

/// Which results the text records list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Show {
    /// `Changes` on a terminal, `All` elsewhere.
    #[default]
    Auto,
    /// Every result.
    All,
    /// Results that say something new: none that are done, unmodified, cancelled or duplicates.
    Changes,
    /// Failures only.
    Failures,
    /// None.
    None,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
