//! The comparison for people: the table, errors by layer and kind, the worst tensors, what has no partner.

use crate::evaluate::rows::{all_rows, number};
use crate::evaluate::{Comparison, Group, Measured, ModelFigures, Names, Rank, Variant};
use crate::quant::Encoding;
use indexmap::IndexSet;
use std::collections::HashMap;

/// Tensors in the list of the worst, and names in a list of those without a partner.
const LISTED: usize = 12;

pub(super) fn text(c: &Comparison) -> String {
    let base = &c.variants[c.baseline.at];
    let mut out = format!("# Comparison against {}\n\n", escape(&base.label));
    let names = match c.names {
        Names::Gguf => "GGUF names; other formats were renamed and permuted as in a conversion",
        Names::Own => "the files' own names",
    };
    out.push_str(&format!(
        "Every tensor was decoded and compared by {names}. Output dB is the estimated signal-to-noise ratio of the model's output, weights dB the measured one (SQNR) of the weights; higher is better. Memory is tensors and an f16 KV cache. In each row ▲ is the best and ▼ the worst of the compared models.\n\n"
    ));
    let how = match c.baseline.source.words() {
        "" => "named by the user",
        words => words,
    };
    out.push_str(&format!("Baseline: {}, {how}.\n\n", escape(&base.label)));
    let doubt =
        |v: usize| c.doubt(v).map(|why| format!("{} does not look like the same network: {why}", c.variants[v].label));
    for warning in c.baseline_warning().into_iter().chain((0..c.variants.len()).filter_map(doubt)) {
        out.push_str(&format!("**Warning:** {}.\n\n", escape(&warning)));
    }
    let label = |(i, v): (usize, &Variant)| {
        escape(&if i == c.baseline.at { format!("{} (baseline)", v.label) } else { v.label.clone() })
    };
    let head: Vec<String> = c.variants.iter().enumerate().map(label).collect();
    table(
        &mut out,
        "",
        &head,
        all_rows(c).into_iter().map(|r| {
            let cells = r.cells.into_iter().map(|cell| {
                let mark = cell.rank.map_or("", |rank| if rank == Rank::Best { " ▲" } else { " ▼" });
                match &cell.change {
                    Some(change) => format!("{} ({}){mark}", cell.precise(), change.text),
                    None => format!("{}{mark}", cell.precise()),
                }
            });
            (r.name, cells.collect())
        }),
    );
    out.push('\n');
    for v in &c.variants {
        let types: Vec<String> = v.types.iter().map(|t| format!("{} ×{}", t.name, t.tensors)).collect();
        out.push_str(&format!("- {}: `{}`, {}; {}\n", escape(&v.label), v.path.display(), v.format, types.join(", ")));
    }
    predicted(&mut out, c);
    grouped(&mut out, c, "By layer", false, |m| &m.layers);
    grouped(&mut out, c, "By kind", true, |m| &m.kinds);
    worst(&mut out, c);
    unpaired(&mut out, c);
    out.push_str(&format!("\nMade by remold {}: `{}`\n", env!("CARGO_PKG_VERSION"), escape(&c.command())));
    out
}

