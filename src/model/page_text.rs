//! The text of a page, and what the page says of itself.

use serde::{Deserialize, Serialize};

/// The form of the text of pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TextFormat {
    /// CommonMark, with the tables of GitHub.
    #[default]
    Markdown,
    /// Without any marks.
    Plain,
    /// The elements of the main content, without scripts and styles.
    Html,
}

/// The main text of a page, and what the page says of itself. Absent facts are `None`, never guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageText {
    /// The title, with single blanks.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The language tag (RFC 5646).
    pub language: Option<String>,
    /// The URL that the page declares as its canonical one.
    pub canonical: Option<String>,
    /// When the page was published: a time in UTC (RFC 3339), or a date.
    pub published: Option<String>,
    /// When it was last modified, in the same forms.
    pub modified: Option<String>,
    /// The headings of the main content, in its order.
    pub headings: Vec<PageHeading>,
    /// The main content.
    pub text: String,
    /// The links of the main content, in its order.
    pub links: Vec<TextLink>,
    /// Whether a limit cut the text, the headings or the links.
    pub is_cut: bool,
    /// Why there is no text.
    pub error: Option<String>,
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageHeading {
    /// From 1 to 6.
    pub level: u8,
    /// Its text, with single blanks.
    pub text: String,
}

/// A link in the main content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLink {
    /// The absolute URL, with its fragment.
    pub url: String,
    /// The text that a reader sees, with single blanks.
    pub text: String,
}

impl PageText {
    /// A page without a text, for this reason.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { error: Some(why.into()), ..Self::default() }
    }

    /// The memory of its texts, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let facts = [
            &self.title,
            &self.description,
            &self.language,
            &self.canonical,
            &self.published,
            &self.modified,
            &self.error,
        ];
        let facts = facts.into_iter().flatten().map(String::len).sum::<usize>();
        let headings = self.headings.iter().map(|heading| size_of::<PageHeading>() + heading.text.len()).sum::<usize>();
        let links = self.links.iter().map(|link| size_of::<TextLink>() + link.url.len() + link.text.len());
        size_of::<Self>() + facts + headings + self.text.len() + links.sum::<usize>()
    }
}
