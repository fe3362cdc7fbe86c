//! Names of URLs and outs, and what holds for every sequence of claims.

use std::collections::HashSet;

use proptest::prelude::*;
use url::Url;

use super::{Claims, MAX_NAME, Template, fold, is_portable, name_for_out, name_for_url, name_from_disposition};
use crate::model::Claimed;

fn name(url: &str) -> String {
    name_for_url(&Url::parse(url).unwrap())
}

/// Asserts the rules for every name, claimed or not.
fn check(name: &str) {
    assert!(!name.is_empty() && !name.starts_with('/'), "{name:?}");
    assert!(name.split('/').all(is_portable), "{name:?}");
    assert!(!fold(name).starts_with(&fold(".fetchall")), "{name:?}");
}

#[test]
fn urls_have_these_names() {
    for (url, expected) in [
        ("http://example.com", "example.com/index.html"),
        ("https://EXAMPLE.com/a/b.html", "example.com/a/b.html"),
        ("https://example.com/a/", "example.com/a/index.html"),
        ("https://example.com:443/a", "example.com/a"),
        ("http://example.com:8080/a", "example.com+8080/a"),
        ("http://[2001:db8::1]:81/a", "ip6-2001-db8--1+81/a"),
        ("http://127.0.0.1/a", "127.0.0.1/a"),
        ("https://bücher.example/a", "xn--bcher-kva.example/a"),
        ("https://example.com./a", "example.com_/a"),
        ("https://example.com/?a=b", "example.com/index.html@a=b"),
        ("https://example.com/p.php?a=1&b=2", "example.com/p.php@a=1&b=2"),
        ("https://example.com/a?", "example.com/a@"),
        ("https://example.com/a?q=x/y", "example.com/a@q=x_y"),
        ("https://example.com/a#part", "example.com/a"),
        ("https://example.com/caf%C3%A9", "example.com/café"),
        ("https://example.com/cafe%CC%81", "example.com/café"),
        ("https://example.com/a%2Fb", "example.com/a_b"),
        ("https://example.com/a%5Cb", "example.com/a_b"),
        ("https://example.com/x/%2e%2e/y", "example.com/y"),
        ("https://example.com/%252e%252e/y", "example.com/%2e%2e/y"),
        ("https://example.com/..%2f..%2fetc", "example.com/_._.._etc"),
        ("https://example.com/a%00b", "example.com/a_b"),
        ("https://example.com/%FF.txt", "example.com/%FF.txt"),
        ("https://example.com/a//b///c", "example.com/a/b/c"),
        ("https://example.com/.well-known/x", "example.com/_well-known/x"),
        ("https://example.com/con", "example.com/_con"),
        ("https://example.com/a%E2%80%AEb", "example.com/a_b"),
    ] {
        assert_eq!(name(url), expected, "{url}");
        check(expected);
    }
}

#[test]
fn deep_paths_are_collapsed_into_one_folder() {
    let deep = format!("https://example.com/{}", "abcdefgh/".repeat(300));
    let (one, other) = (name(&format!("{deep}one.html")), name(&format!("{deep}two.html")));
    assert!(one.len() <= MAX_NAME && one.len() > MAX_NAME - 32, "{}", one.len());
    assert!(one.ends_with("/one.html"));
    assert_eq!(one.rsplit_once('/').unwrap().0, other.rsplit_once('/').unwrap().0);
    check(&one);
}

#[test]
fn outs_have_these_names() {
    for (out, expected) in [
        ("a.bin", "a.bin"),
        ("./a//b/./c", "a/b/c"),
        ("a%2Fb", "a%2Fb"),
        ("a\\b", "a_b"),
        (".fetchall/state", "_fetchall/state"),
        (".FetchAll", "_FetchAll"),
        ("~/x", "_/x"),
        ("ab:c", "ab_c"),
    ] {
        assert_eq!(name_for_out(out).unwrap(), expected, "{out}");
    }
    for out in [
        "",
        " ",
        ".",
        "/",
        "/etc/passwd",
        "\\x",
        "\\\\host\\x",
        "C:\\x",
        "c:x",
        "..",
        "a/../b",
        "a\\..\\b",
        "..\\escape",
        ".fetchall/../../x",
        "c:/x",
        "a/.. ",
        "a/",
        "./",
    ] {
        let error = name_for_out(out).unwrap_err();
        assert_eq!(error.kind.as_str(), "io", "{out}");
    }
    assert!(!name_for_out("/hunter2").unwrap_err().message.contains("hunter2"));
}

