//! A comparison as events, one a line: `metric` for the figures, `tensor.finished` for the tensors, `warning` for what could not
//! be compared. Of graphs, a `check` for each output, and one line `compare.graphs` with everything.

use crate::engine::{Check, Event, EventBody, Metric, TensorDone, TensorStart};
use crate::evaluate::{Comparison, Figures, Graphs, OutputFigures, Variant};
use crate::model::{Name, Warning};
use crate::quality::metric as spec;
use crate::tensor::Shape;

/// The value that replaces the job number in these events.
const JOB: &str = "compare";

/// The lines.
pub(crate) fn lines(c: &Comparison) -> String {
    let t = jiff::Timestamp::now();
    let mut out = String::new();
    for body in bodies(c) {
        let event = Event { t, job: JOB.to_owned(), body };
        out.push_str(&serde_json::to_string(&event).unwrap_or_default());
        out.push('\n');
    }
    if let Some(graphs) = &c.graphs {
        out.push_str(&whole(c, graphs, t));
    }
    out
}

/// Everything that is known of graphs, as one line.
fn whole(c: &Comparison, graphs: &Graphs, t: jiff::Timestamp) -> String {
    let models: Vec<String> = c.variants.iter().map(|v| v.path.display().to_string()).collect();
    let mut line = serde_json::json!({ "t": t, "job": JOB, "kind": "compare.graphs", "models": models });
    let found = serde_json::to_value(graphs).unwrap_or_default();
    if let (Some(line), serde_json::Value::Object(found)) = (line.as_object_mut(), found) {
        line.extend(found);
    }
    format!("{line}\n")
}

/// The worst figures of the outputs of a graph, and whether all are within the tolerance.
fn outputs(c: &Comparison, variant: usize) -> Vec<EventBody> {
    let Some((graphs, found)) = c.graphs.as_ref().and_then(|g| Some((g, g.variants.get(variant)?))) else {
        return Vec::new();
    };
    let path = |v: usize| c.variants.get(v).map(|v| v.path.display().to_string()).unwrap_or_default();
    let failed = found.failed.as_ref().map(|why| {
        EventBody::Warning(Warning::new("compare.not-run", format!("{} could not be run: {why}", path(variant))))
    });
    let metric = |(name, value): (&str, f64)| {
        let (name, model) = (name.to_owned(), path(variant));
        let (baseline, mode) = (Some(path(c.baseline.at)), Some(graphs.engine.clone()));
        EventBody::Metric(Metric { name, value, model, baseline, mode, ..Metric::default() })
    };
    let check = |o: &OutputFigures| {
        EventBody::Check(Check {
            metric: "output_tolerance".to_owned(),
            condition: found.tolerance.clone().unwrap_or_default(),
            value: o.relative_error.unwrap_or(f64::NAN),
            passed: o.passed,
            model: path(variant),
            output: None,
            what: Some(match &o.problem {
                Some(problem) => format!("output {}: {problem}", o.name),
                None => format!("output {}", o.name),
            }),
        })
    };
    failed.into_iter().chain(found.worst().into_iter().map(metric)).chain(found.compared.iter().map(check)).collect()
}

fn bodies(c: &Comparison) -> Vec<EventBody> {
    let base = &c.variants[c.baseline.at];
    let mut all = vec![EventBody::Baseline { model: base.path.display().to_string(), baseline: c.baseline }];
    all.extend(c.baseline_warning().map(|text| EventBody::Warning(Warning::new("compare.lossy-baseline", text))));
    for v in &c.variants {
        all.extend(warnings(v, &base.label));
    }
    for (i, v) in c.variants.iter().enumerate() {
        for t in &c.tensors {
            if let Some(figures) = &t.figures[i] {
                all.push(EventBody::TensorFinished(tensor(c, i, t, figures)));
            }
        }
        all.extend(metrics(c, v, &base.label));
        all.extend(predictions(c, i));
        all.extend(outputs(c, i));
    }
    all
}

