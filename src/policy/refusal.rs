//! Why a crawl does not follow a link: the reason, and the rule that decided.

use std::borrow::Cow;

use crate::model::SkipReason;

/// A link that is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRefusal<'r> {
    /// The reason, as records count it.
    pub reason: SkipReason,
    /// The line, pattern or setting that decided, in words of the user.
    pub rule: Cow<'r, str>,
}

impl<'r> LinkRefusal<'r> {
    /// A refusal for this reason by this rule.
    pub fn new(reason: SkipReason, rule: impl Into<Cow<'r, str>>) -> Self {
        Self { reason, rule: rule.into() }
    }
}
