//! How the workbench lives with its terminal: signals, suspension, pastes, resizes, a line that stalls, the clipboard, and what
//! it keeps from one start to the next. The real binary in a pseudo-terminal.

use super::session::{Session, folder, folder_of_a_model, restored};
use portable_pty::CommandBuilder;
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::path::Path;

const BIN: &str = env!("CARGO_BIN_EXE_remold");

/// A job that works for as long as the lock is held, under `no-jobs` of the folder.
fn working_job(dir: &Path) -> (remold::testing::job::JobFolder, fs::File) {
    let job = remold::testing::job::JobFolder { dir: dir.join("no-jobs/1") };
    fs::create_dir_all(&job.dir).unwrap();
    let lock = job.lock().unwrap();
    say(&job, r#""kind":"job.queued","title":"big → gguf Q4_K_M""#);
    say(&job, r#""kind":"job.started","pid":1,"threads":2"#);
    (job, lock)
}

/// Appends to the events of a job.
fn say(job: &remold::testing::job::JobFolder, what: &str) {
    let path = job.path("events.jsonl");
    let before = fs::read_to_string(&path).unwrap_or_default();
    fs::write(path, format!("{before}{{\"t\":\"2026-11-23T12:04:20Z\",\"job\":\"1\",{what}}}\n")).unwrap();
}

/// True when the shell has the terminal and reads; earlier input goes to the first process that reads.
fn at_the_prompt(screen: &vt100::Screen) -> bool {
    restored(screen) && screen.contents().trim_end().ends_with("READY>")
}

#[test]
fn ctrl_z_gives_the_shell_back_and_fg_the_screen_and_jobs_go_on() {
    let dir = folder_of_a_model();
    let mut s = Session::shell(dir.path());
    s.send(&format!("{BIN} .\r"));
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("tiny-llama-Q4_K_M.gguf");
    s.send("r\x1a");
    s.wait_until("the shell", |sc| at_the_prompt(sc) && sc.contents().contains("Stopped"));
    // Stopped before it could start the job, or not: the job that was started ends while the screen is away.
    s.send("fg\r");
    s.wait_until("the screen", vt100::Screen::alternate_screen);
    s.wait_for("finished");
    s.send("\x1a");
    s.wait_until("the shell again", |sc| at_the_prompt(sc) && sc.contents().matches("Stopped").count() == 2);
    s.send("fg\r");
    s.wait_until("the screen again", |sc| sc.alternate_screen() && sc.contents().contains("finished"));
    s.send("q");
    s.wait_until("the shell for good", at_the_prompt);
    s.send("echo ok-$((1+1))\r");
    s.wait_for("ok-2");
    assert!(dir.path().join("tiny-llama-Q4_K_M.gguf").exists());
}

/// True while the process is stopped.
#[cfg(target_os = "linux")]
fn is_stopped(s: &Session) -> bool {
    let pid = s.child.process_id().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}

#[test]
#[cfg(target_os = "linux")]
fn stop_signals_from_outside_restore_the_terminal_and_redraw_it() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.signal(Signal::TSTP);
    s.wait_until("the terminal as it was", restored);
    // A process that has not stopped yet would continue and stop after it.
    s.wait("the stop", is_stopped);
    s.signal(Signal::CONT);
    s.wait_until("the screen", |sc| sc.alternate_screen() && sc.contents().contains("2 models"));
    // One that cannot be caught: the process that had the terminal meanwhile has wiped it.
    s.signal(Signal::STOP);
    s.screen = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    s.signal(Signal::CONT);
    s.wait_for("2 models");
    s.send("?");
    s.wait_for("Keys in this pane");
    s.send("\x03");
    assert_eq!(s.exit_code(), 0);
    assert!(restored(s.screen.screen()));
}

#[test]
fn a_hangup_ends_the_screen_and_not_the_job_and_keeps_the_session() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("tiny-llama-Q4_K_M.gguf");
    s.send("r");
    s.wait_for("#1 ");
    s.signal(Signal::HUP);
    assert_eq!(s.exit_code(), 129);
    // The same again from another line: the tab is the one that was left, and the job has come to its end.
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("✓ done");
    assert!(dir.path().join("tiny-llama-Q4_K_M.gguf").exists());
    s.signal(Signal::TERM);
    assert_eq!(s.exit_code(), 143);
}

