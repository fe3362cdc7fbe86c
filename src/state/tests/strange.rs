//! States that no run of ours wrote, that were only just begun, or that have two names.

use super::*;

/// A state with one row that is ok and whose file is there.
fn with_row(folder: &TempDir) -> (Recall, Ledger, Connection) {
    let (recall, mut ledger) = open(folder);
    fs::write(folder.path().join("a"), "body").unwrap();
    let path = Some(folder.path().join("a").to_string_lossy().into_owned());
    ledger.write(&[outcome(seed("http://h.test/a"), "a", Facts { path, ..facts() }, Verdict::Ok)]).unwrap();
    let database = Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    (recall, ledger, database)
}

#[test]
fn a_row_that_leads_elsewhere_is_as_if_there_were_none() {
    let outer = TempDir::new().unwrap();
    fs::write(outer.path().join("outside"), "body").unwrap();
    let folder = TempDir::new_in(outer.path()).unwrap();
    let (mut recall, _ledger, database) = with_row(&folder);
    let absolute = outer.path().join("outside").to_string_lossy().into_owned();
    let own = ".fetchall/state.db".to_owned();
    let names = ["../outside".to_owned(), "a/../../outside".into(), absolute, own, String::new(), "a//b".into()];
    let long = "a/".repeat(5000) + "a";
    for name in names.into_iter().chain([long, "..\\outside".into(), "con".into(), "./a".into()]) {
        for column in ["name", "file"] {
            let known_before = known(&mut recall, seed("http://h.test/a"));
            assert!(known_before.unwrap().done.is_some());
            database.execute(&format!("UPDATE urls SET {column} = ?1"), [&name]).unwrap();
            let known = known(&mut recall, seed("http://h.test/a"));
            assert!(known.is_none_or(|known| known.done.is_none()), "{column}: {name}");
            database.execute("UPDATE urls SET name = 'a', file = NULL", []).unwrap();
        }
    }
    // Files of other names.
    for file in ["b", "ab", "a/b/c"] {
        database.execute("UPDATE urls SET file = ?1", [file]).unwrap();
        assert!(known(&mut recall, seed("http://h.test/a")).is_none(), "{file}");
    }
    database.execute("UPDATE urls SET file = '../outside'", []).unwrap();
    let state = folder.path().join(".fetchall/state.db");
    let bodies = Bodies::Below(crate::output_folder::OutputFolder::new(folder.path().to_owned()));
    let past = look_at(&state).unwrap().unwrap().past(&bodies).unwrap();
    let mut told = 0;
    past.each_ok::<StateError>(
        |_| true,
        |_, _| {
            told += 1;
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(told, 0);
}

#[test]
fn a_column_that_makes_no_sense_is_as_if_it_were_absent() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger, database) = with_row(&folder);
    let odd = "UPDATE urls SET status = 'x', wire_bytes = x'00', redirects = 7, sha256 = 'z', started_at = -1,
        final_url = 3.5, content_type = x'ff', etag = 5";
    database.execute_batch(odd).unwrap();
    let done = known(&mut recall, seed("http://h.test/a")).unwrap().done.unwrap();
    assert_eq!((done.status, done.wire_bytes, done.found.sha256, done.bytes), (None, None, None, Some(4)));
    database.execute_batch("UPDATE urls SET status = 70000, bytes = 'many', name = x'00'").unwrap();
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_none());
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    assert!(known(&mut recall, seed("http://h.test/a")).unwrap().done.is_some(), "the next row makes sense");
    database.execute_batch("UPDATE urls SET name = x'00'").unwrap();
    drop((recall, ledger));
    open_at(&folder.path().join(".fetchall/state.db"), false)
        .unwrap()
        .names(|name| panic!("{name} is nobody's name"))
        .unwrap();
}

#[test]
fn foreign_tables_are_errors_when_the_state_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    for (change, says) in [
        ("ALTER TABLE urls DROP COLUMN etag", "table urls"),
        ("ALTER TABLE urls ADD COLUMN more GENERATED ALWAYS AS (url)", "table urls"),
        ("CREATE TRIGGER t AFTER INSERT ON urls BEGIN DELETE FROM urls; END", "trigger t"),
        ("CREATE VIEW v AS SELECT 1", "view v"),
        ("CREATE INDEX i ON urls (url)", "index i"),
        ("DROP TABLE urls", "urls"),
        ("CREATE TABLE copy AS SELECT * FROM urls; DROP TABLE urls; ALTER TABLE copy RENAME TO urls", "urls"),
        ("PRAGMA user_version = -1", "version -1"),
    ] {
        drop(open_at(&path, true).unwrap());
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        for told in [open_at(&path, false).err().unwrap(), look_at(&path).err().unwrap()] {
            assert!(matches!(told, StateError::Damaged { .. }), "{change}: {told:?}");
            assert!(told.to_string().contains(says), "{change}: {told}");
        }
    }
}

