//! The real binary in a pseudo-terminal. Waits for text, never for time.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

struct Session {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Session {
    fn start(dir: &Path, env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
        command.arg(dir);
        command.cwd(dir);
        for name in ["NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "SSH_CONNECTION"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("REMOLD_JOBS", dir.join("no-jobs"));
        command.env("XDG_CONFIG_HOME", dir.join("no-config"));
        command.env("XDG_CACHE_HOME", dir.join("no-cache"));
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buf = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buf) {
                if send.send(buf[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            master: Some(pair.master),
            writer: Some(writer),
            child,
            bytes,
            screen: vt100::Parser::new(cells(24), cells(80), 0),
        }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until the screen satisfies `fine`.
    fn wait_until(&mut self, what: &str, fine: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !fine(self.screen.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("waited for {what}; the screen is:\n{}", self.text()),
                Err(RecvTimeoutError::Disconnected) => panic!("ended while waiting for {what}:\n{}", self.text()),
            }
        }
    }

    fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |s| s.contents().contains(text));
    }

    fn send(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn resize(&mut self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.screen.screen_mut().set_size(cells(rows), cells(cols));
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Waits for the end and takes in what was written last.
    fn exit_code(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.screen.process(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(200)) {
                    self.screen.process(&bytes);
                }
                return status.exit_code();
            }
            assert!(Instant::now() < end, "does not end; the screen is:\n{}", self.text());
        }
    }
}

/// A folder with one whole model and one that is cut off.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let header = br#"{"layers.0.ffn.weight":{"dtype":"F32","shape":[4,8],"data_offsets":[0,128]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend_from_slice(&[0; 128]);
    std::fs::write(dir.path().join("whole.safetensors"), &file).unwrap();
    std::fs::write(dir.path().join("cut.safetensors"), &file[..60]).unwrap();
    dir
}

/// A folder with a whole model that can be quantized.
fn folder_of_a_model() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("tiny-llama");
    std::fs::create_dir(&model).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    dir
}

fn restored(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen()
        && !screen.hide_cursor()
        && !screen.bracketed_paste()
        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
}

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
    s.wait_for("39 of 39 tensors compared");
    s.wait_for("same values");
    s.wait_for("dB");
    // The tensors, and back; then the kinds.
    s.send("\r");
    s.wait_for("sort: error of");
    s.send("\x1b");
    s.wait_until("the table to be back", |sc| !sc.contents().contains("sort: error of"));
    s.wait_for("dB by layer");
    s.send("\t");
    s.wait_for("by kind");
    // Another baseline.
    s.send("\x1b[Cb");
    s.wait_for("against ◆ tiny-llama-Q8_0.gguf");
    s.wait_for("39 of 39 tensors compared");
    s.send("E\x15out.md\r");
    s.wait_for("wrote");
    let text = std::fs::read_to_string(dir.path().join("out.md")).unwrap();
    assert!(text.contains("# Comparison against tiny-llama-Q8_0.gguf") && text.contains("## By layer"), "{text}");
    s.send("E\x15out.md\r");
    s.wait_for("there already");
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
    let pid = s.child.process_id().and_then(|p| rustix::process::Pid::from_raw(p.cast_signed())).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    assert_eq!(s.exit_code(), 129);
}

#[test]
fn a_termination_restores_the_terminal() {
    let dir = folder();
    let mut s = Session::start(dir.path(), &[]);
    s.wait_for("2 models");
    let pid = s.child.process_id().and_then(|p| rustix::process::Pid::from_raw(p.cast_signed())).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(s.exit_code(), 143);
    assert!(restored(s.screen.screen()));
}
