//! Connections to the nodes of a Redis server, and the calls over them.

use std::time::Duration;

use redis::{
    Client, Cmd, Connection, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisConnectionInfo, RedisError, Value,
};

use super::scripts::Script;
use crate::config::{QueueAddress, QueueServer};

/// A connection is made within this time.
const CONNECT: Duration = Duration::from_secs(5);

/// The server answers a call within this time. After it the connection counts as broken.
const ANSWER: Duration = Duration::from_secs(5);

/// Advice about a server that wants a password.
const NO_PASSWORD: &str = "the server asks for a password; write redis://:PASSWORD@HOST, also in place of unix:";

/// Advice about a server that does not answer within [`CONNECT`] or [`ANSWER`].
const SILENT: &str =
    "no answer within 5 s; check that the server is well, and that rediss:// (TLS) or redis:// (without) is right";

/// How often a call follows the slots of a cluster from node to node.
const MOST_REDIRECTS: u32 = 5;

/// A call of a script, or a plain command.
pub(super) struct Call {
    /// The key that says which node is asked: the number of a partition, or that of the job.
    pub(super) place: usize,
    command: Cmd,
    script: Option<&'static Script>,
}

impl Call {
    /// A call of a script with its one key.
    pub(super) fn script(script: &'static Script, place: usize, key: &str) -> Self {
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(&script.digest).arg(1).arg(key);
        Self { place, command, script: Some(script) }
    }

    /// A command.
    pub(super) fn plain(name: &str, place: usize) -> Self {
        let mut command = Cmd::new();
        command.arg(name);
        Self { place, command, script: None }
    }

    /// Appends an argument.
    pub(super) fn arg(&mut self, argument: impl redis::ToRedisArgs) -> &mut Self {
        self.command.arg(argument);
        self
    }
}

/// Why calls have no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The server cannot be reached or is not ready. Some calls may have been executed.
    Away(String),
    /// The server refuses, and will refuse again.
    Refused(String),
    /// The job is not there any more.
    Gone,
}

/// The nodes of a server and which of them has which keys.
pub(super) struct Servers {
    address: QueueAddress,
    nodes: Vec<Node>,
    /// The node of each place.
    routes: Vec<usize>,
    #[cfg(test)]
    pub(super) round_trips: u64,
}

struct Node {
    server: QueueServer,
    connection: Option<Connection>,
}

impl Servers {
    /// A server that is not connected yet.
    pub(super) fn new(address: QueueAddress) -> Self {
        let nodes = vec![Node { server: address.server.clone(), connection: None }];
        Self {
            address,
            nodes,
            routes: Vec::new(),
            #[cfg(test)]
            round_trips: 0,
        }
    }

    /// Whether the keys are on several nodes.
    pub(super) fn is_cluster(&self) -> bool {
        self.nodes.len() > 1
    }

    /// Executes calls, one round trip a node. The results are in the order of the calls.
    pub(super) fn run(&mut self, calls: &[Call]) -> Result<Vec<Value>, CallError> {
        let places = calls.iter().map(|call| call.place + 1).max().unwrap_or(0);
        self.routes.resize(places.max(self.routes.len()), 0);
        let mut results: Vec<Option<Value>> = vec![None; calls.len()];
        for _ in 0..MOST_REDIRECTS {
            let missing: Vec<usize> = (0..calls.len()).filter(|at| results[*at].is_none()).collect();
            if missing.is_empty() {
                break;
            }
            for node in 0..self.nodes.len() {
                let of_node = |at: &usize| self.routes[calls[*at].place] == node;
                let batch: Vec<usize> = missing.iter().copied().filter(of_node).collect();
                if !batch.is_empty() {
                    self.run_at(node, &batch, calls, &mut results)?;
                }
            }
        }
        let results: Option<Vec<_>> = results.into_iter().collect();
        results.ok_or_else(|| CallError::Away("the nodes of the cluster send calls to each other".to_owned()))
    }

    /// The nodes that were asked so far.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Executes calls at a node, whatever their places. A result is missing if another node has the key.
    pub(super) fn run_on(&mut self, node: usize, calls: &[Call]) -> Result<Vec<Option<Value>>, CallError> {
        let mut results = vec![None; calls.len()];
        let batch: Vec<usize> = (0..calls.len()).collect();
        self.run_at(node, &batch, calls, &mut results)?;
        Ok(results)
    }

    /// Sends a batch to a node. A result is missing if another node has the key, or if the script was not known.
    fn run_at(
        &mut self,
        at: usize,
        batch: &[usize],
        calls: &[Call],
        results: &mut [Option<Value>],
    ) -> Result<(), CallError> {
        let mut bytes = Vec::new();
        for call in batch {
            bytes.extend_from_slice(&calls[*call].command.get_packed_command());
        }
        #[cfg(test)]
        {
            self.round_trips += 1;
        }
        let values = answers(self.connected(at)?, &bytes, batch.len()).map_err(|error| {
            self.nodes[at].connection = None;
            failed(error)
        })?;
        let mut unknown: Vec<&Script> = Vec::new();
        for (call, value) in batch.iter().zip(values) {
            let Value::ServerError(error) = value else {
                results[*call] = Some(value);
                continue;
            };
            match (error.code(), calls[*call].script) {
                ("NOSCRIPT", Some(script)) => unknown.push(script),
                _ => self.redirect(calls[*call].place, error.into())?,
            }
        }
        unknown.dedup_by_key(|script| &script.digest);
        if !unknown.is_empty() {
            // Plain commands read what the scripts before them have changed.
            batch.iter().filter(|call| calls[**call].script.is_none()).for_each(|call| results[*call] = None);
        }
        for script in unknown {
            let mut load = Cmd::new();
            load.arg("SCRIPT").arg("LOAD").arg(&script.text);
            load.query::<()>(self.connected(at)?).map_err(failed)?;
        }
        Ok(())
    }

