//! What `inspect` says about the operator graph of a model.

use super::text::{Style, plural, safe, table};
use crate::graph::{Dim, Graph, Value, ValueType, domain_shown};
use serde_json::{Value as Json, json};

/// Most operators in the one line of the summary.
const OPERATORS: usize = 12;
/// Most problems that are shown.
const PROBLEMS: usize = 8;

/// The graph in words, indented as the rest of the summary is.
pub(super) fn text(g: &Graph, all: bool, style: Style) -> String {
    let mut rows = vec![vec!["nodes".to_owned(), nodes(g)]];
    rows.push(vec!["opset".to_owned(), safe(&g.opset_texts().join(" · "))]);
    let producer = format!("{} {}", g.about.producer, g.about.producer_version);
    if !producer.trim().is_empty() {
        rows.push(vec!["producer".to_owned(), safe(producer.trim())]);
    }
    rows.push(vec!["format version".to_owned(), g.about.format_version.to_string()]);
    let dynamic = g.dynamic();
    if !dynamic.is_empty() {
        rows.push(vec!["dynamic".to_owned(), safe(&dynamic.join(" · "))]);
    }
    rows.push(vec!["operators".to_owned(), operators(g, all)]);
    let mut text = format!("\n{}\n{}", style.bold("graph"), indent(&table(&rows, &[false, false])));
    for (title, values) in [("inputs", g.inputs()), ("outputs", g.outputs())] {
        let row = |v: &&Value| vec![safe(&v.name), safe(&v.ty.to_string())];
        let rows: Vec<Vec<String>> = values.iter().map(row).collect();
        text.push_str(&format!("\n{}\n{}", style.bold(title), indent(&table(&rows, &[false, false]))));
    }
    let problems = g.infer().problems;
    if !problems.is_empty() {
        text.push_str(&format!("\n{}\n", style.warning("problems")));
        let most = if all { problems.len() } else { PROBLEMS };
        problems.iter().take(most).for_each(|p| text.push_str(&format!("  {}\n", safe(&p.to_string()))));
        if problems.len() > most {
            text.push_str(&format!("  and {} more\n", problems.len() - most));
        }
    }
    text
}

/// The graph for `--json`.
pub(super) fn value(g: &Graph) -> Json {
    let value = |v: &&Value| {
        let dim = |d: &Dim| d.known().map_or_else(|| json!(d.to_string()), |n| json!(n));
        let shape = v.ty.shape().map(|dims| dims.iter().map(dim).collect::<Vec<Json>>());
        json!({"name": &*v.name, "type": type_name(&v.ty), "shape": shape})
    };
    let operators: Vec<Json> =
        g.operators().iter().map(|o| json!({"domain": &*o.domain, "op": &*o.op, "nodes": o.nodes})).collect();
    let opsets: serde_json::Map<String, Json> =
        g.opsets.iter().map(|o| (domain_shown(&o.domain).to_owned(), json!(o.version))).collect();
    json!({
        "nodes": g.nodes.len(),
        "inputs": g.inputs().iter().map(value).collect::<Vec<_>>(),
        "outputs": g.outputs().iter().map(value).collect::<Vec<_>>(),
        "dynamic": g.dynamic(),
        "opsets": opsets,
        "operators": operators,
        "functions": g.functions.iter().map(|f| json!({"domain": &*f.domain, "name": &*f.name})).collect::<Vec<_>>(),
        "format_version": g.about.format_version,
        "producer": &*g.about.producer,
        "producer_version": &*g.about.producer_version,
        "problems": g.infer().problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn indent(text: &str) -> String {
    text.lines().map(|l| format!("  {l}\n")).collect()
}

fn type_name(ty: &ValueType) -> String {
    ty.elem().map_or_else(|| ty.to_string(), |e| e.name().to_owned())
}

fn nodes(g: &Graph) -> String {
    let nested = g.nodes.len() - g.regions[g.main].nodes.len();
    let mut text = g.nodes.len().to_string();
    if nested > 0 {
        text.push_str(&format!(", {nested} of them in nested graphs"));
    }
    if !g.functions.is_empty() {
        text.push_str(&format!(", and {}", plural(g.functions.len(), "function")));
    }
    text
}

fn operators(g: &Graph, all: bool) -> String {
    let operators = g.operators();
    let most = if all { operators.len() } else { OPERATORS };
    let mut words: Vec<String> =
        operators.iter().take(most).map(|o| safe(&format!("{} {}", o.shown(), o.nodes))).collect();
    if operators.len() > most {
        words.push(format!("{} more", operators.len() - most));
    }
    words.join(" · ")
}
