//! The messages of the argument parser: with better tips, without passwords and escapes.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use fetchall::model::plain_word;
use fetchall::policy::text::printable::printable_lines;

/// Flags of curl, wget and aria2 that do not exist here, and what their users need.
const OTHERS: &[(&[&str], &str)] = &[
    (
        &["-n"],
        "curl's -n is --netrc here, wget's -nc is --skip-existing (or --no-clobber), -nv is --progress none, and \
         -np is the default of `fetchall crawl`",
    ),
    (&["-J"], "curl's -J is --content-disposition here, with --dir DIR"),
    (&["-I"], "curl's -I is --head here"),
    (
        &["-X", "--request", "--method", "--data", "--data-raw", "--post-data", "--post-file"],
        "each request is a GET, or a HEAD with --head",
    ),
    (&["-Z", "--parallel", "--parallel-max"], "URLs are always fetched in parallel; -c N says how many at once"),
    (&["-t", "--tries"], "wget's tries are --retry here, without the first one: 3 tries are --retry 2"),
    (&["-w"], "wget's -w is --delay (or --wait) here; for curl's -w, --json and --csv write what is known of each URL"),
    (&["--write-out"], "--json and --csv write what is known of each URL"),
    (&["--retry-delay", "--waitretry"], "the waits between retries grow by themselves, up to --retry-max-wait"),
    (&["--http2", "--http2-prior-knowledge"], "HTTP/2 is used with every server that offers it over TLS; leave it out"),
    (&["--compressed"], "compressed bodies are asked for and decoded anyway (--compression auto); leave it out"),
    (&["-g", "--globoff"], "URLs are taken as they are, without patterns; leave it out"),
    (&["-e", "--referer"], "write -H 'Referer: URL'"),
    (&["-T"], "wget's -T is --connect-timeout and --read-timeout here; nothing is uploaded as with curl's -T"),
    (&["-r", "--recursive", "--no-parent"], "`fetchall crawl` follows links; without it the URLs come from a list"),
    (&["--mirror"], "`fetchall mirror` saves a site for reading offline"),
    (&["-E"], "wget's -E is --adjust-extension here; curl's -E is --cert"),
    (&["-O", "--output-document"], "one file is for one URL: `fetchall -O FILE URL`; --dir DIR saves all pages"),
    (
        &["--retry-from", "--only"],
        "--retry-from and --only are for lists; `fetchall --retry-from RECORDS` fetches again what a crawl did not get",
    ),
];

/// Replaces the parser's tip for an unknown flag, which would make a list of it: `-- -J`.
pub fn correct(error: &mut Error) {
    if error.kind() != ErrorKind::UnknownArgument {
        return;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return };
    let known = OTHERS.iter().find(|(flags, _)| flags.contains(&given.as_str())).map(|(_, tip)| *tip);
    // `--name -{n}`, but not a flag that is unknown.
    let is_value =
        given.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c == '-' || c.is_alphabetic()));
    let tip = known.or(is_value.then_some("a value that begins with a dash follows an equals sign, as in --name=-{n}"));
    if known.is_some() {
        error.remove(ContextKind::SuggestedArg);
    }
    error.remove(ContextKind::Suggested);
    if let Some(tip) = tip {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}

/// The message, in colour or not. Values and names of unknown flags may be secrets, so the message repeats
/// only plain words. It escapes characters that act on a terminal.
pub fn harmless(mut error: Error, color: bool) -> String {
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    let shown = |text: &str| {
        let name = text.trim_start_matches('-');
        let dashes = &text[..text.len() - name.len()];
        format!("{dashes}{}", plain_word(name).unwrap_or("…"))
    };
    let mut changed = Vec::new();
    for (kind, value) in error.context() {
        let ContextValue::String(text) = value else { continue };
        let is_of_user = kind == ContextKind::InvalidValue || (kind == ContextKind::InvalidArg && is_unknown);
        if is_of_user && shown(text) != *text {
            changed.push((kind, ContextValue::String(shown(text))));
        }
    }
    if changed.is_empty() {
        let text = error.render();
        return if color { text.ansi().to_string() } else { printable_lines(&text.to_string()) };
    }
    // It repeats the argument too.
    error.remove(ContextKind::Suggested);
    for (kind, safe) in changed {
        error.insert(kind, safe);
    }
    printable_lines(&error.render().to_string())
}
