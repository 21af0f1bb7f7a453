//! The remold program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let dir = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    match remold::tui::run(remold::tui::TuiOptions::new(dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("remold: {e}");
            ExitCode::from(2)
        }
    }
}
