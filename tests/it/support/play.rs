//! How each act looks on the wire.

use std::future::Future;
use std::io::{self, Write as _};
use std::pin::Pin;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::act::{Act, ENDLESS_MAX, PROMISED, SENT};

/// The state of the connection after an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next request may come.
    KeepAlive,
    /// FIN.
    Close,
    /// RST.
    Reset,
}

/// The parts of the request that an act needs. The default stands for no request at all.
#[derive(Debug, Default)]
pub struct Asked {
    pub path: String,
    /// HEAD: an answer ends with its head.
    pub head_only: bool,
    /// The first byte of `Range: bytes=N-`.
    pub from: Option<usize>,
    pub if_range: Option<String>,
}

/// Plays one act.
pub fn play<'a>(
    act: &'a Act,
    asked: &'a Asked,
    stream: &'a mut TcpStream,
) -> Pin<Box<dyn Future<Output = io::Result<Then>> + Send + 'a>> {
    Box::pin(async move {
        let path = asked.path.as_str();
        let (mut bytes, then) = match act {
            Act::Refused => panic!("{path} should have gone to the port at which nobody listens"),
            Act::CloseWithoutAnswer => (Vec::new(), Then::Close),
            Act::ResetBeforeHead => (Vec::new(), Then::Reset),
            Act::Stalled => return stall(Vec::new(), stream).await,
            Act::CutHead => (b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), Then::Close),
            Act::StalledHead => return stall(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), stream).await,
            Act::Garbage => (b"\x00\x01\x02\xff this is no HTTP\n\n".repeat(4), Then::Close),
            Act::EndlessHead => return endless(stream).await,
            Act::HugeHead { fields, bytes } => {
                let fill: Vec<_> = (0..*fields).map(|n| (format!("X-Fill-{n}"), "f".repeat(*bytes))).collect();
                (answer(200, fill, b"hello\n"), Then::KeepAlive)
            }
            Act::TwoContentLengths => {
                (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello".into(), Then::Close)
            }
            Act::BadContentLength => (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello".into(), Then::Close),
            Act::LengthAndChunked => (
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                    .into(),
                Then::Close,
            ),
            Act::CutContentLength => (cut(), Then::Close),
            Act::CutChunked => ([CHUNKED, &chunk(&[b'x'; SENT])].concat(), Then::Close),
            Act::CutInChunk => ([CHUNKED, b"1000\r\n", &[b'x'; 100]].concat(), Then::Close),
            Act::BadChunk => ([CHUNKED, b"5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n"].concat(), Then::Close),
            Act::ResetInBody => (cut(), Then::Reset),
            Act::StalledBody => return stall(cut(), stream).await,
            Act::HeadThenBody(body) => {
                stream.set_nodelay(false)?;
                stream.write_all(head(200, [], body.len()).as_bytes()).await?;
                stream.write_all(if asked.head_only { b"" } else { body }).await?;
                return Ok(Then::KeepAlive);
            }
            Act::DrippingBody { bytes, every } => {
                stream.write_all(head(200, [], *bytes).as_bytes()).await?;
                for _ in 0..if asked.head_only { 0 } else { *bytes } {
                    sleep(*every).await;
                    stream.write_all(b".").await?;
                }
                return Ok(Then::KeepAlive);
            }
            Act::CutGzip => {
                let mut coded = gzip(&noise(SENT));
                coded.truncate(coded.len() / 2);
                (answer(200, [coding("gzip")], &coded), Then::KeepAlive)
            }
            Act::CorruptGzip => {
                let mut coded = gzip(&noise(SENT));
                // The checksum is four of the last eight bytes (RFC 1952, section 2.3.1).
                let crc = coded.len() - 8;
                coded[crc] ^= 0xff;
                (answer(200, [coding("gzip")], &coded), Then::KeepAlive)
            }
            Act::UnsupportedCoding => (answer(200, [coding("compress")], b"\x1f\x9d\x90hello\n"), Then::KeepAlive),
            Act::ExtraBytes => ([answer(200, [], b"hello\n"), answer(200, [], b"stray\n")].concat(), Then::KeepAlive),
            Act::RedirectLoop => (redirect(302, path), Then::KeepAlive),
            Act::RedirectChain(hops) => (chain(path, *hops), Then::KeepAlive),
            Act::RedirectNoLocation => (answer(302, [], b"nowhere\n"), Then::KeepAlive),
            Act::RedirectTo(to) => (redirect(302, to), Then::KeepAlive),
            Act::Redirect(status, to) => (redirect(*status, to), Then::KeepAlive),
            Act::KeepAliveOk(body) => (answer(200, [], body), Then::KeepAlive),
            Act::OkWith(fields, body) => (answer(200, owned(fields), body), Then::KeepAlive),
            Act::Chunked(body) => {
                let (one, two) = body.split_at(body.len() / 2);
                let chunks =
                    [one, two].into_iter().filter(|part| !part.is_empty()).flat_map(chunk).collect::<Vec<u8>>();
                ([CHUNKED, &chunks, b"0\r\n\r\n"].concat(), Then::KeepAlive)
            }
            Act::Gzip(body) => (answer(200, [coding("gzip")], &gzip(body)), Then::KeepAlive),
            Act::UntilClose(body) => {
                ([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &body[..]].concat(), Then::Close)
            }
            Act::OkThenClose(body) => (answer(200, [("Connection".into(), "keep-alive".into())], body), Then::Close),
            Act::Status(status, fields) => (answer(*status, owned(fields), b"no page here\n"), Then::KeepAlive),
            Act::Interim(times, body) => {
                let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n".repeat(*times);
                ([hints, answer(200, [], body)].concat(), Then::KeepAlive)
            }
            Act::Again { first, then } => {
                stream.write_all(first).await?;
                let pieces = then.repeat((64 * 1024 / then.len().max(1)).max(1));
                let mut sent = 0;
                while sent < ENDLESS_MAX {
                    stream.write_all(&pieces).await?;
                    sent += pieces.len();
                }
                return Ok(Then::Reset);
            }
            Act::StalledAfter(bytes) => return stall(bytes.clone(), stream).await,
            Act::Ranged { fields, body, most } => {
                let (bytes, whole) = ranged(asked, fields, body, *most);
                (bytes, if whole { Then::KeepAlive } else { Then::Close })
            }
            Act::Raw(bytes) => (bytes.clone(), Then::Close),
            Act::RawKeepAlive(bytes) => (bytes.clone(), Then::KeepAlive),
            Act::Delayed(by, act) => {
                sleep(*by).await;
                return play(act, asked, stream).await;
            }
        };
        // Acts that spell out their bytes, or send more than one head, mean what they say.
        if asked.head_only && !matches!(act, Act::Raw(_) | Act::RawKeepAlive(_) | Act::Interim(..)) {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            bytes.truncate(end.map_or(bytes.len(), |at| at + 4));
        }
        stream.write_all(&bytes).await?;
        Ok(then)
    })
}

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Sends this much, then nothing until the peer goes away.
async fn stall(bytes: Vec<u8>, stream: &mut TcpStream) -> io::Result<Then> {
    stream.write_all(&bytes).await?;
    let mut scratch = [0; 1024];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(Then::Close)
}

