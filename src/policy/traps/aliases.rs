//! Parts of a URL without effect: session ids, marks for statistics, folders that hold themselves, and folders that
//! hold what is elsewhere too.
//!
//! A page is compared with the page of the URL without the part. Equal text for several values of a parameter,
//! or for several pages below a loop such as `/a/b/a/`, means that the part has no effect. Then one URL of those
//! that differ in the part is enough. One script is no proof, because its first pages may all show one error: the
//! texts have to be equal at two URLs at least.

use url::{Position, Url};

use super::remembered::{Remembered, fingerprint};
use super::shape::{has_repeated_segment, segments};
use crate::model::TextSketch;
use crate::policy::text::fingerprint::{Fingerprint, FingerprintSet};

/// Of how many texts one may differ although the part has no effect.
const ONE_IN: usize = 4;

/// The least length of a token such as a session id.
const SHORTEST_TOKEN: usize = 8;

/// The parameters and the folders of a URL that are compared.
const MOST_PARAMETERS: usize = 16;
const MOST_FOLDERS: usize = 8;

/// The texts of URLs with and without their parts, and the conclusions.
#[derive(Debug)]
pub(super) struct Aliases {
    /// The texts of URLs, and of URLs without a part.
    texts: Remembered<u64>,
    parts: Remembered<Evidence>,
    /// The URLs without a part that were asked for in any of their forms.
    claimed: FingerprintSet,
    limit: u8,
    /// Whether any part has no effect.
    has_found: bool,
}

/// Whether a part has an effect.
#[derive(Debug, Default)]
struct Evidence {
    /// The different values for which the text was equal, each with the URL without the part.
    equal: Vec<(u64, u64)>,
    differs: u16,
}

/// A URL without one of its parts.
struct Reduced {
    /// The part, as a refusal shows it.
    name: String,
    /// The part and its origin.
    part: u64,
    value: u64,
    /// The URL without the part.
    url: u64,
    kind: PartKind,
}

/// How a URL is compared with the one without the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKind {
    /// The first form of a URL stands for it: a parameter or a token.
    Value,
    /// The URL without the part is a page itself: a folder. It has to be known.
    Folder,
    /// The same, and the loop is refused whether or not the page without it is known.
    Loop,
}

impl Aliases {
    pub(super) fn new(limit: u8, remembered: usize) -> Self {
        Self {
            texts: Remembered::new(remembered),
            parts: Remembered::new(remembered),
            claimed: FingerprintSet::new(),
            limit,
            has_found: false,
        }
    }

    /// The part for which a URL is refused.
    pub(super) fn refused(&self, url: &Url) -> Option<String> {
        if !self.has_found {
            return None;
        }
        let is_refused = |reduced: &Reduced| {
            self.parts.get(reduced.part).is_some_and(|evidence| evidence.has_no_effect(self.limit))
                && (reduced.kind == PartKind::Loop || self.is_known(reduced.url))
        };
        reduced(url, true).into_iter().find(is_refused).map(|reduced| reduced.name)
    }

    /// Notes that a URL will be asked for.
    pub(super) fn claim(&mut self, url: &Url) {
        for reduced in reduced(url, false) {
            if !self.parts.get(reduced.part).is_some_and(|evidence| evidence.has_effect(self.limit)) {
                self.claimed.insert_fingerprint(of_reduced(reduced.url));
            }
        }
    }

    /// Learns from the text of a URL.
    pub(super) fn learn(&mut self, url: &Url, text: &TextSketch) {
        // Zero means that no text is known.
        let text = text.exact.max(1);
        for reduced in reduced(url, true) {
            let known = match reduced.kind {
                // The first form of a URL is as good as the one without the part.
                PartKind::Value => {
                    let known = self.texts.get_or_default(reduced.url);
                    if *known == 0 { std::mem::replace(known, text) } else { *known }
                }
                PartKind::Folder | PartKind::Loop => self.texts.get(reduced.url).copied().unwrap_or_default(),
            };
            if known == 0 {
                continue;
            }
            let is_equal = known == text;
            let evidence = self.parts.get_or_default(reduced.part);
            evidence.add(is_equal, &reduced, self.limit);
            self.has_found |= evidence.has_no_effect(self.limit);
        }
        *self.texts.get_or_default(fingerprint([&url[..Position::AfterQuery]])) = text;
    }

    fn is_known(&self, reduced: u64) -> bool {
        self.claimed.contains_fingerprint(of_reduced(reduced)) || self.texts.get(reduced).is_some_and(|text| *text != 0)
    }
}

fn of_reduced(url: u64) -> Fingerprint {
    // The set picks a segment by the first bits, and stores the last 64.
    Fingerprint(u128::from(url.rotate_left(32)) << 64 | u128::from(url))
}

impl Evidence {
    fn add(&mut self, is_equal: bool, reduced: &Reduced, limit: u8) {
        if !is_equal {
            self.differs = self.differs.saturating_add(1);
        } else if self.equal.iter().all(|(value, _)| *value != reduced.value)
            && self.equal.len() < ONE_IN * usize::from(limit)
        {
            self.equal.push((reduced.value, reduced.url));
        }
    }

    fn has_no_effect(&self, limit: u8) -> bool {
        let Some((_, url)) = self.equal.first() else { return false };
        self.equal.len() >= usize::from(limit)
            && usize::from(self.differs) * ONE_IN <= self.equal.len()
            && self.equal.iter().any(|(_, other)| other != url)
    }

