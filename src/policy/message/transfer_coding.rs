//! Reads the transfer codings of a message (RFC 9112, sections 6.1 and 7).

/// The transfer codings of one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TransferCodings<'a> {
    /// All but the final `chunked`, in the order applied.
    pub inner: Vec<&'a [u8]>,
    /// Whether `chunked` is the final coding and so frames the body.
    pub is_chunked: bool,
}

/// Reads the values of the Transfer-Encoding fields, in their order, as one list.
///
/// Ignores empty members, and `identity`, which RFC 2616 defined. A repeated final `chunked` counts once, as in
/// curl and browsers: some proxies add the field to an answer that has one.
pub fn transfer_codings<'a>(values: impl Iterator<Item = &'a [u8]>) -> TransferCodings<'a> {
    let members = values.flat_map(|value| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii);
    let mut inner: Vec<_> = members.filter(|it| !it.is_empty() && !it.eq_ignore_ascii_case(b"identity")).collect();
    let named = inner.len();
    while inner.last().is_some_and(|last| is_chunked(last)) {
        inner.pop();
    }
    TransferCodings { is_chunked: inner.len() < named, inner }
}

impl<'a> TransferCodings<'a> {
    /// Returns a `chunked` that another coding follows, or one with parameters. RFC 9112, section 7.1, forbids
    /// both: the end of such a body is unknown.
    pub fn misplaced_chunked(&self) -> Option<&'a [u8]> {
        let name = |member: &'a [u8]| member.split(|&b| b == b';').next().unwrap_or(member).trim_ascii();
        self.inner.iter().copied().find(|member| is_chunked(name(member)))
    }

    /// Writes the codings as one value.
    pub fn to_value(&self) -> Vec<u8> {
        let chunked = self.is_chunked.then_some(&b"chunked"[..]);
        self.inner.iter().copied().chain(chunked).collect::<Vec<_>>().join(&b", "[..])
    }
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_codings_are_read_as_one() {
        for (values, inner, is_chunked) in [
            (&["chunked"][..], &[][..], true),
            (&["ChunKed"], &[], true),
            (&["gzip, chunked"], &["gzip"], true),
            (&["gzip", "chunked"], &["gzip"], true),
            (&["identity"], &[], false),
            (&["chunked, identity"], &[], true),
            (&["identity", "\tchunked ,"], &[], true),
            (&["", " , "], &[], false),
            (&["chunked, chunked"], &[], true),
            (&["chunked", "chunked"], &[], true),
            (&["chunked, gzip"], &["chunked", "gzip"], false),
            (&["chunked, gzip, chunked"], &["chunked", "gzip"], true),
            (&["chunked;a=b"], &["chunked;a=b"], false),
            (&["x-foo;a=\"b,chunked\""], &["x-foo;a=\"b", "chunked\""], false),
        ] {
            let codings = transfer_codings(values.iter().map(|value| value.as_bytes()));
            let inner: Vec<_> = inner.iter().map(|it| it.as_bytes()).collect();
            assert_eq!(codings, TransferCodings { inner, is_chunked }, "{values:?}");
            let value = codings.to_value();
            assert_eq!(transfer_codings([&value[..]].into_iter()), codings, "{values:?} written and read again");
        }
    }

    #[test]
    fn chunked_is_the_final_coding_or_misplaced() {
        for (value, misplaced) in [
            ("gzip, chunked", None),
            ("x-chunked", None),
            ("chunked, gzip", Some("chunked")),
            ("chunked, gzip, chunked", Some("chunked")),
            ("Chunked ; a=b", Some("Chunked ; a=b")),
        ] {
            let codings = transfer_codings([value.as_bytes()].into_iter());
            assert_eq!(codings.misplaced_chunked(), misplaced.map(str::as_bytes), "{value}");
        }
    }
}
