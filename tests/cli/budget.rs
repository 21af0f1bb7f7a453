//! Budgets and forecasts: `--target-size`, `--target-bpw`, `remold plan`.

use crate::lab::{Lab, fixture, hash};
use crate::made::{floats, noise};
use crate::table::{check, row};
use remold::testing::arch;
use remold::testing::formats;
use remold::testing::model::Model;
use serde_json::Value;
use std::collections::HashMap;

fn imatrix() -> String {
    fixture("golden/imatrix/tiny-llama.imatrix.gguf").display().to_string()
}

fn bits_per_weight(model: &Model) -> f64 {
    model.tensor_bytes() as f64 * 8.0 / model.parameters() as f64
}

#[test]
fn files_land_within_half_a_percent_below_their_budget() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:f32 -o f32.gguf").expect(0);
    let (mut wrong, matrix) = (Vec::new(), imatrix());
    for source in ["tiny-llama", "f32.gguf"] {
        for (size, with) in [("1.5MB", true), ("1.9MB", false), ("2684352", false), ("2.2MiB", true), ("5MB", false)] {
            let with = if with { format!(" --imatrix {matrix}") } else { String::new() };
            lab.run(&format!("convert {source} --to gguf --target-size {size}{with} -o x.gguf --force")).expect(0);
            let (budget, got) =
                (remold::testing::recipe::parse_size(size).unwrap(), lab.path("x.gguf").metadata().unwrap().len());
            if got > budget || (got as f64) < 0.995 * budget as f64 {
                wrong.push(format!("{source}: {got} bytes for {size}"));
            }
        }
        for (bits, with) in [(2.5, true), (3.5, false), (4.25, true), (4.83, false), (7.0, false)] {
            let with = if with { format!(" --imatrix {matrix}") } else { String::new() };
            lab.run(&format!("convert {source} --to gguf --target-bpw {bits}{with} -o x.gguf --force")).expect(0);
            let got = bits_per_weight(&arch::open(&lab.path("x.gguf")).unwrap());
            if got > bits || got < 0.995 * bits {
                wrong.push(format!("{source}: {got} bits for {bits}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_budget_gives_the_same_file_every_time_and_names_it() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf --target-bpw 4.5 --threads 1").expect(0);
    let first = hash(&lab.path("tiny-llama-4.5bpw.gguf"));
    // Once with what was kept of the first measuring, once without.
    for home in ["", "elsewhere"] {
        let mut command = lab.command();
        command.args(["convert", "tiny-llama", "--to", "gguf", "--target-bpw", "4.5", "--force", "--threads", "5"]);
        if !home.is_empty() {
            command.env("REMOLD_CACHE", lab.path(home));
        }
        assert!(command.output().unwrap().status.success());
        assert_eq!(hash(&lab.path("tiny-llama-4.5bpw.gguf")), first);
    }
    assert!(lab.path("elsewhere/scores").is_dir());
    lab.run("convert tiny-llama --to gguf --target-size 2.5MB --detach --json").expect(0);
    lab.run("jobs attach 4").expect(0);
    assert!(lab.path("tiny-llama-2.5MB.gguf").is_file(), "{:?}", lab.tree().keys());
}

#[test]
fn a_detached_job_writes_the_bytes_of_one_at_the_terminal() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("m.gguf", std::fs::read(imatrix()).unwrap());
    for (n, what) in ["--to gguf:q3_k_m", "--to gguf --target-bpw 3"].into_iter().enumerate() {
        lab.run(&format!("convert tiny-llama {what} --imatrix m.gguf -o here{n}.gguf")).expect(0);
        lab.run(&format!("convert tiny-llama {what} --imatrix m.gguf -o away{n}.gguf --detach")).expect(0);
        lab.run(&format!("jobs attach {}", 2 * n + 2)).expect(0);
        assert_eq!(hash(&lab.path(&format!("here{n}.gguf"))), hash(&lab.path(&format!("away{n}.gguf"))), "{what}");
    }
}

#[test]
fn what_is_computed_together_has_one_type_and_what_the_user_names_stays() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf --target-bpw 4.1 --tensor-type attn_v=q8_0 --embedding-type q6_k -o x.gguf")
        .expect(0);
    let x = arch::open(&lab.path("x.gguf")).unwrap();
    let types: HashMap<&str, &str> = x.tensors.iter().map(|t| (t.name.as_str(), t.encoding.name())).collect();
    for layer in 0..4 {
        let of = |kind: &str| types[format!("blk.{layer}.{kind}.weight").as_str()];
        assert_eq!(of("ffn_gate"), of("ffn_up"), "layer {layer}");
        assert_eq!(of("attn_q"), of("attn_k"), "layer {layer}");
        assert_eq!(of("attn_v"), "Q8_0", "layer {layer}");
    }
    assert_eq!(types["token_embd.weight"], "Q6_K");
    let output = x.tensor("output.weight").unwrap().encoding.bits_per_weight();
    assert!(output >= 4.25, "{output} bits for the output matrix");
    let norms = x.tensors.iter().filter(|t| t.kind().ends_with("_norm"));
    assert!(norms.clone().count() > 0 && norms.clone().all(|t| t.encoding.name() == "f32"));
    // Only the types that are allowed.
    lab.run("convert tiny-llama --to gguf --target-bpw 5.5 --budget-types q4_k,q6_k -o y.gguf").expect(0);
    let y = formats::open(&lab.path("y.gguf")).unwrap();
    assert!(y.tensors.iter().all(|t| ["Q4_K", "Q6_K", "f32"].contains(&t.encoding.name())), "{:?}", y.tensors);
}

#[test]
fn a_split_file_keeps_to_its_budget_with_all_its_parts() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf --target-size 2.4MB --max-shard-size 500kB -o parts/x.gguf").expect(0);
    let files: Vec<u64> =
        crate::lab::gguf_files(&lab.path("parts")).iter().map(|p| p.metadata().unwrap().len()).collect();
    let total: u64 = files.iter().sum();
    assert!(files.len() > 3 && total <= 2_400_000 && total > 2_388_000, "{files:?}: {total}");
}

