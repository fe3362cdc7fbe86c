//! The Robots Exclusion Protocol (RFC 9309): what a server asks crawlers to leave alone.
//!
//! [`RobotsRules`] are read from the bytes of a robots.txt. [`SiteRobots`] belongs to one origin. It
//! turns the answer to the request for robots.txt, or its absence, into rules and a time to ask again. The
//! directives of pages and responses are here too.

mod directives;
mod limits;
mod lines;
mod pattern;
mod rules;
mod site;

#[cfg(test)]
mod tests;

pub use directives::{is_nofollow_meta, is_nofollow_response};
pub use limits::RobotsLimits;
pub use rules::{CrawlDelay, DecidedBy, RobotsRules, RobotsVerdict};
pub use site::{RobotsAnswer, SiteRobots};
