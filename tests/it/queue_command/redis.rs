//! A Redis server on a Unix socket in a temporary folder.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::support::PATIENCE;

/// A server of one test.
pub struct Redis {
    folder: TempDir,
    child: Child,
}

impl Redis {
    /// Starts a server; `None` on a machine without one.
    pub fn start() -> Option<Redis> {
        let folder = tempfile::tempdir().unwrap();
        match command(&folder).spawn() {
            Ok(child) => Some(Redis { folder, child }.ready()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("skipped: no redis-server on this machine");
                None
            }
            Err(error) => panic!("redis-server: {error}"),
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// The address of a job.
    pub fn job(&self, name: &str) -> String {
        format!("unix:{}?job={name}", self.socket().display())
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
