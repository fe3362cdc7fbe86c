//! The file name that a server proposes: Content-Disposition (RFC 6266), with RFC 8187 values.
//!
//! Only the name is of interest, so `attachment`, `inline` and every other type count alike. Of
//! what is no such field at all nothing is believed: the URL's own name is as good.

use percent_encoding::percent_decode;

use super::portable::component;

/// The proposed name as one portable part of a name, if there is one.
///
/// `filename*` counts for more than `filename`, whichever comes first; of two of a kind the first
/// counts. Of a path only what follows its last `/` or `\` is taken (RFC 6266, section 4.3).
pub fn name_from_disposition(field: &[u8]) -> Option<String> {
    let Proposed { plain, extended } = Proposed::read(field);
    [extended, plain].into_iter().flatten().find_map(|text| {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
        (!matches!(last, "" | "." | "..")).then(|| component(last))
    })
}

/// What a field proposes.
#[derive(Default)]
struct Proposed {
    /// The parameter `filename`.
    plain: Option<String>,
    /// The parameter `filename*`.
    extended: Option<String>,
}

impl Proposed {
    /// Reads parameters up to the first thing that is none.
    fn read(field: &[u8]) -> Self {
        let mut proposed = Self::default();
        let (kind, mut rest) = until_semicolon(field);
        if !is_token(kind.trim_ascii()) {
            return proposed;
        }
        loop {
            rest = rest.trim_ascii_start();
            if let [b';', after @ ..] = rest {
                rest = after;
                continue;
            }
            let Some((name, value, after)) = parameter(rest) else { return proposed };
            if name.eq_ignore_ascii_case(b"filename") && proposed.plain.is_none() {
                proposed.plain = value.text();
                if proposed.plain.is_none() {
                    return proposed;
                }
            } else if name.eq_ignore_ascii_case(b"filename*") && proposed.extended.is_none() {
                proposed.extended = value.extended();
            }
            rest = after;
        }
    }
}

/// The value of a parameter.
enum Value<'a> {
    /// What stood between quotes, without its escapes.
    Quoted(Vec<u8>),
    Bare(&'a [u8]),
}

impl Value<'_> {
    /// As a `filename`. Many servers leave the quotes out where they are needed; that is taken as
    /// long as nobody could read it in two ways.
    fn text(self) -> Option<String> {
        let bytes = match self {
            Value::Quoted(bytes) => bytes,
            Value::Bare(bytes) if bytes.iter().any(|byte| b"\",=".contains(byte)) => return None,
            Value::Bare(bytes) => bytes.to_vec(),
        };
        Some(utf8_or_latin1(bytes))
    }

    /// As a `filename*`: charset, language, percent-encoded text (RFC 8187, section 3.2.1). It has no quotes.
    fn extended(self) -> Option<String> {
        let Value::Bare(bytes) = self else { return None };
        let mut fields = bytes.splitn(3, |byte| *byte == b'\'');
        let (charset, _language, coded) = (fields.next()?, fields.next()?, fields.next()?);
        let is_hex = |at: usize| coded.get(at).is_some_and(u8::is_ascii_hexdigit);
        let mut signs = coded.iter().enumerate().filter(|(_, byte)| **byte == b'%');
        if !signs.all(|(at, _)| is_hex(at + 1) && is_hex(at + 2)) {
            return None;
        }
        let bytes: Vec<u8> = percent_decode(coded).collect();
        if charset.eq_ignore_ascii_case(b"utf-8") {
            String::from_utf8(bytes).ok()
        } else if charset.eq_ignore_ascii_case(b"iso-8859-1") {
            Some(latin1(&bytes))
        } else {
            None
        }
    }
}

/// The name and value of the parameter at the start, and what follows it.
fn parameter(text: &[u8]) -> Option<(&[u8], Value<'_>, &[u8])> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let name = text[..equals].trim_ascii_end();
    let value = text[equals + 1..].trim_ascii_start();
    if !is_token(name) {
        return None;
    }
    if let [b'"', inner @ ..] = value {
        let (value, after) = quoted(inner)?;
        let after = after.trim_ascii_start();
        return matches!(after, [] | [b';', ..]).then_some((name, Value::Quoted(value), after));
    }
    let (value, after) = until_semicolon(value);
    Some((name, Value::Bare(value.trim_ascii_end()), after))
}

/// A quoted-string (RFC 9110, section 5.6.4) after its first quote, and what follows its last.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::with_capacity(text.len());
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, &text[at + 1..])),
            b'\\' => value.push(*bytes.next()?.1),
            _ => value.push(*byte),
        }
    }
    None
}

fn until_semicolon(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| *byte == b';').unwrap_or(text.len()))
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// What is no UTF-8 is what it was before that: ISO-8859-1.
fn utf8_or_latin1(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| latin1(e.as_bytes()))
}

