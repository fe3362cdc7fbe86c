//! An ordinary server that accepts only clients that answer its Digest challenge (RFC 7616).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use sha2::Sha256;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The challenge of a server.
#[derive(Debug, Clone)]
pub struct Demand {
    pub user: &'static str,
    pub password: &'static str,
    /// `MD5`, `MD5-sess`, `SHA-256` or `SHA-256-sess`.
    pub algorithm: &'static str,
    pub qop: bool,
    pub userhash: bool,
    /// More parameters of the challenge.
    pub more: &'static str,
    /// More challenges, each in a field of its own, before this one.
    pub others: Vec<String>,
    /// How often a nonce may be used before it is stale.
    pub uses: u64,
}

impl Default for Demand {
    fn default() -> Self {
        let (user, password) = ("ann", "s3cret");
        let more = r#", opaque="5ccc069c""#;
        Self { user, password, algorithm: "MD5", qop: true, userhash: false, more, others: Vec::new(), uses: 1000 }
    }
}

/// The server. Every path below `/` has the body `page`.
pub struct DigestServer {
    server: MockServer,
    nonces: Arc<Mutex<HashMap<String, u64>>>,
}

impl DigestServer {
    pub fn start(demand: Demand) -> DigestServer {
        let nonces: Arc<Mutex<HashMap<String, u64>>> = Arc::default();
        let respond = Guard { demand, nonces: nonces.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(respond).mount(&server).await;
            server
        });
        DigestServer { server, nonces }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.server.uri())
    }

    /// The Authorization field of each request so far.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let requests = runtime.block_on(self.server.received_requests()).expect("requests are recorded");
        let field = |request: &Request| Some(text(request.headers.get("authorization")?.as_bytes()));
        requests.iter().map(field).collect()
    }

    /// The largest nonce count that was let in.
    pub fn most_uses(&self) -> u64 {
        self.nonces.lock().expect("no panic").values().copied().max().unwrap_or_default()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

struct Guard {
    demand: Demand,
    /// Those that were given away, and the last count of each.
    nonces: Arc<Mutex<HashMap<String, u64>>>,
}

impl Respond for Guard {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let stale = match self.judge(request) {
            Some(false) => return ResponseTemplate::new(200).set_body_string("page"),
            Some(true) => ", stale=true",
            None => "",
        };
        let mut nonces = self.nonces.lock().expect("no panic");
        let nonce = format!("{:08x}+/=", nonces.len());
        nonces.insert(nonce.clone(), 0);
        let Demand { algorithm, qop, userhash, more, others, .. } = &self.demand;
        let qop = if *qop { r#", qop="auth, auth-int""# } else { "" };
        let userhash = if *userhash { ", userhash=true" } else { "" };
        let own = format!(
            r#"Digest realm="a \"quoted\" realm", nonce="{nonce}"{qop}, algorithm={algorithm}{userhash}{stale}{more}"#
        );
        let refused = ResponseTemplate::new(401).set_body_string("who are you?");
        let challenges = others.iter().chain([&own]);
        challenges.fold(refused, |refused, challenge| refused.append_header("WWW-Authenticate", challenge.as_str()))
    }
}

impl Guard {
    /// Whether an answer is right and its nonce stale; `None` where it is wrong.
    fn judge(&self, request: &Request) -> Option<bool> {
        let field = text(request.headers.get("authorization")?.as_bytes());
        let said = parameters(field.strip_prefix("Digest ")?);
        let said = |name: &str| said.get(name).map(String::as_str);
        let demand = &self.demand;
        let realm = "a \"quoted\" realm";
        let named = match said("username*") {
            Some(name) => percent_decode_str(name.strip_prefix("UTF-8''")?).decode_utf8().ok()?.into_owned(),
            None => said("username")?.to_owned(),
        };
        let expected =
            if demand.userhash { self.hash(&format!("{}:{realm}", demand.user)) } else { demand.user.to_owned() };
        let target = match request.url.query() {
            Some(query) => format!("{}?{query}", request.url.path()),
            None => request.url.path().to_owned(),
        };
        let opaque = demand.more.contains("opaque").then_some("5ccc069c");
        let same = named == expected && said("uri")? == target && said("opaque") == opaque;
        let same = same && said("realm")? == realm && said("algorithm").is_none_or(|a| a == demand.algorithm);
        let (nonce, cnonce, nc) = (said("nonce")?, said("cnonce").unwrap_or(""), said("nc").unwrap_or(""));
        let mut a1 = self.hash(&format!("{}:{realm}:{}", demand.user, demand.password));
        if demand.algorithm.ends_with("-sess") {
            a1 = self.hash(&format!("{a1}:{nonce}:{cnonce}"));
        }
        let a2 = self.hash(&format!("{}:{target}", request.method));
        let middle = if demand.qop { format!("{nonce}:{nc}:{cnonce}:auth") } else { nonce.to_owned() };
        if !same || said("response")? != self.hash(&format!("{a1}:{middle}:{a2}")) {
            return None;
        }
        let mut nonces = self.nonces.lock().expect("no panic");
        let last = nonces.get_mut(nonce)?;
        let count = if demand.qop { u64::from_str_radix(nc, 16).ok()? } else { *last + 1 };
        if count != *last + 1 || count > demand.uses {
            return Some(true);
        }
        *last = count;
        Some(false)
    }

    fn hash(&self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.demand.algorithm.starts_with("MD5") {
            hex(&Md5::digest(text))
        } else {
            hex(&<Sha256 as sha2::Digest>::digest(text))
        }
    }
}

/// Names and values, without quotes and escapes.
fn parameters(mut text: &str) -> HashMap<String, String> {
    let mut all = HashMap::new();
    while let Some((name, rest)) = text.split_once('=') {
        let mut value = String::new();
        let mut quoted = false;
        let mut end = rest.len();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => value.extend(chars.next().map(|(_, c)| c)),
                ',' if !quoted => {
                    end = at;
                    break;
                }
                c => value.push(c),
            }
        }
        all.insert(name.trim().to_owned(), value);
        text = rest.get(end + 1..).unwrap_or_default();
    }
    all
}
