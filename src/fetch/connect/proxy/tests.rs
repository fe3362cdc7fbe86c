//! Tests of the answers to CONNECT, without a network.

use tokio::io::{AsyncReadExt as _, BufReader, DuplexStream, duplex};
use url::Url;

use super::*;
use crate::config::Proxies;
use crate::fetch::connect::route::Routes;
use crate::policy::network::no_proxy::NoProxy;

fn proxy() -> Routes {
    Routes::new(&Proxies::parse("http://ann:s3cret@p.test:3128").unwrap(), &NoProxy::default())
}

/// Returns the result of a response in these pieces, and the bytes left for the tunnel.
async fn answered(pieces: &[&[u8]]) -> (Result<(), String>, Vec<u8>) {
    let (near, mut far) = duplex(1 << 20);
    let routes = proxy();
    let proxy = routes.of_url(&Url::parse("https://a.test/").unwrap()).unwrap();
    let target = Target::of(&"https://[::1]:8443/".parse().unwrap()).unwrap();
    let mut near = BufReader::with_capacity(16, near);
    let opened = async {
        let opened = connect(&mut near, proxy, &target).await;
        opened.map_err(|fault| ProxyError::new(proxy, fault).to_string())
    };
    let serve = async move {
        let request = read_request(&mut far).await;
        let lines: Vec<_> = request.split("\r\n").collect();
        let secret = "Proxy-Authorization: Basic YW5uOnMzY3JldA==";
        assert_eq!(lines, ["CONNECT [::1]:8443 HTTP/1.1", "Host: [::1]:8443", secret, "", ""]);
        for piece in pieces {
            far.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let (opened, ()) = tokio::join!(opened, serve);
    let mut rest = Vec::new();
    near.read_to_end(&mut rest).await.unwrap();
    (opened, rest)
}

async fn read_request(stream: &mut DuplexStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn any_2xx_opens_the_tunnel_however_its_head_comes() {
    let long = [b"HTTP/1.1 200 OK\r\nX-A: ", &b"a".repeat(200_000)[..], b"\r\n\r\n"].concat();
    let many = ["HTTP/1.1 200 OK\r\n", &"A: b\r\n".repeat(1000), "\r\n"].concat();
    let interim = ["HTTP/1.1 100 Continue\r\n\r\n".repeat(50).as_str(), "HTTP/1.1 200 OK\r\n\r\n"].concat();
    for pieces in [
        &[b"HTTP/1.0 200 Connection established\r\n\r\n".as_slice()][..],
        &[b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"],
        &[b"HTTP/1.1 299\r\n\r\n"],
        &[b"HTTP/1.1 200 OK\n\n"],
        &[b"HTTP/1.0  200 OK\r\n\r\n"],
        &[b"http/1.1 200 ok\r\n\r\n"],
        &[b"\r\n\nHTTP/1.1 200 OK\r\n\r\n"],
        &[b"\r", b"\n", b"HTTP/1.1 200 OK\r\n\r\n"],
        &[b"H", b"TTP/1.", b"1 2", b"00 OK\r", b"\n\r", b"\n"],
        &[b"HTTP/1.1 102 Processing\r\nA: b\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
        &[&long],
        &[many.as_bytes()],
        &[interim.as_bytes()],
    ] {
        let (opened, rest) = answered(pieces).await;
        assert_eq!((opened, rest), (Ok(()), Vec::new()), "{:?}", pieces[0].get(..40));
    }
    let (opened, rest) = answered(&[b"HTTP/1.1 200 OK\r\n\r\nearly \n\n", b"bytes"]).await;
    assert_eq!((opened, rest.as_slice()), (Ok(()), &b"early \n\nbytes"[..]), "what follows is the server's");
}

#[tokio::test]
async fn other_answers_name_the_proxy_and_what_it_said() {
    let long = [b"HTTP/1.1 200 OK\r\nX-A: ", &b"a".repeat(300_000)[..], b"\r\n\r\n"].concat();
    let many = ["HTTP/1.1 200 OK\r\n", &"A: b\r\n".repeat(1001), "\r\n"].concat();
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(102);
    for (pieces, told) in [
        (&[b"HTTP/1.1 403 Forbidden\r\n\r\nblocked".as_slice()][..], "answered 403 to CONNECT [::1]:8443"),
        (&[b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"], "answered 407 to CONNECT [::1]:8443"),
        (&[b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"], "answered 302 to CONNECT [::1]:8443"),
        (&[b"HTTP/1.1 101 Switching Protocols\r\n\r\n"], "answered 101 to CONNECT [::1]:8443"),
        (&[], "closed the connection before it opened a tunnel to [::1]:8443"),
        (&[b"HTTP/1.1 200 OK\r\n"], "closed the connection before it opened a tunnel"),
        (&[b"SSH-2.0-OpenSSH_9.6\r\n"], "begins with `SSH-2.0-OpenSSH_"),
        (&[b"HTTP/1.1 OK\r\n\r\n"], "begins with `HTTP/1.1 OK`"),
        (&[b"\x15\x03\x01\x00\x02"], "does not speak HTTP"),
        (&[b"HTTP/2 200\r\n\r\n"], "does not speak HTTP"),
        (&[&long], "sent too large a head to CONNECT"),
        (&[many.as_bytes()], "sent too many fields to CONNECT"),
        (&[interim.as_bytes()], "sent only interim responses (1xx)"),
    ] {
        let error = answered(pieces).await.0.unwrap_err();
        assert!(error.starts_with("proxy p.test:3128 ") && error.contains(told), "{error}");
        assert!(!error.contains("s3cret") && !error.contains("ann"), "{error}");
    }
}
