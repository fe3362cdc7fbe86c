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
//! with outputs of its own implements [`Sink`]. [`config`] has the settings, and [`model`] what a run
//! tells. `examples/` has programs to begin with.
//!
//! The other modules are public for the program `fetchall`, for tests and for measurements. They are
//! hidden from this documentation, and any version may change them. `docs/design/architecture.md`
//! tells how they fit together.
#![warn(missing_docs)]

#[doc(hidden)]
pub mod app;
#[doc(hidden)]
pub mod archive;
#[doc(hidden)]
pub mod backend;
#[doc(hidden)]
pub mod compare;
pub mod config;
pub mod demo;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod extract;
#[doc(hidden)]
pub mod fetch;
#[doc(hidden)]
pub mod fleet;
mod library;
#[doc(hidden)]
pub mod mirror;
pub mod model;
#[doc(hidden)]
pub mod output_folder;
#[doc(hidden)]
pub mod page;
#[doc(hidden)]
pub mod policy;
#[doc(hidden)]
pub mod queue;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rewrite;
#[doc(hidden)]
pub mod schedule;
#[doc(hidden)]
pub mod sink;
#[doc(hidden)]
pub mod source;
#[doc(hidden)]
pub mod state;
#[doc(hidden)]
pub mod wacz;
#[doc(hidden)]
pub mod warc;
#[doc(hidden)]
pub mod wire;

pub use app::SetupError;
pub use backend::BackendError;
pub use engine::{RunEnd, RunFault, Stop, StopLevel};
pub use library::{AddError, Feed, Fetchall, JobState, Run, RunDied, Ticket};
pub use sink::{Sink, SinkError};
pub use source::{Input, SourceError};
pub use state::StateError;
