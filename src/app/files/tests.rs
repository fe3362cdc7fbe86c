//! Every pair of uses, as a table.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::{Key, Raw};
use crate::policy::rerun::selection::Selection;
use crate::source::Retry;

const READ: [&str; 9] = ["list", "report", "settings", "netrc-file", "cacert", "cert", "key", "cookie", "load-cookies"];
const WRITTEN: [&str; 8] = ["output", "summary", "log", "state", "changes", "skipped", "save-cookies", "document"];

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
fn files_of_the_run_below_the_folder_are_no_outputs() {
    let folder = TempDir::new().unwrap();
    let of = |name: &str, path: &str| {
        let mut files = files(&[(name, &folder.path().join("out").join(path))]);
        files.places.dir = Some(OutputFolder::new(folder.path().join("out")));
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
    files.places.dir = Some(OutputFolder::new(dir.clone()));
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

#[cfg(unix)]
#[test]
fn an_output_replaced_since_the_check_is_left_alone() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    type Plant = fn(&Path, &Path);
    let plant: [(&str, Plant); 4] = [
        ("a hard link", |outside, output| fs::hard_link(outside.join("precious"), output).unwrap()),
        ("a link", |outside, output| symlink(outside.join("precious"), output).unwrap()),
        ("a link to nothing", |outside, output| symlink(outside.join("none"), output).unwrap()),
        ("a folder that is a link", |outside, output| {
            let folder = output.parent().unwrap();
            fs::rename(folder, outside.with_file_name("aside")).unwrap();
            symlink(outside, folder).unwrap();
        }),
    ];
    for (what, plant) in plant {
        for was_there in [true, false] {
            for name in ["output", "summary", "log", "changes", "save-cookies"] {
                for gone in ["outside", "sub", "aside"] {
                    let _ = fs::remove_file(at(gone)).or_else(|_| fs::remove_dir_all(at(gone)));
                }
                for new in ["outside", "sub"] {
                    fs::create_dir(at(new)).unwrap();
                }
                fs::write(at("outside/precious"), "mine").unwrap();
                let output = at("sub/precious");
                if was_there {
                    fs::write(&output, "old").unwrap();
                }
                let checked = files(&[("list", &at("outside/precious")), (name, &output)]).check().unwrap();
                let _ = fs::remove_file(&output);
                plant(&at("outside"), &output);
                if ["changes", "save-cookies"].contains(&name) {
                    let file = checked.whole_file(&output, false);
                    assert_eq!(file.is_err(), what.starts_with("a folder"), "{what}, {name}");
                    file.into_iter().for_each(|mut file| {
                        file.write(b"new").unwrap();
                        file.finish().unwrap();
                        assert_eq!(fs::read(&output).unwrap(), b"new", "{what}, {name}");
                    });
                } else {
                    assert!(checked.open(&output).is_err(), "{what}, {name}");
                }
                assert_eq!(fs::read(at("outside/precious")).unwrap(), b"mine", "{what}, {name}");
                assert_eq!(fs::read_dir(at("outside")).unwrap().count(), 1, "{what}, {name}");
            }
        }
    }
}

#[test]
fn a_name_of_a_folder_is_no_output() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new/");
    let checked = files(&[("summary", &path)]).check().unwrap();
    assert_eq!(checked.open(&path).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(checked.whole_file(&path, false).err().unwrap().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_shared_output_may_appear_after_the_check() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let checked = files(&[("log", &path)]).check().unwrap();
    fs::write(&path, "of another run\n").unwrap();
    assert_eq!(checked.open(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(checked.open_shared(&path).is_ok());
    assert_eq!(fs::read(&path).unwrap(), b"of another run\n");
}

#[cfg(unix)]
#[test]
fn a_replaced_file_stays_in_its_folder_to_the_end() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["sub", "outside"] {
        fs::create_dir(at(name)).unwrap();
    }
    for ends in [true, false] {
        let checked = files(&[("changes", &at("sub/c"))]).check().unwrap();
        let mut file = checked.whole_file(&at("sub/c"), true).unwrap();
        fs::rename(at("sub"), at("aside")).unwrap();
        std::os::unix::fs::symlink(at("outside"), at("sub")).unwrap();
        for name in ["c", ".c.part"] {
            fs::write(at("outside").join(name), "mine").unwrap();
        }
        file.write(b"new").unwrap();
        if ends {
            file.finish().unwrap();
        }
        drop(file);
        let names = |folder: &str| fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names("aside").collect::<Vec<_>>(), ["c"], "no part is left");
        for name in ["c", ".c.part"] {
            assert_eq!(fs::read(at("outside").join(name)).unwrap(), b"mine", "{name}");
        }
        fs::remove_file(at("sub")).unwrap();
        fs::rename(at("aside"), at("sub")).unwrap();
    }
}
