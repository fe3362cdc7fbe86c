//! `fetchall worker`: the child process of a run with `--backend processes`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::Context;

use crate::cli::exit::{Exit, UsageError};

/// The time that an unfinished write may delay the exit.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Fetches the jobs that arrive on standard input, until it ends.
pub fn serve() -> anyhow::Result<Exit> {
    if io::stdin().is_terminal() {
        return Err(by_hand().into());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let served = runtime.block_on(pipes());
    // Not in the background: a part file that a thread has just begun is removed by that thread.
    runtime.shutdown_timeout(LAST_WORDS);
    served.map(|()| Exit::Ok)
}

fn by_hand() -> UsageError {
    UsageError::one(
        "worker: is started by a run with --backend processes and not by hand; a list of that name is ./worker",
    )
}

#[cfg(unix)]
async fn pipes() -> anyhow::Result<()> {
    use std::os::fd::AsFd;
    use tokio::net::unix::pipe::{Receiver, Sender};
    let _signals = crate::cli::signals::LeftToParent::new()?;
    let input = io::stdin().as_fd().try_clone_to_owned().and_then(Receiver::from_owned_fd);
    let output = io::stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd);
    let (Ok(input), Ok(output)) = (input, output) else { return Err(by_hand().into()) };
    Ok(fetchall::backend::serve(input, output).await?)
}

#[cfg(not(unix))]
async fn pipes() -> anyhow::Result<()> {
    Ok(fetchall::backend::serve(tokio::io::stdin(), tokio::io::stdout()).await?)
}
