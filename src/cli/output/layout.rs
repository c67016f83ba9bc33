//! Lays out rows in columns, using the width of characters on a terminal.

use std::{borrow::Cow, fmt::Write as _, iter::repeat_n};

use anstyle::Style;
use unicode_width::UnicodeWidthChar as _;

/// The cells of a line, separated by [`GAP`] spaces. The text of a cell is escaped.
pub(super) struct Row<'a> {
    cells: Vec<Cell<'a>>,
}

struct Cell<'a> {
    text: Cow<'a, str>,
    before: usize,
    after: usize,
    style: Style,
}

impl<'a> Row<'a> {
    pub(super) fn new() -> Self {
        Self { cells: Vec::with_capacity(USUAL_CELLS) }
    }

    /// Adds a left-aligned cell.
    pub(super) fn left(&mut self, text: impl Into<Cow<'a, str>>, columns: usize, style: Style) {
        let text = text.into();
        let after = columns.saturating_sub(width(&text));
        self.cells.push(Cell { text, before: 0, after, style });
    }

    /// Adds a right-aligned cell.
    pub(super) fn right(&mut self, text: String, columns: usize, style: Style) {
        let before = columns.saturating_sub(width(&text));
        self.cells.push(Cell { text: text.into(), before, after: 0, style });
    }

    /// Adds a left-aligned cell, truncated to the width of its column.
    pub(super) fn cut(&mut self, text: Cow<'a, str>, columns: usize, style: Style) {
        self.left(cut(text, columns), columns, style);
    }

    /// Truncates the last cell so that the row fits into a number of columns.
    pub(super) fn within(mut self, columns: usize) -> Self {
        if let Some(last) = self.cells.pop() {
            let used: usize =
                self.cells.iter().map(|cell| cell.before + width(&cell.text) + cell.after + GAP).sum();
            let room = columns.saturating_sub(used + last.before).max(MIN_LAST);
            let text = cut(last.text, room);
            self.cells.push(Cell { text, after: 0, ..last });
        }
        self
    }

    pub(super) fn render(&self, color: bool) -> String {
        let mut line = String::with_capacity(USUAL_LINE);
        for (index, cell) in self.cells.iter().enumerate() {
            if index > 0 {
                line.extend(repeat_n(' ', GAP));
            }
            line.extend(repeat_n(' ', cell.before));
            if color && !cell.text.is_empty() {
                let _ = write!(line, "{0}{1}{0:#}", cell.style, cell.text);
            } else {
                line.push_str(&cell.text);
            }
            line.extend(repeat_n(' ', cell.after));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Returns the width of a text in columns: two for East Asian characters and emoji, none for combining marks. As on most
/// terminals, every character of a joined emoji counts, so that a row never exceeds its line.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| !byte.is_ascii_control()).count();
    }
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Splits text at spaces into lines of at most `columns` columns. A longer word is not split.
pub(super) fn folded(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let wide = width(word);
        match lines.last_mut() {
            Some(line) if used == 0 || used + 1 + wide <= columns => {
                if used > 0 {
                    line.push(' ');
                    used += 1;
                }
                line.push_str(word);
                used += wide;
            }
            _ => {
                lines.push(word.to_owned());
                used = wide;
            }
        }
    }
    lines
}

/// Truncates text to a number of columns, including an ellipsis.
fn cut(text: Cow<'_, str>, columns: usize) -> Cow<'_, str> {
    let mut used = 0;
    let mut fits = 0;
    for (count, (at, c)) in text.char_indices().enumerate() {
        used += c.width().unwrap_or(0);
        if used > columns || count > columns * MAX_MARKS {
            return Cow::Owned(format!("{}…", &text[..fits]));
        }
        if used < columns {
            fits = at + c.len_utf8();
        }
    }
    text
}

/// The number of spaces between cells.
const GAP: usize = 2;

/// The room made for a row. Longer rows grow.
const USUAL_CELLS: usize = 8;
const USUAL_LINE: usize = 128;

/// The minimum width of the last cell, on any terminal.
const MIN_LAST: usize = 8;

/// Maximum number of zero-width characters per column: thousands of combining marks on a letter would cover other lines.
const MAX_MARKS: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_cut_by_its_width() {
        let table = [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("", 3, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
            ("😀😀", 3, "😀…"),
            ("ab", 1, "…"),
        ];
        for (text, columns, shown) in table {
            assert_eq!(cut(text.into(), columns), shown, "{text} in {columns}");
        }
        let climbing = format!("a{}", "\u{301}".repeat(100_000));
        assert!(cut(climbing.into(), 10).len() < 200);
    }

    #[test]
    fn columns_line_up() {
        let line = |name: &str| {
            let mut row = Row::new();
            row.right("7".into(), 3, Style::new());
            row.cut(name.into(), 6, Style::new());
            row.left("end", 0, Style::new());
            row.render(false)
        };
        assert_eq!(line("ab"), "  7  ab      end");
        assert_eq!(line("日本"), "  7  日本    end");
        assert_eq!(line("日本語です"), "  7  日本…   end");
        // Three joined emoji, which xterm shows separately.
        assert_eq!(line("👩\u{200d}👩\u{200d}👧"), "  7  👩\u{200d}👩\u{200d}👧  end");
    }

    #[test]
    fn long_values_are_folded_between_words() {
        assert_eq!(folded("a bc def", 4), ["a bc", "def"]);
        assert_eq!(folded("a bc def", 80), ["a bc def"]);
        assert_eq!(folded("日本 語 longword x", 5), ["日本", "語", "longword", "x"]);
        assert_eq!(folded("", 4), [""]);
    }

    proptest! {
        #[test]
        fn what_is_cut_fits(text: String, columns in 1_usize..20) {
            prop_assert!(cut(text.as_str().into(), columns).chars().map(|c| c.width().unwrap_or(0)).sum::<usize>() <= columns);
        }
    }
}
