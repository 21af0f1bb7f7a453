//! Many models at once, their files, and what is found in them: through the pure core, and in the real binary.

use super::sample::{self, DIR};
use super::screens::{LARGE, SMALL, shows};
use super::session::{Session, folder, folder_of_a_model};
use remold::testing::recipe::Step;
use remold::testing::tui::core::{Action, Effect, ErrorCard, Focus, Layer, MeasureWhat, Outside, Tab};
use remold::testing::tui::tabs::models::{FileList, Section, TensorHit};
use remold::testing::tui::tabs::recipe::BatchOutcome;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

#[test]
fn marks_become_the_sources_of_one_recipe() {
    let mut b = sample::start();
    b.keys("kk   c");
    let three: Vec<PathBuf> =
        ["exp42/checkpoint-500", "exp42/checkpoint-1000", "exp42/checkpoint-2000"].map(path).to_vec();
    assert_eq!((b.state.tab, &b.state.recipe.batch), (Tab::Recipe, &three));
    shows(&mut b, SMALL, &["sources  3 models, here …eckpoint-500"]);
    b.effects.clear();
    b.keys("]");
    assert_eq!(b.state.recipe.source(), Some(&three[1]));
    assert!(b.effects.iter().any(|e| matches!(e, Effect::Plan(..))), "its plan is shown");
    b.effects.clear();
    b.keys("r");
    let [Effect::SpawnBatch(_, sources, false)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert_eq!(sources, &three);
    // A single model again.
    b.keys("1gguc");
    assert!(b.state.recipe.batch.len() != 1);
}

#[test]
fn a_folder_stands_for_the_models_in_it() {
    let mut b = sample::start();
    b.keys("gg");
    assert!(b.state.models.node().unwrap().model.is_none());
    b.keys("c");
    assert_eq!(b.state.recipe.batch.len(), 3);
    b.keys("1gg ");
    assert_eq!(b.state.models.marked.len(), 3, "space marks them all");
    b.keys("gg ");
    assert!(b.state.models.marked.is_empty(), "and unmarks them");
    b.keys("ggv");
    assert_eq!((b.state.tab, b.state.compare.columns.len()), (Tab::Compare, 3));
}

#[test]
fn existing_outputs_of_a_batch_are_asked_about_and_failures_are_named() {
    let mut b = sample::start();
    b.keys("kk   c");
    let sources = b.state.recipe.batch.clone();
    let exists = vec![path("exp42/a.gguf"), path("exp42/b.gguf")];
    let outcome = BatchOutcome { sources: sources.clone(), exists, ..BatchOutcome::default() };
    b.act(Action::BatchSpawned(Box::new(outcome)));
    shows(&mut b, SMALL, &["Replace 2 existing files?", "exp42/a.gguf"]);
    b.effects.clear();
    b.keys("y");
    assert!(matches!(&b.effects[..], [Effect::SpawnBatch(_, s, true)] if *s == sources));
    let wrong = remold::testing::tui::core::ErrorCard::new("no tensors", true);
    let started = vec![sample::a_job()];
    let outcome = BatchOutcome { started, failed: vec![(sources[0].clone(), wrong)], ..BatchOutcome::default() };
    b.act(Action::BatchSpawned(Box::new(outcome)));
    let said = b.state.toasts.last().unwrap().text.clone();
    assert_eq!(said, "started 1 job; not exp42/checkpoint-500: no tensors");
    assert_eq!(b.state.tab, Tab::Jobs);
}

#[test]
fn the_text_of_an_evaluation_is_completed() {
    let mut b = sample::start();
    b.keys("E<ctrl-u>wi");
    b.effects.clear();
    b.keys("<tab>");
    assert!(matches!(&b.effects[..], [Effect::CompletePath(_, typed)] if typed == "wi"), "{:?}", b.effects);
    b.act(Action::PathCompleted("wi".into(), "wiki.".into(), vec!["wiki.test".into(), "wiki.valid".into()]));
    shows(&mut b, LARGE, &["evaluate on the text file: wiki.", "wiki.valid"]);
}

#[test]
fn a_step_about_layers_does_not_go_to_another_model() {
    let mut b = sample::start();
    b.planned();
    let step = Step {
        step: "prune_layers".into(),
        options: [("layers".to_owned(), serde_json::json!([1]))].into_iter().collect(),
    };
    b.state.recipe.document.recipe.pipeline.push(step);
    b.keys("1kc");
    let said = b.state.toasts.last().unwrap().text.clone();
    assert_eq!(said, "dropped for another model: prune_layers; N starts a new recipe");
    assert!(b.state.recipe.document.recipe.pipeline.is_empty());
}

#[test]
fn a_budget_in_bytes_does_not_go_to_another_model() {
    let mut b = sample::start();
    b.planned().keys("b760MB<enter>1kc");
    let said = b.state.toasts.last().unwrap().text.clone();
    assert!(said.starts_with("dropped for another model: budget 760MB, now "), "{said}");
    let recipe = &b.state.recipe.document.recipe;
    assert_eq!(recipe.targets[0].quantization.as_deref(), Some("q4_k_m"));
    // Bits per weight say the same of every model.
    b.keys("b4.25<enter>1jc");
    assert!(b.state.recipe.document.recipe.targets[0].quantization.is_none());
    assert!(b.state.toasts.last().unwrap().text.starts_with("kept from the last recipe: 1 target; N starts"));
    b.keys("N");
    assert_eq!(b.state.recipe.document.recipe.targets[0].quantization.as_deref(), Some("q4_k_m"));
    b.keys("u");
    assert!(b.state.recipe.document.recipe.targets[0].quantization.is_none(), "undo brings it back");
}

#[test]
fn models_sort_by_what_a_key_chooses() {
    let mut b = sample::start();
    let first = |b: &sample::Bench| b.state.short_path(&b.state.models.rows()[0].path);
    assert_eq!(first(&b), "exp42");
    b.keys("s");
    shows(&mut b, SMALL, &["by size ↓"]);
    assert_eq!(first(&b), "exp42", "7.4 GB together");
    let last = b.state.models.rows().last().unwrap().path.clone();
    assert_eq!(last, path("tiny-llama"));
    b.keys("ss");
    shows(&mut b, SMALL, &["by parameters ↓"]);
    b.keys("s");
    assert_eq!(b.state.short_path(&b.state.models.rows().last().unwrap().path), "tiny-llama");
}

#[test]
fn a_sign_is_the_result_of_a_look_and_a_word_that_of_the_scan() {
    let mut b = sample::start();
    let rows =
        super::screens::text(&super::screens::render(&mut b, LARGE, remold::testing::tui::look::Depth::True, false));
    let line =
        |name: &str| rows.lines().find(|l| l.chars().take(40).collect::<String>().contains(name)).unwrap().to_owned();
    assert!(line("checkpoint-2000").contains('!'), "opened, and it has a warning: {rows}");
    assert!(!line("checkpoint-500").contains('✓'), "not looked at: {rows}");
    assert!(line("bert-base").contains("missing ✗"), "{rows}");
    b.keys("/missing");
    assert_eq!(b.state.models.rows().len(), 1, "found by the word");
}

#[test]
fn a_file_is_read_over_the_details_and_opened_outside() {
    let mut b = sample::start();
    b.keys("<enter>]]]]");
    assert_eq!(b.state.models.details.section, Section::Files);
    b.keys("j").effects.clear();
    b.keys("<enter>");
    let file = path("exp42/checkpoint-2000/config.json");
    let [Effect::ReadText(asked)] = &b.effects[..] else { panic!("{:?}", b.effects) };
    assert!(asked.ends_with("config.json"), "{asked:?}");
    b.act(Action::TextRead("late".into(), Ok("other".into())));
    assert!(b.state.models.inspect.reading.is_none(), "not what was asked for");
    b.act(Action::TextRead(asked_title(&b), Ok("{\n  \"layers\": 16\n}".into())));
    shows(&mut b, SMALL, &["\"layers\": 16", "esc closes"]);
    b.effects.clear();
    b.keys("<esc>e");
    assert!(matches!(&b.effects[..], [Effect::OpenOutside(p, _, Outside::Editor)] if p.ends_with("config.json")));
    b.effects.clear();
    b.keys("<esc>o");
    assert_eq!(b.effects, [Effect::OpenOutside(file, path("exp42/checkpoint-2000"), Outside::Pager)]);
}

fn asked_title(b: &sample::Bench) -> String {
    b.state.models.wanted_text.clone().unwrap()
}

#[test]
fn two_configurations_are_put_side_by_side() {
    let mut b = sample::start();
    b.keys("=");
    assert!(b.state.toasts.last().unwrap().text.starts_with("=: mark two models"));
    b.keys("k =");
    let (a, c) = (path("exp42/checkpoint-1000"), path("exp42/checkpoint-2000"));
    assert_eq!(b.effects.last(), Some(&Effect::CompareConfigs(a, c)));
    b.act(Action::TextRead("checkpoint-1000 | checkpoint-2000".into(), Ok("1 key differs".into())));
    shows(&mut b, SMALL, &["checkpoint-1000 | checkpoint-2000", "1 key differs"]);
}

#[test]
fn a_model_is_renamed_by_a_name_and_deleted_after_its_files_were_listed() {
    let mut b = sample::start();
    b.keys("R");
    shows(&mut b, SMALL, &["rename to checkpoint-2000"]);
    b.keys("<end>-best<enter>");
    let old = path("exp42/checkpoint-2000");
    assert_eq!(b.effects.last(), Some(&Effect::RenameModel(old.clone(), "checkpoint-2000-best".into())));
    b.keys("D");
    assert_eq!(b.effects.last(), Some(&Effect::ListFiles(old.clone())));
    let list = FileList {
        path: old.clone(),
        files: vec![(old.join("config.json"), 877), (old.join("model.safetensors"), 2_000_000)],
        folders: vec![old.clone()],
    };
    b.act(Action::FilesListed(Ok(list.clone())));
    shows(&mut b, SMALL, &["Delete exp42/checkpoint-2000 and all that is in it?", "2 files, 2.00 MB", "y delete"]);
    b.effects.clear();
    b.keys("<enter>");
    assert!(b.effects.is_empty() && b.state.layer.is_none(), "enter means no");
    b.act(Action::FilesListed(Ok(list.clone()))).keys("y");
    assert_eq!(b.effects, [Effect::DeleteFiles(Box::new(list))]);
}

#[test]
fn a_tensor_is_looked_for_in_all_models_and_gone_to() {
    let mut b = sample::start();
    b.keys("fdown_proj<enter>");
    let Some(Effect::FindTensors(id, query, models)) = b.effects.last().cloned() else { panic!("{:?}", b.effects) };
    assert_eq!((query.as_str(), models.len()), ("down_proj", 6), "those that can be read");
    let hit = |layer: u32| TensorHit {
        model: path("exp42/checkpoint-2000"),
        tensor: format!("model.layers.{layer}.mlp.down_proj.weight"),
        shape: "2048 × 8192".into(),
        encoding: "bf16",
    };
    b.act(Action::TensorsFound(id + 1, vec![hit(9)], 1));
    b.act(Action::TensorsFound(id, vec![hit(1), hit(2)], 1));
    shows(&mut b, LARGE, &["model.layers.2.mlp.down_proj.weight  exp42/checkpoint-2000", "2048 × 8192 bf16", "2/2"]);
    b.keys("layers.2<enter>");
    let info = b.state.models.current().unwrap().clone();
    let row = b.state.models.tensor_rows(&info)[b.state.models.details.row];
    assert_eq!(&*info.tensors[row].name, "model.layers.2.mlp.down_proj.weight");
    assert_eq!((b.state.models.focus, b.state.models.details.section), (Focus::Details, Section::Tensors));
}

#[test]
fn three_models_are_converted_by_one_recipe_and_one_message_ends_them() {
    let dir = folder_of_a_model();
    for copy in ["b", "c"] {
        let to = dir.path().join(copy);
        std::fs::create_dir(&to).unwrap();
        for entry in std::fs::read_dir(dir.path().join("tiny-llama")).unwrap().flatten() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("3 models");
    s.send("gg   ");
    s.wait_for("3 marked");
    s.send("c");
    s.wait_for("3 models, here b");
    s.wait_for("ready: 3 jobs, 3 outputs");
    s.send("r");
    s.wait_for("all 3 jobs finished");
    for name in ["b", "c", "tiny-llama"] {
        assert!(dir.path().join(format!("{name}-Q4_K_M.gguf")).exists(), "{name}");
    }
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn models_are_renamed_deleted_and_their_files_read() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[("PAGER", "sh -c 'cat \"$0\"; echo PAGED; read x'")]);
    s.wait_for("1 model");
    s.send("R\x15mine\r");
    s.wait_for("renamed: tiny-llama → mine");
    s.wait_for("▌ mine");
    assert!(dir.path().join("mine/config.json").exists());
    s.send("o");
    s.wait_until("the pager", |sc| sc.contents().contains("PAGED") && !sc.alternate_screen());
    s.send("\r");
    s.wait_until("the screen", vt100::Screen::alternate_screen);
    s.send("D");
    s.wait_for("Delete mine and all that is in it?");
    s.send("\r");
    s.wait_until("the question to close", |sc| !sc.contents().contains("Delete mine"));
    assert!(dir.path().join("mine/config.json").exists());
    s.send("D");
    s.wait_for("Delete mine and all that is in it?");
    s.send("y");
    s.wait_for("deleted: mine");
    s.wait_for("no models here");
    assert!(!dir.path().join("mine").exists());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn the_scan_says_what_is_wrong_in_a_word() {
    let dir = folder();
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad/pytorch/call-os-system.pt");
    std::fs::copy(bad, dir.path().join("evil.pt")).unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 17209920\n";
    std::fs::write(dir.path().join("lfs.safetensors"), pointer).unwrap();
    std::fs::copy(dir.path().join("cut.safetensors"), dir.path().join("old.safetensors")).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().append(true).open(dir.path().join("old.safetensors")).unwrap().set_modified(old).unwrap();
    std::fs::copy(dir.path().join("whole.safetensors"), dir.path().join("set-00001-of-00002.safetensors")).unwrap();
    let mut s = Session::start(dir.path(), &[]);
    s.resize(24, 120);
    s.wait_for("6 models");
    for (name, word) in
        [("evil.pt", "unsafe"), ("lfs", "pointer"), ("cut", "growing"), ("old", "cut"), ("set-", "missing")]
    {
        s.wait_until(name, |sc| sc.rows(0, 60).any(|r| r.contains(name) && r.contains(word)));
    }
    let looked_at = |sc: &vt100::Screen| sc.rows(0, 60).any(|r| r.contains("whole.safetensors") && r.contains('✓'));
    assert!(!looked_at(s.screen.screen()), "no sign before a look:\n{}", s.text());
    s.send("G");
    s.wait_until("the look", looked_at);
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    // The command line says the same.
    let run = |json: &[&str]| {
        let out =
            std::process::Command::new(env!("CARGO_BIN_EXE_remold")).arg("inspect").arg(dir.path()).args(json).output();
        String::from_utf8(out.unwrap().stdout).unwrap()
    };
    let (text, json) = (run(&[]), run(&["--json"]));
    for word in ["unsafe", "pointer", "growing", "cut", "missing"] {
        assert!(text.contains(&format!("{word}: ")), "{word}:\n{text}");
        assert!(json.contains(&format!("\"state\":\"{word}\"")), "{word}:\n{json}");
    }
}

#[test]
fn the_question_in_a_layer_is_closed_by_enter() {
    let mut b = sample::start();
    b.act(Action::FilesListed(Ok(FileList { path: path("tiny-llama"), ..FileList::default() })));
    assert!(matches!(b.state.layer, Some(Layer::Confirm(_))));
    b.keys("<enter>");
    assert!(b.state.layer.is_none());
}

#[test]
fn models_are_measured_on_a_text_that_is_asked_for() {
    let mut b = sample::start();
    b.keys("E");
    let drawn = super::screens::text(&super::screens::render(
        &mut b,
        super::screens::SMALL,
        remold::testing::tui::look::Depth::True,
        false,
    ));
    assert!(drawn.contains("evaluate on the text file:"), "{drawn}");
    b.effects.clear();
    b.keys("wiki.txt<enter>");
    let asked = |b: &sample::Bench| match b.effects.as_slice() {
        [Effect::Measure(what, models, text)] => (*what, models.len(), text.clone()),
        other => panic!("{other:?}"),
    };
    let text = std::path::Path::new(sample::DIR).join("wiki.txt");
    assert_eq!(asked(&b), (MeasureWhat::Evaluation, 1, text.clone()));
    // A text that is refused is corrected, and not offered again.
    let refused = ErrorCard::new(format!("{}: no such file", text.display()), true);
    b.act(Action::MeasureStarted(Box::new(Err(refused))));
    let line = |b: &sample::Bench| b.state.models.editing.as_ref().map(|l| l.text.clone());
    assert_eq!(line(&b).as_deref(), Some("wiki.txt"));
    shows(&mut b, SMALL, &["wiki.txt: no such file", "evaluate on the text file: wiki.txt"]);
    b.keys("<esc>I");
    assert_eq!(line(&b).as_deref(), Some(""));
    b.keys("<enter>");
    assert!(line(&b).is_some(), "an empty line says that it is empty");
    b.keys("<esc>Ewiki.txt<enter>").act(Action::MeasureStarted(Box::new(Ok(sample::a_job())))).keys("1");
    // The same text is offered the next time; an importance matrix is of one model, whatever is marked.
    b.keys("kk  ");
    b.effects.clear();
    b.keys("E<enter>");
    assert_eq!(asked(&b).1, b.state.models.marked.len());
    b.effects.clear();
    b.keys("I<enter>");
    assert_eq!(asked(&b), (MeasureWhat::Imatrix, 1, text));
}

#[test]
fn a_name_that_is_refused_is_corrected_and_its_error_goes_with_the_line() {
    let mut b = sample::start();
    b.keys("Ra/b<enter>");
    let selected = b.state.models.selected.clone().unwrap();
    b.act(Action::ModelRenamed(selected, Err(ErrorCard::new("\"a/b\" is not a name for a file", true))));
    assert_eq!(b.state.models.editing.as_ref().map(|l| l.text.as_str()), Some("a/b"));
    shows(&mut b, SMALL, &["is not a name for a file", "rename to a/b"]);
    b.keys("<esc>R");
    let drawn =
        super::screens::text(&super::screens::render(&mut b, SMALL, remold::testing::tui::look::Depth::True, false));
    assert!(!drawn.contains("is not a name"), "{drawn}");
}
