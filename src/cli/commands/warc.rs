//! `fetchall warc`: the records of WARC files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fetchall::model::shown_path;
use fetchall::policy::text::printable::printable;
use fetchall::warc::{
    PayloadError, PayloadForm, RecordListing, SortedLines, WarcError, WarcReader, check, copy_payload, index,
};
use serde::Serialize;

use crate::cli::exit::{Exit, UsageError};
use crate::cli::screen;
use crate::cli::warc_args::{CatArgs, WarcCommand};

/// The buffer of a file, in bytes.
const BUFFER: usize = 128 * 1024;

/// Runs a command of `fetchall warc`.
pub fn run(command: &WarcCommand) -> anyhow::Result<Exit> {
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let exit = match command {
        WarcCommand::Ls { files, json } => list(files, *json, &mut out),
        WarcCommand::Cat(args) => cat(args, &mut out),
        WarcCommand::Check { files } => check_files(files, &mut out),
        WarcCommand::Index { files } => index_files(files, &mut out),
    }?;
    out.flush().context(CANNOT_WRITE)?;
    Ok(exit)
}

const CANNOT_WRITE: &str = "cannot write to standard output";

/// Opens a file at an offset.
fn open(path: &Path, offset: u64) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        if offset > 0 {
            return Err(UsageError::one("standard input cannot be read from an offset; name a file").into());
        }
        return Ok(Box::new(BufReader::with_capacity(BUFFER, io::stdin())));
    }
    let cannot_open = |e: io::Error| UsageError::one(format!("cannot read {}: {e}", shown_path(path)));
    let mut file = File::open(path).map_err(cannot_open)?;
    if file.metadata().map_err(cannot_open)?.is_dir() {
        return Err(UsageError::one(format!("{} is a folder; name its WARC files", shown_path(path))).into());
    }
    file.seek(SeekFrom::Start(offset)).map_err(cannot_open)?;
    Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
}

/// Shows damage of a file on standard error. Other errors end the command.
fn damaged(path: &Path, error: WarcError) -> anyhow::Result<Exit> {
    match error {
        WarcError::Damaged { .. } => {
            screen::say(&format!("error: {}: {error}", shown_path(path)));
            Ok(Exit::SomeFailed)
        }
        WarcError::Io(error) => Err(error).with_context(|| format!("cannot read {}", shown_path(path))),
    }
}

/// A line of `--json`.
#[derive(Serialize)]
struct ListedRecord<'a> {
    file: &'a str,
    #[serde(flatten)]
    record: RecordListing,
}

fn list(files: &[PathBuf], json: bool, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut exit = Exit::Ok;
    for path in files {
        let name = path.to_string_lossy();
        let prefix = if files.len() > 1 { format!("{}: ", printable(&name)) } else { String::new() };
        let mut records = match WarcReader::new(open(path, 0)?, 0) {
            Ok(records) => records,
            Err(error) => {
                exit = damaged(path, error)?;
                continue;
            }
        };
        loop {
            match RecordListing::next(&mut records) {
                Ok(None) => break,
                Ok(Some(record)) if json => {
                    serde_json::to_writer(&mut *out, &ListedRecord { file: &name, record })
                        .map_err(io::Error::from)
                        .and_then(|()| out.write_all(b"\n"))
                        .context(CANNOT_WRITE)?;
                }
                Ok(Some(record)) => {
                    writeln!(out, "{prefix}{}", line(&record)).context(CANNOT_WRITE)?;
                }
                Err(error) => {
                    exit = damaged(path, error)?;
                    if !records.skip_damaged() {
                        break;
                    }
                }
            }
        }
    }
    Ok(exit)
}

/// A record as one line for people.
fn line(record: &RecordListing) -> String {
    let status = record.status.map_or("-".to_owned(), |status| status.to_string());
    let url = record.url.as_deref().unwrap_or("-");
    let RecordListing { offset, length, kind, .. } = record;
    printable(&format!("{offset:>10} {kind:<10} {status:>3} {length:>10} {url}")).into_owned()
}

fn cat(args: &CatArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let form = match (args.block, args.decode) {
        (true, _) => PayloadForm::Block,
        (_, true) => PayloadForm::Decoded,
        _ => PayloadForm::Coded,
    };
    let (path, offset) = (shown_path(&args.file), args.offset.unwrap_or(0));
    let input = open(&args.file, offset)?;
    let problem = match write_payload(input, args.url.as_deref(), offset, form, out) {
        Ok(true) => return Ok(Exit::Ok),
        Ok(false) => match &args.url {
            Some(url) => format!("no payload of {url}; fetchall warc ls lists the records"),
            None => format!("no record at offset {offset}; fetchall warc ls lists the records"),
        },
        Err(PayloadError::Write(error)) => return Err(error).context(CANNOT_WRITE),
        Err(PayloadError::Warc(error)) => return damaged(&args.file, error),
        Err(error) => error.to_string(),
    };
    screen::say(&format!("error: {path}: {problem}"));
    Ok(Exit::SomeFailed)
}

/// The types of records that have a payload of their own.
const WITH_PAYLOAD: [&str; 3] = ["response", "resource", "conversion"];

/// Writes the payload of the first record of a URL, or of the first record. Returns whether there is one.
fn write_payload(
    input: impl BufRead,
    url: Option<&str>,
    offset: u64,
    form: PayloadForm,
    out: &mut impl Write,
) -> Result<bool, PayloadError> {
    let mut records = WarcReader::new(input, offset)?;
    while let Some(record) = records.next_record()? {
        if url.is_none_or(|url| record.target() == Some(url) && WITH_PAYLOAD.contains(&record.kind())) {
            copy_payload(&mut records, &record, form, out)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_files(files: &[PathBuf], out: &mut impl Write) -> anyhow::Result<Exit> {
    let (mut records, mut faults) = (0, 0_u64);
    for path in files {
        let name = shown_path(path);
        let mut written = Ok(());
        let checked = check(open(path, 0)?, |offset, fault| {
            faults += 1;
            let text = printable(&format!("{name}: offset {offset}: {fault}")).into_owned();
            if written.is_ok() {
                written = writeln!(out, "{text}");
            }
        });
        written.context(CANNOT_WRITE)?;
        records += checked.with_context(|| format!("cannot read {name}"))?;
    }
    out.flush().context(CANNOT_WRITE)?;
    screen::say(&format!("WARC files: {}, records: {records}, faults: {faults}", files.len()));
    Ok(if faults == 0 { Exit::Ok } else { Exit::SomeFailed })
}

fn index_files(files: &[PathBuf], out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut exit = Exit::Ok;
    let mut lines = SortedLines::default();
    for path in files {
        let (input, name) = (open(path, 0)?, path.file_name().unwrap_or_default().to_string_lossy());
        let indexed = index(
            input,
            &name,
            |line| lines.add(line),
            |offset, fault| {
                screen::say(&format!("error: {}: offset {offset}: {fault}", shown_path(path)));
                exit = Exit::SomeFailed;
            },
        );
        indexed.with_context(|| format!("cannot index {}", shown_path(path)))?;
    }
    lines.write(out).context(CANNOT_WRITE)?;
    Ok(exit)
}
