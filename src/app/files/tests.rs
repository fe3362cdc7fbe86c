//! Every pair of uses, as a table.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::{Key, Raw};
use crate::policy::rerun::selection::Selection;
use crate::source::Retry;

const READ: [&str; 9] = ["list", "report", "settings", "netrc-file", "cacert", "cert", "key", "cookie", "load-cookies"];
const WRITTEN: [&str; 7] = ["output", "summary", "log", "state", "changes", "save-cookies", "document"];

/// The files of a run in which each of these uses has its path.
fn files(uses: &[(&str, &Path)]) -> Files {
    let (mut config, mut inputs, mut document) = (Config::default(), Inputs::from(Vec::new()), Document::None);
    for (name, path) in uses {
        match *name {
            "list" => inputs.lists.push(Input::File(path.to_path_buf())),
            "report" => {
                let only = Selection::of(std::iter::empty()).unwrap();
                inputs.retry = Some(Retry { report: Input::File(path.to_path_buf()), only });
            }
            "document" => document = Document::File(path.to_path_buf()),
            "settings" => {}
            name => Key::named(name).unwrap().set(&mut config, Raw::Text(path.as_os_str())).unwrap(),
        }
    }
    let mut files = Files::of(&config, &inputs, &document);
    for (_, path) in uses.iter().filter(|(name, _)| *name == "settings") {
        files.read("the settings", path);
    }
    files
}

fn refusal(files: Files) -> Option<String> {
    files.check().err().map(|error| error.to_string())
}

/// Every pair of uses of which the second writes, with whether both may have one file.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let all = || READ.into_iter().chain(WRITTEN);
    all()
        .flat_map(|one| WRITTEN.map(|other| (one, other)))
        .filter(|(one, other)| one != other)
        .map(|(one, other)| (one, other, ["cookie", "load-cookies"].contains(&one) && other == "save-cookies"))
}

/// Returns the name of a use in messages.
fn label(name: &str) -> String {
    match name {
        "list" | "report" => "the input".to_owned(),
        "settings" => "the settings".to_owned(),
        "document" => "--output-document".to_owned(),
        name => format!("--{name}"),
    }
}

#[test]
fn one_file_under_any_spelling_has_one_use() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("there"), "x").unwrap();
    fs::hard_link(at("there"), at("hard")).unwrap();
    fs::create_dir(at("sub")).unwrap();
    let mut spellings = vec![("there", "there"), ("there", "./sub/../there"), ("there", "hard"), ("new", "sub/../New")];
    if cfg!(unix) {
        #[cfg(unix)]
        for (link, to) in [("soft", "there"), ("dangling", "new"), ("here", ".")] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
        }
        spellings.extend([("there", "soft"), ("new", "dangling"), ("there", "here/soft"), ("new", "here/new")]);
    }
    for (one, other, may_share) in pairs() {
        for (first, second) in &spellings {
            let refused = refusal(files(&[(one, &at(first)), (other, &at(second))]));
            assert_eq!(refused.is_none(), may_share, "{one} {first}, {other} {second}: {refused:?}");
            let Some(why) = refused else { continue };
            for flag in [one, other] {
                assert!(why.contains(&label(flag)), "{flag}: {why}");
            }
            assert!(why.contains(first) || why.contains(second), "{why}");
        }
        assert_eq!(refusal(files(&[(one, &at("a")), (other, &at("b"))])), None, "{one} {other}");
    }
    for (one, other) in READ.iter().flat_map(|one| READ.iter().map(move |other| (one, other))) {
        assert_eq!(refusal(files(&[(one, &at("there")), (other, &at("there"))])), None, "{one} {other}");
    }
}

#[test]
fn no_file_is_a_companion_of_another() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let cut = format!(".{}-0000000000000000.cut", fetch_key("f"));
    let companions = [
        ("state", "f-wal"),
        ("state", "f-shm"),
        ("state", "f-journal"),
        ("state", "f.lock"),
        ("changes", ".f.part"),
        ("save-cookies", ".f.part"),
        ("document", &*cut),
    ];
    for (owner, companion) in companions {
        for other in READ.into_iter().chain(WRITTEN).filter(|other| *other != owner) {
            let uses = [(owner, &*at("f")), (other, &*at(companion))];
            let why = refusal(files(&uses)).unwrap_or_else(|| panic!("{owner} {other}"));
            assert!(why.contains(companion) && why.contains(&label(owner)) && why.contains(&label(other)), "{why}");
        }
    }
}

/// The digits that stand for a name in the names of parts.
fn fetch_key(name: &str) -> String {
    blake3::hash(name.as_bytes()).to_hex()[..32].to_owned()
}

#[test]
fn what_the_run_keeps_below_the_folder_is_no_use() {
    let folder = TempDir::new().unwrap();
    let of = |name: &str, path: &str| {
        let mut files = files(&[(name, &folder.path().join("out").join(path))]);
        files.dir = Some(folder.path().join("out"));
        refusal(files)
    };
    for name in READ.into_iter().chain(WRITTEN) {
        let is_read = READ.contains(&name);
        assert_eq!(of(name, ".fetchall/x").is_none(), is_read || name == "state", "{name}");
        assert_eq!(of(name, ".fetchall/state.db").is_none(), name == "state", "{name}");
        assert!(of(name, ".fetchall/state.db-wal").is_some(), "{name}");
        assert!(of(name, "../out/.fetchall/part/x").is_some(), "{name}");
        assert_eq!(of(name, "x"), None, "{name}");
        assert_eq!(of(name, "../out").is_none(), is_read || name == "state", "{name}");
    }
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_shared_where_nothing_mixes() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let is_data = |name| ["output", "document"].contains(&name);
    for (one, other, _) in pairs() {
        assert_eq!(refusal(files(&[(one, "/dev/null".as_ref()), (other, "/dev/null".as_ref())])), None);
        let refused = refusal(files(&[(one, &pipe), (other, &pipe)]));
        let harmless = WRITTEN.contains(&one) && !is_data(one) && !is_data(other);
        assert_eq!(refused.is_none(), harmless, "{one} {other}: {refused:?}");
    }
}

#[cfg(unix)]
#[test]
fn names_below_the_folder_are_kept_from_every_url() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("out");
    fs::create_dir_all(dir.join("sub")).unwrap();
    fs::write(dir.join("list.txt"), "").unwrap();
    std::os::unix::fs::symlink(dir.join("behind"), folder.path().join("log")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("far"), dir.join("near")).unwrap();
    let mut files = files(&[
        ("list", &dir.join("list.txt")),
        ("log", &folder.path().join("log")),
        ("summary", &dir.join("near")),
        ("state", &dir.join("sub/s.db")),
    ]);
    files.dir = Some(dir.clone());
    let mut names = Claims::new();
    names.reserve("list.txt");
    files.check().unwrap().exclude_from(&dir, &mut names).unwrap();
    for name in ["list.txt", "LIST.TXT", "behind", "near", "sub/s.db", "sub/s.db-wal", "sub/s.db-shm", "sub/s.db.lock"]
    {
        let claimed = names.claim(name, "http://a.test/");
        assert!(claimed.0.contains('~'), "{name}: {}", claimed.0);
        assert!(!names.take_up(&crate::model::Claimed(name.into())), "{name} of an earlier run");
    }
    assert_eq!(&*names.claim("sub/other", "http://a.test/").0, "sub/other");
}
