//! A thread with a runtime of its own, for servers that serve sync and async tests alike.

use std::any::Any;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A listener on 127.0.0.1 with one task for each connection. Dropping it ends them all; a panic in
/// one of them is passed on to the test.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Server {
    /// Serves each connection with `serve`, which also gets its number, counted from 0.
    pub fn start<S, F>(serve: S) -> Server
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Server::start_on((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// The same at this address; port 0 is a free one.
    pub fn start_on<S, F>(at: SocketAddr, serve: S) -> Server
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (bound, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("test server".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind(at).await.expect("a free port");
                bound.send(listener.local_addr().expect("its address")).expect("start waits for it");
                accept(listener, serve, stopped).await
            })
        });
        let address = address.recv().expect("the server starts");
        Server { address, stop: Some(stop), thread: Some(thread.expect("a thread")) }
    }

    /// Ends the server.
    ///
    /// # Panics
    /// When a part of it panicked.
    pub fn join(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        let fault = match thread.join() {
            Ok(Ok(())) => return,
            Ok(Err(message)) => message,
            Err(panic) => message(&*panic),
        };
        // A second panic while the first unwinds would abort the whole test binary.
        if thread::panicking() {
            eprintln!("the test server panicked too: {fault}");
        } else {
            panic!("the test server panicked: {fault}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

async fn accept<S, F>(listener: TcpListener, serve: S, mut stopped: oneshot::Receiver<()>) -> Result<(), String>
where
    S: Fn(TcpStream, usize) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut fault = Ok(());
    for number in 0.. {
        let stream = loop {
            tokio::select! {
                _ = &mut stopped => {
                    drop(listener);
                    connections.abort_all();
                    while let Some(ended) = connections.join_next().await {
                        fault = fault.and(judge(ended));
                    }
                    return fault;
                }
                Some(ended) = connections.join_next() => fault = fault.and(judge(ended)),
                accepted = listener.accept() => break accepted.expect("accepting a connection").0,
            }
        };
        stream.set_nodelay(true).expect("TCP_NODELAY");
        connections.spawn(serve(stream, number));
    }
    fault
}

fn judge(ended: Result<(), tokio::task::JoinError>) -> Result<(), String> {
    match ended.map_err(tokio::task::JoinError::try_into_panic) {
        Err(Ok(panic)) => Err(message(&*panic)),
        Ok(()) | Err(Err(_)) => Ok(()),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without a message".into())
}
