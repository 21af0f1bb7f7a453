//! The real binary in a pseudo-terminal: started alone or by a shell, read only while a test waits for something.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// Pieces read ahead. Small: when a test waits for nothing, the terminal soon takes nothing more, as over a line that stalls.
const AHEAD: usize = 2;

/// A process in a terminal of 80 × 24.
pub struct Session {
    pub master: Option<Box<dyn MasterPty + Send>>,
    pub writer: Option<Box<dyn Write + Send>>,
    pub child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    pub screen: vt100::Parser,
    /// All that was written to the terminal.
    pub raw: Vec<u8>,
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Session {
    /// The workbench on a folder.
    pub fn start(dir: &Path, env: &[(&str, &str)]) -> Self {
        Self::with(dir, env, &[])
    }

    /// The workbench on a folder, with arguments.
    pub fn with(dir: &Path, env: &[(&str, &str)], args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
        command.arg(dir);
        command.args(args);
        Self::run(command, dir, env)
    }

    /// An interactive shell in the folder, with job control and a plain prompt, and without the user's files and line editing
    /// (which sets modes of its own).
    pub fn shell(dir: &Path) -> Self {
        let mut command = CommandBuilder::new("bash");
        command.args(["--norc", "--noprofile", "--noediting", "-i"]);
        let mut s = Self::run(command, dir, &[("PS1", "READY> ")]);
        s.wait_for("READY> ");
        s
    }

    /// Any command.
    pub fn run(mut command: CommandBuilder, dir: &Path, env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        command.cwd(dir);
        for name in ["NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "SSH_CONNECTION", "TMUX", "STY"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        // No terminal answers what its background is.
        command.env("COLORFGBG", "15;0");
        command.env("LANG", "C.UTF-8");
        command.env("REMOLD_JOBS", dir.join("no-jobs"));
        command.env("XDG_CONFIG_HOME", dir.join("no-config"));
        // A recipe begins without a question, unless a test has its own configuration.
        let config = dir.join("no-config/remold/config.toml");
        if !config.exists() {
            std::fs::create_dir_all(config.parent().unwrap()).unwrap();
            std::fs::write(&config, "ask_purpose = false\n").unwrap();
        }
        command.env("XDG_CACHE_HOME", dir.join("no-cache"));
        command.env("XDG_STATE_HOME", dir.join("no-state"));
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (send, bytes) = sync_channel(AHEAD);
        std::thread::spawn(move || {
            let mut buf = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buf) {
                if send.send(buf[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(cells(24), cells(80), 0);
        Self { master: Some(pair.master), writer: Some(writer), child, bytes, screen, raw: Vec::new() }
    }

    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    /// Reads until the screen satisfies `fine`.
    pub fn wait_until(&mut self, what: &str, fine: impl Fn(&vt100::Screen) -> bool) {
        self.wait(what, |s| fine(s.screen.screen()));
    }

    /// Reads until `fine` says so, of anything; asked again twenty times a second when nothing comes.
    pub fn wait(&mut self, what: &str, fine: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !fine(self) {
            match self.bytes.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(RecvTimeoutError::Timeout) => panic!("waited for {what}; the screen is:\n{}", self.text()),
                Err(RecvTimeoutError::Disconnected) => panic!("ended while waiting for {what}:\n{}", self.text()),
            }
        }
    }

    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |s| s.contents().contains(text));
    }

    pub fn send(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    pub fn resize(&mut self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.screen.screen_mut().set_size(cells(rows), cells(cols));
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.process_id().and_then(|p| rustix::process::Pid::from_raw(p.cast_signed())).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Asks for whole frames and reads none, until `stalled` says that nothing more goes out.
    pub fn stall(&mut self, stalled: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !stalled(self) {
            self.send("\x0c");
            // One frame after the other: keys that are not read would fill the pipe, and this would wait for ever.
            std::thread::park_timeout(Duration::from_millis(10));
            assert!(Instant::now() < end, "does not stall");
        }
    }

    /// Waits for the end and reads nothing.
    pub fn exit_code_unread(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            std::thread::yield_now();
            assert!(Instant::now() < end, "does not end");
        }
    }

    /// Waits for the end and takes in what was written last.
    pub fn exit_code(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.take(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(200)) {
                    self.take(&bytes);
                }
                return status.exit_code();
            }
            assert!(Instant::now() < end, "does not end; the screen is:\n{}", self.text());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// True if the terminal is as it was before.
pub fn restored(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen()
        && !screen.hide_cursor()
        && !screen.bracketed_paste()
        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
}

/// A folder with two lone tensor files, one of them cut short.
pub fn folder() -> tempfile::TempDir {
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
pub fn folder_of_a_model() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("tiny-llama");
    std::fs::create_dir(&model).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    dir
}
