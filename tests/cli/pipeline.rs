//! Recipes with steps.

use crate::lab::Lab;
use remold::testing::engine::EventBody;

const STEPS: &str = r#"
[source]
path = "tiny-llama"

[[pipeline]]
step = "prune_layers"
layers = [1]

[[pipeline]]
step = "quantize"
method = "q4_k_m"

[[pipeline]]
step = "split"
max_size = "1MB"

[[target]]
format = "gguf"
max_shard_size = "1GB"
output = "steps.gguf"

[[target]]
format = "safetensors"
quantization = "bf16"
output = "st"
"#;

fn lab(recipe: &str) -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::write(lab.path("r.toml"), recipe).unwrap();
    lab
}

#[test]
fn steps_do_what_the_options_of_targets_do() {
    let lab = lab(STEPS);
    let plan = lab.run("run r.toml --dry-run").expect(0).out;
    for line in [
        "step 1 prune_layers: layer 1 is removed",
        "step 2 quantize: quantization = q4_k_m",
        "step 3 split: max_size = ",
    ] {
        assert!(plan.contains(line), "{plan}");
    }
    let events = lab.run("run r.toml --json").expect(0).events();
    lab.run("convert tiny-llama --to gguf:q4_k_m --prune-layers 1 -o option.gguf").expect(0);
    let compared = lab.run("compare steps.gguf option.gguf").expect(0).out;
    assert!(compared.contains("30 of 30"), "{compared}");
    // The target's own limit is kept, the other target gets the step's.
    assert!(lab.path("steps.gguf").is_file());
    let shards = std::fs::read_dir(lab.path("st")).unwrap().flatten();
    assert!(shards.filter(|e| e.file_name().to_string_lossy().ends_with(".safetensors")).count() > 5);
    let config = std::fs::read_to_string(lab.path("st/config.json")).unwrap();
    assert!(config.contains("\"num_hidden_layers\": 3"), "{config}");
    lab.run("verify st --source tiny-llama").expect(0);
    lab.run("verify steps.gguf --source tiny-llama").expect(0);

    let stages: Vec<String> = events
        .iter()
        .filter_map(|e| match &e.body {
            EventBody::StageStarted { stage, outputs } => {
                Some(format!("{stage:?} of {:?}", outputs.iter().map(|o| o.0).collect::<Vec<_>>()))
            }
            EventBody::StageFinished { stage, .. } => Some(format!("{stage:?} done")),
            EventBody::OutputPublished { output, .. } => Some(format!("output {output}")),
            _ => None,
        })
        .collect();
    let expected = [
        "Convert of [0, 1]",
        "Convert done",
        "Verify of [0, 1]",
        "Verify done",
        "Publish of [0, 1]",
        "output 0",
        "output 1",
        "Publish done",
    ];
    assert_eq!(stages, expected);
}

#[test]
fn the_name_of_a_pruned_output_says_so() {
    let lab = lab(
        "[[pipeline]]\nstep = \"prune_layers\"\nlayers = [1]\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_k_m\"\n",
    );
    lab.run("convert tiny-llama -r r.toml").expect(0);
    assert!(lab.path("tiny-llama-pruned-Q4_K_M.gguf").is_file());
    lab.run("convert tiny-llama --to gguf:q8_0 --prune-layers 1").expect(0);
    assert!(lab.path("tiny-llama-pruned-Q8_0.gguf").is_file() && !lab.path("tiny-llama-Q8_0.gguf").exists());
}

#[test]
fn a_gguf_is_pruned_by_a_step_as_by_the_option() {
    let lab = lab(
        "[[pipeline]]\nstep = \"drop_layers\"\nlayers = \"0,2\"\n[[target]]\nformat = \"gguf\"\noutput = \"b.gguf\"\n",
    );
    lab.run("convert tiny-llama --to gguf:f16 -o f.gguf").expect(0);
    lab.run("run r.toml --source f.gguf").expect(0);
    lab.run("convert f.gguf --to gguf --prune-layers 0,2 -o a.gguf").expect(0);
    let compared = lab.run("compare a.gguf b.gguf").expect(0).out;
    assert!(compared.contains("same bytes") && compared.contains("21 of 21"), "{compared}");
}

/// The entries of an importance matrix are named after the layers of the source.
#[test]
fn an_importance_matrix_follows_the_layers() {
    let lab = lab(
        "[[pipeline]]\nstep = \"prune_layers\"\nlayers = [1]\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_k_m\"\noutput = \"step.gguf\"\n",
    );
    let matrix = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/imatrix/tiny-llama.imatrix.gguf");
    let ran = lab.run(&format!("run r.toml --source tiny-llama --set imatrix={matrix}")).expect(0);
    assert!(!ran.err.contains("match no tensor"), "{}", ran.err);
    lab.run(&format!("convert tiny-llama --to gguf:q4_k_m --prune-layers 1 --imatrix {matrix} -o option.gguf"))
        .expect(0);
    let compared = lab.run("compare step.gguf option.gguf").expect(0).out;
    assert!(compared.contains("30 of 30"), "{compared}");
}

