//! The states of the tokenizer between two bytes.

/// The part of the document that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenState {
    /// Text and tags.
    Data,
    /// After `<`.
    TagOpen,
    /// After `</`.
    EndTagOpen,
    TagName,
    BeforeAttribute,
    AttributeName,
    AfterAttribute,
    BeforeValue,
    /// In a value with this quote.
    QuotedValue(u8),
    BareValue,
    AfterValue,
    /// After `/` in a tag.
    EmptyTag,
    /// After `<!`.
    MarkupOpen,
    /// After `<?`.
    Declaration,
    /// Up to the next `>`.
    BogusComment,
    Comment(Comment),
    /// In a CDATA section, after this many `]`, at most two.
    Cdata(u8),
    /// In an element whose content is text.
    RawText,
    RawLessThan,
    /// After `</` and this many bytes of the name of the element.
    RawEnd(usize),
    Script(Escape),
    ScriptLessThan(Escape),
    /// After `<!` and this many `-`.
    ScriptBang(u8),
    /// After `<` and this many bytes of `script`, in a comment.
    ScriptStart(usize),
    /// After `</` and this many bytes of `script`.
    ScriptEnd(Escape, usize),
    /// Text up to the end of the document.
    PlainText,
}

/// Whether a script is in a comment, and there in a script again, with the dashes before the next byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    Once(u8),
    Twice(u8),
}

impl Escape {
    pub fn without_dashes(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Once(_) => Self::Once(0),
            Self::Twice(_) => Self::Twice(0),
        }
    }
}

/// The progress in a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comment {
    /// Dashes before the next byte, at most four. Those of `<!--` count.
    dashes: u8,
    /// Whether only dashes came so far.
    is_new: bool,
    /// Whether `--!` came.
    bang: bool,
}

impl Comment {
    pub const BEGIN: Self = Self { dashes: 2, is_new: true, bang: false };

    /// Whether only a dash can matter next.
    pub fn is_idle(self) -> bool {
        self.dashes == 0 && !self.bang && !self.is_new
    }

    /// Takes the next byte; true if it ends the comment.
    pub fn ends_with(&mut self, byte: u8) -> bool {
        if byte == b'>' && (self.dashes >= 2 || self.bang) {
            return true;
        }
        let needed = if self.is_new { 4 } else { 2 };
        self.bang = byte == b'!' && self.dashes >= needed;
        self.dashes = if byte == b'-' { (self.dashes + 1).min(4) } else { 0 };
        self.is_new &= byte == b'-';
        false
    }
}
