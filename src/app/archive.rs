//! The archive of a run, made from the settings.

use std::sync::Arc;

use super::SetupError;
use crate::archive::{Archive, ArchiveFiles, ArchiveMemory, ArchiveSettings, EarlierPayloads};
use crate::config::Config;
use crate::model::{ArchivedPayload, RobotsMode};
use crate::state::{KnownArchive, KnownPayloads};

/// The version of the format, as archive tools name it.
const CONFORMS_TO: &str = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/";

/// Opens the archive of a run; `None` for a run without one.
pub(super) fn open(config: &Config, known: Option<KnownArchive>) -> Result<Option<Arc<Archive>>, SetupError> {
    let Some(path) = config.archive.file.as_ref().filter(|_| !config.dry_run) else { return Ok(None) };
    let unusable = |source| SetupError::Path { path: path.clone(), purpose: "the archive", source };
    let files = ArchiveFiles::new(path, config.archive.compression).ok_or_else(|| {
        let why = "it names a folder; name the files in it, such as DIR/site";
        unusable(std::io::Error::new(std::io::ErrorKind::IsADirectory, why))
    })?;
    let settings = ArchiveSettings {
        files,
        digest: config.archive.digest,
        max_size: config.archive.max_size,
        info: info(config),
        sync: config.sync,
        outlinks: config.archive.outlinks,
    };
    let memory = known
        .map(|known| ArchiveMemory { position: known.position, payloads: Box::new(PayloadsOfState(known.payloads)) });
    Archive::open(settings, memory).map(Arc::new).map(Some).map_err(unusable)
}

/// The payloads that a state knows.
struct PayloadsOfState(KnownPayloads);

impl EarlierPayloads for PayloadsOfState {
    fn find(&mut self, digest: &str) -> Option<ArchivedPayload> {
        self.0.find(digest).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for an earlier payload");
            None
        })
    }
}

/// The fields of the warcinfo record.
fn info(config: &Config) -> Vec<(String, String)> {
    let software = concat!("fetchall/", env!("CARGO_PKG_VERSION")).to_owned();
    let robots = match config.crawl.robots {
        _ if !config.crawl.follow => "ignore",
        RobotsMode::Obey => "obey",
        RobotsMode::Ignore | RobotsMode::Report => "ignore",
    };
    let fields = [
        ("software", software),
        ("format", "WARC File Format 1.1".to_owned()),
        ("conformsTo", CONFORMS_TO.to_owned()),
        ("robots", robots.to_owned()),
        ("http-header-user-agent", config.user_agent.clone()),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    let own = config.archive.header.iter().filter_map(|text| text.split_once(':'));
    fields.chain(own.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))).collect()
}
