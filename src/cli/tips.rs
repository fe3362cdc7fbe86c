//! The messages of the argument parser: with better tips, without passwords and escapes.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use fetchall::model::plain_word;
use fetchall::policy::text::printable::printable_lines;

/// Flags of other programs, and their equivalents here.
const OTHERS: [(&str, &str); 4] = [
    ("-n", "wget's -nc is --skip-existing (or --no-clobber) here"),
    ("-J", "curl's -J is --content-disposition here, with --dir DIR"),
    ("-x", "each URL has one connection; -c N says how many URLs are fetched at once"),
    ("-r", "links are not followed; the URLs come from a list"),
];

/// Replaces the parser's tip for an unknown flag, which would make a list of it: `-- -J`.
pub fn correct(error: &mut Error) {
    if error.kind() != ErrorKind::UnknownArgument {
        return;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return };
    let known = OTHERS.iter().find(|(flag, _)| flag == given).map(|(_, tip)| *tip);
    if known.is_some() {
        error.remove(ContextKind::SuggestedArg);
    } else if error.get(ContextKind::SuggestedArg).is_some() {
        return;
    }
    let tip = known.unwrap_or("a value that begins with a dash follows an equals sign, as in --name=-{n}");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
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
