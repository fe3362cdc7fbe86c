//! Tests of the traps: tables of URLs and pages, and a crawl.

use super::*;
use crate::policy::text::sketch::SketchBuilder;

mod site;

fn url(text: &str) -> Url {
    Url::parse("http://a.test/").unwrap().join(text).unwrap()
}

#[test]
fn each_limit_of_a_url_has_its_name() {
    let long = format!("/{}", "x".repeat(2048));
    let deep = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t";
    let deeper = format!("{deep}/u");
    for (link, rule) in [
        ("/", None),
        (&long[..2048 - "http://a.test".len()], None),
        (&long, Some("max_url_length 2048")),
        (deep, None),
        ("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/", None),
        (&deeper, Some("max_path_segments 20")),
        ("/img/img/img/", None),
        ("/img/img/img/img", Some("max_segment_repeats 3")),
        ("/a/b/a/b/a/b/a", Some("max_segment_repeats 3")),
        ("/a/a.b/aa/a-", None),
        ("/a////////b", None),
        ("/?f=1&f=2&f=3", None),
        ("/?f=1&g&f=2&f=3&f", Some("max_param_repeats 3")),
        ("/?&&&&&=1&=2&=3&=4", None),
        ("/login?next=/login?next=/login", None),
        ("/login?next=/login?next=/login?next=/login", Some("max_query_reflections 2")),
        (
            "/login?next=http%3A%2F%2Fa.test%2Flogin%3Fnext%3D%252Flogin%253Fnext%253D%25252Flogin",
            Some("max_query_reflections 2"),
        ),
        ("/list?ref=ref%3Dref%253Dref%25253Da", Some("max_query_reflections 2")),
        ("/go?to=http%3A%2F%2Fb.test%2Fgo%3Fx%3D1", None),
        ("/x?a=b%3D1&c=d%3D2&e=f%3D3", None),
        ("/x?token=YWJj%3D%3D&q=a=b", None),
    ] {
        let told = shape::trap(&url(link), &TrapLimits::default());
        assert_eq!(told.as_deref(), rule, "{link}");
        let refused = Traps::new(TrapLimits::default()).link(&url(link), &url("/"), 0).err();
        assert_eq!(refused.map(|refusal| refusal.rule.into_owned()).as_deref(), rule, "{link}");
    }
}

#[test]
fn links_after_the_limit_of_a_page_are_refused() {
    let traps = Traps::new(TrapLimits { max_page_links: 2, ..TrapLimits::default() });
    assert!(traps.link(&url("/x"), &url("/"), 1).is_ok());
    let refusal = traps.link(&url("/x"), &url("/"), 2).unwrap_err();
    assert_eq!((refusal.reason.as_str(), &*refusal.rule), ("trap", "max_page_links 2"));
}

#[test]
fn limits_of_nothing_refuse_without_a_panic() {
    let limits = TrapLimits { max_query_reflections: 0, max_param_repeats: 0, remembered: 0, ..TrapLimits::default() };
    let mut traps = Traps::new(limits);
    assert!(traps.link(&url("/?a"), &url("/"), 0).is_err());
    for n in 0..20 {
        let (page, text) = (url(&format!("/{n}")), SketchBuilder::of("a"));
        traps.page(&FetchedPage { url: &page, parent: Some(&url("/x")), parent_chain: None, text });
    }
}

/// The rule by which the links of the last page are not followed, if each page has this text and is found on the
/// one before.
fn chain(texts: &[&str]) -> Option<String> {
    let mut traps = Traps::new(TrapLimits::default());
    let mut last = None;
    for (number, text) in texts.iter().enumerate() {
        let page = url(&format!("/{}", ["a", "b", "c", "d", "e", "f"][number % 6]));
        let (chain, stop) =
            traps.page(&FetchedPage { url: &page, parent: None, parent_chain: last, text: SketchBuilder::of(text) });
        last = Some(chain);
        if stop.is_some() {
            return stop.map(|refusal| format!("{} after {number}", refusal.rule));
        }
    }
    None
}

#[test]
fn equal_pages_in_a_row_end_a_chain() {
    assert_eq!(chain(&["x"; 6]).as_deref(), Some("equal_pages_in_chain 4 after 3"));
    assert_eq!(chain(&["x", "x", "x", "y", "x", "x", "x", "y"]), None);
    assert_eq!(chain(&[""; 9]), None, "pages without words are not compared");
}

/// Traps that have seen these pages, all of them found on the start page.
fn after(pages: &[(String, &str)]) -> Traps {
    let mut traps = Traps::new(TrapLimits::default());
    let start = url("/");
    for (page, text) in pages {
        let page = url(page);
        let _ = traps.claim(&page, Some(&start));
        traps.page(&FetchedPage {
            url: &page,
            parent: Some(&start),
            parent_chain: None,
            text: SketchBuilder::of(text),
        });
    }
    traps
}

