//! Importance matrices: computed, merged, shown.

use crate::lab::{Lab, finish, fixture, start};
use crate::made::poke;
use crate::table::{check, row};
use remold::testing::engine::EventBody;
use remold::testing::formats;
use remold::testing::model::{Piece, decode_piece};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A lab with tiny-llama and the text of the golden matrices.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::copy(fixture("golden/imatrix/calib.txt"), lab.path("calib.txt")).unwrap();
    lab
}

/// The tensors of a file by name: `NAME.in_sum2` and `NAME.counts`.
fn sums(path: &Path) -> BTreeMap<String, Vec<f32>> {
    let model = formats::open(path).unwrap();
    let read = |t: &remold::testing::model::TensorEntry| {
        let mut values = vec![0.0; t.shape.elems().unwrap() as usize];
        decode_piece(t, &Piece::rows(t, 0..t.rows()), &mut Vec::new(), &mut values).unwrap();
        (t.name.to_string(), values)
    };
    model.tensors.iter().map(read).collect()
}

/// The figures of `found` are those of `wanted`: the sums of a tensor differ by at most `near` of their norm, counts by 5 or 0.3 %.
#[track_caller]
fn agree(found: &Path, wanted: &Path, near: f32) {
    let (found, wanted) = (sums(found), sums(wanted));
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (name, values) in &wanted {
        let mine = &found[name];
        assert_eq!(mine.len(), values.len(), "{name}");
        if name.ends_with(".counts") {
            let far = |(a, b): (&f32, &f32)| (a - b).abs() > (0.003 * b).max(if near < 1e-3 { 0.0 } else { 5.0 });
            if mine.iter().zip(values).any(far) {
                wrong.push(format!("{name}: {mine:?} instead of {values:?}"));
            }
            continue;
        }
        let square = |f: &dyn Fn(usize) -> f32| (0..values.len()).map(|i| f64::from(f(i)).powi(2)).sum::<f64>();
        let off = (square(&|i| mine[i] - values[i]) / square(&|i| values[i]).max(1e-30)).sqrt();
        if off > f64::from(near) {
            wrong.push(format!("{name}: {off:.2e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A folder of `shared/material/hf`, if it is there.
fn material(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/material/hf", "../../shared/material/hf"];
    let found = places.iter().map(|p| root.join(p).join(name)).find(|p| p.is_dir());
    if found.is_none() {
        crate::skip::skipped(&format!("shared/material/hf/{name} absent"));
    }
    found
}

#[test]
fn the_matrix_of_a_model_is_that_of_llama_imatrix() {
    let lab = lab();
    let ran = lab.run("imatrix tiny-llama --data calib.txt -c 256 --process-output -o m.gguf").expect(0);
    assert!(ran.err.contains("wrote m.gguf (29 tensors, 37 chunks, 9472 tokens") && ran.out.is_empty(), "{ran:?}");
    agree(&lab.path("m.gguf"), &fixture("golden/imatrix/tiny-llama.imatrix.gguf"), 2e-4);
    // From a GGUF, in the older form, and with the weights quantized in the end.
    lab.run("convert tiny-llama --to gguf:f32 -o f32.gguf").expect(0);
    lab.run("imatrix f32.gguf -f calib.txt -c 256 -o m.dat").expect(0);
    lab.run("imatrix --merge m.dat -c 256 -o from-dat.gguf").expect(0);
    lab.run("imatrix tiny-llama --data calib.txt -c 256 -o without-output.gguf").expect(0);
    agree(&lab.path("from-dat.gguf"), &lab.path("without-output.gguf"), 1e-6);
    lab.run("convert tiny-llama --to gguf:iq2_xs --imatrix m.gguf -o small.gguf").expect(0);
}

#[test]
fn models_with_experts_and_other_families_agree_too() {
    for (name, args, near) in [
        ("tiny-qwen3moe", "-c 128", 5e-3),
        ("tiny-mixtral", "-c 256 --process-output", 5e-3),
        ("tiny-gpt2", "-c 256 --process-output", 2e-4),
    ] {
        let Some(model) = material(name) else { continue };
        let lab = lab();
        let mut model = model.display().to_string();
        if name == "tiny-qwen3moe" {
            // As a GGUF it renormalises, as llama.cpp does.
            lab.run(&format!("convert {model} --to gguf:f32 -o moe.gguf")).expect(0);
            model = "moe.gguf".to_owned();
        }
        lab.run(&format!("imatrix {model} --data calib.txt {args} -o m.gguf")).expect(0);
        agree(&lab.path("m.gguf"), &fixture(&format!("golden/quality/imatrix/{name}.imatrix.gguf")), near);
    }
}

#[test]
fn the_file_does_not_depend_on_memory_threads_or_parts() {
    let lab = lab();
    let common = "imatrix tiny-llama --data calib.txt -c 256";
    lab.run(&format!("{common} --chunks 9 -o resident.gguf")).expect(0);
    for (name, args) in [("streamed", "--memory 1k"), ("two", "--memory 9MiB --threads 1")] {
        lab.run(&format!("{common} --chunks 9 {args} -o {name}.gguf")).expect(0);
        assert!(
            std::fs::read(lab.path("resident.gguf")).unwrap()
                == std::fs::read(lab.path(&format!("{name}.gguf"))).unwrap(),
            "{name}"
        );
    }
    // The parts of the golden matrices, and their sum.
    lab.run(&format!("{common} --chunks 10 -o part1.gguf")).expect(0);
    lab.run(&format!("{common} --from-chunk 10 --chunks 12 -o part2.gguf")).expect(0);
    lab.run("imatrix --merge part1.gguf part2.gguf -o merged.gguf").expect(0);
    for part in ["part1", "part2", "merged"] {
        let golden = fixture(&format!("golden/quality/imatrix/tiny-llama.{part}.gguf"));
        agree(&lab.path(&format!("{part}.gguf")), &golden, 2e-4);
    }
    // The second part added to the file of the first.
    lab.run(&format!("{common} --from-chunk 10 --chunks 12 --in-file part1.gguf -o added.gguf")).expect(0);
    assert!(std::fs::read(lab.path("merged.gguf")).unwrap() == std::fs::read(lab.path("added.gguf")).unwrap());
}

#[test]
fn files_of_llama_imatrix_are_merged_to_the_byte() {
    let lab = Lab::new();
    for part in ["part1", "part2"] {
        let golden = fixture(&format!("golden/quality/imatrix/tiny-llama.{part}.gguf"));
        std::fs::copy(golden, lab.path(&format!("{part}.gguf"))).unwrap();
    }
    let wanted = std::fs::read(fixture("golden/quality/imatrix/tiny-llama.merged.gguf")).unwrap();
    for (n, files) in ["--merge part1.gguf part2.gguf", "--in-file part1.gguf,part2.gguf"].iter().enumerate() {
        let ran = lab.run(&format!("imatrix {files} -o m{n}.gguf")).expect(0);
        assert!(ran.err.contains(&format!("wrote m{n}.gguf (28 tensors, 22 chunks, merged")), "{}", ran.err);
        assert!(std::fs::read(lab.path(&format!("m{n}.gguf"))).unwrap() == wanted);
    }
    // The default name; then it exists.
    lab.run("imatrix --merge part1.gguf").expect(0);
    let ran = lab.run("imatrix --merge part1.gguf").expect(2);
    assert!(ran.err.contains("imatrix.gguf") && ran.err.contains("--force"), "{}", ran.err);
    lab.run("imatrix --merge part2.gguf --force").expect(0);
}

#[test]
fn statistics_are_a_table_or_an_object() {
    let lab = Lab::new();
    let path =
        fixture("golden/quality/imatrix/tiny-qwen3moe.imatrix.gguf").display().to_string().replace(' ', "\u{a0}");
    let ran = lab.run(&format!("imatrix --show-statistics {path}")).expect(0);
    for part in ["24 tensors", "Σ(Act²)", "CosSim", "ffn_down_exps  2702.61", "10.1296", "92.09 %", "1915.88"] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    let ran = lab.run(&format!("imatrix --show-statistics {path} --json")).expect(0);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((value["tensors"].as_array().unwrap().len(), value["layers"].as_array().unwrap().len()), (24, 3));
    assert!(value["tensors"][0]["entropy"].as_f64().is_some_and(|e| e > 7.0));
}

#[test]
fn json_is_events_and_nothing_else() {
    let lab = lab();
    let ran = lab.run("imatrix tiny-llama --data calib.txt -c 256 --chunks 2 --json").expect(0);
    assert_eq!(ran.err, "");
    let events: Vec<EventBody> = ran.events().into_iter().map(|e| e.body).collect();
    assert!(matches!(events[..2], [EventBody::Queued { .. }, EventBody::Started { .. }]), "{events:?}");
    assert!(events.iter().any(|e| matches!(e, EventBody::Sample(s) if s.fraction == 1.0)), "{events:?}");
    assert!(events.iter().any(|e| matches!(e, EventBody::Metric(m) if m.name == "tokens" && m.value == 512.0)));
    let written = |e: &EventBody| matches!(e, EventBody::OutputPublished { path, .. } if path == "imatrix.gguf");
    assert!(events.iter().any(written), "{events:?}");
    assert!(matches!(events.last(), Some(EventBody::Finished { .. })), "{events:?}");
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    let lab = lab();
    let text = std::fs::read_to_string(lab.path("calib.txt")).unwrap().repeat(60);
    lab.write("long.txt", text);
    let before = lab.tree();
    let mut command = lab.command();
    command.args(["imatrix", "tiny-llama", "--data", "long.txt", "--memory", "1k", "--json"]);
    let mut child = start(&mut command);
    // The first event comes when the passes begin.
    let mut first = [0u8; 1];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = finish(child).expect(130);
    assert!(ran.err.contains("stopped") && ran.err.contains("nothing was written"), "{}", ran.err);
    assert_eq!(lab.tree(), before);
}

#[test]
fn requests_that_cannot_be_met() {
    let llama = |args: &'static str| {
        move |lab: &Lab| {
            lab.model("tiny-llama");
            std::fs::copy(fixture("golden/imatrix/calib.txt"), lab.path("calib.txt")).unwrap();
            for name in [
                "imatrix/tiny-llama.imatrix.gguf",
                "quality/imatrix/tiny-mixtral.imatrix.gguf",
                "quality/imatrix/tiny-qwen3moe.imatrix.gguf",
            ] {
                let to = name.rsplit('/').next().unwrap().replace(".imatrix", "");
                std::fs::copy(fixture("golden").join(name), lab.path(&to)).unwrap();
            }
            lab.write("short.txt", "A few words are not enough.\n");
            lab.write("binary.txt", [0xff, 0x00, 0xfe]);
            lab.write("there.gguf", b"data");
            format!("imatrix {args}")
        }
    };
    check(
        "imatrix.txt",
        vec![
            row("nothing to do", 2, &["--data", "--merge"], llama("")),
            row("no text", 2, &["--data"], llama("tiny-llama")),
            row("no model", 2, &["MODEL"], llama("--data calib.txt")),
            row(
                "a text of less than two windows",
                2,
                &["short.txt", "two windows"],
                llama("tiny-llama --data short.txt"),
            ),
            row("a file that is not text", 2, &["binary.txt"], llama("tiny-llama --data binary.txt")),
            row("a text that is not there", 2, &["none.txt"], llama("tiny-llama --data none.txt")),
            row("windows longer than the context", 2, &["2048", "1024"], llama("tiny-llama --data calib.txt -c 2048")),
            row(
                "a form that the name does not say",
                2,
                &[".gguf", ".dat"],
                llama("tiny-llama --data calib.txt -o m.bin"),
            ),
            row(
                "an output that is there",
                2,
                &["there.gguf", "--force"],
                llama("--merge tiny-llama.gguf -o there.gguf"),
            ),
            row(
                "an output that is an input",
                2,
                &["input"],
                llama("--merge tiny-llama.gguf -o tiny-llama.gguf --force"),
            ),
            row(
                "an output that is the text",
                2,
                &["input"],
                llama("tiny-llama --data calib.txt -o ./calib.txt --output-format dat --force"),
            ),
            row("a folder that is missing", 2, &["none"], llama("--merge tiny-llama.gguf -o none/m.gguf")),
            row(
                "matrices of different models",
                2,
                &["tiny-qwen3moe.gguf", "blk.0."],
                llama("--merge tiny-mixtral.gguf tiny-qwen3moe.gguf -o m.gguf"),
            ),
            row(
                "a model in place of a matrix",
                2,
                &["model.safetensors"],
                llama("--merge tiny-llama/model.safetensors -o m.gguf"),
            ),
            row("statistics of another file", 2, &["there.gguf"], llama("--show-statistics there.gguf")),
            row("weights that are not numbers", 1, &["blk.2.attn"], |lab: &Lab| {
                let model = lab.model("tiny-llama");
                std::fs::copy(fixture("golden/imatrix/calib.txt"), lab.path("calib.txt")).unwrap();
                let (file, tensor) = (model.join("model.safetensors"), "model.layers.2.self_attn.q_proj.weight");
                let dtype = if formats::open(&file)
                    .unwrap()
                    .tensor(tensor)
                    .unwrap()
                    .encoding
                    .name()
                    .eq_ignore_ascii_case("f32")
                {
                    4
                } else {
                    2
                };
                poke(&file, tensor, 7, &[0xff; 4][..dtype]);
                "imatrix tiny-llama --data calib.txt -c 256 -o m.gguf".to_owned()
            }),
        ],
    );
}