#[test]
fn a_state_says_whose_it_is_from_its_first_moment_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let running = open_at(&path, false).unwrap();
    // The file that a killed run leaves.
    let killed = TempDir::new().unwrap();
    let copy = killed.path().join("state.db");
    fs::copy(&path, &copy).unwrap();
    open_at(&copy, true).unwrap();
    drop(running);
    // As earlier versions began: the file says nothing, and its log says all.
    let (path, copy) = (folder.path().join("early.db"), killed.path().join("early.db"));
    let early = Connection::open(&path).unwrap();
    early.pragma_update(None, "journal_mode", "WAL").unwrap();
    early.execute_batch(&format!("BEGIN; {FIRST} COMMIT;")).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(with_suffix(&path, suffix), with_suffix(&copy, suffix)).unwrap();
    }
    open_at(&copy, true).unwrap();
}

#[cfg(unix)]
#[test]
fn a_state_has_one_lock_whatever_it_is_called() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(at("state.db"), at("link.db")).unwrap();
    fs::create_dir(at("below")).unwrap();
    // The link leads nowhere yet.
    for (first, second) in [("link.db", "state.db"), ("state.db", "link.db"), ("state.db", "below/../state.db")] {
        let running = open_at(&at(first), false).unwrap();
        let refused = open_at(&at(second), false).err().unwrap();
        assert!(matches!(refused, StateError::InUse { .. }), "{second}: {refused}");
        drop(running);
    }
    let (_, mut ledger) = open_at(&at("link.db"), false).unwrap().split(Shape::default(), Bodies::Nowhere).unwrap();
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    drop(ledger);
    let mut fresh = open_at(&at("link.db"), true).unwrap();
    fresh.names(|name| panic!("{name} was to be forgotten")).unwrap();
    assert!(fs::symlink_metadata(at("link.db")).unwrap().is_symlink());
}

#[cfg(unix)]
#[test]
fn a_state_with_a_hard_link_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let running = open_at(&at("a.db"), false).unwrap();
    fs::hard_link(at("a.db"), at("b.db")).unwrap();
    // Made while a run goes on, and before it begins.
    let refused = running.past(&Bodies::Nowhere).err().unwrap();
    assert!(refused.to_string().contains("it was replaced meanwhile"), "{refused}");
    drop(running);
    let before = fs::read(at("a.db")).unwrap();
    for name in ["a.db", "b.db"] {
        for fresh in [false, true] {
            let refused = open_at(&at(name), fresh).err().unwrap().to_string();
            assert!(refused.contains("it has another name (a hard link)"), "{refused}");
        }
        assert!(look_at(&at(name)).is_err());
        assert_eq!(fs::read(at(name)).unwrap(), before);
    }
    fs::remove_file(at("b.db")).unwrap();
    drop(open_at(&at("a.db"), false).unwrap());
}

#[cfg(unix)]
#[test]
fn a_state_renamed_while_a_run_writes_it_is_in_use() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let running = open_at(&at("a.db"), false).unwrap();
    fs::rename(at("a.db"), at("b.db")).unwrap();
    let refused = open_at(&at("b.db"), true).err();
    // Other systems have the lock of the path alone.
    assert!(!cfg!(target_os = "linux") || matches!(refused, Some(StateError::InUse { .. })), "{refused:?}");
    drop(running);
}