#[test]
fn the_size_of_the_file_counts_and_the_minimum_in_the_message_is_enough() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:f32 -o f32.gguf").expect(0);
    let name = "n".repeat(3000);
    for source in ["tiny-llama", "f32.gguf"] {
        let args = format!("convert {source} --to gguf --model-name {name} --context-length 77 -o x.gguf --force");
        lab.run(&format!("{args} --target-size 2000000")).expect(0);
        let got = lab.path("x.gguf").metadata().unwrap().len();
        assert!((1_990_000..=2_000_000).contains(&got), "{source}: {got}");
        let refused = lab.run(&format!("{args} --target-size 1000")).expect(2).err;
        let words: Vec<&str> = refused.split_whitespace().collect();
        let at = words.iter().position(|w| *w == "needs").unwrap() + 2;
        // Reported with three digits, rounded up.
        let (number, unit) = (words[at + 1], words[at + 2]);
        assert_eq!(unit, "MB", "{refused}");
        lab.run(&format!("{args} --target-size {number}{unit}")).expect(0);
        let least = number.parse::<f64>().unwrap() * 1e6;
        let got = lab.path("x.gguf").metadata().unwrap().len() as f64;
        assert!(got <= least && got > least - 1e4, "{source}: {got} of {least}");
    }
}

#[test]
fn a_forecast_has_the_sizes_of_the_files_and_mixes_that_lose_less() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let told = |args: &str| -> Value {
        serde_json::from_str(&lab.run(&format!("plan tiny-llama --json{args}")).expect(0).out).unwrap()
    };
    let plain = told("");
    let types = plain["types"].as_array().unwrap();
    let by_name = |list: &'_ Value, name: &str| list.as_array().unwrap().iter().find(|t| t["name"] == name).cloned();
    for quant in ["q4_k_m", "q2_k", "q8_0", "bf16", "iq4_xs", "mxfp4_moe", "tq1_0"] {
        let ran = lab.run(&format!("convert tiny-llama --to gguf:{quant} -o x.gguf --force --json")).expect(0);
        let row = by_name(&plain["types"], &quant.to_uppercase()).unwrap_or_else(|| panic!("no {quant}"));
        assert_eq!(row["bytes"].as_u64(), Some(lab.path("x.gguf").metadata().unwrap().len()), "{quant}");
        assert!(ran.out.lines().count() > 5);
        // The estimate is near what the run measured over all rows.
        let report: Value = serde_json::from_slice(&std::fs::read(lab.job().join("report.json")).unwrap()).unwrap();
        match (row["sqnr_db"].as_f64(), report["outputs"][0]["sqnr_db"].as_f64()) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 0.5, "{quant}: {a} dB told, {b} dB measured"),
            (a, b) => assert_eq!(a, b, "{quant}"),
        }
    }
    assert!(types.windows(2).all(|w| w[0]["bytes"].as_u64() <= w[1]["bytes"].as_u64()));
    let refused: Vec<&str> = plain["refused"].as_array().unwrap().iter().filter_map(|r| r[0].as_str()).collect();
    assert!(refused.contains(&"IQ2_XXS") && refused.contains(&"Q2_K_S"), "{refused:?}");
    let weighted = told(&format!(" --imatrix {}", imatrix()));
    assert!(weighted["refused"].as_array().unwrap().is_empty());
    // Where there is a choice at all, a mix of the same size loses less than the fixed one.
    for forecast in [&plain, &weighted] {
        for name in ["Q2_K", "Q3_K_M", "Q4_K_S", "Q4_K_M", "Q5_K_M"] {
            let (fixed, mix) = (by_name(&forecast["types"], name).unwrap(), by_name(&forecast["mixes"], name).unwrap());
            let db = |v: &Value| v["output_sqnr_db"].as_f64().unwrap();
            assert!(db(&mix) > db(&fixed), "{name}: {} against {}", db(&mix), db(&fixed));
            assert!(mix["bytes"].as_u64() <= fixed["bytes"].as_u64());
        }
    }
    let choice = &told(" --target-bpw 4.25")["choice"];
    lab.run("convert tiny-llama --to gguf --target-bpw 4.25 -o x.gguf --force").expect(0);
    let made = arch::open(&lab.path("x.gguf")).unwrap();
    assert_eq!(choice["bytes"].as_u64(), Some(lab.path("x.gguf").metadata().unwrap().len()));
    for t in &made.tensors {
        assert_eq!(choice["tensors"][t.name.as_str()], t.encoding.name(), "{}", t.name);
    }
}

