//! `recipe new --goal`: recipes for a purpose.

use crate::lab::Lab;

fn recipe(lab: &Lab, args: &str) -> String {
    lab.run(&format!("recipe new tiny-llama {args}")).expect(0).out
}

#[test]
fn every_goal_gives_a_recipe_that_runs() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    for (goal, written) in [
        ("gpu --memory 24GiB", "tiny-llama-Q8_0.gguf"),
        ("laptop", "tiny-llama-Q5_K_M.gguf"),
        ("mobile", "tiny-llama-Q4_0.gguf"),
        ("server", "tiny-llama-safetensors/model.safetensors"),
        ("archive", "tiny-llama-safetensors/model.safetensors"),
    ] {
        let file = format!("{}.toml", goal.split(' ').next().unwrap());
        let said = lab.run(&format!("recipe new tiny-llama --goal {goal} -o {file}")).expect(0);
        assert!(said.err.contains(&format!("remold run {file}")), "{}", said.err);
        lab.run(&format!("recipe check {file}")).expect(0);
        lab.run(&format!("run {file} --set output_dir=out-{file}")).expect(0);
        let found = lab.tree();
        assert!(found.contains_key(&format!("out-{file}/{written}")), "{goal}: {:?}", found.keys());
        // An existing file may be the user's work.
        lab.run(&format!("recipe new tiny-llama --goal {goal} -o {file}")).expect(2);
    }
}

#[test]
fn the_memory_decides_and_the_reasons_say_so() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let of =
        |memory: &str, context: u64| recipe(&lab, &format!("--goal gpu --memory {memory} --context-length {context}"));
    let roomy = of("24GiB", 1024);
    assert!(roomy.contains("quantization = \"q8_0\"") && roomy.contains("# Q8_0 takes"), "{roomy}");
    assert!(roomy.contains("context_length = 1024"), "{roomy}");
    let less = of("16.2MB", 64);
    assert!(less.contains("quantization = \"q4_k_m\"") || less.contains("quantization = \"q5_k_m\""), "{less}");
    let tight = of("15MB", 64);
    assert!(tight.contains("target_size = ") && tight.contains("chosen for the size"), "{tight}");
    let none = lab.run("recipe new tiny-llama --goal gpu --memory 3MB").expect(2);
    assert!(none.err.contains("does not fit into 3.00 MB"), "{}", none.err);
}

#[test]
fn an_option_that_decides_nothing_is_named() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let unused = |args: &str| lab.run(&format!("recipe new tiny-llama --goal {args}")).expect(0).err;
    let archive = unused("archive --memory 24GiB --context-length 64");
    assert!(
        archive.contains("warning: --memory has no effect for the goal archive: the model is kept as it is"),
        "{archive}"
    );
    assert!(archive.contains("warning: --context-length has no effect for the goal archive"), "{archive}");
    let server = unused("server --memory 24GiB --context-length 64");
    assert!(server.contains("warning: --context-length has no effect for the goal server"), "{server}");
    // There it is compared with what the model takes.
    assert!(!server.contains("--memory has no effect"), "{server}");
    let reasons = recipe(&lab, "--goal server --memory 24GiB").replace("\n# ", " ");
    assert!(reasons.contains("for the KV cache and the server"), "{reasons}");
    for goal in ["gpu", "laptop", "mobile"] {
        assert_eq!(unused(&format!("{goal} --memory 24GiB --context-length 64")), "", "{goal}");
    }
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o q8.gguf").expect(0);
    let twice = lab.run("recipe new q8.gguf --goal laptop").expect(2);
    assert!(twice.err.contains("quantized already"), "{}", twice.err);
    assert!(lab.run("recipe new --goal laptop").expect(2).err.contains("MODEL"));
    assert!(lab.run("recipe new tiny-llama").expect(2).err.contains("--goal"));
    assert!(lab.run("recipe new tiny-llama --goal fridge").expect(2).err.contains("archive"));
    assert!(lab.run("recipe new none --goal laptop").expect(2).err.contains("none"));
    // Without a model it is the template, as before.
    assert!(lab.run("recipe new").expect(0).out.contains("[[target]]"));
}

#[test]
fn a_server_needs_the_bytes_of_the_types_that_are_written() {
    let lab = Lab::new();
    let header = r#"{"w":{"dtype":"F8_E4M3","shape":[1024,1024],"data_offsets":[0,1048576]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + (1 << 20), 0);
    lab.write("in/model.safetensors", bytes);
    // In 16 bits it would take 2.1 MB, but its types are kept.
    lab.run("recipe new in --goal server --memory 1.5MB").expect(0);
    let refused = lab.run("recipe new in --goal server --memory 1MB").expect(2);
    assert!(refused.err.contains("1.05 MB in its types"), "{}", refused.err);
}

#[test]
fn the_output_of_a_recipe_for_one_file_is_not_that_file() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::copy(lab.path("tiny-llama/model.safetensors"), lab.path("m.safetensors")).unwrap();
    for goal in ["server", "archive"] {
        lab.run(&format!("recipe new m.safetensors --goal {goal} -o {goal}.toml")).expect(0);
        lab.run(&format!("run {goal}.toml")).expect(0);
        assert!(lab.path(&format!("m-{goal}.safetensors")).is_file(), "{goal}");
    }
}
