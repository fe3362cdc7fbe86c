//! Settings that contradict each other, or the task of the run.
//!
//! The check comes after all layers: a contradiction counts the same from a file, a variable or a
//! flag. Each message names both settings and where they come from.

use std::path::Path;

use crate::model::TextFormat;

use super::{
    BackendKind, ChangesBy, Compression, Config, Duplicates, FleetConfig, Format, KEYS, Key, Order, Origins,
    SettingSource, Show, ValueForm,
};

/// The uses of a run beside its settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Task<'a> {
    /// The run retries URLs of an earlier run (`--retry-from`).
    pub retries: bool,
    /// The run selects lines by their results in the state (`--only` alone).
    pub selects: bool,
    /// The file for the body of the one URL (`--output-document`); `-` is standard output.
    pub document: Option<&'a Path>,
}

impl Config {
    /// Checks that no setting contradicts another one or the task, and that none lacks what it needs.
    /// With the origins of the settings the messages name them; an empty map is a configuration that a
    /// program made.
    ///
    /// # Errors
    /// A message for each contradiction, and for each flag that could have no effect.
    #[doc(hidden)]
    pub fn validate(&self, task: Task<'_>, origins: &Origins) -> Result<(), Vec<String>> {
        let mut problems = self.contradictions(task, origins);
        problems.extend(self.lacking(task, origins));
        problems.extend(self.without_effect(task, origins));
        problems.extend(self.without_links(origins));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The pairs of settings that exclude each other.
    fn contradictions(&self, task: Task<'_>, origins: &Origins) -> Vec<String> {
        let dir_flag = self.dir.is_some() && is_flag(origins, "dir");
        let (changes, document) = (self.changes.is_some(), task.document.is_some());
        let queue = self.fleet.queue.is_some();
        let of_one = "every worker has URLs of its own";
        let pairs = [
            (self.refresh && self.skip_existing, "refresh", "skip-existing", "contradict each other"),
            (self.dry_run && changes, "dry-run", "changes", "nothing is fetched that could have changed"),
            (task.retries && changes, "retry-from", "changes", "another try of some URLs is no run to compare"),
            (task.selects && changes, "only", "changes", "another try of some URLs is no run to compare"),
            (task.selects && self.fresh, "only", "fresh", "with --fresh there are no results to select by"),
            (document && task.selects, "output-document", "only", "contradict each other"),
            (document && task.retries, "output-document", "retry-from", "contradict each other"),
            // A folder that a file or a variable names is for lists.
            (document && dir_flag, "output-document", "dir", "contradict each other"),
            (queue && document, "queue", "output-document", of_one),
            (queue && task.retries, "queue", "retry-from", of_one),
            (queue && task.selects, "queue", "only", of_one),
            (queue && self.crawl.check, "queue", "check", "no worker knows the links that all others found"),
            (queue && self.dry_run, "queue", "dry-run", "a dry run shares nothing"),
            (queue && self.order == Order::Input, "queue", "order", of_one),
            (queue && self.duplicates == Duplicates::Fetch, "queue", "duplicates", "a shared job fetches a URL once"),
            (queue && self.crawl.max_pages.is_some(), "queue", "max-pages", "no worker counts the pages of all others"),
            (document && self.head, "head", "output-document", "a head has no body to save"),
            (
                self.archive.file.is_some() && self.backend == BackendKind::Processes,
                "warc-file",
                "backend",
                "only one process can write an archive",
            ),
            (
                self.text.file.is_some() && self.compression == Compression::Raw,
                "text",
                "compression",
                "a body that stays compressed has no text",
            ),
            (self.text.file.is_some() && self.head, "head", "text", "a head has no text"),
            // Otherwise the later layer wins.
            (
                self.refresh && self.fresh && is_one_layer(origins, "refresh", "fresh"),
                "refresh",
                "fresh",
                "contradict each other: with --fresh everything is asked for anew",
            ),
        ];
        let pairs = pairs.into_iter().filter(|(holds, ..)| *holds);
        pairs.map(|(_, one, other, why)| pair(origins, one, other, why)).collect()
    }

    /// The settings without another one that they need.
    fn lacking(&self, task: Task<'_>, origins: &Origins) -> impl Iterator<Item = String> {
        let remembers = self.state.is_some() || (self.dir.is_some() && task.document.is_none() && !self.head);
        let no_past = "this run remembers nothing to compare with; save with --dir, or name a --state";
        let no_results =
            "there are no results to select by; name records with --retry-from, or add --dir DIR or --state FILE";
        [
            (self.key.is_some() && self.cert.is_none(), "key", "is the key of no certificate; name that with --cert"),
            (self.netrc && self.netrc_file.is_none(), "netrc", "has no file; name it with --netrc-file"),
            (self.changes.is_some() && !remembers, "changes", no_past),
            (task.selects && !remembers && task.document.is_none(), "only", no_results),
        ]
        .into_iter()
        .filter(|(lacks, ..)| *lacks)
        .map(|(_, name, why)| format!("{}: {why}", shown(origins, name)))
    }

    /// The flags about files and the state, in a run that saves and remembers nothing. Settings from
    /// files and variables do not count: they are there for other runs.
    fn without_effect(&self, task: Task<'_>, origins: &Origins) -> impl Iterator<Item = String> {
        // With a document the folder is not used.
        let dir = self.dir.is_some() && task.document.is_none();
        let saves = dir || task.document.is_some_and(|path| path != Path::new("-"));
        let state = self.state.is_some();
        let archives = self.archive.file.is_some();
        let no_archive = "there is no archive without --warc-file NAME; add it, or leave this out";
        let no_mirror = "there is no mirror without --dir DIR and --convert-links; add them, or leave this out";
        let no_file = "there is no file without --dir DIR; add it, or leave this out";
        let no_past = "nothing is remembered without --dir DIR or --state FILE; add one, or leave this out";
        [
            ("name", saves, true, no_file),
            ("content-disposition", saves, self.content_disposition, no_file),
            ("adjust-extension", dir, self.crawl.adjust_extension, no_file),
            ("mirror-index", dir && self.crawl.convert_links, self.crawl.mirror_index, no_mirror),
            ("convert-links", dir, self.crawl.convert_links, no_file),
            ("skip-existing", saves, self.skip_existing, no_file),
            ("remote-time", saves, self.remote_time, no_file),
            ("sync", saves || state || archives, self.sync, no_file),
            (
                "show",
                self.format == Format::Text,
                self.show != Show::Auto,
                "is for text, and records of another format are complete; leave it out",
            ),
            (
                "order",
                !self.crawl.follow && !self.crawl.requisites,
                self.order == Order::Input,
                "links have no order of the input; leave it out",
            ),
            ("warc-header", archives, !self.archive.header.is_empty(), no_archive),
            ("warc-outlinks", archives, self.archive.outlinks, no_archive),
            ("warc-cdx", archives, self.archive.cdx, no_archive),
            ("wacz", archives, self.archive.wacz.is_some(), no_archive),
            ("changes-by", dir || state, self.text.changes_by == ChangesBy::Text, no_past),
            (
                "text-format",
                self.text.file.is_some(),
                self.text.format != TextFormat::default(),
                "there is no text without --text FILE; add it, or leave this out",
            ),
            (
                "worker-name",
                self.fleet.queue.is_some(),
                self.fleet.worker_name.is_some(),
                "is for --queue; leave it out",
            ),
            (
                "lease",
                self.fleet.queue.is_some(),
                self.fleet.lease != FleetConfig::default().lease,
                "is for --queue; leave it out",
            ),
            ("fresh", dir || state, self.fresh, no_past),
            ("refresh", saves || state, self.refresh, no_past),
        ]
        .into_iter()
        .filter(|(name, has_effect, asked, _)| *asked && !has_effect && is_flag(origins, name))
        .map(|(name, .., missing)| format!("{}: {missing}", shown(origins, name)))
    }

    /// The flags of a crawl, in a run that follows no links.
    fn without_links(&self, origins: &Origins) -> impl Iterator<Item = String> {
        // Requisites are links too.
        const OF_REQUISITES: [&str; 7] =
            ["exclude", "accept", "reject", "skipped", "strip-param", "canonical", "traps"];
        let is_idle = |key: &&Key| {
            let follows = self.crawl.follow || (self.crawl.requisites && OF_REQUISITES.contains(&key.name));
            key.is_of_crawl() && !follows && is_flag(origins, key.name)
        };
        KEYS.iter().filter(is_idle).map(|key| {
            let flag = shown(origins, key.name);
            let too = if OF_REQUISITES.contains(&key.name) { ", and for a list with --requisites" } else { "" };
            format!("{flag} is for `fetchall crawl`, which follows links{too}; leave it out here")
        })
    }
}

/// The message for two settings.
fn pair(origins: &Origins, one: &str, other: &str, why: &str) -> String {
    // A flag goes away with its word; to override a file or a variable takes another flag.
    let off = [one, other].into_iter().find_map(|name| {
        let is_elsewhere = matches!(origins.get(name), Some(SettingSource::File { .. } | SettingSource::Variable(_)));
        let key = Key::named(name).filter(|_| is_elsewhere)?;
        Some(if key.form == ValueForm::Switch { key.off.to_owned() } else { format!("{} none", key.flag) })
    });
    let advice = off.map_or_else(String::new, |off| format!(", or add {off}"));
    format!("{} and {}: {why}; leave one of them out{advice}", shown(origins, one), shown(origins, other))
}

/// A setting and where it comes from.
fn shown(origins: &Origins, name: &str) -> String {
    match origins.get(name) {
        Some(SettingSource::Flag(flag)) => (*flag).to_owned(),
        Some(origin @ (SettingSource::File { .. } | SettingSource::Variable(_))) => format!("{name} ({origin})"),
        Some(SettingSource::Default) | None => format!("--{name}"),
    }
}

fn is_flag(origins: &Origins, name: &str) -> bool {
    matches!(origins.get(name), Some(SettingSource::Flag(_)))
}

/// Whether both settings are flags, both are variables, or both are in one file.
fn is_one_layer(origins: &Origins, one: &str, other: &str) -> bool {
    match (origins.get(one), origins.get(other)) {
        (Some(SettingSource::Flag(_)), Some(SettingSource::Flag(_)))
        | (Some(SettingSource::Variable(_)), Some(SettingSource::Variable(_))) => true,
        (Some(SettingSource::File { name: one, .. }), Some(SettingSource::File { name: other, .. })) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::super::{Layers, Raw};
    use super::*;

    /// The messages about what a file, variables and flags say.
    fn problems(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)], task: Task<'_>) -> Vec<String> {
        let mut layers = Layers::new();
        layers.file("own.toml", file);
        for (name, value) in variables {
            layers.variable(OsStr::new(name), OsStr::new(value));
        }
        for (name, value) in flags {
            let key = Key::named(name).unwrap();
            layers.flag(key, key.flag, Raw::Text(OsStr::new(value)));
        }
        let (config, origins) = layers.finish().unwrap();
        config.validate(task, &origins).err().unwrap_or_default()
    }

