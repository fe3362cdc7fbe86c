//! One connection, from its first head to its last byte.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::pages::{self, Page, PageContent};
use super::request::{self, HEAD_MAX, Refusal, Request};

/// A connection that sends no whole head, or takes no answer, for this long is closed.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// The longest read after a close, so that unread bytes do not cause a reset.
const LINGER: Duration = Duration::from_secs(1);

const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";

enum Persistence {
    KeepAlive,
    Close,
}

/// Answers requests in order until one side closes. Ignores errors of the peer.
pub(super) async fn serve(mut stream: TcpStream, pages: &[Page]) {
    if answer_all(&mut stream, pages).await.is_ok() {
        close(stream).await;
    }
}

async fn answer_all(stream: &mut TcpStream, pages: &[Page]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(1024);
    loop {
        let len = match timeout(IDLE, read_head(stream, &mut buffer)).await {
            Ok(Ok(RequestHead::Whole(len))) => len,
            Ok(Ok(RequestHead::End)) | Err(_) => return Ok(()),
            Ok(Ok(RequestHead::TooLarge)) => {
                return send(stream, plain("431 Request Header Fields Too Large").as_bytes()).await;
            }
            Ok(Err(error)) => return Err(error),
        };
        let next = match request::parse(&buffer[..len]) {
            Ok(request) => answer(stream, pages, &request).await?,
            Err(refusal) => {
                send(stream, refused(refusal).as_bytes()).await?;
                Persistence::Close
            }
        };
        buffer.drain(..len);
        if matches!(next, Persistence::Close) {
            return Ok(());
        }
    }
}

enum RequestHead {
    Whole(usize),
    TooLarge,
    End,
}

/// Reads until `buffer` begins with a whole head; what a pipelining peer sent after it stays there.
async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<RequestHead> {
    loop {
        // Blank lines before a request are to be ignored (RFC 9112, section 2.2).
        while buffer.starts_with(b"\r\n") {
            buffer.drain(..2);
        }
        match request::head_len(buffer) {
            Some(len) if len <= HEAD_MAX => return Ok(RequestHead::Whole(len)),
            Some(_) => return Ok(RequestHead::TooLarge),
            None if buffer.len() > HEAD_MAX => return Ok(RequestHead::TooLarge),
            None => {}
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(RequestHead::End);
        }
    }
}

async fn answer(stream: &mut TcpStream, pages: &[Page], request: &Request<'_>) -> io::Result<Persistence> {
    let page = pages.iter().find(|page| page.answers(request.path));
    if let Some(page) = page {
        sleep(page.latency).await;
    }
    let mut keep = request.keep_alive;
    let endless;
    let (status, fields, body, missing): (_, String, &[u8], _) = match page.map(|page| &page.content) {
        Some(PageContent::Html(body)) => ("200 OK", HTML.into(), body, 0),
        Some(PageContent::Gzip { plain, coded }) => {
            let coding = if request.gzip { "Content-Encoding: gzip\r\n" } else { "" };
            let body = if request.gzip { coded } else { plain };
            ("200 OK", format!("{HTML}Vary: Accept-Encoding\r\n{coding}"), body, 0)
        }
        Some(PageContent::Moved(to)) => ("301 Moved Permanently", format!("Location: {to}\r\n"), b"", 0),
        Some(PageContent::Missing(body)) => ("404 Not Found", HTML.into(), body, 0),
        Some(PageContent::File { media_type, body }) => ("200 OK", format!("Content-Type: {media_type}\r\n"), body, 0),
        Some(PageContent::Endless) => {
            endless = pages::calendar(request.path);
            ("200 OK", HTML.into(), &endless, 0)
        }
        Some(PageContent::Cut { body, missing }) => {
            // A HEAD answer has no body that could be cut.
            keep &= request.head_only;
            ("200 OK", HTML.into(), body, *missing)
        }
        None => ("404 Not Found", "Content-Type: text/plain\r\n".into(), b"not found\n", 0),
    };
    // The cut page says keep-alive on purpose: its length is the only sign that something is missing.
    let connection = if keep || missing > 0 { "keep-alive" } else { "close" };
    let length = body.len() + missing;
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\nConnection: {connection}\r\n\r\n")
            .into_bytes();
    if !request.head_only {
        answer.extend_from_slice(body);
    }
    send(stream, &answer).await?;
    Ok(if keep { Persistence::KeepAlive } else { Persistence::Close })
}

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::Malformed => plain("400 Bad Request"),
        Refusal::Method => plain("405 Method Not Allowed\r\nAllow: GET, HEAD"),
        Refusal::Version => plain("505 HTTP Version Not Supported"),
    }
}

fn plain(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

async fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    timeout(IDLE, stream.write_all(bytes)).await?
}

/// Shuts down the sending half, then reads the remaining bytes. A close with unread bytes would reset the connection,
/// and a reset may destroy a response that the peer has not read yet.
async fn close(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut scratch = [0; 4096];
    // Time out or peer gone, it is over either way.
    let _ = timeout(LINGER, async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} }).await;
}
