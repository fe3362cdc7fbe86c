//! Every reader of bytes that strangers write, with what must hold of whatever it reads.
//!
//! The fuzz targets in `fuzz/` and the tests of the seeds run these functions.

use std::cell::RefCell;
use std::io::{self, Cursor, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use fetchall::config::{InputFormat, Layers};
use fetchall::extract::{DocumentHead, Extractor, link_values};
use fetchall::model::{Credentials, Entry, PageLinks};
use fetchall::policy::cookies::Jar;
use fetchall::policy::credentials::authentication::{BasicFor, Challenge};
use fetchall::policy::credentials::netrc::Netrc;
use fetchall::policy::message::chunk_lines::ChunkLines;
use fetchall::policy::message::partial::{Beginning, is_the_rest, whole_in_a_part};
use fetchall::policy::message::response_head::{HeadSearchResult, Search, read_head};
use fetchall::policy::message::{date, digest_fields, location};
use fetchall::policy::naming::{is_portable, name_from_disposition};
use fetchall::policy::rerun::selection::Selection;
use fetchall::policy::retry::retry_after;
use fetchall::policy::robots::{RobotsLimits, RobotsRules};
use fetchall::policy::text::redact;
use fetchall::source::{Input, ListSource, ReportSource, Retry, Source};
use fetchall::warc::{self, PayloadForm, RecordListing, WarcReader};
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use url::Url;

/// A reader and its name, which is that of its fuzz target and of the folder of its seeds.
pub type Reader = (&'static str, fn(&[u8]));

/// All of them.
pub const READERS: &[Reader] = &[
    ("auto", |bytes| list(bytes, InputFormat::Auto)),
    ("text", |bytes| list(bytes, InputFormat::Text)),
    ("csv", |bytes| list(bytes, InputFormat::Csv)),
    ("tsv", |bytes| list(bytes, InputFormat::Tsv)),
    ("ndjson", |bytes| list(bytes, InputFormat::Ndjson)),
    ("json", |bytes| list(bytes, InputFormat::Json)),
    ("sitemap", |bytes| list(bytes, InputFormat::Sitemap)),
    ("html", |bytes| list(bytes, InputFormat::Html)),
    ("records", records),
    ("cookies", cookies),
    ("set_cookie", set_cookie),
    ("netrc", netrc),
    ("config", config),
    ("head", head),
    ("challenge", challenge),
    ("disposition", disposition),
    ("fields", fields),
    ("state", super::state::read),
    ("gzip", |bytes| packed(bytes, GZIP)),
    ("zstd", |bytes| packed(bytes, ZSTD)),
    ("page", page),
    ("documents", documents),
    ("robots", robots),
    ("warc", warc),
];

/// The first bytes of a gzip member (RFC 1952) and of a zstd frame (RFC 8878).
const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// The time at which all is read: the end of 2026.
const NOW: i64 = 1_798_761_600;

/// A list, as it comes from a pipe and as it is in a file.
fn list(bytes: &[u8], format: InputFormat) {
    if is_packed(bytes) {
        return;
    }
    drain(ListSource::new(vec![Input::Reader("list".into(), Box::new(Cursor::new(bytes.to_vec())))], format));
    with_file(bytes, |path| drain(ListSource::new(vec![Input::File(path.to_owned())], format)));
}

/// Whether it is gzip or zstd, which may unpack to a thousand times as much.
fn is_packed(bytes: &[u8]) -> bool {
    [GZIP, ZSTD].iter().any(|magic| bytes.starts_with(magic)) || bytes.get(1..4) == Some(b"\x2a\x4d\x18")
}

/// A packed list. Its own bytes decide what is in it, also what it is packed with.
fn packed(bytes: &[u8], magic: &[u8]) {
    let start = if bytes.starts_with(magic) { &[][..] } else { magic };
    let list = Input::Reader("list".into(), Box::new(Cursor::new([start, bytes].concat())));
    drain(ListSource::new(vec![list], InputFormat::Auto));
}

/// The records of an earlier run, for `--retry-from`.
fn records(bytes: &[u8]) {
    if is_packed(bytes) {
        return;
    }
    let report = Input::Reader("records".into(), Box::new(Cursor::new(bytes.to_vec())));
    drain(ReportSource::new(Retry { report, only: Selection::all() }, None));
}

/// Reads a source to its end. A good URL can be asked for, and a bad line shows no password.
fn drain<S: Source, E: std::fmt::Display>(source: Result<S, E>) {
    let Ok(mut source) = source.map_err(|error| error.to_string()) else { return };
    while let Ok(Some(batch)) = source.next_batch() {
        assert!(!(batch.entries.is_empty() && batch.notes.is_empty()) && batch.next == source.position());
        for entry in &batch.entries {
            match entry {
                Entry::Seed(seed) | Entry::LeftOut { seed, .. } => {
                    assert!(matches!(seed.url.scheme(), "http" | "https") && seed.url.has_host(), "{}", seed.url);
                    let is_bare = seed.url.username().is_empty() && seed.url.password().is_none();
                    assert!(is_bare && seed.url.fragment().is_none(), "{}", seed.url);
                    assert_eq!(
                        Url::parse(seed.url.as_str()).as_ref(),
                        Ok(&seed.url),
                        "the URL changes when it is read again"
                    );
                }
                Entry::Bad(bad) => {
                    assert_eq!(redact::redact(&bad.text), bad.text, "what is shown holds a password");
                    assert!(bad.text.len() <= 2048 && !bad.error.message.is_empty());
                }
            }
        }
    }
}

/// Reads a file of cookies. The jar's own output is read again, and is the same.
fn cookies(bytes: &[u8]) {
    let mut jar = Jar::new(2 << 20);
    if jar.load(bytes, NOW).is_err() {
        return;
    }
    let text = jar.text(NOW);
    let mut again = Jar::new(2 << 20);
    let skipped = again.load(&text, NOW).expect("own file");
    assert_eq!(skipped, fetchall::policy::cookies::Skipped::default(), "{}", text.escape_ascii());
    assert_eq!(again.text(NOW), text);
    sends(&jar);
}

/// Set-Cookie fields, one a line.
fn set_cookie(bytes: &[u8]) {
    let mut jar = Jar::new(2 << 20);
    for (line, host) in
        bytes.split(|&byte| byte == b'\n').zip(["a.example.com", "example.com", "192.0.2.1"].iter().cycle())
    {
        if let Ok(field) = HeaderValue::from_bytes(line) {
            jar.set(&url(&format!("https://{host}/dir/file")), [&field], NOW);
        }
    }
    sends(&jar);
}

fn sends(jar: &Jar) {
    for page in
        ["http://example.com/", "https://www.example.com/dir/x", "https://a.example.com/dir/file", "http://192.0.2.1/"]
    {
        if let Some(field) = jar.field(&url(page), NOW) {
            assert!(!field.is_empty() && field.is_sensitive());
        }
    }
}

/// A netrc file. No message repeats a word of it.
fn netrc(bytes: &[u8]) {
    match Netrc::parse(&String::from_utf8_lossy(bytes)) {
        Ok((netrc, unread)) => {
            let _ = (netrc.find("example.com", None, false), netrc.find("example.com", Some("ann"), true));
            assert!(unread.iter().all(|unread| unread.line > 0));
        }
        Err(unread) => assert!(unread.line > 0),
    }
}

/// A configuration file, of the user and of the working folder.
fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count() + 1;
    for is_strange in [false, true] {
        let mut layers = Layers::new();
        if is_strange {
            layers.folder_file("fetchall.toml", &text);
        } else {
            layers.file("fetchall.toml", &text);
        }
        for problem in layers.finish().err().into_iter().flatten() {
            let told = problem.to_string();
            let line = told.strip_prefix("fetchall.toml:").and_then(|rest| rest.split(':').next());
            assert!(
                line.is_some_and(|line| line.parse().is_ok_and(|line: usize| (1..=lines).contains(&line))),
                "{told}"
            );
        }
    }
}

/// The head of a response. However it is cut on its way, its end is the same; once repaired it stays as it is.
/// The size lines of chunks behind it are counted alike, however they are cut.
fn head(bytes: &[u8]) {
    let whole = Search::default().find(bytes);
    let mut search = Search::default();
    let step = 1 + bytes.len() / 16;
    let mut pieces = (0..=bytes.len()).step_by(step).chain([bytes.len()]).map(|end| search.find(&bytes[..end]));
    let in_pieces = pieces.find(|found| *found != HeadSearchResult::Nothing).unwrap_or(HeadSearchResult::Nothing);
    assert_eq!(in_pieces, whole);
    let HeadSearchResult::End(length) = whole else { return };
    let Ok(head) = read_head(&bytes[..length]) else { return };
    let content = &bytes[length..];
    let (mut whole, mut in_pieces) = (ChunkLines::new(head.content), ChunkLines::new(head.content));
    assert_eq!(content.chunks(step).try_for_each(|piece| in_pieces.follow(piece)), whole.follow(content));
    if let Some(repaired) = head.repaired {
        assert_eq!(Search::default().find(&repaired), HeadSearchResult::End(repaired.len()));
        let again = read_head(&repaired).expect("repaired head");
        assert_eq!((again.content, again.is_interim), (head.content, head.is_interim));
        assert!(again.dropped.is_empty());
    }
}

/// A WWW-Authenticate field for each line.
fn challenge(bytes: &[u8]) {
    let mut fields = HeaderMap::new();
    for value in bytes.split(|&byte| byte == b'\n').take(100).filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        fields.append(WWW_AUTHENTICATE, value);
    }
    let credentials = Credentials { username: "ann".to_owned(), password: "pässword".to_owned() };
    for basic_for in [BasicFor::AnyOffer, BasicFor::OffersWithoutDigest] {
        if let Ok(challenge) = Challenge::choose(&fields, basic_for, "0123456789abcdef") {
            let answer = challenge.answer(&credentials, "GET", "/dir/index.html?q=1");
            assert!(answer.is_none_or(|answer| answer.is_sensitive()));
        }
    }
}

