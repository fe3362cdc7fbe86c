//! Tests of the head filter.
