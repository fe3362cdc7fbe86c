//! fetchall beside curl, wget2 and wrk on the same work, over loopback.
//!
//! `cargo bench --bench loopback [-- WORK…]` runs every installed peer in interleaved rounds
//! against a load server of its own and prints medians. Only ratios of one run mean something. WORK
//! is any of `pages save latency big million one`; all but `million` by default.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and ends when it cannot measure"
)]

mod server;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A kind of work.
struct Work {
    name: &'static str,
    what: &'static str,
    urls: usize,
    concurrency: usize,
    /// The path of a URL, before its number.
    path: &'static str,
    saves: bool,
    rounds: usize,
}

const WORKS: &[Work] = &[
    Work {
        name: "pages",
        what: "1 KiB pages, dropped",
        urls: 50_000,
        concurrency: 100,
        path: "page",
        saves: false,
        rounds: 5,
    },
    Work {
        name: "save",
        what: "10 KiB bodies, saved",
        urls: 10_000,
        concurrency: 32,
        path: "bytes/10240",
        saves: true,
        rounds: 5,
    },
    Work {
        name: "latency",
        what: "50 ms of latency",
        urls: 5_000,
        concurrency: 100,
        path: "delay/50",
        saves: false,
        rounds: 3,
    },
    Work {
        name: "big",
        what: "one body of 1 GiB",
        urls: 1,
        concurrency: 1,
        path: "bytes/1073741824",
        saves: false,
        rounds: 3,
    },
    Work {
        name: "million",
        what: "a list of 1,000,000",
        urls: 1_000_000,
        concurrency: 100,
        path: "bytes/0",
        saves: false,
        rounds: 1,
    },
    Work {
        name: "one",
        what: "one page, start to exit",
        urls: 1,
        concurrency: 1,
        path: "page",
        saves: false,
        rounds: 15,
    },
];

/// Commands with `{urls} {config} {conc} {out} {log}` to be filled in: dropping bodies, and saving them.
const PEERS: &[(&str, &str, &str)] = &[
    (
        "fetchall",
        concat!(env!("CARGO_BIN_EXE_fetchall"), " {urls} -c {conc} -q --json -o {log}"),
        concat!(env!("CARGO_BIN_EXE_fetchall"), " {urls} -c {conc} -q --json -o {log} --dir {out}"),
    ),
    ("curl", "curl -s -Z --parallel-max {conc} -K {config}", "curl -s -Z --parallel-max {conc} -K {config}"),
    (
        "wget2",
        "wget2 -q -O /dev/null --max-threads={conc} -i {urls}",
        "wget2 -q -P {out} --max-threads={conc} -i {urls}",
    ),
];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if asked.first().is_some_and(|a| a == "serve") {
        return server::serve();
    }
    let mut server = start_server();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().expect("its output")).read_line(&mut line).expect("its port");
    let base = format!("127.0.0.1:{}", line.trim());
    println!(
        "| work | peer | wall s | of fetchall | URLs/s | CPU µs/URL | peak MiB | requests | connections | in flight |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for work in WORKS {
        let wanted = if asked.is_empty() { work.name != "million" } else { asked.iter().any(|a| a == work.name) };
        if wanted {
            measure(work, &base);
        }
    }
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}

/// The server is a process of its own, so that its CPU is not counted.
fn start_server() -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new(program).arg("serve").stdout(Stdio::piped()).spawn().expect("the load server starts")
}

#[derive(Default)]
struct Figures {
    wall: Vec<f64>,
    cpu: Vec<f64>,
    peak_kib: Vec<f64>,
    counted: String,
}

fn measure(work: &Work, base: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let (urls, config, log) = (dir.path().join("urls"), dir.path().join("config"), dir.path().join("log"));
    let out = dir.path().join("out");
    write_lists(work, base, &urls, &config, &out);
    let peers: Vec<_> = PEERS.iter().filter(|(name, ..)| *name == "fetchall" || installed(name)).collect();
    let mut figures: Vec<Figures> = peers.iter().map(|_| Figures::default()).collect();
    for _ in 0..work.rounds {
        for ((_, drops, saves), figures) in peers.iter().zip(&mut figures) {
            let _ = fs::remove_dir_all(&out);
            fs::create_dir_all(&out).expect("a folder");
            let command = if work.saves { saves } else { drops };
            let command = command
                .replace("{urls}", &urls.display().to_string())
                .replace("{config}", &config.display().to_string())
                .replace("{log}", &log.display().to_string())
                .replace("{out}", &out.display().to_string())
                .replace("{conc}", &work.concurrency.to_string());
            let _ = ask(base, "/stats");
            run(&command, work.name != "one", figures);
            figures.counted = ask(base, "/stats");
        }
    }
    let ours = median(&mut figures[0].wall);
    for ((name, ..), f) in peers.iter().zip(&mut figures) {
        let (wall, cpu, peak) = (median(&mut f.wall), median(&mut f.cpu), median(&mut f.peak_kib));
        let n = work.urls as f64;
        println!(
            "| {} ({}, c={}) | {name} | {wall:.3} | {:.2} | {:.0} | {:.1} | {:.1} | {} |",
            work.name,
            work.what,
            work.concurrency,
            wall / ours,
            n / wall,
            cpu * 1e6 / n,
            peak / 1024.0,
            f.counted.replace(' ', " | ")
        );
    }
}

fn write_lists(work: &Work, base: &str, urls: &Path, config: &Path, out: &Path) {
    let mut urls = std::io::BufWriter::new(fs::File::create(urls).expect("a file"));
    let mut config = std::io::BufWriter::new(fs::File::create(config).expect("a file"));
    for i in 0..work.urls {
        let url = format!("http://{base}/{}/{i:07}", work.path);
        let to = if work.saves { out.join(format!("{i:07}")) } else { Path::new("/dev/null").to_owned() };
        writeln!(urls, "{url}").expect("disk");
        writeln!(config, "url = \"{url}\"\noutput = \"{}\"", to.display()).expect("disk");
    }
}

fn installed(name: &str) -> bool {
    Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs a command and adds its wall time, the CPU of its process and, on request, its peak memory.
/// Reading the peak costs up to a millisecond.
fn run(command: &str, peaks: bool, figures: &mut Figures) {
    let mut words = command.split(' ');
    let program = words.next().expect("a program");
    let before = children_cpu();
    let started = Instant::now();
    let mut child =
        Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut peak = 0.0_f64;
    let status = format!("/proc/{}/status", child.id());
    // The high-water mark is kept by the kernel: the last look before the end is close enough.
    while peaks && child.try_wait().expect("it runs").is_none() {
        peak = peak.max(high_water(&status));
        std::thread::sleep(std::time::Duration::from_micros(if peak == 0.0 { 100 } else { 1000 }));
    }
    child.wait().expect("it ends");
    figures.wall.push(started.elapsed().as_secs_f64());
    figures.cpu.push(children_cpu() - before);
    figures.peak_kib.push(peak);
}

fn high_water(status: &str) -> f64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Seconds of CPU of the children that have ended, to a hundredth (proc_pid_stat(5), fields 16 and 17).
fn children_cpu() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

fn ask(base: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(base).expect("the load server answers");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
