//! The real workbench in a pseudo-terminal of 160 × 50, every byte that it sends with its time.

use crate::Fallible;
use crate::measure::{cpu_seconds, memory_bytes};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The large screen of the drawings.
const SIZE: PtySize = PtySize { rows: 50, cols: 160, pixel_width: 0, pixel_height: 0 };

/// How long a text may take to come before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What ends each frame: the end of a synchronized update.
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// A workbench that runs.
pub struct Session {
    _master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    chunks: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
    /// When the process was started.
    pub began: Instant,
}

impl Session {
    /// Opens `folder`; jobs, settings and caches are in `home`.
    pub fn start(folder: &Path, home: &Path, ssh: bool) -> Fallible<Self> {
        let pair = native_pty_system().openpty(SIZE)?;
        let mut command = CommandBuilder::new(crate::remold());
        command.args([Path::new("--fresh"), folder]);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("LANG", "C.UTF-8");
        command.env_remove("NO_COLOR");
        command.env_remove("SSH_CONNECTION");
        if ssh {
            command.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
        }
        for (name, value) in crate::home_variables(home) {
            command.env(name, value);
        }
        let began = Instant::now();
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let writer = pair.master.take_writer()?;
        let (send, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 64 << 10];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(SIZE.rows.try_into()?, SIZE.cols.try_into()?, 0);
        Ok(Self { _master: pair.master, writer, child, chunks, screen, began })
    }

    /// Types.
    pub fn send(&mut self, keys: &str) -> Fallible<()> {
        self.writer.write_all(keys.as_bytes())?;
        Ok(self.writer.flush()?)
    }

    /// Reads until `fine` accepts the screen; gives the time at which the deciding bytes came.
    pub fn wait(&mut self, what: &str, fine: impl Fn(&vt100::Screen) -> bool) -> Fallible<Instant> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((at, bytes)) => {
                    self.screen.process(&bytes);
                    if fine(self.screen.screen()) {
                        return Ok(at);
                    }
                }
                Err(_) => return Err(format!("waited for {what}; the screen is:\n{}", self.text()).into()),
            }
        }
    }

    /// Reads until `text` is on the screen.
    pub fn wait_for(&mut self, text: &str) -> Fallible<Instant> {
        if self.text().contains(text) {
            return Ok(Instant::now());
        }
        self.wait(text, |screen| screen.contents().contains(text))
    }

    /// Types one key; gives the seconds from writing it to the end of the frame that it made.
    pub fn key_to_frame(&mut self, key: &str) -> Fallible<f64> {
        self.drain();
        let began = Instant::now();
        self.send(key)?;
        let mut tail = Vec::new();
        loop {
            let (at, bytes) = self.chunks.recv_timeout(PATIENCE).map_err(|_| format!("no frame after {key:?}"))?;
            self.screen.process(&bytes);
            tail.extend_from_slice(&bytes);
            if tail.windows(FRAME_END.len()).any(|window| window == FRAME_END) {
                return Ok(at.duration_since(began).as_secs_f64());
            }
        }
    }

    /// Waits until nothing has been sent for `quiet`.
    pub fn settle(&mut self, quiet: Duration) -> Fallible<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.chunks.recv_timeout(quiet) {
                Ok((_, bytes)) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err("the workbench ended".into()),
            }
        }
        Err("the workbench does not become quiet".into())
    }

    /// Takes what has been sent so far.
    fn drain(&mut self) {
        while let Ok((_, bytes)) = self.chunks.try_recv() {
            self.screen.process(&bytes);
        }
    }

    /// Bytes sent and share of one core used during `span`.
    pub fn watch(&mut self, span: Duration) -> Fallible<(usize, f64)> {
        self.drain();
        let (began, cpu) = (Instant::now(), self.cpu()?);
        let mut bytes = 0;
        while let Ok((_, chunk)) = self.chunks.recv_timeout((began + span).saturating_duration_since(Instant::now())) {
            bytes += chunk.len();
            self.screen.process(&chunk);
        }
        Ok((bytes, (self.cpu()? - cpu) / began.elapsed().as_secs_f64()))
    }

    /// The contents of the screen.
    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn cpu(&self) -> Fallible<f64> {
        let id = self.child.process_id().ok_or("the workbench has no process number")?;
        Ok(cpu_seconds(id).ok_or("/proc does not tell the times of the workbench")?)
    }

    /// Resident memory: now and at its highest.
    pub fn memory(&self) -> Fallible<(u64, u64)> {
        let id = self.child.process_id().ok_or("the workbench has no process number")?;
        let value = |name| memory_bytes(id, name).ok_or(format!("/proc does not tell {name}"));
        Ok((value("VmRSS:")?, value("VmHWM:")?))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Nothing is left to do for a workbench that has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
