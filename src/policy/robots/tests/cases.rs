//! The case table: files, the paths that they allow, and the paths that they disallow.

/// A file, the allowed paths and the others.
pub(super) type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The groups: which lines count for this crawler.
pub(super) const GROUPS: &[Case] = &[
    ("", &["/", "/x"], &[]),
    ("User-agent: *\nDisallow: /", &["/robots.txt", "/robots.txt?x"], &["/", "/x", "/robots.txt/"]),
    ("User-agent: *\nDisallow:", &["/", "/x"], &[]),
    ("User-agent: fetchall\nDisallow: /x", &["/"], &["/x", "/xy", "/x/y", "/x?y"]),
    ("User-agent: FetchAll/1.2 (crawler)\nDisallow: /x", &["/"], &["/x"]),
    ("User-agent: fetchall-news\nDisallow: /", &["/x"], &[]),
    ("User-agent: fetch\nDisallow: /", &["/x"], &[]),
    ("User-agent: other\nDisallow: /", &["/x"], &[]),
    ("User-agent: *\nDisallow: /a\nUser-agent: fetchall\nDisallow: /b", &["/a"], &["/b"]),
    ("User-agent: fetchall\nDisallow: /b\nUser-agent: *\nDisallow: /a", &["/a"], &["/b"]),
    ("User-agent: fetchall\nUser-agent: *\nDisallow: /a", &["/b"], &["/a"]),
    ("User-agent: fetchall\nDisallow:\nUser-agent: *\nDisallow: /", &["/a"], &[]),
    ("User-agent: *\nDisallow: /\nUser-agent: fetchall", &["/a"], &[]),
    // All groups of one name are one.
    (
        "User-agent: fetchall\nDisallow: /a\nUser-agent: x\nDisallow: /\nUser-agent: FETCHALL\nDisallow: /b",
        &["/c"],
        &["/a", "/b"],
    ),
    ("User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /b", &["/c"], &["/a", "/b"]),
    ("User-agent: x\nUser-agent: fetchall\nUser-agent: y\nDisallow: /a", &["/b"], &["/a"]),
    // A blank line and an unknown line end no group and no list of agents.
    ("User-agent: fetchall\n\n\nDisallow: /a", &["/b"], &["/a"]),
    ("User-agent: fetchall\nNoindex: /x\nSitemap: https://a.test/s\nUser-agent: y\nDisallow: /a", &["/x"], &["/a"]),
    ("User-agent: fetchall\nDisallow: /a\nHost: a.test\nDisallow: /b", &["/c"], &["/a", "/b"]),
    ("User-agent: fetchall\nCrawl-delay: 1\nUser-agent: y\nDisallow: /a", &["/b"], &["/a"]),
    // Rules before any agent do not count.
    ("Disallow: /a\nUser-agent: *\nDisallow: /b", &["/a"], &["/b"]),
    ("Disallow: /", &["/a"], &[]),
    ("User-agent: * # all\nDisallow: /a # not this", &["/b"], &["/a"]),
    ("User-agent: *, x\nDisallow: /a", &["/a"], &[]),
    ("User-agent: * x\nDisallow: /a", &["/b"], &["/a"]),
    ("User-agent:\nDisallow: /a", &["/a"], &[]),
];

/// The lines: what is read of odd ones.
pub(super) const LINES: &[Case] = &[
    ("user-AGENT:*\ndisALLOW:/a", &["/b"], &["/a"]),
    ("  User-agent  :  *  \n\tDisallow\t:\t/a\t", &["/b"], &["/a"]),
    ("User-agent: *\rDisallow: /a\rDisallow: /b", &["/c"], &["/a", "/b"]),
    ("User-agent: *\r\nDisallow: /a\r\n", &["/b"], &["/a"]),
    ("\u{feff}User-agent: *\nDisallow: /a", &["/b"], &["/a"]),
    ("User-agent *\nDisallow /a", &["/b"], &["/a"]),
    ("Useragent: *\nDissallow: /a\nDisalow: /b", &["/c"], &["/a", "/b"]),
    ("User-agent: *\nDisallow: a\nDisallow: ./b\nDisallow: http://a.test/c", &["/a", "/b", "/c"], &[]),
    ("User-agent: *\nDisallow: /a#b", &["/b"], &["/a"]),
    ("User-agent: *\nDisallow: /a b", &["/a"], &["/a%20b"]),
    ("User-agent: *\nDisallow\n: /\nDisallow: /a", &["/b"], &["/a"]),
    ("<!DOCTYPE html>\n<pre>\nUser-agent: *\nDisallow: /", &["/a"], &[]),
    ("User-agent: *\n<br>\nDisallow: /a", &["/b"], &["/a"]),
    ("User-agent: *\nDisallow: /a\0b\n", &["/a"], &["/a%00b"]),
];

