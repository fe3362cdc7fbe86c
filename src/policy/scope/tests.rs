//! Tests of the scope: tables of start, link and verdict.

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn scope(settings: &ScopeSettings, starts: &[&str]) -> Scope {
    let canonical = CanonicalRules::new::<&str>(&[], &[]).unwrap();
    let mut scope = Scope::new(settings, canonical).unwrap();
    starts.iter().for_each(|start| scope.add_start(&url(start)));
    scope
}

/// The verdict in a word: `save`, `links`, or the reason and the rule.
fn judged(scope: &Scope, link: &str, kind: Kind) -> String {
    let link = url(link);
    match scope.judge(&link, &link[..Position::AfterQuery], kind) {
        Ok(ScopeVerdict::Save) => "save".to_owned(),
        Ok(ScopeVerdict::LinksOnly) => "links".to_owned(),
        Err(refusal) => format!("{}: {}", refusal.reason.as_str(), refusal.rule),
    }
}

#[test]
fn each_scope_holds_what_it_is_named_after() {
    for (kind, start, inside, outside) in [
        (
            ScopeKind::Page,
            "http://a.test/x?y",
            &["http://a.test/x?y", "http://a.test/x?y#z"][..],
            &["http://a.test/x", "https://a.test/x?y", "http://a.test/x?y&"][..],
        ),
        (
            ScopeKind::Prefix,
            "http://a.test/docs/intro",
            &["http://a.test/docs/", "http://a.test/docs/b/c?d", "http://a.test:80/docs/x"],
            &[
                "http://a.test/docs",
                "http://a.test/doc/s",
                "https://a.test/docs/",
                "http://a.test:81/docs/",
                "http://x.a.test/docs/",
            ],
        ),
        (ScopeKind::Prefix, "http://a.test/docs/index.html", &["http://a.test/docs/b"], &["http://a.test/"]),
        (ScopeKind::Prefix, "http://a.test", &["http://a.test/x"], &["https://a.test/x"]),
        (
            ScopeKind::Host,
            "http://a.test/docs/",
            &["http://a.test/", "https://a.test/x"],
            &["http://www.a.test/", "http://a.test:8080/", "http://b.test/a.test"],
        ),
        (ScopeKind::Host, "http://a.test:8080/", &["https://a.test:8080/"], &["http://a.test/"]),
        (
            ScopeKind::Domain,
            "http://www.a.co.uk/",
            &["https://a.co.uk:81/", "http://x.y.a.co.uk/z"],
            &["http://b.co.uk/", "http://co.uk/", "http://xa.co.uk/"],
        ),
        (ScopeKind::Domain, "http://127.0.0.1/", &["http://127.0.0.1:81/"], &["http://126.0.0.1/", "http://1.0.0.1/"]),
        (ScopeKind::Domain, "http://[::1]/", &["http://[::1]:81/"], &["http://[::2]/"]),
        (ScopeKind::Domain, "http://localhost/", &["https://localhost/"], &["http://a.localhost.test/"]),
        (ScopeKind::Domain, "http://a.github.io/", &["http://x.a.github.io/"], &["http://b.github.io/"]),
        (ScopeKind::Any, "http://a.test/", &["https://b.test:81/"], &[]),
    ] {
        let settings = ScopeSettings { kind, ..ScopeSettings::default() };
        let scope = scope(&settings, &[start]);
        inside.iter().for_each(|link| assert_eq!(judged(&scope, link, Kind::Page), "save", "{start} {link}"));
        for link in outside {
            let told = judged(&scope, link, Kind::Page);
            assert!(told.starts_with(&format!("scope: scope {} ", kind.as_str())), "{start} {link}: {told}");
            assert_eq!(judged(&scope, link, Kind::Requisite), "save", "{start} {link}");
            assert_eq!(judged(&scope, link, Kind::Sitemap), "save", "{start} {link}");
        }
    }
}

#[test]
fn scopes_of_several_starts_add_up_and_are_named() {
    let scope = scope(&ScopeSettings::default(), &["http://a.test/x/", "http://a.test/y/", "http://b.test/z/1"]);
    for (link, expected) in [
        ("http://a.test/x/1", "save"),
        ("http://a.test/y/1", "save"),
        ("http://b.test/z/", "save"),
        ("http://b.test/x/", "scope: scope prefix of 3 places"),
    ] {
        assert_eq!(judged(&scope, link, Kind::Page), expected);
    }
    let one = self::scope(&ScopeSettings::default(), &["http://a.test/x/1", "http://a.test/x/y/"]);
    assert_eq!(judged(&one, "http://a.test/", Kind::Page), "scope: scope prefix http://a.test/x/");
}