#[test]
fn clashing_names_get_different_files() {
    let mut claims = Claims::new();
    let mut claim = |url: &str| claims.claim(&name(url), url).0.into_string();
    assert_eq!(claim("https://h/a.html"), "h/a.html");
    let http = claim("http://h/a.html");
    assert!(http.starts_with("h/a~") && http.ends_with(".html") && http.len() == "h/a~12345678.html".len(), "{http}");
    let upper = claim("https://h/A.html");
    assert!(upper.starts_with("h/A~"), "{upper}");
    let again: Vec<String> = (0..4).map(|_| claim("https://h/a.html")).collect();
    assert!(again[2].ends_with("-2.html") && again[3].ends_with("-3.html"), "{again:?}");
}

#[test]
fn a_file_and_a_folder_of_one_name_live_side_by_side() {
    let mut claims = Claims::new();
    assert_eq!(&*claims.claim("h/a", "1").0, "h/a");
    let below = claims.claim("h/A/b", "2").0;
    assert!(below.starts_with("h/A~") && below.ends_with("/b"), "{below}");
    let next = claims.claim("h/a/c", "3").0;
    assert_eq!(fold(next.rsplit_once('/').unwrap().0), fold(below.rsplit_once('/').unwrap().0));
    // And the other way round: the folder came first.
    assert_eq!(&*claims.claim("h/d/x", "4").0, "h/d/x");
    assert!(claims.claim("h/d", "5").0.starts_with("h/d~"));
}

#[test]
fn many_claims_of_one_name_stay_quick() {
    let mut claims = Claims::new();
    let names: HashSet<_> = (0..5_000).map(|_| claims.claim("h/index.html", "https://h/").0).collect();
    assert_eq!(names.len(), 5_000);
}

#[test]
fn claims_are_small() {
    let mut claims = Claims::new();
    for n in 0..20_000 {
        claims.claim(&format!("h/{n}/index.html"), "");
    }
    assert!(claims.memory_bytes() <= 20_000 * 48, "{}", claims.memory_bytes());
}

/// Claims all names and checks what must hold of the result.
fn claim_all(names: &[(String, String)]) -> Result<Vec<String>, TestCaseError> {
    let mut claims = Claims::new();
    let given: Vec<String> = names.iter().map(|(name, id)| claims.claim(name, id).0.into_string()).collect();
    let files: HashSet<String> = given.iter().map(|name| fold(name)).collect();
    prop_assert_eq!(files.len(), given.len(), "a name was given twice");
    for name in &given {
        check(name);
        prop_assert!(name.len() <= MAX_NAME + 400);
        let folded = fold(name);
        for (at, _) in folded.match_indices('/') {
            prop_assert!(!files.contains(&folded[..at]), "a file is a folder of {name}");
        }
    }
    Ok(given)
}

#[test]
fn renamed_folders_do_not_grow_without_bound() {
    for depth in [1, 2, 100, 400] {
        let mut names: Vec<_> = (1..depth).step_by(7).map(|n| (vec!["a"; n].join("/"), String::new())).collect();
        names.push((vec!["a"; depth].join("/"), String::new()));
        claim_all(&names).unwrap();
    }
}

