//! What `remold compare` says of graphs: the inputs they got, outputs beyond the tolerance, and where they part.

use super::args::CompareArgs;
use super::text::{Style, cut, plural, safe, seconds, table};
use crate::evaluate::{Bisected, Comparison, Engine, GraphFigures, GraphRequest, Graphs, OutputFigures};
use crate::model::{ModelError, Result};

/// Columns of a text before it is cut.
const WIDTH: usize = 56;
/// Operators listed of those that differ in number.
const LISTED: usize = 12;

/// Parses `NAME=N`.
///
/// # Errors
/// Anything else.
pub(crate) fn dimension(text: &str) -> std::result::Result<(String, i64), String> {
    let wrong = || format!("{text:?} is not NAME=N with a number from 0 on");
    let (name, n) = text.split_once('=').ok_or_else(wrong)?;
    let n: i64 = n.trim().parse().map_err(|_| wrong())?;
    if name.trim().is_empty() || n < 0 { Err(wrong()) } else { Ok((name.trim().to_owned(), n)) }
}

/// Refuses options that do not go with the models.
///
/// # Errors
/// Options of graphs for other models, and of texts for graphs.
pub(crate) fn check(args: &CompareArgs, graphs: bool) -> Result<()> {
    let given = if graphs {
        [("--window", args.window.is_some()), ("--chunks", args.chunks.is_some()), ("--as", args.rounding.is_some())]
    } else {
        [("--dim", !args.dims.is_empty()), ("--bisect", args.bisect), ("--seed", args.seed.is_some())]
    };
    let Some((option, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let what = if graphs {
        "it is about texts, and the models are graphs, which are compared on arrays"
    } else {
        "it is about the inputs of graphs, and the models are not compared as graphs"
    };
    Err(ModelError::request(what).field(option).with_hint("Leave it out."))
}

/// What is asked of the graphs.
pub(crate) fn request(args: &CompareArgs) -> GraphRequest {
    GraphRequest {
        data: args.data.clone(),
        seed: args.seed.unwrap_or(0),
        sizes: args.dims.clone(),
        engine: Engine::default(),
        bisect: args.bisect,
    }
}

/// How the graphs were run, for the lines before the table.
pub(crate) fn head(c: &Comparison, graphs: &Graphs, style: Style) -> String {
    let from = match (&graphs.data, graphs.seed) {
        (Some(path), _) => format!("inputs from {}", path.display()),
        (None, seed) => format!("inputs made from seed {}", seed.unwrap_or(0)),
    };
    let line = format!("{from}; outputs computed by the engine {} in {}", graphs.engine, seconds(graphs.seconds));
    let mut out = format!("{} {}\n", style.bold("graphs"), safe(&line));
    for input in &graphs.inputs {
        let line = format!("{} {} {:?}: {}", input.name, input.dtype, input.shape, input.what);
        out.push_str(&format!("{} {}\n", style.dim("input"), safe(&line)));
    }
    for (v, graph) in c.variants.iter().zip(&graphs.variants) {
        if graph.built {
            let text = format!("{} is a checkpoint: its graph was built as in a conversion", v.label);
            out.push_str(&format!("{} {}\n", style.dim("note:"), safe(&text)));
        }
        if let Some(why) = &graph.failed {
            let text = format!("{} could not be run, so its outputs are not compared: {why}", v.label);
            out.push_str(&format!("{} {}\n", style.warning("warning:"), safe(&text)));
        }
    }
    out
}

/// The outputs of each graph, where it parts from the baseline, and how its operators differ.
pub(crate) fn details(c: &Comparison, graphs: &Graphs, style: Style) -> String {
    let mut out = String::new();
    for (i, (v, graph)) in c.variants.iter().zip(&graphs.variants).enumerate() {
        if i == c.baseline.at {
            continue;
        }
        out.push_str(&format!("\n{}\n", style.bold(&safe(&v.label))));
        if !graph.compared.is_empty() {
            out.push_str(&outputs(graph, style));
        }
        if let Some(found) = &graph.bisection {
            out.push_str(&parting(found, style));
        }
        out.push_str(&structure(graph, &graphs.variants[c.baseline.at], style));
    }
    out
}

fn outputs(graph: &GraphFigures, style: Style) -> String {
    let head = ["output", "type", "shape", "max error", "relative", "SNR", "cosine", ""];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let mut problems = String::new();
    for o in &graph.compared {
        let mark = if o.passed { style.good("pass") } else { style.error("FAIL") };
        if let Some(problem) = &o.problem {
            problems.push_str(&format!("{} {}: {}\n", style.warning("warning:"), safe(&o.name), safe(problem)));
        }
        let shape: Vec<String> = o.shape.iter().map(usize::to_string).collect();
        lines.push(vec![
            cut(&safe(&o.name), WIDTH),
            o.dtype.clone(),
            shape.join("×"),
            OutputFigures::shown(o.max_error),
            OutputFigures::shown(o.relative_error),
            o.snr(),
            o.cosine.map_or_else(|| "–".to_owned(), |x| format!("{x:.6}")),
            mark,
        ]);
    }
    let tolerance = graph.tolerance.as_deref().unwrap_or_default();
    let right = [false, false, false, true, true, true, true, false];
    format!("{}{problems}{}\n", table(&lines, &right), style.dim(&format!("tolerance: {tolerance}")))
}

fn parting(found: &Bisected, style: Style) -> String {
    if let Some(why) = &found.failed {
        return format!("{} no first node was found: {}\n", style.warning("warning:"), safe(why));
    }
    let matched = format!("{} of {} nodes give values of names that the baseline has", found.matched, found.nodes);
    let Some(first) = &found.first else {
        let what = if found.matched == 0 { "none can be compared" } else { "all of these are within the tolerance" };
        return format!("{} {matched}; {what}\n", style.bold("nodes"));
    };
    let name = if first.node.is_empty() { "without a name".to_owned() } else { format!("{:?}", first.node) };
    let error = match &first.figures.problem {
        Some(problem) => problem.clone(),
        None => format!("max error {}, SNR {}", OutputFigures::shown(first.figures.max_error), first.figures.snr()),
    };
    let place = first.at + 1;
    let mut line = format!(
        "node {name} ({}), number {place} of {}, value {:?}: {error}",
        first.op, found.nodes, first.figures.name
    );
    if first.unmatched > 0 {
        let n = plural(first.unmatched, "node");
        line.push_str(&format!(
            "; the cause may be one of the {n} before it whose values the baseline does not have by name"
        ));
    }
    format!("{} {}\n{} {}\n", style.bold("first difference"), safe(&line), style.bold("nodes"), safe(&matched))
}

fn structure(graph: &GraphFigures, base: &GraphFigures, style: Style) -> String {
    let mut out = String::new();
    let listed = graph.operators.iter().take(LISTED).map(|o| format!("{} {}→{}", o.op, o.baseline, o.here));
    let mut text: Vec<String> = listed.collect();
    if graph.operators.len() > LISTED {
        text.push(format!("{} more", graph.operators.len() - LISTED));
    }
    if !text.is_empty() {
        out.push_str(&format!("{} {}\n", style.dim("operators"), safe(&text.join(", "))));
    }
    for (what, ours, theirs) in [
        ("opsets", &graph.opsets, &base.opsets),
        ("inputs", &graph.inputs, &base.inputs),
        ("outputs", &graph.outputs, &base.outputs),
    ] {
        let alone = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|x| !those.contains(x)).cloned().collect()
        };
        for (whose, list) in [("here", alone(ours, theirs)), ("baseline", alone(theirs, ours))] {
            if !list.is_empty() {
                let more = list.len().saturating_sub(LISTED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let text = list.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
                out.push_str(&format!("{} {}{more}\n", style.dim(&format!("{what} ({whose})")), safe(&text)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_a_name_and_a_number() {
        assert_eq!(dimension("batch_size=2").unwrap(), ("batch_size".to_owned(), 2));
        for wrong in ["batch", "=2", "batch=-1", "batch=x", "batch="] {
            assert!(dimension(wrong).is_err(), "{wrong}");
        }
    }
}
