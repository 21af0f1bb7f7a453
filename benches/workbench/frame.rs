//! How long the workbench takes from its start to the first thing one can see, in a pseudo-terminal.

use crate::{Fallible, remold};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::Read;
use std::path::Path;
use std::time::Instant;

const SIZE: PtySize = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };

/// Starts the workbench on `folder` in a terminal of 120 × 40; gives the seconds until text stands on the screen.
pub fn first_frame(folder: &Path) -> Fallible<f64> {
    let pair = native_pty_system().openpty(SIZE)?;
    let mut command = CommandBuilder::new(remold());
    command.arg(folder);
    command.env("TERM", "xterm-256color");
    command.env("REMOLD_JOBS", folder.join("jobs"));
    let mut reader = pair.master.try_clone_reader()?;
    let began = Instant::now();
    let mut child = pair.slave.spawn_command(command)?;
    drop(pair.slave);
    let mut screen = vt100::Parser::new(SIZE.rows.try_into()?, SIZE.cols.try_into()?, 0);
    let mut chunk = [0; 16 << 10];
    let seconds = loop {
        // At the end of the child a pseudo-terminal gives an error on Linux instead of an end of file.
        let count = reader.read(&mut chunk).unwrap_or(0);
        if count == 0 {
            return Err("the workbench ended before it drew anything".into());
        }
        screen.process(&chunk[..count]);
        if screen.screen().alternate_screen() && screen.screen().contents().chars().any(char::is_alphanumeric) {
            break began.elapsed().as_secs_f64();
        }
    };
    child.kill()?;
    child.wait()?;
    Ok(seconds)
}
