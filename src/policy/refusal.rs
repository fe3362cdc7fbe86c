//! Why a crawl does not follow a link: the reason, and the rule that decided.

use std::borrow::Cow;

/// A link that is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRefusal<'r> {
    /// The reason, as records count it.
    pub reason: RefusalReason,
    /// The line, pattern or setting that decided, in words of the user.
    pub rule: Cow<'r, str>,
}

/// A reason to refuse a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// It is out of the scope of the crawl.
    Scope,
    /// Its file name is not among those that the user wants.
    Type,
    /// The robots.txt of its origin disallows it.
    Robots,
    /// It leads into a part of a site without an end.
    Trap,
}

impl RefusalReason {
    /// The name in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            RefusalReason::Scope => "scope",
            RefusalReason::Type => "type",
            RefusalReason::Robots => "robots",
            RefusalReason::Trap => "trap",
        }
    }
}

impl<'r> LinkRefusal<'r> {
    /// A refusal for this reason by this rule.
    pub fn new(reason: RefusalReason, rule: impl Into<Cow<'r, str>>) -> Self {
        Self { reason, rule: rule.into() }
    }
}
