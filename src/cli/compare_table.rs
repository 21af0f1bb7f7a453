//! The table of `remold compare`: metrics as rows, models as columns, within the width of the screen. Where the whole does not fit, first the
//! uncertainties are left out, then names are shortened, then the models are divided among several tables.

use super::print::width;
use super::text::{cut_middle, safe, table};
use crate::evaluate::{Comparison, MetricRow, Rank};

/// Columns of a model's name at most, and where space is short.
const NAMES: [usize; 2] = [24, 16];

/// The table with lines of at most `columns` columns, as far as the names of metrics and one model allow.
pub(super) fn metric_table(c: &Comparison, rows: &[MetricRow], columns: usize) -> String {
    let models: Vec<usize> = (0..c.variants.len()).collect();
    let ways = [(true, NAMES[0]), (false, NAMES[0]), (false, NAMES[1])];
    for (precise, name) in ways {
        let text = one(c, rows, &models, precise, name);
        if fits(&text, columns) {
            return text;
        }
    }
    // As many models to a table as fit, the baseline in the first.
    let mut order: Vec<usize> = models.iter().copied().filter(|v| *v != c.baseline.at).collect();
    order.insert(0, c.baseline.at);
    let mut parts: Vec<String> = Vec::new();
    let mut rest = order.as_slice();
    while !rest.is_empty() {
        let part = |n: usize| one(c, rows, &rest[..n], true, NAMES[0]);
        let n = (1..=rest.len()).rev().find(|n| fits(&part(*n), columns)).unwrap_or(1);
        parts.push(part(n));
        rest = &rest[n..];
    }
    parts.join("\n")
}

fn fits(text: &str, columns: usize) -> bool {
    text.lines().all(|line| width(line) <= columns)
}

/// A table of some of the models.
fn one(c: &Comparison, rows: &[MetricRow], models: &[usize], precise: bool, name: usize) -> String {
    let mut lines = vec![vec![String::new()]];
    lines.extend(rows.iter().map(|r| vec![r.name.clone()]));
    for v in models {
        let cells = rows.iter().map(|row| {
            let cell = &row.cells[*v];
            let mark = cell.rank.map_or("", |rank| if rank == Rank::Best { "▲ " } else { "▼ " });
            let text = if precise { cell.precise() } else { cell.text.clone() };
            let change = cell.change.as_ref().map(|d| d.text.clone()).unwrap_or_default();
            (format!("{mark}{}", safe(&text)), change)
        });
        let cells: Vec<(String, String)> = cells.collect();
        let widest = |of: fn(&(String, String)) -> &String| cells.iter().map(|cell| width(of(cell))).max().unwrap_or(0);
        // Differences are aligned with each other, so that the values are too.
        let (values, changes) = (widest(|cell| &cell.0), widest(|cell| &cell.1));
        let mark = if *v == c.baseline.at { "◆ " } else { "" };
        lines[0].push(format!("{mark}{}", cut_middle(&safe(&c.variants[*v].label), name)));
        for (line, (value, change)) in lines[1..].iter_mut().zip(&cells) {
            let pad = |text: &str, to: usize| " ".repeat(to.saturating_sub(width(text)));
            let change = if changes > 0 { format!(" {change}{}", pad(change, changes)) } else { String::new() };
            line.push(format!("{}{value}{change}", pad(value, values)));
        }
    }
    table(&lines, &[&[false][..], &vec![true; models.len()]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Cell, Change};

    #[test]
    fn values_and_differences_are_aligned() {
        let change = |text: &str| Some(Change { text: text.to_owned(), tone: crate::evaluate::Tone::Better });
        let row = |name: &str, cells: Vec<Cell>| MetricRow { name: name.into(), cells, metric: None, detail: false };
        let cell = |text: &str| Cell { text: text.into(), ..Cell::default() };
        let rows = [
            row("size", vec![cell("8.7 MB"), Cell { change: change("−68.0 %"), ..cell("12.7 MB") }]),
            row("mean KLD", vec![cell(""), Cell { uncertainty: "0.1".into(), ..cell("0.5") }]),
        ];
        let c = crate::evaluate::testing_comparison(&["base", "a-long-name-of-a-model-Q4_K_M.gguf"]);
        let text = one(&c, &rows, &[0, 1], true, 24);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines[0].trim_start(), "◆ base  a-long-…odel-Q4_K_M.gguf", "{text}");
        assert_eq!(lines[1], "size      8.7 MB           12.7 MB −68.0 %", "{text}");
        assert_eq!(lines[2], "mean KLD                 0.5 ± 0.1", "{text}");
        assert!(!one(&c, &rows, &[0, 1], false, 24).contains('±'));
    }

    #[test]
    fn many_models_are_divided_among_tables_that_fit() {
        let labels = ["base-model-F32", "model-Q8_0.gguf", "model-Q6_K.gguf", "model-Q5_K.gguf", "model-Q4_K.gguf"];
        let c = crate::evaluate::testing_comparison(&labels);
        let cells = vec![Cell { text: "0.123456".into(), uncertainty: "0.123456".into(), ..Cell::default() }; 5];
        let rows = [MetricRow { name: "mean KLD".into(), cells, metric: None, detail: false }];
        for columns in [60, 80, 200] {
            let text = metric_table(&c, &rows, columns);
            assert!(fits(&text, columns), "{text}");
            assert!(labels.iter().all(|l| text.matches(l).count() == 1), "{text}");
        }
    }
}
