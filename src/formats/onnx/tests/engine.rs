//! Models of the material, evaluated and compared with what ONNX Runtime gave for the same inputs (`golden/graph/onnx`).

use super::roundtrip::material;
use super::*;
use crate::graph::eval::{self, Setting, Tensor, Value, unpack};
use crate::graph::{Elem, Text};
use crate::skip::skipped;
use std::process::Command;

/// An array of NumPy, format version 1 or 2.
fn array(bytes: &[u8]) -> Option<Tensor> {
    let wide = *bytes.get(6)? > 1;
    let (at, len) = if wide {
        (12, u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?) as usize)
    } else {
        (10, u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?).into())
    };
    let header = std::str::from_utf8(bytes.get(at..at + len)?).ok()?;
    let between = |from: &str, to: char| Some(header.split_once(from)?.1.split_once(to)?.0.to_owned());
    let elem = match between("'descr': '", '\'')?.as_str() {
        "<f4" => Elem::F32,
        "<f8" => Elem::F64,
        "<f2" => Elem::F16,
        "<i8" => Elem::I64,
        "<i4" => Elem::I32,
        "|u1" => Elem::U8,
        "|i1" => Elem::I8,
        "|b1" => Elem::Bool,
        _ => return None,
    };
    let dims: Vec<usize> = between("'shape': (", ')')?.split(',').filter_map(|d| d.trim().parse().ok()).collect();
    unpack(elem, dims, bytes.get(at + len..)?).ok()
}

/// The arrays of an `.npz` file, by name.
fn arrays(npz: &Path) -> Option<Vec<(String, Option<Tensor>)>> {
    let out = tempfile::tempdir().unwrap();
    let unzip = Command::new("unzip").arg("-q").arg(npz).arg("-d").arg(out.path()).status();
    if !unzip.is_ok_and(|s| s.success()) {
        return None;
    }
    let (mut found, mut folders) = (Vec::new(), vec![out.path().to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(out.path()).unwrap().with_extension("");
            found.push((name.to_string_lossy().into_owned(), array(&std::fs::read(&path).unwrap())));
        }
    }
    Some(found)
}

/// The largest difference by the largest number that is wanted; arrays of the reference may be cut.
fn difference(got: &Tensor, want: &Tensor) -> std::result::Result<f64, String> {
    let (x, y) = (got.to_numbers()?, want.to_numbers()?);
    if x.len() < y.len() || (got.dims != want.dims && want.dims.len() != 1) {
        return Err(format!("{:?} instead of {:?}", got.dims, want.dims));
    }
    let top = y.iter().map(|v| v.abs()).fold(1e-30, f64::max);
    Ok(x.iter().zip(&y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) / top)
}

fn compare(path: &Path, npz: &Path) -> std::result::Result<f64, String> {
    let model = super::super::open(path).map_err(|e| e.to_string())?;
    let graph = model.graph.as_ref().unwrap();
    let arrays = arrays(npz).ok_or("unzip cannot unpack it")?;
    let mut inputs: Vec<(Text, Value)> = Vec::new();
    for (name, t) in &arrays {
        if let Some(name) = name.strip_prefix("in.") {
            inputs.push((name.into(), t.clone().ok_or("an input has a type that is not read")?.into()));
        }
    }
    let got = eval::run(graph, &Setting::new(&model), inputs, &mut |_, _| {}).map_err(|e| e.to_string())?;
    let (mut worst, mut compared) = (0.0f64, 0);
    for (name, value) in &got {
        let Some((_, Some(want))) = arrays.iter().find(|(n, _)| *n == format!("out.{name}")) else { continue };
        worst = worst.max(difference(value.tensor()?, want).map_err(|e| format!("output {name:?}: {e}"))?);
        compared += 1;
    }
    if compared == 0 { Err("no output is compared".to_owned()) } else { Ok(worst) }
}

#[test]
fn models_give_what_onnx_runtime_gives() {
    let Some(material) = material() else { return };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/graph/onnx");
    let Ok(index) = std::fs::read(golden.join("index.json")) else {
        skipped("outputs of ONNX Runtime: ../shared/golden/graph/onnx is not there");
        return;
    };
    if Command::new("unzip").arg("-v").output().is_err() {
        skipped("outputs of ONNX Runtime: there is no unzip");
        return;
    }
    let index: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&index).unwrap();
    let mut rows: Vec<(&String, &str)> =
        index.iter().filter_map(|(name, about)| Some((name, about.get("npz")?.as_str()?))).collect();
    rows.retain(|(name, npz)| {
        let there = golden.join(npz).exists();
        if !there {
            skipped(&format!("outputs of ONNX Runtime for {name}: {npz} is not there"));
        }
        there
    });
    assert!(rows.len() >= 20, "{}", rows.len());
    let failed = std::sync::Mutex::new(Vec::new());
    let two = crate::task::Task { threads: 2, ..crate::task::Task::quiet() };
    let done: std::result::Result<(), ()> = two.each(rows.len(), |i, (): &mut ()| {
        let (name, npz) = rows[i];
        // Some are listed without the folder of the project they come from.
        let path =
            Some(material.join(name)).filter(|p| p.exists()).unwrap_or_else(|| material.join("tract").join(name));
        let result = compare(&path, &golden.join(npz));
        // Rounding to integers or to 16 bits may go the other way where a sum differs in its last bit.
        let coarse = name.contains("quantized") || name.contains("half");
        let limit = if coarse { 5e-2 } else { 1e-4 };
        match result {
            Ok(d) if d <= limit => eprintln!("  {name}: {d:.1e}"),
            Ok(d) => crate::task::locked(&failed).push(format!("{name}: differs by {d:.1e}")),
            Err(e) => crate::task::locked(&failed).push(format!("{name}: {e}")),
        }
        Ok(())
    });
    done.unwrap();
    let failed = crate::task::collected(failed);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
