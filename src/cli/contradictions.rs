//! Checks for settings that make no sense, together or alone. Each message names their sources.

use std::path::Path;

use fetchall::config::Origin;

use super::exit::UsageError;
use super::resolve::Resolved;

/// Checks the settings of a run against each other and against the task of the run.
///
/// # Errors
/// Returns the settings that contradict each other, and the flags that could have no effect.
pub fn check(resolved: &Resolved) -> Result<(), UsageError> {
    let config = &resolved.config;
    let changes = config.changes.is_some();
    let pairs = [
        (config.refresh && config.skip_existing, "refresh", "skip-existing", "contradict each other"),
        (config.dry_run && changes, "dry-run", "changes", "nothing is fetched that could have changed"),
        (resolved.retry.is_some() && changes, "retry-from", "changes", "another try of some URLs is no run to compare"),
        // A flag counts for more than a file that asks for the other.
        (
            config.refresh && config.fresh && resolved.is_flag("refresh") && resolved.is_flag("fresh"),
            "refresh",
            "fresh",
            "contradict each other: with --fresh everything is asked for anew",
        ),
    ];
    let mut problems: Vec<String> = Vec::new();
    for (holds, one, other, why) in pairs {
        if holds {
            let advice = without(resolved, one).or_else(|| without(resolved, other));
            let advice = advice.unwrap_or_else(|| "leave one of them out".to_owned());
            problems.push(format!("--{one} and --{other}: {why}; {advice}"));
        }
    }
    problems.extend(without_effect(resolved));
    if problems.is_empty() { Ok(()) } else { Err(UsageError(problems)) }
}

/// Returns advice on disabling a setting that a file or a variable gave.
fn without(resolved: &Resolved, key: &str) -> Option<String> {
    let origin = resolved.origins.get(key)?;
    let off = if key == "changes" { "--changes none".to_owned() } else { format!("--{key}=false") };
    match origin {
        Origin::File { .. } | Origin::Variable(_) => Some(format!("{origin} sets {key}: say {off}")),
        Origin::Default | Origin::Flag(_) => None,
    }
}

/// Returns the flags about files and the state, in a run that saves and remembers nothing. Settings
/// from files and variables do not count: they are there for other runs.
fn without_effect(resolved: &Resolved) -> Vec<String> {
    let config = &resolved.config;
    let (dir, state) = (config.dir.is_some(), config.state.is_some());
    let document = resolved.output_document.as_deref().is_some_and(|path| path != Path::new("-"));
    let named = |key: &str, flag_has_effect: bool, asked: bool, missing: &str| {
        (asked && !flag_has_effect && resolved.is_flag(key)).then(|| format!("--{key}: {missing}"))
    };
    let no_file = "there is no file without --dir DIR; add it, or leave this out";
    let no_past = "nothing is remembered without --dir DIR or --state FILE; add one, or leave this out";
    [
        named("name", dir || document, true, no_file),
        named("content-disposition", dir || document, config.content_disposition, no_file),
        named("skip-existing", dir || document, config.skip_existing, no_file),
        named("remote-time", dir || document, config.remote_time, no_file),
        named("sync", dir || document || state, config.sync, no_file),
        named("fresh", dir || state, config.fresh, no_past),
        named("refresh", dir || document || state, config.refresh, no_past),
    ]
    .into_iter()
    .flatten()
    .collect()
}
