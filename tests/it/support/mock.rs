//! An ordinary HTTP server: wiremock, for tests that are not async.

use std::net::SocketAddr;

use tokio::runtime::{Builder, Runtime};
use wiremock::matchers::{method, path};
use wiremock::{Match, Mock, MockBuilder, MockServer, Request, ResponseTemplate};

/// A wiremock server on a free port of 127.0.0.1. It answers 404 where no mock matches. Dropping it
/// verifies the expectations of all mocks.
pub struct Mocks {
    server: MockServer,
    runtime: Runtime,
}

impl Mocks {
    /// Starts it with these mocks.
    pub fn start(mocks: impl IntoIterator<Item = Mock>) -> Mocks {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let server = runtime.block_on(MockServer::start());
        let started = Mocks { server, runtime };
        mocks.into_iter().for_each(|mock| started.mount(mock));
        started
    }

    /// Starts it with [`hello`] for every path.
    pub fn hello() -> Mocks {
        Mocks::start([Mock::given(method("GET")).respond_with(hello())])
    }

    /// Adds a mock. Of two that match, the one with the lower priority number answers, else the older one.
    pub fn mount(&self, mock: Mock) {
        self.runtime.block_on(mock.mount(&self.server));
    }

    /// The URL of a path, which may have a query.
    pub fn url(&self, target: &str) -> String {
        format!("{}/{target}", self.server.uri())
    }

    /// The URLs of these paths, one a line.
    pub fn list(&self, targets: &[&str]) -> String {
        targets.iter().map(|target| self.url(target) + "\n").collect()
    }

    /// The address of the listener.
    pub fn address(&self) -> SocketAddr {
        *self.server.address()
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.runtime.block_on(self.server.received_requests()).expect("requests are recorded")
    }

    /// Panics unless the expectations of all mocks hold by now.
    pub fn verify(&self) {
        self.runtime.block_on(self.server.verify());
    }
}

/// `GET` of this path.
pub fn get(at: &str) -> MockBuilder {
    Mock::given(method("GET")).and(path(format!("/{at}")))
}

/// 200 with a short body.
pub fn hello() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string("hello\n")
}

/// A redirect.
pub fn redirect(status: u16, location: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", location)
}

/// Matches a field by its whole value. The matcher of wiremock splits a value at each comma, also in dates.
pub fn sends(name: &'static str, value: &str) -> impl Match + use<> {
    let value = value.to_owned();
    move |request: &Request| field(request, name) == Some(value.as_str())
}

/// The first value of a field of a request.
pub fn field<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().expect("a value in ASCII"))
}
