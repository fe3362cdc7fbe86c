//! A folder that becomes a link while a state in it is opened, used, forgotten or closed leads nowhere else.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::*;
use crate::output_folder::OutputFolder;

/// An output folder, and a foreign folder with a state of its own and the files beside it.
fn folders() -> (TempDir, TempDir) {
    let (inside, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    drop(open_at(&outside.path().join("state.db"), false).unwrap());
    for suffix in ["-wal", "-shm", "-journal"] {
        fs::write(outside.path().join(format!("state.db{suffix}")), "").unwrap();
    }
    fs::create_dir(inside.path().join(".fetchall")).unwrap();
    (inside, outside)
}

/// Every file of a folder with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The two ways to name a state of an output folder.
fn paths(inside: &TempDir) -> [StatePath; 2] {
    let named = StatePath::named(&inside.path().join(".fetchall/state.db")).unwrap();
    [StatePath::own(&OutputFolder::new(inside.path().to_owned())), named]
}

/// Replaces the folder of the state by a link to the outside.
fn swap(inside: &TempDir, outside: &TempDir) {
    fs::rename(inside.path().join(".fetchall"), inside.path().join("aside")).unwrap();
    symlink(outside.path(), inside.path().join(".fetchall")).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_state_is_opened_in_the_folder_that_was_checked() {
    for own in [0, 1] {
        let (inside, outside) = folders();
        let before = content(outside.path());
        let files = Arc::new(paths(&inside)[own].make(false).unwrap());
        swap(&inside, &outside);
        let lock = Lock::beside(&files).unwrap();
        let file = lock::of_new_file(&files).unwrap();
        let database = schema::open(&files, &file, true).unwrap();
        let name = database.path().unwrap();
        assert!(name.starts_with("/proc/self/fd/"), "SQLite has resolved the name: {name}");
        database.execute_batch("CREATE TABLE t (a)").unwrap();
        let files_there = content(&inside.path().join("aside"));
        let names: Vec<_> = files_there.keys().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["state.db", "state.db-shm", "state.db-wal", "state.db.lock"]);
        let read = files.open_to_read("").unwrap();
        assert_eq!(header::why_foreign(&files, Some(&read)).unwrap(), None);
        drop((database, lock));
        files.remove("").unwrap();
        assert_eq!(content(outside.path()), before);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_state_in_use_stays_in_the_folder_it_was_opened_in() {
    for own in [0, 1] {
        let (inside, outside) = folders();
        let state = State::open(&paths(&inside)[own], false, false).unwrap();
        let before = content(outside.path());
        swap(&inside, &outside);
        let (recall, mut ledger) = state.split(Shape::default(), Bodies::Nowhere).unwrap();
        ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
        assert!(matches!(ledger.check_place(), Err(StateError::Removed { .. })));
        drop((recall, ledger));
        assert_eq!(content(outside.path()), before);
        let mut names = Vec::new();
        open_at(&inside.path().join("aside/state.db"), false)
            .unwrap()
            .names(|name| names.push(name.to_owned()))
            .unwrap();
        assert_eq!(names, ["a"]);
    }
}

#[test]
fn a_link_in_the_place_of_the_folder_is_refused() {
    let (inside, outside) = folders();
    let all = paths(&inside);
    let before = content(outside.path());
    swap(&inside, &outside);
    for path in all {
        for fresh in [false, true] {
            let refused = State::open(&path, fresh, false).err().unwrap().to_string();
            assert!(refused.contains(".fetchall is in the way: it is a symbolic link"), "{refused}");
        }
        let refused = State::look_at(&path).err().unwrap().to_string();
        assert!(refused.contains(".fetchall is in the way: it is a symbolic link"), "{refused}");
        assert!(Lock::of(&path).is_err());
        assert_eq!(content(outside.path()), before);
    }
    fs::remove_file(inside.path().join(".fetchall")).unwrap();
    fs::create_dir(inside.path().join(".fetchall")).unwrap();
    symlink(outside.path().join("state.db"), inside.path().join(".fetchall/state.db")).unwrap();
    let own = StatePath::own(&OutputFolder::new(inside.path().to_owned()));
    for refused in [State::open(&own, true, false).err().unwrap(), State::look_at(&own).err().unwrap()] {
        assert!(refused.to_string().contains("it is a symbolic link"), "{refused}");
    }
    assert_eq!(content(outside.path()), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_swapped_all_the_time_moves_no_state() {
    let (inside, outside) = folders();
    let before = content(outside.path());
    let all = paths(&inside);
    let is_over = AtomicBool::new(false);
    let began = Instant::now();
    let (opened, swaps) = std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let (at, aside) = (inside.path().join(".fetchall"), inside.path().join("aside"));
            let mut swaps = 0;
            while !is_over.load(SeqCst) {
                if fs::rename(&at, &aside).is_ok() && symlink(outside.path(), &at).is_ok() {
                    fs::remove_file(&at).unwrap();
                    swaps += 1;
                }
                // Err: a run has made the folder again.
                if fs::rename(&aside, &at).is_err() {
                    let _ = fs::remove_dir_all(&aside);
                }
            }
            swaps
        });
        let mut opened = 0;
        for turn in 0_usize.. {
            if opened >= 20 && began.elapsed() > Duration::from_millis(400) {
                break;
            }
            let state = State::open(&all[turn % 2], turn % 3 == 0, turn % 5 == 0);
            opened += usize::from(state.is_ok_and(|state| state.split(Shape::default(), Bodies::Nowhere).is_ok()));
        }
        is_over.store(true, SeqCst);
        (opened, swapping.join().unwrap())
    });
    assert!(opened >= 20 && swaps > 0, "{opened} {swaps}");
    assert_eq!(content(outside.path()), before);
}
