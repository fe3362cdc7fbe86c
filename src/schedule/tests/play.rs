//! Plays a table of events on a scheduler.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::*;
use crate::model::{
    ErrorKind, Facts, Hop, JobId, Kind, RedirectState, Seed, SkipReason, SourcePos, Subject, Timing, Tried, Verdict,
    Via,
};
use crate::policy::credentials::origin;
use crate::policy::refusal::LinkRefusal;

/// A scheduler of 16 fetches at once, without retries.
pub(super) fn rules() -> Rules {
    Rules {
        concurrency: 16,
        first_moments: Duration::ZERO,
        host_limits: AllHostLimits::default(),
        pacer: None,
        retry: Limits { max_wait: secs(60), ..Limits::default() },
        jitter: 1,
    }
}

/// A scheduler, its time, and the jobs that it has handed out.
pub(super) struct Play {
    pub(super) scheduler: Scheduler,
    pub(super) start: Instant,
    pub(super) now: Instant,
    out: HashMap<String, Box<Job>>,
    pushed: u64,
    line: String,
}

/// Plays a table from the beginning.
pub(super) fn play(table: &str) -> Play {
    let mut play = Play::new(rules());
    play.run(table);
    play
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(ms) => Duration::from_millis(ms.parse().unwrap()),
        None => secs(text.strip_suffix('s').expect("a time").parse().unwrap()),
    }
}

fn name(url: &url::Url) -> String {
    format!("{}{}", origin::host(url), url.path())
}

impl Play {
    pub(super) fn new(rules: Rules) -> Self {
        let start = Instant::now();
        let (out, line) = (HashMap::new(), String::new());
        Self { scheduler: Scheduler::new(rules), start, now: start, out, pushed: 0, line }
    }

