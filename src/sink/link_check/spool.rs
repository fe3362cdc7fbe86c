//! The links of pages in a temporary file, until the answers are known.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use super::super::SinkError;
use super::targets::UrlHash;

/// A page and its links.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SpooledPage {
    pub url: String,
    /// The hashes of the URLs of its links.
    pub links: Vec<UrlHash>,
    /// The URLs with a fragment.
    pub targets: Vec<String>,
    /// The links that are no URLs, each with what is wrong with it.
    pub invalid: Vec<(String, String)>,
}

/// The pages so far. The file has no name, and takes eight bytes a link.
#[derive(Default)]
pub(super) struct LinkSpool(Option<BufWriter<File>>);

impl LinkSpool {
    /// Adds a page.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn push(&mut self, page: &SpooledPage) -> Result<(), SinkError> {
        self.write(page).map_err(error)
    }

    fn write(&mut self, page: &SpooledPage) -> io::Result<()> {
        let to = match &mut self.0 {
            Some(file) => file,
            None => self.0.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        write_text(to, &page.url)?;
        write_length(to, page.links.len())?;
        for link in &page.links {
            to.write_all(&link.0.to_le_bytes())?;
        }
        write_length(to, page.targets.len())?;
        page.targets.iter().try_for_each(|target| write_text(to, target))?;
        write_length(to, page.invalid.len())?;
        page.invalid.iter().try_for_each(|(link, why)| write_text(to, link).and_then(|()| write_text(to, why)))
    }

    /// Reads the pages in their order.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn read(self) -> Result<SpooledPages, SinkError> {
        let Some(file) = self.0 else { return Ok(SpooledPages { file: None, left: 0 }) };
        let mut file = file.into_inner().map_err(|e| error(e.into_error()))?;
        let left = file.stream_position().map_err(error)?;
        file.rewind().map_err(error)?;
        Ok(SpooledPages { file: Some(BufReader::new(file)), left })
    }
}

/// The pages, one after the other.
pub(super) struct SpooledPages {
    file: Option<BufReader<File>>,
    /// The bytes that are not read yet.
    left: u64,
}

impl SpooledPages {
    /// Returns the next page; `None` after the last one.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn next(&mut self) -> Result<Option<SpooledPage>, SinkError> {
        let Some(file) = self.file.as_mut().filter(|_| self.left > 0) else { return Ok(None) };
        let mut from = file.take(self.left);
        let page = read_page(&mut from).map_err(error)?;
        self.left = from.limit();
        Ok(Some(page))
    }
}

fn read_page(from: &mut impl Read) -> io::Result<SpooledPage> {
    let url = read_text(from)?;
    let mut links = Vec::new();
    for _ in 0..read_length(from)? {
        let mut hash = [0; 8];
        from.read_exact(&mut hash)?;
        links.push(UrlHash(u64::from_le_bytes(hash)));
    }
    let targets = (0..read_length(from)?).map(|_| read_text(from)).collect::<io::Result<_>>()?;
    let invalid = (0..read_length(from)?).map(|_| Ok((read_text(from)?, read_text(from)?)));
    let invalid = invalid.collect::<io::Result<_>>()?;
    Ok(SpooledPage { url, links, targets, invalid })
}

fn write_length(to: &mut impl Write, length: usize) -> io::Result<()> {
    let length = u32::try_from(length).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())
}

fn write_text(to: &mut impl Write, text: &str) -> io::Result<()> {
    write_length(to, text.len())?;
    to.write_all(text.as_bytes())
}

fn read_length(from: &mut impl Read) -> io::Result<usize> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)
}

fn read_text(from: &mut impl Read) -> io::Result<String> {
    let mut octets = vec![0; read_length(from)?];
    from.read_exact(&mut octets)?;
    String::from_utf8(octets).map_err(io::Error::other)
}

fn error(source: io::Error) -> SinkError {
    SinkError { target: "a temporary file for links".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_they_were_written() {
        let pages: Vec<_> = (0..300_u64)
            .map(|number| SpooledPage {
                url: format!("http://a.test/{}", "ä".repeat(number as usize)),
                links: (0..number).map(UrlHash).collect(),
                targets: (0..number % 3).map(|n| format!("http://a.test/#{n}")).collect(),
                invalid: (0..number % 2).map(|n| (format!("http://a.test:{n}b/"), "why".to_owned())).collect(),
            })
            .collect();
        let mut spool = LinkSpool::default();
        pages.iter().for_each(|page| spool.push(page).unwrap());
        let mut read = spool.read().unwrap();
        for page in pages {
            assert_eq!(read.next().unwrap(), Some(page));
        }
        assert_eq!(read.next().unwrap(), None);
        assert_eq!(LinkSpool::default().read().unwrap().next().unwrap(), None);
    }
}