    #[test]
    fn contradictions_name_both_settings_and_their_sources() {
        let flags = [("dir", "out"), ("refresh", "true"), ("skip-existing", "true")];
        let both = "contradict each other; leave one of them out";
        assert_eq!(problems("", &[], &flags, Task::default()), [format!("--refresh and --skip-existing: {both}")]);
        assert_eq!(
            problems("\nskip-existing = true", &[], &flags[..2], Task::default()),
            [format!("--refresh and skip-existing (own.toml:2): {both}, or add --no-skip-existing")]
        );
        assert_eq!(
            problems("skip-existing = true", &[("FETCHALL_REFRESH", "1")], &[], Task::default()),
            [format!("refresh (FETCHALL_REFRESH) and skip-existing (own.toml:1): {both}, or add --no-refresh")]
        );
        let changes = problems("changes = 'c'", &[], &[("dry-run", "true")], Task::default());
        assert!(changes[0].ends_with("leave one of them out, or add --changes none"), "{changes:?}");
    }

    #[test]
    fn contradictions_of_a_program_have_no_sources() {
        let config = Config { refresh: true, skip_existing: true, ..Config::default() };
        let problems = config.validate(Task::default(), &Origins::new()).unwrap_err();
        assert_eq!(problems, ["--refresh and --skip-existing: contradict each other; leave one of them out"]);
    }

