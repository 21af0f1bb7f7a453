//! Runs the graphs of a comparison on the same inputs and compares their outputs with the baseline's.

use super::inputs::{self, Given};
use super::runner::{Engine, failed, no_graph};
use super::{Bisected, FirstNode, GraphFigures, Graphs, OperatorCounts, OutputFigures};
use crate::graph::eval::{Setting, Value};
use crate::graph::judge::{self, Bisection, Figures, Side, Tolerance, bisect, operator_differences};
use crate::graph::{Graph, Text};
use crate::model::{Model, Result};
use crate::task::Task;
use std::path::PathBuf;
use std::time::Instant;

/// Bytes of values that a bisection keeps at once.
const BISECTION_BYTES: usize = 512 << 20;

/// What is asked of a comparison of outputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct GraphRequest {
    /// The file with the inputs.
    pub data: Option<PathBuf>,
    /// The seed that inputs are made from, without a file.
    pub seed: u64,
    /// Sizes of dimensions by name, for inputs that are made.
    pub sizes: Vec<(String, i64)>,
    /// What computes the outputs.
    pub engine: Engine,
    /// Look for the first node that differs even if all outputs are within the tolerance.
    pub bisect: bool,
}

/// A graph of a comparison.
pub(crate) struct GraphModel {
    /// The model with the graph.
    pub model: Model,
    /// True if the graph was built from a checkpoint.
    pub built: bool,
}

/// Compares what graphs give for the same inputs with what the one at `baseline` gives.
///
/// A graph that cannot be run does not fail the comparison: its figures say why.
///
/// # Errors
/// Inputs that cannot be read or made; cancelled.
pub(crate) fn compare_outputs(
    models: &[GraphModel],
    baseline: usize,
    request: &GraphRequest,
    how: Task<'_>,
    say: &dyn Fn(&str),
) -> Result<Graphs> {
    let begun = Instant::now();
    let runner = request.engine.runner();
    let mut graphs: Vec<&Graph> = Vec::new();
    for m in models {
        graphs.push(m.model.graph.as_deref().ok_or_else(|| no_graph(&m.model))?);
    }
    // The baseline's declarations come first.
    let mut ordered = graphs.clone();
    ordered[..=baseline].rotate_right(1);
    let given = match &request.data {
        Some(file) => inputs::from_file(file, &ordered)?,
        None => inputs::made(&ordered, request.seed, &request.sizes, &models[baseline].model.path)?,
    };
    let mut variants: Vec<GraphFigures> =
        models.iter().zip(&graphs).map(|(m, g)| structure(m, graphs[baseline], g)).collect();
    let run = |v: usize| -> Result<Vec<(Text, Value)>> {
        say(&format!("running {}", models[v].model.path.display()));
        runner.run(&models[v].model, inputs::fitting(graphs[v], &given)?, how)
    };
    let base = run(baseline);
    for v in 0..models.len() {
        let (figures, graph) = (&mut variants[v], graphs[v]);
        if v == baseline {
            figures.failed = base.as_ref().err().map(ToString::to_string);
            continue;
        }
        let tolerance = Tolerance::of(graphs[baseline], graph);
        figures.tolerance = Some(tolerance.to_string());
        let Ok(base) = &base else { continue };
        match run(v) {
            Err(e) => figures.failed = Some(e.to_string()),
            Ok(outputs) => figures.compared = compared(base, &outputs, tolerance),
        }
        if how.is_cancelled() {
            break;
        }
        if figures.failed.is_none() && (request.bisect || figures.compared.iter().any(|o| !o.passed)) {
            say("looking for the first node that differs");
            figures.bisection = Some(bisected(&models[baseline].model, &models[v].model, &given, tolerance, how));
        }
    }
    Ok(Graphs {
        engine: runner.name().to_owned(),
        seed: request.data.is_none().then_some(request.seed),
        data: request.data.clone(),
        inputs: given.iter().map(Given::described).collect(),
        seconds: begun.elapsed().as_secs_f64(),
        variants,
    })
}

