//! Tests of robots.txt: the case table, and the rules of answers.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use url::Url;

use super::*;
use cases::{GROUPS, LINES, PATTERNS};

mod cases;

fn url(path: &str) -> Url {
    Url::parse("https://a.test").unwrap().join(path).unwrap()
}

fn parse(text: impl AsRef<[u8]>) -> RobotsRules {
    RobotsRules::parse(text.as_ref(), "fetchall", &RobotsLimits::default())
}

#[test]
fn each_file_allows_and_disallows_what_the_table_says() {
    let cases = [GROUPS, LINES, PATTERNS].concat();
    assert!(cases.len() >= 40);
    for (text, allowed, others) in cases {
        let rules = parse(text);
        for path in allowed {
            assert!(rules.check(&url(path)).is_allowed, "{path} by {text:?}");
        }
        for path in others {
            let verdict = rules.check(&url(path));
            assert!(!verdict.is_allowed, "{path} by {text:?}");
            assert!(verdict.refusal().is_some());
        }
    }
}

#[test]
fn a_verdict_names_the_line_that_decided() {
    let rules =
        parse("# of a.test\nUser-agent: x\nDisallow: /\n\nUser-agent: *\nDisallow: /a%7eb\r\nAllow: /a~b/*.c$\n");
    for (path, told) in [
        ("/a~b/x", "robots.txt:6: Disallow: /a~b"),
        ("/a%7Eb/x.c", "robots.txt:7: Allow: /a~b/*.c$"),
        ("/b", "robots.txt: no rule matches"),
        ("/robots.txt", "robots.txt itself"),
    ] {
        assert_eq!(rules.check(&url(path)).decided_by.to_string(), told);
    }
    let refusal = rules.check(&url("/a~b")).refusal().unwrap();
    assert_eq!((refusal.reason.as_str(), &*refusal.rule), ("robots", "robots.txt:6: Disallow: /a~b"));
}

#[test]
fn crawl_delay_is_that_of_the_group_and_clamped() {
    let seconds = |text: &str| {
        let delay = parse(text).crawl_delay()?;
        Some((delay.kept.as_secs_f64(), delay.asked.as_secs_f64(), delay.line))
    };
    for (text, expected) in [
        ("User-agent: *\nCrawl-delay: 10", Some((10.0, 10.0, 2))),
        ("User-agent: *\nCrawl-delay: 0.5", Some((0.5, 0.5, 2))),
        ("User-agent: *\nDisallow: /\nCrawl-delay: 3600", Some((60.0, 3600.0, 3))),
        ("User-agent: *\nCrawl-delay: 0", Some((0.0, 0.0, 2))),
        ("User-agent: *\nCrawl-delay: -1\nCrawl-delay: x\nCrawl-delay:\nCrawl-delay: NaN", None),
        ("User-agent: x\nCrawl-delay: 5\nUser-agent: *\nDisallow: /a", None),
        ("User-agent: *\nCrawl-delay: 5\nUser-agent: fetchall\nDisallow: /a", None),
        ("User-agent: fetchall\nCrawl-delay: 5\nUser-agent: *\nCrawl-delay: 9", Some((5.0, 5.0, 2))),
        ("User-agent: fetchall\nCrawl-delay: 5\nAllow: /\nUser-agent: fetchall\nCrawl-delay: 9", Some((9.0, 9.0, 5))),
        ("User-agent: fetchall\nUser-agent: *\nCrawl-delay: 5", Some((5.0, 5.0, 3))),
        ("Crawl-delay: 5", None),
    ] {
        assert_eq!(seconds(text), expected, "{text:?}");
    }
    let endless = parse("User-agent: *\nCrawl-delay: 1e300").crawl_delay().unwrap();
    assert_eq!((endless.kept, endless.asked), (Duration::from_secs(60), Duration::MAX));
}

