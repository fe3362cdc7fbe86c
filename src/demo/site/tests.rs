//! The site as a raw socket sees it. The clock is paused, so latencies cost nothing.

use std::io::Read as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::*;

struct Peer(TcpStream);

impl Peer {
    async fn connect(site: &Site) -> Peer {
        Peer(TcpStream::connect(site.address).await.expect("the site listens"))
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the site reads");
    }

    async fn ask(&mut self, method: &str, path: &str, fields: &str) {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await;
    }

    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("a whole head"));
        }
        String::from_utf8(head).expect("ASCII")
    }

    /// One answer with a Content-Length body.
    async fn answer(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let mut body = vec![0; length(&head)];
        self.0.read_exact(&mut body).await.expect("a whole body");
        (head, body)
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.expect("an orderly close");
        rest
    }
}

fn length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    line.expect("a length").parse().expect("a number")
}

async fn site() -> Site {
    Site::start(Site::LATENCY).await.expect("loopback has a free port")
}

#[tokio::test(start_paused = true)]
async fn every_url_answers_as_it_should_on_one_connection() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    let mut titles = Vec::new();
    let mut statuses = std::collections::BTreeMap::new();
    for url in site.urls() {
        let path = url.strip_prefix(&site.base()).expect("every URL is on the site");
        if url.ends_with("/cut.html") {
            continue;
        }
        peer.ask("GET", path, "").await;
        let (head, body) = peer.answer().await;
        *statuses.entry(head[9..12].to_string()).or_insert(0) += 1;
        let body = String::from_utf8(body).expect("UTF-8");
        titles
            .extend(body.split_once("<title>").and_then(|(_, rest)| rest.split_once('<')).map(|(t, _)| t.to_string()));
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [("200".into(), 12), ("301".into(), 1), ("404".into(), 1)]);
    let count = titles.len();
    titles.sort_unstable();
    titles.dedup();
    assert_eq!((count, titles.len()), (13, 13), "every page has a title of its own");
    site.stop().await;
}

#[tokio::test(start_paused = true)]
async fn head_sends_no_body_and_the_query_does_not_matter() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    peer.ask("HEAD", "/pages/cut.html", "").await;
    assert!(length(&peer.head().await) > 0);
    peer.ask("GET", "/pages/knots.html?a=b", "Connection: close\r\n").await;
    let (head, body) = peer.answer().await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Connection: close\r\n"), "{head}");
    assert!(body.starts_with(b"<!doctype html>"));
    assert!(peer.rest().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn gzip_is_for_those_who_accept_it() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    peer.ask("GET", "/pages/almanac.html", "").await;
    let (head, plain) = peer.answer().await;
    assert!(!head.contains("Content-Encoding"), "{head}");
    peer.ask("GET", "/pages/almanac.html", "Accept-Encoding: gzip\r\n").await;
    let (head, coded) = peer.answer().await;
    assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
    assert!(coded.len() < plain.len());
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut decoded).expect("gzip");
    assert!(decoded == plain);
}

#[tokio::test(start_paused = true)]
async fn the_cut_page_promises_more_than_it_sends() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    peer.ask("GET", "/pages/cut.html", "").await;
    let promised = length(&peer.head().await);
    let sent = peer.rest().await.len();
    assert!(0 < sent && sent < promised, "{sent} of {promised}");
}

#[tokio::test(start_paused = true)]
async fn the_redirect_leads_to_a_page() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    peer.ask("GET", "/old/harbour.html", "").await;
    let (head, _) = peer.answer().await;
    assert!(head.starts_with("HTTP/1.1 301 "), "{head}");
    let to = head.lines().find_map(|line| line.strip_prefix("Location: ")).expect("a location");
    peer.ask("GET", to, "").await;
    assert!(peer.answer().await.0.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(start_paused = true)]
async fn the_calendar_has_no_end_and_other_paths_have() {
    let site = Site::start_for_crawl(Site::LATENCY).await.expect("loopback has a free port");
    let mut peer = Peer::connect(&site).await;
    let mut bodies = Vec::new();
    for (path, status, holds) in [
        ("/", "200", "href=\"/calendar/\""),
        ("/calendar/", "200", "href=\"next/\""),
        ("/calendar/next/next/", "200", "2 weeks"),
        ("/calendar/next/next/next/", "200", "3 weeks"),
        ("/robots.txt", "200", &format!("Sitemap: {}/sitemap.xml", site.base())),
        ("/sitemap.xml", "200", &format!("<loc>{}/pages/lagoon.html</loc>", site.base())),
        ("/pages/lagoon.html", "200", "<h1>"),
        ("/pages/cut.html", "404", "not found"),
        ("/private/", "404", "not found"),
    ] {
        peer.ask("GET", path, "").await;
        let (head, body) = peer.answer().await;
        let body = String::from_utf8(body).expect("UTF-8");
        assert!(head[9..12] == *status && body.contains(holds), "{path}: {head}{body}");
        bodies.push(body);
    }
    bodies.truncate(4);
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), 4, "each page has a text of its own");
    site.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    peer.send(
        "\r\nGET /pages/slow.html HTTP/1.1\r\nHost: a\r\n\r\nGET /pages/knots.html HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /nowhere HTTP/1.1\r\nHost: a\r\n",
    )
    .await;
    let began = Instant::now();
    assert!(String::from_utf8_lossy(&peer.answer().await.1).contains("takes its time"));
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert!(String::from_utf8_lossy(&peer.answer().await.1).contains("Twelve knots"));
    peer.send("\r\n").await;
    assert!(peer.answer().await.0.starts_with("HTTP/1.1 404 "));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_request_is_refused_and_closed() {
    let site = site().await;
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20 * 1024));
    for (sent, status) in [
        ("hello\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "405"),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"),
        (&endless, "431"),
    ] {
        let mut peer = Peer::connect(&site).await;
        peer.send(sent).await;
        let head = peer.head().await;
        assert_eq!(&head[9..12], status);
        assert!(peer.rest().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed() {
    let site = site().await;
    let mut peer = Peer::connect(&site).await;
    peer.send("GET / HT").await;
    let began = Instant::now();
    assert!(peer.rest().await.is_empty());
    assert!(began.elapsed() >= connection::IDLE);
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_the_port_and_the_connections() {
    let site = site().await;
    let address = site.address;
    let mut waiting = Peer::connect(&site).await;
    waiting.ask("GET", "/pages/slow.html", "").await;
    let mut answered = Peer::connect(&site).await;
    answered.ask("GET", "/pages/knots.html", "").await;
    answered.answer().await;
    site.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    for mut peer in [waiting, answered] {
        assert!(matches!(peer.0.read(&mut [0]).await, Ok(0) | Err(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_closes_the_port_too() {
    let site = site().await;
    let address = site.address;
    drop(site);
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn even_urls_are_different_and_none_is_odd() {
    let site = site().await;
    let urls = site.even_urls(60);
    let distinct: std::collections::BTreeSet<_> = urls.iter().collect();
    assert_eq!(distinct.len(), 60);
    assert!(urls.iter().all(|url| !["slow", "cut", "atlantis", "/old/"].iter().any(|odd| url.contains(odd))));
    let path = urls[0].strip_prefix(&site.base()).expect("its address").to_owned();
    let mut peer = Peer::connect(&site).await;
    peer.ask("GET", &path, "").await;
    assert!(peer.answer().await.0.starts_with("HTTP/1.1 200 OK"));
    site.stop().await;
}
