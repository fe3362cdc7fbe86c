//! A site to crawl, and a crawl of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use fetchall::Fetchall;
use fetchall::config::Config;
use fetchall::engine::RunEnd;
use fetchall::model::{Outcome, Verdict};
use tokio::runtime::{Builder, Runtime};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::PATIENCE;

/// The answers of a site, by path and query.
pub type Answers = BTreeMap<String, ResponseTemplate>;

/// A site on a free port.
pub struct Site {
    server: MockServer,
    runtime: Runtime,
}

/// A page in HTML.
pub fn html(body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.to_owned(), "text/html; charset=utf-8")
}

/// A page with these links.
pub fn page(links: &[&str]) -> ResponseTemplate {
    html(&links.iter().map(|link| format!("<a href=\"{link}\">{link}</a>\n")).collect::<String>())
}

/// A file of another type.
pub fn file(content_type: &str, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.to_owned(), content_type)
}

/// A redirect.
pub fn redirect(to: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", to)
}

impl Site {
    /// A site of these answers; 404 for everything else.
    pub fn start(answers: impl IntoIterator<Item = (&'static str, ResponseTemplate)>) -> Site {
        let answers: Answers = answers.into_iter().map(|(path, answer)| (path.to_owned(), answer)).collect();
        Site::with(move |target, _| answers.get(target).cloned().unwrap_or_else(|| ResponseTemplate::new(404)))
    }

    /// A site that computes its answers.
    pub fn with(answer: impl Fn(&str, &Request) -> ResponseTemplate + Send + Sync + 'static) -> Site {
        Site::with_on([127, 0, 0, 1].into(), answer)
    }

    /// The same, on another address of loopback.
    pub fn with_on(
        address: IpAddr,
        answer: impl Fn(&str, &Request) -> ResponseTemplate + Send + Sync + 'static,
    ) -> Site {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let server = runtime.block_on(async {
            let server = MockServer::builder().listener(listener).start().await;
            let respond = move |request: &Request| answer(&target(request), request);
            Mock::given(any()).respond_with(respond).mount(&server).await;
            server
        });
        Site { server, runtime }
    }

    /// The URL of a path, which begins with `/`.
    pub fn url(&self, target: &str) -> String {
        format!("{}{target}", self.server.uri())
    }

    /// The host and port.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// The paths and queries of the requests, sorted.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.runtime.block_on(self.server.received_requests()).expect("requests are recorded");
        let mut targets: Vec<_> = requests.iter().map(target).collect();
        targets.sort();
        targets
    }

    /// The methods of the requests for a path, in their order.
    pub fn methods(&self, path: &str) -> Vec<String> {
        let requests = self.runtime.block_on(self.server.received_requests()).expect("requests are recorded");
        requests.iter().filter(|request| target(request) == path).map(|request| request.method.to_string()).collect()
    }

    /// The requests, but for those of every crawl: robots.txt and the usual sitemap.
    pub fn pages(&self) -> Vec<String> {
        self.requests().into_iter().filter(|target| target != "/robots.txt" && target != "/sitemap.xml").collect()
    }
}

fn target(request: &Request) -> String {
    let url = &request.url;
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// The result of a crawl.
pub struct Crawled {
    pub outcomes: Vec<Outcome>,
    pub end: RunEnd,
}

impl Crawled {
    /// The outcome of the URL that ends so.
    pub fn of(&self, path: &str) -> &Outcome {
        let mut found = self.outcomes.iter().filter(|outcome| outcome.subject.url().ends_with(path));
        let outcome = found.next().unwrap_or_else(|| panic!("no outcome of {path}: {:#?}", self.told()));
        assert!(found.next().is_none(), "two outcomes of {path}: {:#?}", self.told());
        outcome
    }

    /// A line for each outcome: its path, the verdict, the reason and the rule of a skip, sorted.
    pub fn told(&self) -> Vec<String> {
        let mut told: Vec<_> = self
            .outcomes
            .iter()
            .map(|outcome| {
                let url = outcome.subject.url();
                let path = url.splitn(4, '/').nth(3).unwrap_or(url);
                let verdict = match &outcome.verdict {
                    Verdict::Skipped(reason) => format!("skipped {}", reason.as_str()),
                    Verdict::Failed(error) => format!("failed {error}"),
                    other => other.as_str().to_owned(),
                };
                let rule = outcome.facts.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
                format!("/{path} {verdict}{rule}")
            })
            .collect();
        told.sort();
        told
    }
}

/// Crawls from these URLs with changed settings.
///
/// # Panics
/// If the crawl cannot start, or does not end.
pub fn crawl<S: Into<String>>(starts: impl IntoIterator<Item = S>, change: impl FnOnce(&mut Config)) -> Crawled {
    let mut config = Config::of_crawl();
    config.retry = 0;
    change(&mut config);
    let outcomes: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let all = Arc::clone(&outcomes);
    let run = Fetchall::new(starts)
        .config(config)
        .worker_program(env!("CARGO_BIN_EXE_fetchall"))
        .on_done(move |outcome| all.lock().expect("no panic").push(outcome.clone()));
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let end = runtime.block_on(async {
        let run = run.start().expect("a crawl that starts");
        tokio::time::timeout(PATIENCE, run.finish()).await.expect("a crawl that ends").expect("no defect")
    });
    let outcomes = std::mem::take(&mut *outcomes.lock().expect("no panic"));
    let counts = end.summary.counts;
    assert!(counts.add_up(), "{counts:?}");
    assert_eq!(counts.read, outcomes.len() as u64, "one outcome for each URL admitted");
    Crawled { outcomes, end }
}
