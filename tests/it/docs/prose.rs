//! The language of documents, comments, test names and error messages.
//!
//! A sentence is short, and its subject is the part of the program that acts. The rules are lengths
//! and lists of words, so they find only what is easy to find.

use std::path::PathBuf;

use super::{files_below, pages, root};

/// The longest sentence, in words. Code in backticks counts as one.
const WORDS: usize = 30;

/// The findings that may remain in 1,000 sentences, because no list of words is always right.
const BUDGET: usize = 3;

/// First words of a sentence whose subject is a clause.
const CLAUSES: &str = "What|Whatever|Who|Whoever|Whom|Whose|Where|Wherever|Whichever|Of those|Of these|Of several";

/// Words for people, and verbs of speech, where a program acts.
const PEOPLE: &str = "nobody|somebody|anybody|everybody|whoever|whom|is told|are told|was told|were told|be told|tells of|told of|speaks of";

/// Words that add nothing, and marks of unfinished work.
const EMPTY: &str = "simply|obviously|basically|somehow|hopefully|todo|fixme|xxx";

/// Words of function names that hide the behaviour. The first ones count at the beginning only.
const RIDDLES: [&str; 2] =
    ["what|whatever|who|whoever|whom|where", "nobody|somebody|anybody|everybody|whoever|whom|told|tells"];

/// Words of error messages that say neither what is wrong nor what to do.
const VAGUE: &str = "something|went wrong|error occurred|unknown error|internal error|invalid input";

/// The documents, sources and settings of the project, with their paths from the root.
fn texts() -> Vec<(String, String)> {
    let folders = ["src", "tests", "benches", "examples", "fuzz/src", "fuzz/fuzz_targets"].into_iter();
    let sources =
        folders.flat_map(files_below).filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let others = ["config.example.toml", "Cargo.toml", "deny.toml", ".clippy.toml", ".ci/run"].map(PathBuf::from);
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        (file.to_string_lossy().replace('\\', "/"), text)
    };
    pages().into_iter().map(|page| (page.path, page.text)).chain(sources.chain(others).map(read)).collect()
}

/// The paragraphs of a page or of the comments of a source, each with its first line. Code, tables
/// and headings are left out.
fn paragraphs(path: &str, text: &str) -> Vec<(usize, String)> {
    let (is_page, mark) = (path.ends_with(".md"), if path.ends_with(".rs") { '/' } else { '#' });
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut is_open, mut is_code) = (false, false);
    for (line, number) in text.lines().zip(1..) {
        let comment = Some(line.trim()).filter(|line| is_page || line.starts_with(mark));
        is_code &= comment.is_some();
        let rest = comment.unwrap_or_default();
        let rest = if is_page { rest } else { rest.trim_start_matches([mark, '!']).trim() };
        let is_fence = rest.starts_with("```");
        is_code ^= is_fence;
        if is_fence || is_code || rest.is_empty() || rest.starts_with(['|', '#', '<']) {
            is_open = false;
            continue;
        }
        let numbered = rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(". ");
        let item = rest.strip_prefix("- ").or(numbered);
        match found.last_mut() {
            Some((_, last)) if is_open && item.is_none() => {
                last.push(' ');
                last.push_str(rest);
            }
            _ => found.push((number, item.unwrap_or(rest).to_owned())),
        }
        is_open = true;
    }
    found
}

/// The sentences of a paragraph, without emphasis, with `x` in place of each piece of code.
fn sentences(paragraph: &str) -> Vec<String> {
    let plain: String = paragraph.split('`').enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "x" }).collect();
    let mut sentences = vec![String::new()];
    for word in plain.split_whitespace() {
        let word = word.trim_matches('*');
        let last = sentences.last_mut().unwrap();
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
        let ends = word.trim_end_matches(['"', ')', '*']).ends_with(['.', '!', '?']);
        if ends && !["e.g.", "i.e.", "vs.", "etc."].contains(&word) {
            sentences.push(String::new());
        }
    }
    sentences.retain(|sentence| sentence.contains(char::is_lowercase));
    sentences
}

/// The rule that a sentence breaks, as advice.
fn advice(sentence: &str) -> Option<&'static str> {
    let blank = |text: String| format!(" {} ", text.replace(['.', ',', ';', ':', '(', ')', '"'], " "));
    let (exact, lower) = (blank(sentence.to_owned()), blank(sentence.to_lowercase()));
    let has = |words: &str| words.split('|').any(|word| lower.contains(&format!(" {word} ")));
    let is_clause = || CLAUSES.split('|').any(|word| exact.trim_start().starts_with(&format!("{word} ")));
    if sentence.split_whitespace().count() > WORDS {
        Some("more than 30 words; make it two sentences or a list")
    } else if !sentence.ends_with('?') && is_clause() {
        Some("begins with a clause; name the thing that acts, then its verb")
    } else if has(PEOPLE) {
        Some("has a person or a speaker where a program acts; name the part of the program")
    } else if has(EMPTY) {
        Some("has an empty word or unfinished work; take it out or finish it")
    } else {
        None
    }
}

