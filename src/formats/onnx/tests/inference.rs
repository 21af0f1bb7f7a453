//! Types and shapes of the node tests of ONNX and of the material, inferred again.

use super::roundtrip::{material, node_tests, onnx_files};
use super::*;
use crate::graph::{Dim, Graph, ValueType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many outputs of the main graph have a known type; how many have all dimensions that the file declares.
fn outputs(path: &Path) -> Result<(usize, usize, usize, Vec<String>, Vec<String>)> {
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
    Ok((ports.len(), types, shapes, missing, problems))
}

fn inferred(files: &[PathBuf], what: &str) -> (usize, usize, usize, Vec<String>) {
    let (mut all, mut types, mut shapes) = (0, 0, 0);
    let (mut missing, mut problems): (BTreeMap<String, usize>, Vec<String>) = Default::default();
    for path in files {
        let (n, t, s, m, p) = outputs(path).unwrap();
        (all, types, shapes) = (all + n, types + t, shapes + s);
        let name = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        for m in m {
            *missing.entry(format!("{name}: {m}")).or_default() += 1;
        }
        problems.extend(p.into_iter().map(|p| format!("{name}: {p}")));
    }
    eprintln!("{what}: {all} outputs, {types} with their type, {shapes} with their shape, {} problems", problems.len());
    if std::env::var_os("REMOLD_ONNX_MISSING").is_some() {
        missing.keys().chain(&problems).for_each(|m| eprintln!("  {m}"));
    }
    (all, types, shapes, problems)
}

#[test]
fn node_tests_have_their_types_and_shapes() {
    let Some(folder) = node_tests() else { return };
    let mut files = Vec::new();
    onnx_files(&folder.path(""), &mut files);
    let (all, types, shapes, problems) = inferred(&files, "node tests");
    assert!(types * 100 >= all * 90 && shapes * 100 >= all * 75, "{types} and {shapes} of {all}");
    assert!(problems.len() <= 20, "{}", problems.join("\n"));
}

#[test]
fn models_of_the_material_have_their_types_and_shapes() {
    let Some(folder) = material() else { return };
    let mut files = Vec::new();
    onnx_files(&folder, &mut files);
    let (all, types, shapes, problems) = inferred(&files, "material");
    assert!(types * 100 >= all * 90 && shapes * 100 >= all * 60, "{types} and {shapes} of {all}");
    assert!(problems.len() <= 10, "{}", problems.join("\n"));
}