/// Each byte is the character of its number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
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
            (r#"attachment; FILENAME="foo.html""#, "foo.html"),            // attwithasciifilenameuc
            ("attachment; filename=foo.html", "foo.html"),                 // attwithasciifilenamenq
            ("attachment; filename=foo.html ;", "foo.html"),               // attwithasciifilenamenqs
            ("attachment; ;filename=foo", "foo"),                          // attemptyparam
            ("attachment; filename=foo bar.html", "foo bar.html"),         // attwithasciifilenamenqws
            ("attachment; filename='foo.bar'", "'foo.bar'"),               // attwithfntokensq
            ("attachment; filename=foo[1](2).html", "foo[1](2).html"),     // attfnbrokentoken
            (r#"attachment; filename="foo-%41.html""#, "foo-%41.html"),    // attwithfnrawpctenca
            (r#"attachment; filename="50%.html""#, "50%.html"),            // attwithfnusingpct
            (r#"attachment; filename="foo-%\41.html""#, "foo-%41.html"),   // attwithfnrawpctencaq
            (r#"attachment; name="foo-%41.html";filename=x"#, "x"),        // attwithnamepct
            (r#"attachment; filename="foo-%c3%a4-%e2%82%ac.html""#, "foo-%c3%a4-%e2%82%ac.html"), // attwithfnrawpctenclong
            (r#"attachment; filename ="foo.html""#, "foo.html"), // attwithasciifilenamews1
            (r#"attachment; filename="foo.html"; filename="bar.html""#, "foo.html"), // attwith2filenames
            (r#"attachment; filename="/foo.html""#, "foo.html"), // attabspath
            (r#"attachment; filename="\\foo.html""#, "foo.html"), // attabspathwin
            (r#"attachment; filename="../../etc/passwd""#, "passwd"),
            (r#"attachment; filename="..\..\\win.ini""#, "win.ini"),
            (r#"attachment; filename="..\..\win.ini""#, "_...win.ini"), // a lone \ escapes what follows it
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
            (r#"attachment; filename="=?ISO-8859-1?Q?foo-=E4.html?=""#, "=_ISO-8859-1_Q_foo-=E4.html_="), // attrfc2047quoted
        ] {
            assert_eq!(name(field).as_deref(), Some(expected), "{field}");
        }
        let latin1 = b"attachment; filename=\"foo-\xe4.html\""; // attwithisofnplain
        assert_eq!(name_from_disposition(latin1).as_deref(), Some("foo-ä.html"));
        assert_eq!(name("attachment; filename=\"foo-ä.html\"").as_deref(), Some("foo-ä.html")); // attwithutf8fnplain
        let long = name(&format!("attachment; filename=\"{}.txt\"", "x".repeat(300))).unwrap();
        assert!(long.ends_with(".txt") && is_portable(&long), "{long}");
    }

    #[test]
    fn what_is_no_name_is_none() {
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
            "attachment; filename=foo,bar.html", // attwithtokfncommanq
            "attachment; filename==?ISO-8859-1?Q?foo-=E4.html?=", // attrfc2047token
            "filename=foo.html",                 // attmissingdisposition
            "filename=x=y; filename=foo.html",   // attmissingdisposition2
            r#""foo; filename=bar;baz"; filename=qux"#, // attmissingdisposition3
            "filename=foo.html, filename=bar.html", // attmissingdisposition4
            "; filename=foo.html",               // emptydisposition
            ": inline; attachment; filename=foo.html", // doublecolon
            "inline; attachment; filename=foo.html", // attandinline
            "attachment; inline; filename=foo.html", // attandinline2
            r#"attachment; filename="foo.html".txt"#, // attbrokenquotedfn
            r#"attachment; filename="bar"#,      // attbrokenquotedfn2
            r#"attachment; filename="bar\"#,
            r#"attachment; filename=foo"bar;baz"qux"#, // attbrokenquotedfn3
            "attachment; filename=foo.html, attachment; filename=bar", // attmultinstances
            "attachment; foo=foo filename=bar",        // attmissingdelim
            "attachment; filename=bar foo=foo",        // attmissingdelim2
            "attachment filename=bar",                 // attmissingdelim3
            "filename=foo.html; attachment",           // attreversed
            "attachment; filename*=''foo-%c3%a4.html", // attwithfn2231noc
            "attachment; filename *=UTF-8''foo-%c3%a4.html", // attwithfn2231ws1
            r#"attachment; filename*="UTF-8''foo-%c3%a4.html""#, // attwithfn2231quot
            r#"attachment; filename*="foo%20bar.html""#, // attwithfn2231quot2
            "attachment; filename*=UTF-8'foo-%c3%a4.html", // attwithfn2231singleqmissing
            "attachment; filename*=UTF-8''foo%",       // attwithfn2231nbadpct1
            "attachment; filename*=UTF-8''f%oo.html",  // attwithfn2231nbadpct2
            "attachment; filename*=utf-8''foo-%E4.html", // attwithfn2231iso-bad
            r#"attachment; filename*0="foo."; filename*1="html""#, // attfncont
            "attachment; filename*0*=UTF-8''foo-%c3%a4", // attfncontenc
        ] {
            assert_eq!(name(field), None, "{field}");
        }
    }

    proptest! {
        #[test]
        fn any_field_gives_a_portable_name_or_none(
            field in prop::collection::vec(any::<u8>(), 0..80),
            value in prop::collection::vec(any::<u8>(), 0..400),
            shape in 0..4_usize,
        ) {
            let start: &[u8] = [&b""[..], b"attachment; filename=\"", b"inline; filename=", b"x; filename*=UTF-8''"][shape];
            for bytes in [[start, &field].concat(), [start, &value, b"\""].concat()] {
                if let Some(name) = name_from_disposition(&bytes) {
                    prop_assert!(is_portable(&name), "{name:?}");
                }
            }
        }
    }
}
