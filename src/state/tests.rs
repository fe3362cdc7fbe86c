//! Rows are read back as they were written, and foreign files stay untouched.

mod crawl;
#[cfg(unix)]
mod links;
mod strange;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;
use url::Url;

use super::*;
use crate::config::Digest;
use crate::model::{
    Claimed, ErrorKind, Facts, FetchError, Found, Hex, Hop, Job, Outcome, RequestOverrides, Seed, SkipReason,
    SourcePos, Subject, Timing, Validators, Verdict, Via,
};

fn seed(url: &str) -> Seed {
    let origin = SourcePos { list: Arc::from("l"), line: 1 };
    Seed::new(Url::parse(url).unwrap(), Via::List(origin))
}

fn outcome(seed: Seed, name: &str, mut facts: Facts, verdict: Verdict) -> Outcome {
    if verdict == Verdict::Ok {
        // The body was saved.
        facts.path.get_or_insert_with(|| name.to_owned());
    }
    let save_as = Some(Claimed(name.into()));
    let job = Job::new(seed, save_as, Instant::now());
    let timing = Timing { total: Some(Duration::from_millis(5)), ..Timing::default() };
    Outcome { subject: Subject::Job(Box::new(job)), facts: Box::new(facts), timing, verdict }
}

fn facts() -> Facts {
    Facts {
        status: Some(200),
        final_url: Some(Url::parse("http://h.test/b").unwrap()),
        path: None,
        bytes: Some(4),
        file_bytes: None,
        wire_bytes: Some(3),
        content_type: Some("text/plain".into()),
        found: Found { sha256: Some([7; 32]), blake3: None, ..Found::default() },
        redirects: vec![Hop::new(301, "http://h.test/a")],
        http_version: Some(http::Version::HTTP_11),
        remote_addr: Some("127.0.0.1:80".parse().unwrap()),
        started_at: Some("2026-11-21T02:00:00.123Z".parse().unwrap()),
        continued: false,
        validators: Some(Box::new(Validators { etag: Some((*b"\"\xe9\"").into()), last_modified: None })),
        retry_after: None,
        rule: None,
        worker: None,
        is_anonymous: false,
    }
}

/// Opens the state at this path.
fn open_at(path: &Path, fresh: bool) -> Result<State, StateError> {
    State::open(&StatePath::named(path)?, fresh, false)
}

/// Looks at the state at this path.
fn look_at(path: &Path) -> Result<Option<State>, StateError> {
    State::look_at(&StatePath::named(path)?)
}

fn open(folder: &TempDir) -> (Recall, Ledger) {
    let state = open_at(&folder.path().join(".fetchall/state.db"), false).unwrap();
    state
        .split(Shape::default(), Bodies::Below(crate::output_folder::OutputFolder::new(folder.path().to_owned())))
        .unwrap()
}

fn known(recall: &mut Recall, mut seed: Seed) -> Option<Box<crate::model::PriorRun>> {
    recall.look_up(std::iter::once(&mut seed)).unwrap();
    seed.known
}

#[test]
fn a_saved_url_is_done_with_all_facts_while_its_file_is_intact() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger) = open(&folder);
    fs::write(folder.path().join("a"), "body").unwrap();
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    let found = known(&mut recall, seed("http://h.test/a")).unwrap();
    let path = Some(folder.path().join("a").to_string_lossy().into_owned());
    let told = Facts { path, ..facts() };
    assert_eq!(format!("{:?}", found.done.unwrap()), format!("{told:?}"));
    assert!(known(&mut recall, seed("http://h.test/other")).is_none());
    // Another length, another kind of thing, or nothing at all.
    fs::write(folder.path().join("a"), "longer body").unwrap();
    let found = known(&mut recall, seed("http://h.test/a")).unwrap();
    assert_eq!((found.done.is_none(), found.name), (true, Some(Claimed("a".into()))), "it keeps its name");
    fs::remove_file(folder.path().join("a")).unwrap();
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_none());
}