proptest! {
    #[test]
    fn any_url_has_a_portable_name(path in "[a-z%.?/#&=~ \\-]{0,60}|\\PC{0,300}|(%[0-9A-F]{2}|[.a/]){0,400}", port: u16) {
        if let Ok(url) = Url::parse(&format!("http://example.com:{port}/{path}")) {
            let name = name_for_url(&url);
            check(&name);
            prop_assert!(name.len() <= MAX_NAME);
            prop_assert_eq!(name_for_url(&url), name);
        }
    }

    #[test]
    fn any_out_is_refused_or_portable(out in ".{0,80}|[./\\\\a-c: ~-]{0,20}|.{200,600}") {
        if let Ok(name) = name_for_out(&out) {
            check(&name);
            prop_assert!(name.len() <= MAX_NAME);
        }
    }

    #[test]
    fn claims_follow_from_the_list_alone(
        lines in prop::collection::vec(
            ("([aAbßsSé.]{1,2}/){0,3}[aAbßsSéx.]{0,2}(\\?[aA])?", prop::option::of("[aAb./]{1,6}"), any::<Vec<u8>>()), 1..30
        ),
        template in "(\\{(host|path|dir|file|stem|ext|query|n|sha256:1)\\}|[/a-b]){1,6}",
    ) {
        let Ok(template) = Template::parse(&template) else { return Ok(()) };
        let claim_all = || {
            let mut claims = Claims::named_by(template.clone());
            let claim = |(line, (path, out, _)): (usize, &(String, Option<String>, Vec<u8>))| {
                let url = Url::parse(&format!("http://h/{path}")).ok()?;
                claims.claim_for(&url, line as u64 + 1, out.as_deref()).ok()
            };
            lines.iter().enumerate().map(claim).collect::<Vec<_>>()
        };
        let claimed = claim_all();
        prop_assert_eq!(&claim_all(), &claimed);
        // For all proposed names and any order of completion, each file lies in its claim's folder or is the
        // claim.
        let mut saved = Vec::new();
        for (claim, (_, _, proposed)) in claimed.iter().zip(&lines) {
            let Some(claim) = claim else { continue };
            check(&claim.0);
            let field = [b"attachment; filename=\"", &proposed[..], b"\""].concat();
            saved.push(match name_from_disposition(&field) {
                Some(file) => format!("{}/{file}", claim.0),
                None => claim.0.to_string(),
            });
        }
        saved.iter().for_each(|name| check(name));
        let mut files = HashSet::new();
        let mut folders = HashSet::new();
        for name in &saved {
            let folded = fold(name);
            folders.extend(folded.match_indices('/').map(|(at, _)| folded[..at].to_owned()));
            prop_assert!(files.insert(folded), "{name} twice");
        }
        prop_assert!(files.is_disjoint(&folders), "{saved:?}");
    }

    #[test]
    fn claims_never_repeat(
        paths in prop::collection::vec("([aAbßsSé.]{1,2}/){0,3}[aAbßsSéx.]{0,2}(\\?[aA])?", 1..40)
    ) {
        let names: Vec<_> = paths
            .iter()
            .filter_map(|path| Url::parse(&format!("http://h/{path}")).ok())
            .map(|url| (name_for_url(&url), url.to_string()))
            .collect();
        let given = claim_all(&names)?;
        prop_assert_eq!(claim_all(&names)?, given);
    }
}

#[test]
fn a_name_is_taken_up_once_and_not_beside_its_folder() {
    let mut claims = Claims::new();
    ["h/a", "h/a/b", "h/c"].iter().for_each(|name| claims.reserve(name));
    let mut take_up = |name: &str| claims.take_up(&Claimed(name.into()));
    assert_eq!(["h/a", "h/a/b", "h/c", "h/c", "H/C"].map(&mut take_up), [false, false, true, false, false]);
}

#[test]
fn adjusting_claims_keep_names_with_endings() {
    let mut claims = Claims::new().adjusting();
    let mut claim =
        |path: &str| claims.claim_for(&Url::parse(&format!("http://h/{path}")).unwrap(), 1, None).unwrap().0;
    assert_eq!(&*claim("a"), "h/a");
    assert!(claim("a.html").starts_with("h/a~"), "the page `a` may need it");
    assert!(claim("A.CSS").starts_with("h/A~"));
    assert_eq!(&*claim("b.html"), "h/b.html");
    assert!(claim("b").starts_with("h/b~"), "as a page it would be the file of the other");
    assert_eq!(&*claim("c.svg/d"), "h/c.svg/d");
    assert!(claim("c").starts_with("h/c~"), "a folder is in the way");
    assert!(claim("a.xhtml/e").starts_with("h/a~"));
    let mut next = Claims::new().adjusting();
    next.reserve("h/a");
    assert!(next.take_up(&Claimed("h/a".into())));
    assert_ne!(&*next.claim_for(&Url::parse("http://h/a.css").unwrap(), 1, None).unwrap().0, "h/a.css");
}
