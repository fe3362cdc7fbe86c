//! The exchange of one job: its requests, the verdict on its response, and what a response sets.

pub(super) mod authentication;
pub(super) mod classify;
pub(super) mod cookies;
pub(super) mod deadlines;
pub(super) mod drain;
pub(super) mod fetcher;
pub(super) mod host_fields;
pub(super) mod local_file;
pub(super) mod receive;
pub(super) mod redirect;
pub(super) mod request;
pub(super) mod resume;
pub(super) mod verdict;
