//! A Redis server on a Unix socket in a temporary folder.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{PATIENCE, program};

/// A server with an append-only file, which survives kill -9.
pub struct Redis {
    folder: TempDir,
    child: Child,
}

impl Redis {
    /// Starts a server; `None` on a machine without one.
    pub fn start() -> Option<Redis> {
        program("redis-server")?;
        let folder = tempfile::tempdir().unwrap();
        let child = command(&folder).spawn().unwrap();
        Some(Redis { folder, child }.ready())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// The address of the server, as `--queue` takes it before the name of a job.
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    /// The address of a job.
    pub fn job(&self, name: &str) -> String {
        format!("{}?job={name}", self.address())
    }

    fn ready(self) -> Redis {
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            assert!(Instant::now() < deadline, "the server starts");
            std::thread::yield_now();
        }
        self
    }

    fn answers(&self) -> bool {
        let mut answer = [0; 5];
        let asked = UnixStream::connect(self.socket()).and_then(|mut socket| {
            socket.write_all(b"PING\r\n")?;
            socket.read_exact(&mut answer)
        });
        asked.is_ok() && answer == *b"+PONG"
    }

    /// Stops or continues the process: a network that is gone for a while.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("the server runs");
    }

    /// Kills the server and starts it again, with what its append-only file has.
    pub fn crash(mut self) -> Redis {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = command(&self.folder).spawn().unwrap();
        self.ready()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Err: it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &TempDir) -> Command {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]);
    command.arg("--unixsocket").arg(folder.path().join("s")).arg("--dir").arg(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
