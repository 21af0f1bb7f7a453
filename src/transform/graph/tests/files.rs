//! Files for other programs to judge.

use super::*;
use crate::formats::ExternalData;
use crate::formats::onnx::layout;
use crate::task::Task;
use crate::transform::graph::{
    BlockForm, BlockOptions, Changed, DynamicOptions, Half, HalfOptions, Rule, Select, quantize_blocks,
    quantize_dynamic, to_half,
};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

pub(super) fn write(model: &Model, path: &Path) {
    let sizes: Vec<u64> = model.tensors.iter().map(TensorEntry::bytes).collect();
    for plan in layout(path, model.graph.as_ref().unwrap(), &sizes, ExternalData::Auto).unwrap() {
        let file = File::create(&plan.path).unwrap();
        file.set_len(plan.bytes).unwrap();
        for (offset, bytes) in &plan.fixed {
            file.write_all_at(bytes, *offset).unwrap();
        }
        for slot in &plan.slots {
            file.write_all_at(&model.tensors[slot.tensor].read_all().unwrap(), slot.offset).unwrap();
        }
    }
}

fn forms(model: &Model, form: &str) -> crate::model::Result<Changed> {
    let task = Task { threads: 1, ..Task::quiet() };
    let theirs = DynamicOptions { per_channel: false, ..DynamicOptions::default() };
    let except = |pattern: &str| Select { only: Vec::new(), except: vec![Rule::Node(pattern.into())] };
    match form {
        "int8" => quantize_dynamic(model, &DynamicOptions::default(), &task),
        "int8-tensor" => quantize_dynamic(model, &theirs, &task),
        "uint8" => quantize_dynamic(model, &DynamicOptions { signed: false, ..DynamicOptions::default() }, &task),
        "int8-mixed" => {
            let pattern = std::env::var("REMOLD_GRAPHS_EXCEPT").unwrap_or_default();
            quantize_dynamic(model, &DynamicOptions { select: except(&pattern), ..DynamicOptions::default() }, &task)
        }
        "int4" => quantize_blocks(model, &BlockOptions::default()),
        "int4-sym" => quantize_blocks(model, &BlockOptions { symmetric: true, ..BlockOptions::default() }),
        "int4-qdq" => quantize_blocks(model, &BlockOptions { form: BlockForm::Qdq, ..BlockOptions::default() }),
        "int8-blocks" => quantize_blocks(model, &BlockOptions { bits: 8, ..BlockOptions::default() }),
        "int8-qdq" => {
            quantize_blocks(model, &BlockOptions { bits: 8, form: BlockForm::Qdq, ..BlockOptions::default() })
        }
        "f16" => to_half(model, &HalfOptions::default(), &task),
        "f16-io" => to_half(model, &HalfOptions { keep_io: false, ..HalfOptions::default() }, &task),
        "bf16" => to_half(model, &HalfOptions { half: Half::Bf16, ..HalfOptions::default() }, &task),
        other => panic!("{other}"),
    }
}

/// Writes the graphs of the folder `REMOLD_GRAPHS_IN` in every form to the folder `REMOLD_GRAPHS_OUT`.
#[test]
#[ignore = "it writes files for other programs: REMOLD_GRAPHS_IN and REMOLD_GRAPHS_OUT name the folders"]
fn every_form_of_graphs_for_other_programs() {
    let folder = |name: &str| PathBuf::from(std::env::var_os(name).expect(name));
    let (from, to) = (folder("REMOLD_GRAPHS_IN"), folder("REMOLD_GRAPHS_OUT"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(from).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let model = crate::formats::open(&file).unwrap();
        for form in [
            "int8",
            "int8-tensor",
            "uint8",
            "int8-mixed",
            "int4",
            "int4-sym",
            "int4-qdq",
            "int8-blocks",
            "int8-qdq",
            "f16",
            "f16-io",
            "bf16",
        ] {
            let began = Instant::now();
            match forms(&model, form) {
                Ok(changed) => {
                    let made = began.elapsed();
                    write(&changed.model, &to.join(format!("{name}.{form}.onnx")));
                    let (c, k) = (changed.report.changed.len(), changed.report.kept.len());
                    let notes = changed.report.notes.join("; ");
                    println!("{name} {form}: {c} changed, {k} kept, {made:?} and {:?}; {notes}", began.elapsed());
                    for k in changed.report.kept.iter().take(3) {
                        println!("    {} ({}): {}", k.node.name, k.node.op, k.why);
                    }
                }
                Err(e) => println!("{name} {form}: {e}"),
            }
        }
    }
}
