//! The integration tests, in one binary: a module for each subject, linked once.
//!
//! Each test starts programs through `support::process`, without an environment and in a folder of
//! its own. Its servers listen on 127.0.0.0/8: `support::mock` is ordinary HTTP, `support::fault`
//! misbehaves on the wire and `support::tls` in handshakes. No test reaches the network, sleeps to
//! be lucky, waits without a deadline, or needs a fixed port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail loudly, say what they skip, and stand outside the program whose rules these are"
)]

mod addresses;
mod architecture;
mod attacks;
mod backends;
mod chains;
mod changes;
mod check;
mod chunks;
mod coded_floods;
mod compare;
mod config;
mod crawl;
mod cut;
mod decoder_memory;
mod docs;
mod errors;
mod examples;
mod exchange;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod fleet;
mod floods;
mod formats;
mod hostile;
mod input;
mod known;
mod library;
#[cfg(unix)]
mod live_view;
mod mirror;
mod octets;
mod ordinary;
mod output;
mod pace;
mod public_api;
#[cfg(unix)]
mod queue_command;
mod quiet;
mod readers;
mod readme;
mod real_site;
mod redirect_hosts;
mod response_heads;
mod resume;
mod retry;
mod retry_from;
mod run_report;
mod saving;
mod scheduled;
mod screen;
mod secrets;
mod shutdown;
mod snapshots;
mod support;
mod support_self;
mod text;
mod timing;
mod transfer_codings;
mod unread;
mod wacz;
mod waiting;
mod warc_reader;
mod warc_writer;