/// What the text was, and the hidden states after each layer.
fn predicted(out: &mut String, c: &Comparison) {
    let Some(e) = &c.evaluated else { return };
    out.push_str(&format!(
        "\nText: `{}`; {}; computed in mode {}. Uncertainties are standard errors.\n",
        escape(&e.text.display().to_string()),
        e.measured_on,
        e.mode
    ));
    e.notes.iter().for_each(|note| out.push_str(&format!("\nNote: {}.\n", escape(note))));
    let measured: Vec<(&Variant, &ModelFigures)> =
        c.variants.iter().zip(&e.variants).filter(|(_, f)| !f.layers.is_empty()).collect();
    let Some(last) = measured.iter().flat_map(|(_, f)| &f.layers).map(|l| l.layer).max() else { return };
    out.push_str("\n## Error of the hidden state after each layer, relative to its length\n\n");
    let head: Vec<String> = measured.iter().map(|(v, _)| escape(&v.label)).collect();
    let cell = |f: &ModelFigures, layer: u32| {
        let found = f.layers.iter().find(|l| l.layer == layer);
        found.map(|l| format!("{:.6}", l.hidden_rms)).unwrap_or_default()
    };
    let row = |layer: u32| (layer.to_string(), measured.iter().map(|(_, f)| cell(f, layer)).collect());
    table(out, "layer", &head, (0..=last).map(row));
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn table(out: &mut String, corner: &str, head: &[String], rows: impl Iterator<Item = (String, Vec<String>)>) {
    out.push_str(&format!("| {corner} | {} |\n|---|{}\n", head.join(" | "), "---:|".repeat(head.len())));
    for (name, cells) in rows {
        out.push_str(&format!("| {} | {} |\n", escape(&name), cells.join(" | ")));
    }
}

/// The models that were measured.
fn others(c: &Comparison) -> impl Iterator<Item = (&Variant, &Measured)> {
    c.variants.iter().filter_map(|v| Some((v, v.measured.as_ref()?)))
}

/// A table by layer or kind; `most_lost`: the group with the largest error in any model comes first.
fn grouped(out: &mut String, c: &Comparison, title: &str, most_lost: bool, of: impl Fn(&Measured) -> &Vec<Group>) {
    let mut names: IndexSet<&str> = others(c).flat_map(|(_, m)| of(m)).map(|g| g.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    if most_lost {
        let badness = |name: &str| {
            let groups = others(c).flat_map(|(_, m)| of(m)).filter(|g| g.name == name);
            groups.map(|g| g.figures.badness()).fold(f64::NEG_INFINITY, f64::max)
        };
        names.sort_by(|a, b| badness(b).total_cmp(&badness(a)));
    }
    let by_name = |(_, m): (_, &Measured)| of(m).iter().map(|g| (g.name.clone(), g.figures.quality())).collect();
    let qualities: Vec<HashMap<String, String>> = others(c).map(by_name).collect();
    let order = if most_lost { ", most lost first" } else { "" };
    out.push_str(&format!("\n## {title}, weights dB{order}\n\n"));
    let head: Vec<String> = others(c).map(|(v, _)| escape(&v.label)).collect();
    table(
        out,
        "",
        &head,
        names.iter().map(|name| {
            let cell = |known: &HashMap<String, String>| known.get(*name).cloned().unwrap_or_default();
            ((*name).to_owned(), qualities.iter().map(cell).collect())
        }),
    );
}

fn worst(out: &mut String, c: &Comparison) {
    for (v, variant) in c.variants.iter().enumerate() {
        let mut all: Vec<_> =
            c.tensors.iter().filter_map(|t| Some((t, t.figures[v]?))).filter(|t| !t.1.lossless()).collect();
        if all.is_empty() {
            continue;
        }
        all.sort_by(|a, b| b.1.badness().total_cmp(&a.1.badness()));
        out.push_str(&format!("\n## Most lost in {}\n\n", escape(&variant.label)));
        let head = ["type", "weights dB", "RMSE", "largest error"].map(str::to_owned);
        table(
            out,
            "tensor",
            &head,
            all.iter().take(LISTED).map(|(t, f)| {
                let named = |at: usize| t.types[at].map_or("", Encoding::name);
                let types = format!("{} → {}", named(c.baseline.at), named(v));
                (t.name.clone(), vec![types, f.quality(), number(f, f.rmse), number(f, f.max_abs)])
            }),
        );
    }
}

fn unpaired(out: &mut String, c: &Comparison) {
    for v in c.variants.iter().filter(|v| v.unpaired.count() > 0) {
        out.push_str(&format!("\n## Not compared in {}\n\n", escape(&v.label)));
        let list = |names: Vec<String>| {
            let more = names.len().saturating_sub(LISTED);
            let shown: Vec<String> = names.into_iter().take(LISTED).map(|n| format!("`{n}`")).collect();
            if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
        };
        let shapes = v.unpaired.reshaped.iter().map(|r| format!("{} {:?} instead of {:?}", r.name, r.here, r.baseline));
        for (what, names) in [
            ("only in the baseline", v.unpaired.missing.clone()),
            ("only in this model", v.unpaired.extra.clone()),
            ("different shape", shapes.collect()),
        ] {
            if !names.is_empty() {
                out.push_str(&format!("- {what}: {}\n", list(names)));
            }
        }
    }
}
