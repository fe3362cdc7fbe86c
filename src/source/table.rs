//! The rows of a table. The module `layout` assigns a meaning to each column.

use super::address::Reason;
use super::cells::{Cells, Splitter};
use super::column::Column;
use super::layout::{self, TableLayout};
use super::line::{Gathered, Place, Wants};
use super::lines::LineEnding;
use super::{text, wants};
use crate::model::{Entry, has_at_sign};

/// The message for a URL that ends within its password.
const CUT_PASSWORD: &str = "not a URL, and a later cell has an @; quote a cell that holds the separator";

/// A table that is being read.
pub(super) struct TableReader {
    layout: TableLayout,
    splitter: Splitter,
    cells: Cells,
    /// Records before the first row: the line that names the separator, titles, and the header.
    to_skip: usize,
}

impl TableReader {
    pub fn new(layout: TableLayout) -> Self {
        let splitter = Splitter::new(layout.separator);
        Self { to_skip: layout.records_before, splitter, layout, cells: Cells::default() }
    }

    /// How its records end.
    pub fn ending(&self) -> LineEnding {
        match self.splitter {
            Splitter::Tsv(_) => LineEnding::Newline,
            Splitter::Csv(_) => LineEnding::Csv(self.layout.separator),
        }
    }

    /// Reads one record.
    pub fn record(&mut self, bytes: &[u8], place: Place<'_>, out: &mut Gathered) {
        if layout::says_nothing(bytes) {
            return;
        }
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return;
        }
        // Cells after the last known column may hold any text.
        let last = self.layout.columns.last().map(|(at, _)| *at);
        if Cells::torn(&self.splitter, bytes, self.layout.separator).is_some_and(|cell| Some(cell) <= last) {
            // The apparent URL cell may be a part of another one, or may go on into it.
            out.push(
                place.bad("", "text follows the closing quote of a cell; double a quote that is meant"),
                place.next,
            );
            return;
        }
        self.cells.split_row(&mut self.splitter, bytes, self.layout.width);
        let entry = match self.row() {
            Ok((url, wants)) => match place.value_entry(url, wants) {
                Entry::Bad(_) if self.is_cut_password() => place.bad("", CUT_PASSWORD),
                entry => entry,
            },
            Err(reason) if self.has_more_cells() || self.is_cut_password() => place.bad("", reason),
            // Other cells may hold secrets.
            Err(reason) => place.bad_value(&String::from_utf8_lossy(self.cells.get(self.layout.url)), reason),
        };
        out.push(entry, place.next);
    }

    /// A record that cannot be cut into cells. Others than the URL may hold secrets.
    pub fn bad(&mut self, reason: Reason, place: Place<'_>, out: &mut Gathered) {
        self.to_skip = self.to_skip.saturating_sub(1);
        out.push(place.bad("", reason), place.next);
    }

    /// Returns whether the URL of a bad row may end within its password. A separator in a password ends
    /// the cell. The sign that ends the password is then in a later cell.
    fn is_cut_password(&self) -> bool {
        let mut later = self.cells.iter().skip(self.layout.url + 1).map(String::from_utf8_lossy);
        later.any(|cell| has_at_sign(&cell))
    }

    fn has_more_cells(&self) -> bool {
        self.cells.iter().skip(self.layout.width).any(|cell| !cell.is_empty())
    }

    fn row(&self) -> Result<(&str, Wants), Reason> {
        let mut found = Wants::default();
        if self.has_more_cells() {
            // Most often an unquoted comma in the URL, which moves every later cell by one column.
            return Err(if self.layout.has_header {
                "has more cells than the header names; quote a cell that holds the separator".into()
            } else {
                "has more cells than the first row; quote a cell that holds the separator, \
                 or add a header line that names the columns, such as url and out"
                    .into()
            });
        }
        for &(at, column) in &self.layout.columns {
            let cell = self.text(at)?;
            if cell.is_empty() {
                continue;
            }
            match column {
                Column::Url => {}
                Column::Out => found.per_seed.out = Some(cell.to_owned()),
                Column::Sha256 => found.per_seed.sha256 = Some(wants::digest("sha256", cell)?),
                Column::Blake3 => found.per_seed.blake3 = Some(wants::digest("blake3", cell)?),
                Column::Priority => found.priority = wants::priority(cell)?,
                Column::Headers => found.per_seed.headers = wants::headers_cell(cell)?,
            }
        }
        match self.text(self.layout.url)? {
            "" => Err(format!("the {} cell is empty; fill it in or remove the row", self.layout.url_name).into()),
            url => Ok((url, found)),
        }
    }

    /// The text of a cell that is used. Cells that are not may hold any bytes.
    fn text(&self, at: usize) -> Result<&str, Reason> {
        self.cells.text(at).map_err(|error| {
            let mut columns = self.layout.columns.iter();
            let name = match columns.find(|(known, _)| *known == at) {
                Some((_, column)) if *column != Column::Url => column.name(),
                _ => &self.layout.url_name,
            };
            let byte = self.cells.get(at).get(error.valid_up_to()).copied().unwrap_or_default();
            format!("byte 0x{byte:02X} in the {name} cell is no UTF-8; {}", text::ENCODING_ADVICE).into()
        })
    }
}
