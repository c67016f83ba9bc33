//! Parses hand-written manual pages: their sections, key lists and examples.

/// An example (`.EX` to `.EE`) as it is displayed, with the name from the preceding comment (`.\" test: NAME`).
pub(crate) struct Example {
    pub(crate) mark: Option<String>,
    pub(crate) text: String,
}

/// Returns the examples of a page, in order.
pub(crate) fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = page.lines();
    let mut previous = "";
    while let Some(line) = lines.next() {
        if line == ".EX" {
            let mark = previous.strip_prefix(".\\\" ").map(str::to_owned);
            let text =
                lines.by_ref().take_while(|line| *line != ".EE").map(|line| plain(line) + "\n").collect();
            examples.push(Example { mark, text });
        }
        previous = line;
    }
    examples
}

/// Returns the lines of a section (`.SH`) or subsection (`.SS`), up to the next heading.
pub(crate) fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, rest) =
        page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("the page lacks {heading}"));
    let end = [".SH ", ".SS "].iter().filter_map(|next| rest.find(&format!("\n{next}"))).min();
    &rest[..end.map_or(rest.len(), |end| end + 1)]
}

/// Returns the names of the subsections of a page.
pub(crate) fn subsections(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix(".SS ")).collect()
}

/// An entry of a list of keys: `.TP`, `\fBKEY\fR (TYPE)`, and a description.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// Returns the entries of a section.
pub(crate) fn entries(section: &str) -> Vec<Entry> {
    section.split(".TP\n").skip(1).filter_map(entry).collect()
}

fn entry(text: &str) -> Option<Entry> {
    let (tag, text) = text.split_once('\n')?;
    let (key, kind) = tag.strip_prefix("\\fB")?.split_once("\\fR (")?;
    Some(Entry { key: plain(key), kind: kind.strip_suffix(')')?.to_owned(), text: plain(text) })
}

/// Returns the text without fonts and escapes.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('\\') {
        plain.push_str(before);
        let escapes = [
            ("fB", ""),
            ("fI", ""),
            ("fR", ""),
            ("&", ""),
            ("\"", "\""),
            ("-", "-"),
            ("e", "\\"),
            ("(aq", "'"),
            ("(ga", "`"),
            ("(ha", "^"),
            ("(ti", "~"),
        ];
        let (name, character) = escapes
            .iter()
            .find(|(name, _)| escaped.starts_with(name))
            .unwrap_or_else(|| panic!("unknown escape: \\{}", escaped.lines().next().unwrap_or_default()));
        plain.push_str(character);
        rest = &escaped[name.len()..];
    }
    plain + rest
}
