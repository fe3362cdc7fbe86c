//! No redirect from a public host leads into a private network, however its address is written.
//!
//! 127.0.0.128/25 plays what is private, the rest of 127.0.0.0/8 what is public.

use std::net::SocketAddr;

use fetchall::Fetchall;
use fetchall::config::{BackendKind, Config, PrivateAddresses};
use fetchall::model::{ErrorKind, Outcome, Verdict};
use fetchall::policy::network::address::{AddressClasses, Class};

use crate::support::act::{Act, Script, ok};
use crate::support::fault::FaultServer;
use crate::support::tls::{Mode, TlsServer};

const PUBLIC: [u8; 4] = [127, 0, 0, 1];
const PRIVATE: [u8; 4] = [127, 0, 0, 200];

fn classes() -> AddressClasses {
    let block = |text: &str, class| (text.parse().expect("a block"), class);
    AddressClasses::with(vec![block("127.0.0.128/25", Class::Private), block("127.0.0.0/8", Class::Public)])
}

fn server(at: impl Into<SocketAddr>, script: Script) -> FaultServer {
    FaultServer::start_on(at.into(), script.otherwise(ok()))
}

/// Says 200 to everything.
fn private() -> FaultServer {
    server((PRIVATE, 0), Script::new())
}

/// Redirects `/0`, `/1` and so on to these places.
fn leading(at: [u8; 4], places: impl IntoIterator<Item = String>) -> FaultServer {
    let places = places.into_iter().enumerate();
    server((at, 0), places.fold(Script::new(), |script, (n, to)| script.on(&n.to_string(), Act::RedirectTo(to))))
}

/// One after the other, in one run.
async fn fetch(config: Config, urls: impl IntoIterator<Item = String>) -> Vec<Outcome> {
    let program = env!("CARGO_BIN_EXE_fetchall");
    let run = Fetchall::new(urls).config(config).concurrency(1).address_classes(classes()).worker_program(program);
    run.start().expect("a run").gather().await.expect("its end").0
}

fn with(private_addresses: PrivateAddresses, resolve: &[String]) -> Config {
    Config { private_addresses, resolve: resolve.to_vec(), ..Config::default() }
}

fn guarded(resolve: &[String]) -> Config {
    with(PrivateAddresses::Guard, resolve)
}

/// Returns the message of a blocked URL.
#[track_caller]
fn blocked(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Failed(error) if error.kind == ErrorKind::Blocked => &error.message,
        other => panic!("{}: {other:?}", outcome.subject.url()),
    }
}

#[track_caller]
fn all_ok(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_eq!(outcome.verdict, Verdict::Ok, "{}", outcome.subject.url());
    }
}

/// A connection that came before would have been counted before this one.
async fn was_left_alone(private: FaultServer) {
    all_ok(&fetch(Config::default(), [private.url("listed")]).await);
    assert_eq!((private.connections(), private.requests().len()), (1, 1));
    assert_eq!(private.requests()[0].path, "/listed");
}

#[tokio::test]
async fn no_backend_follows_a_redirect_from_public_to_private() {
    for backend in [BackendKind::Async, BackendKind::Threads, BackendKind::Processes, BackendKind::Sequential] {
        let private = private();
        let by_name = format!("http://inside.test:{}/", private.address().port());
        let public = leading(PUBLIC, [private.url("x"), by_name]);
        let pin = format!("inside.test:{}:127.0.0.200", private.address().port());
        let config = Config { backend, ..guarded(&[pin]) };
        let outcomes = fetch(config, [public.url("0"), public.url("1")]).await;
        let rule = "127.0.0.200, which is not public (private), and a redirect from a public host may not lead there";
        assert!(blocked(&outcomes[0]).starts_with(&rule.replace(", which is", " is")), "{}", blocked(&outcomes[0]));
        let message = blocked(&outcomes[1]);
        assert!(message.starts_with("inside.test has the address ") && message.contains(rule), "{message}");
        assert!(message.contains("--private-addresses allow"), "{message}");
        for outcome in &outcomes {
            assert_eq!(outcome.facts.redirects.len(), 1);
            assert_eq!(outcome.facts.remote_addr, Some(public.address()), "who answered last");
        }
        was_left_alone(private).await;
    }
}

#[tokio::test]
async fn other_redirects_and_the_list_itself_are_followed() {
    let (inside, elsewhere) = (private(), server(([127, 0, 0, 2], 0), Script::new()));
    let from_inside = leading(PRIVATE, [inside.url("a"), elsewhere.url("b")]);
    let public = leading(PUBLIC, [elsewhere.url("c")]);
    let urls = [from_inside.url("0"), from_inside.url("1"), public.url("0"), inside.url("d")];
    all_ok(&fetch(guarded(&[]), urls).await);
    assert_eq!((inside.asked("/a"), inside.asked("/d")), (1, 1));
    assert_eq!((elsewhere.asked("/b"), elsewhere.asked("/c")), (1, 1));
}

#[tokio::test]
async fn the_last_host_of_a_chain_is_the_one_that_counts() {
    let inside = private();
    let public = leading(PUBLIC, [inside.url("x")]);
    // Private to public to private.
    let start = leading(PRIVATE, [public.url("0")]);
    let outcomes = fetch(guarded(&[]), [start.url("0")]).await;
    blocked(&outcomes[0]);
    assert_eq!(outcomes[0].facts.redirects.len(), 2);
    was_left_alone(inside).await;
}