    fn has_effect(&self, limit: u8) -> bool {
        self.differs >= u16::from(limit) && usize::from(self.differs) > self.equal.len()
    }
}

/// The forms of a URL without one part: a parameter, or a token in the path. With `with_folders` also without a folder
/// or a loop.
fn reduced(url: &Url, with_folders: bool) -> Vec<Reduced> {
    let mut forms = Vec::new();
    let whole = &url[..Position::AfterQuery];
    let origin = &url[..Position::BeforePath];
    if whole.contains('=') {
        parameters(url, origin, &mut forms);
    }
    if let Some((folder, rest)) = without_loop(url).filter(|_| with_folders) {
        let query = url.query().unwrap_or_default();
        let path = rest.iter().flat_map(|segment| ["/", *segment]).collect::<String>();
        let path = if url.path().ends_with('/') { path + "/" } else { path };
        let reduced = match url.query() {
            Some(query) => format!("{origin}{path}?{query}"),
            None => format!("{origin}{path}"),
        };
        forms.push(Reduced {
            part: fingerprint([origin, "loop", &folder]),
            value: fingerprint([&*path, query]),
            url: fingerprint([&*reduced]),
            name: format!("/{folder}/"),
            kind: PartKind::Loop,
        });
    }
    folders(url, origin, with_folders, &mut forms);
    forms
}

/// The forms without one of the folders, and with a sign in place of a token.
fn folders(url: &Url, origin: &str, with_folders: bool, forms: &mut Vec<Reduced>) {
    let segments: Vec<&str> = segments(url).collect();
    let rest = &url[Position::AfterPath..Position::AfterQuery];
    let end = if url.path().ends_with('/') { "/" } else { "" };
    let path = |before: &[&str], between: &str, after: &[&str]| {
        let segments = before.iter().copied().chain(Some(between)).chain(after.iter().copied());
        segments.filter(|segment| !segment.is_empty()).flat_map(|segment| ["/", segment]).collect::<String>()
    };
    for (at, &segment) in segments.iter().enumerate().take(MOST_FOLDERS) {
        let (before, after) = (&segments[..at], &segments[at + 1..]);
        let (kind, between) = match is_token(segment.trim_matches(|c| "()S".contains(c))) {
            true => (PartKind::Value, "*"),
            false if after.is_empty() || !with_folders => continue,
            false => (PartKind::Folder, ""),
        };
        let reduced = format!("{origin}{}{end}{rest}", path(before, between, after));
        let part = if kind == PartKind::Value { path(before, between, &[]) } else { segment.to_owned() };
        forms.push(Reduced {
            part: fingerprint([origin, "folder", &part]),
            value: fingerprint([segment, &*reduced]),
            url: fingerprint([&*reduced]),
            name: format!("/{segment}/"),
            kind,
        });
    }
}

fn parameters(url: &Url, origin: &str, forms: &mut Vec<Reduced>) {
    let query: Vec<&str> = url.query().map(|query| query.split('&').collect()).unwrap_or_default();
    let in_path: Vec<&str> = url.path().split(';').skip(1).map(|part| part.split('/').next().unwrap_or(part)).collect();
    let mut names: Vec<&str> = query.iter().chain(&in_path).filter_map(|part| Some(part.split_once('=')?.0)).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(MOST_PARAMETERS);
    for stripped in names {
        let is_stripped = |part: &&&str| part.split_once('=').is_some_and(|(name, _)| name == stripped);
        let values: Vec<&str> = query.iter().chain(&in_path).filter(is_stripped).copied().collect();
        let kept: Vec<&str> = query.iter().filter(|part| !is_stripped(part)).copied().collect();
        let mut path = url.path().to_owned();
        for part in in_path.iter().filter(is_stripped) {
            path = path.replacen(&format!(";{part}"), "", 1);
        }
        let separator = if kept.is_empty() { "" } else { "?" };
        let reduced = format!("{origin}{path}{separator}{}", kept.join("&"));
        // A token counts at each URL. Other values count once, because `page=1` has no effect on any list.
        let place = if values.iter().all(|pair| has_token(pair)) { &*reduced } else { "" };
        forms.push(Reduced {
            part: fingerprint([origin, "parameter", stripped]),
            value: fingerprint(values.iter().copied().chain([place])),
            url: fingerprint([&*reduced]),
            name: stripped.to_owned(),
            kind: PartKind::Value,
        });
    }
}

/// Whether the value of a parameter is a token: long, of letters and digits.
fn has_token(pair: &str) -> bool {
    is_token(pair.split_once('=').map_or("", |(_, value)| value))
}

/// Whether a text looks like the id of a session.
fn is_token(value: &str) -> bool {
    value.len() >= SHORTEST_TOKEN
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The folders between the first segment that is repeated and its repetition, and the segments without them.
fn without_loop(url: &Url) -> Option<(String, Vec<&str>)> {
    if !has_repeated_segment(url) {
        return None;
    }
    let mut segments: Vec<&str> = segments(url).collect();
    let (start, end) = segments.iter().enumerate().find_map(|(start, segment)| {
        let again = segments[start + 1..].iter().position(|other| other == segment && !segment.is_empty())?;
        Some((start, start + 1 + again))
    })?;
    let folder = segments[start..end].join("/");
    segments.drain(start..end);
    Some((folder, segments))
}
