//! The acts of a server on a request, and scripts that choose the act for each request.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// One way to answer, or not to. Unless it says otherwise an act reads a whole request first and
/// closes the connection in order (FIN) at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    // No connection, no answer.
    /// A port without a listener. Takes effect through [`FaultServer::url`](super::fault::FaultServer::url).
    Refused,
    /// Closes without a byte.
    CloseWithoutAnswer,
    /// Resets (RST) without a byte.
    ResetBeforeHead,
    /// Says nothing until the peer goes away.
    Stalled,

    // Broken heads.
    /// Half a head, then the end.
    CutHead,
    /// Half a head, then silence.
    StalledHead,
    /// Bytes that are not HTTP.
    Garbage,
    /// Field lines until the peer goes away, at most [`ENDLESS_MAX`] bytes.
    EndlessHead,
    /// A correct answer with this many fields of this many bytes each.
    HugeHead { fields: usize, bytes: usize },
    /// Two Content-Length fields that differ.
    TwoContentLengths,
    /// A Content-Length that is no number.
    BadContentLength,
    /// Content-Length and chunked coding at once.
    LengthAndChunked,

    // Broken bodies.
    /// The promised length is not reached: the connection ends.
    CutContentLength,
    /// Chunks without a last one: the connection ends.
    CutChunked,
    /// The connection ends inside a chunk.
    CutInChunk,
    /// A chunk whose size is no number.
    BadChunk,
    /// Part of the promised length, then a reset.
    ResetInBody,
    /// Part of the promised length, then silence.
    StalledBody,
    /// A body of this many bytes, one at a time, `every` apart.
    DrippingBody { bytes: usize, every: Duration },
    /// A gzip body that is cut short inside a correct message.
    CutGzip,
    /// A gzip body with damaged data.
    CorruptGzip,
    /// A compression that is not supported.
    UnsupportedCoding,
    /// More bytes than the Content-Length says; the connection stays open.
    ExtraBytes,

    // Redirects. The connection stays open.
    /// 302 to itself.
    RedirectLoop,
    /// This many 302 in a row, then an answer: `/name`, `/name/1`, … `/name/n`.
    RedirectChain(usize),
    /// 302 without Location.
    RedirectNoLocation,
    /// 302 to here.
    RedirectTo(String),
    /// This status to here.
    Redirect(u16, String),

    // Correct answers.
    /// 200 with this body; the connection stays open.
    KeepAliveOk(Vec<u8>),
    /// 200 with this body and these fields; the connection stays open.
    OkWith(Vec<(&'static str, String)>, Vec<u8>),
    /// 200 with this body, written behind the head with Nagle's algorithm on; the connection stays open.
    HeadThenBody(Vec<u8>),
    /// 200 with this body in several chunks; the connection stays open.
    Chunked(Vec<u8>),
    /// 200 with this body, gzip-coded; the connection stays open.
    Gzip(Vec<u8>),
    /// 200 whose body ends with the connection.
    UntilClose(Vec<u8>),
    /// 200 that promises keep-alive and closes right after: the race of an idle connection.
    OkThenClose(Vec<u8>),
    /// This status with these fields and a short body; the connection stays open.
    Status(u16, Vec<(&'static str, String)>),
    /// This many 103 answers, then 200 with this body; the connection stays open.
    Interim(usize, Vec<u8>),

    // Anything else.
    /// A body that is served by ranges too (RFC 9110, section 14): If-Range is honoured, and after
    /// `most` bytes the connection ends.
    Ranged { fields: Vec<(&'static str, String)>, body: Vec<u8>, most: usize },
    /// These bytes, then the others again and again until the peer goes away, at most [`ENDLESS_MAX`].
    Again { first: Vec<u8>, then: Vec<u8> },
    /// Exactly these bytes, then silence.
    StalledAfter(Vec<u8>),
    /// Exactly these bytes, then the end.
    Raw(Vec<u8>),
    /// Exactly these bytes; the connection stays open.
    RawKeepAlive(Vec<u8>),
    /// Another act, later.
    Delayed(Duration, Box<Act>),
}

/// The most that [`Act::EndlessHead`] sends.
pub const ENDLESS_MAX: usize = 64 << 20;

/// The length that cut answers promise.
pub const PROMISED: usize = 100_000;

/// How much of it they send.
pub const SENT: usize = 4096;

/// The act for each request, by the first segment of its path. If a name has several acts, they
/// come in order, and the last one repeats.
#[derive(Debug, Default)]
pub struct Script {
    acts: HashMap<String, Vec<Act>>,
    connections: HashMap<usize, Act>,
    otherwise: Option<Act>,
    /// How often each name was asked.
    asked: Mutex<HashMap<String, usize>>,
}

/// A short page over a connection that stays open.
pub fn ok() -> Act {
    Act::KeepAliveOk(b"hello\n".to_vec())
}

impl Script {
    /// Answers everything with 404.
    pub fn new() -> Script {
        Script::default()
    }

    /// Every act that needs no argument, and the others with small ones, under its name in kebab case.
    pub fn standard() -> Script {
        let ok = || b"hello\n".to_vec();
        Script::new()
            .on("refused", Act::Refused)
            .on("close-without-answer", Act::CloseWithoutAnswer)
            .on("reset-before-head", Act::ResetBeforeHead)
            .on("stalled", Act::Stalled)
            .on("cut-head", Act::CutHead)
            .on("stalled-head", Act::StalledHead)
            .on("garbage", Act::Garbage)
            .on("endless-head", Act::EndlessHead)
            .on("huge-head", Act::HugeHead { fields: 100, bytes: 1000 })
            .on("two-content-lengths", Act::TwoContentLengths)
            .on("bad-content-length", Act::BadContentLength)
            .on("length-and-chunked", Act::LengthAndChunked)
            .on("cut-content-length", Act::CutContentLength)
            .on("cut-chunked", Act::CutChunked)
            .on("cut-in-chunk", Act::CutInChunk)
            .on("bad-chunk", Act::BadChunk)
            .on("reset-in-body", Act::ResetInBody)
            .on("stalled-body", Act::StalledBody)
            .on("dripping-body", Act::DrippingBody { bytes: 20, every: Duration::from_millis(2) })
            .on("cut-gzip", Act::CutGzip)
            .on("corrupt-gzip", Act::CorruptGzip)
            .on("unsupported-coding", Act::UnsupportedCoding)
            .on("extra-bytes", Act::ExtraBytes)
            .on("redirect-loop", Act::RedirectLoop)
            .on("redirect-chain", Act::RedirectChain(3))
            .on("redirect-no-location", Act::RedirectNoLocation)
            .on("redirect-to", Act::RedirectTo("/keep-alive-ok".into()))
            .on("redirect", Act::Redirect(308, "/keep-alive-ok".into()))
            .on("keep-alive-ok", Act::KeepAliveOk(ok()))
            .on("chunked", Act::Chunked(ok()))
            .on("gzip", Act::Gzip(ok()))
            .on("until-close", Act::UntilClose(ok()))
            .on("ok-then-close", Act::OkThenClose(ok()))
            .on("not-found", Act::Status(404, Vec::new()))
            .on("interim", Act::Interim(3, ok()))
            .on("ranged", Act::Ranged { fields: vec![("ETag", "\"1\"".into())], body: ok(), most: 100 })
            .on("delayed", Act::Delayed(Duration::from_millis(5), Box::new(Act::KeepAliveOk(ok()))))
    }

    /// `/name` and everything below it get this act.
    pub fn on(self, name: &str, act: Act) -> Script {
        self.on_each(name, vec![act])
    }

    /// The first request for `/name` gets the first act, and so on; the last act repeats.
    pub fn on_each(mut self, name: &str, acts: Vec<Act>) -> Script {
        assert!(!acts.is_empty(), "no act for {name}");
        assert!(!name.contains(['/', '?', '#']), "{name} is not one path segment");
        self.acts.insert(name.to_string(), acts);
        self
    }

    /// The connection of this number, counted from 0, gets this act as soon as it is accepted,
    /// before any request is read.
    pub fn on_connection(mut self, number: usize, act: Act) -> Script {
        self.connections.insert(number, act);
        self
    }

    /// Sets the act for every other path.
    pub fn otherwise(mut self, act: Act) -> Script {
        self.otherwise = Some(act);
        self
    }

    /// The names that have acts, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.acts.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    pub(super) fn for_connection(&self, number: usize) -> Option<&Act> {
        self.connections.get(&number)
    }

    pub(super) fn is_refused(&self, name: &str) -> bool {
        self.acts.get(name).is_some_and(|acts| acts[0] == Act::Refused)
    }

    pub(super) fn for_path(&self, path: &str) -> Act {
        let name = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
        let Some(acts) = self.acts.get(name) else {
            return self.otherwise.clone().unwrap_or(Act::Status(404, Vec::new()));
        };
        let mut asked = self.asked.lock().expect("no panic while counting");
        let turn = asked.entry(name.to_string()).or_insert(0);
        let act = &acts[(*turn).min(acts.len() - 1)];
        *turn += 1;
        act.clone()
    }
}
