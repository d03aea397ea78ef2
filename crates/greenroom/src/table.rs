//! Aligned columns.

use crate::paint::{Paint, Tone};

/// Which way a column leans.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading.
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// No rows yet.
    pub fn new(columns: &[(&'static str, Align)]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<(String, Tone)>) {
        self.rows.push(cells);
    }

    /// As text, two spaces between columns.
    pub fn render(&self, paint: Paint) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let heading = self.columns[column].0.len();
            cells.map(|(text, _)| text.chars().count()).max().unwrap_or(0).max(heading)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let heading: Vec<_> =
            self.columns.iter().map(|(name, _)| ((*name).to_owned(), Tone::Strong)).collect();
        let mut out = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            out.push_str(&self.render_row(row, &widths, paint));
            out.push('\n');
        }
        out
    }

    fn render_row(&self, row: &[(String, Tone)], widths: &[usize], paint: Paint) -> String {
        let mut out = String::new();
        let last = self.columns.len() - 1;
        for (column, (text, tone)) in row.iter().enumerate() {
            let space = " ".repeat(widths[column].saturating_sub(text.chars().count()));
            let painted = paint.tone(*tone, text);
            match self.columns[column].1 {
                Align::Right => out.push_str(&format!("{space}{painted}")),
                Align::Left if column == last => out.push_str(&painted),
                Align::Left => out.push_str(&format!("{painted}{space}")),
            }
            if column != last {
                out.push_str("  ");
            }
        }
        out
    }
}