#[test]
fn redirect_of_a_start_widens_the_scope_within_its_site() {
    for (to, link, expected) in [
        ("https://www.a.test/en/docs/", "https://www.a.test/en/docs/x", "save"),
        ("https://www.a.test/en/docs/", "https://www.a.test/en/x", "scope: scope prefix of 2 places"),
        ("https://www.a.test/en/docs/", "http://a.test/docs/x", "save"),
        ("http://a.test/docs/en/", "http://a.test/docs/de/", "save"),
        ("http://b.test/docs/", "http://b.test/docs/", "scope: scope prefix http://a.test/docs/"),
    ] {
        let mut scope = scope(&ScopeSettings::default(), &["http://a.test/docs/"]);
        let told = scope.start_redirected(&url("http://a.test/docs/"), &url(to));
        assert_eq!(told.is_some(), to.contains("www"), "{to}");
        assert!(told.is_none_or(|told| told.contains(to)));
        assert_eq!(judged(&scope, link, Kind::Page), expected, "{to} {link}");
    }
}

#[test]
fn expressions_narrow_the_scope_and_are_named() {
    let settings = ScopeSettings {
        kind: ScopeKind::Host,
        span_hosts: vec![HostPattern::parse("*.cdn.test").unwrap(), HostPattern::parse("b.test:8080").unwrap()],
        include: vec!["/docs/".to_owned(), r"\.pdf$".to_owned()],
        exclude: vec!["/tag/".to_owned(), r"[?&]print=\d".to_owned()],
        ..ScopeSettings::default()
    };
    let scope = scope(&settings, &["http://a.test/"]);
    for (link, page, requisite) in [
        ("http://a.test/docs/x", "save", "save"),
        ("http://a.test/x.pdf", "save", "save"),
        ("http://a.test/x.pdf?", "scope: include (none of 2)", "save"),
        ("http://a.test/docs/tag/x", "scope: exclude /tag/", "scope: exclude /tag/"),
        ("http://a.test/docs/?a&print=1", r"scope: exclude [?&]print=\d", r"scope: exclude [?&]print=\d"),
        ("http://x.cdn.test/docs/", "save", "save"),
        ("https://b.test:8080/docs/", "save", "save"),
        ("https://b.test/docs/", "scope: scope host a.test", "save"),
        ("ftp://a.test/docs/", "scope: scheme", "scope: scheme"),
    ] {
        assert_eq!(judged(&scope, link, Kind::Page), page, "{link}");
        assert_eq!(judged(&scope, link, Kind::Requisite), requisite, "{link}");
    }
    assert_eq!(judged(&scope, "ftp://a.test/robots.txt", Kind::Robots), "save");
}

#[test]
fn names_are_filtered_as_by_wget() {
    for (accept, reject, link, page, requisite) in [
        ("pdf", "", "x.pdf?q.html", "save", "save"),
        ("pdf", "", "xpdf", "save", "save"),
        ("pdf", "", "x.png?pdf", "type: accept pdf", "type: accept pdf"),
        ("pdf", "", "x.PDF", "type: accept pdf", "type: accept pdf"),
        ("pdf,doc?", "", "x.html", "links", "type: accept pdf,doc?"),
        ("pdf,doc?", "", "x.xhtml", "links", "type: accept pdf,doc?"),
        ("pdf,doc?", "", "intro", "links", "type: accept pdf,doc?"),
        ("pdf", "", "", "links", "type: accept pdf"),
        ("", "index.html", "x/", "links", "type: reject index.html"),
        ("pdf,doc?", "", "docx", "save", "save"),
        ("pdf,doc?", "", "a.docx", "type: accept pdf,doc?", "type: accept pdf,doc?"),
        ("", "png,gif", "x.gif", "type: reject gif", "type: reject gif"),
        ("", "intro,*.html", "intro", "type: reject intro", "type: reject intro"),
        ("", "intro,*.html", "x.html", "links", "type: reject *.html"),
        ("", "png,gif", "gif/x", "save", "save"),
        ("jpg", "big*", "big.jpg", "type: reject big*", "type: reject big*"),
        ("jpg", "big*", "small.jpg", "save", "save"),
        ("", "", "x.exe", "save", "save"),
    ] {
        let words = |text: &str| text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let settings = ScopeSettings { accept: words(accept), reject: words(reject), ..ScopeSettings::default() };
        let scope = scope(&settings, &["http://a.test/"]);
        let link = format!("http://a.test/{link}");
        assert_eq!(judged(&scope, &link, Kind::Page), page, "-A {accept} -R {reject} {link}");
        assert_eq!(judged(&scope, &link, Kind::Requisite), requisite, "-A {accept} -R {reject} {link}");
    }
}

#[test]
fn a_bad_expression_is_named_with_its_fault() {
    let canonical = || CanonicalRules::new::<&str>(&[], &[]).unwrap();
    let fault = |settings: &ScopeSettings| Scope::new(settings, canonical()).unwrap_err();
    let words = |word: &str| vec!["ok".to_owned(), word.to_owned()];
    let include = ScopeSettings { include: words("a(b"), ..ScopeSettings::default() };
    assert_eq!(fault(&include), "include number 2: unclosed group");
    let exclude = ScopeSettings { exclude: words("*"), ..ScopeSettings::default() };
    assert!(fault(&exclude).starts_with("exclude number 2: repetition operator missing expression"));
    let reject = ScopeSettings { reject: words("[z-a]"), ..ScopeSettings::default() };
    assert_eq!(fault(&reject), "reject number 2 is no pattern; write *, ?, or [a-z]");
}
