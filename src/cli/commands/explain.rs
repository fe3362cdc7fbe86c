//! `fetchall explain`: why a URL is fetched or not.

use std::fmt::Write;

use fetchall::app::{self, Explained};
use fetchall::policy::text::printable::printable;

use crate::cli::exit::{Exit, UsageError};
use crate::cli::explain_args::Question;
use crate::cli::to_stdout;

/// Writes the explanation of each URL to standard output.
pub fn tell(question: &Question) -> anyhow::Result<Exit> {
    let Question { config, urls, starts, offline, json } = question;
    let explained = app::explain(config, urls, starts, *offline).map_err(|e| UsageError::one(e.to_string()))?;
    let mut text = String::new();
    for (at, explained) in explained.iter().enumerate() {
        if *json {
            text.push_str(&explained.to_json()?);
            text.push('\n');
            continue;
        }
        if at > 0 {
            text.push('\n');
        }
        for line in lines(explained, question) {
            // A state and a server may say anything.
            text.push_str(&printable(&line));
            text.push('\n');
        }
    }
    to_stdout(text.as_bytes())
}

/// The lines for people, the verdict first.
fn lines(of: &Explained, question: &Question) -> Vec<String> {
    let mut lines = vec![verdict(of)];
    let mut line = |name: &str, value: &str| lines.push(format!("{name:12} {value}"));
    line("url:", &of.url);
    line("canonical:", &of.canonical);
    let scope = match of.scope {
        "list" => "none: the URL counts as one of a list (--crawl START names a start page)",
        "start" => "it is a start page",
        "in" => "inside",
        _ => "outside",
    };
    match &of.scope_rule {
        Some(rule) => line("scope:", &format!("{scope}: {rule}")),
        None => line("scope:", scope),
    }
    if let Some(trap) = &of.trap {
        line("trap:", trap);
    }
    if of.scope == "in" && of.state.is_none() {
        line("unknown:", "depth, nofollow and learned traps, which depend on the pages before it");
    }
    line("robots:", &robots(of, question));
    if of.linked_from.count > 0 {
        line("linked from:", &format!("pages of the state, {} in all", of.linked_from.count));
        of.linked_from.pages.iter().for_each(|page| line("", page));
    }
    if let Some(file) = &of.file {
        line("file:", file);
    }
    let state = match (&of.state_path, &of.state) {
        (None, _) => "no state".to_owned(),
        (Some(path), None) => format!("{path} does not know this URL"),
        (Some(path), Some(_)) => path.clone(),
    };
    line("state:", &state);
    if let Some(known) = &of.state {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        for (name, value) in [
            ("outcome", Some(known.outcome.clone())),
            ("error", known.error.clone()),
            ("status", number(known.status.map(u64::from))),
            ("led to", known.final_url.clone()),
            ("date", known.started_at.clone()),
            ("bytes", number(known.bytes)),
            ("type", known.content_type.clone()),
            ("etag", known.etag.clone()),
            ("modified", known.last_modified.clone()),
            ("title", known.title.clone()),
            ("links", number(known.links)),
        ] {
            if let Some(value) = value {
                line(&format!("{name}:"), &value);
            }
        }
    }
    lines
}

fn verdict(of: &Explained) -> String {
    let mut text = match of.verdict {
        "fetched" => "fetched",
        "not_fetched" => "not fetched",
        _ => "would be fetched",
    }
    .to_owned();
    for part in [&of.reason, &of.rule].into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {part}");
    }
    text
}

fn robots(of: &Explained, question: &Question) -> String {
    let Some(robots) = &of.robots else {
        let text =
            if question.offline { "not known offline, or not asked for" } else { "not asked for (--robots obey)" };
        return text.to_owned();
    };
    let mut text = format!("{}, {}", if robots.allowed { "allowed" } else { "disallowed" }, robots.rule);
    if let Some(agent) = robots.agent {
        let _ = write!(text, ", group {agent}");
    }
    if let Some(delay) = robots.crawl_delay_s {
        let _ = write!(text, ", crawl-delay {delay} s");
    }
    if let Some(age) = robots.age_s {
        let _ = write!(text, ", copy of the state, {age} s old");
    }
    text
}
