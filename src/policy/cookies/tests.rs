//! Tests which cookies the jar stores, sends and rejects.

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn jar(from: &str, fields: &[&str]) -> Jar {
    let mut jar = Jar::new(MOST_BYTES);
    set(&mut jar, from, fields);
    jar
}

fn set(jar: &mut Jar, from: &str, fields: &[&str]) {
    let fields: Vec<_> = fields.iter().map(|field| HeaderValue::from_bytes(field.as_bytes()).unwrap()).collect();
    jar.set(&url(from), &fields, NOW);
}

fn sent(jar: &Jar, to: &str) -> String {
    jar.field(&url(to), NOW).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

fn text(jar: &Jar) -> String {
    String::from_utf8(jar.text(NOW)).unwrap()
}

#[test]
fn a_cookie_goes_back_to_its_host_and_path() {
    let jar = jar("http://a.test/dir/page", &["x=1", "y=2; Path=/", "z=3; Path=/dir/sub", "odd"]);
    assert_eq!(sent(&jar, "http://a.test/dir/other"), "x=1; odd; y=2");
    assert_eq!(sent(&jar, "http://a.test/dir/sub/x"), "z=3; x=1; odd; y=2");
    assert_eq!(sent(&jar, "http://a.test/directory"), "y=2");
    assert_eq!(sent(&jar, "http://a.test:81/"), "y=2", "ports are one to cookies");
    for other in ["http://b.test/", "http://sub.a.test/dir/", "http://test/"] {
        assert_eq!(sent(&jar, other), "", "{other}");
    }
}

#[test]
fn a_domain_gets_it_unless_it_is_everybodys() {
    let jar = jar("http://www.example.co.uk/", &["a=1; Domain=.Example.co.uk", "b=2; domain=co.uk", "c=3; domain=uk"]);
    assert_eq!(sent(&jar, "http://other.example.co.uk/"), "a=1");
    assert_eq!(sent(&jar, "http://evil.co.uk/"), "");
    assert_eq!(jar.since(0).count(), 1);
    for (from, field) in [
        ("http://a.example.com/", "x=1; Domain=b.example.com"),
        ("http://.example.com/", "x=1"),
        ("http://example.com/", "x=1; Domain=ample.com"),
        ("http://example.com/", "x=1; Domain=www.example.com"),
        ("http://127.0.0.1/", "x=1; Domain=0.0.1"),
        ("http://user.github.io/", "x=1; Domain=github.io"),
    ] {
        assert_eq!(self::jar(from, &[field]).since(0).count(), 0, "{from} {field}");
    }
    let own = self::jar("http://localhost/", &["x=1; Domain=localhost"]);
    assert_eq!((sent(&own, "http://localhost/"), sent(&own, "http://a.localhost/")), ("x=1".to_owned(), String::new()));
}

#[test]
fn secure_and_prefixed_cookies_keep_what_they_promise() {
    let mut jar = jar("https://a.test/", &["s=1; Secure", "__Host-h=2; Secure; Path=/", "__Secure-t=3; Secure"]);
    assert_eq!(sent(&jar, "https://a.test/"), "s=1; __Host-h=2; __Secure-t=3");
    assert_eq!(sent(&jar, "http://a.test/"), "");
    set(&mut jar, "http://a.test/", &["s=hidden", "n=4; Secure"]);
    assert_eq!(sent(&jar, "https://a.test/"), "s=1; __Host-h=2; __Secure-t=3", "plain http changes none of them");
    for field in [
        "tab=a\tb",
        "t\tab=1",
        "__Host-x=1; Path=/",
        "__Host-x=1; Secure",
        "__host-x=1; Secure; Path=/; Domain=a.test",
        "__SECURE-x=1",
        "=__Host-x=1; Secure; Path=/",
    ] {
        assert_eq!(self::jar("https://a.test/", &[field]).since(0).count(), 0, "{field}");
    }
}

#[test]
fn expired_cookies_are_removed() {
    let mut jar = jar(
        "http://a.test/",
        &["x=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "y=2", "z=3; max-age=99999999999999999999"],
    );
    assert_eq!(sent(&jar, "http://a.test/"), "x=1; y=2; z=3", "Max-Age counts for more");
    let later = |jar: &Jar, by| jar.field(&url("http://a.test/"), NOW + by).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(later(&jar, 10), Some("y=2; z=3".to_owned()));
    assert_eq!(later(&jar, 400 * 86_400), Some("y=2".to_owned()), "nothing lives for ever");
    set(&mut jar, "http://a.test/", &["y=; Max-Age=0", "z=; expires=Thu, 01 Jan 1970 00:00:00 GMT", "x=; max-age=-5"]);
    assert_eq!(sent(&jar, "http://a.test/"), "");
    assert!(!text(&jar).contains("a.test"));
    assert_eq!(jar.since(3).count(), 3, "whoever has a copy hears of their end");
}

#[test]
fn excess_cookies_are_refused_or_evict_those_of_their_host() {
    let long = format!("x={}", "v".repeat(4096));
    assert_eq!(jar("http://a.test/", &[&long, "", " = ", "="]).since(0).count(), 0);
    let mut jar = jar("http://other.test/", &["kept=1"]);
    for n in 0..200 {
        set(&mut jar, &format!("http://h{n}.a.test/"), &[&format!("c{n}=1; Domain=a.test")]);
    }
    assert_eq!(jar.since(0).count(), 181);
    for site in 0..40 {
        for n in 0..100 {
            set(&mut jar, &format!("http://s{site}.test/"), &[&format!("c{n}=1")]);
        }
    }
    assert_eq!((jar.since(0).count(), jar.count), (3000, 3000));
    assert_eq!(sent(&jar, "http://other.test/"), "kept=1", "many cookies of others do not drive it out");
    let wide: Vec<_> = (0..100).map(|n| format!("w{n}={}", "v".repeat(1000))).collect();
    let wide = self::jar("http://w.test/", &wide.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(sent(&wide, "http://w.test/").len() <= 8190);
}

#[test]
fn a_file_reads_back_as_it_was_written() {
    let from = ["a=1; Domain=a.test; Max-Age=60; HttpOnly", "b=2; Path=/b", "c=; Secure; Path=/"];
    let jar = jar("https://www.a.test/", &from);
    let text = text(&jar);
    assert!(text.starts_with("# Netscape HTTP Cookie File\n"));
    assert!(text.contains(&format!("#HttpOnly_.a.test\tTRUE\t/\tFALSE\t{}\ta\t1\n", NOW + 60)), "{text}");
    assert!(text.contains("\nwww.a.test\tFALSE\t/b\tFALSE\t0\tb\t2\n"), "{text}");
    let mut back = Jar::new(MOST_BYTES);
    assert_eq!(back.load(text.as_bytes(), NOW), Ok(Skipped::default()));
    assert_eq!(self::text(&back), text);
    assert_eq!(sent(&back, "https://www.a.test/b"), "b=2; a=1; c=");
}

#[test]
fn a_cookie_without_end_is_still_there_in_the_next_run() {
    for seconds in ["2000000000000", "9999999999999999", "999999999999999999999999"] {
        let jar = jar("https://a.test/", &[&format!("a=1; Max-Age={seconds}")]);
        let (back, skipped) = file(text(&jar));
        assert_eq!((sent(&back, "https://a.test/"), skipped), ("a=1".to_owned(), Skipped::default()), "{seconds}");
        assert_eq!(text(&back), text(&jar), "{seconds}");
    }
}

/// The jar of a file, and what was left out of it.
fn file(text: impl AsRef<[u8]>) -> (Jar, Skipped) {
    let mut jar = Jar::new(MOST_BYTES);
    let skipped = jar.load(text.as_ref(), NOW).unwrap();
    (jar, skipped)
}

#[test]
fn the_first_line_without_a_cookie_is_named() {
    let text = "# Netscape\r\n\r\na.test\tFALSE\t/\tFALSE\t0\tx\t1\r\nhunter2\na.test\tFALSE\n\
                .co.uk\tTRUE\t/\tFALSE\t0\tz\t3\nb.test\tTRUE\t/\tFALSE\t1\told\t1\nb.test\tTRUE\t/\tFALSE\t0\tempty\n";
    let (jar, skipped) = file(text);
    let (line, why) = skipped.first.unwrap();
    assert_eq!((line, skipped.others), (4, 1));
    assert!(why.starts_with("fewer than 6 fields"), "{why}");
    assert_eq!(sent(&jar, "http://a.test/"), "x=1");
    assert_eq!(sent(&jar, "http://evil.co.uk/"), "");
    assert_eq!(sent(&jar, "http://www.b.test/"), "empty=");
}

#[test]
fn prefixed_cookies_of_files_keep_what_they_promise() {
    for (line, is_taken) in [
        ("a.test\tFALSE\t/\tTRUE\t0\t__Host-x\t1", true),
        ("a.test\tTRUE\t/\tTRUE\t0\t__Secure-x\t1", true),
        ("a.test\tFALSE\t/\tFALSE\t0\t__Host-x\t1", false),
        ("a.test\tFALSE\t/b\tTRUE\t0\t__Host-x\t1", false),
        (".a.test\tTRUE\t/\tTRUE\t0\t__Host-x\t1", false),
        ("a.test\tFALSE\t/\tFALSE\t0\t__Secure-x\t1", false),
    ] {
        let (jar, skipped) = file(line);
        assert_eq!((jar.since(0).count(), skipped.first.is_none()), (usize::from(is_taken), is_taken), "{line}");
    }
}

#[test]
fn files_are_read_as_other_programs_write_them() {
    for line in [
        "a.test\tFALSE\t/\tFALSE\t0\tx\t1",
        "\u{feff}# HTTP Cookie File\n\na.test\tFALSE\t/\tFALSE\t0\tx\t1\n",
        "\u{feff}a.test\tFALSE\t/\tFALSE\t0\tx\t1\r\n",
        "#HttpOnly_a.test\tFALSE\t/\tFALSE\t0\tx\t1",
        "#httponly_a.test\tFALSE\t/\tFALSE\t0\tx\t1",
        "a.test FALSE / FALSE 0 x 1",
        "a.test   FALSE  /  FALSE  1900000000  x  1  ",
        "A.Test\tfalse\t/\tFalse\t0\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t-1\tx\t1",
        "a.test\tFALSE\t/\tFALSE\tSession\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t1900000000.123\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t1900000000123\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t1.9e9\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t253402300799\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t2030-03-17T17:46:40Z\tx\t1",
        "a.test\tFALSE\t\tFALSE\t0\tx\t1",
        "a.test\tFALSE\t/\tFALSE\t0\tx\t1\t\t",
        "  a.test\tFALSE\t/\tFALSE\t0\tx\t1",
    ] {
        let (jar, skipped) = file(line);
        assert_eq!((sent(&jar, "http://a.test/"), skipped), ("x=1".to_owned(), Skipped::default()), "{line:?}");
        assert_eq!(sent(&jar, "http://www.a.test/"), "", "{line:?}");
    }
    let (jar, _) = file("a.test FALSE / FALSE 0 x two words");
    assert_eq!(sent(&jar, "http://a.test/"), "x=two words");
}

#[test]
fn a_number_of_a_file_ends_a_cookie_in_its_own_unit() {
    for (end, expected) in [
        ("0", None),
        ("-11644473600", None),
        ("1900000000", Some(1_900_000_000)),
        ("1900000000999", Some(1_900_000_000)),
        ("1900000000999999", Some(1_900_000_000)),
        ("13544473600000000", Some(1_900_000_000)),
    ] {
        let (jar, _) = file(format!("a.test\tFALSE\t/\tFALSE\t{end}\tx\t1"));
        assert_eq!(jar.since(0).next().unwrap().0.expires, expected, "{end}");
    }
    for over in ["1700000000", "1700000000000", "1700000000.5"] {
        let (jar, skipped) = file(format!("a.test\tFALSE\t/\tFALSE\t{over}\tx\t1"));
        assert_eq!((jar.since(0).count(), skipped), (0, Skipped::default()), "{over}");
    }
}

#[test]
fn a_dot_or_a_flag_is_enough_for_a_whole_domain() {
    for line in ["a.test\tTRUE", ".a.test\tTRUE", ".a.test\tFALSE"] {
        let (jar, _) = file(format!("{line}\t/\tFALSE\t0\tx\t1"));
        assert_eq!(sent(&jar, "http://www.a.test/"), "x=1", "{line}");
    }
    let (jar, _) = file(".127.0.0.1\tTRUE\t/\tFALSE\t0\tx\t1");
    assert_eq!(sent(&jar, "http://127.0.0.1/"), "x=1");
    let (jar, _) = file(".Bücher.test\tTRUE\t/\tFALSE\t0\tx\t1");
    assert_eq!(sent(&jar, "http://www.bücher.test/"), "x=1");
}

#[test]
fn errors_of_cookie_lines_hide_the_value() {
    for (line, says) in [
        ("a.test\tYES\t/\tFALSE\t0\tx\thunter2", "second field"),
        ("a.test\tTRUE\t/\tmaybe\t0\tx\thunter2", "fourth field"),
        ("a.test\tTRUE\t/\tFALSE\tsoon\tx\thunter2", "fifth field"),
        ("a.test\tTRUE\thunter2\tFALSE\t0\tx\thunter2", "path"),
        ("a:b\tTRUE\t/\tFALSE\t0\tx\thunter2", "domain"),
        ("%2ea.test\tFALSE\t/\tFALSE\t0\tx\thunter2", "domain"),
        ("a.test\tTRUE\t/\tFALSE\t0\tx\thunter2; y", "semicolon"),
        ("a.test\tTRUE\t/\tFALSE\t0\tx\thunter2\thunter3", "more than 7"),
        ("a.test\tTRUE\t/\tFALSE\t0\t\t\n", "fewer than 6"),
    ] {
        let (jar, skipped) = file(format!("# a comment\n{line}"));
        let (number, why) = skipped.first.unwrap();
        assert!(number == 2 && why.contains(says) && !why.contains("hunter2"), "{why}");
        assert_eq!(jar.since(0).count(), 0, "{line}");
    }
}

#[test]
fn cookies_in_json_are_taken_as_extensions_write_them() {
    let edit_this_cookie = r#"[{"domain":".a.test","expirationDate":1900000000.5,"hostOnly":false,"httpOnly":true,
        "name":"x","path":"/","sameSite":"no_restriction","secure":false,"session":false,"storeId":"0","value":"1","id":1},
        {"domain":"a.test","hostOnly":true,"name":"s","path":"/","secure":true,"session":true,"value":"2"},
        {"name":"hunter2"}]"#;
    let (jar, skipped) = file(edit_this_cookie);
    assert_eq!((sent(&jar, "https://a.test/"), sent(&jar, "http://b.a.test/")), ("x=1; s=2".into(), "x=1".into()));
    assert_eq!(skipped.first.map(|(number, _)| number), Some(3));
    let playwright = r#"{"cookies":[{"name":"x","value":"1","domain":"a.test","path":"/","expires":-1,"httpOnly":false,
        "secure":false,"sameSite":"Lax"}],"origins":[]}"#;
    assert_eq!(sent(&file(playwright).0, "http://a.test/"), "x=1");
    for (text, says) in
        [("{\"x\": \"hunter2\"}", "JSON"), ("[{\"name\": \"hunter2\"", "JSON"), ("SQLite format 3\0", "database")]
    {
        let why = Jar::new(MOST_BYTES).load(text.as_bytes(), NOW).unwrap_err();
        assert!(why.contains(says) && why.contains("export") && !why.contains("hunter2"), "{why}");
    }
    assert!(Jar::new(MOST_BYTES).load(b"\xff\xfea\0", NOW).unwrap_err().contains("UTF-16"));
}