#[tokio::test]
async fn allow_permits_and_deny_forbids_all_of_it() {
    let inside = private();
    let public = leading(PUBLIC, [inside.url("x")]);
    all_ok(&fetch(with(PrivateAddresses::Allow, &[]), [public.url("0")]).await);
    assert_eq!(inside.asked("/x"), 1);
    let inside = private();
    let public = leading(PUBLIC, [inside.url("x"), "/there".to_owned()]);
    let pin = format!("inside.test:{}:127.0.0.200", inside.address().port());
    let by_name = format!("http://inside.test:{}/", inside.address().port());
    let urls = [inside.url("y"), by_name, public.url("0"), public.url("1")];
    let outcomes = fetch(with(PrivateAddresses::Deny, &[pin]), urls).await;
    for outcome in &outcomes[..3] {
        assert!(blocked(outcome).contains("127.0.0.200") && blocked(outcome).contains("(deny)"), "{outcome:?}");
    }
    all_ok(&outcomes[3..]);
    was_left_alone(inside).await;
}

#[tokio::test]
async fn every_spelling_of_an_address_is_seen_through() {
    let private = private();
    let port = private.address().port();
    let hosts = [
        "127.0.0.200",
        "127.200",
        "127.0.200",
        "2130706632",
        "0x7f0000c8",
        "0x7F.0.0.0xC8",
        "0177.0.0.0310",
        "017700000310",
        "127.0.0.200.",
        "%31%32%37.0.0.200",
        "１２７。０。０。２００",
        "[::ffff:127.0.0.200]",
        "[::ffff:7f00:c8]",
        "[0:0:0:0:0:ffff:7f00:c8]",
        "[::127.0.0.200]",
        "[64:ff9b::127.0.0.200]",
        "[64:ff9b:1::7f00:c8]",
        "[2002:7f00:c8::1]",
    ];
    let public = leading(PUBLIC, hosts.iter().map(|host| format!("http://{host}:{port}/x")));
    let outcomes = fetch(guarded(&[]), (0..hosts.len()).map(|n| public.url(&n.to_string()))).await;
    assert_eq!(outcomes.len(), hosts.len());
    for (outcome, host) in outcomes.iter().zip(hosts) {
        assert!(blocked(outcome).contains("is not public (private)"), "{host}: {}", blocked(outcome));
    }
    was_left_alone(private).await;
}

#[tokio::test]
async fn only_the_public_addresses_of_a_name_are_used() {
    let private = private();
    let port = private.address().port();
    let outside = server(([127, 0, 0, 3], port), Script::new());
    let public = leading(PUBLIC, [format!("http://both.test:{port}/x")]);
    let pin = format!("both.test:{port}:127.0.0.200,127.0.0.3");
    let listed = |path: &str| format!("http://both.test:{port}/{path}");
    // The first leaves an idle connection to the private address, which the last may use again.
    let outcomes = fetch(guarded(&[pin]), [listed("a"), public.url("0"), listed("b")]).await;
    all_ok(&outcomes);
    let peers: Vec<_> = outcomes.iter().map(|o| o.facts.remote_addr.expect("a peer")).collect();
    assert_eq!(peers[..2], [private.address(), outside.address()]);
    assert_eq!((private.asked("/x"), outside.asked("/x")), (0, 1));
}

#[tokio::test]
async fn an_idle_connection_is_no_way_round() {
    let private = private();
    let name = format!("http://inside.test:{}", private.address().port());
    let public = leading(PUBLIC, [format!("{name}/x"), private.url("x")]);
    let pin = format!("inside.test:{}:127.0.0.200", private.address().port());
    let listed = [format!("{name}/a"), private.url("b")];
    let urls = listed.clone().into_iter().chain([public.url("0"), public.url("1"), format!("{name}/c")]);
    let outcomes = fetch(guarded(&[pin]), urls).await;
    all_ok(&outcomes[..2]);
    outcomes[2..4].iter().for_each(|outcome| _ = blocked(outcome));
    all_ok(&outcomes[4..]);
    assert_eq!((private.asked("/x"), private.connections()), (0, 2), "the idle ones serve the list again");
}

#[tokio::test]
async fn nor_is_one_of_https() {
    let inside = TlsServer::start_on((PRIVATE, 0).into(), Mode::Good);
    let port = inside.address().port();
    let public = leading(PUBLIC, [inside.url("x")]);
    let pin = format!("localhost:{port}:127.0.0.200");
    let config = |private, pin: &str| Config {
        cacert: Some(inside.ca_pem_file().to_owned()),
        ..with(private, &[pin.to_owned()])
    };
    let urls = [inside.url("a"), public.url("0"), inside.url("b")];
    let outcomes = fetch(config(PrivateAddresses::Guard, &pin), urls.clone()).await;
    all_ok(&outcomes[..1]);
    assert!(blocked(&outcomes[1]).starts_with("localhost has the address 127.0.0.200"), "{}", blocked(&outcomes[1]));
    all_ok(&outcomes[2..]);
    assert_eq!(inside.requests(), ["/a", "/b"]);
    all_ok(&fetch(config(PrivateAddresses::Allow, &pin), urls).await);
    assert_eq!(inside.requests()[2..], ["/a", "/x", "/b"]);
}
