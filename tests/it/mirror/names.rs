//! The names of files in a mirror: by the type that the server sent, and the same in each run.

use super::walk::walk;
use super::*;

#[test]
fn type_of_the_answer_decides_the_ending() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run();
    let tree = walk(folder.path());
    for name in
        ["index.html", "a.html.html", "img.html", "logo@v=1.svg", "sprite.svg", "style.css", "two.css", "doc.xhtml"]
    {
        let is_there = tree.files.contains_key(name) || name == "a.html.html";
        assert!(is_there, "{name}: {:#?}", tree.names());
    }
    // `/a` and `/a.html`, `/img` and `/img/1.png` live side by side.
    let begins = |start: &str| tree.names().iter().filter(|name| name.starts_with(start)).count();
    assert_eq!((begins("a"), begins("img")), (3, 3), "{:#?}", tree.names());
}

#[test]
fn names_of_files_stay_in_the_next_run() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run();
    let first = walk(folder.path());
    let second = mirror(&site, folder.path()).run();
    assert!(first.files == walk(folder.path()).files);
    // The site has no validators: each page is asked for again, and written again.
    assert_eq!(second.records().iter().filter(|record| record["outcome"] == "ok").count(), 19);
    let third = mirror(&site, folder.path()).arg("--no-refresh").run();
    assert_eq!(third.records().iter().filter(|record| record["outcome"] == "ok").count(), 0, "{}", third.stdout);
    assert!(first.files == walk(folder.path()).files);
}

#[test]
fn file_that_is_there_is_skipped_under_its_ending() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run();
    std::fs::remove_dir_all(folder.path().join(".fetchall")).unwrap();
    let words = ["crawl", "-pE", "--skip-existing", "--json", "--dir", folder.path().to_str().unwrap()];
    let run = Fetchall::new().args(words).arg(site.url("/img")).run().expect_code(0);
    assert_eq!(run.records()[0]["skip"]["reason"], "exists", "{}", run.stdout);
}

#[test]
fn longest_names_have_room_for_their_ending() {
    let long = format!("/{}", "n".repeat(300));
    let (own, link) = (long.clone(), format!("<a href='{long}'>long</a><a href='{long}m'>other</a>"));
    let site = Site::with(move |target, _| match target {
        "/" => html(&link),
        _ if target.starts_with(&own) => page(&["/"]),
        _ => ResponseTemplate::new(404),
    });
    let folder = tempfile::tempdir().unwrap();
    mirror(&site, folder.path()).run().expect_code(0);
    let tree = walk(folder.path());
    tree.assert_whole();
    let longest: Vec<_> = tree.names().into_iter().filter(|name| name.starts_with("nnn")).collect();
    assert_eq!(longest.len(), 2, "{:?}", tree.names());
    assert!(longest.iter().all(|name| name.len() <= 255 && name.ends_with(".html")), "{longest:?}");
    assert!(tree.absolute.is_empty(), "{:?}", tree.absolute);
}
