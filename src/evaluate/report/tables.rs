//! The tables of the report: metrics, kinds and layers, the worst tensors, what has no partner, and how it was measured.

use super::markup::{element, escape, table, text};
use super::series;
use crate::evaluate::rows::number;
use crate::evaluate::{Comparison, Group, Measured, Names, Rank, Tone, Variant, all_rows};
use crate::quality::metric;
use crate::quant::Encoding;
use indexmap::IndexSet;
use std::collections::HashMap;

/// Tensors in a list of the worst, and names in a list of those without a partner.
const LISTED: usize = 12;

/// All metrics of all models.
pub(super) fn metrics(c: &Comparison) -> String {
    let head = |(i, v): (usize, &Variant)| {
        let mark = if i == c.baseline.at { "<br/>baseline".to_owned() } else { String::new() };
        escape(&v.label) + &mark
    };
    let head: Vec<String> = std::iter::once(String::new()).chain(c.variants.iter().enumerate().map(head)).collect();
    let rows = all_rows(c).into_iter().map(|row| {
        let meaning = row.metric.and_then(metric).map(|m| m.meaning);
        let name = match meaning {
            Some(meaning) => element("span", &format!("title=\"{}\"", escape(meaning)), escape(&row.name)),
            None => escape(&row.name),
        };
        let cells = row.cells.into_iter().map(|cell| {
            let mark = match cell.rank {
                Some(Rank::Best) => element("span", "class=\"best\" title=\"best\"", "▲ "),
                Some(Rank::Worst) => element("span", "class=\"worst\" title=\"worst\"", "▼ "),
                None => String::new(),
            };
            let change = cell.change.as_ref().map(|change| {
                let class = if change.tone == Tone::Better { "class=\"change less\"" } else { "class=\"change more\"" };
                " ".to_owned() + &element("span", class, escape(&change.text))
            });
            let value = if cell.text.is_empty() { "–".to_owned() } else { escape(&cell.precise()) };
            mark + &value + &change.unwrap_or_default()
        });
        std::iter::once(name).chain(cells).collect()
    });
    text("h2", "Figures")
        + &table(&head, rows)
        + &text("p", "▲ best and ▼ worst of the compared models. Percentages are differences from the baseline.")
}

/// Errors by kind, most lost first, and by layer.
pub(super) fn groups(c: &Comparison) -> String {
    let kinds = grouped(c, true, |m| &m.kinds);
    let layers = grouped(c, false, |m| &m.layers);
    if kinds.is_empty() {
        return String::new();
    }
    let summary = text("summary", "Table by layer");
    let layers = if layers.is_empty() { layers } else { element("details", "", summary + &layers) };
    text("h2", "Weights dB by kind, most lost first") + &kinds + &layers + "\n"
}

