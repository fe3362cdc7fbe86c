//! A real web server, some hundred pages, every byte compared.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

use crate::support::cli::Fetchall;
use crate::support::process::{Process, command};
use crate::support::{PATIENCE, program};

const PAGES: usize = 520;

/// nginx on a port of its own, with everything it writes in one folder. Dropping it kills it.
struct Nginx {
    /// One process, so that nothing is left behind.
    _process: Process,
    port: u16,
    folder: TempDir,
}

impl Nginx {
    /// Serves `site/` below the folder.
    fn start(program: &Path, folder: TempDir) -> Nginx {
        // Another process may take the port between finding and using it.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            fs::write(folder.path().join("nginx.conf"), config(folder.path(), port)).unwrap();
            let mut nginx = command(program);
            nginx.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
            let mut process = Process::start(nginx.stdout(Stdio::null()).stderr(Stdio::null()));
            let deadline = Instant::now() + PATIENCE;
            while process.is_running() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Nginx { _process: process, port, folder };
                }
                assert!(Instant::now() < deadline, "nginx does not answer");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("nginx does not start: {}", fs::read_to_string(folder.path().join("error.log")).unwrap_or_default());
    }
}

fn config(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("  {name}_temp_path {folder}/temp-{name};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nevents {{ worker_connections 256; }}\n\
         http {{\n{temp}  access_log off;\n  types {{ text/html html; text/plain txt; application/json json; }}\n  \
         default_type application/octet-stream;\n  gzip on;\n  gzip_types *;\n  gzip_min_length 1;\n  gzip_http_version 1.0;\n  \
         server {{ listen 127.0.0.1:{port}; root {folder}/site; index index.html; }}\n}}\n"
    )
}

/// Bytes that differ from page to page and compress as text does.
fn body(seed: usize, len: usize) -> Vec<u8> {
    let mut state = seed as u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"etaoin shrdlu\n0123456789\0\xff"[(state >> 40) as usize % 26]
    };
    (0..len).map(|_| next()).collect()
}

/// Every path of the site, as it is on disk, with its bytes.
fn site() -> BTreeMap<String, Vec<u8>> {
    let mut pages: BTreeMap<String, Vec<u8>> = [
        ("index.html", body(1, 3000)),
        ("a folder/index.html", body(2, 100)),
        ("empty.txt", Vec::new()),
        ("one byte.txt", vec![b'x']),
        ("big.bin", body(3, 1 << 20)),
        ("50% off & more.txt", body(4, 5000)),
        ("percent%41.txt", body(5, 50)),
        ("question?mark.html", body(6, 700)),
        ("hash#mark.html", body(7, 701)),
        ("日本語/ページ.html", body(8, 9000)),
        ("grüße.txt", body(9, 77)),
        ("Case.txt", body(10, 10)),
        ("case.txt", body(11, 11)),
        ("no-extension", body(12, 1234)),
        ("deep/er/and/deep/er/still/page.html", body(13, 4321)),
        ("data.json", body(14, 2048)),
    ]
    .map(|(path, body)| (path.to_owned(), body))
    .into();
    for n in pages.len()..PAGES {
        let extension = ["html", "txt", "json", "bin"][n % 4];
        pages.insert(format!("part-{}/{}/page-{n}.{extension}", n % 7, n % 3), body(n, n * n * 37 % 40_000));
    }
    pages
}

fn url(port: u16, path: &str) -> String {
    if path.starts_with("grüße") {
        // As a person types it.
        return format!("http://127.0.0.1:{port}/{path}");
    }
    // Folders are asked for by their name, as a browser does.
    let path = path.strip_suffix("index.html").unwrap_or(path);
    let segments: Vec<String> =
        path.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()).collect();
    format!("http://127.0.0.1:{port}/{}", segments.join("/"))
}

#[test]
fn every_byte_of_a_real_site_arrives() {
    let Some(nginx) = program("nginx") else { return };
    let pages = site();
    assert_eq!(pages.len(), PAGES);
    let folder = TempDir::new().unwrap();
    for (path, body) in &pages {
        let file = folder.path().join("site").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, body).unwrap();
    }
    let nginx = Nginx::start(&nginx, folder);
    let list: String = pages.keys().map(|path| url(nginx.port, path) + "\n").collect();

    let run = Fetchall::new()
        .file("list.txt", &list)
        .args(["--json", "--concurrency", "20", "--dir", "out", "list.txt"])
        .run()
        .expect_code(0);
    let mut records = run.records();
    assert_eq!(records.len(), PAGES);
    records.sort_by_key(|record| record["source"]["line"].as_u64());

    let mut saved = Vec::new();
    let mut coded = 0;
    for (record, (path, body)) in records.iter().zip(&pages) {
        assert_eq!(record["outcome"], "ok", "{record}");
        assert_eq!(record["bytes"], body.len(), "{record}");
        coded += usize::from(record["wire_bytes"].as_u64() < record["bytes"].as_u64());
        let file = record["path"].as_str().unwrap_or_else(|| panic!("saved nowhere: {record}"));
        let original = fs::read(nginx.folder.path().join("site").join(path)).unwrap();
        assert!(run.read(file) == original, "{path} differs from {file}");
        saved.push(file.to_lowercase());
    }
    assert!(coded > PAGES / 2, "gzip was on, but only {coded} bodies came coded");
    saved.sort();
    saved.dedup();
    assert_eq!(saved.len(), PAGES, "two pages share a file");
    let parts = fs::read_dir(run.folder().join("out/.fetchall/part")).map_or(0, Iterator::count);
    assert_eq!(parts, 0, "part files were left behind");
}
