//! The cookies of a run: read from files before it, written to one after it.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::{CheckedFiles, SetupError, bounded_read};
use crate::config::Config;
use crate::fetch::CookieJar;
use crate::model::{Outcome, Summary, shown_path};
use crate::policy::cookies::{Jar, MOST_BYTES, Skipped};
use crate::sink::{Sink, SinkError, WholeFile};

/// The file to load that `--cookie` names, where it holds no cookie itself: as in curl.
pub(super) fn named_by_cookie(config: &Config) -> Option<&Path> {
    config.cookie.as_deref().filter(|text| !text.contains('=') && !text.is_empty()).map(Path::new)
}

/// The text of a Cookie field that `--cookie` holds.
pub(super) fn field(config: &Config) -> Option<&str> {
    config.cookie.as_deref().filter(|text| text.contains('='))
}

/// Builds the jar of a run that keeps cookies, with a warning for each file that has odd lines.
pub(super) fn jar(config: &Config) -> Result<(Option<Arc<CookieJar>>, Vec<String>), SetupError> {
    let Config { cookie, load_cookies, save_cookies, .. } = config;
    if cookie.is_none() && load_cookies.is_none() && save_cookies.is_none() {
        return Ok((None, Vec::new()));
    }
    let (mut jar, mut warnings) = (Jar::new(MOST_BYTES), Vec::new());
    let now = Timestamp::now().as_second();
    for path in [named_by_cookie(config), load_cookies.as_deref()].into_iter().flatten() {
        let text = match bounded_read::read(path, bounded_read::LARGE) {
            Ok(text) => text,
            // A run that goes on with its own file has none the first time.
            Err(e) if e.kind() == io::ErrorKind::NotFound && save_cookies.as_deref() == Some(path) => continue,
            // A word without `=` is the name of a file, but may have been meant for a cookie.
            Err(source) if named_by_cookie(config) == Some(path) => {
                let why = format!("--cookie: cannot read the file that it names: {source}; a cookie is NAME=VALUE");
                return Err(SetupError::Setting(why));
            }
            Err(source) => return Err(SetupError::Path { path: path.to_owned(), purpose: "cookies", source }),
        };
        let skipped = jar
            .load(&text, now)
            .map_err(|why| SetupError::Setting(format!("cannot load the cookies of {}: {why}", shown_path(path))))?;
        warnings.extend(warning(path, &skipped));
    }
    Ok((Some(Arc::new(CookieJar::new(jar))), warnings))
}

/// Returns the warning about cookies of a file that were left out.
fn warning(path: &Path, skipped: &Skipped) -> Option<String> {
    let (number, why) = skipped.first?;
    let others = match skipped.others {
        0 => String::new(),
        1 => ", and so is 1 other".to_owned(),
        others => format!(", and so are {others} others"),
    };
    Some(format!("{}:{number}: no cookie, because {why}; it is left out{others}", shown_path(path)))
}

/// Writes the cookies when the run is over, however it ended.
pub(super) struct CookieFile {
    jar: Arc<CookieJar>,
    file: WholeFile,
}

impl CookieFile {
    /// Begins the file, so that a path which cannot be used is found at once.
    pub(super) fn create(path: &Path, files: &CheckedFiles, jar: Arc<CookieJar>) -> Result<Self, SetupError> {
        let unusable = |source| SetupError::Path { path: path.to_owned(), purpose: "the cookies", source };
        Ok(Self { jar, file: files.whole_file(path, true).map_err(unusable)? })
    }
}

impl Sink for CookieFile {
    fn outcome(&mut self, _outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, _summary: &Summary) -> Result<(), SinkError> {
        self.file.write(&self.jar.text())?;
        self.file.finish()
    }
}