fn grouped(c: &Comparison, most_lost: bool, of: impl Fn(&Measured) -> &Vec<Group>) -> String {
    let measured: Vec<(&Variant, &Measured)> = series(c).filter_map(|(_, v)| Some((v, v.measured.as_ref()?))).collect();
    let mut names: IndexSet<&str> = measured.iter().flat_map(|(_, m)| of(m)).map(|g| g.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    if most_lost {
        let badness = |name: &str| {
            let groups = measured.iter().flat_map(|(_, m)| of(m)).filter(|g| g.name == name);
            groups.map(|g| g.figures.badness()).fold(f64::NEG_INFINITY, f64::max)
        };
        let order: HashMap<String, f64> = names.iter().map(|n| ((*n).to_owned(), badness(n))).collect();
        let of = |name: &str| order.get(name).copied().unwrap_or(f64::NEG_INFINITY);
        names.sort_by(|a, b| of(b).total_cmp(&of(a)));
    }
    let qualities: Vec<HashMap<&str, String>> =
        measured.iter().map(|(_, m)| of(m).iter().map(|g| (g.name.as_str(), g.figures.quality())).collect()).collect();
    let head: Vec<String> =
        std::iter::once(String::new()).chain(measured.iter().map(|(v, _)| escape(&v.label))).collect();
    let row = |name: &&str| {
        let cells = qualities.iter().map(|known| escape(known.get(*name).map_or("–", String::as_str)));
        std::iter::once(escape(name)).chain(cells).collect()
    };
    table(&head, names.iter().map(row))
}

/// The tensors that lost most, by model.
pub(super) fn worst(c: &Comparison) -> String {
    let mut out = String::new();
    for (v, variant) in series(c) {
        let mut all: Vec<_> =
            c.tensors.iter().filter_map(|t| Some((t, t.figures[v]?))).filter(|t| !t.1.lossless()).collect();
        if all.is_empty() {
            continue;
        }
        all.sort_by(|a, b| b.1.badness().total_cmp(&a.1.badness()));
        let head = ["tensor", "type", "weights dB", "RMSE", "largest error"].map(str::to_owned);
        let rows = all.iter().take(LISTED).map(|(t, f)| {
            let named = |at: usize| t.types[at].map_or("", Encoding::name);
            let types = format!("{} → {}", named(c.baseline.at), named(v));
            [t.name.clone(), types, f.quality(), number(f, f.rmse), number(f, f.max_abs)]
                .iter()
                .map(|s| escape(s))
                .collect()
        });
        out.push_str(&text("h3", &variant.label));
        out.push_str(&table(&head, rows));
    }
    if out.is_empty() { out } else { text("h2", "Tensors that lost most") + &out }
}

/// What could not be compared.
pub(super) fn unpaired(c: &Comparison) -> String {
    let mut items = String::new();
    for v in c.variants.iter().filter(|v| v.unpaired.count() > 0) {
        let shapes = v.unpaired.reshaped.iter().map(|r| format!("{} {:?} instead of {:?}", r.name, r.here, r.baseline));
        for (what, names) in [
            ("only in the baseline", v.unpaired.missing.clone()),
            ("only in this model", v.unpaired.extra.clone()),
            ("different shape", shapes.collect()),
        ] {
            if names.is_empty() {
                continue;
            }
            let more = names.len().saturating_sub(LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let shown: Vec<String> = names.into_iter().take(LISTED).collect();
            items.push_str(&text("li", &format!("{}: {what}: {}{more}", v.label, shown.join(", "))));
        }
    }
    if items.is_empty() { items } else { text("h2", "Not compared") + &element("ul", "", items) }
}

/// How it was measured, so that a reader can do it again.
pub(super) fn method(c: &Comparison, written: &str) -> String {
    let base = &c.variants[c.baseline.at];
    let how = match c.baseline.source.words() {
        "" => "named by the user",
        words => words,
    };
    let mut facts: Vec<(&str, String)> = vec![("baseline", format!("{} ({how})", base.path.display()))];
    for v in &c.variants {
        let types: Vec<String> = v.types.iter().map(|t| format!("{} ×{}", t.name, t.tensors)).collect();
        facts.push(("model", format!("{}: {}, {}", v.path.display(), v.format, types.join(", "))));
    }
    if let Some(e) = &c.evaluated {
        facts.push(("text", e.text.display().to_string()));
        facts.push(("windows", e.measured_on.clone()));
        let mode = match e.mode.as_str() {
            "exact" => {
                "exact: weights as stored, activations in 32-bit floats, in remold's own forward pass".to_owned()
            }
            other => format!("as {other}: activations rounded as {other} rounds them, in remold's own forward pass"),
        };
        facts.push(("computation", mode));
        facts.push(("uncertainties", "one standard error".to_owned()));
        facts.extend(e.notes.iter().map(|note| ("note", note.clone())));
        facts.push(("time", format!("{:.0} s for the text, {:.0} s for the weights", e.seconds, c.seconds)));
    }
    let names = match c.names {
        Names::Gguf => "GGUF names; other formats were renamed and permuted as in a conversion",
        Names::Own => "the files' own names",
    };
    facts.push((
        "weights",
        format!(
            "{} of {} tensors decoded and compared by {names}. Weights dB is the signal over the error (SQNR); output dB estimates the same for \
             the model's output from the weights.",
            c.compared(),
            c.tensors.len()
        ),
    ));
    facts.push((
        "memory",
        format!(
            "tensors and an f16 KV cache of {} tokens as llama.cpp allocates it; buffers for computing come on top.",
            c.context
        ),
    ));
    facts.push(("remold", format!("{}, written {written}", env!("CARGO_PKG_VERSION"))));
    let rows: String = facts.iter().map(|(name, what)| text("dt", name) + &text("dd", what) + "\n").collect();
    let command = text("dt", "command") + &element("dd", "", text("code", &c.command()));
    text("h2", "How it was measured") + &element("dl", "", rows + &command) + "\n"
}