#[test]
fn only_what_is_as_good_as_what_is_asked_is_done() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger) = open(&folder);
    fs::write(folder.path().join("a"), "body").unwrap();
    let failed = Verdict::Failed(FetchError::new(ErrorKind::Reset, "gone"));
    let rows = [
        outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok),
        outcome(seed("http://h.test/b"), "a", facts(), Verdict::HttpError),
        outcome(seed("http://h.test/c"), "a", facts(), failed),
        outcome(seed("http://h.test/d"), "a", facts(), Verdict::Cancelled),
    ];
    ledger.write(&rows).unwrap();
    let done = |recall: &mut Recall, seed| known(recall, seed).is_some_and(|known| known.done.is_some());
    let states = ["a", "b", "c", "d"].map(|path| done(&mut recall, seed(&format!("http://h.test/{path}"))));
    assert_eq!(states, [true, false, false, false]);
    let mut declared = seed("http://h.test/a");
    declared.overrides = Some(Box::new(RequestOverrides { sha256: Some([8; 32]), ..RequestOverrides::default() }));
    assert!(!done(&mut recall, declared), "the list declares another digest");
    let mut other = seed("http://h.test/a");
    other.overrides = Some(Box::new(RequestOverrides { out: Some("b".to_owned()), ..RequestOverrides::default() }));
    assert!(!done(&mut recall, other), "the list wants it under another name");
    recall.wants(Digest::Sha256);
    assert!(done(&mut recall, seed("http://h.test/a")));
    recall.wants(Digest::Blake3);
    assert!(!done(&mut recall, seed("http://h.test/a")), "a digest that is not known");
}

#[test]
fn a_state_has_one_run_at_a_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let first = open_at(&path, false).unwrap();
    let second = open_at(&path, true).err().unwrap().to_string();
    assert!(second.contains(&format!("in use by another run (process {})", std::process::id())), "{second}");
    drop(first);
    open_at(&path, false).unwrap();
}

#[test]
fn newer_damaged_and_foreign_databases_stay_untouched() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let refused = |says: &str, fresh: bool| {
        let before = fs::read(&path).unwrap();
        let told = open_at(&path, fresh).err().unwrap().to_string();
        assert!(told.contains(says), "{told}");
        assert!(fs::read(&path).unwrap() == before, "{says}: it was changed");
    };
    fs::write(&path, "http://example.com/ and more of a list, long enough to be looked at, and not a database")
        .unwrap();
    refused("damaged", false);
    refused("not replaced", true);
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    refused("another program", false);
    refused("not replaced", true);
    fs::remove_file(&path).unwrap();
    // Ours, but of a later version, or damaged further on: that may be forgotten.
    drop(open_at(&path, false).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refused("version 99", false);
    open_at(&path, true).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    refused("damaged", false);
    open_at(&path, true).unwrap();
}

#[test]
fn every_name_is_remembered() {
    let folder = TempDir::new().unwrap();
    let (_, mut ledger) = open(&folder);
    let rows = ["a", "b/c"].map(|name| outcome(seed(&format!("http://h.test/{name}")), name, facts(), Verdict::Ok));
    ledger.write(&rows).unwrap();
    drop(ledger);
    let mut state = open_at(&folder.path().join(".fetchall/state.db"), false).unwrap();
    let mut names = Vec::new();
    state.names(|name| names.push(name.to_owned())).unwrap();
    names.sort();
    assert_eq!(names, ["a", "b/c"]);
}

/// The tables of version 1, as that version made them.
const FIRST: &str = "
CREATE TABLE urls (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, url TEXT NOT NULL, outcome TEXT NOT NULL, name TEXT,
    status INTEGER, final_url TEXT, bytes INTEGER, wire_bytes INTEGER, content_type TEXT, sha256 TEXT, blake3 TEXT,
    etag TEXT, last_modified TEXT, redirects TEXT, http_version TEXT, remote_addr TEXT, error_kind TEXT,
    error_message TEXT, attempts INTEGER NOT NULL, started_at TEXT, total_ms REAL
);
PRAGMA application_id = 0x66616c6c;
PRAGMA user_version = 1;
";

/// A state of version 1 in this folder, with `http://h.test/a` done as `a`.
fn first_version(folder: &Path) -> PathBuf {
    let path = folder.join("state.db");
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.execute_batch(FIRST).unwrap();
    let key = Shape::default().digest(&seed("http://h.test/a"), 0);
    let row =
        "INSERT INTO urls (key, url, outcome, name, status, bytes, attempts) VALUES (?1, ?2, 'ok', 'a', 200, 4, 1)";
    database.execute(row, (key, "http://h.test/a")).unwrap();
    fs::write(folder.join("a"), "body").unwrap();
    path
}

