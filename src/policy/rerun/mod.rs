//! What a later run makes of the results of an earlier one.

pub mod change;
pub mod selection;
