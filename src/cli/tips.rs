//! What to write instead of a flag that there is not. The parser's own tip, `-- -J`, would make it a list.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of other programs, and what does it here.
const OTHERS: [(&str, &str); 4] = [
    ("-n", "wget's -nc is --skip-existing (or --no-clobber) here"),
    ("-J", "curl's -J is --content-disposition here, with --dir DIR"),
    ("-x", "each URL has one connection; -c N says how many URLs are fetched at once"),
    ("-r", "links are not followed; the URLs come from a list"),
];

/// Puts a tip that helps in the place of one that misleads.
pub fn correct(error: &mut Error) {
    if error.kind() != ErrorKind::UnknownArgument || error.get(ContextKind::SuggestedArg).is_some() {
        return;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return };
    let known = OTHERS.iter().find(|(flag, _)| flag == given).map(|(_, tip)| *tip);
    let tip = known.unwrap_or("a value that begins with a dash follows an equals sign, as in --name=-{n}");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
}
