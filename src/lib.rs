//! fetchall downloads every URL of a list, at speed, with one truthful record each.
//!
//! ```text
//!  files / stdin / arguments
//!         │ text
//!         ▼
//!    ┌────────┐ Seed  ┌──────────┐ Job   ┌─────────────┐ Outcome ┌──────────┐ &Event ┌──────────┐
//!    │ source ├──────▶│ schedule ├──────▶│   backend   ├────────▶│ dispatch ├───────▶│ reporters│
//!    └────────┘       └────▲─────┘bounded│ N × fetcher │ bounded │ (engine) │        └──────────┘
//!                          │      channel└─────────────┘ channel │          ├───────▶┌──────────┐
//!                          └──────────── settle ◀────────────────┘          │Outcome │  sinks   │
//!                                                                           ▼        └──────────┘
//!                                                                     Summary → exit code
//! ```
//!
//! A program needs [`Fetchall`] and the `Stream` of [`model::Outcome`]s that it starts; a program
//! with outputs of its own implements [`sink::Sink`]. The modules are public so that the parts can
//! be tested and measured alone; `docs/design/architecture.md` tells how they fit together.
#![warn(missing_docs)]

pub mod app;
pub mod archive;
pub mod backend;
pub mod compare;
pub mod config;
pub mod demo;
pub mod engine;
pub mod extract;
pub mod fetch;

mod library;
pub mod model;
pub mod output_folder;
pub mod page;
pub mod policy;
pub mod queue;
pub mod report;
pub mod schedule;
pub mod sink;
pub mod source;
pub mod state;
pub mod wacz;
pub mod warc;
pub mod wire;

pub use library::{AddError, Feed, Fetchall, JobState, Run, RunDied, Ticket};
