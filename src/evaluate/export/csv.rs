//! A line for each tensor of each model but the baseline. If the models were evaluated on a text, there is also a line for each metric of each
//! model, and if graphs were run, one for each figure of each output, whose name is in the column of tensors; both with the last three
//! columns, which there are only then.

use crate::evaluate::{Comparison, Figures, Sameness};

const HEAD: &str = "variant,tensor,layer,kind,role,shape,baseline_type,type,state,elements,rmse,sqnr_db,cosine,max_abs";

/// Columns of metrics, after the others.
const METRICS: &str = ",metric,value,uncertainty";

pub(super) fn text(c: &Comparison) -> String {
    let columns =
        if c.evaluated.is_some() || c.graphs.is_some() { format!("{HEAD}{METRICS}") } else { HEAD.to_owned() };
    let columns = columns.as_str();
    let mut out = format!("{columns}\n");
    for (v, variant) in c.variants.iter().enumerate().filter(|(v, _)| *v != c.baseline.at) {
        for t in &c.tensors {
            let shape: Vec<String> = t.shape.iter().map(u64::to_string).collect();
            let named = |at: usize| t.types[at].map_or_else(String::new, |e| e.to_string());
            let mut fields = vec![
                variant.label.clone(),
                t.name.clone(),
                t.layer.map(|l| l.to_string()).unwrap_or_default(),
                t.kind.clone(),
                t.role.name().to_owned(),
                shape.join("x"),
                named(c.baseline.at),
                named(v),
            ];
            fields.extend(match &t.figures[v] {
                Some(f) => figures(f),
                None => vec![state(t.types[v].is_some()).to_owned(); 1],
            });
            fields.resize(columns.split(',').count(), String::new());
            line(&mut out, &fields);
        }
        for name in &variant.unpaired.extra {
            let mut fields = vec![variant.label.clone(), name.clone()];
            fields.resize(8, String::new());
            fields.push("extra".to_owned());
            fields.resize(columns.split(',').count(), String::new());
            line(&mut out, &fields);
        }
    }
    for (variant, figures) in c.evaluated.iter().flat_map(|e| c.variants.iter().zip(&e.variants)) {
        let mut push = |layer: Option<u32>, name: &str, value: f64, uncertainty: Option<f64>| {
            let layer = layer.map(|l| l.to_string()).unwrap_or_default();
            let mut fields = vec![variant.label.clone(), String::new(), layer];
            fields.resize(HEAD.split(',').count(), String::new());
            fields.extend([name.to_owned(), value.to_string(), uncertainty.map(|u| u.to_string()).unwrap_or_default()]);
            line(&mut out, &fields);
        };
        figures.metrics.iter().for_each(|(name, f)| push(None, name, f.value, f.uncertainty));
        for l in &figures.layers {
            push(Some(l.layer), "hidden_rms", l.hidden_rms, None);
            push(Some(l.layer), "hidden_cosine", l.hidden_cosine, None);
        }
    }
    for (variant, graph) in c.graphs.iter().flat_map(|g| c.variants.iter().zip(&g.variants)) {
        for o in &graph.compared {
            let shape: Vec<String> = o.shape.iter().map(usize::to_string).collect();
            let figures = [
                ("output_max_error", o.max_error),
                ("output_relative_error", o.relative_error),
                ("output_snr_db", o.snr_db),
                ("output_cosine", o.cosine),
                ("output_within_tolerance", Some(f64::from(u8::from(o.passed)))),
            ];
            for (name, value) in figures.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                let mut fields = vec![variant.label.clone(), o.name.clone(), String::new(), "output".to_owned()];
                fields.extend([String::new(), shape.join("x"), String::new(), o.dtype.clone()]);
                fields.resize(HEAD.split(',').count(), String::new());
                fields.extend([name.to_owned(), value.to_string(), String::new()]);
                line(&mut out, &fields);
            }
        }
    }
    out
}

/// Why a tensor has no figures.
fn state(there: bool) -> &'static str {
    if there { "not compared" } else { "missing" }
}

fn figures(f: &Figures) -> Vec<String> {
    let state = match f.same {
        Sameness::Identical => "identical",
        Sameness::Exact => "exact",
        Sameness::Differs => "differs",
    };
    let number = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
    vec![state.to_owned(), f.elems.to_string(), number(f.rmse), number(f.sqnr_db), number(f.cosine), number(f.max_abs)]
}

fn line(out: &mut String, fields: &[String]) {
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            out.push_str(&format!("\"{}\"", field.replace('"', "\"\"")));
        } else {
            out.push_str(field);
        }
    }
    out.push('\n');
}
