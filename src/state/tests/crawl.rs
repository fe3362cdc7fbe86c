//! A crawl keeps links, titles and robots.txt.

use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Link, LinkKind, PageLinks, PriorRun, RobotsCopy, RobotsFailures, RobotsText, StoredRobots, TextSketch,
};

fn page() -> PageLinks {
    let link = |url, kind| Link { url, kind, nofollow: false, modified: None, text: "" };
    let links = [
        link("http://h.test/b", LinkKind::Page),
        Link { nofollow: true, ..link("http://h.test/bc?d", LinkKind::Requisite) },
        Link { modified: Some("2026-11-21T02:00:00.5Z".parse().unwrap()), ..link("http://i.test/", LinkKind::Sitemap) },
    ];
    PageLinks {
        links: links.into_iter().collect(),
        invalid: Vec::new(),
        more: true,
        title: Some("Wörter".to_owned()),
        nofollow: true,
        canonical: Some(Url::parse("http://h.test/c").unwrap()),
        text: TextSketch { words: 7, exact: 1, near: Some(u64::MAX) },
        anchors: None,
    }
}

fn crawled(page: Option<PageLinks>) -> Facts {
    Facts { found: Found { links: page.map(Box::new), ..facts().found }, ..facts() }
}

/// A folder with the file `a`, and a state that keeps links.
fn crawl() -> (TempDir, Recall, Ledger) {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger) = open(&folder);
    recall.wants_links();
    ledger.writes_links();
    fs::write(folder.path().join("a"), "body").unwrap();
    (folder, recall, ledger)
}

fn done(recall: &mut Recall) -> Option<Box<Facts>> {
    known(recall, seed("http://h.test/a")).and_then(|known| known.done)
}

fn a(page: Option<PageLinks>, verdict: Verdict) -> Outcome {
    outcome(seed("http://h.test/a"), "a", crawled(page), verdict)
}

#[test]
fn a_page_that_is_done_still_has_its_links_and_title() {
    let (_folder, mut recall, mut ledger) = crawl();
    ledger.write(&[a(Some(page()), Verdict::Ok)]).unwrap();
    assert_eq!(done(&mut recall).unwrap().found.links.as_deref(), Some(&page()));
    // A picture has none, and a page may lose its own.
    ledger.write(&[a(None, Verdict::Ok)]).unwrap();
    assert_eq!(done(&mut recall).unwrap().found.links.as_deref(), Some(&PageLinks::default()));
}

#[test]
fn a_page_that_holds_or_fails_keeps_its_links() {
    let (_folder, mut recall, mut ledger) = crawl();
    ledger.write(&[a(Some(page()), Verdict::Ok)]).unwrap();
    let unreachable = Verdict::Failed(FetchError::new(ErrorKind::Connect, "refused"));
    ledger.write(&[a(None, unreachable)]).unwrap();
    assert_eq!(done(&mut recall).unwrap().found.links.as_deref(), Some(&page()));
    recall.refreshes();
    let mut asked = seed("http://h.test/a");
    asked.known = known(&mut recall, seed("http://h.test/a"));
    assert_eq!(asked.known.as_ref().unwrap().links.as_deref(), Some(&page()));
    ledger.write(&[outcome(asked, "a", facts(), Verdict::Skipped(SkipReason::NotModified))]).unwrap();
    let PriorRun { links, .. } = *known(&mut recall, seed("http://h.test/a")).unwrap();
    assert_eq!(links.as_deref(), Some(&page()));
    let other = PageLinks { links: page().links.iter().take(1).collect(), ..PageLinks::default() };
    ledger.write(&[a(Some(other.clone()), Verdict::Ok)]).unwrap();
    let PriorRun { links, .. } = *known(&mut recall, seed("http://h.test/a")).unwrap();
    assert_eq!(links.as_deref(), Some(&other));
}

#[test]
fn what_no_crawl_has_fetched_is_not_done_for_one() {
    let (folder, recall, ledger) = crawl();
    drop((ledger, recall));
    let (mut lists, mut ledger) = open(&folder);
    ledger.write(&[a(None, Verdict::Ok)]).unwrap();
    assert!(done(&mut lists).is_some_and(|facts| facts.found.links.is_none()));
    lists.wants_links();
    assert!(done(&mut lists).is_none());
    // A run of a list that fetches a page anew does not leave old links behind.
    ledger.write(&[a(Some(page()), Verdict::Ok)]).unwrap();
    assert!(done(&mut lists).is_some());
    ledger.write(&[a(None, Verdict::Ok)]).unwrap();
    assert!(done(&mut lists).is_none());
}

#[test]
fn links_that_make_no_sense_are_fetched_again() {
    let (folder, mut recall, mut ledger) = crawl();
    ledger.write(&[a(Some(page()), Verdict::Ok)]).unwrap();
    let database = Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    let kept: Vec<u8> = database.query_row("SELECT links FROM urls", [], |row| row.get(0)).unwrap();
    for odd in ["links = x'ff00'", "links = 'text'", "links = 5", "links = zeroblob(8388609)"] {
        database.execute(&format!("UPDATE urls SET {odd}"), []).unwrap();
        assert!(done(&mut recall).is_none(), "{odd}");
    }
    database.execute("UPDATE urls SET links = ?1, title = x'ff'", [kept]).unwrap();
    let links = done(&mut recall).unwrap().found.links.unwrap();
    assert_eq!(*links, PageLinks { title: None, ..page() });
}

