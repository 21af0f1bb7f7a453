//! llama-quantize's own flags: the file they give, what they refuse, and what the plan says of an importance matrix.

use crate::lab::{Lab, fixture, hash};
use crate::made::imatrix_dat;
use crate::table::{check, row};
use remold::testing::formats;
use remold::testing::model::{MetaArray, MetaValue};

/// File type, flags, and the SHA-256 of what llama-quantize (llama.cpp in llama-cpp-python 0.3.36) wrote with them from the f32
/// conversion of tiny-llama. `m.gguf` is its importance matrix, `types.txt` has [`TYPES`].
const WRITTEN: &[(&str, &str, &str)] = &[
    (
        "q4_k_m",
        "--imatrix m.gguf --include-weights ffn_down --include-weights attn_v",
        "6f3c6919af1d9dd6c2562a78d82a090223238c35ebc6f297e5f910e19f381970",
    ),
    (
        "q4_k_s",
        "--imatrix m.gguf --exclude-weights output --exclude-weights blk.1.",
        "6c306ae4dcb53108d19ae0c7277c37f53a31441792a49f70bbefe7495909afef",
    ),
    (
        "q4_0",
        "--imatrix m.gguf --exclude-weights weight",
        "57ba0fff542b976219a77db3113bc32b0eedd451466578bdaf5ba4a19c50844a",
    ),
    (
        "q4_0",
        "--override-kv general.license=str:mit --override-kv llama.context_length=int:77 --override-kv x.signed=int:-5 --override-kv llama.rope.freq_base=float:12345.678 --override-kv tokenizer.ggml.add_bos_token=bool:false --override-kv general.license=str:apache-2.0",
        "2bcef9a2b35f86ee4023747c811f81f9fb0aa78e18d50baeccd511d41a21c050",
    ),
    (
        "q2_k",
        "--override-kv llama.attention.head_count_kv=int:1",
        "779183a2bdf21e498b0695ad31dd488555fedfd5ae7acf41f4725aa7810005c3",
    ),
    ("q4_k_m", "--prune-layers 1,2", "d0d3e7674559db1b88c1ef2143bfb3904fe61e038f8fffed0f5e6c06cbf82682"),
    (
        "q3_k_m",
        "--imatrix m.gguf --prune-layers 2,0",
        "af7c9d42adf895a20cbaf93dd8abe42702f43281f424ecad9838db9068446e9c",
    ),
    (
        "f16",
        "--prune-layers 1 --override-kv general.name=str:Short",
        "a720425409885ebf66899a06c354d8712ce4e6aba6b30b23a3ddece83ba65306",
    ),
    (
        "q4_k_m",
        r"--tensor-type blk\.(0|2)\.ffn_down=q6_k --tensor-type ATTN_V=q5_k --tensor-type ffn=q8_0",
        "cf5a1978716cdfc03f148f60b8aa43259a044f68f0069e829267bb4bc1ca0844",
    ),
    (
        "q3_k_s",
        r"--pure --tensor-type [kv]\.weight$=q8_0",
        "ed58b28d35ceb9b173ec03986492fc4af4a19e6fae95dd0ca6ad2184b081ff4e",
    ),
    ("q4_k_m", "--tensor-type-file types.txt", "9d19abe181ad6679649602ff5a2b1a18163e843c1fc07d2a31a861702428b9d1"),
];

const TYPES: &str = "ffn_down=q6_k\tattn_q=q5_k\n\n  output=q5_1\n";

/// The same from its Q8_0 file, requantized to Q4_K_M.
const REQUANTIZED: &str = "928a96c77b1b1df2b6775476b3252be2fa03149130d1f472702e2e1f07707091";

fn llama(lab: &Lab) {
    lab.model("tiny-llama");
    lab.write("m.gguf", std::fs::read(fixture("golden/imatrix/tiny-llama.imatrix.gguf")).unwrap());
    lab.write("types.txt", TYPES);
}

