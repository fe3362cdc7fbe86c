//! The outcomes of a run: one for every line read.

use std::time::Duration;

use super::{BadLine, ErrorKind, Facts, Job, JobId, RequestOverrides, Seed, SourcePos, Timing, Verdict, Via};

/// The subject of an outcome.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A job that a backend had.
    Job(Box<Job>),
    /// A seed that never became a job: skipped, or cancelled before its turn.
    Seed(Box<Seed>),
    /// A line that never became a seed.
    Bad(Box<BadLine>),
}

impl From<Box<Job>> for Subject {
    /// Converts a job that was never handed out to its seed.
    fn from(job: Box<Job>) -> Self {
        if job.handed_out { Subject::Job(job) } else { Subject::Seed(Box::new(job.seed)) }
    }
}

impl Subject {
    /// The seed, unless the line was bad.
    pub fn seed(&self) -> Option<&Seed> {
        match self {
            Subject::Job(job) => Some(&job.seed),
            Subject::Seed(seed) => Some(seed),
            Subject::Bad(_) => None,
        }
    }

    /// Its way into the run.
    pub fn via(&self) -> &Via {
        match self {
            Subject::Job(job) => &job.seed.via,
            Subject::Seed(seed) => &seed.via,
            Subject::Bad(bad) => &bad.via,
        }
    }

    /// The place that records show.
    pub fn origin(&self) -> &SourcePos {
        self.via().origin()
    }

    /// Its number, in the order of admission.
    pub fn id(&self) -> JobId {
        match self {
            Subject::Job(job) => job.seed.id,
            Subject::Seed(seed) => seed.id,
            Subject::Bad(bad) => bad.id,
        }
    }

    /// The URL, or the text of a line that is none.
    pub fn url(&self) -> &str {
        match self {
            Subject::Job(job) => job.seed.url.as_str(),
            Subject::Seed(seed) => seed.url.as_str(),
            Subject::Bad(bad) => &bad.text,
        }
    }
}

/// The outcome of one input line. Each line read has exactly one.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The subject of the outcome.
    pub subject: Subject,
    /// The facts of the response, boxed because they are large and move often.
    pub facts: Box<Facts>,
    /// How long it took.
    pub timing: Timing,
    /// How it ended.
    pub verdict: Verdict,
}

impl Outcome {
    /// Creates the outcome of an unfetched subject.
    pub fn unfetched(subject: Subject, verdict: Verdict) -> Self {
        Self { subject, facts: Box::default(), timing: Timing::default(), verdict }
    }

    /// Returns the time of the fetch, if it got a response. The latencies of a run are of these.
    pub fn answered_in(&self) -> Option<Duration> {
        matches!(self.verdict, Verdict::Ok | Verdict::HttpError).then_some(self.timing.total).flatten()
    }

    /// Returns the line of a list that is itself at fault: it is no URL, or its file name is refused. The seeds of
    /// a host that was given up fail with other kinds.
    pub fn wrong_line(&self) -> Option<&SourcePos> {
        match (&self.verdict, &self.subject) {
            (Verdict::Failed(_), Subject::Bad(_)) => Some(self.subject.origin()),
            (Verdict::Failed(error), Subject::Seed(_)) if error.kind == ErrorKind::Io => Some(self.subject.origin()),
            _ => None,
        }
    }

    /// Returns what gives credentials, if the server asks for them and the list has none for this URL.
    pub fn credentials_advice(&self) -> Option<&'static str> {
        let has_own = |line: &RequestOverrides| line.credentials.is_some() || !line.headers.is_empty();
        let of_line = self.subject.seed().and_then(|seed| seed.overrides.as_deref());
        let is_asked = self.verdict == Verdict::HttpError && self.facts.status == Some(401);
        (is_asked && !of_line.is_some_and(has_own)).then_some("--user or --netrc gives credentials")
    }

    /// Creates the outcome of a line that is no URL.
    pub fn bad_line(bad: BadLine) -> Self {
        let verdict = Verdict::Failed(bad.error.clone());
        Self::unfetched(Subject::Bad(Box::new(bad)), verdict)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::model::FetchError;

    #[test]
    fn a_line_is_at_fault_for_its_name_and_not_for_its_host() {
        let list = SourcePos { list: "sites.txt".into(), line: 7 };
        for (kind, expected) in [(ErrorKind::Io, Some(&list)), (ErrorKind::Blocked, None), (ErrorKind::Connect, None)] {
            let seed = Seed::new(Url::parse("http://a.test/").unwrap(), Via::List(list.clone()));
            let verdict = Verdict::Failed(FetchError::new(kind, "why"));
            let outcome = Outcome::unfetched(Subject::Seed(Box::new(seed)), verdict);
            assert_eq!(outcome.wrong_line(), expected, "{kind:?}");
        }
    }
}
