//! Checks the records of a WARC file against ISO 28500:2017.

use std::io::{self, BufRead, sink};

use super::damage::WarcError;
use super::digest::{DigestHasher, HashingReader, RecordDigest, base32};
use super::fault::RecordFault;
use super::head_rules;
use super::http::{ChunkedContent, HttpFlaw, StoredHttpHead, begins_with_chunk, flaw_of};
use super::reader::{WarcReader, WarcRecord};

/// Checks all records of a file that can be read, and calls `found` with the offset and each fault of a record.
/// Returns the number of records.
///
/// # Errors
/// If the input cannot be read. A damaged file is a fault.
pub fn check(input: impl BufRead, mut found: impl FnMut(u64, RecordFault)) -> io::Result<u64> {
    let mut reader = match WarcReader::new(input, 0) {
        Ok(reader) => reader,
        Err(error) => return damage(error, &mut found).map(|()| 0),
    };
    let mut records = 0;
    loop {
        let mut faults = Vec::new();
        let checked = check_record(&mut reader, &mut faults);
        match checked {
            Ok(true) => {
                records += 1;
                faults.into_iter().for_each(|fault| found(reader.offset(), fault));
            }
            Ok(false) => return Ok(records),
            // Wrong digests and the like follow from the damage.
            Err(error) => {
                damage(error, &mut found)?;
                if !reader.skip_damaged() {
                    return Ok(records);
                }
            }
        }
    }
}

/// Reports damage. Other errors are errors of the system.
fn damage(error: WarcError, found: &mut impl FnMut(u64, RecordFault)) -> io::Result<()> {
    match error {
        WarcError::Damaged { offset, damage } => {
            found(offset, damage.into());
            Ok(())
        }
        WarcError::Io(error) => Err(error),
    }
}

/// Checks the next record. Returns whether there was one.
fn check_record<R: BufRead>(reader: &mut WarcReader<R>, faults: &mut Vec<RecordFault>) -> Result<bool, WarcError> {
    let Some(record) = reader.next_record()? else { return Ok(false) };
    head_rules::check(&record, faults);
    check_block(reader, &record, faults).map_err(|error| WarcError::at(record.offset, error))?;
    let end = reader.finish()?;
    if end.is_some_and(|end| !end.is_own_member) {
        faults.push(RecordFault::SharedMember);
    }
    if end.is_some_and(|end| !end.is_exact) {
        faults.push(RecordFault::RecordEnd);
    }
    Ok(true)
}

const BLOCK_DIGEST: &str = "WARC-Block-Digest";
const PAYLOAD_DIGEST: &str = "WARC-Payload-Digest";

/// Reads the block of a record, and compares its digests and lengths.
fn check_block(block: &mut impl BufRead, record: &WarcRecord, faults: &mut Vec<RecordFault>) -> io::Result<()> {
    let declared = declared(record, BLOCK_DIGEST, faults);
    if record.fields.get(BLOCK_DIGEST).is_none() && record.block_length > 0 {
        faults.push(RecordFault::MissingDigest(BLOCK_DIGEST));
    }
    let mut block = HashingReader::new(block, declared.map(|(declared, _)| declared.hasher()));
    if record.has_http_head() {
        check_message(&mut block, record, faults)?;
    } else {
        check_payload(&mut block, record, faults)?;
    }
    io::copy(&mut block, &mut sink())?;
    compare(BLOCK_DIGEST, declared, [block.hasher], faults);
    Ok(())
}

/// The digest of this field, with the whole field. Reports an unknown algorithm.
fn declared<'a>(
    record: &'a WarcRecord,
    field: &'static str,
    faults: &mut Vec<RecordFault>,
) -> Option<(RecordDigest<'a>, &'a str)> {
    let value = record.fields.get(field)?;
    let digest = RecordDigest::parse(value);
    if digest.is_none() {
        faults.push(RecordFault::UnknownDigest { field, value: value.to_owned() });
    }
    Some((digest?, value))
}

/// Reports a digest that is that of none of the hashers. The first one has the bytes that it should be of.
fn compare<const N: usize>(
    field: &'static str,
    declared: Option<(RecordDigest<'_>, &str)>,
    hashers: [Option<DigestHasher>; N],
    faults: &mut Vec<RecordFault>,
) {
    let Some((digest, value)) = declared else { return };
    let computed: Vec<_> = hashers.into_iter().flatten().map(DigestHasher::finish).collect();
    if let Some(first) = computed.first().filter(|_| !computed.iter().any(|computed| digest.is(computed))) {
        faults.push(RecordFault::WrongDigest { field, declared: value.to_owned(), computed: base32(first) });
    }
}

/// Checks the payload of a record whose block is its payload.
fn check_payload(block: &mut impl BufRead, record: &WarcRecord, faults: &mut Vec<RecordFault>) -> io::Result<()> {
    let is_whole = record.fields.get("WARC-Segment-Number").is_none() && record.kind() != "revisit";
    let declared = declared(record, PAYLOAD_DIGEST, faults).filter(|_| is_whole);
    let mut payload = HashingReader::new(block, declared.map(|(declared, _)| declared.hasher()));
    io::copy(&mut payload, &mut sink())?;
    compare(PAYLOAD_DIGEST, declared, [payload.hasher], faults);
    Ok(())
}

/// Checks the HTTP message of a record.
fn check_message(block: &mut impl BufRead, record: &WarcRecord, faults: &mut Vec<RecordFault>) -> io::Result<()> {
    let head = match StoredHttpHead::read(block) {
        Ok(head) => head,
        Err(error) if flaw_of(&error) == Some(&HttpFlaw::NoHead) => {
            faults.push(RecordFault::NoHttpHead);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if record.kind() == "revisit" {
        return check_payload(block, record, faults);
    }
    let is_cut = record.fields.get("WARC-Truncated").is_some() || record.fields.get("WARC-Segment-Number").is_some();
    let declared =
        declared(record, PAYLOAD_DIGEST, faults).filter(|_| record.fields.get("WARC-Segment-Number").is_none());
    let hasher = declared.map(|(declared, _)| declared.hasher());
    let mut body = HashingReader::new(block, hasher.clone());
    let mut content = None;
    if head.is_chunked() {
        if begins_with_chunk(&mut body)? {
            let mut chunks = HashingReader::new(ChunkedContent::new(&mut body), hasher);
            match io::copy(&mut chunks, &mut sink()) {
                Err(error) if flaw_of(&error).is_none() => return Err(error),
                Err(_) if !is_cut => faults.push(RecordFault::Chunks),
                _ => content = chunks.hasher,
            }
        } else if !body.fill_buf()?.is_empty() {
            faults.push(RecordFault::NotChunked);
        }
    }
    io::copy(&mut body, &mut sink())?;
    if record.kind() == "response" && !is_cut {
        check_length(&head, body.length, faults);
    }
    if record.kind() == "response" && body.length > 0 && record.fields.get(PAYLOAD_DIGEST).is_none() {
        faults.push(RecordFault::MissingDigest(PAYLOAD_DIGEST));
    }
    // Many programs hash the chunks too.
    compare(PAYLOAD_DIGEST, declared, [content, body.hasher], faults);
    Ok(())
}

/// Compares the length of a body with its Content-Length. A body without bytes may be the answer to HEAD.
fn check_length(head: &StoredHttpHead, actual: u64, faults: &mut Vec<RecordFault>) {
    let declared = head.get("Content-Length").and_then(|length| length.parse::<u64>().ok());
    if let Some(declared) = declared.filter(|&declared| declared != actual && actual > 0 && !head.is_chunked()) {
        faults.push(RecordFault::ContentLength { declared, actual });
    }
}
