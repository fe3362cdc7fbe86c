//! `fetchall warc`: lists, payloads and checks of WARC files.

mod check;
mod index;
mod list;
mod others;
mod read;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha1::{Digest as _, Sha1};

/// A record: its type, its further fields, and its block.
pub struct TestRecord {
    pub kind: &'static str,
    pub fields: String,
    pub block: Vec<u8>,
}

pub fn sha1(bytes: &[u8]) -> String {
    format!("sha1:{}", fetchall::warc::base32(&Sha1::digest(bytes)))
}

impl TestRecord {
    /// A response with these fields of HTTP, each with its line end, and this body.
    pub fn response(url: &str, http_fields: &str, body: &[u8]) -> Self {
        let block = [format!("HTTP/1.1 200 OK\r\n{http_fields}\r\n").as_bytes(), body].concat();
        let fields = format!("WARC-Target-URI: {url}\r\nWARC-Payload-Digest: {}\r\n", sha1(body));
        Self { kind: "response", fields, block }
    }

    /// The record as version 1.1 has it.
    pub fn bytes(&self) -> Vec<u8> {
        let Self { kind, fields, block } = self;
        let id = format!("<urn:uuid:{:032x}>", block.len() + fields.len());
        let common = "WARC-Date: 2026-01-02T03:04:05Z\r\nContent-Type: application/octet-stream\r\n";
        let (length, digest) = (block.len(), sha1(block));
        let head = format!(
            "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {id}\r\n{common}{fields}\
             WARC-Block-Digest: {digest}\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), block, b"\r\n\r\n"].concat()
    }
}

/// Compresses bytes as one gzip member.
pub fn member(bytes: &[u8]) -> Vec<u8> {
    let mut member = GzEncoder::new(Vec::new(), Compression::default());
    member.write_all(bytes).expect("memory takes all");
    member.finish().expect("memory takes all")
}

/// Compresses a body with a content coding.
pub fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => member(body),
        "deflate" => {
            let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
            zlib.write_all(body).expect("memory takes all");
            zlib.finish().expect("memory takes all")
        }
        "br" => {
            let mut packed = Vec::new();
            let mut brotli = brotli::CompressorWriter::new(&mut packed, 4096, 5, 22);
            brotli.write_all(body).expect("memory takes all");
            drop(brotli);
            packed
        }
        _ => zstd::encode_all(body, 1).expect("memory takes all"),
    }
}
