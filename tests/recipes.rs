//! Recipes from outside: the fixtures, hostile text, round trips, and the manual against the table of keys.
//!
//! `fixtures/recipes/valid`: every file parses, and files of the same name in other syntaxes give the same recipe.
//! `fixtures/recipes/invalid`: every file has its messages next to it (`.err`). `BLESS=1 cargo test --test recipes` rewrites them.

use proptest::prelude::*;
use remold::testing::model::FormatId;
use remold::testing::recipe::keys::{KeyTable, Kind, keys, keys_of};
use remold::testing::recipe::options::gguf as options;
use remold::testing::recipe::{
    Available, Recipe, Selector, Step, Syntax, Target, apply_set, check, lint, lint_file, load, manual, parse,
    parse_size, parse_text, template, to_toml,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// The recipe files of a fixture folder, by name.
fn fixtures(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(here("fixtures/recipes").join(folder)).expect("the fixtures are there");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e != "err"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The order of rules matters, and maps compare equal in any order: so compare what is written.
fn same(a: &Recipe, b: &Recipe) -> bool {
    a == b && to_toml(a) == to_toml(b)
}

#[test]
fn valid_recipes_parse_and_agree_across_syntaxes() {
    let mut by_name: BTreeMap<String, Vec<(PathBuf, Recipe)>> = BTreeMap::new();
    for file in fixtures("valid") {
        let recipe = load(&file).unwrap_or_else(|e| panic!("{e}")).into_recipe();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        by_name.entry(name).or_default().push((file, recipe));
    }
    for (name, all) in &by_name {
        for (file, recipe) in &all[1..] {
            assert!(same(recipe, &all[0].1), "{name}: {} differs\n{recipe:#?}\n{:#?}", file.display(), all[0].1);
        }
    }
    for triplet in ["design", "guide", "pipeline", "shorthand", "empty"] {
        assert_eq!(by_name[triplet].len(), 3, "{triplet} exists in all three syntaxes");
    }
}

#[test]
fn the_guides_keys_mean_what_they_say() {
    let recipe = load(&here("fixtures/recipes/valid/guide.json")).unwrap_or_else(|e| panic!("{e}")).into_recipe();
    let formats: Vec<&str> = recipe.targets.iter().map(|t| t.format.name()).collect();
    assert_eq!(formats, ["gguf", "onnx", "tflite"]);
    let gguf = &recipe.targets[0];
    assert_eq!(gguf.get(&options::CONTEXT_LENGTH), Some(4096));
    assert_eq!(gguf.get(&options::EMBEDDING_TYPE).as_deref(), Some("f32"));
    assert_eq!(gguf.get(&options::USE_MLOCK), Some(true));
    assert_eq!(gguf.quantization.as_deref(), Some("q4_k_m"));
    let foreign = keys_of(KeyTable::Target).filter(|k| !k.fits(FormatId::Gguf) && gguf.options.json(k).is_some());
    assert_eq!(foreign.count(), 0, "keys of graph formats do not reach the GGUF");
    assert_eq!(recipe.targets[2].quantization.as_deref(), Some("int8"), "format_options beat the flat key");
    let steps: Vec<&str> = recipe.pipeline.iter().map(|s| s.step.as_str()).collect();
    assert_eq!(steps, ["prune", "distil", "split"]);
}

#[test]
fn invalid_recipes_say_what_is_wrong() {
    let mut wrong = Vec::new();
    for file in fixtures("invalid") {
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = PathBuf::from(file.file_name().expect("a name"));
        let problems = lint(&text, Syntax::of(&file), Some(&name), &Available::default());
        assert!(problems.iter().any(|p| p.is_error()), "{} has nothing wrong", file.display());
        for p in &problems {
            let place = p.place.as_ref().unwrap_or_else(|| panic!("{}: no place: {p}", file.display()));
            assert!(place.line >= 1 && place.column >= 1 && place.line <= text.lines().count() + 1, "{p}");
        }
        let said: String = problems.iter().map(|p| format!("{p}\n")).collect();
        let beside = file.with_file_name(format!("{}.err", name.display()));
        if blessing() {
            std::fs::write(&beside, &said).expect("writable");
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{}:\n--- expected\n{expected}--- said\n{said}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nBLESS=1 accepts what is said now", wrong.join("\n"));
}

#[test]
fn a_recipe_of_flags_is_checked_without_places() {
    let target = Target::of(FormatId::Gguf).quantized("q4_km");
    let recipe = Recipe { targets: vec![target], ..Recipe::default() };
    let said: Vec<String> = check(&recipe).iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("target[0].quantization: unknown quantization `q4_km`\n  hint: Did you mean `q4_k_m`?"),
        "{said:?}"
    );
}

#[test]
fn what_is_available_decides() {
    let text = "[[target]]\nformat = \"gguf\"\nquantization = \"iq4_xs\"\n[validate]\nfail_if = { rmse = \"> 0.1\" }\n";
    let less = Available { quantizations: &["q8_0"], ..Available::default() };
    assert_eq!(lint(text, Syntax::Toml, None, &less).len(), 2);
    let more = Available { quantizations: &["iq4_xs"], metrics: &["rmse"], ..Available::default() };
    assert_eq!(lint(text, Syntax::Toml, None, &more), []);
}

#[test]
fn a_setting_of_the_runtime_is_a_note() {
    let text = "target_format = \"gguf\"\nparallel = false\nformat_options.gguf.use_mlock = true\n";
    let problems = lint(text, Syntax::Toml, None, &Available::default());
    let places: Vec<_> = problems.iter().map(|p| (p.is_error(), p.place.as_ref().map(|at| at.line))).collect();
    assert_eq!(places, [(false, Some(2)), (false, Some(3))], "{problems:?}");
}

#[test]
fn a_file_that_is_no_recipe_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("model.gguf");
    for (bytes, want) in [(vec![0xff; 64], "not UTF-8 text"), (vec![b' '; 2 << 20], "larger than 1048576 bytes")] {
        std::fs::write(&file, bytes).expect("writable");
        let text = load(&file).expect_err(want).to_string();
        assert!(text.contains(want), "{text}");
    }
    let problems = lint_file(&dir.path().join("absent.toml"), &Available::default());
    assert!(problems.len() == 1 && problems[0].is_error());
    let long = "x".repeat(2 << 20);
    assert!(parse(&long, Syntax::Json, None).is_err());
}

/// Texts of a megabyte that make a careless reader slow or large. A run that hangs here is the failure.
#[test]
fn large_hostile_texts_end() {
    let fill = |part: &str| part.repeat((1 << 20) / part.len());
    let numbered = |f: &dyn Fn(usize) -> String| {
        let mut out = String::new();
        for i in 0.. {
            let line = f(i);
            if out.len() + line.len() > (1 << 20) - 100 {
                return out;
            }
            out.push_str(&line);
        }
        out
    };
    let everywhere = [
        "]", "[", "{", "]\n", "=\n", "a = \"\n", "- ", "? ", ": ", "\"", "'", "a:\n", "[a]\n", "[[a]]\n", "&a ", "*a ",
        "#", "\\", "!", "|\n", "é", " ", "\n", ",", "--- ", "%", "x",
    ];
    for part in everywhere {
        for syntax in [Syntax::Toml, Syntax::Yaml, Syntax::Json] {
            let _ = lint(&fill(part), syntax, None, &Available::default());
        }
    }
    for (text, syntax) in [
        (numbered(&|i| format!("zebra{i} = 1\n")), Syntax::Toml),
        (numbered(&|i| format!("zebra{i}: 1\n")), Syntax::Yaml),
        (
            format!(
                "target: {{format: gguf, tensor_types: {{{}}}}}",
                numbered(&|i| format!("\"re:\\\\w{{9}}{i}\": q9_k, "))
            ),
            Syntax::Yaml,
        ),
        (format!("{{\"target\": [{}\"gguf\"]}}", numbered(&|_| "\"gguf\",".to_owned())), Syntax::Json),
        (
            format!(
                "{{\"target\": \"gguf\", \"pipeline\": [{}{{}}]}}",
                numbered(&|_| "{\"step\":\"convert\",\"pure\":1},".to_owned())
            ),
            Syntax::Json,
        ),
        (format!("validate:\n  fail_if:\n{}", numbered(&|i| format!("    m{i}: x\n"))), Syntax::Yaml),
        (format!("[{}]", numbered(&|i| format!("[{i}],")) + "1"), Syntax::Json),
    ] {
        assert!(!lint(&text, syntax, None, &Available::default()).is_empty());
    }
}

#[test]
fn many_mistakes_are_counted_not_all_shown() {
    let text: String = (0..500).map(|i| format!("zebra{i} = 1\n")).collect();
    let errors = parse_text(&text, Syntax::Toml, None).expect_err("unknown keys");
    assert_eq!(errors.problems().len(), 101);
    assert!(errors.to_string().ends_with("and 400 more"));
}

#[test]
fn the_template_checks_clean_and_every_suggestion_in_it_works() {
    assert_eq!(lint(&template(), Syntax::Toml, None, &Available::default()), []);
    let mut section = "";
    let mut tried = 0;
    let text = template();
    let mut steps = String::new();
    for line in text.lines() {
        if line == "# [[pipeline]]" {
            section = "step";
            steps.push_str("[[pipeline]]\n");
            continue;
        }
        if line.starts_with('[') {
            section = if line == "[source]" { "source" } else { "target[0]" };
        }
        if section == "step" {
            steps.push_str(line.trim_start_matches("# "));
            steps.push('\n');
            continue;
        }
        let Some(suggestion) = line.strip_prefix("# ").filter(|l| l.contains(" # ")) else { continue };
        if suggestion.starts_with("max_shard_size") {
            continue;
        }
        let (key, rest) = suggestion.split_once(" = ").expect("key = value");
        let value = rest.rsplit_once(" # ").expect("a comment").0.trim();
        let mut recipe = parse(&text, Syntax::Toml, None).unwrap_or_else(|e| panic!("{e}"));
        let prefix = if section.is_empty() { String::new() } else { format!("{section}.") };
        apply_set(&mut recipe, &format!("{prefix}{key}={value}")).unwrap_or_else(|e| panic!("{e}"));
        assert!(check(&recipe).iter().all(|p| !p.is_error()), "{key}: {:?}", check(&recipe));
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
    let recipe = parse(&format!("{steps}[[target]]\nformat = \"gguf\"\n"), Syntax::Toml, None);
    let recipe = recipe.unwrap_or_else(|e| panic!("{e}"));
    assert!(recipe.pipeline.len() >= 3, "{steps}");
    assert!(check(&recipe).iter().all(|p| !p.is_error()), "{:?}", check(&recipe));
}

#[test]
fn every_example_of_the_manual_is_a_value_of_its_key() {
    for key in keys() {
        let (head, format) = match key.table {
            KeyTable::Top => (String::new(), ""),
            KeyTable::Source => ("[source]\n".to_owned(), ""),
            KeyTable::Validate => ("[validate]\n".to_owned(), ""),
            KeyTable::Target if key.name == "format" => ("[[target]]\n".to_owned(), ""),
            KeyTable::Target => (
                "[[target]]\n".to_owned(),
                remold::testing::recipe::options::formats_of(key).first().map_or("gguf", |f| f.name()),
            ),
            KeyTable::Step(step) => (format!("[[pipeline]]\nstep = \"{step}\"\n"), ""),
        };
        let format = if format.is_empty() { String::new() } else { format!("format = \"{format}\"\n") };
        for name in key.aliases.iter().chain([&key.name]) {
            let text = format!("{head}{format}{name} = {}\n", key.example);
            parse(&text, Syntax::Toml, None).unwrap_or_else(|e| panic!("{text}\n{e}"));
        }
    }
}

#[test]
fn the_manual_has_every_key() {
    let path = here("docs/recipe.md");
    let text = std::fs::read_to_string(&path).expect("docs/recipe.md is there");
    let (begin, end) = ("<!-- keys: begin, written by BLESS=1 cargo test --test recipes -->\n", "<!-- keys: end -->");
    let (before, rest) = text.split_once(begin).expect("the mark where the keys begin");
    let (_, after) = rest.split_once(end).expect("the mark where the keys end");
    let want = format!("{before}{begin}\n{}\n{end}{after}", manual());
    if blessing() {
        std::fs::write(&path, &want).expect("writable");
        return;
    }
    assert!(text == want, "docs/recipe.md differs from the table of keys; BLESS=1 rewrites it");
}

#[test]
fn the_manuals_recipes_are_recipes() {
    let text = std::fs::read_to_string(here("docs/recipe.md")).expect("docs/recipe.md is there");
    let mut seen = 0;
    for (language, syntax) in [("toml", Syntax::Toml), ("yaml", Syntax::Yaml), ("json", Syntax::Json)] {
        for block in text.split(&format!("```{language}\n")).skip(1) {
            let block = block.split("```").next().unwrap_or("");
            parse(block, syntax, None).unwrap_or_else(|e| panic!("{block}\n{e}"));
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_./-]{1,12}", any::<String>(), Just("q4_k_m".to_owned()), Just("re:a\"b\\n".to_owned())]
}

/// A value of a kind, as the reader would give it.
fn value(kind: Kind) -> BoxedStrategy<serde_json::Value> {
    let map = |v: BoxedStrategy<serde_json::Value>| {
        prop::collection::vec((text(), v), 1..4)
            .prop_map(|e| serde_json::Value::Object(e.into_iter().collect()))
            .boxed()
    };
    let string = || text().prop_map(serde_json::Value::from).boxed();
    match kind {
        Kind::Bool => any::<bool>().prop_map(serde_json::Value::from).boxed(),
        Kind::Integer(low, high) => (low..=high).prop_map(serde_json::Value::from).boxed(),
        Kind::Number(low, high) => (low..=high).prop_map(serde_json::Value::from).boxed(),
        Kind::Choice(words) => prop::sample::select(words).prop_map(serde_json::Value::from).boxed(),
        Kind::List | Kind::Selectors => prop::collection::vec(string(), 0..4).prop_map(serde_json::Value::from).boxed(),
        Kind::Layers => prop::collection::vec(any::<u32>(), 0..4).prop_map(serde_json::Value::from).boxed(),
        Kind::Rules | Kind::Conditions => map(string()),
        Kind::Table => {
            let number = any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(serde_json::Value::from);
            let leaf = prop_oneof![string(), any::<i64>().prop_map(serde_json::Value::from), number].boxed();
            let list = prop::collection::vec(leaf.clone(), 0..3).prop_map(serde_json::Value::from).boxed();
            map(prop_oneof![leaf.clone(), list, map(leaf)].boxed())
        }
        // Names with a second spelling come back in the first one.
        Kind::Format => prop::sample::select(vec!["gguf", "pytorch", "onnx"]).prop_map(serde_json::Value::from).boxed(),
        Kind::Quantization => {
            prop::sample::select(vec!["Q4_K_M", "f16", "zebra"]).prop_map(serde_json::Value::from).boxed()
        }
        _ => string(),
    }
}

/// Some keys of a table with values.
fn table(table: KeyTable) -> BoxedStrategy<Vec<(&'static str, serde_json::Value)>> {
    let keys: Vec<_> = keys_of(table).filter(|k| k.name != "parallel").collect();
    let each: Vec<_> = keys
        .into_iter()
        .map(|k| prop::option::weighted(0.3, value(k.kind)).prop_map(|v| v.map(|v| (k.name, v))))
        .collect();
    each.prop_map(|v| v.into_iter().flatten().collect()).boxed()
}

/// Any recipe, made from the JSON that the keys would read.
fn recipe() -> impl Strategy<Value = Recipe> {
    let step = prop::sample::select(vec!["prune", "distil", "quantize", "split", "optimize", "validate"])
        .prop_flat_map(|s| {
            table(KeyTable::Step(s)).prop_map(move |o| Step {
                step: s.into(),
                options: o.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            })
        });
    let target = (value(Kind::Format), table(KeyTable::Target)).prop_map(|(f, t)| {
        let own = Target::of(f.as_str().and_then(FormatId::parse).unwrap_or(FormatId::Gguf));
        serde_set(own, t.into_iter().filter(|(k, _)| *k != "format"))
    });
    let top = (table(KeyTable::Top), table(KeyTable::Source), prop::option::of(table(KeyTable::Validate)));
    (top, prop::collection::vec(step, 0..3), prop::collection::vec(target, 0..3)).prop_map(
        |((top, source, validate), pipeline, targets)| {
            let base = Recipe {
                pipeline,
                targets,
                validate: validate.as_ref().map(|_| Default::default()),
                ..Recipe::default()
            };
            let mut recipe = serde_set(base, top.into_iter());
            recipe.source = serde_set(recipe.source.clone(), source.into_iter());
            recipe.validate = recipe.validate.map(|v| serde_set(v, validate.into_iter().flatten()));
            recipe
        },
    )
}

/// Sets fields by their serde names; what has no field goes into `later`.
fn serde_set<T>(start: T, values: impl Iterator<Item = (&'static str, serde_json::Value)>) -> T
where
    T: serde::Serialize + serde::de::DeserializeOwned + Clone,
{
    let mut current = start;
    for (k, v) in values {
        let object = serde_json::to_value(&current).expect("a table");
        let mut direct = object.clone();
        direct[k] = v.clone();
        let mut later = object;
        if later.get("later").is_none() {
            later["later"] = serde_json::json!({});
        }
        later["later"][k] = v;
        current = serde_json::from_value(direct)
            .or_else(|_| serde_json::from_value(later))
            .unwrap_or_else(|e| panic!("{k}: {e}"));
    }
    current
}

proptest! {
    #[test]
    fn what_is_written_reads_back(r in recipe()) {
        let text = to_toml(&r);
        let back = parse(&text, Syntax::Toml, None).map_err(|e| TestCaseError::fail(format!("{text}\n{e}")))?;
        prop_assert_eq!(&back, &r, "{}", &text);
        prop_assert_eq!(to_toml(&back), text);
    }

    #[test]
    fn any_recipe_can_be_checked(r in recipe()) {
        for p in check(&r) {
            prop_assert!(!p.message.is_empty() && !p.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_can_be_read(text in any::<String>(), chars in "[\\[\\]{}:,\"'a-c0-9.=#&*!|>?@%\\-+\\\\ \n\t]{0,120}") {
        for syntax in [Syntax::Toml, Syntax::Yaml, Syntax::Json] {
            for t in [&text, &chars] {
                let problems = lint(t, syntax, None, &Available::default());
                prop_assert!(problems.len() <= 101);
            }
        }
        let mut r = Recipe { targets: vec![Target::of(FormatId::Gguf)], ..Recipe::default() };
        let _ = apply_set(&mut r, &text);
        let _ = apply_set(&mut r, &chars);
        let _ = apply_set(&mut r, &format!("target.{chars}=1"));
        let _ = apply_set(&mut r, &format!("target.tensor_types={chars}"));
        let _ = Selector::parse(&text).map(|s| s.matches(&chars, remold::testing::model::Role::Ffn, &text));
        let _ = parse_size(&text);
    }

    #[test]
    fn a_damaged_recipe_is_read_or_refused(which in 0usize..3, at in 0usize..2000, byte in any::<u8>(), cut in any::<bool>()) {
        let name = ["design.toml", "design.yaml", "guide.json"][which];
        let path = here("fixtures/recipes/valid").join(name);
        let mut bytes = std::fs::read(&path).expect("readable");
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let text = String::from_utf8_lossy(&bytes);
        for p in lint(&text, Syntax::of(&path), Some(&path), &Available::default()) {
            prop_assert!(p.place.is_some(), "{}", p);
        }
    }
}
