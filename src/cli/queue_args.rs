//! The command line of `fetchall queue`.

use clap::{Args, Subcommand};

/// The text below the help.
pub const NOTES: &str = "\
QUEUE is the value of --queue: redis://[USER:PASSWORD@]HOST[:PORT][/DB]?job=NAME, rediss://…, or unix:/PATH?job=NAME.
A password on the command line is seen by other users of the machine: set FETCHALL_QUEUE and leave QUEUE out.";

/// The commands for a queue.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// Show what waits, what is done, and which workers live
    Status {
        /// The queue.
        #[command(flatten)]
        queue: QueueArg,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the hosts: URLs that wait, URLs that are leased, the worker, seconds until due
    Hosts {
        /// The queue.
        #[command(flatten)]
        queue: QueueArg,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List the URLs that failed because five workers died fetching them
    Failed {
        /// The queue.
        #[command(flatten)]
        queue: QueueArg,
        /// Their records, one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Put the URLs that `failed` lists back into the queue
    Retry(QueueArg),
    /// Let workers finish what they have, and lease no more
    Pause(QueueArg),
    /// Let a paused job go on
    Resume(QueueArg),
    /// Write all committed records to standard output, one JSON object a line
    Export(QueueArg),
    /// Remove the job with all its records
    Clear {
        /// The queue.
        #[command(flatten)]
        queue: QueueArg,
        /// Remove it without a question
        #[arg(long)]
        yes: bool,
        /// Remove it although workers live
        #[arg(long)]
        force: bool,
    },
}

/// The queue.
#[derive(Debug, Args)]
pub struct QueueArg {
    /// The server and the job [default: the setting `queue`]
    #[arg(value_name = "QUEUE")]
    pub queue: Option<String>,
}
