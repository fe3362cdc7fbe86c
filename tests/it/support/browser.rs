//! A browser that loads a page, and what it then shows, says and asks for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::process::{Process, command};
use super::{PATIENCE, program};

/// The observations of a browser with a page.
pub struct Seen {
    /// The resulting document.
    pub dom: String,
    /// The messages on the console.
    pub console: Vec<String>,
    /// The requests to the network.
    pub asked: Vec<String>,
}

/// The hosts that the browser itself calls whatever page it shows.
const OWN: [&str; 4] = ["google.com", "googleapis.com", "gvt1.com", "gstatic.com"];

/// A proxy that refuses everything and keeps what it was asked for.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    // It ends with the tests.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            // A browser opens connections ahead of need; those say nothing for a while.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let read = BufReader::new(&stream).read_line(&mut line);
            if read.is_ok_and(|len| len > 0) && !OWN.iter().any(|own| line.contains(own)) {
                kept.lock().unwrap().push(line);
            }
            let _ = (&stream).write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (address, asked)
}

/// Loads a page from a file; `None` where there is no browser.
pub fn load(page: &Path) -> Option<Seen> {
    open(&format!("file://{}", page.display()), "<-loopback>")
}

/// Loads a page of a server on 127.0.0.1, and runs its scripts for some seconds of its time.
pub fn load_url(url: &str) -> Option<Seen> {
    open(url, "127.0.0.1")
}

/// Loads a page past the proxy if the `direct` hosts have it.
fn open(page: &str, direct: &str) -> Option<Seen> {
    let chromium = program("chromium")?;
    let folder = tempfile::tempdir().unwrap();
    let (proxy, asked) = proxy();
    let output = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    let mut browser = command(chromium);
    browser
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
        ])
        .args(["--enable-logging=stderr", "--v=0", "--dump-dom", "--virtual-time-budget=3000"])
        .arg(format!("--proxy-server={proxy}"))
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--proxy-bypass-list={direct}"))
        .arg(page)
        .env("HOME", folder.path())
        .stdout(output("dom"))
        .stderr(output("log"));
    Process::start(&mut browser).wait_within(PATIENCE, |_| ()).unwrap();
    let read = |name: &str| String::from_utf8_lossy(&std::fs::read(folder.path().join(name)).unwrap()).into_owned();
    let console = read("log").lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    let asked = asked.lock().unwrap().clone();
    Some(Seen { dom: read("dom"), console, asked })
}