/// A Content-Disposition field. A name in it is one part of a path, on all systems.
fn disposition(bytes: &[u8]) {
    if let Some(name) = name_from_disposition(bytes) {
        assert!(is_portable(&name), "{name:?}");
    }
}

/// The robots.txt of a server. Bytes beyond the limit make no difference, and a refusal names its line.
fn robots(bytes: &[u8]) {
    let limits = RobotsLimits { max_bytes: bytes.len() / 2, ..RobotsLimits::default() };
    let half = RobotsRules::parse(bytes, "fetchall", &limits);
    assert_eq!(RobotsRules::parse(&bytes[..bytes.len().min(limits.max_bytes + 1)], "fetchall", &limits), half);
    let rules = RobotsRules::parse(bytes, "fetchall", &RobotsLimits::default());
    for path in ["/", "/robots.txt", "/dir/file.html?query=%2f*$", "/%7e%E3%83%84/a/a/a/a/a/a"] {
        let verdict = rules.check(&url(&format!("https://example.com{path}")));
        assert!(verdict.is_allowed || verdict.refusal().is_some_and(|refusal| refusal.rule.starts_with("robots.txt:")));
    }
    assert!(rules.crawl_delay().is_none_or(|delay| delay.kept <= limits.max_crawl_delay && delay.line > 0));
    for sitemap in rules.sitemaps() {
        assert!(matches!(sitemap.scheme(), "http" | "https") && sitemap.username().is_empty());
    }
}