/// The log of a state that a run was writing, and that of a new one of the first version.
fn logs(folder: &Path) -> [Vec<u8>; 2] {
    let log = |path: &Path| fs::read(with_suffix(path, "-wal")).unwrap();
    let path = folder.join("running.db");
    let (recall, mut ledger) = open_at(&path, false).unwrap().split(Shape::default(), Bodies::Nowhere).unwrap();
    ledger.write(&[outcome(seed("http://h.test/a"), "a", facts(), Verdict::Ok)]).unwrap();
    let running = log(&path);
    drop((recall, ledger));
    // Earlier versions had a log before they made the tables.
    fs::create_dir(folder.join("new")).unwrap();
    let path = folder.join("new/state.db");
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.execute_batch(FIRST).unwrap();
    let new = log(&path);
    assert_eq!(fs::read(&path).unwrap()[68..72], [0; 4], "the application id stands in the log alone");
    fs::copy(&path, folder.join("new.db")).unwrap();
    [running, new]
}

#[test]
fn no_log_is_written_into_a_file_that_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let database = Connection::open(at("other.db")).unwrap();
    database.execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)").unwrap();
    drop(database);
    let text = b"a note of a user\n".repeat(1000);
    for log in logs(folder.path()) {
        for content in
            [text.clone(), b"x".to_vec(), [b"SQLite format 3\0", &text[..]].concat(), fs::read(at("other.db")).unwrap()]
        {
            for suffix in ["-wal", "-journal"] {
                for fresh in [false, true] {
                    let (path, beside) = (at("state.db"), at(&format!("state.db{suffix}")));
                    fs::write(&path, &content).unwrap();
                    fs::write(&beside, &log).unwrap();
                    let refused = open_at(&path, fresh).err().unwrap();
                    assert!(matches!(refused, StateError::Damaged { .. }), "{refused}");
                    assert!(fs::read(&path).unwrap() == content && fs::read(&beside).unwrap() == log, "{suffix}");
                    fs::remove_file(beside).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_log_beside_no_state_goes_only_if_it_is_of_one() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [_, new] = logs(folder.path());
    let put = |main: Option<&[u8]>, suffix: &str, log: &[u8]| {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // Err: there is none.
            let _ = fs::remove_file(at(&format!("state.db{suffix}")));
        }
        main.map_or(Ok(()), |main| fs::write(at("state.db"), main)).unwrap();
        fs::write(at(&format!("state.db{suffix}")), log).unwrap();
    };
    for main in [None, Some(&b""[..])] {
        for (suffix, log) in [("-wal", &b"my own notes"[..]), ("-wal", &new[..200]), ("-journal", b"my own notes")] {
            for fresh in [false, true] {
                put(main, suffix, log);
                let refused = open_at(&at("state.db"), fresh).err().unwrap();
                assert!(matches!(refused, StateError::Damaged { .. }), "{refused}");
                assert_eq!(fs::read(at(&format!("state.db{suffix}"))).unwrap(), log);
                assert_eq!(at("state.db").exists(), main.is_some());
            }
        }
        // The rest of a run that was killed, and whose database was removed.
        put(main, "-wal", &new);
        drop(open_at(&at("state.db"), false).unwrap());
        put(main, "-journal", &[0; 512]);
        drop(open_at(&at("state.db"), false).unwrap());
    }
    put(Some(&fs::read(at("new.db")).unwrap()), "-wal", &new);
    drop(open_at(&at("state.db"), false).unwrap());
}

#[cfg(unix)]
#[test]
fn foreign_files_beside_a_state_stay_untouched() {
    for suffix in COMPANIONS {
        for (kind, text) in [("symbolic link", "KEEP ME"), ("hard link", "KEEP ME"), ("hard link", ""), ("no file", "")]
        {
            let folder = TempDir::new().unwrap();
            let (precious, state) = (folder.path().join("precious"), folder.path().join("state.db"));
            fs::write(&precious, text).unwrap();
            let companion = with_suffix(&state, suffix);
            match kind {
                "symbolic link" => std::os::unix::fs::symlink(&precious, &companion).unwrap(),
                "hard link" => fs::hard_link(&precious, &companion).unwrap(),
                _ => fs::create_dir(&companion).unwrap(),
            }
            for fresh in [false, true] {
                let refused = open_at(&state, fresh).err().unwrap().to_string();
                assert!(refused.contains(kind) && refused.contains(suffix), "{suffix}: {refused}");
                assert_eq!(fs::read_to_string(&precious).unwrap(), text, "{suffix}");
                assert!(fs::symlink_metadata(&companion).is_ok() && !state.exists(), "{suffix}");
            }
        }
    }
}

#[test]
fn file_that_is_no_lock_is_not_written_to() {
    for text in ["# This file is generated by poetry", "12a", "123456789012345678901", "\u{fffd}"] {
        let folder = TempDir::new().unwrap();
        let (state, lock) = (folder.path().join("poetry"), folder.path().join("poetry.lock"));
        fs::write(&lock, text).unwrap();
        let refused = open_at(&state, false).err().unwrap().to_string();
        assert!(refused.contains("it is no lock of a run"), "{refused}");
        assert_eq!(fs::read_to_string(&lock).unwrap(), text);
    }
}

#[test]
fn a_trigger_of_a_state_is_never_run() {
    let folder = TempDir::new().unwrap();
    let (recall, mut ledger, database) = with_row(&folder);
    database.execute_batch("CREATE TRIGGER t AFTER INSERT ON urls BEGIN DELETE FROM urls; END").unwrap();
    ledger.write(&[outcome(seed("http://h.test/b"), "b", facts(), Verdict::Ok)]).unwrap();
    let count = database.query_row("SELECT count(*) FROM urls", [], |row| row.get::<_, u32>(0));
    assert_eq!(count, Ok(2));
    drop((recall, ledger));
}

#[test]
fn rows_that_share_a_file_are_not_done() {
    let folder = TempDir::new().unwrap();
    let bodies = Bodies::Below(crate::output_folder::OutputFolder::new(folder.path().to_owned()));
    // On a system that tells letters apart by case both files are there.
    for name in ["a", "A"] {
        let (recall, mut ledger, database) = with_row(&folder);
        fs::write(folder.path().join("A"), "body").unwrap();
        ledger.write(&[outcome(seed("http://h.test/b"), "b", facts(), Verdict::Ok)]).unwrap();
        database.execute("UPDATE urls SET name = ?1, file = ?2 WHERE name = 'b'", (name, None::<&str>)).unwrap();
        drop((recall, ledger));
        let path = folder.path().join(".fetchall/state.db");
        let mut state = look_at(&path).unwrap().unwrap();
        state.names(|_| ()).unwrap();
        let mut recall = state.recall(Shape::default(), bodies.clone());
        let done = |recall: &mut Recall, url| known(recall, seed(url)).is_some_and(|known| known.done.is_some());
        let both = [done(&mut recall, "http://h.test/a"), done(&mut recall, "http://h.test/b")];
        assert_eq!(both, [false, false], "{name}");
        drop(recall);
        database.execute("DELETE FROM urls", []).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn rows_whose_files_are_one_by_hard_link_are_not_done() {
    let folder = TempDir::new().unwrap();
    let (mut recall, mut ledger, _database) = with_row(&folder);
    let path = Some(folder.path().join("b").to_string_lossy().into_owned());
    ledger.write(&[outcome(seed("http://h.test/b"), "b", Facts { path, ..facts() }, Verdict::Ok)]).unwrap();
    let file = |name: &str| folder.path().join(name);
    let done = |recall: &mut Recall| {
        ["a", "b"]
            .map(|name| known(recall, seed(&format!("http://h.test/{name}"))).is_some_and(|row| row.done.is_some()))
    };
    // Another name that no row has, such as that of a copy made by `cp -al`.
    fs::write(file("b"), "body").unwrap();
    fs::hard_link(file("a"), file("copy")).unwrap();
    assert_eq!(done(&mut recall), [true, true]);
    fs::remove_file(file("b")).unwrap();
    fs::hard_link(file("a"), file("b")).unwrap();
    let state = look_at(&folder.path().join(".fetchall/state.db")).unwrap().unwrap();
    let bodies = Bodies::Below(crate::output_folder::OutputFolder::new(folder.path().to_owned()));
    assert_eq!(done(&mut state.recall(Shape::default(), bodies)), [false, false]);
}

#[test]
fn passwords_in_rows_are_hidden() {
    let folder = TempDir::new().unwrap();
    let (mut recall, _ledger, database) = with_row(&folder);
    let planted = "UPDATE urls SET final_url = 'http://u:hunter2@h.test/a',
        redirects = '301 http://u:hunter2@h.test/x' || char(10) || '302 http://u:hun ter2@h st/'";
    database.execute(planted, []).unwrap();
    let facts = known(&mut recall, seed("http://h.test/a")).unwrap().done.unwrap();
    assert_eq!(facts.final_url.unwrap().as_str(), "http://h.test/a");
    let hops: Vec<_> = facts.redirects.iter().map(|hop| &*hop.url).collect();
    assert_eq!(hops, ["http://h.test/x", "http://"]);
}

#[cfg(unix)]
#[test]
fn a_state_that_was_removed_or_replaced_is_noticed() {
    let folder = TempDir::new().unwrap();
    let (_recall, ledger, _database) = with_row(&folder);
    let path = folder.path().join(".fetchall/state.db");
    ledger.check_place().unwrap();
    fs::rename(&path, folder.path().join("aside")).unwrap();
    assert!(matches!(ledger.check_place(), Err(StateError::Removed { .. })));
    fs::copy(folder.path().join("aside"), &path).unwrap();
    assert!(matches!(ledger.check_place(), Err(StateError::Removed { .. })));
    fs::rename(folder.path().join("aside"), &path).unwrap();
    ledger.check_place().unwrap();
}

#[test]
fn a_row_of_endless_length_is_as_if_there_were_none() {
    let folder = TempDir::new().unwrap();
    for column in ["status", "name", "redirects", "url"] {
        let (mut recall, _ledger, database) = with_row(&folder);
        assert!(known(&mut recall, seed("http://h.test/a")).is_some());
        database.execute(&format!("UPDATE urls SET {column} = zeroblob(5000000)"), []).unwrap();
        assert!(known(&mut recall, seed("http://h.test/a")).is_none(), "{column}");
        database.execute("DELETE FROM urls", []).unwrap();
    }
}

/// The digest of a request with these wishes.
fn digest(wants: RequestOverrides) -> [u8; 16] {
    Shape::default().digest(&Seed { overrides: Some(Box::new(wants)), ..seed("http://h.test/a") }, 0)
}

#[test]
fn a_password_is_no_part_of_a_key() {
    let key = |password: &str| {
        let credentials = crate::model::Credentials { username: "ann".to_owned(), password: password.to_owned() };
        digest(RequestOverrides { credentials: Some(credentials), ..RequestOverrides::default() })
    };
    assert_eq!(key("one"), key("two"));
    assert_ne!(key("one"), Shape::default().digest(&seed("http://h.test/a"), 0));
    let field = |name: &'static str, value: &'static str| {
        let field = (http::HeaderName::from_static(name), http::HeaderValue::from_static(value));
        digest(RequestOverrides { headers: vec![field], ..RequestOverrides::default() })
    };
    // ann:one, ann:two and bob:one
    let basic =
        ["Basic YW5uOm9uZQ==", "basic YW5uOnR3bw", "Basic Ym9iOm9uZQ=="].map(|value| field("authorization", value));
    assert_eq!(basic[0], basic[1]);
    assert_ne!(basic[0], basic[2]);
    assert_ne!(basic[0], field("authorization", "ann"));
    assert_ne!(basic[0], field("x-authorization", "Basic YW5uOm9uZQ=="));
}

#[test]
fn a_request_has_another_key_in_another_state() {
    let keys = || {
        let folder = TempDir::new().unwrap();
        let (_recall, _ledger, database) = with_row(&folder);
        database.query_row("SELECT key FROM urls", [], |row| row.get::<_, [u8; 16]>(0)).unwrap()
    };
    let (one, other) = (keys(), keys());
    assert_ne!(one, other);
    assert_ne!(one, Shape::default().digest(&seed("http://h.test/a"), 0));
}

#[test]
fn a_state_without_its_salt_is_damaged() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    for change in ["DELETE FROM salt", "UPDATE salt SET salt = x'00'", "UPDATE salt SET salt = zeroblob(5000000)"] {
        drop(open_at(&path, true).unwrap());
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        for told in [open_at(&path, false).err().unwrap(), look_at(&path).err().unwrap()] {
            assert!(matches!(&told, StateError::Damaged { why, .. } if why.contains("salt")), "{change}: {told:?}");
        }
    }
}

#[test]
fn a_state_removed_while_it_is_opened_is_made_again() {
    let folder = TempDir::new().unwrap();
    for round in 0..40 {
        let path = folder.path().join(format!("{round}/state.db"));
        std::thread::scope(|scope| {
            let removing = scope.spawn(|| {
                while !path.exists() {
                    std::thread::yield_now();
                }
                fs::remove_file(&path)
            });
            let opened = open_at(&path, false);
            removing.join().unwrap().unwrap();
            assert!(opened.is_ok(), "{round}: {:?}", opened.err());
        });
    }
}