#[test]
fn budgets_that_cannot_be_met() {
    let llama = |args: &'static str| {
        move |lab: &Lab| {
            lab.model("tiny-llama");
            format!("{args} ")
        }
    };
    check(
        "budgets.txt",
        vec![
            row(
                "a size below the smallest",
                2,
                &["too small", "at least", "importance matrix"],
                llama("convert tiny-llama --to gguf --target-size 1MB"),
            ),
            row(
                "bits below the smallest",
                2,
                &["too few", "at least"],
                llama("convert tiny-llama --to gguf --target-bpw 1.5"),
            ),
            row("a plan for a size below the smallest", 2, &["too small"], llama("plan tiny-llama --target-size 10kB")),
            row(
                "a size that is none",
                2,
                &["`huge` is not a size"],
                llama("convert tiny-llama --to gguf --target-size huge"),
            ),
            row("a size of 0", 2, &["not a size"], llama("convert tiny-llama --to gguf --target-size 0")),
            row(
                "bits that are none",
                2,
                &["a number from 0.5 to 32"],
                llama("convert tiny-llama --to gguf --target-bpw=-1"),
            ),
            row(
                "bits that are no number",
                2,
                &["a number from 0.5 to 32"],
                llama("convert tiny-llama --to gguf --target-bpw NaN"),
            ),
            row(
                "two budgets",
                2,
                &["--target-size"],
                llama("convert tiny-llama --to gguf --target-size 2MB --target-bpw 4"),
            ),
            row(
                "two budgets by keys",
                2,
                &["two budgets"],
                llama("convert tiny-llama --to gguf --target-size 2MB --set target.target_bpw=4"),
            ),
            row(
                "a type and a budget",
                2,
                &["omit the type"],
                llama("convert tiny-llama --to gguf:q4_k_m --target-bpw 4"),
            ),
            row(
                "a type of no budget",
                2,
                &["q4_k_m"],
                llama("convert tiny-llama --to gguf --target-bpw 4 --budget-types q4_k_m"),
            ),
            row(
                "a budget of types that are too large",
                2,
                &["too few", "budget_types"],
                llama("convert tiny-llama --to gguf --target-bpw 4 --budget-types q6_k,q8_0"),
            ),
            row("a budget for a lone file", 2, &["config.json"], |lab| {
                lab.write("w.safetensors", floats(&[("w", &[4, 256], noise(1024, 1))]));
                "convert w.safetensors --to gguf --target-bpw 4".into()
            }),
            row("a forecast of a lone file", 2, &["config.json"], |lab| {
                lab.write("w.safetensors", floats(&[("w", &[4, 256], noise(1024, 1))]));
                "plan w.safetensors".into()
            }),
            row("a forecast of what is quantized already", 2, &["--allow-requantize"], |lab| {
                lab.model("tiny-llama");
                lab.run("convert tiny-llama --to gguf:q8_0 -o q.gguf").expect(0);
                std::fs::remove_dir_all(lab.jobs()).unwrap();
                "plan q.gguf".into()
            }),
            row("a forecast of nothing", 2, &["no-such"], |_| "plan no-such-model".into()),
        ],
    );
}
