//! Runs every command of the README, the guide and the reference, with a server of ours in place of all others.

use std::path::Path;
use std::thread;

use tempfile::TempDir;

use super::{lines, pages};
use crate::support::act::{Act, Script};
use crate::support::fault::FaultServer;
use crate::support::process::{self, output};
use crate::support::program;
use crate::warc_reader::TestRecord;

/// SHA-256 of `hello` and a line break.
const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/// Commands that build or test the program itself.
const OF_BUILDS: [&str; 7] =
    ["cargo install", "cargo test", "cargo bench", "cargo run --example", "cargo deb", ".ci/dist", "podman "];

/// A command of a page, and the line that it begins at.
struct Command {
    line: usize,
    text: String,
}

/// The commands of the blocks of shell. A backslash at its end continues a line; a block with a
/// `case` is one command.
fn commands(page: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let (mut continued, mut in_case) = (false, false);
    for (line, _, text) in lines(page).filter(|(_, block, _)| *block == Some("sh")) {
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        // The status that a `case` asks for is that of the command before it.
        in_case |= text.starts_with("case ");
        match commands.last_mut() {
            Some(last) if continued || in_case => {
                last.text.push('\n');
                last.text.push_str(text);
            }
            _ => commands.push(Command { line, text: text.to_owned() }),
        }
        continued = text.ends_with('\\');
        in_case &= text != "esac";
    }
    commands
}

/// The server of a page: it answers every request, through the tunnel of a proxy too.
fn server() -> FaultServer {
    let page = |body: &str| Act::KeepAliveOk(body.as_bytes().to_vec());
    let script = Script::new().on("sitemap.xml", page("<urlset><url><loc>/b</loc></url></urlset>"));
    FaultServer::start(script.otherwise(page("hello\n")))
}

