//! The real binary in a pseudo-terminal. Waits for text, never for time.

use super::session::{Session, folder, folder_of_a_model, restored};

#[test]
fn start_browse_help_resize_quit() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    assert!(s.screen.screen().alternate_screen());
    s.wait_for("cut.safetensors");
    s.send("j");
    s.wait_for("4 × 8");
    s.send("?");
    s.wait_for("Keys in this pane");
    s.send("\x1b");
    s.wait_until("help to close", |sc| !sc.contents().contains("Keys in this pane"));
    s.resize(40, 120);
    s.wait_until("the hint line at the new bottom", |sc| sc.rows(0, 120).nth(39).is_some_and(|r| r.contains("quit")));
    s.resize(10, 30);
    s.wait_for("too small");
    s.resize(24, 80);
    s.wait_for("whole.safetensors");
    s.send("3");
    s.wait_for("no jobs yet");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    assert!(restored(s.screen.screen()), "the terminal is as it was");
}

#[test]
fn composes_within_a_budget_and_runs_it() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("1 gguf Q4_K_M");
    s.send("b0.1MB\r");
    s.wait_for("is too small");
    s.send("b2.4MB\r");
    s.wait_for("tiny-llama-2.4MB.gguf");
    s.wait_for("at best");
    s.wait_for("2.4MB mix");
    // The plot on the whole screen, and back.
    s.send("z");
    s.wait_for("of the model's output in dB");
    s.send("\x1b");
    s.wait_for("add a target");
    s.send("r");
    s.wait_for("finished");
    let made = std::fs::metadata(dir.path().join("tiny-llama-2.4MB.gguf")).unwrap();
    assert!((2_200_000..=2_400_000).contains(&made.len()), "{} bytes", made.len());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn makes_two_targets_from_one_read_and_keeps_the_recipe() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    s.send("ca");
    s.wait_for("Add a target");
    s.send("q8\r");
    s.wait_for("2 outputs");
    s.send("sboth\r");
    s.wait_for("saved: both.toml");
    s.send("R");
    s.wait_for("started: tiny-llama");
    s.send("3");
    s.wait_for("finished");
    // An ended job opens on its report.
    s.wait_for("39 tensors × 2 outputs");
    s.wait_for("read back, no differences");
    for name in ["tiny-llama-Q4_K_M.gguf", "tiny-llama-Q8_0.gguf"] {
        assert!(dir.path().join(name).exists(), "{name}");
    }
    // Once more: the screen says whose the files are, and asks before it replaces them.
    s.send("2");
    s.wait_for("written by job 1");
    s.send("r");
    s.wait_for("Replace existing files?");
    s.send("y");
    s.wait_for("#2 ");
    s.wait_until("the second job's end", |sc| {
        sc.contents().matches("finished").count() >= 1 && !sc.contents().contains("running")
    });
    s.send("2");
    s.wait_for("written by job 2");
    // The recipe that was saved can be opened, and asks before it is replaced.
    s.send("oboth");
    s.wait_for("› both");
    s.wait_for("gguf:q4_k_m + gguf:q8_0");
    s.send("\x1b");
    s.wait_until("the picker to close", |sc| !sc.contents().contains("Open a recipe"));
    s.send("selse.toml\r");
    s.wait_for("saved: else.toml");
    s.send("dsboth.toml\r");
    s.wait_for("Replace this file?");
    s.send("\x1b");
    s.wait_until("the question to close", |sc| !sc.contents().contains("Replace this file?"));
    assert_eq!(
        std::fs::read(dir.path().join("both.toml")).unwrap(),
        std::fs::read(dir.path().join("else.toml")).unwrap()
    );
    // A target was removed since the recipe was saved.
    s.send("q");
    s.wait_for("changes that are not saved");
    s.wait_for("no-state/remold/session/");
    s.send("\x1b");
    s.wait_until("the question to close", |sc| !sc.contents().contains("not saved. Quit"));
    s.send("ql");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn the_users_editor_has_the_terminal_and_its_mistakes_are_reported() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder_of_a_model();
    let script = dir.path().join("editor.sh");
    let text = "#!/bin/sh\necho EDITING\nread answer\nsed -i \"s/quantization.*/$answer/\" \"$1\"\n";
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut s = Session::start(dir.path(), &[("EDITOR", script.to_str().unwrap()), ("VISUAL", "")]);
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("ready: 1 output");
    s.send("e");
    s.wait_until("the editor", |sc| sc.contents().contains("EDITING") && !sc.alternate_screen());
    s.send("quantization = \"q6_k\"\r");
    s.wait_for("1 gguf Q6_K");
    assert!(s.screen.screen().alternate_screen() && s.screen.screen().hide_cursor());
    s.send("e");
    // The output of the first one is still on the shell's screen.
    s.wait_until("the editor", |sc| sc.contents().matches("EDITING").count() == 2 && !sc.alternate_screen());
    s.send("quantisation = 3\r");
    s.wait_for("This is not a valid recipe");
    s.wait_for("unknown key `quantisation`");
    s.send("\x1b");
    s.wait_until("the question to close", |sc| !sc.contents().contains("not a valid recipe"));
    s.wait_for("1 gguf Q6_K");
    s.send("u");
    s.wait_for("1 gguf Q4_K_M");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn marks_compares_and_exports() {
    let dir = folder_of_a_model();
    let convert = std::process::Command::new(env!("CARGO_BIN_EXE_remold"))
        .args(["convert", "tiny-llama", "--to", "gguf:q4_k_m", "--to", "gguf:q8_0", "-o", "."])
        .env("REMOLD_JOBS", dir.path().join("no-jobs"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(convert.status.success(), "{convert:?}");
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("3 models");
    s.send("gg   ");
    s.wait_for("3 marked");
    s.send("v");
    s.wait_for("weights dB by layer");
    s.wait_for("same values");
    s.wait_for("dB");
    // The tensors, and back; then the kinds.
    s.send("\r");
    s.wait_for("sort: error of");
    s.send("\x1b");
    s.wait_until("the table to be back", |sc| !sc.contents().contains("sort: error of"));
    s.wait_for("weights dB by layer");
    s.send("m");
    s.wait_for("1 − cosine by layer");
    s.send("\t");
    s.wait_for("by kind");
    // Another baseline.
    s.send("\x1b[Cb");
    s.wait_for("against ◆ tiny-llama-Q8_0.gguf");
    s.wait_for("by kind");
    s.send("Eout.md\r");
    s.wait_for("wrote");
    let text = std::fs::read_to_string(dir.path().join("out.md")).unwrap();
    assert!(text.contains("# Comparison against tiny-llama-Q8_0.gguf") && text.contains("## By layer"), "{text}");
    s.send("Eout.md\r");
    s.wait_for("exists already");
    // The name is offered once more, to be corrected.
    s.wait_for("esc cancel");
    s.send("\x1b");
    s.wait_until("the prompt to close", |sc| !sc.contents().contains("esc cancel"));
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn a_crowd_of_models_and_one_of_many_tensors() {
    let dir = tempfile::tempdir().unwrap();
    super::folders::crowd(dir.path(), 1000);
    super::folders::safetensors(&dir.path().join("wide.safetensors"), 5000);
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1001 models");
    s.send("G");
    s.wait_for("▌ wide.safetensors");
    s.send("\r]");
    s.wait_for("5000 of 5000");
    s.send("G");
    s.wait_for("layers.1666");
    s.send("/4999");
    s.wait_for("  0 of 5000");
    s.send("\x1b");
    s.wait_for("5000 of 5000");
    s.send("\t/s777\r");
    s.wait_for("1/1001");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn looks_into_a_model() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    s.send("\r]");
    s.wait_for("q8_0");
    s.send("]/heads\r\r");
    s.wait_for("esc closes");
    s.send("\x1b");
    s.wait_until("the value to close", |sc| !sc.contents().contains("esc closes"));
    s.send("]tOslo is\r");
    s.wait_for("round trip");
    s.send("]]n");
    s.wait_for("no NaN or infinity");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn finds_what_it_reads_and_moves_the_border() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    let divided = |column| move |sc: &vt100::Screen| sc.cell(10, column).is_some_and(|c| c.contents() == "│");
    s.wait_until("the border", divided(36));
    s.send(">");
    s.wait_until("the border further to the right", divided(40));
    s.send("\x1b[<0;41;12M\x1b[<0;31;12m");
    s.wait_until("the border where it was let go", divided(30));
    s.send("\r]]");
    s.wait_for("config.");
    s.send("/head_dim\r\r");
    s.wait_for("esc closes");
    s.send("/nowhere\r");
    s.wait_for("no matches");
    s.send("/3\r");
    s.wait_for("matching line 1 of 1");
    s.send("\x1b");
    s.wait_until("the search to end", |sc| !sc.contents().contains("matching line"));
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn no_colour_means_none_and_the_selection_is_still_seen() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[("NO_COLOR", "1")]);
    s.wait_for("2 models");
    let screen = s.screen.screen();
    let cells = (0..24).flat_map(|y| (0..80).filter_map(move |x| screen.cell(y, x)));
    let mut inverse = 0;
    for cell in cells {
        assert_eq!((cell.fgcolor(), cell.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
        inverse += usize::from(cell.inverse());
    }
    assert!(inverse > 10, "the selected row is reversed");
    s.send("\x03");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn a_hangup_ends_the_screen() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    (s.writer, s.master) = (None, None);
    // The reading side lives in a thread; a hang-up signal is what the kernel sends when the line drops.
    s.signal(rustix::process::Signal::HUP);
    assert_eq!(s.exit_code(), 129);
}

#[test]
fn a_termination_restores_the_terminal() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.signal(rustix::process::Signal::TERM);
    assert_eq!(s.exit_code(), 143);
    assert!(restored(s.screen.screen()));
}
