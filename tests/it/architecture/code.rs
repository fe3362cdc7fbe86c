//! Source text without what is no code: comments, texts and everything under `#[cfg(test)]`.

/// One file, as the rules look at it.
pub struct Source {
    /// Relative to the root of the project.
    pub path: String,
    /// As it is.
    pub text: String,
    /// With the same lines, but comments, the insides of texts and test items blanked.
    pub code: String,
    /// Files, without `.rs`, that it declares for tests alone.
    pub test_files: Vec<String>,
    /// Whether all of it is for tests alone.
    pub is_test: bool,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let mut code = without_texts(text);
        let mut test_files = Vec::new();
        while let Some(at) = code.find("#[cfg(test)]") {
            let item = at + "#[cfg(test)]".len();
            let end = item_end(&code, item);
            if let Some(name) = declared_file(&code[item..end], &text[item..end]) {
                test_files.push(beside(path, &name));
            }
            blank(&mut code, at, end);
        }
        Source { path: path.to_owned(), text: text.to_owned(), code, test_files, is_test: false }
    }

    /// The number of the line at this place in the code.
    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// The module of the crate that it belongs to: `fetch` for `src/fetch/body/decode/coding.rs`.
    pub fn module(&self) -> &str {
        self.path.trim_start_matches("src/").split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Every place where this word stands, whole.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
            let starts = word.starts_with(is_word) && self.code[..at].ends_with(is_word);
            let goes_on = word.ends_with(is_word) && self.code[at + word.len()..].starts_with(is_word);
            !starts && !goes_on
        })
    }

    /// Every path that begins with one of these roots, written out, with its place: `a::{b, c::D}`
    /// gives `a::b` and `a::c::D`. Paths through `super` and `self` are written out from `crate`.
    pub fn paths(&self, roots: &[&str]) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        for root in roots {
            for at in self.words(root) {
                // The middle of a longer path is no root, but `::std` is one.
                let before = self.code[..at].trim_end_matches("::");
                if before.len() == at || !before.ends_with(is_word) {
                    let mut rest = &self.code[at + root.len()..];
                    follow(vec![(*root).to_owned()], &mut rest, &mut |path| found.push((at, path)));
                }
            }
        }
        for root in ["super", "self"] {
            for at in self.words(root) {
                let mut rest = &self.code[at + root.len()..];
                if !self.code[..at].ends_with("::") && rest.starts_with("::") {
                    follow(vec![root.to_owned()], &mut rest, &mut |path| found.push((at, self.absolute(path))));
                }
            }
        }
        found
    }

    /// The segments of its module: `fetch`, `body`, `decode` for `src/fetch/body/decode.rs`.
    pub fn module_path(&self) -> Vec<String> {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inside.split('/').filter(|segment| *segment != "lib").map(str::to_owned).collect()
    }

    /// The modules that it declares in files of their own.
    pub fn children(&self) -> Vec<String> {
        let declared = self.words("mod").filter_map(|at| {
            let name = self.code[at + "mod".len()..].split(';').next()?.trim();
            (!name.is_empty() && name.chars().all(is_word)).then(|| name.to_owned())
        });
        declared.collect()
    }

    /// Resolves a path that begins with `super` or `self`.
    fn absolute(&self, path: Vec<String>) -> Vec<String> {
        let mut absolute = vec!["crate".to_owned()];
        absolute.extend(self.module_path());
        for segment in path {
            match segment.as_str() {
                "self" => {}
                "super" => drop(absolute.pop()),
                _ => absolute.push(segment),
            }
        }
        absolute
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads on after a path's segment and reports every path that it becomes.
fn follow(path: Vec<String>, rest: &mut &str, tell: &mut impl FnMut(Vec<String>)) {
    let Some(next) = rest.trim_start().strip_prefix("::") else { return tell(path) };
    *rest = next.trim_start();
    let with = |segment: &str| path.iter().cloned().chain([segment.to_owned()]).collect::<Vec<_>>();
    if let Some(group) = rest.strip_prefix('{') {
        *rest = group.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            let end = rest.find(|c| !is_word(c) && c != '*').unwrap_or(rest.len());
            let segment = &rest[..end];
            *rest = &rest[end..];
            follow(with(segment), rest, tell);
            // Over ` as Name`, the comma and white space.
            *rest = rest.trim_start_matches(|c| c != ',' && c != '}').trim_start_matches(',').trim_start();
        }
        *rest = rest.strip_prefix('}').unwrap_or(rest);
        return;
    }
    if rest.starts_with('*') {
        return tell(with("*"));
    }
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    if end == 0 {
        return tell(path);
    }
    let path = with(&rest[..end]);
    *rest = &rest[end..];
    follow(path, rest, tell);
}

/// Returns the end of the item that begins here, attributes included.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[from..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return from + at + 1;
                }
            }
            ';' if depth == 0 => return from + at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The file that `mod name;` means, or its `#[path]` says.
fn declared_file(code: &str, text: &str) -> Option<String> {
    let name = code.split("mod ").nth(1)?.strip_suffix(';')?.trim();
    match text.split("path = \"").nth(1).and_then(|rest| rest.split('"').next()) {
        Some(file) => Some(format!("={}", file.trim_end_matches(".rs"))),
        None => Some(name.to_owned()),
    }
}

fn beside(path: &str, name: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let own = file.trim_end_matches(".rs");
    match name.strip_prefix('=') {
        Some(file) => format!("{folder}/{file}"),
        None if matches!(own, "mod" | "lib" | "main") => format!("{folder}/{name}"),
        None => format!("{folder}/{own}/{name}"),
    }
}

fn blank(code: &mut String, from: usize, to: usize) {
    // Only places in ASCII are blanked, but what lies between may be anything.
    let blanked: String = code[from..to].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
    code.replace_range(from..to, &blanked);
}

/// Blanks comments and the insides of texts, byte for byte.
fn without_texts(text: &str) -> String {
    let mut code = text.to_owned();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (keep, end) = if rest.starts_with("//") {
            (0, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (0, comment_end(rest))
        } else if let Some(hashes) = raw_string(rest).filter(|_| !text[..at].ends_with(is_word)) {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = hashes + 2;
            (1, rest[body..].find(&close).map_or(rest.len(), |end| body + end + close.len()))
        } else if rest.starts_with('"') {
            (1, quoted_end(rest, b'"'))
        } else if rest.starts_with('\'') {
            let mut chars = rest.chars().skip(1);
            match (chars.next(), chars.next()) {
                (Some('\\'), _) => (1, quoted_end(rest, b'\'')),
                (Some(c), Some('\'')) => (1, c.len_utf8() + 2),
                // A lifetime.
                _ => (0, 0),
            }
        } else {
            (0, 0)
        };
        if end == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
        } else {
            blank(&mut code, at + keep, (at + end - keep).max(at + keep));
            at += end;
        }
    }
    code
}

fn quoted_end(rest: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn comment_end(rest: &str) -> usize {
    let mut depth = 0;
    for at in 0..rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

/// How many `#` a raw text has that begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?;
    let count = hashes.bytes().take_while(|b| *b == b'#').count();
    hashes[count..].starts_with('"').then_some(count)
}
