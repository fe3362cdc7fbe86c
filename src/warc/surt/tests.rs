//! Keys of usual and odd URLs. The Python package `surt` 0.3.1 writes the same.

use super::*;

#[test]
fn keys_are_those_of_the_python_package() {
    for (url, key) in KEYS {
        assert_eq!(surt(url), *key, "{url}");
    }
}

#[test]
fn expressions_of_sessions_are_valid() {
    assert_eq!((PATH_SESSIONS.len(), QUERY_SESSIONS.len()), (2, 5));
}

#[test]
fn escapes_of_escapes_take_linear_time() {
    let nested = "25".repeat(1_000_000);
    assert_eq!(surt(&format!("http://a/%{nested}41")), "a)/a");
}

const KEYS: &[(&str, &str)] = &[
    ("http://example.com", "com,example)/"),
    ("https://www.Example.COM:443/", "com,example)/"),
    ("http://www42.example.com/a/", "com,example)/a"),
    ("http://www.example.com:8080/A/B/?b=2&a=1&a=0#frag", "com,example:8080)/a/b?a=0&a=1&b=2"),
    ("http://user:pass@example.com/x", "com,example)/x"),
    ("http://example.com/%7Efoo/%41%2541?x=%20y&z", "com,example)/~foo/aa?x=%20y&z"),
    ("http://example.com/a/./b/../c//d///", "com,example)/a/c/d"),
    ("http://example.com/../../x", "com,example)/x"),
    ("http://example.com/?", "com,example)/"),
    ("http://example.com/??a", "com,example)/??a"),
    ("http://example.com/?&&", "com,example)/?&&"),
    ("http://example.com/?b&b=&a", "com,example)/?a&b&b="),
    ("http://example.com/page?sid=0123456789abcdef0123456789abcdef&x=1", "com,example)/page?x=1"),
    ("http://example.com/page?x=1&PHPSESSID=0123456789abcdef0123456789ABCDEF", "com,example)/page?&x=1"),
    ("http://example.com/page?jsessionid=0123456789abcdef0123456789abcdef", "com,example)/page"),
    ("http://example.com/page?cfid=12&cftoken=34&x=y", "com,example)/page?x=y"),
    ("http://example.com/page?ASPSESSIONIDABCDEFGH=ABCDEFGHIJKLMNOPQRSTUVWX", "com,example)/page"),
    ("http://example.com/(S(abcdefghijklmnopqrstuvwx))/Page.aspx?x", "com,example)/page.aspx?x"),
    ("http://example.com/app/(abcdefghijklmnopqrstuvwx)/page.aspx", "com,example)/app/page.aspx"),
    (
        "http://example.com/index.html;jsessionid=0123456789ABCDEF0123456789ABCDEF",
        "com,example)/index.html;jsessionid=0123456789abcdef0123456789abcdef",
    ),
    ("http://127.0.0.1:33155/a", "1,0,0,127:33155)/a"),
    ("http://3232235777/", "1,1,168,192)/"),
    ("http://127.1/", "1,0,0,127)/"),
    ("http://0300.0250.1.1/", "1,1,168,192)/"),
    ("http://1.2.3.999/", "999,3,2,1)/"),
    ("http://[::1]:8080/x", "::1:8080)/x"),
    ("http://example.com:99999/", "http://example.com:99999/"),
    ("http://example.com:x/", "http://example.com:x/"),
    ("http://example.com:/a", "com,example)/a"),
    ("http://example.com:0/a", "com,example)/a"),
    ("http:////example.com/a", "com,example)/a"),
    ("http://http://example.com/a", "com,example)/a"),
    ("http://https/example.com", "https)/example.com"),
    ("https://http://https://x.com/", "com,x)/"),
    ("ftp://ftp.example.com/A", "com,example,ftp)/a"),
    ("ftp://ftp.example.com", "com,example,ftp)/"),
    ("dns:www.Example.com", "dns:www.example.com"),
    ("urn:text:http://example.com/A", "urn:text:http://example.com/a"),
    ("metadata://gnu.org/software/wget/warc/wget.log", "org,gnu)/software/wget/warc/wget.log"),
    ("mailto:A@b", "mailto:a@b"),
    ("example.com/a", "com,example)/a"),
    ("http://exa mple.com/a b", "com,exa%20mple)/a%20b"),
    (" http://example.com/%09x", "com,example)/%09x"),
    ("http://example..com./x", "com,example)/x"),
    ("http://EXAMPLE.com/ü?ñ=Ü", "com,example)/%c3%bc?%c3%b1=%c3%9c"),
    ("http://bücher.example/ü", "example,xn--bcher-kva)/%c3%bc"),
    ("http://example.com/%e4%f6", "com,example)/%e4%f6"),
    ("http://example.com/a%23b%3Fc", "com,example)/a%23b?c"),
    ("http://example.com/a%2fb/", "com,example)/a/b"),
    ("http://example.com/%252525", "com,example)/%25"),
    (r#"http://example.com/\back|{x}"<>^`"#, r#"com,example)/\back|{x}"<>^`"#),
    ("http://example.com/a:80/b@c", "com,example)/a:80/b@c"),
    ("http://www.www.com/", "com,www)/"),
    ("http://www2/", "www2)/"),
    ("http://www./", "www)/"),
    ("http://.example.com/", "com,example)/"),
    ("https://example.com:80/", "com,example:80)/"),
    ("HTTP://EXAMPLE.com:80/", "com,example)/"),
    ("http://example.com/a?b=c/d/", "com,example)/a?b=c/d/"),
    ("http://example.com/a/?q=http://www.x.com/Y", "com,example)/a?q=http://www.x.com/y"),
    ("http://example.com/a?=&==&a==b", "com,example)/a?=&==&a==b"),
    ("http://a.b.c.d.example.co.uk/p", "uk,co,example,d,c,b,a)/p"),
    ("http://%77%77%77.example.com/", "com,example)/"),
    ("http://example.com?x", "com,example)/?x"),
    ("http://example.com#x", "com,example)/"),
    ("filedesc://x.arc", "filedesc://x.arc"),
    ("http://user@:80/", "http:/"),
    ("http://a@b@c/x", "c)/x"),
    ("http://example.com/;a=b;c", "com,example)/;a=b;c"),
    ("http://1.2.3.4.5/", "5,4,3,2,1)/"),
    ("http://0x7f.0.0.1/", "1,0,0,0x7f)/"),
    ("http://00/", "0,0,0,0)/"),
    ("http://08.1/", "1,08)/"),
    ("http://256.1/", "1,256)/"),
    ("http://1.16777215/", "255,255,255,1)/"),
    ("http://1.16777216/", "16777216,1)/"),
    ("http:///", "http:/"),
    ("http:/x", "x)/"),
    ("http:x", "x)/"),
    ("http://example.com/é/..%2f", "com,example)/"),
    ("", "-"),
];
