//! Wrong requests: unknown words, outputs that exist already, options that fit nothing.

use crate::lab::{Lab, hash};
use crate::made::{floats, noise};
use crate::table::{check, row};

/// A lone file of one matrix whose rows fit no block.
fn odd(lab: &Lab) {
    lab.write("odd.safetensors", floats(&[("w", &[4, 33], noise(132, 1)), ("n", &[33], noise(33, 2))]));
}

/// The arguments after `convert tiny-llama`.
fn llama(args: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        lab.model("tiny-llama");
        format!("convert tiny-llama {args}")
    }
}

#[test]
fn words_that_are_unknown() {
    check(
        "requests.txt",
        vec![
            row("no target", 2, &["--to"], llama("")),
            row("an unknown format", 2, &["gguff", "gguf"], llama("--to gguff:q4_k_m")),
            row("a format of a later version", 2, &["ort"], llama("--to ort")),
            row("an unknown quantization", 2, &["q4_k_mm", "Did you mean Q4_K_M?"], llama("--to gguf:q4_k_mm")),
            row("a quantization that the format does not hold", 2, &["safetensors"], llama("--to safetensors:q4_k_m")),
            row("an unknown flag", 2, &["--quantise"], llama("--quantise q4_k_m")),
            row(
                "a recipe key that is unknown",
                2,
                &["contxt_length", "context_length"],
                llama("--to gguf --set target.contxt_length=1"),
            ),
            row("a recipe key without a value", 2, &["context_length"], llama("--to gguf --set context_length")),
            row(
                "a recipe value of the wrong type",
                2,
                &["context_length", "many"],
                llama("--to gguf --set target.context_length=many"),
            ),
            row(
                "a pattern that matches nothing",
                2,
                &["`no_such`", "inspect --tensors"],
                llama("--to gguf:q4_k_m --tensor-type no_such=q6_k"),
            ),
            row("a pattern that is no pattern", 2, &["re:("], llama("--to gguf:q4_k_m --tensor-type re:(=q6_k")),
            row(
                "a pattern without a type",
                2,
                &["ffn_down", "PATTERN=TYPE"],
                llama("--to gguf:q4_k_m --tensor-type ffn_down"),
            ),
            row(
                "a tensor type that is unknown",
                2,
                &["q9_k", "ffn_down"],
                llama("--to gguf:q4_k_m --tensor-type ffn_down=q9_k"),
            ),
            row(
                "an embedding type that is unknown",
                2,
                &["--embedding-type", "q9"],
                llama("--to gguf:q4_k_m --embedding-type q9"),
            ),
            row("a pre-tokenizer that is unknown", 0, &["warning: no-such-pre"], llama("--to gguf --pre no-such-pre")),
            row("a size that is none", 2, &["plenty", "5GB"], llama("--to safetensors --max-shard-size plenty")),
            row("an imatrix that is not there", 2, &["none.gguf"], llama("--to gguf:q4_k_m --imatrix none.gguf")),
            row("an imatrix that is none", 2, &["m.dat"], |lab| {
                lab.write("m.dat", b"not an importance matrix");
                llama("--to gguf:q4_k_m --imatrix m.dat")(lab)
            }),
            row("a recipe that is not there", 2, &["no-such-recipe"], llama("-r no-such-recipe")),
            row("a recipe with an unknown key", 2, &["r.toml:3:1", "quantisation", "quantization"], |lab| {
                lab.write("r.toml", "[[target]]\nformat = \"gguf\"\nquantisation = \"q8_0\"\n");
                llama("-r r.toml")(lab)
            }),
            row("a recipe that is not TOML", 2, &["r.toml:1"], |lab| {
                lab.write("r.toml", "[[target\n");
                "run r.toml".into()
            }),
            row("a recipe without a source", 2, &["source"], |lab| {
                lab.write("r.toml", "[[target]]\nformat = \"gguf\"\n");
                "run r.toml".into()
            }),
            row("a recipe with a step of a later version", 2, &["distil"], |lab| {
                lab.model("tiny-llama");
                lab.write(
                    "r.toml",
                    "source = \"tiny-llama\"\n[[pipeline]]\nstep = \"distil\"\n[[target]]\nformat = \"gguf\"\n",
                );
                "run r.toml".into()
            }),
            row("a job that is not there", 2, &["99"], |_| "jobs attach 99".into()),
            row("a job with a path for a name", 2, &["../x"], |_| "jobs cancel ../x".into()),
            row("a workbench on nothing", 2, &["nothing-here"], |_| "nothing-here".into()),
            row("a shell that is unknown", 2, &["nosh"], |_| "completions nosh".into()),
        ],
    );
}

