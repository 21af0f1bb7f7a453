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
    s.wait_for("Keys that do something here");
    s.send("\x1b");
    s.wait_until("help to close", |sc| !sc.contents().contains("Keys that do something"));
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
    s.wait_for("Q4_K_M");
    s.send("b0.1MB\r");
    s.wait_for("bytes are too");
    s.send("b\x152.4MB\r");
    s.wait_for("tiny-llama-2.4MB.gguf");
    s.wait_for("at best");
    // The plot, and back.
    s.send("z");
    s.wait_for("2.4MB mix");
    s.send("\x1b");
    s.wait_for("convert  tiny-llama");
    s.send("r");
    s.wait_for("finished");
    let made = std::fs::metadata(dir.path().join("tiny-llama-2.4MB.gguf")).unwrap();
    assert!((2_200_000..=2_400_000).contains(&made.len()), "{} bytes", made.len());
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