fn structure(m: &GraphModel, base: &Graph, graph: &Graph) -> GraphFigures {
    let shown = |values: Vec<&crate::graph::Value>| values.iter().map(|v| format!("{} {}", v.name, v.ty)).collect();
    let counts = operator_differences(base, graph).into_iter();
    GraphFigures {
        built: m.built,
        nodes: graph.operators().iter().map(|o| o.nodes).sum(),
        opsets: graph.opset_texts(),
        inputs: shown(graph.inputs()),
        outputs: shown(graph.outputs()),
        operators: counts.map(|d| OperatorCounts { op: d.op, baseline: d.first, here: d.second }).collect(),
        ..GraphFigures::default()
    }
}

/// The outputs by their names; by their places, where there are as many and none has the name of another.
fn compared(base: &[(Text, Value)], outputs: &[(Text, Value)], tolerance: Tolerance) -> Vec<OutputFigures> {
    let find = |name: &str| outputs.iter().find(|(n, _)| **n == *name).map(|(_, v)| v);
    let by_place = base.len() == outputs.len() && base.iter().all(|(name, _)| find(name).is_none());
    let one = |(i, (name, x)): (usize, &(Text, Value))| {
        let y = if by_place { outputs.get(i).map(|(_, v)| v) } else { find(name) };
        match y {
            Some(y) => figures(name, x, y, tolerance),
            None => OutputFigures {
                name: name.to_string(),
                problem: Some("it has no output of this name".to_owned()),
                ..OutputFigures::default()
            },
        }
    };
    base.iter().enumerate().map(one).collect()
}

fn figures(name: &str, x: &Value, y: &Value, tolerance: Tolerance) -> OutputFigures {
    let found = Figures::of(x, y, tolerance);
    let mut out = described(name, found.as_ref());
    if let Value::Tensor(t) = y {
        (out.dtype, out.shape) = (t.elem.to_string(), t.dims.clone());
    }
    out
}

/// Figures as they are shown and saved: numbers only where they are finite.
fn described(name: &str, found: Result<&Figures, &String>) -> OutputFigures {
    let name = name.to_owned();
    match found {
        Err(problem) => OutputFigures { name, problem: Some(problem.clone()), ..OutputFigures::default() },
        Ok(f) => {
            let d = &f.difference;
            let finite = |x: f64| Some(x).filter(|x| x.is_finite());
            let known = d.not_finite == 0;
            OutputFigures {
                name,
                differing: f.differing,
                max_error: finite(d.max_abs).filter(|_| known),
                relative_error: finite(f.relative()).filter(|_| known),
                snr_db: finite(d.snr_db()),
                cosine: finite(d.cosine()).filter(|_| known),
                not_finite: d.not_finite,
                passed: f.passed,
                ..OutputFigures::default()
            }
        }
    }
}

/// The first node that differs; the reference evaluation finds it, whatever computed the outputs.
fn bisected(base: &Model, other: &Model, given: &[Given], tolerance: Tolerance, how: Task<'_>) -> Bisected {
    let found = || -> Result<Bisection> {
        let (Some(a), Some(b)) = (&base.graph, &other.graph) else { return Err(no_graph(other)) };
        let settings = [base, other].map(|m| Setting { task: how, ..Setting::new(m) });
        let a_side = Side { graph: a, setting: &settings[0] };
        let b_side = Side { graph: b, setting: &settings[1] };
        let (for_a, for_b) = (inputs::fitting(a, given)?, inputs::fitting(b, given)?);
        bisect((a_side, &for_a), (b_side, &for_b), tolerance, BISECTION_BYTES).map_err(|e| failed(&e, other))
    };
    match found() {
        Err(e) => Bisected { failed: Some(e.to_string()), ..Bisected::default() },
        Ok(found) => {
            Bisected { nodes: found.nodes, matched: found.matched, first: found.first.map(first), failed: None }
        }
    }
}

fn first(p: judge::Parting) -> FirstNode {
    let mut figures = described(&p.value, p.figures.as_ref());
    (figures.dtype, figures.shape) = (p.dtype, p.dims);
    FirstNode { node: p.node.to_string(), op: p.op.to_string(), at: p.at, unmatched: p.unmatched, figures }
}