/// The rule that the name of a function breaks, as advice. Short names are those of helpers.
fn advice_on_name(name: &str) -> Option<&'static str> {
    let mut words = name.split('_');
    let is_one_of = |word: &str, riddles: &str| riddles.split('|').any(|riddle| riddle == word);
    let is_riddle =
        words.next().is_some_and(|first| is_one_of(first, RIDDLES[0])) || words.any(|word| is_one_of(word, RIDDLES[1]));
    (name.len() >= 20 && is_riddle).then_some("the name does not say what acts; name the behaviour")
}

/// The names of functions in a source, with their lines.
fn functions(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().zip(1..).filter_map(|(line, number)| {
        let (before, rest) = line.split_once("fn ")?;
        let is_item =
            before.split_whitespace().all(|word| word.starts_with("pub") || ["async", "const"].contains(&word));
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        is_item.then_some((number, &rest[..end]))
    })
}

#[test]
fn sentences_are_short_and_name_what_acts() {
    let (mut count, mut findings) = (0, Vec::new());
    for (path, text) in texts() {
        let names = functions(&text).filter_map(|(line, name)| Some((line, advice_on_name(name)?, name)));
        findings.extend(names.map(|(line, advice, name)| format!("{path}:{line}: {advice}\n    {name}")));
        for (line, paragraph) in paragraphs(&path, &text) {
            let sentences = sentences(&paragraph);
            count += sentences.len();
            let found = sentences.iter().filter_map(|sentence| Some((advice(sentence)?, sentence)));
            findings.extend(found.map(|(advice, sentence)| format!("{path}:{line}: {advice}\n    {sentence}")));
        }
    }
    assert!(count > 5_000, "only {count} sentences were found");
    let (found, most) = (findings.len(), count * BUDGET / 1_000);
    assert!(found <= most, "{found} findings in {count} sentences, {most} may remain:\n{}", findings.join("\n"));
}

#[test]
fn names_of_functions_have_at_most_60_characters() {
    for (path, text) in texts() {
        for (line, name) in functions(&text) {
            assert!(name.len() <= 60, "{path}:{line}: {name} has {} characters; name the behaviour", name.len());
        }
    }
}

/// A message names the flag, the word of the command, the file or the list that it is about.
#[test]
fn error_messages_name_their_place() {
    let (mut count, mut problems) = (0, Vec::new());
    for file in files_below("tests/it/snapshots").iter().filter(|file| file.to_string_lossy().contains("errors_of")) {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let mut command = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            if let Some(words) = line.strip_prefix("$ fetchall") {
                command = words.split([' ', '=']).filter(|word| word.len() > 1).collect();
            }
            let Some(message) = line.strip_prefix("error: ") else { continue };
            count += 1;
            let places = ["'", "`", "--", ".toml:", "standard input", "the list", "start page"];
            let is_placed =
                message.ends_with(':') || places.iter().chain(&command).any(|place| message.contains(place));
            if !is_placed || VAGUE.split('|').any(|vague| message.contains(vague)) {
                problems.push(format!("{}:{number}: {message}", file.display()));
            }
        }
    }
    assert!(count > 80, "only {count} messages were found");
    assert!(problems.is_empty(), "say where the error is, and what is wrong there:\n{}", problems.join("\n"));
}

#[test]
fn each_rule_of_language_catches_its_sentence() {
    let lines =
        ["What is done stays.", "It is told at once. Nobody waits. `What` is code.", "", "Why? e.g. that.", "- One."];
    let more = ["- Simply two", "  lines.", "```", "Where no prose is.", "```", "| Who | asks |"];
    let text: String = lines.iter().chain(&more).map(|line| format!("/// {line}\n")).collect();
    let found = paragraphs("x.rs", &text).into_iter().flat_map(|(line, paragraph)| {
        sentences(&paragraph).into_iter().filter(|sentence| advice(sentence).is_some()).map(move |it| (line, it))
    });
    let expected =
        [(1, "What is done stays."), (1, "It is told at once."), (1, "Nobody waits."), (6, "Simply two lines.")];
    assert_eq!(found.collect::<Vec<_>>(), expected.map(|(line, text)| (line, text.to_owned())));
    let long = "word ".repeat(WORDS);
    assert_eq!((advice(&long), advice(&format!("{long}more")).is_some()), (None, true));
    let names = ["a_short_name", "what_is_done_stays_done", "late_lines_are_told_twice"];
    assert_eq!(names.map(|name| advice_on_name(name).is_some()), [false, true, true]);
    let code = "    fn a_name() {}\n// fn no_name()\npub(super) async fn other(\nlet f = |fn_| x;\n";
    assert_eq!(functions(code).collect::<Vec<_>>(), [(1, "a_name"), (3, "other")]);
}
