//! A Redis server on a Unix socket in a temporary folder.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::config::{QueueAddress, QueueServer};

/// A server starts within this time.
const START: Duration = Duration::from_secs(20);

/// Whether this machine has a Redis server.
pub fn is_installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_installed = found.is_ok_and(|status| status.success());
    if !is_installed {
        println!("skipped: no redis-server on this machine");
    }
    is_installed
}

/// A server with an append-only file.
pub struct RedisServer {
    folder: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// A server that writes every change to its file, and to the disk within a second.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server with more settings.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
        let mut server = Self { folder, arguments, child: None };
        server.restart();
        server
    }

    /// Starts the server again, with what its append-only file has.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "yes"]);
        command.arg("--unixsocket").arg(self.socket()).arg("--dir").arg(self.folder.path()).args(&self.arguments);
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let end = Instant::now() + START;
        while !self.answers() {
            assert!(Instant::now() < end, "the server does not start");
            std::thread::yield_now();
        }
    }

    fn answers(&self) -> bool {
        let ask = || -> io::Result<bool> {
            use io::{Read as _, Write as _};
            let mut socket = UnixStream::connect(self.socket())?;
            socket.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            socket.read_exact(&mut answer)?;
            // A server that loads its file says -LOADING.
            Ok(answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAU"))
        };
        ask().unwrap_or(false)
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The address of a job.
    pub fn address(&self, job: &str) -> QueueAddress {
        QueueAddress {
            server: QueueServer::Unix(self.socket()),
            user: None,
            password: None,
            database: 0,
            job: job.to_owned(),
        }
    }

    /// A connection for questions of a test.
    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(format!("unix:{}", self.socket().display())).unwrap().get_connection().unwrap()
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("s")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
