//! The live bar, looked at in a real terminal of 80 columns and 24 lines.
#![cfg(unix)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::act::{Act, Script};
use crate::support::fault::FaultServer;
use crate::support::process::{command, output};
use crate::support::{PATIENCE, program};

/// A terminal of tmux, under a server of its own. Dropping it ends that server.
struct Screen {
    tmux: PathBuf,
    folder: TempDir,
}

impl Screen {
    /// Runs a shell command in it; the terminal stays when the command is over.
    fn start(tmux: PathBuf, command: &str) -> Screen {
        let screen = Screen { tmux, folder: TempDir::new().unwrap() };
        let command = format!("exec env -u NO_COLOR HOME=. sh -c 'trap : INT; {command}; echo code $?; exec cat'");
        let folder = screen.folder.path().display().to_string();
        screen.tmux(&["new-session", "-d", "-x", "80", "-y", "24", "-s", "run", "-c", &folder, &command]);
        screen
    }

    fn tmux(&self, words: &[&str]) -> String {
        let socket = self.folder.path().join("tmux");
        let mut tmux = command(&self.tmux);
        let output = output(tmux.args(["-u", "-f", "/dev/null", "-S"]).arg(socket).args(words).env_remove("TMUX"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {words:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the shown lines, without empty lines at the end.
    fn lines(&self) -> Vec<String> {
        let shown = self.tmux(&["capture-pane", "-p", "-t", "run"]);
        shown.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Looks until it shows what is wanted.
    fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines();
            if wanted(&lines) {
                return lines;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}:\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let socket = self.folder.path().join("tmux");
        output(command(&self.tmux).arg("-S").arg(socket).arg("kill-server"));
    }
}

fn is_bar(line: &str) -> bool {
    line.starts_with('[') && line.contains("6/9") && line.contains("3 in flight")
}

fn is_slow(line: &str) -> bool {
    (line.starts_with("  slowest ") || line.starts_with("          ")) && line.contains("/slow/")
}

/// A run of nine URLs, three of which never answer.
fn start(tmux: PathBuf) -> (Screen, FaultServer) {
    let script = Script::new().on("slow", Act::Stalled).on("quick", Act::KeepAliveOk(b"hello\n".to_vec()));
    let server = FaultServer::start(script);
    let names = ["quick/1", "slow/1", "quick/2", "quick/3", "slow/2", "quick/4", "quick/5", "slow/3", "quick/6"];
    let urls: Vec<String> = names.iter().map(|name| server.url(name)).collect();
    let program = env!("CARGO_BIN_EXE_fetchall");
    let command = format!("{program} --read-timeout 5m --grace 1m {}", urls.join(" "));
    (Screen::start(tmux, &command), server)
}

/// Interrupts the run, looks at the bar of the stopping run, and interrupts it again.
fn stop(screen: &Screen) -> Vec<String> {
    screen.tmux(&["send-keys", "-t", "run", "C-c"]);
    screen.wait("how long transfers may go on", |lines| {
        let says = |line: &String| line.contains("] stopping: 3 in flight, ") && line.contains(" s left; Ctrl-C again");
        lines.iter().any(says)
    });
    screen.tmux(&["send-keys", "-t", "run", "C-c"]);
    screen.wait("the end", |lines| lines.last().is_some_and(|line| line == "code 130"))
}

#[test]
fn the_bar_stays_below_the_records_and_goes_at_the_end() {
    let Some(tmux) = program("tmux") else { return };
    let (screen, server) = start(tmux);
    let lines = screen.wait("the bar and three slow URLs below it", |lines| {
        lines.iter().any(|line| is_bar(line)) && lines.iter().filter(|line| is_slow(line)).count() == 3
    });
    let bar = lines.iter().position(|line| is_bar(line)).unwrap();
    assert_eq!((bar, lines.len()), (6, 10), "the records, then the bar, then the slow ones: {lines:#?}");
    for (line, n) in lines[..bar].iter().zip(1..) {
        assert!(line.starts_with("200   ") && line.contains("/quick/"), "line {n} is torn: {lines:#?}");
    }

    let lines = stop(&screen);
    assert_eq!(lines.last().map(String::as_str), Some("code 130"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with('[') || is_slow(line)), "the bar is still there: {lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("stopping: ")), "the bar said it while it was true: {lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("cancelled  ")).count(), 1, "{lines:#?}");
    let next = &lines[lines.len() - 2];
    assert!(next.starts_with("to continue: the same command from the start (3 left)"), "{lines:#?}");
    let summary = &lines[lines.len() - 3];
    assert!(summary.starts_with("9 URLs in ") && summary.ends_with(": 6 ok, 3 cancelled"), "{lines:#?}");
    server.join();
}

#[test]
fn in_a_narrower_terminal_the_bar_is_still_one_line() {
    let Some(tmux) = program("tmux") else { return };
    let (screen, server) = start(tmux);
    screen.wait("the bar", |lines| lines.iter().any(|line| is_bar(line)));
    screen.tmux(&["resize-window", "-t", "run", "-x", "70", "-y", "24"]);
    screen.wait("a bar that fits, with three slow URLs below it", |lines| {
        let Some(bar) = lines.iter().position(|line| line.starts_with('[')) else { return false };
        let below = &lines[bar + 1..];
        is_bar(&lines[bar])
            && lines[bar].chars().count() <= 70
            && below.len() == 3
            && below.iter().all(|line| is_slow(line))
    });
    stop(&screen);
    server.join();
}

#[test]
fn the_bar_says_what_holds_a_run_back() {
    let Some(tmux) = program("tmux") else { return };
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let urls = ["a", "b", "c"].map(|name| server.url(name)).join(" ");
    let screen = Screen::start(tmux, &format!("{} --delay 30s {urls}", env!("CARGO_BIN_EXE_fetchall")));
    screen.wait("a reason below the bar", |lines| {
        let Some(bar) = lines.iter().position(|line| line.starts_with('[')) else { return false };
        lines[bar].contains(" 1/3 · ")
            && lines[bar].contains(" · 0 in flight of 10")
            && lines.get(bar + 1).is_some_and(|line| line == "  held by  --delay")
    });
    screen.tmux(&["send-keys", "-t", "run", "C-c"]);
    let lines = screen.wait("the end", |lines| lines.last().is_some_and(|line| line == "code 130"));
    assert!(lines.iter().any(|line| line == "cancelled  2 not begun"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("held by")), "{lines:#?}");
    server.join();
}

#[test]
fn a_crawl_has_a_line_of_its_counts() {
    let Some(tmux) = program("tmux") else { return };
    let screen = Screen::start(tmux, &format!("{} demo --crawl", env!("CARGO_BIN_EXE_fetchall")));
    let lines = screen.wait("the counts of the crawl", |lines| {
        let Some(bar) = lines.iter().position(|line| line.starts_with('[')) else { return false };
        let counts = lines.get(bar + 1).map_or("", String::as_str);
        counts.starts_with("  crawl    ") && counts.contains(" · 1 host · 3 skipped: 1 robots · 1 scope")
    });
    let bar = lines.iter().find(|line| line.starts_with('[')).unwrap();
    assert!(bar.contains("+ · ") && !bar.contains(" left"), "no time is left that is known: {bar}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
    let lines = screen.wait("the end", |lines| lines.last().is_some_and(|line| line == "code 1"));
    assert!(!lines.iter().any(|line| line.starts_with("  crawl    ")), "{lines:#?}");
}

#[test]
fn no_bar_disturbs_a_list_that_is_typed() {
    let Some(tmux) = program("tmux") else { return };
    let script = Script::new().on("slow", Act::Stalled).on("quick", Act::KeepAliveOk(b"hello\n".to_vec()));
    let server = FaultServer::start(script);
    let screen = Screen::start(tmux, &format!("{} --read-timeout 5m -", env!("CARGO_BIN_EXE_fetchall")));
    screen.wait("the invitation", |lines| lines.iter().any(|line| line.starts_with("reading URLs")));
    for path in ["slow", "quick"] {
        screen.tmux(&["send-keys", "-t", "run", &server.url(path), "Enter"]);
    }
    screen.wait("the first result", |lines| lines.iter().any(|line| line.starts_with("200 ")));
    screen.tmux(&["send-keys", "-t", "run", "http://half"]);
    // The first URL is old enough for a bar.
    let until = Instant::now() + Duration::from_millis(500);
    let lines = screen.wait("time to pass", |lines| {
        assert!(!lines.iter().any(|line| line.starts_with('[') || is_slow(line)), "{lines:#?}");
        Instant::now() > until
    });
    assert_eq!(lines.last().map(String::as_str), Some("http://half"), "{lines:#?}");
    screen.tmux(&["send-keys", "-t", "run", "C-u", "C-d"]);
    screen.wait("a bar", |lines| lines.iter().any(|line| line.starts_with('[') && line.contains(" 1/2 ")));
    screen.tmux(&["send-keys", "-t", "run", "C-c", "C-c"]);
    screen.wait("the end", |lines| lines.last().is_some_and(|line| line == "code 130"));
    server.join();
}

#[test]
fn a_terminal_gets_one_line_for_each_result_with_news() {
    let Some(tmux) = program("tmux") else { return };
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    let long = server.url(&format!("first/{}/last.html", "folder".repeat(20)));
    let (program, other) = (env!("CARGO_BIN_EXE_fetchall"), server.url("other"));
    let command = format!("{program} -d out {other}; {program} -d out {long} {other} {other}");
    let screen = Screen::start(tmux, &command);
    let lines = screen.wait("the end", |lines| lines.iter().any(|line| line.starts_with("code ")));
    let results: Vec<_> = lines.iter().filter(|line| line.contains("http://")).collect();
    assert_eq!(results.len(), 2, "neither what is done nor a duplicate: {lines:#?}");
    assert_eq!(results[1].chars().count(), 80, "{lines:#?}");
    assert!(results[1].contains('…') && results[1].ends_with("/last.html"), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "resumed    1 done before"), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "skipped    1 listed before"), "{lines:#?}");
    server.join();
}

#[test]
fn outputs_on_the_terminal_do_not_mix_with_records() {
    let Some(tmux) = program("tmux") else { return };
    let fetchall = env!("CARGO_BIN_EXE_fetchall");
    let runs = ["--log /dev/tty", "--summary /dev/stdout", "--save-cookies /dev/fd/1", "-o r --log /dev/tty"];
    let runs = runs.map(|args| format!("{fetchall} --dry-run --quiet --json {args} http://127.0.0.1:9/; echo end $?"));
    let screen = Screen::start(tmux, &runs.join("; "));
    let lines = screen.wait("the end", |lines| lines.iter().any(|line| line.starts_with("code")));
    let ends: Vec<_> = lines.iter().filter(|line| line.starts_with("end ")).collect();
    assert_eq!(ends, ["end 2", "end 2", "end 2", "end 0"], "{}", lines.join("\n"));
    let refused = lines.concat().matches("would mix with the records").count();
    assert_eq!(refused, 3, "{}", lines.join("\n"));
}
