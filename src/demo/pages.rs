//! The pages of the site: generated once, always the same.

use std::io::{self, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The response of a path.
#[derive(Debug)]
pub(super) enum PageContent {
    /// A page as it is.
    Html(Vec<u8>),
    /// A page with a gzip content coding for clients that accept it.
    Gzip { plain: Vec<u8>, coded: Vec<u8> },
    /// 301 to another path.
    Moved(&'static str),
    /// 404 with a page.
    Missing(Vec<u8>),
    /// A file of another type.
    File { media_type: &'static str, body: Vec<u8> },
    /// A page like all others below it, with a link to the next one: a part of the site without an end.
    Endless,
    /// Promises this many bytes more than it sends, then closes the connection.
    Cut { body: Vec<u8>, missing: usize },
}

/// One path of the site.
#[derive(Debug)]
pub(super) struct Page {
    /// Its path, `/` first. An endless page has all paths below it too.
    pub(super) path: &'static str,
    /// The delay of the server before its response.
    pub(super) latency: Duration,
    /// Its response.
    pub(super) content: PageContent,
}

impl Page {
    /// Whether the page answers requests for this path.
    pub(super) fn answers(&self, path: &str) -> bool {
        match self.content {
            PageContent::Endless => path.starts_with(self.path),
            _ => path == self.path,
        }
    }

    /// Whether the page is complete and not slow.
    pub(super) fn is_even(&self) -> bool {
        self.path != SLOW && matches!(self.content, PageContent::Html(_) | PageContent::Gzip { .. })
    }
}

/// Path, title, KiB and latency in hundredths of the typical one. Neighbours in the list differ in
/// both, so that a run shows answers overtaking each other.
const ARTICLES: [(&str, &str, usize, u32); 10] = [
    ("/pages/harbour.html", "The harbour at dawn", 12, 120),
    ("/pages/lighthouse.html", "Keepers of the lighthouse", 2, 40),
    ("/pages/tides.html", "How tides are foretold", 40, 200),
    ("/pages/knots.html", "Twelve knots worth knowing", 5, 34),
    ("/pages/charts.html", "Reading old charts", 80, 160),
    ("/pages/winds.html", "Names of the winds", 3, 90),
    ("/pages/islands.html", "A list of small islands", 26, 60),
    ("/pages/compass.html", "Why the compass errs", 8, 180),
    ("/pages/ships.html", "Ships that pass at night", 60, 75),
    ("/pages/weather.html", "A glossary of weather", 18, 140),
];

const COMPRESSED: &str = "/pages/almanac.html";
const MOVED: &str = "/old/harbour.html";
const MISSING: &str = "/pages/atlantis.html";
const SLOW: &str = "/pages/slow.html";
const CUT: &str = "/pages/cut.html";
const CALENDAR: &str = "/calendar/";
const PRIVATE: &str = "/private/log.html";
const STYLE: &str = "/style";
const PICTURE: &str = "/waves?width=120";
const UNLINKED: &str = "/pages/lagoon.html";

/// The whole site. A page's latency lies between a third and twice `typical`, but for the slow one,
/// which takes seven times as long.
pub(super) fn all(typical: Duration) -> io::Result<Vec<Page>> {
    let share = |hundredths: u32| typical * hundredths / 100;
    let mut pages: Vec<Page> = ARTICLES
        .iter()
        .map(|&(path, title, kib, hundredths)| Page {
            path,
            latency: share(hundredths),
            content: PageContent::Html(html(title, kib)),
        })
        .collect();
    let plain = html("An almanac, compressed", 32);
    let coded = gzip(&plain)?;
    pages.push(Page { path: COMPRESSED, latency: share(110), content: PageContent::Gzip { plain, coded } });
    pages.push(Page { path: MOVED, latency: share(35), content: PageContent::Moved(ARTICLES[0].0) });
    pages.push(Page { path: MISSING, latency: share(50), content: PageContent::Missing(html("No such page", 2)) });
    pages.push(Page {
        path: SLOW,
        latency: share(700),
        content: PageContent::Html(html("A page that takes its time", 6)),
    });
    let body = html("A page that ends too early", 12);
    let missing = body.len();
    pages.push(Page { path: CUT, latency: share(100), content: PageContent::Cut { body, missing } });
    // The slow page must start early to end with the others; elsewhere in the list it would only
    // make every run as long as the list's tail.
    pages.swap(1, 13);
    Ok(pages)
}

/// The same site for a crawl, which begins at `/`. `base` is its URL without a path. No page of it is cut.
///
/// Its robots.txt forbids a page. Its sitemap has a page that no other page links to. Its calendar has no end.
pub(super) fn to_crawl(typical: Duration, base: &str) -> io::Result<Vec<Page>> {
    let mut pages = all(typical)?;
    pages.retain(|page| page.path != CUT);
    let robots = format!("User-agent: *\nDisallow: /private/\nSitemap: {base}/sitemap.xml\n");
    let sitemap = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n\
         <url><loc>{base}/</loc></url>\n<url><loc>{base}{UNLINKED}</loc></url>\n</urlset>\n"
    );
    let file = |media_type, text: String| PageContent::File { media_type, body: text.into_bytes() };
    pages.extend([
        Page { path: "/robots.txt", latency: typical / 10, content: file("text/plain", robots) },
        Page { path: "/sitemap.xml", latency: typical / 2, content: file("application/xml", sitemap) },
        Page { path: STYLE, latency: typical / 4, content: file("text/css", style()) },
        Page { path: "/waves", latency: typical / 4, content: file("image/svg+xml", picture()) },
        Page { path: "/", latency: typical / 2, content: PageContent::Html(home()) },
        Page { path: CALENDAR, latency: typical / 4, content: PageContent::Endless },
        Page { path: PRIVATE, latency: typical, content: PageContent::Html(html("The log of the captain", 4)) },
        Page { path: UNLINKED, latency: typical, content: PageContent::Html(html("A page without links to it", 4)) },
    ]);
    Ok(pages)
}

/// The start page of a crawl. It links to a few articles, which link to the others.
fn home() -> Vec<u8> {
    let mut links: Vec<(&str, &str)> = ARTICLES.iter().take(4).map(|&(path, title, ..)| (path, title)).collect();
    links.extend([
        (COMPRESSED, "An almanac, compressed"),
        (MOVED, "The harbour at its old address"),
        (MISSING, "A page that is gone"),
        (SLOW, "A page that takes its time"),
        (PRIVATE, "The log of the captain"),
        (CALENDAR, "A calendar"),
        ("https://example.com/", "Another site"),
    ]);
    let head = format!("<link rel=\"stylesheet\" href=\"{STYLE}\">");
    page("The sea", &head, &links, 2)
}

/// The picture that the style sheet shows.
fn picture() -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"120\" height=\"24\">\
     <path d=\"M0 12q15-12 30 0t30 0t30 0t30 0\" fill=\"none\" stroke=\"steelblue\" stroke-width=\"3\"/></svg>\n"
        .to_owned()
}

/// The style sheet of the start page.
fn style() -> String {
    format!("body {{ font-family: serif; padding-top: 32px; background: url(\"{PICTURE}\") no-repeat }}\n")
}

/// A page of the calendar. Its path says how many links lead to it from the first one.
pub(super) fn calendar(path: &str) -> Vec<u8> {
    let weeks = path.matches("/next").count();
    page(&format!("The calendar, {weeks} weeks from now"), "", &[("next/", "The next week")], 1)
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}

const WORDS: [&str; 24] = [
    "anchor",
    "bay",
    "beacon",
    "current",
    "deck",
    "east",
    "fathom",
    "gale",
    "haven",
    "horizon",
    "island",
    "keel",
    "lantern",
    "mast",
    "north",
    "oar",
    "port",
    "quay",
    "reef",
    "sail",
    "shore",
    "starboard",
    "swell",
    "watch",
];

/// A page of about `kib` KiB with links to its neighbours.
fn html(title: &str, kib: usize) -> Vec<u8> {
    page(title, "", &ARTICLES.map(|(path, title, ..)| (path, title)), kib)
}

/// A page of about `kib` KiB with these links, and with more in its head. The text is drawn with a fixed generator seeded by the title: different
/// pages differ, and no run differs from another.
fn page(title: &str, head: &str, links: &[(&str, &str)], kib: usize) -> Vec<u8> {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>{head}</head>\n\
         <body>\n<h1>{title}</h1>\n<ul>\n"
    );
    for (path, name) in links {
        page.push_str(&format!("<li><a href=\"{path}\">{name}</a></li>\n"));
    }
    page.push_str("</ul>\n");
    // FNV-1a for the seed, then a 64-bit LCG (Knuth's MMIX constants).
    let mut state = title
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    while page.len() < kib * 1024 {
        page.push_str("<p>");
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            page.push_str(WORDS[(state >> 33) as usize % WORDS.len()]);
            page.push(' ');
        }
        page.push_str("</p>\n");
    }
    page.push_str("</body>\n</html>\n");
    page.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_distinct_and_of_varied_size() {
        let pages = all(Duration::from_millis(300)).expect("gzip into memory");
        assert_eq!(pages.len(), 15);
        let mut paths: Vec<_> = pages.iter().map(|page| page.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), 15);
        let sizes: Vec<usize> = pages
            .iter()
            .filter_map(|page| match &page.content {
                PageContent::Html(body) => Some(body.len()),
                _ => None,
            })
            .collect();
        assert!(sizes.iter().all(|len| (2 * 1024..82 * 1024).contains(len)), "{sizes:?}");
        assert!(sizes.iter().max() > sizes.iter().min().map(|least| least * 10).as_ref());
    }

    #[test]
    fn latencies_stay_in_their_range() {
        for page in all(Duration::from_millis(300)).expect("gzip into memory") {
            let range = if page.path == SLOW { 2000..=2200 } else { 100..=600 };
            assert!(range.contains(&page.latency.as_millis()), "{page:?}", page = page.path);
        }
    }
}
