//! The documents: their commands run, their links work, their lines are short, and their language is plain.

#[cfg(unix)]
mod commands;
mod layout;
mod links;
mod prose;
mod settings;

use std::path::{Path, PathBuf};

/// A document: its path from the root of the project, and its text.
struct Page {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown document of the project.
fn pages() -> Vec<Page> {
    let mut files: Vec<PathBuf> = ["README.md", "SECURITY.md", "CONTRIBUTING.md"].map(PathBuf::from).into();
    files.extend(files_below("docs").into_iter().filter(|file| file.extension().is_some_and(|ext| ext == "md")));
    let page = |file: PathBuf| Page {
        text: std::fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{}: {error}", file.display())),
        path: file.to_str().unwrap().to_owned(),
    };
    files.into_iter().map(page).collect()
}

/// Every file below a folder of the project, by its path from the root.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The lines of a page with their numbers, and for each the language of the block that it is in.
fn lines(text: &str) -> impl Iterator<Item = (usize, Option<&str>, &str)> {
    let mut block = None;
    text.lines().zip(1..).map(move |(line, number)| {
        let fence = line.trim_start().strip_prefix("```");
        let before = block;
        if let Some(language) = fence {
            block = if before.is_some() { None } else { Some(language) };
        }
        (number, if fence.is_some() { Some("```") } else { before }, line)
    })
}