fn told(traps: &Traps, link: &str, parent: &str) -> String {
    traps.link(&url(link), &url(parent), 0).map_or_else(|refusal| refusal.rule.into_owned(), |()| "ok".to_owned())
}

#[test]
fn equal_queries_close_a_path_and_others_do_not() {
    // The parameter has a new name in each URL, so none is known to have no effect.
    let equal: Vec<_> = (0..8).map(|n| (format!("/list?p{n}=1"), "no results")).collect();
    assert_eq!(told(&after(&equal[..7]), "/list?x=1", "/"), "ok");
    let traps = after(&equal);
    assert_eq!(told(&traps, "/list?x=1", "/"), "equal_query_variants 8");
    assert_eq!(traps.link(&url("/list"), &url("/"), 0), Ok(()));
    assert_eq!(traps.link(&url("/other?x=1"), &url("/"), 0), Ok(()));
    let texts: Vec<String> = (0..100).map(|n| format!("article {}", "x".repeat(n))).collect();
    let mixed: Vec<_> = (0..100)
        .map(|n| (format!("/show?p{n}=1"), if n % 10 == 0 { "not found" } else { texts[n].as_str() }))
        .collect();
    assert_eq!(told(&after(&mixed), "/show?x=1", "/"), "ok", "errors among articles");
}

#[test]
fn parameters_without_effect_are_named_and_count_no_more() {
    let pages = |name: &str, text: &'static str| {
        (0..4).map(|n| (format!("/page/{}?{name}={n}", n % 2), text)).collect::<Vec<_>>()
    };
    let mut seen = vec![("/page/0".to_owned(), "text"), ("/page/1".to_owned(), "text")];
    seen.extend(pages("sid", "text"));
    assert_eq!(told(&after(&seen[..5]), "/page/0?sid=9", "/"), "ok");
    let traps = after(&seen);
    for (link, expected) in [
        ("/page/0?sid=9", "values_without_effect 4: sid"),
        ("/page/7?sid=9", "ok"),
        ("/page/0?other=9", "ok"),
        ("http://b.test/page/0?sid=9", "ok"),
    ] {
        assert_eq!(told(&traps, link, "/"), expected, "{link}");
    }
    // The first of the forms is asked for, the second is not.
    let mut traps = traps;
    assert_eq!(traps.claim(&url("/page/7?sid=9"), None), Ok(()));
    assert!(traps.claim(&url("/page/7?sid=8"), None).is_err());
    assert_eq!(traps.claim(&url("/page/7?a=1&sid=8"), None), Ok(()));
    // One script whose first pages show an error proves nothing.
    let errors: Vec<_> = (0..6).map(|n| (format!("/view?id={n}"), "log in")).collect();
    assert_eq!(told(&after(&errors), "/view?id=9", "/"), "ok");
    // A token may be the same at several URLs.
    let shop = |sid: &str| (0..4).map(|n| (format!("/shop/{n}?sid={sid}"), "goods")).collect::<Vec<_>>();
    let shops = [shop("0a1b2c3d"), shop("4e5f6071")].concat();
    assert_eq!(told(&after(&shops), "/shop/1?sid=99", "/"), "values_without_effect 4: sid");
    assert_eq!(told(&after(&[shop("1"), shop("2")].concat()), "/shop/1?sid=99", "/"), "ok");
    // The same value everywhere, as in `?page=1`, proves nothing.
    let first: Vec<_> = (0..9).flat_map(|n| [format!("/l{n}"), format!("/l{n}?page=1")]).map(|l| (l, "text")).collect();
    assert_eq!(told(&after(&first), "/l0?page=2", "/"), "ok");
}

#[test]
fn session_ids_in_paths_are_parameters_too() {
    let seen: Vec<_> = (0..6).map(|n| (format!("/a{};jsessionid={n}/b?c=1", n % 2), "text")).collect();
    let traps = after(&seen);
    assert_eq!(told(&traps, "/a1;jsessionid=9/b?c=1", "/"), "values_without_effect 4: jsessionid");
    assert_eq!(told(&traps, "/a1;jsessionid=9/b?c=2", "/"), "ok");
}

