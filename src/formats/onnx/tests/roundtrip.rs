//! Reading and writing gives the same graph and the same bytes of tensors.

use super::*;
use crate::graph::{AttrValue, ConstantData, Elem, Graph};
use crate::skip::skipped;
use std::sync::Arc;

pub(super) fn material() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/material/onnx");
    let there = path.is_dir();
    if !there {
        skipped("ONNX files of the material: ../shared/material/onnx is not there");
    }
    there.then_some(path)
}

pub(super) fn onnx_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            onnx_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "onnx") {
            found.push(path);
        }
    }
}

/// The encoding of a graph without the data of its tensors, and that data.
fn contents(model: &Model) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let sizes: Vec<u64> = model.tensors.iter().map(|t| t.bytes()).collect();
    let plan = layout(Path::new("same.onnx"), model.graph.as_ref().unwrap(), &sizes, ExternalData::Never).unwrap();
    let fixed = plan.into_iter().flat_map(|p| p.fixed).map(|(_, b)| b).collect();
    (fixed, model.tensors.iter().map(|t| t.read_all().unwrap()).collect())
}

/// Reads a file, writes it in both ways, and reads what was written. Returns whether the bytes of the file are the same.
fn round_trip(path: &Path) -> Result<bool> {
    let model = super::super::open(path)?;
    let graph = model.graph.clone().unwrap();
    graph.check().map_err(|e| crate::model::ModelError::bad(e.to_string()))?;
    let out = Folder::new();
    let want = contents(&model);
    let mut same = false;
    for (name, external) in [("inline.onnx", ExternalData::Never), ("external.onnx", ExternalData::From(0))] {
        let written = out.path(name);
        write(&model, &written, external)?;
        let again = super::super::open(&written)?;
        assert!(want == contents(&again), "{}: {name} differs", path.display());
        same |= std::fs::read(&written).unwrap() == std::fs::read(path).unwrap();
    }
    if let Some(keep) = std::env::var_os("REMOLD_ONNX_KEEP") {
        let name =
            path.components().rev().take(2).map(|c| c.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>();
        let kept = Path::new(&keep).join(format!("{}-{}", name[1], name[0]));
        std::fs::copy(out.path("inline.onnx"), kept).unwrap();
    }
    Ok(same)
}

fn round_trips(files: &[PathBuf], what: &str) -> (usize, usize) {
    let (mut same, mut failed) = (0, Vec::new());
    for path in files {
        match round_trip(path) {
            Ok(equal) => same += usize::from(equal),
            Err(e) => failed.push(format!("{}: {e}", path.display())),
        }
    }
    eprintln!(
        "{what}: {} read and written, {same} of them to the same bytes, {} failed",
        files.len() - failed.len(),
        failed.len()
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    (files.len(), same)
}

#[test]
fn every_model_of_the_material() {
    let Some(material) = material() else { return };
    let mut files = Vec::new();
    onnx_files(&material, &mut files);
    let (all, same) = round_trips(&files, "material");
    assert!(all >= 20 && same * 10 >= all * 4, "{same} of {all} have the same bytes");
}

/// The node tests of ONNX, unpacked.
pub(super) fn node_tests() -> Option<Folder> {
    let (material, folder) = (material()?, Folder::new());
    let archive = material.join("onnx-node-tests.tar.gz");
    let tar = std::process::Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder.path("")).status();
    let unpacked = tar.is_ok_and(|s| s.success());
    if !unpacked {
        skipped("the node tests of ONNX: tar cannot unpack them");
    }
    unpacked.then_some(folder)
}

#[test]
fn every_node_test() {
    let Some(folder) = node_tests() else { return };
    let mut files = Vec::new();
    onnx_files(&folder.path(""), &mut files);
    let (all, _) = round_trips(&files, "node tests");
    assert!(all > 1800, "{all}");
}

/// A tensor: type, dimensions, field, contents of the field, packed bytes.
type Row = (Elem, Vec<i64>, u32, Vec<u8>, Vec<u8>);

#[test]
fn every_type_from_every_field() {
    let folder = Folder::new();
    let f = |v: &[f32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let d = |v: &[f64]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let rows: Vec<Row> = vec![
        (Elem::F32, vec![2], 4, f(&[1.0, -2.5]), f(&[1.0, -2.5])),
        (Elem::C64, vec![1], 4, f(&[1.0, -2.5]), f(&[1.0, -2.5])),
        (Elem::F64, vec![2], 10, d(&[1.0, -2.5]), d(&[1.0, -2.5])),
        (Elem::C128, vec![1], 10, d(&[1.0, -2.5]), d(&[1.0, -2.5])),
        (Elem::I64, vec![2], 7, packed(&[-1, 1 << 40]), [(-1i64).to_le_bytes(), (1i64 << 40).to_le_bytes()].concat()),
        (Elem::U64, vec![1], 11, packed(&[-1]), vec![255; 8]),
        (Elem::U32, vec![2], 11, packed(&[1, 0xffff_ffff]), vec![1, 0, 0, 0, 255, 255, 255, 255]),
        (Elem::I32, vec![2], 5, packed(&[-2, 3]), vec![254, 255, 255, 255, 3, 0, 0, 0]),
        (Elem::I16, vec![2], 5, packed(&[-2, 3]), vec![254, 255, 3, 0]),
        (Elem::U16, vec![1], 5, packed(&[65535]), vec![255, 255]),
        (Elem::I8, vec![3], 5, packed(&[-2, 3, 127]), vec![254, 3, 127]),
        (Elem::U8, vec![1], 5, packed(&[200]), vec![200]),
        (Elem::Bool, vec![2], 5, packed(&[1, 0]), vec![1, 0]),
        (Elem::F16, vec![1], 5, packed(&[0x3c00]), vec![0, 0x3c]),
        (Elem::BF16, vec![1], 5, packed(&[0x3f80]), vec![0x80, 0x3f]),
        (Elem::F8E4M3, vec![1], 5, packed(&[0x38]), vec![0x38]),
        (Elem::F8E4M3Fnuz, vec![1], 5, packed(&[0x38]), vec![0x38]),
        (Elem::F8E5M2, vec![1], 5, packed(&[0x38]), vec![0x38]),
        (Elem::F8E5M2Fnuz, vec![1], 5, packed(&[0x38]), vec![0x38]),
        (Elem::F8E8M0, vec![1], 5, packed(&[127]), vec![127]),
        (Elem::U4, vec![1, 3], 5, packed(&[0x21, 0x03]), vec![0x21, 0x03]),
        (Elem::I4, vec![3], 5, packed(&[0xf1, 0x03]), vec![0xf1, 0x03]),
        (Elem::F4E2M1, vec![3], 5, packed(&[0x21, 0x03]), vec![0x21, 0x03]),
        (Elem::U2, vec![5], 5, packed(&[0b1110_0100, 1]), vec![0b1110_0100, 1]),
        (Elem::I2, vec![5], 5, packed(&[0b1110_0100, 1]), vec![0b1110_0100, 1]),
        (Elem::F6E2M3, vec![4], 5, packed(&[0x3f, 0x00, 0x3f, 0x01]), vec![0x3f, 0xf0, 0x07]),
        (Elem::F6E3M2, vec![2], 5, packed(&[0x01, 0x3f]), vec![0xc1, 0x0f]),
    ];
    for (elem, dims, field, given, want) in rows {
        for (field, contents) in [(field, &given), (9, &want)] {
            let bytes = constant_graph(tensor("w", &dims, elem.code(), |t| t.bytes(field, contents)), "w");
            let model = folder.open(bytes).unwrap_or_else(|e| panic!("{elem} in field {field}: {e}"));
            assert_eq!(model.tensors[0].read_all().unwrap(), want, "{elem} in field {field}");
            let (_, v) = model.graph.as_ref().unwrap().values.iter().next().unwrap();
            assert_eq!(v.constant.as_ref().unwrap().elem, elem);
            assert_eq!(model.tensors[0].encoding.name() == elem.name(), elem.dtype().is_some(), "{elem}");
            write(&model, &folder.path("b.onnx"), ExternalData::Never).unwrap();
            let again = super::super::open(&folder.path("b.onnx")).unwrap();
            assert_eq!(again.tensors[0].read_all().unwrap(), want, "{elem} in field {field}");
        }
    }
    let strings = constant_graph(tensor("w", &[2], 8, |t| (t.bytes(6, b"a"), t.bytes(6, &[0xff])).1), "w");
    let model = folder.open(strings).unwrap();
    assert!(model.tensors.is_empty());
    write(&model, &folder.path("b.onnx"), ExternalData::Never).unwrap();
    let again = super::super::open(&folder.path("b.onnx")).unwrap().graph.unwrap();
    let (_, v) = again.values.iter().next().unwrap();
    let ConstantData::Strings(all) = &v.constant.as_ref().unwrap().data else { panic!("strings") };
    assert_eq!(all.iter().map(|s| s.to_vec()).collect::<Vec<_>>(), [b"a".to_vec(), vec![0xff]]);
}

#[test]
fn numbers_of_variable_length_are_read_from_any_row() {
    let values: Vec<i64> = (0..60_000).map(|i| (i * 7919) % 100_003 - 50_000).collect();
    let given = packed(&values);
    let folder = Folder::new();
    let model = folder.open(constant_graph(tensor("w", &[600, 100], 7, |t| t.bytes(7, &given)), "w")).unwrap();
    let w = &model.tensors[0];
    let want: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(w.read_all().unwrap(), want);
    for row in [0, 1, 40, 41, 599] {
        assert_eq!(w.read(row..row + 1).unwrap(), want[row as usize * 800..][..800], "row {row}");
    }
    let mut part = [0; 16];
    w.data.read_part(41, 8..24, &mut part).unwrap();
    assert_eq!(part, want[41 * 800 + 8..][..16]);
    assert!(w.data.read_rows(599..601, &mut [0; 1600]).is_err());
}

#[test]
fn unknown_fields_and_empty_ones_are_kept() {
    let mut n = node("Relu", &["x"], &["y"]);
    n.bytes(6, b"a note");
    n.bytes(7, b"");
    n.varint(77, 5);
    let mut g = Encoder::default();
    g.message(1, n);
    g.text(2, "g");
    g.message(11, info("x"));
    g.message(12, info("y"));
    // A type for a value that is not there, as optimizers leave behind.
    g.message(13, info("gone"));
    g.bytes(99, b"graph");
    let bytes = model_of(g);
    let folder = Folder::new();
    let model = folder.open(bytes.clone()).unwrap();
    write(&model, &folder.path("b.onnx"), ExternalData::Never).unwrap();
    assert_eq!(std::fs::read(folder.path("b.onnx")).unwrap(), bytes);
}

#[test]
fn branches_see_the_values_around_them() {
    let mut then = Encoder::default();
    then.message(1, node("Add", &["x", "c"], &["sum"]));
    then.text(2, "then");
    then.message(5, tensor("c", &[1], 1, |t| t.bytes(9, &[0; 4])));
    then.message(12, info("sum"));
    let mut a = Encoder::default();
    a.text(1, "then_branch");
    a.message(6, then);
    a.varint(20, 5);
    let mut n = node("If", &["p"], &["y"]);
    n.message(5, a);
    let mut g = Encoder::default();
    g.message(1, n);
    g.message(11, info("p"));
    g.message(11, info("x"));
    g.message(12, info("y"));
    let folder = Folder::new();
    let model = folder.open(model_of(g)).unwrap();
    let g: Arc<Graph> = model.graph.unwrap();
    g.check().unwrap();
    let (_, branch) = g.nodes.iter().find(|(_, n)| &*n.op == "If").unwrap();
    let Some(AttrValue::Region(then)) = branch.attribute("then_branch") else { panic!("a branch") };
    let captured: Vec<&str> = g.captured(*then).iter().map(|v| &*g.values[*v].name).collect();
    assert_eq!(captured, ["x"]);
    assert_eq!(model.tensors[0].name, "c");
}

#[test]
fn a_model_too_large_for_one_file_gets_a_data_file() {
    let mut g = Graph::default();
    let tensor = |i: u32| crate::graph::Constant {
        elem: Elem::U8,
        dims: vec![1 << 30],
        data: ConstantData::Tensor(crate::graph::TensorRef(i)),
        ints: None,
        floats: None,
        name: "".into(),
        extra: Vec::new(),
    };
    for i in 0..3 {
        g.add_constant(g.main, format!("w{i}"), tensor(i));
    }
    let sizes = [1 << 30; 3];
    let plans = layout(Path::new("out/m.onnx"), &g, &sizes, ExternalData::Auto).unwrap();
    assert_eq!(plans.len(), 2);
    assert!(plans[0].bytes < 1000 && plans[0].slots.is_empty());
    assert_eq!(plans[1].path, Path::new("out/m.onnx.data"));
    assert_eq!(plans[1].bytes, 3 << 30);
    assert!(plans[1].slots.iter().all(|s| s.offset % 4096 == 0));
    let e = layout(Path::new("m.onnx"), &g, &sizes, ExternalData::Never).unwrap_err();
    assert!(e.to_string().contains("readers of ONNX take at most"), "{e}");
}
