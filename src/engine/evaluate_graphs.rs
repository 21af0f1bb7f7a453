//! The stage after publishing for outputs that are graphs: source and output are run on the same inputs, and their outputs are compared.

use super::evaluate::{absolute, publish, sha256_of};
use super::run::RunOptions;
use super::staged::Staged;
use super::{Check, EventBody, Metric, OutputEvaluation};
use crate::evaluate::{BaselineSource, GraphFigures, GraphRequest, Graphs, Set};
use crate::model::{ModelError, OutputIndex, Result, Warning, numbered};
use crate::plan::{self, PlannedOutput, PlannedValidation, Prepared, StageKind};
use crate::quality::Condition;
use crate::task::Task;

/// Compares the published outputs with the source; one evaluation an output, also in its manifest.
///
/// # Errors
/// A source or an output that cannot be run; inputs that cannot be read or made; a stop.
pub(super) fn measure(
    prepared: &Prepared,
    asked: &PlannedValidation,
    options: &RunOptions<'_>,
    outputs: &[Staged],
) -> Result<Vec<OutputEvaluation>> {
    let plan = &prepared.plan;
    let conditions = asked.conditions()?;
    let request = GraphRequest { data: asked.data.clone(), ..GraphRequest::default() };
    let task = Task { threads: options.threads, progress: &|_, _| {}, cancel: options.stop.flag() };
    let mut evaluations = Vec::with_capacity(plan.outputs.len());
    for (o, planned) in numbered::<OutputIndex, _>(&plan.outputs) {
        options.gate.pass();
        let fraction = o.0 as f64 / plan.outputs.len().max(1) as f64;
        let say = |what: &str| {
            let (stage, what) = (StageKind::Evaluate, what.to_owned());
            options.sink.send(EventBody::StageProgress { stage, fraction, what });
        };
        let paths = [plan.source.clone(), plan::openable(planned).to_owned()];
        let set = Set::open(&paths, Some((0, BaselineSource::Given)), None)?;
        let Some(found) = set.graph_outputs(&request, task, &say)? else { return Err(not_graphs(&set)) };
        let named = Named { planned, output: o, baseline: plan.source.display().to_string(), engine: &found.engine };
        let evaluation = named.evaluation(&found, &conditions, asked)?;
        if let Some(text) = named.noticed(&found) {
            options.sink.send(EventBody::Warning(Warning::new("evaluation.outputs-differ", text)));
        }
        publish(prepared, options, outputs, o, &evaluation)?;
        evaluations.push(evaluation);
    }
    Ok(evaluations)
}

#[cold]
fn not_graphs(set: &Set) -> ModelError {
    let why = set.warnings.iter().find(|(_, w)| w.code == "compare.no-graph").map(|(_, w)| w.text.clone());
    ModelError::unsupported(why.unwrap_or_else(|| "the source and the output are no graphs".to_owned()))
}

/// An output whose figures are named.
struct Named<'a> {
    planned: &'a PlannedOutput,
    output: OutputIndex,
    baseline: String,
    engine: &'a str,
}

impl Named<'_> {
    fn evaluation(
        &self,
        found: &Graphs,
        conditions: &[Condition],
        asked: &PlannedValidation,
    ) -> Result<OutputEvaluation> {
        let here = |why: &String| ModelError::unsupported(why.clone()).in_file(&self.planned.path);
        if let Some(why) = found.variants.iter().find_map(|v| v.failed.as_ref()) {
            return Err(here(why));
        }
        let values = found.variants.last().map(GraphFigures::worst).unwrap_or_default();
        let model = self.planned.path.display().to_string();
        let metric = |(name, value): &(&str, f64)| Metric {
            name: (*name).to_owned(),
            value: *value,
            model: model.clone(),
            baseline: Some(self.baseline.clone()),
            mode: Some(self.engine.to_owned()),
            output: Some(self.output),
            ..Metric::default()
        };
        let check = |c: &Condition| {
            // What is missing has not passed.
            let value = values.iter().find(|(name, _)| *name == c.metric.name).map_or(f64::NAN, |(_, value)| *value);
            Check {
                metric: c.metric.name.to_owned(),
                condition: c.to_string(),
                value,
                passed: !c.fails(value),
                model: model.clone(),
                output: Some(self.output),
                what: None,
            }
        };
        let inputs: Vec<String> = found.inputs.iter().map(|i| format!("{} {:?}", i.name, i.shape)).collect();
        let from = if found.data.is_some() { "from the file" } else { "made from a seed" };
        Ok(OutputEvaluation {
            data: asked.data.clone().map(absolute),
            data_sha256: asked.data.as_deref().and_then(sha256_of),
            baseline: absolute(self.baseline.clone().into()),
            mode: self.engine.to_owned(),
            measured_on: format!("inputs {from}: {}", inputs.join(", ")),
            metrics: values.iter().map(metric).collect(),
            checks: conditions.iter().map(check).collect(),
        })
    }

    /// What a user should know of outputs beyond the tolerance.
    fn noticed(&self, found: &Graphs) -> Option<String> {
        let graph = found.variants.last()?;
        let far: Vec<&str> = graph.compared.iter().filter(|o| !o.passed).map(|o| o.name.as_str()).collect();
        if far.is_empty() {
            return None;
        }
        let (names, tolerance) = (far.join(", "), graph.tolerance.as_deref().unwrap_or_default());
        let first = graph.bisection.as_ref().and_then(|b| b.lasting.as_ref().or(b.first.as_ref()));
        let first =
            first.map_or_else(String::new, |f| format!("; the first node that differs is {:?} ({})", f.node, f.op));
        Some(format!("{}: beyond the tolerance ({tolerance}): {names}{first}", self.planned.path.display()))
    }
}
