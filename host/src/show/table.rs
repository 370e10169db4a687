//! Tables: columns as wide as what is in them.

use anstyle::Style;

use super::{FAINT, line, paint, visible};

/// A table that is printed once it is complete.
pub struct Table {
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with these column heads.
    pub fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|head| (FAINT, (*head).to_owned())).collect()] }
    }

    /// Adds a row. What is in it may be anybody's words.
    pub fn row(&mut self, cells: Vec<(Style, String)>) {
        self.rows.push(cells.into_iter().map(|(style, cell)| (style, visible(&cell))).collect());
    }

    /// Prints it.
    pub fn print(&self) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|(_, cell)| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut text = String::new();
            for (at, (style, cell)) in row.iter().enumerate() {
                text.push_str(&paint(*style, cell));
                if at + 1 < row.len() {
                    text.push_str(&" ".repeat(widths[at] - cell.chars().count() + 2));
                }
            }
            line(text.trim_end());
        }
    }
}

/// A cell without a style.
pub fn plain(text: impl std::fmt::Display) -> (Style, String) {
    (Style::new(), text.to_string())
}

/// A cell in a style.
pub fn styled(style: Style, text: impl std::fmt::Display) -> (Style, String) {
    (style, text.to_string())
}
