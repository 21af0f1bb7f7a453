//! Types and shapes of the node tests of ONNX and of the material, inferred again.

use super::roundtrip::{material, node_tests, onnx_files};
use super::*;
use crate::graph::{Dim, Graph, ValueType};
use std::sync::Arc;

/// What was inferred of the outputs of main graphs.
#[derive(Default)]
struct Outputs {
    all: usize,
    /// Those with the type that the file declares.
    types: usize,
    /// Those with all dimensions that the file declares.
    shapes: usize,
    missing: Vec<String>,
    problems: Vec<String>,
}

fn outputs(path: &Path) -> Result<Outputs> {
    let mut g: Graph = Arc::unwrap_or_clone(super::super::open(path)?.graph.unwrap());
    let ports: Vec<_> = g.regions[g.main].outputs.iter().map(|p| p.value).collect();
    let declared: Vec<ValueType> = ports.iter().map(|v| g.values[*v].ty.clone()).collect();
    let problems = g.infer().problems.iter().map(ToString::to_string).collect();
    // Without what the file says of its outputs and of values in between.
    let fixed: Vec<_> = g
        .values
        .iter()
        .filter(|(_, v)| v.constant.is_none() && matches!(v.source, crate::graph::Source::Node(_)))
        .map(|(id, _)| id)
        .collect();
    for id in fixed {
        g.values[id].ty = ValueType::Unknown;
    }
    let found = g.infer();
    let (mut types, mut shapes, mut missing) = (0, 0, Vec::new());
    for (value, declared) in ports.iter().zip(&declared) {
        let ty = found.ty(*value);
        types += usize::from(*ty != ValueType::Unknown && ty.elem() == declared.elem());
        let known = |d: &[Dim]| d.iter().filter(|d| d.is_some()).count();
        let (want, got) = (declared.shape().map(known), ty.shape().map(known));
        let complete = want.is_none_or(|w| got.is_some_and(|g| g >= w));
        shapes += usize::from(complete);
        if !complete || ty.elem() != declared.elem() {
            let ops: Vec<String> = g.operators().iter().map(|o| o.shown()).collect();
            missing.push(format!("{}: {ty} instead of {declared}", ops.join(" ")));
        }
    }
    Ok(Outputs { all: ports.len(), types, shapes, missing, problems })
}

fn inferred(files: &[PathBuf], what: &str) -> Outputs {
    let mut sum = Outputs::default();
    for path in files {
        let found = outputs(path).unwrap();
        sum.all += found.all;
        sum.types += found.types;
        sum.shapes += found.shapes;
        let name = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        sum.missing.extend(found.missing.into_iter().map(|m| format!("{name}: {m}")));
        sum.problems.extend(found.problems.into_iter().map(|p| format!("{name}: {p}")));
    }
    let Outputs { all, types, shapes, .. } = sum;
    eprintln!(
        "{what}: {all} outputs, {types} with their type, {shapes} with their shape, {} problems",
        sum.problems.len()
    );
    if std::env::var_os("REMOLD_ONNX_MISSING").is_some() {
        sum.missing.iter().chain(&sum.problems).for_each(|m| eprintln!("  {m}"));
    }
    sum
}

#[test]
fn node_tests_have_their_types_and_shapes() {
    let Some(folder) = node_tests() else { return };
    let mut files = Vec::new();
    onnx_files(&folder.path(""), &mut files);
    let Outputs { all, types, shapes, problems, .. } = inferred(&files, "node tests");
    assert!(types * 100 >= all * 90 && shapes * 100 >= all * 75, "{types} and {shapes} of {all}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn models_of_the_material_have_their_types_and_shapes() {
    let Some(folder) = material() else { return };
    let mut files = Vec::new();
    onnx_files(&folder, &mut files);
    let Outputs { all, types, shapes, problems, .. } = inferred(&files, "material");
    assert!(types * 100 >= all * 90 && shapes * 100 >= all * 60, "{types} and {shapes} of {all}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