#[test]
fn octets_of_a_cookie_go_back_as_they_came() {
    let field = HeaderValue::from_bytes(b"n\xe9=caf\xe9\xff; Path=/caf\xe9; Domain=a.test").unwrap();
    let mut jar = Jar::new(MOST_BYTES);
    jar.set(&url("http://a.test/caf%E9/x"), [&field], NOW);
    let back = |jar: &Jar| jar.field(&url("http://a.test/caf%E9"), NOW).unwrap().as_bytes().to_vec();
    assert_eq!(back(&jar), b"n\xe9=caf\xe9\xff");
    let (again, skipped) = file(jar.text(NOW));
    assert_eq!((back(&again), skipped), (back(&jar), Skipped::default()));
    let field = HeaderValue::from_bytes("x=1; Domain=Bücher.test".as_bytes()).unwrap();
    jar.set(&url("http://www.bücher.test/"), [&field], NOW);
    assert_eq!(sent(&jar, "http://bücher.test/"), "x=1");
}

#[test]
fn a_value_is_in_no_debug_text() {
    let jar = jar("http://a.test/", &["x=hunter2"]);
    assert!(!format!("{jar:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn any_field_and_any_file_are_taken_or_refused(
        field in "[ -~]{0,60}|(a|=|;| |Domain|Path|Secure|Max-Age|Expires|__Host-|\\.|/|9|:|test){0,20}",
        file in "\\PC*|(a\\.test|TRUE|FALSE|\t|/|0|\n|#HttpOnly_){0,40}",
    ) {
        let mut jar = Jar::new(MOST_BYTES);
        let from = url("https://www.a.test/x/y");
        jar.set(&from, &[HeaderValue::from_str(&field).unwrap()], NOW);
        for (cookie, _) in jar.since(0) {
            prop_assert!(domain_matches("www.a.test", &cookie.domain) && cookie.path.starts_with('/'));
        }
        let _ = jar.load(file.as_bytes(), NOW);
        let text = jar.text(NOW);
        let mut back = Jar::new(MOST_BYTES);
        prop_assert_eq!(back.load(&text, NOW), Ok(Skipped::default()));
    }
}

#[test]
fn many_sites_are_no_more_than_many_cookies() {
    let mut jar = Jar::new(MOST_BYTES);
    for n in 0..20_000 {
        set(&mut jar, &format!("http://host{n}.test/"), &["a=1"]);
    }
    assert!(
        jar.sites.len() <= MOST && jar.count == jar.sites.len(),
        "{} sites, {} cookies",
        jar.sites.len(),
        jar.count
    );
}

#[test]
fn bytes_of_cookies_are_bounded() {
    for most in [MOST_BYTES, MOST_BYTES_OF_A_CHAIN] {
        let mut jar = Jar::new(most);
        let value = "v".repeat(4000);
        set(&mut jar, "http://small.test/", &["kept=1"]);
        for n in 0..2000 {
            set(&mut jar, &format!("http://h{}.test/{}/", n % 20, "p".repeat(20_000)), &[&format!("n{n}={value}")]);
        }
        let bytes: usize = jar.since(0).map(|(cookie, _)| cookie.size()).sum();
        assert!(bytes == jar.bytes && bytes <= most && bytes > most / 2, "{bytes} of {most}");
        assert_eq!(jar.count, jar.since(0).count());
        assert_eq!(sent(&jar, "http://small.test/"), "kept=1", "who has most gives way");
    }
    let mut jar = Jar::new(MOST_BYTES_OF_A_CHAIN);
    set(&mut jar, &format!("http://a.test/{}/", "p".repeat(66_000)), &["alone=1"]);
    assert_eq!((jar.count, jar.bytes, jar.sites.len()), (0, 0, 0), "one that has no room");
}

#[test]
fn a_path_that_would_forge_a_line_of_a_file_is_not_taken() {
    let jar = jar("http://a.test/", &["zz=1; Path=/\tTRUE\t1999999999\t__Host-sid\tevil"]);
    assert!(jar.sites.values().flat_map(|site| &site.kept).all(|kept| kept.cookie.path == "/"));
}
