//! `fetchall queue`: what people ask and tell a queue of several workers.

use std::io::{self, BufWriter, Write};

use anyhow::Context as _;
use fetchall::config::QueueAddress;
use fetchall::policy::text::printable::printable;
use fetchall::queue::{HostStatus, QueueAdmin, QueueStatus};
use serde::Deserialize;

use crate::cli::env::Env;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::queue_args::{QueueArg, QueueCommand};
use crate::cli::resolve;
use crate::cli::screen;

const CANNOT_WRITE: &str = "cannot write to standard output";

/// Runs a command of `fetchall queue`.
pub fn run(command: &QueueCommand, env: &Env) -> anyhow::Result<Exit> {
    let open = |queue: &QueueArg| open(queue, env);
    let mut out = BufWriter::new(io::stdout().lock());
    match command {
        QueueCommand::Status { queue, json } => {
            let status = open(queue)?.status()?;
            let text = if *json { serde_json::to_string(&status)? + "\n" } else { status_text(&status) };
            out.write_all(text.as_bytes()).context(CANNOT_WRITE)?;
        }
        QueueCommand::Hosts { queue, json } => {
            open(queue)?.hosts(|host| {
                if *json {
                    serde_json::to_writer(&mut out, &host)?;
                    return out.write_all(b"\n");
                }
                writeln!(out, "{}", host_text(&host))
            })?;
        }
        QueueCommand::Failed { queue, json } => {
            open(queue)?.failed(|record| match read_failed(record).filter(|_| !*json) {
                Some(url) => writeln!(out, "{}", printable(&url)),
                None => write_line(&mut out, record),
            })?;
        }
        QueueCommand::Export(queue) => open(queue)?.export(|record| write_line(&mut out, record))?,
        QueueCommand::Retry(queue) => {
            let revived = open(queue)?.retry()?;
            screen::say(&format!("URLs that wait again: {revived}"));
        }
        QueueCommand::Pause(queue) => {
            open(queue)?.pause(true)?;
            screen::say("paused; workers finish what they have, and fetchall queue resume lets them go on");
        }
        QueueCommand::Resume(queue) => {
            open(queue)?.pause(false)?;
            screen::say("resumed");
        }
        QueueCommand::Clear { queue, yes, force } => clear(&mut open(queue)?, *yes, *force)?,
    }
    out.flush().context(CANNOT_WRITE)?;
    Ok(Exit::Ok)
}

fn open(queue: &QueueArg, env: &Env) -> anyhow::Result<QueueAdmin> {
    let address = match &queue.queue {
        // The text may hold a password, so the message does not repeat it.
        Some(text) => QueueAddress::parse(text).map_err(|problem| UsageError::one(format!("QUEUE {problem}")))?,
        None => resolve::queue(env)?
            .ok_or_else(|| UsageError::one("QUEUE is missing; write it, or set FETCHALL_QUEUE to it"))?,
    };
    QueueAdmin::open(&address).map_err(|error| UsageError::one(format!("{address}: {error}")).into())
}

fn write_line(out: &mut impl Write, record: &[u8]) -> io::Result<()> {
    out.write_all(record.trim_ascii_end())?;
    out.write_all(b"\n")
}

fn clear(admin: &mut QueueAdmin, is_sure: bool, is_forced: bool) -> anyhow::Result<()> {
    let status = admin.status()?;
    let alive = status.workers.iter().filter(|worker| worker.alive).count();
    if alive > 0 && !is_forced {
        let problem = format!("workers of the job: {alive}; stop them first, or add --force");
        return Err(UsageError::one(problem).into());
    }
    let done = status.done();
    if !is_sure {
        let QueueStatus { job, waiting, .. } = &status;
        let problem = format!("this removes job {job} with {done} records and {waiting} URLs that wait; add --yes");
        return Err(UsageError::one(problem).into());
    }
    let keys = admin.clear()?;
    screen::say(&format!("removed job {}: {keys} keys", status.job));
    Ok(())
}

/// The URL of a record.
fn read_failed(record: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Failed {
        url: String,
    }
    serde_json::from_slice(record).ok().map(|Failed { url }| url)
}

fn status_text(status: &QueueStatus) -> String {
    let QueueStatus { job, added, waiting, leased, ok, http_error, failed, skipped, .. } = status;
    let done = status.done();
    let paused = if status.paused { " (paused)" } else { "" };
    let mut lines = vec![
        format!("job       {job}{paused}"),
        format!("URLs      {added} added, {waiting} wait, {leased} leased, {done} done"),
        format!("outcomes  {ok} ok, {http_error} http_error, {failed} failed, {skipped} skipped"),
    ];
    if status.retryable > 0 {
        lines.push(format!("          {} of the failed can be tried again: fetchall queue retry", status.retryable));
    }
    for worker in &status.workers {
        lines.push(match worker.alive {
            true => format!("worker    {}: {} hosts, {} URLs", worker.name, worker.hosts, worker.urls),
            false => format!("worker    {} (gone)", worker.name),
        });
    }
    for list in &status.lists {
        lines.push(format!(
            "list      {}: {}",
            list.name,
            if list.loaded { "loaded" } else { "not loaded to its end" }
        ));
    }
    lines.iter().map(|line| format!("{}\n", printable(line))).collect()
}

fn host_text(host: &HostStatus) -> String {
    let HostStatus { host, waiting, leased, worker, due_in } = host;
    let worker = worker.as_deref().unwrap_or("-");
    printable(&format!("{waiting:>10} {leased:>6} {due_in:>8.1} {worker:<20} {host}")).into_owned()
}