#[test]
fn the_longest_links_that_are_written_are_read() {
    let (_folder, mut recall, mut ledger) = crawl();
    let urls: Vec<_> = (0..8000).map(|n| format!("http://{n}.test/{}", "x".repeat(2000))).collect();
    let link = |url| Link { url, kind: LinkKind::Page, nofollow: false, modified: None, text: "" };
    let long = PageLinks { links: urls.iter().map(|url| link(url)).collect(), ..PageLinks::default() };
    ledger.write(&[a(Some(long), Verdict::Ok)]).unwrap();
    let links = done(&mut recall).unwrap().found.links.unwrap();
    assert!(links.more && links.links.len() > 4000, "{}", links.links.len());
}

/// The changes from version 1 to version 4 of the tables, as those versions made them.
const TO_FOURTH: &str = "
ALTER TABLE urls ADD COLUMN file TEXT;
ALTER TABLE urls ADD COLUMN failed_status INTEGER; ALTER TABLE urls ADD COLUMN failed_at TEXT;
CREATE TABLE salt (salt BLOB NOT NULL);
PRAGMA user_version = 4;
";

#[test]
fn a_state_of_the_fourth_version_migrates_with_its_rows() {
    let folder = TempDir::new().unwrap();
    let path = first_version(folder.path());
    let database = Connection::open(&path).unwrap();
    database.execute_batch(TO_FOURTH).unwrap();
    database.execute("INSERT INTO salt VALUES (?1)", [[7_u8; 32]]).unwrap();
    let key = Keys::new(Shape::default(), [7; 32]).of(&seed("http://h.test/a"), 0);
    database.execute("UPDATE urls SET key = ?1", [key]).unwrap();
    drop(database);
    let bodies = || Bodies::Below(crate::output_folder::OutputFolder::new(folder.path().to_owned()));
    let looked_at = look_at(&path).unwrap().unwrap();
    assert!(done(&mut looked_at.recall(Shape::default(), bodies())).is_some());
    let (mut recall, mut ledger) = open_at(&path, false).unwrap().split(Shape::default(), bodies()).unwrap();
    assert_eq!(done(&mut recall).unwrap().bytes, Some(4));
    recall.wants_links();
    assert!(done(&mut recall).is_none());
    ledger.writes_links();
    ledger.write(&[a(Some(page()), Verdict::Ok)]).unwrap();
    assert_eq!(done(&mut recall).unwrap().found.links.as_deref(), Some(&page()));
    assert_eq!(recall.robots("http://h.test").unwrap(), None);
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(1_800_000_000_123_456_789) + Duration::from_secs(seconds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn answers_about_robots_are_read_as_they_were_written(
        text in prop::option::of(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|body| RobotsText::File(body.into())),
            (100..600_u16).prop_map(RobotsText::Status),
            Just(RobotsText::TooManyRedirects),
        ]),
        failures in prop::option::of((1..u32::MAX, "[a-zé ]{0,20}", prop::option::of(0..1_000_000_u64))),
    ) {
        let (_folder, recall, mut ledger) = crawl();
        let copy = text.map(|text| RobotsCopy { at: at(0), text });
        let failures = failures.map(|(count, why, wait)| RobotsFailures {
            first: at(1),
            last: at(2),
            count,
            why: why.into(),
            retry_after: wait.map(Duration::from_millis),
        });
        let robots = StoredRobots { copy, failures };
        ledger.write_robots("https://h.test", &StoredRobots { copy: None, failures: None }).unwrap();
        prop_assert_eq!(recall.robots("https://h.test").unwrap(), None);
        ledger.write_robots("https://h.test", &robots).unwrap();
        let is_known = robots.copy.is_some() || robots.failures.is_some();
        prop_assert_eq!(recall.robots("https://h.test").unwrap(), is_known.then_some(robots));
        prop_assert_eq!(recall.robots("http://h.test").unwrap(), None);
    }
}

#[test]
fn a_robots_txt_is_kept_up_to_the_octet_behind_its_limit() {
    let (folder, recall, mut ledger) = crawl();
    let limit = crate::policy::robots::RobotsLimits::default().max_bytes;
    let copy = RobotsCopy { at: at(0), text: RobotsText::File(vec![b'x'; 2 * limit].into()) };
    ledger.write_robots("https://h.test", &StoredRobots { copy: Some(copy), failures: None }).unwrap();
    let copy = recall.robots("https://h.test").unwrap().unwrap().copy.unwrap();
    assert_eq!(copy.text, RobotsText::File(vec![b'x'; limit + 1].into()));
    let database = Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    for (odd, known) in [
        ("body = zeroblob(600000)", false),
        ("error = hex(zeroblob(40000))", false),
        ("body = NULL, error = NULL, fetched_at = 'x'", false),
        ("fetched_at = '2026-11-21T02:00:00Z', status = 404, failures = -1, failed_at = 5", true),
    ] {
        database.execute(&format!("UPDATE robots SET {odd}"), []).unwrap();
        assert_eq!(recall.robots("https://h.test").unwrap().is_some(), known, "{odd}");
    }
}