    /// Notes that another node has the keys of a place. Any other error ends the call.
    fn redirect(&mut self, place: usize, error: RedisError) -> Result<(), CallError> {
        let moved = error.redirect_node().filter(|_| error.code() == Some("MOVED"));
        let node = moved.and_then(|(node, _)| node.rsplit_once(':'));
        let (Some((host, port)), QueueServer::Tcp { host: own, tls, .. }) = (node, &self.address.server) else {
            return Err(failed(error));
        };
        let Ok(port) = port.parse() else { return Err(failed(error)) };
        let host = if host.is_empty() { own } else { host }.to_owned();
        let server = QueueServer::Tcp { host, port, tls: *tls };
        let node = self.nodes.iter().position(|node| node.server == server).unwrap_or_else(|| {
            self.nodes.push(Node { server, connection: None });
            self.nodes.len() - 1
        });
        self.routes[place] = node;
        Ok(())
    }

    fn connected(&mut self, at: usize) -> Result<&mut Connection, CallError> {
        let node = &mut self.nodes[at];
        let connection = match node.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = connect(&node.server, &self.address).map_err(failed);
                // Another node says who has its keys now.
                if connection.is_err() {
                    let next = (at + 1) % self.nodes.len();
                    self.routes.iter_mut().filter(|route| **route == at).for_each(|route| *route = next);
                }
                connection?
            }
        };
        Ok(self.nodes[at].connection.insert(connection))
    }
}

/// Sends commands and reads their answers, up to the first that does not come.
fn answers(connection: &mut Connection, commands: &[u8], count: usize) -> Result<Vec<Value>, RedisError> {
    connection.send_packed_command(commands)?;
    (0..count).map(|_| connection.recv_response()).collect()
}

fn connect(server: &QueueServer, address: &QueueAddress) -> Result<Connection, RedisError> {
    let mut settings = RedisConnectionInfo::default().set_db(address.database.into()).set_skip_set_lib_name();
    if let Some(user) = &address.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &address.password {
        settings = settings.set_password(password);
    }
    let server = match server {
        QueueServer::Tcp { host, port, tls: false } => ConnectionAddr::Tcp(host.clone(), *port),
        QueueServer::Tcp { host, port, tls: true } => {
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
        }
        QueueServer::Unix(path) => ConnectionAddr::Unix(path.clone()),
    };
    let client = Client::open(server.into_connection_info()?.set_redis_settings(settings))?;
    let connection = client.get_connection_with_timeout(CONNECT)?;
    connection.set_read_timeout(Some(ANSWER))?;
    connection.set_write_timeout(Some(ANSWER))?;
    Ok(connection)
}

/// Sorts an error of the server or the connection.
fn failed(error: RedisError) -> CallError {
    let detail = error.detail().unwrap_or_default();
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            CallError::Refused("the server refuses the user or the password".to_owned())
        }
        (_, Some("GONE")) => CallError::Gone,
        (_, Some("NOAUTH")) => CallError::Refused(NO_PASSWORD.to_owned()),
        // The library asks for the database first, and gives the answer another kind.
        _ if detail.contains("Authentication required") => CallError::Refused(NO_PASSWORD.to_owned()),
        _ if detail.contains("DB index is out of range") => {
            CallError::Refused("the server has no database of this number; write /0".to_owned())
        }
        (_, Some("NOPERM")) => CallError::Refused(format!("the user may not do this: {detail}")),
        (_, Some("OOM")) => CallError::Away(
            "the server is full; raise its maxmemory, or remove jobs with `fetchall queue clear`".to_owned(),
        ),
        (_, Some("MISCONF")) => CallError::Away("the server cannot write to its disk".to_owned()),
        (_, Some("LOADING" | "BUSY" | "CLUSTERDOWN" | "TRYAGAIN" | "MASTERDOWN" | "READONLY" | "ASK" | "MOVED")) => {
            CallError::Away(format!("the server is not ready: {}", error.code().unwrap_or_default()))
        }
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
            CallError::Refused("no Redis server answers there".to_owned())
        }
        (ErrorKind::Io, _) if error.is_timeout() => CallError::Away(SILENT.to_owned()),
        (ErrorKind::Io, _) if error.is_connection_refusal() => {
            CallError::Away(format!("{error}; check that the server runs, and that it listens at this address"))
        }
        (ErrorKind::Io, _) => CallError::Away(error.to_string()),
        _ => CallError::Refused(error.to_string()),
    }
}