#[test]
fn the_same_flags_give_the_bytes_of_llama_quantize() {
    let lab = Lab::new();
    llama(&lab);
    lab.run("convert tiny-llama --to gguf:f32 -o f32.gguf").expect(0);
    let mut wrong = Vec::new();
    for (kind, flags, sha256) in WRITTEN {
        for source in ["tiny-llama", "f32.gguf"] {
            let ran = lab.run(&format!("convert {source} --to gguf:{kind} -o o.gguf --force {flags}"));
            if ran.code != Some(0) || hash(&lab.path("o.gguf")) != *sha256 {
                wrong.push(format!("{source} {kind} {flags}: {ran:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
    lab.run("convert f32.gguf --to gguf:q8_0 -o q8.gguf").expect(0);
    lab.run("convert q8.gguf --to gguf:q4_k_m --allow-requantize -o q4.gguf").expect(0);
    assert_eq!(hash(&lab.path("q4.gguf")), REQUANTIZED);
}

#[test]
fn a_recipe_says_the_same_in_its_own_words() {
    let lab = Lab::new();
    llama(&lab);
    lab.write(
        "r.toml",
        "source = \"tiny-llama\"\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_k_m\"\noutput = \"a.gguf\"\n\
         imatrix = \"m.gguf\"\nexclude_weights = [\"attention\", \"blk.?.ffn_up.weight\"]\nprune_layers = [3]\n\
         [target.override_kv]\ngeneral.license = \"mit\"\ngeneral.tags = [\"a\", \"b\"]\nllama.rope.freq_base = 500000\n",
    );
    lab.run("run r.toml").expect(0);
    let a = formats::open(&lab.path("a.gguf")).unwrap();
    assert_eq!(a.metadata["general.license"], "mit".into());
    assert_eq!(a.metadata["general.tags"], MetaArray::Str(vec![b"a".to_vec(), b"b".to_vec()]).into());
    assert_eq!(a.metadata["llama.rope.freq_base"], MetaValue::F32(500_000.0));
    assert_eq!(a.metadata["llama.block_count"], MetaValue::U32(3));
    // 28 of the layers and the output; attention has four in each of four layers, and four matrices go up.
    assert_eq!(a.metadata["quantize.imatrix.entries_count"], MetaValue::U32(29 - 16 - 4));
    lab.run("convert tiny-llama --to gguf:q4_k_m -o b.gguf --imatrix m.gguf --set exclude_weights=[\"attn\",\"ffn_up\"] --set prune_layers=3 --override-kv general.license=str:mit --set override_kv.\"general.tags\"=[\"a\",\"b\"] --override-kv llama.rope.freq_base=int:500000").expect(0);
    let b = formats::open(&lab.path("b.gguf")).unwrap();
    assert_eq!(
        b.tensors.iter().map(|t| t.read_all().unwrap()).collect::<Vec<_>>(),
        a.tensors.iter().map(|t| t.read_all().unwrap()).collect::<Vec<_>>()
    );
    assert_eq!(b.metadata["general.tags"], a.metadata["general.tags"]);
}

#[test]
fn layers_left_out_of_one_target_stay_in_another() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("r.toml", "source = \"tiny-llama\"\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\"\noutput = \"a.gguf\"\nprune_layers = [1]\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_0\"\noutput = \"b.gguf\"\n");
    lab.run("run r.toml").expect(0);
    lab.run("convert tiny-llama --to gguf:q8_0 --prune-layers 1 -o a1.gguf").expect(0);
    lab.run("convert tiny-llama --to gguf:q4_0 -o b1.gguf").expect(0);
    for (together, alone) in [("a.gguf", "a1.gguf"), ("b.gguf", "b1.gguf")] {
        assert_eq!(hash(&lab.path(together)), hash(&lab.path(alone)), "{together}");
    }
}

#[test]
fn the_plan_says_what_an_importance_matrix_covers() {
    let lab = Lab::new();
    llama(&lab);
    let matrix = formats::open(&lab.path("m.gguf")).unwrap();
    let whole = remold::testing::transform::Imatrix::from_model(&matrix, "m.gguf").unwrap();
    let mut entries: Vec<(&str, Vec<f32>)> = whole.entries.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    entries.retain(|(n, _)| *n != "blk.2.attn_q.weight");
    entries.iter_mut().find(|(n, _)| *n == "blk.0.ffn_up.weight").unwrap().1[..3].fill(0.0);
    entries.push(("blk.9.attn_q.weight", vec![1.0; 256]));
    lab.write("m.dat", imatrix_dat(&entries));
    let args = "convert tiny-llama --to gguf:q4_k_m --imatrix m.dat --exclude-weights blk.3. --dry-run";
    let plan: serde_json::Value = serde_json::from_str(&lab.run(&format!("{args} --json")).expect(0).out).unwrap();
    let said = &plan["outputs"][0]["imatrix"];
    assert_eq!(said["entries"], 29, "{said}");
    assert_eq!(said["left_out"], 7);
    assert_eq!((&said["quantized"], &said["used"]), (&30.into(), &21.into()));
    assert_eq!(said["unmatched"], serde_json::json!(["blk.9.attn_q.weight"]));
    assert_eq!(said["zero_columns"], serde_json::json!([{ "tensor": "blk.0.ffn_up.weight", "count": 3, "of": 256 }]));
    let missing = said["missing"].as_array().unwrap();
    assert!(missing.len() == 9 && missing.contains(&"blk.2.attn_q.weight".into()), "{missing:?}");
    let text = lab.run(args).expect(0).out;
    for part in
        ["29 entries", "7 entries left out", "21 of 30", "9 without values", "blk.9.attn_q.weight", "(3 of 256)"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // A word that is a role means the role; a warning is given where llama-quantize would match more.
    let role = lab.run("convert tiny-llama --to gguf:q4_k_m --tensor-type output=q8_0 --dry-run").expect(0).out;
    assert!(role.contains("warning: `output` means the role") && role.contains("blk.0.attn_output.weight"), "{role}");
    let unused = lab.run("convert tiny-llama --to gguf:f16 --imatrix m.dat --dry-run").expect(0).out;
    assert!(unused.contains("m.dat is not used"), "{unused}");
}

#[test]
fn a_dry_run_reports_an_output_that_exists() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("out.gguf", "precious");
    let args = "convert tiny-llama --to gguf:q8_0 -o out.gguf --dry-run";
    let ran = lab.run(args).expect(0);
    assert!(ran.out.contains("warning: out.gguf already exists") && ran.out.contains("--force"), "{}", ran.out);
    assert!(!lab.run(&format!("{args} --force")).expect(0).out.contains("already exists"));
    lab.run("convert tiny-llama --to gguf:q8_0 -o tiny-llama/model.safetensors --dry-run").expect(2);
}

#[test]
fn flags_that_fit_nothing() {
    fn with(args: &'static str) -> impl Fn(&Lab) -> String {
        move |lab| {
            llama(lab);
            format!("convert tiny-llama {args}")
        }
    }
    /// With a matrix of these entries as `m.dat`.
    fn matrix(entries: &'static [(&str, usize)], args: &'static str) -> impl Fn(&Lab) -> String {
        move |lab| {
            let made: Vec<(&str, Vec<f32>)> = entries.iter().map(|(n, len)| (*n, vec![1.0; *len])).collect();
            lab.write("m.dat", imatrix_dat(&made));
            with(args)(lab)
        }
    }
    let other = &[("blk.0.attn_q.weight", 256), ("blk.7.attn_q.weight", 256), ("blk.8.attn_q.weight", 256)];
    let sizes = &[("blk.0.attn_q.weight", 512), ("blk.1.attn_q.weight", 512), ("blk.1.attn_k.weight", 256)];
    check(
        "flags.txt",
        vec![
            row(
                "imatrix: of another model",
                2,
                &["m.dat", "2 of the 3", "blk.7"],
                matrix(other, "--to gguf:q4_k_m --imatrix m.dat"),
            ),
            row(
                "imatrix: of a model of other sizes",
                2,
                &["512 values instead of 256", "2 tensors"],
                matrix(sizes, "--to gguf:q4_k_m --imatrix m.dat"),
            ),
            row("imatrix: truncated", 2, &["m.gguf", "past the end of the file"], |lab| {
                let args = with("--to gguf:q4_k_m --imatrix m.gguf")(lab);
                let bytes = std::fs::read(lab.path("m.gguf")).unwrap();
                lab.write("m.gguf", &bytes[..bytes.len() / 2]);
                args
            }),
            row("imatrix: truncated, of the older form", 2, &["m.dat", "bytes needed"], |lab| {
                let bytes = imatrix_dat(&[("blk.0.attn_q.weight", vec![1.0; 256])]);
                lab.write("m.dat", &bytes[..bytes.len() / 2]);
                with("--to gguf:q4_k_m --imatrix m.dat")(lab)
            }),
            row("imatrix: with NaN", 2, &["m.dat", "blk.0.attn_q.weight", "NaN"], |lab| {
                lab.write("m.dat", imatrix_dat(&[("blk.0.attn_q.weight", vec![f32::NAN; 256])]));
                with("--to gguf:q4_k_m --imatrix m.dat")(lab)
            }),
            row("imatrix: importance that overflows", 1, &["blk.0.attn_q.weight", "exclude_weights", "bf16"], |lab| {
                lab.write("m.dat", imatrix_dat(&[("blk.0.attn_q.weight", vec![3e38; 256])]));
                with("--to gguf:q4_0 --imatrix m.dat")(lab)
            }),
            row("imatrix: none for a type that needs one", 2, &["IQ2_XXS", "24 tensors"], with("--to gguf:iq2_xxs")),
            row("imatrix: none for Q2_K_S", 2, &["Q2_K_S", "--imatrix"], with("--to gguf:q2_k_s")),
            row(
                "imatrix: without the tensors that need it",
                2,
                &["12 tensors", "blk.0.ffn_down.weight"],
                with("--to gguf:iq3_xxs --imatrix m.gguf --exclude-weights ffn"),
            ),
            row(
                "include: matches nothing",
                2,
                &["--include-weights", "`no_such`"],
                with("--to gguf:q4_k_m --imatrix m.gguf --include-weights no_such"),
            ),
            row(
                "exclude: matches nothing",
                2,
                &["--exclude-weights", "`re:^x`"],
                with("--to gguf:q4_k_m --imatrix m.gguf --exclude-weights attn --exclude-weights re:^x"),
            ),
            row(
                "include and exclude",
                2,
                &["cannot be used with"],
                with("--to gguf:q4_k_m --imatrix m.gguf --include-weights ffn --exclude-weights attn"),
            ),
            row(
                "include without a matrix",
                2,
                &["--include-weights", "--imatrix"],
                with("--to gguf:q4_k_m --include-weights ffn"),
            ),
            row(
                "prune: a layer that is not there",
                2,
                &["layer 4", "0 to 3"],
                with("--to gguf:q4_k_m --prune-layers 1,4"),
            ),
            row("prune: all layers", 2, &["no layer would be left"], with("--to gguf:f16 --prune-layers 0,1,2,3")),
            row("prune: no number", 2, &["--prune-layers"], with("--to gguf:f16 --prune-layers first")),
            row("prune: a recipe's text", 2, &["r.toml:2:", "layer numbers"], |lab| {
                llama(lab);
                lab.write("r.toml", "target = { format = \"gguf\",\nprune_layers = [\"x\"] }\n");
                "run r.toml --source tiny-llama".into()
            }),
            row("prune: tensors without a network", 2, &["config.json"], |lab| {
                lab.write("w.safetensors", crate::made::floats(&[("blk.0.w", &[1, 32], vec![1.0; 32])]));
                "convert w.safetensors --to gguf:f16 --prune-layers 0".into()
            }),
            row(
                "override: malformed",
                2,
                &["`general.license`", "KEY=int:7"],
                with("--to gguf:q4_0 --override-kv general.license"),
            ),
            row(
                "override: a type that is unknown",
                2,
                &["int, float, bool or str"],
                with("--to gguf:q4_0 --override-kv a=text:b"),
            ),
            row("override: no number", 2, &["not a whole number"], with("--to gguf:q4_0 --override-kv a=int:many")),
            row(
                "override: the layout",
                2,
                &["general.alignment"],
                with("--to gguf:q4_0 --override-kv general.alignment=int:64"),
            ),
            row(
                "override: the architecture",
                2,
                &["general.architecture"],
                with("--to gguf:f16 --override-kv general.architecture=str:qwen2"),
            ),
            row(
                "override: the number of layers",
                2,
                &["llama.block_count", "prune_layers"],
                with("--to gguf:q4_0 --override-kv llama.block_count=int:3"),
            ),
            row(
                "override: another kind",
                2,
                &["a whole number here, not a text"],
                with("--to gguf:q4_0 --override-kv llama.context_length=str:long"),
            ),
            row("tensor types: no such file", 2, &["no.txt"], with("--to gguf:q4_0 --tensor-type-file no.txt")),
            row("tensor types: a file of other things", 2, &["types.txt", "PATTERN=TYPE"], |lab| {
                let args = with("--to gguf:q4_0 --tensor-type-file types.txt")(lab);
                lab.write("types.txt", "ffn_down=q6_k attn_q q5_k");
                args
            }),
            row("tensor types: a type that is unknown, in a file", 2, &["q9_k"], |lab| {
                let args = with("--to gguf:q4_0 --tensor-type-file types.txt")(lab);
                lab.write("types.txt", "ffn_down=q9_k");
                args
            }),
            row(
                "tensor types: an expression with *",
                2,
                &["re:blk.*.ffn_down"],
                with("--to gguf:q4_0 --tensor-type blk.*.ffn_down=q6_k"),
            ),
            row("tensor types: rows that do not fit, forbidden", 2, &["--no-fallback", "blk.0.attn_q.weight"], |lab| {
                lab.model("mini-bert");
                "convert mini-bert --to gguf:q5_0 --tensor-type attn_q=q4_k --no-fallback".into()
            }),
        ],
    );
}
