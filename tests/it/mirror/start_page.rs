//! The start page of a mirror of several hosts.

use std::fs;

use super::walk::walk;
use super::*;

/// A mirror of these sites into one folder, with a start page.
fn mirror_of(sites: &[&Site], folder: &Path) -> Fetchall {
    let starts = sites.iter().map(|site| site.url("/"));
    Fetchall::new().args(["mirror", "--mirror-index", "--json", "--dir", folder.to_str().unwrap()]).args(starts)
}

fn titled(title: &str) -> Site {
    Site::start([("/", html(&format!("<title>{title}</title><a href=deep/b>b</a>"))), ("/deep/b", page(&["/"]))])
}

#[test]
fn start_page_links_to_each_host() {
    let (one, other, folder) = (titled("One & only"), titled("Other"), tempfile::tempdir().unwrap());
    mirror_of(&[&one, &other], folder.path()).run().expect_code(0);
    let tree = walk(folder.path());
    tree.assert_whole();
    let start = fs::read_to_string(folder.path().join("index.html")).unwrap();
    let link = |site: &Site, title: &str| {
        format!("<li><a href=\"{}/index.html\">{title}</a> {}</li>", site.host().replace(':', "+"), site.url("/"))
    };
    for (site, title) in [(&one, "One &amp; only"), (&other, "Other")] {
        assert!(start.contains(&link(site, title)), "{start}");
    }
    assert_eq!(start.matches("<li>").count(), 2, "{start}");
    // A run of one of the sites keeps the other one.
    mirror_of(&[&one], folder.path()).run().expect_code(0);
    assert_eq!(fs::read_to_string(folder.path().join("index.html")).unwrap(), start);
}

#[test]
fn file_of_the_user_is_not_replaced_by_a_start_page() {
    let (site, folder) = (titled("Site"), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("index.html"), "mine").unwrap();
    let run = mirror_of(&[&site], folder.path()).run().expect_code(2);
    assert!(run.stderr.contains("index.html") && run.stderr.contains("move it away"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("index.html")).unwrap(), "mine");
    assert!(run.stdout.is_empty(), "nothing is fetched: {}", run.stdout);
}

#[test]
fn no_body_gets_the_name_of_the_start_page() {
    let (site, folder) = (titled("Site"), tempfile::tempdir().unwrap());
    mirror_of(&[&site], folder.path()).args(["--name", "{path}"]).run().expect_code(0);
    let tree = walk(folder.path());
    tree.assert_whole();
    let start = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(start.contains("<a href=\"index~") && start.contains(">Site</a>"), "{start}");
}