fn tensor(c: &Comparison, output: usize, t: &crate::evaluate::TensorFigures, figures: &Figures) -> TensorDone {
    let of = |v: usize| t.types[v].unwrap_or_default();
    let to = of(output);
    let bytes = to.tensor_bytes(&Shape(t.shape.clone())).unwrap_or(0);
    TensorDone {
        tensor: TensorStart {
            output: output.into(),
            name: t.name.as_str().into(),
            layer: t.layer,
            kind: Name::word(&t.kind),
            role: t.role,
            from: of(c.baseline.at),
            to,
            bytes,
        },
        rmse: figures.rmse,
        sqnr_db: figures.sqnr_db,
        weighted_sqnr_db: None,
        gain_db: None,
        cosine: figures.cosine,
        max_abs: figures.max_abs,
    }
}

fn metrics(c: &Comparison, v: &Variant, baseline: &str) -> Vec<EventBody> {
    let model = v.path.display().to_string();
    let metric = |name: &str, value: f64, baseline: Option<&str>, layer: Option<u32>| {
        let baseline = baseline.map(str::to_owned);
        let name = name.to_owned();
        EventBody::Metric(Metric { name, value, model: model.clone(), baseline, layer, ..Metric::default() })
    };
    let mut all = vec![
        metric("size_bytes", v.bytes as f64, None, None),
        metric("tensors", v.tensors as f64, None, None),
        metric("parameters", v.parameters as f64, None, None),
        metric("bits_per_weight", v.bits_per_weight, None, None),
    ];
    all.extend(v.memory_bytes.map(|b| metric(&format!("memory_bytes_at_{}", c.context), b as f64, None, None)));
    let Some(m) = &v.measured else { return all };
    let mut put = |name: &str, value: Option<f64>, layer| {
        all.extend(value.map(|value| metric(name, value, Some(baseline), layer)));
    };
    put("output_sqnr_db", m.output_sqnr_db, None);
    for (name, value) in figures(&m.all) {
        put(name, value, None);
    }
    put("compared_tensors", Some(m.compared as f64), None);
    put("identical_tensors", Some(m.identical as f64), None);
    put("exact_tensors", Some(m.exact as f64), None);
    put("uncompared_tensors", Some(v.unpaired.count() as f64), None);
    for layer in &m.layers {
        for (name, value) in figures(&layer.figures) {
            put(name, value, layer.name.parse().ok());
        }
    }
    all
}

/// What a model predicts of the text, as `remold eval` prints it.
fn predictions(c: &Comparison, variant: usize) -> Vec<EventBody> {
    let Some((e, figures)) = c.evaluated.as_ref().and_then(|e| Some((e, e.variants.get(variant)?))) else {
        return Vec::new();
    };
    let path = |v: usize| c.variants.get(v).map(|v| v.path.display().to_string()).unwrap_or_default();
    let body = |name: &str, value: f64, uncertainty: Option<f64>, layer: Option<u32>| {
        let compared = spec(name).is_some_and(|s| s.needs.is_relative()) && variant != c.baseline.at;
        EventBody::Metric(Metric {
            name: name.to_owned(),
            value,
            uncertainty,
            model: path(variant),
            baseline: compared.then(|| path(c.baseline.at)),
            layer,
            mode: Some(e.mode.clone()),
            ..Metric::default()
        })
    };
    let mut all: Vec<EventBody> =
        figures.metrics.iter().map(|(name, f)| body(name, f.value, f.uncertainty, None)).collect();
    for l in &figures.layers {
        all.push(body("hidden_rms", l.hidden_rms, None, Some(l.layer)));
        all.push(body("hidden_cosine", l.hidden_cosine, None, Some(l.layer)));
    }
    all
}

fn figures(f: &Figures) -> [(&'static str, Option<f64>); 4] {
    [("rmse", f.rmse), ("sqnr_db", f.sqnr_db), ("cosine", f.cosine), ("max_abs", f.max_abs)]
}

fn warnings(v: &Variant, baseline: &str) -> Vec<EventBody> {
    let u = &v.unpaired;
    let missing = u.missing.iter().map(|n| ("missing", n, format!("{} lacks a tensor of {baseline}", v.label)));
    let extra = u.extra.iter().map(|n| ("extra", n, format!("{} has a tensor that {baseline} lacks", v.label)));
    let shapes = u.reshaped.iter().map(|r| {
        ("shape", &r.name, format!("{} has the shape {:?}, {baseline} has {:?}", v.label, r.here, r.baseline))
    });
    let warning = |(what, name, text): (&str, &String, String)| {
        EventBody::Warning(Warning::about(&format!("compare.{what}"), name, text))
    };
    missing.chain(extra).chain(shapes).map(warning).collect()
}