#[test]
fn types_that_do_not_fit() {
    check(
        "types.txt",
        vec![
            row("a type for rows it does not fit", 2, &["w", "33", "Q4_0"], |lab| {
                odd(lab);
                "convert odd.safetensors --to gguf:f32 --tensor-type w=q4_0".into()
            }),
            row("a fallback, told", 0, &["warning", "w", "33"], |lab| {
                odd(lab);
                "convert odd.safetensors --to gguf:q4_0".into()
            }),
            row("a fallback, forbidden, of a lone file", 2, &["w", "33"], |lab| {
                odd(lab);
                "convert odd.safetensors --to gguf:q4_0 --no-fallback".into()
            }),
            row("a fallback, forbidden, of a model", 2, &["token_embd.weight", "--no-fallback"], |lab| {
                lab.model("mini-bert");
                "convert mini-bert --to gguf:q4_k_m --no-fallback".into()
            }),
            row("quantized already", 2, &["requantize"], |lab| {
                lab.model("tiny-llama");
                lab.run("convert tiny-llama --to gguf:q4_0 -o q.gguf").expect(0);
                std::fs::remove_dir_all(lab.jobs()).unwrap();
                "convert q.gguf --to gguf:q6_k".into()
            }),
        ],
    );
}

#[test]
fn outputs_that_stand_in_the_way() {
    let one = |lab: &Lab| {
        lab.write("m.safetensors", floats(&[("w", &[4, 32], noise(128, 1))]));
    };
    let input = "the output is the input";
    check(
        "outputs.txt",
        vec![
            row("the output exists", 2, &["out.gguf", "--force"], move |lab| {
                one(lab);
                lab.write("out.gguf", "precious");
                "convert m.safetensors --to gguf -o out.gguf".into()
            }),
            row("the output is a folder of that name", 2, &["m-Q8_0.gguf"], move |lab| {
                one(lab);
                std::fs::create_dir_all(lab.path("d/m-Q8_0.gguf")).unwrap();
                "convert m.safetensors --to gguf:q8_0 -o d --force".into()
            }),
            row("the output is the input", 2, &["m.safetensors", input], move |lab| {
                one(lab);
                "convert m.safetensors --to safetensors:f16 -o m.safetensors --force".into()
            }),
            row("the output is the input, spelled with ./", 2, &[input], move |lab| {
                one(lab);
                std::fs::create_dir(lab.path("d")).unwrap();
                "convert m.safetensors --to safetensors:f16 -o ./d/.././m.safetensors --force".into()
            }),
            row("the output is a symbolic link to the input", 2, &[input], move |lab| {
                one(lab);
                std::os::unix::fs::symlink("m.safetensors", lab.path("link.safetensors")).unwrap();
                "convert m.safetensors --to safetensors:f16 -o link.safetensors --force".into()
            }),
            row("the input is a symbolic link to the output", 2, &[input], move |lab| {
                one(lab);
                std::os::unix::fs::symlink("m.safetensors", lab.path("link.safetensors")).unwrap();
                "convert link.safetensors --to safetensors:f16 -o m.safetensors --force".into()
            }),
            row("the output is a hard link to the input", 2, &[input], move |lab| {
                one(lab);
                std::fs::hard_link(lab.path("m.safetensors"), lab.path("hard.safetensors")).unwrap();
                "convert m.safetensors --to safetensors:f16 -o hard.safetensors --force".into()
            }),
            row("the output is the folder of the input", 2, &["tiny-llama"], |lab| {
                lab.model("tiny-llama");
                "convert tiny-llama --to safetensors:f16 -o tiny-llama --force".into()
            }),
            row("two targets with one output", 2, &["two targets write to the same output"], move |lab| {
                one(lab);
                "convert m.safetensors --to gguf:q8_0 --to gguf:q8_0".into()
            }),
            row(
                "two targets with one output, spelled differently",
                2,
                &["two targets write to the same output"],
                move |lab| {
                    one(lab);
                    lab.write("r.toml", "source = \"m.safetensors\"\n[[target]]\nformat = \"gguf\"\noutput = \"x.gguf\"\n[[target]]\nformat = \"gguf\"\noutput = \"./x.gguf\"\n");
                    "run r.toml".into()
                },
            ),
            row("the output's folder is a file", 2, &["file: this is a file", "-o"], move |lab| {
                one(lab);
                lab.write("file", "x");
                "convert m.safetensors --to gguf -o file/out.gguf".into()
            }),
            row("the name has the extension of another format", 2, &["--to safetensors", "x.gguf"], move |lab| {
                one(lab);
                "convert m.safetensors --to gguf:q8_0 -o x.safetensors".into()
            }),
            row("and the other way around", 2, &["--to gguf", "x.safetensors"], move |lab| {
                one(lab);
                "convert m.safetensors --to safetensors -o x.GGUF".into()
            }),
            row("the extension of a format that is not written", 2, &["Name the output x.gguf"], move |lab| {
                one(lab);
                "convert m.safetensors --to gguf -o x.tflite".into()
            }),
            row(
                "no target, and the extension of a format that is not written",
                2,
                &["there is no target"],
                move |lab| {
                    one(lab);
                    "convert m.safetensors -o x.tflite".into()
                },
            ),
            row("the work fails below a new folder", 1, &["NaN"], |lab| {
                lab.write("m.safetensors", floats(&[("w", &[1, 32], vec![f32::NAN; 32])]));
                "convert m.safetensors --to gguf:q8_0 -o new/deep/out.gguf".into()
            }),
            row("another job writes the output", 1, &["another job is writing this output"], move |lab| {
                one(lab);
                let part = lab.write(".out.gguf.remold-9-0123456789abcdef.part", "");
                let held = std::fs::File::open(&part).unwrap();
                held.lock().unwrap();
                std::mem::forget(held);
                "convert m.safetensors --to gguf -o out.gguf".into()
            }),
        ],
    );
}

#[test]
fn force_replaces_and_keeps_the_old_file_until_the_new_one_is_whole() {
    let lab = Lab::new();
    lab.write("m.safetensors", floats(&[("w", &[4, 32], noise(128, 1))]));
    lab.write("bad.safetensors", floats(&[("w", &[1, 32], vec![f32::NAN; 32])]));
    lab.run("convert m.safetensors --to gguf:q8_0 -o out.gguf").expect(0);
    let old = hash(&lab.path("out.gguf"));
    lab.run("convert bad.safetensors --to gguf:q8_0 -o out.gguf --force").expect(1);
    assert_eq!(hash(&lab.path("out.gguf")), old, "a job that fails leaves the old output");
    use std::os::unix::fs::MetadataExt;
    let before = std::fs::metadata(lab.path("out.gguf")).unwrap().ino();
    lab.run("convert m.safetensors --to gguf:q4_0 -o out.gguf --force").expect(0);
    assert_ne!(hash(&lab.path("out.gguf")), old);
    assert_ne!(std::fs::metadata(lab.path("out.gguf")).unwrap().ino(), before, "renamed over, not written into");
}