/// A WARC file. Each record is inside it, behind the one before, and the check reports what keeps a reader from going on.
fn warc(bytes: &[u8]) {
    if unpacks_to_much(bytes) {
        return;
    }
    let length = bytes.len() as u64;
    let mut faults = 0;
    let records = warc::check(bytes, |offset, fault| {
        assert!(offset <= length && !fault.to_string().is_empty());
        faults += 1;
    });
    let (mut end, mut listed) = (0, 0);
    let ended = WarcReader::new(bytes, 0).and_then(|mut reader| {
        while let Some(record) = RecordListing::next(&mut reader)? {
            assert!(record.offset >= end || faults > 0, "{record:?}");
            assert!(record.offset + record.length <= length, "{record:?}");
            end = record.offset + record.length;
            listed += 1;
        }
        Ok(())
    });
    match ended {
        Ok(()) => assert_eq!(records.ok(), Some(listed)),
        Err(_) => assert!(faults > 0),
    }
    let Ok(mut reader) = WarcReader::new(bytes, 0) else { return };
    while let Ok(Some(record)) = reader.next_record() {
        // The end of the space ends a bomb.
        let _ = warc::copy_payload(&mut reader, &record, PayloadForm::Decoded, &mut [0; 64 * 1024].as_mut_slice());
    }
}

/// Whether gzip members have more than sixteen times as many bytes as the file.
fn unpacks_to_much(bytes: &[u8]) -> bool {
    let most = 16 * bytes.len() as u64;
    let unpacked = flate2::bufread::MultiGzDecoder::new(bytes).take(most);
    bytes.starts_with(GZIP) && io::copy(&mut { unpacked }, &mut io::sink()).is_ok_and(|length| length == most)
}

