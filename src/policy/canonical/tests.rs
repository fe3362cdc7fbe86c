//! Tests of the canonical form.

use proptest::prelude::*;

use super::*;

fn rules(strip: &[&str], normalizations: &[Normalization]) -> CanonicalRules {
    CanonicalRules::new(strip, normalizations).unwrap()
}

fn key(rules: &CanonicalRules, url: &str) -> String {
    rules.key(&Url::parse(url).unwrap()).into_owned()
}

#[test]
fn by_default_only_the_fragment_is_dropped() {
    let rules = rules(&[], &[]);
    for (url, expected) in [
        ("HTTP://A.Test:80/b/../c#d", "http://a.test/c"),
        ("https://bücher.test:443", "https://xn--bcher-kva.test/"),
        ("http://a.test/?#x", "http://a.test/?"),
        ("http://a.test/a%7e?q=%7E&é", "http://a.test/a%7e?q=%7E&%C3%A9"),
        ("http://a.test//b///?b&a", "http://a.test//b///?b&a"),
    ] {
        assert_eq!(key(&rules, url), expected);
        let parsed = Url::parse(url).unwrap();
        assert!(matches!(rules.key(&parsed), Cow::Borrowed(_)), "{url} costs an allocation");
    }
    let distinct = ["/a", "/a/", "/A", "/a?", "/a?a&b", "/a?b&a", "//a", "/%61", "/a/index.html", "/a;b"];
    let keys: std::collections::BTreeSet<_> =
        distinct.iter().map(|path| key(&rules, &format!("http://a.test{path}"))).collect();
    assert_eq!(keys.len(), distinct.len());
}

#[test]
fn each_normalization_does_what_it_is_named() {
    use Normalization::{Case, DoubleSlash, IndexFile, Scheme, SortQuery, TrailingSlash, Www};
    for (normalization, url, expected) in [
        (SortQuery, "http://a.test/?b=2&a=1&b=1", "http://a.test/?a=1&b=2&b=1"),
        (SortQuery, "http://a.test/?", "http://a.test/?"),
        (TrailingSlash, "http://a.test/a//", "http://a.test/a"),
        (TrailingSlash, "http://a.test//?q", "http://a.test/?q"),
        (IndexFile, "http://a.test/a/index.html?q", "http://a.test/a/?q"),
        (IndexFile, "http://a.test/index.php", "http://a.test/"),
        (IndexFile, "http://a.test/myindex.html", "http://a.test/myindex.html"),
        (DoubleSlash, "http://a.test//a///b?c//d", "http://a.test/a/b?c//d"),
        (Case, "http://a.test/A%2F?Q=A", "http://a.test/a%2f?Q=A"),
        (Www, "http://www.a.test/", "http://a.test/"),
        (Www, "http://www.test/", "http://www.test/"),
        (Www, "http://wwwa.test/", "http://wwwa.test/"),
        (Www, "http://www.localhost:8080/", "http://www.localhost:8080/"),
        (Scheme, "http://a.test/a", "https://a.test/a"),
        (Scheme, "http://a.test:8080/a", "http://a.test:8080/a"),
        (Scheme, "http://a.test:443/a", "http://a.test:443/a"),
    ] {
        assert_eq!(key(&rules(&[], &[normalization]), url), expected, "{normalization:?} {url}");
    }
    let all = rules(&[], &Normalization::ALL);
    assert_eq!(key(&all, "http://WWW.a.test//X/INDEX.html/index.htm/?b&a#c"), "https://a.test/x?a&b");
}

#[test]
fn stripped_parameters_leave_the_rest_as_it_is() {
    let rules = rules(&["utm_*", "sid", "jsessionid", "f[]"], &[]);
    for (url, expected) in [
        ("http://a.test/?utm_source=x&b=1&&utm_=&a", "http://a.test/?b=1&&a"),
        ("http://a.test/?utm_source=x", "http://a.test/"),
        ("http://a.test/?", "http://a.test/?"),
        ("http://a.test/?SID=1&xsid=2", "http://a.test/?SID=1&xsid=2"),
        ("http://a.test/?utm%5Fid=1&c", "http://a.test/?c"),
        ("http://a.test/?f[]=1&f%5B%5D=2&f=3", "http://a.test/?f=3"),
        ("http://a.test/a;jsessionid=1F;v=2/b;sid?c=sid", "http://a.test/a;v=2/b?c=sid"),
    ] {
        assert_eq!(key(&rules, url), expected);
    }
    assert!(CanonicalRules::new(&["[z-a]"], &[]).is_err());
}

proptest! {
    #[test]
    fn the_canonical_form_of_itself_is_itself(
        path in "(/|//|a|A|;|=|%2f|%2E|index\\.html|é| |\\.\\.){0,10}",
        query in proptest::option::of("(a|b|=|&|utm_x|sid|%73id|/|\\?|;|\\+){0,10}"),
        host in "(http|https)://(www\\.){0,3}(a|test|a\\.test|co\\.uk|127\\.0\\.0\\.1)(:80|:443|:81)?",
        chosen in prop::collection::vec(prop::sample::select(Normalization::ALL.to_vec()), 0..7),
        strips in any::<bool>(),
    ) {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let Ok(url) = Url::parse(&format!("{host}/{path}{query}#f")) else { return Ok(()) };
        let rules = rules(if strips { &["utm_*", "sid", "a"] } else { &[] }, &chosen);
        let once = rules.key(&url).into_owned();
        let again = Url::parse(&once).unwrap();
        prop_assert_eq!(again.as_str(), &once, "it is a serialization");
        prop_assert_eq!(rules.key(&again), once);
    }
}