#[test]
fn sitemaps_are_absolute_urls_in_any_group() {
    let rules = parse(
        "Sitemap: https://a.test/1.xml\nUser-agent: x\nsitemap:http://b.test/2#f\nSITE-MAP: https://a.test/1.xml\n\
         Sitemap: /3.xml\nSitemap: ftp://a.test/4\nSitemap: https://ann:hunter2@a.test/5\nSitemap: https://\n\
         Sitemap: https://a.test/é x\n",
    );
    let found: Vec<_> = rules.sitemaps().iter().map(Url::as_str).collect();
    assert_eq!(found, ["https://a.test/1.xml", "http://b.test/2", "https://a.test/5", "https://a.test/%C3%A9%20x"]);
}

#[test]
fn a_file_is_read_up_to_500_kib() {
    let limit = RobotsLimits::default().max_bytes;
    let mut text = String::from("User-agent: *\nDisallow: /first\n#");
    text.push_str(&"x".repeat(limit - text.len() - "\nDisallow: /last".len()));
    text.push_str("\nDisallow: /last");
    assert_eq!(text.len(), limit);
    for (more, last_counts) in [("", true), ("\n", true), ("/x\n", false), ("\nDisallow: /", true)] {
        let rules = parse(format!("{text}{more}"));
        assert!(!rules.check(&url("/first")).is_allowed);
        assert_eq!(rules.check(&url("/last/x")).is_allowed, !last_counts, "{more:?}");
        assert!(rules.check(&url("/")).is_allowed);
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);

fn at(hours: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + 500_000 * HOUR + hours * HOUR
}

/// Returns the rules after these answers, each at its hour.
fn after(answers: &[(u32, RobotsAnswer<'_>)]) -> SiteRobots {
    let limits = RobotsLimits::default();
    let site = answers
        .iter()
        .fold(None, |last, (hours, answer)| Some(SiteRobots::after(last, *answer, "fetchall", &limits, at(*hours))));
    site.unwrap()
}

#[test]
fn each_answer_gives_its_rules() {
    use RobotsAnswer::{Body, Status, TooManyRedirects, Unreachable};
    let file = Body(b"User-agent: *\nDisallow: /a");
    let silence = Unreachable("timed out");
    for (answers, a, b) in [
        (&[(0, file)][..], "no robots.txt:2: Disallow: /a", "yes robots.txt: no rule matches"),
        (&[(0, Status(404, None))], "yes robots.txt: status 404", "yes robots.txt: status 404"),
        (&[(0, Status(401, None))], "yes robots.txt: status 401", "yes robots.txt: status 401"),
        (&[(0, Status(304, None))], "yes robots.txt: status 304", "yes robots.txt: status 304"),
        (&[(0, Status(300, None))], "yes robots.txt: status 300", "yes robots.txt: status 300"),
        (&[(0, Status(429, None))], "no robots.txt: status 429", "no robots.txt: status 429"),
        (&[(0, Status(503, None))], "no robots.txt: status 503", "no robots.txt: status 503"),
        (&[(0, silence)], "no robots.txt: timed out", "no robots.txt: timed out"),
        (&[(0, TooManyRedirects)], "yes robots.txt: more than 5 redirects", "yes robots.txt: more than 5 redirects"),
        // An earlier copy holds, however long the silence lasts.
        (
            &[(0, file), (24, silence), (1000, silence)],
            "no robots.txt:2: Disallow: /a",
            "yes robots.txt: no rule matches",
        ),
        (&[(0, file), (24, Status(304, None))], "no robots.txt:2: Disallow: /a", "yes robots.txt: no rule matches"),
        (
            &[(0, Status(404, None)), (24, silence), (25, silence)],
            "yes robots.txt: status 404",
            "yes robots.txt: status 404",
        ),
        (&[(0, Status(503, None)), (1, file)], "no robots.txt:2: Disallow: /a", "yes robots.txt: no rule matches"),
        (&[(0, file), (24, Status(404, None))], "yes robots.txt: status 404", "yes robots.txt: status 404"),
        // Without a copy, 30 days of silence count as no file.
        (&[(0, silence), (720, silence)], "no robots.txt: timed out", "no robots.txt: timed out"),
        (&[(0, silence), (721, silence), (722, silence)], "yes robots.txt: timed out", "yes robots.txt: timed out"),
        (
            &[(0, silence), (1, Status(304, None)), (721, silence)],
            "yes robots.txt: status 304",
            "yes robots.txt: status 304",
        ),
    ] {
        let site = after(answers);
        let told = |path: &str| {
            let verdict = site.check(&url(path));
            format!("{} {}", if verdict.is_allowed { "yes" } else { "no" }, verdict.decided_by)
        };
        assert_eq!((told("/a"), told("/b")), (a.to_owned(), b.to_owned()), "{answers:?}");
        assert!(site.check(&url("/robots.txt")).is_allowed);
    }
}

#[test]
fn answers_count_for_a_day_and_failures_are_asked_again_soon() {
    let minutes = |answers: &[(u32, RobotsAnswer<'_>)]| {
        let site = after(answers);
        let (last, _) = answers[answers.len() - 1];
        let next = site.next_fetch();
        assert!(site.is_due(next) && !site.is_due(next - Duration::from_secs(1)));
        next.duration_since(at(last)).unwrap().as_secs() / 60
    };
    let busy = RobotsAnswer::Status(503, None);
    let day = 24 * 60;
    assert_eq!(minutes(&[(0, RobotsAnswer::Body(b""))]), day);
    assert_eq!(minutes(&[(0, RobotsAnswer::Status(404, None))]), day);
    assert_eq!(minutes(&[(0, RobotsAnswer::Body(b"")), (24, RobotsAnswer::Status(304, None))]), day);
    assert_eq!(minutes(&[(0, busy)]), 1);
    assert_eq!(minutes(&[(0, busy), (1, busy), (2, busy)]), 4);
    assert_eq!(minutes(&[(0, busy), (1, RobotsAnswer::Status(404, None)), (25, busy)]), 1);
    let many: Vec<_> = (0..40).map(|hour| (hour, busy)).collect();
    assert_eq!(minutes(&many), 60);
    assert_eq!(minutes(&[(0, RobotsAnswer::Status(429, Some(5 * HOUR)))]), 5 * 60);
    assert_eq!(minutes(&[(0, RobotsAnswer::Status(429, Some(500 * HOUR)))]), day);
    assert_eq!(minutes(&[(0, RobotsAnswer::Status(503, Some(Duration::ZERO)))]), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200), path in "/[ -~é]{0,30}") {
        let rules = parse([b"User-agent: *\nDisallow:/".as_slice(), &bytes].concat());
        let _ = rules.check(&Url::parse(&format!("https://a.test{path}")).unwrap());
    }

    #[test]
    fn kept_answers_give_the_same_rules_again(answers in prop::collection::vec((0..5_usize, 0..900_u32), 1..8)) {
        let kinds = [
            RobotsAnswer::Body(b"User-agent: *\nDisallow: /a\nCrawl-delay: 3"),
            RobotsAnswer::Status(404, None),
            RobotsAnswer::Status(304, None),
            RobotsAnswer::Status(503, Some(2 * HOUR)),
            RobotsAnswer::Unreachable("timed out"),
        ];
        let (mut hour, mut answered, mut stored) = (0, Vec::new(), None);
        for (kind, later) in answers {
            hour += later;
            answered.push((hour, kinds[kind]));
            stored = Some(kinds[kind].stored_after(stored, at(hour)));
            let restored = SiteRobots::restored(stored.as_ref().unwrap(), "fetchall", &RobotsLimits::default());
            prop_assert_eq!(restored, Some(after(&answered)), "{:?}", stored);
        }
    }

    #[test]
    fn any_lines_are_read(
        text in "\u{feff}?((user-agent|allow|disallow|crawl-delay|sitemap|x)(:| ) ?(\\*|fetchall|/|/a\\*|\\$|%|%2f|1e9|http://a/)?(\r|\n|\r\n|#)){0,20}",
        limit in 0usize..400,
    ) {
        let limits = RobotsLimits { max_bytes: limit, ..RobotsLimits::default() };
        let rules = RobotsRules::parse(text.as_bytes(), "fetchall", &limits);
        // Bytes beyond the limit make no difference.
        if text.len() > limit {
            let cut = RobotsRules::parse(&text.as_bytes()[..=limit], "fetchall", &limits);
            prop_assert_eq!(cut, rules);
        }
    }
}