/// Fields with a small grammar each; all of them get the same bytes.
fn fields(bytes: &[u8]) {
    let base = url("https://example.com/dir/file?query");
    if let Ok(target) = location::target(&base, bytes) {
        assert_eq!(Url::parse(target.as_str()).as_ref(), Ok(&target));
    }
    let _ = date::parse(bytes);
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW as u64);
    let names = [
        DATE,
        RETRY_AFTER,
        CONTENT_RANGE,
        CONTENT_LENGTH,
        ACCEPT_RANGES,
        ETAG,
        digest_fields::CONTENT_DIGEST,
        digest_fields::REPR_DIGEST,
    ];
    let limits = ["ratelimit", "ratelimit-policy", "ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];
    let mut all = HeaderMap::new();
    for name in names.into_iter().chain(limits.map(HeaderName::from_static)) {
        let one = HeaderMap::from_iter([(name.clone(), value.clone())]);
        read_fields(&one, now);
        all.append(name, value.clone());
    }
    read_fields(&all, now);
}

fn read_fields(fields: &HeaderMap, now: SystemTime) {
    for status in [200, 429, 503] {
        let _ = retry_after::asked(status, fields, now);
    }
    let _ = whole_in_a_part(fields);
    for name in [digest_fields::CONTENT_DIGEST, digest_fields::REPR_DIGEST] {
        for declared in digest_fields::declared(fields, &name) {
            assert!(!declared.digest.is_empty());
        }
    }
    let beginning = Beginning {
        validator: b"\"tag\"",
        from: 5,
        total: None,
        coding: None,
        last_modified: None,
        content_type: Some(b"text/html"),
    };
    if let Ok(total) = is_the_rest(&beginning, fields) {
        assert!(total > beginning.from);
    }
}

/// A page in HTML without a declared encoding. Its link attributes are inside it, in order.
fn page(bytes: &[u8]) {
    links(bytes, "text/html", false);
    let mut end = 0;
    for value in link_values(bytes) {
        assert!(value.span.is_empty() || (end..=bytes.len() as u64).contains(&value.span.start));
        assert!(value.span.end <= bytes.len() as u64);
        end = end.max(value.span.end);
    }
}

/// Another document with links. Its first byte decides which.
fn documents(bytes: &[u8]) {
    const MEDIA_TYPES: [&str; 6] = [
        "text/css",
        "text/xml",
        "text/html; charset=windows-1251",
        "text/html; charset=utf-16",
        "text/html; charset=iso-2022-jp",
        "application/manifest+json",
    ];
    let Some((first, body)) = bytes.split_first() else { return };
    match MEDIA_TYPES.get(usize::from(*first) % (MEDIA_TYPES.len() + 1)) {
        Some(media_type) => links(body, media_type, false),
        None => links(body, "text/plain", true),
    }
}

/// The links of a document, the same however its bytes arrive. Each can be asked for.
fn links(bytes: &[u8], media_type: &'static str, is_sitemap: bool) {
    let base = url("https://example.com/dir/page?query");
    let fields = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
    let read = |length: usize| -> PageLinks {
        let head = DocumentHead { is_sitemap, forms: true, ..DocumentHead::new(&base, &fields) };
        let mut extractor = Extractor::new(&head);
        for piece in bytes.chunks(length) {
            extractor.piece(piece);
            assert!(extractor.memory_bytes() < 32 << 20);
        }
        extractor.end()
    };
    let found = read(bytes.len().max(1));
    assert_eq!(read(1 + bytes.len() / 16), found);
    assert!(found.links.len() <= 50_000);
    for link in found.links.iter() {
        let url = url(link.url);
        assert!(matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none(), "{url}");
        assert_eq!(url.as_str(), link.url);
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// Lends a file with these bytes. Each thread has one, so that no folder is looked up for each input.
fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    thread_local! {
        static FILE: RefCell<Option<tempfile::NamedTempFile>> = const { RefCell::new(None) };
    }
    FILE.with_borrow_mut(|file| {
        let file = file.get_or_insert_with(|| tempfile::NamedTempFile::new().expect("a file"));
        std::fs::write(file.path(), bytes).expect("a file");
        read(file.path());
    });
}
