//! No operation leads through a link, by one call or by steps, and folders that are gone are made again.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// An output folder, one that opens its folders by steps, and a folder outside of it.
fn folders() -> (TempDir, TempDir, [OutputFolder; 2]) {
    let (inside, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let by_steps = OutputFolder::new(inside.path().to_owned());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    by_steps.0.lacks_openat2.store(true, std::sync::atomic::Ordering::Relaxed);
    let both = [OutputFolder::new(inside.path().to_owned()), by_steps];
    (inside, outside, both)
}

fn save(folder: &OutputFolder, name: &str) -> io::Result<()> {
    let (parts, part) = folder.make_parent(Path::new("parts/one"), false)?;
    parts.create(part)?;
    let (files, file) = folder.make_parent(Path::new(name), false)?;
    parts.rename(part, &files, file)
}

#[test]
fn a_link_is_followed_at_no_depth() {
    let (inside, outside, both) = folders();
    fs::write(outside.path().join("precious"), "mine").unwrap();
    for folder in both {
        for link in ["a", "a/b", "a/b/c"] {
            let link = inside.path().join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(outside.path(), &link).unwrap();
            let name = link.strip_prefix(inside.path()).unwrap().join("precious");
            let refused = save(&folder, name.to_str().unwrap()).unwrap_err();
            let what = format!(
                "{} is in the way: it is a symbolic link; move it away, or name another folder",
                link.display()
            );
            assert_eq!((refused.kind(), refused.to_string()), (io::ErrorKind::NotADirectory, what));
            assert!(folder.info(&name).is_err() && folder.remove(&name).is_err());
            assert!(folder.open(&name).is_err() && folder.open_parent(&name).is_err());
            fs::remove_file(&link).unwrap();
        }
        fs::remove_dir_all(inside.path().join("a")).unwrap();
    }
    assert_eq!(fs::read(outside.path().join("precious")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_a_link_is_replaced_and_not_opened() {
    let (inside, outside, [folder, _]) = folders();
    let precious = outside.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    symlink(&precious, inside.path().join("link")).unwrap();
    fs::hard_link(&precious, inside.path().join("second")).unwrap();
    let open = folder.open(Path::new("")).unwrap();
    assert!(!open.info(OsStr::new("link")).unwrap().is_file);
    assert!(open.open_to_read(OsStr::new("link")).is_err());
    assert!(open.open_to_write(OsStr::new("link"), true).is_err());
    for name in ["link", "second"] {
        open.create(OsStr::new(name)).unwrap();
        assert_eq!(fs::read(inside.path().join(name)).unwrap(), b"");
    }
    assert_eq!(fs::read(&precious).unwrap(), b"mine");
}

#[test]
fn folders_that_are_gone_are_made_again() {
    let (inside, _outside, both) = folders();
    for folder in both {
        for sync in [false, true] {
            for gone in ["a/b", "a", ""] {
                let (opened, name) = folder.make_parent(Path::new("a/b/c"), sync).unwrap();
                opened.create(name).unwrap();
                assert!(folder.info(Path::new("a/b/c")).unwrap().is_file);
                fs::remove_dir_all(inside.path().join(gone)).unwrap();
                assert!(opened.create(name).is_err(), "the folder that was opened is gone");
                assert_eq!(folder.info(Path::new("a/b/c")).unwrap_err().kind(), io::ErrorKind::NotFound);
            }
        }
    }
}

#[test]
fn the_output_folder_is_not_followed_when_it_becomes_a_link() {
    let (inside, outside, _) = folders();
    fs::create_dir(inside.path().join("real")).unwrap();
    let spelled = inside.path().join("spelled");
    symlink("real", &spelled).unwrap();
    let folder = OutputFolder::new(spelled);
    save(&folder, "a/b").unwrap();
    assert!(inside.path().join("real/a/b").is_file());
    fs::rename(inside.path().join("real"), inside.path().join("moved")).unwrap();
    symlink(outside.path(), inside.path().join("real")).unwrap();
    assert!(save(&folder, "a/c").is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_parent_that_becomes_a_link_is_not_followed() {
    for has_folder in [true, false] {
        let (inside, outside, _) = folders();
        let parent = inside.path().join("parent");
        fs::create_dir_all(if has_folder { parent.join("out") } else { parent.clone() }).unwrap();
        let of = || OutputFolder::new(parent.join("out"));
        let by_steps = of();
        #[cfg(any(target_os = "linux", target_os = "android"))]
        by_steps.0.lacks_openat2.store(true, std::sync::atomic::Ordering::Relaxed);
        let both = [of(), by_steps];
        fs::rename(&parent, inside.path().join("aside")).unwrap();
        symlink(outside.path(), &parent).unwrap();
        for folder in both {
            let refused = save(&folder, "a/b").unwrap_err().to_string();
            let parent = fs::canonicalize(inside.path()).unwrap().join("parent");
            assert!(refused.contains(&format!("{} is in the way", parent.display())), "{refused}");
            assert!(folder.make_all(false).is_err());
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        }
    }
}

#[test]
fn a_parent_swapped_all_the_time_leads_nowhere() {
    let (inside, outside, _) = folders();
    let (parent, aside) = (inside.path().join("parent"), inside.path().join("aside"));
    fs::create_dir(&parent).unwrap();
    let folder = OutputFolder::new(parent.join("out"));
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let (mut saved, began) = (0, std::time::Instant::now());
    let swaps = std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let mut swaps = 0;
            while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                if fs::rename(&parent, &aside).is_ok() && symlink(outside.path(), &parent).is_ok() {
                    fs::remove_file(&parent).unwrap();
                    swaps += 1;
                }
                // Err: the folder was made again.
                if fs::rename(&aside, &parent).is_err() {
                    let _ = fs::remove_dir_all(&aside);
                }
            }
            swaps
        });
        while saved < 20 || began.elapsed().as_millis() < 300 {
            saved += usize::from(save(&folder, "a/b").is_ok());
            // Err: it is at another place at the moment.
            let _ = fs::remove_dir_all(parent.join("out"));
        }
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        swapping.join().unwrap()
    });
    assert!(swaps > 0);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn missing_parts_of_a_path_are_made_as_they_are_named() {
    let (inside, _outside, _) = folders();
    let root = fs::canonicalize(inside.path()).unwrap();
    symlink("real", inside.path().join("link")).unwrap();
    fs::create_dir(inside.path().join("real")).unwrap();
    for (path, resolved) in [("new/out", "new/out"), ("link/new", "real/new"), ("gone/../other", "other"), ("", "")] {
        let folder = OutputFolder::new(inside.path().join(path));
        assert_eq!(folder.resolved_path(), root.join(resolved), "{path}");
        folder.make_all(true).unwrap();
        assert!(root.join(resolved).is_dir(), "{path}");
    }
    symlink("nowhere", inside.path().join("dangling")).unwrap();
    let refused = OutputFolder::new(inside.path().join("dangling")).make_all(false).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn the_file_of_a_user_is_the_one_behind_its_links() {
    let (inside, _outside, _) = folders();
    let root = fs::canonicalize(inside.path()).unwrap();
    fs::create_dir(inside.path().join("real")).unwrap();
    for (link, to) in [("folder", "real"), ("first", "folder/second"), ("real/second", "../third")] {
        symlink(to, inside.path().join(link)).unwrap();
    }
    for (path, folder, name) in [("first", "", "third"), ("folder/second", "", "third"), ("folder/x", "real", "x")] {
        let found = OutputFolder::of_file(&inside.path().join(path)).unwrap();
        assert_eq!((found.0.resolved_path(), &*found.1), (&*root.join(folder), OsStr::new(name)), "{path}");
    }
    assert!(OutputFolder::of_file(Path::new("..")).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_lasting_path_leads_to_the_folder_that_was_opened() {
    let (inside, outside, [folder, _]) = folders();
    let (opened, _) = folder.make_parent(Path::new("a/b"), false).unwrap();
    let path = opened.lasting_path().unwrap();
    fs::rename(inside.path().join("a"), inside.path().join("moved")).unwrap();
    symlink(outside.path(), inside.path().join("a")).unwrap();
    fs::write(path.join("b"), "here").unwrap();
    assert_eq!(fs::read(inside.path().join("moved/b")).unwrap(), b"here");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