    #[test]
    fn fresh_of_a_later_layer_overrides_refresh() {
        let told = |file, variables: &[(&str, &str)]| problems(file, variables, &[], Task::default()).len();
        assert_eq!(told("refresh = true", &[("FETCHALL_FRESH", "1")]), 0);
        assert_eq!(told("refresh = true\nfresh = true", &[]), 1);
        assert_eq!(told("", &[("FETCHALL_FRESH", "1"), ("FETCHALL_REFRESH", "1")]), 1);
    }

    #[test]
    fn task_may_contradict_settings() {
        let path = Path::new("page.html");
        let document = Task { document: Some(path), ..Task::default() };
        let retry = Task { retries: true, ..Task::default() };
        for (file, task, part) in [
            ("head = true", document, "head (own.toml:1) and --output-document: a head has no body"),
            ("state = 's'\nchanges = 'c'", retry, "--retry-from and changes (own.toml:2): "),
            ("", Task { document: Some(path), ..retry }, "--output-document and --retry-from: "),
        ] {
            let told = problems(file, &[], &[], task);
            assert!(told.len() == 1 && told[0].starts_with(part), "{told:?}");
        }
        assert_eq!(problems("", &[], &[("dir", "out")], document).len(), 1);
        assert_eq!(problems("dir = 'out'", &[], &[], document), [""; 0], "a folder of a file is for lists");
    }

    #[test]
    fn settings_that_need_another_one_name_it() {
        let told = problems("key = 'k.pem'", &[], &[], Task::default());
        assert_eq!(told, ["key (own.toml:1): is the key of no certificate; name that with --cert"]);
        for (file, count) in [("", 1), ("dir = 'out'", 0), ("state = 's'", 0), ("dir = 'out'\nhead = true", 1)] {
            let told = problems(file, &[("FETCHALL_CHANGES", "c")], &[], Task::default());
            assert_eq!(told.len(), count, "{told:?}");
            let part = "changes (FETCHALL_CHANGES): this run remembers nothing";
            assert!(told.iter().all(|told| told.starts_with(part)), "{told:?}");
        }
        let told = problems("", &[], &[("sync", "true")], Task::default());
        assert_eq!(told, ["--sync: there is no file without --dir DIR; add it, or leave this out"]);
        assert_eq!(problems("sync = true", &[], &[], Task::default()), [""; 0], "it is there for other runs");
    }
}