#[test]
fn a_storm_of_resizes_ends_in_the_last_size() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    for i in 0..60 {
        s.resize(8 + i % 40, 20 + 2 * i);
    }
    s.resize(30, 100);
    s.wait_until("the hint line at the bottom", |sc| sc.rows(0, 100).nth(29).is_some_and(|r| r.contains("quit")));
    s.send("6");
    s.wait_for("following");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn a_paste_goes_into_the_field_and_runs_nothing() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.send("\x1b[200~qq\x1b[201~/\x1b[200~wh\nole?q\x1b[201~");
    s.wait_for("wh ole?q");
    s.send("\x1b");
    s.wait_for("cut.safetensors");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

/// True while the main thread waits in a write to the terminal.
#[cfg(target_os = "linux")]
fn stalled(s: &Session) -> bool {
    let pid = s.child.process_id().unwrap();
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    ["1 0x1 ", "64 0x1 "].iter().any(|write| call.starts_with(write))
}

#[test]
#[cfg(target_os = "linux")]
fn a_line_that_stalls_stalls_no_worker_and_the_screen_catches_up() {
    let dir = folder_of_a_model();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("1 model");
    s.stall(stalled);
    let made = dir.path().join("made.gguf");
    let mut convert = std::process::Command::new(BIN);
    convert.args(["convert", "--detach", "--to", "gguf:q8_0", "-o"]).arg(&made).arg(dir.path().join("tiny-llama"));
    convert.env("REMOLD_JOBS", dir.path().join("no-jobs")).stderr(std::process::Stdio::null());
    assert!(convert.status().unwrap().success());
    let follow = std::process::Command::new(BIN)
        .args(["jobs", "attach", "1"])
        .env("REMOLD_JOBS", dir.path().join("no-jobs"))
        .stderr(std::process::Stdio::null())
        .status();
    assert!(follow.unwrap().success() && made.exists() && stalled(&s));
    s.send("3");
    s.wait_for("read back, no differences");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn more_keys_than_the_terminal_holds_are_all_taken_when_the_line_goes_on() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.stall(stalled);
    let mut writer = s.writer.take().unwrap();
    // The last of them says that none is left behind: no key comes after it.
    let typing = std::thread::spawn(move || {
        writer.write_all(&[b"jk".repeat(32 << 10), b"6".to_vec()].concat()).unwrap();
        writer
    });
    s.wait_for("following");
    s.writer = Some(typing.join().unwrap());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_termination_ends_the_screen_on_a_line_that_stalls_and_keeps_the_session() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.send("6");
    s.wait_for("following");
    s.stall(stalled);
    s.signal(Signal::TERM);
    assert_eq!(s.exit_code_unread(), 143);
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("following");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn leaving_a_working_job_asks_and_says_how_to_come_back() {
    let dir = folder();
    let (job, _lock) = working_job(dir.path());
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("Jobs ●1");
    s.send("q");
    s.wait_for("1 job is still running. Quit?");
    s.send("\x1b");
    s.wait_until("the question to go", |sc| !sc.contents().contains("Quit?"));
    s.send("\x03\x03");
    assert_eq!(s.exit_code(), 0);
    assert!(s.text().contains("1 job keeps running: big → gguf Q4_K_M"), "{}", s.text());
    assert!(s.text().contains("remold jobs attach 1") && restored(s.screen.screen()));
    assert!(!job.path("cancel").exists());
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("Jobs ●1");
    s.send("qs");
    assert_eq!(s.exit_code(), 0);
    assert!(job.path("cancel").exists() && !s.text().contains("attach"), "{}", s.text());
}

#[test]
fn the_terminal_is_notified_of_the_end_of_a_long_job_and_a_path_copied() {
    let dir = folder();
    let (job, lock) = working_job(dir.path());
    let mut s = Session::start(dir.path(), &[("TMUX", "/tmp/tmux,1,0")]);
    s.wait_for("Jobs ●1");
    s.wait_for("2 models");
    say(&job, r#""kind":"job.finished","seconds":45.0,"peak_rss":1"#);
    drop(lock);
    let holds = |s: &Session, what: &[u8]| s.raw.windows(what.len()).any(|w| w == what);
    s.wait("a notification through tmux", |s| holds(s, b"\x1bPtmux;\x1b\x1b]9;remold: finished: big"));
    s.send("y");
    s.wait("a copy through tmux", |s| holds(s, b"\x1bPtmux;\x1b\x1b]52;c;") && holds(s, b"\x1b\\\x1b]52;c;"));
    s.wait_for("sent to the terminal's clipboard");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn keys_and_themes_of_the_user_count_and_change_while_it_runs() {
    let dir = folder();
    let config = dir.path().join("no-config/remold");
    fs::create_dir_all(config.join("themes")).unwrap();
    fs::write(config.join("keys.toml"), "\"tab.log\" = [\"L\"]\n\"help\" = \"f4\"\n").unwrap();
    fs::write(config.join("config.toml"), "theme = \"mine\"\nmouse = 1\n").unwrap();
    fs::write(config.join("themes/mine.toml"), "inherits = \"dark\"\n[styles]\ntext = \"1\"\n").unwrap();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("config.toml:2: mouse must be true or false");
    s.wait_for("f4 help");
    let shows = |color| move |sc: &vt100::Screen| (0..80).any(|x| sc.cell(2, x).is_some_and(|c| c.fgcolor() == color));
    s.wait_until("the theme", shows(vt100::Color::Idx(1)));
    s.send("L");
    s.wait_for("following");
    fs::write(config.join("keys.toml"), "\"tab.log\" = [\"O\"]\n").unwrap();
    s.wait_for("keys.toml reloaded");
    s.send("1O");
    s.wait_for("following");
    fs::write(config.join("keys.toml"), "\n\"tab.lug\" = [\"X\"]\n").unwrap();
    s.wait_for("keys.toml:2: there is no command tab.lug; did you mean");
    s.send("1O");
    s.wait_for("following");
    fs::write(config.join("themes/mine.toml"), "inherits = \"dark\"\n[styles]\ntext = \"2\"\n").unwrap();
    s.wait_until("the new theme", shows(vt100::Color::Idx(2)));
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn a_folder_is_taken_up_where_it_was_left() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.send("/whole\r");
    s.wait_until("the filter", |sc| !sc.contents().contains("cut.safetensors"));
    s.send("6");
    s.wait_for("following");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("following");
    s.send("1");
    s.wait_for("whole.safetensors");
    assert!(!s.text().contains("cut.safetensors"), "{}", s.text());
    s.signal(Signal::TERM);
    assert_eq!(s.exit_code(), 143);
    let mut s = Session::with(dir.path(), &[], &["--fresh"]);
    s.wait_for("cut.safetensors");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    let sessions = dir.path().join("no-state/remold/session");
    let file = fs::read_dir(&sessions).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "{\"tab\":").unwrap();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    s.send("6");
    s.wait_for("cannot restore the last session");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn the_mouse_runs_hints_and_opens_what_is_clicked_twice() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("whole.safetensors");
    s.wait_for("? help");
    let find = |s: &Session, what: &str| {
        let rows: Vec<String> = s.screen.screen().rows(0, 80).collect();
        let y = rows.iter().position(|r| r.contains(what)).unwrap();
        let x = rows[y][..rows[y].find(what).unwrap()].chars().count();
        format!("\x1b[<0;{};{}M\x1b[<0;{};{}m", x + 1, y + 1, x + 1, y + 1)
    };
    let click = find(&s, "? help");
    s.send(&click);
    s.wait_for("Keys in this pane");
    s.send("\x1b");
    s.wait_until("help to close", |sc| !sc.contents().contains("Keys in this"));
    let click = find(&s, "whole.safetensors");
    s.send(&format!("{click}{click}"));
    // The keys of the details are those that count.
    s.wait_for("4 × 8");
    s.send("]]");
    s.wait_for("Metadata");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    let mut s = Session::with(dir.path(), &[], &["--no-mouse", "--fresh"]);
    s.wait_for("2 models");
    assert_eq!(s.screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
}

/// Not a test: what the next one runs in a terminal. Alone it does nothing.
#[test]
#[ignore = "run by the next test"]
fn a_drawing_thread_with_a_fault() {
    if std::env::var_os("REMOLD_TEST_FAULT").is_some() {
        remold::testing::tui::runtime::hook_panics();
        remold::testing::tui::runtime::enter(true).unwrap();
        panic!("a fault on purpose");
    }
}

#[test]
fn a_panic_restores_the_terminal_before_it_is_printed() {
    let dir = folder();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "terminal::a_drawing_thread_with_a_fault", "--nocapture"]);
    let mut s = Session::run(command, dir.path(), &[("REMOLD_TEST_FAULT", "1")]);
    assert_ne!(s.exit_code(), 0);
    let raw = String::from_utf8_lossy(&s.raw).into_owned();
    let (left, told) = (raw.find("\x1b[?1049l"), raw.find("a fault on purpose"));
    assert!(raw.contains("\x1b[?1049h") && left.is_some() && left < told, "{raw:?}");
    assert!(restored(s.screen.screen()));
}

/// The background of a cell in the middle of the screen.
fn ground(screen: &vt100::Screen) -> Option<vt100::Color> {
    screen.cell(12, 60).map(vt100::Cell::bgcolor)
}

#[test]
fn a_pale_terminal_is_asked_for_its_background_and_gets_the_light_theme() {
    const ANSWER: &str = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\";
    let dir = folder();
    let asked = |s: &Session| s.raw.windows(6).any(|w| w == b"\x1b]11;?");
    // On a busy machine an answer may come too late; then it is no key, and the theme is the dark one.
    let light = (0..8).any(|_| {
        let mut s = Session::with(dir.path(), &[("COLORFGBG", ""), ("SSH_CONNECTION", "1 2 3 4")], &["--fresh"]);
        s.wait("the question", asked);
        s.send(&format!("{ANSWER}\x1b[?62;22c"));
        s.wait_for("2 models");
        let painted = ground(s.screen.screen()) != Some(vt100::Color::Default);
        s.send("q");
        assert_eq!(s.exit_code(), 0);
        painted
    });
    assert!(light, "the background was never painted");
    // No answer in time, and then one.
    let mut s = Session::with(dir.path(), &[("COLORFGBG", "")], &["--fresh"]);
    s.wait_for("2 models");
    assert_eq!(ground(s.screen.screen()), Some(vt100::Color::Default));
    s.send(&format!("{ANSWER}3"));
    s.wait_for("no jobs yet");
    assert!(!s.text().contains("does nothing here"), "{}", s.text());
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    // What is typed before the screen is there is not lost.
    let mut s = Session::with(dir.path(), &[("COLORFGBG", "")], &["--fresh"]);
    s.send("6");
    s.wait_for("following");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

#[test]
fn the_light_theme_paints_everything_and_is_remembered_for_all_folders() {
    let (dir, other) = (folder(), folder());
    let state = dir.path().join("no-state");
    let env = [("XDG_STATE_HOME", state.to_str().unwrap())];
    let mut s = Session::start(dir.path(), &env);
    s.wait_for("2 models");
    s.send("Tlight");
    s.wait_for("› light");
    let painted = |sc: &vt100::Screen| {
        (0..24).all(|y| (0..80).all(|x| sc.cell(y, x).is_some_and(|c| c.bgcolor() != vt100::Color::Default)))
    };
    s.wait_until("the picker on a pale ground", painted);
    s.send("\r?");
    s.wait_for("Keys in this pane");
    s.wait_until("the help on a pale ground", painted);
    s.send("\x1b");
    s.wait_until("help to close", |sc| !sc.contents().contains("Keys in this pane"));
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    let mut s = Session::start(other.path(), &env);
    s.wait_for("2 models");
    s.wait_until("the same theme in another folder", painted);
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}
