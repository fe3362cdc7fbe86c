//! The exchange of one job: its requests, the verdict on its response, and what a response sets.

mod archive;
mod archive_thread;
pub(super) mod authentication;
pub(super) mod challenges;
pub(super) mod classify;
pub(super) mod conditional;
pub(super) mod cookies;
pub(super) mod deadlines;
pub(super) mod drain;
pub(super) mod fetcher;
pub(super) mod head_facts;
pub(super) mod host_fields;
mod probe;
pub(super) mod receive;
pub(super) mod redirect;
mod repeat;
pub(super) mod request;
pub(super) mod resume;
pub(super) mod services;
pub(super) mod state;
pub(super) mod verdict;
