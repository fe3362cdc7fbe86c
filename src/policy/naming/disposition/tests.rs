//! Fields as servers send them, and the names that come of them.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::is_portable;
use super::*;

fn name(field: &str) -> Option<String> {
    name_from_disposition(field.as_bytes())
}

/// After the test cases at greenbytes.de/tech/tc2231, by their names there.
#[test]
fn names_are_found() {
    for (field, expected) in [
        (r#"inline; filename="foo.html""#, "foo.html"), // inlwithasciifilename
        (r#"inline; filename="Not an attachment!""#, "Not an attachment!"), // inlwithfnattach
        (r#"attachment; filename="foo.html""#, "foo.html"), // attwithasciifilename
        (r#"attachment; filename="f\oo.html""#, "foo.html"), // attwithasciifnescapedchar
        (r#"attachment; filename="\"quoting\" tested.html""#, "_quoting_ tested.html"), // attwithasciifnescapedquote
        (r#"attachment; filename="Here's a semicolon;.html""#, "Here's a semicolon;.html"), // attwithquotedsemicolon
        (r#"attachment; foo="bar"; filename="foo.html""#, "foo.html"), // attwithfilenameandextparam
        (r#"attachment; foo="\"\\";filename="foo.html""#, "foo.html"), // attwithfilenameandextparamescaped
        (r#"attachment; FILENAME="foo.html""#, "foo.html"), // attwithasciifilenameuc
        ("attachment; filename=foo.html", "foo.html"),  // attwithasciifilenamenq
        ("attachment; filename=foo.html ;", "foo.html"), // attwithasciifilenamenqs
        ("attachment; ;filename=foo", "foo"),           // attemptyparam
        ("attachment; filename=foo bar.html", "foo bar.html"), // attwithasciifilenamenqws
        ("attachment; filename='foo.bar'", "foo.bar"),  // attwithfntokensq
        ("attachment; filename=foo[1](2).html", "foo[1](2).html"), // attfnbrokentoken
        (r#"attachment; filename="foo-%41.html""#, "foo-%41.html"), // attwithfnrawpctenca
        (r#"attachment; filename="50%.html""#, "50%.html"), // attwithfnusingpct
        (r#"attachment; filename="foo-%\41.html""#, "foo-%41.html"), // attwithfnrawpctencaq
        (r#"attachment; name="foo-%41.html";filename=x"#, "x"), // attwithnamepct
        (r#"attachment; filename="foo-%c3%a4-%e2%82%ac.html""#, "foo-%c3%a4-%e2%82%ac.html"), // attwithfnrawpctenclong
        (r#"attachment; filename ="foo.html""#, "foo.html"), // attwithasciifilenamews1
        (r#"attachment; filename="foo.html"; filename="bar.html""#, "foo.html"), // attwith2filenames
        (r#"attachment; filename="/foo.html""#, "foo.html"), // attabspath
        (r#"attachment; filename="\\foo.html""#, "foo.html"), // attabspathwin
        (r#"attachment; filename="../../etc/passwd""#, "passwd"),
        (r#"attachment; filename="..\..\\win.ini""#, "win.ini"),
        (r#"attachment; filename="..\..\win.ini""#, "win.ini"),
        (r"attachment; filename=..\..\win.ini", "win.ini"),
        (r#"attachment; filename="C:\\x\\..\\y.txt""#, "y.txt"),
        (r#"attachment; filename="a/b\\c/d.txt""#, "d.txt"),
        (r#"attachment; filename=".htaccess""#, "_htaccess"),
        (r#"attachment; filename="...""#, "_._"),
        (r#"attachment; filename="con.txt""#, "_con.txt"),
        (r#"attachment; filename="a:b""#, "a_b"),
        ("attachment; creation-date=\"Wed, 12 Feb 1997 16:29:51 -0500\"; filename=x", "x"), // attcdate
        ("foobar; filename=x", "x"),                                                        // dispext
        ("attachment; filename*=iso-8859-1''foo-%E4.html", "foo-ä.html"),                   // attwithisofn2231iso
        ("attachment; filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),         // attwithfn2231utf8
        ("attachment; filename*=UTF-8'en'x%20y", "x y"),
        ("attachment; filename*=UTF-8''foo-a%cc%88.html", "foo-ä.html"), // attwithfn2231utf8comp
        ("attachment; filename*= UTF-8''foo-%c3%a4.html", "foo-ä.html"), // attwithfn2231ws2
        ("attachment; filename* =UTF-8''foo-%c3%a4.html", "foo-ä.html"), // attwithfn2231ws3
        ("attachment; filename*=UTF-8''A-%2541.html", "A-%41.html"),     // attwithfn2231dpct
        ("attachment; filename*=UTF-8''%5cfoo.html", "foo.html"),        // attwithfn2231abspathdisguised
        ("attachment; filename*=UTF-8''..%2f..%2fx%00y%e2%80%ae", "x_y_"),
        (r#"attachment; filename="foo-ae.html"; filename*=UTF-8''foo-%c3%a4.html"#, "foo-ä.html"), // attfnboth
        (r#"attachment; filename*=UTF-8''foo-%c3%a4.html; filename="foo-ae.html""#, "foo-ä.html"), // attfnboth2
        // attfnboth3
        ("attachment; filename*0*=ISO-8859-15''euro%3d%a4; filename*=ISO-8859-1''currency%3d%a4", "currency=¤"),
        // attwithfn2231utf8-bad and its like: what cannot be decoded leaves the other one
        ("attachment; filename*=utf-8''foo-%E4.html; filename=foo.html", "foo.html"),
        ("attachment; filename=foo.html; filename*=koi8-r''%c1", "foo.html"),
        ("attachment; filename*=UTF-8''; filename=foo.html", "foo.html"),
        (r#"attachment; filename="=?ISO-8859-1?Q?foo-=E4.html?=""#, "foo-ä.html"), // attrfc2047quoted
        ("attachment; filename==?ISO-8859-1?Q?foo-=E4.html?=", "foo-ä.html"),      // attrfc2047token
    ] {
        assert_eq!(name(field).as_deref(), Some(expected), "{field}");
    }
    let latin1 = b"attachment; filename=\"foo-\xe4.html\""; // attwithisofnplain
    assert_eq!(name_from_disposition(latin1).as_deref(), Some("foo-ä.html"));
    assert_eq!(name("attachment; filename=\"foo-ä.html\"").as_deref(), Some("foo-ä.html")); // attwithutf8fnplain
    let long = name(&format!("attachment; filename=\"{}.txt\"", "x".repeat(300))).unwrap();
    assert!(long.ends_with(".txt") && is_portable(&long), "{long}");
}

/// Also after tc2231, where a field breaks the grammar and people still see one name in it.
#[test]
fn broken_fields_give_the_name_that_people_see() {
    for (field, expected) in [
        ("filename=foo.html", "foo.html"), // attmissingdisposition
        (r#"filename="plain.pdf""#, "plain.pdf"),
        ("filename=x=y; filename=foo.html", "x=y"), // attmissingdisposition2
        (r#""foo; filename=bar;baz"; filename=qux"#, "qux"), // attmissingdisposition3
        ("; filename=foo.html", "foo.html"),        // emptydisposition
        (": inline; attachment; filename=foo.html", "foo.html"), // doublecolon
        ("inline; attachment; filename=foo.html", "foo.html"), // attandinline
        ("attachment; inline; filename=foo.html", "foo.html"), // attandinline2
        ("filename=foo.html; attachment", "foo.html"), // attreversed
        ("attachment filename=bar", "bar"),         // attmissingdelim3
        ("attachment; filename=foo,bar.html", "foo,bar.html"), // attwithtokfncommanq
        ("attachment; filename=foo.html, attachment; filename=bar", "foo.html"), // attmultinstances
        (r#"attachment; filename="foo.html".txt"#, "foo.html"), // attbrokenquotedfn
        (r#"attachment; filename="bar"#, "bar"),    // attbrokenquotedfn2
        (r#"attachment; filename="bar\"#, "bar"),
        (r#"attachment; filename="open.pdf; size=3"#, "open.pdf"),
        (r#"attachment; filename="a "quoted" name.pdf"; x=1"#, "a _quoted_ name.pdf"),
        (r#"attachment; filename="a.pdf" x; y="z""#, "a.pdf"),
        ("attachment; filename='a;b.pdf'; x=1", "a;b.pdf"),
        ("attachment; filename='tis.txt", "'tis.txt"),
        ("attachment; filename='90s' hits.mp3", "'90s' hits.mp3"),
        (r#"attachment; filename="C:\docs\win.pdf""#, "win.pdf"),
        (r#"attachment; filename="c:\docs\new;old.pdf"; x=1"#, "new;old.pdf"),
        (r#"attachment; filename="\\server\share\win.pdf""#, "win.pdf"),
        (r"attachment; filename=C:\docs\win.pdf", "win.pdf"),
        (r#"attachment; filename="a\"b;c.pdf""#, "a_b;c.pdf"),
        ("attachment; filename*=''foo-%c3%a4.html", "foo-ä.html"), // attwithfn2231noc
        (r#"attachment; filename*="UTF-8''foo-%c3%a4.html""#, "foo-ä.html"), // attwithfn2231quot
        ("attachment; filename*='UTF-8''foo-%c3%a4.html'", "foo-ä.html"),
        (r#"attachment; filename*=UTF-8''"foo-%c3%a4.html""#, "foo-ä.html"),
        (r#"attachment; filename*="foo%20bar.html""#, "foo bar.html"), // attwithfn2231quot2
        ("attachment; filename*=UTF-8'foo-%c3%a4.html", "foo-ä.html"), // attwithfn2231singleqmissing
        ("attachment; filename*=utf-8''foo-%E4.html", "foo-ä.html"),   // attwithfn2231iso-bad
        ("attachment; filename*=iso-8859-1''foo-%c3%a4.html; filename=x", "foo-Ã¤.html"),
        ("attachment; filename*=UTF-8''foo%", "foo%"), // attwithfn2231nbadpct1
        ("attachment; filename*=UTF-8''f%oo.html; filename=x", "x"), // attwithfn2231nbadpct2
        ("attachment; filename*=koi8-r''foo-%c3%a4.html", "foo-ä.html"),
        ("attachment; filename*=windows-1252''%80-%E4.html", "€-ä.html"),
        ("attachment; filename*=foo-ä.html", "foo-ä.html"),
        (r#"attachment; filename="=?UTF-8?B?Y2Fmw6kucGRm?=""#, "café.pdf"),
        (r#"attachment; filename="=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9_1.pdf?=""#, "café 1.pdf"),
        (r#"attachment; filename="my =?UTF-8?B?Y2Fmw6k?=.pdf""#, "my café.pdf"),
        (r#"attachment; filename="50%=?x.pdf""#, "50%=_x.pdf"),
    ] {
        assert_eq!(name(field).as_deref(), Some(expected), "{field}");
    }
    assert_eq!(name_from_disposition(b"attachment; filename=caf\xe9.pdf").as_deref(), Some("café.pdf"));
    assert_eq!(name_from_disposition(b"attachment; filename*=UTF-8''caf\xe9.pdf").as_deref(), Some("café.pdf"));
}

/// Also after tc2231, where they are called `attfncont`. Firefox and wget join them.
#[test]
fn continued_names_are_joined_in_order() {
    for (field, expected) in [
        (r#"filename*0="foo."; filename*1="html""#, "foo.html"), // attfncont
        (r#"filename*0="foo"; filename*1="\b\a\r.html""#, "foobar.html"), // attfncontqs
        (r#"filename*0*=UTF-8''foo-%c3%a4; filename*1=".html""#, "foo-ä.html"), // attfncontenc
        (r#"filename*0="foo"; filename*01="bar""#, "foo"),       // attfncontlz
        (r#"filename*0="foo"; filename*2="bar""#, "foo"),        // attfncontnc
        (r#"filename*1="bar"; filename*0="foo""#, "foobar"),     // attfncontord
        ("FileName*0*=utf-8'en'a%20; filename*1=%20b; filename*2*=%c3; filename*3*=%a4.txt", "a %20bä.txt"),
        (
            "filename*10=k; filename*0=a; filename*9=j; filename*8=i; filename*7=h; filename*6=g; filename*5=f; \
          filename*4=e; filename*3=d; filename*2=c; filename*1=b",
            "abcdefghijk",
        ),
        (r#"filename*0=../../e; filename*1="vil/..\\..\\"; filename*2=x"#, "x"),
        ("filename*0=a; filename*1=b; filename*0=c", "ab"),
        ("filename=short.txt; filename*0=long; filename*1=.txt", "long.txt"),
        ("filename*0=long; filename*=UTF-8''sure; filename=short", "sure"),
        ("filename*0*=UTF-8''%e4; filename*1=.txt; filename=right.txt", "right.txt"),
        ("filename*0*=UTF-8''%e4; filename*1=.txt", "ä.txt"),
        ("filename*0*=no-charset%20; filename*1=.txt", "no-charset .txt"),
    ] {
        assert_eq!(name(&format!("attachment; {field}")).as_deref(), Some(expected), "{field}");
    }
}

/// As many as the largest head has room for. Quadratic, each would take seconds.
#[test]
fn long_fields_take_linear_time() {
    let begun = Instant::now();
    let parts = |part: fn(usize) -> String| (0..).map(part).take(10_000).collect::<String>();
    let joined = name(&parts(|n| format!("filename*{n}=a; "))).unwrap();
    assert!(is_portable(&joined) && joined.starts_with("aaaa"), "{joined}");
    assert!(name(&parts(|n| format!("filename*{}=a; ", 9_999 - n))).is_some());
    for part in ["a='b;", "a=\"\\\";", "filename*0=a;", "filename*1='a;", "\"a;", "filename=\"=?utf-8?q?;"] {
        name(&part.repeat(256 * 1024 / part.len()));
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn invalid_names_are_none() {
    for field in [
        "",
        "inline",                         // inlonly
        r#""inline""#,                    // inlonlyquoted
        "attachment; xfilename=foo.html", // attconfusedparam
        r#"attachment; filename="""#,     // attwithemptyfilename
        "attachment; filename=",
        "attachment; filename=.",
        "attachment; filename=..",
        "attachment; filename=a/",
        "attachment; filename=a\\",
        r#"attachment; filename=" ""#,
        "filename=foo.html, filename=bar.html",          // attmissingdisposition4
        r#"attachment; filename=foo"bar;baz"qux"#,       // attbrokenquotedfn3
        "attachment; foo=foo filename=bar",              // attmissingdelim
        "attachment; filename=bar foo=foo",              // attmissingdelim2
        "attachment; filename *=UTF-8''foo-%c3%a4.html", // attwithfn2231ws1
        r#"attachment; filename*1="foo."; filename*2="html""#, // attfnconts1
        r#"attachment; filename*00="foo.html"; filename*+1=x; filename**=y"#,
        r#"attachment; filename="=?GBK?B?1tA=?=""#,
        "attachment; filename*=GBK''%D6%D0.pdf",
        "attachment; filename*0*=GBK''%D6; filename*1*=%D0.pdf",
    ] {
        assert_eq!(name(field), None, "{field}");
    }
}

proptest! {
    #[test]
    fn any_field_gives_a_portable_name_or_none(
        field in prop::collection::vec(any::<u8>(), 0..80),
        value in prop::collection::vec(any::<u8>(), 0..400),
        shape in 0..5_usize,
    ) {
        let start: &[u8] = [&b""[..], b"attachment; filename=\"", b"inline; filename=", b"x; filename*=UTF-8''", b"filename=\"=?utf-8?q?"][shape];
        for bytes in [[start, &field].concat(), [start, &value, b"\""].concat()] {
            if let Some(name) = name_from_disposition(&bytes) {
                prop_assert!(is_portable(&name), "{name:?}");
            }
        }
    }
}