#[test]
fn tokens_and_folders_without_effect_are_refused() {
    let texts = ["one", "two words", "three more words", "four"];
    let pages = |prefix: &str| (0..4).map(|n| (format!("{prefix}{n}.html"), texts[n])).collect::<Vec<_>>();
    let token = |n: usize| format!("/s/{n}a1b2c3d4/page/{}", n % 2);
    let sessions: Vec<_> = (0..7).map(|n| (token(n), texts[n % 2])).collect();
    for (seen, link, expected) in [
        (sessions.clone(), token(8), "values_without_effect 4: /8a1b2c3d4/"),
        (sessions[..4].to_vec(), token(8), "ok"),
        (sessions, "/s/9a1b2c3d4/page/7".to_owned(), "ok"),
        ([pages("/"), pages("/print/")].concat(), "/print/3.html".to_owned(), "values_without_effect 4: /print/"),
        ([pages("/"), pages("/print/")].concat(), "/print/new.html".to_owned(), "ok"),
        ([pages("/"), pages("/a/b/")].concat(), "/a/b/3.html".to_owned(), "ok"),
    ] {
        assert_eq!(told(&after(&seen), &link, "/"), expected, "{link}");
    }
    // Articles whose names look like tokens are different pages.
    let articles: Vec<_> = (0..4).map(|n| (format!("/{n}a1b2c3d4"), texts[n])).collect();
    assert_eq!(told(&after(&articles), "/9a1b2c3d4", "/"), "ok");
}

#[test]
fn loops_in_paths_that_show_the_same_pages_are_refused() {
    let texts = ["one", "two words", "three more words", "four"];
    let pages = |prefix: &str| (0..4).map(|n| (format!("{prefix}/{n}.html"), texts[n])).collect::<Vec<_>>();
    let seen = [pages("/docs"), pages("/docs/latest/docs")].concat();
    let traps = after(&seen);
    assert_eq!(told(&traps, "/docs/latest/docs/latest/docs/", "/"), "values_without_effect 4: /docs/latest/");
    assert_eq!(told(&traps, "/docs/old/docs/", "/"), "ok");
    let other = [pages("/img"), (0..4).map(|n| (format!("/img/img/{n}.html"), "other")).collect()].concat();
    assert_eq!(told(&after(&other), "/img/img/x", "/"), "ok");
}

#[test]
fn similar_pages_are_refused_only_beside_a_second_sign() {
    let mut traps = Traps::new(TrapLimits::default());
    for n in 0..20 {
        for page in [format!("/cal/2026/{n}"), format!("/p/{n}")] {
            let text = SketchBuilder::of(&format!("Number {n} of many"));
            // The page of a product is found on a list.
            let parent = if page.starts_with("/cal") { url(&format!("/cal/2026/{}", n + 1)) } else { url("/list") };
            traps.page(&FetchedPage { url: &url(&page), parent: Some(&parent), parent_chain: None, text });
        }
    }
    for (link, parent, expected) in [
        ("/cal/2027/1", "/cal/2026/12", "near_equal_pages 20: counter"),
        ("/cal/2027/1", "/", "ok"),
        ("/cal/2027/1/x", "/cal/2026/12", "ok"),
        ("/p/99", "/list", "ok"),
        ("/p/99", "/p/98", "ok"),
    ] {
        assert_eq!(told(&traps, link, parent), expected, "{link} on {parent}");
    }
}

#[test]
fn signs_are_found_in_a_link_and_its_page() {
    let mut traps = Traps::new(TrapLimits { near_equal_pages: 1, ..TrapLimits::default() });
    for (link, parent, sign) in [
        ("/g?a=1&b=2", "/g?a=1", Some("growing query")),
        ("/g?b=2&a=1", "/g?a=1", Some("growing query")),
        ("/g?a=1&b=2", "/h?a=1", None),
        ("/g?a=1", "/g?a=1&b=2", None),
        ("/g?a=1", "/g", None),
        ("/r/x/r", "/", Some("repeated segment")),
        ("/r//x", "/", None),
        ("/d/2026-05-31", "/d/2026-06-01", Some("counter")),
        ("/d?m=5", "/d?m=6", Some("counter")),
        ("/d?m=1&y=2027", "/d?m=12&y=2026", Some("counter")),
        ("/d?t=1780272000", "/d?t=1780185600", Some("counter")),
        ("/d?m=5", "/d?m=12", Some("counter")),
        ("/d?m=5", "/d?m=25", None),
        ("/d/5", "/d/x", None),
        ("/d/5", "/d/5", None),
        ("http://b.test/d/5", "/d/6", None),
    ] {
        let text = SketchBuilder::of("text");
        traps.page(&FetchedPage { url: &url(link), parent: Some(&url(parent)), parent_chain: None, text });
        let expected = sign.map_or("ok".to_owned(), |sign| format!("near_equal_pages 1: {sign}"));
        assert!(sign.is_none() || compares_similar(&url(link)), "{link}: its text is needed");
        assert_eq!(told(&traps, link, parent), expected, "{link} on {parent}");
    }
}