async fn endless(stream: &mut TcpStream) -> io::Result<Then> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    let lines = b"X-More: and more and more and more and more and more and more!\r\n".repeat(256);
    let mut sent = 0;
    while sent < ENDLESS_MAX {
        stream.write_all(&lines).await?;
        sent += lines.len();
    }
    Ok(Then::Reset)
}

fn head(status: u16, fields: impl IntoIterator<Item = (String, String)>, length: usize) -> String {
    let fields: String = fields.into_iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} As Scripted\r\n{fields}Content-Length: {length}\r\n\r\n")
}

fn answer(status: u16, fields: impl IntoIterator<Item = (String, String)>, body: &[u8]) -> Vec<u8> {
    [head(status, fields, body.len()).as_bytes(), body].concat()
}

fn owned(fields: &[(&'static str, String)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_string(), value.clone())).collect()
}

fn coding(name: &str) -> (String, String) {
    ("Content-Encoding".into(), name.into())
}

/// The range that was asked for, or all of it; false if less comes than is promised.
fn ranged(asked: &Asked, fields: &[(&'static str, String)], body: &[u8], most: usize) -> (Vec<u8>, bool) {
    let is_same = asked.if_range.as_ref().is_none_or(|tag| fields.iter().any(|(_, value)| value == tag));
    let from = asked.from.filter(|_| is_same);
    let mut fields = owned(fields);
    let (status, from) = match from {
        None => (200, 0),
        Some(from) if from >= body.len() => {
            fields.push(("Content-Range".into(), format!("bytes */{}", body.len())));
            return (answer(416, fields, b""), true);
        }
        Some(from) => {
            fields.push(("Content-Range".into(), format!("bytes {from}-{}/{}", body.len() - 1, body.len())));
            (206, from)
        }
    };
    let rest = &body[from..];
    let sent = rest.len().min(most);
    ([head(status, fields, rest.len()).as_bytes(), &rest[..sent]].concat(), sent == rest.len())
}

fn cut() -> Vec<u8> {
    [head(200, [], PROMISED).into_bytes(), vec![b'x'; SENT]].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn redirect(status: u16, to: &str) -> Vec<u8> {
    answer(status, [("Location".into(), to.into())], b"over there\n")
}

/// `/name/K` is hop K.
fn chain(path: &str, hops: usize) -> Vec<u8> {
    let mut parts = path.trim_start_matches('/').split('/');
    let name = parts.next().unwrap_or_default();
    let at: usize = parts.next().map_or(0, |hop| hop.parse().expect("a hop of the chain"));
    if at < hops { redirect(302, &format!("/{name}/{}", at + 1)) } else { answer(200, [], b"arrived\n") }
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// Bytes that do not compress, so that half of their coded form is half of them.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(len)
    .collect()
}