/// The command line may set what a step would set.
#[test]
fn a_step_without_effect_says_so() {
    let lab = lab("[[pipeline]]\nstep = \"quantize\"\nquantization = \"q8_0\"\n[[target]]\nformat = \"gguf\"\n");
    let plan = lab.run("convert tiny-llama -r r.toml --to gguf:q4_0 --dry-run").expect(0).out;
    assert!(plan.contains("step 1 quantize: no effect") && plan.contains("gguf Q4_0"), "{plan}");
    assert!(plan.contains("step 1 (quantize) has no effect"), "{plan}");
}

#[test]
fn what_is_wrong_with_steps_is_shown_at_its_place() {
    let cases: [(&str, &str, &str); 9] = [
        ("step = \"prune_layers\"", "", "r.toml:2:8: the step `prune_layers` needs `layers`"),
        (
            "step = \"quantize\"\nquantization = \"q4_k_m\"\n[[pipeline]]\nstep = \"prune_layers\"\nlayers = [1]",
            "",
            "r.toml:5:8: the step `prune_layers` changes tensors and comes after `quantize`",
        ),
        (
            "step = \"quantize\"\nquantization = \"q4_k_m\"",
            "quantization = \"q8_0\"\n",
            "the step `quantize` has no effect",
        ),
        ("step = \"quantize\"\nquantization = \"q4_k_q\"", "", "r.toml:3:16: unknown quantization `q4_k_q`"),
        (
            "step = \"split\"\nmethod = \"layer\"\nmax_size = \"1MB\"",
            "",
            "r.toml:3:10: splitting by layer is not available",
        ),
        ("step = \"distil\"", "", "r.toml:2:8: the step `distil` is not available in this version"),
        ("step = \"prune_layers\"\nlayers = []", "", "the step `prune_layers` needs `layers`"),
        ("step = \"split\"\nmax_size = \"big\"", "", "r.toml:3:12: \"big\" is not a size"),
        (
            "step = \"quantize\"\nquantization = \"q8_0\"\n[[pipeline]]\nstep = \"quantize\"\nquantization = \"q4_0\"",
            "",
            "r.toml:5:8: the step `quantize` has no effect",
        ),
    ];
    for (steps, target, expected) in cases {
        let lab = lab(&format!("[[pipeline]]\n{steps}\n[[target]]\nformat = \"gguf\"\n{target}"));
        let said = lab.run("recipe check r.toml").expect(2);
        let text = said.out + &said.err;
        assert!(text.contains(expected), "{steps}: {text}");
        lab.run("run r.toml --source tiny-llama").expect(2);
    }
    let lab = lab("[[pipeline]]\nstep = \"prune_layers\"\nlayers = [4]\n[[target]]\nformat = \"gguf\"\n");
    let said = lab.run("run r.toml --source tiny-llama").expect(2).err;
    assert!(said.contains("step 1 (prune_layers): the model has no layer 4; its layers are 0 to 3"), "{said}");
}

#[test]
fn a_wrong_value_is_not_missing_too() {
    let lab = lab("[[pipeline]]\nstep = \"split\"\nmax_size = true\n[[target]]\nformat = \"gguf\"\n");
    let said = lab.run("recipe check r.toml").expect(2).err;
    assert!(said.contains("`max_size` must be") && !said.contains("needs `max_size`"), "{said}");
}

#[test]
fn a_recipe_of_steps_alone_takes_its_targets_from_the_command_line() {
    let lab = lab(
        "[[pipeline]]\nstep = \"prune_layers\"\nlayers = [1]\n[[pipeline]]\nstep = \"quantize\"\nquantization = \"q8_0\"\n",
    );
    let plan = lab.run("convert tiny-llama -r r.toml --to gguf --dry-run").expect(0).out;
    assert!(plan.contains("layer 1 is removed") && plan.contains("gguf Q8_0"), "{plan}");
    let said = lab.run("convert tiny-llama -r r.toml --dry-run").expect(2).err;
    assert!(said.contains("the recipe has no target"), "{said}");
    // Its other mistakes are found all the same.
    lab.write("r.toml", "[[pipeline]]\nstep = \"split\"\nmax_size = \"0\"\n");
    let said = lab.run("convert tiny-llama -r r.toml --to gguf --dry-run").expect(2).err;
    assert!(said.contains("`max_size` cannot be 0"), "{said}");
}

#[test]
fn layers_that_are_removed_twice_are_counted_in_the_open() {
    let lab = lab("[[pipeline]]\nstep = \"prune_layers\"\nlayers = [1]\n[[target]]\nformat = \"gguf\"\n");
    let plan = lab.run("convert tiny-llama -r r.toml --prune-layers 1 --dry-run").expect(0).out;
    assert!(plan.contains("counts the layers that the step leaves"), "{plan}");
}

#[test]
fn set_says_how_steps_and_targets_are_named() {
    let lab = lab(STEPS);
    for (set, wanted) in [
        ("splitting.max_size=1GB", "It becomes a step. Set a key of the step: `pipeline[0].KEY=VALUE`"),
        ("optimization.pruning.sparsity=0.5", "It becomes a step."),
        ("target_formats=gguf", "Set the format of a target, as in `target[0].format=gguf`"),
        ("pipeline[x].layers=1", "Write `pipeline[0]`; targets and steps are counted from 0."),
        ("pipeline[9].layers=1", "`convert` is not a step and is not counted."),
    ] {
        let said = lab.run(&format!("run r.toml --set {set} --dry-run")).expect(2).err;
        assert!(said.contains(wanted) && !said.contains("Did you mean"), "{set}: {said}");
    }
}
