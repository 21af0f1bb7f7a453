//! What `remold plan` forecasts, against what a run measures.

use crate::lab::{Lab, fixture};
use remold::testing::arch;
use serde_json::Value;

fn imatrix() -> String {
    fixture("golden/imatrix/tiny-llama.imatrix.gguf").display().to_string()
}

fn plan(lab: &Lab, args: &str) -> Value {
    serde_json::from_str(&lab.run(&format!("plan {args} --json")).expect(0).out).unwrap()
}

fn named(list: &Value, name: &str) -> Value {
    let found = list.as_array().unwrap().iter().find(|t| t["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

/// The report of the latest job.
fn report(lab: &Lab) -> Value {
    serde_json::from_slice(&std::fs::read(lab.job().join("report.json")).unwrap()).unwrap()
}

/// No loss is the best there is.
fn db(of: &Value) -> f64 {
    of["output_sqnr_db"].as_f64().unwrap_or(f64::INFINITY)
}

#[test]
fn a_forecast_of_more_effort_is_that_of_the_effort() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let (reference, max) = (plan(&lab, "tiny-llama"), plan(&lab, "tiny-llama --effort max"));
    assert_eq!((reference["effort"].as_str(), max["effort"].as_str()), (None, Some("max")));
    for quant in ["Q3_K_M", "Q5_K_M", "Q4_0"] {
        let of = |forecast: &Value| named(&forecast["types"], quant);
        let seconds = |v: &Value| v["cpu_seconds"].as_f64().unwrap();
        // The search takes two to five times as long; CPU time, so whatever else runs.
        assert!(seconds(&of(&max)) > 1.2 * seconds(&of(&reference)), "{quant}: {max} {reference}");
        assert!(db(&of(&max)) > db(&of(&reference)) + 0.1, "{quant}");
        assert_eq!(of(&max)["bytes"], of(&reference)["bytes"]);
        for (effort, forecast) in [("reference", &reference), ("max", &max)] {
            lab.run(&format!("convert tiny-llama --to gguf:{quant} --effort {effort} -o x.gguf --force")).expect(0);
            let measured = &report(&lab)["outputs"][0];
            for key in ["sqnr_db", "output_sqnr_db"] {
                let (a, b) = (of(forecast)[key].as_f64().unwrap(), measured[key].as_f64().unwrap());
                assert!((a - b).abs() < 0.5, "{quant} {effort} {key}: {a} forecast, {b} measured");
                let told = measured["forecast"][key].as_f64().unwrap();
                assert!((told - b).abs() < 0.5, "{quant} {effort} {key}: {told} in the report, {b} measured");
            }
        }
    }
    // A budget is measured with the effort that its file is made with.
    let mix = &plan(&lab, "tiny-llama --effort max --target-bpw 4.5")["choice"];
    lab.run("convert tiny-llama --to gguf --target-bpw 4.5 --effort max -o mix.gguf").expect(0);
    let made = arch::open(&lab.path("mix.gguf")).unwrap();
    assert!(made.tensors.iter().all(|t| mix["tensors"][t.name.as_str()] == t.encoding.name()), "{mix}");
}

#[test]
fn a_dry_run_estimates_time_and_loss() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let dry: Value = serde_json::from_str(
        &lab.run("convert tiny-llama --to gguf:q4_k_m --to safetensors:bf16 --dry-run --json").expect(0).out,
    )
    .unwrap();
    let estimate = &dry["outputs"][0]["estimate"];
    let full = named(&plan(&lab, "tiny-llama")["types"], "Q4_K_M");
    assert!((db(estimate) - db(&full)).abs() < 0.5, "{estimate} {full}");
    assert!(estimate["cpu_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(dry["outputs"][1]["estimate"]["output_sqnr_db"], Value::Null, "bf16 stays bf16");
}

#[test]
fn an_importance_matrix_weighs_forecast_and_report_alike() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let args = format!("--imatrix {}", imatrix());
    let weighted = named(&plan(&lab, &format!("tiny-llama {args}"))["types"], "Q4_K_M");
    lab.run(&format!("convert tiny-llama --to gguf:q4_k_m {args} -o x.gguf")).expect(0);
    let measured = report(&lab)["outputs"][0].clone();
    assert_eq!(measured["output_weighted"], true);
    assert!((db(&weighted) - db(&measured)).abs() < 0.5, "{weighted} {}", db(&measured));
    let tensors = measured["tensors"].as_array().unwrap();
    let q = tensors.iter().find(|t| t["name"] == "blk.0.attn_q.weight").unwrap();
    assert!(q["weighted_sqnr_db"].as_f64().unwrap() != q["sqnr_db"].as_f64().unwrap(), "{q}");
    lab.run("convert tiny-llama --to gguf:q4_k_m -o plain.gguf").expect(0);
    let plain = report(&lab)["outputs"][0].clone();
    assert_eq!((plain["output_weighted"].as_bool(), plain["tensors"][3]["weighted_sqnr_db"].as_f64()), (None, None));
}

/// Every mix of a forecast against every file type of the same or fewer bytes.
fn worse_mixes(forecast: &Value) -> Vec<String> {
    let types = forecast["types"].as_array().unwrap();
    let bytes = |v: &Value| v["bytes"].as_u64().unwrap();
    let mut worse = Vec::new();
    for mix in forecast["mixes"].as_array().unwrap() {
        let budget = bytes(&named(&forecast["types"], mix["name"].as_str().unwrap()));
        assert!(bytes(mix) <= budget);
        for t in types.iter().filter(|t| bytes(t) <= budget && db(t) > db(mix)) {
            worse.push(format!("{}: {:.2} dB for the mix, {:.2} dB for {}", mix["name"], db(mix), db(t), t["name"]));
        }
    }
    worse
}

#[test]
fn no_mix_is_worse_than_a_file_type_of_its_bytes() {
    let lab = Lab::new();
    let mut wrong = Vec::new();
    for name in ["tiny-llama", "mini-bert", "tiny-mistral-sharded", "tiny-llama3-pt"] {
        lab.model(name);
        lab.run(&format!("convert {name} --to gguf:f16 -o {name}.gguf")).expect(0);
        for source in [name.to_owned(), format!("{name}.gguf")] {
            for more in ["", " --effort max"] {
                let found = worse_mixes(&plan(&lab, &format!("{source}{more}")));
                wrong.extend(found.into_iter().map(|w| format!("{source}{more}: {w}")));
            }
        }
    }
    let weighted = plan(&lab, &format!("tiny-llama --imatrix {}", imatrix()));
    wrong.extend(worse_mixes(&weighted).into_iter().map(|w| format!("with imatrix: {w}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is forecast is what is written: at the bytes of Q8_0 the file type loses less than any mix with this matrix.
    let size = named(&weighted["types"], "Q8_0")["bytes"].as_u64().unwrap();
    let args = format!("--imatrix {} --target-size {size}", imatrix());
    let choice = &plan(&lab, &format!("tiny-llama {args}"))["choice"];
    assert!(db(choice) >= db(&named(&weighted["types"], "Q8_0")));
    lab.run(&format!("convert tiny-llama --to gguf {args} -o x.gguf")).expect(0);
    let made = arch::open(&lab.path("x.gguf")).unwrap();
    assert!(made.tensors.iter().all(|t| choice["tensors"][t.name.as_str()] == t.encoding.name()), "{choice}");
    assert_eq!(choice["bytes"].as_u64(), Some(lab.path("x.gguf").metadata().unwrap().len()));
    // Only the allowed types, whatever a file type could do with others.
    let allowed = format!("--target-size {size} --budget-types q4_k,q6_k");
    lab.run(&format!("convert tiny-llama --to gguf {allowed} -o y.gguf")).expect(0);
    let made = arch::open(&lab.path("y.gguf")).unwrap();
    assert!(made.tensors.iter().all(|t| ["Q4_K", "Q6_K", "f32"].contains(&t.encoding.name())));
}
