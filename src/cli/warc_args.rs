//! The command line of `fetchall warc`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The text below the help.
pub const NOTES: &str = "\
WARC 1.0 and 1.1, plain and in gzip members, of any program. FILE can be - for standard input.
Exit code 1: a record is damaged or missing. docs/guide/archive.md explains more.";

/// The commands for WARC files.
#[derive(Debug, Subcommand)]
pub enum WarcCommand {
    /// List the records: offset, type, status, length and URL, one line each
    Ls {
        /// WARC files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// One JSON object a line, with more fields
        #[arg(long)]
        json: bool,
    },
    /// Write the payload of one record to standard output
    Cat(CatArgs),
    /// Check every record: format, lengths, digests, gzip members
    Check {
        /// WARC files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Write the CDXJ index of the files, sorted, to standard output
    Index {
        /// WARC files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// The record to write.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// A WARC file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The URL of the record; the first response, resource or conversion of it
    #[arg(value_name = "URL", required_unless_present = "offset", conflicts_with = "offset")]
    pub url: Option<String>,
    /// The offset of the record, as ls and indexes have it
    #[arg(long, value_name = "N")]
    pub offset: Option<u64>,
    /// Decode the content coding: gzip, deflate, br, zstd
    #[arg(long)]
    pub decode: bool,
    /// Write the whole block, with the HTTP head and chunks
    #[arg(long, conflicts_with = "decode")]
    pub block: bool,
}
