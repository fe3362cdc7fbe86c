//! Passes outcomes to a function, for programs that use the library.

use std::ops::ControlFlow;

use super::{Sink, SinkError};
use crate::model::Outcome;

/// Calls a function with each outcome.
pub struct Callback<F>(F);

impl<F: FnMut(&Outcome) + Send> Callback<F> {
    /// Creates a sink that calls this function.
    pub fn new(function: F) -> Self {
        Self(function)
    }
}

impl<F: FnMut(&Outcome) + Send> Sink for Callback<F> {
    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        (self.0)(outcome);
        Ok(ControlFlow::Continue(()))
    }
}
