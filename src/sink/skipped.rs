//! The URLs that a crawl does not fetch, one JSON object a line, each with its reason.

use std::io;
use std::ops::ControlFlow;

use super::{Output, Sink, SinkError};
use crate::model::{LeftOut, Outcome};
use crate::policy::text::fingerprint::FingerprintSet;
use crate::wire::LeftOutRecord;

/// The bytes after which lines are written.
const WRITTEN: usize = 64 * 1024;

/// Writes each URL once for each reason. It keeps one fingerprint of each, so memory hardly grows.
pub struct SkippedUrls {
    output: Output,
    told: FingerprintSet,
    lines: Vec<u8>,
    identity: String,
}

impl SkippedUrls {
    /// Creates a sink that writes to this output.
    pub fn new(output: Output) -> Self {
        Self { output, told: FingerprintSet::new(), lines: Vec::new(), identity: String::new() }
    }

    /// Adds the lines of these URLs, and writes them.
    fn write<'a>(&mut self, records: impl Iterator<Item = LeftOutRecord<'a>>) -> Result<ControlFlow<()>, SinkError> {
        for record in records {
            self.identity.clear();
            record.identity(&mut self.identity);
            if !self.told.insert(&self.identity) {
                continue;
            }
            record.append(&mut self.lines).map_err(|e| self.output.error(io::Error::from(e)))?;
            if self.lines.len() >= WRITTEN && self.flush()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<ControlFlow<()>, SinkError> {
        if self.lines.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let written = self.output.write(&self.lines);
        self.lines.clear();
        written
    }
}

impl Sink for SkippedUrls {
    fn wants_left_out(&self) -> bool {
        true
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes(std::slice::from_ref(outcome))
    }

    fn outcomes(&mut self, outcomes: &[Outcome]) -> Result<ControlFlow<()>, SinkError> {
        self.write(outcomes.iter().filter_map(LeftOutRecord::of_outcome))
    }

    fn left_out(&mut self, links: &[LeftOut]) -> Result<ControlFlow<()>, SinkError> {
        self.write(links.iter().map(LeftOutRecord::of))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use url::Url;

    use super::*;
    use crate::model::{Seed, SkipReason, SourcePos, Subject, Verdict, Via};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn link(url: &str, reason: SkipReason, rule: Option<&str>) -> LeftOut {
        LeftOut { url: url.to_owned(), reason, rule: rule.map(Into::into), parent: Some("http://a.test/".into()) }
    }

    fn skipped(url: &str, via: Via, reason: SkipReason) -> Outcome {
        let seed = Seed::new(Url::parse(url).unwrap(), via);
        let mut outcome = Outcome::unfetched(Subject::Seed(Box::new(seed)), Verdict::Skipped(reason));
        outcome.facts.rule = Some("robots.txt:2: Disallow: /x".into());
        outcome
    }

    #[test]
    fn each_url_is_told_once_for_each_reason() {
        let shared = Shared::default();
        let mut sink = SkippedUrls::new(Output::new("test", Box::new(shared.clone())));
        assert!(sink.wants_left_out());
        let of = |list: &str| SourcePos { list: list.into(), line: 1 };
        let links = [
            link("http://b.test/", SkipReason::Scope, Some("--scope prefix")),
            link("http://b.test/", SkipReason::Scope, Some("--scope prefix")),
            link("http://b.test/", SkipReason::Nofollow, None),
        ];
        assert!(sink.left_out(&links).unwrap().is_continue());
        assert_eq!(shared.0.lock().unwrap().len(), 1, "a batch is one write");
        let outcomes = [
            skipped("http://a.test/x", Via::Link(of("http://a.test/")), SkipReason::Robots),
            skipped("http://b.test/", Via::List(of("l")), SkipReason::Scope),
            skipped("http://a.test/l", Via::List(of("l")), SkipReason::Duplicate),
            skipped("http://a.test/done", Via::List(of("l")), SkipReason::Done),
            skipped("http://a.test/dry", Via::List(of("l")), SkipReason::DryRun),
        ];
        assert!(sink.outcomes(&outcomes).unwrap().is_continue());
        assert!(sink.left_out(&links).unwrap().is_continue());
        let text = shared.0.lock().unwrap().concat();
        let lines: Vec<Value> =
            std::str::from_utf8(&text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let parent = "http://a.test/";
        let robots = "robots.txt:2: Disallow: /x";
        assert_eq!(
            lines,
            [
                json!({"url": "http://b.test/", "reason": "scope", "rule": "--scope prefix", "parent": parent}),
                json!({"url": "http://b.test/", "reason": "nofollow", "rule": null, "parent": parent}),
                json!({"url": "http://a.test/x", "reason": "robots", "rule": robots, "parent": parent}),
                json!({"url": "http://a.test/l", "reason": "duplicate", "rule": robots, "parent": null}),
            ]
        );
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_file() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = SkippedUrls::new(Output::new("test", Box::new(Closed)));
        assert!(sink.left_out(&[link("http://b.test/", SkipReason::Scope, None)]).unwrap().is_break());
    }
}