#[test]
fn a_state_of_the_first_version_migrates_with_its_rows() {
    let folder = TempDir::new().unwrap();
    let path = first_version(folder.path());
    let mut state = open_at(&path, false).unwrap();
    let mut names = Vec::new();
    state.names(|name| names.push(name.to_owned())).unwrap();
    assert_eq!(names, ["a"]);
    let (mut recall, mut ledger) = state
        .split(Shape::default(), Bodies::Below(crate::output_folder::OutputFolder::new(folder.path().to_owned())))
        .unwrap();
    let done = known(&mut recall, seed("http://h.test/a")).unwrap().done.unwrap();
    assert_eq!((done.status, done.bytes), (Some(200), Some(4)));
    // And what this version knows can be written down in it.
    let told = Facts { path: Some(folder.path().join("b/c").to_string_lossy().into_owned()), ..facts() };
    ledger.write(&[outcome(seed("http://h.test/b"), "b", told, Verdict::Ok)]).unwrap();
    drop((recall, ledger));
    let version = |path| Connection::open(path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0));
    assert_eq!(version(&path), Ok(schema::VERSION));
    drop(open_at(&path, false).unwrap());
}

#[test]
fn no_key_without_salt_stays_in_a_state_of_an_earlier_version() {
    let folder = TempDir::new().unwrap();
    let path = first_version(folder.path());
    let mut database = Connection::open(&path).unwrap();
    let transaction = database.transaction().unwrap();
    let digests: Vec<_> = (0..1000).map(|n| Shape::default().digest(&seed(&format!("http://h.test/{n}")), 0)).collect();
    for digest in &digests {
        let row = "INSERT INTO urls (key, url, outcome, attempts) VALUES (?1, 'http://h.test/', 'ok', 1)";
        transaction.execute(row, [digest]).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    drop(open_at(&path, false).unwrap());
    let file = fs::read(&path).unwrap();
    let octets: HashSet<_> = file.windows(16).collect();
    assert_eq!(digests.iter().filter(|digest| octets.contains(&digest[..])).count(), 0);
}

#[test]
fn reading_a_state_changes_nothing_in_any_version_or_folder() {
    let outer = TempDir::new().unwrap();
    let folder = outer.path().join("100% odd?mode=rw#é");
    fs::create_dir(&folder).unwrap();
    assert!(look_at(&folder.join("state.db")).unwrap().is_none());
    let path = first_version(&folder);
    let (before, files) = (fs::read(&path).unwrap(), || fs::read_dir(&folder).unwrap().count());
    let look = || {
        look_at(&path)
            .unwrap()
            .unwrap()
            .recall(Shape::default(), Bodies::Below(crate::output_folder::OutputFolder::new(folder.clone())))
    };
    let count = files();
    let mut recall = look();
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_some());
    assert!(known(&mut recall, seed("http://h.test/b")).is_none());
    assert_eq!((files(), fs::read(&path).unwrap() == before), (count, true));
    drop(open_at(&path, false).unwrap());
    let (mut recall, count) = (look(), files());
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_some());
    assert_eq!(files(), count);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(look_at(&path).err().unwrap().to_string().contains("version 99"));
}

#[test]
fn a_file_named_by_the_server_is_found() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger) = open(&folder);
    fs::create_dir_all(folder.path().join("h/a")).unwrap();
    let file = folder.path().join("h/a/a");
    fs::write(&file, "body").unwrap();
    let path = |path: &Path| Some(path.to_string_lossy().into_owned());
    let told = Facts { path: path(&file), ..facts() };
    ledger.write(&[outcome(seed("http://h.test/a"), "h/a", told, Verdict::Ok)]).unwrap();
    let found = known(&mut recall, seed("http://h.test/a")).unwrap();
    assert_eq!((found.name, found.done.unwrap().path), (Some(Claimed("h/a".into())), path(&file)));
    let columns = |database: &Connection| {
        database.query_row("SELECT name, file FROM urls", [], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let database = Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    assert_eq!(columns(&database), Ok(("h/a".to_owned(), Some("h/a/a".to_owned()))));
    fs::remove_file(&file).unwrap();
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_none());
    let told = Facts { path: path(&folder.path().join("h/a")), ..facts() };
    ledger.write(&[outcome(seed("http://h.test/a"), "h/a", told, Verdict::Ok)]).unwrap();
    assert_eq!(columns(&database), Ok(("h/a".to_owned(), None)));
}