/// The patterns: which rule matches, and which of several decides.
pub(super) const PATTERNS: &[Case] = &[
    (
        "User-agent: *\nDisallow: /fish",
        &["/Fish", "/catfish", "/?id=fish"],
        &["/fish", "/fish.html", "/fish?id=1", "/fishing/x"],
    ),
    ("User-agent: *\nDisallow: /fish*", &["/Fish", "/catfish"], &["/fish", "/fish.html"]),
    ("User-agent: *\nDisallow: /fish/", &["/fish", "/fish.html"], &["/fish/", "/fish/?a", "/fish/x"]),
    ("User-agent: *\nDisallow: /*.php", &["/", "/x.PHP"], &["/a.php", "/a/b.php?c", "/a.php/b", "/a?b.php"]),
    ("User-agent: *\nDisallow: /*.php$", &["/a.php?b", "/a.php/", "/a.php5"], &["/a.php", "/a/b.php"]),
    ("User-agent: *\nDisallow: /fish*.php", &["/Fish.PHP"], &["/fish.php", "/fishing/x.php?y"]),
    ("User-agent: *\nDisallow: /a$", &["/ab", "/a/", "/a?"], &["/a", "/a#b"]),
    ("User-agent: *\nDisallow: /a$b", &["/a", "/ab"], &["/a$b", "/a%24bc"]),
    ("User-agent: *\nDisallow: *.gif$", &["/a.gif?b"], &["/a.gif"]),
    ("User-agent: *\nDisallow: /a**b*$", &["/a"], &["/ab", "/axbx"]),
    ("User-agent: *\nDisallow: /*?", &["/a"], &["/a?", "/?b"]),
    ("User-agent: *\nDisallow: /a*a$", &["/a", "/aab"], &["/aa", "/aba"]),
    // The longest match decides, and Allow wins a tie.
    ("User-agent: *\nDisallow: /\nAllow: /p", &["/p", "/page"], &["/", "/q"]),
    ("User-agent: *\nAllow: /p\nDisallow: /", &["/p", "/page"], &["/", "/q"]),
    ("User-agent: *\nAllow: /x\nDisallow: /x", &["/x"], &[]),
    ("User-agent: *\nDisallow: /x/page.html\nAllow: /x/page.html", &["/x/page.html"], &[]),
    ("User-agent: *\nAllow: /$\nDisallow: /", &["/"], &["/page"]),
    ("User-agent: *\nAllow: /page\nDisallow: /*.html", &["/page"], &["/page.html"]),
    ("User-agent: *\nAllow: /page\nDisallow: /*.ph", &["/page.ph", "/page.php"], &["/p.ph"]),
    ("User-agent: *\nDisallow: /x\nAllow: /x/y\nDisallow: /x/y/z", &["/x/y"], &["/x", "/x/y/z"]),
    ("User-agent: *\nDisallow: /x\nAllow:", &["/y"], &["/x"]),
    // Octets are compared in one form, but %2F is no slash.
    ("User-agent: *\nDisallow: /foo/bar/ツ", &["/foo/bar/"], &["/foo/bar/ツ", "/foo/bar/%e3%83%84"]),
    ("User-agent: *\nDisallow: /foo/bar/%e3%83%84", &["/foo/bar/"], &["/foo/bar/ツ", "/foo/bar/%E3%83%84"]),
    ("User-agent: *\nDisallow: /b/%62%61%7A", &["/b/bar"], &["/b/baz", "/b/%62az"]),
    ("User-agent: *\nDisallow: /~joe/", &["/joe/"], &["/~joe/", "/%7ejoe/"]),
    ("User-agent: *\nDisallow: /a%2fb", &["/a/b"], &["/a%2fb", "/a%2Fb"]),
    ("User-agent: *\nDisallow: /a/b", &["/a%2Fb", "/a%2fb"], &["/a/b"]),
    ("User-agent: *\nDisallow: /a-%2A.html", &["/a-b.html"], &["/a-*.html", "/a-%2a.html"]),
    ("User-agent: *\nDisallow: /100%", &["/100"], &["/100%", "/100%zz"]),
    ("User-agent: *\nDisallow: /a|b", &["/a"], &["/a|b", "/a%7Cb"]),
    ("User-agent: *\nDisallow: /s?q=a&b", &["/s?q=a", "/s?b&q=a"], &["/s?q=a&b", "/s?q=a&bc#d"]),
];