/// The files that commands of pages read.
fn write_files(folder: &Path, server: &FaultServer) {
    let [a, b] = ["page", "other"].map(|name| server.url(name));
    let key = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let state = format!("url,out\n{a},first.html\n{b},second.html\n");
    let root = server.url("");
    let warc = TestRecord::response(&root, "Content-Type: text/html\r\n", b"hello\n").bytes();
    let capture = format!("{{\"url\":\"{root}\",\"offset\":0,\"length\":{},\"filename\":\"a.warc\"}}", warc.len());
    std::fs::create_dir(folder.join("archive")).unwrap();
    for (name, content) in [
        ("archive/a.warc", warc),
        ("archive/a.cdxj", format!("test,a)/ 20260102030405 {capture}\n").into_bytes()),
        ("sites.txt", format!("{a}\n{b}\n").into_bytes()),
        ("mirrors.txt", format!("{a}\n{b}\n").into_bytes()),
        ("notes.md", format!("See [a page]({a}) and {b} too.\n").into_bytes()),
        ("checked.tsv", format!("url\tsha256\n{a}\t{HELLO}\n").into_bytes()),
        ("sites.csv", state.into_bytes()),
        ("products.csv", format!("page_url,image_url\n{b},{a}\n").into_bytes()),
        ("export.csv", [format!("url;out\n{a};").as_bytes(), b"\xe9\n"].concat()),
        ("export.tsv", format!("1\tx\t{a}\n").into_bytes()),
        ("products.json", format!("[\"{a}\", {{\"url\": \"{b}\"}}]").into_bytes()),
        ("saved.html", b"<a href=/a>a</a>".to_vec()),
        ("urls.txt.zst", zstd::encode_all(b.as_bytes(), 1).unwrap()),
        ("fields.txt", b"X-Trial: 1\n".to_vec()),
        ("my-netrc", b"machine 127.0.0.1 login ann password secret\n".to_vec()),
        ("jar.txt", b"127.0.0.1\tFALSE\t/\tFALSE\t0\tname\tvalue\n".to_vec()),
        ("client.pem", key.cert.pem().into_bytes()),
        ("client.key", key.signing_key.serialize_pem().into_bytes()),
        ("ca.pem", key.cert.pem().into_bytes()),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// A queue for the commands of a page that name one.
#[cfg(unix)]
struct Queue(crate::support::redis::Redis);

#[cfg(unix)]
impl Queue {
    fn of(page: &str) -> Option<Queue> {
        page.contains("queue.example").then(crate::support::redis::Redis::start).flatten().map(Queue)
    }

    fn address(&self) -> String {
        self.0.address()
    }
}

#[cfg(not(unix))]
struct Queue;

#[cfg(not(unix))]
impl Queue {
    fn of(_: &str) -> Option<Queue> {
        None
    }

    fn address(&self) -> String {
        String::new()
    }
}

/// The command as it is run: the program that is tested, and addresses of the server.
fn rewritten(command: &str, server: &FaultServer, queue: Option<&str>) -> String {
    let address = server.address();
    // Three rounds of a comparison prove no more than one.
    let rounds = if command.contains("--rounds") { "" } else { " --rounds 1" };
    command
        .replace("fetchall compare", &format!("fetchall compare{rounds}"))
        .replace("cargo run --release --", "fetchall")
        .replace("redis://:a-long-password@queue.example/0", queue.unwrap_or_default())
        .replace("redis://queue.example/0", queue.unwrap_or_default())
        .replace("https://example.com/", &format!("http://{address}/"))
        .replace("http://proxy.example:3128", &format!("http://{address}"))
        .replace("https://", "http://")
        .replace(" --demo ", " --demo --demo-urls 4 --demo-latency 1 ")
}

/// Runs a command of a page, and returns what was wrong.
fn run(command: &str, folder: &Path) -> Option<String> {
    let own = Path::new(env!("CARGO_BIN_EXE_fetchall")).parent().unwrap();
    let mut shell = process::command("/bin/sh");
    shell.args(["-c", command]).current_dir(folder).env_clear();
    shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", own.display())).env("HOME", folder);
    let output = output(&mut shell);
    let errors = String::from_utf8_lossy(&output.stderr);
    // Two URLs of the demo fail.
    let expected = i32::from(command.starts_with("fetchall demo"));
    // A wide table has columns that fetchall does not know, and a worker may join a job that is done.
    let known = [": ignoring the column", ", and fetches no URL again"];
    let is_warning = |line: &&str| line.contains("warning: ") && !known.iter().any(|text| line.contains(text));
    let is_fine = output.status.code() == Some(expected)
        && !errors.contains("error: ")
        && !errors.lines().any(|line| is_warning(&line));
    (!is_fine).then(|| format!("code {:?} of {command}\n{errors}", output.status.code()))
}

/// Runs the commands of a page in their order, in a folder of its own.
fn run_page(path: &str, text: &str, has_jq: bool) -> (usize, Vec<String>) {
    let (server, folder) = (server(), TempDir::new().unwrap());
    write_files(folder.path(), &server);
    let mut ran = 0;
    let mut problems = Vec::new();
    let redis = Queue::of(text);
    let queue = redis.as_ref().map(Queue::address);
    for Command { line, text } in commands(text) {
        let lacks_queue = queue.is_none() && text.contains("queue.example");
        if OF_BUILDS.iter().any(|words| text.starts_with(words)) || !has_jq && text.contains("jq ") || lacks_queue {
            continue;
        }
        ran += 1;
        let problem = run(&rewritten(&text, &server, queue.as_deref()), folder.path());
        problems.extend(problem.map(|problem| format!("{path}:{line}: {problem}")));
    }
    server.join();
    (ran, problems)
}

#[test]
fn every_command_of_a_page_works() {
    let has_jq = program("jq").is_some();
    let pages: Vec<_> = pages().into_iter().filter(|page| !page.path.starts_with("docs/design/")).collect();
    let results: Vec<_> = thread::scope(|scope| {
        let start = |page: super::Page| scope.spawn(move || run_page(&page.path, &page.text, has_jq));
        let running: Vec<_> = pages.into_iter().map(start).collect();
        running.into_iter().map(|page| page.join().unwrap()).collect()
    });
    let ran: usize = results.iter().map(|(ran, _)| ran).sum();
    let problems: Vec<_> = results.into_iter().flat_map(|(_, problems)| problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(ran > 60, "only {ran} commands were found");
}

/// Blocks of shell that are not run have another tag, and are few.
#[test]
fn few_blocks_of_commands_are_not_run() {
    let mut console = Vec::new();
    for page in pages() {
        let inside = lines(&page.text).filter(|(_, block, _)| *block == Some("console"));
        console.extend(
            inside.filter(|(.., text)| text.starts_with("$ ")).map(|(line, ..)| format!("{}:{line}", page.path)),
        );
    }
    assert!(console.len() <= 6, "{}", console.join("\n"));
}

#[test]
fn continued_lines_and_a_case_are_one_command() {
    let page = "```sh\n# why\na \\\n  b\nc\ncase $? in\n  0) ;;\n\n  *) d ;;\nesac\ne\n```\n```text\nf\n```\n";
    let found: Vec<_> = commands(page).into_iter().map(|command| (command.line, command.text)).collect();
    let expected = [(3, "a \\\n  b"), (5, "c\ncase $? in\n  0) ;;\n  *) d ;;\nesac"), (11, "e")];
    assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
}
