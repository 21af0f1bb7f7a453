//! Paths in the workbench count from the opened folder, whatever the working directory: typed, completed, shown, exported, saved, written.

use super::session::{Session, folder_of_a_model};
use portable_pty::CommandBuilder;
use std::path::Path;

/// The workbench on `models`, started in the folder above.
fn above(dir: &Path) -> Session {
    let models = dir.join("models");
    std::fs::create_dir_all(models.join("hf")).unwrap();
    std::fs::rename(dir.join("tiny-llama"), models.join("hf/tiny-llama")).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
    command.args(["--fresh", "models"]);
    Session::run(command, dir, &[])
}

fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn typing_completing_saving_and_writing_have_one_base() {
    let dir = folder_of_a_model();
    let mut s = above(dir.path());
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("ready: 1 output");
    // The source as the tree names it, completed: cursor to the source, its form, the path.
    s.send("gg\r\r");
    s.send("\x15hf/tiny-l\t");
    s.wait_for("hf/tiny-llama/");
    s.send("\r");
    s.wait_for("ready: 1 output");
    // The folder of the outputs.
    let to_list = |s: &mut Session| {
        s.send("\x1b");
        s.wait_for("⏎ options");
    };
    to_list(&mut s);
    s.send("j\r");
    s.wait_for("output_dir");
    let to_field = |s: &mut Session| {
        for _ in 0..12 {
            let at = |sc: &vt100::Screen| sc.rows(0, 80).any(|r| r.contains("▌ output_dir"));
            if at(s.screen.screen()) {
                return;
            }
            s.send("j");
            let row = |sc: &vt100::Screen| sc.rows(0, 80).position(|r| r.starts_with('▌'));
            let before = row(s.screen.screen());
            s.wait_until("the cursor to move", |sc| row(sc) != before);
        }
    };
    to_field(&mut s);
    s.send("\rexports\r");
    s.wait_for("exports/tiny-llama-Q4_K_M.gguf");
    to_list(&mut s);
    s.send("ssaved\r");
    s.wait_for("saved: saved.toml");
    s.send("r");
    s.wait_for("finished");
    let models = dir.path().join("models");
    assert_eq!(files(&models.join("exports"))[0], "tiny-llama-Q4_K_M.gguf");
    assert!(models.join("saved.toml").exists());
    assert!(!dir.path().join("exports").exists() && !dir.path().join("saved.toml").exists());
    // A path outside is shown in full.
    s.send("2");
    s.wait_for("saved.toml");
    s.send("s\x15../elsewhere.toml\r");
    s.wait_for("elsewhere.toml");
    s.wait_until("an absolute path", |sc| {
        let flat: String = sc.contents().split_whitespace().collect();
        flat.contains(&format!("saved:{}", dir.path().join("elsewhere.toml").display()))
    });
    assert!(dir.path().join("elsewhere.toml").exists());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn a_comparison_is_exported_below_the_opened_folder() {
    let dir = folder_of_a_model();
    let convert = std::process::Command::new(env!("CARGO_BIN_EXE_remold"))
        .args(["convert", "tiny-llama", "--to", "gguf:q8_0", "-o", "tiny-llama/../q8.gguf", "--no-manifest"])
        .env("REMOLD_JOBS", dir.path().join("no-jobs"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(convert.status.success(), "{convert:?}");
    let mut s = above(dir.path());
    std::fs::rename(dir.path().join("q8.gguf"), dir.path().join("models/q8.gguf")).unwrap();
    s.wait_until("the end of the scan", |sc| !sc.contents().contains("scanning"));
    s.send("r");
    s.wait_for("2 models");
    s.wait_until("the end of the scan", |sc| !sc.contents().contains("scanning"));
    s.send("gg Gv");
    s.wait_for("weights dB by layer");
    s.send("Eout.md\r");
    s.wait_for("wrote out.md");
    assert!(dir.path().join("models/out.md").exists() && !dir.path().join("out.md").exists());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn a_model_that_is_opened_itself_is_named_once_and_its_outputs_are_beside_it() {
    let dir = folder_of_a_model();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
    command.args(["--fresh"]);
    command.arg(dir.path().join("tiny-llama"));
    let mut s = Session::run(command, dir.path(), &[]);
    s.wait_for("1 model");
    s.wait_for("hidden 256");
    let whole = dir.path().join("tiny-llama").display().to_string();
    assert!(!s.text().contains(&whole), "{}", s.text());
    s.send("c");
    s.wait_for("ready: 1 output");
    s.wait_for("tiny-llama-Q4_K_M.gguf");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}