    pub(super) fn run(&mut self, table: &str) {
        for line in table.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
            if !line.is_empty() {
                self.line = line.to_owned();
                self.step();
            }
        }
    }

    fn step(&mut self) {
        let line = self.line.clone();
        let mut words = line.split_whitespace();
        let verb = words.next().expect("a verb");
        let words: Vec<_> = words.collect();
        match verb {
            "push" => words.iter().for_each(|word| self.push_word(word)),
            "next" => words.iter().for_each(|word| self.next(word)),
            "all" => self.all(&words),
            "ok" => words.iter().for_each(|job| self.end(job, Verdict::Ok, 200, None)),
            "slow" => self.answered_after(words[0], duration(words[1])),
            "busy" => words.iter().for_each(|job| self.end(job, Verdict::HttpError, 429, None)),
            "fail" => words.iter().for_each(|job| self.end(job, Verdict::HttpError, 500, None)),
            "hold" => self.end(words[0], Verdict::HttpError, 429, Some(duration(words[1]))),
            "silent" => words.iter().for_each(|job| self.silent(job)),
            "moved" => self.moved(words[0], words[1], words.get(2).map(|wait| duration(wait))),
            "unstarted" => words.iter().for_each(|job| self.unstarted(job)),
            "held" => self.held(words[0], duration(words[1])),
            "well" => words.iter().for_each(|word| self.well(word)),
            "at" => {
                self.now = self.start + duration(words[0]);
                self.scheduler.advance(self.now);
            }
            "wake" => {
                let expected = (words[0] != "-").then(|| self.start + duration(words[0]));
                assert_eq!(self.scheduler.next_wake(), expected, "{line}");
            }
            "drain" => {
                let rest: Vec<_> =
                    self.scheduler.drain(usize::MAX).iter().map(|it| it.seed().unwrap().url.clone()).collect();
                assert_eq!(rest.iter().map(name).collect::<Vec<_>>(), words, "{line}");
            }
            "ask" => words.iter().for_each(|host| self.ask(host)),
            "known" => words.iter().for_each(|host| self.scheduler.rules_known(host)),
            "ended" => self.scheduler.end_input(),
            "limit" => self.scheduler.set_limit(words[0].parse().unwrap()),
            other => panic!("no event: {other}"),
        }
    }

    fn push_word(&mut self, word: &str) {
        if let Some((host, many)) = word.split_once('*') {
            let many: usize = many.parse().unwrap();
            return (0..many).for_each(|n| self.push(&format!("{host}/{n}"), 0));
        }
        match word.split_once('!') {
            Some((url, priority)) => self.push(url, priority.parse().unwrap()),
            None => self.push(word, 0),
        }
    }

    pub(super) fn push(&mut self, url: &str, priority: i32) {
        let url = url::Url::parse(&format!("http://{url}")).unwrap();
        let origin = SourcePos { list: Arc::from("t"), line: self.pushed + 1 };
        let seed = Seed { id: JobId(self.pushed), priority, ..Seed::new(url, Via::List(origin)) };
        let job = Job::new(seed, None, self.now.into_std());
        self.pushed += 1;
        self.scheduler.push(Box::new(job));
    }

    /// Asks for the robots.txt of a host, for which its other jobs wait.
    fn ask(&mut self, host: &str) {
        self.scheduler.await_rules(host);
        let url = url::Url::parse(&format!("http://{host}/robots.txt")).unwrap();
        let origin = SourcePos { list: Arc::from("t"), line: 0 };
        let seed = Seed {
            id: JobId(self.pushed),
            kind: Kind::Robots,
            priority: i32::MAX,
            ..Seed::new(url, Via::List(origin))
        };
        self.pushed += 1;
        self.scheduler.push(Box::new(Job::new(seed, None, self.now.into_std())));
    }

    /// Takes the next job without a table.
    pub(super) fn take(&mut self) -> Option<NextJob> {
        self.scheduler.next(self.now, &mut |job| {
            let is_refused = job.url().path().starts_with("/private");
            is_refused.then(|| LinkRefusal::new(SkipReason::Robots, "Disallow: /private"))
        })
    }

    fn keep(&mut self, job: Box<Job>) -> String {
        let name = name(job.url());
        self.out.insert(name.clone(), job);
        name
    }

    fn next(&mut self, expected: &str) {
        let has_ready = self.scheduler.has_ready();
        let got = match self.take() {
            None => "-".to_owned(),
            Some(NextJob::Fetch(job)) => self.keep(job),
            Some(NextJob::Refused(job, _)) => format!("~{}", name(job.url())),
            Some(NextJob::Disallowed(job, _)) => format!("!{}", name(job.url())),
            Some(NextJob::Lost(line)) => panic!("lost: {line:?}"),
        };
        assert_eq!(got, expected, "{}", self.line);
        assert!(has_ready || got == "-", "{}: it said that nothing is ready", self.line);
    }

    fn all(&mut self, expected: &[&str]) {
        let mut got = BTreeMap::<String, u32>::new();
        while let Some(NextJob::Fetch(job)) = self.take() {
            *got.entry(origin::host(job.url()).to_owned()).or_default() += 1;
            self.keep(job);
        }
        let got: Vec<_> = got.iter().map(|(host, n)| format!("{host}={n}")).collect();
        assert_eq!(got, expected, "{}", self.line);
        assert!(!self.scheduler.has_ready(), "{}", self.line);
    }

    pub(super) fn out(&mut self, job: &str) -> Box<Job> {
        self.out.remove(job).unwrap_or_else(|| panic!("{}: {job} is not in flight", self.line))
    }

    fn report(&mut self, job: &Job, verdict: &Verdict, facts: &Facts, head: Option<Duration>) -> Effects {
        let ended = AttemptEnd { attempt: job.attempt, verdict, facts, head, total: head };
        self.scheduler.finished(job.seed.id, Report::Ended(ended), self.now)
    }

    fn end(&mut self, name: &str, verdict: Verdict, status: u16, retry_after: Option<Duration>) {
        let job = self.out(name);
        let facts = Facts { status: Some(status), retry_after, ..Facts::default() };
        let effects = self.report(&job, &verdict, &facts, Some(Duration::from_millis(10)));
        self.retry(job, effects, verdict, facts);
    }

    /// As the engine does it.
    fn retry(&mut self, mut job: Box<Job>, effects: Effects, verdict: Verdict, facts: Facts) {
        if let Some(wait) = effects.retry_after {
            job.last = Some(Box::new(Tried { facts: Box::new(facts), timing: Timing::default(), verdict }));
            job.redirect = None;
            job.not_before = Some((self.now + wait).into_std());
            self.scheduler.push(job);
        }
    }

    fn answered_after(&mut self, name: &str, head: Duration) {
        let job = self.out(name);
        let facts = Facts { status: Some(200), ..Facts::default() };
        self.report(&job, &Verdict::Ok, &facts, Some(head));
    }

    fn silent(&mut self, name: &str) {
        let job = self.out(name);
        let verdict = Verdict::Failed(FetchError::new(ErrorKind::Connect, "refused"));
        let effects = self.report(&job, &verdict, &Facts::default(), None);
        self.retry(job, effects, verdict, Facts::default());
    }

    /// Good answers of a host that are no jobs of the table.
    fn well(&mut self, word: &str) {
        let (host, many) = word.split_once('*').expect("a host and a number");
        let at = self.scheduler.hosts.find_or_add(host);
        for _ in 0..many.parse().unwrap() {
            self.scheduler.hosts[at].window.well(false, self.scheduler.concurrency);
        }
        self.scheduler.hosts.list(at);
    }

    fn held(&mut self, host: &str, wait: Duration) {
        let at = self.scheduler.hosts.find_or_add(host);
        self.scheduler.hosts[at].hold(self.now + wait);
        self.scheduler.hosts.list(at);
    }

    fn moved(&mut self, from: &str, to: &str, wait: Option<Duration>) {
        let job = self.out(from);
        self.redirect(job, to, wait);
    }

    pub(super) fn redirect(&mut self, mut job: Box<Job>, to: &str, wait: Option<Duration>) {
        let next = url::Url::parse(&format!("http://{to}")).unwrap();
        let redirects = vec![Hop::new(302, job.url().as_str())];
        let facts = Facts { redirects, final_url: Some(next), ..Facts::default() };
        job.follow(Box::new(RedirectState {
            facts: Box::new(facts),
            timing: Timing::default(),
            took: Duration::from_millis(1),
            wait: wait.unwrap_or_default(),
            from: None,
            cookies: Vec::new(),
            deaths: 0,
            hop_bytes: 0,
        }));
        self.scheduler.finished(job.seed.id, Report::Redirected(Duration::from_millis(1)), self.now);
        job.not_before = wait.map(|wait| (self.now + wait).into_std());
        self.scheduler.push(job);
    }

    fn unstarted(&mut self, name: &str) {
        let mut job = self.out(name);
        self.scheduler.finished(job.seed.id, Report::NotStarted, self.now);
        job.attempt -= u32::from(job.redirect.is_none());
        self.scheduler.push(job);
    }

    /// The names of what a drain gives back.
    pub(super) fn names(subjects: &[Subject]) -> Vec<String> {
        subjects.iter().map(|subject| name(&subject.seed().unwrap().url)).collect()
    }
}