#[test]
fn a_failure_keeps_the_facts_of_the_earlier_body() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger) = open(&folder);
    recall.compares();
    fs::write(folder.path().join("a"), "body").unwrap();
    let told = |verdict, status| {
        let facts = Facts { status, bytes: None, found: Found::default(), validators: None, ..facts() };
        outcome(seed("http://h.test/a"), "a", facts, verdict)
    };
    let database = Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    let columns = || {
        let columns = "SELECT outcome, status, error_kind, failed_status, failed_at IS NULL FROM urls";
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?, row.get(3)?, row.get(4)?))
        };
        database.query_row(columns, [], read).unwrap()
    };
    let ok = || (String::from("ok"), Some(200), None, None::<u16>, true);
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    assert_eq!(columns(), ok());
    let unreachable = Verdict::Failed(FetchError::new(ErrorKind::Connect, "refused"));
    ledger.write(&[told(Verdict::HttpError, Some(503)), told(unreachable, None)]).unwrap();
    assert_eq!(columns(), ("ok".into(), Some(200), Some("connect".into()), None, false));
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_some(), "its file is there");
    recall.refreshes();
    let found = known(&mut recall, seed("http://h.test/a")).unwrap();
    assert_eq!(found.condition.unwrap().validators.etag.as_deref(), Some(&b"\"\xe9\""[..]));
    assert_eq!(found.before.unwrap().body.sha256, Some([7; 32]));
    // The server says that all of it holds: nothing is wrong any more.
    let mut asked = seed("http://h.test/a");
    asked.known = known(&mut recall, seed("http://h.test/a"));
    let not_modified = Facts { status: Some(304), ..facts() };
    ledger.write(&[outcome(asked, "a", not_modified, Verdict::Skipped(SkipReason::NotModified))]).unwrap();
    assert_eq!(columns(), ok());
    // Gone is gone, and a body that comes later is a new one.
    ledger.write(&[told(Verdict::HttpError, Some(410))]).unwrap();
    assert_eq!(columns(), ("http_error".into(), Some(410), Some("http_status".into()), None, true));
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().before.is_none());
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    assert_eq!(columns(), ok());
}

#[test]
fn the_digest_of_a_line_is_not_part_of_its_key() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger) = open(&folder);
    fs::write(folder.path().join("a"), "body").unwrap();
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    let mut ask = |wants| known(&mut recall, Seed { overrides: Some(Box::new(wants)), ..seed("http://h.test/a") });
    let digest = |digest| RequestOverrides { sha256: Some([digest; 32]), ..RequestOverrides::default() };
    assert!(ask(RequestOverrides::default()).unwrap().done.is_some());
    assert!(ask(digest(7)).unwrap().done.is_some());
    let other = ask(digest(8)).unwrap();
    assert_eq!((other.done.is_none(), other.name), (true, Some(Claimed("a".into()))));
    let field = |name: &'static str, value: &'static str| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    assert!(ask(RequestOverrides { headers: vec![field("a", "b")], ..RequestOverrides::default() }).is_none());
    // The same text in another place makes another key.
    let key = |wants| Shape::default().digest(&Seed { overrides: Some(Box::new(wants)), ..seed("http://h.test/a") }, 0);
    let credentials = Some(crate::model::Credentials { username: "a".to_owned(), password: "b".to_owned() });
    assert_ne!(
        key(RequestOverrides { headers: vec![field("a", "b")], ..RequestOverrides::default() }),
        key(RequestOverrides { credentials, ..RequestOverrides::default() })
    );
}

#[test]
fn a_row_keeps_its_place_and_a_key_without_wishes_its_value() {
    let folder = TempDir::new().unwrap();
    let (_recall, mut ledger) = open(&folder);
    let row = |path: &str| outcome(seed(&format!("http://h.test/{path}")), path, facts(), Verdict::Ok);
    ledger.write(&[row("a"), row("b"), row("a")]).unwrap();
    let database = Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    let order: String = database
        .query_row("SELECT group_concat(name) FROM (SELECT name FROM urls ORDER BY id)", [], |r| r.get(0))
        .unwrap();
    assert_eq!(order, "a,b");
    let shape = Shape::new(["decoded".to_owned()]);
    let hex = |key: [u8; 16]| Hex(&key).to_string();
    let why = "else everything that is done is fetched again";
    assert_eq!(hex(shape.digest(&seed("http://h.test/a"), 0)), "66ae95264d2f4d6ce22fd57a10e71e48", "{why}");
    assert_eq!(
        hex(Keys::new(shape, [7; 32]).of(&seed("http://h.test/a"), 0)),
        "2a0d1af5351e39c617185adfe12990b3",
        "{why}"
    );
}
